"""Explain failures of helm, kubectl and docker from the same catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scripts.diagnose.log_excerpts import build_failure, cause_lines, without_calm_lines, without_helm_prefixes
from scripts.diagnose.model import Finding, Rule
from scripts.diagnose.rule_engine import fill, match_fields
from scripts.diagnose.rules import read_rules
from scripts.diagnose.symptoms import FIELDS
from scripts.secrets.secrecy import clean

GENERAL = ("build-step-failed", "build-failed")  # told only where no other rule knows more


def explain_failure(
    text: str, context: Mapping[str, str] | None = None, rules: Sequence[Rule] | None = None
) -> Finding | None:
    """Return what the output of a failed command means, or None if the catalogue does not know it.

    `context` may say `program` (helm, kubectl, docker, dockerd), `namespace`, `release`, `service` and `stage`, of a
    build also `context`, `dockerfile` and `app`, the file that configures it: rules match on it and quote it.
    """
    known = dict.fromkeys(FIELDS["command"], "") | dict(context or {})
    known["namespace"] = known["namespace"] or "the namespace"
    known["release"] = known["release"] or "RELEASE"
    known["text"] = without_helm_prefixes(re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text))
    if known["stage"] in ("", "build") and (failed := build_failure(known["text"])):
        known |= {"stage": "build", "step": failed.step or "named in the evidence", "text": "\n".join(failed.lines)}
    if known["stage"] == "build":
        known["service"] = known["service"] or "the service"
        known["context"] = known["context"] or "."
        known["dockerfile"] = known["dockerfile"] or "Dockerfile"
        known["app"] = known["app"] or "config/apps/NAME.yaml"
    catalogue = read_rules() if rules is None else rules
    particular = [rule for rule in catalogue if rule.id not in GENERAL]
    found = (
        _first(particular, known | {"text": without_calm_lines(known["text"])})
        or _first(particular, known)
        or _first(catalogue, known)
    )
    return _finding(*found, known["text"]) if found else None


def _first(rules: Sequence[Rule], known: Mapping[str, str]) -> tuple[Rule, dict[str, str]] | None:
    for rule in rules:
        for alternative in rule.alternatives:
            if alternative.symptom != "command":
                continue
            captured = match_fields(alternative.match, known)
            if captured is not None:
                return rule, dict(rule.defaults) | dict(known) | captured
    return None


def _finding(rule: Rule, fields: Mapping[str, str], text: str) -> Finding:
    said = fields.get("said", "")
    lines = cause_lines(text.splitlines(), said)
    evidence = lines if not said or said in lines else [said, *lines]
    return Finding(
        rule=rule.id,
        service=fields["service"],
        object=fields["program"],
        title=clean(fill(rule.title, fields)).rstrip(": "),  # where nothing more is known to stand after the colon
        meaning=clean(fill(rule.meaning, fields)),
        evidence=tuple(clean(line[:600]) for line in evidence),
        remedy=clean(fill(rule.remedy, fields)),
        command=fill(rule.look, fields),
        terminal=True,
        rank=0,
    )
