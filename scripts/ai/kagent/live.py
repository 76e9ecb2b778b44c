"""kagent as it stands in the cluster, compared with what was installed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from scripts.ai.options import Options
from scripts.errors import UserError
from scripts.host import parsing
from scripts.kube.kubectl import Kubectl

Object = Mapping[str, Any]
INSTALL = "install it: invoke ai.install"
ADDED = " was added"  # ends the word on a difference that an apply would leave
SERVER = "kagent-tool-server"
DEFAULTS = {"runtime", "apiFormat"}  # what the CRDs, up to 0.10, set in objects such as ours
PLURALS = {
    "Agent": "agents.kagent.dev",
    "ModelConfig": "modelconfigs.kagent.dev",
    "RemoteMCPServer": "remotemcpservers.kagent.dev",
}


def problem(kubectl: Kubectl, options: Options, ours: Callable[[], Sequence[Object]]) -> str:
    """Return why nothing may be asked of the agent; empty if it is there, ready, and as it was installed.

    `ours` is what was installed, asked for only where there is a kagent. Raises what it raises.
    """
    namespace, name = options.kagent_namespace, options.kagent_agent
    agent = get(kubectl, "Agent", name, namespace)
    if isinstance(agent, str):
        if "the server doesn't have a resource type" in agent:
            return f"kagent is not in this cluster; {INSTALL}"
        return f"kagent has no agent {namespace}/{name} that could be asked: {agent}; {INSTALL}"
    wanted = ours()
    for item in wanted:
        same = item["kind"] == "Agent" and item["metadata"]["name"] == name
        there = agent if same else get(kubectl, str(item["kind"]), str(item["metadata"]["name"]), namespace)
        where = f"{item['kind']} {namespace}/{item['metadata']['name']}"
        if isinstance(there, str):
            return f"{where}: {there}; {INSTALL}"
        if differs := list(differences(item.get("spec"), there.get("spec"), "spec")):
            return f"{where} is not as it was installed ({'; '.join(differs[:3])}): nothing is sent to it; {INSTALL}"
        if bad := not_ready(there):
            return f"{where} is not ready: {bad}"
    return tools(kubectl, options, wanted) or _pods(kubectl, namespace, name)


def get(kubectl: Kubectl, kind: str, name: str, namespace: str) -> Object | str:
    """Return an object of kagent's namespace, or why there is none."""
    answer = kubectl.ask(
        "get", PLURALS.get(kind, kind.lower()), name, "--namespace", namespace, "--output", "json", timeout=10
    )
    if not answer:
        return last(answer.err)
    try:
        found = parsing.from_json(answer.out)
    except ValueError:
        return "kubectl answered nothing that can be read"
    return found if isinstance(found, Mapping) else "kubectl answered nothing that can be read"


def differences(wanted: Any, live: Any, path: str) -> Iterator[str]:
    """Yield what of `wanted` is otherwise in the live object, or stands there beside it.

    What the server adds by itself is no difference; an address, a program, a header or a tool is one.
    """
    if isinstance(wanted, Mapping):
        if not isinstance(live, Mapping):
            yield f"{path} is missing"
            return
        for key, value in wanted.items():
            yield from differences(value, live.get(key), f"{path}.{key}")
        for key in sorted(live.keys() - wanted.keys() - DEFAULTS):
            if live[key]:
                yield f"{path}.{key}{ADDED}"
    elif isinstance(wanted, list):
        if not isinstance(live, list) or len(wanted) != len(live):
            yield f"{path} has {len(live) if isinstance(live, list) else 'no'} entries instead of {len(wanted)}"
            return
        for number, (one, other) in enumerate(zip(wanted, live, strict=True)):
            yield from differences(one, other, f"{path}[{number}]")
    elif str(wanted).strip() != str(live).strip():
        yield f"{path} differs"


def not_ready(item: Object) -> str:
    """Return what the controller holds against an object; empty if it has taken it as it is now."""
    status = item.get("status") or {}
    generation = item.get("metadata", {}).get("generation")
    observed = status.get("observedGeneration")
    if generation and observed and observed < generation:
        return "the controller has not seen its latest change yet"
    conditions = {one.get("type"): one for one in status.get("conditions") or ()}
    for kind in ("Accepted", "Ready") if item.get("kind") == "Agent" else ("Accepted",):
        one = conditions.get(kind)
        if one is None:
            return f"the controller has not said whether it is {kind}"
        if one.get("status") != "True":
            return " ".join(str(one.get("message") or kind).split())
    return ""


def tools(kubectl: Kubectl, options: Options, ours: Sequence[Object]) -> str:
    """Return why the agents of ours could not look at the cluster; empty if their tool server answers.

    It has to be the one of kagent's own namespace, with a pod behind its address and with the tools that they use:
    kagent itself looks only once a minute, and without tools an agent guesses.
    """
    namespace = options.kagent_namespace
    wanted = {
        str(name)
        for item in ours
        if item["kind"] == "Agent"
        for tool in item["spec"]["declarative"].get("tools") or ()
        if tool["mcpServer"]["name"] == SERVER
        for name in tool["mcpServer"]["toolNames"]
    }
    if not wanted:
        return ""
    server = get(kubectl, "RemoteMCPServer", SERVER, namespace)
    if isinstance(server, str):
        return f"kagent's tool server: {server}; {INSTALL}"
    host = parsing.from_url(str((server.get("spec") or {}).get("url", ""))).hostname or "nowhere"
    service, _, place = host.partition(".")
    if place.split(".")[0] != namespace:
        return f"kagent's tool server is at {host}, outside of the namespace {namespace}: nothing is sent; {INSTALL}"
    if bad := not_ready(server):
        return f"kagent's tool server does not answer, the agent could not look at the cluster: {bad}"
    found = {str(item.get("name")) for item in (server.get("status") or {}).get("discoveredTools") or ()}
    if lost := sorted(wanted - found):
        return f"kagent's tool server lacks {', '.join(lost)}; {INSTALL}"
    return _unserved(kubectl, namespace, service)


def _unserved(kubectl: Kubectl, namespace: str, service: str) -> str:
    """Return whether no pod stands behind a Service, and why."""
    selector = f"kubernetes.io/service-name={service}"
    answer = kubectl.ask(
        "get", "endpointslices", "--namespace", namespace, "--selector", selector, "--output", "json", timeout=10
    )
    if not answer:
        return f"kagent's tool server {service}: {last(answer.err)}"
    try:
        endpoints = [one for item in parsing.from_json(answer.out)["items"] for one in item.get("endpoints") or ()]
        ready = any((one.get("conditions") or {}).get("ready") is not False for one in endpoints)
    except (ValueError, KeyError, TypeError, AttributeError):
        return f"kagent's tool server {service}: kubectl answered nothing that can be read"
    why = "" if ready else "; ".join(reasons(kubectl, namespace)) or "wait for it"
    return f"kagent's tool server {service} has no pod that is ready: {why}" if why else ""


def _pods(kubectl: Kubectl, namespace: str, name: str) -> str:
    """Return whether a pod of the agent's present generation answers, and no other: an old one asks the
    old provider.
    """
    answer = kubectl.ask("get", "deployment", name, "--namespace", namespace, "--output", "json", timeout=10)
    if not answer:
        return f"the agent {name} has no Deployment: {last(answer.err)}"
    try:
        item = parsing.from_json(answer.out)
        wanted = int(item["spec"].get("replicas", 1))
        status = item.get("status") or {}
        ready, updated, all_ = (int(status.get(key, 0)) for key in ("readyReplicas", "updatedReplicas", "replicas"))
        seen = int(status.get("observedGeneration", 0)) >= int(item["metadata"].get("generation", 0))
    except (ValueError, KeyError, TypeError):
        return f"the agent {name}: kubectl answered nothing that can be read"
    if not seen:
        return f"the agent {name} is being changed just now: wait for it"
    if wanted < 1 or ready < wanted or updated < wanted or all_ > wanted:
        return (
            f"the agent {name} has {ready} of {wanted} pods ready{', old ones beside them' if all_ > wanted else ''}: "
            + ("; ".join(reasons(kubectl, namespace)) or "wait for it")
        )
    return ""


def reasons(kubectl: Kubectl, namespace: str) -> list[str]:
    """Return why pods of a namespace are not ready, in the cluster's own words."""
    found = []
    try:
        pods = kubectl.items("pods", namespace)
    except UserError as error:
        return [str(error)]
    for pod in pods:
        name, status = pod["metadata"]["name"], pod.get("status") or {}
        for condition in status.get("conditions") or ():
            if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
                found.append(f"{name}: {condition.get('message', 'cannot be scheduled')}")
        for container in (*(status.get("initContainerStatuses") or ()), *(status.get("containerStatuses") or ())):
            waiting = (container.get("state") or {}).get("waiting")
            if waiting and waiting.get("reason") not in ("ContainerCreating", "PodInitializing"):
                found.append(f"{name}: {waiting.get('reason')}: {waiting.get('message', '')}".rstrip(": "))
    return found


def last(text: str) -> str:
    """Return the last line that says something."""
    return next((line.strip() for line in reversed(text.splitlines()) if line.strip()), "no word")
