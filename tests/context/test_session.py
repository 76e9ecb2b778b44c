"""Looking something up changes nothing: what installs, fetches or starts is a function that says so."""

from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

from scripts.context.release_lock import hold_release_lock
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import toolchain
from scripts.host.shell import Shell
from scripts.reporting.display import PlainDisplay
from scripts.settings.configuration import read_settings

PROPERTIES = [
    (owner, name)
    for owner in (Session, Run)
    for name, value in vars(owner).items()
    if isinstance(value, cached_property | property)
]


class Reader(Shell):
    """A shell that may only be asked."""

    def effect(self, *words: Any, **how: Any) -> Any:
        raise AssertionError(f"an effect: {words}")

    daemon = pipe = feed = effect


@pytest.mark.slow
@pytest.mark.parametrize(("owner", "name"), PROPERTIES, ids=lambda item: getattr(item, "__name__", item))
def test_no_property_acts(owner: type, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(toolchain, "TOOLS", [])
    monkeypatch.setattr(
        toolchain, "find", lambda shell, root: {"helm": tmp_path / "helm", "kubectl": tmp_path / "kubectl"}
    )
    monkeypatch.setattr(toolchain, "fetch", lambda *words: pytest.fail("fetched"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    session = Session(read_settings(), Reader(), target="embedded")
    getattr(session if owner is Session else Run(session, PlainDisplay()), name)
    assert list(tmp_path.iterdir()) == []


def test_two_changes_of_one_release_do_not_go_on_side_by_side(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    session = Session(read_settings(), Shell(), target="embedded")
    with hold_release_lock(session):
        [file] = (tmp_path / "todo-chatbot/locks").iterdir()
        monkeypatch.setattr("scripts.host.lock._held", set())  # as another process sees it
        with pytest.raises(UserError, match="another run is at work"), hold_release_lock(session):
            pass
    dry = Session(read_settings(), Shell(dry=True), target="embedded")
    file.unlink()
    with hold_release_lock(dry):
        assert not file.exists()
