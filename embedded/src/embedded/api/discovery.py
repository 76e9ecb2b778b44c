"""Discovery: which groups, versions and resources are served, in the plain and the aggregated form."""

from __future__ import annotations

import base64
import functools
import hashlib
from typing import Any

from embedded import kinds
from embedded.kinds import Kind
from embedded.objects import custom

VERSION = {
    "major": "1",
    "minor": "36",
    "emulationMajor": "1",
    "emulationMinor": "36",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "35",
    "gitVersion": "v1.36.2",
    "gitCommit": "8e16b12fda5b1dccc41a6de48b3e356cc7d5048b",
    "gitTreeState": "",
    "buildDate": "1970-01-01T00:00:00Z",
    "goVersion": "go1.27.3",
    "compiler": "gc",
    "platform": "linux/amd64",
}
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
METRICS = "metrics.k8s.io"

# Subresources whose objects are of another kind, or that take other verbs than status does.
GET_PUT = ("get", "patch", "update")
SUBRESOURCES: dict[str, tuple[str, str, str, tuple[str, ...]]] = {
    "binding": ("", "", "Binding", ("create",)),
    "eviction": ("policy", "v1", "Eviction", ("create",)),
    "exec": ("", "", "PodExecOptions", ("create", "get")),
    "finalize": ("", "", "", ("update",)),
    "log": ("", "", "", ("get",)),
    "proxy": ("", "", "{}ProxyOptions", ("create", "delete", "get", "patch", "update")),
    "portforward": ("", "", "PodPortForwardOptions", ("create", "get")),
    "token": ("authentication.k8s.io", "v1", "TokenRequest", ("create",)),
    "scale": ("autoscaling", "v1", "Scale", GET_PUT),
}


def _subresource(kind: Kind, name: str) -> tuple[str, str, str, tuple[str, ...]]:
    group, version, answer, verbs = SUBRESOURCES.get(name, ("", "", "", GET_PUT))
    return group, version, answer.format(kind.kind) or kind.kind, verbs


def storage_hash(kind: Kind) -> str:
    """Return what the server shows for the version an object is stored in."""
    stored = kinds.BY_RESOURCE.get(kind.storage, kind)
    text = f"{stored.group}/{stored.version}/{stored.kind}"
    return base64.b64encode(hashlib.sha256(text.encode()).digest()[:8]).decode()


def groups() -> dict[str, dict[str, list[Kind]]]:
    """Return the kinds by group and version, the core group ("") and the preferred version first."""
    return _groups(kinds.changes)


@functools.lru_cache(maxsize=1)
def _groups(changes: int) -> dict[str, dict[str, list[Kind]]]:
    found: dict[str, dict[str, list[Kind]]] = {}
    for kind in sorted(kinds.every(), key=lambda kind: kind.plural):
        found.setdefault(kind.group, {}).setdefault(kind.version, []).append(kind)
    order = dict.fromkeys(kind.group for kind in kinds.every())
    return {
        name: dict(sorted(found[name].items(), key=lambda item: custom.priority(item[0]), reverse=True))
        for name in order
    }


def _metrics() -> list[dict[str, Any]]:
    return [
        {
            "name": plural,
            "singularName": "",
            "namespaced": namespaced,
            "kind": kind,
            "verbs": ["get", "list"],
        }
        for plural, kind, namespaced in (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))
    ]


def api_versions(address: str) -> dict[str, Any]:
    """Answer GET /api."""
    servers = [{"clientCIDR": "0.0.0.0/0", "serverAddress": address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": servers}


def group(name: str, *versions: str) -> dict[str, Any]:
    """Return one entry of GET /apis."""
    entries = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": entries, "preferredVersion": entries[0]}


def group_list() -> dict[str, Any]:
    """Answer GET /apis."""
    entries = [group(name, *versions) for name, versions in groups().items() if name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [*entries, group(METRICS, "v1beta1")]}


def resources(name: str, version: str) -> dict[str, Any] | None:
    """Answer GET /apis/GROUP/VERSION (or /api/v1); None when that is not served."""
    if (name, version) == (METRICS, "v1beta1"):
        listed = _metrics()
    else:
        rows = groups().get(name, {}).get(version, [])
        if not rows:
            return None
        listed = [entry for kind in rows for entry in _plain(kind)]
    result: dict[str, Any] = {"kind": "APIResourceList"}
    if name:
        result["apiVersion"] = "v1"
    return result | {"groupVersion": f"{name}/{version}" if name else version, "resources": listed}


def _plain(kind: Kind) -> list[dict[str, Any]]:
    entry: dict[str, Any] = {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if "list" in kind.verbs:
        entry["storageVersionHash"] = storage_hash(kind)
    entries = [entry]
    for name in kind.subresources:
        group_name, version, answer, verbs = _subresource(kind, name)
        sub: dict[str, Any] = {"name": f"{kind.plural}/{name}", "singularName": "", "namespaced": kind.namespaced}
        if group_name:
            sub |= {"group": group_name, "version": version}
        entries.append(sub | {"kind": answer, "verbs": list(verbs)})
    return entries


def aggregated(core: bool) -> dict[str, Any]:
    """Answer GET /api or /apis as an APIGroupDiscoveryList."""
    items = []
    for name, versions in groups().items():
        if bool(name) == core:
            continue
        listed = [
            {"version": version, "resources": [_aggregated(kind) for kind in rows], "freshness": "Current"}
            for version, rows in versions.items()
        ]
        items.append({"metadata": {"name": name} if name else {}, "versions": listed})
    if not core:
        measured = [
            {
                "resource": entry["name"],
                "responseKind": {"group": METRICS, "version": "v1beta1", "kind": entry["kind"]},
                "scope": "Namespaced" if entry["namespaced"] else "Cluster",
                "singularResource": "",
                "verbs": entry["verbs"],
            }
            for entry in _metrics()
        ]
        version = {"version": "v1beta1", "resources": measured, "freshness": "Current"}
        items.append({"metadata": {"name": METRICS}, "versions": [version]})
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def _aggregated(kind: Kind) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "resource": kind.plural,
        "responseKind": {"group": "", "version": "", "kind": kind.kind},
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": list(kind.verbs),
    }
    if kind.short_names:
        entry["shortNames"] = list(kind.short_names)
    if kind.categories:
        entry["categories"] = list(kind.categories)
    if kind.subresources:
        entry["subresources"] = []
    for name in kind.subresources:
        group_name, version, answer, verbs = _subresource(kind, name)
        answer_kind = {"group": group_name, "version": version, "kind": answer}
        entry["subresources"].append({"subresource": name, "responseKind": answer_kind, "verbs": list(verbs)})
    return entry
