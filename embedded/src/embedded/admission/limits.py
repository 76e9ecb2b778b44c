"""LimitRange: default requests and limits of containers, and their bounds."""

from __future__ import annotations

from typing import Any

from embedded import errors
from embedded.objects import quantity
from embedded.store import Store


def admit(
    store: Store, operation: str, resource: str, obj: dict[str, Any], old: dict[str, Any] | None, subresource: str
) -> None:
    """Give a new pod's containers the namespace's defaults, then hold them against its bounds."""
    if operation != "CREATE" or resource != "pods":
        return
    ranges = store.list("limitranges", obj["metadata"].get("namespace", ""))
    items = [item for found in ranges for item in found["spec"].get("limits", ()) if item["type"] == "Container"]
    if not items:
        return
    spec = obj["spec"]
    containers = [*spec.get("containers", ()), *(spec.get("initContainers") or ())]
    set_by: list[str] = []
    for container in containers:
        set_by += _fill(container, items)
    if set_by:
        annotations = obj["metadata"].setdefault("annotations", {})
        annotations["kubernetes.io/limit-ranger"] = "LimitRanger plugin set: " + "; ".join(set_by)
    problems = [problem for container in containers for item in items for problem in _check(container, item)]
    if problems:
        text = problems[0] if len(problems) == 1 else f"[{', '.join(problems)}]"
        raise errors.forbidden("pods", obj["metadata"]["name"], text)


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


def _check(container: dict[str, Any], item: dict[str, Any]) -> list[str]:
    resources = container.get("resources", {})
    requests, limits = resources.get("requests", {}), resources.get("limits", {})
    found = []
    for name, bound in sorted((item.get("min") or {}).items()):
        have = requests.get(name)
        if have is None:
            found.append(f"minimum {name} usage per Container is {bound}.  No request is specified")
        elif quantity.parse(have) < quantity.parse(bound):
            found.append(f"minimum {name} usage per Container is {bound}, but request is {have}")
    for name, bound in sorted((item.get("max") or {}).items()):
        have = limits.get(name)
        if have is None:
            found.append(f"maximum {name} usage per Container is {bound}.  No limit is specified")
        elif quantity.parse(have) > quantity.parse(bound):
            found.append(f"maximum {name} usage per Container is {bound}, but limit is {have}")
    return found
