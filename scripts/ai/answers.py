"""Read a tool's answer: text for people, of which the commands and manifests are checked before they count."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.ai import patches
from scripts.ai.budget import clean
from scripts.ai.commands import ServedKinds, Verdict, judge_line
from scripts.host import parsing

_FENCE = re.compile(
    r"^(?P<indent> *)(?P<mark>```+|~~~+)\s*(?P<kind>[\w+-]*)[^\n]*\n(?P<body>.*?)^ *(?P=mark)[ \t]*$", re.M | re.S
)
_SHELLS = {"sh", "bash", "shell", "console", "zsh", "terminal", "shell-session"}
_COMMAND = re.compile(r"^(?:\$ )?(kubectl|helm|docker)\s")
_INLINE = re.compile(r"`((?:kubectl|helm|docker) [^`\n]+)`")
# Kinds that an answer may propose: workloads and what belongs to them, nothing that gives rights or holds secrets.
APPLICABLE = {
    "Deployment": "apps/v1",
    "Service": "v1",
    "ConfigMap": "v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "PodDisruptionBudget": "policy/v1",
}


@dataclass(frozen=True)
class Manifest:
    """An object that an answer proposes. `problem` says why it is not applied."""

    kind: str
    name: str
    body: Mapping[str, Any]
    problem: str = ""


@dataclass(frozen=True)
class Answer:
    """An answer as it may be shown: in `text` every command that is not runnable has become a comment."""

    text: str
    commands: tuple[Verdict, ...] = ()
    manifests: tuple[Manifest, ...] = ()

    @property
    def changes(self) -> tuple[Verdict, ...]:
        """Return the commands that change something and may be applied."""
        return tuple(item for item in self.commands if item.kind == "change")


def read(text: str, served: ServedKinds) -> Answer:
    """Return an answer with its commands judged and its manifests checked."""
    text = clean(text)
    commands: list[Verdict] = []
    manifests: list[Manifest] = []

    def block(match: re.Match[str]) -> str:
        kind, body = match["kind"].lower(), match["body"]
        if kind in ("yaml", "yml", "json"):
            manifests.extend(objects(body, served.namespace))
            return match[0]
        if kind not in _SHELLS and not (not kind and _COMMAND.search(body)):
            return match[0]
        lines, found = _judged(body, served, only_prompts=kind in ("console", "shell-session"))
        commands.extend(found)
        head, _, _ = match[0].partition("\n")
        return "\n".join([head, *lines, f"{match['indent']}{match['mark']}"])

    shown = _FENCE.sub(block, text)
    outside = _FENCE.sub("", text)
    for line in outside.splitlines():
        candidates = [line.strip()] if _COMMAND.match(line.strip()) else _INLINE.findall(line)
        for candidate in candidates:
            verdict = judge_line(candidate, served)
            commands.append(verdict)
            if verdict.kind == "refused":
                shown = shown.replace(candidate, f"{candidate} [not runnable: {verdict.reason}]", 1)
    unique = {verdict.line: verdict for verdict in commands}
    return Answer(shown, tuple(unique.values()), tuple(manifests))


def _judged(body: str, served: ServedKinds, *, only_prompts: bool) -> tuple[list[str], list[Verdict]]:
    """Return the lines of a shell block as they may be shown, and what was thought of each command."""
    shown: list[str] = []
    found: list[Verdict] = []
    for line in _continued(body):
        text = line.strip()
        output = only_prompts and not text.startswith("$")
        if not text or text.startswith("#") or output:
            shown.append(line)
            continue
        verdict = judge_line(text, served)
        found.append(verdict)
        shown.append(
            verdict.line if verdict.kind != "refused" else f"# not runnable ({verdict.reason}): {verdict.line}"
        )
    return shown, found


def _continued(body: str) -> Iterator[str]:
    held = ""
    for line in body.rstrip("\n").split("\n"):
        if line.rstrip().endswith("\\"):
            held += line.rstrip()[:-1].strip() + " "
            continue
        yield held + (line.strip() if held else line)
        held = ""
    if held:
        yield held.strip()


def objects(text: str, namespace: str) -> list[Manifest]:
    """Return the objects of a YAML or JSON block; values files and patches are none."""
    try:
        documents = parsing.documents_from_yaml(text)
    except parsing.Unreadable as error:
        return [Manifest("", "", {}, f"not valid YAML: {error.problem}")] if "apiVersion" in text else []
    found = []
    for item in documents:
        if isinstance(item, Mapping) and "apiVersion" in item and "kind" in item:
            members = item.get("items") if str(item["kind"]).endswith("List") else [item]
            found += [_manifest(member, namespace) for member in members or () if isinstance(member, Mapping)]
    return found


def _manifest(item: Mapping[str, Any], namespace: str) -> Manifest:
    kind = str(item.get("kind", ""))
    meta = item.get("metadata") if isinstance(item.get("metadata"), Mapping) else {}
    name = str(meta.get("name", "")) if isinstance(meta, Mapping) else ""
    problem = ""
    if kind not in APPLICABLE:
        problem = f"{kind} is not among what an answer may propose: {', '.join(APPLICABLE)}"
    elif item.get("apiVersion") != APPLICABLE[kind]:
        problem = f"{kind} is {APPLICABLE[kind]}, not {item.get('apiVersion')}"
    elif not re.fullmatch(r"[a-z0-9]([-a-z0-9.]*[a-z0-9])?", name):
        problem = f"{kind} without a name that can be one"
    elif isinstance(meta, Mapping) and meta.get("namespace", namespace) != namespace:
        problem = f"{kind}/{name} is for the namespace {meta.get('namespace')}, not {namespace}"
    elif found := patches.power(meta):
        problem = f"{kind}/{name}: {found}"
    elif kind == "Deployment":
        problem = _pod_problem(item)
    elif kind == "Service" and (item.get("spec") or {}).get("type") in ("NodePort", "LoadBalancer", "ExternalName"):
        problem = f"Service/{name} opens the app to the outside"
    elif kind == "Service":
        problem = patches.power(item)
    body = dict(item) | {"metadata": dict(meta) | {"namespace": namespace}} if isinstance(meta, Mapping) else dict(item)
    return Manifest(kind, name, body, problem)


def _pod_problem(item: Mapping[str, Any]) -> str:
    """Return what a Deployment asks for that gives its pods power over the node."""
    try:
        pod = item["spec"]["template"]["spec"]
        containers = [*pod["containers"], *pod.get("initContainers", ())]
        if any(pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
            return "its pods share the node's network or processes"
        if any("hostPath" in volume for volume in pod.get("volumes", ())):
            return "its pods mount a folder of the node"
        if pod.get("serviceAccountName", "default") != "default":
            return "its pods run with the rights of another ServiceAccount"
        for container in containers:
            context = container.get("securityContext") or {}
            if context.get("privileged") or (context.get("capabilities") or {}).get("add"):
                return f"container {container.get('name')} is privileged"
            if any("secretRef" in source for source in container.get("envFrom") or ()):
                return f"container {container.get('name')} reads a whole Secret"
    except (KeyError, TypeError, AttributeError):
        return "is not a complete Deployment"
    return patches.power(item)


def runnable(verdict: Verdict, command: Sequence[str], namespace: str) -> str:
    """Return a checked kubectl command as it can be pasted: with its cluster and its namespace."""
    argv = list(verdict.argv)
    named = any(word.partition("=")[0] in ("-n", "--namespace") for word in argv)
    own = [] if named else ["--namespace", namespace]
    if argv[0] == "kubectl":
        return shlex.join(["kubectl", *command[1:], *argv[1:], *own])
    return shlex.join([*argv, *(own if argv[0] == "helm" else [])])
