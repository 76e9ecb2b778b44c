"""Read from a request's path its kind, namespace, name and subresource."""

from __future__ import annotations

import dataclasses

from embedded.errors import ApiError
from embedded.kinds import BY_PATH, Kind


@dataclasses.dataclass(frozen=True)
class RequestInfo:
    """One resource, object or subresource; `rest` is what follows a proxy subresource."""

    kind: Kind
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""


def parse(path: str) -> RequestInfo | None:
    """Return the target of a resource path; None for all other paths. Raises 404 for a resource that is not served."""
    parts = [part for part in path.split("/") if part]
    if len(parts) >= 3 and parts[0] == "api":
        group, version, parts = "", parts[1], parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, parts = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if parts[0] == "namespaces" and len(parts) >= 3 and (group, version, parts[2]) in BY_PATH:
        namespace, parts = parts[1], parts[2:]
    kind = BY_PATH.get((group, version, parts[0]))
    if kind is None or (namespace and not kind.namespaced):
        raise ApiError(404, "the server could not find the requested resource", details={})
    name = parts[1] if len(parts) > 1 else ""
    subresource = parts[2] if len(parts) > 2 else ""
    if subresource == "proxy":
        rest = path.split("/proxy", 1)[1]
        return RequestInfo(kind, namespace, name, subresource, rest)
    if len(parts) > 3 or (subresource and subresource not in kind.subresources):
        raise ApiError(404, "the server could not find the requested resource", details={})
    return RequestInfo(kind, namespace, name, subresource)
