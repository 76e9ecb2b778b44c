"""A marked secret is where it belongs, and in no argument, log, report or release."""

from __future__ import annotations

import base64
import gzip
import json
import secrets
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = pytest.mark.long


class Arguments:
    """Every command line of this machine while the block runs, sampled."""

    def __init__(self) -> None:
        self.seen: set[bytes] = set()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)

    def __enter__(self) -> Arguments:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._over.wait(0.005):
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                with suppress(OSError):
                    self.seen.add(process.read_bytes())


def release_texts(project: Project) -> list[str]:
    """What helm keeps of every revision, decoded."""
    found = json.loads(project.kubectl("get", "secrets", "-l", "owner=helm", "-o", "json"))["items"]
    bodies = (base64.b64decode(base64.b64decode(item["data"]["release"])) for item in found)
    return [gzip.decompress(body).decode() for body in bodies]


def test_a_marked_secret_shows_nowhere_but_in_its_secret(
    project: Project, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    project.pipeline()
    canary = f"sk-canary-{secrets.token_hex(12)}"
    monkeypatch.setenv("OPENAI_API_KEY", canary)
    with Arguments() as arguments:
        report = project.invoke("pipeline", "--json").stdout
        project.invoke("secrets.check")
        project.invoke("--dry", "pipeline")
    shown = capfd.readouterr()
    stored = project.kubectl("get", "secret", "api-keys", "-o", "jsonpath={.data.OPENAI_API_KEY}")
    assert base64.b64decode(stored).decode() == canary
    encoded = base64.b64encode(canary.encode()).decode()
    places = {
        "output": shown.out + shown.err + report,
        "reports": "".join(file.read_text() for file in (project.folder / "reports").glob("*.json")),
        "generated values": "".join(file.read_text() for file in (project.folder / ".pipeline").glob("*")),
        "releases": "".join(release_texts(project)),
        "ConfigMaps": project.kubectl("get", "configmaps", "-o", "yaml"),
        "arguments": b"\n".join(arguments.seen).decode(errors="replace"),
        "logs": project.invoke("logs", "--service", "agent", "--tail", "1000").stdout,
    }
    assert [name for name, text in places.items() if canary in text or encoded in text] == []
    assert any(b"helm" in argv for argv in arguments.seen)
    monkeypatch.delenv("OPENAI_API_KEY")
    assert project.pipeline()["ok"]
    assert project.kubectl("get", "secret", "api-keys", "-o", "jsonpath={.data}") in ("", "{}", "null")
