"""What is computed here rather than asked for: each module has one rule `collect(scene) -> Section`."""

from __future__ import annotations

from importlib import import_module

from scripts.ai.scene import Scene, Section

NAMES = ("diagnosis", "usage", "forecast", "anomalies", "settings", "dockerfile", "proposal")


def collect(name: str, scene: Scene) -> Section:
    """Return what one rule says of the scene."""
    if name not in NAMES:
        raise KeyError(name)
    found: Section = import_module(f"scripts.ai.advice.{name}").collect(scene)
    return found
