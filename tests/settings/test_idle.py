"""A value that others make void is told by its key, and nothing that has an effect is: the chart is the judge."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import pytest

from scripts.settings.idle import of_values
from tests.support.chart_values import OFF, SERVICE, laid_over, objects, placed
from tests.support.charts import UMBRELLA

BASE: dict[str, Any] = {"image": {"repository": "some/image", "tag": "1"}, "service": {"port": 80}}
CLAIM = {"persistence": {"enabled": True}}
HELD = {"persistence": {"enabled": True, "existingClaim": "kept"}}
CHECK = {"exec": {"command": ["x"]}}
# A key, its value, and the values beside it that make it void.
VOID: list[tuple[str, Any, dict[str, Any]]] = [
    ("replicaCount", 3, {"autoscaling": {"enabled": True}}),
    ("replicaCount", 3, CLAIM),
    ("persistence.size", "9Gi", HELD),
    ("persistence.storageClass", "fast", HELD),
    ("persistence.annotations", {"a": "b"}, HELD),
    ("serviceAccount.annotations", {"a": "b"}, {"serviceAccount": {"create": False}}),
    ("preStopSeconds", 9, {"lifecycle": {"preStop": CHECK}}),
    ("probes.livenessPath", "/x", {"livenessProbe": CHECK, "startupProbe": {"tcpSocket": {"port": 1}}}),
    ("probes.livenessPath", "/x", {"livenessProbe": {"enabled": False}, "startupProbe": CHECK}),
    ("ingress.tls.secretName", "x", {"ingress": {"enabled": True}}),
    ("tls.serve", True, {}),
    ("config.LEVEL", "a", {"env": {"LEVEL": "b"}}),
    ("config.LEVEL", "a", {"extraEnv": [{"name": "LEVEL", "value": "b"}]}),
    ("config.LEVEL", "a", {"secretEnv": [{"secret": "s", "key": "LEVEL"}]}),
    ("config.LEVEL", "a", {"secretEnv": [{"secret": "s", "key": "k", "name": "LEVEL"}]}),
    ("config.HOME", "/a", {"home": "/b"}),
]  # fmt: skip


def told(given: Any, merged: Any) -> list[str]:
    """The keys of one service's values that are said to have no effect."""
    put = [placed("services.app", values) for values in (given, merged)]
    return [key.removeprefix("services.app.") for key, _ in of_values(*put, ["services.app"])]


@cache
def rendered() -> dict[str, list[str]]:
    """What the chart makes of each pair without and with the key, by one render."""
    services: dict[str, Any] = {}
    for number, (key, value, beside) in enumerate(VOID):
        services[f"x{number:03}a"] = laid_over(BASE, beside)
        services[f"x{number:03}b"] = laid_over(laid_over(BASE, beside), placed(key, value))
    hosts = {name: {"ingress": {"host": f"{name}.local"}} for name, values in services.items() if "ingress" in values}
    made = objects(UMBRELLA, {**OFF, "smokeTest": {"service": ""}, "services": laid_over(services, hosts)})
    texts = [json.dumps(item) for item in made]
    return {name: sorted(text.replace(name, "NAME") for text in texts if name in text) for name in services}


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(VOID)), ids=lambda number: f"{VOID[number][0]} {number}")
def test_what_is_told_changes_nothing_in_the_objects(number: int) -> None:
    key, value, beside = VOID[number]
    given = placed(key, value)
    assert told(given, laid_over(laid_over(BASE, beside), given)) == [key]
    assert told(beside, laid_over(BASE, beside)) == []
    without, with_key = (rendered()[f"x{number:03}{side}"] for side in "ab")
    if key.startswith("config."):  # the ConfigMap has it, the container does not
        without, with_key = ([text for text in texts if '"kind": "Service"' in text] for texts in (without, with_key))
    assert without and without == with_key


@pytest.mark.parametrize(
    "key", [key for key, case in SERVICE.items() if "with" in case and not key.startswith("extraVolumeMounts")]
)
def test_every_value_that_needs_another_one_is_told_without_it(key: str) -> None:
    case = SERVICE[key]
    given = placed(key, case["to"])
    assert told(given, laid_over(BASE, given))
    needed = case["with"]
    assert not told(given, laid_over(laid_over(BASE, needed), given))


@pytest.mark.parametrize("key", [key for key, case in SERVICE.items() if "to" in case and "with" not in case])
def test_a_value_that_has_an_effect_alone_is_not_told(key: str) -> None:
    given = placed(key, SERVICE[key]["to"])
    assert told(given, laid_over(BASE, given)) == (["tls.serve"] if key == "tls.serve" else [])


def test_what_is_switched_off_by_hand_is_kept_without_a_word() -> None:
    given = {"autoscaling": {"enabled": False, "maxReplicas": 9}, "persistence": {"enabled": False, "size": "9Gi"}}
    assert not told(given, laid_over(BASE, given))


def test_the_language_of_a_smoke_test_that_there_is_not_is_told() -> None:
    given = {"smokeTest": {"service": "", "runtime": "node"}}
    assert [key for key, _ in of_values(given, given, [])] == ["smokeTest.runtime"]
