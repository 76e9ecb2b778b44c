"""The process: how it starts, whom it lets in, that it loses nothing when it is killed, and what deletion leaves."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import ssl
import stat
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import process as cluster
import pytest
from busybox import ensure_image, require_engine

NAME = f"process-{os.getpid()}"
START_SECONDS = 300.0


def start(state: Path, name: str = NAME) -> subprocess.Popen:
    """Run the cluster and wait until it says it is ready."""
    require_engine()
    process = cluster.start(name, state)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert process.poll() is None, (state / "log").read_text()
        with contextlib.suppress(OSError, KeyError, ValueError):
            if ask(state, "/readyz") == b"ok":
                return process
        time.sleep(0.05)
    raise AssertionError("the cluster never became ready")


def ask(state: Path, path: str, body: dict | None = None, *, known: bool = True) -> bytes:
    """The body of an answer; `known`: with the client's certificate."""
    port = json.loads((state / "cluster.json").read_text())["port"]
    context = ssl.create_default_context(cafile=str(state / "pki" / "ca.crt"))
    if known:
        context.load_cert_chain(state / "pki" / "client.crt", state / "pki" / "client.key")
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(
        f"https://127.0.0.1:{port}{path}", data=data, headers={"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, context=context, timeout=START_SECONDS) as answer:  # noqa: S310 - always https
        return answer.read()


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """A state directory; whatever a cluster made in it is removed."""
    require_engine()
    folder = tmp_path / "state"
    yield folder
    cluster.delete(NAME, folder)
    assert not folder.exists()


@pytest.mark.engine
def test_life_of_a_cluster(state: Path) -> None:
    process = start(state)
    assert stat.S_IMODE((state / "kubeconfig").stat().st_mode) == 0o600
    assert (state / "pid").read_text().strip() == str(process.pid)
    for path in ("/api/v1/pods", "/apis", "/openapi/v3"):
        with pytest.raises(urllib.error.HTTPError, match="Unauthorized") as refused:
            ask(state, path, known=False)
        refused.value.close()
    second = subprocess.run(
        cluster.command(NAME, state),
        env=cluster.environment(),
        capture_output=True,
        text=True,
        timeout=START_SECONDS,
        check=False,
    )
    assert (second.returncode, "already serves" in second.stderr) == (1, True)
    acknowledged = []
    for number in range(300):
        name = f"c{number}"
        ask(state, "/api/v1/namespaces/default/configmaps", {"metadata": {"name": name}})
        acknowledged.append(name)
        if number == 250:
            process.send_signal(signal.SIGKILL)
            process.wait(START_SECONDS)
            process = start(state)
    found = json.loads(ask(state, "/api/v1/namespaces/default/configmaps"))["items"]
    assert set(acknowledged) <= {item["metadata"]["name"] for item in found}
    process.terminate()
    assert process.wait(START_SECONDS) == 0
    assert not (state / "pid").exists()


@pytest.mark.engine
def test_the_end_of_one_cluster_leaves_the_others_what_they_need(tmp_path: Path) -> None:
    made = {}
    for number in (1, 2):
        name, state = f"{NAME}-{number}", tmp_path / str(number)
        made[name] = (state, start(state, name))
    (first, (state, process)), (last, (last_state, last_process)) = made.items()
    cluster.delete(first, state)
    process.wait(START_SECONDS)
    image = ["docker", "image", "inspect", "todo-chatbot/pause:1"]
    there = subprocess.run(image, capture_output=True, check=False).returncode == 0
    cluster.delete(last, last_state)
    last_process.wait(START_SECONDS)
    assert there


@pytest.mark.engine
def test_a_pod_has_a_token_that_the_api_knows_at_the_address_pods_are_given(state: Path, tmp_path: Path) -> None:
    """Also where it is not root, whatever mask the cluster was started with."""
    image = ensure_image(tmp_path)
    process = start(state)
    script = "cat /var/run/secrets/kubernetes.io/serviceaccount/token; echo; echo $KUBERNETES_SERVICE_HOST"
    container = {"name": "main", "image": image, "command": ["sh", "-c", script], "securityContext": {"runAsUser": 7}}
    pod = {"metadata": {"name": "asker"}, "spec": {"containers": [container | {"args": []}]}}
    ask(state, "/api/v1/namespaces/default/pods", pod)
    words: list[str] = []
    while len(words) < 2:
        watched = "/api/v1/namespaces/default/pods?watch=true&timeoutSeconds=1"
        phases = [json.loads(line)["object"]["status"]["phase"] for line in ask(state, watched).splitlines()]
        if phases[-1] != "Pending":
            words = ask(state, "/api/v1/namespaces/default/pods/asker/log").decode().split()
    token, address = words
    context = ssl.create_default_context(cafile=str(state / "pki" / "ca.crt"))
    answers = {}
    for path in ("/apis", "/api/v1/nodes"):
        request = urllib.request.Request(f"https://{address}{path}", headers={"Authorization": f"Bearer {token}"})
        try:
            with urllib.request.urlopen(request, context=context, timeout=START_SECONDS) as answer:  # noqa: S310 - always https
                answers[path] = answer.status
        except urllib.error.HTTPError as error:
            answers[path] = error.code
            error.close()
    process.terminate()
    process.wait(START_SECONDS)
    assert answers == {"/apis": 200, "/api/v1/nodes": 403}
