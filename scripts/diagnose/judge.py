"""From signs to findings: which rule explains a sign, whether to wait, what comes first."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scripts.diagnose.endpoints import endpoint_signs
from scripts.diagnose.model import Finding, Rule, Sign, State, rule_field
from scripts.diagnose.redaction import clean
from scripts.diagnose.signs import create_signs, pod_signs, workload_signs
from scripts.diagnose.telling import CALM, telling_lines
from scripts.diagnose.world import World
from scripts.kube import by_hand

QUOTED = 400  # characters of a captured text that a title quotes
COLLECTED = 8  # values of a group that a title names
SAYING = ("crash", "probe", "job")  # signs of programs whose log may tell the cause
EVIDENCE_LINE = 600  # characters of a line of evidence


@dataclass(frozen=True)
class _Match:
    rule: Rule
    sign: Sign
    fields: Mapping[str, str]


def diagnose(state: State, rules: Sequence[Rule], now: datetime | None = None) -> list[Finding]:
    """Return what is wrong, causes before their consequences and the certain before the possible. Empty if all is well.

    `now` is the moment to judge for, by default the one the state was taken at.
    """
    world = World(state, now or state.taken)
    signs = [*create_signs(world), *pod_signs(world), *workload_signs(world), *endpoint_signs(world)]
    matches = [match for sign in signs if (match := explain(sign, rules, state)) is not None]
    matches = [match for match in matches if _worth_telling(match)]
    merged = _without_symptoms(_merged(matches))
    blamed = _blame(merged, world)
    findings = [_finding(match, state, because, count) for (match, count), because in zip(merged, blamed, strict=True)]
    findings = [_with_hands(finding, world) for finding in _patient(findings, merged, world)]
    findings.sort(key=lambda item: (bool(item.because), not item.terminal, item.rank, item.service))
    return _about(findings, state)


def _with_hands(finding: Finding, world: World) -> Finding:
    """Return the finding with the fields of its workload that somebody set by hand, which no deploy undoes."""
    found = by_hand.of_object(world.workloads.get(finding.service, {"metadata": {}}))
    if not found:
        return finding
    told = tuple(f"changed by hand: {one.label}, {one.who}" for one in found)
    undo = "; ".join(shlex.join((*world.state.command, *one.removal)) for one in found)
    first = (
        f"undo what was changed by hand: invoke deploy puts back what the chart sets, and this removes the rest: {undo}"
    )
    return replace(finding, evidence=(*told, *finding.evidence), remedy=f"{first}; else: {finding.remedy}")


def explain(sign: Sign, rules: Sequence[Rule], state: State) -> _Match | None:
    """Return the rule that explains a sign: the first of the catalogue that fits.

    What a program's log says in earnest goes before what it says in passing.
    """
    fields = {"service": sign.service, "namespace": state.namespace, "object": sign.object} | dict(sign.fields)
    log = fields.get("log", "")
    serious = "\n".join(line for line in log.splitlines() if not CALM.search(line))
    best = _first(rules, sign, fields | {"log": serious} if "log" in fields else fields)
    if (best is None or best.rule.fallback) and serious != log:
        other = _first(rules, sign, fields)
        if other is not None and not other.rule.fallback:
            best = other
    return best


def _first(rules: Sequence[Rule], sign: Sign, fields: Mapping[str, str]) -> _Match | None:
    for rule in rules:
        for alternative in rule.alternatives:
            if alternative.sign != sign.kind:
                continue
            captured = match_fields(alternative.match, fields)
            if captured is not None:
                captured |= _all_of(rule, sign.kind, fields)
                return _Match(rule, sign, dict(rule.defaults) | dict(fields) | captured)
    return None


def _all_of(rule: Rule, kind: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Return every value of the group that a rule collects, in the order in which the log names them first."""
    if not rule.collects:
        return {}
    found: dict[str, int] = {}
    for alternative in rule.alternatives:
        if alternative.sign != kind:
            continue
        for field, pattern in alternative.match.items():
            for place in pattern.finditer(fields.get(field, "")):
                for group, value in place.groupdict().items():
                    if value and rule_field(group) == rule.collects:
                        found.setdefault(value.strip()[:QUOTED], place.start())
    names = sorted(found, key=lambda value: found[value])[:COLLECTED]
    return {rule.collects: ", ".join(names)} if len(names) > 1 else {}


def match_fields(patterns: Mapping[str, re.Pattern[str]], fields: Mapping[str, str]) -> dict[str, str] | None:
    """Return the named groups, if every pattern is found in its field; the last place in a text counts. Else None."""
    captured: dict[str, str] = {}
    for field, pattern in patterns.items():
        places = list(pattern.finditer(fields.get(field, "")))
        if not places:
            return None
        last = places[-1]
        captured |= {rule_field(key): value.strip()[:QUOTED] for key, value in last.groupdict().items() if value}
        if field in ("log", "text"):
            captured["said"] = _line_at(last.string, last.start())
    return captured


def _line_at(text: str, position: int) -> str:
    start = text.rfind("\n", 0, position) + 1
    end = text.find("\n", position)
    return text[start : end if end >= 0 else None].strip()


def is_terminal(rule: Rule, sign: Sign) -> bool:
    """Return whether waiting is in vain."""
    if sign.alive and not sign.final:
        return False
    if rule.at_once:
        return True
    if not _can_stop(rule):
        return False
    if sign.final:
        return True
    enough = rule.failures is not None and sign.failures >= rule.failures
    long = rule.seconds is not None and sign.seconds >= rule.seconds
    return enough or long


def _can_stop(rule: Rule) -> bool:
    return rule.at_once or rule.failures is not None or rule.seconds is not None


def _worth_telling(match: _Match) -> bool:
    return match.sign.seconds >= match.rule.after or match.sign.final or is_terminal(match.rule, match.sign)


def _merged(matches: Iterable[_Match]) -> list[tuple[_Match, int]]:
    """Return one of each problem a service has: pods of one Deployment mostly have the same."""
    groups: dict[tuple[str, str, str], list[_Match]] = {}
    for match in matches:
        part = match.fields.get("container") or match.fields.get("k8s_service") or ""
        groups.setdefault((match.rule.id, match.sign.service, part), []).append(match)
    return [
        (max(group, key=lambda match: (is_terminal(match.rule, match.sign), match.sign.seconds)), len(group))
        for group in groups.values()
    ]


def _without_symptoms(matches: Sequence[tuple[_Match, int]]) -> list[tuple[_Match, int]]:
    explained = {match.sign.service for match, _ in matches if not match.rule.symptom and _can_stop(match.rule)}
    kept = [item for item in matches if not (item[0].rule.symptom and item[0].sign.service in explained)]
    # Of several symptoms alone, the first of the catalogue speaks for the rest.
    first: dict[str, int] = {}
    for match, _ in kept:
        if match.rule.symptom:
            first[match.sign.service] = min(match.rule.rank, first.get(match.sign.service, match.rule.rank))
    return [item for item in kept if not item[0].rule.symptom or item[0].rule.rank == first[item[0].sign.service]]


def _called(match: _Match, world: World) -> list[str]:
    """Return the workloads that a problem may come from: the one named in it, else all that the service calls."""
    if not match.rule.blames:
        return []
    host = match.fields.get(match.rule.blames, "")
    names = [world.behind_service(host)] if host else list(match.sign.depends)
    return [name for name in names if name and name != match.sign.service]


def _blame(matches: Sequence[tuple[_Match, int]], world: World) -> list[str]:
    """For each problem the service whose own trouble explains it, or nothing."""
    ill = {match.sign.service for match, _ in matches}
    wanted = [[name for name in _called(match, world) if name in ill] for match, _ in matches]
    edges: dict[str, set[str]] = {}
    for (match, _), names in zip(matches, wanted, strict=True):
        edges.setdefault(match.sign.service, set()).update(names)

    def leads_back(start: str, goal: str) -> bool:
        seen: set[str] = set()
        todo = [start]
        while todo:
            name = todo.pop()
            if name == goal:
                return True
            if name not in seen:
                seen.add(name)
                todo += edges.get(name, ())
        return False

    return [
        next((name for name in names if not leads_back(name, match.sign.service)), "")
        for (match, _), names in zip(matches, wanted, strict=True)
    ]


def _patient(findings: Sequence[Finding], matches: Sequence[tuple[_Match, int]], world: World) -> list[Finding]:
    """Return who waits for another service is not given up before that one is, unless its own deadline is over."""
    given_up = {finding.service for finding in findings if finding.terminal and not finding.because}
    patient = []
    for finding, (match, _) in zip(findings, matches, strict=True):
        awaited = [finding.because] if finding.because else _called(match, world)
        hopeful = [name for name in awaited if name not in given_up and (finding.because or not world.available(name))]
        patient.append(replace(finding, terminal=False) if hopeful and not match.sign.final else finding)
    return patient


def _finding(match: _Match, state: State, because: str, count: int) -> Finding:
    rule, sign, fields = match.rule, match.sign, match.fields
    evidence = list(sign.evidence)
    said = fields.get("said", "")
    if sign.kind in SAYING and (log := fields.get("log", "")):
        evidence += [f"log: {line}" for line in telling_lines(log.splitlines(), said)]
    if count > 1:
        evidence.append(f"the same in {count} pods")
    remedy = fill(rule.remedy, fields)
    if because:
        evidence.append(f"{because} is in trouble itself, which explains this")
        remedy = f"first mend {because}; if this is still so then: {remedy}"
    words = [fill(word, fields) for word in shlex.split(rule.look)]
    command = shlex.join([*state.command, "--namespace", state.namespace, *(word for word in words if word)])
    return Finding(
        rule=rule.id,
        service=sign.service,
        object=sign.object,
        title=clean(fill(rule.title, fields)),
        meaning=clean(fill(rule.meaning, fields)),
        evidence=tuple(clean(_short(line)) for line in dict.fromkeys(evidence)),
        remedy=clean(remedy),
        command=command,
        terminal=is_terminal(rule, sign),
        rank=rule.rank,
        because=because,
    )


def fill(text: str, fields: Mapping[str, str]) -> str:
    """Return a text of the catalogue with its fields filled in, as one line."""
    return " ".join(text.format_map(fields).split())


def _short(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= EVIDENCE_LINE else line[: EVIDENCE_LINE - 1] + "…"


def _about(findings: Sequence[Finding], state: State) -> list[Finding]:
    """Return the findings about the services asked for, and those that explain them.

    Numbered in the order to read them.
    """
    wanted = set(state.services)
    if wanted:
        for finding in findings:
            if finding.service in wanted and finding.because:
                wanted.add(finding.because)
        wanted |= {
            job["metadata"]["name"]
            for job in state.kind("Job")
            if "helm.sh/hook" in (job["metadata"].get("annotations") or {})
        }
        findings = [item for item in findings if item.service in wanted]
    return [replace(finding, rank=number) for number, finding in enumerate(findings)]
