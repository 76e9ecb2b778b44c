"""A store with its admission, and the API in-process over it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from embedded.admission import plugins
from embedded.api.app import Api, build
from embedded.store import Store

NOW = 1_795_410_000.0


@pytest.fixture(autouse=True)
def closed_stores(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a test that leaves a store open: from Python 3.13 on, that is an error wherever it is found."""
    open_stores: set[Store] = set()
    opened, closed = Store.__init__, Store.close

    def open_(self: Store, *words: Any, **options: Any) -> None:
        opened(self, *words, **options)
        open_stores.add(self)

    def close(self: Store) -> None:
        closed(self)
        open_stores.discard(self)

    monkeypatch.setattr(Store, "__init__", open_)
    monkeypatch.setattr(Store, "close", close)
    yield
    assert not open_stores, "a store is left open: close it"


@pytest.fixture
def store() -> Iterator[Store]:
    """A store in memory with the namespace `demo`, its ServiceAccount, and a clock that stands still."""
    made = Store(clock=lambda: NOW, admission=plugins("10.96.7.0/24"))
    made.create("namespaces", {"metadata": {"name": "demo"}})
    made.create("serviceaccounts", {"metadata": {"name": "default", "namespace": "demo"}})
    yield made
    made.close()


@pytest.fixture
async def client(store: Store) -> AsyncIterator[TestClient]:
    """A client of the API over `store`."""
    async with TestClient(TestServer(build(Api(store)))) as made:
        yield made


@pytest.fixture
def pod() -> Callable[..., dict]:
    """Makes pods: `pod(name, **spec)`."""

    def make(name: str = "web", **spec: Any) -> dict:
        whole = {"containers": [{"name": "main", "image": "bb:1"}]} | spec
        return {"metadata": {"name": name, "namespace": "demo"}, "spec": whole}

    return make


@pytest.fixture
def deployment() -> Callable[..., dict]:
    """Makes Deployments: `deployment(name, **spec)`."""

    def make(name: str = "web", **spec: Any) -> dict:
        labels = {"app": name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "main", "image": "bb:1"}]}}
        whole = {"selector": {"matchLabels": labels}, "template": template} | spec
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": "demo"},
            "spec": whole,
        }

    return make
