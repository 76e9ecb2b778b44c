"""Charts as helm sees them: linted, rendered, compared with what is live, tested in the cluster."""

from __future__ import annotations

import difflib
import hashlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import yaml

from scripts.context.ready import look, make_plan
from scripts.context.release_lock import hold_release_lock
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.files import refuse_foreign, write_whole
from scripts.images.plan import services_of
from scripts.kube import schemas
from scripts.kube.arguments import values_options
from scripts.kube.helm import template_argv
from scripts.kube.objects import is_hook
from scripts.pipeline import deploy
from scripts.settings.configuration import ENVIRONMENTS
from scripts.settings.model import Image, Release, Service

UNTOLD = "untold"
FOLDER = "reports/manifests"
SIGN = "# rendered by: invoke charts.render"
NO_BASES = "no Docker engine with the base images answers"


def lint_words(root: Path, release: Release, database: Release) -> list[list[str]]:
    """Return what to lint: every chart, those included that no run deploys, and the release's with each environment."""
    charts = dict.fromkeys([*(file.parent for file in sorted(root.glob("charts/*/Chart.yaml"))), database.chart])
    found = [[str(chart)] for chart in charts if chart != release.chart]
    files = [release.chart / "environments" / f"{name}.yaml" for name in ENVIRONMENTS]
    overlays: list[tuple[Path, ...]] = [(), *((file,) for file in files if file.is_file())]
    given = [file for file in release.values if file not in files]
    return [*found, *([str(release.chart), *values_options((*overlay, *given))] for overlay in overlays)]


def lint(session: Session) -> int:
    """Lint all charts side by side, and hold what they render against Kubernetes' own schemas; return how many times.

    Raises UserError with what is said of the bad ones. A chart that only a cluster can render is linted alone.
    """
    settings = session.settings

    def one(words: list[str]) -> str:
        told = session.shell.probe([session.tools["helm"], "lint", "--strict", "--quiet", *words], timeout=120)
        problem = "" if told else f"{told.out}{told.err}".strip() or f"helm lint: exit status {told.code}"
        if not problem:
            rendered = session.shell.probe([session.tools["helm"], "template", "lint", *words], timeout=120)
            objects = parsing.documents_from_yaml(rendered.out) if rendered else []
            problem = "\n".join(dict.fromkeys(schemas.problems(objects)))
        return f"lint {' '.join(words)}\n{problem}".rstrip() if problem else ""

    words = lint_words(settings.root, settings.release, settings.database_release)
    with ThreadPoolExecutor(4) as pool:
        problems = [problem for problem in pool.map(one, words) if problem]
    if problems:
        raise UserError("\n".join(problems), "correct the chart or its values, then: invoke charts.lint")
    return len(words)


def render(run: Run, *, live: bool) -> str:
    """Return the manifests of the app's release, by the environment's values and the planned images.

    `live` lets the charts look up what the cluster has, certificates for instance; without it they make new ones. No
    engine is installed or started for it: where none tells the tags of the images, they are called `UNTOLD`.
    Raises UserError with what helm says of a chart that cannot be rendered, and where `live` leaves tags untold.
    """
    session = run.session
    release = (session.sized if live else session.settings).release
    secrets = deploy.current_versions(run) if live else {}
    plan = look(run)
    if plan is None:
        if live:
            raise UserError(f"which images a deploy would bring cannot be told: {NO_BASES}", "run: invoke prepare")
        run.display.line(f"{NO_BASES}, so the tags of the app's images are not known: {UNTOLD} stands in their place")
        plan = make_plan(run, {}, [Image(one.name, f"{one.project}/{one.name}", UNTOLD) for one in _built(session)])
    values = deploy.release_values(plan, release, session.settings, secrets)
    file = deploy.write_values(session.settings, release, values)
    words = template_argv(session.tools["helm"], release, (*release.values, file))
    argv = session.helm.command(*words[1:], "--dry-run=server") if live else words
    answer = session.shell.probe(argv, timeout=120)
    if not answer:
        raise UserError(f"helm template: {answer.err.strip()}", "correct the chart, then: invoke charts.lint")
    return answer.out


def _built(session: Session) -> tuple[Service, ...]:
    return services_of(session.settings, local_database=session.local_database)


def write(run: Run, folder: Path) -> Path:
    """Write the rendered manifests of an environment to `<folder>/<environment>.yaml`.

    Raises UserError where that is a person's own file, such as the values of an environment beside a chart.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--folder {folder}: is a file, not a folder", "name a folder; it is made where it is missing")
    file = folder / f"{run.session.settings.environment}.yaml"
    if folder != run.session.settings.root / FOLDER:
        refuse_foreign(file, SIGN, "--folder")
    objects = [_censored(item) for item in parsing.documents_from_yaml(render(run, live=False)) if item]
    write_whole(file, f"{SIGN}\n{yaml.safe_dump_all(objects, sort_keys=False)}")
    return file


def difference(live: str, rendered: str) -> str:
    """Return what an upgrade would change, object by object, as a unified diff; nothing where it would
    change nothing.
    """
    before, after = _objects(live), _objects(rendered)
    lines: list[str] = []
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name, []), after.get(name, [])
        lines += difflib.unified_diff(old, new, f"live {name}", f"upgrade {name}", lineterm="")
    return "\n".join(lines)


def _objects(text: str) -> dict[str, list[str]]:
    """Return kind/name → the object in one spelling, hooks left out: they are no part of a release's manifest."""
    found = {}
    for item in parsing.documents_from_yaml(text):
        if item and not is_hook(item):
            name = f"{item['kind']}/{item['metadata']['name']}"
            found[name] = yaml.safe_dump(_censored(item), sort_keys=True).splitlines()
    return found


def _censored(item: dict[str, Any]) -> dict[str, Any]:
    """Return a Secret with fingerprints for values: a change shows, the value does not."""
    if item["kind"] != "Secret":
        return item
    data = {
        key: f"*** {hashlib.sha256(str(value).encode()).hexdigest()[:8]}"
        for field in ("data", "stringData")
        for key, value in (item.get(field) or {}).items()
    }
    return {key: value for key, value in item.items() if key != "stringData"} | {"data": data}


def pending_changes(run: Run) -> str:
    """Return what a deploy would change on the live release now. Raises UserError if there is no release."""
    session, release = run.session, run.session.sized.release
    manifest = session.helm.manifest(release)
    if not manifest:
        raise UserError(f"there is no release {release.name} in {release.namespace}", "run: invoke pipeline")
    return difference(manifest, render(run, live=True))


def test(session: Session) -> None:
    """Run the release's own tests in the cluster. Raises CommandError with their logs if one fails."""
    release = session.settings.release
    argv = session.helm.command("test", release.name, "--namespace", release.namespace, "--logs", "--timeout", "120s")
    with hold_release_lock(session):
        session.shell.effect(argv, timeout=150)
