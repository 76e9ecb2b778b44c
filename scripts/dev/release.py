"""The release with its services to be worked on: built, loaded and deployed, each in its `dev` stage."""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from scripts.context.ready import Ready, make_plan
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.dev import service, sources, tree
from scripts.dev.pods import Pod, of_object
from scripts.dev.screen import Screen
from scripts.dev.service import LABEL, DevService
from scripts.dev.sources import Source
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.host.paths import generated_folder
from scripts.pipeline.deploy import deploy
from scripts.pipeline.images import build, load
from scripts.pipeline.live import Live
from scripts.pipeline.prepare import prepare
from scripts.settings import values
from scripts.settings.model import Outcome, Plan, Settings
from scripts.settings.reading import overlay

Returned = TypeVar("Returned")


class DevRelease:
    """The release of one session. `names` are the services to be worked on.

    `images` holds what is in their images, `labels` which service a pod's label names; `touched` says whether a deploy
    has begun.
    """

    def __init__(self, session: Session, names: Sequence[str], screen: Screen, *, may_install: bool) -> None:
        self._session = session
        self._names = tuple(names)
        self._screen = screen
        self._may_install = may_install
        self._up = False
        self.images: dict[str, tree.Tree] = {}
        self.labels = {one.label or one.name: one.name for one in session.settings.services}
        self.touched = False

    def bring_up(self, settings: Settings) -> tuple[dict[str, Source], Live, Run]:
        """Build what changed and deploy it all. Returns the sources that it was built of, and what to wait for.

        Raises UserError with the cause where that fails.
        """
        staged = replace(
            settings,
            services=tuple(
                service.with_dev_stage(one) if one.name in self._names else one for one in settings.services
            ),
        )
        mine = {one.name: one for one in staged.services if one.name in self._names}
        for one in mine.values():
            service.sync_rules(one)  # a rule that is wrong is told before anything is built
        first = self._run_of(staged)
        held = self._images_worked_on()
        # Before the images are planned: what is saved from here on differs from this, and is synced afterwards.
        entries = {name: sources.entries_of(one) for name, one in mine.items()}
        ready = self._stage("prepare", prepare(first))
        self._stage("build", build(first, ready))
        self._stage("load", load(first, ready))
        working = {
            name: service.dev_service(one, self._argv(ready, name), staged.release) for name, one in mine.items()
        }
        file = _write_values(working.values(), staged)
        release = replace(staged.release, values=(*staged.release.values, file), labels={"dev": "true"})
        second = self._run_of(replace(staged, release=release))
        # Of the images that were built: what was saved meanwhile would make others, which nobody has.
        ready = Ready(ready.client, ready.bases, make_plan(second, ready.bases, ready.plan.images))
        found = {name: Source(one, entries[name], tree.wanted(entries[name].values(), one.rules))
                 for name, one in working.items()}  # fmt: skip
        for name, source in found.items():
            self.images[ready.plan.deployed(ready.plan.image(name))] = source.wanted
        self.touched = True
        deployed = self._stage("deploy", deploy(second, ready))
        self._replace_left_pods(settings, ready.plan, held)
        self._up = True
        return found, deployed, second

    def restart(self, settings: Settings, names: Iterable[str]) -> None:
        """Replace the pods of services, as they are deployed now."""
        services = {one.name: one for one in settings.services}
        words = [f"deployment/{services[name].deployment}" for name in names]
        self._session.kubectl.effect("rollout", "restart", *words, "--namespace", settings.release.namespace)

    def show(self, outcomes: Generator[Outcome, None, Returned]) -> Returned:
        """Show the outcomes of a stage, and return what the stage returns."""
        while True:
            try:
                self._screen.outcome(next(outcomes))
            except StopIteration as end:
                returned: Returned = end.value
                return returned

    def _stage(self, name: str, outcomes: Generator[Outcome, None, Returned]) -> Returned:
        self._screen.begin(name)
        return self.show(outcomes)

    def _replace_left_pods(self, settings: Settings, plan: Plan, held: Mapping[str, str]) -> None:
        """Replace pods that an earlier session has left: what was synced into them is not known."""
        if self._up:
            return
        names = [name for name in self._names if held.get(name) == plan.deployed(plan.image(name))]
        if names:
            self._screen.line(f"an earlier session has left pods of {', '.join(names)}: they are replaced")
            self.restart(settings, names)

    def _images_worked_on(self) -> dict[str, str]:
        """Return the image of the pods that are worked on now, by service, where there is a cluster already."""
        if self._up:
            return {}
        try:
            pods = self._session.kubectl.items("pods", self._session.settings.release.namespace, "--selector", LABEL)
        except UserError:
            return {}  # the cluster is not up yet: bringing it up comes next, and says why if it cannot be
        found: list[Pod] = [pod for item in pods if (pod := of_object(item, self.labels)) is not None]
        return {pod.service: pod.image for pod in found}

    def _run_of(self, settings: Settings) -> Run:
        return Run(self._session.with_settings(settings), self._screen, may_install=self._may_install)

    def _argv(self, ready: Ready, name: str) -> list[str]:
        """Return what the image of a service starts."""
        ref = ready.plan.image(name).ref
        argv = [str(ready.client.binary), "image", "inspect", "--format", "{{json .Config}}", ref]
        answer = self._session.shell.probe(argv)
        if not answer:
            raise UserError(f"{ref} cannot be inspected: {answer.err.strip()}", "see: invoke doctor")
        config = parsing.from_json(answer.out) or {}
        return [*(config.get("Entrypoint") or ()), *(config.get("Cmd") or ())]


def _write_values(services: Iterable[DevService], settings: Settings) -> Path:
    """Write the values that let services be worked on to a file that helm reads, and return it."""
    release = settings.release
    current = values.merged(settings, release)
    laid: dict[str, Any] = {}
    for one in services:
        if place := service.place(release, one.name):
            given = service.values(one, values.at(current, place))
            laid = overlay(laid, values.nested(place, given))
    target = generated_folder(settings.root) / f"{release.name}.dev.yaml"
    write_whole(target, json.dumps(laid, indent=2) + "\n")
    return target
