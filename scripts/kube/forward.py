"""Ports of this machine's localhost that lead to services, kept by one process of the product for each folder.

Run as a program, `python -m scripts.kube.forward FILE`, it is that process: it passes on to an address, or starts a
command that forwards, anew whenever that ends.
"""

from __future__ import annotations

import errno
import json
import os
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.host.shell import Shell

START_SECONDS = 30.0
CLOSE_SECONDS = 5.0
KNOCK_SECONDS = 1.0
SILENT = (errno.EAGAIN, errno.ETIMEDOUT)
_MODULE = "scripts.kube.forward"
_STARTED: list[object] = []


def ensure(shell: Shell, folder: Path, wanted: Mapping[int, str | list[str]]) -> bool:
    """Make the ports lead where they are wanted; whether anything had to be done.

    A text is HOST:PORT, a list a command that forwards. Raises UserError where a port is somebody else's.
    """
    spec = json.dumps({str(port): target for port, target in sorted(wanted.items())})
    file = folder / "forward.json"
    as_wanted = (pid := _pid(shell, folder)) and file.is_file() and file.read_text(encoding="utf-8") == spec
    if pid and as_wanted and not any(_is_lost(port, pid) for port in wanted):
        return False
    stop(shell, folder)
    for port in wanted:
        if _is_taken(port):
            raise UserError(
                f"port {port} of this machine, where the page's browser looks for the application, is taken",
                f"end what listens there: ss -ltnp 'sport = :{port}'",
            )
    if shell.dry or not wanted:
        return bool(wanted)
    write_whole(file, spec, mode=0o600)
    _start(shell, folder, file)
    deadline = time.monotonic() + START_SECONDS
    while not all(_is_open(port) for port in wanted):
        if time.monotonic() > deadline:
            stop(shell, folder)
            raise UserError(f"the ports of this machine were not opened{_last_words(folder)}", "see: invoke status")
        time.sleep(0.05)  # a process that is starting offers nothing to wait on
    return True


def to_service(shell: Shell, folder: Path, kubectl: Sequence[str | Path], namespace: str, name: str, local: int) -> str:
    """Return the address that leads to a Service: at the port `local` or, where that is taken, at a free one.

    `kubectl` is its program with the words that aim it. Raises UserError with what it says where there is no way.
    """
    if (ports := kept(shell, folder)) and not any(_is_lost(port, pid) for port, pid in ports.items()):
        return f"http://localhost:{next(iter(ports))}"
    asked = ["get", "service", name, "--namespace", namespace, "--output", "jsonpath={.spec.ports[0].port}"]
    answer = shell.probe([*kubectl, *asked])
    if not answer or not answer.out.strip().isdigit():
        said = (answer.err.strip().splitlines() or ["it has no port"])[0]
        missing = answer or "(NotFound)" in answer.err
        remedy = "deploy it: invoke pipeline" if missing else "see: invoke cluster.status"
        raise UserError(f"service {namespace}/{name}: {said}", remedy)
    port = local if shell.dry else free_port(local)
    ensure(shell, folder, {port: command(kubectl, namespace, name, port, int(answer.out))})
    return f"http://localhost:{port}"


def command(kubectl: Sequence[str | Path], namespace: str, service: str, local: int, port: int) -> list[str]:
    """Return the command that forwards a port of this machine to a Service's."""
    words = ["port-forward", "--address", "127.0.0.1", "--namespace", namespace, f"service/{service}"]
    return [*map(str, kubectl), *words, f"{local}:{port}"]


def kept(shell: Shell, folder: Path) -> dict[int, int]:
    """Return the ports that a folder's process keeps, each with the id of that process."""
    with suppress(OSError, ValueError):
        if pid := _pid(shell, folder):
            return {int(port): pid for port in parsing.from_json((folder / "forward.json").read_text(encoding="utf-8"))}
    return {}


def stop(shell: Shell, folder: Path) -> None:
    """End the process that keeps the ports, if there is one, with the commands that it started."""
    pid, ports = _pid(shell, folder), kept(shell, folder)
    if not pid or shell.dry:
        return
    with suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGTERM)
    deadline = time.monotonic() + START_SECONDS
    while _pid(shell, folder) and time.monotonic() < deadline:
        time.sleep(0.02)  # not every system lets one wait for a process that is no child
    # A process that ends loses its name before its sockets; a port may also be answered by the kernel's rules for good.
    deadline = time.monotonic() + CLOSE_SECONDS
    while any(_is_open(port) for port in ports) and time.monotonic() < deadline:
        time.sleep(0.02)


def free_port(wanted: int) -> int:
    """Return the port if nobody has it on this machine, else another one."""
    # A cluster's node port answers by the kernel's rules, with no socket that would be in the way.
    for port in (0,) if _is_taken(wanted) else (wanted, 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found: int = probe.getsockname()[1]
            return found
    return wanted


def _start(shell: Shell, folder: Path, file: Path) -> None:
    root = Path(__file__).resolve().parents[2]
    log = folder / "forward.log"
    log.unlink(missing_ok=True)
    process = shell.daemon([sys.executable, "-m", _MODULE, str(file)], log=log, env={"PYTHONPATH": str(root)})
    if process is not None:
        _STARTED.append(process)  # it outlives this program, which shall not complain of that
        write_whole(folder / "forward.pid", str(process.pid), mode=0o600)


def _last_words(folder: Path) -> str:
    with suppress(OSError):
        lines = (folder / "forward.log").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return f": {lines[-1]}" if lines else ""
    return ""


def _pid(shell: Shell, folder: Path) -> int | None:
    with suppress(OSError, ValueError):
        pid = int((folder / "forward.pid").read_text(encoding="ascii"))
        if _MODULE in _command_line(shell, pid):
            return pid
    return None


def _command_line(shell: Shell, pid: int) -> list[str]:
    if Path("/proc/self").exists():
        return Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").split("\0")
    return shell.probe(["ps", "-ww", "-o", "command=", "-p", str(pid)], timeout=10).out.split()


def _is_open(port: int) -> bool:
    return _knock(port) == 0


def _is_taken(port: int) -> bool:
    # By a rule that leads into nothing, as a cluster's does that was killed, no connection is made and none is refused.
    return _knock(port) in (0, *SILENT)


def _knock(port: int) -> int:
    """Return the error number of a connection to a port of this machine, 0 where it is made."""
    with socket.socket() as probe:
        probe.settimeout(KNOCK_SECONDS)
        return probe.connect_ex(("127.0.0.1", port))


def _is_lost(port: int, group: int, proc: Path = Path("/proc")) -> bool:
    """Return whether another program has taken a port that a group of processes keeps, while nothing was there to
    forward to.
    """
    sockets = _listening(port, proc)
    return bool(sockets) and _is_open(port) and not sockets & set(_sockets(group, proc))


def _listening(port: int, proc: Path) -> set[str]:
    """Return the sockets that listen at a port, by the kernel's names for them; none where it does not tell."""
    found = set()
    for table in ("net/tcp", "net/tcp6"):
        with suppress(OSError, IndexError, ValueError):
            for line in (proc / table).read_text(encoding="ascii").splitlines()[1:]:
                columns = line.split()  # its number, local and remote address, state, queues, timer, …, inode
                if columns[3] == "0A" and int(columns[1].rpartition(":")[2], 16) == port:
                    found.add(f"socket:[{columns[9]}]")
    return found


def _sockets(group: int, proc: Path) -> Iterator[str]:
    for folder in proc.iterdir():
        with suppress(OSError, ValueError):  # it has ended meanwhile, or is another user's
            if os.getpgid(int(folder.name)) == group:
                yield from (str(link.readlink()) for link in (folder / "fd").iterdir())


if __name__ == "__main__":
    from scripts.kube import relay  # it takes asyncio, which nothing else of a run does

    relay.run(Path(sys.argv[1]))
