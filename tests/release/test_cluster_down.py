"""A cluster that stores something is not removed at a terminal before a person was told what goes, and said yes."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from invoke import Exit

from scripts.clusters.states import Reading
from scripts.clusters.target import Target
from scripts.context import release_lock
from scripts.errors import UserError
from scripts.host import terminal
from scripts.host.shell import Shell
from scripts.settings.model import Outcome
from scripts.tasks import cluster

CLAIM = {"metadata": {"name": "database", "namespace": "chatbot-dev"}}


@pytest.fixture
def removed(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """What was removed, at a terminal."""
    done: list[str] = []
    monkeypatch.setattr(release_lock, "hold_release_lock", lambda session: release_lock.nullcontext())
    monkeypatch.setattr(cluster, "remove_cluster", lambda session: done.append("all") or Outcome("down", "c", "done"))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: True))
    yield done


def down(claims: Any, state: Any = "running", *, yes: bool = False) -> None:
    """Run `invoke cluster.down` on a cluster that is found so, and says that of its claims."""

    def get(*_: str) -> Any:
        if isinstance(claims, UserError):
            raise claims
        return {"items": claims}

    found = SimpleNamespace(is_removable=lambda: Target.is_removable(like))
    like: Any = SimpleNamespace(read=lambda: Reading(state), is_ours=lambda: True)
    session: Any = SimpleNamespace(cluster=found, kubectl=SimpleNamespace(get=get), shell=Shell())
    inspect.unwrap(cluster.down.body)(session, yes=yes)


@pytest.mark.parametrize("claims", [[CLAIM], UserError("it is stopped")])
@pytest.mark.parametrize("said", ["no", "", "y"])
def test_a_person_is_asked(
    removed: list[str], claims: Any, said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "typed", lambda question: said)
    with pytest.raises(Exit):
        down(claims)
    told = capsys.readouterr().out
    assert not removed and ("chatbot-dev: persistentvolumeclaim/database" in told or "it is stopped" in told)


def test_a_yes_is_one(removed: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(terminal, "typed", lambda question: "yes")
    down([CLAIM])
    assert removed


def test_a_script_goes_on_and_the_output_says_what_went(
    removed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(terminal, "typed", lambda question: pytest.fail("a script was asked"))
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(isatty=lambda: False))
    down([CLAIM])
    assert removed and "persistentvolumeclaim/database" in capsys.readouterr().out


@pytest.mark.parametrize(("claims", "state"), [([], "running"), (UserError("there is none"), "absent")])
def test_where_nothing_is_stored_nobody_is_asked(
    removed: list[str], claims: Any, state: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(terminal, "typed", lambda question: pytest.fail("asked for nothing"))
    down(claims, state)
    assert removed
