"""Serves the kinds of the CustomResourceDefinitions in a store, from the moment they are there until they are gone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from embedded import kinds
from embedded.objects import custom
from embedded.objects.values import timestamp
from embedded.watch import Event

if TYPE_CHECKING:
    from embedded.store import Store


def attach(store: Store) -> None:
    """Serve what the store holds, and follow its changes. A process serves the definitions of one store at a time."""
    for definition in store.list(custom.RESOURCE):
        _serve(store, definition)
    store.on_event(lambda resource, event: _changed(store, event) if resource == custom.RESOURCE else None)


def detach(store: Store) -> None:
    """Serve none of the store's definitions any more."""
    for definition in store.list(custom.RESOURCE):
        kinds.forget(definition["metadata"]["name"])


def _changed(store: Store, event: Event) -> None:
    if event.type == "DELETED":
        kinds.forget(event.object["metadata"]["name"])
    elif event.old is None or event.old["spec"] != event.object["spec"]:
        _serve(store, event.object)


def _serve(store: Store, definition: dict[str, Any]) -> None:
    served, storage = custom.kinds_of(definition)
    kinds.define(served, storage)
    store.hold(storage.resource)
    status = custom.accepted(definition, timestamp(store.clock()))
    name = definition["metadata"]["name"]
    store.modify(custom.RESOURCE, "", name, lambda obj: obj.update(status=status), subresource="status")
