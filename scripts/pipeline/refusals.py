"""Values that a chart or the cluster's API server refuses, told before minutes are spent on images for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from scripts.context.run import Run
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.shell import CommandError, Result
from scripts.images import plan
from scripts.kube import releases, room, schemas
from scripts.kube.helm import template_argv
from scripts.kube.workloads import documents
from scripts.pipeline import deploy, live
from scripts.secrets.versions import VALUE
from scripts.settings.model import Plan, Release
from scripts.settings.reading import overlay

SCHEMA = "values don't meet the specifications of the schema"  # helm's words
# Of all that a dry run may come to, what no other moment and no other order of objects would change.
FINAL = re.compile(r" is invalid: |\(BadRequest\)|strict decoding error|failed to create typed patch object")
DRY_RUN = ("apply", "--server-side", "--force-conflicts", "--dry-run=server", "--field-manager=helm")


def refuse_values(run: Run, planned: Plan) -> None:
    """Raise CommandError for values that a chart refuses, or for an object of theirs that the API server refuses.

    A release whose chart and values are those that it runs with, but for its images, is asked nothing. A chart of
    somebody's own may need a cluster to be rendered: there only what its schema refuses counts. In a dry run, which
    asks no server, Kubernetes' own schemas judge; before helm was fetched, nobody does.

    Raises UserError for what those refuse.
    """
    if run.dry and not run.session.tools["helm"].is_file():
        return
    settings = run.session.settings
    new: list[dict[str, Any]] = []
    for release in planned.releases:
        values = deploy.release_values(planned, release, settings, {})
        if not run.dry and _is_deployed(run, release, values):
            continue
        file = deploy.write_values(settings, release, values)
        argv = template_argv(run.session.tools["helm"], release, (*release.values, file), "--no-hooks")
        answer = run.session.shell.probe(argv, timeout=120)
        if not answer:
            if release.has_library or SCHEMA in answer.err:
                raise CommandError(argv, answer)
        elif run.dry:
            _judge(release, answer.out)
        else:
            _ask_server(run, release, answer.out)
            if not live.histories(run.session).get(release.name):
                new += documents(answer.out)
    if planned.target != "context":  # whose nodes may become more
        _refuse_crowded(run, new)


def _refuse_crowded(run: Run, manifest: list[dict[str, Any]]) -> None:
    """Raise UserError where what is installed anew asks for more than the nodes have left, since other releases of this
    product hold the rest. Whatever else fills them may go by itself.
    """
    wanted = {resource: amount for resource in room.RESOURCES if (amount := room.wanted(manifest, resource))}
    if not wanted:
        return
    kubectl = run.session.kubectl
    nodes: list[Any] = []
    with suppress(UserError):  # not everybody may list them
        nodes, pods = kubectl.get("nodes")["items"], kubectl.get("pods", "--all-namespaces")["items"]
    for resource, amount in wanted.items() if nodes else ():
        left = room.left(nodes, pods, resource)
        others = room.holders(pods, resource, run.namespace)
        if amount > left and others:
            text = f"its pods ask for {room.shown(resource, amount)} {resource}, and the cluster has"
            raise UserError(
                f"{text} {room.shown(resource, left)} left: other releases hold the rest",
                f"{room.stopping(others, kubectl.command())}, ask for less (resources in its app's file), or give the"
                " cluster more; then go on: ./run invoke pipeline",
            )


def _is_deployed(run: Run, release: Release, values: Mapping[str, Any]) -> bool:
    """Return whether the release runs with this chart and these values, whatever images it has."""
    history = live.histories(run.session).get(release.name, [])
    if not history or history[-1].status != "deployed":
        return False
    record = live.record_of(run.session, {release.name: history[-1].number})[release.name]
    given = releases.contents(record).get("config") or {}
    return history[-1].inputs == plan.inputs_digest(release, _as_given(values, given))


def _as_given(values: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return generated values as a revision was given them, its Secrets' versions included."""
    found = _same_places(values, given)
    held = (given.get("global") or {}).get(VALUE)
    return overlay(found, {"global": {VALUE: held}}) if held else found


def _same_places(values: Mapping[str, Any], given: Any) -> dict[str, Any]:
    held = given if isinstance(given, Mapping) else {}
    return {
        name: _same_places(part, held.get(name)) if isinstance(part, Mapping) else held.get(name)
        for name, part in values.items()
    }


def _judge(release: Release, manifest: str) -> None:
    """Hold the objects against the schemas of Kubernetes. Raises UserError with all that they refuse."""
    if wrong := schemas.problems(parsing.documents_from_yaml(manifest)):
        text = "\n".join([f"release {release.name}: the API server would refuse what its values make:", *wrong])
        raise UserError(text, "correct the values or the chart, then: invoke charts.lint")


def _ask_server(run: Run, release: Release, manifest: str) -> None:
    """Have the API server judge the objects, without keeping any. What it cannot tell yet is no refusal."""
    kubectl = run.session.kubectl
    argv = kubectl.command(*DRY_RUN, "--namespace", release.namespace, "--filename", "-")
    answer = kubectl.shell.probe(argv, stdin=manifest, timeout=120)
    if refused := "\n".join(final_refusals(answer.err)):
        raise CommandError(argv, Result(answer.code, "", refused))


def final_refusals(said: str) -> Iterator[str]:
    """Yield the lines in which kubectl tells of objects that are wrong in themselves, with the points below them."""
    telling = False
    for line in said.splitlines():
        telling = bool(FINAL.search(line)) or (telling and line.startswith("* "))
        if telling:
            yield line
