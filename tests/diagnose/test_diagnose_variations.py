"""Faults that were never recorded: made up from the same mechanisms, in the words of Kubernetes and of programs."""

from __future__ import annotations

import copy
import sys
from datetime import timedelta
from typing import Any

import pytest

from tests.support.made_up_state import (
    NOW,
    Object,
    ago,
    crashed,
    event,
    judge,
    ready,
    running,
    service,
    the,
    waiting,
    whole,
    workload,
)

CRASHES = {
    "wrong command": (crashed(127), "/bin/sh: uvicornn: not found", "command-not-found", "uvicornn"),
    "wrong command, no shell": (
        crashed(
            128,
            "StartError",
            message="failed to create containerd task: failed to create shim task: OCI runtime create "
            'failed: unable to start container process: exec: "servr": executable file not found in '
            "$PATH",
        ),
        "",
        "command-not-found",
        "servr",
    ),
    "not executable": (crashed(126), "/bin/sh: /app/start.sh: Permission denied", "command-not-executable", "start.sh"),
    "wrong architecture": (
        crashed(255),
        "exec /usr/local/bin/python3: exec format error",
        "wrong-architecture",
        "processor",
    ),
    "port in use": (
        crashed(1),
        "ERROR:    [Errno 98] error while attempting to bind on address ('0.0.0.0', 8000): address already in use",
        "port-in-use",
        "address already in use",
    ),
    "low port": (crashed(1), "Error: listen EACCES: permission denied 0.0.0.0:80", "port-forbidden", "1024"),
    "database refused": (
        crashed(1),
        'psycopg.OperationalError: connection to server at "db.example.org" (10.0.0.9), port 5432 failed: '
        "Connection refused",
        "database-unreachable",
        "db.example.org",
    ),
    "database refused, node": (
        crashed(1),
        "Error: connect ECONNREFUSED 10.1.2.3:5432",
        "database-unreachable",
        "10.1.2.3",
    ),
    "DNS": (
        crashed(1),
        'could not translate host name "databse" to address: Name or service not known',
        "host-unknown",
        "databse",
    ),
    "DNS, node": (crashed(1), "Error: getaddrinfo ENOTFOUND agnt-service", "host-unknown", "agnt-service"),
    "password": (crashed(1), 'FATAL:  password authentication failed for user "todo"', "database-login", "password"),
    "no such database": (crashed(1), 'FATAL:  database "todos" does not exist', "database-missing", "todos"),
    "migrations": (crashed(1), 'UndefinedTable: relation "todos" does not exist', "schema-missing", "todos"),
    "module": (crashed(1), "ModuleNotFoundError: No module named 'fastapi'", "module-missing", "fastapi"),
    "module, node": (crashed(1), "Error: Cannot find module '/app/server.js'", "module-missing", "server.js"),
    "library": (
        crashed(127),
        "python: error while loading shared libraries: libpq.so.5: cannot open shared object file",
        "library-missing",
        "libpq.so.5",
    ),
    "setting": (crashed(2), "AUTH_SECRET: Field required", "variable-missing", "AUTH_SECRET"),
    "setting, shell": (crashed(2), "sh: JWT_SECRET: parameter not set", "variable-missing", "JWT_SECRET"),
    "setting, words": (
        crashed(1),
        "Error: environment variable OPENAI_API_KEY is not set",
        "variable-missing",
        "OPENAI_API_KEY",
    ),
    "wrong setting": (crashed(2), "PORT: Input should be less than or equal to 65535", "variable-wrong", "PORT"),
    "node heap": (
        crashed(134),
        "FATAL ERROR: Reached heap limit Allocation failed - JavaScript heap out of memory",
        "heap-exhausted",
        "heap",
    ),
    "segfault": (crashed(139), "", "signal-segfault", "signal 11"),
    "volume full": (crashed(1), "OSError: [Errno 28] No space left on device: '/data/x'", "volume-full", "device"),
    "file": (
        crashed(1),
        "PermissionError: [Errno 13] Permission denied: '/data/app.log'",
        "permission-denied",
        "/data/app.log",
    ),
    "missing file": (
        crashed(2),
        "python: can't open file '/app/main.py': [Errno 2] No such file",
        "file-missing",
        "/app/main.py",
    ),
    "certificate": (
        crashed(1),
        "ssl.SSLCertVerificationError: certificate verify failed: self-signed",
        "certificate-refused",
        "self-signed",
    ),
    "ends well": (crashed(0, "Completed"), "done", "completed", "has to stay"),
    "exception": (
        crashed(1),
        "Traceback (most recent call last):\nValueError: 17 is not a todo",
        "exception",
        "17 is not a todo",
    ),
    "silent": (crashed(42), "", "exited", "exit code 42"),
    "killed": (crashed(137), "", "killed", "SIGKILL"),
}


@pytest.mark.parametrize("case", CRASHES)
def test_a_crash_is_explained_by_how_it_ended_and_what_it_said(case: str) -> None:
    status, log, rule, word = CRASHES[case]
    found = judge(workload(status=status), log)
    assert [(item.rule, item.terminal) for item in found] == [(rule, True)]
    assert word in whole(found[0])


def test_a_kill_under_a_memory_limit_is_most_likely_that_limit() -> None:
    limited = {"resources": {"limits": {"memory": "64Mi"}}}
    (found,) = judge(workload(status=crashed(137), container=limited), "")
    assert found.rule == "memory-limit-likely" and "most likely" in found.title and "64Mi" in found.title
    (whole_pod,) = judge(workload(status=crashed(137), pod=limited), "")
    assert whole_pod.rule == "memory-limit-likely" and "64Mi" in whole_pod.title
    (plain,) = judge(workload(status=crashed(137)), "")
    assert plain.rule == "killed" and "no memory limit" in plain.meaning


@pytest.mark.parametrize(
    "log",
    [
        "KeyError: 'DATABASE_URL'\nKeyError: 'AUTH_SECRET'\nKeyError: 'REDIS_URL'",
        "DATABASE_URL is not set\nAUTH_SECRET must be set\nmissing environment variable: REDIS_URL",
        "DATABASE_URL\n  Field required\nAUTH_SECRET\n  Field required\nREDIS_URL\n  Field required",
    ],
)
def test_every_missing_variable_is_named(log: str) -> None:
    (found,) = judge(workload(status=crashed(1)), log)
    assert found.rule == "variable-missing"
    assert all(name in found.title for name in ("DATABASE_URL", "AUTH_SECRET", "REDIS_URL"))


def test_a_calm_line_before_the_end_is_not_the_cause() -> None:
    log = "WARNING: connection refused by redis:6379, caching in memory\nINFO: started\nKeyError: 'AUTH_SECRET'"
    assert [item.rule for item in judge(workload(status=crashed(1)), log)] == ["variable-missing"]
    log = '{"level": "WARNING", "message": "cannot reach otel:4317: connection refused"}\nValueError: no'
    assert [item.rule for item in judge(workload(status=crashed(1)), log)] == ["exception"]


def test_the_kernel_and_the_liveness_probe_are_told_apart() -> None:
    probe = {"livenessProbe": {"httpGet": {"path": "/healthz", "port": "http"}}}
    killed, out = (
        workload(status=crashed(137), container=probe),
        workload(status=crashed(137, "OOMKilled"), container=probe),
    )
    for items in (killed, out):
        pod = the(items, "Pod")
        items.append(
            event(
                pod,
                "Killing",
                "Container backend failed liveness probe, will be restarted",
                container="backend",
                kind="Normal",
            )
        )
        items.append(
            event(
                pod, "Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 500", container="backend"
            )
        )
    assert [item.rule for item in judge(killed)] == ["liveness-probe-kills"]
    assert "statuscode: 500" in judge(killed)[0].meaning
    assert [item.rule for item in judge(out)] == ["out-of-memory"]


PULL = 'Failed to pull image "todo-chatbot/backend:1": '
WAITS = {
    "unauthorized": (waiting("ImagePullBackOff"), PULL + "unexpected status: 401 Unauthorized", "image-unauthorized"),
    "denied": (
        waiting(
            "ErrImagePull",
            "Error response from daemon: pull access denied for todo-chatbot/backend, repository does not "
            "exist or may require 'docker login'",
        ),
        "",
        "image-denied",
    ),
    "not found": (
        waiting("ImagePullBackOff", 'Back-off pulling image "x"'),
        PULL + "manifest unknown",
        "image-not-found",
    ),
    "invalid name": (waiting("InvalidImageName", 'couldn\'t parse image name "Todo:1:2"'), "", "image-name-invalid"),
    "certificate": (
        waiting("ErrImagePull", "tls: failed to verify certificate: x509: unknown authority"),
        "",
        "registry-certificate",
    ),
    "platform": (waiting("ErrImagePull", "no match for platform in manifest: not found"), "", "image-wrong-platform"),
    "disk": (waiting("ErrImagePull", "write /var/lib/x: no space left on device"), "", "node-disk-full"),
    "secret": (waiting("CreateContainerConfigError", 'secret "auth-secrets" not found'), "", "secret-missing"),
    "non-numeric user": (
        waiting(
            "CreateContainerConfigError",
            "container has runAsNonRoot and image has non-numeric user (node), cannot verify user is non-root",
        ),
        "",
        "user-not-numeric",
    ),
    "run error": (
        waiting("RunContainerError", 'exec: "/app/run": stat /app/run: no such file or directory: unknown'),
        "",
        "command-not-found",
    ),
    "mount over file": (
        waiting("CreateContainerError", "failed to prepare subPath for volumeMount"),
        "",
        "subpath-wrong",
    ),
}


@pytest.mark.parametrize("case", WAITS)
def test_a_container_that_cannot_be_made_says_why(case: str) -> None:
    status, told, rule = WAITS[case]
    items = workload(status=status, pod_status={"phase": "Pending"})
    if told:
        items.append(event(the(items, "Pod"), "Failed", told, container="backend"))
    assert [(item.rule, item.terminal) for item in judge(items)] == [(rule, True)]


def pending(message: str, reason: str = "Unschedulable", **rest: Any) -> list[Object]:
    scheduled = {
        "type": "PodScheduled",
        "status": "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": ago(61),
    }
    items = workload(pod_status={"phase": "Pending", "conditions": [scheduled], "containerStatuses": []}, **rest)
    del the(items, "Pod")["spec"]["nodeName"]
    return items


@pytest.mark.parametrize(
    ("message", "rule"),
    [
        ("0/1 nodes are available: 1 Insufficient memory.", "insufficient-resources"),
        ("0/1 nodes are available: 1 node(s) didn't match Pod's node affinity/selector.", "node-selector"),
        ("0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}.", "untolerated-taint"),
        (
            "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.",
            "node-pressure",
        ),
        ("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", "claim-unbound"),
        ('0/1 nodes are available: persistentvolumeclaim "data" not found.', "claim-missing"),
        ("0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.", "anti-affinity"),
        ("0/1 nodes are available: 1 node(s) didn't have free ports for the requested pod ports.", "host-port-taken"),
        ("0/1 nodes are available: 1 Too many pods.", "too-many-pods"),
        ("no nodes available to schedule pods", "node-not-ready"),
    ],
)
def test_a_pod_that_no_node_takes_says_why(message: str, rule: str) -> None:
    assert [item.rule for item in judge(pending(message))] == [rule]


def refused(message: str) -> list[Object]:
    items = workload(pods=0)
    replica_set = the(items, "ReplicaSet")
    replica_set["status"]["conditions"] = [
        {
            "type": "ReplicaFailure",
            "status": "True",
            "reason": "FailedCreate",
            "message": message,
            "lastTransitionTime": ago(60),
        }
    ]
    return [*items, event(replica_set, "FailedCreate", f"Error creating: {message}")]


@pytest.mark.parametrize(
    ("message", "rule", "word"),
    [
        (
            'pods "b" is forbidden: error looking up service account x/backend: serviceaccount "backend" not found',
            "service-account-missing",
            "backend",
        ),
        ('pods "b" is forbidden: maximum memory usage per Container is 2Gi, but limit is 4Gi', "limit-range", "2Gi"),
        (
            'pods "b" is forbidden: [minimum cpu usage per Container is 100m, but request is 10m, maximum cpu usage '
            "per Container is 1, but limit is 2]",
            "limit-range",
            "cpu",
        ),
        (
            'pods "b" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
            "pod-security",
            "hostNetwork",
        ),
        (
            'pods "b" is forbidden: failed quota: q: must specify limits.cpu for: backend',
            "quota-needs-values",
            "limits.cpu",
        ),
        (
            'admission webhook "policy.example.org" denied the request: no latest tags',
            "webhook-denied",
            "no latest tags",
        ),
        (
            'Internal error occurred: failed calling webhook "x.example.org": failed to call webhook: no endpoints',
            "webhook-unreachable",
            "x.example.org",
        ),
        ('pods "b" is forbidden: no PriorityClass with name high was found', "priority-class-missing", "high"),
        ('pods "b" is forbidden: something new', "pods-refused", "something new"),
    ],
)
def test_a_pod_that_is_refused_says_why(message: str, rule: str, word: str) -> None:
    (only,) = judge(refused(message))
    assert (only.rule, only.terminal) == (rule, True) and word in whole(only)


@pytest.mark.parametrize(
    ("reason", "message", "rule"),
    [
        ("FailedMount", 'MountVolume.SetUp failed for volume "tls" : secret "tls" not found', "volume-source-missing"),
        (
            "FailedMount",
            'MountVolume.SetUp failed for volume "c" : configmap "app-files" not found',
            "volume-source-missing",
        ),
        ("FailedAttachVolume", 'Multi-Attach error for volume "pvc-1"', "volume-in-use"),
        ("FailedCreatePodSandBox", "Failed to create pod sandbox: plugin type=calico failed", "network-not-ready"),
    ],
)
def test_a_pod_that_stays_in_creation_says_why(reason: str, message: str, rule: str) -> None:
    items = workload(status=waiting("ContainerCreating"), pod_status={"phase": "Pending"})
    items.append(event(the(items, "Pod"), reason, message))
    assert [item.rule for item in judge(items)] == [rule]


PREEMPTED = "Preempted by pod 0f1e2d on node node-1"


def left(items: list[Object], reason: str, message: str, number: int = 7) -> Object:
    """A pod of the same ReplicaSet that its node has ended."""
    pod = copy.deepcopy(the(items, "Pod"))
    pod["metadata"] |= {"name": f"backend-1-{number}", "uid": f"p-{number}"}
    ended = {"exitCode": 137, "reason": "Error", "startedAt": ago(50), "finishedAt": ago(40)}
    status = {"name": "backend", "state": {"terminated": ended}, "ready": False, "restartCount": 0}
    pod["status"] = {"phase": "Failed", "reason": reason, "message": message, "containerStatuses": [status]}
    return pod


@pytest.mark.parametrize(
    ("reason", "message", "rule"),
    [
        ("Evicted", "The node was low on resource: memory. Threshold quantity: 100Mi, available: 9Mi.", "evicted"),
        ("Preempting", "Preempted in order to admit critical pod", "preempted"),
        ("OutOfcpu", "Pod was rejected: Node didn't have enough resource: cpu", "pod-failed"),
        ("UnexpectedAdmissionError", "Allocate failed due to no healthy devices", "pod-failed"),
    ],
)
def test_a_failed_pod_beside_a_whole_workload_is_a_warning_with_how_to_delete_it(
    reason: str, message: str, rule: str
) -> None:
    items = workload(status=ready())
    items += [left(items, reason, message, 7), left(items, reason, message, 8)]
    [found] = judge(items)
    assert (found.rule, found.served, found.terminal) == (rule, True, False)
    assert "--namespace chatbot-dev delete pod/backend-1-7 pod/backend-1-8;" in found.remedy
    the(items, "Deployment")["spec"]["replicas"] = 2  # one is lacking: that is no warning any more
    [found, *_] = judge(items)
    assert not found.served and " delete " not in found.remedy


def test_what_fails_now_is_told_before_what_was_left() -> None:
    """A crash is no warning because another pod was evicted earlier."""
    items = workload(status=crashed(1), pods=1)
    items.append(left(items, "Evicted", "The node was low on resource: memory."))
    found = judge(items, "ModuleNotFoundError: No module named 'fastapi'")
    assert "module-missing" in {item.rule for item in found} and not any(item.served for item in found)


def test_a_nightly_job_that_failed_once_and_worked_since_is_a_warning() -> None:
    owner = {"kind": "CronJob", "name": "nightly", "uid": "c", "controller": True}
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": ago(900)}
    jobs: list[Object] = [
        {
            "kind": "Job",
            "metadata": {"name": f"nightly-{n}", "uid": f"j{n}", "ownerReferences": [owner], "creationTimestamp": when},
            "spec": {},
            "status": {"conditions": [one]},
        }
        for n, when, one in ((1, ago(1000), failed), (2, ago(100), {"type": "Complete", "status": "True"}))
    ]
    cron = {"kind": "CronJob", "metadata": {"name": "nightly", "uid": "c"}, "spec": {}}
    assert [(item.object, item.served) for item in judge([cron, *jobs])] == [("job/nightly-1", True)]
    assert [(item.object, item.served) for item in judge([cron, jobs[0]])] == [("job/nightly-1", False)]


def test_a_pod_that_waits_since_its_place_was_taken_is_told_with_priorities() -> None:
    items = workload(status=waiting("ContainerCreating"))
    pod = the(items, "Pod")
    pod["metadata"]["generateName"] = "backend-1-"
    pod["spec"].pop("nodeName")
    told = "0/1 nodes are available: 1 Insufficient cpu."
    scheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": told}
    pod["status"] = {"phase": "Pending", "conditions": [scheduled]}
    assert [item.rule for item in judge(items)] == ["insufficient-resources"]
    gone = {"kind": "Pod", "metadata": {"name": "backend-1-9", "uid": "gone"}}
    [found] = judge([*items, event(gone, "Preempted", PREEMPTED)])
    assert found.rule == "preempted" and "priorityClassName of backend" in found.remedy
    assert any(PREEMPTED in line for line in found.evidence)


def unready(message: str, **container: Any) -> list[Object]:
    items = workload(status=running(), container=container)
    return [*items, event(the(items, "Pod"), "Unhealthy", message, container="backend", count=20)]


@pytest.mark.parametrize(
    ("message", "log", "rule"),
    [
        (
            "Readiness probe failed: HTTP probe failed with statuscode: 503",
            '{"level": "WARNING", "message": "readiness changed", "missing": {"database": "no answer within 2 s"}}',
            "dependency-missing",
        ),
        ("Readiness probe failed: HTTP probe failed with statuscode: 500", "", "probe-server-error"),
        ("Readiness probe failed: HTTP probe failed with statuscode: 401", "", "probe-forbidden"),
        (
            "Readiness probe failed: dial tcp 10.244.0.9:8000: connect: connection refused",
            "INFO: Uvicorn running on http://127.0.0.1:8000 (Press CTRL+C to quit)",
            "listens-on-loopback",
        ),
        (
            "Readiness probe failed: dial tcp 10.244.0.9:8000: connect: connection refused",
            "INFO: Uvicorn running on http://0.0.0.0:9000",
            "listens-elsewhere",
        ),
        ("Readiness probe failed: dial tcp 10.244.0.9:8000: connect: connection refused", "", "probe-refused"),
        (
            "Readiness probe failed: context deadline exceeded (Client.Timeout exceeded while awaiting headers)",
            "",
            "probe-timeout",
        ),
        ("Readiness probe failed: http: server gave HTTP response to HTTPS client", "", "probe-scheme"),
    ],
)
def test_a_container_that_is_not_ready_says_why(message: str, log: str, rule: str) -> None:
    assert [item.rule for item in judge(unready(message), log)] == [rule]


def test_a_probe_by_a_name_that_no_port_has() -> None:
    probe = {"readinessProbe": {"httpGet": {"path": "/readyz", "port": "htp"}}}
    (only,) = judge(workload(status=running(), container=probe))
    assert only.rule == "probe-wrong-port" and "htp" in only.title


def test_a_service_that_sends_to_a_port_nobody_has() -> None:
    named, numbered = ([*workload(status=ready()), service(port=port)] for port in ("web", 9999))
    assert [(item.rule, item.terminal) for item in judge(named)] == [("target-port-unnamed", True)]
    assert [(item.rule, item.terminal) for item in judge(numbered)] == [("target-port-wrong", True)]


def test_a_selector_by_another_key() -> None:
    items = [*workload(status=ready()), service(selector={"app.kubernetes.io/name": "backend"})]
    (only,) = judge(items)
    assert only.rule == "selector-mismatch" and "app=backend" in only.meaning and only.service == "backend"


def test_a_service_of_a_workload_that_somebody_deleted_is_not_a_mismatch() -> None:
    items = [*workload("agent", status=ready()), service(selector={"app": "backend"})]
    asked = ("agent", "backend")
    assert [(item.rule, item.service) for item in judge(items, services=asked)] == [("not-deployed", "backend")]


def test_a_service_whose_pods_were_refused_is_not_a_mismatch() -> None:
    items = [*refused("exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"), service()]
    assert [item.rule for item in judge(items)] == ["quota-exceeded"]


def claim(message: str, reason: str = "ProvisioningFailed") -> list[Object]:
    made: Object = {
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data", "uid": "c", "creationTimestamp": ago(120)},
        "spec": {"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}},
        "status": {"phase": "Pending"},
    }
    return [made, event(made, reason, message, kind="Warning" if reason == "ProvisioningFailed" else "Normal")]


@pytest.mark.parametrize(
    ("message", "reason", "rules"),
    [
        ('storageclass.storage.k8s.io "fast" not found', "ProvisioningFailed", ["storage-class-missing"]),
        ("no persistent volumes available for this claim and no storage class is set", "FailedBinding", ["no-volume"]),
        ("waiting for first consumer to be created before binding", "WaitForFirstConsumer", []),
    ],
)
def test_a_claim_without_a_volume(message: str, reason: str, rules: list[str]) -> None:
    assert [item.rule for item in judge(claim(message, reason))] == rules


def test_the_claim_comes_before_the_pod_that_waits_for_it() -> None:
    volumes = {"volumes": [{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}]}
    items = pending("0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", pod=volumes)
    found = judge([*items, *claim('storageclass.storage.k8s.io "fast" not found')])
    assert {item.service for item in found} == {"backend"}
    assert found[0].rule == "storage-class-missing"


def test_a_failed_hook_is_told_whatever_service_is_asked_for() -> None:
    job: Object = {
        "kind": "Job",
        "metadata": {"name": "migrate", "uid": "j", "annotations": {"helm.sh/hook": "pre-upgrade"}},
        "status": {
            "failed": 1,
            "conditions": [
                {
                    "type": "Failed",
                    "status": "True",
                    "reason": "BackoffLimitExceeded",
                    "message": "Job has reached the specified backoff limit",
                }
            ],
        },
    }
    found = judge([job, *workload()], services=("backend",))
    assert [(item.rule, item.service, item.terminal) for item in found] == [("hook-failed", "migrate", True)]


@pytest.mark.parametrize(("since", "told"), [(5.0, False), (90.0, False), (600.0, True)])
def test_a_hook_that_failed_in_an_earlier_deploy_is_no_evidence_against_this_one(since: float, told: bool) -> None:
    """Its Job stays until the hook runs again, which it never does where the chart has it no longer."""
    failed = {"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded", "lastTransitionTime": ago(500)}
    job: Object = {
        "kind": "Job",
        "metadata": {"name": "migrate-3", "uid": "j", "annotations": {"helm.sh/hook": "pre-upgrade"}},
        "status": {"failed": 1, "conditions": [failed]},
    }
    pod: Object = {
        "kind": "Pod",
        "metadata": {
            "name": "migrate-3-0", "uid": "mp", "creationTimestamp": ago(520),
            "ownerReferences": [{"kind": "Job", "name": "migrate-3", "uid": "j"}],
        },
        "spec": {"nodeName": "node", "restartPolicy": "Never", "containers": [{"name": "migrate"}]},
        "status": {"phase": "Failed", "containerStatuses": [crashed(1) | {"name": "migrate"}]},
    }  # fmt: skip
    found = judge([job, pod, *workload()], services=("backend",), since=NOW - timedelta(seconds=since))
    assert ("hook-failed" in [one.rule for one in found]) is told and bool(found) is told


def test_the_cause_of_a_failed_hook_comes_before_it() -> None:
    job: Object = {
        "kind": "Job",
        "metadata": {"name": "migrate", "uid": "j", "annotations": {"helm.sh/hook": "pre-upgrade"}},
        "status": {"failed": 1, "conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]},
    }
    ended = {"state": {"terminated": {"exitCode": 1, "reason": "Error"}}, "restartCount": 0, "name": "migrate"}
    pod: Object = {
        "kind": "Pod",
        "metadata": {
            "name": "migrate-1-0",
            "uid": "mp",
            "ownerReferences": [{"kind": "Job", "name": "migrate", "uid": "j"}],
        },
        "spec": {"nodeName": "node", "restartPolicy": "Never", "containers": [{"name": "migrate"}]},
        "status": {"phase": "Failed", "containerStatuses": [ended]},
    }
    found = judge([job, pod], "KeyError: 'DATABASE_URL'", name="migrate", services=("backend",))
    rules = [(item.rule, item.terminal) for item in found if item.service == "migrate"]
    assert rules == [("variable-missing", True), ("hook-failed", True)]


NOT_PULLED = {
    "waiting": {"reason": "ErrImagePull", "message": 'failed to resolve reference "docker.io/a/b:1": not found'}
}
ENDED = {"terminated": {"exitCode": 1, "reason": "Error"}}


@pytest.mark.parametrize(
    ("state", "log", "where"),
    [
        (NOT_PULLED, "", "image.tag in the values of services.worker.jobs.once"),
        (ENDED, "ModuleNotFoundError: No module named 'alembic'", "the Dockerfile of worker "),
    ],
    ids=["values", "image"],
)
def test_a_job_of_a_service_is_mended_where_that_is_written(state: Object, log: str, where: str) -> None:
    """Its own name, worker-once, stands nowhere that a person could change."""
    notes = {"helm.sh/hook": "pre-upgrade", "todo-chatbot/values": "services.worker.jobs.once"}
    failed = [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}] if log else []
    meta = {"name": "worker-once", "uid": "j", "annotations": notes}
    job: Object = {"kind": "Job", "metadata": meta, "status": {"conditions": failed}}
    owner = {"kind": "Job", "name": "worker-once", "uid": "j"}
    status = {"name": "once", "state": state, "restartCount": 0, "image": "a/b:1"}
    pod: Object = {
        "kind": "Pod",
        "metadata": {"name": "once-1-0", "uid": "p", "creationTimestamp": ago(60), "ownerReferences": [owner]},
        "spec": {"nodeName": "node", "restartPolicy": "Never", "containers": [{"name": "once", "image": "a/b:1"}]},
        "status": {"phase": "Failed" if log else "Pending", "containerStatuses": [status]},
    }
    remedies = [item.remedy for item in judge([job, pod], log, name="once") if item.service == "worker-once"]
    assert where in remedies[0] and "worker-once" not in remedies[0]


def test_a_container_that_keeps_coming_back_is_told_though_it_is_ready_for_now() -> None:
    ended = {"terminated": {"exitCode": 137, "reason": "OOMKilled", "startedAt": ago(40), "finishedAt": ago(30)}}
    (only,) = judge(workload(status=ready(20) | {"restartCount": 3, "lastState": ended}))
    assert (only.rule, only.terminal) == ("out-of-memory", False)
    assert judge(workload(status=ready(20) | {"restartCount": 1, "lastState": ended})) == []


@pytest.mark.parametrize(("since", "told"), [(5, []), (40, [("node-unheard", False)])])
def test_pods_of_a_node_that_says_nothing_any_more(since: float, told: list[tuple[str, bool]]) -> None:
    items = workload(status=ready())
    the(items, "Pod")["status"]["conditions"][1] = {
        "type": "Ready",
        "status": "False",
        "lastTransitionTime": ago(since),
    }
    found = judge(items)
    assert [(one.rule, one.terminal) for one in found] == told
    assert all("the node node does not answer" in one.title for one in found)
    the(items, "Pod")["spec"]["readinessGates"] = [{"conditionType": "example.org/gate"}]
    assert not judge(items)


def test_an_eviction() -> None:
    status = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: ephemeral-storage."}
    items = workload(pods=2, replicas=2)
    items[-1]["status"] = status
    (only,) = judge(items)
    assert only.rule == "evicted" and "ephemeral-storage" in only.title and not only.terminal


@pytest.mark.parametrize(
    ("message", "limit"),
    [
        ('Usage of EmptyDir volume "tmp" exceeds the limit "64Mi". ', "64Mi"),
        ('Container backend exceeded its local ephemeral storage limit "512Mi". ', "512Mi"),
        ("Pod ephemeral local storage usage exceeds the total limit of containers 1Gi. ", "1Gi"),
    ],
)
def test_a_pod_that_filled_its_own_files_is_not_told_that_the_node_is_full(message: str, limit: str) -> None:
    items = workload(pods=2, replicas=2)
    items[-1]["status"] = {"phase": "Failed", "reason": "Evicted", "message": message}
    (only,) = judge(items)
    assert only.rule == "own-storage-limit" and limit in only.title and "writablePaths" in only.remedy


def test_pods_that_do_not_go() -> None:
    items = workload(pods=2)
    items[-1]["metadata"] |= {"deletionTimestamp": ago(90), "finalizers": ["example.org/keep"]}
    (only,) = judge(items)
    assert only.rule == "stuck-on-finalizer" and "example.org/keep" in only.title and not only.terminal
    del items[-1]["metadata"]["finalizers"]
    assert [item.rule for item in judge(items)] == ["stuck-terminating"]


def test_an_autoscaler_without_metrics_stops_nothing() -> None:
    autoscaler: Object = {
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "backend", "uid": "h", "creationTimestamp": ago(900)},
        "spec": {"scaleTargetRef": {"name": "backend"}, "metrics": [{"type": "Resource", "resource": {"name": "cpu"}}]},
        "status": {
            "conditions": [
                {
                    "type": "ScalingActive",
                    "status": "False",
                    "reason": "FailedGetResourceMetric",
                    "message": "unable to get metrics for resource cpu",
                    "lastTransitionTime": ago(800),
                }
            ]
        },
    }
    (only,) = judge([*workload(), autoscaler])
    assert (only.rule, only.service, only.terminal) == ("metrics-missing", "backend", False)


@pytest.mark.parametrize("name", ["backend", "backend-service", "backend-svc", "shop-backend-http", "api-backend"])
def test_a_service_that_selects_nobody_is_taken_to_be_of_the_workload_in_its_name(name: str) -> None:
    """Whatever is added before or after it; a longer name that fits comes first."""
    others = [*workload("back"), *workload("http")]
    (only,) = judge([*others, *workload("backend"), service(name, {"app": "b"})])
    assert (only.rule, only.service) == ("selector-mismatch", "backend")


def test_several_causes_are_ranked_causes_first() -> None:
    image = workload("agent", waiting("ErrImageNeverPull", "not present with pull policy of Never"))
    crash = workload("mcp", crashed(137, "OOMKilled"))
    mismatch = [*workload("frontend"), service("frontend-service", {"app": "front"})]
    found = judge([*mismatch, *crash, *image, *refused("exceeded quota: q, requested: a=1, used: a=1, limited: a=1")])
    assert [(item.service, item.rule) for item in found] == [
        ("backend", "quota-exceeded"),
        ("agent", "image-never-pulled"),
        ("mcp", "out-of-memory"),
        ("frontend", "selector-mismatch"),
    ]
    assert [item.rank for item in found] == [0, 1, 2, 3]


def test_a_broken_database_explains_a_backend_that_cannot_reach_it() -> None:
    database = [*workload("database", crashed(137, "OOMKilled")), service("database")]
    backend = workload(status=crashed(1))
    log = (
        'psycopg.OperationalError: connection to server at "database" (10.96.7.7), port 5432 failed: Connection refused'
    )
    found = judge([*backend, *database], log)
    assert [(item.service, item.rule, item.because) for item in found] == [
        ("database", "out-of-memory", ""),
        ("backend", "database-unreachable", "database"),
    ]
    assert found[1].remedy.startswith("first mend database")
    only_backend = judge([*backend, *database], log, services=("backend",))
    assert [item.service for item in only_backend] == ["database", "backend"]


def test_a_chain_of_services_is_traced_to_its_end_by_their_configuration() -> None:
    def caller(name: str, url: str) -> list[Object]:
        items = workload(name, running(), container={"envFrom": [{"configMapRef": {"name": f"{name}-config"}}]})
        config = {"kind": "ConfigMap", "metadata": {"name": f"{name}-config"}, "data": {"URL": url}}
        told = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        return [*items, config, service(f"{name}-service"), event(the(items, "Pod"), "Unhealthy", told, container=name)]

    broken = [*workload("mcp", crashed(1)), service("mcp-service")]
    agent = caller("agent", "http://mcp-service:8002/mcp")
    backend = caller("backend", "http://agent-service:8001")
    found = judge([*backend, *agent, *broken], "ModuleNotFoundError: No module named 'mcp'", name="mcp")
    assert [(item.service, item.because) for item in found] == [("mcp", ""), ("agent", "mcp"), ("backend", "agent")]


def test_who_names_what_it_does_not_reach_is_surer_than_one_that_may_call_it() -> None:
    """The database was scaled to nothing: what waits for the backend is not its cause, though it is called by it."""

    def caller(name: str, *hosts: str) -> list[Object]:
        env = [{"name": f"URL{number}", "value": f"http://{host}"} for number, host in enumerate(hosts)]
        items = workload(name, running(300), container={"env": env})
        told = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        return [*items, service(f"{name}-service"), event(the(items, "Pod"), "Unhealthy", told, container=name)]

    database = workload("database")
    for item in database:
        if item["kind"] == "Deployment":
            item["spec"]["replicas"] = 0
    database = [item for item in database if item["kind"] == "Deployment"]
    apps = [*caller("mcp", "backend-service"), *caller("backend", "mcp-service", "database")]
    found = judge(
        [*apps, *database, service("database")],
        '{"message": "readiness changed", "missing": {"backend": "refused"}}',
        name="mcp",
    )
    assert [(item.service, item.because) for item in found] == [
        ("database", ""),
        ("backend", "database"),
        ("mcp", "backend"),
    ]
    assert found[0].rule == "scaled-to-zero" and "--service=database" in found[0].remedy


def test_services_that_wait_for_each_other_are_both_told() -> None:
    def caller(name: str, host: str) -> list[Object]:
        items = workload(name, running(), container={"env": [{"name": "URL", "value": f"http://{host}:8000"}]})
        told = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        return [*items, service(f"{name}-service"), event(the(items, "Pod"), "Unhealthy", told, container=name)]

    found = judge([*caller("agent", "mcp-service"), *caller("mcp", "agent-service")])
    assert [(item.service, item.because) for item in found] == [("agent", ""), ("mcp", "")]


def test_a_service_that_waits_for_one_that_is_still_starting_is_not_given_up() -> None:
    backend = workload(status=running(100), container={"env": [{"name": "HOST", "value": "database"}]})
    the(backend, "Pod")["status"]["conditions"][1]["lastTransitionTime"] = ago(100)
    told = event(the(backend, "Pod"), "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    slow = workload("database", waiting("ContainerCreating"), pod_status={"phase": "Pending"})
    slow += [service("database"), event(the(slow, "Pod"), "Pulling", 'Pulling image "x"', count=1, kind="Normal")]
    assert not [item for item in judge([*backend, told, *slow]) if item.terminal]


@pytest.mark.parametrize(("there", "given_up"), [(0, False), (5, False), (70, True)])
def test_a_service_has_its_time_from_when_the_one_it_waits_for_is_there(there: float, given_up: bool) -> None:
    """On a slow machine the database may take longer to start than a service is waited for once it is there."""
    backend = workload(status=running(100), container={"env": [{"name": "HOST", "value": "database"}]})
    the(backend, "Pod")["status"]["conditions"][1]["lastTransitionTime"] = ago(100)
    told = event(the(backend, "Pod"), "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503")
    database = [*workload("database", ready(there)), service("database")]
    the(database, "Pod")["status"]["conditions"] = [
        {"type": "Ready", "status": "True", "lastTransitionTime": ago(there)}
    ]
    log = '{"message": "readiness changed", "missing": {"database": "Connection refused"}}'
    (only,) = judge([*backend, told, *database], log)
    assert (only.rule, only.terminal) == ("dependency-missing", given_up)
    ended = workload(status=crashed(1, restarts=5), container={"env": [{"name": "HOST", "value": "database"}]})
    log = 'psycopg.OperationalError: connection to server at "database", port 5432 failed: Connection refused'
    (only,) = judge([*ended, *database], log)
    assert (only.rule, only.terminal) == ("database-unreachable", given_up)


def test_neither_is_one_given_up_that_waits_for_a_service_which_has_its_time() -> None:
    def caller(name: str, host: str) -> list[Object]:
        items = workload(name, running(100), container={"env": [{"name": "HOST", "value": host}]})
        the(items, "Pod")["status"]["conditions"][1]["lastTransitionTime"] = ago(100)
        told = "Readiness probe failed: HTTP probe failed with statuscode: 503"
        return [*items, service(name), event(the(items, "Pod"), "Unhealthy", told, container=name)]

    database = [*workload("database", ready(1)), service("database")]
    the(database, "Pod")["status"]["conditions"] = [{"type": "Ready", "status": "True", "lastTransitionTime": ago(1)}]
    found = judge([*caller("page", "backend"), *caller("backend", "database"), *database])
    assert [(item.service, item.because, item.terminal) for item in found] == [
        ("backend", "", False),
        ("page", "backend", False),
    ]


# What must not be called hopeless, or not be told at all.

HEALTHY = [*workload(status=ready(), replicas=2, pods=2), service()]


def test_a_healthy_service_has_no_findings() -> None:
    assert judge(HEALTHY, services=("backend",)) == []


def test_old_trouble_of_a_healthy_service_is_history() -> None:
    pod = the(HEALTHY, "Pod")
    past = [
        event(pod, "Failed", PULL + "not found", container="backend"),
        event(pod, "Unhealthy", "Readiness probe failed: connection refused", container="backend"),
        event(pod, "FailedMount", 'secret "x" not found'),
        event(pod, "FailedScheduling", "0/1 nodes are available: 1 Insufficient cpu."),
        event(the(HEALTHY, "ReplicaSet"), "FailedCreate", "exceeded quota: q, requested: a, used: b, limited: c"),
    ]
    assert judge([*HEALTHY, *past]) == []


@pytest.mark.parametrize(
    "status",
    [
        waiting("ContainerCreating"),
        waiting("PodInitializing"),
        running(2),
        waiting("ErrImagePull", "rpc error: read tcp: i/o timeout"),
        waiting("ErrImagePull", "pull QPS exceeded"),
        waiting("CreateContainerConfigError", "failed to sync configmap cache: timed out waiting for the condition"),
        crashed(1, restarts=0),
        running(
            1, restartCount=5, lastState={"terminated": {"exitCode": 1, "finishedAt": ago(3), "startedAt": ago(4)}}
        ),
    ],
)
def test_what_may_pass_by_itself_stops_nothing(status: Object) -> None:
    items = workload(status=status, pod_status={"startTime": ago(3), "phase": "Pending"})
    for item in items:
        item["metadata"]["creationTimestamp"] = ago(4)
    for condition in items[-1]["status"]["conditions"]:
        condition["lastTransitionTime"] = ago(3)
    assert not [item for item in judge(items) if item.terminal]


def test_a_pod_that_has_just_been_made_is_left_in_peace() -> None:
    items = pending("0/1 nodes are available: 1 Insufficient cpu.")
    the(items, "Pod")["status"]["conditions"][0]["lastTransitionTime"] = ago(1)
    assert judge(items) == []
    bare = workload(pod_status={"phase": "Pending", "conditions": [], "containerStatuses": []})
    pod = the(bare, "Pod")
    del pod["spec"]["nodeName"]
    pod["metadata"]["creationTimestamp"] = ago(1)
    assert judge(bare) == []


@pytest.mark.parametrize(
    ("change", "terminal"),
    [
        ({"metadata": {"deletionTimestamp": ago(1)}}, False),  # it ends, and frees what it has
        ({"status": {"conditions": [{"type": "Ready", "status": "False"}]}}, False),  # once ready, an old one ends
        ({}, True),
    ],
)
def test_a_full_node_is_waited_for_while_room_may_come(change: Object, terminal: bool) -> None:
    items = pending("0/1 nodes are available: 1 Insufficient cpu.")
    other = {
        "kind": "Pod",
        "metadata": {"name": "other", "namespace": "chatbot-dev"} | change.get("metadata", {}),
        "spec": {"nodeName": "node", "containers": [{"name": "other"}]},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]} | change.get("status", {}),
    }
    assert [item.terminal for item in judge([*items, other])] == [terminal]


def test_who_fills_the_node_is_named_with_how_to_stop_it() -> None:
    labels = {"app.kubernetes.io/part-of": "todo-chatbot", "app.kubernetes.io/instance": "notes"}
    other = {
        "kind": "Pod",
        "metadata": {"name": "other", "namespace": "notes", "labels": labels},
        "spec": {"nodeName": "node", "containers": [{"resources": {"requests": {"cpu": "900m"}}}]},
        "status": {"phase": "Running"},
    }
    (found,) = judge(pending("0/1 nodes are available: 1 Insufficient cpu."), elsewhere=(other,))
    assert "the release notes in namespace notes asks for 900m: kubectl " in found.remedy
    (found,) = judge(pending("0/1 nodes are available: 1 Insufficient cpu."))
    assert found.remedy.startswith("stop something else, lower the cpu request")


def test_a_service_made_before_its_pods_is_no_mismatch() -> None:
    assert judge([service()]) == []


def test_pods_of_a_revision_that_is_being_replaced_say_nothing() -> None:
    items = workload(status=crashed(1))
    deployment, old = the(items, "Deployment"), the(items, "ReplicaSet")
    deployment["spec"]["template"]["spec"]["containers"][0]["image"] = "todo-chatbot/backend:2"
    young = copy.deepcopy(old) | {"spec": {"replicas": 1, "template": copy.deepcopy(deployment["spec"]["template"])}}
    young["metadata"] |= {"name": "backend-2", "uid": "r-2", "creationTimestamp": ago(2)}
    young["status"] = {"replicas": 1}
    assert judge([*items, young]) == []
    deployment["metadata"]["generation"] = 2
    assert judge(items) == []


def test_a_deadline_that_is_over_ends_all_patience() -> None:
    items = unready("Readiness probe failed: dial tcp 10.244.0.9:8000: connect: connection refused")
    assert not judge(items)[0].terminal
    the(items, "Deployment")["status"]["conditions"] = [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out"}
    ]
    assert [(item.rule, item.terminal) for item in judge(items)] == [("probe-refused", True)]
    nothing = [item for item in items if item["kind"] in ("Deployment", "ReplicaSet")]
    assert [item.rule for item in judge(nothing)] == ["deadline-exceeded"]


def test_forty_pods_with_one_problem_are_one_finding() -> None:
    (only,) = judge(workload(status=waiting("ErrImageNeverPull"), pods=40, replicas=40))
    assert "the same in 40 pods" in only.evidence


@pytest.mark.parametrize("broken", [{}, {"spec": {}}, {"status": {}}, {"spec": {}, "status": {}}])
def test_objects_with_holes_do_no_harm(broken: Object) -> None:
    kinds = (
        "Deployment",
        "ReplicaSet",
        "Pod",
        "Service",
        "Job",
        "PersistentVolumeClaim",
        "HorizontalPodAutoscaler",
        "Event",
    )
    items = [{"kind": kind, "metadata": {"name": "x"}} | copy.deepcopy(broken) for kind in kinds]
    judge(items)


def test_secrets_in_a_log_are_not_repeated() -> None:
    log = (
        "OperationalError: cannot connect to database postgresql://todo:hunter2secret@db:5432/todo\n"
        "Bearer abcdef0123456789abcdef"
    )
    (only,) = judge(workload(status=crashed(1)), log)
    assert only.rule == "database-unreachable"
    assert "hunter2secret" not in whole(only) and "abcdef0123456789abcdef" not in whole(only)


def restarted_with_node(*, is_ready: bool) -> Object:
    """A container as it is after its node was stopped and started: recorded on minikube and kind."""
    ended = {"exitCode": 255, "reason": "Unknown", "startedAt": ago(900), "finishedAt": ago(20)}
    return running(15, ready=is_ready, restartCount=4, lastState={"terminated": ended})


def test_a_restart_of_the_node_blames_no_program() -> None:
    assert judge(workload(status=restarted_with_node(is_ready=True)), "Traceback: ModuleNotFoundError: x") == []
    found = judge(workload(status=restarted_with_node(is_ready=False)))
    assert [finding.rule for finding in found] == ["not-ready"] and "255" not in whole(found[0])


def test_the_work_of_a_diagnosis_grows_with_the_namespace_and_not_faster() -> None:
    """Counted in calls, which no busy machine changes: twice the pods and events, about twice the calls."""

    def calls(pods: int) -> int:
        items = workload(status=running(), pods=pods, replicas=pods)
        made = [item for item in items if item["kind"] == "Pod"]
        items += [event(made[number % pods], "Unhealthy", "Readiness probe failed: 503") for number in range(10 * pods)]
        counted = 0

        def count(*_: object) -> None:
            nonlocal counted
            counted += 1

        sys.setprofile(count)
        try:
            assert len(judge(items)) == 1
        finally:
            sys.setprofile(None)
        return counted

    calls(1)  # what is compiled once
    assert calls(200) < 2.2 * calls(100)


NO_SECRET = waiting("CreateContainerConfigError", 'secret "api-keys" not found')


def judged(since: float, *, told: float | None = None, made: float = 600) -> bool:
    """Whether a pod's missing Secret ends a run that changed something `since` seconds ago."""
    items = workload(status=NO_SECRET)
    pod = the(items, "Pod")
    pod["metadata"]["creationTimestamp"] = ago(made)
    if told is not None:
        items.append(event(pod, "Failed", 'Error: secret "api-keys" not found') | {"lastTimestamp": ago(told)})
    (found,) = judge(items, since=NOW - timedelta(seconds=since))
    assert found.rule == "secret-missing"
    return found.terminal


def test_what_was_wrong_before_a_change_is_no_evidence_against_it() -> None:
    assert not judged(3) and not judged(3, told=10)


def test_what_was_said_since_the_change_is() -> None:
    assert judged(3, told=1)


def test_a_pod_of_the_change_itself_is_judged_at_once() -> None:
    assert judged(3, made=5)


def test_an_old_state_that_stays_counts_after_a_minute() -> None:
    assert judged(61)


@pytest.mark.parametrize(("since", "terminal"), [(10, False), (59, False), (61, True)])
def test_who_was_not_ready_before_a_change_has_its_time_from_the_change_on(since: float, terminal: bool) -> None:
    """As whoever waits for a service that this change brings back."""
    items = workload(status=running(500))
    pod = the(items, "Pod")
    pod["metadata"]["creationTimestamp"] = ago(600)
    pod["status"]["conditions"][1]["lastTransitionTime"] = ago(500)
    told = event(
        pod, "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", container="backend"
    )
    items.append(told | {"lastTimestamp": ago(1)})
    (found,) = judge(items, since=NOW - timedelta(seconds=since))
    assert (found.rule, found.terminal) == ("not-ready-503", terminal)


def test_a_deadline_that_was_over_before_a_change_is_no_evidence_either() -> None:
    items = workload(status=running())
    the(items, "Deployment")["status"]["conditions"] = [
        {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "lastUpdateTime": ago(30)}
    ]
    the(items, "Pod")["metadata"]["creationTimestamp"] = ago(600)
    assert any(found.terminal for found in judge(items))
    assert not any(found.terminal for found in judge(items, since=NOW - timedelta(seconds=3)))


@pytest.mark.parametrize(("since", "terminal"), [(90, False), (119, False), (130, True)])
def test_a_start_is_given_the_time_that_its_own_probe_gives_it(since: float, terminal: bool) -> None:
    probe = {"exec": {"command": ["pg_isready"]}, "periodSeconds": 1, "failureThreshold": 120}
    items = workload(status=running(since, started=False), container={"startupProbe": probe})
    the(items, "Pod")["status"]["conditions"][1]["lastTransitionTime"] = ago(since)
    items.append(event(the(items, "Pod"), "Unhealthy", "Startup probe failed: no response", container="backend"))
    (found,) = judge(items)
    assert found.rule == "probe-command" and found.terminal is terminal


@pytest.mark.parametrize(("since", "terminal"), [(2, False), (89, False), (100, True)])
def test_the_time_that_a_start_took_does_not_count_as_time_without_readiness(since: float, terminal: bool) -> None:
    """A database that needed two minutes for its first start has just begun to answer."""
    probe = {"exec": {"command": ["pg_isready", "--quiet"]}, "periodSeconds": 1, "failureThreshold": 300}
    items = workload(status=running(220, started=True), container={"startupProbe": probe})
    the(items, "Pod")["status"]["conditions"][1]["lastTransitionTime"] = ago(220)
    told = event(the(items, "Pod"), "Unhealthy", "Startup probe failed: ", container="backend")
    items.append(told | {"lastTimestamp": ago(since)})
    found = judge(items)
    assert [one.terminal for one in found if one.rule == "not-ready"] == ([terminal] if since > 15 else [])


def test_a_start_whose_probe_asks_for_what_is_not_there_is_not_waited_for() -> None:
    probe = {"httpGet": {"path": "/nothing", "port": "http"}, "periodSeconds": 1, "failureThreshold": 120}
    items = workload(status=running(30, started=False), container={"startupProbe": probe})
    told = "Startup probe failed: HTTP probe failed with statuscode: 404"
    items.append(event(the(items, "Pod"), "Unhealthy", told, container="backend"))
    (found,) = judge(items)
    assert found.rule == "probe-path-missing" and found.terminal


def _unscheduled(message: str) -> list[Object]:
    told = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": message}
    status = {"phase": "Pending", "conditions": [told | {"lastTransitionTime": ago(40)}], "containerStatuses": []}
    items = workload(pod_status=status)
    the(items, "Pod")["spec"].pop("nodeName")
    return items


@pytest.mark.parametrize(
    "taint",
    ["node.cilium.io/agent-not-ready", "ebs.csi.aws.com/agent-not-ready", "karpenter.sh/unregistered"],
)
def test_a_taint_of_a_node_that_is_being_set_up_is_waited_for(taint: str) -> None:
    (found,) = judge(_unscheduled(f"0/1 nodes are available: 1 node(s) had untolerated taint {{{taint}: }}."))
    assert (found.rule, found.terminal) == ("node-not-ready", False) and taint in found.title


@pytest.mark.parametrize("reason", ["TriggeredScaleUp", "Nominated"])
def test_a_node_that_is_on_its_way_is_waited_for(reason: str) -> None:
    """The cluster-autoscaler's word for it, and Karpenter's."""
    items = _unscheduled("0/3 nodes are available: 3 Insufficient cpu.")
    assert judge(items)[0].terminal
    (found,) = judge([*items, event(the(items, "Pod"), reason, "Pod should schedule on: x", kind="Normal")])
    assert not found.terminal


@pytest.mark.parametrize(("message", "lost"), [("etcdserver: request timed out", False), ("something new", True)])
def test_pods_that_could_not_be_made_for_a_moment_are_waited_for(message: str, lost: bool) -> None:
    items = workload(pods=0)
    items[1]["status"] = {"replicas": 0}
    (found,) = judge([*items, event(the(items, "ReplicaSet"), "FailedCreate", f"Error creating: {message}")])
    assert (found.rule == "pods-refused", found.terminal) == (lost, lost)


@pytest.mark.parametrize(("updated", "rules"), [(0, [("paused", True)]), (1, [])])
def test_a_rollout_that_is_paused_is_not_waited_for(updated: int, rules: list[tuple[str, bool]]) -> None:
    """Nothing but a person goes on with it; one whose pods are all new has nothing to go on with."""
    items = workload()
    the(items, "Deployment")["spec"]["paused"] = True
    the(items, "Deployment")["status"]["updatedReplicas"] = updated
    assert [(one.rule, one.terminal) for one in judge(items)] == rules


def test_missing_tables_are_waited_for_while_somebody_may_still_make_them() -> None:
    """A worker starts beside the service whose start runs the migrations."""
    worker = workload("worker", crashed(1))
    said = 'UndefinedTable: relation "todos" does not exist'
    for api, lost in ((running(20), False), (ready(300), True)):
        items = workload("api", api)
        the(items, "Pod")["status"]["conditions"][1]["lastTransitionTime"] = ago(300)
        found = {one.service: one for one in judge([*worker, *items], said, name="worker")}
        assert (found["worker"].rule, found["worker"].terminal) == ("schema-missing", lost)
