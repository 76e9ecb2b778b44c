"""Define one form for the findings of all scanners."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

SEVERITIES = ("critical", "high", "medium", "low", "unknown")
# A finding that nobody gave a severity may be of any: it counts as high.
RANK = {"critical": 4, "high": 3, "unknown": 3, "medium": 2, "low": 1}


@dataclass(frozen=True)
class Finding:
    """One thing a scanner has against something. `path` is relative to the repository, `line` from 1, 0 if unknown.

    `package` is `name version` where the finding is about one, `help` an address that tells more.
    """

    id: str
    severity: str
    message: str
    path: str = ""
    line: int = 0
    package: str = ""
    help: str = ""


@dataclass(frozen=True)
class Result:
    """The result of one scanner for one thing. It did not run where `reason` says why; then nothing follows from it.

    `service` is the service it is about, nothing where it is about all of them. `note` is for people.
    """

    scanner: str
    what: str
    service: str = ""
    findings: tuple[Finding, ...] = ()
    reason: str = ""
    note: str = ""
    seconds: float = 0.0

    @property
    def ran(self) -> bool:
        """Return whether something follows from it."""
        return not self.reason


class NotRun(Exception):
    """A scanner that could not do its work, and why. It is part of the result, not a failure of the task."""


def as_json(result: Result) -> dict[str, Any]:
    """Return the result as reports and attestations keep it."""
    return {
        "scanner": result.scanner,
        "what": result.what,
        "service": result.service,
        "ran": result.ran,
        "reason": result.reason,
        "note": result.note,
        "seconds": round(result.seconds, 2),
        "findings": [
            {key: value for key, value in vars(finding).items() if value not in ("", 0)} for finding in result.findings
        ],
    }


def from_json(data: Mapping[str, Any]) -> Result:
    """Return the result that `as_json` wrote. Raises KeyError, TypeError or ValueError for anything else."""
    findings = tuple(Finding(**{"message": "", **item}) for item in data["findings"])
    if any(finding.severity not in RANK for finding in findings):
        raise ValueError("unknown severity")
    if bool(data["ran"]) == bool(data["reason"]):
        raise ValueError("either it ran, or there is a reason why not")
    return Result(
        data["scanner"], data["what"], data["service"], findings, data["reason"], data["note"], data["seconds"]
    )
