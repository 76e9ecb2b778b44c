"""Proof: rolled out, healthy, and answering at its URL."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from scripts.context.run import Run
from scripts.diagnose.watchdog import Failure, Watchdog, look
from scripts.errors import UserError
from scripts.kube import releases
from scripts.kube.kubectl import documents
from scripts.pipeline import health, rollout
from scripts.settings.model import Outcome

if TYPE_CHECKING:
    from scripts.diagnose import State

NAME_LABEL = "app.kubernetes.io/name"
PATIENCE = 3.0  # seconds in which a service may become healthy before anybody asks why it is not


def await_rollout(run: Run) -> Iterator[Outcome]:
    """Wait until every Deployment is what its specification asks for."""
    if run.session.shell.dry:
        yield Outcome("rollout", "all", "skipped", 0.0, "dry run")
        return
    yield from await_deployments(run, run.deployments)


def await_deployments(run: Run, names: Iterable[str]) -> Iterator[Outcome]:
    """Wait for some Deployments, stopping at the first sign that one of them will not get there by itself.

    Raises Failure with what was found, or UserError when the time limit is over.
    """
    started = time.monotonic()
    wanted = list(names)
    pending = dict.fromkeys(wanted, "waiting")
    limit = run.session.settings.timeouts.deploy

    def tell(state: State) -> None:
        pods, events = state.kind("Pod"), state.kind("Event")
        for name, text in list(pending.items()):
            own = [pod for pod in pods if pod["metadata"].get("labels", {}).get(NAME_LABEL) == name]
            awaited = rollout.waiting_for(own, events, health.now())
            run.display.waiting("rollout", name, f"{text}, {awaited}" if awaited else text)

    with (
        run.session.kubectl.watch("deployments", run.namespace, limit) as stream,
        Watchdog(run.session, wanted, stream.stop, tell) as watchdog,
    ):
        for event in documents(stream):
            name = event["object"]["metadata"]["name"]
            if name not in pending:
                continue
            state = rollout.progress(event["object"])
            if state.complete:
                del pending[name]
                yield Outcome("rollout", name, "done", time.monotonic() - started, state.text)
            else:
                pending[name] = state.text
                run.display.waiting("rollout", name, state.text)
            if state.failed or not pending:
                break
    if not pending:
        return
    findings = watchdog.findings or look(run.session, wanted)
    stuck = ", ".join(f"{name} {text}" for name, text in pending.items())
    limited = "" if watchdog.findings else f" within {limit} s"
    raise Failure(f"not rolled out{limited}: {stuck}", findings)


def check_health(run: Run) -> Iterator[Outcome]:
    """Prove it: pods ready, unrestarted and of the right image, endpoints there, every service answering."""
    if run.session.shell.dry:
        yield Outcome("health", "all", "skipped", 0.0, "dry run")
        return
    yield from await_healthy(run, {image.service: run.plan.deployed(image) for image in run.plan.images})
    releases.mark_verified(run.session.kubectl, run.namespace, run.revisions)


def await_healthy(run: Run, images: Mapping[str, str]) -> Iterator[Outcome]:
    """Check services (name → image, or nothing where any will do) until all are well or the time limit is over.

    Raises Failure with what was found.
    """
    started = time.monotonic()
    limit = run.session.settings.timeouts.health
    pause = 0.1
    while True:
        checks = health_checks(run, images)
        ill = [check for check in checks if check.problems]
        if not ill:
            break
        findings = look(run.session, list(images)) if time.monotonic() - started > PATIENCE else []
        if time.monotonic() - started > limit or any(finding.terminal for finding in findings):
            problems = "\n".join(f"{check.service}: {problem}" for check in ill for problem in check.problems)
            raise Failure(problems, findings)
        for check in ill:
            run.display.waiting("health", check.service, check.problems[0])
        time.sleep(pause)  # an app that is becoming ready tells nobody
        pause = min(1.0, pause * 2)
    seconds = time.monotonic() - started
    for check in checks:
        yield Outcome("health", check.service, "done", seconds, check.text)


def access(run: Run) -> Iterator[Outcome]:
    """Find the URL and see that the app answers there."""
    page = run.session.settings.page
    if page is None:
        yield Outcome("access", "page", "skipped", 0.0, f"{run.session.settings.app.file} names no page")
        return
    if run.session.shell.dry:
        yield Outcome("access", page.name, "skipped", 0.0, "dry run")
        return
    started = time.monotonic()
    service = run.session.kubectl.get("service", page.address, "--namespace", run.namespace)
    port = service["spec"]["ports"][0].get("nodePort", 0)
    url = run.session.cluster.url(run.namespace, page.address, port)
    _fetch_page(url, run.session.settings.timeouts.health)
    run.url = url
    yield Outcome("access", page.name, "done", time.monotonic() - started, url)


def health_checks(run: Run, images: Mapping[str, str]) -> list[health.Check]:
    """One round of checks: the objects by one request, the services' own answers side by side."""
    kubectl = run.session.kubectl
    objects = kubectl.items("deployments,pods,endpointslices", run.namespace)
    deployments = {item["metadata"]["name"]: item for item in objects if item["kind"] == "Deployment"}
    addresses = {service.name: service.address for service in run.session.settings.services}

    def one(name: str) -> health.Check:
        check = health.check_service(name, images[name], objects, health.now())
        address = addresses.get(name)
        if check.problems or not address:
            return check
        spec = deployments[name]["spec"]["template"]["spec"]["containers"][0]
        port = spec["ports"][0]["containerPort"]
        scheme, path = health.probe_scheme(deployments[name]), health.probe_path(deployments[name])
        answer = kubectl.proxy_get(run.namespace, address, port, path, scheme=scheme)
        if not answer:
            return health.Check(check.service, check.text, (f"{path}: {answer.err.strip()}",))
        return health.Check(check.service, f"{check.text}, answers")

    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, images))


def _fetch_page(url: str, limit: float) -> None:
    deadline = time.monotonic() + limit
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a local URL goes through no proxy
    while True:
        try:
            with opener.open(url, timeout=10) as answer:
                if "html" in answer.headers.get("Content-Type", ""):
                    return
                problem = f"answered {answer.headers.get('Content-Type')}, not a page"
        except (urllib.error.URLError, OSError) as error:
            problem = str(error)
        if time.monotonic() > deadline:
            raise UserError(f"{url}: {problem}", "is something else listening on that port? ss -ltnp")
        time.sleep(0.2)  # packet filter rules follow the endpoints within moments
