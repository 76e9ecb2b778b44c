"""The embedded cluster of a person who may use Docker and is not root."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts.clusters import privileged
from scripts.clusters.embedded import Embedded
from scripts.clusters.machine import Machine, read
from scripts.errors import UserError
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.settings.configuration import read_settings

USER = 4242
NAME = f"unprivileged-{os.getpid()}"
# Without the rights to write: only so that a Python in somebody's home can be read, as the machine's own can.
AS_USER = ("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", "--no-new-privs")
LIFE = f"""
import os
from dataclasses import replace
from scripts.clusters.embedded import Embedded
from scripts.host import paths, toolchain
from scripts.host.shell import Shell
from scripts.settings.configuration import read_settings

assert os.geteuid() == {USER}
shell = Shell(echo=lambda line: None)
kubectl = toolchain.locate(shell, paths.ROOT, lambda line: None)["kubectl"]
cluster = Embedded(replace(read_settings(), cluster="{NAME}"), shell, kubectl)
before = cluster.read().state
cluster.create(lambda line: None)
try:
    aimed = [kubectl, "--kubeconfig", cluster.kubeconfig, "get", "nodes", "--output", "name"]
    found = cluster.kubeconfig.stat()
    print(before, cluster.read().state, shell.probe(aimed).out.strip(), found.st_uid, oct(found.st_mode & 0o777))
finally:
    cluster.remove()
print(cluster.read().state)
"""


@pytest.fixture
def home() -> Iterator[Path]:
    """The user's own folder, not below pytest's, which each session that begins takes from everybody but root again."""
    with tempfile.TemporaryDirectory() as name:
        os.chown(name, USER, USER)
        yield Path(name)


@pytest.mark.engine
@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="only root can be somebody else")
def test_its_whole_life_belongs_to_the_user(home: Path) -> None:
    socket = Path("/var/run/docker.sock").stat()
    who = ["setpriv", f"--reuid={USER}", f"--regid={USER}", f"--groups={socket.st_gid}", *AS_USER]
    env = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    env |= {"HOME": str(home), "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run([*who, sys.executable, "-c", LIFE], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [f"absent running node/{NAME} {USER} 0o600", "absent"]
    left = ["docker", "ps", "--all", "--quiet", "--filter", f"name={privileged.container_name(NAME)}"]
    assert subprocess.run(left, capture_output=True, text=True, check=True).stdout == ""


def test_the_command_is_one_that_a_person_can_paste() -> None:
    argv = privileged.run_command(
        Path("/usr/bin/docker"), "n", ["python", "-m", "embedded"], {"A": "b c"}, detached=True
    )
    assert shlex.split(shlex.join(argv)) == argv
    assert {"SYS_ADMIN", "--detach"} < set(argv) and argv[-4:] == ["A=b c", "python", "-m", "embedded"]


def test_it_sees_the_files_of_whoever_starts_it_not_those_of_the_machines_first_process() -> None:
    argv = privileged.run_command(Path("/usr/bin/docker"), "n", ["python"], {}, detached=True)
    joined = argv[argv.index("/usr/bin/nsenter") :]
    assert joined[:5] == ["/usr/bin/nsenter", "--target", str(os.getpid()), "--mount", "--root"]


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"SecurityOptions": ["name=seccomp,profile=default", "name=rootless"]}, "rootless"),
        ({"OperatingSystem": "Docker Desktop"}, "Docker Desktop"),
    ],
)
def test_an_engine_without_the_rights_is_refused_by_name(info: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        privileged.check(read(info, root=False))


@pytest.mark.parametrize(("cgroup", "remedy"), [("2", "minikube or kind"), ("1", "an engine that root runs")])
def test_another_target_is_advised_only_where_it_runs_on_this_engine(cgroup: str, remedy: str) -> None:
    with pytest.raises(UserError) as refused:
        privileged.check(read({"SecurityOptions": ["name=rootless"], "CgroupVersion": cgroup}, root=False))
    assert remedy in refused.value.hint


def test_a_usual_engine_will_do() -> None:
    machine: Machine = read({"SecurityOptions": ["name=seccomp"], "OperatingSystem": "Debian GNU/Linux 12"}, root=False)
    privileged.check(machine)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("answer", "ended"),
    [
        ("echo true", False),
        ("echo false", True),
        ("echo 'Error: No such container: x' >&2; exit 1", True),
        ("echo 'Cannot connect to the Docker daemon' >&2; exit 1", "Cannot connect to the Docker daemon"),
        ("echo '<html>'", "<html>"),
        ("exit 3", "exit status 3"),
    ],
)
def test_what_the_engine_does_not_tell_is_no_end(tmp_path: Path, answer: str, ended: bool | str) -> None:
    client = tmp_path / "docker"
    client.write_text(f"#!/bin/sh\n{answer}\n")
    client.chmod(0o755)
    shell = Shell(echo=lambda line: None)
    if isinstance(ended, bool):
        assert privileged.has_ended(shell, client, "x") is ended
        return
    for asked in (privileged.has_ended, privileged.stop):
        with pytest.raises(UserError, match=ended):
            asked(shell, client, "x")


def test_a_cluster_of_another_user_is_not_taken_for_one_that_stopped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As after `sudo invoke cluster.up` with the person's own HOME: its pid file is root's."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    cluster = Embedded(read_settings(), Shell(echo=lambda line: None), Path("kubectl"))
    assert cluster.read().state == "absent"
    (tmp_path / "todo-chatbot/clusters/todo-chatbot").mkdir(parents=True)
    assert cluster.read().state == "stopped"
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(UserError, match="cluster todo-chatbot is another user's") as problem:
        cluster.read()
    assert "run this as that user" in str(problem.value.hint)
