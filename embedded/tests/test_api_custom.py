"""Custom resources: served as soon as they are defined, held to their schema, gone with their definition."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import TestClient, TestServer

from embedded.api.app import Api, build
from embedded.controllers.manager import Manager
from embedded.store import Store

SIZE = {"type": "integer", "minimum": 1, "maximum": 9, "default": 3}
SPEC = {
    "type": "object",
    "required": ["color"],
    "properties": {
        "color": {"type": "string", "enum": ["red", "green"]},
        "size": SIZE,
        "name": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 5},
        "port": {"x-kubernetes-int-or-string": True},
        "anything": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
        "labels": {"type": "object", "additionalProperties": {"type": "string"}},
        "tags": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
        "when": {"type": "string", "format": "date-time"},
        "where": {"type": "string", "format": "uri"},
        "inside": {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        },
        "parts": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "properties": {"id": {"type": "string"}, "weight": {"type": "integer", "default": 1}},
            },
            "x-kubernetes-list-type": "map",
            "x-kubernetes-list-map-keys": ["id"],
        },
    },
}
STATUS = {
    "type": "object",
    "properties": {
        "replicas": {"type": "integer"},
        "conditions": {
            "type": "array",
            "items": {"type": "object", "properties": {"type": {"type": "string"}, "status": {"type": "string"}}},
        },
    },
}
OPENAPI = {"type": "object", "required": ["spec"], "properties": {"spec": SPEC, "status": STATUS}}
COLUMNS = [
    {"name": "Color", "type": "string", "jsonPath": ".spec.color"},
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
    {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
]
VERSION = {
    "name": "v1alpha2",
    "served": True,
    "storage": True,
    "schema": {"openAPIV3Schema": OPENAPI},
    "additionalPrinterColumns": COLUMNS,
    "subresources": {
        "status": {},
        "scale": {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.replicas"},
    },
}
OLD = {"name": "v1alpha1", "served": True, "storage": False, "schema": {"openAPIV3Schema": OPENAPI}}
DEFINITION: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "widgets.shop.example.com"},
    "spec": {
        "group": "shop.example.com",
        "scope": "Namespaced",
        "names": {"plural": "widgets", "kind": "Widget", "shortNames": ["wd"], "categories": ["shop"]},
        "versions": [OLD, VERSION],
    },
}
CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/shop.example.com/v1alpha2/namespaces/demo/widgets"
TABLE = {"Accept": "application/json;as=Table;v=v1;g=meta.k8s.io"}


def widget(**spec: Any) -> dict:
    return {"apiVersion": "shop.example.com/v1alpha2", "kind": "Widget", "metadata": {"name": "w"}, "spec": spec}


def of_schema(openapi: dict[str, Any]) -> dict[str, Any]:
    return DEFINITION["spec"] | {"versions": [VERSION | {"schema": {"openAPIV3Schema": openapi}}]}


def ruled(*rules: dict[str, Any], **properties: Any) -> dict[str, Any]:
    """A definition whose `spec` has `properties`, by their types, under `rules`."""
    made = {name: {"type": kind} if isinstance(kind, str) else kind for name, kind in properties.items()}
    spec = {"type": "object", "x-kubernetes-validations": list(rules), "properties": made}
    return DEFINITION | {"spec": of_schema({"type": "object", "properties": {"spec": spec}})}


TEXTS = {"type": "array", "items": {"type": "string"}}
NUMBERS = {"type": "array", "items": {"type": "integer"}}
NAMED = {"type": "object", "properties": {"name": {"type": "string"}, "size": {"type": "integer"}}}
KEYED = {"type": "array", "items": NAMED, "x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["name"]}


@pytest.fixture
async def shop(client: TestClient) -> TestClient:
    """A server on which widgets are defined."""
    answer = await client.post(CRDS, json=DEFINITION)
    assert answer.status == 201, await answer.text()
    return client


async def send(client: TestClient, method: str, path: str, body: Any = None, **options: Any) -> tuple[int, dict]:
    async with client.request(method, path, json=body, **options) as answer:
        return answer.status, await answer.json(content_type=None)


async def test_a_definition_is_established_and_discovered_at_once(shop: TestClient) -> None:
    _, made = await send(shop, "GET", f"{CRDS}/widgets.shop.example.com")
    assert {one["type"]: one["status"] for one in made["status"]["conditions"]} == {
        "NamesAccepted": "True",
        "Established": "True",
    }
    assert made["status"]["acceptedNames"]["singular"] == "widget"
    _, group = await send(shop, "GET", "/apis/shop.example.com")
    assert [entry["version"] for entry in group["versions"]] == ["v1alpha2", "v1alpha1"]
    _, listed = await send(shop, "GET", "/apis/shop.example.com/v1alpha2")
    assert [one["name"] for one in listed["resources"]] == ["widgets", "widgets/scale", "widgets/status"]
    _, index = await send(shop, "GET", "/openapi/v3")
    _, document = await send(shop, "GET", index["paths"]["apis/shop.example.com/v1alpha2"]["serverRelativeURL"])
    assert "com.example.shop.v1alpha2.Widget" in document["components"]["schemas"]


async def test_objects_get_their_defaults_and_lose_what_is_unknown(shop: TestClient) -> None:
    body = widget(color="red", parts=[{"id": "a"}], anything={"x": {"y": 1}}, wrong=1)
    status, made = await send(shop, "POST", WIDGETS, body)
    assert status == 201
    assert made["spec"] == {"color": "red", "size": 3, "parts": [{"id": "a", "weight": 1}], "anything": {"x": {"y": 1}}}
    status, refused = await send(shop, "POST", f"{WIDGETS}?fieldValidation=Strict", body | {"metadata": {"name": "s"}})
    assert (status, 'unknown field "spec.wrong"' in refused["message"]) == (400, True)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "spec.color: Required value"),
        ({"color": "blue"}, 'spec.color: Unsupported value: "blue": supported values: "red", "green"'),
        ({"color": "red", "size": 0}, "spec.size in body should be greater than or equal to 1"),
        ({"color": "red", "name": "UP"}, "spec.name in body should match '^[a-z]+$'"),
        ({"color": "red", "name": "abcdef"}, "spec.name in body should be at most 5 chars long"),
        ({"color": "red", "port": True}, "spec.port"),
        ({"color": "red", "parts": [{}]}, "spec.parts[0].id: Required value"),
        ({"color": "red", "parts": [{"id": "a"}, {"id": "a"}]}, 'spec.parts[1]: Duplicate value: {"id":"a"}'),
        ({"color": "red", "tags": ["a", "b", "a"]}, 'spec.tags[2]: Duplicate value: "a"'),
        ({"color": "red", "when": "tomorrow"}, 'spec.when in body must be of type date-time: "tomorrow"'),
        ({"color": "red", "where": "not here"}, 'spec.where in body must be of type uri: "not here"'),
        ({"color": "red", "inside": {"kind": "Pod"}}, "spec.inside.apiVersion: Required value: must not be empty"),
    ],
)
async def test_what_the_schema_refuses_is_named(shop: TestClient, spec: dict, message: str) -> None:
    status, refused = await send(shop, "POST", WIDGETS, widget(**spec))
    assert status == 422
    assert refused["message"].startswith('Widget.shop.example.com "w" is invalid: ')
    assert message in refused["message"]


async def test_what_is_of_its_format_is_accepted(shop: TestClient) -> None:
    inside = {"apiVersion": "v1", "kind": "Pod"}
    spec = {"when": "2026-01-05T10:10:10.5Z", "where": "http://x/y", "inside": inside, "tags": ["a", "b"]}
    assert (await send(shop, "POST", WIDGETS, widget(color="red", **spec)))[0] == 201


async def test_objects_are_found_by_the_fields_that_their_definition_names(client: TestClient) -> None:
    version = VERSION | {"selectableFields": [{"jsonPath": ".spec.color"}]}
    await send(client, "POST", CRDS, DEFINITION | {"spec": DEFINITION["spec"] | {"versions": [version]}})
    await send(client, "POST", WIDGETS, widget(color="red"))
    for color, number in (("red", 1), ("green", 0)):
        _, found = await send(client, "GET", f"{WIDGETS}?fieldSelector=spec.color%3D{color}")
        assert len(found["items"]) == number
    status, refused = await send(client, "GET", f"{WIDGETS}?fieldSelector=spec.size%3D3")
    assert (status, "field label not supported" in refused["message"]) == (400, True)


async def test_a_name_that_another_definition_has_is_not_given_twice(shop: TestClient) -> None:
    names = {"plural": "gadgets", "kind": "Gadget", "shortNames": ["wd"]}
    second = DEFINITION | {
        "metadata": {"name": "gadgets.shop.example.com"},
        "spec": DEFINITION["spec"] | {"names": names},
    }
    await send(shop, "POST", CRDS, second)

    async def said() -> dict[str, tuple[str, str]]:
        _, found = await send(shop, "GET", f"{CRDS}/gadgets.shop.example.com")
        return {one["type"]: (one["status"], one["message"]) for one in found["status"]["conditions"]}

    gadgets = WIDGETS.replace("widgets", "gadgets")
    assert (await said())["NamesAccepted"] == ("False", '"wd" is already in use')
    assert (await said())["Established"][0] == "False" and (await send(shop, "GET", gadgets))[0] == 404
    await send(shop, "DELETE", f"{CRDS}/widgets.shop.example.com")
    _, first = await send(shop, "GET", f"{CRDS}/widgets.shop.example.com")
    await send(
        shop, "PUT", f"{CRDS}/widgets.shop.example.com", first | {"metadata": first["metadata"] | {"finalizers": []}}
    )
    assert (await said())["Established"][0] == "True" and (await send(shop, "GET", gadgets))[0] == 200


async def test_status_and_scale_are_written_apart(shop: TestClient) -> None:
    _, made = await send(shop, "POST", WIDGETS, widget(color="red") | {"status": {"replicas": 7}})
    assert "status" not in made
    conditions = [{"type": "Ready", "status": "True"}]
    status, after = await send(
        shop, "PUT", f"{WIDGETS}/w/status", made | {"status": {"replicas": 2, "conditions": conditions}}
    )
    assert (status, after["status"]["replicas"], after["metadata"]["generation"]) == (200, 2, 1)
    merge = {"Content-Type": "application/merge-patch+json"}
    data = json.dumps({"spec": {"replicas": 5}})
    async with shop.patch(f"{WIDGETS}/w/scale", data=data, headers=merge) as answer:
        assert ((await answer.json())["spec"], answer.status) == ({"replicas": 5}, 200)
    _, after = await send(shop, "GET", f"{WIDGETS}/w")
    assert (after["spec"]["size"], after["metadata"]["generation"]) == (5, 2)
    _, table = await send(shop, "GET", WIDGETS, headers=TABLE)
    assert [column["name"] for column in table["columnDefinitions"]] == ["Name", "Color", "Ready", "Age"]
    assert table["rows"][0]["cells"] == ["w", "red", "True", "0s"]


async def test_every_served_version_shows_the_same_objects(shop: TestClient) -> None:
    await send(shop, "POST", WIDGETS, widget(color="red"))
    _, found = await send(shop, "GET", WIDGETS.replace("v1alpha2", "v1alpha1"))
    assert found["apiVersion"] == "shop.example.com/v1alpha1"
    _, one = await send(shop, "GET", WIDGETS.replace("v1alpha2", "v1alpha1") + "/w")
    assert one["apiVersion"] == "shop.example.com/v1alpha1"


async def test_appliers_own_fields_and_keyed_items(shop: TestClient) -> None:
    async def apply(manager: str, spec: dict) -> tuple[int, dict]:
        headers = {"Content-Type": "application/apply-patch+yaml"}
        path = f"{WIDGETS}/w?fieldManager={manager}"
        async with shop.patch(path, data=json.dumps(widget(**spec)), headers=headers) as answer:
            return answer.status, await answer.json()

    assert (await apply("one", {"color": "red", "parts": [{"id": "a"}]}))[0] == 201
    status, after = await apply("two", {"parts": [{"id": "b", "weight": 2}]})
    assert (status, [part["id"] for part in after["spec"]["parts"]]) == (200, ["a", "b"])
    status, refused = await apply("two", {"color": "green"})
    assert (status, 'conflict with "one"' in refused["message"]) == (409, True)


async def test_a_watch_sees_objects_come_and_go(shop: TestClient) -> None:
    async with shop.get(f"{WIDGETS}?watch=true") as stream:
        await send(shop, "POST", WIDGETS, widget(color="red"))
        await send(shop, "DELETE", f"{WIDGETS}/w")
        events = [json.loads(await asyncio.wait_for(stream.content.readline(), 300)) for _ in range(2)]
    assert [(event["type"], event["object"]["kind"]) for event in events] == [
        ("ADDED", "Widget"),
        ("DELETED", "Widget"),
    ]


async def test_a_strategic_patch_is_refused_as_for_every_custom_kind(shop: TestClient) -> None:
    await send(shop, "POST", WIDGETS, widget(color="red"))
    headers = {"Content-Type": "application/strategic-merge-patch+json"}
    async with shop.patch(f"{WIDGETS}/w", data=b"{}", headers=headers) as answer:
        assert answer.status == 415


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"metadata": {"name": "other.shop.example.com"}}, 'must be spec.names.plural+"."+spec.group'),
        ({"spec": DEFINITION["spec"] | {"versions": [OLD]}}, "exactly one version marked as storage"),
        ({"spec": DEFINITION["spec"] | {"scope": "World"}}, 'Unsupported value: "World"'),
        ({"spec": DEFINITION["spec"] | {"versions": [VERSION, OLD, OLD]}}, "must contain unique version names"),
        ({"spec": DEFINITION["spec"] | {"preserveUnknownFields": True}}, "spec.preserveUnknownFields"),
        ({"spec": of_schema({"type": "array"})}, "must be object at the root"),
        ({"spec": of_schema({"type": "object", "properties": {"a": {}}})}, "properties[a].type: Required value"),
        (
            {"spec": of_schema({"type": "object", "properties": {"a": {"type": "text"}}})},
            'properties[a].type: Unsupported value: "text"',
        ),
        ({"spec": of_schema({"type": "object", "properties": {"a": {"type": "array"}}})}, "properties[a].items"),
        (
            {"spec": of_schema({"type": "object", "properties": {"a": {"type": "integer", "default": "x"}}})},
            "properties[a].default in body must be of type integer",
        ),
        (
            {"spec": of_schema({"type": "object", "x-kubernetes-validations": [{"rule": "self.a =="}]})},
            "x-kubernetes-validations[0].rule: Invalid value",
        ),
        (
            {"spec": of_schema({"type": "object", "x-kubernetes-validations": [{"rule": "slef == 1"}]})},
            "undeclared reference to 'slef'",
        ),
        (
            {"spec": ruled({"rule": "self.color == 'self.size' && has(self.colour)"}, color="string")["spec"]},
            "undefined field 'colour'",
        ),
        (
            {"spec": of_schema({"type": "object", "x-kubernetes-validations": [{"message": "no"}]})},
            "x-kubernetes-validations[0].rule: Required value",
        ),
    ],
)
async def test_a_wrong_definition_is_refused(client: TestClient, change: dict, message: str) -> None:
    status, refused = await send(client, "POST", CRDS, DEFINITION | change)
    assert (status, message in refused["message"]) == (422, True), refused


@pytest.mark.parametrize(
    ("definition", "good", "bad", "message"),
    [
        (
            ruled({"rule": "!(has(self.openAI) && self.provider != 'OpenAI')", "message": "openAI must be nil"},
                  provider="string", openAI="object"),
            {"provider": "OpenAI", "openAI": {}},
            {"provider": "Ollama", "openAI": {}},
            "spec: Invalid value: openAI must be nil",
        ),
        (
            ruled({"rule": "!has(self.ask) || self.ask.all(x, x in self.tools)", "reason": "FieldValueForbidden"},
                  ask=TEXTS, tools=TEXTS),
            {"ask": ["a"], "tools": ["a", "b"]},
            {"ask": ["c"], "tools": ["a", "b"]},
            "spec: Forbidden: failed rule: !has(self.ask) || self.ask.all(x, x in self.tools)",
        ),
        (
            ruled(
                {
                    "rule": "self.least <= self.most",
                    "messageExpression": "'at most %d'.format([self.most])",
                    "fieldPath": ".least",
                },
                least="integer",
                most="integer",
            ),
            {"least": 1, "most": 1},
            {"least": 2, "most": 1},
            "spec.least: Invalid value: at most 1",
        ),
        (
            ruled({"rule": "self.share < 1.5 && self.__if__ == 1 && self.x__dash__y == 2"},
                  **{"share": "number", "if": "integer", "x-y": "integer"}),
            {"share": 1, "if": 1, "x-y": 2},
            {"share": 2, "if": 1, "x-y": 2},
            "spec: Invalid value: failed rule",
        ),
        (
            ruled({"rule": "!has(self.note) && self.word.size() == 2"},
                  note={"type": "string", "nullable": True}, word="string"),
            {"note": None, "word": "\u00e4b"},
            {"note": "", "word": "\u00e4b"},
            "failed rule",
        ),
        (
            ruled(parts=KEYED | {"items": NAMED | {"required": ["name"],
                "x-kubernetes-validations": [{"rule": "self.size >= oldSelf.size", "message": "may not shrink"}]}}),
            {"parts": [{"name": "b", "size": 1}, {"name": "a", "size": 5}]},
            {"parts": [{"name": "a", "size": 4}]},
            "spec.parts[0]: Invalid value: may not shrink",
        ),
        (
            ruled({"rule": "self == oldSelf", "message": "is immutable"}, color="string"),
            {"color": "red"},
            {"color": "green"},
            "spec: Invalid value: is immutable",
        ),
        (
            ruled({"rule": "oldSelf.hasValue() || self.color == 'red'", "optionalOldSelf": True}, color="string"),
            {"color": "red"},
            None,
            "",
        ),
        (
            ruled({"rule": "quantity(self.memory).isLessThan(quantity('1Gi'))"}, memory="string"),
            {"memory": "64Mi"},
            {"memory": "2Gi"},
            "failed rule",
        ),
        (
            ruled({"rule": "self.items_.sum() == 3 && self.url.find('[a-z]+') == 'http' && isURL(self.url)"},
                  items_=NUMBERS, url="string"),
            {"items_": [1, 2], "url": "http://a"},
            {"items_": [1], "url": "http://a"},
            "failed rule",
        ),
        (ruled({"rule": "self.a == 1"}, a="integer"), {"a": 1}, {}, "evaluating rule: self.a == 1"),
    ],
)  # fmt: skip
async def test_rules_in_cel_are_held_to(
    client: TestClient, definition: dict, good: dict, bad: dict | None, message: str
) -> None:
    assert (await send(client, "POST", CRDS, definition))[0] == 201
    status, made = await send(client, "POST", WIDGETS, widget(**good))
    assert status == 201, made
    if bad is not None:
        status, refused = await send(client, "PUT", f"{WIDGETS}/w", widget(**bad))
        assert (status, message in refused["message"]) == (422, True), refused


async def test_what_was_there_before_its_rule_may_stay_and_the_name_is_judged_at_the_root(client: TestClient) -> None:
    whole = ruled(color="string", size="integer")
    await send(client, "POST", CRDS, whole)
    await send(client, "POST", WIDGETS, widget(color="red"))
    openapi = whole["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    red = {"rule": "self != 'red'"}
    color = {"type": "string", "x-kubernetes-validations": [red]}
    spec = openapi["properties"]["spec"] | {"properties": {"color": color, "size": {"type": "integer"}}}
    name = {"rule": "self.metadata.name.startsWith('w')"}
    changed = openapi | {"properties": {"spec": spec}, "x-kubernetes-validations": [name]}
    patch = {"Content-Type": "application/merge-patch+json"}
    version = VERSION | {"schema": {"openAPIV3Schema": changed}}
    status, _ = await send(
        client, "PATCH", f"{CRDS}/widgets.shop.example.com", {"spec": {"versions": [version]}}, headers=patch
    )
    assert status == 200
    assert (await send(client, "PATCH", f"{WIDGETS}/w", {"spec": {"size": 2}}, headers=patch))[0] == 200
    status, refused = await send(client, "POST", WIDGETS, widget(color="red") | {"metadata": {"name": "other"}})
    assert status == 422
    assert [cause["field"] for cause in refused["details"]["causes"]] == ["<nil>", "spec.color"]


@pytest.mark.parametrize(
    ("rule", "what"),
    [
        ("ip(self.text).family() == 4", "ip"),
        ("self.a.all(i, v, v > i)", "i"),
        ("self.a.indexOf(3) == 0", "indexOf"),
        ("!format.dns1123Label().validate(self.text).hasValue()", "format"),
        ("self.since < timestamp('2030-01-01T00:00:00Z')", "times"),
    ],
)
async def test_a_rule_that_cannot_be_judged_here_is_told_and_not_held_to(
    client: TestClient, rule: str, what: str
) -> None:
    time = {"type": "string", "format": "date-time"}
    async with client.post(CRDS, json=ruled({"rule": rule}, a=NUMBERS, text="string", since=time)) as answer:
        assert answer.status == 201
        assert f"this cluster does not evaluate the rule {rule!r}: it has no {what}" in "".join(
            answer.headers.getall("Warning")
        ).replace('\\"', '"')
    assert (await send(client, "POST", WIDGETS, widget(a=[1])))[0] == 201


async def test_objects_outlive_the_process_and_go_with_their_definition(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    for number in (1, 2):
        store = Store(path)
        async with TestClient(TestServer(build(Api(store)))) as client:
            if number == 1:
                store.create("namespaces", {"metadata": {"name": "demo"}})
                await send(client, "POST", CRDS, DEFINITION)
                await send(client, "POST", WIDGETS, widget(color="red"))
            else:
                assert (await send(client, "GET", f"{WIDGETS}/w"))[1]["spec"]["color"] == "red"
                manager = Manager(store, dict)
                status, _ = await send(client, "DELETE", f"{CRDS}/widgets.shop.example.com")
                manager.drain(store.clock() + 60)
                assert (status, store.list("customresourcedefinitions.apiextensions.k8s.io")) == (200, [])
                assert (await send(client, "GET", f"{WIDGETS}/w"))[0] == 404
        store.close()
