"""Print the settings by which each MCP client finds this server. Pure."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml

from scripts.errors import UserError

NAME = "todo-chatbot"
PORT = 8765


def entry(client: str, root: Path) -> tuple[str, str]:
    """Return (where it belongs, the text) of a client's entry. Raises UserError for a client that is not known."""
    command, words = str(root / "run"), ["invoke", "ai.mcp"]
    if client in ("vscode", "claude"):
        server: dict[str, Any] = {"type": "stdio", "command": command, "args": words}
        key, file = ("servers", ".vscode/mcp.json") if client == "vscode" else ("mcpServers", ".mcp.json")
        return file, json.dumps({key: {NAME: server}}, indent=2)
    if client == "kubectl-ai":
        servers = [{"name": NAME, "command": command, "args": words}]
        return "~/.config/kubectl-ai/mcp.yaml, then: kubectl-ai --mcp-client", _yaml({"servers": servers})
    if client == "gordon":
        # Gordon starts its servers as containers; this one needs the checkout and the way to the cluster.
        service = {
            "image": "python:3.13-slim", "network_mode": "host", "working_dir": str(root),
            "volumes": [f"{root}:{root}", f"{Path.home()}/.kube:/root/.kube:ro"], "command": [command, *words],
        }  # fmt: skip
        return "gordon-mcp.yml", _yaml({"services": {NAME: service}})
    if client == "kagent":
        spec = {
            "description": "The release's status, diagnosis and history, read-only",
            "protocol": "STREAMABLE_HTTP", "url": f"http://ADDRESS-OF-THIS-MACHINE:{PORT}/mcp",
            "headersFrom": [{"name": "Authorization", "valueFrom": {"type": "Secret", "name": NAME, "key": "token"}}],
        }  # fmt: skip
        body = {"apiVersion": "kagent.dev/v1alpha2", "kind": "RemoteMCPServer"}
        meta = {"name": NAME, "namespace": "kagent"}
        return (
            f"the cluster, with a way from its pods to invoke ai.mcp --http={PORT}, and `Bearer TOKEN` as token of the "
            f"Secret {NAME}",
            _yaml(body | {"metadata": meta, "spec": spec}),
        )
    raise UserError(
        f"--configure {client}: not a client that is known", "choose gordon, kubectl-ai, kagent, vscode or claude"
    )


def _yaml(data: Any) -> str:
    return yaml.safe_dump(data, sort_keys=False).rstrip()
