"""A change that an answer proposes: checked, shown as a diff, approved, made with least rights, proved or undone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.ai import kubectl_flags, patches
from scripts.ai.answers import Manifest
from scripts.ai.commands import Verdict
from scripts.ai.mappings import mapped
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.shell import CommandError
from scripts.host.terminal import printable
from scripts.kube.kubectl import Kubectl

MANAGER = "todo-ai"
# Commands that a server can try without doing them. A restart changes nothing that a diff could show.
TRIED = {"scale", "autoscale", "set image", "set resources", "patch"}
PLAIN = {"rollout restart"}
_LIVE_ONLY = ("managedFields", "resourceVersion", "uid", "creationTimestamp", "generation", "selfLink")


_OCTAL = re.compile(r"^([-+]?)0(?=[0-7_])")


@dataclass(frozen=True)
class Step:
    """One change: words for kubectl, with a manifest on its standard input where it is an apply."""

    target: str  # kind/name
    words: tuple[str, ...]
    stdin: str = ""
    tried: bool = True


@dataclass(frozen=True)
class Before:
    """An object as it was before, or nothing where it was not there."""

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
        if why := patches.problem(verdict.argv[1:]):
            problems.append(f"{verdict.line}: {why}")
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


def dangers(
    steps: Iterable[Step], registry: str, known: Collection[str] = (), alone: Collection[str] = ()
) -> list[str]:
    """Return what of a change needs a yes that is typed, in words: pods that all end or share what is for one, images
    from somewhere or of any day.

    `registry` is the release's own, `known` are repositories of images that are expected: none of them is a danger.
    `alone` are the names of workloads whose pods mount one volume.
    """
    found = []
    for step in steps:
        body = parsing.from_json(step.stdin) if step.stdin else {}
        layers = [body, *patches.laid_over(step.words)]
        wanted = [mapped(mapped(layer).get("spec")).get("replicas") for layer in layers]
        wanted += _flags(step.words, "replicas")
        if any(_number(value) == 0 for value in wanted):
            found.append(f"{step.target}: 0 replicas stop every one of its pods")
        more = [*wanted, *_flags(step.words, "max")]
        if step.target.rpartition("/")[2] in alone and any((_number(value) or 0) > 1 for value in more):
            found.append(f"{step.target}: several pods would write into one volume, which destroys a database's files")
        for image in _images(step, layers):
            if where := _foreign(image, registry, known):
                found.append(f"{step.target}: the image {image} comes from {where}")
            name = image.rpartition("/")[2].partition("@")
            if not name[1] and (":" not in name[0] or name[0].endswith(":latest")):
                found.append(f"{step.target}: the image {image} is whatever stands at its tag that day; name a version")
    return found


def _number(value: object) -> float | None:
    """Return a value as kubectl and the server read it: digits count in any base, and with a sign; 010 is 8."""
    if isinstance(value, int | float):
        return value
    try:
        return int(_OCTAL.sub(r"\g<1>0o", value), 0) if isinstance(value, str) else None
    except ValueError:
        return None


def _flags(words: Sequence[str], name: str) -> list[str]:
    """Return the values that a flag is given, in all its spellings."""
    verb = next((verb for verb in kubectl_flags.CHANGE if tuple(verb.split()) == tuple(words[: len(verb.split())])), "")
    if not verb:
        return []
    flags, _, _ = kubectl_flags.split(list(words), kubectl_flags.CHANGE[verb])
    return [value for flag, value in flags if flag == name]


def _foreign(image: str, registry: str, known: Collection[str]) -> str:
    """Return where an image comes from, if that is neither the release's registry nor expected."""
    place = repository(image)
    if place in known or (registry and place.startswith(f"{registry.rstrip('/')}/")):
        return ""
    where = host(image)
    if where and where == registry.partition("/")[0]:
        return f"{where}, and from there not out of the release's {registry}"
    if where:
        return f"{where}, a registry that is not the release's"
    return "Docker's registry, where the cluster does not have it: it is none of the release's" if known else ""


def host(image: str) -> str:
    """Return the registry that a reference names; empty where it names none."""
    first, slash, _ = image.partition("/")
    return first if slash and ("." in first or ":" in first or first == "localhost") else ""


def repository(image: str) -> str:
    """Return a reference without its tag and its digest."""
    name = image.partition("@")[0]
    return name.rpartition(":")[0] if ":" in name.rpartition("/")[2] else name


def images_in(item: Any) -> list[str]:
    """Return every image that an object, or part of one, names."""
    found: list[str] = []
    _collect_images(item, found)
    return found


def _images(step: Step, layers: Sequence[Any]) -> list[str]:
    """Return the images that a step puts into pods."""
    if step.words[:2] == ("set", "image"):
        return [word.partition("=")[2] for word in step.words[2:] if "=" in word and not word.startswith("-")]
    return images_in(list(layers))


def _collect_images(item: Any, found: list[str]) -> None:
    if isinstance(item, Mapping):
        for key, value in item.items():
            if key == "image" and isinstance(value, str):
                found.append(value)
            elif key == "image" and isinstance(value, Mapping) and isinstance(value.get("reference"), str):
                found.append(value["reference"])  # a volume that is an image
            else:
                _collect_images(value, found)
    elif isinstance(item, list):
        for value in item:
            _collect_images(value, found)


def _target(verdict: Verdict) -> str:
    """Return kind/name of the one object that a command changes; empty where it is not one."""
    flags, plain, _ = kubectl_flags.split(list(verdict.argv[1:]), kubectl_flags.CHANGE[verdict.verb])
    rest = plain[len(verdict.verb.split()) :]
    if verdict.verb == "autoscale":  # makes an autoscaler, and leaves the Deployment as it is
        named = [value for name, value in flags if name == "name"]
        own = rest[0].partition("/")[2] if rest and "/" in rest[0] else rest[1] if len(rest) > 1 else ""
        return f"horizontalpodautoscaler/{[*named, own][0]}" if own else ""
    # `*=image` and `name=image` are no names; a kind that is several kinds means an object of each.
    names = [word for word in rest[1:] if "=" not in word]
    if not rest or "," in rest[0]:
        return ""
    if "/" in rest[0]:
        return "" if names else rest[0]
    return f"{rest[0]}/{names[0]}" if len(names) == 1 else ""


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
    wanted = bare(parsing.from_json(tried.out))
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
        body = parsing.from_json(answer.out) if answer.out.strip() else None
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
    gets the changed Deployments and raises UserError if they do not become healthy. Raises KeyboardInterrupt, after
    the change was undone too.
    """
    before = snapshot(kubectl, namespace, steps)
    for step in steps:
        show(printable(trial(limited, step)))
    if not approve():
        return False
    deployments = [name for step in steps if (name := deployment_of(step, before))]
    try:
        for step in steps:
            limited.effect(*step.words, stdin=step.stdin, shown_stdin=step.stdin)
        if deployments and not kubectl.shell.dry:
            prove(list(dict.fromkeys(deployments)))
    except KeyboardInterrupt:
        undo(kubectl, namespace, before)
        kubectl.shell.say("interrupted: the change was undone")
        raise
    except UserError as error:
        undo(kubectl, namespace, before)
        raise UserError(f"{error}\nthe change was undone", error.hint) from None
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
