"""Every log of the corpus is explained by its cause, in the lines that carry it, with a remedy that names the place."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from scripts import diagnose
from scripts.diagnose import Finding, Snapshot
from scripts.host.parsing import from_yaml
from tests.support.made_up_state import NOW, RULES, crashed, event, the, workload

CORPUS = Path(__file__).parent / "corpus"
BUILD = {
    "program": "docker",
    "stage": "build",
    "service": "shop",
    "context": "apps/shop",
    "dockerfile": "apps/shop/Dockerfile",
    "app": "config/apps/shop.yaml",
}


def read(name: str) -> dict[str, dict[str, Any]]:
    return from_yaml((CORPUS / f"{name}.yaml").read_text(encoding="utf-8"))


STEPS = read("build-steps")


def buildkit(case: dict[str, Any]) -> str:
    """As the clients from 23 on print it, beside another step that is stopped because of this one."""
    command, code = case["step"].removeprefix("RUN "), case.get("code", 1)
    lines = case["log"].splitlines()
    error = f'process "/bin/sh -c {command}" did not complete successfully: exit code: {code}'
    return "\n".join(
        [
            "#1 [internal] load build definition from Dockerfile",
            "#1 transferring dockerfile: 412B done",
            "#8 [tools 2/3] RUN apt-get install -y curl",
            f"#9 [build 3/5] {case['step']}",
            "#8 0.412 E: Unable to locate package that-is-another-step",
            *(f"#9 {number / 7:.3f} {line}" for number, line in enumerate(lines)),
            f"#9 ERROR: {error}",
            "#8 CANCELED",
            "------",
            f" > [build 3/5] {case['step']}:",
            *(f"{number / 7:.3f} {line}" for number, line in enumerate(lines)),
            "------",
            "Dockerfile:5",
            "--------------------",
            "   4 |     COPY . .",
            f"   5 | >>> {case['step']}",
            "--------------------",
            f"ERROR: failed to solve: {error}",
        ]
    )


def older(case: dict[str, Any]) -> str:
    """As the client of 20.10 prints it."""
    error = (
        f"executor failed running [/bin/sh -c {case['step'].removeprefix('RUN ')}]: exit code: {case.get('code', 1)}"
    )
    return "\n".join(
        [
            f"#9 [3/5] {case['step']}",
            "#9 sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
            *(f"#9 {number / 7:.3f} {line}" for number, line in enumerate(case["log"].splitlines())),
            f"#9 ERROR: {error}",
            "------",
            f" > [3/5] {case['step']}:",
            "------",
            error,
        ]
    )


def check(found: Finding | None, case: dict[str, Any]) -> None:
    assert found is not None
    told = "\n".join([found.rule, found.title, *found.evidence])
    assert found.rule == case["rule"], told
    assert case.get("title", "") in found.title, told
    assert case.get("remedy", "") in found.remedy, found.remedy
    assert any(case["shows"] in line for line in found.evidence), told
    assert len(found.evidence) <= 7 and "{" not in found.title.replace("${", "")


@pytest.mark.parametrize("form", [buildkit, older])
@pytest.mark.parametrize("name", STEPS)
def test_a_step_that_fails_is_told_by_its_cause(name: str, form: Callable[[dict[str, Any]], str]) -> None:
    found = diagnose.explain_failure(form(STEPS[name]), BUILD)
    check(found, STEPS[name])
    assert found.service == "shop" and "another-step" not in "".join(found.evidence)
    assert "shop" in found.title + found.remedy + found.command


COMMANDS = read("commands")


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_fails_is_told_by_its_cause(name: str) -> None:
    case = COMMANDS[name]
    context = {"program": case.get("program", "docker"), "stage": case.get("stage", "")}
    check(diagnose.explain_failure(case["log"], BUILD | context), case)


STARTS = read("starts")


@pytest.mark.parametrize("name", STARTS)
def test_a_program_that_ends_is_told_by_its_own_words(name: str) -> None:
    case = STARTS[name]
    items = workload(status=crashed(case.get("exit", 1), case.get("reason", "Error")))
    if probe := case.get("killed"):
        pod = the(items, "Pod")
        killing = f"Container backend failed {probe} probe, will be restarted"
        items.append(event(pod, "Killing", killing, container="backend", kind="Normal"))
        items.append(event(pod, "Unhealthy", f"{probe.title()} probe failed: {probe} probe failed: refused"))
    logs = {("backend-1-0", "backend"): tuple(case["log"].splitlines())}
    found = diagnose.diagnose(Snapshot.of(items, "chatbot-dev", NOW, logs=logs), RULES)
    assert len(found) == 1
    lines = [line for line in found[0].evidence if line.startswith("log: ")]
    assert not any(line.removeprefix("log: ").startswith("at ") for line in lines), lines
    check(dataclasses.replace(found[0], evidence=found[0].evidence[:7]), case)


def test_the_corpus_is_as_large_as_it_is_said_to_be() -> None:
    assert len(STEPS) + len(COMMANDS) + len(STARTS) >= 150
