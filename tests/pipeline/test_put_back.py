"""A rotation, and the way back from one that was ended: what is written, who is replaced, in what order."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.host.shell import Result
from scripts.kube.releases import Revision
from scripts.pipeline import app_secrets, health, live, rollback, rollout
from scripts.release import operate
from scripts.secrets import versions
from tests.secrets.test_versions import Cluster, encoded, keep, record

SECRETS = {"auth": {"usedBy": ["backend"], "keys": {"KEY": {"generate": 48, "rotate": "prepend"}}}}
DEPLOYMENT = {"kind": "Deployment", "metadata": {"name": "backend"}, "spec": {"template": {"spec": {"containers": []}}}}


def installed(number: int) -> dict[str, Any]:
    """Return helm's record of a revision that runs the backend."""
    made = record(number)
    contents = {"info": {"first_deployed": "2026-01-01"}, "namespace": "shop", "manifest": json.dumps(DEPLOYMENT)}
    packed = base64.b64encode(json.dumps(contents).encode())
    return made | {"data": {"release": base64.b64encode(packed).decode()}}


class Watched(Cluster):
    """Tells in which order Secrets are written, pods replaced and awaited; an old pod is on its way out once."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[str] = []
        self.ending: list[str] = []
        self.hold("auth", KEY="a")
        self.template[versions.ANNOTATION] = self.annotation()
        self.secrets["sh.helm.release.v1.todo.v1"] = installed(1)

    def probe(self, argv: Sequence[str | Path], **how: Any) -> Result:
        if [str(word) for word in argv][5:7] == ["get", "pods"]:
            meta = {"namespace": "shop", "labels": {"app": "backend"}, "deletionTimestamp": "2026-01-01T00:00:00Z"}
            return Result(0, json.dumps({"items": [{"metadata": {"name": name, **meta}} for name in self.ending]}))
        return super().probe(argv, **how)

    def effect(self, argv: Sequence[str | Path], *, stdin: str = "", **how: Any) -> Result:
        words = [str(word) for word in argv][5:]
        if words[0] == "rollout":
            self.told.append("awaited")
        elif words[0] == "wait":
            self.told.append(f"gone: {words[2]}")
            self.ending.remove(words[2])
        else:
            super().effect(argv, stdin=stdin, **how)
            if words[0] == "patch":
                self.told.append("replaced")
                self.ending.append("old")
            elif "auth" in {json.loads(one)["metadata"]["name"] for one in stdin.split("\n---\n") if one}:
                self.told.append(self.value())
        return Result(0, "")

    def deployment(self) -> dict[str, Any]:
        found = super().deployment()
        found["spec"]["selector"] = {"matchLabels": {"app": "backend"}}
        return found

    def value(self) -> str:
        return base64.b64decode(self.secrets["auth"]["data"]["KEY"]).decode()


@pytest.fixture
def cluster() -> Watched:
    return Watched()


@pytest.fixture
def session(cluster: Watched, monkeypatch: pytest.MonkeyPatch) -> Any:
    healthy: Any = lambda run, wanted: cluster.told.append("healthy") or iter(())  # noqa: E731
    monkeypatch.setattr(health, "await_healthy", healthy)
    monkeypatch.setattr(rollout, "await_workloads", lambda run, wanted: iter(()))
    monkeypatch.setattr(operate, "hold_release_lock", lambda session: nullcontext())
    chart = Path("/none")
    settings = SimpleNamespace(
        release=SimpleNamespace(name="todo", namespace="shop", chart=chart),
        database_release=SimpleNamespace(name="database", namespace="shop", chart=chart),
        app=SimpleNamespace(secrets=SECRETS), timeouts=SimpleNamespace(deploy=300),
    )  # fmt: skip
    return SimpleNamespace(kubectl=cluster.kubectl(), settings=settings, shell=cluster)


def put_back(session: Any, value: str) -> list[str]:
    run: Any = SimpleNamespace(session=session, namespace="shop", dry=False)
    return [outcome.target for outcome in rollback.put_back(run, 1, {"auth": encoded(KEY=value)})]


def test_no_pod_signs_with_a_new_secret_while_one_is_left_that_does_not_know_it(session: Any, cluster: Watched) -> None:
    assert operate.rotate_secrets(session) == ["auth.KEY"]
    first, second = [told for told in cluster.told if "," in told]
    new = second.split(",")[0]
    assert (first, second) == (f"a,{new}", f"{new},a")
    step = ["replaced", "awaited", "awaited", "gone: old"]
    assert cluster.told == ["awaited", first, *step, second, *step]
    assert cluster.template[versions.ANNOTATION] == cluster.annotation()


@pytest.mark.parametrize("end", ["written", "replaced", "awaited"])
@pytest.mark.parametrize("step", [1, 2])
def test_after_a_rotation_that_was_ended_the_pods_are_what_the_secrets_are(
    session: Any, cluster: Watched, monkeypatch: pytest.MonkeyPatch, end: str, step: int
) -> None:
    keep(cluster, 1)
    plain = cluster.effect
    seen: list[str] = []

    def ended(argv: Sequence[str | Path], **how: Any) -> Result:
        before = len(cluster.told)
        result = plain(argv, **how)
        for told in cluster.told[before:]:
            seen.append("written" if "," in told else told)
        if seen.count("written") == step and seen[-1] == end:
            raise KeyboardInterrupt
        return result

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr(cluster, "effect", ended)
        operate.rotate_secrets(session)
    accepted = set(cluster.value().split(","))
    put_back(session, "a")
    assert cluster.value().split(",")[0] == "a" and set(cluster.value().split(",")) == accepted
    assert cluster.template[versions.ANNOTATION] == cluster.annotation()
    cluster.told.clear()
    assert put_back(session, cluster.value()) == [] and cluster.told == []


def test_a_rollback_to_secrets_of_an_earlier_day_replaces_pods_that_bear_their_annotation(
    session: Any, cluster: Watched
) -> None:
    """An upgrade with the values of before the rotation says that its pods were started with the Secret of then."""
    earlier = cluster.annotation()
    operate.rotate_secrets(session)
    cluster.template[versions.ANNOTATION] = earlier
    new = cluster.value().split(",")[0]
    cluster.told.clear()
    assert put_back(session, "a") == ["auth"]
    assert cluster.told == [f"a,{new}", "replaced", "healthy"]
    assert cluster.template[versions.ANNOTATION] == cluster.annotation()


def test_a_secret_that_somebody_deleted_has_the_values_of_the_newest_healthy_release_again(
    session: Any, cluster: Watched, tmp_path: Path
) -> None:
    """New ones would end every session, and leave unreadable what was encrypted with the old ones."""
    keep(cluster, 1)
    session.settings.services, session.settings.root = [SimpleNamespace(name="backend")], tmp_path
    session.variables, session.say = {}, print
    del cluster.secrets["auth"]
    assert operate.sync_secrets(session) == ["auth"] and cluster.value() == "a"


def test_a_revision_stays_proved_where_the_release_was_removed_and_its_history_kept(
    session: Any, cluster: Watched
) -> None:
    """As `helm uninstall --keep-history` does it: revisions count on, in a new installation."""
    keep(cluster, 1)
    keep(cluster, 2)
    for number, installed in ((2, "2026-01-01"), (3, "2027-01-01")):
        cluster.secrets[f"sh.helm.release.v1.todo.v{number}"] = record(number, installed)
    history = [Revision("todo", number, "superseded", "") for number in (1, 2, 3)]
    assert sorted(live.proofs_of(session, history)) == [1, 2]
    assert live.proofs_of(session, history[2:]) == {}, "of the new one alone none was proved"
    cluster.secrets["sh.helm.release.v1.todo.v2"]["data"] = {}
    assert sorted(live.installations(session, history)) == ["2026-01-01", "2027-01-01"], "one cannot be read"


def test_a_deploy_alone_makes_a_secret_again_that_somebody_deleted(
    session: Any, cluster: Watched, tmp_path: Path
) -> None:
    keep(cluster, 1)
    session.settings.services, session.settings.root = [SimpleNamespace(name="backend")], tmp_path
    session.variables, session.local_database = {}, False
    told: list[str] = []
    run: Any = SimpleNamespace(
        session=session, namespace="shop", dry=False, display=SimpleNamespace(line=told.append)
    )  # fmt: skip

    def outcomes() -> list[str]:
        return [outcome.detail for outcome in app_secrets.complete_secrets(run)]

    assert outcomes() == []
    cluster.secrets["auth"]["data"] = {}  # emptied by hand
    assert [change.name for change in app_secrets.sync_secrets(session, print)] == ["auth"] and cluster.value() == "a"
    del cluster.secrets["auth"]
    assert outcomes() == ["written: auth; one that the app needs was gone"] and cluster.value() == "a"
    assert outcomes() == []


def reads_a_given_key(session: Any, root: Path) -> None:
    """Have the app read a key that is made where nobody gives it."""
    session.settings.app.secrets = {"auth": {"usedBy": ["backend"], "keys": {"KEY": {"from": "KEY", "generate": 48}}}}
    session.settings.services, session.settings.root = [SimpleNamespace(name="backend")], root


def test_where_a_given_value_failed_the_one_that_was_proved_comes_back_and_no_new_one_is_made(
    session: Any, cluster: Watched, tmp_path: Path
) -> None:
    """What was signed or encrypted with it is still there."""
    keep(cluster, 1)
    reads_a_given_key(session, tmp_path)
    for given, held in (("refused by the program", "refused by the program"), ("", "a")):
        session.variables = {"KEY": given} if given else {}
        assert [change.name for change in app_secrets.sync_secrets(session, print)] == ["auth"]
        assert cluster.value() == held


def test_a_given_value_that_ready_pods_took_is_kept_by_the_next_run_that_is_given_none(
    session: Any, cluster: Watched, tmp_path: Path
) -> None:
    """`invoke secrets.sync` in one checkout, with the value in its `.env`, and a pipeline in another."""
    keep(cluster, 1)
    reads_a_given_key(session, tmp_path)
    session.variables, session.say = {"KEY": "given by hand"}, print
    assert operate.sync_secrets(session) == ["auth", "pods replaced of backend"]
    assert cluster.value() == "given by hand"
    session.variables = {}
    assert operate.sync_secrets(session) == [] and cluster.value() == "given by hand"
