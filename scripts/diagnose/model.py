"""Define the state that a diagnosis reads, symptoms, rules and findings. All is frozen; nothing asks a cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Object = Mapping[str, Any]
Logs = Mapping[tuple[str, str], tuple[str, ...]]  # (pod, container) → its last lines


@dataclass(frozen=True)
class Snapshot:
    """A snapshot of one namespace at the moment `taken`.

    `logs` are of the running containers, or of the dead ones that have not been started again; `previous_logs` are of
    the instance before. `services` are the workloads to speak about, all if empty. `command` is how a person calls
    kubectl on this cluster. `since` is when the change was made whose success is judged: what is older says nothing.
    `advancing` are the (pod, container)s whose programs said something new a short while ago. `elsewhere` are the pods
    of the whole cluster, where one of these finds no room beside them. `unseen` are the kinds that the account may not
    list.
    """

    namespace: str
    objects: Mapping[str, tuple[Object, ...]]
    taken: datetime
    logs: Logs = field(default_factory=dict)
    previous_logs: Logs = field(default_factory=dict)
    services: tuple[str, ...] = ()
    command: tuple[str, ...] = ("kubectl",)
    since: datetime | None = None
    advancing: frozenset[tuple[str, str]] = frozenset()
    elsewhere: tuple[Object, ...] = ()
    unseen: tuple[str, ...] = ()

    @classmethod
    def of(cls, items: Iterable[Object], namespace: str, taken: datetime, **rest: Any) -> Snapshot:
        """Return a state made of objects of any kind."""
        kinds: dict[str, list[Object]] = {}
        for item in items:
            kinds.setdefault(str(item.get("kind", "")), []).append(item)
        return cls(namespace, {kind: tuple(found) for kind, found in kinds.items()}, taken, **rest)

    def kind(self, name: str) -> tuple[Object, ...]:
        """Return the objects of a kind, for instance `Pod`."""
        return self.objects.get(name, ())


@dataclass(frozen=True)
class Symptom:
    """One thing in a state that is not as it should be, before anybody says what it means.

    `fields` are what rules match and what their texts quote. `seconds` is how long it has been so, `failures` how often
    a container ended badly. `recovering` says that it may yet go well by itself: the container runs again.
    `deadline_exceeded` says that the Deployment's own deadline is over. `dependencies` are the workloads it calls.
    `advancing` says that the program goes on saying new things: it may be slow, but it is not stuck. `leftovers` are
    what can be deleted (kind/name), since others have taken the place of what failed.
    """

    kind: str
    service: str
    object: str
    fields: Mapping[str, str]
    evidence: tuple[str, ...] = ()
    seconds: float = 0.0
    failures: int = 0
    recovering: bool = False
    deadline_exceeded: bool = False
    advancing: bool = False
    dependencies: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Alternative:
    """One way to recognise a problem: a symptom of this kind whose fields match all these patterns."""

    symptom: str
    match: Mapping[str, re.Pattern[str]]


@dataclass(frozen=True)
class Rule:
    """A problem of the catalogue: how it is recognised, what it means, what to do, and when waiting is in vain.

    `rank` is its place in the catalogue, causes before consequences. It is worth telling after `after` seconds, and
    terminal at once, after so many `failures`, or after so many `seconds`; None is never. Of the group that it
    `collects`, every value in a log counts.
    """

    id: str
    stage: str
    rank: int
    alternatives: tuple[Alternative, ...]
    title: str
    meaning: str
    remedy: str
    look: str
    after: float = 0.0
    at_once: bool = False
    failures: int | None = None
    seconds: float | None = None
    blames: str = ""
    patient: bool = False
    secondary: bool = False
    fallback: bool = False
    collects: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """A finding: what is wrong with a service, in words for a person; secrets are redacted.

    `terminal` says that waiting is in vain. `because` names the service whose own trouble explains this one. It is a
    warning where the service is `served` all the same: others have taken the place of what failed.
    """

    rule: str
    service: str
    object: str
    title: str
    meaning: str
    evidence: tuple[str, ...]
    remedy: str
    command: str
    terminal: bool
    rank: int
    because: str = ""
    served: bool = False


def rule_field(group: str) -> str:
    """Return the field that a group of a pattern fills: its name without the digit that tells it from its twins."""
    return group.rstrip("0123456789")


def moment(text: Any) -> datetime | None:
    """Return a time as Kubernetes writes it, or None."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
