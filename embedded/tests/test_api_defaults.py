"""Defaults: the workloads of `faults/` come out of the store as the real server kept them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml

from embedded import kinds
from embedded.objects import quantity
from embedded.objects.values import clone
from embedded.store import Store

FAULTS = Path(__file__).parent / "recordings" / "faults"
NAMES = sorted(path.name.removesuffix(".manifest.yaml") for path in FAULTS.glob("*.manifest.yaml"))
TOKEN = re.compile(r"kube-api-access-[a-z0-9]{5}")


def recorded(name: str, kind: str) -> list[dict]:
    """The objects of a kind that a recording ends with."""
    found = json.loads((FAULTS / f"{name}.json").read_text())
    return [obj for obj in found["items"] if obj["kind"] == kind]


def neutral(spec: dict) -> dict:
    """A spec without what was given out: addresses, ports, the node, the token volume's name."""
    kept = {key: value for key, value in spec.items() if key not in ("clusterIP", "clusterIPs", "nodeName")}
    return json.loads(TOKEN.sub("TOKEN", json.dumps(kept)))


@pytest.mark.parametrize("name", NAMES)
def test_specs_are_as_kept(store: Store, name: str) -> None:
    compared = 0
    for doc in yaml.safe_load_all((FAULTS / f"{name}.manifest.yaml").read_text()):
        kind = kinds.of(doc)
        if kind.kind == "Namespace":
            continue
        doc["metadata"]["namespace"] = "demo"
        made = store.create(kind.resource, doc)
        same = [o for o in recorded(name, kind.kind) if o["metadata"]["name"] == doc["metadata"]["name"]]
        for real in same:
            assert neutral(made["spec"]) == neutral(real["spec"])
            compared += 1
        if kind.kind == "Deployment":
            store.modify("resourcequotas", "demo", "chatbot-quota", lambda obj: obj["spec"].update(hard={}))
            for real in recorded(name, "Pod"):
                template = clone(made["spec"]["template"])
                meta = {"name": real["metadata"]["name"], "namespace": "demo", **template["metadata"]}
                pod = store.create("pods", {"metadata": meta, "spec": template["spec"]})
                assert neutral(pod["spec"]) == neutral(real["spec"])
                assert pod["status"]["qosClass"] == real["status"]["qosClass"]
                compared += 1
    assert compared


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        *(("0.5", "500m"), ("1024Mi", "1Gi"), ("100m", "100m"), ("1000m", "1"), ("2000", "2k")),
        *(("1e3", "1e3"), ("1536Mi", "1536Mi"), ("1.5Gi", "1536Mi"), (0.25, "250m"), (1, "1"), ("0", "0")),
    ],
)
def test_quantities(written: str | float, kept: str) -> None:
    assert quantity.canonical(written) == kept


@pytest.mark.parametrize("text", ["", "much", "1K", "1 Gi", "--1"])
def test_no_quantities(text: str) -> None:
    with pytest.raises(ValueError, match="quantities must match"):
        quantity.parse(text)
