"""The cluster's own certificate authority, server and client certificates, and the kubeconfig that carries them."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from pathlib import Path


def ensure(folder: Path, addresses: Sequence[str] = ()) -> None:
    """Make ca, server and client key pairs in `folder` (mode 0700) unless they are there.

    The server's certificate is good for these addresses besides localhost.
    """
    noted, wanted = folder / "server.addresses", " ".join(addresses)
    has_client = (folder / "client.key").exists()
    if has_client and noted.exists() and noted.read_text() == wanted:
        return
    from embedded import certificates

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not has_client:
        certificates.make(folder)
    certificates.make_server(folder, addresses)
    noted.write_text(wanted)


def kubeconfig(folder: Path, name: str, port: int) -> bytes:
    """Return a kubeconfig whose cluster, user and context carry the cluster's name."""

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
