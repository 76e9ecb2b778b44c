"""A document that a person or another program wrote is no document for more than one reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from scripts.host.paths import ROOT

READERS = ("json.loads", "jsonlib.loads", "tomllib.loads")


def caught(handler: ast.ExceptHandler) -> set[str]:
    """The names that a handler catches."""
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type] if handler.type else []
    return {ast.unparse(kind) for kind in kinds}


def unguarded(source: str) -> Iterator[int]:
    """The lines where text that is no JSON is provided for, and text that nests too deeply for the reader is not."""
    for node in ast.walk(ast.parse(source)):
        body = node.body if isinstance(node, ast.Try) else []
        calls = [one for part in body for one in ast.walk(part) if isinstance(one, ast.Call)]
        if isinstance(node, ast.Try) and any(ast.unparse(one.func) in READERS for one in calls):
            kinds = set().union(*map(caught, node.handlers))
            if "ValueError" in kinds and not kinds & {"RecursionError", "Exception"}:
                yield node.lineno


def test_whoever_provides_for_text_that_is_none_provides_for_one_that_nests_without_end() -> None:
    files = sorted((ROOT / "scripts").rglob("*.py"))
    assert len(files) > 200
    assert not [f"{file}:{line}" for file in files for line in unguarded(file.read_text(encoding="utf-8"))]


def test_the_proof_finds_one() -> None:
    assert list(unguarded("try:\n    json.loads(text)\nexcept ValueError:\n    pass\n")) == [1]
