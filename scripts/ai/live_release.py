"""What the facts and the offline rules look at: the live cluster, its recent past, and this repository."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from scripts.ai.model import Inputs
from scripts.ai.samples import Sample, Store, recent, take
from scripts.kube.kubectl import Kubectl
from scripts.settings.model import Settings

if TYPE_CHECKING:
    from scripts.diagnose import Finding, Snapshot

HOURS = 48.0  # of the past that count as the baseline


@dataclass(frozen=True)
class Section:
    """What one rule has to say: lines for people, `data` for programs, and what could be done.

    `urgency` is 0 for what is only worth knowing, up to 9 for what is broken. `commands` are for a shell.
    """

    title: str
    lines: tuple[str, ...]
    data: Any = None
    commands: tuple[str, ...] = ()
    manifest: str = ""
    urgency: int = 0

    def text(self) -> str:
        """As a fact of a prompt."""
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
        """The workloads to speak of: the one that was asked for, else all of the app and whatever runs beside it."""
        wanted = self.inputs.get("service", "") or self.focus
        if wanted:
            return [wanted]
        deployed = [str(item["metadata"]["name"]) for item in self.state.kind("Deployment")]
        return list(dict.fromkeys([*self.all_services, *deployed]))

    @property
    def all_services(self) -> list[str]:
        """Every Deployment that the settings know."""
        return [*(service.name for service in self.settings.services), self.settings.database.name]

    @cached_property
    def state(self) -> Snapshot:
        """The namespace as the diagnosis sees it."""
        from scripts import diagnose

        return diagnose.take_snapshot(self.kubectl, self.namespace)

    @cached_property
    def findings(self) -> list[Finding]:
        """What the rules say is wrong."""
        from scripts import diagnose

        deployed = {str(item["metadata"]["name"]) for item in self.state.kind("Deployment")}
        names = [name for name in self.services if name in deployed or name != self.settings.database.name]
        state = self._about(names)
        return diagnose.diagnose(state, diagnose.read_rules(self.settings.root))

    @cached_property
    def samples(self) -> list[Sample]:
        """The recent past, with the present as the last sample."""
        pods = list(self.state.kind("Pod"))
        end = time.monotonic() + self._observe
        new = [take(self.kubectl, self.namespace, pods)]
        while time.monotonic() < end:
            time.sleep(min(5.0, max(0.0, end - time.monotonic())))
            new.append(take(self.kubectl, self.namespace, pods))
        found = new
        if self._store:
            for sample in new:
                found = self._store.add(sample)
        return recent(found, new[-1].at, HOURS)

    def objects(self, kinds: str) -> list[Mapping[str, Any]]:
        """Objects of more kinds, those that can be had."""
        answer = self.kubectl.ask("get", kinds, "--namespace", self.namespace, "--output", "json")
        found: list[Mapping[str, Any]] = json.loads(answer.out)["items"] if answer.out.lstrip()[:1] == "{" else []
        return found

    def command(self, *words: str) -> str:
        """Return a kubectl command for this cluster as a person pastes it."""
        from scripts.host.shell import render

        return render(["kubectl", *self.kubectl.command()[1:], *words, "--namespace", self.namespace])

    def _about(self, names: Sequence[str]) -> Snapshot:
        from dataclasses import replace

        return replace(self.state, services=tuple(names))
