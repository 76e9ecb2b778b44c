"""Fields of a release's objects that somebody else set: by `kubectl edit`, `patch` or `set`, or another tool.

A server-side apply leaves what it does not state, so such a field outlives every deploy, whatever helm says of it.
Everything here decides by metadata.managedFields, in which the API server says who set which field; nothing acts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from scripts.host import parsing
from scripts.kube.objects import Object, place

HELM = "helm"
OURS = (HELM, "todo-chatbot")
SYSTEM = re.compile(
    r"(kube-(controller-manager|scheduler|apiserver)|kubelet|cloud-controller-manager|k3s|vpa-.*|keda.*)$"
)
KINDS = ("Deployment", "StatefulSet", "DaemonSet", "Service", "ConfigMap")
AUTOSCALER = "HorizontalPodAutoscaler"
PARTS = ("f:spec", "f:data", "f:binaryData")
# What a restart and a renewed Secret write into a pod template, which is to make new pods and nothing else.
MARKS = ("f:kubectl.kubernetes.io/restartedAt", "f:checksum/secrets")
DEFAULTS = {"protocol": "TCP"}  # of keys of list items, which a manifest need not say
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*$")


@dataclass(frozen=True)
class ManualChange:
    """A field that is not as the release has it. `path` is a jsonpath, `pointer` the same as in a JSON patch.

    `stated` says that the release's manifest sets it, so that a deploy puts it back. `manager` is empty for one that
    was taken away, as nobody owns what is not there.
    """

    kind: str
    namespace: str
    name: str
    path: str
    pointer: str = ""
    key: tuple[str, str] = ("", "")
    manager: str = ""
    time: str = ""
    stated: bool = False

    @property
    def label(self) -> str:
        """Return what is changed: `deployment/backend .spec.replicas`."""
        return f"{self.kind.lower()}/{self.name} {self.path}"

    @property
    def who(self) -> str:
        """Return who set it and when, in words."""
        return f"set by {self.manager}{f' at {self.time}' if self.time else ''}" if self.manager else "taken away"

    @property
    def removal(self) -> list[str]:
        """Return the words of the kubectl call that removes the field, and does nothing if it is not there any more."""
        key, value = self.key
        steps = [{"op": "test", "path": key, "value": value}] if key else []
        patch = json.dumps([*steps, {"op": "remove", "path": self.pointer}], separators=(",", ":"))
        return ["patch", self.kind.lower(), self.name, "--namespace", self.namespace, "--type=json", f"--patch={patch}"]


@dataclass(frozen=True)
class _Step:
    """A way from a value to one inside of it: how a person says it, and its key or index there."""

    text: str
    token: str
    value: Any
    key: tuple[str, str] = ("", "")


def of_release(live: Iterable[Object], manifest: Iterable[Object], namespace: str) -> list[ManualChange]:
    """Return what is not as a release's manifest and nobody else has it, in the objects of `KINDS`.

    `namespace` is where objects are that the manifest gives none.
    """
    items = list(live)
    there = {place(item, namespace): item for item in items}
    scaled = {_scaled_by(item, namespace) for item in items if item.get("kind") == AUTOSCALER}
    found = []
    for wanted in manifest:
        if wanted.get("kind") in KINDS and (item := there.get(place(wanted, namespace))):
            found += [*of_object(item, wanted), *_taken_away(item, wanted)]
            found += [] if place(wanted, namespace) in scaled else _replicas(item, wanted)
    return found


def _scaled_by(autoscaler: Object, namespace: str) -> tuple[str, str, str]:
    """Return what an autoscaler sets the replicas of."""
    target = autoscaler.get("spec", {}).get("scaleTargetRef", {})
    return str(target.get("kind")), str(autoscaler["metadata"].get("namespace") or namespace), str(target.get("name"))


def _replicas(live: Object, manifest: Object) -> Iterator[ManualChange]:
    """Yield the replicas of a workload where somebody scaled it to others than the manifest states."""
    wanted, there = ((one.get("spec") or {}).get("replicas") for one in (manifest, live))
    if isinstance(wanted, int) and isinstance(there, int) and wanted != there:
        entries = live["metadata"].get("managedFields") or ()
        scale: Mapping[str, Any] = next((one for one in entries if one.get("subresource") == "scale"), {})
        who, when = str(scale.get("manager", "")), str(scale.get("time", ""))
        yield ManualChange(*place(live), ".spec.replicas", "/spec/replicas", manager=who, time=when, stated=True)


def of_object(live: Object, manifest: Object | None = None) -> list[ManualChange]:
    """Return the fields that others than helm and the cluster set in an object of helm's; none in one of others.

    Without its manifest none of them is known to be `stated`.
    """
    entries = [one for one in live["metadata"].get("managedFields") or () if not one.get("subresource")]
    if not any(one.get("manager") == HELM for one in entries):
        return []
    owned: Mapping[str, Any] = {}
    for one in entries:
        if one.get("manager") in OURS:
            owned = _union(owned, one.get("fieldsV1") or {})
    found: dict[str, ManualChange] = {}
    for one in entries:
        manager = str(one.get("manager", ""))
        if manager in OURS or SYSTEM.match(manager):
            continue
        tree = _unmarked({key: child for key, child in (one.get("fieldsV1") or {}).items() if key in PARTS})
        for steps, stated in _outermost(tree, owned, live, manifest):
            field = _foreign(live, steps, manager, str(one.get("time", "")), stated=stated)
            found.setdefault(field.path, field)
    return list(found.values())


def _union(one: Mapping[str, Any], other: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the fields of two sets; of what only one of them has nothing is copied, as most is that of one owner."""
    if not one or not other:
        return one or other
    return {**one, **{key: _union(one.get(key, {}), child) for key, child in other.items()}}


def _unmarked(tree: Mapping[str, Any]) -> dict[str, Any]:
    """Return a set of fields without the marks, and without what holds nothing but marks."""
    kept = {key: (_unmarked(child), child) for key, child in tree.items() if key not in MARKS}
    return {key: less for key, (less, child) in kept.items() if less.keys() - {"."} or not child.keys() - {"."}}


def _outermost(
    tree: Mapping[str, Any], owned: Mapping[str, Any], live: Any, manifest: Any
) -> Iterator[tuple[list[_Step], bool]]:
    """Yield the way to each outermost field of a set that is not among the owned ones, and whether it is stated."""
    for key, child in tree.items():
        step = _step(key, live) if key != "." else None
        if step is None:
            continue
        wanted = _step(key, manifest)
        inner = {name: one for name, one in child.items() if name != "."}
        if key not in owned and (not inner or (wanted is None and "." in child)):
            yield [step], wanted is not None
        elif inner:
            below = _outermost(inner, owned.get(key, {}), step.value, wanted.value if wanted else None)
            yield from (([step, *steps], stated) for steps, stated in below)


def _step(key: str, value: Any) -> _Step | None:
    """Return the way that an element of a field set leads from a value, None where it leads nowhere."""
    sort, _, text = key.partition(":")
    if sort == "f":
        return _entry(text, value[text]) if isinstance(value, Mapping) and text in value else None
    if not isinstance(value, list):
        return None
    if sort == "k":
        wanted = parsing.from_json(text)
        same = (index for index, item in enumerate(value) if isinstance(item, Mapping) and _has(item, wanted))
        return _item(value, next(same, None), wanted)
    wanted = parsing.from_json(text)
    index = wanted if sort == "i" else next((at for at, item in enumerate(value) if item == wanted), None)
    return _Step(f"[{index}]", str(index), value[index]) if index is not None and index < len(value) else None


def _has(item: Mapping[str, Any], key: Mapping[str, Any]) -> bool:
    return all(item.get(name, DEFAULTS.get(name)) == value for name, value in key.items())


def _entry(name: str, value: Any) -> _Step:
    text = f".{name}" if WORD.match(name) else "['" + name.replace(".", "\\.") + "']"
    return _Step(text, name.replace("~", "~0").replace("/", "~1"), value)


def _item(items: Sequence[Any], index: int | None, key: Mapping[str, Any]) -> _Step | None:
    if index is None:
        return None
    name, value = next(iter(sorted(key.items(), key=lambda one: one[0] == "protocol")))
    return _Step(f"[?(@.{name}=={json.dumps(value)})]", str(index), items[index], (name, value))


def _foreign(live: Object, steps: Sequence[_Step], manager: str, time: str, *, stated: bool) -> ManualChange:
    pointer, key = "", ("", "")
    for step in steps:
        pointer += f"/{step.token}"
        if step.key[0]:  # an index means another item as soon as somebody changes the list, so the item is named too
            key = (f"{pointer}/{step.key[0]}", step.key[1])
    path = "".join(step.text for step in steps)
    return ManualChange(*place(live), path, pointer, key, manager, time, stated)


def _taken_away(live: Object, manifest: Object) -> Iterator[ManualChange]:
    """Yield the fields that the manifest states and the object lacks; what is empty or zero need not be shown.

    Whoever takes a field away takes it from its owner too. One that helm owns still was dropped by the API server, as
    one of a feature that it has not: no deploy would bring it.
    """
    owned: Mapping[str, Any] = {}
    for one in live["metadata"].get("managedFields") or ():
        if one.get("manager") == HELM and not one.get("subresource"):
            owned = _union(owned, one.get("fieldsV1") or {})
    for part in PARTS:
        name = part.removeprefix("f:")
        for path in _lacking(manifest.get(name), live.get(name), owned.get(part) or {}):
            yield ManualChange(*place(live), f".{name}{path}", stated=True)


def _lacking(wanted: Any, live: Any, owned: Mapping[str, Any]) -> Iterator[str]:
    if isinstance(wanted, Mapping) and wanted:
        for name, value in wanted.items():
            inner = live.get(name) if isinstance(live, Mapping) else None
            below = _lacking_here(value, inner, owned.get(f"f:{name}"))
            yield from (f"{_entry(str(name), None).text}{path}" for path in below)
    elif isinstance(wanted, list) and isinstance(live, list):
        there = {item["name"]: item for item in live if isinstance(item, Mapping) and "name" in item}
        for item in wanted:
            if isinstance(item, Mapping) and "name" in item:
                below = _lacking_here(item, there.get(item["name"]), _owned_item(owned, item["name"]))
                yield from (f"[?(@.name=={json.dumps(item['name'])})]{path}" for path in below)


def _lacking_here(wanted: Any, live: Any, owned: Mapping[str, Any] | None) -> Iterator[str]:
    if live is None:
        yield from [""] if owned is None and _says_something(wanted) else []
    else:
        yield from _lacking(wanted, live, owned or {})


def _owned_item(owned: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """Return what is owned of the item of a list that has this name."""
    same = (child for key, child in owned.items() if key.startswith("k:") and _is_named(key, name))
    return next(same, None)


def _is_named(key: str, name: str) -> bool:
    found = parsing.from_json(key.removeprefix("k:"))
    return isinstance(found, Mapping) and found.get("name") == name


def _says_something(value: Any) -> bool:
    """Return whether a value is more than what a server leaves out: nothing, zero, or made of these alone."""
    if isinstance(value, Mapping):
        return any(_says_something(one) for one in value.values())
    return bool(value)
