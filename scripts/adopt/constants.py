"""Texts of a Python program that stand in its files alone, whatever its environment says. Nothing is run."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterator, Mapping

from scripts.adopt import python_source

_DEEPEST = 20  # of names that stand for each other
_OPENS = re.compile(r"(^|\.)(create_engine|create_async_engine|SqliteDatabase|(aio)?sqlite3?\.connect)$")
_SAME = ("resolve", "absolute", "abspath", "realpath", "Path", "str", "as_posix", "join")


def sqlite_files(texts: Mapping[str, str]) -> Iterator[tuple[str, str, int]]:
    """Yield (path, file, line) of each database of SQLite's that the files of a program, by their absolute paths, open
    by a name that stands in them.
    """
    named: dict[str, list[tuple[ast.expr, str]]] = {}
    opened: list[tuple[ast.expr, str, int, str]] = []
    for file, text in texts.items():
        for node in (it for one in python_source.statements(text) for it in ast.walk(one)):
            if isinstance(node, ast.Assign | ast.AnnAssign) and node.value:
                for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                    if isinstance(target, ast.Name):
                        named.setdefault(target.id, []).append((node.value, file))
                    elif isinstance(target, ast.Subscript) and "SQLALCHEMY_DATABASE_URI" in ast.unparse(target.slice):
                        inside = f"{posixpath.dirname(file)}/instance"  # where Flask has it
                        opened.append((node.value, file, node.lineno, inside))
            elif isinstance(node, ast.Call) and node.args and _OPENS.search(ast.unparse(node.func)):
                opened.append((node.args[0], file, node.lineno, ""))
    for value, file, line, folder in opened:
        said = _text(value, file, named) or ""
        url = re.fullmatch(r"(sqlite(?:\+\w+)?:///)?([^?:]+)(\?.*)?", said)
        if url and (url[1] or re.search(r"\.(db|sqlite3?)$", said)):
            yield posixpath.join(folder, url[2]), file, line


def _text(node: ast.expr, file: str, named: Mapping[str, list[tuple[ast.expr, str]]], depth: int = 0) -> str | None:
    """Return the text that an expression comes to; None where the files alone do not say it."""

    def of(one: ast.expr, where: str = file) -> str | None:
        return _text(one, where, named, depth + 1) if depth < _DEEPEST else None

    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        all_of_it = named.get(node.id, [])
        own = [one for one in all_of_it if one[1] == file] or all_of_it  # what it imports has the name there
        found = {of(*one) for one in own} if node.id != "__file__" else {file}
        return found.pop() if len(found) == 1 else None
    if isinstance(node, ast.JoinedStr):
        return _joined("", [of(it.value if isinstance(it, ast.FormattedValue) else it) for it in node.values])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
        return _joined("/" if isinstance(node.op, ast.Div) else "", [of(node.left), of(node.right)])
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        return _above(of(node.value))
    if isinstance(node, ast.Call):
        name = ast.unparse(node.func).rpartition(".")[2]
        given = [node.func.value] if isinstance(node.func, ast.Attribute) and not node.args else node.args
        path = _joined("/", [of(one) for one in given]) if given else None
        return path if name in _SAME else _above(path) if name == "dirname" else None
    return None


def _joined(mark: str, parts: list[str | None]) -> str | None:
    """Return parts as one text, or as a path; None where one of them is not known."""
    known = [one for one in parts if one is not None]
    return None if len(known) < len(parts) else posixpath.join(*known) if mark else "".join(known)


def _above(path: str | None) -> str | None:
    return None if path is None else posixpath.dirname(path)
