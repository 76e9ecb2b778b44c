"""The main job: a table of stages, each of which makes one thing true and says whether it had to do anything."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

from scripts import bases, engine, health, lock, plan, releases, report, rollout, secretsync
from scripts.bases import ReadyBase
from scripts.clusters.embedded import state_folder
from scripts.display import Display
from scripts.model import Image, Outcome, Plan, Release, UserError
from scripts.report import Report, StageTime
from scripts.session import Session
from scripts.tools import docker
from scripts.tools.docker import BUILDKIT, Docker

GENERATED = ".pipeline"  # folder of generated values files, so that the printed helm command can be pasted


@dataclass
class Run:
    """One run through some of the stages."""

    session: Session
    display: Display
    may_install: bool = True
    restarts: set[str] = field(default_factory=set)
    url: str = ""
    revisions: dict[str, int] = field(default_factory=dict)

    @cached_property
    def client(self) -> Docker:
        """A Docker client whose engine answers."""
        return engine.ensure(self.session.shell, may_install=self.may_install, say=self.display.line)

    @cached_property
    def bases(self) -> dict[str, ReadyBase]:
        """The base images, present on the engine."""
        settings = self.session.settings
        return bases.ensure(
            self.session.shell, self.client, settings.root, settings.bases,
            may_install=self.may_install, say=self.display.line,
        )  # fmt: skip

    @cached_property
    def plan(self) -> Plan:
        """What has to be true in the end."""
        ids = {name: base.id for name, base in self.bases.items()}
        target = self.session.cluster.target
        return plan.make_plan(self.session.settings, ids, target=target, standin=self.session.standin)

    @property
    def namespace(self) -> str:
        """Where everything of the app lives."""
        return self.session.settings.release.namespace

    @property
    def deployments(self) -> list[str]:
        """The Deployments of this run: one a planned image, of the same name."""
        return [image.service for image in self.plan.images]


Stage = Callable[[Run], Iterator[Outcome]]


def prepare(run: Run) -> Iterator[Outcome]:
    """Tools, engine, base images, cluster, namespace and Secrets, side by side where order does not matter."""
    with _threads(run) as pool:
        tools = pool.submit(_timed, "tools", lambda: _locate(run))
        client = pool.submit(_timed, "engine", lambda: _engine(run))
        images = pool.submit(_after, [client], "base images", lambda: _bases(run))
        cluster = pool.submit(_after, [tools, client], "", lambda: run.session.cluster.up())
        namespace = pool.submit(_after, [cluster], "namespace", lambda: _namespace(run))
        secrets = pool.submit(_after, [namespace], "secrets", lambda: _secrets(run))
        yield from _ended([tools, client, images, cluster, namespace, secrets])


def build(run: Run) -> Iterator[Outcome]:
    """Build the images that do not exist yet, side by side."""
    have = docker.image_ids(run.session.shell, run.client, [image.ref for image in run.plan.images])
    settings = run.session.settings
    services = {service.name: service for service in (*settings.services, settings.database)}
    missing = [image for image in run.plan.images if image.ref not in have]
    for image in run.plan.images:
        if image not in missing:
            yield Outcome("build", image.service, "unchanged", 0.0, image.tag)
    refs = {name: base.ref for name, base in run.bases.items()}

    def one(image: Image) -> Outcome:
        started = time.monotonic()
        run.display.waiting("build", image.service, "building")
        run.session.shell.effect(
            run.client.build_command(services[image.service], image, refs),
            env=BUILDKIT,
            timeout=settings.timeouts.build,
            on_line=lambda line: run.display.waiting("build", image.service, _build_step(line)),
        )
        return Outcome("build", image.service, "done", time.monotonic() - started, image.tag)

    with _threads(run) as pool:
        yield from _ended([pool.submit(one, image) for image in missing])


def tag(run: Run) -> Iterator[Outcome]:
    """Move the alias `latest`, which is for people: nothing is ever deployed by it."""
    shell = run.session.shell
    aliases = [f"{image.repository}:latest" for image in run.plan.images]
    ids = docker.image_ids(shell, run.client, [*aliases, *(image.ref for image in run.plan.images)])
    for image, alias in zip(run.plan.images, aliases, strict=True):
        if ids.get(alias) and ids.get(alias) == ids.get(image.ref):
            yield Outcome("tag", image.service, "unchanged", 0.0, alias)
        else:
            shell.effect([run.client.binary, "tag", image.ref, alias], timeout=60)
            yield Outcome("tag", image.service, "done", 0.0, alias)


def load(run: Run) -> Iterator[Outcome]:
    """Bring the images to the cluster's nodes."""
    yield from run.session.cluster.load(run.plan.images)


def deploy(run: Run) -> Iterator[Outcome]:
    """Install or upgrade the releases whose inputs changed."""
    state = _release_state(run)
    with _threads(run) as pool:
        jobs = [pool.submit(_deploy_one, run, release, state) for release in run.plan.releases]
        yield from _ended(jobs)
    for service in sorted(run.restarts):
        run.session.kubectl.effect("rollout", "restart", f"deployment/{service}", "--namespace", run.namespace)
        yield Outcome("deploy", service, "done", 0.0, "restarted: a Secret it reads has changed")


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


STAGES: dict[str, Stage] = {
    "prepare": prepare,
    "build": build,
    "tag": tag,
    "load": load,
    "deploy": deploy,
    "rollout": await_rollout,
    "health": check_health,
    "access": access,
}


def execute(run: Run, stages: Sequence[str], command: str) -> Report:
    """Run stages in order until one fails. Whatever happens, there is a report."""
    started = time.monotonic()
    began = datetime.now(UTC).isoformat(timespec="milliseconds")
    times: list[StageTime] = []
    outcomes: list[Outcome] = []
    error = hint = ""
    for name in stages:
        stage_started = time.monotonic()
        run.display.begin(name)
        try:
            for outcome in STAGES[name](run):
                outcomes.append(outcome)
                run.display.outcome(outcome)
        except UserError as problem:
            error, hint = f"{name}: {problem}", problem.hint
            failed = Outcome(name, "", "failed", time.monotonic() - stage_started, str(problem), problem.hint)
            outcomes.append(failed)
            run.display.outcome(failed)
            break
        finally:
            times.append(StageTime(name, round(time.monotonic() - stage_started, 3)))
    images = {image.service: image.ref for image in run.plan.images} if "plan" in run.__dict__ else {}
    return Report(
        command=command,
        started=began,
        seconds=round(time.monotonic() - started, 3),
        environment=run.session.settings.environment,
        target=run.session.cluster.target if "cluster" in run.session.__dict__ else run.session.settings.target,
        stages=tuple(times),
        outcomes=tuple(outcomes),
        images=images,
        revisions=dict(run.revisions),
        url=run.url,
        error=error,
        hint=hint,
    )


def lock_file(run: Run) -> Path:
    """The lock that keeps two runs from working on one cluster at once."""
    return state_folder(run.session.settings.cluster).parent.parent / "locks" / f"{run.session.settings.cluster}.lock"


def execute_locked(run: Run, stages: Sequence[str], command: str) -> Report:
    """`execute`, alone on this cluster, with its report written. A dry run neither locks nor writes."""
    if run.session.shell.dry:
        return execute(run, stages, command)
    with lock.hold(lock_file(run)):
        done = execute(run, stages, command)
        report.write(done, run.session.settings.root)
    return done


def health_checks(run: Run) -> list[health.Check]:
    """One round of checks of every service: the objects by one request, the services' own answers side by side."""
    kubectl = run.session.kubectl
    objects = kubectl.items("deployments,pods,endpointslices", run.namespace)
    deployments = {item["metadata"]["name"]: item for item in objects if item["kind"] == "Deployment"}

    def one(image: Image) -> health.Check:
        check = health.check_service(image.service, image.ref, objects, health.now())
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


@contextmanager
def _threads(run: Run) -> Iterator[ThreadPoolExecutor]:
    """Threads for side by side work; an interrupt stops the processes they wait for, so that they end."""
    pool = ThreadPoolExecutor(max_workers=16)
    try:
        yield pool
    except (KeyboardInterrupt, SystemExit):
        run.session.shell.interrupt()
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _ended(jobs: Iterable[Future[Outcome]]) -> Iterator[Outcome]:
    """Outcomes as they come; all that ended well, before the first failure is raised."""
    failure: UserError | None = None
    for job in as_completed(list(jobs)):
        try:
            yield job.result()
        except UserError as error:
            failure = failure or error
    if failure:
        raise failure


def _timed(target: str, work: Callable[[], tuple[bool, str]]) -> Outcome:
    started = time.monotonic()
    changed, detail = work()
    return Outcome("prepare", target, "done" if changed else "unchanged", time.monotonic() - started, detail)


def _after(needed: Sequence[Future[Outcome]], target: str, work: Callable[[], Any]) -> Outcome:
    for job in needed:
        job.result()
    if target:
        return _timed(target, work)
    outcome: Outcome = work()
    return outcome


def _locate(run: Run) -> tuple[bool, str]:
    folder = run.session.settings.root / ".tools"
    before = folder.is_dir()
    tools = run.session.tools
    fetched = not before and any(path.parent == folder for path in tools.values())
    return fetched, ", ".join(f"{name} {path}" for name, path in tools.items())


def _engine(run: Run) -> tuple[bool, str]:
    return False, str(run.client.binary)


def _bases(run: Run) -> tuple[bool, str]:
    started = time.monotonic()
    refs = ", ".join(base.ref for base in run.bases.values())
    return time.monotonic() - started > 2, refs


def _namespace(run: Run) -> tuple[bool, str]:
    file = run.session.settings.root / "config/namespace.yaml"
    kubectl = run.session.kubectl
    same = kubectl.ask("diff", "--server-side", "--force-conflicts", "--field-manager=todo-chatbot", "-f", str(file))
    if same:
        return False, run.namespace
    kubectl.effect(
        "apply", "--server-side", "--force-conflicts", "--field-manager=todo-chatbot", "--filename", str(file)
    )
    return True, run.namespace


def _secrets(run: Run) -> tuple[bool, str]:
    session = run.session
    config = secretsync.load(session.settings.root)
    held = secretsync.held_by(session.kubectl, run.namespace, config)
    changes = secretsync.decide(config, session.variables, held, standin=session.standin)
    for change in changes:
        secretsync.write(session.kubectl, run.namespace, change)
        if not change.created:
            run.restarts |= set(change.used_by)
    return bool(changes), ", ".join(change.name for change in changes) or f"{len(held)} Secrets"


def _build_step(line: str) -> str:
    # BuildKit's plain progress: "#12 [builder 3/5] RUN npm ci" or "#12 4.2 added 30 packages"
    return line.partition(" ")[2][:70] if line.startswith("#") else line[:70]


@dataclass(frozen=True)
class _ReleaseState:
    history: dict[str, list[releases.Revision]]
    images: dict[str, str]  # Deployment → the image of its first container


def _release_state(run: Run) -> _ReleaseState:
    kubectl = run.session.kubectl
    with ThreadPoolExecutor() as pool:
        secrets = pool.submit(_ask_items, kubectl, "secrets", run.namespace, "--selector", "owner=helm")
        deployments = pool.submit(_ask_items, kubectl, "deployments", run.namespace)
    images = {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]["image"]
        for item in deployments.result()
    }
    return _ReleaseState(releases.revisions(secrets.result()), images)


def _ask_items(kubectl: Any, kind: str, namespace: str, *words: str) -> list[dict[str, Any]]:
    # In a dry run there may be no cluster yet, and then there is nothing in it.
    if kubectl.shell.dry and not kubectl.kubeconfig.is_file():
        return []
    found: list[dict[str, Any]] = kubectl.items(kind, namespace, *words)
    return found


def _deploy_one(run: Run, release: Release, state: _ReleaseState) -> Outcome:
    started = time.monotonic()
    session, settings = run.session, run.session.settings
    history = state.history.get(release.name, [])
    values = plan.image_values(run.plan, release, settings.database_release)
    inputs = plan.inputs_digest(release, values)
    own = ["database"] if release.name == settings.database_release.name else [item.name for item in settings.services]
    live = all(state.images.get(name) == run.plan.image(name).ref for name in own)
    newest = history[-1] if history else None
    if newest and newest.status == "deployed" and newest.inputs == inputs and live:
        run.revisions[release.name] = newest.number
        detail = f"revision {newest.number}"
        return Outcome("deploy", release.name, "unchanged", time.monotonic() - started, detail)
    remedy = releases.repair(history)
    if remedy:
        run.display.line(f"release {release.name} was left {history[-1].status} by a run that was killed: mending it")
        verb, revision = remedy
        if verb == "rollback":
            session.helm.rollback(release, revision, settings.timeouts.deploy)
        else:
            session.helm.uninstall(release, settings.timeouts.deploy)
    file = _write_values(run, release, values)
    run.display.waiting("deploy", release.name, "helm upgrade --install")
    argv = session.helm.upgrade_command(release, (file,), {"inputs": inputs}, settings.timeouts.deploy)
    session.shell.effect(argv, timeout=settings.timeouts.deploy + 30)
    number = newest.number + 1 if newest else 1
    if not session.shell.dry:
        number = session.helm.history(release)[-1]["revision"]
        run.revisions[release.name] = number
    return Outcome("deploy", release.name, "done", time.monotonic() - started, f"revision {number}")


def _write_values(run: Run, release: Release, values: dict[str, Any]) -> Path:
    file = run.session.settings.root / GENERATED / f"{release.name}.images.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text("# generated: the images of the last plan\n" + yaml.safe_dump(values), encoding="utf-8")
    return file


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
