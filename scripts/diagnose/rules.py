"""The catalogue `scripts/diagnose/rules.yaml`: read, validate, compile."""

from __future__ import annotations

import re
import shlex
import string
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from scripts.diagnose.model import Alternative, Rule, rule_field
from scripts.diagnose.symptoms import COMMON, FIELDS
from scripts.errors import SettingsError
from scripts.host import parsing
from scripts.host.paths import ROOT
from scripts.settings import reading

FILE = "scripts/diagnose/rules.yaml"
SCHEMA = Path(__file__).with_name("rules.schema.json")
TEXTS = ("title", "meaning", "remedy", "look")
_PART = re.compile(r"\(\?&([a-z]+)\)")  # as in Perl's regular expressions


def read_rules(root: Path = ROOT) -> tuple[Rule, ...]:
    """Return the rules, causes before consequences. Raises SettingsError naming file and key of every problem found."""
    file = root / FILE
    stamp = file.stat().st_mtime_ns if file.is_file() else 0
    return _read(root, stamp)


@lru_cache(maxsize=4)  # a run looks once a second; the file is read again only when it has changed
def _read(root: Path, stamp: int) -> tuple[Rule, ...]:
    data = reading.read(root / FILE, root)
    schema = parsing.from_json(SCHEMA.read_text(encoding="utf-8"))
    reading.check(data, schema, FILE)
    rules: list[Rule] = []
    problems: list[str] = []
    for stage, group in data.items():
        for name, spec in group["problems"].items():
            key = f"{stage}.problems.{name}"
            if any(rule.id == name for rule in rules):
                problems.append(f"{FILE}: {key}: the name stands twice, choose another one")
            rules.append(_rule(name, stage, len(rules), spec, key, problems))
    if problems:
        raise SettingsError("\n".join(problems), f"correct {FILE}")
    return tuple(rules)


def _rule(name: str, stage: str, rank: int, spec: Mapping[str, Any], key: str, problems: list[str]) -> Rule:
    alternatives = []
    parts: dict[str, str] = {}
    for part, pattern in spec.get("parts", {}).items():
        parts[part] = _whole(pattern, parts, f"{key}.parts.{part}", problems)
    for number, entry in enumerate(spec["symptoms"]):
        (kind, match), *_ = entry.items()
        place = f"{key}.symptoms.{number}"
        whole = {
            field: _whole(pattern, parts, f"{place}.{kind}.{field}", problems)
            for field, pattern in (match or {}).items()
        }
        alternatives.append(_alternative(kind, whole, place, problems))
    defaults = {key: str(value) for key, value in spec.get("defaults", {}).items()}
    for text in TEXTS:
        for alternative in alternatives:
            known = _known(alternative) | set(defaults)
            for field in _placeholders(spec[text], f"{key}.{text}", problems) - known:
                problems.append(
                    f"{FILE}: {key}.{text}: {{{field}}} is not known to the symptom {alternative.symptom}; "
                    f"known are {', '.join(sorted(known))}, or give it a default"
                )
    try:
        shlex.split(spec["look"])
    except ValueError as error:
        problems.append(f"{FILE}: {key}.look: {error}; close the quotation")
    blames = spec.get("blames", "")
    terminal = spec.get("terminal", "never")
    limits = terminal if isinstance(terminal, Mapping) else {}
    return Rule(
        id=name, stage=stage, rank=rank, alternatives=tuple(alternatives),
        title=spec["title"], meaning=spec["meaning"], remedy=spec["remedy"], look=spec["look"],
        after=float(spec.get("after", 0)), at_once=terminal == "at once",
        failures=limits.get("failures"), seconds=limits.get("seconds"),
        blames=blames, secondary=spec.get("secondary", False), fallback=spec.get("fallback", False), defaults=defaults,
        collects=spec.get("collects", ""), patient=spec.get("patient", False),
    )  # fmt: skip


def _whole(pattern: str, parts: Mapping[str, str], key: str, problems: list[str]) -> str:
    """Return a pattern with the parts that it names, which stand before it."""

    def part(place: re.Match[str]) -> str:
        if place[1] not in parts:
            known = ", ".join(parts) or "none"
            problems.append(f"{FILE}: {key}: there is no part {place[1]} before it; known are: {known}")
        return f"(?:{parts.get(place[1], '')})"

    return _PART.sub(part, pattern)


def _alternative(kind: str, match: Mapping[str, str], key: str, problems: list[str]) -> Alternative:
    known = FIELDS[kind] | ({"text"} if kind == "command" else set())
    compiled = {}
    for field, pattern in match.items():
        if field not in known:
            problems.append(f"{FILE}: {key}.{kind}.{field}: unknown field, choose one of: {', '.join(sorted(known))}")
        try:
            compiled[field] = re.compile(pattern, re.MULTILINE)
        except (re.error, RecursionError, OverflowError) as error:
            problems.append(f"{FILE}: {key}.{kind}.{field}: no regular expression: {error}; correct it")
    return Alternative(kind, compiled)


def _known(alternative: Alternative) -> set[str]:
    groups = {rule_field(name) for pattern in alternative.match.values() for name in pattern.groupindex}
    common = FIELDS["command"] if alternative.symptom == "command" else COMMON
    said = {"said"} if {"log", "text"} & set(alternative.match) else set()
    return set(FIELDS[alternative.symptom]) | common | groups | said


def _placeholders(text: str, key: str, problems: list[str]) -> set[str]:
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        problems.append(f"{FILE}: {key}: {error}; write {{{{ and }}}} for braces that are meant as such")
        return set()
    for _, field, spec, conversion in parts:
        if field is not None and (not field.isidentifier() or spec or conversion):
            problems.append(f"{FILE}: {key}: {{{field}}} is no field's name; write {{{{ and }}}} for plain braces")
            return set()
    return {field for _, field, _, _ in parts if field}
