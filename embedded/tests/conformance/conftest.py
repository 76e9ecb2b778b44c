"""Behaviour of a cluster as the real helm and kubectl see it: the embedded one, or any other by --kubeconfig.

Another cluster needs the image `bb:1` on its nodes: busybox from scratch, with /bin/sh, httpd and tail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import process as cluster
import pytest
from busybox import ensure_image

from scripts.host import toolchain
from scripts.host.shell import Shell
from scripts.kube.kubectl import Kubectl
from scripts.settings.loading import ROOT

NAME = f"conformance-{os.getpid()}"


def pytest_addoption(parser: pytest.Parser) -> None:
    """How to reach a cluster that is already there."""
    parser.addoption("--kubeconfig", default="", help="kubeconfig of the cluster to test; default: an embedded one")
    parser.addoption("--context", default="", help="context in that kubeconfig")


@pytest.fixture(scope="session")
def kubectl(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    """kubectl aimed at the cluster under test."""
    shell = Shell(echo=lambda _: None)
    binary = toolchain.locate(shell, ROOT, lambda _: None)["kubectl"]
    kubeconfig = request.config.getoption("--kubeconfig")
    if kubeconfig:
        yield Kubectl(binary, Path(kubeconfig), request.config.getoption("--context"), shell)
        return
    ensure_image(tmp_path_factory.mktemp("busybox"))
    state = tmp_path_factory.mktemp("state")
    process = cluster.start(NAME, state)
    made = Kubectl(binary, state / "kubeconfig", NAME, shell)
    try:
        shell.probe(["timeout", "20", "sh", "-c", f"until test -s {state}/kubeconfig; do sleep 0.05; done"])
        assert made.ask("get", "--raw", "/readyz"), (state / "log").read_text()
        yield made
    finally:
        process.terminate()
        process.wait(20)
        cluster.delete(NAME, state)
        shutil.rmtree(state, ignore_errors=True)
