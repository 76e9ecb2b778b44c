"""Every command in the guides exists, with the options it is shown with, and every link leads somewhere."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest
from invoke.collection import Collection
from invoke.parser import Parser

import tasks
from scripts.host.paths import ROOT
from scripts.pipeline import stages

FIRST = ("README.md", "CONTRIBUTING.md", "ai/README.md", "embedded/README.md")
GUIDES = sorted([*(ROOT / name for name in FIRST), *(ROOT / "docs").glob("*.md")])
NOXFILE = (ROOT / "noxfile.py").read_text()
SESSIONS = set(re.findall(r"^@nox\.session.*\ndef (\w+)\(", NOXFILE, re.MULTILINE))


def commands(guide: Path, *, runnable: bool = False) -> Iterator[list[str]]:
    """The lines of shell blocks that call invoke or nox, as words; with `runnable` without blocks that need more."""
    for block in re.findall(r"^```sh\n(.*?)^```", guide.read_text(), re.MULTILINE | re.DOTALL):
        if runnable and block.startswith("# needs "):
            continue
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            while words and (words[0] == "./run" or re.fullmatch(r"[A-Z_]+=.*", words[0])):
                words = words[1:]
            if words and words[0] in ("invoke", "nox"):
                yield words


@pytest.mark.slow
@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_exists(guide: Path) -> None:
    collection: Collection = tasks.ns
    parser = Parser(contexts=collection.to_contexts())
    for program, *words in commands(guide):
        if program == "nox":
            wanted = words[1 : words.index("--") if "--" in words else None] if words[:1] == ["-s"] else []
            assert set(wanted) <= SESSIONS, words
            continue
        asked = [word for word in words if word not in ("--dry", "--list")]
        assert not asked or parser.parse_argv(asked), words


def test_ci_runs_every_session_that_needs_no_choice() -> None:
    before, rest = (
        {name for track in ast.literal_eval(tracks) for name in track}
        for tracks in re.findall(r"^(?:LONG_)?TRACKS = (.*)", NOXFILE, re.MULTILINE)
    )
    assert before | rest == SESSIONS - {"every", "long", "bench", "targets", "adopt"}
    assert before & rest == set(re.findall(r"^def (\w+)\((?:(?!\ndef ).)*\*PART", NOXFILE, re.MULTILINE | re.DOTALL))
    assert (ROOT / ".ci/run").read_text().splitlines()[-2:] == ["./run nox", "./run nox -s long"]


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_leads_somewhere(guide: Path) -> None:
    for target in re.findall(r"\]\(([\w./-]+)[^)]*\)", guide.read_text()):
        if "://" not in target and not target.startswith("http"):
            assert (guide.parent / target).exists(), target


@pytest.mark.parametrize(
    ("guide", "pattern"),
    [
        ("README.md", r"^\| (\w+) \|"),
        ("docs/architecture.md", r"^ Plan ──► (.*)$"),
        ("docs/deployment.md", r"^Each stage is a task of its own: (.*)\.$"),
    ],
)
def test_guides_name_every_stage_in_its_order(guide: str, pattern: str) -> None:
    found = re.findall(pattern, (ROOT / guide).read_text(encoding="utf-8"), re.MULTILINE)
    assert [name for name in re.findall(r"\w+", " ".join(found)) if name != "stage"] == list(stages.NAMES)


@pytest.fixture(scope="module")
def modules() -> dict[Path, ast.Module]:
    """The syntax of every module of the task runner and of the embedded cluster."""
    files = sorted(one for folder in ("scripts", "embedded/src") for one in (ROOT / folder).rglob("*.py"))
    return {file.relative_to(ROOT): ast.parse(file.read_text()) for file in files}


@pytest.mark.slow
def test_every_docstring_names_its_thing_and_asks_no_question(modules: dict[Path, ast.Module]) -> None:
    """Of modules, classes, properties and functions; ruff sees to it that public ones have one, and to their verbs."""
    asking = re.compile(r"(What|Whether|How|Why|Where|Which|Who|When|If)\b")
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [(file, node) for file, tree in modules.items() for node in ast.walk(tree) if isinstance(node, kinds)]
    said = [
        f"{file}: {getattr(node, 'name', '')}" for file, node in nodes if asking.match(ast.get_docstring(node) or "")
    ]
    assert len(nodes) > 4000
    assert said == []
