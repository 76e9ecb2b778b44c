"""Secrets get values from the environment, from the cluster or at random, and never show them."""

import base64
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.fernet import Fernet
from pyrage import decrypt
from pyrage.x25519 import Identity

from scripts.backup.key import find as find_backup_key
from scripts.errors import SettingsError, UserError
from scripts.host.paths import ROOT
from scripts.host.shell import CommandError, Result, Shell
from scripts.kube.kubectl import Kubectl
from scripts.secrets import dotenv_file, key, sync, vault
from scripts.secrets.redact import redact
from scripts.settings.configuration import read_app

APP = read_app(ROOT, "todo-chatbot")["secrets"]
CONFIG = sync.with_database(APP)


def decide(variables: dict[str, str], held: dict[str, dict[str, str]] | None = None) -> dict[str, sync.Change]:
    local_database = sync.uses_local_database(variables)
    changes = sync.decide(
        CONFIG, variables, held or {}, local_database=local_database, generate=lambda size: f"random{size}"
    )
    return {change.name: change for change in changes}


def test_a_first_run_generates_what_it_can_and_points_the_backend_at_the_standin() -> None:
    changes = decide({})
    assert set(changes) == {"auth-secrets", "database-credentials", "database-secrets"}
    assert changes["database-secrets"].data["DATABASE_URL"] == "postgresql://todo:random32@database:5432/todo"
    assert all(change.created for change in changes.values())


def test_a_second_run_changes_nothing() -> None:
    held = {name: dict(change.data) for name, change in decide({}).items()}
    assert decide({}, held) == {}


def test_a_generated_value_is_written_as_its_reader_takes_it() -> None:
    keys = {"FERNET": {"generate": 32, "encoding": "base64url"}, "HEX": {"generate": 32, "encoding": "hex"}}
    config = {"keys": {"usedBy": ["api"], "keys": keys}}
    (change,) = sync.decide(config, {}, {}, local_database=False)
    assert Fernet(change.data["FERNET"]) and len(bytes.fromhex(change.data["HEX"])) == 32


def test_generated_values_are_kept() -> None:
    held = {"auth-secrets": {"AUTH_SECRET": "a" * 64, "JWT_SECRET": "b" * 64}}
    assert "auth-secrets" not in decide({}, held)


def test_an_external_database_needs_no_standin() -> None:
    url = "postgresql://ada:secret@db.example.org/todo"
    changes = decide({"DATABASE_URL": url})
    assert "database-credentials" not in changes
    assert changes["database-secrets"].data == {"DATABASE_URL": url}


def test_a_changed_key_names_who_has_to_restart() -> None:
    held = {name: dict(change.data) for name, change in decide({"OPENAI_API_KEY": "old"}).items()}
    changes = decide({"OPENAI_API_KEY": "new"}, held)
    assert list(changes) == ["api-keys"]
    assert (changes["api-keys"].keys, changes["api-keys"].used_by) == (("OPENAI_API_KEY",), ("agent",))


def test_a_key_that_nothing_gives_any_more_is_named_when_it_is_taken_away() -> None:
    held = {name: dict(change.data) for name, change in decide({"OPENAI_API_KEY": "old"}).items()}
    assert decide({}, held)["api-keys"].told == "api-keys (without OPENAI_API_KEY, which nothing gives any more)"
    assert decide({"OPENAI_API_KEY": "new"}, held)["api-keys"].told == "api-keys"


def test_who_gives_another_signing_key_is_told_that_people_have_to_log_in_again() -> None:
    held = {"auth-secrets": {"AUTH_SECRET": "a" * 64, "JWT_SECRET": "b" * 64}}
    told = decide({"JWT_SECRET": "n" * 48}, held)["auth-secrets"].told
    assert "signed with JWT_SECRET before is valid no longer: people log in again" in told and "bbb" not in told
    assert decide({"JWT_SECRET": f"{'n' * 48},{'b' * 64}"}, held)["auth-secrets"].told == "auth-secrets"


def test_a_value_that_its_reader_refuses_is_named_before_anything_is_written() -> None:
    with pytest.raises(UserError, match=r"auth-secrets\.JWT_SECRET: variable JWT_SECRET: too short, needs 16") as told:
        decide({"JWT_SECRET": "hunter2"})
    assert "hunter2" not in str(told.value)


def held_secret(note: str | None, **values: str) -> dict[str, Any]:
    annotations = {} if note is None else {sync.GENERATED: note}
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"metadata": {"name": "auth-secrets", "annotations": annotations}, "data": data}


def test_a_given_value_that_no_release_was_healthy_with_is_not_kept_as_if_it_were_generated() -> None:
    given = held_secret("AUTH_SECRET", AUTH_SECRET="a" * 64, JWT_SECRET="given-by-somebody")
    doubtful = sync.doubtful_keys([given], CONFIG, [])
    assert doubtful == {("auth-secrets", "JWT_SECRET")}
    values = {"auth-secrets": {"AUTH_SECRET": "a" * 64, "JWT_SECRET": "given-by-somebody"}}
    [change] = [
        one
        for one in sync.decide(
            CONFIG, {}, values, local_database=True, doubtful=doubtful, generate=lambda size: "new" * 20
        )
        if one.name == "auth-secrets"
    ]
    assert dict(change.data) == {"AUTH_SECRET": "a" * 64, "JWT_SECRET": "new" * 20}
    assert change.generated == ("AUTH_SECRET", "JWT_SECRET")


def test_a_given_value_that_was_proved_is_kept_and_so_is_what_says_nothing_of_its_origin() -> None:
    given = held_secret("", JWT_SECRET="given-by-somebody")
    assert sync.doubtful_keys([given], CONFIG, [{"auth-secrets": given["data"]}]) == set()
    assert sync.doubtful_keys([held_secret(None, JWT_SECRET="by hand")], CONFIG, []) == set()


def test_a_cluster_that_does_not_answer_is_not_one_without_secrets() -> None:
    class Silent(Shell):
        def probe(self, argv: Any, **how: Any) -> Result:
            return Result(1, "", "the server is currently unable to handle the request")

    kubectl = Kubectl(Path("kubectl"), Path("/none"), "c", Silent())
    with pytest.raises(UserError, match="unable to handle"):
        sync.held_by(kubectl, "shop", CONFIG)


def test_a_secret_of_a_service_that_is_not_deployed_is_not_made() -> None:
    config = sync.concerning(APP, ["frontend", "backend"])
    assert set(config) == {"auth-secrets", "database-credentials", "database-secrets"}
    assert config["database-secrets"]["usedBy"] == ["backend"]


def test_a_value_without_a_source_is_named() -> None:
    config = {"s": {"keys": {"K": {"from": "K_VAR"}}}}
    with pytest.raises(UserError, match=r"s\.K: set K_VAR"):
        sync.decide(config, {}, {}, local_database=True)


def test_values_show_nowhere_but_in_the_manifest_itself() -> None:
    change = decide({"OPENAI_API_KEY": "sk-very-secret"})["api-keys"]
    assert "very-secret" not in repr(change)
    written = sync.manifest(change, "n")
    assert written["data"] == {"OPENAI_API_KEY": "c2stdmVyeS1zZWNyZXQ="}
    shown = sync.censored(written)
    assert "c2stdmVyeS1zZWNyZXQ=" not in shown and "***" in shown


def test_a_secret_that_a_person_has_made_immutable_is_refused_with_the_way_out() -> None:
    """The words are a real Kubernetes's; another refusal stays as it is."""
    said = 'The Secret "auth" is invalid: data: Forbidden: field is immutable when `immutable` is set'

    def apply(items: Any, **_: Any) -> None:
        raise CommandError(["kubectl", "apply"], Result(1, "", said))

    cluster: Any = SimpleNamespace(apply=apply)
    change = sync.Change("auth", {"KEY": "0123456789abcdef"}, False, ("KEY",), ("backend",))
    with pytest.raises(CommandError, match="field is immutable") as told:
        sync.write(cluster, "shop", change)
    assert "kubectl delete secret auth --namespace shop" in (told.value.hint or "")
    said = "error: the server is busy"
    with pytest.raises(CommandError) as told:
        sync.write(cluster, "shop", change)
    assert not told.value.hint


def test_the_end_of_a_line_is_no_part_of_a_value(tmp_path: Path) -> None:
    """As a value has it that was pasted into a build server's form."""
    (tmp_path / ".env").write_text('B="b\\n"\nEMPTY="\\n"\n')
    assert sync.known_variables(tmp_path, {"A": "a\r\n", "C": "c\nd\n"}) == {"A": "a", "B": "b", "C": "c\nd"}


def test_the_environment_wins_over_the_file(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("# keys\nexport A='1'\nB=2\nEMPTY=\n")
    assert sync.known_variables(tmp_path, {"B": "3", "C": ""}) == {"A": "1", "B": "3"}


def test_a_wrong_line_of_the_file_is_named_without_showing_it(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("A=1\nsk-secret\n")
    with pytest.raises(SettingsError, match="line 2") as caught:
        sync.known_variables(tmp_path, {})
    assert "sk-secret" not in str(caught.value)


def test_a_slip_in_a_name_is_told_and_other_names_are_somebody_elses(tmp_path: Path) -> None:
    """A database of its own would stand in for the one that was meant, and nobody would hear of it."""
    (tmp_path / ".env").write_text("DATABSE_URL=x\nOPENAI_APIKEY=y\nJWT_SECRETS=z\nNEXTAUTH_SECRET=n\nPORT=1\n")
    told = sorted(sync.mistyped(tmp_path, CONFIG, {"JWT_SECRET": "given"}))
    assert [line.partition(":")[2].partition(":")[0].strip() for line in told] == ["DATABSE_URL", "OPENAI_APIKEY"]
    assert "is DATABASE_URL meant, which has no value?" in told[0] and "x" not in told[0].split()
    (tmp_path / ".env").write_text("DATABASE_URL=x\n")
    assert not list(sync.mistyped(tmp_path, CONFIG, {"DATABASE_URL": "x"}))


def test_a_rotated_secret_keeps_the_one_before_for_what_it_signed() -> None:
    held = {
        "auth-secrets": {"AUTH_SECRET": "b,a", "JWT_SECRET": "x"},
        "database-credentials": {"POSTGRES_PASSWORD": "p"},
    }
    (change,) = sync.rotated(CONFIG, held, generate=lambda size: "new")
    assert change.data == {"AUTH_SECRET": "new,b", "JWT_SECRET": "new,x"}
    assert (change.name, change.used_by) == ("auth-secrets", ("backend",))


def test_a_value_may_come_from_a_file() -> None:
    config = {"s": {"keys": {"K": {"file": "key.txt"}}}}
    (change,) = sync.decide(config, {}, {}, local_database=True, files={"key.txt": "content"})
    assert change.data == {"K": "content"}


def test_a_file_may_hold_any_bytes_and_one_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    config = {"k": {"usedBy": ["a"], "keys": {"K": {"file": "key.bin"}}}}
    (tmp_path / "key.bin").write_bytes(b"\xff\x00\xfe key\n")
    (change,) = sync.decide(config, {}, {}, local_database=True, files=sync.contents(config, tmp_path))
    assert sync.manifest(change, "n")["data"]["K"] == base64.b64encode(b"\xff\x00\xfe key").decode()
    (tmp_path / "key.bin").unlink()
    (tmp_path / "key.bin").mkdir()
    with pytest.raises(UserError, match=r"key\.bin: cannot be read: Is a directory"):
        sync.contents(config, tmp_path)
    with pytest.raises(UserError, match=r"k\.K: write it to the file key\.bin"):
        sync.decide(config, {}, {}, local_database=True)


def test_a_key_may_have_the_value_of_another_also_of_a_local_databases(tmp_path: Path) -> None:
    keys = {"A": {"same": "k.B"}, "B": {"same": "k.C"}, "C": {"database": {}}, "O": {"same": "k.N", "optional": True}}
    config = sync.with_database({"k": {"keys": keys | {"N": {"from": "N", "optional": True}}}})
    data = {change.name: change.data for change in sync.decide(config, {}, {}, local_database=True)}["k"]
    assert data["A"] == data["B"] == data["C"] and data["C"].startswith("postgresql://todo:")
    assert "O" not in data
    with pytest.raises(UserError, match=r"k\.P: has the value of a key that has none"):
        more = keys | {"N": {"from": "N", "optional": True}, "P": {"same": "k.N"}}
        sync.decide(sync.with_database({"k": {"keys": more}}), {}, {}, local_database=True)


def test_the_table_names_sources_and_shows_no_value() -> None:
    rows = sync.check_rows(
        CONFIG,
        {"OPENAI_API_KEY": "sk-secret"},
        {"api-keys": {"OPENAI_API_KEY": "sk-secret"}},
        local_database=True,
        proved=["api-keys"],
    )
    text = str(rows)
    assert "sk-secret" not in text
    assert ("api-keys", "OPENAI_API_KEY", "yes", "variable OPENAI_API_KEY") in rows
    assert ("database-secrets", "DATABASE_URL", "no", "the local database") in rows


def test_what_a_run_would_refuse_is_told_by_the_table_and_all_at_once(tmp_path: Path) -> None:
    keys = {"URL": {"database": {}}, "SHORT": {"from": "SHORT", "minLength": 9}, "GONE": {"from": "GONE", "file": "f"}}
    config = sync.with_database({"k": {"keys": keys}})
    variables = {"DATABASE_URL": "postgresql://u:very-secret@localhost/db", "SHORT": "abc"}
    rows = {row[1]: row[3] for row in sync.check_rows(config, variables, {}, local_database=False)}
    assert rows["URL"].startswith("variable DATABASE_URL, UNFIT: names this machine's loopback")
    assert "UNFIT: too short" in rows["SHORT"]
    assert rows["GONE"] == "MISSING: set GONE in the environment or in .env, or write it to the file f"
    with pytest.raises(UserError) as told:
        sync.refuse_unfit(config, tmp_path, variables)
    assert all(part in str(told.value) for part in ("k.URL", "k.SHORT", "k.GONE"))
    assert "very-secret" not in f"{told.value}{rows}"
    (tmp_path / "f").write_text("x\n")
    found = sync.contents(config, tmp_path)
    assert sync.check_rows(config, {}, {}, local_database=True, files=found)[3][3] == "file f"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout whose user has no key yet."""
    for name in (key.VARIABLE, key.OLD_VARIABLE, vault.OLD_KEY_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "home/config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home/state"))
    (tmp_path / "config").mkdir()
    return tmp_path


def test_the_encrypted_file_is_a_source_and_unreadable_without_its_key(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    assert vault.edit(tree, lambda draft: int(not draft.write_text("A=very-secret\n")), said.append)
    assert b"very-secret" not in (tree / vault.FILE).read_bytes()
    assert sync.known_variables(tree, {}) == {"A": "very-secret"}
    assert not vault.edit(tree, lambda draft: 0, said.append)
    assert key.key_file().stat().st_mode & 0o077 == 0
    assert len(said) == 1 and str(key.key_file()) in said[0]
    key.key_file().unlink()
    with pytest.raises(UserError, match="no key for it"):
        sync.known_variables(tree, {})
    with pytest.raises(UserError, match="was written with one"):
        vault.write(tree, "A=other\n", said.append)
    assert not key.key_file().exists()
    assert key.encrypted_files(tree) == [tree / vault.FILE], "which a backup, too, makes no new key beside"
    monkeypatch.setenv(key.VARIABLE, str(Identity.generate()))
    with pytest.raises(UserError, match="cannot be decrypted"):
        sync.known_variables(tree, {})


@pytest.mark.slow
def test_a_file_that_is_being_edited_is_not_edited_by_another(tree: Path) -> None:
    """The second to end would take the first one's lines away."""

    def editor(draft: Path) -> int:
        other = subprocess.run(
            [sys.executable, "-c", SECOND, str(tree)], cwd=ROOT, capture_output=True, text=True, check=False
        )
        assert "another run is at work" in other.stderr
        draft.write_text("A=1\n")
        return 0

    assert vault.edit(tree, editor, print) and vault.read(tree) == "A=1\n"


@pytest.mark.parametrize("written", ["A=new\n", "A=\udcff\n"])
def test_what_a_person_wrote_is_not_lost_where_it_cannot_be_kept(
    tree: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    """The disk is full, the folder is somebody else's, it is no UTF-8: the lines are told where they are."""

    def full(file: Path, content: bytes, **how: Any) -> None:
        raise OSError(28, "No space left on device")

    vault.write(tree, "A=old\n", print)
    monkeypatch.setattr(vault, "write_whole", full)
    with pytest.raises(UserError, match=r"cannot be written|not UTF-8") as problem:
        vault.edit(tree, lambda draft: int(not draft.write_bytes(written.encode(errors="surrogateescape"))), print)
    [place] = re.findall(r"what you wrote is in (\S+):", problem.value.hint)
    assert Path(place).read_bytes() == written.encode(errors="surrogateescape")
    assert Path(place).stat().st_mode & 0o077 == 0 == Path(place).parent.stat().st_mode & 0o077
    shutil.rmtree(Path(place).parent)
    assert vault.read(tree) == "A=old\n"


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"EDITOR": "sh -c 'exit 0'"}, ["sh", "-c", "exit 0"]),
        ({"EDITOR": "nothere", "VISUAL": "env X=1 sh"}, ["env", "X=1", "sh"]),
        ({"EDITOR": "nothere --wait"}, "EDITOR=nothere --wait: there is no such program"),
        ({"EDITOR": "sh 'x"}, "No closing quotation"),
        ({"EDITOR": "code"}, "goes on before you have written"),
        ({"EDITOR": "code --wait"}, ["code", "--wait"]),
        ({}, "no terminal to edit in"),
    ],
)
def test_an_editor_is_named_with_its_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], words: list[str] | str
) -> None:
    (tmp_path / "code").write_text("#!/bin/sh\n")
    (tmp_path / "code").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    if isinstance(words, list):
        assert vault.editor(variables, terminal=False) == words
        return
    with pytest.raises(UserError, match=words):
        vault.editor(variables, terminal=False)


def test_a_reference_that_nothing_gives_is_named_and_is_not_taken_for_nothing(tree: Path) -> None:
    """An empty DATABASE_URL would mean the local database, and a run would call that done."""
    (tree / ".env").write_text(
        "DATABASE_URL=${NEON}\nNEON=postgresql://u:p@h/d\nOTHER=${NOBODYS}\nX=${NEON}${Y:-z}\nASKED=${NEON:?say it}\n"
    )
    known = sync.known_variables(tree, {})
    assert known["X"] == "postgresql://u:p@h/dz" and known["OTHER"] == "${NOBODYS}"
    asked = known["ASKED"]
    assert isinstance(asked, dotenv_file.Unresolved) and asked.lacks == "NEON:?say it", (
        "no form that this dialect knows"
    )
    config = {"database-secrets": {"keys": {"DATABASE_URL": {"from": "DATABASE_URL", "database": {}}}}}
    assert not sync.uses_local_database(known)
    with pytest.raises(UserError, match=r"database-secrets.DATABASE_URL: .*refers to \$\{NEON\}, which neither"):
        sync.decide(config, known, {}, local_database=False)
    rows = sync.check_rows(config, known, {}, local_database=False)
    assert "refers to ${NEON}" in rows[1][3] and "scheme" not in rows[1][3], "one reason, and the same"


SECOND = """
import pathlib, sys
from scripts.secrets import vault
vault.edit(pathlib.Path(sys.argv[1]), lambda file: 0, print)
"""


def test_any_age_program_opens_the_encrypted_file_with_the_one_key(tree: Path) -> None:
    vault.write(tree, "A=1\n", lambda line: None)
    identity = next(line for line in key.key_file().read_text().splitlines() if line.startswith(key.PREFIX))
    content = (tree / vault.FILE).read_bytes()
    assert content.startswith(b"-----BEGIN AGE ENCRYPTED FILE-----")
    assert decrypt(content, [Identity.from_str(identity)]) == b"A=1\n"
    assert str(find_backup_key()) == identity


def test_a_file_of_the_format_before_is_read_and_written_anew_with_nothing_lost(tree: Path) -> None:
    old = Fernet.generate_key()
    vault.old_key_file().parent.mkdir(parents=True)
    vault.old_key_file().write_bytes(old)
    (tree / vault.FILE).write_bytes(Fernet(old).encrypt(b"A=very-secret\n"))
    assert sync.known_variables(tree, {}) == {"A": "very-secret"} and vault.is_outdated(tree)
    said: list[str] = []
    assert vault.migrate(tree, said.append) and not vault.migrate(tree, said.append)
    assert sync.known_variables(tree, {}) == {"A": "very-secret"}
    assert vault.old_key_file().read_bytes() == old and "very-secret" not in "".join(said)


def test_a_file_of_the_format_before_without_its_key_is_left_as_it_is(tree: Path) -> None:
    content = Fernet(Fernet.generate_key()).encrypt(b"A=1\n")
    (tree / vault.FILE).write_bytes(content)
    with pytest.raises(UserError, match="in the format before, and no key"):
        vault.migrate(tree, lambda line: None)
    assert (tree / vault.FILE).read_bytes() == content


def test_a_persons_own_key_in_a_secret_is_left_and_starts_no_pod_anew() -> None:
    """An apply leaves it, so that it would be `taken away` again at every run, and its readers replaced each time."""
    owners = [
        {"manager": "todo-chatbot", "operation": "Apply", "fieldsV1": {"f:data": {"f:KEY": {}, "f:OLD": {}}}},
        {"manager": "kubectl-patch", "operation": "Update", "fieldsV1": {"f:data": {"f:MINE": {}}}},
    ]
    held = {key: base64.b64encode(key.encode()).decode() for key in ("KEY", "MINE", "OLD")}
    secret = {"metadata": {"name": "k", "managedFields": owners}, "data": held}
    applied: list[Any] = []
    cluster: Any = SimpleNamespace(
        named=lambda *_: [secret], apply=lambda items, **_: applied.extend(items), shell=SimpleNamespace(dry=False)
    )

    def synced(config: dict[str, Any]) -> list[str]:
        return [change.told for change in sync.sync(cluster, ROOT, "n", {"KEY": "KEY", "OLD": "OLD"}, config)]

    def config(*names: str) -> dict[str, Any]:
        return {"k": {"usedBy": [], "keys": {name: {"from": name} for name in names}}}

    assert synced(config("KEY", "OLD")) == [] and not applied
    assert synced(config("KEY")) == ["k (without OLD, which nothing gives any more)"]
    assert applied[0]["data"].keys() == {"KEY"}


@pytest.mark.parametrize("key", ["JWT_SECRET", "POSTGRES_PASSWORD", "OPENAI_API_KEY", "ACCESS_TOKEN", "passphrase"])
@pytest.mark.parametrize(
    ("source", "variables"),
    [
        ({"from": "GIVEN", "minLength": 16}, {"GIVEN": "abc"}),
        ({"from": "GIVEN"}, {}),
        ({"from": "GIVEN", "file": "keys/own.txt"}, {}),
        ({"from": "GIVEN", "database": {"scheme": "postgresql"}}, {"GIVEN": "mysql://h/x"}),
        ({"same": "other.ABSENT"}, {}),
    ],
)
def test_what_is_wrong_with_a_value_is_readable_where_secrets_are_hidden(
    key: str, source: dict[str, Any], variables: dict[str, str]
) -> None:
    """Its name, a colon and a word are the shape of a secret that is set; here they are the product's own sentence."""
    config = {"auth": {"usedBy": ["api"], "keys": {key: source}}, "other": {"keys": {"ABSENT": {"optional": True}}}}
    with pytest.raises(UserError) as caught:
        sync.decide(config, variables, {}, local_database=False)
    assert redact(str(caught.value), variables.values())[0] == str(caught.value)


@pytest.mark.parametrize("value", ["variable", "hunter2", "too-short", "isempty", "set", "has"])
def test_a_value_that_begins_as_a_sentence_of_the_product_is_hidden_all_the_same(value: str) -> None:
    assert value not in redact(f"JWT_SECRET: {value}")[0].removeprefix("JWT_SECRET")
