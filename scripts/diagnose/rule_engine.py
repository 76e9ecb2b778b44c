"""From symptoms to findings: which rule explains a symptom, whether to wait, what comes first."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from scripts.diagnose.endpoints import STOPPED, endpoint_symptoms
from scripts.diagnose.graph import ResourceGraph
from scripts.diagnose.log_excerpts import CALM, cause_lines
from scripts.diagnose.model import Finding, Object, Rule, Snapshot, Symptom, rule_field
from scripts.diagnose.symptoms import pod_symptoms
from scripts.diagnose.workload_symptoms import creation_symptoms, workload_symptoms
from scripts.kube import manual_changes
from scripts.kube.objects import is_hook, name_of
from scripts.secrets.secrecy import clean

QUOTED = 400  # characters of a captured text that a title quotes
COLLECTED = 8  # values of a group that a title names
SAYING = ("crash", "probe", "job")  # symptoms of programs whose log may tell the cause
EVIDENCE_LINE = 600  # characters of a line of evidence
VALUES = "todo-chatbot/values"  # annotation of a Job
_LISTED = re.compile(r"\b[A-Z][A-Z0-9_]{2,}\b")
RESTARTED = 60.0  # seconds in which a container that crashed while another service was not there has begun anew


@dataclass(frozen=True)
class _Match:
    rule: Rule
    symptom: Symptom
    fields: Mapping[str, str]


_Edges = dict[str, set[str]]  # service → those that its trouble may come from


def diagnose(state: Snapshot, rules: Sequence[Rule], now: datetime | None = None) -> list[Finding]:
    """Return what is wrong, causes before their consequences and the certain before the possible. Empty if all is well.

    `now` is the moment to judge for, by default the one the state was taken at.
    """
    graph = ResourceGraph(state, now or state.taken)
    symptoms = [*creation_symptoms(graph), *pod_symptoms(graph), *workload_symptoms(graph), *endpoint_symptoms(graph)]
    matches = [match for symptom in symptoms if (match := explain(symptom, rules, state)) is not None]
    matches = [match for match in matches if _lasts_long_enough(match)]
    merged = _without_secondary(_merged(matches))
    blamed = _attribute_causes(merged, graph)
    findings = [_finding(match, state, because, count) for (match, count), because in zip(merged, blamed, strict=True)]
    findings = [_with_manual_changes(finding, graph) for finding in _wait_for_dependencies(findings, merged, graph)]
    findings.sort(key=lambda item: (item.served, bool(item.because), not item.terminal, item.rank, item.service))
    return _only_requested(findings, state)


def _with_manual_changes(finding: Finding, graph: ResourceGraph) -> Finding:
    """Return the finding with the fields of its workload that somebody set by hand, which no deploy undoes."""
    found = manual_changes.of_object(graph.workloads.get(finding.service, {"metadata": {}}))
    if not found:
        return finding
    told = tuple(f"changed by hand: {one.label}, {one.who}" for one in found)
    undo = "; ".join(shlex.join((*graph.state.command, *one.removal)) for one in found)
    first = (
        f"undo what was changed by hand: invoke deploy puts back what the chart sets, and this removes the rest: {undo}"
    )
    return replace(finding, evidence=(*told, *finding.evidence), remedy=f"{first}; else: {finding.remedy}")


def explain(symptom: Symptom, rules: Sequence[Rule], state: Snapshot) -> _Match | None:
    """Return the rule that explains a symptom: the first of the catalogue that fits.

    What a program's log says in earnest goes before what it says in passing.
    """
    common = {"service": symptom.service, "values": symptom.service}
    fields = common | {"namespace": state.namespace, "object": symptom.object} | dict(symptom.fields)
    log = fields.get("log", "")
    without_calm_lines = "\n".join(line for line in log.splitlines() if not CALM.search(line))
    best = _first(rules, symptom, fields | {"log": without_calm_lines} if "log" in fields else fields)
    if (best is None or best.rule.fallback) and without_calm_lines != log:
        other = _first(rules, symptom, fields)
        if other is not None and not other.rule.fallback:
            best = other
    return best


def _first(rules: Sequence[Rule], symptom: Symptom, fields: Mapping[str, str]) -> _Match | None:
    for rule in rules:
        for alternative in rule.alternatives:
            if alternative.symptom != symptom.kind:
                continue
            captured = match_fields(alternative.match, fields)
            if captured is not None:
                captured |= _all_of(rule, symptom.kind, fields)
                return _Match(rule, symptom, dict(rule.defaults) | dict(fields) | captured)
    return None


def _all_of(rule: Rule, kind: str, fields: Mapping[str, str]) -> dict[str, str]:
    """Return every value of the group that a rule collects, in the order in which the log names them first."""
    if not rule.collects:
        return {}
    found: dict[str, int] = {}
    for alternative in rule.alternatives:
        if alternative.symptom != kind:
            continue
        for field, pattern in alternative.match.items():
            for place in pattern.finditer(fields.get(field, "")):
                for group, value in place.groupdict().items():
                    if value and rule_field(group) == rule.collects:
                        for offset, name in _listed(value.strip()):
                            found[name] = min(place.start(group) + offset, found.get(name, len(place.string)))
    names = sorted(found, key=lambda value: found[value])[:COLLECTED]
    return {rule.collects: ", ".join(names)} if names else {}


def _listed(text: str) -> list[tuple[int, str]]:
    """Return the names that a text lists, with their places: several in a line, or the first of every line."""
    if len(text.split()) == 1 and not {",", ";"} & set(text):
        return [(0, text[:QUOTED])]
    places = [(place.start(), place[0]) for place in _LISTED.finditer(text)]
    first = {text.count("\n", 0, start): (start, name) for start, name in reversed(places)}
    return sorted(first.values()) if len(first) > 1 or ":" in text else places


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


def is_terminal(rule: Rule, symptom: Symptom) -> bool:
    """Return whether waiting is in vain."""
    if symptom.recovering and not symptom.deadline_exceeded:
        return False
    if rule.at_once:
        return True
    if not _can_stop(rule):
        return False
    if symptom.deadline_exceeded:
        return True
    if symptom.advancing and rule.fallback:  # nothing that it says explains why it is not ready: it may be slow
        return False
    enough = rule.failures is not None and symptom.failures >= rule.failures
    long = rule.seconds is not None and symptom.seconds >= rule.seconds
    return enough or long


def _can_stop(rule: Rule) -> bool:
    return rule.at_once or rule.failures is not None or rule.seconds is not None


def _lasts_long_enough(match: _Match) -> bool:
    return (
        match.symptom.seconds >= match.rule.after
        or match.symptom.deadline_exceeded
        or is_terminal(match.rule, match.symptom)
    )


def _merged(matches: Iterable[_Match]) -> list[tuple[_Match, int]]:
    """Return one of each problem a service has: pods of one Deployment mostly have the same."""
    groups: dict[tuple[str, str, str], list[_Match]] = {}
    for match in matches:
        part = match.fields.get("container") or match.fields.get("k8s_service") or ""
        groups.setdefault((match.rule.id, match.symptom.service, part), []).append(match)
    merged = []
    for group in groups.values():
        worst = max(group, key=lambda match: (is_terminal(match.rule, match.symptom), match.symptom.seconds))
        if all(match.symptom.leftovers for match in group):
            left = tuple(name for match in group for name in match.symptom.leftovers)
            worst = replace(worst, symptom=replace(worst.symptom, leftovers=left))
        else:
            worst = replace(worst, symptom=replace(worst.symptom, leftovers=()))
        merged.append((worst, len(group)))
    return merged


def _without_secondary(matches: Sequence[tuple[_Match, int]]) -> list[tuple[_Match, int]]:
    with_cause = {match.symptom.service for match, _ in matches if not match.rule.secondary and _can_stop(match.rule)}
    kept = [item for item in matches if not (item[0].rule.secondary and item[0].symptom.service in with_cause)]
    # Of several symptoms alone, the first of the catalogue speaks for the rest.
    first: dict[str, int] = {}
    for match, _ in kept:
        if match.rule.secondary:
            first[match.symptom.service] = min(match.rule.rank, first.get(match.symptom.service, match.rule.rank))
    return [item for item in kept if not item[0].rule.secondary or item[0].rule.rank == first[item[0].symptom.service]]


def _called(match: _Match, graph: ResourceGraph) -> list[str]:
    """Return the workloads that a problem may come from: the one named in it, else all that the service calls."""
    if not match.rule.blames:
        return []
    host = match.fields.get(match.rule.blames, "")
    names = [graph.workload_behind(host)] if host else list(match.symptom.dependencies)
    return [name for name in names if name and name != match.symptom.service]


def _attribute_causes(matches: Sequence[tuple[_Match, int]], graph: ResourceGraph) -> list[str]:
    """Return for each problem the service whose own trouble explains it, or nothing.

    A problem that names whom it does not reach is surer than one that may come from any service that is called: a guess
    that would lead back along what is sure is none.
    """
    ill = {match.symptom.service for match, _ in matches}
    wanted = [[name for name in _called(match, graph) if name in ill] for match, _ in matches]
    sure: _Edges = {}
    for (match, _), names in zip(matches, wanted, strict=True):
        if match.fields.get(match.rule.blames or "", ""):
            sure.setdefault(match.symptom.service, set()).update(names)
    edges: _Edges = {}
    for (match, _), names in zip(matches, wanted, strict=True):
        service = match.symptom.service
        known = sure.get(service, set())
        names[:] = [name for name in names if name in known or not _leads(sure, name, service)]
        edges.setdefault(service, set()).update(names)
    return [
        next((name for name in names if not _leads(edges, name, match.symptom.service)), "")
        for (match, _), names in zip(matches, wanted, strict=True)
    ]


def _leads(edges: _Edges, start: str, goal: str) -> bool:
    """Return whether one comes from a service to another along the edges."""
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


def _wait_for_dependencies(
    findings: Sequence[Finding], matches: Sequence[tuple[_Match, int]], graph: ResourceGraph
) -> list[Finding]:
    """Return the findings; who waits for another service is not given up before that one is, nor before that one has
    been there for as long as the rule waits, unless its own deadline is over.
    """
    ill = {finding.service for finding in findings}
    lost = {finding.service for finding in findings if finding.terminal}

    def waits(match: _Match) -> bool:
        """Return whether it waits for one not there, or not for long. Two that wait for each other do not count."""
        wait = RESTARTED if match.rule.seconds is None else match.rule.seconds
        names = [name for name in _called(match, graph) if name not in ill]
        names += [name for name in graph.wanted if name not in lost] if match.rule.patient else []
        return any(graph.available_seconds(name) < wait for name in names)

    def patient(finding: Finding, match: _Match, hopeful: bool) -> Finding:
        return replace(finding, terminal=False) if hopeful and not match.symptom.deadline_exceeded else finding

    pairs = [(finding, match) for finding, (match, _) in zip(findings, matches, strict=True)]
    first = [item if item.because else patient(item, match, waits(match)) for item, match in pairs]
    given_up = {item.service for item in first if item.terminal and not item.because}
    given_up |= {match.symptom.service for match, _ in matches if match.symptom.fields.get("cause") == STOPPED}
    return [
        patient(item, match, item.because not in given_up) if item.because else item
        for item, (_, match) in zip(first, pairs, strict=True)
    ]


def _finding(match: _Match, state: Snapshot, because: str, count: int) -> Finding:
    rule, symptom, fields = match.rule, match.symptom, match.fields
    evidence = list(symptom.evidence)
    said = fields.get("said", "")
    if symptom.kind in SAYING and (log := fields.get("log", "")):
        evidence += [f"log: {line}" for line in cause_lines(log.splitlines(), said)]
    if count > 1:
        evidence.append(f"the same in {count} pods")
    remedy = fill(rule.remedy, dict(fields) | _written_at(state, symptom.service))
    if symptom.leftovers:
        delete = shlex.join([*state.command, "--namespace", state.namespace, "delete", *symptom.leftovers])
        remedy = f"delete what is left of it: {delete}; lest it happens again: {remedy}"
    elif because:
        evidence.append(f"{because} is in trouble itself, which explains this")
        remedy = f"first mend {because}; if this is still so then: {remedy}"
    words = [fill(word, fields) for word in shlex.split(rule.look)]
    command = shlex.join([*state.command, "--namespace", state.namespace, *(word for word in words if word)])
    return Finding(
        rule=rule.id,
        service=symptom.service,
        object=symptom.object,
        title=clean(fill(rule.title, fields)),
        meaning=clean(fill(rule.meaning, fields)),
        evidence=tuple(clean(_short(line)) for line in dict.fromkeys(evidence)),
        remedy=clean(remedy),
        command=command,
        terminal=is_terminal(rule, symptom) and not symptom.leftovers,
        rank=rule.rank,
        because="" if symptom.leftovers else because,
        served=bool(symptom.leftovers),
    )


def _written_at(state: Snapshot, name: str) -> dict[str, str]:
    """Return what a person changes who mends a Job of a service: `service` itself, and the Job's place in the `values`.

    The library chart writes it on the Job, which nobody knows by its name; nothing for anything else.
    """
    job = next((item for item in state.kind("Job") if name_of(item) == name), None)
    place = str(((job or {}).get("metadata", {}).get("annotations") or {}).get(VALUES, ""))
    return {"service": place.partition(".jobs.")[0].removeprefix("services."), "values": place} if place else {}


def fill(text: str, fields: Mapping[str, str]) -> str:
    """Return a text of the catalogue with its fields filled in, as one line."""
    return " ".join(text.format_map(fields).split())


def _short(line: str) -> str:
    line = " ".join(line.split())
    return line if len(line) <= EVIDENCE_LINE else line[: EVIDENCE_LINE - 1] + "…"


def _belongs(job: Object, wanted: Collection[str]) -> bool:
    """Return whether a Job is a hook of the release, or one of a CronJob that was asked for."""
    meta = job["metadata"]
    owners = {owner.get("name") for owner in meta.get("ownerReferences") or () if owner.get("kind") == "CronJob"}
    return is_hook(job) or bool(owners & set(wanted))


def _only_requested(findings: Sequence[Finding], state: Snapshot) -> list[Finding]:
    """Return the findings about the services asked for, and those that explain them.

    Numbered in the order to read them.
    """
    wanted = set(state.services)
    if wanted:
        for finding in findings:
            if finding.service in wanted and finding.because:
                wanted.add(finding.because)
        wanted |= {name_of(job) for job in state.kind("Job") if _belongs(job, wanted)}
        findings = [item for item in findings if item.service in wanted]
    return [replace(finding, rank=number) for number, finding in enumerate(findings)]
