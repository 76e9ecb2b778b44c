"""Whatever changes a release or its cluster is alone on it, by whichever command: the second is told of the first."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from invoke import Config, Context, Exit

from scripts.context.release_lock import _file
from scripts.context.session import Session
from scripts.host import toolchain
from scripts.host.shell import Result, Shell
from scripts.settings.configuration import read_settings
from scripts.tasks import namespace, options

# Each with what it has to be told. `dev` and recipes with --apply take the lock for each change that they make.
CHANGING: dict[str, dict[str, Any]] = {
    name: {} for name in (
        "pipeline", "prepare", "build", "tag", "load", "deploy", "rollout", "health", "access", "prove",
        "rollback", "restart", "cluster.up", "secrets.sync", "secrets.rotate",
        "database.password", "backup.create", "charts.test", "verify.zero-downtime", "verify.scaling",
        "ai.install", "ai.uninstall",
    )
}  # fmt: skip
CHANGING |= {"scale": {"service": "backend", "replicas": "2"}, "destroy": {"yes": True}, "cluster.down": {"yes": True}}
READING = {
    "adopt", "dev", "diagnose", "doctor", "history", "install", "logs", "monitor", "open", "report", "status",
    "backup.list", "backup.restore", "backup.verify", "charts.diff", "charts.lint", "charts.render", "cluster.status",
    "secrets.check", "secrets.edit", "security.sbom", "security.scan", "security.sign", "security.verify",
}  # fmt: skip


def answer(shell: Shell, argv: Any, **how: Any) -> Result:
    """Answer as a cluster that has nothing."""
    if "api-resources" in map(str, argv):
        return Result(0, "pods\n")
    return Result(0, json.dumps({"items": []})) if "get" in map(str, argv) else Result(1, "", "release: not found")


def refuse(shell: Shell, *words: Any, **how: Any) -> Any:
    """Take every effect for a fault: nobody may change anything now."""
    raise AssertionError(f"changed beside another run: {words}")


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Session]:
    """Yield a session whose release another process works on."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr(toolchain, "fetch_missing", lambda *words: [])
    monkeypatch.setattr(Shell, "probe", answer)
    for name in ("effect", "daemon", "pipe", "feed", "attach"):
        monkeypatch.setattr(Shell, name, refuse)
    session = Session(read_settings(), Shell(), target="embedded")
    monkeypatch.setattr(options, "session", lambda *words: session)
    file = _file(session)
    file.parent.mkdir(parents=True)
    with file.open("w") as other:
        other.write(json.dumps({"pid": 1, "command": "invoke pipeline", "since": 0}))
        other.flush()
        fcntl.flock(other, fcntl.LOCK_EX)
        yield session


def tasks() -> dict[str, Any]:
    found = namespace()
    return {name: found[name] for name in found.task_names}


@pytest.mark.parametrize("name", CHANGING)
def test_a_change_beside_another_one_is_refused_before_anything_is_done(
    name: str, busy: Session, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(Exit) as told:
        tasks()[name].body(Context(Config(overrides={"environment": "dev", "target": ""})), **CHANGING[name])
    assert "another run is at work: invoke pipeline (process 1, since" in capsys.readouterr().err, told.value


def test_of_every_task_it_is_said_whether_it_changes_anything() -> None:
    """A new one is refused beside a pipeline, or it only reads. Recipes take the lock for the change that they make."""
    said = {*CHANGING, *READING} - {"ai.install", "ai.uninstall"}
    assert {name for name in tasks() if not name.startswith("ai.")} == said
