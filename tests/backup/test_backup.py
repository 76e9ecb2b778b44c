"""An archive is whole or not there, opens with its key alone, and any change to it is noticed."""

from __future__ import annotations

import base64
import io
import itertools
import json
import random
import signal
import subprocess
import sys
import tarfile
from collections.abc import Generator, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import Mock

import pyrage
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyrage.x25519 import Identity

from scripts.backup import archive, catalog, create, database, key, manifest, objects, restore
from scripts.backup.manifest import ArchiveError, Manifest, Member
from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.host.shell import CommandError, Shell
from scripts.settings.configuration import read_settings
from scripts.settings.model import App

KEY = Identity.generate()
PARTS = (
    ("helm/history.json", b"{}"),
    ("objects.json", b"secret words" * 100),
    ("database.dump/000000", bytes(100_000)),
)


def described(members: Mapping[str, Member]) -> Manifest:
    return Manifest(
        cluster="c", environment="dev", namespace="chatbot-dev", release="todo-chatbot",
        created="2026-01-02T03:04:05+00:00", commit="abc", database="cluster", revisions={"todo-chatbot": 3},
        images={"mcp": "todo-chatbot/mcp:1"}, image_ids={}, members=members,
    )  # fmt: skip


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("project") / "backups" / "c-todo-chatbot-20260102T030405Z.tar.age"
    archive.write(file, KEY, PARTS, described)
    return file


def state(file: Path, opener: Identity = KEY) -> str:
    """What a check says of an archive."""
    try:
        archive.check(file, opener)
    except ArchiveError as error:
        return error.state
    return "ok"


def test_what_was_written_is_read(good: Path) -> None:
    seen: list[tuple[str, bytes]] = []
    found = archive.check(good, KEY, lambda name, content: seen.append((name, content)))
    assert tuple(seen) == PARTS
    assert found == described({name: archive.member(content) for name, content in PARTS})
    assert found.revision == 3


def test_the_archive_is_private_and_shows_nothing(good: Path) -> None:
    assert good.stat().st_mode & 0o777 == 0o600
    assert b"secret words" not in good.read_bytes() and b"todo-chatbot" not in good.read_bytes()
    assert list(good.parent.iterdir()) == [good]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_flipped_bit_and_any_cut_is_refused(good: Path, data: st.DataObject) -> None:
    content = bytearray(good.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    if data.draw(st.booleans()):
        content[place] ^= 1 << data.draw(st.integers(0, 7))
    else:
        del content[place:]
    harmed = good.parent / "harmed"
    harmed.write_bytes(content)
    assert state(harmed) != "ok"
    harmed.unlink()


def test_every_byte_of_the_head_counts(good: Path) -> None:
    content = good.read_bytes()
    harmed = good.parent / "harmed"
    for place in range(content.index(b"--- ") + 60):
        harmed.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert state(harmed) != "ok", place
    harmed.unlink()


def test_something_added_at_the_end_is_refused(good: Path) -> None:
    harmed = good.parent / "harmed"
    harmed.write_bytes(good.read_bytes() + b"\0")
    assert state(harmed) == "damaged"
    harmed.unlink()


def test_an_archive_that_is_no_archive_or_of_another_key_says_so(good: Path, tmp_path: Path) -> None:
    assert state(good, Identity.generate()) == "wrong key"
    other = tmp_path / "a.tar.age"
    other.write_bytes(b"PK\3\4" + bytes(100))
    assert state(other) == "not an archive"
    other.write_bytes(b"")
    assert state(other) == "damaged"


@pytest.mark.parametrize("harm", ["missing", "altered", "added", "twice", "no manifest"])
def test_a_part_that_is_not_what_the_manifest_says_is_refused(tmp_path: Path, harm: str) -> None:
    """Somebody with the key could write such a file; so could a mistake in this program."""
    members = {name: archive.member(content) for name, content in PARTS}
    parts = {
        "missing": PARTS[1:],
        "altered": (("helm/history.json", b"[]"), *PARTS[1:]),
        "added": (*PARTS, ("more", b"")),
        "twice": (*PARTS, PARTS[0]),
        "no manifest": PARTS,
    }[harm]
    file = tmp_path / "a.tar.age"
    archive.write(file, KEY, parts, lambda _: described(members))
    if harm == "no manifest":
        plain = io.BytesIO()
        tarfile.open(fileobj=plain, mode="w").close()
        file.write_bytes(pyrage.encrypt(plain.getvalue(), [KEY.to_public()]))
    assert state(file) == "damaged"


names = st.text(min_size=1, max_size=20)


@pytest.mark.slow
@given(
    text=names, revisions=st.dictionaries(names, st.integers(1, 99)), refs=st.dictionaries(names, names),
    sizes=st.dictionaries(names, st.integers(0)),
)  # fmt: skip
def test_a_manifest_survives_the_way_there_and_back(
    text: str, revisions: dict[str, int], refs: dict[str, str], sizes: dict[str, int]
) -> None:
    members = {name: Member(size, "0" * 64) for name, size in sizes.items()}
    made = replace(described(members), cluster=text, revisions=revisions, images=refs, image_ids=refs)
    assert manifest.from_json(manifest.to_json(made), "a") == made


def test_a_manifest_of_the_future_is_told_from_a_damaged_one() -> None:
    future = json.dumps({"format": manifest.FORMAT + 1, "anything": "else"}).encode()
    for text, expected in ((future, "newer format"), (b"{}", "damaged"), (b"\xff", "damaged"), (b"[]", "damaged")):
        with pytest.raises(ArchiveError) as caught:
            manifest.from_json(text, "a")
        assert caught.value.state == expected


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"release": "other"}, "holds release 'other', this project's is 'todo-chatbot'"),
        ({"namespace": "other"}, "holds namespace 'other'"),
        ({"environment": "secure"}, "holds the environment 'secure'"),
    ],
)
def test_a_foreign_archive_is_refused(change: dict[str, str], said: str) -> None:
    manifest.refuse_foreign(described({}), read_settings(), "a")
    with pytest.raises(ArchiveError, match=said):
        manifest.refuse_foreign(replace(described({}), **change), read_settings(), "a")


WRITER = """
import sys
from dataclasses import replace
from pathlib import Path
from pyrage.x25519 import Identity
from scripts.backup import archive, manifest

file, secret, text, moment = sys.argv[1:]
blank = manifest.from_json(text.encode(), "")

def parts():
    for number in range(100):
        print(number, flush=True)
        if str(number) == moment:
            sys.stdin.read()
        yield f"database.dump/{number:06}", bytes(100_000)

archive.write(Path(file), Identity.from_str(secret), parts(), lambda members: replace(blank, members=members))
"""


def killed(file: Path, moment: int, *, waits: bool) -> None:
    """A backup that is killed when it has come to a part, where it either waits for that or goes on."""
    words = [str(file), str(KEY), manifest.to_json(described({})).decode(), str(moment) if waits else "never"]
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, *words], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout
    for line in process.stdout:
        if line.strip() == str(moment):
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.slow
def test_a_backup_that_is_killed_leaves_no_half_archive(tmp_path: Path) -> None:
    for number, moment in enumerate(random.sample(range(100), 3)):
        killed(tmp_path / f"{number}.tar.age", moment, waits=True)
        assert [item.suffix for item in tmp_path.iterdir()] == [".partial"]
    for number, moment in enumerate(random.sample(range(100), 3)):
        killed(tmp_path / f"{number}.tar.age", moment, waits=False)
        assert {state(file) for file in tmp_path.glob("*.tar.age")} <= {"ok"}
    archive.write(tmp_path / "next.tar.age", KEY, PARTS, described)
    assert not list(tmp_path.glob("*.partial"))


def test_a_backup_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def parts() -> Iterator[archive.Part]:
        yield PARTS[0]
        raise UserError("the database is gone")

    with pytest.raises(UserError, match="the database is gone"):
        archive.write(tmp_path / "a.tar.age", KEY, parts(), described)
    assert not list(tmp_path.iterdir())


def test_what_another_backup_is_writing_is_left_alone(tmp_path: Path) -> None:
    def parts() -> Iterator[archive.Part]:
        yield PARTS[0]
        assert archive.remove_leftovers(tmp_path) == []
        with pytest.raises(UserError, match="another backup is writing it"):
            archive.write(tmp_path / "a.tar.age", KEY, PARTS, described)

    archive.write(tmp_path / "a.tar.age", KEY, parts(), described)
    assert state(tmp_path / "a.tar.age") == "ok"


def test_a_key_is_made_once_and_kept_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    with pytest.raises(ArchiveError, match="there is no key"):
        key.find()
    with pytest.raises(ArchiveError, match="was written with one"):
        key.find_or_make(print, [tmp_path / "old.tar.age"])
    said: list[str] = []
    made = key.find_or_make(said.append)
    assert str(key.find_or_make(said.append)) == str(made) == str(key.find())
    assert len(said) == 1 and str(key.key_file()) in said[0] and str(made) not in said[0]
    assert key.key_file().stat().st_mode & 0o777 == 0o600
    assert list(key.key_file().parent.iterdir()) == [key.key_file()]
    monkeypatch.setenv(key.VARIABLE, str(KEY))
    assert str(key.find()) == str(KEY)
    monkeypatch.setenv(key.VARIABLE, "correct horse")
    with pytest.raises(ArchiveError, match="not a key") as caught:
        key.find_or_make(said.append)
    assert "correct horse" not in str(caught.value)


def test_the_list_names_what_cannot_be_used_and_skips_what_is_unfinished(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(key.VARIABLE, str(KEY))
    folder = tmp_path / create.FOLDER
    folder.mkdir()
    (folder / "a.tar.age").write_bytes(good.read_bytes())
    (folder / "b.tar.age").write_bytes(good.read_bytes()[:-1])
    (folder / "c.tar.age.partial").write_bytes(good.read_bytes())
    rows = catalog.rows(tmp_path)
    assert [(row.file, row.state, row.revision) for row in rows] == [
        ("a.tar.age", "ok", 3),
        ("b.tar.age", "damaged", 0),
    ]
    assert len({len(line) for line in catalog.table(rows)}) == 1
    assert catalog.find(tmp_path, "a.tar.age") == folder / "a.tar.age"
    with pytest.raises(UserError, match="no such archive"):
        catalog.find(tmp_path, "d.tar.age")
    (tmp_path / "passwd").write_text("root:x:0:0:\n")
    monkeypatch.delenv(key.VARIABLE)  # no key has to tell what is no archive
    with pytest.raises(ArchiveError, match="passwd: not a backup archive"):
        catalog.find(tmp_path, str(tmp_path / "passwd"))


def test_an_archive_never_takes_the_place_of_another_file(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert create.archive_path(tmp_path, "c", "r", now, "") == tmp_path / "backups/c-r-20260102T030405Z.tar.age"
    assert create.archive_path(tmp_path, "c", "r", now, str(tmp_path)) == tmp_path / "c-r-20260102T030405Z.tar.age"
    taken = tmp_path / "taken"
    taken.touch()
    with pytest.raises(UserError, match="exists already"):
        create.archive_path(tmp_path, "c", "r", now, str(taken))


def item(kind: str, name: str, **more: Any) -> dict[str, Any]:
    metadata = {"name": name, "namespace": "n", "uid": "u", "resourceVersion": "7", "managedFields": [], **more}
    return {"kind": kind, "apiVersion": "v1", "metadata": metadata, "data": {"K": "dg=="}}


def test_objects_are_kept_without_what_belongs_to_their_cluster() -> None:
    found = [
        item("Secret", "sh.helm.release.v1.r.v1", labels={"owner": "helm"}) | {"type": objects.HELM},
        item("Secret", "token") | {"type": objects.TOKEN},
        item("ConfigMap", "kube-root-ca.crt"),
        item("ConfigMap", "charts", annotations={objects.RELEASE: "r"}),
        item("Secret", "own") | {"type": "Opaque"},
    ]
    history, kept = objects.split(found)
    assert [one["metadata"] for one in history] == [
        {"name": "sh.helm.release.v1.r.v1", "namespace": "n", "labels": {"owner": "helm"}}
    ]
    assert [one["metadata"]["name"] for one in kept] == ["charts", "own"]
    assert [one["metadata"]["name"] for one in objects.free(kept)] == ["own"]
    assert objects.decode(objects.encode(kept)) == kept
    assert (objects.value(kept, "own", "K"), objects.value(kept, "none", "K")) == ("v", "")


@pytest.mark.parametrize(("more", "told"), [([], []), (["serviceaccount/a-persons"], ["serviceaccount/a-persons"])])
def test_what_each_namespace_has_is_nothing_that_a_restore_would_replace(
    monkeypatch: pytest.MonkeyPatch, more: list[str], told: list[str]
) -> None:
    held = ["namespace/n", "configmap/kube-root-ca.crt", "serviceaccount/default", *more]
    monkeypatch.setattr(restore.operate, "objects_to_delete", lambda session: held)
    assert restore.overwritten(Mock(), Mock(external=False)) == told


def test_a_dump_comes_in_pieces_and_has_to_be_complete() -> None:
    content = random.Random(1).randbytes(database.CHUNK_BYTES * 2 + 5)
    stream = content + database.END
    cuts = [0, 1, database.CHUNK_BYTES, database.CHUNK_BYTES + 3, len(content) + 2, len(stream)]
    chunks = [stream[start:end] for start, end in itertools.pairwise(cuts)]
    made = cut(chunks)
    assert b"".join(made) == content and [len(piece) for piece in made] == [
        database.CHUNK_BYTES,
        database.CHUNK_BYTES,
        5,
    ]
    with pytest.raises(UserError, match="broke before the dump was complete"):
        cut(chunks[:-1])


def cut(chunks: list[bytes]) -> list[bytes]:
    """The pieces of a dump that comes in chunks."""
    made: list[bytes] = []
    rest = yield_from(database.pieces(chunks, lambda total: None), made)
    return [*made, database.without_end(rest)]


def yield_from(source: Generator[bytes, None, bytes], into: list[bytes]) -> bytes:
    """Collect what a generator yields, and return what it returns."""
    while True:
        try:
            into.append(next(source))
        except StopIteration as end:
            return end.value


def test_where_the_database_is_follows_from_its_url() -> None:
    services = {"database", "backend-service"}
    assert database.where_is("postgresql://todo:p@database:5432/todo", services) == "cluster"
    assert database.where_is("postgresql://todo:p@database.chatbot-dev.svc/todo", services) == "cluster"
    assert database.where_is("postgresql://u:p@ep-1.eu.neon.tech/db?sslmode=require", services) == "external"
    for url in ("", "mysql://database/db", "postgresql:///x", "postgresql://[/"):
        with pytest.raises(UserError, match="no usable DATABASE_URL"):
            database.where_is(url, services)


WHOLE = {"db": {"usedBy": ["api"], "keys": {"POSTGRES_URL": {"database": {"scheme": "postgresql+asyncpg"}}}}}
PART = {"db": {"usedBy": ["api"], "keys": {"PGPASSWORD": {"database": {"part": "password"}}}}}
OUTSIDE = "postgresql+asyncpg://u:p@db.example.org/todo?ssl=require"


@pytest.mark.parametrize(
    ("secrets", "url", "variable", "where"),
    [
        (WHOLE, "postgresql+asyncpg://todo:p@database:5432/todo", "", "cluster"),
        (WHOLE, OUTSIDE, "", "external"),
        (PART, "", "", "cluster"),
        (PART, "", OUTSIDE, "external"),
        ({"keys": {"keys": {"API_KEY": {"from": "API_KEY"}}}}, "", "", "none"),
    ],
)
def test_the_database_of_any_app_is_found_by_the_apps_own_secrets(
    secrets: dict[str, Any], url: str, variable: str, where: str, outside: database.Database
) -> None:
    app = App("shop", "config/apps/shop.yaml", "page", secrets=secrets)
    release = SimpleNamespace(namespace="n")
    app_settings = SimpleNamespace(app=app, database_release=SimpleNamespace(name="database"), release=release)
    kubectl = SimpleNamespace(command=lambda *words: list(words))
    session: Any = SimpleNamespace(settings=app_settings, variables={"DATABASE_URL": variable}, kubectl=kubectl)
    kept = [item("Secret", "db") | {"data": {"POSTGRES_URL": base64.b64encode(url.encode()).decode()}}]
    found = create._database(session, kept, {"database", "api"}, {"shop": 1, "database": 1})
    assert found.where == where
    assert found.env.get("PGSSLMODE") == ("require" if where == "external" else None)


FAKE = """#!/bin/sh
case $0 in
*/pg_dump) printf 'dump of %s' "$PGUSER:$PGPASSWORD@$PGHOST:$PGPORT/$PGDATABASE $PGSSLMODE"
    test -z "$FAIL" || echo 'pg_dump: no such role' >&2
    exit ${FAIL:-0} ;;
*/pg_restore) cat; exit ${FAIL:-0} ;;
*/psql) cat >"$TAKEN"; grep -q '^COMMIT;' "$TAKEN" && echo restored; true ;;
esac
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> database.Database:
    """An external database, with programs that say what they were given."""
    for name in database.PROGRAMS:
        (tmp_path / name).write_text(FAKE)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("TAKEN", str(tmp_path / "taken"))
    return database.external("postgresql://us%40er:p%2Fw@db.example.org/todo?sslmode=require")


@pytest.mark.slow
def test_an_external_database_is_reached_by_the_environment_alone(outside: database.Database) -> None:
    (dumped,) = database.dump(Shell(), outside, lambda total: None)
    assert dumped == b"dump of us@er:p/w@db.example.org:5432/todo require"
    assert "p/w" not in repr(outside) + str(outside.command("pg_dump"))


@pytest.mark.slow
def test_a_dump_that_fails_is_no_dump(outside: database.Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FAIL", "3")
    with pytest.raises(CommandError, match="pg_dump: no such role"):
        list(database.dump(Shell(), outside, lambda total: None))


@pytest.mark.slow
def test_a_restore_is_committed_only_after_the_whole_dump(
    outside: database.Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: list[str] = []
    database.restore(Shell(echo=shown.append), outside, [b"SELECT 1;\n", b"SELECT 2;\n"])
    taken = (tmp_path / "taken").read_text()
    assert taken.startswith("BEGIN;") and "SELECT 1;\nSELECT 2;\nCOMMIT;\n" in taken
    assert len(shown) == 1 and "p/w" not in shown[0]
    monkeypatch.setenv("FAIL", "1")
    with pytest.raises(CommandError):
        database.restore(Shell(echo=shown.append), outside, [b"SELECT 1;\n"])
    assert "COMMIT" not in (tmp_path / "taken").read_text()


@pytest.mark.slow
def test_a_restore_stops_where_the_archive_turns_out_to_be_damaged(outside: database.Database, tmp_path: Path) -> None:
    def chunks() -> Iterator[bytes]:
        yield b"SELECT 1;\n"
        raise ArchiveError("damaged", "it is damaged")

    with pytest.raises(ArchiveError):
        database.restore(Shell(echo=lambda line: None), outside, chunks())
    taken = tmp_path / "taken"
    assert not taken.exists() or "COMMIT" not in taken.read_text()


def test_without_client_programs_an_external_database_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="lacks pg_dump, pg_restore, psql"):
        database.external("postgresql://u:p@h/d", path=str(tmp_path))


def test_a_backup_to_a_folder_that_is_not_there_makes_it(tmp_path: Path) -> None:
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    for output, place in (("not/there/", "not/there/c-r-20260102T030405Z.tar.age"), ("nor/here", "nor/here")):
        file = create.archive_path(tmp_path, "c", "r", now, f"{tmp_path}/{output}")
        archive.write(file, KEY, PARTS, described)
        assert file == tmp_path / place and state(file) == "ok"
    below = create.archive_path(tmp_path, "c", "r", now, f"{tmp_path}/nor/here/a.tar.age")
    with pytest.raises((UserError, OSError), match="nor/here"):
        archive.write(below, KEY, PARTS, described)


@pytest.mark.parametrize("kind", ["secrets", "services"])
def test_an_archive_that_would_lack_something_is_not_begun_and_the_kind_is_named(kind: str) -> None:
    run: Any = SimpleNamespace(
        session=SimpleNamespace(kubectl=SimpleNamespace(visible=lambda *_: ([], ["pods", kind]))), namespace="shop"
    )
    with pytest.raises(UserError, match=f"this account may not list {kind} in shop") as refused:
        create.read_release(run)
    assert "lacks that right" in refused.value.hint


def test_what_an_archive_cannot_tell_of_is_named_and_does_not_stop_it() -> None:
    """Who may not list claims has all that an archive is made of."""
    told: list[Any] = []
    history = [{"metadata": {"name": "sh.helm.release.v1.todo.v1"}}]
    live = create.ReleaseState(history, [], {}, {}, {}, database.NONE, hidden=("persistentvolumeclaims",))
    run: Any = SimpleNamespace(session=None, display=SimpleNamespace(outcome=told.append))
    assert [name for name, _ in create.parts(run, live)] == [create.HISTORY, create.CONFIGURATION]
    assert any("may not list persistentvolumeclaims" in one.detail and one.status == "skipped" for one in told)
