"""Whether scaling is proved: what the load tool says, what the autoscaler is, the verdict, and the picture of it."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import virtualenvs
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.kube.kubectl import Kubectl
from scripts.reporting import report, report_page
from scripts.reporting.display import PlainDisplay
from scripts.settings.configuration import read_settings
from scripts.verify.scaling import autoscaler, criteria, load, page, plot, proof, watch
from scripts.verify.scaling.model import Autoscaler, Proof, Replicas, Sample, Tick
from tests.reporting.test_report_page import Tags, run
from tests.support.cluster_settings import configuration
from tests.support.scripted import Scripted

GOLDEN = ROOT / "tests/golden/scaling/plot.svg"
SCALER = Autoscaler("backend", 2, 4, {"cpu": 70, "memory": 150}, window=30, step=1, period=30, lent=True)
MANIFEST: dict[str, Any] = {
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "backend", "namespace": "chatbot-dev"},
    "spec": {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "backend"},
        "minReplicas": 2,
        "maxReplicas": 4,
        "metrics": [
            {
                "type": "Resource",
                "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 70}},
            }
        ],
        "behavior": {
            "scaleDown": {
                "stabilizationWindowSeconds": 120,
                "policies": [{"type": "Pods", "value": 1, "periodSeconds": 30}],
            }
        },
    },
}


def condition(kind: str, status: str, reason: str, message: str) -> dict[str, Any]:
    """An autoscaler that says so."""
    return {"status": {"conditions": [{"type": kind, "status": status, "reason": reason, "message": message}]}}


def second(number: int, phase: str, ready: int, **changes: Any) -> Sample:
    """A second in which all is well, with so many pods."""
    busy = phase == "load"
    calm = Sample(
        second=float(number), phase="load" if busy else "calm", users=40 if busy else 2, rate=180.0 if busy else 10.0,
        requests=180 if busy else 10, failed=0, p50=12.0 if busy else 4.0, p95=41.5 if busy else 9.0, desired=ready,
        current=ready, ready=ready, use={"cpu": 150 if busy else 8, "memory": 55},
    )  # fmt: skip
    return replace(calm, **changes)


def life() -> list[Sample]:
    """A service that does what it should: out after 16 s, in again half a minute after the load."""
    return [
        replace(second(1, "load", 2), rate=0.0, requests=0, p50=None, p95=None, use={}),
        *(second(number, "load", 2) for number in range(2, 15)),
        *(second(number, "load", 2, desired=3, current=3) for number in range(15, 17)),
        *(second(number, "load", 3) for number in range(17, 23)),
        *(second(number, "calm", 3) for number in range(23, 53)),
        *(second(number, "calm", 2) for number in range(53, 57)),
    ]


def shown(samples: list[Sample], **changes: Any) -> Proof:
    """The proof that these seconds make."""
    return Proof(
        started="2026-01-01T12:00:00.000+00:00", environment="dev", target="embedded", service="backend", users=40,
        start=2, autoscaler=SCALER, samples=tuple(samples), problems=tuple(criteria.problems(samples, SCALER, 2)),
    )  # fmt: skip


def test_out_and_in_without_a_failure_is_proved() -> None:
    assert criteria.problems(life(), SCALER, 2) == []


def test_a_service_that_stays_as_it_is_has_not_scaled_and_it_says_how_far_it_was() -> None:
    [problem] = criteria.problems([second(number, "load", 2) for number in range(1, 180)], SCALER, 2)
    assert "no scale-out in 179 s" in problem and "cpu: 150 % of the request at most, the target is 70 %" in problem


@pytest.mark.parametrize(
    ("changes", "scaler", "said"),
    [
        ({"use": {"cpu": 40}}, {}, "more people: --users"),
        ({"use": {"cpu": 75}}, {}, "more people: --users"),  # a tenth over the target moves no autoscaler
        ({"use": {"cpu": 150}}, {}, "the use was above the target, and the autoscaler asked for no more pods"),
        ({"use": {}}, {}, "the autoscaler has no figures: is the metrics API there?"),
        ({"use": {"cpu": 40}, "failed": 90, "requests": 100}, {}, "most requests failed"),
        ({"use": {"cpu": 40}, "failed": 20, "requests": 100}, {}, "many requests failed"),
        # Who waits for a database, or for processors that this machine has not, gets no faster by more people.
        ({"use": {"cpu": 40}, "p95": 6000.0}, {}, "requests took 6000 ms in the end and it had CPU to spare"),
        ({"use": {"cpu": 150}}, {"most": 2}, "the autoscaler allows no more than 2"),
        ({"use": {"cpu": 150}, "desired": 4, "current": 3}, {}, "a pod was asked for that did not become ready"),
        ({"use": {}}, {"targets": {}}, "it decides by other figures"),  # such as an average value, or requests a second
    ],
)
def test_the_numbers_of_a_service_that_stays_as_it_is_name_the_cause(
    changes: dict[str, Any], scaler: dict[str, Any], said: str
) -> None:
    samples = [replace(second(number, "load", 2), **changes) for number in range(1, 180)]
    told = criteria.problems(samples, replace(SCALER, **scaler), 2)
    assert said in told[0] and ("--users" in told[0]) == ("--users" in said)


def test_a_pod_that_load_takes_away_for_a_while_asks_for_no_more_people() -> None:
    samples = [replace(second(number, "load", 2), use={"cpu": 40}, ready=1 + number // 90) for number in range(60, 180)]
    [told] = criteria.problems(samples, SCALER, 2)
    assert "some were not ready any more while there was load" in told and "--users" not in told


@pytest.mark.parametrize(
    ("item", "said"),
    [
        ({"spec": {"behavior": {"scaleUp": {"selectPolicy": "Disabled"}}}}, "selectPolicy is Disabled"),
        (condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics"), "FailedGetResourceMetric: no"),
        (condition("AbleToScale", "False", "FailedUpdateScale", "forbidden"), "FailedUpdateScale: forbidden"),
        (condition("ScalingLimited", "True", "TooManyReplicas", "the maximum"), "TooManyReplicas: the maximum"),
        (condition("ScalingLimited", "True", "TooFewReplicas", "the minimum"), ""),
        (condition("ScalingActive", "True", "ValidMetricFound", "all is well"), ""),
    ],
)
def test_what_keeps_an_autoscaler_from_more_pods_is_told_in_its_own_words(item: dict[str, Any], said: str) -> None:
    told = autoscaler.objections(item)
    assert said in told[0] if said else told == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"maxReplicas": 2}, "keeps 2 pods, and allows no more than 2"),
        ({"behavior": {"scaleUp": {"selectPolicy": "Disabled"}}}, "never adds a pod"),
        ({"behavior": {"scaleDown": {"selectPolicy": "Disabled"}}}, "never removes a pod"),
        ({"behavior": None, "metrics": None}, ""),
    ],
)
def test_an_autoscaler_that_can_never_do_both_is_refused_before_minutes_of_load(
    change: dict[str, Any], said: str
) -> None:
    scaler = autoscaler.described(MANIFEST | {"spec": MANIFEST["spec"] | change})
    with pytest.raises(UserError, match=said) if said else nullcontext():
        criteria.refuse_hopeless(scaler)


def test_a_program_that_keeps_its_memory_is_why_a_service_stays_large() -> None:
    scaler = replace(SCALER, targets={"cpu": 70, "memory": 80})
    samples = [*life()[:-5], replace(life()[-5], use={"cpu": 3, "memory": 78})]
    [problem] = criteria.problems(samples, scaler, 2)
    assert "memory is still at 78 % of the request, the target is 80 %" in problem and "cpu is still" not in problem


def test_pods_that_never_become_ready_are_no_scale_out() -> None:
    stuck = [second(number, "load", 2, desired=4, current=4) for number in range(1, 180)]
    pending = "no node has room for a pod of backend: Insufficient cpu; ask for less"
    assert criteria.problems(stuck, SCALER, 2, [pending])[-1] == pending
    [problem] = criteria.problems(stuck, SCALER, 2)
    assert "2 of 4 pods were ready" in problem


def test_a_service_that_stays_large_has_not_scaled_in() -> None:
    [problem] = criteria.problems(life()[:-4], SCALER, 2)
    assert "not scaled in: 3 replicas, the minimum is 2, after 29 s" in problem and "looks back 30 s" in problem


def test_more_than_the_maximum_is_a_problem() -> None:
    wild = [*life()[:16], second(17, "load", 5), *life()[17:]]
    assert criteria.problems(wild, SCALER, 2) == ["5 replicas, more than the maximum of 4"]


def test_one_failed_request_spoils_it_and_is_told() -> None:
    samples = life()
    samples[30] = replace(samples[30], failed=1, problems=("GET /api/todos: 502 (1 times)",))
    [problem] = criteria.problems(samples, SCALER, 2)
    assert problem.startswith("1 of ") and problem.endswith("GET /api/todos: 502 (1 times)")


def test_no_request_at_all_proves_nothing() -> None:
    assert criteria.problems([], SCALER, 2) == ["the load made no request at all"]


def test_what_is_wrong_with_the_pods_is_told_also_where_no_request_came_about() -> None:
    samples = [second(1, "load", 0, requests=0)]
    assert criteria.problems(samples, SCALER, 2, ["no node has enough cpu"])[1:] == ["no node has enough cpu"]


def test_an_autoscaler_at_its_maximum_is_no_cause_where_its_pods_cannot_start() -> None:
    full = condition("ScalingLimited", "True", "TooManyReplicas", "the maximum")
    assert autoscaler.objections(full) and not autoscaler.objections(full, lacking=True)


def test_the_load_goes_on_until_it_is_seen_what_new_pods_are_good_for() -> None:
    samples = life()
    first = next(number for number in range(1, len(samples)) if criteria.load_held(samples[:number], 2))
    assert samples[first - 1].second == 17 + criteria.LOAD_HELD_SECONDS


def test_the_end_is_when_the_service_has_been_small_for_some_seconds() -> None:
    samples = life()
    first = next(number for number in range(30, len(samples) + 1) if criteria.idle_held(samples[:number], SCALER))
    assert samples[first - 1].second == 52 + criteria.IDLE_HELD_SECONDS


@given(least=st.integers(1, 5), more=st.integers(1, 20), step=st.integers(1, 5), window=st.integers(0, 600))
def test_patience_covers_the_autoscalers_own_rules(least: int, more: int, step: int, window: int) -> None:
    scaler = replace(SCALER, least=least, most=least + more, step=step, window=window)
    assert criteria.scale_in_timeout(scaler) >= window + more / step * scaler.period


def test_what_locust_prints_is_read_and_the_rest_is_let_be() -> None:
    line = (
        '{"users": 3, "seconds": 1.0, "requests": 2, "failed": 1, "p50": 4.2, "p95": 9.0, "problems": ["GET /: 500"]}'
    )
    assert load.parse(line) == Tick(3, 1.0, 2, 1, 4.2, 9.0, ("GET /: 500",))
    for other in ("", "Type     Name   # reqs", '{"name": "something else"}', "[2026-01-01] WARNING/locust: high CPU"):
        assert load.parse(other) is None


def test_a_second_is_what_the_load_tool_and_the_cluster_say_together() -> None:
    made = criteria.sample(Tick(3, 2.0, 9, 0, None, None), 1.04, "load", Replicas(3, 3, 2, {"cpu": 81}))
    assert (made.second, made.rate, made.desired, made.ready, made.use) == (1.0, 4.5, 3, 2, {"cpu": 81})


def test_an_autoscaler_is_described_by_its_manifest() -> None:
    assert autoscaler.described(MANIFEST) == Autoscaler("backend", 2, 4, {"cpu": 70}, window=120, step=1, period=30)


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [
        (
            {"behavior": {"scaleDown": {"policies": [{"type": "Percent", "value": 10, "periodSeconds": 60}]}}},
            "period",
            60,
        ),
        ({"behavior": {"scaleUp": {"stabilizationWindowSeconds": 300}}}, "delay", 300),
        ({"metrics": None, "targetCPUUtilizationPercentage": 80}, "targets", {"cpu": 80}),
    ],
)
def test_an_autoscaler_is_waited_for_by_its_own_rules(change: dict[str, Any], key: str, value: object) -> None:
    scaler = autoscaler.described(MANIFEST | {"spec": MANIFEST["spec"] | change})
    assert getattr(scaler, key) == value
    assert criteria.scale_out_timeout(scaler) == criteria.OUT_SECONDS + scaler.delay


def test_what_a_manifest_leaves_out_is_as_kubernetes_has_it() -> None:
    bare = {"metadata": {"name": "x"}, "spec": {"maxReplicas": 3}}
    assert autoscaler.described(bare) == Autoscaler("x", 1, 3, {}, window=300, step=1, period=15)


def test_the_autoscaler_of_a_service_is_found_by_what_it_scales() -> None:
    other = MANIFEST | {"spec": MANIFEST["spec"] | {"scaleTargetRef": {"kind": "Deployment", "name": "agent"}}}
    assert autoscaler.find([{"kind": "Service"}, other, MANIFEST], "backend") is MANIFEST
    assert autoscaler.find([other], "backend") is None


def test_replicas_and_use_are_read_from_both_objects() -> None:
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": 83}}}, {"type": ""}]
    scaler = {"status": {"desiredReplicas": 3, "currentMetrics": metrics}}
    assert autoscaler.counted(scaler, {"status": {"replicas": 3, "readyReplicas": 2}}) == Replicas(3, 3, 2, {"cpu": 83})
    assert autoscaler.counted({}, {}) == Replicas(0, 0, 0, {})


@pytest.mark.parametrize(
    ("status", "why"),
    [
        ({}, "it has not looked yet"),
        ({"conditions": [{"type": "ScalingActive", "status": "True"}]}, ""),
        ({"conditions": [{"type": "ScalingActive", "status": "False", "message": "no metrics"}]}, "no metrics"),
    ],
)
def test_an_autoscaler_without_metrics_says_so(status: dict[str, Any], why: str) -> None:
    assert autoscaler.inactive({"status": status}) == why


REFUSED = 'pods "backend-x" is forbidden: exceeded quota: small, requested: pods=1, used: pods=2, limited: pods=2'
CONFLICT = 'Operation cannot be fulfilled on resourcequotas "small": the object has been modified'


@pytest.mark.parametrize(
    ("scaler", "failure", "told"),
    [
        ({}, REFUSED, "exceeded quota: small"),
        ({}, 'pods "b" is forbidden: maximum cpu usage per Container is 100m, but limit is 1', "maximum cpu usage"),
        ({}, CONFLICT, ""),  # the server tries again by itself
        (
            condition("ScalingActive", "False", "FailedGetResourceMetric", "missing request for cpu"),
            "",
            "missing request",
        ),
        (condition("ScalingActive", "False", "FailedGetResourceMetric", "no metrics returned"), "", ""),  # not yet
        (condition("AbleToScale", "True", "ReadyForNewScale", "recommended size matches"), "", ""),
    ],
)
def test_what_no_waiting_brings_is_told_at_once(scaler: dict[str, Any], failure: str, told: str) -> None:
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": failure}
    lost = autoscaler.lost(scaler, {"status": {"conditions": [failed] if failure else []}})
    assert told in lost and bool(lost) == bool(told)


@pytest.mark.parametrize(
    ("target", "limits", "hopeless"),
    [(95, "100m", True), (90, "100m", False), (150, "200m", False), (190, "200m", True), (500, None, False)],
)
def test_a_target_that_the_limits_keep_out_of_reach_asks_for_no_more_people(
    target: int, limits: str | None, hopeless: bool
) -> None:
    metric = {"type": "Resource", "resource": {"name": "cpu", "target": {"averageUtilization": target}}}
    scaler = {"metadata": {"name": "b"}, "spec": {"maxReplicas": 3, "metrics": [metric]}}
    resources = {"requests": {"cpu": "100m"}, "limits": {"cpu": limits} if limits else {}}
    spec = {"template": {"spec": {"containers": [{"name": "b", "resources": resources}]}}}
    lost = autoscaler.lost(scaler, {"spec": spec, "status": {}})
    assert ("their limits end at" in lost) == hopeless
    assert not hopeless or "raise its limits above its requests" in criteria.remedy(lost, "b")


def test_a_refused_pod_ends_the_load_and_names_its_quota(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits three minutes for pods that the server refuses."""
    news, waited = watch.ReplicaObserver(), list[float]()
    failed = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": REFUSED}
    news.put("Deployment", {"status": {"replicas": 2, "readyReplicas": 2, "conditions": [failed]}})
    news.put(watch.LINE, '{"users": 10, "seconds": 1, "requests": 9, "failed": 0, "p50": 1, "p95": 2, "problems": []}')
    take = news.next_line
    monkeypatch.setattr(news, "next_line", lambda left: take(0) if len(waited) < 9 and not waited.append(left) else "")
    samples: list[Sample] = []
    run = Run(Session(read_settings(), Shell(dry=True, echo=lambda line: None)), PlainDisplay(io.StringIO()))
    proof._load(run, "backend", SCALER, news, samples, 2)
    assert len(samples) == 1 and len(waited) == 2
    assert "ResourceQuota" in criteria.remedy(autoscaler.lost(news.scaler, news.deployment), "backend")


def test_news_come_in_order_and_an_end_is_an_error() -> None:
    news = watch.ReplicaObserver()
    news.put("Deployment", {"status": {"replicas": 2, "readyReplicas": 2}})
    news.put(watch.LINE, "one")
    news.put(watch.END, "the load ended by itself")
    assert [news.next_line(1), news.next_line(1)] == [None, "one"] and news.replicas.ready == 2
    with pytest.raises(UserError, match="ended by itself"):
        news.next_line(1)
    assert news.next_line(0) is None


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"service": "agent"}, "choose one of: backend, frontend"),
        ({"service": "backand"}, "choose one of"),
        ({"users": 0}, "limit the rate"),
        ({"users": 100_000}, "limit the rate"),
        ({"stabilization": -1}, ""),
    ],
)
def test_what_cannot_be_meant_is_refused_before_anything_is_done(words: dict[str, Any], said: str) -> None:
    session = Session(read_settings(), Shell(dry=True, echo=lambda line: pytest.fail(line)))
    with pytest.raises(UserError) as problem:
        proof.prove(Run(session, PlainDisplay(io.StringIO())), **{"service": "backend", "users": 10} | words)
    assert said in problem.value.hint


def test_of_an_app_that_names_nothing_under_load_the_key_is_asked_for(tmp_path: Path) -> None:
    known = read_settings()
    session = Session(replace(known, app=replace(known.app, under_load=())), Shell(dry=True, echo=lambda line: None))
    with pytest.raises(UserError, match=r"config/apps/todo-chatbot.yaml: underLoad: missing"):
        proof.prove(Run(session, PlainDisplay(io.StringIO())), users=10)


@pytest.fixture
def lent(tmp_path: Path) -> tuple[Session, list[str], Scripted]:
    """A release without an autoscaler, whose chart has one; what is done to it; and its kubectl."""
    done: list[str] = []
    kubectl = Scripted(tmp_path, "kubectl")
    session = Session(configuration(tmp_path), Shell(echo=done.append))
    session.__dict__["kubectl"] = Kubectl(kubectl.binary, tmp_path / "kubeconfig", "k", session.shell)
    return session, done, kubectl


def answers(kubectl: Scripted, session: Session, live: list[Mapping[str, Any]], replicas: list[int]) -> None:
    """Make the scripted programs a cluster with these autoscalers, and replicas as asked for one after the other."""
    space = ["--namespace", "chatbot-dev"]

    def call(*words: str) -> list[str]:
        return session.kubectl.command(*words)[1:]

    deployments = [json.dumps({"metadata": {}, "spec": {"replicas": number}}) for number in replicas]
    wait = ["rollout", "status", "deployment/backend", *space, "--timeout=300s"]
    calls = {
        ("get", autoscaler.KIND, *space, "-o", "json"): [json.dumps({"items": live})],
        ("get", "deployment", "backend", *space, "-o", "json"): deployments,
        ("apply", "--server-side", "--force-conflicts", "--field-manager=todo-chatbot", "--filename", "-"): [""],
        ("delete", autoscaler.KIND, "backend", *space, "--ignore-not-found"): [""],
        ("scale", "deployment/backend", "--replicas=2", *space): [""],
        tuple(wait): [""],
    }
    kubectl.answers(*({"argv": call(*words), "out": out, "exit": 0} for words, out in calls.items()))


class Interrupted(Exception):
    """What stops a proof."""


@pytest.mark.slow
def test_an_autoscaler_that_was_lent_is_taken_away_whatever_happens(
    lent: tuple[Session, list[str], Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, done, kubectl = lent
    answers(kubectl, session, [], [2, 4])
    monkeypatch.setattr(autoscaler, "rendered", lambda *_: json.loads(json.dumps(MANIFEST)))
    with pytest.raises(Interrupted), autoscaler.ensure(session, "backend", None):
        raise Interrupted
    acts = [line.split("--context k ")[1].split()[0] for line in done if line.startswith("$ ")]
    assert acts == ["apply", "delete", "scale", "rollout"]
    assert '"todo-chatbot/replicas-before": "2"' in done[1]


@pytest.mark.slow
def test_what_a_killed_run_left_is_taken_over(
    lent: tuple[Session, list[str], Scripted], monkeypatch: pytest.MonkeyPatch
) -> None:
    session, done, kubectl = lent
    left = MANIFEST | {"metadata": MANIFEST["metadata"] | {"annotations": {autoscaler.REPLICAS_BEFORE: "2"}}}
    answers(kubectl, session, [left], [4])
    monkeypatch.setattr(autoscaler, "rendered", lambda *_: json.loads(json.dumps(MANIFEST)))
    with autoscaler.ensure(session, "backend", None) as scaler:
        assert scaler.lent
    assert any("--replicas=2" in line for line in done)


@pytest.mark.slow
def test_the_releases_own_autoscaler_is_used_and_left_alone(lent: tuple[Session, list[str], Scripted]) -> None:
    session, done, kubectl = lent
    answers(kubectl, session, [MANIFEST], [2])
    with autoscaler.ensure(session, "backend", None) as scaler:
        assert (scaler.window, scaler.lent) == (120, False)
    assert done == []
    with (
        pytest.raises(UserError, match="has its own autoscaler"),
        autoscaler.ensure(session, "backend", 5),
    ):
        pass


@pytest.mark.slow
def test_the_chart_makes_the_autoscaler_that_is_lent() -> None:
    session = Session(read_settings(), Shell())
    made = autoscaler.described(autoscaler.rendered(session, "backend", None))
    assert (made.most, made.targets["cpu"], made.window) == (4, 70, 120)  # as docs/values.md has them
    assert autoscaler.described(autoscaler.rendered(session, "backend", 7)).window == 7


@pytest.mark.slow
def test_a_dry_run_shows_what_it_would_do_and_does_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done: list[str] = []
    session = Session(read_settings(), Shell(dry=True, echo=done.append), target="embedded")
    assert proof.prove(Run(session, PlainDisplay(io.StringIO())), "backend", users=10) is None
    text = "\n".join(done)
    assert text.index("apply") < text.index("pip install") < text.index("bin/locust") < text.index("delete")
    made = {file.relative_to(tmp_path).parts[:3] for file in tmp_path.rglob("*") if file.is_file()}
    assert made <= {("cache", "todo-chatbot", "settings")}, "what is remembered of the configuration, and nothing else"


def test_the_record_holds_all_of_it(tmp_path: Path) -> None:
    made = shown(life())
    record, drawn = page.write(made, tmp_path)
    data = json.loads(record.read_text())
    assert data["ok"] and data["most_replicas"] == 3 and data["out_seconds"] == 17 and data["in_seconds"] == 29
    assert page.from_json(data) == made
    assert "Scaling of backend: shown" in drawn.read_text()


def test_the_page_of_the_last_runs_shows_the_newest_proof(tmp_path: Path) -> None:
    report.write(run(1), tmp_path)
    page.write(shown(life()), tmp_path)
    text = report_page.render(report_page.read(tmp_path), page.newest(tmp_path))
    tags = Tags()
    tags.feed(text)
    assert "Scaling of backend: shown" in text and tags.seen.count("svg") == 3 and tags.links == []


def test_a_proof_that_failed_says_why_on_its_page() -> None:
    text = page.render(shown([second(number, "load", 2) for number in range(1, 180)]))
    assert "not shown" in text and "no scale-out in 179 s" in text
    assert "none" in dict(page.rows(shown([])))["latency"] and "no requests" not in page.render(shown([]))


def test_the_plot_is_as_in_the_golden_file() -> None:
    """`UPDATE_GOLDEN=1` writes it anew: look at it in a browser."""
    drawn = plot.draw(shown(life())).replace("><", ">\n<") + "\n"
    if os.environ.get("UPDATE_GOLDEN"):
        GOLDEN.write_text(drawn, encoding="utf-8")
    assert drawn == GOLDEN.read_text(encoding="utf-8")
    ElementTree.fromstring(drawn)  # noqa: S314 it is our own


def test_a_failure_is_marked_in_the_plot() -> None:
    samples = life()
    samples[30] = replace(samples[30], failed=2, problems=("GET <x>: 502",))
    drawn = plot.draw(shown(samples))
    assert "2 failed: GET &lt;x&gt;: 502" in drawn


@given(top=st.floats(0.001, 1e6), wanted=st.integers(2, 12), whole=st.booleans())
def test_marks_on_an_axis_are_round_few_and_cover_it(top: float, wanted: int, whole: bool) -> None:
    marks = plot.steps(top, wanted=wanted, whole=whole)
    assert marks[0] == 0 and marks[-1] >= top * (1 - 1e-6) and len(marks) <= wanted + 2
    assert not whole or all(mark == int(mark) for mark in marks)


@pytest.mark.slow
def test_an_environment_that_cannot_be_made_is_said_and_never_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", "")
    (tmp_path / "lock.txt").write_text("no-such-package==1.0\n")
    with pytest.raises(UserError, match="failed") as problem:
        virtualenvs.ensure(Shell(echo=lambda line: None), tmp_path, "lock.txt", "load")
    assert "registry" in problem.value.hint and not virtualenvs.is_made(tmp_path, "lock.txt", "load")
