"""`invoke status --watch`: in place on a terminal, else a line for whatever changed."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from rich.console import Console

from scripts.monitor import watch
from scripts.monitor.watch import StatusSnapshot, changes

NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
HEAD = ("SERVICE", "READY", "RESTARTS", "AGE", "IMAGE")
BACKEND = ("backend", "2/2", "0", "5m", "todo-chatbot/backend:1")
FRONTEND = ("frontend", "2/2", "0", "5m", "todo-chatbot/frontend:1")


def look(*rows: tuple[str, ...], **problems: str) -> StatusSnapshot:
    return StatusSnapshot(NOW, (HEAD, *rows), problems)


def changed(row: tuple[str, ...], **cells: str) -> tuple[str, ...]:
    return tuple(cells.get(name.lower(), cell) for name, cell in zip(HEAD, row, strict=True))


def test_at_first_every_service_is_told() -> None:
    assert [line.split()[1:3] for line in changes(StatusSnapshot(NOW), look(BACKEND, FRONTEND))] == [
        ["backend", "2/2"], ["frontend", "2/2"],
    ]  # fmt: skip


def test_growing_older_is_no_change() -> None:
    assert changes(look(BACKEND), look(changed(BACKEND, age="6m"))) == []


@pytest.mark.parametrize("cells", [{"ready": "1/2"}, {"restarts": "1"}, {"image": "todo-chatbot/backend:2"}])
def test_only_what_changed_is_told(cells: dict[str, str]) -> None:
    after = changed(BACKEND, **cells)
    (line,) = changes(look(BACKEND, FRONTEND), look(after, FRONTEND))
    assert line.split() == ["12:00:00", *after]


def test_a_service_that_is_gone_is_told() -> None:
    assert changes(look(BACKEND, FRONTEND), look(FRONTEND)) == ["12:00:00  backend  gone"]
    assert changes(look(BACKEND), StatusSnapshot(NOW, (HEAD,))) == ["12:00:00  backend  gone"]


def test_what_cannot_be_read_is_told_once_and_when_it_is_back() -> None:
    blind = look(BACKEND, pods="403 forbidden")
    assert changes(look(BACKEND), blind) == ["12:00:00  – pods: 403 forbidden"]
    assert changes(blind, blind) == []
    assert changes(blind, look(BACKEND)) == ["12:00:00  pods can be read again"]
    assert changes(StatusSnapshot(NOW), StatusSnapshot(NOW, (), {"pods": "gone"})) == ["12:00:00  – pods: gone"]


class Sampler:
    """Answers as told, one after the other."""

    def __init__(self, *answers: tuple[list[dict[str, Any]], dict[str, str]]) -> None:
        self._answers = iter(answers)

    async def workloads(self) -> tuple[list[dict[str, Any]], dict[str, str]]:
        return next(self._answers)

    def now(self) -> datetime:
        return NOW


async def test_while_nothing_can_be_read_the_last_table_stays() -> None:
    deployment = {
        "kind": "Deployment", "metadata": {"name": "backend"}, "status": {"readyReplicas": 1},
        "spec": {"replicas": 2, "selector": {}, "template": {"spec": {"containers": [{"image": "app:1"}]}}},
    }  # fmt: skip
    take: Callable[[], Any] = watch.snapshots(Sampler(([deployment], {}), ([], {"pods": "gone"})))  # type: ignore[arg-type]
    first, second = await take(), await take()
    assert first.rows[1][:2] == ("backend", "1/2") and second.rows == first.rows and second.problems
    forbidden = {"pods": 'pods is forbidden: User "eve" cannot list resource "pods" in API group ""'}
    take = watch.snapshots(Sampler(([deployment], forbidden)))  # type: ignore[arg-type]
    assert (await take()).rows[1][:4] == ("backend", "1/2", "?", "?")


def test_in_place_it_fits_and_shows_what_lacks() -> None:
    console = Console(file=io.StringIO(), width=60, force_terminal=True, color_system="standard", legacy_windows=False)
    with console.capture() as capture:
        console.print(watch.render(look(changed(BACKEND, ready="1/2"), pods="403 forbidden"), "ns on cluster"))
    text = capture.get()
    assert "\x1b[1;31m1/2" in text and "– pods: 403 forbidden" in text and "Ctrl-C ends" in text
