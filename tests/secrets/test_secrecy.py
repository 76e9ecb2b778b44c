"""What the product knows as the value of a Secret is told nowhere, whatever stands beside it."""

from __future__ import annotations

import base64
import json
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from invoke import Exit

from scripts.errors import UserError
from scripts.release import operate
from scripts.secrets import secrecy, sync, versions
from scripts.secrets.redact import redact
from scripts.tasks import support

BARE = "correct horse, battery: 7"  # no shape, and no name beside it gives it away
URL = "postgresql://todo:zebra-crossing@db.example.org:5432/todo"
ROTATED = "0b9f-signing-with-this-now,77aa-signing-before-this"
FILE = json.dumps({"type": "service_account", "nested": [{"private_key_id": "opal river nine"}]})


def secret(values: dict[str, str], kind: str = "Opaque") -> dict[str, Any]:
    data = {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}
    return {"kind": "Secret", "metadata": {"name": "app", "namespace": "shop"}, "type": kind, "data": data}


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("SIGNING", BARE, BARE),
        ("DATABASE_URL", URL, "zebra-crossing"),
        ("AUTH", ROTATED, "77aa-signing-before-this"),
        ("AUTH", ROTATED, "0b9f-signing-with-this-now"),
        ("key.json", FILE, "opal river nine"),
        ("DSN", "host=db user=todo password=lemon-tree-55 sslmode=require", "lemon-tree-55"),
        ("CONNECTION", "Server=db;User Id=sa;Password=lemon-tree-55;", "lemon-tree-55"),
    ],
)
def test_a_value_that_is_known_is_hidden_beside_any_name(key: str, value: str, told: str) -> None:
    line = f"starting with note {told} of today"
    assert told in redact(line)[0]  # by itself nothing gives it away
    secrecy.remember_secret(secret({key: value}))
    assert told not in secrecy.clean(line)


@pytest.mark.parametrize(
    ("key", "value"),
    [("LOG_LEVEL", "warning"), ("DATABASE", "todo_app"), ("PORT", "54321"), ("PASSWORD", "postgres"), ("PIN", "1234"),
     ("MODEL", "sonnet"), ("FLAG", "true"), ("PUBLIC_URL", "https://shop.example.org")],
)  # fmt: skip
def test_what_hides_nothing_stays_readable(key: str, value: str) -> None:
    secrecy.remember_secret(secret({key: value}))
    assert secrecy.clean(f"the {value} of the day") == f"the {value} of the day"


def test_what_a_release_keeps_is_no_secret_of_the_app() -> None:
    secrecy.remember_secret(secret({"release": "SGVsbG8gd29ybGQ"}, "helm.sh/release.v1"))
    assert secrecy.clean("SGVsbG8gd29ybGQ") == "SGVsbG8gd29ybGQ"


class Cluster:
    """A kubectl whose namespace has one Secret, and which counts how often it is asked."""

    kubeconfig, context = Path("kubeconfig"), "ours"

    def __init__(self, refuses: str = "") -> None:
        self.shell = SimpleNamespace(dry=False)
        self.refuses = refuses
        self.asked = 0

    def items(self, *_: str) -> list[dict[str, Any]]:
        self.asked += 1
        if self.refuses:
            raise UserError(self.refuses)
        return [secret({"SIGNING": BARE})]

    def visible(self, *_: str) -> tuple[list[dict[str, Any]], list[str]]:
        return self.items(), []

    def named(self, *_: object) -> list[dict[str, Any]]:
        return self.items()

    def apply(self, *_: object, **__: object) -> None:
        """Take what is written."""


def _read_once(cluster: Any) -> None:
    secrecy.read_once(cluster, "shop")


def _versions(cluster: Any) -> None:
    versions.read(cluster, "shop", ["app"])


def _held(cluster: Any) -> None:
    sync.held_by(cluster, "shop", {"app": {"keys": {"SIGNING": {}}}})


def _written(cluster: Any) -> None:
    sync.write(cluster, "shop", sync.Change("app", {"SIGNING": BARE}, True, ("SIGNING",), ()))


@pytest.mark.parametrize("way", [_read_once, _versions, _held, _written])
def test_whatever_reads_or_writes_a_secret_makes_it_known(way: Callable[[Any], None]) -> None:
    way(Cluster())
    assert BARE not in secrecy.clean(f"a log of {BARE}")


def test_a_namespace_is_read_once_and_again_where_it_could_not_be() -> None:
    refusing, answering = Cluster("EOF"), Cluster()
    assert not secrecy.read_once(refusing, "shop")  # type: ignore[arg-type]
    assert not secrecy.read_once(refusing, "shop")  # type: ignore[arg-type]
    assert refusing.asked == 2
    assert secrecy.read_once(answering, "shop")  # type: ignore[arg-type]
    assert secrecy.read_once(answering, "shop")  # type: ignore[arg-type]
    assert answering.asked == 1
    assert secrecy.read_once(answering, "shop", anew=True)  # type: ignore[arg-type]
    assert answering.asked == 2 and BARE in secrecy.known()


def test_an_error_its_remedy_and_a_fault_hide_what_is_known(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secrecy.remember({"SIGNING": BARE})
    monkeypatch.setattr("scripts.host.paths.ROOT", tmp_path)
    monkeypatch.setattr(sys, "argv", ["invoke", BARE])
    with pytest.raises(Exit), support.errors_explained():
        raise UserError(f"helm: NOTES: log in with {BARE}", f"or with {BARE}")
    with pytest.raises(Exit) as ended, support.errors_explained():
        raise RuntimeError(f"docker: {BARE}")
    (kept,) = (tmp_path / "reports").iterdir()
    told = f"{capsys.readouterr().err}{ended.value}{kept.read_text()}"
    assert BARE not in told and "log in with" in told and "docker" in told


def _logging(pieces: list[bytes]) -> Any:
    @contextmanager
    def reading(_: object) -> Iterator[Iterator[bytes]]:
        yield iter(pieces)

    cluster: Any = Cluster()
    cluster.find = lambda *_: {"spec": {"selector": {"matchLabels": {"app": "web"}}}}
    cluster.command = lambda *words: ["kubectl", *words]
    return SimpleNamespace(kubectl=cluster, shell=SimpleNamespace(reading=reading, dry=False))


def test_the_log_of_a_service_is_shown_line_by_line_without_what_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    there = SimpleNamespace(kind="Deployment", name="web", resource="deployment/web", namespace="shop")
    monkeypatch.setattr(operate, "workload", lambda *_: there)
    whole = f"begun\r\nhello {BARE}\n\nlast: {BARE}".encode()
    pieces = [whole[:14], whole[14:30], whole[30:]]
    lines = list(operate.logs(_logging(pieces), "web", follow=False, tail=9))
    assert lines == ["begun\r", "hello <SECRET_1>", "", "last: <SECRET_1>"]


class Slow(frozenset[Any]):
    """What is known, whose next addition waits until another thread is on its way."""

    begun, go_on = threading.Event(), threading.Event()

    def __or__(self, more: Any) -> Any:
        self.begun.set()
        self.go_on.wait(30)
        return super().__or__(more)


def test_what_two_threads_meet_at_a_time_is_hidden_of_both() -> None:
    secrecy.forget()
    secrecy._KNOWN.settings = Slow()
    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(secrecy.remember, {"FIRST_TOKEN": "opal river nine"})
        Slow.begun.wait(30)
        second = pool.submit(secrecy.remember, {"SECOND_TOKEN": "amber field four"})
        wait([second], timeout=0.2)  # without a lock it would be done by now, and be lost
        Slow.go_on.set()
        first.result(30), second.result(30)
    assert secrecy.clean("opal river nine") != "opal river nine"
    assert secrecy.clean("amber field four") != "amber field four"
