"""A Docker engine with BuildKit: the one that answers, else one installed and started on a Debian-like system."""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from scripts.errors import UserError
from scripts.host import network
from scripts.host.shell import CommandError, Result, Shell
from scripts.images import control_groups, docker
from scripts.images.docker import Docker
from scripts.images.engine_api import EngineApi, chosen_by

PACKAGES = ("docker.io", "iptables")
CLIENT_PACKAGES = ("docker-cli", "docker-buildx")  # what newer releases have taken out of docker.io
LOG = Path("/var/log/dockerd.log")
CONFIG = Path("/etc/docker/daemon.json")
START_SECONDS = 180.0  # as long as its process lives: on a busy machine it takes more than half a minute
APT_PATIENCE = ("-o", "DPkg::Lock::Timeout=300")  # for the updates that a system makes by itself
INSTALL = (*APT_PATIENCE, "install", "-qq", "-y", "--no-remove", "--no-install-recommends")
# Of two installations in a row the second does for both what is done once in the end, as the index of manual pages.
TRIGGERS_LATER = (
    "-o", "DPkg::NoTriggers=true", "-o", "DPkg::ConfigurePending=false", "-o", "PackageManager::Configure=all",
)  # fmt: skip
QUIET = {"DEBIAN_FRONTEND": "noninteractive"}
SYSTEMD = Path("/run/systemd/system")


class Early(Protocol):
    """An early beginning: of what an engine is wanted for, and is made without one while Docker is being installed."""

    def is_wanted(self) -> bool:
        """Return whether it is to be made at all."""

    def lacking(self) -> Sequence[str]:
        """Return the packages that it takes and this machine lacks."""

    def begin(self) -> None:
        """Begin, beside the caller."""


def ensure(shell: Shell, *, may_install: bool, say: Callable[[str], None], early: Early | None = None) -> Docker:
    """Return a client with BuildKit whose engine answers, installing and starting Docker where that is allowed.

    `early` is begun where Docker has to be installed first. Raises UserError saying what to install where it may not.
    """
    found = _find(shell)
    if found is None:
        _refuse_unless_installable(shell, may_install)
        say("no Docker client with BuildKit here: installing Debian's docker.io")
        _limit_packets(shell, network.outward_mtu())
        install(shell, PACKAGES, CLIENT_PACKAGES, early)
        found = Docker(Path("/usr/bin/docker")) if shell.dry else _find(shell)
        if found is None:
            raise UserError(
                "docker.io is installed, but no docker client with BuildKit is on PATH", "see: docker version"
            )
    if not docker.engine_answers(shell, found.binary):
        _start(shell, found, say)
    _refuse_podman()
    return found


def _refuse_podman() -> None:
    api = EngineApi.reached_by(os.environ)
    if api and api.answers() and api.is_podman:
        raise UserError(
            f"what answers at {api.socket or api.host} is podman, which builds without BuildKit",
            "start a Docker Engine and point DOCKER_HOST (or the docker context) at its socket",
        )


def find_answering(shell: Shell) -> Docker | None:
    """Return a client with BuildKit whose engine answers now, None where nothing is ready."""
    found = _find(shell)
    return found if found and docker.engine_answers(shell, found.binary) else None


def install(shell: Shell, packages: Sequence[str], where_known: Sequence[str] = (), early: Early | None = None) -> None:
    """Install Debian packages, and those of `where_known` that the release has; `early` is begun before them.

    Raises CommandError if apt fails, UserError where it would take others away.
    """
    said = _update_lists(shell)
    wanted = [*packages, *_known(shell, where_known)]
    if early and early.is_wanted():
        _install(shell, early.lacking(), said, TRIGGERS_LATER)
        early.begin()
    _install(shell, wanted, said)


def _install(shell: Shell, packages: Sequence[str], lists: str, options: Sequence[str] = ()) -> None:
    """Install packages by apt, whose answer to the update of its lists is `lists`; apt takes none away for them."""
    if not packages:
        return
    try:
        shell.effect(["apt-get", *options, *INSTALL, *packages], env=QUIET, timeout=900)
    except CommandError as problem:
        _refuse_removals(shell, packages)
        if lists:
            raise CommandError(problem.argv, problem.result, f"its lists are old or missing: {lists}") from None
        raise


def _refuse_removals(shell: Shell, packages: Sequence[str]) -> None:
    """Raise UserError naming what would have to go, where that is why apt refused: its own words may be translated."""
    told = shell.probe(["apt-get", "--simulate", *INSTALL, "--remove", *packages], env=QUIET, timeout=120).out
    if lost := re.findall(r"(?m)^Remv (\S+)", told):
        raise UserError(
            f"installing {', '.join(packages)} would remove {', '.join(lost)}, which is yours to decide",
            f"remove it yourself (apt-get remove {' '.join(lost)}) and start again, or start an engine of your own",
        )


def _known(shell: Shell, packages: Sequence[str]) -> list[str]:
    """Return those that can be installed, by apt's lists."""
    told = shell.probe(["apt-cache", "policy", *packages], timeout=120).out if packages else ""
    return re.findall(r"(?m)^(\S+):\n  Installed: .*\n  Candidate: (?!\(none\))", told)


def _update_lists(shell: Shell) -> str:
    """Fetch apt's lists, and return what it says of those that it cannot have: ends with 0 where the network is down.

    A list that nothing is installed from, as of somebody's own repository, is no reason to stop.
    """
    try:
        answer = shell.effect(["apt-get", *APT_PATIENCE, "update", "-qq"], env=QUIET, timeout=300)
    except CommandError as problem:
        answer = problem.result
    said = re.findall(r"(?m)^[EW]: (.+)", f"{answer.err}\n{answer.out}")
    return str(said[0]) if said else ""


def _find(shell: Shell) -> Docker | None:
    clients = docker.find_clients()
    fit = [client for client in clients if docker.has_buildkit(shell, client)]
    answering = [client for client in fit if docker.engine_answers(shell, client)]
    best = next(iter(answering or fit), None)
    return Docker(best) if best else None


def _refuse_unless_installable(shell: Shell, may_install: bool) -> None:
    remedy = "install Docker Engine with BuildKit (Debian: apt-get install docker.io) or start Docker Desktop"
    problem = "no Docker client with BuildKit"
    if podman := next((client for client in docker.find_clients() if docker.is_podman(shell, client)), None):
        problem = f"{podman} is podman, which answers as docker but builds without BuildKit"
        remedy += "; its client has to come before podman's on PATH"
    if not may_install:
        raise UserError(f"{problem}, and --no-install forbids installing one", remedy)
    if os.geteuid() != 0:
        raise UserError(f"{problem}, and installing one needs root", remedy)
    if not shutil.which("apt-get"):
        raise UserError(f"{problem}, and this is no Debian-like system", remedy)


def _start(shell: Shell, client: Docker, say: Callable[[str], None]) -> None:
    place, otherwise = chosen_by(os.environ)
    if place:
        raise UserError(f"the engine at {place} does not answer", f"start it, or {otherwise}")
    dockerd = shutil.which("dockerd", path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if os.geteuid() != 0 or not (dockerd or shell.dry):
        said = docker.info(shell, client.binary)[1]
        raise UserError("the Docker engine does not answer", docker.how_to_reach(said))
    say("the Docker engine is not running: starting it")
    began = LOG.stat().st_size if LOG.is_file() else 0  # what it said the last time is no evidence
    process = None
    if SYSTEMD.is_dir():
        _start_by_systemd(shell)
    else:
        control_groups.divide(shell)
        process = shell.daemon([dockerd or "dockerd", *_packet_size(CONFIG, network.outward_mtu())], log=LOG)
    deadline = time.monotonic() + START_SECONDS
    while not shell.dry and not docker.engine_answers(shell, client.binary):
        ended = process is not None and process.poll() is not None
        if ended or time.monotonic() > deadline:
            raise EngineError(_log_since(LOG, began), "" if ended else f" within {START_SECONDS:g} s")
        time.sleep(0.1)  # the socket of a starting engine offers no event to wait for


def _packet_size(config: Path, mtu: int) -> list[str]:
    """Return the option that has containers send no larger packets than this machine's own.

    An engine refuses to start with an option that its file sets too.
    """
    try:
        told = config.read_text(encoding="utf-8", errors="replace")
    except OSError:
        told = ""
    return [] if mtu >= network.ETHERNET or '"mtu"' in told else ["--mtu", str(mtu)]


def _limit_packets(shell: Shell, mtu: int) -> None:
    """Say the same to an engine that systemd will start as soon as it is installed. What a person wrote stays."""
    if SYSTEMD.is_dir() and not CONFIG.exists() and mtu < network.ETHERNET:
        shell.effect(["install", "-D", "--mode=644", "/dev/stdin", CONFIG], stdin=f'{{"mtu": {mtu}}}\n', timeout=60)


def _start_by_systemd(shell: Shell) -> None:
    try:
        shell.effect(["systemctl", "start", "docker"], timeout=60)
    except CommandError as problem:
        told = shell.probe(["journalctl", "--unit=docker", "--lines=40", "--no-pager", "--output=cat"]).out
        raise EngineError(told or str(problem)) from None


class EngineError(CommandError):
    """An engine that does not start, told in the last line of its log that says why."""

    def __init__(self, log: str, when: str = "") -> None:
        super().__init__(["dockerd"], Result(1, "", log), f"its whole log: tail {LOG}")
        why = reason(log)
        self.args = (f"the Docker engine does not start{when}" + (f": {why}" if why else ", and its log is empty"),)


def _log_since(file: Path, position: int) -> str:
    try:
        with file.open("rb") as log:
            log.seek(position)
            return log.read().decode(errors="replace")
    except OSError:
        return ""


_GRAVE = re.compile(r"failed to|level=(?:fatal|error)|unable to|needs to be")
_HARMLESS = re.compile(r"level=(?:debug|info|warning)")  # its helper tells so of every plugin that it does without


def reason(log: str) -> str:
    """Return the line of an engine's log that says why it ended, without time and level."""
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    grave = [line for line in lines if _GRAVE.search(line) and not _HARMLESS.search(line)]
    last = (grave or lines or [""])[-1]
    message = re.search(r'msg="((?:\\.|[^"\\])*)"', last)
    return message[1].replace('\\"', '"') if message else last
