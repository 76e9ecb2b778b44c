"""Hold the release that facts and offline rules read: the live cluster, its recent past, and this repository."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scripts.ai.samples import Sample, Store, recent, take
from scripts.ai.types import Inputs
from scripts.host import parsing
from scripts.kube.kubectl import Kubectl
from scripts.kube.objects import is_owned, name_of
from scripts.settings.model import Settings

if TYPE_CHECKING:
    from scripts.diagnose import Finding, Snapshot

HOURS = 48.0  # of the past that count as the baseline


@dataclass(frozen=True)
class Section:
    """The answer of one rule: lines for people, `data` for programs, and what could be done.

    `urgency` is 0 for what is only worth knowing, up to 9 for what is broken. `commands` are for a shell.
    """

    title: str
    lines: tuple[str, ...]
    data: Any = None
    commands: tuple[str, ...] = ()
    manifest: str = ""
    urgency: int = 0

    def text(self) -> str:
        """Return it as a fact of a prompt."""
        block = ["", "```yaml", self.manifest.rstrip(), "```"] if self.manifest else []
        return "\n".join([*self.lines, *block, *(f"$ {command}" for command in self.commands)])


class LiveRelease:
    """The live release, looked at once; everything is asked for when it is first needed.

    `observe` seconds are spent on more samples first, for those who have no history yet.
    """

    def __init__(
        self, kubectl: Kubectl, settings: Settings, inputs: Inputs, store: Store | None = None, observe: float = 0.0
    ) -> None:
        self.kubectl = kubectl
        self.settings = settings
        self.namespace = settings.release.namespace
        self.inputs = inputs
        self.focus = ""  # the workload of a pod that is asked about; need not be one of the app's
        self._store = store
        self._observe = observe

    @cached_property
    def services(self) -> list[str]:
        """Return the workloads to speak of: the one that was asked for, else all of the app and what runs beside it."""
        if self.focus or self.inputs.get("service"):
            return [self.focus or self.deployment(self.inputs["service"])]
        beside = sorted(name for name in self.names if name not in self._numbered)
        return list(dict.fromkeys([*self.all_services, *beside]))

    @property
    def all_services(self) -> list[str]:
        """Return every Deployment that the settings know."""
        return [*(one.deployment or one.name for one in self.settings.services), self.settings.database.name]

    def deployment(self, service: str) -> str:
        """Return what a service is deployed as; a name that is no service's as it is."""
        return next((one.deployment or one.name for one in self.settings.services if one.name == service), service)

    def service(self, deployment: str) -> str:
        """Return the service that is deployed as this; empty if it is none of the app's."""
        own = {one.deployment or one.name: one.name for one in self.settings.services}
        return own.get(deployment, deployment if deployment == self.settings.database.name else "")

    @cached_property
    def names(self) -> frozenset[str]:
        """Return every workload of the namespace, and the pods that belong to none."""
        from scripts.diagnose.graph import ResourceGraph

        return ResourceGraph(self.state, self.state.taken).names

    @cached_property
    def _numbered(self) -> set[str]:
        """Return the Jobs that a CronJob makes, one after the other: they are told with it."""
        return {name_of(job) for job in self.state.kind("Job") if is_owned(job)}

    @cached_property
    def state(self) -> Snapshot:
        """Return the namespace as the diagnosis sees it."""
        from scripts import diagnose

        return diagnose.take_snapshot(self.kubectl, self.namespace)

    @cached_property
    def findings(self) -> list[Finding]:
        """Return the findings: what the rules say is wrong."""
        from scripts import diagnose

        names = [name for name in self.services if name in self.names or name != self.settings.database.name]
        state = self._about(names)
        return diagnose.diagnose(state, diagnose.read_rules(self.settings.root))

    @cached_property
    def samples(self) -> list[Sample]:
        """Return the recent past, with the present as the last sample."""
        pods = list(self.state.kind("Pod"))
        end = time.monotonic() + self._observe
        new = [take(self.kubectl, self.namespace, pods)]
        while time.monotonic() < end:
            time.sleep(min(5.0, max(0.0, end - time.monotonic())))
            new.append(take(self.kubectl, self.namespace, pods))
        found = new
        if store := self._store:
            with suppress(OSError):  # where nothing can be kept, the question is answered by what is seen now
                for sample in new:
                    found = store.add(sample)
        return recent(found, new[-1].at, HOURS)

    def objects(self, kinds: str) -> list[Mapping[str, Any]]:
        """Return objects of more kinds, those that can be had."""
        answer = self.kubectl.ask("get", kinds, "--namespace", self.namespace, "--output", "json")
        found: list[Mapping[str, Any]] = (
            parsing.from_json(answer.out)["items"] if answer.out.lstrip()[:1] == "{" else []
        )
        return found

    def command(self, *words: str) -> str:
        """Return a kubectl command for this cluster as a person pastes it."""
        from scripts.host.shell import render

        return render(["kubectl", *self.kubectl.command()[1:], *words, "--namespace", self.namespace])

    def _about(self, names: Sequence[str]) -> Snapshot:
        from dataclasses import replace

        return replace(self.state, services=tuple(names))
