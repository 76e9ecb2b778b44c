"""Ports of this machine that lead to services."""

from __future__ import annotations

import socket

import pytest

from scripts.kube import forward


def test_a_port_that_nobody_has_is_taken_and_one_that_somebody_has_is_not() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        taken = server.getsockname()[1]
        server.listen()
        assert forward.free_port(taken) not in (0, taken)
    assert forward.free_port(taken) == taken


def test_a_node_port_that_only_the_kernels_rules_answer_is_somebodys(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    monkeypatch.setattr(forward, "_is_open", lambda port: port == free)
    assert forward.free_port(free) != free
