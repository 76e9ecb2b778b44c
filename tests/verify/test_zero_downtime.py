"""A proof leaves what it found, whoever ends it and whatever a person had set before."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.pipeline import lent
from scripts.pipeline.live import Live
from scripts.settings.model import Outcome
from scripts.verify import zero_downtime


def deployment(name: str, replicas: int) -> dict[str, Any]:
    return {"kind": "Deployment", "metadata": {"name": name, "namespace": "shop"}, "spec": {"replicas": replicas}}


def autoscaler(target: str, **notes: str) -> dict[str, Any]:
    meta = {"name": f"{target}-scaler", "namespace": "shop", "annotations": notes}
    return {"kind": "HorizontalPodAutoscaler", "metadata": meta, "spec": {"scaleTargetRef": {"name": target}}}


class Cluster:
    """Holds Deployments and autoscalers, and does what kubectl is told."""

    def __init__(self, *held: dict[str, Any]) -> None:
        self.held = list(held)
        self.told: list[str] = []

    def items(self, kinds: str, namespace: str) -> list[dict[str, Any]]:
        return [item for item in self.held if f"{item['kind'].lower()}s" in kinds.split(",")]

    def visible(self, kinds: str, namespace: str) -> tuple[list[dict[str, Any]], list[str]]:
        return self.items(kinds, namespace), []

    def effect(self, *words: str, **_: Any) -> None:
        self.told.append(" ".join(words[: words.index("--namespace")]))
        for item in self.held:
            if words[:2] == ("scale", f"deployment/{item['metadata']['name']}"):
                item["spec"]["replicas"] = int(words[2].partition("=")[2])


def session_of(cluster: Cluster) -> Any:
    settings = SimpleNamespace(release=SimpleNamespace(name="todo", namespace="shop"))
    return SimpleNamespace(kubectl=cluster, settings=settings, shell=SimpleNamespace(dry=False))


def test_a_service_that_a_person_scaled_has_as_many_pods_in_the_proof_and_after_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As the refusal of a single pod advises; helm sets back what it has written once."""
    waited: list[str] = []
    monkeypatch.setattr(zero_downtime.operate, "await_rollouts", lambda _, names, limit: waited.extend(names))
    cluster = Cluster(deployment("api", 2), deployment("web", 2), deployment("auto", 3), autoscaler("auto"))
    session = session_of(cluster)
    asked = zero_downtime._replicas(session)
    assert asked == {"api": 2, "web": 2}, "what an autoscaler decides is its own"
    for item in cluster.held[:3]:
        item["spec"]["replicas"] = 1 if item["metadata"]["name"] != "web" else 2  # by helm
    zero_downtime._scale_back(session, asked)
    assert cluster.told == ["scale deployment/api --replicas=2"] and waited == ["deployment/api"]
    zero_downtime._scale_back(session, asked)
    assert len(cluster.told) == 1, "nothing where all is as it was"


def test_what_a_killed_proof_had_lent_is_taken_back_by_the_next_deploy() -> None:
    """No drift is told where an autoscaler rules: nobody would ever hear of it."""
    cluster = Cluster(deployment("api", 4), autoscaler("api", **{lent.REPLICAS_BEFORE: "1"}), autoscaler("web"))
    run: Any = SimpleNamespace(session=session_of(cluster), namespace="shop", dry=False)
    [outcome] = lent.take_back(run)
    assert (outcome.target, outcome.status) == ("api", "done") and "replicas: 1, as before" in outcome.detail
    assert cluster.told == [
        "delete horizontalpodautoscalers api-scaler",
        "scale deployment/api --replicas=1",
    ], "the release's own stays"
    dry: Any = SimpleNamespace(session=session_of(cluster), namespace="shop", dry=True)
    assert not list(lent.take_back(dry))


@pytest.mark.parametrize("ok", [True, False])
def test_the_way_back_from_a_proof_stands_in_the_history_and_its_failure_is_told(
    monkeypatch: pytest.MonkeyPatch, ok: bool
) -> None:
    told: list[Any] = []

    def put_back(run: Any, revision: int, secrets: Any) -> Iterator[Outcome]:
        told.append((revision, secrets))
        yield Outcome("rollback", "todo", "done", 0.0, "")
        return Live({"todo": 9})  # type: ignore[return-value]

    def run_stages(run: Any, stages: Any, command: str) -> Any:
        told.extend([command, [one.target for one in stages[0].work(run)]])
        return SimpleNamespace(ok=ok, error="no room", hint="make some")

    monkeypatch.setattr(zero_downtime.rollback, "put_back", put_back)
    monkeypatch.setattr(zero_downtime.runner, "run_stages", run_stages)
    with nullcontext() if ok else pytest.raises(UserError, match="could not be put back: no room"):
        zero_downtime._leave_as_found(session_of(Cluster()), Live({"todo": 5}), {"auth": {}})
    assert told == [(5, {"auth": {}}), "verify.zero-downtime", ["todo"]]
