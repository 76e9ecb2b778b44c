"""The verbs over HTTP: pages, selectors, patches, deletion, refusals, and the words of each."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp.test_utils import TestClient

from embedded.store import Store

BASE = "/api/v1/namespaces/demo"
APPS = "/apis/apps/v1/namespaces/demo"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


async def body(answer: Any, status: int = 200) -> dict:
    """The body of an answer of that status."""
    found = await answer.json()
    assert answer.status == status, found
    return found


def config(store: Store, *names: str, labels: dict | None = None) -> None:
    for name in names:
        store.create("configmaps", {"metadata": {"name": name, "namespace": "demo", "labels": labels or {}}})


async def test_pages(client: TestClient, store: Store) -> None:
    config(store, *"abcde")
    seen, token = [], ""
    while True:
        page = await body(await client.get(f"{BASE}/configmaps", params={"limit": "2", "continue": token}))
        seen += [item["metadata"]["name"] for item in page["items"]]
        token = page["metadata"].get("continue", "")
        if not token:
            break
        assert page["metadata"]["remainingItemCount"] == 5 - len(seen)
    assert seen == list("abcde")


async def test_a_body_that_does_not_say_what_it_is_is_json(client: TestClient) -> None:
    """`kubectl create --raw` sends none of the headers that its other commands do."""
    text = json.dumps({"metadata": {"name": "a"}}).encode()
    sent = client.post(f"{BASE}/configmaps", data=text, skip_auto_headers=["Content-Type"])
    assert (await body(await sent, 201))["metadata"]["name"] == "a"
    await body(await client.post(f"{BASE}/configmaps", data=text, headers={"Content-Type": "text/plain"}), 415)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("tier=web", ["a"]),
        ("tier!=web", ["b", "c"]),
        ("tier in (web,db)", ["a", "b"]),
        ("tier notin (web)", ["b", "c"]),
        ("tier", ["a", "b"]),
        ("!tier", ["c"]),
        ("tier,tier!=web", ["b"]),
    ],
)
async def test_label_selectors(client: TestClient, store: Store, selector: str, names: list[str]) -> None:
    config(store, "a", labels={"tier": "web"})
    config(store, "b", labels={"tier": "db"})
    config(store, "c")
    found = await body(await client.get(f"{BASE}/configmaps", params={"labelSelector": selector}))
    assert [item["metadata"]["name"] for item in found["items"]] == names


async def test_field_selectors(client: TestClient, store: Store, pod: Callable[..., dict]) -> None:
    store.create("pods", pod("a"))
    store.create("pods", pod("b"))
    store.modify("pods", "demo", "b", lambda obj: obj["status"].update(phase="Running"), subresource="status")
    found = await body(await client.get(f"{BASE}/pods", params={"fieldSelector": "status.phase!=Running"}))
    assert [item["metadata"]["name"] for item in found["items"]] == ["a"]
    refused = await body(await client.get(f"{BASE}/pods", params={"fieldSelector": "spec.x=1"}), 400)
    assert refused["message"] == "field label not supported: spec.x"


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/api/v1/namespaces/demo/replicationcontrollers", 405),
        ("GET", "/apis/apps/v1/namespaces/demo/widgets", 404),
        ("GET", "/api/v1/namespaces/demo/pods/x/portforward", 404),
        ("PUT", "/api/v1/namespaces/demo/pods", 405),
        ("POST", "/version", 405),
    ],
)
async def test_what_is_not_served(client: TestClient, method: str, path: str, status: int) -> None:
    found = await body(await client.request(method, path, json={}), status)
    assert found["kind"] == "Status"


async def test_unknown_field_by_validation(client: TestClient, deployment: Callable[..., dict]) -> None:
    wrong = deployment(typo=1)
    refused = await body(await client.post(f"{APPS}/deployments?fieldValidation=Strict", json=wrong), 400)
    assert refused["message"] == (
        'Deployment in version "v1" cannot be handled as a Deployment: strict decoding error: unknown field "spec.typo"'
    )
    warned = await client.post(f"{APPS}/deployments", json=wrong)
    assert warned.status == 201
    assert warned.headers["Warning"] == '299 - "unknown field \\"spec.typo\\""'
    assert "typo" not in (await warned.json())["spec"]


async def test_duplicate_field(client: TestClient) -> None:
    text = '{"metadata":{"name":"c"},"data":{"a":"1","a":"2"}}'
    headers = {"Content-Type": "application/json"}
    refused = await body(
        await client.post(f"{BASE}/configmaps?fieldValidation=Strict", data=text, headers=headers), 400
    )
    assert 'duplicate field "a"' in refused["message"]


async def test_wrong_type(client: TestClient, deployment: Callable[..., dict]) -> None:
    refused = await body(await client.post(f"{APPS}/deployments", json=deployment(replicas="two")), 400)
    assert "json: cannot unmarshal string into Go struct field" in refused["message"]
    assert "of type int32" in refused["message"]


async def test_quantities_are_canonical(client: TestClient, deployment: Callable[..., dict]) -> None:
    wanted = deployment()
    container = wanted["spec"]["template"]["spec"]["containers"][0]
    container["resources"] = {"limits": {"cpu": 0.5, "memory": "1024Mi"}}
    made = await body(await client.post(f"{APPS}/deployments", json=wanted), 201)
    limits = made["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]
    assert limits == {"cpu": "500m", "memory": "1Gi"}
    container["resources"] = {"limits": {"cpu": "much"}}
    assert (
        "quantities must match" in (await body(await client.post(f"{APPS}/deployments", json=wanted), 400))["message"]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"replicas": -1}, "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
        (
            {"selector": {"matchLabels": {"app": "other"}}},
            'spec.template.metadata.labels: Invalid value: {"app":"web"}: `selector` does not match template `labels`',
        ),
        (
            {"strategy": {"type": "Sometimes"}},
            'spec.strategy.type: Unsupported value: "Sometimes": supported values: "Recreate", "RollingUpdate"',
        ),
    ],
)
async def test_invalid_values(client: TestClient, deployment: Callable[..., dict], change: dict, message: str) -> None:
    refused = await body(await client.post(f"{APPS}/deployments", json=deployment(**change)), 422)
    assert refused["message"] == f'Deployment.apps "web" is invalid: {message}'
    assert refused["details"]["causes"][0]["field"] == message.partition(":")[0]


async def test_selector_of_a_deployment_is_fixed(client: TestClient, deployment: Callable[..., dict]) -> None:
    made = await body(await client.post(f"{APPS}/deployments", json=deployment()), 201)
    made["spec"]["selector"] = {"matchLabels": {"app": "web", "b": "c"}}
    made["spec"]["template"]["metadata"]["labels"]["b"] = "c"
    refused = await body(await client.put(f"{APPS}/deployments/web", json=made), 422)
    assert refused["message"].endswith(
        'spec.selector: Invalid value: {"matchLabels":{"app":"web","b":"c"}}: field is immutable'
    )


@pytest.mark.parametrize(
    ("content_type", "patch"),
    [
        ("application/json-patch+json", [{"op": "replace", "path": "/spec/replicas", "value": 5}]),
        ("application/merge-patch+json", {"spec": {"replicas": 5}}),
        ("application/strategic-merge-patch+json", {"spec": {"replicas": 5}}),
    ],
)
async def test_patches(client: TestClient, deployment: Callable[..., dict], content_type: str, patch: object) -> None:
    await body(await client.post(f"{APPS}/deployments", json=deployment()), 201)
    headers = {"Content-Type": content_type}
    changed = await client.patch(f"{APPS}/deployments/web", data=json.dumps(patch), headers=headers)
    assert (await body(changed))["spec"]["replicas"] == 5


async def test_strategic_merge_goes_by_keys(client: TestClient, deployment: Callable[..., dict]) -> None:
    await body(await client.post(f"{APPS}/deployments", json=deployment()), 201)
    headers = {"Content-Type": "application/strategic-merge-patch+json"}

    async def change(containers: list[dict]) -> list[dict]:
        patch = json.dumps({"spec": {"template": {"spec": {"containers": containers}}}})
        found = await body(await client.patch(f"{APPS}/deployments/web", data=patch, headers=headers))
        return found["spec"]["template"]["spec"]["containers"]

    first, second = await change([{"name": "side", "image": "bb:2"}])
    assert (first["name"], second["name"]) == ("side", "main") or (first["name"], second["name"]) == ("main", "side")
    only = await change([{"name": "side", "$patch": "delete"}, {"name": "main", "env": [{"name": "A", "value": "b"}]}])
    assert [(c["name"], c["image"], c["env"]) for c in only] == [("main", "bb:1", [{"name": "A", "value": "b"}])]


async def test_unknown_patch_type(client: TestClient, store: Store) -> None:
    config(store, "a")
    assert (await client.patch(f"{BASE}/configmaps/a", data="{}", headers={"Content-Type": "text/plain"})).status == 415


async def test_delete_answers_with_a_status(client: TestClient, store: Store) -> None:
    config(store, "a")
    found = await body(await client.delete(f"{BASE}/configmaps/a"))
    assert (found["kind"], found["status"], found["details"]["name"]) == ("Status", "Success", "a")
    gone = await body(await client.delete(f"{BASE}/configmaps/a"), 404)
    assert gone["message"] == 'configmaps "a" not found'


async def test_delete_collection(client: TestClient, store: Store) -> None:
    config(store, "a", labels={"x": "y"})
    config(store, "b")
    await body(await client.delete(f"{BASE}/configmaps", params={"labelSelector": "x=y"}))
    assert [obj["metadata"]["name"] for obj in store.list("configmaps", "demo")] == ["b"]


async def test_scale(client: TestClient, deployment: Callable[..., dict]) -> None:
    await body(await client.post(f"{APPS}/deployments", json=deployment()), 201)
    scale = await body(await client.get(f"{APPS}/deployments/web/scale"))
    assert (scale["spec"], scale["status"]["selector"]) == ({"replicas": 1}, "app=web")
    scale["spec"]["replicas"] = 4
    await body(await client.put(f"{APPS}/deployments/web/scale", json=scale))
    found = await body(await client.get(f"{APPS}/deployments/web"))
    assert found["spec"]["replicas"] == 4
    assert found["metadata"]["managedFields"][-1]["subresource"] == "scale"


async def test_binding(client: TestClient, store: Store, pod: Callable[..., dict]) -> None:
    store.create("pods", pod())
    target = {"metadata": {"name": "web"}, "target": {"kind": "Node", "name": "n1"}}
    await body(await client.post(f"{BASE}/pods/web/binding", json=target), 201)
    assert store.get("pods", "demo", "web")["spec"]["nodeName"] == "n1"
    again = await body(await client.post(f"{BASE}/pods/web/binding", json=target), 409)
    assert "already assigned to node" in again["message"]


async def test_a_dry_run_of_an_eviction_evicts_nobody(
    client: TestClient, store: Store, pod: Callable[..., dict]
) -> None:
    """`kubectl drain --dry-run=server` says so in the body, and asks for one pod after the other."""
    pods = [pod(name, restartPolicy="Always") for name in ("a", "b")]
    for one in pods:
        one["metadata"]["labels"] = {"app": "web"}
        store.create("pods", one)
    budget = {"metadata": {"name": "web", "namespace": "demo"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}}
    store.create("poddisruptionbudgets.policy", budget)
    allowed = {"disruptionsAllowed": 1}
    store.modify(
        "poddisruptionbudgets.policy", "demo", "web", lambda obj: obj.update(status=allowed), subresource="status"
    )
    for name in ("a", "b"):
        eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": name}}
        tried = eviction | {"deleteOptions": {"dryRun": ["All"]}}
        await body(await client.post(f"{BASE}/pods/{name}/eviction", json=tried), 201)
    assert [one["metadata"]["name"] for one in store.list("pods", "demo")] == ["a", "b"]
    assert not any(one["metadata"].get("deletionTimestamp") for one in store.list("pods", "demo"))


async def test_eviction_asks_the_budget(client: TestClient, store: Store, pod: Callable[..., dict]) -> None:
    made = pod()
    made["metadata"]["labels"] = {"app": "web"}
    store.create("pods", made)
    budget = {"metadata": {"name": "b", "namespace": "demo"}, "spec": {"selector": {"matchLabels": {"app": "web"}}}}
    store.create("poddisruptionbudgets.policy", budget)
    eviction = {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": "web"}}
    refused = await body(await client.post(f"{BASE}/pods/web/eviction", json=eviction), 429)
    assert refused["message"] == "Cannot evict pod as it would violate the pod's disruption budget."

    def allow(obj: dict) -> None:
        obj["status"]["disruptionsAllowed"] = 1

    store.modify("poddisruptionbudgets.policy", "demo", "b", allow, subresource="status")
    await body(await client.post(f"{BASE}/pods/web/eviction", json=eviction), 201)
    assert store.get("pods", "demo", "web") is None
    assert store.get("poddisruptionbudgets.policy", "demo", "b")["status"]["disruptionsAllowed"] == 0


async def test_table(client: TestClient, deployment: Callable[..., dict]) -> None:
    await body(await client.post(f"{APPS}/deployments", json=deployment()), 201)
    table = await body(await client.get(f"{APPS}/deployments", headers={"Accept": TABLE}))
    assert [column["name"] for column in table["columnDefinitions"]][:4] == ["Name", "Ready", "Up-to-date", "Available"]
    assert table["rows"][0]["cells"][:4] == ["web", "0/1", 0, 0]


async def test_metadata_alone(client: TestClient, store: Store) -> None:
    config(store, "a")
    accept = {"Accept": "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io,application/json"}
    found = await body(await client.get(f"{BASE}/configmaps/a", headers=accept))
    assert (found["kind"], sorted(found)) == ("PartialObjectMetadata", ["apiVersion", "kind", "metadata"])


async def test_dry_run(client: TestClient, store: Store, deployment: Callable[..., dict]) -> None:
    await body(await client.post(f"{APPS}/deployments?dryRun=All", json=deployment()), 201)
    assert store.list("deployments.apps") == []


async def test_access_reviews(client: TestClient) -> None:
    review = {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods"}}}
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    assert (await body(await client.post(path, json=review), 201))["status"] == {"allowed": True}


async def test_what_was_read_is_not_made_anew_with_its_old_version(client: TestClient, store: Store) -> None:
    """As `kubectl get -o yaml` and `kubectl create -f` after a delete would: a real server refuses it."""
    config(store, "a")
    read = await body(await client.get(f"{BASE}/configmaps/a"))
    await client.delete(f"{BASE}/configmaps/a")
    refused = await body(await client.post(f"{BASE}/configmaps", json=read), 500)
    assert refused["message"] == "resourceVersion should not be set on objects to be created"
    read["metadata"].pop("resourceVersion")
    await body(await client.post(f"{BASE}/configmaps", json=read), 201)


async def test_a_state_that_is_not_reached_yet_is_answered_as_late(client: TestClient, store: Store) -> None:
    config(store, "a")
    for path in ("configmaps", "configmaps/a"):
        late = await body(await client.get(f"{BASE}/{path}", params={"resourceVersion": "999999"}), 504)
        assert late["message"] == f"Timeout: Too large resource version: 999999, current: {store.revision}"
        assert late["reason"] == "Timeout" and late["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
        await body(await client.get(f"{BASE}/{path}", params={"resourceVersion": str(store.revision)}))
    for watch in ("0", "1"):
        await body(await client.get(f"{BASE}/configmaps", params={"resourceVersion": "x1", "watch": watch}), 400)


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("resourceVersionMatch=Exact", "is forbidden unless resourceVersion is provided"),
        ("resourceVersionMatch=Exact&resourceVersion=0", 'is forbidden for resourceVersion "0"'),
        ("resourceVersionMatch=Newest&resourceVersion=1", 'supported values: "Exact", "NotOlderThan"'),
    ],
)
async def test_a_list_is_matched_by_a_version_that_it_names(client: TestClient, query: str, said: str) -> None:
    refused = await body(await client.get(f"/api/v1/namespaces/demo/configmaps?{query}"), 422)
    assert said in refused["message"]


async def test_a_limit_below_nothing_is_none(client: TestClient, store: Store) -> None:
    config(store, "a", "b")
    found = await body(await client.get("/api/v1/namespaces/demo/configmaps?limit=-1"))
    assert len(found["items"]) == 2 and "continue" not in found["metadata"]


async def test_a_field_that_is_not_set_is_selected_by_its_zero(client: TestClient, store: Store) -> None:
    store.create("nodes", {"metadata": {"name": "vm"}})
    found = await body(await client.get("/api/v1/nodes?fieldSelector=spec.unschedulable%3Dfalse"))
    assert [item["metadata"]["name"] for item in found["items"]] == ["vm"]


async def test_an_operator_that_there_is_not_is_told_with_those_that_there_are(client: TestClient) -> None:
    refused = await body(await client.get("/api/v1/configmaps?labelSelector=a%20like%20b"), 400)
    assert refused["message"].endswith("found 'like', expected: in, notin, =, ==, !=, gt, lt")


async def test_a_strategic_patch_that_is_no_object_is_told_by_what_it_is(client: TestClient, store: Store) -> None:
    config(store, "a")
    kind = {"Content-Type": "application/strategic-merge-patch+json"}
    path = "/api/v1/namespaces/demo/configmaps/a"
    refused = await body(await client.patch(path, data='"text"', headers=kind), 400)
    assert refused["message"] == "json: cannot unmarshal string into Go value of type map[string]interface {}"
