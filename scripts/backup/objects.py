"""The namespace's ConfigMaps and Secrets, as an archive keeps them and as a cluster gets them back."""

from __future__ import annotations

import base64
import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from scripts.host import parsing
from scripts.kube.kubectl import Kubectl
from scripts.kube.objects import RELEASE

HELM = "helm.sh/release.v1"  # type of the Secrets in which helm keeps a revision
TOKEN = "kubernetes.io/service-account-token"  # noqa: S105 a type; belongs to a cluster, not to a release
CLUSTERS_OWN = ("kube-root-ca.crt",)

_KEPT = ("data", "binaryData", "type", "immutable")
_LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"  # may repeat a Secret's content


def portable(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return an object without what belongs to the cluster it was read from."""
    metadata = item["metadata"]
    annotations = {key: value for key, value in metadata.get("annotations", {}).items() if key != _LAST_APPLIED}
    kept = {"name": metadata["name"], "namespace": metadata["namespace"]}
    if metadata.get("labels"):
        kept["labels"] = metadata["labels"]
    if annotations:
        kept["annotations"] = annotations
    return {
        "apiVersion": "v1",
        "kind": item["kind"],
        "metadata": kept,
        **{key: item[key] for key in _KEPT if key in item},
    }


def split(items: Iterable[Mapping[str, Any]]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return helm's own Secrets, and the ConfigMaps and Secrets worth keeping."""
    history, kept = [], []
    for item in items:
        if item.get("type") == HELM:
            history.append(portable(item))
        elif item.get("type") != TOKEN and item["metadata"]["name"] not in CLUSTERS_OWN:
            kept.append(portable(item))
    return history, kept


def free(items: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return those that no chart makes; the others come back with their release."""
    return [item for item in items if RELEASE not in item["metadata"].get("annotations", {})]


def value(items: Iterable[Mapping[str, Any]], secret: str, key: str) -> str:
    """Return a value of a Secret, nothing if it is not there."""
    for item in items:
        if item["kind"] == "Secret" and item["metadata"]["name"] == secret:
            return base64.b64decode(item.get("data", {}).get(key, "")).decode()
    return ""


def first_value(items: Collection[Mapping[str, Any]], places: Iterable[tuple[str, str]]) -> str:
    """Return the value of the first of these (secret, key)s that has one, nothing where none has."""
    return next((found for place in places if (found := value(items, *place))), "")


def encode(items: Sequence[Mapping[str, Any]]) -> bytes:
    """Return a List as the archive keeps it."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items}, indent=1, sort_keys=True).encode()


def decode(text: bytes) -> list[dict[str, Any]]:
    """Return the items of a List."""
    found: list[dict[str, Any]] = parsing.from_json(text)["items"]
    return found


def apply(kubectl: Kubectl, items: Sequence[Mapping[str, Any]]) -> None:
    """Write objects; what is printed are their names alone. Raises CommandError if the cluster refuses one."""
    if not items:
        return
    names = "\n".join(f"# {item['kind'].lower()}/{item['metadata']['name']}" for item in items)
    kubectl.apply(items, shown=names, timeout=120)
