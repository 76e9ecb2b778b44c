"""A password that cannot be set takes no database away."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.host.shell import CommandError, Result
from scripts.release import database_password

CONTAINER = {"name": "database", "image": "database:1"}
SPEC = {"selector": {"matchLabels": {"app": "database"}}, "template": {"spec": {"containers": [CONTAINER]}}}
DEPLOYMENT = {"metadata": {"name": "database", "namespace": "shop"}, "spec": SPEC}


@pytest.mark.parametrize("fails", ["wait", "delete", "apply"])
def test_the_database_is_there_again_whichever_step_fails(monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    """As where a quota has no room for the pod that sets it."""
    told: list[str] = []

    def step(*words: str, **_: Any) -> None:
        told.append(" ".join(words[:3]))
        if words[0] == fails:
            raise CommandError(["kubectl", *words], Result(1, "", "exceeded quota"))

    kubectl = SimpleNamespace(
        find=lambda *_: DEPLOYMENT, effect=step, apply=lambda *_, **__: step("apply"), await_rollout=lambda *_: None
    )
    settings = SimpleNamespace(
        release=SimpleNamespace(namespace="shop"), timeouts=SimpleNamespace(deploy=9), app=SimpleNamespace(secrets={})
    )
    session: Any = SimpleNamespace(kubectl=kubectl, settings=settings, shell=SimpleNamespace(dry=False))
    monkeypatch.setattr(database_password, "hold_release_lock", lambda session: nullcontext())
    written: list[str] = []
    held = {"database-credentials": {"POSTGRES_PASSWORD": "as it is inside"}}
    monkeypatch.setattr(database_password.sync, "held_by", lambda *_: held)
    monkeypatch.setattr(
        database_password.sync, "write", lambda _, __, change: written.append(change.data["POSTGRES_PASSWORD"])
    )
    with pytest.raises(CommandError, match="exceeded quota"):
        database_password.renew(session)
    assert "scale deployment/database --replicas=0" in told and told[-1] == "scale deployment/database --replicas=1"
    assert written[0] != written[-1] == "as it is inside", "nobody is given a password that was never set"
