"""The table of what runs tells a drift of replicas as one, and takes an autoscaler's number for what it is."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.release import operate

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def deployment(replicas: int, ready: int) -> dict[str, Any]:
    template = {"metadata": {"labels": {}}, "spec": {"containers": [{"name": "backend", "image": "todo/backend:1"}]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "backend"}}, "template": template}
    metadata = {"name": "backend", "namespace": "shop"}
    return {"kind": "Deployment", "metadata": metadata, "spec": spec, "status": {"readyReplicas": ready}}


@pytest.mark.parametrize(
    ("live", "released", "shown"),
    [
        (2, {"backend": 2}, "2/2"),
        (1, {"backend": 2}, "1/1 (release: 2)"),
        (3, {}, "3/3"),
        (0, {"backend": 2}, "0/0 (release: 2)"),
    ],
)
def test_another_number_of_pods_than_the_releases_is_shown_as_a_drift(
    live: int, released: dict[str, int], shown: str
) -> None:
    (_, row) = operate.status_rows([deployment(live, live)], NOW, released)
    assert row[:2] == ("backend", shown)


@pytest.mark.parametrize(
    ("manifest", "expected"),
    [
        (json.dumps({"kind": "Deployment", "metadata": {"name": "backend"}, "spec": {"replicas": 2}}), {"backend": 2}),
        (json.dumps({"kind": "Deployment", "metadata": {"name": "backend"}, "spec": {}}), {}),
        (json.dumps({"kind": "Service", "metadata": {"name": "backend"}}), {}),
        ("", {}),
        ("{", {}),
    ],
)
def test_what_the_release_says_is_read_from_helms_record(manifest: str, expected: dict[str, int]) -> None:
    helm = SimpleNamespace(manifest=lambda release: manifest)
    session: Any = SimpleNamespace(helm=helm, settings=SimpleNamespace(release=None))
    assert operate.released_replicas(session) == expected
