"""What helm, kubectl and docker say when they fail, explained from the same catalogue."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from scripts.diagnose.judge import fill, match_fields
from scripts.diagnose.model import Finding, Rule
from scripts.diagnose.redaction import clean
from scripts.diagnose.rules import load_rules
from scripts.diagnose.signs import FIELDS

LAST = 6  # lines of the output that a finding quotes


def explain_failure(
    text: str, context: Mapping[str, str] | None = None, rules: Sequence[Rule] | None = None
) -> Finding | None:
    """What the output of a failed command means, or None if the catalogue does not know it.

    `context` may say `program` (helm, kubectl, docker), `namespace`, `release`, `service` and `stage`: rules match on
    it, and their texts quote it.
    """
    known = dict.fromkeys(FIELDS["command"], "") | dict(context or {})
    known["namespace"] = known["namespace"] or "the namespace"
    known["release"] = known["release"] or "RELEASE"
    known["text"] = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)
    for rule in load_rules() if rules is None else rules:
        for alternative in rule.alternatives:
            if alternative.sign != "command":
                continue
            captured = match_fields(alternative.match, known)
            if captured is not None:
                return _finding(rule, dict(rule.defaults) | known | captured)
    return None


def _finding(rule: Rule, fields: Mapping[str, str]) -> Finding:
    lines = [line.strip() for line in fields["text"].splitlines() if line.strip()]
    said = fields.get("said", "")
    evidence = [*([said] if said else []), *(line for line in lines[-LAST:] if line != said)]
    return Finding(
        rule=rule.id,
        service=fields["service"],
        object=fields["program"],
        title=clean(fill(rule.title, fields)),
        meaning=clean(fill(rule.meaning, fields)),
        evidence=tuple(clean(line[:600]) for line in evidence),
        remedy=clean(fill(rule.remedy, fields)),
        command=fill(rule.look, fields),
        terminal=True,
        rank=0,
    )
