"""The URL of a database: what is wrong with it, and the form in which a program takes it.

Pure; neither a URL nor a part of one is ever in a message.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

SCHEMES = ("postgres", "postgresql")
# What asyncpg's URL calls by another name, or refuses; every other driver takes libpq's names.
_ASYNCPG = "postgresql+asyncpg"
_LIBPQ_ONLY = frozenset(
    ("channel_binding", "options", "target_session_attrs", "gssencmode", "connect_timeout", "application_name")
)
# What SQLAlchemy takes out of a URL for asyncpg, and what it hands on as text that asyncpg understands.
_ASYNCPG_TAKES = frozenset(
    (
        "ssl",
        "prepared_statement_cache_size",
        "async_fallback",
        "host",
        "port",
        "user",
        "password",
        "passfile",
        "krbsrvname",
    )
)


def formed(url: str, form: Mapping[str, Any]) -> str:
    """Return the URL with the scheme that `form` names, its parameters in that driver's names, and the form's own over
    them.

    What is no PostgreSQL URL stays as it is.
    """
    if not form:
        return url
    if "part" in form:
        return _part(url, form["part"])
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


def _part(url: str, part: str) -> str:
    """Return one part of a URL, as a program takes it that builds its own; empty where the URL does not say it."""
    try:
        parts = urlsplit(url)
        port = parts.port or 5432
    except ValueError:
        return ""
    found = {
        "host": parts.hostname or "",
        "port": str(port),
        "user": unquote(parts.username or ""),
        "password": unquote(parts.password or ""),
        "name": parts.path.lstrip("/"),
    }
    return found[part]


def _for_asyncpg(parameters: Mapping[str, str]) -> dict[str, str]:
    dropped = (_LIBPQ_ONLY | _TOOLS_OWN) - _ASYNCPG_TAKES
    kept = {name: value for name, value in parameters.items() if name not in dropped}
    if parameters.get("pgbouncer", "").lower() == "true":  # which says the same to Prisma
        kept.setdefault("prepared_statement_cache_size", "0")
    if kept.get("schema") == "public":
        del kept["schema"]
    if "sslmode" in kept:
        kept["ssl"] = kept.pop("sslmode")
    if "ssl" in kept:
        kept["ssl"] = _SSL.get(kept["ssl"].lower(), kept["ssl"])
    return kept


# What libpq, the C client under psycopg and most others, takes in a URL.
_LIBPQ = frozenset(
    [
        "host",
        "hostaddr",
        "port",
        "dbname",
        "user",
        "password",
        "passfile",
        "require_auth",
        "channel_binding",
        "connect_timeout",
        "client_encoding",
        "options",
        "application_name",
        "fallback_application_name",
        "keepalives",
        "keepalives_idle",
        "keepalives_interval",
        "keepalives_count",
        "tcp_user_timeout",
        "replication",
        "gssencmode",
        "sslmode",
        "sslnegotiation",
        "sslcompression",
        "sslcert",
        "sslkey",
        "sslpassword",
        "sslcertmode",
        "sslrootcert",
        "sslcrl",
        "sslcrldir",
        "sslsni",
        "requirepeer",
        "ssl_min_protocol_version",
        "ssl_max_protocol_version",
        "krbsrvname",
        "gsslib",
        "gssdelegation",
        "service",
        "target_session_attrs",
        "load_balance_hosts",
    ]
)
# What other tools write into a URL for themselves, and no server needs to be told.
_TOOLS_OWN = frozenset(
    [
        "pgbouncer",
        "connection_limit",
        "pool_timeout",
        "pool_size",
        "pool_mode",
        "max_overflow",
        "statement_cache_size",
        "prepared_statements",
        "prepared_statement_cache_size",
        "socket_timeout",
        "sslaccept",
        "supa",
        "uselibpqcompat",
        "workaround",
    ]
)
_LIBPQ_SCHEMES = ("postgresql", "postgres", "postgresql+psycopg", "postgresql+psycopg2")
# What other drivers say of TLS, in libpq's words.
_SSL = dict.fromkeys(("true", "1", "yes", "on", "no-verify"), "require") | dict.fromkeys(
    ("false", "0", "off"), "disable"
)

_SSL_MODES = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")


@dataclass(frozen=True)
class Parts:
    """A database's address. What it holds never shows in its repr."""

    host: str
    port: int
    user: str = field(repr=False)
    password: str = field(repr=False)
    database: str
    parameters: Mapping[str, str] = field(repr=False)


def parsed(url: str) -> Parts:
    """Return the parts of a PostgreSQL URL. Raises ValueError saying what is wrong, in words without any of it."""
    if problem := next(_problems(url), ""):
        raise ValueError(problem)
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Parts(
        host=parts.hostname or "",
        port=parts.port or 5432,
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        database=unquote(parts.path.lstrip("/")),
        parameters=query,
    )


def _problems(url: str) -> Iterator[str]:
    if not url.strip():
        yield "is empty"
    if re.match(r"psql\s|\w+=\w*['\"]?postgres", url.strip()):
        yield "is a whole line with a URL in it; give what begins with postgresql:// alone, without its quotes"
    if url != url.strip() or re.search(r"\s", url):
        yield "holds a space or the end of a line; write a space as %20"
    if any("\ud800" <= character <= "\udfff" for character in url):
        yield "holds bytes that are no UTF-8; in a password, write each byte as % and two hexadecimal digits"
    if url.startswith(("'", '"')):
        yield "begins with a quote, which is no part of a URL"
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.split("+")[0] not in SCHEMES:
        yield "does not begin with postgresql://"
    address = re.split(r"[/?]", rest, maxsplit=1)[0]
    if "#" in rest or rest.count("@") > 1:
        yield "holds a # or a second @; in a password, write # as %23, @ as %40, / as %2F, ? as %3F"
    if re.search(r"%(?![0-9A-Fa-f]{2})", rest):
        yield "holds a % that begins no code; in a password, write % as %25"
    if re.search(r"[<>]|\$\{|\bUSER:PASSWORD\b|\[YOUR", url):
        yield "is still an example: put in user, password and host"
    if address.partition("@")[0].endswith(":") and "@" in address:
        yield "has no password after its :, perhaps since a ${NAME} in .env has its value in no line before it"
    hosts = address.rpartition("@")[2]
    if not hosts or hosts.startswith(":"):
        yield "names no host, which a pod could reach"
    if "@" in rest and "@" not in address:
        yield "names no host before its first /; in a password, write / as %2F and ? as %3F"
    if "," in hosts:
        yield "names several hosts; name the one that takes writes"
    try:
        _ = urlsplit(url).port, urlsplit(url).hostname
    except ValueError:
        yield "names a port or host that is none; in a password, write : as %3A, / as %2F, [ as %5B"
    else:
        if not urlsplit(url).path.lstrip("/"):
            yield "names no database; it stands after the host, as in HOST/DATABASE"
        if re.search(r"[/;]", urlsplit(url).path[1:]):
            yield "has a / or a ; after the database's name; leave it out"
        if "&" in urlsplit(url).path:
            yield "holds a & before its parameters, of which the first begins with ?, as in /DATABASE?sslmode=require"
        if unquote(urlsplit(url).hostname or "").startswith("/"):
            yield "names a socket in a machine's files, which a pod does not see; name an address that pods reach"


def _is_loopback(host: str) -> bool:
    """Return whether a host is the machine that asks, whichever that is."""
    try:
        found = ipaddress.ip_address(host)
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
    return found.is_loopback or found.is_unspecified


def understood(url: str, form: Mapping[str, Any]) -> tuple[str, str]:
    """Return a URL in the form its reader takes, and what is wrong with it, if anything.

    Where the reader is known to stand on libpq, what other tools add is left out or said in libpq's words, and what
    nobody knows is named. For a reader of another kind its parameters are its own business.
    """
    try:
        parts = parsed(url)
    except ValueError as problem:
        return url, str(problem)
    if _is_loopback(parts.host):
        return url, "names this machine's loopback, which in a pod is the pod itself; name an address that pods reach"
    if form.get("scheme") == _ASYNCPG:
        left = _for_asyncpg(parts.parameters)
        if left.get("ssl", "prefer") not in _SSL_MODES:
            return url, f"has an sslmode that no PostgreSQL client knows; take one of: {', '.join(_SSL_MODES)}"
        unknown = _unknown(left.keys() - _ASYNCPG_TAKES, "asyncpg does not take")
        return (url, unknown) if unknown else (formed(url, form), "")
    if form.get("scheme") not in _LIBPQ_SCHEMES:
        return formed(url, form), ""
    kept = {name: value for name, value in parts.parameters.items() if name not in _TOOLS_OWN}
    if "ssl" in kept:
        kept = {"sslmode": kept.pop("ssl")} | kept
    if "sslmode" in kept:
        kept["sslmode"] = _SSL.get(kept["sslmode"].lower(), kept["sslmode"])
        if kept["sslmode"] not in _SSL_MODES:
            return url, f"has an sslmode that no PostgreSQL client knows; take one of: {', '.join(_SSL_MODES)}"
    if schema := kept.pop("schema", ""):
        kept["options"] = f"{kept.get('options', '')} -csearch_path={schema}".strip()
    if unknown := _unknown(kept.keys() - _LIBPQ, "no PostgreSQL client knows"):
        return url, unknown
    bare = urlsplit(url)
    return formed(str(urlunsplit(bare._replace(query=urlencode(kept, quote_via=quote)))), form), ""


def _unknown(names: AbstractSet[str], whom: str) -> str:
    """Return what is wrong with parameters of these names, nothing where there are none."""
    told = ", ".join(name if re.fullmatch(r"[a-z_]{2,30}", name) else "(not a name)" for name in sorted(names))
    return f"has the parameter {told}, which {whom}; leave it out" if told else ""
