"""Refusals of the API, each rendered as a metav1.Status."""

from __future__ import annotations

import dataclasses
from typing import Any

from embedded import kinds

REASONS = {
    400: "BadRequest",
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    405: "MethodNotAllowed",
    406: "NotAcceptable",
    409: "Conflict",
    410: "Expired",
    415: "UnsupportedMediaType",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}


class ApiError(Exception):
    """A refused request; `code` is the HTTP status, `reason` the machine-readable metav1.StatusReason."""

    def __init__(
        self, code: int, message: str, *, reason: str | None = None, details: dict[str, Any] | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason if reason is not None else REASONS.get(code, "")
        self.message = message
        self.details = details

    def status(self) -> dict[str, Any]:
        """Return the metav1.Status a client reads."""
        body = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure", "message": self.message}
        if self.reason:
            body["reason"] = self.reason
        if self.details is not None:
            body["details"] = self.details
        return body | {"code": self.code}


@dataclasses.dataclass(frozen=True)
class Cause:
    """One wrong field of an object: metav1.StatusCause."""

    field: str
    reason: str
    message: str


def _details(resource: str, name: str, **more: object) -> dict[str, Any]:
    plural, _, group = resource.partition(".")
    return {key: value for key, value in {"name": name, "group": group, "kind": plural, **more}.items() if value}


def not_found(resource: str, name: str) -> ApiError:
    """Return the error: no object of that name."""
    return ApiError(404, f'{resource} "{name}" not found', details=_details(resource, name))


def already_exists(resource: str, name: str) -> ApiError:
    """Return the error: creation of a name that is taken."""
    message = f'{resource} "{name}" already exists'
    return ApiError(409, message, reason="AlreadyExists", details=_details(resource, name))


def conflict(resource: str, name: str, why: str) -> ApiError:
    """Return a write that lost against another one."""
    message = f'Operation cannot be fulfilled on {resource} "{name}": {why}'
    return ApiError(409, message, details=_details(resource, name))


def given_name(meta: dict[str, Any]) -> str:
    """Return the name as the plug-ins see it that run before a name is generated: its prefix where there is one."""
    name: str = meta.get("generateName") or meta.get("name", "")
    return name


def stale(resource: str, name: str) -> ApiError:
    """Return a write based on an old resourceVersion."""
    why = "the object has been modified; please apply your changes to the latest version and try again"
    return conflict(resource, name, why)


def forbidden(resource: str, name: str, why: str, **details: object) -> ApiError:
    """Return the error: refused by admission or authorization."""
    subject = f'{resource} "{name}" is forbidden: {why}' if name else f"{resource} is forbidden: {why}"
    return ApiError(403, subject, details=_details(resource, name, **details))


def invalid(resource: str, name: str, causes: list[Cause]) -> ApiError:
    """Return an object with wrong values; names every field."""
    kind = kinds.BY_RESOURCE[resource]
    texts = [f"{cause.field}: {cause.message}" for cause in causes]
    listed = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details: dict[str, Any] = {"name": name, "group": kind.group, "kind": kind.kind}
    details = {key: value for key, value in details.items() if value}
    details["causes"] = [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes]
    title = kind.kind + (f".{kind.group}" if kind.group else "")
    return ApiError(422, f'{title} "{name}" is invalid: {listed}', details=details)
