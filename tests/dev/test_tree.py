"""What is synced into a container is what the build context holds, after every change."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scripts.dev import tree
from scripts.dev.rules import Rule, is_built, of_dockerfile, places, roots
from scripts.dockerfiles.ignore import ignore_rules
from scripts.errors import SettingsError
from scripts.images.build_context import Entry, lay_out, listing

NAMES = st.sampled_from(
    ["a.py", "b.py", "c d.js", "sub", "sub/a.py", "sub/deep", "sub/deep/x.py", "-rf", "ü.txt", "l", "a\nb.py",
     "it's.py", "*", " x", "\\", "$HOME", "\udcff.py"]
)  # fmt: skip
STEPS = st.lists(
    st.tuples(st.sampled_from(["write", "folder", "remove", "link", "mode"]), NAMES, st.binary(max_size=20)),
    min_size=1, max_size=12,
)  # fmt: skip


def change(folder: Path, kind: str, name: str, data: bytes) -> None:
    """One thing that a person may do to a source tree; what cannot be done is not done."""
    path = folder / name
    try:
        if kind == "write":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        elif kind == "folder":
            path.mkdir(parents=True, exist_ok=True)
        elif kind == "remove":
            shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
        elif kind == "link":
            path.symlink_to("a.py")
        else:
            path.chmod(0o755 if data else 0o644)
    except OSError:
        pass


def apply(changes: tree.Changes, context: Path, container: Path) -> None:
    """What happens in a container."""
    packed = tree.archive(changes, context)
    assert packed.left_out == {}
    names = [place.lstrip("/") for place in changes.delete]
    subprocess.run(["sh", "-c", tree.APPLY, container, *names], input=packed.data, check=True)


def entries_of(folder: Path) -> tuple[Entry, ...]:
    """The build context, for a Dockerfile that lies elsewhere."""
    dockerfile = folder.parent / f"{folder.name}.recipe"
    dockerfile.write_text("FROM scratch\n")
    return listing(folder, dockerfile)


def seen(folder: Path) -> dict[str, tuple[str, int, str]]:
    """Everything in a folder, with kind, mode and content."""
    return {entry.path: (entry.kind, entry.mode, entry.content) for entry in entries_of(folder)}


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(batches=st.lists(STEPS, min_size=1, max_size=4))
def test_the_synced_tree_is_the_build_context_at_every_step(batches: list[list[tuple[str, str, bytes]]]) -> None:
    with tempfile.TemporaryDirectory() as name:
        base = Path(name)
        context, container = base / "context", base / "container"
        context.mkdir()
        rules = (Rule("", "/app"),)
        before: dict[str, Entry] = {}
        (container / "app").mkdir(parents=True)
        for number, batch in enumerate(batches):
            for kind, path, data in batch:
                change(context, kind, path, data)
            entries = entries_of(context)
            after = tree.wanted(entries, rules)
            apply(tree.between(before, after), context, container)
            before = after
            lay_out(entries, context, base / f"image-{number}")
            assert seen(container / "app") == seen(base / f"image-{number}")
            assert not tree.between(before, after)


@pytest.mark.slow
def test_fifty_files_at_once_are_one_archive(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"m{number}.py").write_text(str(number))
    new = tree.wanted(entries_of(tmp_path), (Rule("", "/app"),))
    changes = tree.between({}, new)
    assert len(changes.paths) == 50
    (tmp_path / "container").mkdir()
    apply(changes, tmp_path, tmp_path / "container")
    assert (tmp_path / "container/app/m49.py").read_text() == "49"


def test_what_cannot_be_synced_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tree, "MOST_BYTES", 10)
    (tmp_path / "big.bin").write_bytes(b"x" * 11)
    (tmp_path / "gone.py").write_text("x")
    (tmp_path / "out").symlink_to("../../etc/passwd")
    (tmp_path / "absolute").symlink_to("/etc/passwd")
    (tmp_path / "fine").symlink_to("gone.py")
    entries = entries_of(tmp_path)
    new = tree.wanted(entries, (Rule("", "/app"),))
    assert [entry.path for entry in entries if tree.leads_out(entry)] == ["absolute", "out"]
    assert set(new) == {"/app/big.bin", "/app/gone.py", "/app/fine"}
    (tmp_path / "gone.py").unlink()
    left_out = tree.archive(tree.between({}, new), tmp_path).left_out
    assert left_out["/app/gone.py"] == "vanished while it was read"
    assert left_out["/app/big.bin"].startswith("0 MB is more than is synced")
    assert set(left_out) == {"/app/gone.py", "/app/big.bin"}


DOCKERFILE = """
FROM python AS base
WORKDIR /app
COPY requirements.txt .
FROM base AS dev
COPY --chown=1:1 lib ./lib
FROM python
WORKDIR /srv/app
COPY --from=base /x /y
COPY common/todo_common /srv/app/todo_common
COPY ["backend/todo backend", "web/"]
COPY main.py settings.py ./
COPY requirements.txt /tmp/
COPY $SOMETHING /app
COPY passwd /etc/
"""


def test_the_rules_are_those_of_the_dockerfile(tmp_path: Path) -> None:
    for folder in ("common/todo_common", "backend/todo backend", "lib"):
        (tmp_path / folder).mkdir(parents=True)
    for file in ("main.py", "settings.py", "requirements.txt", "passwd"):
        (tmp_path / file).write_text("")
    rules = of_dockerfile(DOCKERFILE, "", tmp_path)
    assert rules == (
        Rule("common/todo_common", "/srv/app/todo_common"),
        Rule("backend/todo backend", "/srv/app/web"),
        Rule("main.py", "/srv/app/main.py", folder=False),
        Rule("settings.py", "/srv/app/settings.py", folder=False),
    )
    assert roots(rules) == ("/srv/app",)
    assert of_dockerfile(DOCKERFILE, "dev", tmp_path) == (Rule("lib", "/app/lib"),)
    assert of_dockerfile("FROM x\nCOPY . .", "", tmp_path) == (), "the root of the file system is not laid over"
    assert places("common/todo_common/a/b.py", rules) == ("/srv/app/todo_common/a/b.py",)
    assert places("common/other.py", rules) == ()


@pytest.mark.parametrize(
    ("path", "built"),
    [("a/requirements.txt", True), ("package-lock.json", True), ("x/Dockerfile", True), ("agent.Dockerfile", True),
     ("app/page.tsx", False), ("requirements.py", False)],
)  # fmt: skip
def test_what_needs_a_build(path: str, built: bool) -> None:
    assert is_built(path) == built


def test_a_rule_out_of_the_context_is_refused(tmp_path: Path) -> None:
    from scripts.dev.rules import check

    (tmp_path / "in").mkdir()
    (tmp_path / "data").mkdir()
    (tmp_path / "x.env").write_text("")
    (tmp_path / ".dockerignore").write_text("data\n*.env\n")
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    for rule, words in [
        (Rule("data", "/app"), "left out of the build context by .dockerignore"),
        (Rule("x.env", "/app/x.env", folder=False), "left out of the build context"),
        (Rule("../x", "/app"), "outside of"),
        (Rule("/etc", "/app"), "from: /etc is absolute"),
        (Rule(str(tmp_path / "in"), "/app"), "in is absolute"),
        (Rule("missing", "/app"), "there is no"),
        (Rule("in", "/etc"), "folder of the system"),
    ]:
        with pytest.raises(SettingsError, match=words) as caught:
            check([rule], tmp_path, ignore_rules(tmp_path, tmp_path / "Dockerfile"), "services.web.dev.sync")
        assert "services.web.dev.sync.0" in str(caught.value)
