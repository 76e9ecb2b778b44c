"""The load: locust as a process, which is told how many people there are, and tells what they saw."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import parsing, virtualenvs
from scripts.host.files import write_whole
from scripts.verify.scaling.model import Tick

LOCK = str(Path(__file__).parent / "lock/requirements.txt")
NAME = "load"
PEOPLE = Path(__file__).parent / "locustfile.py"
END_SECONDS = 30.0  # for the requests that are on their way


@dataclass(frozen=True)
class LoadGenerator:
    """The people at work, however many of them."""

    control: Path

    def set_users(self, people: int, rate: float) -> None:
        """Simulate so many users from now on; `rate` of them come or go a second. 0 is the end."""
        write_whole(self.control, f"{people} {rate:g}\n")


def parse(line: str) -> Tick | None:
    """Return a line of locust's output, if it tells of a second."""
    if not line.startswith('{"users":'):
        return None
    told = parsing.from_json(line)
    return Tick(**told | {"problems": tuple(told["problems"])})


@contextmanager
def generate_load(
    session: Session,
    url: str,
    people: int,
    rate: float,
    longest: float,
    on_line: Callable[[str], None],
    on_end: Callable[[str], None],
) -> Iterator[LoadGenerator]:
    """Yield people at `url`, `rate` more a second until there are so many, for `longest` seconds at most.

    The block may change how many there are; at its end they finish what they are doing and leave.

    `on_line` gets each line of locust's output, `on_end` why it ended, in another thread.
    """
    programs = virtualenvs.ensure(session.shell, session.settings.root, LOCK, NAME)
    with tempfile.TemporaryDirectory(prefix="todo-chatbot-") as folder:
        control = Path(folder, "people")
        made = LoadGenerator(control)
        argv = _argv(programs, url, control, longest)

        def work() -> None:
            try:
                session.shell.effect(argv, on_line=on_line, timeout=longest + END_SECONDS)
                on_end("the load ended by itself")
            except UserError as error:
                on_end(str(error))

        if session.shell.dry:
            session.shell.effect(argv)
            yield made
            return
        made.set_users(people, rate)
        worker = threading.Thread(target=work)
        worker.start()
        try:
            yield made
        except BaseException:
            session.shell.interrupt()
            raise
        finally:
            made.set_users(0, 1)
            worker.join()


def _argv(programs: Path, url: str, control: Path, longest: float) -> list[str | Path]:
    """Return the command of locust, which reads how many users to simulate from the file `control`."""
    return [
        programs / "locust", "--locustfile", PEOPLE, "--host", url, "--headless", "--only-summary",
        "--loglevel", "WARNING", "--stop-timeout", "10", "--exit-code-on-error", "0",
        "--control", control, "--longest", f"{longest:g}",
    ]  # fmt: skip
