"""What the controllers make up for when they start: work that a crash left undone."""

from __future__ import annotations

import asyncio
import time

from embedded import events
from embedded.controllers.manager import Manager
from embedded.store import Store


async def run_shortly(store: Store) -> None:
    manager = Manager(store, dict)
    working = asyncio.create_task(manager.run())
    await asyncio.sleep(0.1)
    manager.stop()
    await working


async def test_what_lost_its_owner_while_nobody_looked_goes_and_what_has_one_stays() -> None:
    store = Store()
    store.create("namespaces", {"metadata": {"name": "demo"}})
    owner = store.create("configmaps", {"metadata": {"name": "owner", "namespace": "demo"}})
    for name, uid in (("kept", owner["metadata"]["uid"]), ("orphan", "gone")):
        reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner", "uid": uid}
        meta = {"name": name, "namespace": "demo", "ownerReferences": [reference]}
        store.create("configmaps", {"metadata": meta})
    await run_shortly(store)
    names = {item["metadata"]["name"] for item in store.list("configmaps", "demo")}
    assert {"owner", "kept"} <= names and "orphan" not in names
    store.close()


async def test_old_events_go() -> None:
    store = Store()
    space = store.create("namespaces", {"metadata": {"name": "demo"}})
    now = time.time()
    for reason, age in (("Old", events.KEEP_SECONDS + 5), ("New", 5)):
        events.record(store, space, "Normal", reason, "words", "test", now - age)
    await run_shortly(store)
    assert [event["reason"] for event in store.list("events")] == ["New"]
    store.close()
