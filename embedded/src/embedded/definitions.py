"""Serves the kinds of the CustomResourceDefinitions in a store, from the moment they are there until they are gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from embedded import kinds
from embedded.objects import custom, selectors
from embedded.objects.values import timestamp
from embedded.watch import Event


class Store(Protocol):
    """The part of the store that this module needs; the store itself uses this module."""

    clock: Callable[[], float]

    def list(self, resource: str) -> list[dict[str, Any]]:
        """Return the objects of a kind."""

    def on_event(self, callback: Callable[[str, Event], None]) -> None:
        """Call `callback(resource, event)` after every commit."""

    def hold(self, resource: str) -> None:
        """Prepare to hold the objects of a custom kind."""

    def modify(
        self, resource: str, namespace: str, name: str, change: Callable[[dict[str, Any]], None], *, subresource: str
    ) -> object:
        """Change an object in place."""


def attach(store: Store) -> None:
    """Serve what the store holds, and follow its changes. A process serves the definitions of one store at a time."""
    for definition in store.list(custom.RESOURCE):
        _serve(store, definition)
    store.on_event(lambda resource, event: _changed(store, event) if resource == custom.RESOURCE else None)


def detach(store: Store) -> None:
    """Serve none of the store's definitions any more."""
    for definition in store.list(custom.RESOURCE):
        _forget(definition["metadata"]["name"])


def _forget(resource: str) -> None:
    kinds.forget(resource)
    selectors.FIELDS.pop(resource, None)


def _changed(store: Store, event: Event) -> None:
    if event.type == "DELETED":
        _forget(event.object["metadata"]["name"])
        for other in store.list(custom.RESOURCE):  # one that waits for a name may have it now
            if not custom.is_established(other):
                _serve(store, other)
    elif event.old is None or event.old["spec"] != event.object["spec"]:
        _serve(store, event.object)


def _serve(store: Store, definition: dict[str, Any]) -> None:
    name, now = definition["metadata"]["name"], timestamp(store.clock())
    others = (one for one in store.list(custom.RESOURCE) if one["metadata"]["name"] != name)
    if taken := custom.conflicts(definition, others):
        status = custom.refused(definition, taken, now)
    else:
        served, storage = custom.kinds_of(definition)
        kinds.define(served, storage)
        selectors.FIELDS[storage.resource] = custom.selectable(definition)
        store.hold(storage.resource)
        status = custom.accepted(definition, now)
    store.modify(custom.RESOURCE, "", name, lambda obj: obj.update(status=status), subresource="status")
