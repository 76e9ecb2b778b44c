"""Behaviour of a cluster as the real helm and kubectl see it: the embedded one, or any other by --kubeconfig.

Every module begins its work at once, side by side with the others, in namespaces of its own; its tests then look at
what came of it. On a cluster that is given nothing else is touched, and only these namespaces are deleted.
Another cluster needs the image `bb:1` on its nodes: busybox from scratch, with /bin/sh, httpd and tail.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import process as cluster
import pytest
from busybox import ensure_image
from spaces import Begun, Spaces

from scripts.host import toolchain
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.kube.kubectl import Kubectl

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
        context = request.config.getoption("--context")
        made = Kubectl(binary, Path(kubeconfig), context, shell)
        if not context or not made.ask("config", "get-contexts", context):
            raise pytest.UsageError(f'--context "{context}": name a context of {kubeconfig}; none is taken by default')
        yield made
        return
    ensure_image(tmp_path_factory.mktemp("busybox"))
    state = tmp_path_factory.mktemp("state")
    process = cluster.start(NAME, state)
    made = Kubectl(binary, state / "kubeconfig", NAME, shell)
    try:
        shell.probe(["sh", "-c", f"until test -s {state}/kubeconfig; do sleep 0.05; done"], timeout=300)
        assert made.ask("get", "--raw", "/readyz"), (state / "log").read_text()
        yield made
    finally:
        process.terminate()
        process.wait(300)
        cluster.delete(NAME, state)
        shutil.rmtree(state, ignore_errors=True)


@pytest.fixture(scope="session")
def spaces(kubectl: Kubectl) -> Iterator[Spaces]:
    """Namespaces of this run, deleted at its end."""
    made = Spaces(kubectl)
    try:
        yield made
    finally:
        made.remove()


@pytest.fixture(scope="session")
def work(
    request: pytest.FixtureRequest, kubectl: Kubectl, spaces: Spaces, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Begun]]:
    """What the modules that are tested began: module → its result to come."""
    modules = {item.module.__name__: item.module for item in request.session.items if isinstance(item, pytest.Function)}
    with ThreadPoolExecutor(len(modules)) as pool:
        yield {
            name: pool.submit(module.begin, kubectl, spaces, tmp_path_factory.mktemp("work"))
            for name, module in modules.items()
        }


@pytest.fixture
def begun(request: pytest.FixtureRequest, work: dict[str, Begun]) -> Begun:
    """What the module of the test began."""
    return work[request.module.__name__]
