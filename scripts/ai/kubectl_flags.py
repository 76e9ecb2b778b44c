# ruff: noqa: E501 tables are read along their lines
"""The flags of kubectl's verbs that a command may carry: what is not in these tables is refused.

As kubectl 1.36 has them, without those that name another user, cluster or file, that never end, or that hand the
output to a program of their own. A flag is `valued` where it takes the next word, `plain` where it does not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Flags:
    """The flags that one verb takes: long names, and the letters that stand for some of them."""

    valued: frozenset[str]
    plain: frozenset[str]
    letters: Mapping[str, str] = field(default_factory=dict)


_LETTERS = {
    "n": "namespace", "o": "output", "l": "selector", "A": "all-namespaces", "L": "label-columns", "c": "container",
    "p": "previous", "f": "follow", "w": "watch", "R": "recursive", "q": "quiet", "k": "kustomize", "s": "server",
    "v": "v",
}  # fmt: skip


def _flags(valued: str, plain: str = "", **letters: str) -> Flags:
    return Flags(
        frozenset({"namespace", "request-timeout", *valued.split()}),
        frozenset({"all-namespaces", *plain.split()}),
        _LETTERS | letters,
    )


# Flags that are known, and why they are refused wherever they stand.
REASONS: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "kubeconfig", "context", "cluster", "server", "user", "token", "as", "as-group", "as-uid", "as-user-extra",
            "insecure-skip-tls-verify", "certificate-authority", "client-key", "client-certificate", "username",
            "password", "tls-server-name", "raw", "host", "config", "kube-context", "kube-token", "kube-apiserver",
            "kube-as-user", "post-renderer", "template", "kustomize", "force", "cache-dir", "profile",
            "profile-output", "log-file", "kuberc", "proxy-url",
        ),
        "is not for an answer to set",
    ),
    "follow": "does not end",
    "watch": "does not end",
    "watch-only": "does not end",
    "output-watch-events": "does not end",
    "filename": "reads a file",
    "dry-run": "is not needed: every change is tried on the server before it is asked about",
    "all-namespaces": "looks outside of the namespace",
}  # fmt: skip

READ: Mapping[str, Flags] = {
    "get": _flags(
        "output selector field-selector sort-by label-columns chunk-size subresource limit",
        "show-labels no-headers ignore-not-found show-kind show-managed-fields server-print allow-missing-template-keys",
    ),
    "describe": _flags("selector chunk-size", "show-events"),
    "logs": _flags(
        "container tail since since-time limit-bytes max-log-requests selector pod-running-timeout",
        "all-containers all-pods previous timestamps prefix ignore-errors",
    ),
    "top pod": _flags("selector sort-by field-selector", "containers no-headers sum show-swap"),
    "top node": _flags("selector sort-by", "no-headers show-capacity show-swap"),
    "events": _flags("for types output chunk-size", "no-headers"),
    "explain": _flags("api-version output", "recursive"),
    "api-resources": _flags("api-group output sort-by verbs categories", "namespaced no-headers cached"),
    "api-versions": _flags(""),
    "version": _flags("output", "client"),
    "auth can-i": _flags("subresource", "list quiet no-headers"),
    "auth whoami": _flags("output"),
    "rollout status": _flags("revision timeout"),
    "rollout history": _flags("revision output"),
    "wait": _flags("for timeout selector output", "all"),
}  # fmt: skip
CHANGE: Mapping[str, Flags] = {
    "scale": _flags("replicas current-replicas resource-version timeout output"),
    "autoscale": _flags("min max cpu-percent cpu memory name output"),
    "set image": _flags("output", "local"),
    "set resources": _flags("limits requests containers output", c="containers"),
    "rollout restart": _flags("output"),
    "rollout undo": _flags("to-revision output"),
    "patch": _flags("patch type subresource output", p="patch"),
    "label": _flags("output resource-version", "overwrite list"),
    "annotate": _flags("output resource-version", "overwrite list"),
    "expose": _flags("port target-port name type protocol output"),
    "apply": _flags(""),
    "create": _flags(""),
    "delete": _flags(""),
}  # fmt: skip


def split(words: list[str], table: Flags) -> tuple[list[tuple[str, str]], list[str], str]:
    """Return (flags with their values, other words, problem) as kubectl reads the words of a verb.

    Letters may stand together (`-wo yaml`), and the last one may carry its value (`-ojson`, `-n=x`).
    """
    flags: list[tuple[str, str]] = []
    plain: list[str] = []
    pending = list(words)
    given: Sequence[tuple[str, str]]
    while pending:
        word = pending.pop(0)
        if word == "--":
            return flags, plain, "-- hands the rest to another program"
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        given, problem = _long(word, pending, table) if word.startswith("--") else _short(word, pending, table)
        problem = problem or next((_no_value(name, value) for name, value in given if value.startswith("-")), "")
        if problem:
            return flags, plain, problem
        flags += given
    return flags, plain, ""


def _no_value(name: str, value: str) -> str:
    """Return why a value that begins like a flag is none: whoever reads on from another word takes it for one."""
    return "" if re.fullmatch(r"-\d+[a-z]*", value) else f"--{name} lacks its value: {value} is a flag"


def _long(word: str, pending: list[str], table: Flags) -> tuple[list[tuple[str, str]], str]:
    name, equals, value = word[2:].partition("=")
    if name in table.valued:
        if not equals:
            if not pending:
                return [], f"--{name} lacks its value"
            value = pending.pop(0)
        return [(name, value)], _known(name)
    if name in table.plain:
        if equals and value not in ("true", "false"):
            return [], f"--{name}={value}: true or false"
        return [(name, value or "true")], _known(name) if value != "false" else ""
    if name in ("follow", "watch") and value == "false":
        return [], ""  # says that it ends
    return [], _known(name) or f"--{name} is not a flag that is known here"


def _short(word: str, pending: list[str], table: Flags) -> tuple[list[tuple[str, str]], str]:
    found: list[tuple[str, str]] = []
    rest = word[1:]
    while rest:
        letter, rest = rest[0], rest[1:]
        name = table.letters.get(letter, "")
        if letter == "f" and "tail" not in table.valued:  # of logs it is --follow
            name = "filename"
        if name in table.valued:
            value = rest.removeprefix("=") if rest else pending.pop(0) if pending else None
            if value is None:
                return found, f"-{letter} lacks its value"
            return [*found, (name, value)], _known(name)
        if name not in table.plain or _known(name):
            return found, _known(name) or f"-{letter} is not a flag that is known here"
        if rest.startswith("="):
            return found, f"-{letter}{rest}: write the flag out"
        found.append((name, "true"))
    return found, ""


def _known(name: str) -> str:
    return f"--{name} {REASONS[name]}" if name in REASONS else ""
