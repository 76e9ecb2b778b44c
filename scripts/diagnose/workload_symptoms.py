"""Symptoms of what makes pods and stands beside them: Deployments and their like, Jobs, claims and autoscalers."""

from __future__ import annotations

from collections.abc import Iterator

from scripts.diagnose.graph import ResourceGraph, created
from scripts.diagnose.model import Object, Snapshot, Symptom, moment
from scripts.kube.objects import claims_of, condition, name_of


def creation_symptoms(graph: ResourceGraph) -> Iterator[Symptom]:
    """Yield Pods that could not even be made: ReplicaSets, StatefulSets, DaemonSets and Jobs that lack some, and say
    why.
    """
    owners: list[tuple[str, Object, bool]] = [
        (service, item, graph.deadline_exceeded(service)) for service, item in graph.newest.items()
    ]
    kinds = ("StatefulSet", "DaemonSet", "Job")
    owners += [(name_of(item), item, False) for kind in kinds for item in graph.state.kind(kind)]
    owners += [(name_of(item), item, False) for item in graph.replica_sets_alone]
    for service, item, overdue in owners:
        have, wanted = _made(item)
        if have >= wanted:
            continue
        failure = condition(item, "ReplicaFailure")
        events = graph.events(item, "FailedCreate")
        if not events and failure.get("status") != "True":
            continue
        told = events[-1].message if events else str(failure.get("message") or "")
        message = told.removeprefix("Error creating: ")
        since = moment(failure.get("lastTransitionTime")) or (events[0].first if events else None)
        count = sum(event.count for event in events) or 1
        kind = str(item["kind"])
        line = f"event FailedCreate of {kind} {name_of(item)} ×{count}: {message}"
        have_line = f"{kind} {name_of(item)} has {have} of {wanted} pods"
        owner = f"{kind.lower()}/{name_of(item)}"
        evidence = (line, have_line, *_quotas(graph.state, message))
        fields = {"message": message, "owner": owner}
        seconds = graph.waited(since)
        yield Symptom(
            "create", service, owner, fields, evidence, seconds=seconds, failures=count, deadline_exceeded=overdue
        )


def _made(item: Object) -> tuple[int, int]:
    """Return how many pods an owner has made, and how many it has to."""
    status, wanted = item.get("status") or {}, (item.get("spec") or {}).get("replicas", 1)
    if item["kind"] == "DaemonSet":
        return int(status.get("currentNumberScheduled") or 0), int(status.get("desiredNumberScheduled") or 0)
    if item["kind"] == "Job":
        return sum(int(status.get(key) or 0) for key in ("active", "succeeded", "failed")), int(wanted)
    return int(status.get("replicas") or 0), int(wanted)


def _quotas(state: Snapshot, message: str) -> list[str]:
    lines = []
    for quota in state.kind("ResourceQuota"):
        if name_of(quota) in message:
            status = quota.get("status") or {}
            used, hard = status.get("used") or {}, status.get("hard") or {}
            full = ", ".join(f"{key} {used.get(key, '?')} of {value}" for key, value in hard.items())
            lines.append(f"ResourceQuota {name_of(quota)} uses {full}")
    return lines


def workload_symptoms(graph: ResourceGraph) -> Iterator[Symptom]:
    """Yield Deployments that are missing, paused, or over their deadline; Jobs, claims and autoscalers that failed."""
    for name in graph.state.services:
        if name not in graph.names:
            yield Symptom("missing", name, f"deployment/{name}", {}, (f"namespace {graph.state.namespace} has none",))
    for name, item in graph.workloads.items():
        progressing = condition(item, "Progressing")
        reason = str(progressing.get("reason") or "")
        message = str(progressing.get("message") or "")
        status, spec = item.get("status") or {}, item.get("spec") or {}
        if graph.deadline_exceeded(name):
            fields = {"reason": reason, "message": message}
            line = f"condition Progressing: {message}"
            yield Symptom("deployment", name, f"deployment/{name}", fields, (line,), deadline_exceeded=True)
        elif spec.get("paused") and status.get("updatedReplicas", 0) < spec.get("replicas", 1):
            line = f"{status.get('updatedReplicas', 0)} of {spec.get('replicas', 1)} pods are of the newest template"
            yield Symptom("deployment", name, f"deployment/{name}", {"reason": "Paused", "message": line}, (line,))
    yield from _jobs(graph)
    yield from _claims(graph)
    yield from _autoscalers(graph)


def _jobs(graph: ResourceGraph) -> Iterator[Symptom]:
    for job in graph.state.kind("Job"):
        failed = condition(job, "Failed")
        if failed.get("status") != "True":
            continue
        name = name_of(job)
        if name in graph.left_behind:
            continue
        logs = [
            line for pod in graph.state.kind("Pod") if graph.service_of(pod)[0] == name
            for key in graph.state.logs if key[0] == name_of(pod) for line in graph.state.logs[key]
        ]  # fmt: skip
        hook = str((job["metadata"].get("annotations") or {}).get("helm.sh/hook", ""))
        fields = {
            "reason": str(failed.get("reason") or ""),
            "message": str(failed.get("message") or ""),
            "log": "\n".join(logs),
            "hook": hook or "no hook",
        }
        lines = [f"condition Failed: {fields['reason']}: {fields['message']}"]
        since = moment(failed.get("lastTransitionTime"))
        over = (f"job/{name}",) if graph.served(name) else ()
        yield Symptom(
            "job", name, f"job/{name}", fields, tuple(lines), seconds=graph.age(since), failures=1, leftovers=over
        )


def _claims(graph: ResourceGraph) -> Iterator[Symptom]:
    for claim in graph.state.kind("PersistentVolumeClaim"):
        phase = str((claim.get("status") or {}).get("phase") or "Pending")
        if phase == "Bound":
            continue
        name = name_of(claim)
        events = graph.events(claim)
        # A class that binds late waits for a pod, which is not a problem of the claim.
        if phase == "Pending" and events and events[-1].reason in ("WaitForFirstConsumer", "WaitForPodScheduled"):
            continue
        users = [owner for owner, workload in graph.workloads.items() if name in claims_of(workload)]
        users += [owner for owner, pod in graph.pods if name in claims_of({"spec": {"template": pod}})]
        spec = claim.get("spec") or {}
        warnings = [event for event in events if event.warning or event.reason == "FailedBinding"]
        fields = {
            "phase": phase,
            "message": warnings[-1].message if warnings else "",
            "class": str(spec.get("storageClassName") or "the default class"),
            "size": str(((spec.get("resources") or {}).get("requests") or {}).get("storage") or "unknown"),
        }
        lines = [f"persistentvolumeclaim {name} is {phase}", *(event.line() for event in events[-1:])]
        yield Symptom(
            "claim", users[0] if users else name, f"pvc/{name}", fields, tuple(lines), seconds=graph.age(created(claim))
        )


def _autoscalers(graph: ResourceGraph) -> Iterator[Symptom]:
    for item in graph.state.kind("HorizontalPodAutoscaler"):
        target = str(((item.get("spec") or {}).get("scaleTargetRef") or {}).get("name") or name_of(item))
        for kind in ("AbleToScale", "ScalingActive"):
            found = condition(item, kind)
            # An autoscaler of a workload that is scaled to zero rests.
            if found.get("status") != "False" or found.get("reason") == "ScalingDisabled":
                continue
            message = str(found.get("message") or "")
            metrics = ", ".join(
                str((metric.get("resource") or {}).get("name") or metric.get("type"))
                for metric in (item.get("spec") or {}).get("metrics") or ()
            )
            fields = {"reason": str(found.get("reason") or ""), "message": message, "metrics": metrics or "none"}
            since = max(filter(None, (moment(found.get("lastTransitionTime")), created(item))), default=None)
            line = f"condition {kind}: {fields['reason']}: {message}"
            yield Symptom("autoscaler", target, f"hpa/{name_of(item)}", fields, (line,), seconds=graph.age(since))
            break
