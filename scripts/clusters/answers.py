"""Parse the output of minikube, kind and k3d. Pure; nothing here raises, whatever the text is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from scripts.clusters.states import Reading, State, cannot_tell, first_line, mappings, parse, plain
from scripts.host.shell import Result

MISSING_PROFILE = 85  # the exit status of `minikube status` for a profile that does not exist
# The drivers' words for a machine that is not there any more. "No such host" is none of them: so says a name server.
GONE = re.compile(
    r"no such (?:container|object|machine|domain)|machine (?:\"[^\"]*\" )?does not exist|domain not found"
    r"|no domain with matching name|unable to find a virtual machine",
    re.I,
)
WRONG_KUBECONFIG = "the kubeconfig lacks its context, or names another server"
EVENT = "io.k8s.sigs.minikube."


@dataclass(frozen=True)
class Profile:
    """A minikube profile as it was made. `finished` is whether a first start ever went through."""

    config: Mapping[str, Any]
    finished: bool


@dataclass(frozen=True)
class Event:
    """One line of `minikube -o json`: a `step`, `info`, `warning` or `error`; `name` and `advice` of an error."""

    kind: str
    message: str
    name: str = ""
    advice: str = ""


def minikube_status(answer: Result) -> Reading:
    """Return the state that `minikube status -o json` tells, whatever it remarks on lines before and after."""
    told = [parse(text) for text in (answer.out, *answer.out.splitlines())]
    each = ([found] if isinstance(found, Mapping) else mappings(found) for found in told)
    nodes = next((nodes for found in each if (nodes := [node for node in found if "Host" in node])), [])
    if nodes:
        return _nodes_together(nodes)
    if answer.code == MISSING_PROFILE and any("not found" in event.message for event in events(answer.out)):
        return Reading("absent")
    if answer.out.strip() == "null" and (said := GONE.search(answer.err)):
        line = next((line for line in answer.err.splitlines() if said[0] in line), said[0])
        return Reading("broken", first_line(line[line.find(said[0]) :]))
    return cannot_tell(answer)


def _nodes_together(nodes: list[Mapping[str, Any]]) -> Reading:
    """Return one state for all nodes; one whose kubeconfig points elsewhere is degraded, as nobody reaches it."""
    each = [(str(node.get("Name", "")), _node_state(node)) for node in nodes]
    told = {"kubeconfig state": str(nodes[0].get("Kubeconfig", ""))}
    several = {state for _, state in each}
    if several == {"running"}:
        if told["kubeconfig state"] != "Misconfigured":
            return Reading("running", notes=told)
        return Reading("degraded", WRONG_KUBECONFIG, notes=told)
    if len(several) == 1:
        return Reading(several.pop(), _words(nodes[0]), notes=told)
    why = ", ".join(f"{name} is {state}" for name, state in each)
    return Reading("paused" if "paused" in several else "degraded", why, notes=told)


def _node_state(node: Mapping[str, Any]) -> State:
    host, kubelet = node.get("Host"), node.get("Kubelet")
    server = "Running" if node.get("Worker") is True else node.get("APIServer")
    if host == "Paused" or server == "Paused":
        return "paused"
    if host == "Stopped":
        return "stopped"
    if host in ("Nonexistent", "None"):
        return "broken"
    return "running" if (host, kubelet, server) == ("Running", "Running", "Running") else "degraded"


def _words(node: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {node[key]}" for key in ("Host", "Kubelet", "APIServer") if node.get(key))


def minikube_profile(text: str, name: str) -> Profile | None:
    """Return a profile of `minikube profile list -o json`, or None where it is not listed with its configuration."""
    listed = parse(text)
    for item in mappings(listed.get("valid")) if isinstance(listed, Mapping) else []:
        config = item.get("Config")
        if item.get("Name") == name and isinstance(config, Mapping):
            return Profile(config, finished=config.get("Addons") is not None)
    return None


def node_address(config: Mapping[str, Any]) -> str:
    """Return the address of a profile's control plane by its configuration; empty where it names none."""
    planes = [node for node in mappings(config.get("Nodes")) if node.get("ControlPlane") is True]
    found = planes[0].get("IP") if planes else None
    return found if isinstance(found, str) else ""


def listed_images(text: str) -> set[str] | None:
    """Return the references in `minikube image ls --format json` or `crictl images --output json`; None where none is
    told.
    """
    found = parse(text)
    if isinstance(found, Mapping):
        found = found.get("images")
    if not isinstance(found, list):
        return None
    tags = [item.get("repoTags") for item in mappings(found)]
    return {tag for some in tags if isinstance(some, list) for tag in some if isinstance(tag, str)}


def events(text: str) -> list[Event]:
    """Return the events in what `minikube -o json` printed; other lines are none."""
    return [event for line in text.splitlines() if (event := read_event(line))]


def read_event(line: str) -> Event | None:
    """Return one event, or None where the line is none."""
    found = parse(line)
    if not isinstance(found, Mapping) or not str(found.get("type", "")).startswith(EVENT):
        return None
    data = found.get("data")
    if not isinstance(data, Mapping):
        return None
    words = {key: plain(str(data.get(key) or "")).strip() for key in ("message", "name", "advice")}
    return Event(str(found["type"]).removeprefix(EVENT), **words)


def start_failure(out: str, err: str) -> str:
    """Return what a start that failed says of the cause: its error events, then the last `error:` lines, without the
    rest. Where it names a class, what was said on the way to it is left out.
    """
    errors = [event for event in events(out) if event.kind == "error"]
    told = [event for event in errors if event.name] or errors
    lines = [f"Exiting due to {event.name}: {event.message}" if event.name else event.message for event in told]
    written = plain(err).splitlines()
    lines += [line.strip() for line in written if re.match(r"\s*(X Exiting|error: |E\d{4} .*error)", line)][-3:]
    return "\n".join(dict.fromkeys(lines)) or "\n".join(line for line in written if line.strip())[-2000:]


def kind_failure(err: str) -> str:
    """Return what kind names as the cause of a failure: without its steps, the many options of a node's container, and
    the log of kubeadm's that follows.
    """
    _, cause, rest = plain(err).partition("ERROR: ")
    first, *told = re.sub(r'command "(\S+ \S+)[^"]*"', r"\1", f"{cause}{rest}", count=1).splitlines() or [""]
    words = [line.removeprefix("Command Output: ") for line in told]
    named = [line for line in words if line.startswith(("error: ", "stopped after ", "docker: ", "Error response "))]
    return "\n".join([first, *named]) if named else f"{cause}{rest}" or err


def k3d_failure(err: str) -> str:
    """Return what k3d names as causes of a failure, without colours and the words about its own way back."""
    told = re.findall(r"(?m)^(?:ERRO|FATA)\[\d+\]\s*(.*?)\s*$", plain(err))
    causes = [line for line in told if not re.search(r"[Rr]oll(?:ing )?[Bb]ack|failed to get cluster", line)]
    return "\n".join(dict.fromkeys(causes)) or plain(err).strip()


def advice(out: str) -> str:
    """Return what a program that failed advises beside the cause, in one line; empty where it advises nothing."""
    told = [event.advice for event in events(out) if event.kind == "error" and event.advice]
    told = [text for text in told if "{{" not in text]  # a template that it forgot to fill in
    return " ".join(told[0].split()) if told else ""


def warnings(out: str, err: str) -> list[str]:
    """Return what a program that succeeded warned of: warning events, and lines that begin with an exclamation mark."""
    told = [event.message for event in events(out) if event.kind == "warning"]
    told += [line.strip()[1:].strip() for line in plain(err).splitlines() if line.strip().startswith("! ")]
    return [first_line(text) for text in dict.fromkeys(told) if text]


def address(text: str) -> str:
    """Return the first line that is an address, whatever else is said around it; empty where none is."""
    return next((line.strip() for line in text.splitlines() if re.match(r"https?://\S+$", line.strip())), "")


def node_states(text: str) -> dict[str, str] | None:
    """Name → state in lines of `docker ps --format '{{.Names}}\\t{{.State}}'`; None where a line is none."""
    found = {}
    for line in filter(str.strip, text.splitlines()):
        name, tab, state = line.strip().partition("\t")
        if not tab or not name or not re.fullmatch(r"[a-z]+", state):
            return None
        found[name] = state
    return found


def containers_together(nodes: Mapping[str, str], control_planes: Iterable[str]) -> Reading:
    """Return one state for the containers of a cluster: `running` here says nothing yet of the API server.

    One that the engine calls dead, or is removing, cannot be started any more: it is as good as gone.
    """
    nodes = {name: state for name, state in nodes.items() if state not in ("dead", "removing")}
    if not set(control_planes) & set(nodes):
        left = ", ".join(sorted(nodes))
        return Reading(
            "broken",
            f"no container of a control plane, only {left}" if left else "no container is left",
            holds=f"what is stored in {left}" if left else "",
        )
    several = set(nodes.values())
    if several == {"running"}:
        return Reading("running")
    why = ", ".join(f"{name} is {state}" for name, state in sorted(nodes.items()))
    if "paused" in several:
        return Reading("paused", why)
    return Reading("degraded" if "running" in several else "stopped", why)


def k3d_names(text: str) -> list[str] | None:
    """Return the clusters in `k3d cluster list --output json`; None where it is no such list."""
    found = parse(text)
    if found is None and text.strip() == "null":
        return []
    if not isinstance(found, list) or len(mappings(found)) != len(found):
        return None
    names = [item.get("name") for item in found]
    return names if all(isinstance(name, str) for name in names) else None


def addon_states(text: str) -> dict[str, bool]:
    """Return addon → whether minikube calls it enabled, in `minikube addons list -o json`."""
    found = parse(text)
    items = found.items() if isinstance(found, Mapping) else ()
    return {name: isinstance(item, Mapping) and item.get("Status") == "enabled" for name, item in items}
