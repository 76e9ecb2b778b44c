"""Every command of the guides, run as it is written, on a live release.

What a test machine lacks is not run: the block that shows it says so in its first line (`# needs …`). What another test
runs, at length, is named in ELSEWHERE.
"""

from __future__ import annotations

import ast
import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import busybox
import pytest

from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.images.docker import engine_answers, find_clients
from tests.docs.test_docs import GUIDES, commands
from tests.support.project import Project

SECURE = "tests/e2e/test_environments.py"
ATTESTED = f"{SECURE}::test_a_scan_names_what_passed_and_what_did_not_run"
ELSEWHERE = {  # by task, or by the words of one command
    "adopt": "tests/e2e/test_adopt.py::test_somebody_elses_app_is_used_by_a_person_after_two_commands",
    "verify.zero-downtime": "tests/e2e/test_zero_downtime.py::test_no_request_is_lost_whatever_is_done_to_the_release",
    "dev": "tests/e2e/test_dev.py::test_saved_files_go_live",
    "verify.scaling": "tests/e2e/test_scaling.py::test_the_backend_scales_out_under_load_and_in_again",
    "security.scan": ATTESTED,
    "security.sbom": ATTESTED,
    "security.sign": f"{SECURE}::attested",
    "security.verify": ATTESTED,
    "pipeline --environment secure": f"{SECURE}::test_secure_serves_the_same_app_and_passes_its_own_tests",
    "backup.restore": "tests/e2e/test_backup.py::test_after_a_disaster_everything_is_there",
}
# These replace every pod, one by one.
LONG = ("rollback --to", "secrets.rotate", "database.password", "pipeline --environment")
ENDLESS = ("--follow", "--watch")  # until Ctrl-C
# What is removed, the others need; after new secrets every rollback replaces all pods.
LAST = ("secrets.rotate", "database.password", "destroy", "cluster.down")


def shown() -> list[str]:
    """The commands of all guides, each once, those that remove things at the end."""
    found = dict.fromkeys(shlex.join(words) for guide in GUIDES for words in commands(guide, runnable=True))
    own = [line for line in found if line.startswith("invoke ") and not left_out(line)]
    return sorted(own, key=lambda line: LAST.index(task_of(line)) if task_of(line) in LAST else -1)


def left_out(line: str) -> bool:
    """Whether another test runs it. A dry run never is."""
    return "--dry" not in line and (task_of(line) in ELSEWHERE or line.removeprefix("invoke ") in ELSEWHERE)


def task_of(line: str) -> str:
    """The task that a command calls."""
    return next((word for word in line.split()[1:] if not word.startswith("-")), "")


@pytest.fixture(scope="module")
def release(project: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A live release that had a life: some revisions, a backup, and an image of somebody's own."""
    values = project.folder / "charts/todo-chatbot-umbrella/values.yaml"
    before = values.read_text()
    for replicas in (3, 2):
        values.write_text(before.replace("replicaCount: 2", f"replicaCount: {replicas}"))
        project.pipeline()
    make_echo(tmp_path_factory.mktemp("echo"))
    project.invoke("backup.create")
    return project


def make_echo(folder: Path) -> None:
    """The image of the guides' example: it answers its probe on port 8080, as nobody in particular."""
    docker = next(item for item in find_clients() if engine_answers(Shell(), item))
    (folder / "healthz").write_text("well\n")

    def call(*words: str | Path) -> str:
        return subprocess.run([docker, *words], check=True, capture_output=True, text=True).stdout.strip()

    container = call("create", busybox.ensure_image(folder), "true")
    call("cp", folder / "healthz", f"{container}:/healthz")
    command = 'CMD ["sh", "-c", "trap exit TERM; httpd -f -p 8080 -h / & wait"]'
    call("commit", "--change", command, "--change", "USER 10001:10001", container, "todo-chatbot/echo:1")
    call("rm", container)


def at_hand(line: str, project: Project) -> list[str]:
    """The words of a command, with what is at hand in place of what a reader has; `--yes` for who would be asked."""
    archives = sorted((project.folder / "backups").glob("*.age"))
    backup = archives[-1].name if archives else ""
    stick = project.folder.parent / "usb"
    stick.mkdir(exist_ok=True)
    if "--to" in line:  # of the revisions that helm keeps, one that is there
        labels = ("-l", "owner=helm,name=todo-chatbot", "-o", "jsonpath={.items[*].metadata.labels.version}")
        kept = sorted(map(int, project.kubectl("get", "secrets", *labels).split()))
        line = re.sub(r"--to \d+", f"--to {kept[-2]}", line)
    words = [{"ARCHIVE": backup, "/mnt/usb": str(stick)}.get(word, word) for word in shlex.split(line)[1:]]
    asked = any(word in ("--apply", "backup.restore") for word in words) and "--yes" not in words
    return [backup if word.endswith(".tar.age") else word for word in words] + ["--yes"] * asked


def marked(line: str) -> object:
    """The command as a parameter, marked where it takes long."""
    return pytest.param(line, marks=[pytest.mark.long] * line.removeprefix("invoke ").startswith(LONG))


@pytest.mark.parametrize("line", list(map(marked, shown())))
def test_the_command_does_what_it_is_shown_for(line: str, release: Project) -> None:
    words = at_hand(line, release)
    if any(word in ENDLESS for word in words):
        assert says_something_and_ends(release, words)
        return
    done = release.invoke(*words, check=False)
    if task_of(line) == "doctor":  # the port may be somebody else's here, and rightly so
        assert "engine" in done.stdout
        return
    assert done.returncode == 0, done.stdout


def says_something_and_ends(project: Project, words: list[str]) -> bool:
    """Whether an endless command prints a line, and ends at Ctrl-C without a traceback."""
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.tasks", *words], cwd=project.folder, text=True, stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=os.environ | {"XDG_STATE_HOME": str(project.state)},
    )  # fmt: skip
    assert process.stdout
    first = process.stdout.readline()
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=300)
    return bool(first.strip()) and "Traceback" not in errors


@pytest.mark.parametrize(("command", "test"), ELSEWHERE.items())
def test_what_is_left_out_here_is_run_elsewhere(command: str, test: str) -> None:
    file, _, name = test.partition("::")
    text = Path(ROOT / file).read_text()
    functions = {node.name for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)}
    assert name in functions and all(f'"{word}"' in text for word in command.split())
