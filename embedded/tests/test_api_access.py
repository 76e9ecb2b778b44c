"""RBAC for those whom the administrator impersonates."""

from __future__ import annotations

import pytest
from aiohttp.test_utils import TestClient

from embedded.api import access
from embedded.store import Store

ROLE = {
    "metadata": {"name": "reader", "namespace": "demo"},
    "rules": [
        {"verbs": ["get", "list"], "apiGroups": [""], "resources": ["pods", "pods/log"]},
        {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["one"]},
    ],
}
BINDING = {
    "metadata": {"name": "reader", "namespace": "demo"},
    "roleRef": {"kind": "Role", "name": "reader", "apiGroup": access.RBAC},
    "subjects": [
        {"kind": "User", "name": "bob", "apiGroup": access.RBAC},
        {"kind": "ServiceAccount", "name": "agent", "namespace": "demo"},
    ],
}


@pytest.fixture(autouse=True)
def bound(store: Store) -> None:
    """bob and the account `agent` may read pods of `demo`, their logs, and one secret."""
    store.create(f"roles.{access.RBAC}", ROLE)
    store.create(f"rolebindings.{access.RBAC}", BINDING)


@pytest.mark.parametrize(
    ("name", "verb", "resource", "namespace", "more", "expected"),
    [
        ("bob", "list", "pods", "demo", {}, True),
        ("system:serviceaccount:demo:agent", "get", "pods", "demo", {"subresource": "log"}, True),
        ("bob", "list", "pods", "", {}, False),
        ("bob", "delete", "pods", "demo", {}, False),
        ("bob", "get", "pods", "demo", {"subresource": "exec"}, False),
        ("bob", "get", "secrets", "demo", {"name": "one"}, True),
        ("bob", "get", "secrets", "demo", {"name": "two"}, False),
        ("eve", "get", "pods", "demo", {}, False),
    ],
)
def test_rules(store: Store, name: str, verb: str, resource: str, namespace: str, more: dict, expected: bool) -> None:
    attributes = {"verb": verb, "group": "", "resource": resource, "namespace": namespace} | more
    assert access.allowed(store, access.user(name, []), attributes) is expected


async def test_impersonated_requests_are_held_to_them(client: TestClient) -> None:
    bob = {"Impersonate-User": "bob"}
    assert (await client.get("/api/v1/namespaces/demo/pods", headers=bob)).status == 200
    refused = await client.get("/api/v1/namespaces/demo/configmaps", headers=bob)
    assert refused.status == 403
    assert (await refused.json())["message"] == (
        'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "demo"'
    )
    review = {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods", "namespace": "demo"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    answer = await (await client.post(path, json=review, headers=bob)).json()
    assert answer["status"] == {"allowed": False}
