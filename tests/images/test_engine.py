"""The engine is asked over its API as the client would reach it; what keeps it from starting is told."""

from __future__ import annotations

import hashlib
import json
import socketserver
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from plumbum import local

from scripts.errors import UserError
from scripts.host import remembered
from scripts.host.shell import Result, Shell
from scripts.images import base_images, docker, engine
from scripts.images.docker import Docker
from scripts.images.engine_api import EngineApi, EngineSilent, chosen_by, is_elsewhere
from tests.support.serving import serving


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """Answers like an engine that has one image."""

    daemon_threads = True

    def __init__(self, path: Path, **about: object) -> None:
        self.about = {"ApiVersion": "1.47", "MinAPIVersion": "1.24", "Components": [{"Name": "Engine"}]} | about
        self.asked: list[str] = []
        super().__init__(str(path), Answer)


class Answer(BaseHTTPRequestHandler):
    server: Engine

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        if self.path == "/_ping":
            self._say(200, "OK")
        elif self.path == "/version":
            self._say(200, json.dumps(self.server.about))
        elif self.path.endswith("/images/reg:5000/a/b:1/json"):
            self._say(200, json.dumps({"Id": "sha256:1"}))
        elif self.path.startswith("/v1.41/info"):
            self._say(200, json.dumps({"NCPU": 3}))
        elif "/images/json?filters=" in self.path:
            tags = {1: ["a/b:old"], 3: ["a/b:new", "other:1"], 2: None}
            self._say(200, json.dumps([{"Created": age, "RepoTags": given} for age, given in tags.items()]))
        elif "/images/broken" in self.path:
            self._say(500, json.dumps({"message": "layer store is gone"}))
        elif "/images/garbled" in self.path:
            self._say(200, "<html>")
        elif "/images/nameless" in self.path:
            self._say(200, "{}")
        elif "/images/behind" in self.path:
            self._say(404, "<html>404 page not found")
        else:
            self._say(404, json.dumps({"message": "No such image"}))

    def _say(self, status: int, body: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    monkeypatch.chdir(tmp_path)  # the path of a socket is short
    server = Engine(Path("s"))
    with serving(server):
        monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/s")
        yield server


CLIENT = Docker(Path("/nowhere/docker"))


def test_images_are_asked_for_without_a_process(served: Engine) -> None:
    assert docker.image_ids(Shell(), CLIENT, ["reg:5000/a/b:1", "none:1"]) == {"reg:5000/a/b:1": "sha256:1"}
    assert docker.engine_answers(Shell(), CLIENT.binary)
    assert any(path == "/v1.41/images/reg:5000/a/b:1/json" for path in served.asked)


def test_what_the_engine_has_of_a_repository_is_read_without_a_process_the_newest_first(served: Engine) -> None:
    assert docker.references(Shell(), CLIENT, ["a/b"]) == ["a/b:new", "a/b:old"]
    assert docker.info(Shell(), CLIENT.binary) == ({"NCPU": 3}, "")


@pytest.mark.parametrize("ref", ["broken:1", "garbled:1", "nameless:1", "behind:1"])
def test_an_answer_that_cannot_be_had_is_no_absence(served: Engine, ref: str) -> None:
    with pytest.raises(EngineSilent, match="engine answers with status"):
        docker.image_ids(Shell(), CLIENT, [ref])


def test_a_silent_engine_is_no_absence_either(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody")
    assert not docker.engine_answers(Shell(), CLIENT.binary)
    with pytest.raises(EngineSilent, match="nobody"):
        docker.image_ids(Shell(), CLIENT, ["a:1"])
    assert docker.image_ids(Shell(dry=True), CLIENT, ["a:1"]) == {}


@pytest.mark.parametrize(
    ("newest", "oldest", "spoken"),
    [("1.47", "1.24", "v1.41"), ("1.40", "1.12", "v1.40"), ("1.52", "1.44", "v1.44"), ("x", None, "v1.41")],
)
def test_a_version_that_both_know_is_spoken(served: Engine, newest: str, oldest: str | None, spoken: str) -> None:
    served.about |= {"ApiVersion": newest, "MinAPIVersion": oldest}
    assert EngineApi(socket="s").version == spoken


def test_podman_in_the_engines_place_is_named(served: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    served.about["Components"] = [{"Name": "Podman Engine"}]
    monkeypatch.setattr(engine, "_find", lambda _: CLIENT)
    with pytest.raises(UserError, match="is podman, which builds without BuildKit"):
        engine.ensure(Shell(), may_install=False, say=print)


def context(home: Path, name: str, host: str, *, tls: bool = False) -> None:
    key = hashlib.sha256(name.encode()).hexdigest()
    (home / ".docker/contexts/meta" / key).mkdir(parents=True)
    meta = {"Name": name, "Endpoints": {"docker": {"Host": host}}}
    (home / ".docker/contexts/meta" / key / "meta.json").write_text(json.dumps(meta))
    if tls:
        (home / ".docker/contexts/tls" / key).mkdir(parents=True)


def test_an_engine_on_another_machine_is_known_by_its_address(tmp_path: Path) -> None:
    context(tmp_path, "far", "ssh://me@there")
    context(tmp_path, "safe", "tcp://there:2376", tls=True)
    home = {"HOME": str(tmp_path)}
    for here in ("", "unix:///a/b", "tcp://localhost:2375", "tcp://127.0.0.1:4321", "npipe:////./pipe/docker_engine"):
        assert not is_elsewhere(home | {"DOCKER_HOST": here})
    for there in ("tcp://docker:2375", "ssh://me@there", "tcp://[fd00::1]:2375"):
        assert is_elsewhere(home | {"DOCKER_HOST": there})
    assert is_elsewhere(home | {"DOCKER_CONTEXT": "far"}) and is_elsewhere(home | {"DOCKER_CONTEXT": "safe"})
    assert not is_elsewhere(home | {"DOCKER_CONTEXT": "unknown"})
    for none in ("tcp://[::1", "tcp://h:abc", "nonsense"):
        assert not is_elsewhere(home | {"DOCKER_HOST": none}) and not EngineApi.reached_by(home | {"DOCKER_HOST": none})


def test_the_way_to_the_engine_is_the_clients_own(tmp_path: Path) -> None:
    context(tmp_path, "desk", "unix:///run/user/1/docker.sock")
    context(tmp_path, "far", "ssh://me@there")
    context(tmp_path, "safe", "tcp://there:2376", tls=True)
    home = {"HOME": str(tmp_path)}

    def reached(**more: str) -> EngineApi | None:
        return EngineApi.reached_by(home | more)

    assert reached() == EngineApi(socket="/var/run/docker.sock")
    assert reached(DOCKER_HOST="unix:///a/b", DOCKER_CONTEXT="far") == EngineApi(socket="/a/b")
    assert reached(DOCKER_HOST="tcp://10.0.0.1:2375") == EngineApi(host="10.0.0.1", port=2375)
    assert reached(DOCKER_CONTEXT="desk") == EngineApi(socket="/run/user/1/docker.sock")
    for only_the_client in ("far", "safe", "unknown"):
        assert reached(DOCKER_CONTEXT=only_the_client) is None
    assert reached(DOCKER_HOST="tcp://10.0.0.1:2376", DOCKER_TLS_VERIFY="1") is None
    (tmp_path / ".docker/config.json").write_text(json.dumps({"currentContext": "desk"}))
    assert reached() == EngineApi(socket="/run/user/1/docker.sock")
    (tmp_path / ".docker/config.json").write_text("{not json")
    assert reached() == EngineApi(socket="/var/run/docker.sock")


def client(file: Path, version: str, buildx: int = 1) -> Path:
    script = f'[ "$1" = --version ] && {{ echo "{version}"; exit; }}\n[ "$1" = buildx ] && exit {buildx}\nexit 1\n'
    file.write_text(f'#!/bin/sh\necho "$*" >> {file}.asked\n{script}')
    file.chmod(0o755)
    return file


@pytest.mark.slow
@pytest.mark.parametrize(
    ("version", "buildx", "fit"),
    [
        ("Docker version 20.10.24+dfsg1, build 297e128", 1, True),
        ("Docker version 28.2.2, build e6534b4", 0, True),
        ("Docker version 28.2.2, build e6534b4", 1, False),
        ("podman version 5.4.2", 0, False),
        ("", 0, False),
    ],
)
def test_which_client_can_build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str, buildx: int, fit: bool
) -> None:
    monkeypatch.setattr(remembered, "FOLDER", tmp_path / "kept")
    assert docker.has_buildkit(Shell(), client(tmp_path / "docker", version, buildx)) is fit


@pytest.mark.slow
def test_the_answer_is_kept_until_the_client_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "FOLDER", tmp_path / "kept")
    binary = client(tmp_path / "docker", "Docker version 28.2.2, build e6534b4", 0)
    assert docker.has_buildkit(Shell(), binary) and docker.has_buildkit(Shell(), binary)
    assert (tmp_path / "docker.asked").read_text().splitlines() == ["--version", "buildx version"]
    binary.unlink()
    client(tmp_path / "docker", "podman version 5.4.2 and more")
    assert not docker.has_buildkit(Shell(), binary)
    (tmp_path / "kept/buildkit.json").write_text("[not json")
    assert not docker.has_buildkit(Shell(), binary)


@pytest.mark.slow
@pytest.mark.parametrize("answer", [Result(124, "", "no answer within 30 s"), Result(127, ""), Result(0, "{")])
def test_a_client_that_says_nothing_of_itself_is_asked_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: Result
) -> None:
    """A machine that has too much to do says nothing about the client."""
    monkeypatch.setattr(remembered, "FOLDER", tmp_path / "kept")
    binary = client(tmp_path / "docker", "Docker version 20.10.24, build 1")
    silent = Shell()
    monkeypatch.setattr(silent, "probe", lambda argv, **rest: answer)
    assert not docker.has_buildkit(silent, binary) and not (tmp_path / "kept").exists()
    assert docker.has_buildkit(Shell(), binary)


@pytest.mark.slow
def test_a_dry_run_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "FOLDER", tmp_path / "tools/kept")
    assert docker.has_buildkit(Shell(dry=True), client(tmp_path / "docker", "Docker version 20.10.24, build 1"))
    assert not (tmp_path / "tools").exists()


@pytest.mark.slow
def test_podman_as_docker_is_told_where_nothing_may_be_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(remembered, "FOLDER", tmp_path / "kept")
    client(tmp_path / "docker", "podman version 5.4.2", 0)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(docker, "find_clients", lambda: [tmp_path / "docker"])
    with pytest.raises(UserError, match=r"docker is podman, which answers as docker"):
        engine.ensure(Shell(), may_install=False, say=print)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("release", "told", "installed"),
    [
        ("Debian 12", "", "docker.io iptables"),
        (
            "Debian 13",
            "docker-cli:\n  Installed: (none)\n  Candidate: 26.1.5+dfsg1-9+b9\n  Version table:\n"
            "docker-buildx:\n  Installed: (none)\n  Candidate: 0.13.1+ds1-3\n  Version table:\n",
            "docker.io iptables docker-cli docker-buildx",
        ),
        (
            "Ubuntu 24.04",
            "docker-cli:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\n"
            "docker-buildx:\n  Installed: (none)\n  Candidate: 0.14.1-0ubuntu1\n  Version table:\n",
            "docker.io iptables docker-buildx",
        ),
    ],
)
def test_an_engine_comes_with_its_client_however_the_release_divides_it(
    tmp_path: Path, release: str, told: str, installed: str
) -> None:
    for name, does in (("apt-get", f'echo "$*" >> {tmp_path}/asked'), ("apt-cache", f"printf '%s' '{told}'")):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    with local.env(PATH=f"{tmp_path}:/usr/bin:/bin"):
        engine.install(Shell(echo=lambda _: None), engine.PACKAGES, engine.CLIENT_PACKAGES)
    assert (tmp_path / "asked").read_text().splitlines()[-1].endswith(f"--no-install-recommends {installed}")


@pytest.mark.slow
def test_base_images_are_begun_before_the_engine_is_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bare machine of two cores makes Debian's files while it installs Docker."""
    for name, does in (
        ("apt-get", f'echo "apt-get $*" >>{tmp_path}/ran'),
        ("apt-cache", ":"),
        ("mmdebstrap", f'echo files made >>{tmp_path}/ran; echo files >"$TARGET"'),
    ):
        (tmp_path / name).write_text(f"#!/bin/sh\n{does}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("TARGET", str(tmp_path / "todo-chatbot/base-images/debian-trixie.tar"))
    monkeypatch.setattr(base_images, "registry_answers", lambda: False)
    monkeypatch.setattr(base_images.Early, "lacking", lambda _: ["mmdebstrap"])
    with local.env(PATH=f"{tmp_path}:/usr/bin:/bin"), ThreadPoolExecutor() as pool:
        shell = Shell(echo=lambda _: None)
        early = base_images.Early(shell, print, pool)
        engine.install(shell, engine.PACKAGES, early=early)
        archive = early.made()
    assert archive and archive.read_text() == "files\n"
    ran = [line.split() for line in (tmp_path / "ran").read_text().splitlines()]
    assert [line[-1] for line in ran if line[0] == "apt-get"] == ["-qq", "mmdebstrap", "iptables"]
    assert ran.index(["files", "made"]) > 1, "not before what makes them is there"
    assert ["DPkg::NoTriggers=true" in line for line in ran if line[0] == "apt-get"] == [False, True, False]
    monkeypatch.setattr(base_images, "registry_answers", lambda: True)
    assert not early.is_wanted(), "the official ones are fetched"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("simulated", "told"),
    [("Remv podman-docker [5.4.2+ds1-1]", "would remove podman-docker"), ("", "remove is disabled")],
)
def test_nothing_of_the_persons_is_removed_for_an_engine(tmp_path: Path, simulated: str, told: str) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text(
        f'#!/bin/sh\ncase "$*" in --simulate*) echo "{simulated}" ;;\n'
        "install*--no-remove*|-o*install*--no-remove*)"
        ' echo "E: Packages need to be removed but remove is disabled." >&2; exit 100 ;; esac\n'
    )
    apt.chmod(0o755)
    with local.env(PATH=f"{tmp_path}:/usr/bin:/bin"), pytest.raises(UserError, match=told):
        engine.install(Shell(echo=lambda _: None), ("docker.io",))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("update", "install", "told"),
    [
        ("exit 0", "exit 0", ""),
        # A repository of somebody's own that is gone is no reason to stop.
        ("echo 'E: The repository https://gone Release does not have a Release file.' >&2; exit 100", "exit 0", ""),
        # apt ends with 0 where the network is down.
        (
            "echo \"W: Failed to fetch http://deb/InRelease  Temporary failure resolving 'deb'\" >&2; exit 0",
            "echo 'E: Unable to locate package docker.io' >&2; exit 100",
            "its lists are old or missing: Failed to fetch http://deb/InRelease  Temporary failure resolving 'deb'",
        ),
    ],
)
def test_lists_that_cannot_be_had_are_told_where_a_package_is_missing(
    tmp_path: Path, update: str, install: str, told: str
) -> None:
    apt = tmp_path / "apt-get"
    apt.write_text(f'#!/bin/sh\ncase "$*" in --simulate*) ;; *update*) {update} ;; *) {install} ;; esac\n')
    apt.chmod(0o755)
    with local.env(PATH=f"{tmp_path}:/usr/bin:/bin"):
        try:
            engine.install(Shell(echo=lambda _: None), ("docker.io",))
        except UserError as problem:
            assert told and problem.hint == told and "Unable to locate package" in str(problem)
        else:
            assert not told


@pytest.mark.slow
def test_an_engine_that_ends_is_told_at_once_by_its_last_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    dockerd = tmp_path / "dockerd"
    words = "failed to start daemon: process with PID 812 is still running"
    dockerd.write_text(f'#!/bin/sh\necho \'time="x" level=info msg="Starting up"\'\necho "{words}"\nexit 1\n')
    dockerd.chmod(0o755)
    (tmp_path / "log").write_text("failed to start daemon: no space left on device\n")
    monkeypatch.setattr(engine, "LOG", tmp_path / "log")
    monkeypatch.setattr(engine.docker, "engine_answers", lambda *_: False)
    monkeypatch.setattr(engine.os, "geteuid", lambda: 0)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(engine, "SYSTEMD", tmp_path / "none")
    with local.env(PATH=f"{tmp_path}:/usr/bin:/bin"), pytest.raises(engine.EngineError) as told:
        engine._start(Shell(echo=lambda _: None), CLIENT, lambda _: None)
    assert str(told.value) == f"the Docker engine does not start: {words}"
    assert "no space" not in told.value.result.err and told.value.program == "dockerd"


@pytest.mark.parametrize(
    ("log", "why"),
    [
        ('time="t" level=info msg="a"\ntime="t" level=fatal msg="b \\"c\\""\n', 'b "c"'),
        ("failed to start daemon: d\ntime=t level=info msg=stopping\n", "failed to start daemon: d"),
        ("only this\n", "only this"),
        ('time="t" level=warning msg="failed to load plugin x"\ntime="t" level=info msg="Loading"\n', "Loading"),
        ("", ""),
    ],
)
def test_the_line_that_says_why(log: str, why: str) -> None:
    assert engine.reason(log) == why


@pytest.mark.parametrize(
    ("environ", "current", "place", "otherwise"),
    [
        ({}, "", "", ""),
        ({"DOCKER_HOST": "unix:///var/run/docker.sock"}, "far", "", ""),
        ({"DOCKER_HOST": "tcp://10.0.0.1:2375"}, "", "DOCKER_HOST=tcp://10.0.0.1:2375", "unset DOCKER_HOST"),
        ({"DOCKER_CONTEXT": "gone"}, "", "DOCKER_CONTEXT=gone", "unset DOCKER_CONTEXT"),
        ({"DOCKER_CONTEXT": "default"}, "desktop-linux", "", ""),
        ({}, "desktop-linux", "the docker context desktop-linux", "choose another: docker context use default"),
    ],
)
def test_an_engine_that_somebody_chose_elsewhere_is_not_started_here(
    tmp_path: Path, environ: dict[str, str], current: str, place: str, otherwise: str
) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"currentContext": current} if current else {}))
    assert chosen_by(environ | {"DOCKER_CONFIG": str(tmp_path)}) == (place, otherwise)


@pytest.mark.parametrize(
    ("config", "mtu", "words"),
    [
        (None, 1400, ["--mtu", "1400"]),
        ('{"log-level": "warn"}', 1400, ["--mtu", "1400"]),
        ('{"mtu": 1300}', 1400, []),  # the engine refuses what is said twice
        (None, 1500, []),
        (None, 9000, []),
    ],
)
def test_an_engine_is_started_with_packets_no_larger_than_the_machines_own(
    config: str | None, mtu: int, words: list[str], tmp_path: Path
) -> None:
    file = tmp_path / "daemon.json"
    if config:
        file.write_text(config, encoding="utf-8")
    assert engine._packet_size(file, mtu) == words


@pytest.mark.slow
def test_an_engine_that_systemd_starts_is_told_in_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine, "SYSTEMD", tmp_path)
    monkeypatch.setattr(engine, "CONFIG", tmp_path / "docker/daemon.json")
    lines: list[str] = []
    engine._limit_packets(Shell(echo=lines.append), 1500)
    assert not lines
    engine._limit_packets(Shell(echo=lines.append), 1400)
    assert json.loads(engine.CONFIG.read_text(encoding="utf-8")) == {"mtu": 1400} and lines
    engine._limit_packets(Shell(echo=lines.append), 1300)
    assert "1400" in engine.CONFIG.read_text(encoding="utf-8"), "what is there is a person's"
