"""A kubeconfig of least rights, made for one use and gone after it."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from scripts.errors import UserError
from scripts.host import parsing
from scripts.kube.kubectl import Kubectl

Rights = Literal["reader", "writer"]
LIFETIME = "15m"


def account(rights: Rights) -> str:
    """Return the ServiceAccount that has these rights, see ai/access/."""
    return f"todo-ai-{rights}"


@contextmanager
def kubeconfig(kubectl: Kubectl, namespace: str, root: Path, rights: Rights) -> Iterator[Path]:
    """Yield a file whose only context is this cluster and this namespace, with these rights and a token that soon
    expires.

    Raises UserError where the cluster gives out no token: an administrator's file that only impersonates would keep a
    tool from mistakes, not from malice.
    """
    kubectl.apply_file(root / f"ai/access/{rights}.yaml", namespace)
    data = view(kubectl)
    name = account(rights)
    answer = kubectl.ask("create", "token", name, "--namespace", namespace, "--duration", LIFETIME)
    if not answer:
        raise UserError(f"no token for {name}: {answer.err.strip()}", "see: invoke ai.doctor")
    data["users"] = [{"name": name, "user": {"token": answer.out.strip()}}]
    context = {"cluster": data["clusters"][0]["name"], "user": name, "namespace": namespace}
    data["contexts"] = [{"name": kubectl.context, "context": context}]
    data["current-context"] = kubectl.context
    with private_file(json.dumps(data)) as file:
        yield file


def view(kubectl: Kubectl) -> dict[str, Any]:
    """Return the kubeconfig of this cluster alone, with certificates inside. Raises UserError if there is none."""
    answer = kubectl.ask("config", "view", "--minify", "--flatten", "--raw", "--output", "json")
    if not answer:
        raise UserError(f"no kubeconfig for {kubectl.context}: {answer.err.strip()}", "see: invoke cluster.status")
    found: dict[str, Any] = parsing.from_json(answer.out)
    found["current-context"] = kubectl.context
    return found


@contextmanager
def private_file(text: str) -> Iterator[Path]:
    """Yield a file that only this user reads, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="todo-ai-"))
    try:
        file = folder / "kubeconfig"
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as stream:
            stream.write(text)
        yield file
    finally:
        shutil.rmtree(folder, ignore_errors=True)
