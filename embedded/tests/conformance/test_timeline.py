"""A Deployment's life under helm and kubectl takes the recorded steps, and no request through its Service fails."""

from __future__ import annotations

import itertools
import json
import shutil
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from spaces import Begun, Spaces

from scripts.host import toolchain
from scripts.host.paths import ROOT
from scripts.host.shell import CommandError
from scripts.kube.kubectl import Kubectl, documents
from scripts.pipeline.rollout import progress

pytestmark = pytest.mark.engine

RECORDINGS = Path(__file__).parents[1] / "recordings"
REVISION = "deployment.kubernetes.io/revision"
UNAVAILABLE = ("Available", "False", "MinimumReplicasUnavailable")
DELETED_BY_HAND = 5  # the generation in which a pod is
# The chart's autoscaler was without metrics when it was recorded. Where there are metrics, a busy machine would make it
# scale, and `helm rollback` would meet its field manager.
NEVER = {"selectPolicy": "Disabled"}
FROZEN = json.dumps({"spec": {"behavior": {"scaleUp": NEVER, "scaleDown": NEVER}}})


class Recorder:
    """The changes of one kind, as a watch tells them."""

    def __init__(self, kubectl: Kubectl, kind: str, space: str) -> None:
        self.objects: list[dict[str, Any]] = []
        self._kubectl = kubectl
        self._kind = kind
        self._space = space
        self._stop: Callable[[], None] = lambda: None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        assert self._ready.wait(300)

    def _run(self) -> None:
        with self._kubectl.watch(self._kind, self._space, 600) as stream:
            self._stop = stream.stop
            self._ready.set()
            for event in documents(stream):
                if event["type"] != "DELETED" and event["object"]["metadata"]["name"].startswith("backend"):
                    self.objects.append(event["object"])

    def close(self) -> None:
        self._stop()
        self._thread.join()


class Load:
    """Requests through the NodePort, each on a connection of its own, by two clients.

    They pause between requests, so that the machine is left to what is looked at.
    """

    def __init__(self, url: str, clients: int = 2) -> None:
        self._url = url
        self.sent = 0
        self.failed: list[str] = []
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]
        for thread in self._threads:
            thread.start()

    def _run(self) -> None:
        while not self._over.wait(0.05):
            self.sent += 1
            try:
                with urllib.request.urlopen(self._url, timeout=120) as answer:  # noqa: S310 - always http
                    answer.read()
            except (urllib.error.URLError, OSError) as error:
                self.failed.append(f"{time.time():.1f} {error}")

    def close(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()


def conditions(objects: list[dict[str, Any]], generation: int) -> list[tuple[Any, ...]]:
    """The conditions of one generation of a Deployment, in their order, each state once."""
    seen = [
        tuple(sorted((one["type"], one["status"], one["reason"]) for one in item["status"].get("conditions", ())))
        for item in objects
        if item["metadata"]["generation"] == generation and item.get("status", {}).get("conditions")
    ]
    return [state for state, _ in itertools.groupby(seen)]


def counters(objects: list[dict[str, Any]], generation: int) -> dict[str, int]:
    """Where a generation ends, pods on their way out aside."""
    last = [item for item in objects if item["metadata"]["generation"] == generation][-1]["status"]
    return {key: value for key, value in last.items() if isinstance(value, int) and key != "terminatingReplicas"}


def scales(objects: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """Revision and wanted replicas of ReplicaSets, in their order, each step once."""
    seen: dict[str, int] = {}
    steps = []
    for item in objects:
        name, wanted = item["metadata"]["name"], item["spec"].get("replicas", 1)
        if seen.get(name) != wanted:
            seen[name] = wanted
            steps.append((int(item["metadata"]["annotations"][REVISION]), wanted))
    return steps


def recorded(resource: str) -> list[dict[str, Any]]:
    """The recording up to the end of the rollback."""
    entries = [json.loads(line) for line in (RECORDINGS / "timeline.jsonl").read_text().splitlines()]
    return [
        entry["object"]
        for entry in entries
        if entry["resource"] == resource and entry["type"] != "DELETED" and entry["t"] < 56
    ]


def begin(kubectl: Kubectl, spaces: Spaces, folder: Path) -> dict[str, Any]:
    """Run the recorded commands live; what became of the objects, and of the requests meanwhile."""
    space, port = spaces.make("timeline"), spaces.port()
    chart = folder / "chart"
    shutil.copytree(RECORDINGS / "timeline-chart", chart)
    templates = chart / "templates/all.yaml"
    text = templates.read_text().replace("30080", str(port))
    # Only the update that never gets anywhere is given up soon: what works may take its time on a busy machine.
    text = text.replace("progressDeadlineSeconds: 20", "progressDeadlineSeconds: {{ .Values.patience | default 600 }}")
    text = text.replace("terminationGracePeriodSeconds: 2", "terminationGracePeriodSeconds: 30")  # its last answers too
    templates.write_text(text.replace("periodSeconds", "timeoutSeconds: 60, periodSeconds"))
    binary = toolchain.locate(kubectl.shell, ROOT, lambda _: None)["helm"]
    aimed = ["--kubeconfig", str(kubectl.kubeconfig), "--kube-context", kubectl.context, "--namespace", space]

    def helm(*words: str) -> None:
        kubectl.shell.effect([binary, *words, *aimed], timeout=900)

    def upgrade(*words: str) -> None:
        helm("upgrade", "--install", "todo", str(chart), "--wait", "--timeout=600s", *words)

    def settle() -> None:
        with kubectl.watch("deployments", space, 600) as stream:
            for event in documents(stream):
                if progress(event["object"]).complete:
                    return

    def scale(replicas: int) -> None:
        kubectl.effect("scale", "deployment/backend", f"--replicas={replicas}", "--namespace", space)
        settle()

    deployments, sets = Recorder(kubectl, "deployments", space), Recorder(kubectl, "replicasets", space)
    upgrade()
    kubectl.effect("patch", "hpa/backend", "--type=merge", f"--patch={FROZEN}", "--namespace", space)
    load = Load(f"http://{spaces.address()}:{port}/healthz")
    upgrade("--set", "message=two")
    scale(4)
    scale(2)
    kubectl.effect("rollout", "restart", "deployment/backend", "--namespace", space)
    settle()
    pod = kubectl.items("pods", space, "--selector", "app=backend", "--field-selector=status.phase=Running")[0]
    kubectl.effect("delete", "pod", pod["metadata"]["name"], "--namespace", space)
    settle()
    with pytest.raises(CommandError):
        upgrade("--set", "message=two", "--set", "image=bb:absent", "--set", "patience=5")
    helm("rollback", "todo", "--wait", "--timeout=600s")
    settle()
    load.close()
    deployments.close()
    sets.close()
    helm("uninstall", "todo")
    return {"deployments": deployments.objects, "replicasets": sets.objects, "load": load}


@pytest.fixture
def life(begun: Begun) -> dict[str, Any]:
    """What came of the commands."""
    return begun.result()


@pytest.mark.parametrize("generation", range(1, 8))
def test_conditions_come_in_the_recorded_order(life: dict[str, Any], generation: int) -> None:
    wanted = conditions(recorded("deployments"), generation)
    # A pod that was deleted by hand may be replaced before the controller has counted it out.
    undipped = [state for state, _ in itertools.groupby(item for item in wanted if UNAVAILABLE not in item)]
    allowed = [wanted, undipped] if generation == DELETED_BY_HAND else [wanted]
    assert conditions(life["deployments"], generation) in allowed


@pytest.mark.parametrize("generation", range(1, 8))
def test_each_step_ends_with_the_recorded_counters(life: dict[str, Any], generation: int) -> None:
    assert counters(life["deployments"], generation) == counters(recorded("deployments"), generation)


def test_replica_sets_are_scaled_as_recorded(life: dict[str, Any]) -> None:
    assert scales(life["replicasets"]) == scales(recorded("replicasets"))


def test_bounds_are_never_broken(life: dict[str, Any]) -> None:
    for deployment in life["deployments"][2:]:
        spec, status = deployment["spec"]["replicas"], deployment.get("status", {})
        if deployment["metadata"]["generation"] in (2, 5, 6, 7) and status.get("availableReplicas"):
            assert status.get("replicas", 0) <= spec + 1
            assert status["availableReplicas"] >= spec - 1  # the pod that was deleted by hand is one less for a moment


def test_not_one_request_fails(life: dict[str, Any]) -> None:
    load = life["load"]
    print(f"{load.sent} requests, {len(load.failed)} failed")
    assert load.sent > 100
    assert load.failed == []
