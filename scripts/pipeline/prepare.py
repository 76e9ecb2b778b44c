"""Tools, engine, base images, cluster, namespace and Secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from typing import Any

from scripts.context.run import Run, ended, threads
from scripts.secrets import sync
from scripts.settings.model import Outcome


def prepare(run: Run) -> Iterator[Outcome]:
    """Tools, engine, base images, cluster, namespace and Secrets, side by side where order does not matter."""
    _ = run.session.target  # a mistake in it is told before anything is installed
    with threads(run) as pool:
        tools = pool.submit(_timed, "tools", lambda: _locate(run))
        client = pool.submit(_timed, "engine", lambda: _engine(run))
        images = pool.submit(_after, [client], "base images", lambda: _bases(run))
        cluster = pool.submit(_after, [tools, client], "", lambda: _cluster(run))
        namespace = pool.submit(_after, [cluster], "namespace", lambda: make_namespace(run))
        secrets = pool.submit(_after, [namespace], "secrets", lambda: _secrets(run))
        yield from ended([tools, client, images, cluster, namespace, secrets])


def _timed(target: str, work: Callable[[], tuple[bool, str]]) -> Outcome:
    started = time.monotonic()
    changed, detail = work()
    return Outcome("prepare", target, "done" if changed else "unchanged", time.monotonic() - started, detail)


def _after(needed: Sequence[Future[Outcome]], target: str, work: Callable[[], Any]) -> Outcome:
    for job in needed:
        job.result()
    if target:
        return _timed(target, work)
    outcome: Outcome = work()
    return outcome


def _locate(run: Run) -> tuple[bool, str]:
    folder = run.session.settings.root / ".tools"
    before = folder.is_dir()
    tools = run.session.tools
    fetched = not before and any(path.parent == folder for path in tools.values())
    return fetched, ", ".join(f"{name} {path}" for name, path in tools.items())


def _engine(run: Run) -> tuple[bool, str]:
    return False, str(run.client.binary)


def _cluster(run: Run) -> Outcome:
    cluster = run.session.cluster
    return cluster.up(lambda text: run.display.waiting("prepare", f"cluster {cluster.name}", text))


def _bases(run: Run) -> tuple[bool, str]:
    started = time.monotonic()
    refs = ", ".join(base.ref for base in run.bases.values())
    return time.monotonic() - started > 2, refs


def make_namespace(run: Run) -> tuple[bool, str]:
    """Make the namespace with its limits. Whether it had to, and its name."""
    file = run.session.settings.root / "config/namespace.yaml"
    kubectl = run.session.kubectl
    same = kubectl.ask("diff", "--server-side", "--force-conflicts", "--field-manager=todo-chatbot", "-f", str(file))
    if same:
        return False, run.namespace
    kubectl.effect(
        "apply", "--server-side", "--force-conflicts", "--field-manager=todo-chatbot", "--filename", str(file)
    )
    return True, run.namespace


def _secrets(run: Run) -> tuple[bool, str]:
    session = run.session
    services = [service.name for service in session.settings.services]
    changes = sync.sync(session.kubectl, session.settings.root, run.namespace, session.variables, services)
    for change in changes:
        if not change.created:
            run.restarts |= set(change.used_by)
    return bool(changes), ", ".join(change.name for change in changes) or "as they should be"
