"""Recipe files: a front matter in YAML between two lines of `---`, and a prompt in Markdown.

The prompt may hold {{input.NAME}}, {{namespace}}, {{facts}}, {{sections}}, a part that is shown only where an input is
given ({{#input.NAME}}…{{/input.NAME}}), and {{> NAME}} for a file of `ai/partials/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from scripts.ai.commands import Surroundings, block_fact
from scripts.ai.model import Fact, Input, Recipe
from scripts.errors import SettingsError
from scripts.settings import reading

FOLDER = "ai/recipes"
PARTIALS = "ai/partials"
SCHEMA = Path(__file__).with_name("recipe.schema.json")
_TAG = re.compile(r"\{\{\s*([#/>]?)\s*([\w.-]+)\s*\}\}")
_WORD = re.compile(r"\{([a-z_]+)\}")
_VALUES = ("namespace", "facts", "sections", "release")
NAMESPACE_TO_CHECK = "chatbot-dev"


def load_all(root: Path) -> dict[str, Recipe]:
    """Every recipe by name. Raises SettingsError listing the problems of all files."""
    problems: list[str] = []
    found: dict[str, Recipe] = {}
    for file in sorted((root / FOLDER).glob("*.md")):
        try:
            recipe = load(file, root)
        except SettingsError as error:
            problems.append(str(error))
            continue
        if recipe.name in found:
            problems.append(f"{_shown(file, root)}: name: {recipe.name} is {_shown(found[recipe.name].file, root)} too")
        found[recipe.name] = recipe
    if problems:
        raise SettingsError("\n".join(problems), "the keys are explained in ai/README.md")
    return found


def pick(root: Path, name: str) -> Recipe:
    """One recipe. Raises SettingsError with the names there are."""
    import difflib

    file = root / FOLDER / f"{name}.md"
    if re.fullmatch(r"[a-z][a-z0-9-]*", name) and file.is_file():
        return load(file, root)
    names = sorted(item.stem for item in (root / FOLDER).glob("*.md"))
    close = difflib.get_close_matches(name, names, 1)
    raise SettingsError(
        f"recipe {name!r}: there is none" + (f", did you mean {close[0]}?" if close else ""),
        f"there are: {', '.join(names)}; add one as {FOLDER}/NAME.md",
    )


def load(file: Path, root: Path) -> Recipe:
    """One recipe, validated. Raises SettingsError with `file: key: problem, remedy` for every problem."""
    shown = _shown(file, root)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown}: cannot be read: {error}", "save it as UTF-8") from None
    match = re.match(r"\A---\r?\n(.*?\r?\n)---\r?\n(.*)\Z", text, re.DOTALL)
    if not match:
        raise SettingsError(f"{shown}: has no front matter", "begin with ---, the keys in YAML, ---; then the prompt")
    data = _front_matter(match[1], shown)
    reading.check(data, json.loads(SCHEMA.read_text(encoding="utf-8")), shown)
    recipe = _recipe(data, match[2].strip(), file)
    problems = [f"{shown}: {problem}" for problem in _problems(recipe, root)]
    if problems:
        raise SettingsError("\n".join(problems))
    return recipe


def partials(root: Path) -> dict[str, str]:
    """The partials by name."""
    return {file.stem: file.read_text(encoding="utf-8").strip() for file in (root / PARTIALS).glob("*.md")}


def fill(body: str, values: dict[str, str], texts: dict[str, str]) -> str:
    """The prompt with partials, values and optional parts put in. A value is never read for tags again."""
    body = _with_partials(body, texts)

    def optional(match: re.Match[str]) -> str:
        return match[2] if values.get(match[1], "").strip() else ""

    body = re.sub(r"\{\{#\s*([\w.]+)\s*\}\}\n?(.*?)\{\{/\s*\1\s*\}\}\n?", optional, body, flags=re.DOTALL)
    return _TAG.sub(lambda tag: values.get(tag[2], "") if not tag[1] else "", body).strip() + "\n"


def _with_partials(body: str, texts: dict[str, str]) -> str:
    for _ in range(3):  # partials may use partials, but not for ever
        body = _TAG.sub(lambda tag: texts.get(tag[2], "") if tag[1] == ">" else tag[0], body)
    return body


def _front_matter(text: str, shown: str) -> dict[str, Any]:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 2}:" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingsError(f"{shown}:{line} not valid YAML: {problem}", "correct that line") from None
    if not isinstance(data, dict):
        raise SettingsError(f"{shown}: the front matter has to be keys with values", "see ai/README.md")
    return data


def _recipe(data: dict[str, Any], body: str, file: Path) -> Recipe:
    facts = tuple(
        Fact(
            item["id"],
            item["title"],
            tuple(str(word) for word in item.get("run", ())),
            item.get("collect", ""),
            item.get("kind", "text"),
            item.get("weight", 1),
        )
        for item in data["facts"]
    )
    computed = tuple(dict.fromkeys(fact.collect for fact in facts if fact.collect))
    inputs = tuple(
        Input(
            name,
            spec["description"],
            spec.get("type", "name"),
            spec.get("required", False),
            str(spec.get("default", "")),
        )
        for name, spec in data.get("inputs", {}).items()
    )
    tools = tuple(dict.fromkeys([*data["tools"], "offline"]))
    return Recipe(
        name=data["name"],
        title=data["title"],
        when=" ".join(data["when"].split()),
        tools=tools,
        safety=data["safety"],
        inputs=inputs,
        facts=facts,
        offline=tuple(data.get("offline", ())) or computed or ("diagnosis",),
        sections=tuple(data["answer"]["sections"]),
        body=body,
        file=file,
    )


def _problems(recipe: Recipe, root: Path) -> Iterator[str]:
    """What a schema cannot say."""
    if recipe.name != recipe.file.stem:
        yield f"name: is {recipe.name}, the file is {recipe.file.name}: make them the same"
    names = {item.name: item for item in recipe.inputs}
    around = Surroundings.default(NAMESPACE_TO_CHECK)
    seen: set[str] = set()
    for number, fact in enumerate(recipe.facts):
        where = f"facts.{number}"
        if fact.id in seen:
            yield f"{where}.id: {fact.id} stands twice, choose another"
        seen.add(fact.id)
        for name in {name for word in fact.run for name in _WORD.findall(word)}:
            if name not in names:
                yield f"{where}.run: {{{name}}} is no input, add it to inputs or correct it"
            elif names[name].type == "text":
                yield f"{where}.run: {{{name}}} is a text, which is never part of a command; give it another type"
        if fact.run and (why := block_fact([_WORD.sub("x", word) for word in fact.run], around)):
            yield f"{where}.run: {' '.join(fact.run)}: {why}; a fact is a read-only kubectl, helm or docker command"
    if not recipe.body:
        yield "the prompt is missing, write it below the front matter"
    texts = partials(root)
    for mark, name in _TAG.findall(recipe.body + "".join(texts.values())):
        kind, _, rest = name.partition(".")
        if mark == ">" and name not in texts:
            yield f"{{{{> {name}}}}}: no such partial, there are: {', '.join(sorted(texts))}"
        if mark != ">" and kind == "input" and rest not in names and f"{{{{{mark}{name}}}}}" in recipe.body:
            yield f"{{{{{mark}{name}}}}}: no such input, there are: {', '.join(names) or 'none'}"
        if not mark and kind != "input" and name not in _VALUES:
            yield f"{{{{{name}}}}}: no such value, there are: {', '.join(_VALUES)}, input.NAME"
    if not any(not mark and name == "facts" for mark, name in _TAG.findall(_with_partials(recipe.body, texts))):
        yield "the prompt never shows {{facts}}, add it"


def _shown(file: Path, root: Path) -> str:
    return str(file.relative_to(root)) if file.is_relative_to(root) else str(file)
