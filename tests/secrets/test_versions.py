"""What a pod was started with stands on it: changed Secrets replace it, whoever changed them, and nothing else does."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import UserError
from scripts.host.shell import Result, Shell
from scripts.kube import objects
from scripts.kube.kubectl import Kubectl
from scripts.kube.workloads import Workload
from scripts.pipeline import live
from scripts.secrets import proofs, sync, versions
from scripts.settings import values

BACKEND = Workload("Deployment", "shop", "backend", {})


def encoded(**values: str) -> dict[str, str]:
    return {key: base64.b64encode(value.encode()).decode() for key, value in values.items()}


class Cluster(Shell):
    """A kubectl that holds Secrets and one Deployment which reads `auth`; it refuses what it does not know."""

    def __init__(self) -> None:
        super().__init__(echo=lambda line: None)
        self.secrets: dict[str, dict[str, Any]] = {}
        self.maps: dict[str, dict[str, Any]] = {}
        self.template: dict[str, str] = {}
        self.own: dict[str, str] = {}
        self.patches: list[dict[str, Any]] = []

    def hold(self, name: str, **values: str) -> None:
        self.secrets[name] = {"metadata": {"name": name, "namespace": "shop"}, "data": encoded(**values)}

    def probe(self, argv: Sequence[str | Path], **how: Any) -> Result:
        words = [str(word) for word in argv][5:]
        assert words[0] == "get", words
        if words[1] == "secrets" and "--selector" in words:
            kind, named, release = words[words.index("--selector") + 1].partition("=")
            labels = [(one, one["metadata"].get("labels", {})) for one in self.secrets.values()]
            chosen = [one for one, has in labels if kind in has and (not named or has[kind] == release)]
            return Result(0, json.dumps({"items": chosen}))
        if words[1] == "secrets":
            names = words[2 : words.index("--namespace")]
            return Result(0, json.dumps({"items": [self.secrets[name] for name in names if name in self.secrets]}))
        if words[1] == "configmaps":
            names = words[2 : words.index("--namespace")]
            return Result(0, json.dumps({"items": [self.maps[name] for name in names if name in self.maps]}))
        assert words[1] == versions.KINDS, words
        return Result(0, json.dumps({"items": [self.deployment()]}))

    def effect(self, argv: Sequence[str | Path], *, stdin: str = "", **how: Any) -> Result:
        words = [str(word) for word in argv][5:]
        if words[0] == "apply":
            for item in map(json.loads, stdin.split("\n---\n")):
                self.secrets[item["metadata"]["name"]] = item
        elif words[0] == "patch":
            patch = json.loads(words[words.index("--patch") + 1])
            self.patches.append(patch)
            self.own |= patch.get("metadata", {}).get("annotations", {})
            self.own = {name: value for name, value in self.own.items() if value is not None}
            self.template |= patch.get("spec", {}).get("template", {}).get("metadata", {}).get("annotations", {})
        else:
            assert words[:2] == ["delete", "secret"], words
            for name in words[2 : words.index("--namespace")]:
                self.secrets.pop(name, None)
        return Result(0, "")

    def deployment(self) -> dict[str, Any]:
        env = [{"name": "KEY", "valueFrom": {"secretKeyRef": {"name": "auth", "key": "KEY"}}}]
        more = [{"secretRef": {"name": "hand-made"}}, {"configMapRef": {"name": "settings"}}]
        template = {
            "metadata": {"annotations": self.template},
            "spec": {"containers": [{"name": "backend", "image": "i", "env": env, "envFrom": more}]},
        }
        made = {objects.RELEASE: "todo"}
        metadata = {"name": "backend", "namespace": "shop", "annotations": made | self.own}
        return {"kind": "Deployment", "metadata": metadata, "spec": {"template": template}}

    def kubectl(self) -> Kubectl:
        return Kubectl(Path("kubectl"), Path("/none"), "c", self)

    def annotation(self) -> str:
        return versions.annotation(["auth"], versions.of_cluster(self.kubectl(), "shop", ["auth"]))

    def renewed(self, *, first: bool = False) -> list[str]:
        current = versions.of_cluster(self.kubectl(), "shop", ["auth", "other"])
        return versions.renew(self.kubectl(), [BACKEND], current, first=first)


def test_a_first_install_replaces_no_pod_and_says_what_it_was_started_with() -> None:
    cluster = Cluster()
    cluster.hold("auth", KEY="one")
    assert cluster.renewed(first=True) == [] and cluster.own and not cluster.template
    assert cluster.renewed() == []


def test_a_first_install_whose_chart_made_a_secret_itself_is_no_change_that_was_only_claimed() -> None:
    """The chart's own annotation is of the Secrets that were there before: the note beside it counts."""
    cluster = Cluster()
    cluster.hold("auth", KEY="one")
    cluster.template[versions.ANNOTATION] = "of the Secrets before"
    assert cluster.renewed(first=True) == [] and cluster.own
    assert cluster.renewed() == []


def test_a_content_that_comes_back_by_hand_replaces_the_pods_of_the_one_between() -> None:
    cluster = Cluster()
    cluster.hold("auth", KEY="one")
    cluster.renewed(first=True)
    cluster.hold("auth", KEY="two")
    assert cluster.renewed() == ["backend"] and not cluster.own
    cluster.hold("auth", KEY="one")
    assert cluster.renewed() == ["backend"]


def test_a_changed_secret_replaces_its_readers_once_whoever_changed_it() -> None:
    cluster = Cluster()
    cluster.hold("auth", KEY="one")
    cluster.renewed(first=True)
    cluster.hold("auth", KEY="two")  # by whatever means, and however many runs failed since
    assert cluster.renewed() == ["backend"]
    assert cluster.renewed() == []


def test_a_secret_that_is_new_in_a_running_release_counts_and_one_that_nobody_reads_does_not() -> None:
    cluster = Cluster()
    cluster.hold("other", KEY="x")
    assert cluster.renewed() == []
    cluster.hold("auth", KEY="one")
    assert cluster.renewed() == ["backend"]
    cluster.hold("other", KEY="y")
    assert cluster.renewed() == []


def test_a_content_that_comes_back_is_no_content_that_never_went() -> None:
    """Helm puts the annotation of an earlier revision onto pods that it starts with the Secrets of today."""
    cluster = Cluster()
    cluster.hold("auth", KEY="one")
    cluster.template[versions.ANNOTATION] = earlier = cluster.annotation()
    keep(cluster, 1)
    sync.write(cluster.kubectl(), "shop", sync.Change("auth", {"KEY": "two,one"}, False, ("KEY",), ()))
    assert cluster.renewed() == ["backend"]
    cluster.template[versions.ANNOTATION] = earlier  # what helm does at a rollback; the pods read two,one
    proof = proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")[1]
    proofs.bring_back(cluster.kubectl(), "shop", proof, [1])
    assert cluster.secrets["auth"]["data"] == encoded(KEY="one")
    assert cluster.renewed() == ["backend"]
    assert cluster.renewed() == []


def test_the_same_content_has_the_same_version_and_says_nothing_of_itself() -> None:
    cluster = Cluster()
    cluster.hold("auth", KEY="one")
    before = versions.of_cluster(cluster.kubectl(), "shop", ["auth"])
    cluster.hold("auth", KEY="two")
    cluster.hold("auth", KEY="one")
    assert versions.of_cluster(cluster.kubectl(), "shop", ["auth"]) == before
    elsewhere = Cluster()
    elsewhere.hold("auth", KEY="one")
    assert versions.of_cluster(elsewhere.kubectl(), "shop", ["auth"]) != before


def record(number: int, installed: str = "2026-01-01", deployed: str = "2026-01-02") -> dict[str, Any]:
    labels = {"owner": "helm", "name": "todo", "version": str(number), "status": "deployed"}
    packed = base64.b64encode(json.dumps({"info": {"first_deployed": installed, "last_deployed": deployed}}).encode())
    name = f"sh.helm.release.v1.todo.v{number}"
    data = {"release": base64.b64encode(packed).decode()}
    return {
        "metadata": {"name": name, "namespace": "shop", "labels": labels},
        "type": "helm.sh/release.v1",
        "data": data,
    }


def keep(cluster: Cluster, number: int) -> None:
    known = proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")
    proofs.keep(cluster.kubectl(), "shop", ["auth"], known, record(number))


def test_a_proof_says_nothing_of_a_later_revision_of_the_same_number() -> None:
    """Somebody removed helm's record of the newest one, and helm gave its number anew."""
    cluster = Cluster()
    cluster.hold("auth", KEY="good")
    keep(cluster, 2)
    again = record(2, deployed="2026-01-03")

    def found(*there: dict[str, Any]) -> list[int]:
        return list(proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01", there))

    assert found(record(2)) == found(record(1)) == found() == [2] and found(record(1), again) == []
    assert found(record(2) | {"data": {"release": "damaged"}}) == [2], "what cannot be read says nothing"
    proofs.keep(cluster.kubectl(), "shop", ["auth"], {}, again)
    assert found(again) == [2]


def test_a_revision_gets_back_the_values_it_was_proved_with() -> None:
    cluster = Cluster()
    cluster.hold("auth", KEY="good")
    keep(cluster, 1)
    cluster.hold("auth", KEY="bad")
    proof = proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")[1]
    assert proofs.bring_back(cluster.kubectl(), "shop", proof, [1]) == ["auth"]
    assert cluster.secrets["auth"]["data"] == encoded(KEY="good")
    assert proofs.bring_back(cluster.kubectl(), "shop", proof, [1]) == []
    assert "Z29vZA" not in repr(proof)


@pytest.mark.parametrize("key", ["bad", None], ids=["changed by hand", "deleted by hand"])
def test_what_the_pods_were_not_started_with_is_not_proved_by_them(key: str | None) -> None:
    """A Secret that somebody has just changed or deleted: its values may stand in the proof alone."""
    cluster = Cluster()
    cluster.hold("auth", KEY="good")
    cluster.template[versions.ANNOTATION] = cluster.annotation()

    def check(number: int) -> bool:
        kubectl = cluster.kubectl()
        current = versions.of_cluster(kubectl, "shop", ["auth"])

        def unproved() -> set[str]:
            return {name for one in versions.outdated_of(kubectl, [BACKEND], current) for name in one.secrets}

        known = proofs.find(kubectl, "shop", "todo", "2026-01-01")
        return proofs.keep(kubectl, "shop", ["auth"], known, record(number), unproved)

    def remembered() -> dict[int, Any]:
        found = proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")
        return {number: dict(one.secrets) for number, one in found.items()}

    assert check(1)
    del cluster.secrets["auth"]
    if key:
        cluster.hold("auth", KEY=key)
    assert check(1) and remembered() == {1: {"auth": encoded(KEY="good")}}
    assert not check(2) and list(remembered()) == [1], "nobody knows what the new revision does with that"
    cluster.hold("auth", KEY="better")
    cluster.template[versions.ANNOTATION] = cluster.annotation()
    assert check(1) and check(2) and remembered() == {number: {"auth": encoded(KEY="better")} for number in (1, 2)}


def test_a_secret_that_is_gone_and_that_nobody_reads_stays_remembered() -> None:
    cluster = Cluster()
    cluster.hold("other", KEY="good")
    for _ in range(2):
        known = proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")
        proofs.keep(cluster.kubectl(), "shop", ["other"], known, record(1))
        cluster.secrets.pop("other", None)
    assert proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")[1].secrets == {"other": encoded(KEY="good")}


def test_a_revision_that_helm_has_forgotten_is_given_back_to_it() -> None:
    cluster = Cluster()
    keep(cluster, 3)
    proof = proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")[3]
    proofs.bring_back(cluster.kubectl(), "shop", proof, [14, 15])
    assert cluster.secrets["sh.helm.release.v1.todo.v3"]["data"] == record(3)["data"]


@pytest.mark.parametrize("damage", [{"secrets": "?"}, {"secrets": "bm90IEpTT04="}, {}])
def test_a_damaged_proof_is_not_taken_for_none_where_a_lost_value_may_stand_in_it(damage: dict[str, str]) -> None:
    cluster = Cluster()
    keep(cluster, 1)
    keep(cluster, 2)
    name = proofs.name("todo", 2)
    cluster.secrets[name]["data"] = damage
    with pytest.raises(UserError, match=rf"remembered in {re.escape(name)}, which cannot be read") as told:
        proofs.healthy_secrets(cluster.kubectl(), "shop")
    assert f"kubectl delete secret {name} --namespace shop" in str(told.value.hint)
    del cluster.secrets[name]
    assert len(proofs.healthy_secrets(cluster.kubectl(), "shop")) == 1


def test_proofs_of_an_earlier_installation_do_not_count_and_old_ones_go() -> None:
    cluster = Cluster()
    for number in range(1, 13):
        keep(cluster, number)
    assert sorted(proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")) == list(range(3, 13))
    assert proofs.find(cluster.kubectl(), "shop", "todo", "2027-01-01") == {}


def test_a_revision_that_was_proved_with_another_password_comes_back_with_the_one_that_opens_the_data() -> None:
    """`database.password` sets it inside, where a rollback does not reach."""
    cluster = Cluster()
    place = ("database-credentials", "POSTGRES_PASSWORD")

    def set_to(password: str) -> None:
        cluster.hold("database-credentials", POSTGRES_PASSWORD=password)
        cluster.hold("auth", URL=f"postgresql://todo:{password}@database:5432/todo", PASSWORD=password)

    for number, password in ((1, "todo"), (2, "+/.*")):  # texts that stand elsewhere too, or mean something elsewhere
        set_to(password)
        known = proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")
        proofs.keep(cluster.kubectl(), "shop", ["auth", "database-credentials"], known, record(number))
    set_to("new\\1")
    now = {name: cluster.secrets[name]["data"] for name in ("auth", "database-credentials")}
    proofs.change_password(cluster.kubectl(), "shop", place, "new\\1")
    found = proofs.find(cluster.kubectl(), "shop", "todo", "2026-01-01")
    assert [dict(found[number].secrets) for number in (1, 2)] == [now, now]
    assert found[1].record["data"] == record(1)["data"], "and all else of it stays"


@pytest.mark.parametrize("known", [True, False], ids=["library chart", "chart of ones own"])
def test_what_somebody_else_keeps_for_a_pod_counts_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, known: bool
) -> None:
    """A Secret or a ConfigMap by kubectl, or by an operator."""
    cluster = Cluster()
    (tmp_path / "templates").mkdir()
    (tmp_path / "templates/all.yaml").write_text(versions.VALUE if known else "")
    release = SimpleNamespace(name="todo", namespace="shop", chart=tmp_path)
    read = {"backend": {"extraEnvFrom": [{"secretRef": {"name": "hand-made"}}, {"configMapRef": {"name": "settings"}}]}}
    monkeypatch.setattr(values, "merged", lambda settings, release: read)
    settings = SimpleNamespace(release=release, database_release=release, app=SimpleNamespace(secrets={}))
    session: Any = SimpleNamespace(settings=settings, kubectl=cluster.kubectl(), shell=cluster)

    def replaced() -> list[str]:
        return versions.renew(cluster.kubectl(), [BACKEND], live.versions_now(session))

    assert replaced() == [], "there is neither yet"
    for value in ("one", "two"):
        cluster.hold("hand-made", KEY=value)
        assert (replaced(), replaced()) == (["backend"], [])
        cluster.maps["settings"] = {"metadata": {"name": "settings"}, "data": {"KEY": value}}
        assert (replaced(), replaced()) == (["backend"], [])


TEXT = st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="@;&:=/"), min_size=8, max_size=40)


@given(before=TEXT, now=TEXT, host=TEXT)
def test_any_password_is_changed_wherever_it_stands_as_one_and_nothing_else_is(
    before: str, now: str, host: str
) -> None:
    values = {
        "URL": "postgresql://todo:{}@database:5432/todo?x={}",
        "PARTS": "host={1};password={0};x",
        "ALONE": "{}",
        "OTHER": "before{0}after",
    }
    data = encoded(**{key: text.format(before, host) for key, text in values.items()})
    wanted = {key: text.format(now if key != "OTHER" else before, host) for key, text in values.items()}
    if before != host:
        assert proofs._with(data, before.encode(), now.encode()) == encoded(**wanted)


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(["env", "extraEnvFrom", "secretRef", "name", "secret", "secretEnv", "secrets", "x"]),
        inner, max_size=4,
    ),
    max_leaves=20,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=5), JSON_VALUES, max_size=4))
def test_whatever_stands_in_values_they_name_secrets_or_none(given_values: dict[str, Any]) -> None:
    found = values.secrets_read(given_values) | values.configmaps_read(given_values)
    assert all(isinstance(name, str) and name for name in found)


def test_a_kubectl_that_replaces_nobody_and_says_so_is_found_out() -> None:
    cluster = Cluster()
    cluster.hold("auth", KEY="a")
    cluster.effect = lambda *_, **__: Result(0, "deployment.apps/backend patched")  # type: ignore[method-assign]
    with pytest.raises(UserError, match="kubectl says that it changed deployment/backend, but nothing of it changed"):
        versions.renew(cluster.kubectl(), [BACKEND], {"auth": "0123456789abcdef"})
