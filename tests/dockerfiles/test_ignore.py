"""`.dockerignore` means what the engine makes of it; the table was recorded from BuildKit."""

import posixpath
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.dockerfiles.ignore import IgnoreRules, ignore_rules
from scripts.errors import UserError


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/README.md", False),
        ("**/*.md", "docs/README.md", True),
        ("**/*.md", "README.md", True),
        ("docs", "docs/a/b.txt", True),
        ("/docs/", "docs/a", True),
        ("./docs", "docs", True),
        ("docs/..", "docs", False),
        (".", "docs", False),
        ("../x", "x", False),
        ("doc?", "docs", True),
        ("a[bc]d", "abd", True),
        ("a[b-d]d", "acd", True),
        ("a[^bc]d", "abd", False),
        ("a[^bc]d", "axd", True),
        ("a[^bc]d", "a/d", False),
        ("a[!bc]d", "abd", True),
        ("a[!bc]d", "axd", False),
        (r"a[\]]d", "a]d", True),
        ("[[]x]", "[x]", True),
        ("**foo", "d/foo", True),
        ("**foo", "xfoo", False),
        ("**foo", "d/xfoo", False),
        ("a**b", "a/x/b", True),
        ("a**b", "axb", False),
        ("d/**", "d/foo", True),
        ("d/**", "d", False),
        ("**", "d/foo", True),
        ("*\n!keep.txt", "keep.txt", False),
        ("*\n!keep\nkeep/tmp", "keep/tmp/x", True),
        ("*\n!docs/a", "docs/a/b.txt", False),
        ("*\n!**/foo", "d/foo", False),
        ("keep/*\n!keep/tmp", "keep/y", True),
        ("keep/*\n!keep/tmp", "keep/tmp/x", False),
        ("# comment", "# comment", False),
        (r"\#h", "#h", True),
        ("!!z", "!z", False),
        ("*\n!!z", "!z", False),
        (r"\!z", "!z", True),
        (r"e\ f", "e f", True),
        ("  abd  ", "abd", True),
        ("\ufeffabd", "abd", True),
        ("x\r\nabd\r", "abd", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
        ("a.c", "abc", False),
        ("a+b(c)|d$", "a+b(c)|d$", True),
    ],
)
def test_a_pattern_means_what_the_engine_makes_of_it(patterns: str, path: str, ignored: bool) -> None:
    assert IgnoreRules(patterns).ignores(path) is ignored


@pytest.mark.parametrize("pattern", ["!", "a\n! ", "[", "a[]d", "a[a-b-d]d", "a[-x]", "\\", "abd\\"])
def test_what_the_engine_refuses_is_refused_with_the_file_s_name(pattern: str) -> None:
    with pytest.raises(UserError, match=r"web/\.dockerignore: "):
        IgnoreRules(pattern, "web/.dockerignore")


@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_no_pattern_breaks_the_reader(text: str, path: str) -> None:
    try:
        IgnoreRules(text).ignores(path)
    except UserError as problem:
        assert problem.hint


@given(st.lists(st.text("ab*?/!", min_size=1, max_size=5), max_size=5), st.text("ab/", min_size=1, max_size=6))
def test_nothing_that_is_kept_lies_in_a_folder_that_is_not_walked(patterns: list[str], path: str) -> None:
    path = posixpath.normpath(path).strip("/")
    try:
        rules = IgnoreRules("\n".join(patterns))
    except UserError:
        return
    folder = posixpath.dirname(path)
    if folder and rules.prunes(folder):
        assert rules.ignores(path)


def test_a_folder_no_exception_reaches_is_not_walked() -> None:
    rules = IgnoreRules("*\n!backend\n!web/src\n")
    assert rules.prunes("frontend") and rules.prunes("web/node_modules")
    assert not rules.prunes("backend") and not rules.prunes("web")
    assert not IgnoreRules("*\n!**/keep\n").prunes("frontend")


def test_a_line_that_docker_does_not_read_is_named(tmp_path: Path) -> None:
    """Else its own client ends with "token too long", after everything else."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / ".dockerignore").write_text("node_modules\n" + "a" * 70_000 + "\n")
    with pytest.raises(UserError, match=r"\.dockerignore, line 2: too long"):
        ignore_rules(tmp_path, tmp_path / "Dockerfile")
