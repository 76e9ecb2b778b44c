"""What a pod asks for as a whole, and its quality of service, as a real cluster reckons them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from embedded.objects import pod_resources


def sized(requests: dict[str, str] | None = None, limits: dict[str, str] | None = None, **more: Any) -> dict[str, Any]:
    return {"resources": {"requests": requests or {}, "limits": limits or {}}, **more}


def pod(*containers: dict[str, Any], inits: tuple[dict[str, Any], ...] = (), **more: Any) -> dict[str, Any]:
    return {"containers": list(containers), "initContainers": list(inits), **more}


MIGRATE = sized({"cpu": "600m"})
PROXY = sized({"cpu": "300m"}, restartPolicy="Always")


@pytest.mark.parametrize(
    ("spec", "cpu"),
    [
        (pod(sized({"cpu": "0.5"}), sized({"cpu": "250m"})), "0.75"),
        (pod(sized({"cpu": "100m"}), inits=(MIGRATE,)), "0.6"),
        (pod(sized({"cpu": "100m"}), inits=(PROXY, MIGRATE)), "0.9"),  # it runs beside the one that came before
        (pod(sized({"cpu": "100m"}), inits=(MIGRATE, PROXY)), "0.6"),  # and not beside one that comes after
        (pod(sized({"cpu": "100m"}), overhead={"cpu": "250m"}), "0.35"),
        (pod(sized(limits={"cpu": "1"})), "1"),
    ],
)
def test_a_pod_asks_for_its_containers_together_or_for_the_largest_step_of_its_start(
    spec: dict[str, Any], cpu: str
) -> None:
    assert pod_resources.requests(spec)["cpu"] == Decimal(cpu)


def test_overhead_makes_no_limit_where_there_is_none() -> None:
    spec = pod(sized(limits={"cpu": "1"}), overhead={"cpu": "250m", "memory": "64Mi"})
    assert pod_resources.total(spec, "limits", "cpu") == Decimal("1.25")
    assert not pod_resources.total(spec, "limits", "memory")


BOTH = {"cpu": "1", "memory": "1Gi"}


@pytest.mark.parametrize(
    ("spec", "quality"),
    [
        (pod(sized()), "BestEffort"),
        (pod(sized({"cpu": "0"})), "BestEffort"),
        (pod(sized({"ephemeral-storage": "1Gi"})), "BestEffort"),
        (pod(sized({"cpu": "1"})), "Burstable"),
        (pod(sized(limits=BOTH)), "Guaranteed"),
        (pod(sized({"cpu": "1000m", "memory": "1024Mi"}, BOTH)), "Guaranteed"),
        (pod(sized({"cpu": "0.5", "memory": "1Gi"}, {"cpu": "500m", "memory": "1Gi"})), "Guaranteed"),
        (pod(sized(limits=BOTH), sized()), "Burstable"),
        (pod(sized(limits=BOTH), inits=(sized(),)), "Burstable"),
        (pod(sized({"cpu": "500m"}, BOTH)), "Burstable"),
    ],
)
def test_quality_of_service(spec: dict[str, Any], quality: str) -> None:
    assert pod_resources.quality_of_service(spec) == quality
