"""A release is healthy when its pods are ready, unrestarted and of the right image, and its Services have endpoints."""

from datetime import UTC, datetime
from typing import Any

from scripts.pipeline.health import check_service, probe_scheme

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
IMAGE = "todo-chatbot/backend:1"


def release(*, image: str = IMAGE, ready: str = "True", restarts: int = 0, endpoints: int = 2) -> list[dict[str, Any]]:
    ended = {"terminated": {"reason": "Error", "exitCode": 1, "finishedAt": "2026-01-01T11:59:30Z"}} if restarts else {}
    pods = [
        {
            "kind": "Pod",
            "metadata": {"name": f"backend-{number}", "labels": {"app": "backend"}},
            "spec": {"containers": [{"image": image}]},
            "status": {
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": ready}],
                "containerStatuses": [{"restartCount": restarts, "lastState": ended}],
            },
        }
        for number in range(2)
    ]
    deployment = {
        "kind": "Deployment",
        "metadata": {"name": "backend"},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "backend"}}},
    }
    slices = {
        "kind": "EndpointSlice",
        "metadata": {"name": "x", "labels": {"kubernetes.io/service-name": "backend-service"}},
        "endpoints": [{"conditions": {"ready": True}}] * endpoints,
    }
    return [deployment, slices, *pods]


def problems(**changes: Any) -> str:
    return "\n".join(check_service("backend", IMAGE, release(**changes), NOW).problems)


def test_a_healthy_service_has_no_problems() -> None:
    assert problems() == ""


def test_each_sign_of_trouble_is_told() -> None:
    assert "0 of 2 pods are ready" in problems(ready="False")
    assert "runs other:1, not todo-chatbot/backend:1" in problems(image="other:1")
    assert "was restarted 30 s ago: Error, exit code 1" in problems(restarts=1)
    assert "no ready endpoint" in problems(endpoints=0)


def test_a_missing_deployment_is_told() -> None:
    assert "does not exist" in check_service("agent", "x", release(), NOW).problems[0]


def test_a_pod_on_its_way_out_does_not_count() -> None:
    objects = release()
    old = release(image="old:1")[2]
    old["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert check_service("backend", IMAGE, [*objects, old], NOW).problems == ()


def test_tls_is_seen_on_the_probe() -> None:
    def with_scheme(scheme: str) -> dict[str, Any]:
        probe = {"httpGet": {"scheme": scheme}}
        return {"spec": {"template": {"spec": {"containers": [{"readinessProbe": probe}]}}}}

    assert probe_scheme(with_scheme("HTTPS")) == "https"
    assert probe_scheme(with_scheme("HTTP")) == ""
