"""What the controllers make up for when they start: work that a crash left undone."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from embedded import events
from embedded.admission import plugins
from embedded.controllers.manager import HEARING_SECONDS, Manager
from embedded.store import Store


async def run_until(store: Store, done: Callable[[], bool]) -> None:
    manager = Manager(store, dict)
    working = asyncio.create_task(manager.run())
    async with asyncio.timeout(60):
        while not done():  # noqa: ASYNC110 - the store is asked, not listened to
            await asyncio.sleep(0.01)
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

    def names() -> set[str]:
        return {item["metadata"]["name"] for item in store.list("configmaps", "demo")}

    await run_until(store, lambda: "orphan" not in names())
    assert {"owner", "kept"} <= names()
    store.close()


def test_a_quota_that_follows_a_deployment_in_its_manifest_bounds_its_first_pods() -> None:
    now = 1_800_000_000.0
    store = Store(clock=lambda: now, admission=plugins("10.96.7.0/24"))
    manager = Manager(store, dict, clock=lambda: now, hearing=HEARING_SECONDS)
    space = "demo"
    store.create("namespaces", {"metadata": {"name": space}})
    store.create("serviceaccounts", {"metadata": {"name": "default", "namespace": space}})
    manager.drain(now)
    main = {"name": "main", "image": "bb:1", "resources": {"requests": {"cpu": "100m"}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [main]}}
    spec = {"replicas": 3, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    store.create("deployments.apps", {"metadata": {"name": "web", "namespace": space}, "spec": spec})
    manager.drain(now)
    hard = {"hard": {"requests.cpu": "150m"}}
    store.create("resourcequotas", {"metadata": {"name": "q", "namespace": space}, "spec": hard})
    now += HEARING_SECONDS
    manager.drain(now)
    assert len(store.list("pods", space)) == 1
    store.close()


async def test_old_events_go() -> None:
    store = Store()
    space = store.create("namespaces", {"metadata": {"name": "demo"}})
    now = time.time()
    for reason, age in (("Old", events.KEEP_SECONDS + 5), ("New", 5)):
        events.record(store, space, "Normal", reason, "words", "test", now - age)
    await run_until(store, lambda: [event["reason"] for event in store.list("events")] == ["New"])
    store.close()
