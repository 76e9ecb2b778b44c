"""Kubernetes quantities: cpu in millicores, memory in bytes."""

from __future__ import annotations

import math
import re

MIB = 1024 * 1024
_UNITS = {
    "": 1, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
    "Ki": 1024, "Mi": MIB, "Gi": 1024 * MIB, "Ti": 1024 * 1024 * MIB,
}  # fmt: skip


def cpu(text: str) -> float:
    """Return `200m`, `1`, `1.5` or `250000n` in millicores. Raises ValueError for anything else."""
    for unit, factor in (("m", 1.0), ("u", 1e-3), ("n", 1e-6)):
        if text.endswith(unit):
            return float(text[:-1]) * factor
    return float(text) * 1000


def memory(text: str) -> float:
    """Return `512Mi`, `1Gi` or `128974848` in bytes. Raises ValueError for anything else."""
    match = re.fullmatch(r"([\d.]+)([kKMGT]?i?|m)", text)
    if not match or (match[2] not in _UNITS and match[2] != "m"):
        raise ValueError(f"{text!r} is no quantity of memory")
    return float(match[1]) * _UNITS[match[2]] if match[2] != "m" else float(match[1]) / 1000


def show_cpu(millicores: float) -> str:
    """Return it as it is written in a manifest."""
    return f"{math.ceil(millicores - 1e-9)}m"


def show_memory(size: float) -> str:
    """Return it as it is written in a manifest, rounded up to whole MiB."""
    return f"{math.ceil(size / MIB - 1e-9)}Mi"


def step_up(value: float, step: float) -> float:
    """Return the next multiple of `step`."""
    return math.ceil(value / step - 1e-9) * step


def same_quantity(one: object, other: object) -> bool:
    """Return whether two texts are the same amount, however written: `0.5` and `500m`, `1Gi` and `1024Mi`."""
    try:
        return memory(str(one)) == memory(str(other))
    except ValueError:
        return False
