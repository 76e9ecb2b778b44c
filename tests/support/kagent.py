"""kagent 0.9.12 as a real cluster shows it: objects with their statuses, and tasks of its agents by A2A."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from scripts.ai import options
from scripts.ai.kagent import objects
from scripts.host.paths import ROOT
from tests.support.own_settings import own_settings

CONTROLLER = "/api/v1/namespaces/kagent/services/kagent-controller:8083/proxy"
A2A = f"create --raw {CONTROLLER}/api/a2a/kagent/todo-operator/"
READY = [
    {"type": "Accepted", "status": "True", "reason": "Reconciled", "message": "Agent configuration accepted"},
    {"type": "Ready", "status": "True", "reason": "DeploymentReady", "message": "Deployment is ready"},
]
TOOLS = (
    "k8s_get_resources", "k8s_get_resource_yaml", "k8s_describe_resource", "k8s_get_pod_logs", "k8s_get_events",
    "k8s_get_available_api_resources",
)  # fmt: skip


def ours(variables: Mapping[str, str]) -> list[dict[str, Any]]:
    """What is installed for these keys."""
    return objects.manifests(own_settings(), options.read(ROOT, variables))


def standing(variables: Mapping[str, str], **changes: Any) -> list[dict[str, Any]]:
    """What kubectl answers where kagent is installed and well; `changes` replace parts: kind=status, or pods=status."""
    found = []
    for item in ours(variables):
        status = changes.get(item["kind"], {"observedGeneration": 1, "conditions": READY})
        spec = changes.get(f"{item['kind']}_spec", item["spec"])
        body = item | {"spec": spec, "metadata": item["metadata"] | {"generation": 1}, "status": status}
        plural = {"Agent": "agents.kagent.dev", "ModelConfig": "modelconfigs.kagent.dev"}[item["kind"]]
        found.append({"starts": f"get {plural} {item['metadata']['name']}", "out": json.dumps(body)})
    server = {"conditions": READY[:1], "discoveredTools": [{"name": name} for name in TOOLS]}
    url = {"url": changes.get("url", "http://kagent-tools.kagent:8084/mcp")}
    tools = {"kind": "RemoteMCPServer", "spec": url, "status": changes.get("RemoteMCPServer", server)}
    found.append({"starts": "get remotemcpservers.kagent.dev kagent-tool-server", "out": json.dumps(tools)})
    ends = changes.get("endpoints", [served(True)])
    found.append({"starts": "get endpointslices --namespace kagent", "has": ["name=kagent-tools"], "outs": list(ends)})
    pods = changes.get("pods", {"replicas": 1, "readyReplicas": 1, "updatedReplicas": 1, "observedGeneration": 3})
    selector = {"matchLabels": {"app": "kagent", "kagent": "todo-operator"}}
    deployment = {"metadata": {"generation": 3}, "spec": {"replicas": 1, "selector": selector}, "status": pods}
    found.append({"starts": "get deployment todo-operator", "out": json.dumps(deployment)})
    return found


def served(*ready: bool) -> str:
    """The EndpointSlices of a Service with a pod for each."""
    ends = [{"addresses": ["10.0.0.9"], "conditions": {"ready": one}} for one in ready]
    return json.dumps({"items": [{"kind": "EndpointSlice", "metadata": {}, "endpoints": ends}]})


DECISIONS = {"approve", "reject", "batch"}


def refuse(text: str) -> str:
    """What is wrong with a request as kagent 0.9.12 takes them; empty for one that it takes."""
    body = json.loads(text)
    params = body.get("params") or {}
    if body.get("jsonrpc") != "2.0" or not body.get("id"):
        return "-32600 Request payload validation error"
    if body.get("method") == "tasks/get":
        return "" if params.get("id") else "-32602 Invalid parameters"
    if body.get("method") != "message/send":
        return "-32601 Method not found"
    message = params.get("message") or {}
    parts = message.get("parts") or ()
    if message.get("kind") != "message" or message.get("role") != "user" or not message.get("messageId") or not parts:
        return "-32602 Invalid parameters"
    for part in parts:
        decided = part.get("kind") == "data" and part["data"].get("decision_type") in DECISIONS
        if decided and not (message.get("taskId") and message.get("contextId")):
            return "a decision counts only in the task and the context that wait for it"
        if not decided and (part.get("kind") != "text" or not part.get("text")):
            return "-32602 Invalid parameters"
    return "" if params.get("configuration") == {"blocking": False} else "it would be waited for until the end"


def task(state: str, text: str = "", *, said: Any = None, calls: tuple[str, ...] = (), **more: Any) -> str:
    """A task as tasks/get shows it: `said` is the status's text, or the data of its part, or of several."""
    history: list[dict[str, Any]] = [{"parts": [{"kind": "text", "text": "the question"}]}] * 2
    for name in calls:
        data = {"id": "1", "name": name, "args": {"namespace": "chatbot-dev"}}
        history = [*history, {"parts": [{"kind": "data", "data": data, "metadata": {"kagent_type": "function_call"}}]}]
    status: dict[str, Any] = {"state": state}
    if said is not None:
        parts = [{"kind": "data", "data": data} for data in (said if isinstance(said, list) else [said])]
        status["message"] = {"parts": [{"kind": "text", "text": said}] if isinstance(said, str) else parts}
    artifacts = [{"artifactId": "a", "parts": [{"kind": "text", "text": text}]}] if text else []
    result = {
        "kind": "task",
        "id": "t1",
        "contextId": "c1",
        "status": status,
        "artifacts": artifacts,
        "history": history,
    }
    return json.dumps({"jsonrpc": "2.0", "id": "1", "result": result | more})


def confirmation(tool: str, args: Mapping[str, Any], hint: str, id: str = "") -> dict[str, Any]:
    """The data part by which an agent waits for a person; `id` is that of the tool's call."""
    call = {"name": tool, "args": dict(args)} | ({"id": id} if id else {})
    given = {"originalFunctionCall": call, "toolConfirmation": {"confirmed": False, "hint": hint}}
    return {"name": "adk_request_confirmation", "id": "1", "args": given}
