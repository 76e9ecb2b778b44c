"""Decisions: what comes next, how long to wait, and whether it is proved."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

from scripts.errors import UserError
from scripts.verify.scaling.autoscaler import TOLERANCE
from scripts.verify.scaling.model import Autoscaler, Replicas, Sample, Tick

OUT_SECONDS = 180.0  # in which a service under load has to have more pods, ready ones
LOAD_HELD_SECONDS = 5.0  # the load goes on for so long when they are ready, to show what they are good for
IDLE_HELD_SECONDS = (
    3.0  # little load goes on for so long when the service is small again: a pod that leaves is slow to go
)
SLOW_MS = 2000.0  # for which people wait, whatever the autoscaler sees
MANY = 10  # one in so many requests that fail is no matter of too few people
SPARE_SECONDS = 90.0  # beyond what the autoscaler's own rules take: it looks every 15 s, at a use some seconds old


def refuse_hopeless(scaler: Autoscaler) -> None:
    """Raise UserError for an autoscaler that can never do both, whatever the load: minutes would show no more."""
    name = f"the autoscaler {scaler.name}"
    if scaler.most <= scaler.least:
        raise UserError(f"{name} keeps {scaler.least} pods, and allows no more than {scaler.most}", "raise maxReplicas")
    for able, what, key in ((scaler.grows, "adds", "scaleUp"), (scaler.shrinks, "removes", "scaleDown")):
        if not able:
            text = f"{name} never {what} a pod: its behavior.{key}.selectPolicy is Disabled"
            raise UserError(text, "take that out, or set it to Max")


def remedy(lost: str, service: str) -> str:
    """Return what to do about a service that cannot get another pod, by what the cluster says of it."""
    if "missing request for" in lost:
        return f"give every container of {service} a request of what the autoscaler looks at (resources.requests)"
    if "could not find the requested resource" in lost or "no matches for kind" in lost:
        return "install metrics-server, on minikube by targets.minikube.addons and invoke cluster.up"
    if "their limits end at" in lost:
        return f"lower the autoscaler's target for {service}, or raise its limits above its requests (resources)"
    if "quota" in lost:
        return "raise the namespace's ResourceQuota, or lower the requests of what runs in it"
    return "invoke diagnose says more"


def sample(tick: Tick, second: float, phase: str, replicas: Replicas) -> Sample:
    """Return what the load tool and the cluster say, together."""
    return Sample(
        second=round(second, 1),
        phase="load" if phase == "load" else "calm",
        users=tick.users,
        rate=round(tick.requests / tick.seconds, 1) if tick.seconds else 0.0,
        requests=tick.requests,
        failed=tick.failed,
        p50=tick.p50,
        p95=tick.p95,
        desired=replicas.desired,
        current=replicas.current,
        ready=replicas.ready,
        use=dict(replicas.use),
        problems=tick.problems,
    )


def settled(scaler: Autoscaler, replicas: Replicas) -> bool:
    """Return whether the service is as small as it gets, and complete."""
    return replicas.desired == replicas.current == replicas.ready == scaler.least


def scaled_out(one: Sample, start: int) -> bool:
    """Return whether there are more pods than at the start, all of them ready."""
    return one.ready > start and one.ready >= max(one.desired, one.current)


def load_held(samples: Sequence[Sample], start: int) -> bool:
    """Return whether the load has been shown long enough: the new pods have been ready for some seconds."""
    out = [one.second for one in samples if scaled_out(one, start)]
    return bool(out) and samples[-1].second - out[0] >= LOAD_HELD_SECONDS


def scaled_in(one: Sample, scaler: Autoscaler) -> bool:
    """Return whether the service is as small as it gets, and complete."""
    return settled(scaler, Replicas(one.desired, one.current, one.ready, one.use))


def idle_held(samples: Sequence[Sample], scaler: Autoscaler) -> bool:
    """Return whether the service has been small again long enough."""
    big = [one.second for one in samples if not scaled_in(one, scaler)]
    return samples[-1].second - (big[-1] if big else 0.0) >= IDLE_HELD_SECONDS


def scale_out_timeout(scaler: Autoscaler) -> float:
    """Return seconds in which a service under load has to have more pods: an autoscaler may wait with it by its own
    rules.
    """
    return OUT_SECONDS + scaler.delay


def scale_in_timeout(scaler: Autoscaler) -> float:
    """Return seconds in which the service has to be small again: the autoscaler's own rules, and something to spare."""
    steps = -(-(scaler.most - scaler.least) // scaler.step)
    return scaler.window + steps * max(scaler.period, 15) + SPARE_SECONDS


def problems(samples: Sequence[Sample], scaler: Autoscaler, start: int, causes: Sequence[str] = ()) -> list[str]:
    """Return why it is not proved, in the words a person needs; nothing if it is.

    `causes` are what was wrong with the service while there was load: then more people are no remedy.
    """
    if not sum(one.requests for one in samples):
        return ["the load made no request at all", *causes]
    found = []
    seconds = samples[-1].second
    most = max(max(one.current, one.desired) for one in samples)
    if not any(scaled_out(one, start) for one in samples):
        ready = max(one.ready for one in samples)
        found.append(
            f"no scale-out in {seconds:.0f} s: {ready} of {most} pods were ready, {start} before; "
            f"{_use(samples, scaler)}" + ("" if causes else _why_not_out(samples, scaler, start))
        )
        found += causes
    if most > scaler.most:
        found.append(f"{most} replicas, more than the maximum of {scaler.most}")
    last = samples[-1]
    if not found and not scaled_in(last, scaler):
        calm = seconds - next((one.second for one in samples if one.phase == "calm"), seconds)
        found.append(
            f"not scaled in: {last.current} replicas, the minimum is {scaler.least}, after {calm:.0f} s of little "
            f"load; the autoscaler looks back {scaler.window} s" + _why_not_in(last, scaler)
        )
    if failed := sum(one.failed for one in samples):
        told = list(dict.fromkeys(text for one in samples for text in one.problems))[:5]
        found.append("; ".join([f"{failed} of {sum(one.requests for one in samples)} requests failed", *told]))
    return found


def _why_not_out(samples: Sequence[Sample], scaler: Autoscaler, start: int) -> str:
    """Return what the numbers themselves say of a service that got no more pods, with the remedy."""
    ready = max(one.ready for one in samples)
    if max(max(one.current, one.desired) for one in samples) > ready:
        return "; a pod was asked for that did not become ready: invoke diagnose"
    if min(one.ready for one in samples) < start:
        return f"; of {start} pods some were not ready any more while there was load: invoke diagnose"
    if scaler.most <= start:
        return f"; the autoscaler allows no more than {scaler.most}: raise its maxReplicas"
    failed, made = sum(one.failed for one in samples), sum(one.requests for one in samples)
    if MANY * failed > made:
        how = "most" if 2 * failed > made else "many"
        return f"; {how} requests failed, and one that is turned away makes no work: look at why first"
    if not scaler.targets:
        return "; it decides by other figures than the use of what pods ask for: kubectl describe hpa"
    seen = {name: max((one.use[name] for one in samples if name in one.use), default=None) for name in scaler.targets}
    if all(use is None for use in seen.values()):
        return "; the autoscaler has no figures: is the metrics API there? invoke doctor"
    if any(use is not None and use > scaler.targets[name] * (1 + TOLERANCE) for name, use in seen.items()):
        return "; the use was above the target, and the autoscaler asked for no more pods: kubectl describe hpa"
    if (slow := _late_p95(samples)) >= SLOW_MS:
        return (
            f"; requests took {slow:.0f} ms in the end and it had CPU to spare, so they wait elsewhere (for a service "
            "that it calls, the database, or this machine's processors): invoke monitor"
        )
    return "; more people: --users"


def _late_p95(samples: Sequence[Sample]) -> float:
    """Return the usual p95 in the last third of the load, in milliseconds; 0 where nothing was answered."""
    told = [one.p95 for one in samples[-max(1, len(samples) // 3) :] if one.p95 is not None]
    return statistics.median(told) if told else 0.0


def _why_not_in(last: Sample, scaler: Autoscaler) -> str:
    """Return what the last use says of a service that stayed large: a program may keep its memory for good."""
    high = [
        f"{name} is still at {last.use[name]} % of the request, the target is {target} %"
        for name, target in scaler.targets.items()
        if last.current and -(-last.current * last.use.get(name, 0) // target) >= last.current
    ]
    return "".join(f"; {text}, for which it keeps every pod" for text in high)


def _use(samples: Sequence[Sample], scaler: Autoscaler) -> str:
    """Return how near to its targets the use came."""
    parts = []
    for resource, target in scaler.targets.items():
        top = max((one.use[resource] for one in samples if resource in one.use), default=None)
        seen = "no use of it was seen" if top is None else f"{top} % of the request at most"
        parts.append(f"{resource}: {seen}, the target is {target} %")
    return ", ".join(parts)
