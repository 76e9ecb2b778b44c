"""Watches over HTTP: initial lists, bookmarks, selectors, resumption."""

from __future__ import annotations

import asyncio
import json

from aiohttp import ClientResponse
from aiohttp.test_utils import TestClient

from embedded.store import Store

PATH = "/api/v1/namespaces/demo/configmaps"


async def event(answer: ClientResponse) -> tuple[str, str]:
    """Type and name of the next event."""
    line = json.loads(await asyncio.wait_for(answer.content.readline(), 300))
    return line["type"], line["object"]["metadata"].get("name", "")


def put(store: Store, name: str, **labels: str) -> dict:
    if store.get("configmaps", "demo", name) is None:
        return store.create("configmaps", {"metadata": {"name": name, "namespace": "demo", "labels": labels}})
    return store.modify("configmaps", "demo", name, lambda obj: obj["metadata"].update(labels=labels))


async def test_streaming_list(client: TestClient, store: Store) -> None:
    put(store, "a")
    query = "?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true"
    async with client.get(PATH + query) as answer:
        assert await event(answer) == ("ADDED", "a")
        mark = json.loads(await answer.content.readline())
        assert mark["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}
        assert mark["object"]["metadata"]["resourceVersion"] == str(store.revision)
        put(store, "b")
        assert await event(answer) == ("ADDED", "b")


async def test_objects_come_into_sight_and_go(client: TestClient, store: Store) -> None:
    async with client.get(PATH, params={"watch": "true", "labelSelector": "x=y"}) as answer:
        put(store, "a")
        put(store, "a", x="y")
        assert await event(answer) == ("ADDED", "a")
        put(store, "a", x="y", z="1")
        assert await event(answer) == ("MODIFIED", "a")
        put(store, "a", x="n")
        assert await event(answer) == ("DELETED", "a")


async def test_resumed_from_a_revision(client: TestClient, store: Store) -> None:
    since = put(store, "a")["metadata"]["resourceVersion"]
    put(store, "b")
    store.delete("configmaps", "demo", "a")
    async with client.get(PATH, params={"watch": "1", "resourceVersion": since}) as answer:
        assert [await event(answer) for _ in range(2)] == [("ADDED", "b"), ("DELETED", "a")]


async def test_ends_after_its_time(client: TestClient) -> None:
    async with client.get(PATH, params={"watch": "1", "timeoutSeconds": "1"}) as answer:
        assert await asyncio.wait_for(answer.content.read(), 300) == b""


async def test_rows_of_a_table(client: TestClient, store: Store) -> None:
    put(store, "a")
    headers = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}
    async with client.get(PATH, params={"watch": "1"}, headers=headers) as answer:
        first = json.loads(await answer.content.readline())["object"]
        put(store, "b")
        second = json.loads(await answer.content.readline())["object"]
    assert first["columnDefinitions"] and second["columnDefinitions"] == []
    assert second["rows"][0]["cells"][0] == "b"
