"""The one module that starts processes.

A *probe* asks and changes nothing: it always runs, quietly, and its exit status is an answer. An *effect* changes
something: it is printed as a line that can be pasted, it is only printed in a dry run, and its failure is an error.
Arguments are lists; nothing here goes through a shell, and secrets go through standard input, never through arguments.
"""

from __future__ import annotations

import errno
import os
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from scripts.errors import UserError
from scripts.host import false_success, paths, pipes, variables
from scripts.host.pipes import Held, Stream

GRACE = 15.0  # seconds in which a program may tidy up after SIGINT
TERM_GRACE = 5.0  # and after SIGTERM, for one that was started with SIGINT ignored, as in the background of a script
TAIL = 40  # lines of output that a failure quotes


@dataclass(frozen=True)
class Result:
    """The result of a process: `code` is its exit status, 127 if the program is not there.

    `contradicted_by` is the line in which a program that ended with 0 says that it failed; it has failed then.
    """

    code: int
    out: str
    err: str = ""
    contradicted_by: str = ""

    def __bool__(self) -> bool:
        return self.code == 0 and not self.contradicted_by


class ProgramNotFound(Exception):
    """A program that cannot be started; the message names it, and says why."""


class CommandError(UserError):
    """An effect that failed. `result` holds what it printed."""

    def __init__(self, argv: Sequence[str], result: Result, hint: str = "") -> None:
        tail = "\n".join((result.err.strip() or result.out.strip()).splitlines()[-TAIL:])
        how = "says that it failed, though with exit status" if result.contradicted_by else "failed with exit status"
        super().__init__(f"{Path(argv[0]).name} {_verb(argv)}{how} {result.code}\n{tail}".rstrip(), hint)
        self.argv = argv
        self.program = Path(argv[0]).name
        self.result = result

    def naming(self, said: str) -> CommandError:
        """Return the same failure with `said` in place of all that the command printed."""
        return type(self)(self.argv, Result(self.result.code, "", said), self.hint)


class CommandTimeout(CommandError):
    """An effect that was stopped because its time limit, in seconds, was over."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C, or a signal like it, while a program spoke: `result` holds what it had said. `code` is the exit status
    a shell expects.
    """

    def __init__(self, result: Result, by: KeyboardInterrupt) -> None:
        super().__init__(*by.args)
        self.result = result
        self.code = getattr(by, "code", 130)


def _verb(argv: Sequence[str]) -> str:
    words = [word for word in argv[1:3] if not word.startswith("-") and "/" not in word]
    return " ".join(words) + " " if words else ""


class Shell:
    """Starts processes. One instance serves a whole run, also from several threads at once."""

    def __init__(self, *, dry: bool = False, echo: Callable[[str], None] | None = None) -> None:
        self.dry = dry
        self._echo = echo or (lambda line: print(line, file=sys.stderr, flush=True))
        self._live: set[subprocess.Popen[bytes]] = set()
        self._lock = threading.Lock()

    def probe(
        self,
        argv: Sequence[str | Path],
        *,
        stdin: str = "",
        timeout: float = 30.0,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Run a command that changes nothing and return how it ended; a time limit (seconds) counts as status 124."""
        try:
            with self._running(argv, env=env, stdin=bool(stdin), timeout=timeout) as running:
                out, err = running.process.communicate(stdin.encode() if stdin else None)
        except ProgramNotFound as error:
            return _not_found(error)
        if running.timed_out.is_set():
            return Result(124, "", f"no answer within {timeout:g} s")
        return _with_contradiction(
            argv, Result(running.process.returncode, out.decode(errors="replace"), err.decode(errors="replace"))
        )

    def effect(
        self,
        argv: Sequence[str | Path],
        *,
        stdin: str = "",
        shown_stdin: str = "",
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
        hint: str = "",
        shown: str = "",
    ) -> Result:
        """Print a command that changes something, and unless this is a dry run, run it.

        `shown_stdin` is what may be printed of `stdin`, with secrets left out; `shown` is printed in place of the whole
        line, where that names what only this run has. `on_line` gets each line as it comes.
        Raises CommandError if the command fails, also where only its words say so, and CommandTimeout when `timeout`
        seconds are over.
        """
        self._echo("$ " + (shown or render(argv, env=env, stdin=shown_stdin)))
        if self.dry:
            return Result(0, "")
        try:
            with self._running(argv, env=env, stdin=bool(stdin), timeout=timeout) as running:
                result = Result(*pipes.collect(running.process, stdin, on_line))
        except ProgramNotFound as error:
            raise CommandError(_words(argv), _not_found(error), hint) from None
        return running.judged(argv, result, hint)

    def daemon(
        self, argv: Sequence[str | Path], *, log: Path, env: Mapping[str, str] | None = None
    ) -> subprocess.Popen[bytes] | None:
        """Start a process that outlives this one, with its output in the file `log`; None in a dry run."""
        names = " ".join(f"{name}={shlex.quote(value)}" for name, value in (env or {}).items())
        self._echo(f"$ {names}{' ' if names else ''}nohup {render(argv)} >>{shlex.quote(str(log))} 2>&1 &")
        if self.dry:
            return None
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as sink:
            process = _popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
                env=variables.for_daemon(_own_environ(), env),
            )
        return process

    def attach(self, argv: Sequence[str | Path]) -> int:
        """Run a command that changes nothing with this terminal as its own, and return its exit status.

        It is of this program's process group, so Ctrl-C reaches it too; it ends with this program however that ends.
        """
        try:
            process = _popen(argv, stdin=None, stdout=None, stderr=None, env=variables.for_person(os.environ))
        except ProgramNotFound:
            return 127
        try:
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()

    @contextmanager
    def reading(self, argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None) -> Iterator[Iterator[bytes]]:
        """Yield the output of a command that changes nothing, as bytes while it runs. `env` may hold secrets: never
        shown.

        Raises CommandError if the command fails, at the end of the block; leaving it early stops the command.
        """
        errors: list[bytes] = []
        with _as_error(argv), self._running(argv, env=env) as running:
            process = running.process
            with pipes.beside(lambda: errors.append(process.stderr.read() if process.stderr else b"")):
                try:
                    yield iter(lambda: pipes.read_some(process), b"")
                except BaseException:
                    self._stop(process)
                    raise
                finally:
                    if process.stdout:
                        process.stdout.close()
        if process.returncode:
            raise CommandError(_words(argv), Result(process.returncode, "", errors[0].decode(errors="replace")))

    def feed(
        self,
        argv: Sequence[str | Path],
        chunks: Iterable[bytes],
        *,
        env: Mapping[str, str] | None = None,
        quiet: bool = False,
        timeout: float | None = None,
    ) -> Result:
        """Print a command that changes something and run it on bytes as they come; in a dry run only print it.

        `env` may hold secrets: it is never shown. `quiet` is for one that changes nothing: it is not printed and always
        runs. What `chunks` raises stops the command, which never sees an end of its input then. Raises CommandError, as
        `effect` does.
        """
        if not quiet:
            self._echo("$ " + render(argv))
            if self.dry:
                return Result(0, "")
        collected: list[Result] = []
        with _as_error(argv), self._running(argv, env=env, stdin=True, timeout=timeout) as running:
            process = running.process
            with pipes.beside(lambda: collected.append(Result(*pipes.collect(process)))):
                try:
                    with suppress(BrokenPipeError):  # why it stopped reading is in its exit status
                        for chunk in chunks:
                            pipes.input_of(process).write(chunk)
                    with suppress(BrokenPipeError):
                        pipes.input_of(process).close()
                except BaseException:
                    self._stop(process)
                    raise
        return running.judged(argv, collected[0])

    def pipe(
        self,
        source: Sequence[str | Path],
        sink: Sequence[str | Path],
        *,
        timeout: float | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Result:
        """Print and run `source | sink`; `timeout` and `env` are for the source, whose end is the sink's.

        What the sink has made of a source that failed may be there all the same. Raises CommandError for whichever
        failed first, as `effect` does.
        """
        self._echo(f"$ {render(source, env=env)} | {render(sink)}")
        if self.dry:
            return Result(0, "")
        read, write = os.pipe()
        said: list[Result] = []
        with ExitStack() as stack:
            try:
                with _as_error(source):
                    producer = stack.enter_context(self._running(source, env=env, stdout=write, timeout=timeout))
                with _as_error(sink):
                    consumer = stack.enter_context(self._running(sink, stdin_fd=read))
            finally:
                os.close(read)
                os.close(write)
            with pipes.beside(lambda: said.append(Result(*pipes.collect(producer.process)))):
                result = Result(*pipes.collect(consumer.process))
        producer.judged(source, replace(said[0], out=""))
        consumer.judged(sink, replace(result, out=""))
        return result

    def converse(
        self,
        argv: Sequence[str | Path],
        *,
        stop: threading.Event,
        seconds: float | None = None,
        stdin: str = "",
        env: Mapping[str, str] | None = None,
        limit: int = 4 << 20,
    ) -> Result:
        """Run a command that changes nothing until it ends, `stop` is set, `seconds` are over (status 124), or it has
        printed more than `limit` bytes.

        What it printed until then is kept. Nothing of its process group outlives it. `stop` is set at the end.
        Raises Interrupted, which holds what was kept too.
        """
        held: Held | None = None
        try:
            with self._running(argv, env=env, stdin=True) as running:
                held = Held(running.process, stop, limit)
                held.run(stdin, seconds)
        except ProgramNotFound as error:
            stop.set()
            return _not_found(error)
        except KeyboardInterrupt as end:
            raise Interrupted(_said(held, 130), end) from None
        if held.is_late:
            return replace(_said(held, 124), err=f"no answer within {seconds:g} s")
        return _with_contradiction(argv, _said(held, running.process.returncode))

    @contextmanager
    def dialogue(self, argv: Sequence[str | Path], *, end: bytes, timeout: float) -> Iterator[pipes.Dialogue]:
        """Yield messages to and from a command that changes nothing, each ended by `end`; it is stopped when the block
        is left, or after `timeout` seconds.

        Raises CommandError where there is no such program.
        """
        with _as_error(argv), self._running(argv, stdin=True, timeout=timeout) as running:
            process = running.process
            talk = pipes.Dialogue(process, end)
            with pipes.beside(talk.listen), pipes.beside(lambda: process.stderr and process.stderr.read()):
                try:
                    yield talk
                finally:
                    self._stop(process)

    def say(self, line: str) -> None:
        """Show a line to the person, in order with the commands that are shown."""
        self._echo(line)

    @contextmanager
    def follow(self, argv: Sequence[str | Path], timeout: float) -> Iterator[Stream]:
        """Yield the lines of a command that changes nothing and goes on; it is stopped when the block is left.

        The stream ends when the command does, when somebody calls `stop`, or after `timeout` seconds. The command ends
        with this process, also where that is killed.
        """
        stream = Stream(timeout)
        with self._running(_ending_with_us(argv)) as running:
            process = running.process

            def read() -> None:
                for raw in process.stdout or ():
                    stream.put(raw.decode(errors="replace").rstrip("\r\n"))
                stream.stop()

            with pipes.beside(read):
                try:
                    yield stream
                finally:
                    process.kill()

    def interrupt(self) -> None:
        """Stop every process still running, as the person at the keyboard wants it."""
        with self._lock:
            live = list(self._live)
        stoppers = [threading.Thread(target=self._stop, args=(process,)) for process in live]
        for stopper in stoppers:
            stopper.start()
        for stopper in stoppers:
            stopper.join()

    @contextmanager
    def _running(
        self,
        argv: Sequence[str | Path],
        *,
        env: Mapping[str, str] | None = None,
        stdin: bool = False,
        stdin_fd: int | None = None,
        stdout: int = subprocess.PIPE,
        timeout: float | None = None,
    ) -> Iterator[_Running]:
        """Yield a process for the time of the block, at whose end it has ended: by itself, or stopped where the block
        fails.

        Every other way to run something stands on this one. After `timeout` seconds it is stopped, with all it started.
        Raises ProgramNotFound.
        """
        default_stdin = subprocess.PIPE if stdin else subprocess.DEVNULL
        process = _popen(
            argv,
            stdin=default_stdin if stdin_fd is None else stdin_fd,
            stdout=stdout,
            stderr=subprocess.PIPE,
            # A group of its own: Ctrl-C reaches this program alone, which then stops its children in good order.
            start_new_session=True,
            env=_environ(env),
        )
        running = _Running(process, timeout)
        with self._registered(process), self._limited(running, timeout):
            try:
                yield running
                process.wait()
            except BaseException:
                self._stop(process)
                raise

    @contextmanager
    def _registered(self, process: subprocess.Popen[bytes]) -> Iterator[None]:
        """Have a process among those that Ctrl-C ends while the block runs; at its end, the streams are closed."""
        with self._lock:
            self._live.add(process)
        try:
            yield
        finally:
            with self._lock:
                self._live.discard(process)
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    with suppress(BrokenPipeError):
                        stream.close()

    @contextmanager
    def _limited(self, running: _Running, seconds: float | None) -> Iterator[None]:
        """Stop a process that the block has not ended after so many seconds; without a number, never."""

        def end() -> None:
            running.timed_out.set()
            self._stop(running.process)

        with pipes.after(seconds, end):
            yield

    @staticmethod
    def _stop(process: subprocess.Popen[bytes]) -> None:
        """End a process with its whole group: asked first, then told, then killed."""
        for number, patience in ((signal.SIGINT, GRACE), (signal.SIGTERM, TERM_GRACE)):
            with suppress(ProcessLookupError):
                os.killpg(process.pid, number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(patience)
                break
        with suppress(ProcessLookupError):  # whoever of the group is left has had the time to end
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@dataclass(frozen=True)
class _Running:
    """A process at work, and whether its time was over."""

    process: subprocess.Popen[bytes]
    limit: float | None
    timed_out: threading.Event = field(default_factory=threading.Event)

    def judged(self, argv: Sequence[str | Path], result: Result, hint: str = "") -> Result:
        """Return what it answered. Raises CommandTimeout where its time was over, else CommandError where it failed."""
        if self.timed_out.is_set():
            late = Result(124, result.out, f"{result.err}\nstopped after {self.limit:g} s")
            raise CommandTimeout(_words(argv), late, hint)
        if not (checked := _with_contradiction(argv, result)):
            raise CommandError(_words(argv), checked, hint)
        return checked


@contextmanager
def _as_error(argv: Sequence[str | Path]) -> Iterator[None]:
    """Raise CommandError in place of ProgramNotFound."""
    try:
        yield
    except ProgramNotFound as error:
        raise CommandError(_words(argv), _not_found(error)) from None


def _said(held: Held | None, code: int) -> Result:
    """Return what is kept of a conversation; nothing of one that had not begun."""
    if held is None:
        return Result(code, "")
    much = f"\nstopped after {held.limit} bytes of output" if held.printed_too_much else ""
    return Result(code, held.text("out"), held.text("err") + much)


def _with_contradiction(argv: Sequence[str | Path], result: Result) -> Result:
    """Return the answer of any program as its own words have it, whatever its exit status claims."""
    line = false_success.contradicted_by(argv, result.out, result.err) if result else ""
    return replace(result, contradicted_by=line) if line else result


def _words(argv: Sequence[str | Path]) -> list[str]:
    return [str(word) for word in argv]


def _not_found(error: ProgramNotFound) -> Result:
    return Result(127, "", str(error))


def _environ(more: Mapping[str, str] | None) -> dict[str, str]:
    return variables.for_child(_own_environ(), more)


def _own_environ() -> dict[str, str]:
    """Return this program's own variables, with HOME where the system knows it."""
    own = dict(os.environ)
    if not own.get("HOME"):
        with suppress(UserError):
            own["HOME"] = str(paths.home())
    return own


def render(argv: Sequence[str | Path], *, env: Mapping[str, str] | None = None, stdin: str = "") -> str:
    """Return the command as a line for a POSIX shell."""
    words = [f"{name}={shlex.quote(value)}" for name, value in (env or {}).items()]
    line = " ".join([*words, shlex.join(str(word) for word in argv)])
    return f"{line} <<'EOF'\n{stdin.rstrip()}\nEOF" if stdin else line


def _popen(argv: Sequence[str | Path], **options: Any) -> subprocess.Popen[bytes]:
    """Start a process by plumbum, which finds it on PATH.

    Raises ProgramNotFound for every program that cannot be started, also for a path that leads to none.
    """
    from plumbum import CommandNotFound, local  # takes its time to import, and many a run starts nothing

    for name in variables.astray(local.env.getdict()):  # plumbum hands on what there was when it was imported
        with suppress(KeyError):  # another thread was here before
            del local.env[name]
    try:
        command = local[str(argv[0])][tuple(str(word) for word in argv[1:])]
        return cast("subprocess.Popen[bytes]", command.popen(**options))
    except CommandNotFound:
        raise ProgramNotFound(f"{argv[0]}: not found") from None
    except OSError as error:
        if Path(str(argv[0])).is_file() and error.errno == errno.ENOENT:
            raise ProgramNotFound(f"{argv[0]}: its interpreter is not there") from None
        raise ProgramNotFound(f"{argv[0]}: {_reason(error)}") from None


def _reason(error: OSError) -> str:
    return "not found" if error.errno == errno.ENOENT else str(error.strerror)


def _ending_with_us(argv: Sequence[str | Path]) -> Sequence[str | Path]:
    """Return the same command, which the kernel ends with the thread that starts it; as it is where no program does so.

    It would be there for ever otherwise: what has nothing to write never learns that nobody reads it any more.
    """
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "KILL", *argv] if setpriv and shutil.which(argv[0]) else argv
