"""A look at what a release runs, wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from scripts import diagnose
from scripts.context.session import Session
from scripts.diagnose import examine
from scripts.diagnose.listening import Listener
from scripts.diagnose.model import Snapshot
from scripts.host.shell import Shell
from scripts.kube.workloads import Workload
from scripts.settings.configuration import read_settings
from tests.support.made_up_state import NOW, crashed, event, ready, running, the, workload


def test_what_fails_in_another_namespace_than_the_releases_is_told_as_well(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chart of one's own may put a part of it elsewhere; there as here only what is looked for is told."""
    places = {
        "own-chart": workload("web", ready()),
        "own-data": [*workload("store", crashed(1)), *workload("somebody-elses", crashed(1))],
    }
    asked: list[tuple[str, tuple[str, ...]]] = []

    def gather(kubectl: Any, namespace: str, services: Sequence[str] = (), **rest: Any) -> Snapshot:
        asked.append((namespace, tuple(services)))
        logs = {("store-1-0", "store"): ("ModuleNotFoundError: No module named 'disk'",)}
        return Snapshot.of(places[namespace], namespace, NOW, logs=logs, services=tuple(services))

    monkeypatch.setattr(diagnose, "take_snapshot", gather)
    session = Session(read_settings(), Shell(echo=lambda line: None))
    session.__dict__["kubectl"] = None
    wanted = [Workload("Deployment", "own-chart", "web", {}), Workload("Deployment", "own-data", "store", {})]
    seen: list[str] = []
    (found,) = examine.diagnose_workloads(session, wanted, lambda state: seen.append(state.namespace))
    assert found.service == "store" and found.terminal and "disk" in diagnose.render([found])
    assert asked == [("own-chart", ("web",)), ("own-data", ("store",))] and seen == ["own-chart", "own-data"]


SLOW = "Readiness probe failed: Get http://10.0.0.1:3000/: context deadline exceeded"
KEY = ("backend-1-0", "backend")


@pytest.mark.parametrize("advancing", [True, False])
def test_a_program_that_goes_on_saying_new_things_is_not_judged_lost(advancing: bool) -> None:
    items = workload(status=running(200))
    items.append(event(the(items, "Pod"), "Unhealthy", SLOW, container="backend", count=20))
    logs = {KEY: ("Applying migration 0041_items",)}
    state = Snapshot.of(items, "chatbot-dev", NOW, logs=logs, advancing=frozenset({KEY} if advancing else ()))
    (found,) = diagnose.diagnose(state, diagnose.read_rules(), NOW + timedelta(seconds=30))
    assert (found.rule, found.terminal) == ("probe-timeout", not advancing)


def test_what_a_program_says_again_or_of_a_request_is_nothing_new() -> None:
    listener = Listener()

    def hears(second: int, *lines: str) -> bool:
        return bool(listener.advancing({KEY: lines}, NOW + timedelta(seconds=second)))

    assert hears(0, "2026-01-01 12:00:00 waiting for db at 10.0.0.7:5432")
    assert not hears(40, "2026-01-01 12:00:40,120 waiting for db at 10.0.0.7:5432")
    assert not hears(41, '10.0.0.1:50122 - "GET /healthz HTTP/1.1" 503', "kube-probe/1.36 took 3.2 s")
    assert hears(42, "request 0b7f2d94-1111-4222-8333-944445555666 1795410130.169")
    assert not hears(75, "request 9c1e2d94-1111-4222-8333-944445555667 1795410199.169")
    assert hears(80, "Applying migration 0041_items") and hears(100)
    assert not hears(111, "Applying migration 0041_items")
    assert hears(112, "Applying migration 0042_owners")
