"""A release is healthy when its pods are ready, unrestarted and of the right image, and its Services have endpoints."""

import dataclasses
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.host.shell import Result
from scripts.kube.workloads import Workload
from scripts.pipeline.health import Asked, Probe, check_workload, health_checks, liveness_of, probe_of

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
IMAGE = "todo-chatbot/backend:1"
BACKEND = Workload("Deployment", "shop", "backend", {"backend": IMAGE})


def release(
    *,
    image: str = IMAGE,
    ready: str = "True",
    restarts: int = 0,
    endpoints: int = 2,
    reason: str = "Error",
    code: int = 1,
) -> list[dict[str, Any]]:
    last = {"reason": reason, "exitCode": code, "finishedAt": "2026-01-01T11:59:30Z"}
    ended = {"terminated": last} if restarts else {}
    pods = [
        {
            "kind": "Pod",
            "metadata": {"name": f"backend-{number}", "namespace": "shop", "labels": {"app": "backend"}},
            "spec": {"containers": [{"name": "proxy", "image": "proxy:9"}, {"name": "backend", "image": image}]},
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
        "metadata": {"name": "backend", "namespace": "shop"},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": {"app": "backend"}},
            "template": {"metadata": {"labels": {"app": "backend"}}, "spec": {"containers": []}},
        },
        "status": {},
    }
    service = {
        "kind": "Service",
        "metadata": {"name": "api", "namespace": "shop"},
        "spec": {"selector": {"app": "backend"}, "ports": [{"port": 80, "targetPort": "http"}]},
    }
    slices = {
        "kind": "EndpointSlice",
        "metadata": {"name": "x", "labels": {"kubernetes.io/service-name": "api"}},
        "endpoints": [{"conditions": {"ready": True}}] * endpoints,
    }
    return [deployment, service, slices, *pods]


@pytest.mark.parametrize(
    ("status", "said"),
    [
        ({"replicas": 3, "updatedReplicas": 1, "readyReplicas": 2, "availableReplicas": 2}, "1/2 updated"),
        ({"replicas": 3, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}, "1 old to end"),
        ({"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}, ""),
    ],
)
def test_ready_pods_of_before_a_deploy_prove_nothing(status: dict[str, int], said: str) -> None:
    """A change of a Secret or of a value leaves the image as it was."""
    objects = release()
    objects[0]["status"] = status
    assert said in "".join(check_workload(BACKEND, objects, NOW).problems)
    assert bool(check_workload(BACKEND, objects, NOW).problems) is bool(said)


def test_a_release_that_somebody_scaled_to_nothing_is_not_healthy() -> None:
    objects, wanted = release(), dataclasses.replace(BACKEND, replicas=2)
    objects[0]["spec"]["replicas"] = 0
    (problem,) = check_workload(wanted, objects[:3], NOW).problems
    assert "scaled to 0, and the release says 2" in problem
    assert check_workload(dataclasses.replace(BACKEND, replicas=0), objects[:3], NOW).problems == ()
    objects[0]["spec"]["replicas"] = 1
    check = check_workload(wanted, objects, NOW)
    assert (check.problems, check.text) == ((), "2/1 ready (release: 2), 2 endpoints")


def problems(**changes: Any) -> str:
    return "\n".join(check_workload(BACKEND, release(**changes), NOW).problems)


def test_a_healthy_service_has_no_problems() -> None:
    assert problems() == ""


def test_each_sign_of_trouble_is_told() -> None:
    assert "0 of 2 pods are ready" in problems(ready="False")
    assert "runs other:1, not todo-chatbot/backend:1" in problems(image="other:1")
    assert "was restarted 30 s ago: Error, exit code 1" in problems(restarts=1)
    assert "no ready endpoint" in problems(endpoints=0)


def test_a_restart_of_the_node_is_recognised_and_is_no_problem() -> None:
    check = check_workload(BACKEND, release(restarts=1, reason="Unknown", code=255), NOW)
    assert check.problems == () and check.with_node
    assert not check_workload(BACKEND, release(), NOW).with_node


def test_a_program_that_ends_like_that_itself_is_one() -> None:
    assert "Error, exit code 255" in problems(restarts=1, reason="Error", code=255)
    assert "Unknown, exit code 1" in problems(restarts=1, reason="Unknown", code=1)


def test_a_missing_deployment_is_told() -> None:
    assert "does not exist" in check_workload(Workload("Deployment", "shop", "agent", {}), release(), NOW).problems[0]


def test_a_pod_on_its_way_out_does_not_count() -> None:
    objects = release()
    old = release(image="old:1")[3]
    old["metadata"]["deletionTimestamp"] = "2026-01-01T12:00:00Z"
    assert check_workload(BACKEND, [*objects, old], NOW).problems == ()


def with_probe(probe: dict[str, Any]) -> list[dict[str, Any]]:
    objects = release()
    app = {"name": "backend", "ports": [{"name": "http", "containerPort": 8000}], "readinessProbe": probe}
    objects[0]["spec"]["template"]["spec"]["containers"] = [{"name": "proxy", "ports": [{"containerPort": 15001}]}, app]
    objects[0]["spec"]["template"]["metadata"]["labels"]["app.kubernetes.io/name"] = "backend"
    return objects


def test_the_app_is_asked_where_its_own_probe_asks_by_a_service_of_any_name() -> None:
    asked = with_probe({"httpGet": {"port": "http", "path": "/ready", "scheme": "HTTPS"}})
    assert probe_of(BACKEND, asked) == Probe("api", 80, "/ready", "https")
    assert probe_of(BACKEND, with_probe({"httpGet": {"port": 8000, "path": "/"}})) == Probe("api", 80, "/", "")


def test_an_app_without_an_http_probe_is_not_asked() -> None:
    assert probe_of(BACKEND, with_probe({"exec": {"command": ["true"]}})) is None
    assert probe_of(BACKEND, with_probe({"httpGet": {"port": 9999, "path": "/"}})) is None
    named = {"port": 8000, "path": "/", "httpHeaders": [{"name": "Host", "value": "localhost"}]}
    assert probe_of(BACKEND, with_probe({"httpGet": named})) is None


def with_liveness(**probe: Any) -> list[dict[str, Any]]:
    items = release()
    app = {"name": "backend", "livenessProbe": {"exec": {"command": ["alive", "--now"]}} | probe}
    items[0]["spec"]["template"]["spec"]["containers"] = [app]
    for pod in items[3:]:
        state = {"running": {"startedAt": "2026-01-01T11:59:50Z"}}
        pod["status"]["containerStatuses"] = [{"name": "backend", "restartCount": 0, "lastState": {}, "state": state}]
    return items


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (Result(0, "yes"), ""),
        (Result(1, "", "command terminated with exit code 1"), "alive --now: its livenessProbe fails"),
        (Result(1, "", 'Error from server (Forbidden): cannot create resource "pods/exec"'), ""),
        (Result(126, "", "Error from server (NotFound): pods not found"), ""),
    ],
)
def test_what_the_node_will_kill_before_long_is_not_healthy(answer: Result, problem: str) -> None:
    """The node asks for the first time ten seconds after a pod is ready, and kills after three such times."""
    asked: list[tuple[str, ...]] = []

    def ask(*words: str) -> Result:
        asked.append(words)
        return answer

    kubectl = SimpleNamespace(items=lambda *_: with_liveness(), now=lambda: NOW, ask=ask)
    run: Any = SimpleNamespace(session=SimpleNamespace(kubectl=kubectl), namespace="shop")
    (check,) = health_checks(run, [BACKEND])
    assert "".join(check.problems).startswith(problem) and bool(check.problems) == bool(problem)
    assert [words[0] for words in asked] == ["exec"] and asked[0][-3:] == ("--", "alive", "--now")


def test_an_app_is_asked_whether_it_lives_when_it_is_due() -> None:
    assert liveness_of(BACKEND, with_liveness(), NOW) == Asked("backend-0", "backend", ("alive", "--now"))
    assert liveness_of(BACKEND, with_liveness(initialDelaySeconds=10), NOW)
    assert liveness_of(BACKEND, with_liveness(initialDelaySeconds=11), NOW) is None
    assert liveness_of(BACKEND, with_liveness(periodSeconds=3), NOW)
    assert liveness_of(BACKEND, with_liveness(periodSeconds=2, failureThreshold=4), NOW) is None  # restarts tell
    assert liveness_of(BACKEND, with_probe({"exec": {"command": ["true"]}}), NOW) is None
    assert liveness_of(Workload("Deployment", "shop", "agent", {}), with_liveness(), NOW) is None


def test_a_workload_without_a_service_needs_no_endpoint() -> None:
    objects = [item for item in release(endpoints=0) if item["kind"] != "Service"]
    assert check_workload(BACKEND, objects, NOW).problems == ()
