"""What leads to a running embedded cluster may be damaged: told as that, and not as an API that gives no answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.clusters.embedded import Embedded
from scripts.host.shell import Shell
from scripts.settings.configuration import read_settings

WHOLE = json.dumps(
    {
        "clusters": [{"name": "todo-chatbot", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "todo-chatbot", "user": {"client-certificate-data": "AAAA"}}],
        "contexts": [{"name": "todo-chatbot", "context": {"cluster": "todo-chatbot", "user": "todo-chatbot"}}],
    },
    indent=1,
)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda file: file.write_text(WHOLE[:90]), "no kubeconfig: not valid YAML"),
        (lambda file: file.write_text(""), "no context todo-chatbot"),
        (lambda file: file.write_bytes(b"\xff\xfe\x00k"), "no kubeconfig: not valid YAML"),
        (lambda file: file.write_text("[1, 2]"), "no kubeconfig: not a mapping"),
        (lambda file: file.write_text(WHOLE.replace('"users"', '"others"')), "no user todo-chatbot"),
        (lambda file: file.mkdir(), "cannot be read: Is a directory"),
        (lambda file: file.symlink_to(file.with_name("missing")), "is gone"),
        (lambda file: file.unlink(missing_ok=True), "is gone"),
        (lambda file: file.write_text(WHOLE), "but its API does not answer"),
    ],
)
def test_the_reason_for_silence_names_the_file(
    damage: Callable[[Path], object], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    cluster = Embedded(read_settings(), Shell(echo=lambda _: None), Path("/nowhere/kubectl"))
    cluster.kubeconfig.parent.mkdir(parents=True)
    monkeypatch.setattr(cluster, "_pid", lambda: 1)
    damage(cluster.kubeconfig)
    found = cluster.read()
    assert found.state == "degraded" and told in found.why
    assert ("kubeconfig" in found.why) == ("does not answer" not in told)
