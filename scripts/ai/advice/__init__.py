"""Compute advice rather than ask a tool for it: each module has one rule `collect(live) -> Section`."""

from __future__ import annotations

from importlib import import_module

from scripts.ai.live_release import LiveRelease, Section

NAMES = ("diagnosis", "usage", "forecast", "anomalies", "settings", "dockerfile", "proposal")


def collect(name: str, live: LiveRelease) -> Section:
    """Return what one rule says of the live."""
    if name not in NAMES:
        raise KeyError(name)
    found: Section = import_module(f"scripts.ai.advice.{name}").collect(live)
    return found
