"""A scan as SARIF 2.1.0, the form that code hosts and editors read. https://docs.oasis-open.org/sarif/sarif/v2.1.0/"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote

from scripts.supplychain.model import Finding, Result

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {"critical": "error", "high": "error", "unknown": "error", "medium": "warning", "low": "note"}
# What code hosts order security findings by: https://docs.github.com/code-security (security-severity)
SCORES = {"critical": "9.5", "high": "8.0", "unknown": "8.0", "medium": "5.0", "low": "2.0"}


def log(results: Sequence[Result], accepted: Mapping[str, str]) -> dict[str, Any]:
    """Return one run a scanner. One that did not run is there too, as an invocation without success.

    `accepted` maps ids of findings to the reason why they are accepted: those are marked as suppressed.
    """
    names = list(dict.fromkeys(result.scanner for result in results))
    runs = [_run(name, [item for item in results if item.scanner == name], accepted) for name in names]
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": runs}


def _run(name: str, results: Sequence[Result], accepted: Mapping[str, str]) -> dict[str, Any]:
    pairs = [(result, finding) for result in results for finding in result.findings]
    rules = {finding.id: finding for _, finding in pairs}
    order = list(rules)
    notices = [
        {"level": "error", "message": {"text": f"not run on {item.what}: {item.reason}"}}
        for item in results
        if not item.ran
    ]
    return {
        "tool": {"driver": {"name": name, "rules": [_rule(rules[key]) for key in order]}},
        "invocations": [{"executionSuccessful": not notices, "toolExecutionNotifications": notices}],
        "results": [_result(result, finding, order.index(finding.id), accepted) for result, finding in pairs],
    }


def _rule(finding: Finding) -> dict[str, Any]:
    rule: dict[str, Any] = {
        "id": finding.id,
        "shortDescription": {"text": finding.message or finding.id},
        "defaultConfiguration": {"level": LEVELS[finding.severity]},
        "properties": {"security-severity": SCORES[finding.severity], "tags": ["security"]},
    }
    return rule | ({"helpUri": finding.help} if finding.help else {})


def _result(result: Result, finding: Finding, index: int, accepted: Mapping[str, str]) -> dict[str, Any]:
    path = finding.path or result.what
    location: dict[str, Any] = {"artifactLocation": {"uri": quote(path)}}
    if finding.line:
        location["region"] = {"startLine": finding.line}
    identity = "\0".join([finding.id, path, finding.package, finding.message])
    said: dict[str, Any] = {
        "ruleId": finding.id,
        "ruleIndex": index,
        "level": LEVELS[finding.severity],
        "message": {"text": ": ".join(filter(None, [finding.package, finding.message])) or finding.id},
        "locations": [{"physicalLocation": location}],
        "partialFingerprints": {"finding/v1": hashlib.sha256(identity.encode()).hexdigest()[:32]},
    }
    if finding.id in accepted:
        said["suppressions"] = [{"kind": "external", "justification": accepted[finding.id]}]
    return said
