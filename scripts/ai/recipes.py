"""Recipe files: a front matter in YAML between two lines of `---`, and a prompt in Markdown.

The prompt is a Jinja2 template, rendered in a sandbox: it knows {{input.NAME}}, {{namespace}}, {{release}}, {{app}},
{{facts}} and {{sections}}, and includes files of `ai/partials/`. What it does not know is an error when it is loaded.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import frontmatter
import yaml
from jinja2 import FileSystemLoader, StrictUndefined, TemplateError, TemplateSyntaxError, meta, nodes
from jinja2.sandbox import SandboxedEnvironment

from scripts.ai.commands import ServedKinds, block_fact
from scripts.ai.types import Fact, Input, Recipe
from scripts.errors import SettingsError
from scripts.host import parsing
from scripts.host.paths import relative
from scripts.settings import reading

FOLDER = "ai/recipes"
PARTIALS = "ai/partials"
SCHEMA = Path(__file__).with_name("recipe.schema.json")
_WORD = re.compile(r"\{([a-z_]+)\}")
_VALUES = ("namespace", "facts", "sections", "release", "app")
NAMESPACE_TO_CHECK = "chatbot-dev"


def read_all(root: Path) -> dict[str, Recipe]:
    """Return every recipe by name. Raises SettingsError listing the problems of all files."""
    problems: list[str] = []
    found: dict[str, Recipe] = {}
    for file in sorted((root / FOLDER).glob("*.md")):
        try:
            recipe = read(file, root)
        except SettingsError as error:
            problems.append(str(error))
            continue
        if recipe.name in found:
            problems.append(
                f"{relative(file, root)}: name: {recipe.name} is {relative(found[recipe.name].file, root)} too"
            )
        found[recipe.name] = recipe
    if problems:
        raise SettingsError("\n".join(problems), "the keys are explained in ai/README.md")
    return found


def pick(root: Path, name: str) -> Recipe:
    """Return one recipe. Raises SettingsError with the names there are."""
    import difflib

    file = root / FOLDER / f"{name}.md"
    if re.fullmatch(r"[a-z][a-z0-9-]*", name) and file.is_file():
        return read(file, root)
    names = sorted(item.stem for item in (root / FOLDER).glob("*.md"))
    close = difflib.get_close_matches(name, names, 1)
    raise SettingsError(
        f"recipe {name!r}: there is none" + (f", did you mean {close[0]}?" if close else ""),
        f"there are: {', '.join(names)}; add one as {FOLDER}/NAME.md",
    )


def read(file: Path, root: Path) -> Recipe:
    """Return one recipe, validated. Raises SettingsError with `file: key: problem, remedy` for every problem."""
    shown = relative(file, root)
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{shown}: cannot be read: {error}", "save it as UTF-8") from None
    if not frontmatter.checks(text):
        raise SettingsError(f"{shown}: has no front matter", "begin with ---, the keys in YAML, ---; then the prompt")
    data, body = _parts(text, shown)
    reading.check(data, parsing.from_json(SCHEMA.read_text(encoding="utf-8")), shown)
    recipe = _recipe(data, body.strip(), file)
    problems = [f"{shown}: {problem}" for problem in _problems(recipe, root)]
    if problems:
        raise SettingsError("\n".join(problems))
    return recipe


def template_environment(root: Path) -> SandboxedEnvironment:
    """Return the templates' world: partials by their file name, nothing of Python, and no value that is not there."""
    return SandboxedEnvironment(
        loader=FileSystemLoader(root / PARTIALS), undefined=StrictUndefined, keep_trailing_newline=False
    )


def fill(body: str, values: Mapping[str, Any], root: Path) -> str:
    """Return the prompt with its values, which are never read for tags.

    Raises SettingsError for one that is not there.
    """
    try:
        return template_environment(root).from_string(body).render(values).strip() + "\n"
    except TemplateError as error:
        raise SettingsError(f"the prompt cannot be made: {error}", f"see {FOLDER} and {PARTIALS}") from None


def _parts(text: str, shown: str) -> tuple[dict[str, Any], str]:
    """Return (front matter, prompt) of a file that has both."""
    try:
        data, body = frontmatter.parse(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 2}:" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SettingsError(f"{shown}:{line} not valid YAML: {problem}", "correct that line") from None
    if not data:
        raise SettingsError(f"{shown}: the front matter has to be keys with values", "see ai/README.md")
    return data, body


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
    """Yield what a schema cannot say."""
    if recipe.name != recipe.file.stem:
        yield f"name: is {recipe.name}, the file is {recipe.file.name}: make them the same"
    names = {item.name: item for item in recipe.inputs}
    served = ServedKinds.default(NAMESPACE_TO_CHECK)
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
        if fact.run and (why := block_fact([_WORD.sub("x", word) for word in fact.run], served)):
            yield f"{where}.run: {' '.join(fact.run)}: {why}; a fact is a read-only kubectl, helm or docker command"
    if not recipe.body:
        yield "the prompt is missing, write it below the front matter"
        return
    yield from _template_problems(recipe.body, set(names), root)


def _template_problems(body: str, inputs: set[str], root: Path) -> Iterator[str]:
    """Yield what is wrong with a template, its partials included, before anybody asks anything."""
    world = template_environment(root)
    trees = []
    pending, seen = [body], set[str]()
    while pending:
        try:
            tree = world.parse(pending.pop())
        except TemplateSyntaxError as error:
            yield f"the prompt, line {error.lineno}: {error.message}"
            return
        trees.append(tree)
        for name in sorted(filter(None, meta.find_referenced_templates(tree))):
            file = root / PARTIALS / name
            if not file.is_file():
                there = ", ".join(sorted(item.name for item in (root / PARTIALS).glob("*.md")))
                yield f'{{% include "{name}" %}}: no such partial, there are: {there}'
            elif name not in seen:
                seen.add(name)
                pending.append(file.read_text(encoding="utf-8"))
    used = {name for tree in trees for name in meta.find_undeclared_variables(tree)}
    for name in sorted(used - {*_VALUES, "input"}):
        yield f"{{{{{name}}}}}: no such value, there are: {', '.join(_VALUES)}, input.NAME"
    for field in trees[0].find_all(nodes.Getattr):
        if isinstance(field.node, nodes.Name) and field.node.name == "input" and field.attr not in inputs:
            yield f"{{{{input.{field.attr}}}}}: no such input, there are: {', '.join(sorted(inputs)) or 'none'}"
    if "facts" not in used:
        yield "the prompt never shows {{facts}}, add it"
