"""Tests on somebody's cluster touch and delete only what they made."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from spaces import Spaces


class Kubectl:
    """A cluster with some namespaces and Services; keeps what it was told to do."""

    def __init__(self, *namespaces: str) -> None:
        self.namespaces = set(namespaces)
        self.done: list[tuple[str, ...]] = []

    def ask(self, *words: str) -> Any:
        found = sorted(self.namespaces & set(words))
        out = "".join(f"namespace/{name}\n" for name in found)
        return type("Answer", (SimpleNamespace,), {"__bool__": lambda self: True})(out=out, err="")

    def get(self, *words: str) -> Any:
        port = {"port": 80, "nodePort": 30001}
        return {"items": [{"spec": {"ports": [port]}}, {"spec": {}}]}

    def effect(self, *words: str, **options: Any) -> None:
        self.done.append(words)


def test_only_namespaces_of_this_run_are_deleted() -> None:
    kubectl = Kubectl("chatbot-dev", "default")
    spaces = Spaces(kubectl)
    made = [spaces.make("one"), spaces.reserve("two", "two-more")]
    spaces.remove()
    assert kubectl.done[-1][:2] == ("delete", "namespace")
    deleted = [word for word in kubectl.done[-1][2:] if not word.startswith("--")]
    assert len(deleted) == 3 and set(made) < set(deleted)
    assert not kubectl.namespaces & set(deleted)


def test_two_runs_never_meet() -> None:
    assert Spaces(Kubectl()).make("one") != Spaces(Kubectl()).make("one")


def test_a_namespace_that_is_there_is_refused_and_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda size: "0000")
    kubectl = Kubectl("conformance-0000-one")
    spaces = Spaces(kubectl)
    with pytest.raises(AssertionError, match="conformance-0000-one"):
        spaces.make("one")
    spaces.remove()
    assert kubectl.done == []


def test_node_ports_are_ones_that_nobody_has() -> None:
    spaces = Spaces(Kubectl())
    ports = {spaces.port() for _ in range(20)}
    assert len(ports) == 20 and 30001 not in ports
