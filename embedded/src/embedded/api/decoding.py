"""Bodies of requests: JSON, YAML or protobuf, and what strict decoding refuses in them."""

from __future__ import annotations

import json
import re
from typing import Any

from embedded.api import protobuf
from embedded.errors import ApiError
from embedded.kinds import Kind
from embedded.objects import managed, quantity, schema
from embedded.objects.schema import Field

JSON = "application/json"
YAML = ("application/yaml", "application/apply-patch+yaml")


def parse(content_type: str, body: bytes) -> tuple[Any, list[str]]:
    """Return the value of a body and the complaints of strict decoding so far (duplicate fields).

    Raises 400 on a body that is not what its content type says and 415 on an unknown content type.
    """
    if content_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(body), []
    problems: list[str] = []
    if content_type.endswith("json") or not content_type:
        return _json(body, problems), problems
    if content_type in YAML:
        text = body.lstrip()
        if text.startswith(b"{"):
            return _json(body, problems), problems
        return _yaml(body), problems
    raise ApiError(
        415,
        "the body of the request was in an unknown format - accepted media types include: "
        "application/json, application/yaml, application/vnd.kubernetes.protobuf",
    )


def _json(body: bytes, problems: list[str]) -> Any:
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(items)
        if len(found) != len(items):
            seen: set[str] = set()
            for key, _ in items:
                if key in seen:
                    problems.append(f'duplicate field "{key}"')
                seen.add(key)
        return found

    try:
        return json.loads(body, object_pairs_hook=pairs)
    except ValueError as error:
        raise ApiError(400, f"error decoding request body: {error}") from error


def _yaml(body: bytes) -> Any:
    import yaml

    class Loader(yaml.SafeLoader):
        """Reads times as the text they are."""

        yaml_implicit_resolvers = {  # noqa: RUF012 - the loader's own way to be told
            char: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
            for char, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    try:
        return yaml.load(body, Loader)  # noqa: S506 - a safe loader, less the times
    except yaml.YAMLError as error:
        raise ApiError(400, f"error decoding YAML: {error}") from error


def check_identity(kind: Kind, obj: Any) -> dict[str, Any]:
    """Return the body as an object of that kind; raises 400 when it is another."""
    if not isinstance(obj, dict):
        raise ApiError(400, f"{kind.kind} in version {json.dumps(kind.api_version)} cannot be handled as a {kind.kind}")
    version, name = obj.get("apiVersion", kind.api_version), obj.get("kind", kind.kind)
    if (version, name) != (kind.api_version, kind.kind):
        raise ApiError(
            400,
            f"the object provided is unrecognized (must be of type {kind.kind}): "
            f"couldn't get version/kind; json parse error: got {version}, Kind={name}",
        )
    metadata = obj.setdefault("metadata", {})
    if metadata is None:
        obj["metadata"] = {}
    return obj


def check_fields(kind: Kind, obj: dict[str, Any], problems: list[str], mode: str) -> list[str]:
    """Apply field validation (Strict, Warn or Ignore) to a decoded object, dropping unknown fields in place.

    Returns the warnings; raises 400 for a wrong type always, for unknown and duplicate fields when Strict.
    """
    if schema.of(kind) is not None:
        unknown: list[str] = []
        _walk(kind, managed.root_field(kind), obj, "", unknown)
        problems = [*problems, *unknown]
    if problems and mode == "Strict":
        raise ApiError(
            400,
            f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: '
            f"strict decoding error: {', '.join(problems)}",
        )
    return problems if mode == "Warn" else []


def _walk(kind: Kind, field: Field, value: Any, path: str, unknown: list[str]) -> None:
    if value is None or field.type == "any":
        return
    if not _fits(field, value):
        if kind.custom:  # its schema has the word for it
            return
        raise _wrong_type(kind, field, value, path)
    if field.format == "byte" and not kind.custom:
        _base64(kind, value)
    if field.ref:
        known = schema.named(field.ref).fields
        for name in list(value):
            where = f"{path}.{name}" if path else name
            if name in known:
                if value[name] is None:
                    del value[name]
                elif known[name].type == "quantity":
                    value[name] = _amount(kind, value[name])
                else:
                    _walk(kind, known[name], value[name], where, unknown)
            elif not schema.named(field.ref).open:
                unknown.append(f'unknown field "{where}"')
                del value[name]
    elif field.items is not None:
        for index, item in enumerate(value):
            _walk(kind, field.items, item, f"{path}[{index}]", unknown)
    elif field.values is not None and field.values.type == "quantity":
        for name, item in value.items():
            value[name] = _amount(kind, item)
    elif field.values is not None:
        for name, item in value.items():
            _walk(kind, field.values, item, f"{path}.{name}", unknown)


def _base64(kind: Kind, value: str) -> None:
    """Raise 400 where bytes are not in base64, as where a value was put into `data` that belongs into `stringData`."""
    text = value.replace("\r", "").replace("\n", "")
    whole = re.match(r"(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?", text)
    end = whole.end() if whole else 0
    if end < len(text):
        first = re.search(r"[^A-Za-z0-9+/]", text[end:])
        place = end + first.start() if first else len(text) - len(text) % 4
        said = f"illegal base64 data at input byte {place}"
        raise ApiError(400, f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {said}')


def _amount(kind: Kind, value: Any) -> str:
    """Return a quantity in its canonical form; raises 400 when it is none."""
    try:
        return quantity.canonical(value)
    except ValueError as error:
        text = f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {error}'
        raise ApiError(400, text) from error


GO_NAMES = {"string": "string", "boolean": "bool", "integer": "int32", "number": "float64"}
JSON_NAMES = {str: "string", bool: "bool", int: "number", float: "number", dict: "object", list: "array"}


def _fits(field: Field, value: Any) -> bool:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    fits = {
        "string": isinstance(value, str),
        "boolean": isinstance(value, bool),
        "integer": is_number and float(value).is_integer(),
        "number": is_number,
        "object": isinstance(value, dict),
        "array": isinstance(value, list),
        "quantity": isinstance(value, str) or is_number,
        "int-or-string": isinstance(value, str) or is_number,
    }
    return fits.get(field.type, True)


def _wrong_type(kind: Kind, field: Field, value: Any, path: str) -> ApiError:
    name = field.format if field.type == "integer" and field.format else GO_NAMES.get(field.type, "")
    if field.ref:
        name = field.ref.removeprefix("io.k8s.api.").removeprefix("io.k8s.apimachinery.pkg.apis.")
        group, _, rest = name.partition(".")
        name = f"{rest.split('.')[0]}.{rest.split('.')[-1]}" if rest else group
    elif field.type == "array" and field.items is not None:
        inner = field.items.ref.rsplit(".", 1)[-1] if field.items.ref else GO_NAMES.get(field.items.type, "string")
        name = f"[]v1.{inner}" if field.items.ref else f"[]{inner}"
    elif field.type == "object":
        name = "map[string]string"
    owner = f"{kind.kind}.{path}" if path else kind.kind
    return ApiError(
        400,
        f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: json: cannot unmarshal '
        f"{JSON_NAMES.get(type(value), 'value')} into Go struct field {owner} of type {name}",
    )
