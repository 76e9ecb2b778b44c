"""What a run lacks is told before its first effect, and all of it at once."""

from __future__ import annotations

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.context.run import Run
from scripts.doctor.checks import GIB
from scripts.doctor.facts import Client, Facts
from scripts.errors import UserError
from scripts.host import network
from scripts.host.shell import Result
from scripts.pipeline import lacking
from scripts.reporting.display import PlainDisplay
from scripts.settings.configuration import read_settings

FIT = Facts(
    python=(3, 12),
    clients=(Client("/usr/bin/docker", "27", True),),
    engine={"ServerVersion": "27.5.1", "Driver": "overlay2"},
    disk_free=80 * GIB,
    memory=16 * GIB,
    cores=4,
)
LOOPBACK = "postgresql://u:very-secret@localhost/db"


@pytest.fixture(autouse=True)
def quiet_ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever else runs on this machine, as other tests' clusters do, nothing answers at a port."""
    monkeypatch.setattr(lacking, "listens", lambda port: False)


class Unreachable:
    """A session of which nothing but what is on this machine may be asked."""

    def __init__(self, variables: dict[str, str] | UserError, target: str | UserError) -> None:
        self.settings = read_settings()
        self.shell: Any = SimpleNamespace(dry=False)
        self.wanted = "embedded"
        self._variables, self._target = variables, target

    @property
    def variables(self) -> dict[str, str]:
        if isinstance(self._variables, UserError):
            raise self._variables
        return self._variables

    @property
    def target(self) -> str:
        if isinstance(self._target, UserError):
            raise self._target
        return self._target


def refused(
    monkeypatch: pytest.MonkeyPatch,
    facts: Facts,
    variables: dict[str, str] | UserError,
    target: str | UserError = "embedded",
    *,
    may_install: bool = True,
) -> str:
    monkeypatch.setattr(lacking, "local_facts", lambda *_: facts)
    session: Any = Unreachable(variables, target)
    try:
        lacking.refuse_unready(Run(session, PlainDisplay(io.StringIO()), may_install=may_install))
    except UserError as problem:
        return f"{problem}\n{problem.hint}"
    return ""


def test_a_fit_machine_and_a_fit_configuration_are_no_reason_to_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch, FIT, {}) == ""


def test_machine_target_and_secrets_are_told_at_once_and_no_value_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    small = replace(FIT, memory=GIB // 2, python=(3, 9), root=False, engine={})
    target = UserError("--target minikube: minikube is not installed", "install it")
    said = refused(monkeypatch, small, {"DATABASE_URL": LOOPBACK, "AUTH_SECRET": "short"}, target)
    for part in ("memory: 0.5 GiB", "python: 3.9", "minikube is not installed: install it", "loopback", "too short"):
        assert part in said
    assert "very-secret" not in said


def test_one_problem_alone_is_told_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert refused(monkeypatch, FIT, UserError(".env: line 3: not NAME=value", "quote it")) == (
        ".env: line 3: not NAME=value\nquote it"
    )


def test_a_client_that_may_not_be_installed_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    bare = replace(FIT, clients=(), engine={})
    assert refused(monkeypatch, bare, {}) == ""
    assert "engine: no docker client on PATH" in refused(monkeypatch, bare, {}, may_install=False)


def test_in_a_dry_run_it_is_only_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lacking, "local_facts", lambda *_: replace(FIT, memory=1))
    session: Any = Unreachable({}, "embedded")
    session.shell.dry = True
    screen = io.StringIO()
    lacking.refuse_unready(Run(session, PlainDisplay(screen)))
    assert "memory: 0.0 GiB" in screen.getvalue()


@pytest.mark.parametrize(
    ("served", "taken"),
    [
        (None, "is taken by something else, such as another embedded cluster"),  # there is no cluster yet
        ([], "is taken by something else, such as another embedded cluster"),
        ([30000], ""),
        (UserError("no answer"), ""),  # one that is stopped goes on serving
    ],
)
def test_a_port_at_which_somebody_elses_page_answers_is_not_taken_for_ours(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, served: list[int] | UserError | None, taken: str
) -> None:
    """Two clusters of two users on one machine: the second would call the first one's page, and be content."""
    if served is not None:
        (tmp_path / "kubeconfig").touch()

    def get(*words: str) -> dict[str, Any]:
        if isinstance(served, UserError):
            raise served
        return {"items": [{"spec": {"ports": [{"nodePort": port}]}} for port in served or ()] + [{"spec": {}}]}

    session: Any = Unreachable({}, "embedded")
    session.cluster = SimpleNamespace(kubeconfig=tmp_path / "kubeconfig")
    session.kubectl = SimpleNamespace(get=get)
    session.shell.probe = lambda *_, **__: Result(0, "")
    run = Run(session, PlainDisplay(io.StringIO()))
    monkeypatch.setattr(lacking, "listens", lambda port: port == 30000)
    if not taken:
        lacking._ports(run)
        return
    with pytest.raises(UserError, match=f"port 30000 of this machine, a nodePort of todo-chatbot, {taken}") as problem:
        lacking._ports(run)
    assert "release.values" in str(problem.value.hint)


def test_a_program_that_took_the_port_while_the_cluster_was_down_is_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A browser that asks for localhost may come to it, by IPv6, and the pipeline would call it the app's page."""
    (tmp_path / "kubeconfig").touch()
    session: Any = Unreachable({}, "embedded")
    session.cluster = SimpleNamespace(kubeconfig=tmp_path / "kubeconfig")
    session.kubectl = SimpleNamespace(get=lambda *_: {"items": [{"spec": {"ports": [{"nodePort": 30000}]}}]})
    session.shell.probe = lambda *_, **__: Result(0, 'LISTEN 0 5 *:30000 *:* users:(("vite",pid=77,fd=3))')
    monkeypatch.setattr(lacking, "listens", lambda port: port == 30000)
    monkeypatch.setattr(network, "may_be_listened_at", lambda port: port == 30000)
    with pytest.raises(UserError, match=r"is taken by vite \(process 77\)"):
        lacking._ports(Run(session, PlainDisplay(io.StringIO())))


def test_a_port_of_another_machine_is_nobodys_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lacking, "listens", lambda port: pytest.fail("asked"))
    session: Any = Unreachable({}, "minikube")
    lacking._ports(Run(session, PlainDisplay(io.StringIO())))
