"""The proof: load until there are more pods, little load until there are as few as before."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from scripts.context.release_lock import hold_release_lock
from scripts.context.run import Run
from scripts.errors import UserError
from scripts.release import operate
from scripts.settings.model import Outcome, Status
from scripts.verify.scaling import autoscaler, criteria, load, watch
from scripts.verify.scaling.model import Autoscaler, Proof, Replicas, Sample
from scripts.verify.scaling.watch import ReplicaObserver

RAMP_SECONDS = 5.0
CALM_SHARE = 20  # one in so many goes on in the quiet time, to see whether a pod that leaves takes a request with it
START_SECONDS = 120.0  # for locust to start, and for a new autoscaler to have its first look
MOST_USERS = 200
TOLD_EVERY = 5.0  # seconds between two lines that say the same but for the numbers


def _ignore(text: str) -> None:
    """Take a line that a dry run has no use for."""


def prove(run: Run, service: str = "", *, users: int, stabilization: int | None = None) -> Proof | None:
    """Load the live release, alone on its cluster. A dry run shows what would be done and returns None.

    Without a `service` it is the first that the app's file names under load. `stabilization` is another window, in
    seconds, for a temporary autoscaler. Raises UserError if it cannot be tried: no such service, no release, an
    autoscaler without metrics, a load tool that cannot be installed.
    """
    service = _check(run, service, users, stabilization)
    if run.session.shell.dry:
        with (
            autoscaler.ensure(run.session, service, stabilization),
            load.generate_load(
                run.session, _url(run), users, users / RAMP_SECONDS, criteria.OUT_SECONDS, _ignore, _ignore
            ),
        ):
            return None
    with hold_release_lock(run.session):
        run.display.begin("scaling")
        started, clock = datetime.now(UTC), time.monotonic()
        url = operate.url(run.session)
        with autoscaler.ensure(run.session, service, stabilization) as scaler:
            criteria.refuse_hopeless(scaler)
            start, samples, causes = _measure(run, service, scaler, url, users)
        proof = Proof(
            started=started.isoformat(timespec="milliseconds"),
            environment=run.session.settings.environment,
            target=run.session.cluster.target,
            service=service,
            users=users,
            start=start,
            autoscaler=scaler,
            samples=tuple(samples),
            problems=tuple(criteria.problems(samples, scaler, start, causes)),
        )
        text = "; ".join(proof.problems) or f"out to {max(one.ready for one in samples)}, in to {scaler.least}"
        status: Status = "done" if proof.ok else "failed"
        run.display.outcome(Outcome("scaling", service, status, time.monotonic() - clock, text))
    return proof


def _check(run: Run, service: str, users: int, stabilization: int | None) -> str:
    """Return the service that is meant. Raises UserError for what cannot be meant."""
    loaded = operate.under_load(run.session)
    service = operate.check_service(run.session, service or loaded[0])
    if service not in loaded:
        file = run.session.settings.app.file
        text = f"--service {service}: people hardly make it work, says {file} by underLoad"
        raise UserError(text, f"choose one of: {', '.join(loaded)}")
    if not 1 <= users <= MOST_USERS:
        raise UserError(f"--users {users}: must be from 1 to {MOST_USERS}", "the services limit the rate of a user")
    if stabilization is not None and stabilization < 0:
        raise UserError(f"--stabilization {stabilization}: must be 0 or more seconds")
    return service


def _url(run: Run) -> str:
    """Return where the page answers; in a dry run there need be none."""
    try:
        return operate.url(run.session)
    except UserError:
        return "URL"


def _causes(run: Run, service: str) -> list[str]:
    """Return what is wrong with the service now, with the remedy, such as a pod that no node has room for."""
    from scripts.diagnose.examine import troubles

    return [
        f"{one.title}: {one.evidence[0]}; {one.remedy}" if one.evidence else one.title
        for one in troubles(run.session, [service])
    ]


def _measure(run: Run, service: str, scaler: Autoscaler, url: str, users: int) -> tuple[int, list[Sample], list[str]]:
    """Return (replicas before, what happened in each second, what was wrong under load)."""
    wait = criteria.scale_in_timeout(scaler)
    longest = START_SECONDS + criteria.scale_out_timeout(scaler) + wait
    samples: list[Sample] = []
    with watch.watching(run.session.kubectl, run.namespace, service, scaler.name, longest + wait) as news:
        start = _settle(run, service, scaler, news, wait)
        with load.generate_load(
            run.session, url, users, users / RAMP_SECONDS, longest,
            lambda line: news.put(watch.LINE, line), lambda why: news.put(watch.END, why),
        ) as generator:  # fmt: skip
            _load(run, service, scaler, news, samples, start)
            if not criteria.load_held(samples, start):
                lacking = news.replicas.ready < news.replicas.desired
                causes = [*_causes(run, service), *autoscaler.objections(news.scaler, lacking=lacking)]
                lost = autoscaler.lost(news.scaler, news.deployment)
                return start, samples, causes or ([f"{lost}; {criteria.remedy(lost, service)}"] if lost else [])
            generator.set_users(max(1, users // CALM_SHARE), users)
            run.session.say(
                f"scaled out: {start} to {samples[-1].ready}; now little load until {scaler.least} are left. The "
                f"autoscaler looks back {scaler.window} s, then removes {scaler.step} every {scaler.period} s"
            )
            _calm(run, service, scaler, news, samples, wait)
    return start, samples, []


def _settle(run: Run, service: str, scaler: Autoscaler, news: ReplicaObserver, limit: float) -> int:
    """Wait until the autoscaler decides and the service is as small as it gets. Returns the replicas."""
    deadline = time.monotonic() + max(limit, START_SECONDS)
    told = _Progress(run, service)
    while True:
        left = deadline - time.monotonic()
        news.next_line(left)
        why = autoscaler.inactive(news.scaler) if news.scaler else "it is not there yet"
        replicas = news.replicas
        if not why and news.deployment and criteria.settled(scaler, replicas):
            return replicas.ready
        waits = (
            f"the autoscaler is not ready: {why}" if why else f"{_of(replicas)} before the load, to be {scaler.least}"
        )
        if news.deployment and news.scaler:
            told.say(waits)
        if lost := autoscaler.lost(news.scaler, news.deployment):
            raise UserError(f"{service}: {lost}", criteria.remedy(lost, service))
        if left <= 0:
            hint = (
                "install metrics-server, on minikube by targets.minikube.addons and invoke cluster.up"
                if why
                else "try when it is quiet"
            )
            raise UserError(f"{service}: {waits}", hint)


def _load(run: Run, service: str, scaler: Autoscaler, news: ReplicaObserver, samples: list[Sample], start: int) -> None:
    """Keep the load until it has been shown what new pods are good for, or the time is over."""
    told = _Progress(run, service)
    origin = 0.0
    patience = criteria.scale_out_timeout(scaler)
    deadline = time.monotonic() + START_SECONDS + patience
    while time.monotonic() < deadline and not criteria.load_held(samples, start):
        if tick := load.parse(news.next_line(deadline - time.monotonic()) or ""):
            now = time.monotonic()
            if not samples:
                origin = now - tick.seconds
                deadline = now + patience
            samples.append(criteria.sample(tick, now - origin, "load", news.replicas))
            told.say("waiting for more pods", samples[-1], scaler)
        if samples and autoscaler.lost(news.scaler, news.deployment):
            return


def _calm(
    run: Run, service: str, scaler: Autoscaler, news: ReplicaObserver, samples: list[Sample], wait: float
) -> None:
    """Keep a little load, until the service is as small as before, or the time is over."""
    told = _Progress(run, service)
    origin = time.monotonic() - samples[-1].second
    deadline = time.monotonic() + wait
    while time.monotonic() < deadline:
        if tick := load.parse(news.next_line(deadline - time.monotonic()) or ""):
            samples.append(criteria.sample(tick, time.monotonic() - origin, "calm", news.replicas))
            told.say(f"waiting for {scaler.least} pods", samples[-1], scaler)
            if criteria.idle_held(samples, scaler):
                return


def _of(replicas: Replicas) -> str:
    return f"{replicas.ready} of {replicas.current} pods ready"


class _Progress:
    """The progress that is shown while one waits: at once if the pods change, else from time to time."""

    def __init__(self, run: Run, service: str) -> None:
        self._run = run
        self._service = service
        self._last: object = None
        self._at = 0.0

    def say(self, text: str, now: Sample | None = None, scaler: Autoscaler | None = None) -> None:
        """Show the words, with the numbers of this second where there are any."""
        state = (text, now.desired, now.current, now.ready) if now else text
        if state == self._last and time.monotonic() - self._at < TOLD_EVERY:
            return
        self._last, self._at = state, time.monotonic()
        if now and scaler:
            use = ", ".join(f"{name} {now.use.get(name, 0)} % of {goal} %" for name, goal in scaler.targets.items())
            text += f": {now.ready} ready, {now.desired} asked for; {use}; {now.rate:.0f} requests/s"
            text += f", p95 {now.p95:.0f} ms" if now.p95 is not None else ""
        self._run.display.waiting("scaling", self._service, text)
