"""Runs a Python program in a container, and anew at each SIGHUP. Stands alone: its text is sent into the container.

The parent loads the libraries that the program uses, and forks: a new start costs the program's own modules only. A
program that listens on a port goes on until its successor listens on the same socket, so that nobody finds the port
closed, and is then asked to end, which leaves it the time to answer what it has begun to; one that does not listen is
ended first. A program that ends by itself leaves the parent waiting for the next change.
"""

import contextlib
import importlib
import os
import runpy
import shutil
import signal
import socket
import sys
import threading
import time
from pathlib import Path

GRACE = 10.0  # seconds that a program has to answer what it has begun to, after its successor listens
SETTLED = 2.0  # seconds after a start at which the program has loaded what it uses
MOST = 60_000  # bytes of what a program tells at once
SIGNALS = {signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}


def run(argv: list[str], channel: socket.socket, held: "dict[str, int]") -> None:
    """Run the program in this process."""
    os.setpgid(0, 0)
    for one in SIGNALS:
        signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    share_ports(channel, held)
    timer = threading.Timer(SETTLED, tell_modules, [channel])
    timer.daemon = True
    timer.start()
    if argv[0] == "-m":
        sys.argv = argv[1:]
        runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
        return
    path = argv[0] if Path(argv[0]).exists() else shutil.which(argv[0]) or argv[0]
    sys.argv = [path, *argv[1:]]
    sys.path[0] = str(Path(path).resolve().parent)
    runpy.run_path(path, run_name="__main__")


def share_ports(channel: socket.socket, held: "dict[str, int]") -> None:
    """Let the program listen on the sockets that the parent holds, and the parent hold those that are new."""
    bind, listen = socket.socket.bind, socket.socket.listen
    places: dict[int, str] = {}

    def shared(self, address):  # type: ignore[no-untyped-def]
        place = f"{self.family} {self.type} {address!r}"
        places[self.fileno()] = place
        if place in held:
            os.dup2(held[place], self.fileno(), inheritable=False)
        else:
            bind(self, address)

    def told(self, *backlog):  # type: ignore[no-untyped-def]
        listen(self, *backlog)
        place = places.get(self.fileno(), "")
        words = f"listens\n{os.getpid()}\n{place}".encode()
        socket.send_fds(channel, [words], [self.fileno()])
        os.kill(os.getppid(), signal.SIGUSR1)

    socket.socket.bind, socket.socket.listen = shared, told  # type: ignore[method-assign]


def tell_modules(channel: socket.socket) -> None:
    """Send the parent the names of modules that the program has imported."""
    channel.send("\n".join(["modules", *loaded()])[:MOST].encode())
    os.kill(os.getppid(), signal.SIGUSR1)


def loaded() -> list[str]:
    """Return the installed modules that are in use."""
    files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
    return [
        name for name, file in files.items()
        if ("site-packages" in file or "dist-packages" in file) and name.isprintable() and " " not in name
    ]  # fmt: skip


def load(names: list[str]) -> None:
    """Load modules, for the programs that come. What fails here fails there too, and is told there."""
    for name in names:
        with contextlib.suppress(BaseException):
            importlib.import_module(name)


def start(argv: list[str], channel: socket.socket, held: "dict[str, int]") -> int:
    """Fork the program. Its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    try:
        run(argv, channel, held)
    except SystemExit as end:
        code = end.code
        if isinstance(code, str):
            print(code, file=sys.stderr)
        status = 0 if code is None else code if isinstance(code, int) else 1
    except BaseException:
        sys.excepthook(*sys.exc_info())
        status = 1
    else:
        status = 0
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


class Parent:
    """The program as it is, and while it is replaced the one that goes."""

    def __init__(self, argv: list[str]) -> None:
        self.argv = argv
        self.ear, self.mouth = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.ear.setblocking(False)
        self.held: dict[str, int] = {}
        self.child = start(argv, self.mouth, self.held)
        self.going = 0
        self.asked: dict[int, float] = {}  # programs that were asked to end, and until when
        self.listens: set[int] = set()
        self.leaving = False

    def replace(self) -> None:
        """Start the program anew."""
        if self.child in self.listens and not self.going:
            self.going = self.child
        else:
            self.kill(self.child)
        importlib.invalidate_caches()
        self.child = start(self.argv, self.mouth, self.held)

    def hear(self) -> None:
        """Take note of what programs tell."""
        with contextlib.suppress(BlockingIOError):
            while True:
                data, files, _, _ = socket.recv_fds(self.ear, 2 * MOST, 1)
                kind, *words = data.decode().split("\n")
                if kind == "modules":
                    load(words)
                elif kind == "listens":
                    self.hold(int(words[0]), words[1], files)

    def hold(self, pid: int, place: str, files: "list[int]") -> None:
        """Keep the socket of a program for the next one; the one before is not needed any more."""
        for file in files:
            if not place or place in self.held:
                os.close(file)
            else:
                self.held[place] = file
        self.listens.add(pid)
        if pid == self.child and self.going:
            self.listens.discard(self.going)
            self.asked[self.going] = time.monotonic() + GRACE
            send(self.going, signal.SIGTERM)
            self.going = 0

    def patience(self) -> "float | None":
        """Return seconds until the time of one that was asked to end is over; None if there is none. End those."""
        now = time.monotonic()
        for pid in [pid for pid, until in self.asked.items() if until <= now]:
            self.kill(pid)
        return min(self.asked.values()) - now if self.asked else None

    def reap(self) -> None:
        """Take note of what has ended."""
        with contextlib.suppress(ChildProcessError):
            while (pair := os.waitpid(-1, os.WNOHANG))[0]:
                self.ended(pair[0], os.waitstatus_to_exitcode(pair[1]))

    def ended(self, pid: int, status: int) -> None:
        """Say that the program has ended, and go on with the one before if that is still there."""
        self.listens.discard(pid)
        self.asked.pop(pid, None)
        if pid == self.going:
            self.going = 0
        if pid != self.child:
            return
        self.child, self.going = self.going, 0
        if self.leaving and not self.child:
            sys.exit(status if status >= 0 else 128 - status)
        if not self.child:
            self.close()  # nobody would answer: a closed port says so
        rest = "the one before goes on until the next change" if self.child else "it starts again at the next change"
        print(f"the program has ended with status {status}; {rest}", file=sys.stderr, flush=True)

    def close(self) -> None:
        """Let go of the sockets."""
        for file in self.held.values():
            os.close(file)
        self.held.clear()

    def end(self, number: int) -> None:
        """Ask everything to end, and end with it."""
        if not self.child:
            sys.exit(0)
        self.leaving = True
        for pid in [self.going, *self.asked]:
            self.kill(pid)
        self.going = 0  # whoever was to take over again is not there any more
        send(self.child, number)

    def kill(self, pid: int) -> None:
        """End a program and what it has started, at once."""
        if pid:
            self.listens.discard(pid)
            self.asked.pop(pid, None)
            send(pid, signal.SIGKILL)
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def send(pid: int, number: int) -> None:
    """Send a signal to a program and what it has started."""
    for kill in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            kill(pid, number)
            return


def main(argv: list[str]) -> None:
    """Start the program `argv`, and start it anew at every signal that asks for it, until one ends it."""
    # Bytecode tells a source by its second and its size: two changes within a second would be one.
    sys.dont_write_bytecode = True
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for one in SIGNALS:
        signal.signal(one, lambda *_: None)
    parent = Parent(argv)
    while True:
        patience = parent.patience()
        info = signal.sigwaitinfo(SIGNALS) if patience is None else signal.sigtimedwait(SIGNALS, patience)
        number = info.si_signo if info else 0
        # Of two signals the lower number comes first: whoever listens has told so before it sent its own.
        parent.hear()
        if number == signal.SIGHUP:
            parent.replace()
        elif number in (signal.SIGTERM, signal.SIGINT):
            parent.end(number)
        parent.reap()


if __name__ == "__main__":
    main(sys.argv[1:])
