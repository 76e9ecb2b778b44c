"""Discovery: what is listed is listed as the recorded cluster lists it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from aiohttp.test_utils import TestClient

from embedded import kinds
from embedded.api import discovery

RECORDINGS = Path(__file__).parent / "recordings" / "discovery"
READ_ONLY = {(kind.group, kind.plural) for kind in kinds.KINDS if kind.verbs == kinds.READ}
UNLISTED = {
    "pods": {"attach", "ephemeralcontainers", "resize"},
    "nodes": {"proxy"},
}


def real(name: str) -> dict:
    return json.loads((RECORDINGS / name).read_text())


@pytest.mark.parametrize("file", sorted(path.name for path in RECORDINGS.glob("api*_*.json")))
def test_resource_lists_agree(file: str) -> None:
    listed = real(file)
    group, _, version = listed["groupVersion"].rpartition("/")
    have = discovery.resources(group, version)
    wanted = {entry["name"]: entry for entry in listed["resources"]}
    assert have is None or {key: have[key] for key in have if key != "resources"} == {
        key: listed[key] for key in listed if key != "resources"
    }
    for entry in (have or {"resources": []})["resources"]:
        expected = wanted[entry["name"]]
        if (group, entry["name"]) in READ_ONLY:
            expected = expected | {"verbs": list(kinds.READ)}
        assert entry == expected


@pytest.mark.parametrize(("file", "core"), [("api.aggregated.json", True), ("apis.aggregated.json", False)])
def test_aggregated_lists_agree(file: str, core: bool) -> None:
    recorded = {item["metadata"].get("name", ""): item["versions"][0] for item in real(file)["items"]}
    for item in discovery.aggregated(core)["items"]:
        name = item["metadata"].get("name", "")
        if name == discovery.METRICS:
            continue
        wanted = {entry["resource"]: entry for entry in recorded[name]["resources"]}
        for entry in item["versions"][0]["resources"]:
            expected = dict(wanted[entry["resource"]])
            if (name, entry["resource"]) in READ_ONLY:
                expected["verbs"] = list(kinds.READ)
                expected.pop("subresources", None)
            if "subresources" in expected:
                hidden = UNLISTED.get(entry["resource"], set())
                expected["subresources"] = [s for s in expected["subresources"] if s["subresource"] not in hidden]
                if not expected["subresources"]:
                    expected.pop("subresources")
            assert entry == expected


async def test_aggregated_is_kept_by_its_tag(client: TestClient) -> None:
    headers = {"Accept": f"{discovery.AGGREGATED},application/json"}
    first = await client.get("/apis", headers=headers)
    assert first.headers["Content-Type"] == discovery.AGGREGATED
    again = await client.get("/apis", headers=headers | {"If-None-Match": first.headers["ETag"]})
    assert again.status == 304


@pytest.mark.parametrize("path", ["/apis/example.com", "/apis/apps/v2", "/nothing"])
async def test_unknown_paths(client: TestClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status, await answer.text()) == (404, "404 page not found\n")


@pytest.mark.parametrize("path", ["/healthz", "/livez", "/readyz", "/readyz/ping"])
async def test_health(client: TestClient, path: str) -> None:
    answer = await client.get(path)
    assert (answer.status, await answer.text()) == (200, "ok")


async def test_openapi_names_every_kind(client: TestClient) -> None:
    index = json.loads(await (await client.get("/openapi/v3")).text())
    document = await (await client.get(index["paths"]["apis/apps/v1"]["serverRelativeURL"])).json()
    patch = document["paths"]["/apis/apps/v1/namespaces/{namespace}/deployments/{name}"]["patch"]
    assert "fieldValidation" in {parameter["name"] for parameter in patch["parameters"]}
    assert "io.k8s.api.apps.v1.Deployment" in document["components"]["schemas"]
