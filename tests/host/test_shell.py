"""Probes are quiet and never raise; effects are printed, honour a dry run, and say what failed."""

import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.host.shell import CommandError, CommandTimeout, Interrupted, Shell, render


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def shell(lines: list[str]) -> Shell:
    return Shell(echo=lines.append)


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.mark.slow
def test_a_probe_is_quiet_and_its_status_is_an_answer(shell: Shell, lines: list[str]) -> None:
    answer = shell.probe(python("import sys; print('yes'); sys.exit(3)"))
    assert (answer.code, answer.out.strip(), bool(answer), lines) == (3, "yes", False, [])


def test_a_missing_program_is_status_127(shell: Shell) -> None:
    assert shell.probe(["no-such-program-here"]).code == 127


@pytest.mark.slow
def test_a_probe_has_a_time_limit(shell: Shell) -> None:
    assert shell.probe(python("import signal; signal.pause()"), timeout=0.2).code == 124


@pytest.mark.slow
def test_an_effect_is_printed_before_it_happens(shell: Shell, lines: list[str]) -> None:
    seen: list[list[str]] = []
    shell.effect(python("print('x')"), on_line=lambda line: seen.append([*lines]))
    assert seen == [["$ " + shlex.join(python("print('x')"))]]


def test_a_dry_run_prints_and_does_nothing(lines: list[str]) -> None:
    Shell(dry=True, echo=lines.append).effect(["no-such-program-here", "a b"], env={"X": "1 2"})
    assert lines == ["$ X='1 2' no-such-program-here 'a b'"]


@pytest.mark.slow
def test_a_failed_effect_quotes_what_the_program_said(shell: Shell) -> None:
    with pytest.raises(CommandError, match=r"failed with exit status 2\nit broke"):
        shell.effect(python("import sys; print('it broke', file=sys.stderr); sys.exit(2)"))


@pytest.fixture
def over(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Ends every time limit: a program that has to be somewhere by then says when it is, on any machine."""
    event = threading.Event()

    class Limit(threading.Timer):
        def run(self) -> None:
            event.wait(300)
            self.function(*self.args, **self.kwargs)

    monkeypatch.setattr(threading, "Timer", Limit)
    return event


@pytest.mark.slow
def test_a_time_limit_lets_a_program_tidy_up(
    shell: Shell, over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.host.shell.GRACE", 300.0)
    patient = "trap 'echo tidied up; exit 1' INT TERM; echo at work; while :; do sleep 0.05; done"
    with pytest.raises(CommandTimeout) as caught:
        shell.effect(["sh", "-c", patient], timeout=2.0, on_line=lambda _: over.set())
    assert caught.value.result.out.splitlines() == ["at work", "tidied up"]


@pytest.mark.slow
def test_interrupt_stops_what_runs(shell: Shell) -> None:
    started = threading.Event()
    timer = threading.Thread(target=lambda: (started.wait(300), shell.interrupt()))
    timer.start()
    with pytest.raises(CommandError) as caught:
        shell.effect(
            python("import signal; signal.signal(2, signal.SIG_DFL); print('on', flush=True); signal.pause()"),
            on_line=lambda line: started.set(),
        )
    timer.join()
    assert caught.value.result.code == -signal.SIGINT


@pytest.mark.slow
def test_standard_input_is_passed_and_only_its_censored_form_is_printed(shell: Shell, lines: list[str]) -> None:
    got = shell.effect(["cat"], stdin="secret", shown_stdin="***")
    assert (got.out, "secret" in "".join(lines)) == ("secret", False)


@pytest.mark.slow
def test_a_pipe_names_the_side_that_failed(shell: Shell) -> None:
    assert shell.pipe(["printf", "abc"], ["cat"]).out == "abc"
    with pytest.raises(CommandError, match="false failed"):
        shell.pipe(["false"], ["cat"])


@pytest.mark.slow
def test_what_is_piped_or_fed_says_that_its_time_was_over(shell: Shell, over: threading.Event) -> None:
    over.set()
    waiting = python("import signal; signal.signal(2, signal.SIG_DFL); signal.pause()")
    with pytest.raises(CommandTimeout, match="stopped after 7 s"):
        shell.pipe(waiting, ["cat"], timeout=7.0)
    with pytest.raises(CommandTimeout, match="stopped after 7 s"):
        shell.feed(waiting, iter([b"abc"]), timeout=7.0)


@given(st.lists(st.text(st.characters(blacklist_characters="\0", blacklist_categories=["Cs"])), min_size=1))
def test_a_rendered_line_means_the_same_to_a_shell(words: list[str]) -> None:
    assert shlex.split(render(words)) == words


@pytest.mark.slow
def test_a_time_limit_ends_the_whole_group(
    shell: Shell, over: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.host.shell.GRACE", 0.2)
    code = (
        "import signal, subprocess, sys; signal.signal(2, signal.SIG_DFL);"
        "child = subprocess.Popen([sys.executable, '-c', 'import signal; signal.pause()']);"
        "print(child.pid, flush=True); signal.pause()"
    )
    with pytest.raises(CommandTimeout) as caught:
        shell.effect(python(code), timeout=1.5, on_line=lambda _: over.set())
    with suppress(ProcessLookupError):  # gone already
        handle = os.pidfd_open(int(caught.value.result.out))
        assert select.select([handle], [], [], 300)[0]
        os.close(handle)


@pytest.mark.slow
def test_an_answer_of_any_length_arrives_whole(shell: Shell) -> None:
    assert shell.probe(python("for i in range(50_000): print(i)")).out.startswith("0\n1\n")


def test_a_daemon_is_shown_as_a_line_that_can_be_pasted(tmp_path: Path) -> None:
    lines: list[str] = []
    Shell(dry=True, echo=lines.append).daemon(["server", "--x"], log=tmp_path / "a b.log", env={"PATH_": "1 2"})
    assert shlex.split(lines[0])[1:5] == ["PATH_=1 2", "nohup", "server", "--x"]


@pytest.mark.slow
def test_a_child_has_a_home_also_where_this_program_was_given_none(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HOME")
    assert Path(shell.probe(["printenv", "HOME"]).out.strip()).is_absolute()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("content", "mode", "words"),
    [
        (None, 0, "not found"),
        ("#!/bin/sh", 0o644, "Permission denied"),
        ("#!/no/such/interpreter", 0o755, "its interpreter is not there"),
        ("\x00\x01", 0o755, "Exec format error"),
    ],
)
def test_a_program_that_cannot_be_started_is_an_answer_with_the_reason(
    tmp_path: Path, content: str | None, mode: int, words: str
) -> None:
    program = tmp_path / "program"
    if content is not None:
        program.write_text(content)
        program.chmod(mode)
    answer = Shell().probe([program, "version"])
    assert not answer and answer.code == 127 and f"program: {words}" in answer.err
    with pytest.raises(CommandError, match=words):
        Shell(echo=lambda line: None).effect([program])


def _lives(pid: int) -> bool:
    """Whether a process that was killed is still there after all the time it may need to be gone."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        return not select.select([handle], [], [], 60)[0]
    finally:
        os.close(handle)


@pytest.mark.slow
def test_a_conversation_keeps_what_was_said_and_leaves_nothing_behind(tmp_path: Path) -> None:
    script = f"trap '' INT TERM; sleep 300 & echo $! > {tmp_path}/child; echo begun; echo more; wait"
    stop = threading.Event()
    result = Shell().converse(["bash", "-c", script], stop=stop, limit=8)
    assert not result and result.out.startswith("begun\n") and len(result.out) <= 8
    assert stop.is_set() and not _lives(int((tmp_path / "child").read_text()))


@pytest.mark.slow
def test_a_dialogue_is_of_whole_messages_and_ends_with_its_block(shell: Shell) -> None:
    with shell.dialogue(["cat"], end=b"\0", timeout=60) as talk:
        talk.say(b"one\ntwo")
        talk.say(b"three")
        assert [talk.hear(60), talk.hear(60)] == [b"one\ntwo", b"three"]
        assert talk.hear(0) is None
    with shell.dialogue(["true"], end=b"\0", timeout=60) as talk, pytest.raises(EOFError):
        talk.hear(60)
    with pytest.raises(CommandError), shell.dialogue(["no-such-program"], end=b"\0", timeout=60):
        pass


@pytest.mark.slow
def test_a_program_that_ends_takes_its_children_with_it(tmp_path: Path) -> None:
    script = f"sleep 300 >/dev/null 2>&1 & echo $! > {tmp_path}/child; echo done"
    result = Shell().converse(["bash", "-c", script], stop=threading.Event(), stdin="x" * 1_000_000)
    assert result and result.out == "done\n"
    assert not _lives(int((tmp_path / "child").read_text()))


@pytest.mark.slow
def test_a_conversation_that_takes_too_long_is_ended() -> None:
    stop = threading.Event()
    result = Shell().converse(["sleep", "600"], stop=stop, seconds=0.1)
    assert (result.code, result.err) == (124, "no answer within 0.1 s") and stop.is_set()


@pytest.mark.slow
def test_ctrl_c_in_a_conversation_keeps_what_was_said(tmp_path: Path) -> None:
    class Keyboard(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            if threading.current_thread() is threading.main_thread() and not self.is_set():
                os.read(fifo, 1)  # what was said is said
                raise KeyboardInterrupt
            return super().wait(timeout)

    os.mkfifo(tmp_path / "said")
    fifo = os.open(tmp_path / "said", os.O_RDWR)
    script = f"trap '' INT TERM; sleep 300 & echo $! > {tmp_path}/child; echo begun; echo > {tmp_path}/said; wait"
    with pytest.raises(Interrupted) as raised:
        Shell().converse(["bash", "-c", script], stop=Keyboard())
    os.close(fifo)
    assert (raised.value.result.out, raised.value.code) == ("begun\n", 130)
    assert not _lives(int((tmp_path / "child").read_text()))


@pytest.mark.slow
def test_a_conversation_with_a_program_that_is_not_there(tmp_path: Path) -> None:
    assert Shell().converse([tmp_path / "none"], stop=threading.Event()).code == 127


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("setpriv"), reason="setpriv is part of util-linux")
def test_what_is_followed_ends_with_this_process_also_where_that_is_killed(tmp_path: Path) -> None:
    """It has nothing to write, so nothing else would ever tell it."""
    fifo = tmp_path / "held"
    os.mkfifo(fifo)
    followed = f"import signal; held = open({str(fifo)!r}, 'w'); print('open', flush=True); signal.pause()"
    code = (
        "import signal, sys\nfrom scripts.host.shell import Shell\n"
        f"with Shell().follow([sys.executable, '-c', {followed!r}], 600) as stream:\n"
        "    print(next(iter(stream)), flush=True)\n    signal.pause()\n"
    )
    held = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    with subprocess.Popen(python(code), stdout=subprocess.PIPE) as process:
        assert process.stdout and process.stdout.readline() == b"open\n"
        process.kill()
        assert select.select([held], [], [], 300)[0], "its end of the pipe is closed"
        assert os.read(held, 1) == b""
    os.close(held)
