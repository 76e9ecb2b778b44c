"""Runs a Python program in a container, and anew at each SIGHUP. Stands alone: its text is sent into the container.

The parent loads the libraries that the program uses, and forks: a new start costs the program's own modules only.
A program that ends leaves the parent waiting for the next change, so that a mistake does not end the container.
"""

import contextlib
import importlib
import os
import runpy
import shutil
import signal
import sys
import threading
from pathlib import Path

SETTLED = 2.0  # seconds after a start at which the program has loaded what it uses
SIGNALS = {signal.SIGHUP, signal.SIGCHLD, signal.SIGTERM, signal.SIGINT, signal.SIGUSR1}


def run(argv: list[str], write: int) -> None:
    """Be the program."""
    os.setpgid(0, 0)
    for one in SIGNALS:
        signal.signal(one, signal.default_int_handler if one == signal.SIGINT else signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
    timer = threading.Timer(SETTLED, tell, [write, os.getppid()])
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


def tell(write: int, parent: int) -> None:
    """Tell the parent which installed modules are in use."""
    files = {name: getattr(module, "__file__", None) or "" for name, module in list(sys.modules.items())}
    names = [name for name, file in files.items() if "site-packages" in file or "dist-packages" in file]
    os.write(write, "\n".join(name for name in names if name.isprintable())[:60000].encode() + b"\n")
    os.kill(parent, signal.SIGUSR1)


def load(read: int) -> None:
    """Load modules, for the programs that come. What fails here fails there too, and is told there."""
    with contextlib.suppress(BlockingIOError):
        for name in os.read(read, 65536).decode().split():
            with contextlib.suppress(BaseException):
                importlib.import_module(name)


def start(argv: list[str], write: int) -> int:
    """Fork the program. Its process id."""
    sys.stdout.flush()
    child = os.fork()
    if child:
        return child
    try:
        run(argv, write)
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


def ended(child: int) -> "int | None":
    """Take note of all processes that have ended. The exit status of the program if it is among them."""
    found = None
    with contextlib.suppress(ChildProcessError):
        while (pair := os.waitpid(-1, os.WNOHANG))[0]:
            if pair[0] == child:
                found = os.waitstatus_to_exitcode(pair[1])
    return found


def kill(child: int, number: int) -> None:
    """Send a signal to the program and what it has started."""
    for send in (os.killpg, os.kill):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            send(child, number)
            return


def main(argv: list[str]) -> None:
    # Bytecode tells a source by its second and its size: two changes within a second would be one.
    sys.dont_write_bytecode = True
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)
    for one in SIGNALS:
        signal.signal(one, lambda *_: None)
    read, write = os.pipe()
    os.set_blocking(read, False)
    child = start(argv, write)
    leaving = False
    while True:
        number = signal.sigwait(SIGNALS)
        if number == signal.SIGHUP:
            if child:
                kill(child, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(child, 0)
            importlib.invalidate_caches()
            child = start(argv, write)
        elif number == signal.SIGUSR1:
            load(read)
        elif number in (signal.SIGTERM, signal.SIGINT):
            if not child:
                sys.exit(0)
            leaving = True
            kill(child, number)
        if child and (status := ended(child)) is not None:
            child = 0
            if leaving:
                sys.exit(status if status >= 0 else 128 - status)
            print(f"the program has ended with status {status}; it starts again at the next change", file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
