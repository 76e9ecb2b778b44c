"""Findings as plain lines for people."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from scripts.diagnose.model import Alternative, Finding, Rule
from scripts.errors import UserError


def render(findings: Sequence[Finding]) -> str:
    """Return what is wrong, why, and what to do, the most likely cause first."""
    return "\n\n".join("\n".join(_lines(finding)) for finding in findings)


def _lines(finding: Finding) -> list[str]:
    subject = f"{finding.service}: " if finding.service else ""
    consequence = f" - a consequence of {finding.because}'s trouble" if finding.because else ""
    state = "" if finding.terminal else " - may still pass by itself"
    if finding.served:
        state = " - a warning: others have taken its place"
    return [
        f"{subject}{finding.title}{consequence}{state} [{finding.rule}]",
        f"  what it means: {finding.meaning}",
        *([f"  seen on: {finding.object}"] if finding.object else []),
        *(f"  | {line}" for line in finding.evidence),
        f"  what to do: {finding.remedy}",
        f"  look further: {finding.command}",
    ]


def describe(rules: Sequence[Rule], name: str) -> str:
    """Return one entry of the catalogue as text.

    Raises UserError naming the nearest ones if there is none of that name.
    """
    rule = next((rule for rule in rules if rule.id == name), None)
    if rule is None:
        names = [rule.id for rule in rules]
        near = difflib.get_close_matches(name, names, 5, cutoff=0.4) or [one for one in names if name in one][:5]
        raise UserError(
            f"--explain={name}: the rules have no such entry",
            f"did you mean {', '.join(near)}?" if near else "a diagnosis prints the name of each problem it finds",
        )
    return "\n".join(
        [
            f"{rule.id} ({rule.stage}): {_one_line(rule.title)}",
            f"  what it means: {_one_line(rule.meaning)}",
            f"  what to do: {_one_line(rule.remedy)}",
            f"  look further: {_one_line(rule.look)}",
            f"  stops a run: {_patience(rule)}",
            "  symptoms:",
            *(f"  | {_symptom(alternative)}" for alternative in rule.alternatives),
        ]
    )


def _symptom(alternative: Alternative) -> str:
    matches = ", ".join(f"{field} ~ {pattern.pattern}" for field, pattern in alternative.match.items())
    return f"{alternative.symptom}: {matches}" if matches else alternative.symptom


def _patience(rule: Rule) -> str:
    if rule.at_once or any(alternative.symptom == "command" for alternative in rule.alternatives):
        return "at once"
    limits = [f"after {rule.failures} failures"] if rule.failures is not None else []
    limits += [f"after {rule.seconds:g} s"] if rule.seconds is not None else []
    return " or ".join(limits) or "no, it is only told"


def _one_line(text: str) -> str:
    return " ".join(text.split())
