"""A store with its controllers, on a clock that is set by hand: what the tests of controllers begin with."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self

from embedded.controllers.manager import Manager
from embedded.store import Admission, Store


class Controlled:
    """Store and controllers; nothing happens, and no time passes, but what a test asks for. Closed with its block."""

    def __init__(self, *namespaces: str, now: float = 1_800_000_000.0, admission: Sequence[Admission] = ()) -> None:
        self.now = now
        self.store = Store(clock=lambda: self.now, admission=admission)
        self.manager = Manager(self.store, dict, clock=lambda: self.now)
        for name in namespaces:
            self.store.create("namespaces", {"metadata": {"name": name}})

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def add_node(self, name: str, **allocatable: str) -> None:
        """Register a node that has room for so much."""
        self.store.create("nodes", {"metadata": {"name": name}})
        if allocatable:
            self.report("nodes", "", name, allocatable=allocatable)

    def report(self, resource: str, namespace: str, name: str, **status: Any) -> None:
        """Write fields of an object's status, as the one that is in charge of it does."""
        self.store.modify(
            resource, namespace, name, lambda obj: obj.setdefault("status", {}).update(status), subresource="status"
        )

    def settle(self) -> None:
        """Let the controllers do all that is due."""
        self.manager.drain(self.now)
