"""Proof: rolled out, healthy, and answering at its URL."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from scripts import health, releases, rollout
from scripts.model import Image, Outcome, UserError
from scripts.run import Run


def await_rollout(run: Run) -> Iterator[Outcome]:
    """Wait until every Deployment is what its specification asks for."""
    if run.session.shell.dry:
        yield Outcome("rollout", "all", "skipped", 0.0, "dry run")
        return
    started = time.monotonic()
    pending = dict.fromkeys(run.deployments, "waiting")
    limit = run.session.settings.timeouts.deploy
    with run.session.kubectl.watch("deployments", run.namespace, limit) as events:
        for event in events:
            name = event["object"]["metadata"]["name"]
            if name not in pending:
                continue
            state = rollout.progress(event["object"])
            if state.failed:
                raise UserError(f"{name}: {state.text}", f"see: kubectl describe deployment {name} -n {run.namespace}")
            if state.complete:
                del pending[name]
                yield Outcome("rollout", name, "done", time.monotonic() - started, state.text)
            else:
                pending[name] = state.text
                run.display.waiting("rollout", name, state.text)
            if not pending:
                return
    stuck = ", ".join(f"{name}: {text}" for name, text in pending.items())
    raise UserError(f"not rolled out within {limit} s: {stuck}", f"see: kubectl get pods -n {run.namespace}")


def check_health(run: Run) -> Iterator[Outcome]:
    """Prove it: pods ready, unrestarted and of the right image, endpoints there, every service answering."""
    if run.session.shell.dry:
        yield Outcome("health", "all", "skipped", 0.0, "dry run")
        return
    started = time.monotonic()
    limit = run.session.settings.timeouts.health
    pause = 0.1
    while True:
        checks = health_checks(run)
        problems = [problem for check in checks for problem in check.problems]
        if not problems:
            break
        if time.monotonic() - started > limit:
            raise UserError("\n".join(problems), f"see: kubectl get pods -n {run.namespace}")
        for check in checks:
            if check.problems:
                run.display.waiting("health", check.service, check.problems[0])
        time.sleep(pause)  # an app that is becoming ready tells nobody
        pause = min(1.0, pause * 2)
    seconds = time.monotonic() - started
    for check in checks:
        yield Outcome("health", check.service, "done", seconds, check.text)
    releases.mark_verified(run.session.kubectl, run.namespace, run.revisions)


def access(run: Run) -> Iterator[Outcome]:
    """Find the URL and see that the app answers there."""
    if run.session.shell.dry:
        yield Outcome("access", "frontend", "skipped", 0.0, "dry run")
        return
    started = time.monotonic()
    service = run.session.kubectl.get("service", "frontend-service", "--namespace", run.namespace)
    port = service["spec"]["ports"][0].get("nodePort", 0)
    url = run.session.cluster.url(run.namespace, "frontend-service", port)
    _fetch_page(url, run.session.settings.timeouts.health)
    run.url = url
    yield Outcome("access", "frontend", "done", time.monotonic() - started, url)


def health_checks(run: Run) -> list[health.Check]:
    """One round of checks of every service: the objects by one request, the services' own answers side by side."""
    kubectl = run.session.kubectl
    objects = kubectl.items("deployments,pods,endpointslices", run.namespace)
    deployments = {item["metadata"]["name"]: item for item in objects if item["kind"] == "Deployment"}

    def one(image: Image) -> health.Check:
        check = health.check_service(image.service, run.plan.deployed(image), objects, health.now())
        if check.problems or image.service not in {service.name for service in run.session.settings.services}:
            return check
        spec = deployments[image.service]["spec"]["template"]["spec"]["containers"][0]
        port = spec["ports"][0]["containerPort"]
        scheme = health.probe_scheme(deployments[image.service])
        answer = kubectl.proxy_get(run.namespace, f"{image.service}-service", port, "/readyz", scheme=scheme)
        if not answer:
            return health.Check(check.service, check.text, (f"/readyz: {answer.err.strip()}",))
        return health.Check(check.service, f"{check.text}, answers")

    with ThreadPoolExecutor() as pool:
        return list(pool.map(one, run.plan.images))


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
