"""The cluster's own certificate authority, server and client certificates, and the kubeconfig that carries them."""

from __future__ import annotations

import base64
import json
from pathlib import Path


def ensure(folder: Path) -> None:
    """Make ca, server and client key pairs in `folder` (mode 0700) unless they are there."""
    if (folder / "client.key").exists():
        return
    from embedded import certificates

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificates.make(folder)


def kubeconfig(folder: Path, name: str, port: int) -> bytes:
    """A kubeconfig whose cluster, user and context carry the cluster's name."""

    def data(file: str) -> str:
        return base64.b64encode((folder / file).read_bytes()).decode()

    server = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": data("ca.crt")}
    user = {"client-certificate-data": data("client.crt"), "client-key-data": data("client.key")}
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": name, "cluster": server}],
        "users": [{"name": name, "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
        "current-context": name,
        "preferences": {},
    }
    return (json.dumps(config, indent=1) + "\n").encode()
