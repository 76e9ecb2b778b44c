"""The doctor judges facts without asking anybody, says what to do, and asks tools only what changes nothing."""

from __future__ import annotations

import json
import socket
import urllib.error
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from scripts.clusters.machine import Objection
from scripts.doctor import checks
from scripts.doctor import facts as asked
from scripts.doctor.checks import GIB
from scripts.doctor.facts import Client, Facts
from scripts.host.shell import Result, Shell
from scripts.settings.configuration import read_settings

WELL = Facts(
    python=(3, 12),
    clients=(Client("/usr/bin/docker", "27.5.1", True),),
    engine={"ServerVersion": "27.5.1", "Driver": "overlay2"},
    disk_free=80 * GIB,
    memory=16 * GIB,
    cores=4,
    tools={"helm": "v4.3.1", "kubectl": "v1.37.1"},
    cluster={"name": "todo-chatbot", "state": "running"},
    server="v1.36.2",
    metrics=True,
    ingress=True,
    registries={"Docker Hub": ""},
)


TOO_SMALL = (Objection("RSRC_INSUFFICIENT_CORES", "a start asks for 4 CPUs, and the engine has 2", "set fewer"),)
RANGES = {"ServerVersion": "28.0.1", "RegistryConfig": {"InsecureRegistryCIDRs": ["10.0.0.0/8", "no range"]}}
TOLD = {**WELL.engine, "RegistryConfig": {"IndexConfigs": {"r:5000": {"Secure": False}}}}


CANNOT_BUILD = (Client("/usr/local/bin/docker", "28.2.2", False),)


def row(facts: Facts, name: str) -> checks.Row:
    return next(item for item in checks.run_checks(facts) if item.name == name)


def test_a_good_machine_is_well() -> None:
    rows = checks.run_checks(WELL)
    assert not [item for item in rows if item.verdict in ("warn", "fail")]
    assert checks.exit_code(rows) == 0 and checks.fixable(rows) == []


@pytest.mark.parametrize(
    ("change", "name", "verdict", "fix"),
    [
        ({"python": (3, 10)}, "python", "fail", ""),
        ({"system": "Darwin"}, "system", "fail", ""),
        ({"root": False}, "system", "ok", ""),
        ({"root": False, "engine": {}}, "system", "fail", ""),
        ({"root": False, "engine": {**WELL.engine, "SecurityOptions": ["name=rootless"]}}, "system", "fail", ""),
        ({"engine": {**WELL.engine, "SecurityOptions": ["name=rootless"]}}, "system", "fail", ""),
        ({"root": False, "engine": {**WELL.engine, "OperatingSystem": "Docker Desktop"}}, "system", "fail", ""),
        ({"root": False, "target": "minikube", "program": "v1.38.1"}, "system", "ok", ""),
        ({"clients": ()}, "engine", "warn", "engine"),
        ({"clients": (), "root": False}, "engine", "fail", ""),
        ({"engine": {}, "engine_error": "Cannot connect"}, "engine", "warn", "engine"),
        ({"engine": {}, "engine_place": ("DOCKER_HOST=tcp://a:1", "unset it")}, "engine", "fail", ""),
        ({"secrets_problem": ("k.A: too short", "correct it")}, "secrets", "fail", ""),
        ({"engine": {"ServerVersion": "19.3.15", "Driver": "overlay2"}}, "engine", "fail", ""),
        ({"engine": {"ServerVersion": "20.10.24+dfsg1", "Driver": "vfs"}}, "storage driver", "warn", ""),
        ({"engine": {}}, "storage driver", "skip", ""),
        ({"clients": CANNOT_BUILD}, "buildkit", "warn", "engine"),  # a client by itself, as many machines have one
        ({"clients": CANNOT_BUILD, "root": False}, "buildkit", "fail", ""),
        ({"clients": CANNOT_BUILD, "may_install": False}, "buildkit", "fail", ""),
        ({"disk_free": 1 * GIB}, "disk", "fail", ""),
        ({"disk_free": 8 * GIB}, "disk", "warn", ""),
        ({"disk_free": None}, "disk", "skip", ""),
        ({"memory": 1 * GIB}, "memory", "fail", ""),
        ({"memory": 3 * GIB, "target": "minikube"}, "memory", "warn", ""),
        ({"memory_limit": 1 * GIB}, "memory", "fail", ""),  # of a container on a large machine
        ({"memory_limit": 1 * GIB, "target": "kind"}, "memory", "warn", ""),  # its nodes may be outside of that
        ({"memory_limit": 1 * GIB, "memory": 1 * GIB, "target": "kind"}, "memory", "fail", ""),
        ({"memory_limit": 2**63 - 4096}, "memory", "ok", ""),  # as version 1 says that there is none
        ({"cores": 1, "target": "minikube"}, "cores", "fail", ""),
        ({"tools": {"helm": "v3.9.0", "kubectl": "v1.37.1"}}, "helm", "warn", "tools"),
        ({"tools": {"helm": "v4.3.1"}}, "kubectl", "warn", "tools"),
        ({"tools": {}, "machine": "aarch64"}, "helm", "fail", ""),
        ({"target": "minikube"}, "minikube", "fail", ""),
        ({"server": ""}, "cluster", "warn", "cluster"),
        ({"server": "", "cluster": {"state": "unknown", "why": "killed"}}, "cluster", "fail", ""),
        ({"target": "kind"}, "kind", "fail", ""),
        ({"target": "minikube", "program": "v1.38.1", "cluster": {"state": "absent"}}, "start", "ok", ""),
        ({"target": "minikube", "program": "v1", "cluster": {}, "objections": TOO_SMALL}, "start", "fail", ""),
        ({"target": "minikube", "program": "v1", "objections": TOO_SMALL}, "start", "skip", ""),
        ({"target": "kind", "program": "v0.33", "cluster": {}, "objections": TOO_SMALL}, "start", "fail", ""),
        ({"ingress": False}, "ingress", "skip", ""),
        ({"ingress": False, "ingress_why": "its controller has no ready pod"}, "ingress", "warn", ""),
        ({"target": "context", "port_open": True}, "port 30000", "skip", ""),
        ({"target": "minikube", "port_open": True}, "port 30000", "skip", ""),
        ({"target": "minikube", "port_open": True, "node_hidden": True}, "port 30000", "fail", ""),
        ({"port": 31000, "port_open": True}, "port 31000", "fail", ""),
        ({"registries": {"registry r:5000": asked.PLAIN}}, "registry r:5000", "warn", ""),
        ({"registries": {"registry localhost:5000": asked.PLAIN}}, "registry localhost:5000", "ok", ""),
        ({"registries": {"registry r:5000": asked.PLAIN}, "engine": TOLD}, "registry r:5000", "ok", ""),
        ({"registries": {"registry [::1]:5000": asked.PLAIN}}, "registry [::1]:5000", "ok", ""),
        ({"registries": {"registry 127.0.1.1:5000": asked.PLAIN}}, "registry 127.0.1.1:5000", "ok", ""),
        ({"registries": {"registry 10.1.2.3:5000": asked.PLAIN}}, "registry 10.1.2.3:5000", "warn", ""),
        ({"registries": {"registry 10.1.2.3:5000": asked.PLAIN}, "engine": RANGES}, "registry 10.1.2.3:5000", "ok", ""),
        ({"server": "", "target": "context"}, "cluster", "fail", ""),
        ({"cluster_error": "context 'x' is not on the list"}, "cluster", "fail", ""),
        ({"metrics": False}, "metrics", "warn", ""),
        ({"metrics": None, "metrics_why": "Forbidden"}, "metrics", "skip", ""),
        ({"port_open": True, "port_ours": None}, "port 30000", "skip", ""),
        ({"tools": {"helm": "an unknown version", "kubectl": "v1.37.1"}}, "helm", "warn", "tools"),
        ({"port_open": True, "port_ours": True}, "port 30000", "ok", ""),
        ({"port_open": True, "port_holder": "nginx (process 7)"}, "port 30000", "fail", ""),
        ({"registries": {"Docker Hub": "no answer"}}, "Docker Hub", "warn", ""),
        ({"ai": {"kagent": "0.9"}}, "kagent", "ok", ""),
    ],
)
def test_a_verdict_and_its_repair(change: dict[str, Any], name: str, verdict: str, fix: str) -> None:
    found = row(replace(WELL, **change), name)
    assert (found.verdict, found.fix) == (verdict, fix)
    assert bool(found.remedy) == (verdict in ("warn", "fail"))


@pytest.mark.parametrize(
    ("said", "remedy"),
    [
        ("Cannot connect to the Docker daemon at unix:///var/run/docker.sock.", "systemctl start docker"),
        ("permission denied while trying to connect to the Docker daemon socket", "--groups docker"),
        ("Got permission denied while trying to connect to the Docker daemon socket", "--groups docker"),
    ],
)
def test_an_engine_that_may_not_be_used_is_not_taken_for_one_that_does_not_run(said: str, remedy: str) -> None:
    facts = replace(WELL, root=False, engine={"ServerErrors": [said]}, engine_error=said)
    assert all(remedy in row(facts, name).remedy for name in ("system", "engine"))


@pytest.mark.parametrize(
    ("mtu", "containers", "verdicts"), [(1400, 1500, ["warn"]), (1500, 1500, ["ok"]), (1400, None, [])]
)
def test_containers_whose_packets_are_too_large_are_told(mtu: int, containers: int | None, verdicts: list[str]) -> None:
    rows = checks.run_checks(replace(WELL, mtu=mtu, containers_mtu=containers))
    found = [one for one in rows if one.name == "packets"]
    assert [one.verdict for one in found] == verdicts
    assert all('"mtu": 1400' in one.remedy for one in found if one.verdict == "warn")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({}, "bootstrapped"),  # the pipeline installs what makes them
        ({"root": False}, "apt-get install mmdebstrap uidmap"),
        ({"root": False, "mmdebstrap": True}, "bootstrapped"),
    ],
)
def test_without_a_registry_it_matters_who_may_make_base_images(change: dict[str, Any], told: str) -> None:
    assert told in row(replace(WELL, registries={"Docker Hub": "no answer"}, **change), "Docker Hub").remedy


def test_what_keeps_a_run_from_succeeding_is_told_all_at_once() -> None:
    facts = replace(WELL, root=False, clients=(), engine={}, memory=1 * GIB)
    told = checks.blocking(checks.run_local_checks(facts))
    assert [line.split(":")[0] for line in told] == ["system", "engine", "memory"]
    assert checks.blocking(checks.run_local_checks(WELL)) == []


def test_what_is_wrong_is_told_with_its_remedy_and_sets_the_exit_status() -> None:
    rows = checks.run_checks(replace(WELL, port_open=True, port_holder="nginx (process 7)", tools={}, server=""))
    text = checks.render(rows)
    assert checks.exit_code(rows) == 1
    assert "taken by nginx (process 7)" in text and "-> stop it" in text
    assert text.splitlines()[-1] == "--fix can mend: tools, cluster"


def test_the_json_is_stable() -> None:
    found = json.loads(json.dumps(checks.as_json(checks.run_checks(WELL))))
    assert set(found) == {"schema", "ok", "fixable", "checks"} and found["ok"] is True
    assert set(found["checks"][0]) == {"name", "verdict", "detail", "remedy", "fix"}


class Absent(Shell):
    """A machine that has no programs at all, or only ones that answer nonsense."""

    def __init__(self, answer: Result) -> None:
        super().__init__()
        self.asked: list[list[str]] = []
        self._answer = answer

    def probe(self, argv: Any, **_: Any) -> Result:
        self.asked.append([str(word) for word in argv])
        return self._answer


@pytest.mark.parametrize(
    "answer", [Result(127, "", "not found"), Result(0, "{", ""), Result(0, "[1]"), Result(1, "null")]
)
def test_gathering_survives_tools_that_fail_or_talk_nonsense(
    answer: Result, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(asked, "REGISTRIES", {})
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    shell = Absent(answer)
    facts = asked.gather(read_settings(), shell, "embedded")
    assert facts.target == "embedded" and facts.server == ""
    assert checks.render(checks.run_checks(facts))


def test_a_target_that_does_not_exist_is_a_row_and_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asked, "REGISTRIES", {})
    facts = asked.gather(read_settings(), Absent(Result(127, "")), "mars")
    assert "mars" in row(facts, "cluster").detail and row(facts, "cluster").verdict == "fail"


def test_repairs_are_done_in_order_and_only_those_that_are_named() -> None:
    done: list[str] = []

    class Fake:
        shell = None
        say = staticmethod(print)

        @property
        def tools(self) -> dict[str, Path]:
            done.append("tools")
            return {"helm": Path("/t/helm")}

        @property
        def cluster(self) -> Any:
            done.append("cluster")
            return type("C", (), {"up": lambda self: type("O", (), {"detail": "started"})()})()

    rows = checks.run_checks(replace(WELL, tools={}, server=""))
    session: Any = Fake()
    assert checks.repair(session, rows) == ["tools: /t/helm", "cluster: started"]
    assert done == ["tools", "cluster"]
    assert checks.repair(session, checks.run_checks(WELL)) == []


def test_an_engine_elsewhere_has_its_disk_there(monkeypatch: pytest.MonkeyPatch) -> None:
    told = {"clients": (), "engine": {"DockerRootDir": "/"}, "engine_error": "", "engine_place": ("", "")}
    monkeypatch.setattr(asked, "_ask_engine", lambda _: told)
    settings: Any = SimpleNamespace(target="embedded", targets=SimpleNamespace(minikube=None), root="/", cluster="c")
    monkeypatch.setattr(asked.clusters, "choose", lambda *_: "embedded")
    monkeypatch.setattr(asked.clusters, "force_root", lambda *_: False)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert asked.local_facts(settings, Shell()).disk_free
    monkeypatch.setenv("DOCKER_HOST", "ssh://bob@far.example.org")
    assert asked.local_facts(settings, Shell()).disk_free is None
    monkeypatch.delenv("DOCKER_HOST")
    told["engine"] = {"DockerRootDir": "/var/lib/of/another/machine"}
    assert asked.local_facts(settings, Shell()).disk_free is None


@pytest.mark.parametrize(
    ("reason", "words"),
    [
        (socket.gaierror(-2, "Name or service not known"), "Name or service not known"),
        (ConnectionRefusedError(111, "Connection refused"), "Connection refused"),
        (TimeoutError("timed out"), "timed out"),
    ],
)
def test_why_an_address_does_not_answer_is_told_without_a_number(
    monkeypatch: pytest.MonkeyPatch, reason: OSError, words: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise urllib.error.URLError(reason)

    monkeypatch.setattr("urllib.request.urlopen", fail)
    assert asked._Reachable({"Docker Hub": "https://x/"}).result() == {"Docker Hub": f"cannot be reached: {words}"}


def test_no_row_shows_the_password_of_an_address() -> None:
    place = ("DOCKER_HOST=tcp://bob:correct-horse@far:2375", "unset it")
    problem = "cannot be reached: https://bob:correct-horse@proxy"
    facts = replace(WELL, engine={}, engine_place=place, engine_error=place[0], registries={"Docker Hub": problem})
    rows = checks.run_checks(facts)
    assert "correct-horse" not in checks.render(rows) + json.dumps(checks.as_json(rows))
