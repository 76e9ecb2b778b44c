"""Broken workloads reach what a real cluster recorded of them: phases, reasons, exit codes, events, conditions."""

from __future__ import annotations

import json
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from spaces import Begun, Spaces

from scripts import diagnose
from scripts.kube.kubectl import Kubectl

pytestmark = pytest.mark.engine

RECORDINGS = Path(__file__).parents[1] / "recordings/faults"
FAULTS = sorted(path.name.removesuffix(".manifest.yaml") for path in RECORDINGS.glob("*.manifest.yaml"))
CAUSES = json.loads((RECORDINGS.parent / "causes.json").read_text())
LIMIT = 600.0  # seconds; the recordings were taken after 75
# How long pulling fails and what the runtime says of it is the runtime's own: containerd there, Docker here.
RUNTIME_WORDS = re.compile(r'(Failed to pull image "[^"]*": ).*', re.DOTALL)


def normal(text: str) -> str:
    """A message without the names, addresses and numbers that differ from run to run."""
    text = RUNTIME_WORDS.sub(r"\1…", text)
    text = re.sub(r"\([0-9a-f]{8}-[0-9a-f-]{27}\)", "(uid)", text)
    text = re.sub(r"\d+\.\d+\.\d+\.\d+", "IP", text)
    text = re.sub(r"backend-[a-z0-9]+-[a-z0-9]{5}|backend-[a-z0-9]{7,10}(?=[^a-z0-9-])", "NAME", text)
    return re.sub(r"used: [^,]+", "used", text)


def signature(items: list[dict[str, Any]]) -> dict[str, set[Any]]:
    """What is compared of a broken workload."""
    found: dict[str, set[Any]] = {"conditions": set(), "phases": set(), "containers": set(), "events": set()}
    for item in items:
        kind, status = item["kind"], item.get("status", {})
        if kind == "Deployment":
            found["conditions"] |= {(one["type"], one["status"], one["reason"]) for one in status.get("conditions", ())}
        elif kind == "Pod":
            found["phases"].add(status.get("phase"))
            for one in (*status.get("initContainerStatuses", ()), *status.get("containerStatuses", ())):
                found["containers"] |= container(one)
        elif kind == "Event" and item["type"] == "Warning":
            found["events"].add((item["involvedObject"]["kind"], item["reason"], normal(item["message"])))
    return found


def container(status: dict[str, Any]) -> set[tuple[Any, ...]]:
    """How a container is: what it waits for, how it ended. One that is restarted is now waiting and now ending."""
    ended = status["state"].get("terminated") or status.get("lastState", {}).get("terminated")
    if ended:
        return {(status["name"], "ends", ended["reason"], ended["exitCode"])}
    waiting = status["state"].get("waiting")
    if waiting:
        reason = {"ErrImagePull": "ImagePullBackOff"}.get(waiting["reason"], waiting["reason"])
        return {(status["name"], "waits", reason)}
    return {(status["name"], "runs", status["ready"])}


def missing(wanted: dict[str, set[Any]], got: dict[str, set[Any]]) -> list[str]:
    """What was recorded and is not there, in words."""
    return [f"{part}: {item}" for part, items in wanted.items() for item in sorted(items - got[part], key=str)]


def begin(kubectl: Kubectl, spaces: Spaces, folder: Path) -> dict[str, str]:
    """Apply every broken workload in a namespace of its own: fault → namespace."""

    def apply(fault: str) -> str:
        labels = {"pod-security.kubernetes.io/enforce": "restricted"} if fault.startswith("psa-restricted") else {}
        space = spaces.make(fault, labels)
        parts = (RECORDINGS / f"{fault}.manifest.yaml").read_text().split("\n---\n")
        # A quota first: on a busy machine even a real cluster may have made the pods before it comes. That one which
        # follows in the same manifest is in force is shown in controllers/test_faults.py, without a race.
        parts = sorted((part for part in parts if "kind: Namespace" not in part), key=lambda part: "Quota" not in part)
        manifest = "\n---\n".join(parts)
        kubectl.effect("apply", "--namespace", space, "--filename", "-", stdin=manifest)
        return space

    with ThreadPoolExecutor(4) as pool:
        return dict(zip(FAULTS, pool.map(apply, FAULTS), strict=True))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_broken_workload_shows_what_was_recorded(kubectl: Kubectl, begun: Begun, fault: str) -> None:
    space = begun.result()[fault]
    recorded = (RECORDINGS / f"{fault}.json").read_text().replace(f"fault-{fault}", space)
    wanted = signature(json.loads(recorded)["items"])
    if not fault.startswith("readiness"):
        # Whether a probe happens to ask in the moment between start and end, or start and listening, is a race.
        wanted["events"] = {item for item in wanted["events"] if "connection refused" not in item[2]}
    expected = [CAUSES[fault]]
    rules = diagnose.read_rules()
    deadline = time.monotonic() + LIMIT
    while True:
        objects = kubectl.items("deployments,pods,events", space)
        absent = missing(wanted, signature(objects))
        found = diagnose.diagnose(diagnose.take_snapshot(kubectl, space), rules)
        named = [finding.rule for finding in found if finding.terminal]
        if (not absent and named == expected) or time.monotonic() > deadline:
            break
        time.sleep(1.0)  # what is awaited is a set of states that no single watch tells of
    assert (absent, named) == ([], expected)
