"""Compare two manifests in the words a person thinks in: images, replicas, configuration keys, objects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from scripts.kube import workloads

Objects = dict[tuple[str, str], Mapping[str, Any]]


def between(before: str, after: str) -> list[str]:
    """Return the changes from one manifest to another, a few words each. Values of configuration are not shown."""
    old, new = _objects(before), _objects(after)
    told = [f"{kind} {name} added" for kind, name in new.keys() - old.keys()]
    told += [f"{kind} {name} removed" for kind, name in old.keys() - new.keys()]
    for key in sorted(old.keys() & new.keys()):
        told += _changed(key, old[key], new[key])
    return sorted(told)


def _objects(text: str) -> Objects:
    """Return the objects of a manifest by kind and name, with the namespace before it where several have that name."""
    found = workloads.documents(text)
    names = Counter((item["kind"], item["metadata"]["name"]) for item in found)

    def key(item: Mapping[str, Any]) -> tuple[str, str]:
        kind, name = item["kind"], item["metadata"]["name"]
        return kind, name if names[kind, name] == 1 else f"{item['metadata'].get('namespace', '')}/{name}"

    return {key(item): item for item in found}


def _changed(key: tuple[str, str], old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    kind, name = key
    if old == new:
        return []
    if kind == "ConfigMap":
        was, is_ = ({**(one.get("data") or {}), **(one.get("binaryData") or {})} for one in (old, new))
        keys = sorted(item for item in was.keys() | is_.keys() if was.get(item) != is_.get(item))
        return [f"{name}: {', '.join(keys)}"] if keys else [f"{kind} {name}"]
    if kind != "Deployment":
        return [f"{kind} {name}"]
    told = []
    if old["spec"].get("replicas") != new["spec"].get("replicas"):
        told.append(f"{name}: replicas {old['spec'].get('replicas')} → {new['spec'].get('replicas')}")
    was, is_ = (_images(item) for item in (old, new))
    told += [f"{name}: image {_tag(was.get(item))} → {_tag(ref)}" for item, ref in is_.items() if was.get(item) != ref]
    return told or [f"{kind} {name}"]


def _images(deployment: Mapping[str, Any]) -> dict[str, str | None]:
    spec = deployment["spec"]["template"]["spec"]
    return {item["name"]: item.get("image") for item in (*(spec.get("initContainers") or ()), *spec["containers"])}


def _tag(ref: str | None) -> str:
    return ref.rpartition(":")[2] if ref else "none"
