"""A Docker engine with BuildKit: the one that answers, else one installed and started on a Debian-like system."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.images import docker
from scripts.images.docker import Docker

PACKAGES = ("docker.io", "iptables", "ca-certificates", "mmdebstrap")
LOG = Path("/var/log/dockerd.log")
START_SECONDS = 30.0


def ensure(shell: Shell, *, may_install: bool, say: Callable[[str], None]) -> Docker:
    """A client with BuildKit whose engine answers, installing and starting Docker where that is allowed.

    Raises UserError saying what to install where it is not.
    """
    found = _find(shell)
    if found is None:
        _refuse_unless_installable(may_install)
        say("no Docker client with BuildKit here: installing Debian's docker.io")
        install(shell, ("docker.io", "iptables"))
        found = Docker(Path("/usr/bin/docker")) if shell.dry else _find(shell)
        if found is None:
            raise UserError(
                "docker.io is installed, but no docker client with BuildKit is on PATH", "see: docker version"
            )
    if not docker.engine_answers(shell, found.binary):
        _start(shell, found, say)
    return found


def find_answering(shell: Shell) -> Docker | None:
    """Return a client with BuildKit whose engine answers now, None where nothing is ready."""
    found = _find(shell)
    return found if found and docker.engine_answers(shell, found.binary) else None


def install(shell: Shell, packages: tuple[str, ...]) -> None:
    """Install Debian packages. Raises CommandError if apt fails."""
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    shell.effect(["apt-get", "update", "-qq"], env=quiet, timeout=300)
    shell.effect(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *packages], env=quiet, timeout=900)


def _find(shell: Shell) -> Docker | None:
    clients = docker.find_clients()
    fit = [client for client in clients if docker.has_buildkit(shell, client)]
    answering = [client for client in fit if docker.engine_answers(shell, client)]
    best = next(iter(answering or fit), None)
    return Docker(best) if best else None


def _refuse_unless_installable(may_install: bool) -> None:
    remedy = "install Docker Engine with BuildKit (Debian: apt-get install docker.io) or start Docker Desktop"
    if not may_install:
        raise UserError("no Docker client with BuildKit, and --no-install forbids installing one", remedy)
    if os.geteuid() != 0:
        raise UserError("no Docker client with BuildKit, and installing one needs root", remedy)
    if not shutil.which("apt-get"):
        raise UserError("no Docker client with BuildKit, and this is no Debian-like system", remedy)


def _start(shell: Shell, client: Docker, say: Callable[[str], None]) -> None:
    if os.environ.get("DOCKER_HOST"):
        raise UserError(
            f"the engine at DOCKER_HOST={os.environ['DOCKER_HOST']} does not answer", "start it or unset DOCKER_HOST"
        )
    dockerd = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if os.geteuid() != 0 or not (dockerd or shell.dry):
        raise UserError("the Docker engine does not answer", "start it: sudo systemctl start docker, or Docker Desktop")
    say("the Docker engine is not running: starting it")
    if Path("/run/systemd/system").is_dir():
        shell.effect(["systemctl", "start", "docker"], timeout=60)
    else:
        shell.daemon([dockerd or "dockerd"], log=LOG)
    deadline = time.monotonic() + START_SECONDS
    while not shell.dry and not docker.engine_answers(shell, client.binary):
        if time.monotonic() > deadline:
            raise UserError(f"the Docker engine did not start within {START_SECONDS:g} s", f"see its log: tail {LOG}")
        time.sleep(0.1)  # the socket of a starting engine offers no event to wait for
