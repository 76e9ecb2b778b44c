"""The embedded cluster for whoever may use Docker and is not root: its process in one privileged container.

The container has an image of our own with nothing in it: it sees the machine's programs read-only, joins the
namespaces of whoever starts it, and runs the same Python on the same files as root would. Rights come from the engine,
which is what the group `docker` stands for.
"""

from __future__ import annotations

import os
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.clusters.machine import Machine, of_engine
from scripts.errors import UserError
from scripts.host.shell import Shell

IMAGE = "todo-chatbot/embedded-host:1"
PROGRAMS = ("/usr", "/lib", "/lib64")  # what a program of the machine is loaded from
# Of the process that starts it, not of the machine's first one: its files may be seen only there (a sandbox, a chroot).
NAMESPACES = ("--mount", "--root", "--net", "--uts", "--ipc")
# What namespaces, mounts and the packet filter take: less than --privileged, which some engines cannot give.
RIGHTS = ("SYS_ADMIN", "SYS_PTRACE", "NET_ADMIN", "DAC_READ_SEARCH")
PROFILES = ("seccomp=unconfined", "apparmor=unconfined", "label=disable")
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
STOP_SECONDS = 20


def container_name(cluster: str) -> str:
    """Return the name of the container that a cluster's process runs in."""
    return f"todo-embedded-{cluster}"


def check(machine: Machine) -> None:
    """Raise UserError where an engine cannot run the cluster's pods in a network that this machine reaches, or give
    the rights that this takes.
    """
    own = "use an engine that root runs on this machine"
    other = f"use minikube or kind with this engine, or {own.removeprefix('use ') if machine.root else 'run as root'}"
    if machine.rootless:
        how = own if of_engine(machine) else other  # which here has no nodes either
        raise UserError("the Docker engine is rootless: it cannot set up the embedded cluster's network", how)
    if machine.desktop:
        raise UserError(
            "Docker Desktop's engine is in a machine of its own: the embedded cluster needs this one", other
        )


def run_command(
    client: Path, name: str, argv: Sequence[str], environment: Mapping[str, str], *, detached: bool
) -> list[str]:
    """Return the docker command that runs `argv` with the rights of root on this machine."""
    mounts = [word for path in PROGRAMS if Path(path).is_dir() for word in ("--volume", f"{path}:{path}:ro")]
    host = ("--network", "host", "--pid", "host", "--ipc", "host", "--uts", "host", "--userns", "host")
    rights = [word for right in RIGHTS for word in ("--cap-add", right)]
    rights += [word for profile in PROFILES for word in ("--security-opt", profile)]
    options = ["--detach" if detached else "--rm", "--name", name, *rights, *host, *mounts]
    shown = {"PATH": PATH, "PYTHONDONTWRITEBYTECODE": "1", **environment}
    variables = [f"{key}={value}" for key, value in shown.items()]
    inner = ["/usr/bin/nsenter", "--target", str(os.getpid()), *NAMESPACES, "/usr/bin/env", "-i", *variables, *argv]
    return [str(client), "run", *options, IMAGE, *inner]


def ensure_image(shell: Shell, client: Path) -> None:
    """Make the image unless the engine has it. Raises CommandError."""
    if shell.probe([client, "image", "inspect", IMAGE]):
        return
    with tempfile.NamedTemporaryFile(prefix="embedded-host-", suffix=".tar") as file:
        with tarfile.open(fileobj=file, mode="w") as archive:  # nothing but the folders that programs are seen in
            for path in PROGRAMS:
                folder = tarfile.TarInfo(path.lstrip("/"))
                folder.type, folder.mode = tarfile.DIRTYPE, 0o755
                archive.addfile(folder)
        file.flush()
        shell.effect([client, "import", file.name, IMAGE])


def stop(shell: Shell, client: Path, name: str) -> None:
    """End a container and remove it; none is no error. Raises UserError where the engine does not tell."""
    if _is_running(shell, client, name) is not None:
        shell.effect([client, "stop", "--time", str(STOP_SECONDS), name], timeout=STOP_SECONDS + 30)
        shell.effect([client, "rm", name], timeout=30)


def has_ended(shell: Shell, client: Path, name: str) -> bool:
    """Return whether a container runs no more. Raises UserError where the engine does not tell."""
    return not _is_running(shell, client, name)


def _is_running(shell: Shell, client: Path, name: str) -> bool | None:
    """Return whether a container runs, None for none of this name. Raises UserError where the engine does not tell."""
    found = shell.probe([client, "container", "inspect", "--format", "{{.State.Running}}", name])
    if found and found.out.strip() in ("true", "false"):
        return found.out.strip() == "true"
    if not found and "no such container" in found.err.lower():
        return None
    said = (found.err or found.out).strip() or f"exit status {found.code}"
    raise UserError(f"docker container inspect {name}: {said}", "see: invoke doctor")
