"""The tag of an image changes when, and only when, something that goes into the image changes."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.images.build_context import IgnoreRules, build_digest, context_files, ignore_rules


@pytest.fixture
def context(tmp_path: Path) -> Path:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / "src").mkdir()
    (tmp_path / "src/app.py").write_text("print(1)\n")
    (tmp_path / ".dockerignore").write_text("node_modules\n*.log\n")
    return tmp_path


def tag(context: Path, **changes: dict[str, str]) -> str:
    inputs = {"build_args": {"A": "1"}, "bases": {"BASE": "sha256:1"}} | changes
    return build_digest(context, context / "Dockerfile", **inputs)


def test_same_inputs_same_tag_whatever_the_times(context: Path) -> None:
    before = tag(context)
    os.utime(context / "src/app.py", (1, 1))
    assert tag(context) == before


@pytest.mark.parametrize(
    "changes", [{"build_args": {"A": "2"}}, {"build_args": {}}, {"bases": {"BASE": "sha256:2"}}], ids=str
)
def test_arguments_and_bases_count(context: Path, changes: dict[str, dict[str, str]]) -> None:
    assert tag(context, **changes) != tag(context)


def test_bytes_names_and_the_executable_bit_count(context: Path) -> None:
    seen = {tag(context)}
    (context / "src/app.py").write_text("print(2)\n")
    seen.add(tag(context))
    (context / "src/app.py").chmod(0o755)
    seen.add(tag(context))
    (context / "src/app.py").rename(context / "src/main.py")
    seen.add(tag(context))
    (context / "Dockerfile").write_text("FROM scratch\nUSER 1\n")
    seen.add(tag(context))
    assert len(seen) == 5


def test_ignored_files_do_not_count(context: Path) -> None:
    before = tag(context)
    (context / "debug.log").write_text("x")
    (context / "node_modules").mkdir()
    (context / "node_modules/big.js").write_text("x")
    assert tag(context) == before


def test_a_file_cannot_pass_for_two(context: Path) -> None:
    (context / "a").write_bytes(b"x")
    (context / "b").write_bytes(b"")
    before = tag(context)
    (context / "a").write_bytes(b"")
    (context / "b").write_bytes(b"x")
    assert tag(context) != before


def test_the_dockerfiles_own_ignore_file_comes_first(context: Path) -> None:
    (context / "Dockerfile.dockerignore").write_text("*\n!src\n")
    rules = ignore_rules(context, context / "Dockerfile")
    assert [name for name, _ in context_files(context, rules)] == ["src/app.py"]


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        ("*.md", "README.md", True),
        ("*.md", "docs/README.md", False),
        ("**/*.md", "docs/README.md", True),
        ("**/*.md", "README.md", True),
        ("docs", "docs/a/b.txt", True),
        ("/docs/", "docs/a", True),
        ("doc?", "docs", True),
        ("a[bc]d", "abd", True),
        ("a[!bc]d", "abd", False),
        ("*\n!keep.txt", "keep.txt", False),
        ("*\n!keep\nkeep/tmp", "keep/tmp/x", True),
        ("# comment", "# comment", False),
        ("build/**", "build/x/y", True),
        (r"a\*b", "a*b", True),
        (r"a\*b", "axb", False),
    ],
)
def test_ignore_patterns_mean_what_docker_says(patterns: str, path: str, ignored: bool) -> None:
    assert IgnoreRules(patterns).ignores(path) is ignored


@given(st.text(max_size=40), st.text(min_size=1, max_size=20))
def test_no_pattern_breaks_the_reader(text: str, path: str) -> None:
    IgnoreRules(text).ignores(path)


def test_a_folder_no_exception_reaches_is_not_walked() -> None:
    rules = IgnoreRules("*\n!backend\n!web/src\n")
    assert rules.prunes("frontend") and rules.prunes("web/node_modules")
    assert not rules.prunes("backend") and not rules.prunes("web")
    assert not IgnoreRules("*\n!**/keep\n").prunes("frontend")
