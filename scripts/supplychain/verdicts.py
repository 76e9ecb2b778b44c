"""Verdicts: which results are good enough. What did not run is never counted as passed."""

from __future__ import annotations

from collections.abc import Sequence

from scripts.settings.model import Security
from scripts.supplychain.model import RANK, SEVERITIES, Finding, Result

PASSED, FAILED, NOT_RUN = "passed", "failed", "not run"


def over_limit(result: Result, policy: Security) -> list[Finding]:
    """Return the findings that are as severe as the policy allows none to be, less those it accepts."""
    limit = RANK[policy.fail_on]
    return [item for item in result.findings if RANK[item.severity] >= limit and item.id not in policy.accepted]


def verdict(result: Result, policy: Security) -> str:
    """Return `passed`, `failed` or `not run`."""
    if not result.ran:
        return NOT_RUN
    return FAILED if over_limit(result, policy) else PASSED


def problems(results: Sequence[Result], policy: Security) -> list[str]:
    """Return why these results are not good enough: findings over the threshold, and required scanners
    that did not run.
    """
    found = []
    for result in results:
        for finding in over_limit(result, policy):
            about = finding.package or finding.path or result.what
            found.append(
                f"{result.scanner}: {finding.severity} {finding.id} in {about}: {finding.message}".rstrip(": ")
            )
        if not result.ran and result.scanner in policy.required:
            found.append(f"{result.scanner} is required, and did not run on {result.what}: {result.reason}")
    seen = {result.scanner for result in results}
    found += [f"{name} is required, and there is no result of it" for name in policy.required if name not in seen]
    return list(dict.fromkeys(found))


def rows(results: Sequence[Result], policy: Security) -> list[tuple[str, ...]]:
    """Return the table of a scan, a heading first."""
    table: list[tuple[str, ...]] = [("SCANNER", "WHAT", *(name.upper() for name in SEVERITIES), "VERDICT")]
    for result in results:
        found = [finding for finding in result.findings if finding.id not in policy.accepted]
        counts = [str(sum(item.severity == name for item in found)) if result.ran else "-" for name in SEVERITIES]
        said = verdict(result, policy)
        accepted = len(result.findings) - len(found)
        notes = [text for text in (result.reason, result.note, f"{accepted} accepted" if accepted else "") if text]
        table.append((result.scanner, result.what, *counts, ": ".join([said, *notes[:1]]) + "".join(
            f", {note}" for note in notes[1:]
        )))  # fmt: skip
    return table
