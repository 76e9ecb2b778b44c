"""A look at what a release runs, wherever it runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from scripts import diagnose
from scripts.context.session import Session
from scripts.diagnose import watchdog
from scripts.diagnose.model import Snapshot
from scripts.host.shell import Shell
from scripts.kube.workloads import Workload
from scripts.settings.configuration import read_settings
from tests.diagnose.test_diagnose_variations import NOW, crashed, ready, workload


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
    (found,) = watchdog.diagnose_workloads(session, wanted, lambda state: seen.append(state.namespace))
    assert found.service == "store" and found.terminal and "disk" in diagnose.render([found])
    assert asked == [("own-chart", ("web",)), ("own-data", ("store",))] and seen == ["own-chart", "own-data"]
