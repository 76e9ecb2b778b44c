"""Observed use against requests and limits, and what would fit better."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from scripts.ai.live_release import LiveRelease, Section
from scripts.ai.samples import Sample
from scripts.ai.trends import quantile
from scripts.kube.quantities import MIB, cpu, memory, show_cpu, show_memory, step_up

ENOUGH_SECONDS = 1800.0  # of observation before a request may fall below half of what it is
ENOUGH_SAMPLES = 10
WEAK = ": weak evidence, come again after some load"


@dataclass(frozen=True)
class Advice:
    """One service: what its pods use at most (cpu: all but the highest twentieth), what they may, what would fit.

    cpu in millicores, memory in bytes; 0 where nothing is set. `problem` is empty where the present values fit.
    """

    service: str
    cpu_used: float
    memory_used: float
    cpu_request: float
    cpu_limit: float
    memory_request: float
    memory_limit: float
    suggested: Mapping[str, float]
    problem: str = ""
    urgency: int = 0


def collect(live: LiveRelease) -> Section:
    """Return a table, and one command for each service whose values do not fit."""
    samples = list(live.samples)
    found = [
        advice
        for deployment in live.state.kind("Deployment")
        if (name := str(deployment["metadata"]["name"])) in live.services
        and (advice := advise(name, _resources(deployment), samples)) is not None
    ]
    if not found:
        text = "No use is known: the cluster has no metrics, or no pod runs. See: kubectl top pods"
        return Section("Observed use", (text,), data=[])
    commands = [live.command(*command(item)) for item in found if item.problem]
    span = _span(samples)
    lines = [
        f"{len(samples)} sample{'s' * (len(samples) != 1)} over {_duration(span)}{'' if _enough(samples) else WEAK}",
        "SERVICE    CPU USED/REQUEST/LIMIT      MEMORY USED/REQUEST/LIMIT      SUGGESTED (request, limit)",
        *(_row(item) for item in found),
        *(f"- {item.service}: {item.problem}" for item in found if item.problem),
    ]  # fmt: skip
    urgency = max(item.urgency for item in found)
    return Section("Observed use", tuple(lines), [asdict(item) for item in found], tuple(commands), urgency=urgency)


def advise(service: str, resources: Mapping[str, Mapping[str, str]], samples: Sequence[Sample]) -> Advice | None:
    """Return what would fit a service, or None where nothing is known of its use."""
    seen = [sample.services[service] for sample in samples if service in sample.services]
    cpus = [value for item in seen for value in item.cpu.values()]
    memories = [value for item in seen for value in item.memory.values()]
    if not cpus or not memories:
        return None
    requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
    cpu_request, cpu_limit = cpu(str(requests.get("cpu", "0"))), cpu(str(limits.get("cpu", "0")))
    memory_request, memory_limit = memory(str(requests.get("memory", "0"))), memory(str(limits.get("memory", "0")))
    used_cpu, used_memory = quantile(cpus, 0.95), max(memories)
    floor = 0.0 if _enough(samples) else 0.5
    want_cpu = max(step_up(max(used_cpu * 1.3, 10), 10), step_up(cpu_request * floor, 10))
    want_memory = max(step_up(used_memory * 1.25, 16 * MIB), step_up(memory_request * floor, 16 * MIB))
    want_limit = max(step_up(used_memory * 2, 32 * MIB), want_memory)
    want_cpu_limit = max(cpu_limit, step_up(used_cpu * 2, 50), want_cpu) if cpu_limit else 0.0
    suggested = {"cpu": want_cpu, "memory": want_memory, "cpuLimit": want_cpu_limit, "memoryLimit": want_limit}
    # What fits is left alone: values that move by a few percent with each look help nobody.
    if memory_limit and memory_limit >= want_limit:
        suggested["memoryLimit"] = memory_limit
    problem, urgency = _judge(
        used_cpu, used_memory, cpu_request, cpu_limit, memory_request, memory_limit, want_cpu, want_memory
    )
    return Advice(
        service,
        used_cpu,
        used_memory,
        cpu_request,
        cpu_limit,
        memory_request,
        memory_limit,
        suggested,
        problem,
        urgency,
    )


def command(item: Advice) -> tuple[str, ...]:
    """Return the words of the kubectl command that sets what is suggested."""
    wanted = item.suggested
    requests = f"cpu={show_cpu(wanted['cpu'])},memory={show_memory(wanted['memory'])}"
    limits = [f"cpu={show_cpu(wanted['cpuLimit'])}"] if wanted["cpuLimit"] else []
    limits.append(f"memory={show_memory(wanted['memoryLimit'])}")
    return ("set", "resources", f"deployment/{item.service}", f"--requests={requests}", f"--limits={','.join(limits)}")


def _judge(
    used_cpu: float,
    used_memory: float,
    cpu_request: float,
    cpu_limit: float,
    memory_request: float,
    memory_limit: float,
    want_cpu: float,
    want_memory: float,
) -> tuple[str, int]:
    if memory_limit and used_memory > 0.9 * memory_limit:
        share = used_memory / memory_limit
        return f"uses {share:.0%} of its memory limit and will be killed for a little more", 8
    if cpu_limit and used_cpu > 0.9 * cpu_limit:
        return f"uses {used_cpu / cpu_limit:.0%} of its cpu limit and is throttled", 6
    if not cpu_request or not memory_request or not memory_limit:
        return "has no full set of requests and limits, so the scheduler guesses", 4
    if used_memory > memory_request:
        return "uses more memory than it requests, and is among the first to be evicted", 5
    if used_cpu > cpu_request:
        return "uses more cpu than it requests, and slows down when the node is busy", 3
    saved = [
        text
        for wanted, now, text in (
            (want_cpu, cpu_request, f"{show_cpu(cpu_request - want_cpu)} of cpu"),
            (want_memory, memory_request, f"{show_memory(memory_request - want_memory)} of memory"),
        )
        if now and wanted <= 0.6 * now
    ]
    return (f"reserves {' and '.join(saved)} more a pod than it needs", 2) if saved else ("", 0)


def _row(item: Advice) -> str:
    wanted = item.suggested
    cpus = " / ".join(_set(show_cpu(value)) for value in (item.cpu_used, item.cpu_request, item.cpu_limit))
    sizes = (item.memory_used, item.memory_request, item.memory_limit)
    memories = " / ".join(_set(show_memory(value)) for value in sizes)
    better = f"{show_cpu(wanted['cpu'])} {show_memory(wanted['memory'])}, {show_memory(wanted['memoryLimit'])}"
    return f"{item.service:<10} {cpus:<27} {memories:<30} {better if item.problem else 'fits'}"


def _set(text: str) -> str:
    return "-" if text in ("0m", "0Mi") else text


def _resources(deployment: Mapping[str, Any]) -> Mapping[str, Mapping[str, str]]:
    containers = deployment["spec"]["template"]["spec"]["containers"]
    found: Mapping[str, Mapping[str, str]] = containers[0].get("resources") or {}
    return found


def _span(samples: Sequence[Sample]) -> float:
    return samples[-1].at - samples[0].at if samples else 0.0


def _enough(samples: Sequence[Sample]) -> bool:
    return len(samples) >= ENOUGH_SAMPLES and _span(samples) >= ENOUGH_SECONDS


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"
