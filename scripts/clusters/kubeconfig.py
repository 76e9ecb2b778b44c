"""The person's own kubeconfig files: found and merged as kubectl does it, and their current context kept as it is."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.host import parsing, paths
from scripts.host.files import write_whole
from scripts.host.shell import Shell


class NoContext(UserError):
    """No file of the person has the context."""


def files() -> list[Path]:
    """Return the files that kubectl reads, in order: those of KUBECONFIG, else `~/.kube/config`.

    They need not exist.
    """
    named = [Path(item) for item in os.environ.get("KUBECONFIG", "").split(os.pathsep) if item]
    return list(dict.fromkeys(named)) or [paths.home() / ".kube/config"]


def read(file: Path) -> Mapping[str, Any]:
    """Return what a kubeconfig holds; nothing where there is no such file.

    Raises UserError for one that cannot be read.
    """
    try:
        found = parsing.from_yaml(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise UserError(f"{file}: cannot be read: {error.strerror}", "check KUBECONFIG") from None
    except ValueError:
        raise UserError(
            f"{file}: no kubeconfig: not valid YAML", "correct the file, or take it off KUBECONFIG"
        ) from None
    if not isinstance(found or {}, Mapping):
        raise UserError(f"{file}: no kubeconfig: not a mapping", "correct the file, or take it off KUBECONFIG")
    return found or {}


def entry(config: Mapping[str, Any], kind: str, name: str) -> Mapping[str, Any] | None:
    """Return the entry `name` among the `clusters`, `users` or `contexts` of a kubeconfig."""
    for item in config.get(kind) or () if isinstance(config.get(kind) or (), list) else ():
        if isinstance(item, Mapping) and item.get("name") == name:
            inner = item.get(kind[:-1])
            return inner if isinstance(inner, Mapping) else {}
    return None


def home_of(context: str, candidates: list[tuple[Path, Mapping[str, Any]]]) -> Path | None:
    """Return the file that has a context whole, cluster and user included, by kubectl's rule that the first one wins.

    None where the context is spread over files. Raises NoContext where no file has it.
    """
    found = next(((file, part) for file, config in candidates if (part := entry(config, "contexts", context))), None)
    if not found:
        names = ", ".join(str(file) for file, _ in candidates)
        raise NoContext(f"no context {context} in {names}", "see: kubectl config get-contexts")
    file, part = found
    owners = {
        next((where for where, config in candidates if entry(config, kind, str(part.get(key))) is not None), file)
        for kind, key in (("clusters", "cluster"), ("users", "user"))
    }
    return file if owners == {file} else None


def file_for(context: str, shell: Shell, kubectl: Path, merged: Path) -> Path:
    """Return a kubeconfig that has `context` whole: the person's own file, else `merged`, written from all of them.

    Raises NoContext where no file has it, and UserError where one cannot be read.
    """
    home = home_of(context, [(file, read(file)) for file in files()])
    if home:
        return home
    argv: list[str | Path] = [kubectl, "config", "view", "--raw", "--minify", "--flatten", "--context", context]
    answer = shell.probe(argv, timeout=30)
    if not answer:
        raise UserError(f"context {context}: {answer.err.strip()}", "see: kubectl config get-contexts")
    write_whole(merged, answer.out, mode=0o600)
    return merged


@contextmanager
def current_context_kept(shell: Shell, kubectl: Path, own: str = "") -> Iterator[None]:
    """Put back the current context of every file that the block has changed it in, however the block ends.

    With `own`, the context of a cluster that is being removed, a file that had it as current is left as it is.
    """
    before = _current()
    try:
        yield
    finally:
        after = _current() if not shell.dry else before
        for file, context in before.items():
            if after.get(file, "") != context and not (own and context == own):
                words = ["set", "current-context", context] if context else ["unset", "current-context"]
                shell.effect([kubectl, "config", "--kubeconfig", file, *words], timeout=30)


def _current() -> dict[Path, str]:
    return {file: str(read(file).get("current-context") or "") for file in files()}
