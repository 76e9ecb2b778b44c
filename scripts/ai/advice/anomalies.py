"""Find departures of a service from its own baseline: restarts, errors, latencies, cpu and memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from scripts.ai.live_release import LiveRelease, Section
from scripts.ai.samples import Rates, Sample, rates
from scripts.ai.trends import Outlier, outlier
from scripts.kube.quantities import MIB, show_cpu, show_memory


@dataclass(frozen=True)
class Anomaly:
    """One measure of one service that is not as usual."""

    service: str
    measure: str
    text: str
    urgency: int


def collect(live: LiveRelease) -> Section:
    """Return the anomalies, the most urgent first, or how much was compared to find none."""
    samples = list(live.samples)
    found = [item for name in live.services for item in unusual(name, samples)]
    found.sort(key=lambda item: (-item.urgency, item.service))
    minutes = (samples[-1].at - samples[0].at) / 60 if samples else 0.0
    about = f"{len(samples)} samples over {minutes:.0f} minutes"
    if len(samples) < 7:
        about += ": too few for a baseline, so only what is bad by itself is told; use --observe=60, or come again"
    if not found:
        return Section("Anomalies", (f"Nothing departs from its baseline ({about}).",), data=[])
    lines = (f"Compared: {about}.", *(f"- {item.service}: {item.text}" for item in found))
    return Section("Anomalies", lines, [asdict(item) for item in found], urgency=found[0].urgency)


def unusual(service: str, samples: Sequence[Sample]) -> list[Anomaly]:
    """Return what is unusual about the last sample of a service, against the ones before."""
    moves = rates(samples, service)
    found: list[Anomaly] = []
    if moves:
        found += _by_rates(service, moves)
    seen = [sample.services[service] for sample in samples if service in sample.services]
    cpus = [sum(item.cpu.values()) for item in seen if item.cpu]
    memories = [max(item.memory.values()) for item in seen if item.memory]
    if cpus and (odd := outlier(cpus[-1], cpus[:-1], floor=20.0)):
        found.append(Anomaly(service, "cpu", f"cpu {show_cpu(odd.value)}, usually {show_cpu(odd.usual)}{_far(odd)}", 4))
    if memories and (odd := outlier(memories[-1], memories[:-1], floor=8 * MIB)):
        text = f"memory {show_memory(odd.value)} in one pod, usually {show_memory(odd.usual)}{_far(odd)}"
        found.append(Anomaly(service, "memory", text, 4))
    return found


def _by_rates(service: str, moves: Sequence[Rates]) -> list[Anomaly]:
    found = []
    last, before = moves[-1], moves[:-1]
    restarts = sum(item.restarts for item in moves if item.at >= last.at - 3600)
    usual = sum(item.restarts for item in moves if item.at < last.at - 3600)
    if restarts:
        text = f"{restarts} restart{'s' * (restarts > 1)} within the last hour, {usual} in the time before"
        found.append(Anomaly(service, "restarts", text, 8 if restarts > 2 else 6))
    if last.error_share is not None:
        shares = [item.error_share for item in before if item.error_share is not None]
        odd = outlier(last.error_share, shares, floor=0.01)
        if odd:
            text = f"{odd.value:.1%} of requests failed with 5xx, usually {odd.usual:.1%}{_far(odd)}"
            found.append(Anomaly(service, "errors", text, 7))
        elif last.error_share > 0.05:
            found.append(Anomaly(service, "errors", f"{last.error_share:.1%} of requests failed with 5xx", 7))
    if last.latency is not None:
        latencies = [item.latency for item in before if item.latency is not None]
        if odd := outlier(last.latency, latencies, floor=0.01):
            text = f"{1000 * odd.value:.0f} ms a request, usually {1000 * odd.usual:.0f} ms{_far(odd)}"
            found.append(Anomaly(service, "latency", text, 5))
    return found


def _far(odd: Outlier) -> str:
    return f" ({odd.distance:.1f} robust deviations above)"
