"""OpenAPI v2, as far as clients ask it: whether the server validates fields itself. Protobuf, as kubectl wants it.

kubectl looks there for lists of objects (`kind: List`). Source of the numbers: openapiv2/OpenAPIv2.proto of gnostic.
"""

from __future__ import annotations

import json

from embedded import kinds
from embedded.kinds import Kind

MEDIA_TYPE = (
    "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"  # as clients can read it: they ask with an "@"
)
PARAMETERS = ("dryRun", "fieldManager", "fieldValidation")


def document() -> bytes:
    """Return the document: the path of every kind that can be patched, with the parameters of its patch."""
    info = _field(1, b"Kubernetes") + _field(2, b"v1.36.2")
    paths = b"".join(_path(kind) for kind in kinds.every() if "patch" in kind.verbs)
    return _field(1, b"2.0") + _field(2, info) + _field(8, paths)


def _path(kind: Kind) -> bytes:
    inner = f"/namespaces/{{namespace}}/{kind.plural}" if kind.namespaced else f"/{kind.plural}"
    gvk = json.dumps({"group": kind.group, "version": kind.version, "kind": kind.kind})
    extension = _field(1, b"x-kubernetes-group-version-kind") + _field(2, _field(2, gvk.encode()))
    patch = b"".join(_field(8, _parameter(name)) for name in PARAMETERS) + _field(13, extension)
    named = _field(1, f"{kind.path}{inner}/{{name}}".encode()) + _field(2, _field(8, patch))
    return _field(2, named)


def _parameter(name: str) -> bytes:
    query = _field(2, b"query") + _field(4, name.encode()) + _field(6, b"string")
    return _field(1, _field(2, _field(3, query)))


def _field(number: int, data: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(data)) + data


def _varint(value: int) -> bytes:
    made = bytearray()
    while value > 127:
        made.append(value & 127 | 128)
        value >>= 7
    return bytes((*made, value))
