"""The HorizontalPodAutoscaler of a service: the release's own, or one from its chart, there for the time of a proof."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import parsing
from scripts.kube import objects, quantities
from scripts.kube.helm import template_argv
from scripts.pipeline.lent import REPLICAS_BEFORE
from scripts.verify.scaling.model import Autoscaler, Replicas

KIND = "horizontalpodautoscalers.autoscaling"
TOLERANCE = 0.1  # by which the use may be over the target before an autoscaler acts
READY_SECONDS = 300  # for the pods of the replicas that are put back


def find(items: Iterable[Mapping[str, Any]], service: str) -> Mapping[str, Any] | None:
    """Return the HorizontalPodAutoscaler of a service's Deployment, among some objects."""
    for item in items:
        if item.get("kind") == "HorizontalPodAutoscaler":
            target = item["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) == ("Deployment", service):
                return item
    return None


def described(item: Mapping[str, Any]) -> Autoscaler:
    """Return an autoscaler by its manifest. What the manifest leaves out is as Kubernetes has it by default."""
    spec = item["spec"]
    targets = {
        metric["resource"]["name"]: metric["resource"]["target"]["averageUtilization"]
        for metric in spec.get("metrics") or ()
        if metric["type"] == "Resource" and "averageUtilization" in metric["resource"]["target"]
    }
    if (percent := spec.get("targetCPUUtilizationPercentage")) and not targets:  # as autoscaling/v1 has it
        targets = {"cpu": percent}
    up, down = ((spec.get("behavior") or {}).get(key) or {} for key in ("scaleUp", "scaleDown"))
    # So many percent of a few pods are one at least.
    steps = [
        (policy["value"] if policy["type"] == "Pods" else 1, policy["periodSeconds"])
        for policy in down.get("policies") or ()
    ]
    step, period = max(steps, key=lambda one: one[1] / one[0], default=(1, 15))
    return Autoscaler(
        name=item["metadata"]["name"],
        least=spec.get("minReplicas", 1),
        most=spec["maxReplicas"],
        targets=targets,
        window=down.get("stabilizationWindowSeconds", 300),
        step=step,
        period=period,
        lent=REPLICAS_BEFORE in item["metadata"].get("annotations", {}),
        grows=up.get("selectPolicy") != "Disabled",
        shrinks=down.get("selectPolicy") != "Disabled",
        delay=up.get("stabilizationWindowSeconds", 0),
    )


def counted(scaler: Mapping[str, Any], deployment: Mapping[str, Any]) -> Replicas:
    """Return what both objects say of the replicas now."""
    status = deployment.get("status", {})
    current = status.get("replicas", 0)
    seen = scaler.get("status", {})
    use = {
        metric["resource"]["name"]: metric["resource"]["current"]["averageUtilization"]
        for metric in seen.get("currentMetrics") or ()
        if metric.get("type") == "Resource" and "averageUtilization" in metric["resource"]["current"]
    }
    desired = seen.get("desiredReplicas") or current
    return Replicas(desired, current, status.get("readyReplicas", 0), use)


def inactive(scaler: Mapping[str, Any]) -> str:
    """Return why the autoscaler does not decide, in its own words; nothing where it does."""
    for condition in scaler.get("status", {}).get("conditions") or ():
        if condition["type"] == "ScalingActive":
            return "" if condition["status"] == "True" else str(condition.get("message", "it is not active"))
    return "it has not looked yet"


def objections(scaler: Mapping[str, Any], *, lacking: bool = False) -> list[str]:
    """Return what keeps the autoscaler from asking for more pods, in its own words.

    That it may not ask for more than it did says nothing where pods that it asked for are `lacking`.
    """
    said = []
    up = scaler.get("spec", {}).get("behavior", {}).get("scaleUp") or {}
    if up.get("selectPolicy") == "Disabled":
        said.append("the autoscaler never asks for more pods: its behavior.scaleUp.selectPolicy is Disabled")
    for condition in scaler.get("status", {}).get("conditions") or ():
        kind, status, reason = condition["type"], condition["status"], condition.get("reason", "")
        stopped = kind in ("ScalingActive", "AbleToScale") and status == "False"
        if stopped or (kind == "ScalingLimited" and status == "True" and reason == "TooManyReplicas" and not lacking):
            said.append(f"the autoscaler says {reason}: {condition.get('message', 'no message')}")
    return said


# Reasons of an autoscaler that no waiting takes away, and words of those that may be for good or for a while.
_NEVER = ("InvalidMetricSourceType", "InvalidSelector", "AmbiguousSelector", "FailedGetScale", "ScalingDisabled")
_REFUSED = re.compile("forbidden|denied")
_NEVER_WORDS = ("missing request for", "could not find the requested resource", "forbidden", "no matches for kind")


def lost(scaler: Mapping[str, Any], deployment: Mapping[str, Any]) -> str:
    """Return what is known to end without another pod, in the cluster's words: nobody need wait for it.

    A server refuses further pods for as long as its quota or range of limits stands.
    """
    for condition in (deployment.get("status") or {}).get("conditions") or ():
        said = condition.get("message", "")
        # A conflict over the same quota is tried again, and passes.
        if condition["type"] == "ReplicaFailure" and condition["status"] == "True" and _REFUSED.search(said):
            return f"no further pod is made: {said}"
    if beyond := out_of_reach(described(scaler).targets if scaler.get("spec") else {}, deployment):
        return beyond
    for condition in (scaler.get("status") or {}).get("conditions") or ():
        reason, said = condition.get("reason", ""), condition.get("message", "")
        if condition["type"] not in ("ScalingActive", "AbleToScale") or condition["status"] != "False":
            continue
        if reason in _NEVER or any(words in said for words in _NEVER_WORDS):
            return f"the autoscaler says {reason}: {said}"
    return ""


def out_of_reach(targets: Mapping[str, int], deployment: Mapping[str, Any]) -> str:
    """Return which target its pods can never get above, as their limits end before; nothing where one can be.

    The use is a share of what they request. A container without a limit may use whatever the node has.
    """
    told = []
    for resource, target in targets.items():
        read = {"cpu": quantities.cpu, "memory": quantities.memory}.get(resource)
        containers = objects.template(deployment)["spec"]["containers"] if read and deployment.get("spec") else []
        asked, most = (
            [(one.get("resources") or {}).get(key, {}).get(resource) for one in containers]
            for key in ("requests", "limits")
        )
        if read is None or not containers or None in asked or None in most:
            return ""
        reached = 100 * sum(map(read, most)) / sum(map(read, asked)) if sum(map(read, asked)) else 0.0
        if not 0 < reached <= target * (1 + TOLERANCE):
            return ""
        told.append(f"{target} % of the {resource} that its pods request, and their limits end at {reached:.0f} %")
    return f"the autoscaler asks for more pods above {' and '.join(told)}" if told else ""


def rendered(session: Session, service: str, window: int | None) -> dict[str, Any]:
    """Return the autoscaler that the chart makes where it is on, with another window if one is given.

    Raises UserError if the chart cannot be rendered, or has none for this service.
    """
    release = session.settings.release
    place = release.images.get(service, {}).get("tag", f"{service}.image.tag").removesuffix(".image.tag")
    words = ["--set", f"{place}.autoscaling.enabled=true"]
    if window is not None:
        words += ["--set", f"{place}.autoscaling.scaleDownStabilizationSeconds={window}"]
    argv = template_argv(session.tools["helm"], release, release.values, *words)
    answer = session.shell.probe(argv, timeout=120)
    if not answer:
        raise UserError(f"helm template: {answer.err.strip()}", "correct the chart, then: invoke charts.lint")
    found = find((item for item in parsing.documents_from_yaml(answer.out) if item), service)
    if found is None:
        raise UserError(
            f"{release.chart.name}: no autoscaler of {service}, even with {place}.autoscaling.enabled=true",
            "give the chart a HorizontalPodAutoscaler for it, as its other services have",
        )
    return dict(found)


@contextmanager
def ensure(session: Session, service: str, window: int | None) -> Iterator[Autoscaler]:
    """Yield the release's own autoscaler, or where it has none, the chart's while the block runs.

    A temporary one is removed in the end, whatever happens, and the replicas are what they were before. Raises
    UserError if there is no such Deployment, or if a window is asked for where the release has its own.
    """
    namespace = session.settings.release.namespace
    live = find(_live(session, namespace), service)
    if live is not None and REPLICAS_BEFORE not in live["metadata"].get("annotations", {}):
        if window is not None:
            text = f"--stabilization: the release has its own autoscaler of {service}, which is tested as it is"
            raise UserError(text, f"leave it out, or change {service}.autoscaling.scaleDownStabilizationSeconds")
        yield described(live)
        return
    session.say(
        f"the release has no autoscaler of {service} ({service}.autoscaling.enabled is false): "
        "the chart's own is lent to it for the proof"
    )
    before = live["metadata"]["annotations"][REPLICAS_BEFORE] if live else _replicas(session, namespace, service)
    wanted = rendered(session, service, window)
    wanted["metadata"]["annotations"] = wanted["metadata"].get("annotations", {}) | {REPLICAS_BEFORE: before}
    wanted["metadata"]["labels"] = wanted["metadata"].get("labels", {}) | {
        "app.kubernetes.io/managed-by": "todo-chatbot"
    }
    try:
        session.kubectl.apply([wanted])
        yield described(wanted)
    finally:
        name = wanted["metadata"]["name"]
        session.kubectl.effect("delete", KIND, name, "--namespace", namespace, "--ignore-not-found")
        if session.shell.dry or _replicas(session, namespace, service) != before:
            deployment = f"deployment/{service}"
            session.kubectl.effect("scale", deployment, f"--replicas={before}", "--namespace", namespace)
            session.kubectl.await_rollout(deployment, namespace, READY_SECONDS)


def _live(session: Session, namespace: str) -> list[dict[str, Any]]:
    """Return the autoscalers there are; in a dry run there need be no cluster."""
    if not session.shell.dry:
        return session.kubectl.items(KIND, namespace)
    answer = session.kubectl.ask("get", KIND, "--namespace", namespace, "-o", "json")
    found: list[dict[str, Any]] = parsing.from_json(answer.out)["items"] if answer else []
    return found


def _replicas(session: Session, namespace: str, service: str) -> str:
    """Return the replicas a Deployment asks for; in a dry run there need be none."""
    if session.shell.dry and not session.kubectl.ask("get", "deployment", service, "--namespace", namespace):
        return "BEFORE"
    return str(session.kubectl.get("deployment", service, "--namespace", namespace)["spec"].get("replicas", 1))
