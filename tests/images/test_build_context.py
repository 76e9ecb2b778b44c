"""The tag of an image changes when, and only when, what the engine is sent changes."""

import hashlib
import os
import shutil
import socket
import stat
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.images.build_context import Entry, build_digest, lay_out, listing
from scripts.images.docker import BUILDKIT, engine_answers, find_clients, has_buildkit

FILES = [
    "README.md", "docs/README.md", "docs/a/b.txt", "abd", "xfoo", "d/xfoo", "d/foo", "a*b", "axb", "a/x/b", "keep.txt",
    "keep/tmp/x", "keep/y", "build/x/y", ".git/HEAD", "sub/.git", "e f", "[x]", "x", "!z", "#h", " lead",
]  # fmt: skip


@pytest.fixture
def context(tmp_path: Path) -> Path:
    folder = tmp_path / "app"
    (folder / "src").mkdir(parents=True)
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY . /\n")
    (folder / "src/app.py").write_text("print(1)\n")
    (folder / ".dockerignore").write_text("node_modules\n*.log\n")
    return folder


def tag(context: Path, platform: str = "", **changes: dict[str, str]) -> str:
    inputs = {"build_args": {"A": "1"}, "bases": {"BASE": "sha256:1"}} | changes
    dockerfile = context / "Dockerfile"
    return build_digest(listing(context, dockerfile), dockerfile, **inputs, platform=platform)


def names(context: Path) -> list[str]:
    return [entry.path for entry in listing(context, context / "Dockerfile")]


def on_disk(folder: Path) -> tuple[Entry, ...]:
    """What a laid out context holds, read without the code under test."""

    def entry(path: Path) -> Entry:
        relative, mode = path.relative_to(folder).as_posix(), stat.S_IMODE(path.lstat().st_mode)
        if path.is_symlink():
            return Entry(relative, "link", mode, str(path.readlink()))
        if path.is_dir():
            return Entry(relative, "folder", mode)
        return Entry(relative, "file", mode, hashlib.sha256(path.read_bytes()).hexdigest())

    return tuple(sorted((entry(path) for path in folder.rglob("*")), key=lambda item: item.path))


def test_same_inputs_same_tag_whatever_the_times(context: Path) -> None:
    before = tag(context)
    os.utime(context / "src/app.py", (1, 1))
    assert tag(context) == before


@pytest.mark.parametrize(
    "changes", [{"build_args": {"A": "2"}}, {"build_args": {}}, {"bases": {"BASE": "sha256:2"}}], ids=str
)
def test_arguments_and_bases_count(context: Path, changes: dict[str, dict[str, str]]) -> None:
    assert tag(context, **changes) != tag(context)


def test_the_platform_that_is_asked_for_counts(context: Path) -> None:
    assert len({tag(context), tag(context, "linux/amd64"), tag(context, "linux/arm64")}) == 3


def test_bytes_names_links_folders_and_the_executable_bit_count(context: Path) -> None:
    seen = [tag(context)]
    (context / "src/app.py").write_text("print(2)\n")
    seen.append(tag(context))
    (context / "src/app.py").chmod(0o755)
    seen.append(tag(context))
    (context / "src/app.py").rename(context / "src/main.py")
    seen.append(tag(context))
    (context / "empty").mkdir()
    seen.append(tag(context))
    (context / "link").symlink_to("src/main.py")
    seen.append(tag(context))
    (context / "link").unlink()
    (context / "link").symlink_to("src")
    seen.append(tag(context))
    (context / "Dockerfile").write_text("FROM scratch\nUSER 1\n")
    seen.append(tag(context))
    assert len(set(seen)) == len(seen)


def test_ignored_files_do_not_count(context: Path) -> None:
    before = tag(context)
    (context / "debug.log").write_text("x")
    (context / "node_modules").mkdir()
    (context / "node_modules/big.js").write_text("x")
    assert tag(context) == before


@pytest.mark.parametrize("mask", [0o077, 0o027, 0o022, 0o000], ids=oct)
def test_a_clone_under_any_umask_gives_the_same_image_and_tag(context: Path, tmp_path: Path, mask: int) -> None:
    def clone(folder: Path, umask: int) -> tuple[Entry, ...]:
        before = os.umask(umask)
        try:
            for name in ("src", "bin"):
                (folder / name).mkdir(parents=True)
            (folder / "src/app.py").touch()
            (folder / "bin/start").touch()
            (folder / "bin/start").chmod(0o777 & ~umask)
            (folder / "Dockerfile").write_text("FROM scratch\n")
            lay_out(listing(folder, folder / "Dockerfile"), folder, tmp_path / f"sent-{folder.name}")
        finally:
            os.umask(before)
        return on_disk(tmp_path / f"sent-{folder.name}")

    strict, usual = clone(tmp_path / "strict", mask), clone(tmp_path / "usual", 0o022)
    assert strict == usual and tag(tmp_path / "strict") == tag(tmp_path / "usual")
    assert {entry.path: entry.mode for entry in strict}["bin/start"] == 0o755
    assert stat.S_IMODE((tmp_path / "sent-strict").stat().st_mode) == 0o755


@pytest.mark.slow
def test_a_clone_with_autocrlf_has_the_same_bytes(tmp_path: Path) -> None:
    def git(*words: str | Path) -> None:
        subprocess.run(["git", "-c", "user.name=n", "-c", "user.email=e", *words], check=True, capture_output=True)

    origin, clone = tmp_path / "origin", tmp_path / "clone"
    git("init", "--quiet", origin)
    (origin / "start.sh").write_bytes(b"#!/bin/sh\nexit 0\n")
    shutil.copy(ROOT / ".gitattributes", origin)
    git("-C", origin, "add", "--all")
    git("-C", origin, "commit", "--quiet", "--message", "m")
    git("clone", "--quiet", "--config", "core.autocrlf=true", origin, clone)
    assert (clone / "start.sh").read_bytes() == b"#!/bin/sh\nexit 0\n"


def test_a_fetch_or_a_commit_changes_no_tag_and_is_not_sent(context: Path) -> None:
    before = tag(context)
    (context / ".git").mkdir()
    (context / ".git/FETCH_HEAD").write_text("1")
    (context / "module").mkdir()
    (context / "module/.git").write_text("gitdir: ../.git/modules/module")
    (context / "module/.gitignore").write_text("x")
    assert [name for name in names(context) if "git" in name] == ["module/.gitignore"]
    shutil.rmtree(context / "module")
    assert tag(context) == before


@pytest.mark.parametrize(
    ("file", "line"),
    [
        (".dockerignore", "!.git"),
        ("Dockerfile", "COPY .git /git"),
        ("Dockerfile", "RUN --mount=type=bind,source=.git,target=.git make"),
        ("Dockerfile", "RUN git describe --tags > version"),
        ("Dockerfile", "RUN export SHA=$(git  rev-parse --short HEAD) && npm run build"),
    ],
)
def test_git_is_sent_to_a_build_that_asks_for_it(context: Path, file: str, line: str) -> None:
    (context / ".git").mkdir()
    (context / ".git/HEAD").write_text("1")
    with (context / file).open("a") as text:
        text.write(f"{line}\n")
    assert ".git/HEAD" in names(context)


@pytest.mark.parametrize(
    "line",
    [
        "COPY .gitignore a.git /",
        "# neither .git nor what git describe says is needed",
        "  # COPY .git /git",
        "RUN git clone https://example.org/a.git && apt-get install git",
    ],
)
def test_a_word_about_git_is_no_wish_for_the_checkouts_own(context: Path, line: str) -> None:
    """Else the image would be built anew at every fetch and commit."""
    (context / ".git").mkdir()
    (context / "Dockerfile").write_text(f"FROM scratch\n{line}\n")
    assert ".git" not in names(context)


def test_sockets_and_pipes_are_left_out_and_nobody_waits_for_them(
    context: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = tag(context)
    os.mkfifo(context / "pipe")
    monkeypatch.chdir(context)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("s")
        assert tag(context) == before


def test_what_cannot_be_read_is_named(context: Path) -> None:
    if os.geteuid() == 0:
        (context / "gone").symlink_to("nowhere")
        assert "gone" in names(context)  # a link is a link, whatever it leads to
        dockerfile = context / "missing/Dockerfile"
        with pytest.raises(OSError, match=r"missing/Dockerfile"):
            listing(context, dockerfile)
        return
    (context / "src/app.py").chmod(0)
    with pytest.raises(OSError, match=r"src/app\.py"):
        listing(context, context / "Dockerfile")


def test_names_that_are_no_text_count_and_arrive(context: Path, tmp_path: Path) -> None:
    before = tag(context)
    (context / os.fsdecode(b"caf\xe9")).write_text("1")
    assert tag(context) != before
    entries = listing(context, context / "Dockerfile")
    lay_out(entries, context, tmp_path / "sent")
    assert on_disk(tmp_path / "sent") == entries


@pytest.fixture
def deep_folder(tmp_path: Path) -> Iterator[Path]:
    """A tree of 1,100 folders in each other, which is taken down again: pytest could not."""
    folders = [tmp_path / "/".join("d" * depth) for depth in range(1, 1101)]
    for folder in folders:
        folder.mkdir()
    yield tmp_path
    for folder in reversed(folders):
        folder.rmdir()


@pytest.mark.slow
def test_a_tree_deeper_than_pythons_stack_is_read(deep_folder: Path) -> None:
    (deep_folder / "Dockerfile").write_text("FROM scratch\n")
    assert len(names(deep_folder)) == 1101


def test_a_file_that_changes_under_way_is_no_part_of_an_image(context: Path, tmp_path: Path) -> None:
    entries = listing(context, context / "Dockerfile")
    (context / "src/app.py").write_text("print(9)\n")
    with pytest.raises(UserError, match=r"src/app\.py has changed"):
        lay_out(entries, context, tmp_path / "sent")


def test_the_dockerfiles_own_ignore_file_comes_first(context: Path) -> None:
    (context / "Dockerfile.dockerignore").write_text("*\n!src\n")
    assert names(context) == ["src", "src/app.py"]


def test_an_ignore_file_that_powershell_wrote_is_refused_before_secrets_get_into_an_image(context: Path) -> None:
    (context / ".dockerignore").write_text(".env\n", encoding="utf-16")
    with pytest.raises(UserError, match=r"\.dockerignore: not UTF-8"):
        names(context)


name = st.text(st.sampled_from("ab.-é *"), min_size=1, max_size=3).filter(lambda text: text.strip("."))
thing = st.one_of(
    st.tuples(st.just("file"), st.binary(max_size=3), st.booleans()),
    st.tuples(st.just("link"), st.sampled_from(["a", "../x", "/etc/passwd"])),
    st.tuples(st.just("folder")),
)
trees = st.dictionaries(name, st.one_of(thing, st.dictionaries(name, thing, max_size=2)), max_size=3)


def grow(tree: dict, folder: Path) -> None:
    folder.mkdir()
    for key, value in tree.items():
        path = folder / key
        if isinstance(value, dict):
            grow(value, path)
        elif value[0] == "file":
            path.write_bytes(value[1])
            path.chmod(0o700 if value[2] else 0o600)
        elif value[0] == "link":
            path.symlink_to(value[1])
        else:
            path.mkdir()


@pytest.mark.slow
@given(trees, trees)
def test_same_list_same_tag_other_list_other_tag_and_the_list_is_what_is_sent(
    tmp_path_factory: pytest.TempPathFactory, one: dict, other: dict
) -> None:
    folder = tmp_path_factory.mktemp("trees")
    tags, sent = [], []
    (folder / "Dockerfile").write_text("FROM scratch\n")
    for key, tree in (("one", one), ("other", other)):
        grow(tree, folder / key)
        entries = listing(folder / key, folder / "Dockerfile")
        tags.append(build_digest(entries, folder / "Dockerfile", {}, {}))
        lay_out(entries, folder / key, folder / f"{key}-sent")
        sent.append(on_disk(folder / f"{key}-sent"))
        assert sent[-1] == entries
    assert (tags[0] == tags[1]) == (sent[0] == sent[1])


@pytest.fixture
def docker() -> Iterator[Path]:
    from scripts.host.shell import Shell

    shell = Shell()
    fit = [path for path in find_clients() if has_buildkit(shell, path) and engine_answers(shell, path)]
    if not fit:
        pytest.skip("no engine answers")
    yield fit[0]


@pytest.mark.engine
@pytest.mark.parametrize(
    "ignore", ["", "*.md", "*\n!docs/a", "d/**", "**/*.md\n!README.md", "a[!b]d", "keep/*\n!keep/tmp"]
)
def test_the_engine_gets_the_list(docker: Path, tmp_path: Path, ignore: str) -> None:
    """Both ways: as it is laid out, and as the engine itself reads the same folder."""
    context = tmp_path / "app"
    for file in FILES:
        (context / file).parent.mkdir(parents=True, exist_ok=True)
        (context / file).write_text(file)
    (context / "abd").chmod(0o700)
    (context / "link").symlink_to("docs/README.md")
    (context / ".dockerignore").write_text(f"{ignore}\n!.git")
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text("FROM scratch\nCOPY . /\n")
    (tmp_path / "Dockerfile.dockerignore").write_text(f"{ignore}\n")
    entries = listing(context, dockerfile)
    lay_out(entries, context, tmp_path / "sent")
    (tmp_path / "sent.Dockerfile").write_text(dockerfile.read_text())
    (tmp_path / "sent.Dockerfile.dockerignore").write_text("# nothing\n")

    def received(recipe: Path, folder: Path) -> dict[str, int]:
        argv = [
            docker,
            "build",
            "--quiet",
            "--output",
            f"type=tar,dest={tmp_path / 'out.tar'}",
            "--file",
            recipe,
            folder,
        ]
        subprocess.run(argv, check=True, capture_output=True, env=os.environ | BUILDKIT)
        with tarfile.open(tmp_path / "out.tar") as archive:
            return {item.name.rstrip("/"): item.mode for item in archive}

    assert received(tmp_path / "sent.Dockerfile", tmp_path / "sent") == {entry.path: entry.mode for entry in entries}
    without_git = {path for path in received(dockerfile, context) if ".git" not in path}
    assert {entry.path for entry in entries} - {"sub"} == without_git - {"sub"}
