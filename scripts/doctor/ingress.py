"""Check that an IngressClass is more than a name: look for its controller among what runs. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

# In the names of controllers, `DOMAIN/PATH`, what says nothing of which one it is.
COMMON = {"io", "com", "org", "net", "dev", "sh", "cloud", "the", "k", "s", "controllers", "controller", "networking"}
BUILT_IN = "embedded/router"  # which is no workload


def controller_ready(classes: Sequence[Any], workloads: Sequence[Any] | None) -> tuple[bool, str]:
    """Return whether the controller of an IngressClass has a ready pod, and where there is only the class, why not.

    `classes` and `workloads` (Deployments and DaemonSets) are objects as the API server gives them; None where those
    could not be listed.
    """
    wanted = [name for item in classes if (name := _controller(item))]
    if not classes or BUILT_IN in wanted:
        return bool(classes), ""
    if workloads is None:
        return False, "there is an IngressClass, but whether its controller runs cannot be told"
    found = list(_serving(wanted, workloads))
    if not found:
        return False, f"there is an IngressClass, but no controller was found: {', '.join(wanted) or 'it names none'}"
    ready = [item for item in found if _ready_pods(_part(item, "status"))]
    names = ", ".join(f"{_part(item, 'metadata').get('namespace')}/{_name(item)}" for item in found)
    return bool(ready), "" if ready else f"there is an IngressClass, but its controller {names} has no ready pod"


def _serving(controllers: Sequence[str], workloads: Sequence[Any]) -> Iterator[Mapping[str, Any]]:
    """Yield workloads that bear a word of a controller's name, as `traefik` does of `traefik.io/ingress-controller`."""
    words = {word for name in controllers for word in re.findall(r"[a-z]+", name.lower())} - COMMON
    for item in workloads:
        if isinstance(item, Mapping) and words & set(re.findall(r"[a-z]+", _name(item))):
            yield item


def _controller(ingress_class: Any) -> str:
    return str(_part(ingress_class, "spec").get("controller") or "")


def _name(item: Mapping[str, Any]) -> str:
    return str(_part(item, "metadata").get("name") or "")


def _part(item: Any, key: str) -> Mapping[str, Any]:
    part = item.get(key) if isinstance(item, Mapping) else None
    return part if isinstance(part, Mapping) else {}


def _ready_pods(status: Mapping[str, Any]) -> bool:
    return any(isinstance(pods := status.get(key), int) and pods > 0 for key in ("readyReplicas", "numberReady"))
