"""Findings as plain lines for people."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.diagnose.model import Finding


def render(findings: Sequence[Finding]) -> str:
    """What is wrong, why, and what to do, the most likely cause first."""
    return "\n\n".join("\n".join(_lines(finding)) for finding in findings)


def _lines(finding: Finding) -> list[str]:
    subject = f"{finding.service}: " if finding.service else ""
    consequence = f" - a consequence of {finding.because}'s trouble" if finding.because else ""
    state = "" if finding.terminal else " - may still pass by itself"
    return [
        f"{subject}{finding.title}{consequence}{state}",
        f"  what it means: {finding.meaning}",
        *([f"  seen on: {finding.object}"] if finding.object else []),
        *(f"  | {line}" for line in finding.evidence),
        f"  what to do: {finding.remedy}",
        f"  look further: {finding.command}",
    ]
