"""Releases: install or upgrade what changed, mend what a killed run left."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.context.run import Run, ended, threads
from scripts.errors import UserError
from scripts.images import plan
from scripts.kube import manifest_diff, releases
from scripts.kube.kubectl import Kubectl
from scripts.settings.model import Outcome, Release

GENERATED = ".pipeline"  # folder of generated values files, so that the printed helm command can be pasted


def deploy(run: Run) -> Iterator[Outcome]:
    """Install or upgrade the releases whose inputs changed."""
    state = _release_state(run)
    with threads(run) as pool:
        jobs = [pool.submit(_deploy_one, run, release, state) for release in run.plan.releases]
        yield from ended(jobs)
    for service in sorted(run.restarts):
        run.session.kubectl.effect("rollout", "restart", f"deployment/{service}", "--namespace", run.namespace)
        yield Outcome("deploy", service, "done", 0.0, "restarted: a Secret it reads has changed")


@dataclass(frozen=True)
class _ReleaseState:
    history: dict[str, list[releases.Revision]]
    images: dict[str, str]  # Deployment → the image of its first container


def _release_state(run: Run) -> _ReleaseState:
    kubectl = run.session.kubectl
    with ThreadPoolExecutor() as pool:
        secrets = pool.submit(_ask_items, kubectl, "secrets", run.namespace, "--selector", "owner=helm")
        deployments = pool.submit(_ask_items, kubectl, "deployments", run.namespace)
    images = {
        item["metadata"]["name"]: item["spec"]["template"]["spec"]["containers"][0]["image"]
        for item in deployments.result()
    }
    return _ReleaseState(releases.revisions(secrets.result()), images)


def _ask_items(kubectl: Kubectl, kind: str, namespace: str, *words: str) -> list[dict[str, Any]]:
    try:
        found: list[dict[str, Any]] = kubectl.items(kind, namespace, *words)
    except UserError:
        if kubectl.shell.dry:  # there the cluster may not have been made or started, and then nothing is in it
            return []
        raise
    return found


def _deploy_one(run: Run, release: Release, state: _ReleaseState) -> Outcome:
    started = time.monotonic()
    session, settings = run.session, run.session.settings
    history = state.history.get(release.name, [])
    values = plan.image_values(run.plan, release, settings.database_release)
    inputs = plan.inputs_digest(release, values)
    own = ["database"] if release.name == settings.database_release.name else [item.name for item in settings.services]
    live = all(state.images.get(name) == run.plan.deployed(run.plan.image(name)) for name in own)
    newest = history[-1] if history else None
    if newest and newest.status == "deployed" and newest.inputs == inputs and live:
        run.revisions[release.name] = newest.number
        detail = f"revision {newest.number}"
        return Outcome("deploy", release.name, "unchanged", time.monotonic() - started, detail)
    remedy = releases.repair(history)
    if remedy:
        run.display.line(f"release {release.name} was left {history[-1].status} by a run that was killed: mending it")
        verb, revision = remedy
        if verb == "rollback":
            session.helm.rollback(release, revision, settings.timeouts.deploy)
        else:
            session.helm.uninstall(release, settings.timeouts.deploy)
    file = write_values(run, release)
    run.display.waiting("deploy", release.name, "helm upgrade --install")
    before = session.helm.manifest(release) if newest else ""
    argv = session.helm.upgrade_command(release, (file,), {"inputs": inputs}, settings.timeouts.deploy)
    session.shell.effect(argv, timeout=settings.timeouts.deploy + 30)
    number = newest.number + 1 if newest else 1
    if not session.shell.dry:
        number = session.helm.history(release)[-1]["revision"]
        run.revisions[release.name] = number
        if before:
            run.changes += manifest_diff.between(before, session.helm.manifest(release))
    return Outcome("deploy", release.name, "done", time.monotonic() - started, f"revision {number}")


def write_values(run: Run, release: Release) -> Path:
    """The generated values file that names the planned images of a release."""
    values = plan.image_values(run.plan, release, run.session.settings.database_release)
    file = run.session.settings.root / GENERATED / f"{release.name}.images.yaml"
    file.parent.mkdir(exist_ok=True)
    # JSON is YAML in which a tag like 12e34567 cannot be read as a number.
    file.write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")
    return file
