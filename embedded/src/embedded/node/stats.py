"""Measure containers by their control groups: cores over the last interval, bytes of the working set."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embedded.node.control_groups import ControlGroups

NANO = 1e-9


@dataclasses.dataclass
class _Sample:
    at: float
    seconds: float
    cores: float | None = None
    memory: int = 0


class Statistics:
    """Samples of control groups."""

    def __init__(self, groups: ControlGroups | None = None) -> None:
        self._groups = groups or ControlGroups()
        self._samples: dict[str, _Sample] = {}

    def _folder(self, controller: str, container: str) -> Path:
        """Return where a container ("" for the machine) is counted. Raises FileNotFoundError where it is not."""
        found = self._groups.of(controller, container) if container else self._groups.top(controller)
        if found is None:
            raise FileNotFoundError(container)
        return found

    def _read(self, container: str) -> tuple[float, int]:
        """Return seconds of cpu used so far, and bytes in use that cannot be dropped.

        Raises OSError when it is gone.
        """
        cpu, memory = self._folder("cpuacct", container), self._folder("memory", container)
        if self._groups.unified:
            seconds = _pairs(cpu / "cpu.stat")["usage_usec"] * 1e-6
            used, inactive = memory / "memory.current", "inactive_file"
        else:
            seconds = int((cpu / "cpuacct.usage").read_text()) * NANO
            used, inactive = memory / "memory.usage_in_bytes", "total_inactive_file"
        if not container:
            return seconds, _machine_memory()
        return seconds, max(0, int(used.read_text()) - _pairs(memory / "memory.stat").get(inactive, 0))

    def sample(self, containers: list[str]) -> None:
        """Take a sample of these containers and forget the others."""
        fresh: dict[str, _Sample] = {}
        for container in ["", *containers]:
            try:
                seconds, memory = self._read(container)
            except (OSError, KeyError, ValueError):
                continue
            now, before = time.monotonic(), self._samples.get(container)
            sample = _Sample(now, seconds, memory=memory)
            if before is not None and now > before.at:
                sample.cores = max(0.0, (seconds - before.seconds) / (now - before.at))
            fresh[container] = sample
        self._samples = fresh

    def of(self, container: str) -> dict[str, float] | None:
        """Return {"cpu": cores, "memory": bytes}; None before the second sample."""
        sample = self._samples.get(container)
        if sample is None or sample.cores is None:
            return None
        return {"cpu": sample.cores, "memory": sample.memory}

    def usage(self, node: str, pods: Mapping[tuple[str, str], Mapping[str, str]]) -> dict[str, Any]:
        """Return everything known: `pods` maps (namespace, pod) to container name → id."""
        known: dict[tuple[str, str], Any] = {}
        for key, containers in pods.items():
            used = {name: self.of(container) for name, container in containers.items()}
            if used and all(used.values()):
                known[key] = used
        whole = self.of("")
        return {"pods": known, "nodes": {node: whole} if whole else {}}


def _pairs(path: Path) -> dict[str, int]:
    return {name: int(value) for name, value in (line.split() for line in path.read_text().splitlines())}


def _machine_memory() -> int:
    lines = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
    kilobytes = {name: int(value.split()[0]) for name, value in lines.items()}
    return (kilobytes["MemTotal"] - kilobytes["MemAvailable"]) * 1024
