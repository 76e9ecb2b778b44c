"""Whatever is wrong with a configuration file, the user gets file, key and remedy, and never a traceback."""

from __future__ import annotations

import copy
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.settings.configuration import read_settings

CASES = 300  # mutations a file
STRANGE: list[Any] = [
    None, True, -1, 0, 3.5, 10**30, float("nan"), "", " ", "x" * 300, "../..", "\u202e", "!!python/object:os", [], [[]],
    {}, {"a": {"b": 1}}, "latest", "todo_chatbot", ["a", 1], "2026-01-01", "${a.B}",
]  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """The path of every value in a document."""
    if path:
        yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, child in items:
        yield from places(child, (*path, key))


def mutate(data: Any, chance: random.Random) -> Any:
    """A copy with one thing removed, renamed, replaced or added."""
    changed = copy.deepcopy(data)
    path = chance.choice(list(places(changed)))
    parent = changed
    for key in path[:-1]:
        parent = parent[key]
    action = chance.choice(["remove", "replace", "rename", "add"])
    if action == "remove":
        del parent[path[-1]]
    elif action == "rename" and isinstance(parent, dict):
        parent[str(path[-1])[:-1] + chance.choice("xyz")] = parent.pop(path[-1])
    elif action == "add" and isinstance(parent, dict):
        parent[chance.choice(["extra", "Tag", "", "a b"])] = chance.choice(STRANGE)
    else:
        parent[path[-1]] = chance.choice(STRANGE)
    return changed


def damage(text: str, chance: random.Random) -> bytes:
    """The text with some bytes changed, as a bad merge or a wrong editor leaves it."""
    raw = bytearray(text.encode())
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(raw))
        raw[at : at + chance.randint(0, 3)] = chance.choice(
            [b"\t", b"{", b"\xff", b": :", b"<<<<", b"&a *a", b"'", b"\0"]
        )
    return bytes(raw)


FILES: dict[str, Callable[[Path], object]] = {
    "config/pipeline.yaml": read_settings,
    "config/apps/todo-chatbot.yaml": read_settings,
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "config", root / "config")
    for folder in ("frontend", "backend", "agent", "mcp", "database"):
        (root / "services" / folder).mkdir(parents=True)
        (root / "services" / folder / "Dockerfile").write_text("FROM scratch\n")
    for chart in ("charts/todo-chatbot-umbrella", "charts/database"):
        (root / chart).mkdir(parents=True)
        (root / chart / "Chart.yaml").write_text("name: x\n")
    return root


@pytest.mark.slow
@pytest.mark.parametrize("name", FILES)
def test_a_mutated_file_is_read_or_refused_in_words(project: Path, name: str) -> None:
    chance = random.Random(name)
    original = (ROOT / name).read_text()
    data = yaml.safe_load(original)
    file = project / name
    refused = 0
    for number in range(CASES):
        text = damage(original, chance) if number % 3 == 0 else yaml.safe_dump(mutate(data, chance)).encode()
        file.write_bytes(text)
        try:
            FILES[name](project)
        except UserError as error:
            refused += 1
            assert str(error).startswith(name + ":"), text
    file.write_text(original)
    FILES[name](project)
    assert refused > CASES / 3
