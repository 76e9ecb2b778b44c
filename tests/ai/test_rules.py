"""What the rules say without any tool: use, forecast, anomalies, settings, Dockerfile, proposal."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scripts.ai import offline, samples, trends
from scripts.ai.advice import NAMES, anomalies, collect, dockerfile, forecast, proposal, settings, usage
from scripts.ai.live_release import LiveRelease, Section
from scripts.ai.recipes import read_all
from scripts.ai.samples import RequestCounters, Sample, ServiceSample
from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.kube import metrics, quantities
from scripts.kube.quantities import MIB
from tests.support.own_settings import own_settings

SETTINGS = own_settings()
RESOURCES = {"requests": {"cpu": "200m", "memory": "256Mi"}, "limits": {"cpu": "1000m", "memory": "1Gi"}}


def seen(cpu: float = 10, memory: float = 100, *, pods: int = 2, **more: Any) -> ServiceSample:
    names = [f"backend-{number}" for number in range(pods)]
    return ServiceSample(pods, dict.fromkeys(names, cpu), dict.fromkeys(names, memory * MIB), **more)


def series(values: list[ServiceSample], every: float = 60.0) -> list[Sample]:
    return [Sample(1_000_000 + number * every, {"backend": item}) for number, item in enumerate(values)]


def deployment(
    replicas: int = 2, resources: Any = RESOURCES, name: str = "backend", **container: Any
) -> dict[str, Any]:
    box = {"name": name, "image": "todo-chatbot/backend:1", "resources": resources} | container
    labels = {"app.kubernetes.io/name": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [box]}}
    return {"kind": "Deployment", "metadata": {"name": name}, "spec": {"replicas": replicas, "template": template}}


class State:
    def __init__(self, *items: dict[str, Any]) -> None:
        self.items = items

    def kind(self, name: str) -> list[dict[str, Any]]:
        return [item for item in self.items if item["kind"] == name]


class StillScene(LiveRelease):
    """A live of which everything is given, so that nothing is asked of a cluster."""

    def __init__(self, inputs: dict[str, str], state: State, samples: list[Sample], others: Any = ()) -> None:
        super().__init__(None, SETTINGS, inputs)  # type: ignore[arg-type]
        # What is worked out once is given before it is asked for.
        self.__dict__ |= {"state": state, "findings": [], "samples": samples, "services": ["backend"]}
        self._others = others

    @property
    def all_services(self) -> list[str]:
        return ["backend"]

    def objects(self, kinds: str) -> list[Any]:
        return list(self._others)

    def command(self, *words: str) -> str:
        return " ".join(["kubectl", *words, "--namespace", self.namespace])


def live(*items: dict[str, Any], past: list[Sample] | None = None, **inputs: str) -> StillScene:
    return StillScene(inputs, State(*items), past or [])


# --- use against requests and limits


def test_long_observation_lets_requests_fall_to_what_is_used() -> None:
    found = usage.advise("backend", RESOURCES, series([seen(20, 60)] * 60))
    assert found and "reserves" in found.problem
    assert usage.command(found) == (
        "set", "resources", "deployment/backend", "--requests=cpu=30m,memory=80Mi",
        "--limits=cpu=1000m,memory=1024Mi",
    )  # fmt: skip


def test_a_short_look_never_halves_more_than_once() -> None:
    found = usage.advise("backend", RESOURCES, series([seen(20, 60)] * 3))
    assert found and found.suggested["cpu"] == 100 and found.suggested["memory"] == 128 * MIB


@pytest.mark.parametrize(
    ("value", "problem", "urgency"),
    [
        (seen(20, 1000), "will be killed for a little more", 8),
        (seen(980, 100), "is throttled", 6),
        (seen(20, 300), "among the first to be evicted", 5),
        (seen(250, 200), "slows down when the node is busy", 3),
        (seen(150, 200), "", 0),
    ],
)
def test_what_does_not_fit_is_named(value: ServiceSample, problem: str, urgency: int) -> None:
    found = usage.advise("backend", RESOURCES, series([value] * 60))
    assert found and problem in found.problem and found.urgency == urgency
    assert bool(problem) == bool(found.problem)


def test_without_limits_the_scheduler_guesses() -> None:
    found = usage.advise("backend", {}, series([seen(20, 60)] * 60))
    assert found and "no full set of requests and limits" in found.problem


@given(st.floats(1, 4000), st.floats(1, 8000))
def test_a_suggestion_always_holds_what_was_used(cpu: float, memory: float) -> None:
    found = usage.advise("backend", RESOURCES, series([seen(cpu, memory)] * 60))
    assert found
    wanted = found.suggested
    assert wanted["cpu"] > cpu and wanted["memory"] > memory * MIB
    assert wanted["memoryLimit"] >= wanted["memory"] and wanted["cpuLimit"] >= wanted["cpu"]


def test_the_table_and_the_command_are_shown() -> None:
    section = collect("usage", live(deployment(), past=series([seen(20, 60)] * 60)))
    assert "60 samples over 59 min" in section.lines[0]
    assert section.commands[0].startswith("kubectl set resources deployment/backend --requests=cpu=30m")


def test_no_metrics_are_said_to_be_missing() -> None:
    assert "no metrics" in collect("usage", live(deployment())).lines[0]


# --- forecast


def test_a_rising_load_asks_for_more_pods() -> None:
    rising = series([seen(50 + 10 * number) for number in range(30)])
    row = forecast.forecast("backend", deployment(), rising)
    assert row["trendPerHour"] == pytest.approx(1200, rel=0.02)
    assert row["suggested"] > 2 and row["cpuExpected"] > 2 * 340
    assert forecast.command("backend", row, None) == (
        "scale", "deployment/backend", f"--replicas={row['suggested']}",
    )  # fmt: skip


def test_a_spike_is_no_trend() -> None:
    values = [seen(40)] * 30
    values[15] = seen(900)
    row = forecast.forecast("backend", deployment(), series(values))
    assert row["trendPerHour"] == 0 and row["suggested"] == 2


def test_a_quiet_service_keeps_its_second_pod() -> None:
    row = forecast.forecast("backend", deployment(replicas=4), series([seen(1, pods=4)] * 30))
    assert row["suggested"] == 2


def test_an_autoscaler_is_changed_only_where_its_bound_is_too_low() -> None:
    row = forecast.forecast("backend", deployment(), series([seen(400)] * 30))
    scaler = {"metadata": {"name": "backend"}, "spec": {"minReplicas": 2, "maxReplicas": 10}}
    assert forecast.command("backend", row, scaler) == ()
    scaler["spec"]["maxReplicas"] = 3
    words = forecast.command("backend", row, scaler)
    assert words[:3] == ("patch", "hpa", "backend") and json.loads(words[-1])["spec"]["maxReplicas"] == row["suggested"]


def test_without_use_the_number_is_left_alone() -> None:
    section = collect("forecast", live(deployment()))
    assert "no use is known" in section.lines[0] and not section.commands


# --- anomalies


def answered(requests: float, errors: float = 0, seconds: float = 0) -> dict[str, RequestCounters]:
    return {"pod": RequestCounters(requests, errors, seconds, requests)}


def traffic(counts: list[tuple[float, float, float]]) -> list[Sample]:
    """Samples whose counters grow by (requests, errors, seconds) each time."""
    total = [0.0, 0.0, 0.0]
    found = []
    for grown in counts:
        total = [have + more for have, more in zip(total, grown, strict=True)]
        found.append(seen(answered=answered(*total)))
    return series(found)


def measures(past: list[Sample]) -> dict[str, str]:
    return {item.measure: item.text for item in anomalies.unusual("backend", past)}


def test_errors_above_their_own_baseline_are_found() -> None:
    found = measures(traffic([(100, 1, 2)] * 20 + [(100, 30, 2)]))
    assert set(found) == {"errors"} and "30.0% of requests failed with 5xx, usually 1.0%" in found["errors"]


def test_latency_above_its_own_baseline_is_found() -> None:
    found = measures(traffic([(100, 0, 2)] * 20 + [(100, 0, 60)]))
    assert "600 ms a request, usually 20 ms" in found["latency"]


def test_restarts_are_found_and_old_ones_forgotten() -> None:
    now = series([seen(restarts={"pod": 0})] * 3 + [seen(restarts={"pod": 2})])
    assert "2 restarts within the last hour" in measures(now)["restarts"]
    past = series([seen(restarts={"pod": 0}), seen(restarts={"pod": 2})] + [seen(restarts={"pod": 2})] * 90)
    assert "restarts" not in measures(past)


def test_a_leak_is_found() -> None:
    assert "memory" in measures(series([seen(memory=100 + number % 3) for number in range(20)] + [seen(memory=300)]))


def test_what_is_as_usual_is_no_anomaly() -> None:
    assert measures(traffic([(100 + number % 7, 1, 2 + number % 3 / 10) for number in range(40)])) == {}


def test_many_errors_are_told_without_a_baseline() -> None:
    assert "errors" in measures(traffic([(100, 0, 2), (100, 50, 2)]))


def test_a_counter_that_starts_anew_is_no_storm() -> None:
    past = series([seen(answered=answered(1000, 10, 20)), seen(answered=answered(50, 0, 1))])
    (rate,) = samples.rates(past, "backend")
    assert rate.error_share == 0 and rate.per_second == pytest.approx(50 / 60)


def test_the_metrics_of_a_service_are_summed_without_probes() -> None:
    text = (
        '# TYPE http_requests_total counter\nhttp_requests_total{method="GET",route="/readyz",status="200"} 900\n'
        'http_requests_total{method="GET",route="/api/todos",status="200"} 7\n'
        'http_requests_total{method="GET",route="/api/todos",status="503"} 3\n'
        'http_request_duration_seconds_sum{route="/api/todos"} 1.5\n'
        'http_request_duration_seconds_count{route="/api/todos"} 10\nnonsense\nhttp_requests_total NaNa\n'
    )
    assert samples.answered(metrics.read(text)) == RequestCounters(10, 3, 1.5, 10)


def test_use_is_read_where_it_is_told() -> None:
    def used(name: str, cpu: str, memory: str) -> dict[str, Any]:
        return {"metadata": {"name": name}, "containers": [{"usage": {"cpu": cpu, "memory": memory}}]}

    text = json.dumps({"items": [used("backend-1", "7m", "91Mi"), used("backend-2", "1", "1Gi")]})
    assert samples.read_use(text) == {"backend-1": (7, 91 * MIB), "backend-2": (1000, 1024 * MIB)}
    assert samples.read_use("") == samples.read_use("broken") == samples.read_use("[]") == {}


def test_samples_are_kept_and_bad_lines_forgotten(tmp_path: Path) -> None:
    store = samples.Store(tmp_path / "deep/samples.jsonl")
    (one, two) = traffic([(1, 0, 0), (2, 0, 0)])
    store.add(one)
    with (tmp_path / "deep/samples.jsonl").open("a") as stream:
        stream.write("half a li")
    assert store.add(two) == [one, two] == store.read()


# --- statistics


def test_a_trend_is_not_moved_by_a_few_bad_samples() -> None:
    points = [(float(number), 2.0 * number) for number in range(50)]
    points[10], points[40] = (10.0, 5000.0), (40.0, -900.0)
    line = trends.trend(points)
    assert line and line.slope == pytest.approx(2.0, abs=0.01) and line.at(10) == pytest.approx(118, abs=1)


@given(st.lists(st.floats(0, 1e6), min_size=5, max_size=50))
def test_what_lies_within_its_baseline_is_no_outlier(values: list[float]) -> None:
    from statistics import median

    assert trends.outlier(median(values), values, floor=1.0) is None


def test_a_flat_baseline_has_a_floor() -> None:
    assert trends.outlier(1.02, [1.0] * 20, floor=0.01) is None
    assert trends.outlier(1.1, [1.0] * 20, floor=0.01) is not None
    assert trends.outlier(100, [1.0] * 4, floor=0.01) is None


@pytest.mark.parametrize(
    ("text", "value"), [("200m", 200), ("1", 1000), ("1.5", 1500), ("250000n", 0.25), ("300u", 0.3)]
)
def test_cpu_is_read(text: str, value: float) -> None:
    assert quantities.cpu(text) == pytest.approx(value)


@pytest.mark.parametrize(("text", "value"), [("64Mi", 64 * MIB), ("1Gi", 1024 * MIB), ("1000", 1000), ("2k", 2000)])
def test_memory_is_read(text: str, value: float) -> None:
    assert quantities.memory(text) == value


# --- settings


def test_the_charts_own_shape_is_fine_and_a_bad_one_is_not() -> None:
    bad = deployment(1, {}, image="busybox", securityContext={"privileged": True})
    bad["spec"]["template"]["spec"]["containers"][0]["env"] = [{"name": "API_KEY", "value": "plain"}]
    found = {what for _, what, _ in settings.review(bad)}
    expected = [
        "may be another image tomorrow",
        "sets no requests.cpu",
        "no readinessProbe",
        "no livenessProbe",
        "may run as root",
        "privileged",
        "API_KEY in plain text",
        "no NetworkPolicy",
        "ServiceAccount token",
    ]
    for words in expected:
        assert any(words in what for what in found), words
    good = proposal.manifests("echo", "busybox:1", 8080, 2, "/", "chatbot-dev")[0]
    others = [
        {"kind": "PodDisruptionBudget", "spec": {"selector": {"matchLabels": {"app.kubernetes.io/name": "echo"}}}},
        {"kind": "NetworkPolicy", "spec": {"podSelector": {}}},
    ]
    assert list(settings.review(good, others)) == []


# --- Dockerfile


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("FROM python\nUSER 1\n", "another image tomorrow"),
        ("FROM python:latest\nUSER 1\n", "another image tomorrow"),
        ("FROM python:3.13\n", "runs as root"),
        ("FROM python:3.13\nUSER app\n", "cannot be checked by runAsNonRoot"),
        ("FROM x:1\nENV API_KEY=abc\nUSER 1\n", "a secret in the image"),
        ("FROM x:1\nRUN apt-get update && apt-get install -y curl\nUSER 1\n", "--no-install-recommends"),
        ("FROM x:1\nRUN pip install -r r.txt\nUSER 1\n", "pip's cache"),
        ("FROM x:1\nRUN npm install\nUSER 1\n", "npm ci"),
        ("FROM x:1\nRUN curl https://x | sh\nUSER 1\n", "runs what the network sends"),
        ("FROM x:1\nCOPY . .\nRUN pip install --no-cache-dir -r r.txt\nUSER 1\n", "copies the whole source before"),
        ("FROM x:1\nADD a b\nUSER 1\n", "use COPY"),
        ("FROM x:1\nUSER 1\nCMD python app.py\n", "shell form"),
        ("FROM x:1\nRUN npm run build\nUSER 1\n", "ships its build tools"),
    ],
)
def test_a_doubtful_dockerfile_is_found(text: str, words: str) -> None:
    found = dockerfile.review(text)
    assert any(words in f"{what}; {remedy}" for _, _, what, remedy in found)


@pytest.mark.parametrize("service", [service.name for service in SETTINGS.services])
def test_the_dockerfiles_of_this_repository_are_fine(service: str) -> None:
    section = collect("dockerfile", live(service=service))
    assert [item for item in section.data if item["urgency"] > 3] == []


# --- proposal


def test_a_proposal_is_what_an_answer_may_apply() -> None:
    from scripts.ai import answers
    from scripts.ai.commands import ServedKinds

    section = collect("proposal", live(name="echo", image="busybox:1", port="9000", replicas="2"))
    found = answers.read(offline.render([section]), ServedKinds.default("chatbot-dev"))
    assert [(item.kind, item.problem) for item in found.manifests] == [("Deployment", ""), ("Service", "")]
    body = next(iter(yaml.safe_load_all(section.manifest)))
    assert body["spec"]["template"]["spec"]["containers"][0]["ports"][0]["containerPort"] == 9000
    assert "&id" not in section.manifest


def test_a_proposals_service_is_named_as_the_apps_own_are() -> None:
    section = collect("proposal", live(name="echo", image="busybox:1"))
    assert [item["metadata"]["name"] for item in section.data["manifests"]] == ["echo", "echo-service"]
    plain = [replace(service, address=service.name) for service in SETTINGS.services]
    mixed = [*plain, replace(plain[0], address=f"{plain[0].name}-http")]
    worker = replace(plain[0], address="")
    assert [proposal.suffix(services) for services in (plain, [*plain, worker], mixed)] == ["", "", ""]
    named = [replace(service, address=f"{service.name}-svc") for service in SETTINGS.services]
    assert proposal.suffix([*named, worker]) == "-svc"


def test_what_cannot_be_is_not_proposed() -> None:
    with pytest.raises(UserError, match="not possible"):
        proposal.manifests("echo", "x:1", 70000, 1, "/", "n")
    with pytest.raises(UserError):
        proposal.manifests("echo", "x:1", 80, 1, "/{{x}}", "n")


# --- together


def test_every_rule_that_a_recipe_names_is_there() -> None:
    for recipe in read_all(ROOT).values():
        assert set(recipe.offline) <= set(NAMES)


def test_what_is_broken_comes_first_and_a_blind_rule_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    def one(name: str, live: Any) -> Section:
        if name == "usage":
            raise UserError("the cluster does not answer", "see: invoke cluster.status")
        return Section(name, ("x",), urgency={"anomalies": 8, "settings": 2}.get(name, 0))

    monkeypatch.setattr(offline, "collect", one)
    found = offline.sections(read_all(ROOT)["analyze"], live())
    assert [item.title for item in found] == ["anomalies", "diagnosis", "settings", "Usage"]
    assert found[-1].lines == ("not available: the cluster does not answer (see: invoke cluster.status)",)
