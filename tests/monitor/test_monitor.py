"""The live view: what is counted between two looks, what is missing and why, and that it fits a small terminal."""

from __future__ import annotations

import asyncio
import io
import json
import math
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from scripts.kube import metrics
from scripts.kube.metrics import Counters
from scripts.monitor import live, rows, sampling, screen
from scripts.monitor.model import Sample, View

NOW = "2026-01-01T12:00:00.000+00:00"


def exposition(answered: int, failed: int, quick: int, slow: int) -> str:
    """What a service answers on /metrics, probes included."""
    return f"""# HELP http_requests_total Requests answered.
# TYPE http_requests_total counter
http_requests_total{{method="GET",route="/readyz",status="503"}} 900.0
http_requests_total{{method="GET",route="/todos",status="200"}} {answered}
http_requests_total{{method="GET",route="/todos",status="500"}} {failed}
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{{le="0.1",method="GET",route="/todos"}} {quick}
http_request_duration_seconds_bucket{{le="1.0",method="GET",route="/todos"}} {quick + slow}
http_request_duration_seconds_bucket{{le="+Inf",method="GET",route="/todos"}} {quick + slow}
http_request_duration_seconds_bucket{{le="+Inf",method="GET",route="/readyz"}} 900.0
http_request_duration_seconds_count{{method="GET",route="/todos"}} {quick + slow}
"""


def pod(name: str, service: str = "backend", *, ready: bool = True, **status: Any) -> dict[str, Any]:
    """A pod as the API server shows it."""
    wanted = {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "1Gi"}}
    container = {
        "name": service,
        "resources": wanted,
        "ports": [{"containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http", "scheme": "HTTP"}},
    }
    state = {"name": service, "ready": ready, "restartCount": 2} | status
    return {
        "metadata": {
            "name": name,
            "labels": {"app.kubernetes.io/name": service},
            "creationTimestamp": "2026-01-01T11:55:00Z",
        },
        "spec": {"containers": [container]},
        "status": {
            "phase": "Running",
            "containerStatuses": [state],
            "conditions": [{"type": "Ready", "status": str(ready)}],
        },
    }


DEPLOYMENT = {
    "metadata": {"name": "backend"},
    "spec": {"replicas": 2, "selector": {"matchLabels": {"app.kubernetes.io/name": "backend"}}},
    "status": {"readyReplicas": 1},
}
SCALER = {
    "spec": {
        "scaleTargetRef": {"name": "backend"}, "minReplicas": 1, "maxReplicas": 4,
        "metrics": [
            {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": 70}}},
            {"type": "Resource", "resource": {"name": "memory", "target": {"averageUtilization": 150}}},
        ],
    },
    "status": {
        "currentReplicas": 2, "desiredReplicas": 3,
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 95}}}],
    },
}  # fmt: skip


def event(kind: str, reason: str, at: str, message: str = "words") -> dict[str, Any]:
    """An event on a pod."""
    about = {"kind": "Pod", "name": "backend-1"}
    return {"type": kind, "reason": reason, "message": message, "lastTimestamp": at, "involvedObject": about}


def sample(at: float, counters: dict[str, Counters], pods: list[dict[str, Any]] | None = None) -> Sample:
    """A look at a release of one service."""
    pods = [pod("backend-1"), pod("backend-2")] if pods is None else pods
    objects = {"deployments": [DEPLOYMENT], "pods": pods, "horizontalpodautoscalers": [SCALER]}
    names = frozenset(item["metadata"]["name"] for item in pods)
    return Sample(at, NOW, objects, {"backend-1": (120.0, 64 * 2**20)}, counters, {}, frozenset({"backend"}), names)


def shown(view: View, width: int = 80, height: int = 24) -> str:
    """The view as it stands on a terminal."""
    console = Console(file=io.StringIO(), width=width, height=height, legacy_windows=False)
    with console.capture() as capture:
        console.print(screen.render(view, width, height))
    return capture.get()


def test_rates_errors_and_latencies_are_those_of_the_time_between_two_looks() -> None:
    before = metrics.parse(exposition(answered=1000, failed=5, quick=1000, slow=5))
    after = metrics.parse(exposition(answered=1018, failed=7, quick=1010, slow=15))
    found = metrics.traffic([metrics.increase(before, after)], 2.0)
    assert (found.rate, found.errors) == (10.0, 0.1)
    assert found.p50 == pytest.approx(0.1) and found.p95 == pytest.approx(0.91)


def test_a_process_that_began_anew_counts_from_zero() -> None:
    before = metrics.parse(exposition(1000, 5, 1000, 5))
    after = metrics.parse(exposition(4, 0, 4, 0))
    assert metrics.traffic([metrics.increase(before, after)], 1.0).rate == 4.0


def test_probes_are_no_traffic() -> None:
    assert all(labels[1] == "/todos" for labels in metrics.parse(exposition(1, 1, 1, 1)).requests)


def test_what_other_frameworks_call_route_and_status_is_read_too() -> None:
    text = (
        "# TYPE http_requests_total counter\n"
        'http_requests_total{method="GET",handler="/health",status="2xx"} 900\n'
        'http_requests_total{method="GET",path="/users",code="200"} 7\n'
        'http_requests_total{method="GET",handler="/users",status="5xx"} 2\n'
        "process_start_time_seconds 1.7e9\n"
    )
    found = metrics.parse(text)
    assert sum(found.requests.values()) == 9 and found.errors == 2 and float(found.born) == 1.7e9


@pytest.mark.parametrize("text", ["", "<html>", "# TYPE other counter\nother_total 1\n"])
def test_what_counts_no_requests_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        metrics.parse(text)


@given(st.lists(st.floats(0.001, 0.999), min_size=1), st.floats(0.01, 1.0))
def test_a_quantile_lies_in_the_bucket_that_holds_it(values: list[float], share: float) -> None:
    edges = [0.1, 0.25, 0.5, 1.0]
    bounds = {edge: float(sum(value <= edge for value in values)) for edge in edges} | {math.inf: float(len(values))}
    found = metrics.quantile(share, bounds)
    exact = sorted(values)[max(0, math.ceil(share * len(values) - 1e-9) - 1)]
    upper = next(edge for edge in edges if exact <= edge)
    lower = max([0.0, *(edge for edge in edges if edge < upper)])
    assert found is not None and lower - 1e-9 <= found <= upper + 1e-9


def test_a_quantile_without_observations_is_unknown_and_beyond_the_last_bound_is_that_bound() -> None:
    assert metrics.quantile(0.5, {}) is None and metrics.quantile(0.5, {1.0: 0.0, math.inf: 0.0}) is None
    assert metrics.quantile(0.5, {1.0: 0.0, math.inf: 3.0}) == 1.0


def test_the_traffic_of_a_service_is_that_of_all_its_pods() -> None:
    first, second = metrics.parse(exposition(10, 0, 10, 0)), metrics.parse(exposition(20, 0, 20, 0))
    view = rows.view(
        sample(0.0, {"backend-1": first, "backend-2": first}),
        sample(2.0, {"backend-1": second, "backend-2": second}),
        namespace="ns", context="ctx",
    )  # fmt: skip
    (service,) = view.services
    assert service.traffic and service.traffic.rate == 10.0 and not service.missing
    text = shown(view)
    assert "2→3 of 1–4: cpu 95%/70% memory –/150%" in text
    assert "120/200/1000m" in text and "64/256/1024Mi" in text


def test_what_is_missing_is_told_with_its_reason_and_never_as_zero() -> None:
    problems = {
        "usage": "404 the server could not find the requested resource",
        "metrics of backend-1": "403 forbidden",
    }
    view = rows.view(sample(0.0, {}), replace(sample(2.0, {}), problems=problems, usage={}), namespace="n", context="c")
    (service,) = view.services
    assert service.traffic is None and service.missing == "403 forbidden"
    assert all(row.cpu is None and row.memory is None for row in view.pods)
    text = shown(view)
    assert "– usage: 404 the server could not find" in text and "– backend: 403 forbidden" in text
    assert "–/200/1000m" in text and " 0.0" not in text
    record = json.loads(json.dumps(live.as_record(view)))
    assert record["services"][0]["traffic"] is None and record["pods"][0]["cpu"] is None
    assert record["missing"] == problems


def test_the_first_look_has_no_rate_yet() -> None:
    look = sample(0.0, {"backend-1": Counters(), "backend-2": Counters()})
    view = rows.view(look, look, namespace="n", context="c")
    assert view.services[0].missing == "new, a rate needs two looks"


def test_troubled_pods_come_first_and_warnings_before_newer_events() -> None:
    waiting = {"waiting": {"reason": "CrashLoopBackOff"}}
    pods = [pod("backend-1"), pod("backend-2", ready=False, state=waiting)]
    events = [
        event("Normal", "Pulled", "2026-01-01T11:59:59Z"),
        event("Warning", "BackOff", "2026-01-01T11:58:00Z", "two\nlines"),
        event("Warning", "Old", "2026-01-01T10:00:00Z"),
    ]
    look = sample(0.0, {}, pods)
    look = replace(look, objects=look.objects | {"events": events})
    view = rows.view(look, look, namespace="n", context="c")
    assert [row.name for row in view.pods] == ["backend-2", "backend-1"]
    assert [row.reason for row in view.events] == ["BackOff", "Pulled"]
    assert "CrashLoopBackOff" in shown(view) and "two lines" in shown(view)


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 20), (200, 50), (80, 10)])
@pytest.mark.parametrize("count", [0, 1, 9, 60])
def test_it_fits_the_terminal(width: int, height: int, count: int) -> None:
    pods = [pod(f"backend-6d8f9c7b5d-{number:05}") for number in range(count)]
    events = [event("Warning", "FailedGetResourceMetric", "2026-01-01T11:59:00Z", "long " * 40)] * count
    look = sample(0.0, {}, pods)
    look = replace(look, objects=look.objects | {"events": events})
    lines = shown(rows.view(look, look, namespace="n", context="c"), width, height).splitlines()
    assert len(lines) <= height and max(map(len, lines)) <= width
    assert count <= 9 or any("more pods" in line for line in lines)


def test_what_many_pods_tell_alike_is_one_line() -> None:
    def told(name: str, message: str, reason: str = "Unhealthy") -> dict[str, Any]:
        about = {"kind": "Pod", "name": name}
        return event("Warning", reason, "2026-01-01T11:59:00Z", message) | {"involvedObject": about}

    events = [
        told("backend-1", "Startup probe failed: http://10.1.2.3:8000/healthz"),
        told("backend-2", "Startup probe failed: http://10.1.2.44:8000/healthz"),
        told("backend-2", "Readiness probe failed"),
    ]
    look = sample(0.0, {})
    look = replace(look, objects=look.objects | {"events": events})
    lines = shown(rows.view(look, look, namespace="n", context="c")).splitlines()
    assert [" ".join(line.split()[1:5]) for line in lines if line.startswith("Unhealthy")] == [
        "1m 2 pods Startup", "1m backend-2 Readiness probe",
    ]  # fmt: skip


def test_a_wide_terminal_shows_how_the_load_went_and_how_near_the_limits_are() -> None:
    look = replace(sample(0.0, {}), usage={"backend-1": (500.0, 1000 * 2.0**20)})
    view = rows.view(look, look, namespace="n", context="c")
    console = Console(file=io.StringIO(), width=120, legacy_windows=False)
    with console.capture() as capture:
        console.print(screen.render(view, 120, 40, {"backend": [0.0, 5.0, 10.0]}))
    text = capture.get()
    assert "▁▄█" in text or "▁▅█" in text
    assert "━" * 6 + "─" * 6 in text and "━" * 12 in text
    assert "TREND" not in shown(view)


def test_a_plot_of_nothing_is_flat() -> None:
    assert screen.sparkline([]) == "" and screen.sparkline([0.0, 0.0]) == "▁▁"


async def test_it_goes_on_until_it_is_told_to_end() -> None:
    over, seen = asyncio.Event(), []

    async def look() -> Sample:
        return sample(float(len(seen)), {})

    def show(before: Sample, after: Sample) -> None:
        seen.append((before.at, after.at))
        if len(seen) == 3:
            over.set()

    await asyncio.wait_for(live.follow(look, over, 0.001, show), 300)
    assert seen == [(0.0, 0.0), (0.0, 1.0), (1.0, 2.0)]


async def test_a_look_that_hangs_does_not_keep_it_from_ending() -> None:
    over = asyncio.Event()

    async def look() -> Sample:
        over.set()
        await asyncio.Event().wait()
        raise AssertionError

    await asyncio.wait_for(live.follow(look, over, 1.0, lambda *_: None), 300)


DATE = format_datetime(datetime.now(UTC) + timedelta(hours=5), usegmt=True)


@pytest.fixture
async def api(tmp_path: Path) -> AsyncIterator[Path]:
    """An API server behind a socket, without a metrics API, whose second pod has no metrics."""

    async def answer(request: web.Request) -> web.Response:
        path = request.path
        if path.endswith("backend-1:8000/proxy/metrics"):
            return web.Response(text=exposition(1, 0, 1, 0))
        if "/proxy/" in path:
            return web.Response(status=404, text="no such page\n")
        if path == "/api/v1/namespaces/ns/pods":
            return web.json_response({"items": [pod("backend-1"), pod("backend-2"), pod("backend-3", ready=False)]})
        if path == "/apis/apps/v1/namespaces/ns/deployments":
            return web.json_response({"items": [DEPLOYMENT]})
        if "metrics.k8s.io" in path:
            return web.json_response({"kind": "Status", "message": "no such group"}, status=404)
        return web.json_response({"items": []}, headers={"Date": DATE})

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.UnixSite(runner, str(tmp_path / "api")).start()
    yield tmp_path / "api"
    await runner.cleanup()


async def test_a_look_takes_what_answers_and_names_the_rest(api: Path) -> None:
    async with sampling.open_sampler(api, "ns", frozenset({"backend"})) as sampler:
        found = await sampler.sample()
    assert set(found.counters) == {"backend-1"} and found.serving == {"backend-1", "backend-2"}
    assert found.problems == {"usage": "404 no such group", "metrics of backend-2": "404 no such page"}
    assert len(found.objects["deployments"]) == 1


async def test_ages_are_told_by_the_clusters_clock(api: Path) -> None:
    async with sampling.open_sampler(api, "ns", frozenset()) as sampler:
        await sampler._get("/readyz")
        assert sampler.now() - datetime.now(UTC) > timedelta(hours=4)


async def test_a_cluster_that_is_gone_is_told_for_every_source(tmp_path: Path) -> None:
    async with sampling.open_sampler(tmp_path / "none", "ns", frozenset({"backend"})) as sampler:
        found = await sampler.sample()
    assert set(found.problems) == set(sampling.PATHS) and not found.objects["pods"]


def test_use_is_read_in_every_unit_a_metrics_server_writes() -> None:
    item = {"metadata": {"name": "a"}, "containers": [{"usage": {"cpu": "3456789n", "memory": "86304Ki"}}]}
    problems: dict[str, str] = {}
    assert sampling.read_usage([item], problems) == {"a": (pytest.approx(3.456789), 86304 * 1024.0)}
    item = {"metadata": {"name": "a"}, "containers": [{"usage": {"cpu": "much", "memory": "1Mi"}}]}
    assert sampling.read_usage([item], problems) == {} and "usage" in problems


def test_a_pod_is_asked_as_its_probe_asks_it() -> None:
    plain = pod("backend-1")
    assert metrics.proxy_name(plain) == "backend-1:8000"
    plain["spec"]["containers"][0]["readinessProbe"]["httpGet"]["scheme"] = "HTTPS"
    assert metrics.proxy_name(plain) == "https:backend-1:8000"
