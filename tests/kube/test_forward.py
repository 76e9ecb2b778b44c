"""Ports of this machine that lead to services."""

from __future__ import annotations

import errno
import os
import socket
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.kube import forward
from tests.support.scripted import Said


def test_a_port_that_nobody_has_is_taken_and_one_that_somebody_has_is_not() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        taken = server.getsockname()[1]
        server.listen()
        assert forward.free_port(taken) not in (0, taken)
    assert forward.free_port(taken) == taken


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="other systems do not tell whose a port is")
def test_a_port_that_another_program_took_is_given_up(tmp_path: Path) -> None:
    """While the cluster was down, the command that forwards had ended, and the port was free for a while."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        ours, others = os.getpgid(0), os.getppid()
        assert not forward._is_lost(port, ours)
        assert forward._is_lost(port, others if os.getpgid(others) == others and others != ours else 2**22 + 1)
    assert not forward._is_lost(port, 2**22 + 1), "nobody has it: it is taken up again"


def test_the_page_is_not_called_where_somebody_else_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shell = Said(Result(0, "80"))
    started: list[dict[int, Any]] = []
    monkeypatch.setattr(forward, "kept", lambda *_: {3000: 77})
    monkeypatch.setattr(forward, "ensure", lambda shell, folder, wanted: started.append(wanted))
    monkeypatch.setattr(forward, "_is_lost", lambda port, group: False)
    assert forward.to_service(shell, tmp_path, ["kubectl"], "shop", "page", 3000) == "http://localhost:3000"
    assert not started
    monkeypatch.setattr(forward, "_is_lost", lambda port, group: True)
    monkeypatch.setattr(forward, "free_port", lambda wanted: 4711)
    assert forward.to_service(shell, tmp_path, ["kubectl"], "shop", "page", 3000) == "http://localhost:4711"
    assert list(started[0]) == [4711]


def test_a_node_port_that_only_the_kernels_rules_answer_is_somebodys(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = probe.getsockname()[1]
    monkeypatch.setattr(forward, "_knock", lambda port: 0 if port == free else errno.ECONNREFUSED)
    assert forward.free_port(free) != free


def test_a_port_that_swallows_connections_is_somebodys_and_waited_for_by_nobody(tmp_path: Path) -> None:
    """As the node port of a cluster that was killed, whose rules lead into nothing."""
    with socket.socket() as server, ExitStack() as callers:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        silent = server.getsockname()
        for _ in range(4):  # more than wait to be accepted: what comes then hears nothing
            caller = callers.enter_context(socket.socket())
            caller.setblocking(False)
            caller.connect_ex(silent)
        assert forward.free_port(silent[1]) not in (0, silent[1])
        with pytest.raises(UserError, match=f"port {silent[1]} .* is taken"):
            forward.ensure(Said(Result(0, "")), tmp_path, {silent[1]: "localhost:1"})
