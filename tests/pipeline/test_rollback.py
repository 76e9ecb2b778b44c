"""Back to the revision that worked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.pipeline import rollback


def pod(name: str, revision: str, *, ready: bool) -> dict[str, Any]:
    labels = {"run": "store", "controller-revision-hash": revision}
    conditions = [{"type": "Ready", "status": "True" if ready else "False"}]
    owner = {"kind": "StatefulSet", "name": "store", "uid": "s", "controller": True}
    meta = {"name": name, "uid": name, "namespace": "data", "labels": labels, "ownerReferences": [owner]}
    return {"kind": "Pod", "metadata": meta, "status": {"phase": "Running", "conditions": conditions}}


def test_only_what_the_failed_revision_left_unready_in_a_stateful_set_is_in_the_way() -> None:
    """A pod that serves is replaced by the set itself, and one of the right revision is given its time."""
    meta = {"name": "store", "namespace": "data", "uid": "s"}
    spec = {"selector": {"matchLabels": {"run": "store"}}}
    wanted = {"kind": "StatefulSet", "metadata": meta, "spec": spec, "status": {"updateRevision": "good"}}
    pods = [
        pod("store-0", "good", ready=True),
        pod("store-1", "bad", ready=True),
        pod("store-2", "bad", ready=False),
        pod("store-3", "good", ready=False),
    ]
    assert rollback.left_behind(wanted, pods) == ["store-2"]
    assert rollback.left_behind({**wanted, "status": {}}, pods) == [], "nobody knows which revision it is to have"


def test_where_nothing_is_deployed_that_is_said_and_not_that_nothing_was_proved() -> None:
    release = SimpleNamespace(name="todo", namespace="shop")
    kubectl = SimpleNamespace(items=lambda *words: [])
    session = SimpleNamespace(settings=SimpleNamespace(release=release), kubectl=kubectl)
    run: Any = SimpleNamespace(session=session, dry=False)
    with pytest.raises(UserError, match="release todo is not deployed in shop"):
        rollback.last_verified_revision(run)
