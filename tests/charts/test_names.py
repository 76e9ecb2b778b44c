"""No code and no template knows the reference app's services: an app, its values and the cluster say what there is."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.charts import ROOT, SERVICES

NAMED = re.compile(rf"(?<![\w.])({'|'.join(SERVICES)})(?!\w)|(?<![-\s])-service(?![\w-])")
# Words that mean something else, by file or folder.
ALLOWED = {
    "scripts/adopt/matching.py": {"frontend", "backend"},  # what people call a page and an API, in any app
    "scripts/adopt/inference/environment.py": {"agent", "mcp"},  # words of variables, in any app
    "scripts/adopt/needed.py": {"mcp"},  # a package of that name
    "scripts/ai/kagent/": {"agent"},  # kagent's own kind
    "scripts/ai/options.py": {"agent"},
    "scripts/ai/tools/": {"agent", "mcp"},
    "scripts/ai/mcp/": {"mcp"},  # the protocol
    "scripts/pipeline/person/journey.py": {"mcp"},  # the protocol, in an address
    "scripts/ai/evaluation/situations.py": {"backend"},  # the recorded faults of one cluster, played again
    "scripts/ai/ai.schema.json": {"agent"},
    "scripts/host/false_success.py": {"agent"},  # kagent's words
    "scripts/diagnose/rules.yaml": {"agent", "-service"},  # the kubelet; minikube's command
    "scripts/clusters/k3d.py": {"agent"},  # a kind of node
    "scripts/secrets/shapes.py": {"agent"},  # part of a vendor's token
    "charts/todo-chatbot-umbrella/charts/common/templates/_ingress.tpl": {"backend"},  # a field of an Ingress
}


def literals(text: str) -> Iterator[tuple[int, str]]:
    """(line, text) of every string that a module's code works with: no docstring, no comment."""
    tree = ast.parse(text)
    prose = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in prose:
            yield node.lineno, node.value


def lines(text: str) -> Iterator[tuple[int, str]]:
    """(number, line) of a template, without comments."""
    bare = re.sub(r"\{\{-? ?/\*.*?\*/ ?-?\}\}", lambda found: "\n" * found[0].count("\n"), text, flags=re.DOTALL)
    for number, line in enumerate(bare.splitlines(), 1):
        yield number, re.sub(r"(^|\s)#.*", "", line)


def parts(path: Path) -> Iterator[tuple[int, str]]:
    return (literals if path.suffix == ".py" else lines)(path.read_text(encoding="utf-8"))


def found(path: Path) -> list[str]:
    name = str(path.relative_to(ROOT))
    allowed = set().union(*(words for place, words in ALLOWED.items() if name.startswith(place)))
    return [
        f"{name}:{line}: {hit[0]}"
        for line, text in parts(path)
        for hit in NAMED.finditer(text)
        if hit[0] not in allowed
    ]


FILES = sorted(
    {
        *(ROOT / "scripts").rglob("*.py"),
        *(path for end in ("j2", "yaml", "json", "js", "xml") for path in (ROOT / "scripts").rglob(f"*.{end}")),
        *(path for path in (ROOT / "charts").rglob("templates/**/*") if path.is_file()),
        *(ROOT / "charts/monitoring/files").iterdir(),
        *(ROOT / "ai/partials").glob("*.md"),
        *(ROOT / "ai/recipes").glob("*.md"),
    }
)


@pytest.mark.slow
def test_nothing_in_code_or_templates_names_the_reference_apps_services() -> None:
    assert len(FILES) > 200
    assert [hit for path in FILES for hit in found(path)] == []


@pytest.mark.parametrize(
    "line", ['NAMES = ("frontend", "x")', 'x = f"{name}-service"', 'x = {"mcp": 1}', 'f("backend.config")']
)
def test_the_search_finds_a_new_one(line: str) -> None:
    assert [hit for _, text in literals(line) for hit in NAMED.finditer(text)]


def test_what_is_allowed_is_still_there() -> None:
    """So that the list shrinks with the code."""
    for place, allowed in ALLOWED.items():
        inside = [path for path in FILES if str(path.relative_to(ROOT)).startswith(place)]
        there = {hit[0] for path in inside for _, text in parts(path) for hit in NAMED.finditer(text)}
        assert allowed <= there, place
