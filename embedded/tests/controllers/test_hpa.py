"""The autoscaler's decisions and its words."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from embedded.controllers import hpa
from embedded.objects.values import timestamp
from embedded.store import Store

NOW = 1_800_000_000.0
KEY = ("demo", "web")


@pytest.fixture
def store() -> Iterator[Store]:
    made = Store(clock=lambda: NOW)
    made.create("namespaces", {"metadata": {"name": "demo"}})
    labels = {"app": "web"}
    main = {"name": "main", "image": "bb:1", "resources": {"requests": {"cpu": "100m"}}}
    spec = {
        "replicas": 2,
        "selector": {"matchLabels": labels},
        "template": {"metadata": {"labels": labels}, "spec": {"containers": [main]}},
    }
    made.create("deployments.apps", {"metadata": {"name": "web", "namespace": "demo"}, "spec": spec})
    ready = {"type": "Ready", "status": "True", "lastTransitionTime": timestamp(NOW - 60)}
    for name in ("a", "b"):
        meta = {"name": name, "namespace": "demo", "labels": labels}
        made.create("pods", {"metadata": meta, "spec": {"containers": [main]}})
        status = {"phase": "Running", "conditions": [ready]}
        made.modify("pods", "demo", name, lambda pod, status=status: pod.update(status=status), subresource="status")
    target = {"type": "Utilization", "averageUtilization": 70}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 5,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    made.create(
        "horizontalpodautoscalers.autoscaling", {"metadata": {"name": "web", "namespace": "demo"}, "spec": spec}
    )
    yield made
    hpa.forget(KEY)
    made.close()


def used(cores: float) -> dict:
    return {("demo", name): {"main": {"cpu": cores, "memory": 1.0}} for name in ("a", "b")}


def look(store: Store, cores: float, now: float = NOW) -> tuple[int, dict[str, str]]:
    """Replicas of the target after a look, and the reason of every condition."""
    hpa.reconcile(store, KEY, now, used(cores))
    scaler = store.get("horizontalpodautoscalers.autoscaling", *KEY)
    target = store.get("deployments.apps", *KEY)
    assert scaler is not None and target is not None
    return target["spec"]["replicas"], {item["type"]: item["reason"] for item in scaler["status"]["conditions"]}


@pytest.mark.parametrize(
    ("ratio", "replicas", "measured", "silent", "expected"),
    [
        (1.05, 3, 3, 0, 3),  # within the tolerance
        (2.0, 3, 3, 0, 6),
        (0.5, 4, 4, 0, 2),
        (2.0, 4, 2, 2, 4),  # those that say nothing count as idle
        (0.1, 4, 2, 2, 3),  # and as busy when there are to be fewer
    ],
)
def test_the_proposal_follows_the_ratio_and_is_cautious(
    ratio: float, replicas: int, measured: int, silent: int, expected: int
) -> None:
    assert hpa.proposal(ratio, replicas, measured, silent) == expected


def test_it_scales_out_and_says_so(store: Store) -> None:
    replicas, reasons = look(store, 0.1)
    assert replicas == 3
    assert reasons == {
        "AbleToScale": "SucceededRescale",
        "ScalingActive": "ValidMetricFound",
        "ScalingLimited": "DesiredWithinRange",
    }
    (event,) = store.list("events", "demo")
    assert event["message"] == "New size: 3; reason: cpu resource utilization (percentage of request) above target"


def test_it_never_goes_beyond_its_most(store: Store) -> None:
    replicas, reasons = look(store, 9.0)
    assert replicas == 5 and reasons["ScalingLimited"] == "TooManyReplicas"


def test_at_rest_the_recommended_size_matches(store: Store) -> None:
    replicas, reasons = look(store, 0.07)
    assert replicas == 2 and reasons["AbleToScale"] == "ReadyForNewScale"


def test_it_waits_before_it_scales_in(store: Store) -> None:
    look(store, 0.1)
    replicas, reasons = look(store, 0.001, NOW + 15)
    assert replicas == 3 and reasons["AbleToScale"] == "ScaleDownStabilized"
    assert look(store, 0.001, NOW + 400)[0] == 2


def test_without_metrics_it_says_what_is_wrong_in_two_events(store: Store) -> None:
    hpa.reconcile(store, KEY, NOW, {})
    said = {event["reason"]: event["message"] for event in store.list("events", "demo")}
    words = "failed to get cpu utilization: unable to get metrics for resource cpu: "
    words += "no metrics returned from resource metrics API"
    assert said["FailedGetResourceMetric"] == words
    whole = "invalid metrics (1 invalid out of 1), first error is: failed to get cpu resource metric value: "
    assert said["FailedComputeMetricsReplicas"] == whole + words


def test_the_work_of_a_start_is_no_load(store: Store) -> None:
    def become_ready(pod: dict, since: float, started: float) -> None:
        pod["status"]["conditions"][0]["lastTransitionTime"] = timestamp(since)
        pod["status"]["startTime"] = timestamp(started)

    for name in ("a", "b"):
        store.modify("pods", "demo", name, lambda pod: become_ready(pod, NOW - 2, NOW - 30), subresource="status")
    assert look(store, 0.2)[0] == 2
    for name in ("a", "b"):
        store.modify("pods", "demo", name, lambda pod: become_ready(pod, NOW - 2, NOW - 400), subresource="status")
    assert look(store, 0.2)[0] > 2
