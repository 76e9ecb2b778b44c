"""The values of Secrets that this run has met: out of sight wherever they occur, whatever stands beside them.

A shape or a name gives most secrets away (`redact`). A password that a program prints bare has neither: but the
product has written it, or read it in the cluster, and so knows it. Everything that is told goes through `clean`.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from threading import Lock
from typing import Any

from scripts.errors import UserError
from scripts.host import parsing
from scripts.kube.kubectl import Kubectl

SHORTEST = 6  # characters of a value that is looked for everywhere: shorter ones are hidden beside their name alone
UNREAD = "the namespace's Secrets could not be read: only what looks like a secret was taken out"
NOT_OF_AN_APP = ("helm.sh/", "todo-chatbot/proof")  # types of Secrets that hold what belongs to a release, not to pods
# Passwords that hide nothing, as every log has them in another meaning.
COMMON = frozenset(
    ("postgres", "password", "secret", "secrets", "database", "mongodb", "rabbitmq", "username", "default", "example")
)


Setting = tuple[str, str]  # a Secret's key, and its value as text


@dataclass
class _Known:
    """The values known in this process; replaced and never changed, so that threads may read them.

    One thread writes at a time: what another has met meanwhile would be lost, and be told.
    """

    settings: frozenset[Setting] = frozenset()
    read: frozenset[tuple[str, str]] = frozenset()  # (kubeconfig and context, namespace)
    writing: Lock = field(default_factory=Lock)


_KNOWN = _Known()


def forget() -> None:
    """Know nothing any more."""
    _KNOWN.settings, _KNOWN.read = frozenset(), frozenset()


def remember(values: Mapping[str, str]) -> None:
    """Keep the values of a Secret's keys out of sight from now on."""
    with _KNOWN.writing:
        _KNOWN.settings |= {(key, value) for key, value in values.items() if len(value) >= SHORTEST}


def remember_secret(item: Mapping[str, Any]) -> None:
    """Keep out of sight what a Secret holds, as the API has it."""
    if not str(item.get("type", "")).startswith(NOT_OF_AN_APP):
        remember({key: _plain(value) for key, value in (item.get("data") or {}).items()})


def _plain(value: str) -> str:
    with suppress(binascii.Error, ValueError):
        return base64.b64decode(value).decode(errors="surrogateescape")
    return ""


def known() -> frozenset[str]:
    """Return the values that are known, whole as Secrets have them."""
    return frozenset(value for _, value in _KNOWN.settings)


def read_once(kubectl: Kubectl, namespace: str, *, anew: bool = False) -> bool:
    """Keep out of sight what the Secrets of a namespace hold, asked for once a run, or `anew` by what runs for long.

    Returns whether they are known.

    An account that may not read them hears of none of them: then shapes and names alone give secrets away, which is
    to be told (`UNREAD`).
    """
    place = (f"{kubectl.kubeconfig} {kubectl.context}", namespace)
    if place in _KNOWN.read and not anew:
        return True
    with suppress(UserError):
        items, hidden = kubectl.visible("secrets", namespace)
        for item in items:
            remember_secret(item)
        if not hidden:
            with _KNOWN.writing:
                _KNOWN.read |= {place}
            return True
    return False


@cache
def _values(settings: frozenset[Setting]) -> frozenset[str]:
    return frozenset(one for key, value in settings for one in telling(key, value))


def telling(key: str, value: str) -> Iterator[str]:
    """Yield what of the value of a Secret's key is secret by itself: all of it, and the parts of what is JSON.

    A level, a port or a plain word, as the name of a database, is none.
    """
    from scripts.secrets import settings_in_text  # only what is told needs its patterns

    value = value.strip()
    if value[:1] in ("{", "["):
        with suppress(ValueError):
            for name, leaf in _leaves(key, parsing.from_json(value)):
                yield from telling(name, leaf)
    if len(value) >= SHORTEST and value.lower() not in COMMON and settings_in_text.is_hidden_bare(key, value):
        yield value


def _leaves(name: str, found: object) -> Iterator[Setting]:
    if isinstance(found, Mapping):
        for key, value in found.items():
            yield from _leaves(str(key), value)
    elif isinstance(found, list):
        for value in found:
            yield from _leaves(name, value)
    elif isinstance(found, str):
        yield name, found


def clean(text: str) -> str:
    """Return a text that may be told: without what looks like a secret, and without every secret that is known."""
    from scripts.secrets.redact import redact

    return redact(text, _values(_KNOWN.settings))[0]


def clean_lines(chunks: Iterable[bytes]) -> Iterator[str]:
    """Yield whole lines of what comes in pieces, as `clean` has them; what comes at once is looked at together."""
    from scripts.secrets.redact import Redactor

    redactor, rest = Redactor(_values(_KNOWN.settings)), b""
    for chunk in chunks:
        whole, newline, rest = (rest + chunk).rpartition(b"\n")
        if newline:
            yield from redactor.clean(whole.decode(errors="replace")).split("\n")
    if rest:
        yield redactor.clean(rest.decode(errors="replace"))
