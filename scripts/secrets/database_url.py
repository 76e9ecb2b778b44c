"""The form in which a program takes the URL of its database. Pure; a URL is never part of a message."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit

SCHEMES = ("postgres", "postgresql")
# What asyncpg's URL calls by another name, or refuses; every other driver takes libpq's names.
_ASYNCPG = "postgresql+asyncpg"
_LIBPQ_ONLY = (
    "channel_binding",
    "options",
    "target_session_attrs",
    "gssencmode",
    "connect_timeout",
    "application_name",
)


def formed(url: str, form: Mapping[str, Any]) -> str:
    """The URL with the scheme that `form` names, its parameters in that driver's names, and the form's own over them.

    What is no PostgreSQL URL stays as it is.
    """
    if not form:
        return url
    try:
        parts = urlsplit(url)
    except ValueError:
        return url
    if parts.scheme.split("+")[0] not in SCHEMES:
        return url
    scheme = form.get("scheme", parts.scheme)
    parameters = dict(parse_qsl(parts.query, keep_blank_values=True))
    if scheme == _ASYNCPG:
        parameters = _for_asyncpg(parameters)
    elif "ssl" in parameters and "sslmode" not in parameters:
        parameters["sslmode"] = parameters.pop("ssl")
    parameters |= form.get("parameters", {})
    return str(urlunsplit((scheme, parts.netloc, parts.path, urlencode(parameters, quote_via=quote), "")))


def _for_asyncpg(parameters: Mapping[str, str]) -> dict[str, str]:
    kept = {name: value for name, value in parameters.items() if name not in _LIBPQ_ONLY}
    if "sslmode" in kept:
        kept["ssl"] = kept.pop("sslmode")
    return kept
