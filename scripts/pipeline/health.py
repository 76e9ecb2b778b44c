"""Health of live releases: pods ready, unrestarted and of the right image, endpoints there, the app answering."""

from __future__ import annotations

import functools
import shlex
import time
from collections.abc import Collection, Generator, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from scripts.context.run import Run
from scripts.kube import objects, releases, workloads
from scripts.kube.objects import name_of
from scripts.kube.workloads import Workload
from scripts.pipeline import live
from scripts.pipeline.live import Live
from scripts.pipeline.rollout import progress
from scripts.secrets import proofs
from scripts.settings.model import Outcome

RECENT_SECONDS = 120.0  # a restart longer ago than this is history, not a sign
PATIENCE = 3.0  # seconds in which a service may become healthy before anybody asks why it is not
KINDS = "deployments,statefulsets,daemonsets,jobs,pods,services,endpointslices"
ENDED = "command terminated with exit code"
SERVICE_LABEL = "kubernetes.io/service-name"

Object = Mapping[str, Any]


@dataclass(frozen=True)
class Check:
    """One verdict on one workload; `problems` is empty where all is well.

    `with_node` says that its pods were restarted, and that was the node's doing.
    """

    service: str
    text: str
    problems: tuple[str, ...] = ()
    with_node: bool = False


@dataclass(frozen=True)
class Asked:
    """A command in a container of a pod, by which the node asks whether it lives."""

    pod: str
    container: str
    command: tuple[str, ...]


@dataclass(frozen=True)
class Probe:
    """The HTTP address of a workload: a port and path of one of its Services; `scheme` is `https` or empty."""

    service: str
    port: int
    path: str
    scheme: str


def check_health(run: Run, found: Live) -> Generator[Outcome, None, None]:
    """Prove it: pods ready, unrestarted and of the right image, endpoints there, every service answering."""
    if run.dry:
        yield Outcome("health", "all", "skipped", 0.0, "dry run")
        return
    yield from await_healthy(run, found.workloads)
    live.refuse_overtaken(run)
    keep_proof(run, found)


def keep_proof(run: Run, found: Live) -> None:
    """Remember that these revisions were healthy, with the Secrets that their pods were started with."""
    session, names = run.session, live.secret_names(run.session)

    @functools.cache
    def unproved() -> set[str]:  # of all releases: each proof has the Secrets of all
        stale = live.started_otherwise(session, found.workloads)
        for one in stale:
            run.display.line(f"{live.describe_started_otherwise(one)}, and only then it is known what these do")
        return {name for one in stale for name in one.secrets}

    for release, record in found.records.items():
        known = proofs.find(session.kubectl, run.namespace, release, releases.installation(record), [record])
        proofs.keep(session.kubectl, run.namespace, names, known, record, unproved)


def await_healthy(run: Run, wanted: Collection[Workload]) -> Iterator[Outcome]:
    """Check workloads until all are well or the time limit is over. Raises Failure with what was found."""
    started, began = time.monotonic(), run.session.kubectl.now()
    limit = run.session.settings.timeouts.health
    pause = 0.1
    while True:
        checks = health_checks(run, wanted)
        ill = [check for check in checks if check.problems]
        if not ill:
            break
        from scripts.diagnose.examine import Failure, diagnose_workloads  # only a release in trouble needs the rules

        waited = time.monotonic() - started
        findings = diagnose_workloads(run.session, wanted, since=began) if waited > PATIENCE else []
        if waited > limit or any(finding.terminal for finding in findings):
            problems = "\n".join(f"{check.service}: {problem}" for check in ill for problem in check.problems)
            raise Failure(problems, findings)
        for check in ill:
            run.display.waiting("health", check.service, check.problems[0])
        time.sleep(pause)  # an app that is becoming ready tells nobody
        pause = min(1.0, pause * 2)
    seconds = time.monotonic() - started
    if any(check.with_node for check in checks):
        run.display.line("the node was restarted not long ago, and the pods with it: they are well again")
    for check in checks:
        yield Outcome("health", check.service, "done", seconds, check.text)


def health_checks(run: Run, wanted: Collection[Workload]) -> list[Check]:
    """Return one round of checks: the objects by one request a namespace, the services' own answers side by side."""
    kubectl = run.session.kubectl
    there = {namespace: kubectl.items(KINDS, namespace) for namespace in {one.namespace for one in wanted}}

    def one(workload: Workload) -> Check:
        items = there[workload.namespace]
        name = workloads.label(workload, run.namespace)
        check = replace(check_workload(workload, items, kubectl.now()), service=name)
        probe = None if check.problems else probe_of(workload, items)
        if probe is None:
            return check
        answer = kubectl.proxy_get(workload.namespace, probe.service, probe.port, probe.path, scheme=probe.scheme)
        if not answer:
            return replace(check, problems=(f"{probe.path}: {answer.err.strip()}",))
        return replace(check, text=f"{check.text}, answers")

    def alive(workload: Workload) -> Check:
        check = one(workload)
        asked = None if check.problems else liveness_of(workload, there[workload.namespace], kubectl.now())
        if asked is None:
            return check
        words = ("exec", asked.pod, "--namespace", workload.namespace, "--container", asked.container, "--")
        answer = kubectl.ask(*words, *asked.command)
        if not answer and ENDED in answer.err:  # who may not ask, or finds no such program, cannot tell
            said = f"{shlex.join(asked.command)}: its livenessProbe fails, so that it is killed before long"
            return replace(check, problems=(said,))
        return check

    with ThreadPoolExecutor() as pool:
        return list(pool.map(alive, wanted))


def check_workload(workload: Workload, items: Iterable[Object], moment: datetime) -> Check:
    """Judge one workload by its object, its pods, and the EndpointSlices of its Services."""
    by_kind = _by_kind(items)
    item = _find(workload, by_kind)
    if workload.kind == "Job":  # its rollout was its end; one that ended well may have been tidied away
        return Check(workload.name, "done")
    if item is None:
        return Check(workload.name, "missing", (f"{workload.kind} {workload.name} does not exist",))
    pods = objects.living(objects.pods_of(item, by_kind.get("Pod", ())))
    count = item["status"].get("desiredNumberScheduled", 0) if workload.kind == "DaemonSet" else None
    desired = item["spec"].get("replicas", 1) if count is None else count
    ready = [pod for pod in pods if objects.is_ready(pod)]
    problems = [f"{len(ready)} of {desired} pods are ready"] if len(ready) < desired else []
    if workload.replicas and not desired:
        problems.append(f"it is scaled to 0, and the release says {workload.replicas}: invoke deploy puts it back")
    problems += [problem for pod in pods for problem in _pod_problems(pod, workload.images, moment)]
    drift = f" (release: {workload.replicas})" if workload.replicas not in (None, desired) else ""
    state = progress(item)
    if item["status"] and not (state.complete or problems):  # old pods may be ready, and of the same image
        problems.append(f"it is not rolled out yet: {state.text}")
    text = f"{len(ready)}/{desired} ready{drift}"
    services = objects.services_of(item, by_kind.get("Service", ()))
    if services:
        counts = {name_of(one): _endpoints(name_of(one), by_kind.get("EndpointSlice", ())) for one in services}
        problems += [f"the Service {name} has no ready endpoint" for name, one in counts.items() if desired and not one]
        text += f", {max(counts.values())} endpoints"
    return Check(workload.name, text, tuple(problems), any(_restarted_with_node(pod, moment) for pod in pods))


def _by_kind(items: Iterable[Object]) -> dict[str, list[Object]]:
    found: dict[str, list[Object]] = {}
    for item in items:
        found.setdefault(item["kind"], []).append(item)
    return found


def _find(workload: Workload, by_kind: Mapping[str, list[Object]]) -> Object | None:
    return next((item for item in by_kind.get(workload.kind, ()) if name_of(item) == workload.name), None)


def _endpoints(service: str, slices: Iterable[Object]) -> int:
    own = [item for item in slices if item["metadata"].get("labels", {}).get(SERVICE_LABEL) == service]
    endpoints = [endpoint for item in own for endpoint in item.get("endpoints") or ()]
    return sum(endpoint.get("conditions", {}).get("ready") is not False for endpoint in endpoints)


def _pod_problems(pod: Object, images: Mapping[str, str], moment: datetime) -> list[str]:
    name, runs = name_of(pod), objects.images_of(pod)
    problems = [
        f"pod {name} runs {runs.get(container)}, not {image}"
        for container, image in images.items()
        if runs.get(container) != image
    ]
    for ended, age in _recent_ends(pod, moment):
        if not objects.ended_with_node(ended):
            reason = ended.get("reason", "it ended")
            problems.append(f"pod {name} was restarted {age:.0f} s ago: {reason}, exit code {ended.get('exitCode')}")
    return problems


def _restarted_with_node(pod: Object, moment: datetime) -> bool:
    return any(objects.ended_with_node(ended) for ended, _ in _recent_ends(pod, moment))


def _recent_ends(pod: Object, moment: datetime) -> Iterator[tuple[Object, float]]:
    """Yield how containers that were restarted lately had ended, and how many seconds ago."""
    for container in pod.get("status", {}).get("containerStatuses", ()):
        ended = container.get("lastState", {}).get("terminated", {})
        finished = ended.get("finishedAt")
        if container.get("restartCount", 0) and finished:
            age = (moment - datetime.fromisoformat(finished)).total_seconds()
            if age < RECENT_SECONDS:
                yield ended, age


def probe_of(workload: Workload, items: Iterable[Object]) -> Probe | None:
    """Return where a workload's app answers by HTTP; None where it has no HTTP probe, no Service leads there, or the
    probe has headers of its own, which the API server's proxy does not pass on as they are.
    """
    by_kind = _by_kind(items)
    item = _find(workload, by_kind)
    if item is None or not item["spec"].get("replicas", 1):
        return None
    container = objects.app_container(objects.template(item))
    asked = next((get for key in ("readinessProbe", "startupProbe") if (get := _http_get(container, key))), None)
    number = _port_number(container, asked.get("port")) if asked else None
    if asked is None or number is None or asked.get("httpHeaders"):
        return None
    for service in objects.services_of(item, by_kind.get("Service", ())):
        for port in service["spec"].get("ports") or ():
            if _port_number(container, port.get("targetPort", port["port"])) == number:
                scheme = "https" if asked.get("scheme", "HTTP") == "HTTPS" else ""
                return Probe(name_of(service), port["port"], str(asked.get("path", "/")), scheme)
    return None


def liveness_of(workload: Workload, items: Iterable[Object], moment: datetime) -> Asked | None:
    """Return the command by which the node asks whether a workload's app lives; None where it has none, where the time
    that its program is given before has not passed, or where the node has judged by it: that shows in restarts.

    It is asked for the first time some seconds after a pod is ready, which no rollout waits for.
    """
    by_kind = _by_kind(items)
    item = _find(workload, by_kind)
    if item is None:
        return None
    container = objects.app_container(objects.template(item))
    probe = container.get("livenessProbe") or {}
    command = (probe.get("exec") or {}).get("command")
    for pod in objects.living(objects.pods_of(item, by_kind.get("Pod", ()))) if command else ():
        states = pod.get("status", {}).get("containerStatuses") or ()
        own: Object = next((one for one in states if one.get("name") == container["name"]), {})
        started = (own.get("state", {}).get("running") or {}).get("startedAt")
        delay = timedelta(seconds=probe.get("initialDelaySeconds", 0))
        judged = timedelta(seconds=probe.get("periodSeconds", 10) * (probe.get("failureThreshold", 3) + 1))
        if started and delay <= moment - datetime.fromisoformat(started) < delay + judged:
            return Asked(name_of(pod), container["name"], tuple(map(str, command or ())))
    return None


def _http_get(container: Object, probe: str) -> Object | None:
    found: Object | None = (container.get(probe) or {}).get("httpGet")
    return found


def _port_number(container: Object, port: str | int | None) -> int | None:
    """Return a container's port by its number or its name."""
    if isinstance(port, int):
        return port
    named = {one.get("name"): one["containerPort"] for one in container.get("ports") or ()}
    return named.get(port)
