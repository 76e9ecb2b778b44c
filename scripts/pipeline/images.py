"""Images: build what is missing, name it for people, bring it to the nodes."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

from scripts.context.run import Run, ended, threads
from scripts.images import docker
from scripts.images.docker import BUILDKIT
from scripts.settings.model import Image, Outcome


def build(run: Run) -> Iterator[Outcome]:
    """Build the images that do not exist yet, side by side."""
    have = docker.image_ids(run.session.shell, run.client, [image.ref for image in run.plan.images])
    settings = run.session.settings
    services = {service.name: service for service in (*settings.services, settings.database)}
    missing = [image for image in run.plan.images if image.ref not in have]
    for image in run.plan.images:
        if image not in missing:
            yield Outcome("build", image.service, "unchanged", 0.0, image.tag)
    refs = {name: base.ref for name, base in run.bases.items()}

    def one(image: Image) -> Outcome:
        started = time.monotonic()
        run.display.waiting("build", image.service, "building")

        def show(line: str) -> None:
            step = _build_step(line)
            if step:
                run.display.waiting("build", image.service, step)

        run.session.shell.effect(
            run.client.build_command(services[image.service], image, refs),
            env=BUILDKIT,
            timeout=settings.timeouts.build,
            on_line=show,
        )
        return Outcome("build", image.service, "done", time.monotonic() - started, image.tag)

    with threads(run) as pool:
        yield from ended([pool.submit(one, image) for image in missing])


def tag(run: Run) -> Iterator[Outcome]:
    """Move the alias `latest`, which is for people: nothing is ever deployed by it."""
    shell = run.session.shell
    aliases = [f"{image.repository}:latest" for image in run.plan.images]
    ids = docker.image_ids(shell, run.client, [*aliases, *(image.ref for image in run.plan.images)])
    for image, alias in zip(run.plan.images, aliases, strict=True):
        if ids.get(alias) and ids.get(alias) == ids.get(image.ref):
            yield Outcome("tag", image.service, "unchanged", 0.0, alias)
        else:
            shell.effect([run.client.binary, "tag", image.ref, alias], timeout=60)
            yield Outcome("tag", image.service, "done", 0.0, alias)


def load(run: Run) -> Iterator[Outcome]:
    """Bring the images to the cluster's nodes."""
    yield from run.session.cluster.load(run.plan.images)


def _build_step(line: str) -> str:
    """The step that BuildKit's plain progress announces, as in `#12 [builder 3/5] RUN npm ci`; other lines are none."""
    match = re.match(r"#\d+ (\[(?!internal).*)", line)
    return match[1][:70] if match else ""
