"""Sources of a newer Python than the one here are read all the same, and what none takes is told with its line."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts.adopt import grammar
from scripts.host.paths import ROOT

NEWER = [
    ("type Name = str\n", 12),
    ("type Pair[T] = tuple[T, T]\nx = 1\n", 12),
    ("async def first[T: (int, str), *Ts, **P](one: T) -> T:\n    return one\n", 12),
    ("class Box[T](Base):\n    def put[K](self, k: K) -> None: ...\n", 12),
    ("class Box[\n    T,\n    K,\n](Base): ...\n", 12),
    ("class Box[T = int]: ...\n", 13),
    ('x = f"{os.getenv("NAME")} and {d["a"]!r:>{w["b"]}}"\n', 12),
    ("x = f'{d['a']}' 'and' f\"{1}\"\n", 12),
    ('x = f"{"\\n".join(names)}"\n', 12),
    ('x = f"{f"{f"{1}"}"}"\n', 12),
    ('x = f"{\n    a  # why\n    + b["c"]\n}"\n', 12),
    ('x = f"""{d["""a"""]}"""\n', 12),
    ("x = rf'\\'{d['a']}\\w{{1}}' and f'\\N{BULLET}{d['b']}'\n", 12),
    ("try: ...\nexcept ValueError, TypeError:\n    pass\n", 14),
    ('x = t"{name}"\n', 14),
]


@pytest.mark.parametrize(("text", "minor"), NEWER)
def test_what_only_a_newer_python_takes_is_read(text: str, minor: int) -> None:
    whole = f"{text}import os\nAFTER = os.getenv('AFTER')\n"
    assert grammar.since(whole) == minor and grammar.wrong(whole) is None
    last = grammar.parse(whole).body[-1]
    assert ast.unparse(last) == "AFTER = os.getenv('AFTER')" and last.lineno == whole.count("\n")


def test_what_stands_in_an_f_string_of_a_newer_python_is_found() -> None:
    calls = ast.unparse(grammar.parse('x = f"at {os.getenv("NAME", "none")}: {"\\t".join(["a"])}"\n'))
    assert "os.getenv('NAME', 'none')" in calls


@pytest.mark.parametrize(
    "text",
    [
        "type = 3\ntype (x)\n", "x = '''a\nb''' f'{1:>3} {{}} {x!r}'\n", "def f(a=[1]): return a[0]\n", "",
        "try: ...\nexcept (A, B) as error: ...\n", "match x:\n    case [a]: pass\n", "x = f'{a:%Y-%m}' # it's\n",
    ],
)  # fmt: skip
def test_what_any_python_takes_is_of_no_version(text: str) -> None:
    assert grammar.since(text) == 0 and grammar.wrong(text) is None


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("x = 1\nTIME = 60 0\n", 2), ("type A = int\nx = (\n", 2), ("def f():\nreturn 1\n", 2), ("return 1\n", 1),
        ("<<<<<<< HEAD\nx = 1\n=======\n", 1), ('x = 1\nx = f"{\\"a\\": 1}"\n', 2), ('x = f"{a\n', 1), ("x = f'{", 1),
        ("def f(a, a): ...\n", 1), ("x = 1\n  y = 2\n", 2), ("type A = int\nx = f'{d['a']\n", 2), ("x = '\0'", 1),
    ],
)  # fmt: skip
def test_what_no_python_takes_is_told_with_its_line(text: str, line: int) -> None:
    found = grammar.wrong(text)
    assert found and found[0] == line and grammar.since(text) == 0


def test_what_is_written_anew_means_the_same() -> None:
    """Of sources that any version takes, nothing is changed."""
    for file in sorted(Path(ROOT, "scripts/adopt").rglob("*.py")):
        text = file.read_text()
        again = grammar._Reader(text).code(top=True)
        assert ast.dump(ast.parse(again)) == ast.dump(ast.parse(text)), file
