"""Old images of the product's own are taken away, from the engine and from the nodes, once new ones are there.

What any revision, any proof of one or any pod asks for stays, so that every rollback finds its images. Where it cannot
be told, nothing is taken away.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import suppress

from scripts.context.ready import Ready
from scripts.context.run import Run
from scripts.errors import UserError
from scripts.host.shell import CommandError
from scripts.images import docker, made, pruning
from scripts.kube import objects
from scripts.pipeline.live import of_record
from scripts.secrets import proofs
from scripts.settings.model import Outcome

CONTAINERS = ("initContainers", "containers", "ephemeralContainers")


def prune(run: Run, ready: Ready, *, loaded: bool) -> Iterator[Outcome]:
    """Take away the old images, unless there are few and `loaded` says that no new one has come to the nodes."""
    repositories = sorted({image.repository for image in ready.plan.images})
    ours = made.known()
    have = pruning.own(engine_images(run, ready, repositories), repositories, ours)
    if run.dry or not (loaded or pruning.too_many(have)):
        return
    started = time.monotonic()
    try:
        needed = {image.ref for image in ready.plan.images} | pruning.newest_of_each(have) | asked_for(run)
    except UserError as problem:
        run.display.line(f"old images stay, as nobody can tell which are needed: {str(problem).splitlines()[0]}")
        return
    on_engine = pruning.unneeded(have, repositories, needed, ours)
    if on_engine:
        with suppress(CommandError):  # a container of another cluster is made of one: that one stays
            run.session.shell.effect([ready.client.binary, "image", "rm", *on_engine], timeout=300)
    try:
        on_nodes = run.session.cluster.prune(lambda refs: pruning.unneeded(refs, repositories, needed, ours))
    except UserError as problem:  # no reason to call a release that runs a failure
        run.display.line(f"old images stay on the nodes: {str(problem).splitlines()[0]}")
        on_nodes = 0
    if on_engine or on_nodes:
        text = f"{len(on_engine)} taken from the engine, {on_nodes} from the nodes"
        yield Outcome("load", "old images", "done", time.monotonic() - started, text)


def engine_images(run: Run, ready: Ready, repositories: list[str]) -> list[str]:
    """Return references of our images on the engine, the newest first, with a registry in front where they
    were pushed.
    """
    registry = run.session.settings.registry
    pushed = [f"{registry}/{name}" for name in repositories if registry]
    return docker.references(run.session.shell, ready.client, [*repositories, *pushed])


def asked_for(run: Run) -> set[str]:
    """Return images that revisions, proofs and pods ask for. Raises UserError where one of them cannot be read."""
    kubectl, namespace = run.session.kubectl, run.namespace
    helms = kubectl.items("secrets", namespace, "--selector", "owner=helm")
    records = [*helms, *proofs.records(kubectl, namespace)]
    found = {image for record in records for one in of_record(record) for image in one.images.values()}
    for item in kubectl.get("pods,replicasets", "--all-namespaces")["items"]:
        spec = (item if item["kind"] == "Pod" else objects.template(item))["spec"]
        found |= {one.get("image", "") for key in CONTAINERS for one in spec.get(key) or ()}
    return found
