"""States of a namespace that were never recorded: Deployments, pods and events made up in the words of Kubernetes."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from scripts import diagnose
from scripts.diagnose import Finding, Snapshot

RULES = diagnose.read_rules()
NOW = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
Object = dict[str, Any]


def ago(seconds: float) -> str:
    return (NOW - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def running(since: float = 60, **rest: Any) -> Object:
    return {"state": {"running": {"startedAt": ago(since)}}, "ready": False, "restartCount": 0, "started": True} | rest


def ready(since: float = 60) -> Object:
    return running(since, ready=True)


def waiting(reason: str, message: str = "") -> Object:
    return {"state": {"waiting": {"reason": reason, "message": message}}, "ready": False, "restartCount": 0}


def crashed(code: int, reason: str = "Error", restarts: int = 3, message: str = "") -> Object:
    ended = {"exitCode": code, "reason": reason, "startedAt": ago(22), "finishedAt": ago(20), "message": message}
    return {
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s restarting failed container"}},
        "lastState": {"terminated": ended},
        "ready": False,
        "restartCount": restarts,
    }


def event(
    of: Object, reason: str, message: str, *, container: str = "", count: int = 3, kind: str = "Warning"
) -> Object:
    involved = {"kind": of["kind"], "name": of["metadata"]["name"], "uid": of["metadata"]["uid"]}
    if container:
        involved["fieldPath"] = f"spec.containers{{{container}}}"
    return {
        "kind": "Event",
        "metadata": {"name": f"e-{reason}-{abs(hash(message))}"},
        "type": kind,
        "reason": reason,
        "message": message,
        "involvedObject": involved,
        "count": count,
        "firstTimestamp": ago(60),
        "lastTimestamp": ago(2),
    }


def service(name: str = "backend-service", selector: dict[str, str] | None = None, port: Any = "http") -> Object:
    return {
        "kind": "Service",
        "metadata": {"name": name, "uid": name, "creationTimestamp": ago(100)},
        "spec": {
            "selector": selector or {"app": name.removesuffix("-service")},
            "clusterIP": "10.96.7.7",
            "ports": [{"port": 8000, "targetPort": port}],
        },
    }


def workload(
    name: str = "backend",
    status: Object | None = None,
    *,
    container: Object | None = None,
    pod: Object | None = None,
    pod_status: Object | None = None,
    spec: Object | None = None,
    replicas: int = 1,
    pods: int = 1,
) -> list[Object]:
    """A Deployment with its ReplicaSet and pods, all of whose containers are in the state `status`."""
    made = {
        "name": name,
        "image": f"todo-chatbot/{name}:1",
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"name": "http", "containerPort": 8000}],
        "readinessProbe": {"httpGet": {"path": "/readyz", "port": "http", "scheme": "HTTP"}, "periodSeconds": 2},
    } | (container or {})
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [made]} | (pod or {})}
    ok = bool((status or ready()).get("ready"))
    deployment: Object = {
        "kind": "Deployment",
        "metadata": {"name": name, "uid": f"d-{name}", "generation": 1, "creationTimestamp": ago(100)},
        "spec": {"replicas": replicas, "template": template, "selector": {"matchLabels": {"app": name}}} | (spec or {}),
        "status": {"observedGeneration": 1, "replicas": pods, "updatedReplicas": pods, "availableReplicas": int(ok)},
    }
    replica_set: Object = {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"{name}-1",
            "uid": f"r-{name}",
            "creationTimestamp": ago(100),
            "ownerReferences": [{"kind": "Deployment", "name": name, "uid": f"d-{name}", "controller": True}],
        },
        "spec": {"replicas": replicas, "template": copy.deepcopy(template)},
        "status": {"replicas": pods},
    }
    items = [deployment, replica_set]
    for number in range(pods):
        conditions = [
            {"type": "PodScheduled", "status": "True"},
            {"type": "Ready", "status": "True" if ok else "False", "lastTransitionTime": ago(60)},
        ]
        items.append(
            {
                "kind": "Pod",
                "metadata": {
                    "name": f"{name}-1-{number}",
                    "uid": f"p-{name}-{number}",
                    "labels": {"app": name},
                    "creationTimestamp": ago(62),
                    "ownerReferences": [
                        {"kind": "ReplicaSet", "name": f"{name}-1", "uid": f"r-{name}", "controller": True}
                    ],
                },
                "spec": copy.deepcopy(template["spec"]) | {"nodeName": "node", "restartPolicy": "Always"},
                "status": {
                    "phase": "Running",
                    "startTime": ago(61),
                    "conditions": conditions,
                    "podIP": f"10.244.0.{number + 9}",
                    "containerStatuses": [{"name": name, "image": made["image"]} | (status or ready())],
                }
                | (pod_status or {}),
            }
        )
    return items


def the(items: list[Object], kind: str) -> Object:
    return next(item for item in items if item["kind"] == kind)


def judge(items: list[Object], log: str = "", *, name: str = "backend", **rest: Any) -> list[Finding]:
    logs = {(f"{name}-1-0", name): tuple(log.splitlines())} if log else {}
    return diagnose.diagnose(Snapshot.of(items, "chatbot-dev", NOW, logs=logs, **rest), RULES)


def whole(finding: Finding) -> str:
    return "\n".join([finding.title, finding.meaning, *finding.evidence, finding.remedy, finding.command])
