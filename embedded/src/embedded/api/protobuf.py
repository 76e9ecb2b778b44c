"""Request bodies in application/vnd.kubernetes.protobuf, read into the JSON form of the same object.

Clients built on client-go send built-in kinds this way; replies are JSON, which they accept. `data/protobuf.json`
maps each message's field numbers to "name type": a scalar, a special form or another message, followed by "[]" where
repeated and "{}" where a map. "?" marks scalars for which zero is not the same as absent. A field without a name is
written in place of itself.
"""

from __future__ import annotations

import base64
import functools
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from embedded.errors import ApiError
from embedded.objects.values import micro_timestamp, timestamp

MAGIC = b"k8s\0"
MEDIA_TYPE = "application/vnd.kubernetes.protobuf"
SOURCE = Path(__file__).parent.parent / "data" / "protobuf.json"
SPECIAL = frozenset({"time", "microtime", "quantity", "intstr", "raw"})
VARINTS = frozenset({"bool", "int32", "int64", "uint32", "uint64"})


@functools.cache
def _messages() -> dict[str, dict[str, str]]:
    messages: dict[str, dict[str, str]] = json.loads(SOURCE.read_text())
    return messages


def decode(body: bytes) -> dict[str, Any]:
    """Return the object in a runtime.Unknown envelope; raises 400 when it is not one of a known kind."""
    if not body.startswith(MAGIC):
        raise ApiError(400, "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    try:
        envelope = {number: value for number, _, value in _fields(body[len(MAGIC) :])}
        meta = {number: value.decode() for number, _, value in _fields(envelope.get(1, b""))}
        version, kind = meta.get(1, ""), meta.get(2, "")
        return {"apiVersion": version, "kind": kind, **_message(_name(version, kind), envelope.get(2, b""))}
    except (IndexError, struct.error, UnicodeDecodeError, AttributeError, TypeError) as error:
        raise ApiError(400, f"unable to decode protobuf: {error}") from error


def _name(version: str, kind: str) -> str:
    if kind == "DeleteOptions":
        return "apis.meta.v1.DeleteOptions"
    group, _, number = version.rpartition("/")
    name = f"{group.partition('.')[0] or 'core'}.{number}.{kind}"
    if name not in _messages():
        raise ApiError(400, f'no kind "{kind}" is registered for version "{version}"')
    return name


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    value: Any
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        wire = tag & 7
        if wire == 0:
            value, at = _varint(data, at)
        elif wire == 1:
            value, at = struct.unpack_from("<d", data, at)[0], at + 8
        elif wire == 2:
            size, at = _varint(data, at)
            value, at = data[at : at + size], at + size
            if len(value) != size:
                raise IndexError("unexpected EOF")
        elif wire == 5:
            value, at = struct.unpack_from("<f", data, at)[0], at + 4
        else:
            raise IndexError(f"wire type {wire}")
        yield tag >> 3, wire, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _message(name: str, data: bytes) -> dict[str, Any]:
    known = _messages()[name]
    result: dict[str, Any] = {}
    for number, _, raw in _fields(data):
        spec = known.get(str(number))
        if spec is None:
            continue
        field, _, form = spec.partition(" ")
        if form.endswith("[]"):
            result.setdefault(field, []).append(_value(form[:-2], raw))
        elif form.endswith("{}"):
            entry = {inner: value for inner, _, value in _fields(raw)}
            result.setdefault(field, {})[entry.get(1, b"").decode()] = _value(form[:-2], entry.get(2, b""))
        elif not field:
            result.update(_value(form, raw))
        else:
            value = _value(form.rstrip("?"), raw)
            if form.endswith("?") or value not in ("", 0, None):
                result[field] = value
    return result


def _value(form: str, raw: Any) -> Any:
    if form == "string":
        return raw.decode()
    if form == "bytes":
        return base64.b64encode(raw).decode()
    if form == "bool":
        return bool(raw)
    if form in VARINTS:
        return raw - (1 << 64) if raw >= 1 << 63 else raw
    if form == "double":
        return raw
    if form in SPECIAL:
        return _special(form, {number: value for number, _, value in _fields(raw)})
    return _message(form, raw)


def _special(form: str, fields: dict[int, Any]) -> Any:
    if form == "raw":
        return json.loads(fields[1]) if fields.get(1) else None
    if form == "quantity":
        return fields.get(1, b"0").decode()
    if form == "intstr":
        return fields.get(3, b"").decode() if fields.get(1) else fields.get(2, 0)
    if not fields.get(1):
        return None
    seconds, nanos = fields[1], fields.get(2, 0)
    return timestamp(seconds) if form == "time" else micro_timestamp(seconds + nanos / 1e9)
