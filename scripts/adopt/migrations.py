"""Read alembic's revisions: whether they can run from nothing, or change a table that none of them makes. Pure."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scripts.adopt import python_source
from scripts.adopt.tree import Place, Tree

# Who looks first, or makes everything, may run whatever is there; of tables by names that are made up, nobody can tell.
# An index or a trigger that may be there already lies on a table that has to be.
_LOOKS_FIRST = re.compile(
    r"create_all|\binspect\(|has_table|get_table_names|TABLE IF (NOT )?EXISTS|information_schema|__table__\.create"
    r"|create_table\((?!\s*[\"'])",
    re.IGNORECASE,
)
_WAY_BACK = re.compile(r"^def downgrade\b.*\n(?:(?:[ \t].*)?\n|[ \t].*$)*", re.M)
_OF_TABLE = {"add_column": 0, "alter_column": 0, "drop_column": 0, "batch_alter_table": 0, "drop_table": 0,
             "create_index": 1, "create_unique_constraint": 1, "create_check_constraint": 1, "create_foreign_key": 1,
             "drop_constraint": 1}  # fmt: skip
_SQL_MAKES = re.compile(r"CREATE TABLE\s+(?:\w+\.)?\"?(\w+)", re.I)
_SQL_CHANGES = re.compile(r"ALTER TABLE\s+(?:ONLY\s+)?(?:\w+\.)?\"?(\w+)", re.I)


@dataclass(frozen=True)
class Changed:
    """A table that a revision changes before any has made it."""

    table: str
    place: Place


@dataclass(frozen=True)
class _Revision:
    file: str
    name: str
    after: tuple[str, ...]
    upgrade: ast.AST


def changed_unmade(tree: Tree, folder: str) -> Changed | None:
    """Return the first table that the revisions below a folder change though none before made it; None where they can
    run from nothing, or nobody can tell.
    """
    found = _revisions(tree, folder)
    if any(_LOOKS_FIRST.search(_WAY_BACK.sub("", tree.text(one.file))) for one in found):
        return None
    made: set[str] = set()
    for revision in _in_order(found):
        for verb, table, line in _steps(revision.upgrade):
            if verb == "unknown":
                return None
            if verb == "make":
                made.add(table)
            elif table not in made:
                return Changed(table, Place(revision.file, line))
    return None


def refused(tree: Tree, folder: str) -> str:
    """Return why alembic takes none of the revisions below a folder, as two of them have one name, or one stands on
    another that is not there; empty where it takes them.
    """
    found = _revisions(tree, folder)
    names = [one.name for one in found]
    for one in found:
        if names.count(one.name) > 1:
            return f"{one.file}: another revision is called {one.name}, too"
        if lost := next((name for name in one.after if name not in names), ""):
            return f"{one.file}: stands on {lost}, which is not there"
    return ""


def _revisions(tree: Tree, folder: str) -> list[_Revision]:
    """Return the revisions below a folder, by the names of their files."""
    files = [file for file in tree.below(folder) if "/versions/" in f"/{file}" and file.endswith(".py")]
    return [one for file in sorted(files) if (one := _read(file, tree.text(file)))]


def _read(file: str, text: str) -> _Revision | None:
    """Return a revision; None for a file that is none."""
    body = python_source.statements(text)
    upgrade = next((one for one in body if isinstance(one, ast.FunctionDef) and one.name == "upgrade"), None)
    told: dict[str, object] = {}
    for one in body:
        target = (
            one.targets[0] if isinstance(one, ast.Assign) else one.target if isinstance(one, ast.AnnAssign) else None
        )
        if isinstance(target, ast.Name) and isinstance(one, ast.Assign | ast.AnnAssign) and one.value is not None:
            try:
                told[target.id] = ast.literal_eval(one.value)
            except ValueError:
                continue
    after = told.get("down_revision")
    names = (after,) if isinstance(after, str) else tuple(after) if isinstance(after, tuple | list) else ()
    return _Revision(file, str(told.get("revision", file)), tuple(map(str, names)), upgrade) if upgrade else None


def _in_order(found: Sequence[_Revision]) -> Iterator[_Revision]:
    """Yield revisions, each after those that it stands on."""
    waiting = list(found)
    while waiting:
        names = {one.name for one in waiting}
        ready = [one for one in waiting if not names.intersection(one.after)] or waiting
        yield from ready
        waiting = [one for one in waiting if one not in ready]


def _steps(upgrade: ast.AST) -> Iterator[tuple[str, str, int]]:
    """Yield (`make`, `change` or `unknown`, table, line) of what a revision does, in the order of its lines."""
    calls = [one for one in ast.walk(upgrade) if isinstance(one, ast.Call) and isinstance(one.func, ast.Attribute)]
    for call in sorted(calls, key=lambda one: (one.lineno, one.col_offset)):
        assert isinstance(call.func, ast.Attribute)  # noqa: S101 by the line above
        if not (isinstance(call.func.value, ast.Name) and call.func.value.id == "op"):
            continue
        verb = call.func.attr
        words = [it.value if isinstance(it, ast.Constant) and isinstance(it.value, str) else "" for it in call.args]
        if verb == "create_table" and words and words[0]:
            yield "make", words[0], call.lineno
        elif verb == "rename_table" and len(words) > 1:
            yield "change", words[0], call.lineno
            yield "make", words[1], call.lineno
        elif verb == "execute":
            text = ast.unparse(call)
            if not any(isinstance(one, ast.Constant) and isinstance(one.value, str) for one in ast.walk(call)):
                yield "unknown", "", call.lineno  # such as a file's content
            yield from (("make", name, call.lineno) for name in _SQL_MAKES.findall(text))
            yield from (("change", name, call.lineno) for name in _SQL_CHANGES.findall(text))
        elif verb in _OF_TABLE and len(words) > _OF_TABLE[verb] and (name := words[_OF_TABLE[verb]]):
            yield "change", name, call.lineno
