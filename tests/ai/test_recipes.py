"""Recipes are files: a good one works without a line of Python, a bad one is explained."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from scripts.ai import facts, recipes
from scripts.ai.commands import ServedKinds, block_fact
from scripts.errors import SettingsError
from scripts.host.paths import ROOT

RECIPES = recipes.read_all(ROOT)
NEW = """---
name: certificates
title: Look at when certificates end
when: Before they do.
tools: [api]
safety: read
inputs:
  service: {description: Which one., type: service}
facts:
  - {id: config, title: Its settings, run: [kubectl, get, configmap, "{service}-config", --output, yaml], kind: config}
answer:
  sections: [When]
---
When do the certificates{% if input.service %} of {{input.service}}{% endif %} end?

{% include "facts.md" %}
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("ai/recipes", "ai/partials"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    return tmp_path


def problem(root: Path, text: str, name: str = "certificates") -> str:
    file = root / f"ai/recipes/{name}.md"
    file.write_text(text)
    with pytest.raises(SettingsError) as caught:
        recipes.read(file, root)
    return str(caught.value)


def test_every_task_has_its_recipe() -> None:
    assert {"debug", "deploy", "scale", "analyze", "optimize", "image", "anomalies", "ask"} <= set(RECIPES)


@pytest.mark.parametrize("name", RECIPES)
def test_the_facts_of_a_recipe_only_read(name: str) -> None:
    served = ServedKinds.default("chatbot-dev")
    inputs = {item.name: "backend" for item in RECIPES[name].inputs}
    for fact in RECIPES[name].facts:
        if fact.run:
            argv = facts.words(fact, inputs)
            assert argv and block_fact(argv, served) == ""


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipe_can_always_be_answered_by_rules(name: str) -> None:
    assert RECIPES[name].offline and RECIPES[name].tools[-1] == "offline"


def test_a_user_adds_a_recipe_as_a_file(root: Path) -> None:
    (root / "ai/recipes/certificates.md").write_text(NEW)
    recipe = recipes.read_all(root)["certificates"]
    assert recipe.tools == ("api", "offline") and recipe.offline == ("diagnosis",)
    text = recipes.fill(recipe.body, {"input": {"service": "mcp"}, "facts": "FACTS"}, root)
    assert text.startswith("When do the certificates of mcp end?") and "FACTS" in text
    assert recipes.fill(recipe.body, {"input": {"service": ""}, "facts": ""}, root).startswith(
        "When do the certificates end?"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("title: Look at", "titel: Look at"), ["title: missing", "titel: unknown key, did you mean title?"]),
        (("tools: [api]", "tools: [gpt]"), ["tools.0", "choose one of: gordon, kubectl-ai"]),
        (("safety: read", "safety: root"), ["safety", "choose one of: read, change"]),
        (("name: certificates", "name: certs"), ["name: is certs, the file is certificates.md"]),
        (("[kubectl, get, configmap", "[kubectl, delete, configmap"), ["facts.0.run", "nothing is deleted"]),
        (("[kubectl, get, configmap", "[kubectl, get, secret"), ["facts.0.run", "Secrets are not read"]),
        (("--output, yaml]", "--watch]"), ["facts.0.run", "--watch does not end"]),
        (("--output, yaml]", "--namespace, other]"), ["facts.0.run", "outside of the namespace"]),
        (("[kubectl, get, configmap", "[sh, -c, configmap"), ["facts.0.run", "sh is not one of kubectl, helm, docker"]),
        (("type: service}", "type: text}"), ["facts.0.run", "which is never part of a command"]),
        (('"{service}-config"', '"{servce}-config"'), ["{servce} is no input"]),
        (('{% include "facts.md" %}', ""), ["never shows {{facts}}"]),
        (('{% include "facts.md" %}', '{% include "fakts.md" %} {{facts}}'), ["no such partial, there are: answer"]),
        (('{% include "facts.md" %}', "{{facts}} {{input.x}}"), ["{{input.x}}: no such input"]),
        (('{% include "facts.md" %}', "{{facts}} {{secret}}"), ["{{secret}}: no such value"]),
        (("sections: [When]", "sections: []"), ["answer.sections"]),
        (("---\nname", "name"), ["has no front matter"]),
        (("when: Before", "when: [Before"), ["not valid YAML", "line"]),
        (("kind: config}", "kind: config, collect: usage}"), ["facts.0"]),
    ],
)
def test_a_wrong_recipe_is_explained(root: Path, change: tuple[str, str], words: list[str]) -> None:
    assert change[0] in NEW
    said = problem(root, NEW.replace(*change))
    assert said.startswith("ai/recipes/certificates.md:")
    for word in words:
        assert word in said


def test_two_facts_of_one_name_are_a_mistake(root: Path) -> None:
    line = next(line for line in NEW.splitlines() if "{id: config" in line)
    assert "config stands twice" in problem(root, NEW.replace(line, f"{line}\n{line}"))


def test_all_wrong_recipes_are_named_at_once(root: Path) -> None:
    for name in ("one", "two"):
        (root / f"ai/recipes/{name}.md").write_text("no front matter")
    with pytest.raises(SettingsError, match=r"one\.md.*\n.*two\.md"):
        recipes.read_all(root)


def test_a_recipe_that_is_not_there_is_guessed() -> None:
    with pytest.raises(SettingsError, match="did you mean debug"):
        recipes.pick(ROOT, "debg")
    with pytest.raises(SettingsError, match="there is none"):
        recipes.pick(ROOT, "../../etc/passwd")


def test_a_value_is_never_read_for_tags() -> None:
    text = recipes.fill("{{input.a}} {{facts}}", {"input": {"a": "{{facts}} {% x %}"}, "facts": "F"}, ROOT)
    assert text == "{{facts}} {% x %} F\n"


@pytest.mark.parametrize(
    "body",
    ["{{ ''.__class__.__mro__ }}", "{{ missing }}", "{{ input.nothing }}", "{% include '../../run' %}", "{% for %}"],
)
def test_a_template_reaches_nothing_but_its_values(body: str) -> None:
    with pytest.raises(SettingsError, match="cannot be made"):
        recipes.fill(body, {"input": {}, "facts": ""}, ROOT)
