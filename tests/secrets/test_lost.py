"""What protects a volume is never made anew: pods that were started with it tell it, or the run stops and says why."""

from __future__ import annotations

import base64
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.secrets import lost_password, sync

CONFIG = {"queue-auth": {"usedBy": ["queue"], "keys": {"QUEUE_PASSWORD": {"generate": 24}}}}


def queue(*, claim: bool = True, reads: bool = True) -> dict[str, Any]:
    reference = [{"secretRef": {"name": "queue-auth"}}] if reads else []
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "queue"}}] if claim else []
    pod = {"containers": [{"name": "queue", "envFrom": reference}], "volumes": volumes}
    meta = {"name": "queue", "namespace": "shop"}
    selector = {"matchLabels": {"app": "queue"}}
    return {"kind": "Deployment", "metadata": meta, "spec": {"selector": selector, "template": {"spec": pod}}}


def pod(state: str) -> dict[str, Any]:
    meta = {"name": "queue-1", "namespace": "shop", "labels": {"app": "queue"}}
    return {"kind": "Pod", "metadata": meta, "status": {"containerStatuses": [{"name": "queue", "state": {state: {}}}]}}


class Cluster:
    """Has no Secret any more; what its pods were started with they tell, or not."""

    def __init__(
        self,
        *workloads: dict[str, Any],
        tells: str = "",
        claims: tuple[str, ...] = ("queue",),
        pods: tuple[dict[str, Any], ...] = (pod("running"),),
    ) -> None:
        self.shell = SimpleNamespace(dry=False)
        self.workloads, self.tells, self.claims, self.pods = workloads, tells, claims, pods
        self.asked = 0
        self.written: list[dict[str, Any]] = []

    def items(self, kinds: str, namespace: str, *more: str) -> list[dict[str, Any]]:
        return list(self.pods if kinds == "pods" else () if kinds == "secrets" else self.workloads)

    def find(self, kind: str, name: str, namespace: str) -> dict[str, Any] | None:
        if kind == "deployment":
            return next((one for one in self.workloads if one["metadata"]["name"] == name), None)
        return {"metadata": {"name": name}} if name in self.claims else None

    def named(self, kind: str, namespace: str, names: Any, *more: str) -> list[dict[str, Any]]:
        there = self.claims if kind == "persistentvolumeclaims" else ()
        return [{"metadata": {"name": name}} for name in there if name in names]

    def ask(self, *words: str) -> Result:
        self.asked += 1
        assert words == ("exec", "deployment/queue", "--namespace", "shop", "--", "printenv", "QUEUE_PASSWORD")
        return Result(0, f"{self.tells}\n") if self.tells else Result(1, "", "no running pod")

    def apply(self, items: list[dict[str, Any]], *, shown: str) -> None:
        self.written += items


def synced(cluster: Any, **variables: str) -> str:
    sync.sync(cluster, Path(), "shop", variables, CONFIG)
    [written] = cluster.written
    return base64.b64decode(written["data"]["QUEUE_PASSWORD"]).decode()


def test_pods_tell_what_they_were_started_with() -> None:
    assert synced(Cluster(queue(), tells="as it was set up")) == "as it was set up"


def test_where_no_pod_tells_it_the_run_stops_with_the_volume() -> None:
    with pytest.raises(UserError, match="the volume queue of queue may be protected by its QUEUE_PASSWORD") as told:
        synced(Cluster(queue()))
    assert "invoke backup.restore" in str(told.value.hint) and "kubectl delete persistentvolumeclaim" in told.value.hint


@pytest.mark.parametrize(
    "cluster",
    [Cluster(), Cluster(queue(claim=False)), Cluster(queue(), claims=()), Cluster(queue(reads=False))],
    ids=["first install", "no volume", "volume gone", "Secret is new"],
)
def test_where_nothing_is_protected_a_value_is_made(cluster: Cluster) -> None:
    assert len(synced(cluster)) >= 24


def test_what_a_person_gives_counts_whatever_was_lost() -> None:
    given = {"queue-auth": {"usedBy": ["queue"], "keys": {"QUEUE_PASSWORD": {"generate": 24, "from": "QUEUE"}}}}
    cluster: Any = Cluster(queue())
    sync.sync(cluster, Path(), "shop", {"QUEUE": "given"}, given)
    assert cluster.written[0]["data"]["QUEUE_PASSWORD"] == base64.b64encode(b"given").decode()


@pytest.mark.parametrize("pods", [(), (pod("waiting"),)], ids=["scaled to nothing", "does not start"])
def test_who_does_not_run_is_not_asked_and_waited_for(pods: tuple[dict[str, Any], ...]) -> None:
    cluster = Cluster(queue(), pods=pods)
    with pytest.raises(UserError, match="no pod tells"):
        synced(cluster)
    database: Any = Cluster(claims=("database",), pods=pods)
    with pytest.raises(UserError, match="the database does not tell it, as it does not run") as told:
        lost_password.recover(database, "shop", "database-credentials", "POSTGRES_PASSWORD", list)
    assert cluster.asked == database.asked == 0 and "invoke database.password" in str(told.value.hint)
