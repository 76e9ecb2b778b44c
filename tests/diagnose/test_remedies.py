"""Every remedy applies: the tasks, keys, values and files that the rules name exist."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest
from invoke.parser import Parser

import tasks
from scripts import diagnose
from scripts.diagnose import Rule
from scripts.host.paths import ROOT
from scripts.secrets.redact import redact

RULES = diagnose.read_rules()
CONTEXTS = {name: context for context in tasks.ns.to_contexts() for name in (context.name, *context.aliases)}
# What is no key of ours: fields of Kubernetes' own objects, which a chart's template writes.
KUBERNETES = {"lifecycle.postStart", "spec.schedulingGates", "spec.containers", "spec.securityContext"}
OTHERS = {"Next.js", "Node.js", "package.json", "docker.io", "manage.py"}
OTHERS |= {"vm.max_map_count", "fs.inotify.max_user_watches", "fs.inotify.max_user_instances"}


def words(rule: Rule) -> str:
    return f"{rule.title}\n{rule.meaning}\n{rule.remedy}"


def keys(schema: dict[str, Any], root: dict[str, Any], prefix: str = "", depth: int = 0) -> Iterator[str]:
    """Every dotted key that a schema knows, and all their endings: a rule may leave out the service's name."""
    if not isinstance(schema, dict):
        return
    if "$ref" in schema:
        found: Any = root
        for part in schema["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        schema = found
    children = dict(schema.get("properties", {}))
    if isinstance(schema.get("additionalProperties"), dict):
        children["*"] = schema["additionalProperties"]
    for name, child in children.items():
        key = f"{prefix}.{name}".lstrip(".")
        yield key
        if depth < 8:
            yield from keys(child, root, key, depth + 1)


@cache
def known() -> set[str]:
    files = [*ROOT.glob("scripts/settings/*.schema.json"), *ROOT.glob("charts/**/values.schema.json")]
    found = {key for file in files for schema in [json.loads(file.read_text())] for key in keys(schema, schema)}
    return {".".join(key.split(".")[start:]) for key in found for start in range(key.count(".") + 1)}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_nothing_of_a_rules_words_is_taken_for_a_secret(rule: Rule) -> None:
    """What a program said stands behind ours: `password: {said}` would hide its first word from every AI tool."""
    said: dict[str, str] = defaultdict(lambda: "psycopg.OperationalError: connection failed")
    for text in (rule.title, rule.meaning, rule.remedy):
        assert redact(text.format_map(said)) == (text.format_map(said), {})


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_task_that_is_named_exists_with_its_options(rule: Rule) -> None:
    look = rule.look if rule.look.startswith("invoke ") else ""
    for quoted in [*re.findall(r"`invoke ([^`]+)`", words(rule)), *([look.removeprefix("invoke ")] if look else [])]:
        argv = re.sub(r"{\w+}", "1", quoted).split()
        assert Parser([CONTEXTS[word] for word in argv if word in CONTEXTS]).parse_argv(argv)
    assert not re.search(r"(?<!`)invoke [a-z]", words(rule)), "a task stands in backticks"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_key_that_is_named_exists(rule: Rule) -> None:
    text = re.sub(r"`[^`]*`|https?://\S+|/[\w./-]+|\{[^}]*\}|\w+\.\w+\.(?:k8s\.)?io/?\S*", " ", words(rule))
    named = set(re.findall(r"(?<![\w./-])[a-z]\w*(?:\.[a-zA-Z]\w+)+(?![\w/.])", text))
    files = {name for name in named if list(ROOT.glob(f"config/{name}"))}
    unknown = {
        name for name in named - files - KUBERNETES - OTHERS - known() if not name.endswith((".yaml", ".json", ".js"))
    }
    assert not unknown


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.id)
def test_every_file_of_the_project_that_is_named_exists(rule: Rule) -> None:
    for name in re.findall(
        r"(?<![\w/{}.])(?:config|charts|docs|scripts|services)/[\w./-]*[\w-]", words(rule) + " " + rule.look
    ):
        assert (ROOT / name).exists() or name == "config/apps", name


@pytest.mark.parametrize("rule", [rule for rule in RULES if rule.id.startswith("build-")], ids=lambda rule: rule.id)
def test_a_failed_build_is_told_with_the_service_or_its_dockerfile(rule: Rule) -> None:
    told = f"{words(rule)} {rule.look}"
    assert "{service}" in told or "{dockerfile}" in told or rule.stage != "building"
