"""Proof on the live release that nothing a person does to it loses a request, or a todo that a message asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime
from functools import partial
from typing import Any

from scripts.context.release_lock import hold_release_lock
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.kube import objects, releases
from scripts.pipeline import live, rollback, runner
from scripts.pipeline.lent import KIND
from scripts.pipeline.live import Live
from scripts.pipeline.stages import Stage
from scripts.release import operate
from scripts.reporting.display import PlainDisplay
from scripts.secrets import versions
from scripts.secrets.versions import Data
from scripts.settings.model import Outcome
from scripts.verify.http_load import Failure, Load, Result

MOST_SECONDS = 600.0
ROLLOUT_SECONDS = 300
IMAGE_TAG = ".image.tag"  # below the place of a service in the values of a chart like the app's own


def zero_downtime(session: Session, *, requests: int, say: Callable[[str], None]) -> Result:
    """Load the page, the API and the chat while everything that happens to a release happens, for so many requests.

    Each service in turn is replaced, all are restarted, pods are deleted, signing secrets rotated, the release is
    upgraded and rolled back. Raises UserError if the release cannot be reached, has a service with a single pod, or
    does not answer again in time.
    """
    with hold_release_lock(session):
        _need_two_pods(session)
        found = live.released(session)
        held = versions.read(session.kubectl, session.settings.release.namespace, live.secret_names(session))
        asked = _replicas(session)
        try:
            return _zero_downtime(session, requests, say, asked)
        finally:
            try:
                _leave_as_found(session, found, held)
            finally:
                _scale_back(session, asked)


def _leave_as_found(session: Session, found: Live | None, held: Mapping[str, Data]) -> None:
    """Return to the revision and the Secrets that were live before the proof, and prove it healthy again.

    The proof may have been ended anywhere: what was signed with a newer secret meanwhile stays valid. The history says
    that a proof made the revision.
    """
    if found is None or session.shell.dry:
        return
    revision = found.revisions[session.settings.release.name]

    def work(run: Run) -> Generator[Outcome, None, Live]:
        return (yield from rollback.put_back(run, revision, held))

    done = runner.run_stages(Run(session, PlainDisplay()), [Stage("rollback", work)], "verify.zero-downtime")
    if not done.ok:
        raise UserError(f"what was live before the proof could not be put back: {done.error}", done.hint)


def _replicas(session: Session) -> dict[str, int]:
    """Return how many pods each Deployment is to have, but for those that an autoscaler scales.

    A person may have scaled one, as `_need_two_pods` advises; helm sets back what it has written once.
    """
    namespace = session.settings.release.namespace
    items = [] if session.shell.dry else session.kubectl.items(f"deployments,{KIND}", namespace)
    scaled = {item["spec"]["scaleTargetRef"]["name"] for item in items if item["kind"] != "Deployment"}
    found = [item for item in items if item["kind"] == "Deployment" and objects.name_of(item) not in scaled]
    return {objects.name_of(item): item["spec"].get("replicas", 1) for item in found}


def _scale_back(session: Session, asked: Mapping[str, int]) -> None:
    """Give each Deployment the number of pods back that it was to have before, and wait for them."""
    now = _replicas(session)
    changed = [name for name, count in asked.items() if now.get(name, count) != count]
    for name in changed:
        words = ("scale", f"deployment/{name}", f"--replicas={asked[name]}")
        session.kubectl.effect(*words, "--namespace", session.settings.release.namespace)
    operate.await_rollouts(session, [f"deployment/{name}" for name in changed], ROLLOUT_SECONDS)


def _zero_downtime(session: Session, requests: int, say: Callable[[str], None], asked: Mapping[str, int]) -> Result:
    phases = _phases(session, asked)
    if session.shell.dry:  # the load writes too, by the page's own ways
        for _, work in phases:
            work()
        return Result()
    deadline = time.monotonic() + MOST_SECONDS
    began = session.kubectl.now()
    with Load(operate.url(session), requests) as load:
        while load.result.total < requests:
            for name, work in phases:
                load.phase = name
                work()
                say(f"{name}: {load.result.requests[name]} requests, {len(load.result.failures)} failed so far")
            if time.monotonic() > deadline:
                text = f"only {load.result.total} requests in {MOST_SECONDS:g} s"
                raise UserError(text, "ask for fewer: --requests")
            # One rotation is enough of a proof, and each leaves one more secret that is accepted.
            phases = [phase for phase in phases if phase[0] != "secret rotation"]
    if load.result.failures:
        load.result.meanwhile = unready(session.kubectl.items("events", session.settings.release.namespace), began)
    return load.result


def unready(events: Iterable[Mapping[str, Any]], began: datetime) -> list[str]:
    """Return which pods failed a readiness probe after `began`: such a pod gets no requests until it answers again."""
    told = []
    for event in events:
        message = " ".join(str(event.get("message") or "").split())
        last = objects.last_seen(event)
        if event.get("reason") == "Unhealthy" and message.startswith("Readiness") and last:
            second = (datetime.fromisoformat(last) - began).total_seconds()
            told.append((second, f"{(event.get('involvedObject') or {}).get('name')}: {message}"))
    return [f"meanwhile, last at second {second:.0f}: {text}" for second, text in sorted(told) if second >= 0]


def rows(result: Result) -> list[tuple[str, ...]]:
    """Return requests and failures by phase."""
    failed = {phase: sum(item.phase == phase for item in result.failures) for phase in result.requests}
    table: list[tuple[str, ...]] = [("PHASE", "REQUESTS", "FAILED")]
    table += [(phase, str(count), str(failed[phase])) for phase, count in result.requests.items()]
    return [*table, ("all", str(result.total), str(len(result.failures)))]


def problems(result: Result, most: int = 20) -> list[str]:
    """Return what failed, in words: alike ones together, in the order in which they were seen first."""
    alike: dict[tuple[str, str, str], list[Failure]] = {}
    for one in result.failures:
        alike.setdefault((one.phase, one.path, one.problem), []).append(one)
    told = [
        f"{phase}: {path}: {problem}, {len(ones)} times from second {ones[0].second:.1f} on, "
        f"{sum(one.kept for one in ones)} of them on a connection that was kept"
        for (phase, path, problem), ones in alike.items()
    ]
    more = [f"{len(told) - most} more kinds of failure"] if len(told) > most else []
    return [*told[:most], *more, *result.meanwhile[-most:]]


def _phases(session: Session, asked: Mapping[str, int]) -> list[tuple[str, Callable[[], None]]]:
    services = [service.name for service in session.settings.services]
    return [
        *((f"replace {name}", partial(operate.restart, session, [name])) for name in services),
        ("restart", lambda: operate.restart(session, services)),
        ("pod deletion", lambda: _delete_pods(session)),
        ("secret rotation", lambda: _rotate(session)),
        ("upgrade", lambda: _upgrade(session, asked)),
        ("rollback", lambda: _roll_back(session, asked)),
    ]


def _need_two_pods(session: Session) -> None:
    """Refuse a service of one pod: whoever deletes the only one loses requests, which needs no proof."""
    loaded = {operate.deployment_name(session, service): service for service in operate.under_load(session)}
    for deployment in session.kubectl.items("deployments", session.settings.release.namespace):
        name, pods = deployment["metadata"]["name"], deployment.get("status", {}).get("readyReplicas", 0)
        if name in loaded and pods < 2:
            text = f"{name} has {pods} pod ready: while it is replaced, nobody answers"
            key = f"services.{loaded[name]}.replicas"
            lasting = f"for good: set {key} in {session.settings.app.file} to 2 or more, then invoke deploy"
            raise UserError(text, f"run: invoke scale --service={loaded[name]} --replicas=2; {lasting}")


def _delete_pods(session: Session) -> None:
    namespace = session.settings.release.namespace
    for name in operate.under_load(session):
        one = operate.workload(session, name)
        deployment = session.kubectl.get(one.kind.lower(), one.name, "--namespace", namespace)
        pods = session.kubectl.items("pods", namespace, "--selector", objects.selector_words(deployment))
        stays = next(pod for pod in pods if not objects.is_terminating(pod))
        session.kubectl.effect("delete", "pod", stays["metadata"]["name"], "--namespace", namespace)
        _await(session, name)


def _rotate(session: Session) -> None:
    operate.rotate_secrets(session, all_before=True)  # a proof ends nobody's session


def _upgrade(session: Session, asked: Mapping[str, int]) -> None:
    """Make a new revision in which the loaded services' pods are replaced: the live values, and a mark on those.

    What was rotated since is no part of the live values: the pods are to say that they were started with it.
    """
    release = session.settings.release
    known = live.versions_now(session) if versions.takes_versions(release.chart) else {}
    tags = [release.images[name].get("tag", "") for name in operate.under_load(session)]
    places = [tag.removesuffix(IMAGE_TAG) for tag in tags if tag.endswith(IMAGE_TAG)]
    marks = [word for place in places for word in ("--set-string", f"{place}.podAnnotations.upgraded=true")]
    for name, version in known.items():
        escaped = name.replace(".", r"\.")
        marks += ["--set-string", f"global.{versions.VALUE}.{escaped}={version}"]
    argv = session.helm.command(
        "upgrade", release.name, str(release.chart), "--namespace", release.namespace, "--reuse-values", *marks,
        *session.helm.take_over(),
    )  # fmt: skip
    session.shell.effect(argv, timeout=session.settings.timeouts.deploy)
    _scale_back(session, asked)
    _await_all(session)


def _roll_back(session: Session, asked: Mapping[str, int]) -> None:
    release = session.settings.release
    secrets = session.kubectl.items("secrets", release.namespace, "--selector", "owner=helm")
    history = releases.revisions(secrets)[release.name]
    before = history[-1] if session.shell.dry else history[-2]  # a dry run has made no newer one
    session.helm.rollback(release, before.number, session.settings.timeouts.deploy)
    _scale_back(session, asked)
    operate.renew_pods(session)  # that revision may be of a day before the rotation
    _await_all(session)


def _await_all(session: Session) -> None:
    for service in session.settings.services:
        _await(session, service.name)


def _await(session: Session, service: str) -> None:
    operate.await_rollouts(session, [operate.workload(session, service).resource], ROLLOUT_SECONDS)
