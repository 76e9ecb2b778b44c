"""LimitRange: default requests and limits of containers, and bounds of containers, pods and claims."""

from __future__ import annotations

from typing import Any

from embedded import errors
from embedded.objects import quantity
from embedded.objects.pod_resources import SIDES, containers_of, names_of, total
from embedded.store import Store


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> None:
    """Give a new pod's containers the namespace's defaults, then hold pod, containers or claim against its bounds."""
    if operation != "CREATE" or resource not in ("pods", "persistentvolumeclaims"):
        return
    ranges = store.list("limitranges", obj["metadata"].get("namespace", ""))
    items = [item for found in ranges for item in found["spec"].get("limits", ())]
    if resource == "pods":
        _complete(obj, [item for item in items if item["type"] == "Container"])
        problems = [problem for item in items for problem in _of_pod(obj["spec"], item)]
    else:
        claims = [item for item in items if item["type"] == "PersistentVolumeClaim"]
        problems = [problem for item in claims for problem in _check(obj["spec"].get("resources", {}), item)]
    if problems:
        text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise errors.forbidden(resource, obj["metadata"]["name"], text)


def _complete(pod: dict[str, Any], items: list[dict[str, Any]]) -> None:
    """Fill in what containers do not say, and note on the pod what that was."""
    if items and (set_by := [said for container in containers_of(pod["spec"]) for said in _fill(container, items)]):
        annotations = pod["metadata"].setdefault("annotations", {})
        annotations["kubernetes.io/limit-ranger"] = "LimitRanger plugin set: " + "; ".join(set_by)


def _of_pod(spec: dict[str, Any], item: dict[str, Any]) -> list[str]:
    """Return what a range has against a pod's containers, or against all of them together."""
    if item["type"] == "Container":
        return [problem for one in containers_of(spec) for problem in _check(one.get("resources", {}), item)]
    return _check(_whole(spec, item), item) if item["type"] == "Pod" else []


def _whole(spec: dict[str, Any], item: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Return what a pod asks for as a whole, of what a range is about."""
    names = {name for bound in ("min", "max", "maxLimitRequestRatio") for name in item.get(bound) or {}}
    return {
        side: {
            name: quantity.text(total(spec, side, name), "Mi" if name == "memory" else "")
            for name in names & names_of(spec, side)
        }
        for side in SIDES
    }


def _fill(container: dict[str, Any], items: list[dict[str, Any]]) -> list[str]:
    resources = container.setdefault("resources", {})
    said = []
    for side, source in (("limits", "default"), ("requests", "defaultRequest")):
        added = []
        for item in items:
            for name, amount in (item.get(source) or {}).items():
                if name not in resources.get(side, {}):
                    resources.setdefault(side, {})[name] = amount
                    added.append(name)
        if added:
            word = "limit" if side == "limits" else "request"
            said.append(f"{', '.join(sorted(added))} {word} for container {container['name']}")
    return list(reversed(said))


def _check(resources: dict[str, Any], item: dict[str, Any]) -> list[str]:
    """Return what a range has against requests and limits, in the real words."""
    kind, given = item["type"], {side: resources.get(f"{side}s") or {} for side in ("request", "limit")}
    found = []
    for name, bound in sorted((item.get("min") or {}).items()):
        low = [side for side in given if name in given[side] and _less(given[side][name], bound)]
        missing = name not in given["request"]
        found += _said(f"minimum {name} usage per {kind} is {bound}", name, given, low, "request" if missing else "")
    for name, bound in sorted((item.get("max") or {}).items()):
        high = [side for side in ("limit", "request") if name in given[side] and _less(bound, given[side][name])]
        # A claim has no limits: there the request is held against the bound.
        missing = kind != "PersistentVolumeClaim" and name not in given["limit"]
        found += _said(f"maximum {name} usage per {kind} is {bound}", name, given, high, "limit" if missing else "")
    for name, bound in sorted((item.get("maxLimitRequestRatio") or {}).items()):
        found += _ratio(kind, name, str(bound), given)
    return found


def _less(one: str, other: str) -> bool:
    return quantity.parse(one) < quantity.parse(other)


def _said(bound: str, name: str, given: dict[str, dict[str, Any]], wrong: list[str], missing: str) -> list[str]:
    if missing:
        return [f"{bound}.  No {missing} is specified"]
    return [f"{bound}, but {wrong[0]} is {given[wrong[0]][name]}"] if wrong else []


def _ratio(kind: str, name: str, bound: str, given: dict[str, dict[str, Any]]) -> list[str]:
    """Return what a range has against how much more than its request something may use."""
    said = f"{name} max limit to request ratio per {kind} is {bound}"
    request, limit = (quantity.parse(given[side].get(name, 0)) for side in ("request", "limit"))
    if not request or not limit:
        side = "request" if not request else "limit"
        return [f"{said}, but no {side} is specified or {side} is 0"]
    ratio = limit / request
    return [f"{said}, but provided ratio is {float(ratio):f}"] if ratio > quantity.parse(bound) else []
