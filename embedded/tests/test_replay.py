"""Replays what helm and kubectl said to a real cluster, and holds the answers against the real ones.

Every exchange of `recordings/wire` is played on its own: the objects it presupposes are put into a store (they are
taken, by uid and resourceVersion, from whatever recording shows them whole), the clock stands at the moment of the
recording, the request is sent, and status, content type and body are compared. Ignored are only what no second
cluster can repeat: uids, versions, times of writing, generated names and addresses.
"""

from __future__ import annotations

import asyncio
import collections
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp.test_utils import TestClient, TestServer

from embedded import kinds
from embedded.admission import plugins
from embedded.api import protobuf, request_info
from embedded.api.app import Api, build
from embedded.errors import ApiError
from embedded.objects.values import clone
from embedded.store import Store

RECORDINGS = Path(__file__).parent / "recordings"
WIRE = sorted((RECORDINGS / "wire").glob("*.jsonl"))
FLOOR = 1.0

# What is not compared, by a test on the exchange, and why.
NOT_TEXT = "the recording holds only the size of the body"
NO_OBJECT = "the recording shows rows of a table, nowhere the objects they were made from"


class Recorded(Store):
    """A store that can be put into a recorded state: objects keep their uids and revisions."""

    def put(self, resource: str, obj: dict) -> None:
        """Hold an object as it was recorded."""
        key = (obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        self.revision = int(obj["metadata"]["resourceVersion"]) - 1
        self._put(resource, "MODIFIED" if key in self._objects[resource] else "ADDED", clone(obj), False)

    def drop(self, resource: str, obj: dict) -> None:
        """Lose an object as it was recorded."""
        self.revision = int(obj["metadata"]["resourceVersion"]) - 1
        self._remove(resource, clone(obj), False)


def exchanges(path: Path) -> list[dict]:
    """The lines of one recording."""
    return [json.loads(line) for line in path.read_text().splitlines() if line.strip()]


def whole_objects(value: Any, version: str = "", kind: str = "") -> list[dict]:
    """Every whole object in a body: alone, in a list, or in the events of a watch."""
    if isinstance(value, list):
        return [
            obj for item in value for obj in whole_objects(item.get("object", item) if isinstance(item, dict) else {})
        ]
    if not isinstance(value, dict):
        return []
    name = value.get("kind", kind)
    if name.endswith("List") and isinstance(value.get("items"), list):
        inner = name.removesuffix("List")
        return [o for item in value["items"] for o in whole_objects(item, value.get("apiVersion", ""), inner)]
    meta = value.get("metadata")
    if name in ("PartialObjectMetadata", "Status", "Table", "") or not isinstance(meta, dict) or "uid" not in meta:
        return []
    return [{"apiVersion": value.get("apiVersion", version), **value, "kind": name}]


def _all_objects() -> dict[str, dict[int, dict]]:
    """Every object the recordings show whole: by uid, then by revision."""
    found: dict[str, dict[int, dict]] = collections.defaultdict(dict)
    decoding = [e["response"] for path in WIRE for e in exchanges(path)]
    decoding += [json.loads(line)["object"] for line in (RECORDINGS / "timeline.jsonl").read_text().splitlines()]
    for body in decoding:
        for obj in whole_objects(body):
            known = found[obj["metadata"]["uid"]]
            revision = int(obj["metadata"]["resourceVersion"])
            if "managedFields" in obj["metadata"] or revision not in known:
                known[revision] = obj
    return found


OBJECTS = _all_objects()
BY_NAME: dict[tuple[str, str, str], list[dict]] = collections.defaultdict(list)
for _versions in OBJECTS.values():
    for _obj in _versions.values():
        _kind = kinds.of(_obj)
        if _kind is not None:
            _meta = _obj["metadata"]
            BY_NAME[_kind.storage, _meta.get("namespace", ""), _meta["name"]].append(_obj)


def recorded(meta: dict) -> dict | None:
    """The whole object with that uid and resourceVersion; of what changes seldom, as it was shown last before."""
    versions, wanted = OBJECTS.get(meta["uid"], {}), int(meta["resourceVersion"])
    known = max((revision for revision in versions if revision <= wanted), default=0)
    if known != wanted and (not known or versions[known]["kind"] == "Pod"):
        return None
    return versions[known] | {"metadata": meta}


# ignoring what cannot be equal

GENERATED = {
    "uid": "UID",
    "resourceVersion": "REVISION",
    "time": "TIME",
    "clusterIP": "ADDRESS",
    "creationTimestamp": "TIME",
    "deletionTimestamp": "TIME",
    "lastTransitionTime": "TIME",
    "lastUpdateTime": "TIME",
    "serverAddress": "ADDRESS",
}
AGE = re.compile(r"([0-9]+[smhdy])+")
TOKEN_VOLUME = re.compile(r"kube-api-access-[a-z0-9]{5}")


def neutral(value: Any, key: str = "") -> Any:
    """A body without what no second cluster can repeat."""
    if isinstance(value, dict):
        return {TOKEN_VOLUME.sub("TOKENVOLUME", k): neutral(item, k) for k, item in value.items() if item is not None}
    if isinstance(value, list):
        if key == "cells":
            return ["AGE" if isinstance(cell, str) and AGE.fullmatch(cell) else cell for cell in value]
        return ["ADDRESS"] if key == "clusterIPs" and value != ["None"] else [neutral(item) for item in value]
    if key in GENERATED and isinstance(value, str) and value != "None":
        return GENERATED[key]
    return TOKEN_VOLUME.sub("TOKENVOLUME", value) if isinstance(value, str) else value


def differences(want: Any, have: Any, path: str = "") -> list[str]:
    """Where two bodies differ."""
    if isinstance(want, dict) and isinstance(have, dict):
        found = []
        for key in sorted({*want, *have}):
            if key not in have:
                found.append(f"{path}.{key}: missing, wanted {json.dumps(want[key])[:120]}")
            elif key not in want:
                found.append(f"{path}.{key}: not wanted: {json.dumps(have[key])[:120]}")
            else:
                found += differences(want[key], have[key], f"{path}.{key}")
        return found
    if isinstance(want, list) and isinstance(have, list) and len(want) == len(have):
        return [
            text for n, pair in enumerate(zip(want, have, strict=True)) for text in differences(*pair, f"{path}[{n}]")
        ]
    return [] if want == have else [f"{path}: wanted {json.dumps(want)[:200]}, have {json.dumps(have)[:200]}"]


# one exchange


class Skip(Exception):
    """An exchange that is not compared; the message says why."""


def excluded(exchange: dict) -> str:
    """Why an exchange is not played; "" when it is."""
    body = exchange["request_body"]
    if isinstance(body, str) and body.startswith("<"):
        return f"not played: request: {NOT_TEXT}"
    if exchange["path"] == "/apis/autoscaling/v1":
        return "not played: autoscalers are served as autoscaling/v2 alone"
    if "/log" in exchange["path"]:
        return "not played: logs come from the node"
    if exchange["status"] == 304:
        return "not played: an ETag is a digest of the body"
    return ""


def bodiless(exchange: dict) -> str:
    """Why only status and content type of an exchange are compared; "" when its body is too."""
    response, path = exchange["response"], exchange["path"].partition("?")[0]
    if isinstance(response, str) and response.startswith("<see"):
        return "without body: OpenAPI is recorded once, in schemas.json, of which embedded serves a part"
    if isinstance(response, str) and response.startswith("<"):
        return f"without body: response: {NOT_TEXT}"
    if path in ("/api", "/apis") or re.fullmatch(r"/api(s/[^/]+)?/v\d", path):
        return "without body: discovery lists less than the recorded cluster: see test_api_discovery"
    return ""


def seeds(exchange: dict, earlier: list[dict]) -> list[dict]:
    """The objects that must exist before an exchange, in the versions it saw; raises Skip when one is unknown."""
    response, parts = exchange["response"], urlsplit(exchange["path"])
    method = exchange["method"]
    if isinstance(response, list):
        initial = []
        for event in response:
            if event["type"] == "BOOKMARK":
                break
            initial.append(event["object"])
        return initial
    if method == "GET" and isinstance(response, dict):
        if response.get("kind") == "Table":
            rows = [recorded(row["object"]["metadata"]) for row in response["rows"]]
            if any(row is None for row in rows):
                raise Skip(f"not played: {NO_OBJECT}")
            return rows
        return [o for o in whole_objects(response) if kinds.of(o)]
    aim = request_info.parse(parts.path)
    if aim is None or not aim.name or exchange["status"] in (201, 404):
        return []
    if bodiless(exchange) and aim.kind.plural == "secrets":
        raise Skip("not played: releases of helm are recorded nowhere as text")
    known = BY_NAME[aim.kind.storage, aim.namespace, aim.name]
    before = [o for past in earlier for o in whole_objects(past["response"])]
    same = [
        o
        for o in before
        if kinds.of(o) and kinds.of(o).storage == aim.kind.storage and o["metadata"]["name"] == aim.name
    ]
    if same:
        return same[-1:]
    limit = (
        int(response["metadata"].get("resourceVersion") or 0)
        if isinstance(response, dict) and "uid" in response.get("metadata", {})
        else 0
    )
    uid = (
        response["metadata"].get("uid")
        if limit
        else (response.get("details") or {}).get("uid")
        if isinstance(response, dict)
        else None
    )
    versions = [
        o
        for o in known
        if (uid is None or o["metadata"]["uid"] == uid) and (not limit or int(o["metadata"]["resourceVersion"]) < limit)
    ]
    if not versions:
        raise Skip("not played: the object before the write is recorded nowhere")
    managed = [o for o in versions if "managedFields" in o["metadata"]]
    return [max(managed or versions, key=lambda o: int(o["metadata"]["resourceVersion"]))]


def namespaces_for(path: str) -> list[str]:
    """The namespace a path needs."""
    found = re.search(r"/namespaces/([^/?]+)/", path)
    return [found[1]] if found else []


def fill(store: Recorded, exchange: dict, objects: list[dict]) -> None:
    """Put a store into the state an exchange presupposes."""
    have = {obj["metadata"]["name"] for obj in objects if obj["kind"] == "Namespace"}
    for name in [*namespaces_for(exchange["path"]), "chatbot-dev"]:
        listing = exchange["path"].partition("?")[0] == "/api/v1/namespaces" or exchange["path"].startswith(
            "/api/v1/namespaces/chatbot-dev?"
        )
        if name not in have and not listing and store.get("namespaces", "", name) is None:
            store.create("namespaces", {"metadata": {"name": name}})
    if exchange["method"] != "GET" and store.get("namespaces", "", "chatbot-dev"):
        for name in ("default", "backend"):
            if (
                not any(o["kind"] == "ServiceAccount" and o["metadata"]["name"] == name for o in objects)
                and "/serviceaccounts/" not in exchange["path"]
            ):
                store.create("serviceaccounts", {"metadata": {"name": name, "namespace": "chatbot-dev"}})
    for obj in sorted(objects, key=lambda o: int(o["metadata"]["resourceVersion"])):
        store.put(kinds.of(obj).storage, obj)
    response = exchange["response"]
    if exchange["method"] == "GET" and isinstance(response, dict):
        revision = response.get("metadata", {}).get("resourceVersion")
        store.revision = int(revision) if revision else store.revision


def request_of(exchange: dict) -> dict:
    """Arguments of the HTTP request."""
    body = exchange["request_body"]
    data = None
    if body is not None:
        data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    return {"headers": exchange["request_headers"], "data": data}


async def play(exchange: dict, earlier: list[dict], path: Path) -> list[str]:
    """Play one exchange; returns where the answers differ."""
    now = exchange["t"]
    store = Recorded(path, clock=lambda: now, admission=plugins("10.96.0.0/16"))
    try:
        before = seeds(exchange, earlier)
        fill(store, exchange, before)
        clash(store, exchange)
        async with TestClient(TestServer(build(Api(store)))) as client:
            if isinstance(exchange["response"], list):
                return await play_watch(client, store, exchange)
            async with client.request(exchange["method"], exchange["path"], **request_of(exchange)) as answer:
                text = await answer.text()
                found = (
                    []
                    if answer.status == exchange["status"]
                    else [f"status {answer.status}, not {exchange['status']}: {text[:300]}"]
                )
                wanted, given = exchange["response_type"], answer.headers["Content-Type"]
                if given != wanted and wanted != protobuf.MEDIA_TYPE:
                    found.append(f"content type {given}, not {wanted}")
                if bodiless(exchange):
                    return found
                owned = all("managedFields" in obj["metadata"] for obj in before)
                return found or compare(exchange, json.loads(text), owned=owned)
    finally:
        store.close()


def clash(store: Recorded, exchange: dict) -> None:
    """The other service of the recorded clash of node ports."""
    if (
        exchange["path"].startswith("/api/v1/namespaces/chatbot-dev/services?fieldManager")
        and exchange["status"] == 422
    ):
        port = {"port": 8000, "nodePort": 30080}
        meta = {"name": "backend-service", "namespace": "chatbot-dev"}
        store.create("services", {"metadata": meta, "spec": {"type": "NodePort", "ports": [port]}})


def compare(exchange: dict, have: Any, *, owned: bool) -> list[str]:
    """Where an answered body differs from the recorded one; owners of fields only where those before are known."""
    want = exchange["response"]
    if not owned and isinstance(want, dict) and exchange["method"] != "GET":
        want = clone(want)
        want["metadata"].pop("managedFields", None)
        have["metadata"].pop("managedFields", None)
    if isinstance(want, str):
        try:
            want = protobuf.decode(want.encode())
        except ApiError:
            return []  # a list: of a kind that only replies have; empty, and recorded as such
    return differences(neutral(want), neutral(have))


async def play_watch(client: TestClient, store: Recorded, exchange: dict) -> list[str]:
    """Play a watch: the recorded changes are made while it runs."""
    want = exchange["response"]
    bookmark = next((n for n, event in enumerate(want) if event["type"] == "BOOKMARK"), len(want))
    later = [event for event in want[bookmark + 1 :] if event["type"] != "BOOKMARK"]
    for event in want[:bookmark]:
        assert event["type"] == "ADDED"
    async with client.get(exchange["path"], headers=exchange["request_headers"]) as answer:
        if answer.status != exchange["status"]:
            return [f"status {answer.status}"]
        lines = [json.loads(await answer.content.readline()) for _ in want[: bookmark + 1]]
        for event in later:
            resource = kinds.of(event["object"]).storage
            if event["type"] == "DELETED":
                store.drop(resource, event["object"])
            else:
                store.put(resource, event["object"])
            lines.append(json.loads(await asyncio.wait_for(answer.content.readline(), 300)))
    return differences(neutral([*want[: bookmark + 1], *later]), neutral(lines))


@pytest.mark.parametrize("recording", WIRE, ids=lambda path: path.stem)
async def test_replay(recording: Path, tmp_path: Path, record: collections.Counter) -> None:
    """Every exchange of a recording is answered as it was."""
    earlier: list[dict] = []
    wrong = []
    for number, exchange in enumerate(exchanges(recording)):
        reason = excluded(exchange)
        if not reason:
            part = bodiless(exchange)
            try:
                found = await play(exchange, earlier, tmp_path / f"{number}.db")
                record["equal" if not found else "different"] += 1
                if part:
                    record[part] += 1
                if found:
                    head = f"{exchange['method']} {exchange['path']} (line {number + 1})"
                    wrong.append("\n   ".join([head, *found[:12]]))
            except Skip as skip:
                reason = str(skip)
        if reason:
            record[reason] += 1
        earlier.append(exchange)
    if wrong:
        pytest.fail(f"{len(wrong)} different:\n" + "\n".join(wrong), pytrace=False)


@pytest.fixture(scope="module")
def record(request: pytest.FixtureRequest) -> Iterator[collections.Counter]:
    """Counts equal, different and excluded exchanges; prints the share and holds it against the floor."""
    counts: collections.Counter = collections.Counter()
    yield counts
    compared = counts["equal"] + counts["different"]
    share = counts["equal"] / compared if compared else 1.0
    with request.config.pluginmanager.get_plugin("capturemanager").global_and_fixture_disabled():
        print(f"\nreplay: {counts['equal']} of {compared} exchanges equal ({share:.1%})")
        for reason, number in sorted(counts.items()):
            if reason not in ("equal", "different"):
                print(f"  {number:3} {reason}")
    assert share >= FLOOR
