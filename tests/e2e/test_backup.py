"""The disaster drill: everything is destroyed, and comes back from one file."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from scripts.secrets import proofs
from tests.support.project import Project, call

pytestmark = pytest.mark.long

OWN = ("kube-root-ca.crt", "todo-chatbot-verified")  # made by each cluster; added to by each verified revision
DUMP = 'PGPASSWORD="$POSTGRES_PASSWORD" pg_dump -U todo --no-owner --restrict-key=same todo'


@dataclass
class User:
    """Somebody with todos and a conversation, and what they saw before the disaster."""

    name: str
    password: str
    todos: Any = None
    conversation: Any = None

    def look(self, url: str) -> tuple[Any, Any]:
        """Log in by password, and see everything."""
        token = call(f"{url}/api/auth/login", {"username": self.name, "password": self.password})["token"]
        return call(f"{url}/api/todos", token=token)["items"], call(f"{url}/api/chat/history", token=token)


def make_user(url: str, tasks: list[str]) -> User:
    """Register, and add todos by talking and by typing."""
    user = User(f"drill-{secrets.token_hex(4)}", secrets.token_urlsafe(16))
    token = call(f"{url}/api/auth/register", {"username": user.name, "password": user.password})["token"]
    for title in tasks:
        call(f"{url}/api/chat", {"message": f"add {title}"}, token)
    call(f"{url}/api/todos", {"title": f"typed by {user.name}"}, token)
    user.todos, user.conversation = user.look(url)
    return user


def held(project: Project) -> dict[str, Any]:
    """What the namespace holds of ConfigMaps and Secrets, without helm's and the proofs of verified revisions."""
    items = json.loads(project.kubectl("get", "configmaps,secrets", "-o", "json"))["items"]
    return {
        f"{item['kind']}/{item['metadata']['name']}": item.get("data")
        for item in items
        if item.get("type") not in ("helm.sh/release.v1", proofs.KIND) and item["metadata"]["name"] not in OWN
    }


def dump(project: Project) -> str:
    """The database as text. PostgreSQL spells a list in a CHECK in another way once it has read its own spelling."""
    lines = project.kubectl("exec", "deployment/database", "--", "sh", "-c", DUMP).splitlines()
    return "\n".join(line.partition(" CHECK (")[0] for line in lines)


@dataclass
class Before:
    """The release as it was when the archive was made."""

    archive: Path
    users: list[User]
    held: dict[str, Any]
    dump: str
    revision: int


@pytest.fixture(scope="module")
def before(project: Project) -> Before:
    """A release with users, backed up."""
    project.pipeline()
    users = [make_user(project.url, ["buy milk", "call Ada"]), make_user(project.url, ["write ünïcode ✓"])]
    archive = Path(project.invoke("backup.create").stdout.splitlines()[-1])
    return Before(archive, users, held(project), dump(project), revision(project))


def revision(project: Project) -> int:
    """The last revision of the app's release."""
    names = project.kubectl("get", "secrets", "--selector", "owner=helm,name=todo-chatbot", "-o", "name").split()
    return max(int(name.rpartition(".v")[2]) for name in names)


def test_the_archive_is_private_listed_and_verified(project: Project, before: Before, tmp_path: Path) -> None:
    assert before.archive.stat().st_mode & 0o777 == 0o600
    assert {item.suffix for item in before.archive.parent.iterdir()} == {".age"}
    rows = json.loads(project.invoke("backup.list", "--json").stdout)
    (row,) = (row for row in rows if row["file"] == before.archive.name)
    assert (row["state"], row["release"]) == ("ok", "todo-chatbot")
    assert "entries in the dump's table of contents" in project.invoke("backup.verify", before.archive.name).stdout
    project.invoke("backup.create", "--output", str(tmp_path))
    assert [item.name[-8:] for item in tmp_path.iterdir()] == [".tar.age"]


def test_a_live_release_is_overwritten_neither_unasked_nor_in_a_dry_run(project: Project, before: Before) -> None:
    done = project.invoke("backup.restore", before.archive.name, check=False)
    assert done.returncode == 1 and "secret/database-credentials" in done.stdout
    project.invoke("--dry", "backup.restore", before.archive.name)
    assert dump(project) == before.dump and held(project) == before.held


def test_after_a_disaster_everything_is_there(project: Project, before: Before) -> None:
    project.invoke("cluster.down")
    assert not (project.state / f"todo-chatbot/clusters/{project.cluster}").exists()
    interrupted(project, before.archive)
    project.invoke("backup.restore", before.archive.name, "--yes")
    assert dump(project) == before.dump
    assert held(project) == before.held
    for user in before.users:
        assert user.look(project.url) == (user.todos, user.conversation)
    assert revision(project) == before.revision + 1
    entry = json.loads(audit(project))
    assert (entry["command"], entry["verdict"]) == ("backup.restore", "verified") and "backend" in entry["images"]


def interrupted(project: Project, archive: Path) -> None:
    """A restore that is killed while the database is being restored."""
    env = os.environ | {"XDG_STATE_HOME": str(project.state)}
    process = subprocess.Popen(
        [sys.executable, "-m", "scripts.tasks", "backup.restore", archive.name, "--yes"],
        cwd=project.folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stderr
    for line in process.stderr:
        if "pg_restore --clean" in line:
            break
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def audit(project: Project) -> str:
    """The last line of the record of who changed the cluster."""
    return (project.state / f"todo-chatbot/audit/{project.cluster}.jsonl").read_text().splitlines()[-1]


def test_a_restore_over_a_live_release_undoes_what_came_after(project: Project, before: Before) -> None:
    late = make_user(project.url, ["too late"])
    assert late.todos
    project.kubectl(
        "exec", "deployment/database", "--", "sh", "-c",
        'PGPASSWORD="$POSTGRES_PASSWORD" psql -U todo -c "CREATE TABLE younger (id bigint REFERENCES users (id))" todo',
    )  # fmt: skip
    project.invoke("backup.restore", before.archive.name, "--yes")
    assert dump(project) == before.dump
    report = project.pipeline()
    assert report["ok"] and not report["changed"]
