"""A change that an answer proposes: checked, shown as a diff, approved, made with least rights, proved or undone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.ai import kubectl_flags
from scripts.ai.answers import Manifest
from scripts.ai.commands import Verdict
from scripts.errors import UserError
from scripts.host.shell import CommandError
from scripts.kube.kubectl import Kubectl

MANAGER = "todo-ai"
# Commands that a server can try without doing them. A restart changes nothing that a diff could show.
TRIED = {"scale", "autoscale", "set image", "set resources", "patch"}
PLAIN = {"rollout restart"}
_POWERS = (
    "hostNetwork", "hostPID", "hostIPC", "hostPath", "privileged", "allowPrivilegeEscalation", "add", "secret",
    "serviceAccountName", "serviceAccount", "secretRef", "secretKeyRef", "externalIPs", "externalName",
    "ephemeralContainers",
)  # fmt: skip
_LIVE_ONLY = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")


@dataclass(frozen=True)
class Step:
    """One change: words for kubectl, with a manifest on its standard input where it is an apply."""

    target: str  # kind/name
    words: tuple[str, ...]
    stdin: str = ""
    tried: bool = True


@dataclass(frozen=True)
class Before:
    """What an object was before, or nothing where it was not there."""

    target: str
    body: Mapping[str, Any] | None


def plan(commands: Sequence[Verdict], manifests: Iterable[Manifest], namespace: str) -> list[Step]:
    """Return the steps of an answer, none if it proposes nothing.

    Raises UserError naming everything that is not applied.
    """
    steps: list[Step] = []
    problems: list[str] = []
    for manifest in manifests:
        if manifest.problem:
            problems.append(manifest.problem)
            continue
        words = ("apply", "--server-side", f"--field-manager={MANAGER}", "--namespace", namespace, "--filename", "-")
        steps.append(Step(f"{manifest.kind.lower()}/{manifest.name}", words, json.dumps(manifest.body)))
    for verdict in commands:
        if verdict.kind != "change":
            continue
        if verdict.verb not in TRIED | PLAIN:
            problems.append(f"{verdict.line}: kubectl {verdict.verb} is not applied")
            continue
        named = any(word.partition("=")[0] in ("-n", "--namespace") for word in verdict.argv)
        if verdict.verb == "patch" and (power := _power(_patches(verdict.argv[1:]))):
            problems.append(f"{verdict.line}: {power}")
            continue
        words = (*verdict.argv[1:], *(() if named else ("--namespace", namespace)))
        target = _target(verdict)
        if target:
            steps.append(Step(target, words, tried=verdict.verb in TRIED))
        else:
            problems.append(f"{verdict.line}: one object at a time")
    if not steps:  # what was refused is left out of a proposal that has more in it
        problems += [f"{verdict.line}: {verdict.reason}" for verdict in commands if verdict.reason]
    if problems:
        raise UserError("the answer proposes what is not applied:\n" + "\n".join(problems), "nothing was changed")
    return steps


def dangers(steps: Iterable[Step], registry: str) -> list[str]:
    """Return what of a change needs a yes that is typed, in words: pods that all end, images from somewhere or of any
    day.

    `registry` is the release's own; images of it and local ones are no danger.
    """
    found = []
    for step in steps:
        body = json.loads(step.stdin) if step.stdin else {}
        patched = [_map(_map(patch).get("spec")).get("replicas") for patch in _patches(step.words)]
        flags = dict(word[2:].partition("=")[::2] for word in step.words if word.startswith("--"))
        wanted = flags.get("replicas") or _after(step.words, "--replicas") or (body.get("spec") or {}).get("replicas")
        if "0" in map(str, (wanted, *patched)):
            found.append(f"{step.target}: 0 replicas stop every one of its pods")
        for image in _images(step, body):
            host, slash, _ = image.partition("/")
            foreign = (
                slash and ("." in host or ":" in host or host == "localhost") and host != registry.partition("/")[0]
            )
            if foreign:
                found.append(
                    f"{step.target}: the image {image} comes from {host}, a registry that is not the release's"
                )
            name = image.rpartition("/")[2].partition("@")
            if not name[1] and (":" not in name[0] or name[0].endswith(":latest")):
                found.append(f"{step.target}: the image {image} is whatever stands at its tag that day; name a version")
    return found


def _after(words: Sequence[str], flag: str) -> str:
    """Return the word after a flag, or nothing."""
    return next((words[number + 1] for number, word in enumerate(words[:-1]) if word == flag), "")


def _images(step: Step, body: Mapping[str, Any]) -> list[str]:
    """Return the images that a step puts into pods."""
    if step.words[:2] == ("set", "image"):
        return [word.partition("=")[2] for word in step.words[2:] if "=" in word and not word.startswith("-")]
    found: list[str] = []
    for holder in [body, *_patches(step.words)]:
        _collect_images(holder, found)
    return found


def _patches(words: Sequence[str]) -> list[Any]:
    """Return what a patch lays over an object, as nested data; nothing for another command."""
    if words[:1] != ("patch",):
        return []
    flags, _, _ = kubectl_flags.split(list(words[1:]), kubectl_flags.CHANGE["patch"])
    return [layer for name, value in flags if name == "patch" for layer in _layers(_loaded(value))]


def _layers(patch: Any) -> list[Any]:
    """Return a JSON patch, which is a list of paths and values, as patches of the other kinds; those as they are."""
    if not isinstance(patch, list):
        return [patch]
    found = []
    for item in patch:
        value = _map(item).get("value")
        for key in reversed(str(_map(item).get("path", "")).strip("/").split("/")):
            value = {key: value}
        found.append(value)
    return found


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _power(item: Any) -> str:
    """Return what of a patch would give pods power over the node, other rights or whole Secrets; empty if nothing."""
    if isinstance(item, list):
        return next(filter(None, map(_power, item)), "")
    for key, value in _map(item).items():
        if value and (key in _POWERS or (key == "type" and value in ("NodePort", "LoadBalancer", "ExternalName"))):
            return f"{key} is not for an answer to set"
        if found := _power(value):
            return found
    return ""


def _loaded(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError):
        return None


def _collect_images(item: Any, found: list[str]) -> None:
    if isinstance(item, Mapping):
        for key, value in item.items():
            if key == "image" and isinstance(value, str):
                found.append(value)
            else:
                _collect_images(value, found)
    elif isinstance(item, list):
        for value in item:
            _collect_images(value, found)


def _target(verdict: Verdict) -> str:
    """kind/name of the one object that a command changes; empty where it is not one."""
    flags, plain, _ = kubectl_flags.split(list(verdict.argv[1:]), kubectl_flags.CHANGE[verdict.verb])
    rest = plain[len(verdict.verb.split()) :]
    if verdict.verb == "autoscale":  # makes an autoscaler, and leaves the Deployment as it is
        named = [value for name, value in flags if name == "name"]
        own = rest[0].partition("/")[2] if rest and "/" in rest[0] else rest[1] if len(rest) > 1 else ""
        return f"horizontalpodautoscaler/{[*named, own][0]}" if own else ""
    if rest and "/" in rest[0]:
        others = [word for word in rest[1:] if "/" in word and "=" not in word]
        return "" if others else rest[0]
    return f"{rest[0]}/{rest[1]}" if len(rest) >= 2 else ""


def trial(kubectl: Kubectl, step: Step) -> str:
    """Return the diff of a step after a dry run on the server, which checks it whole.

    Raises UserError if it is refused.
    """
    if not step.tried:
        return f"# {' '.join(step.words)}: restarts the pods one by one, and changes nothing else\n"
    tried = kubectl.shell.probe(
        kubectl.command(*step.words, "--dry-run=server", "--output", "json"), stdin=step.stdin, timeout=60
    )
    if not tried:
        raise UserError(f"{step.target}: the cluster refuses the change: {tried.err.strip()}", "nothing was changed")
    wanted = bare(json.loads(tried.out))
    shown = kubectl.shell.probe(kubectl.command("diff", "--filename", "-"), stdin=json.dumps(wanted), timeout=60)
    if shown.code > 1:
        raise UserError(f"{step.target}: no diff: {shown.err.strip()}", "nothing was changed")
    return shown.out or f"# {step.target}: no difference\n"


def bare(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without what the server keeps for itself."""
    meta = {key: value for key, value in item.get("metadata", {}).items() if key not in _LIVE_ONLY}
    return {key: value for key, value in item.items() if key != "status"} | {"metadata": meta}


def snapshot(kubectl: Kubectl, namespace: str, steps: Sequence[Step]) -> list[Before]:
    """Return what the objects are now. Raises UserError where a manifest would take over what helm keeps."""
    found = []
    for target in dict.fromkeys(step.target for step in steps):
        answer = kubectl.ask("get", target, "--namespace", namespace, "--ignore-not-found", "--output", "json")
        if not answer:
            raise UserError(f"{target}: {answer.err.strip()}", "nothing was changed")
        body = json.loads(answer.out) if answer.out.strip() else None
        labels = (body or {}).get("metadata", {}).get("labels", {})
        by_manifest = any(step.target == target and step.stdin for step in steps)
        if by_manifest and labels.get("app.kubernetes.io/managed-by") == "Helm":
            raise UserError(
                f"{target} belongs to a helm release, which a manifest would take it from",
                "change the values and deploy, or let the answer propose a command such as kubectl scale",
            )
        found.append(Before(target, body))
    return found


def carry_out(
    kubectl: Kubectl,
    limited: Kubectl,
    namespace: str,
    steps: Sequence[Step],
    *,
    show: Callable[[str], None],
    approve: Callable[[], bool],
    prove: Callable[[Sequence[str]], None],
) -> bool:
    """Show, ask, change, prove; undo if it cannot be proved. True if the change was made and stands.

    `limited` has the rights the change is made with; `kubectl` has the user's, for looking and for undoing. `prove`
    gets the changed Deployments and raises UserError if they do not become healthy.
    """
    before = snapshot(kubectl, namespace, steps)
    for step in steps:
        show(trial(limited, step))
    if not approve():
        return False
    deployments = [name for step in steps if (name := deployment_of(step, before))]
    try:
        for step in steps:
            limited.effect(*step.words, stdin=step.stdin, shown_stdin=step.stdin)
        if deployments and not kubectl.shell.dry:
            prove(list(dict.fromkeys(deployments)))
    except (UserError, KeyboardInterrupt) as error:
        undo(kubectl, namespace, before)
        reason = str(error) or "interrupted"
        raise UserError(f"{reason}\nthe change was undone", getattr(error, "hint", "")) from None
    return True


def deployment_of(step: Step, before: Sequence[Before]) -> str:
    """Return the Deployment whose pods a step changes; empty if none."""
    kind, _, name = step.target.partition("/")
    if kind.partition(".")[0] in ("deployment", "deployments", "deploy"):
        return name
    if kind in ("hpa", "horizontalpodautoscaler", "horizontalpodautoscalers"):
        body = next((item.body for item in before if item.target == step.target), None)
        reference = ((body or {}).get("spec") or {}).get("scaleTargetRef") or {}
        return str(reference.get("name", "")) or name
    return ""


def undo(kubectl: Kubectl, namespace: str, before: Sequence[Before]) -> None:
    """Bring every object back to what it was; the last changed first."""
    for item in reversed(before):
        try:
            if item.body is None:
                kubectl.effect("delete", item.target, "--namespace", namespace, "--ignore-not-found")
            else:
                text = json.dumps(bare(item.body))
                kubectl.effect("replace", "--namespace", namespace, "--filename", "-", stdin=text)
        except CommandError as error:
            kubectl.shell.say(f"could not bring back {item.target}: {error}")
