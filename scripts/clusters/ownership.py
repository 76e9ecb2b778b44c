"""Tell whether something on the engine bears the name of a cluster that is not ours.

minikube removes such a container without a word, and takes a volume or network of that name for its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.clusters import states
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.images.docker import find_clients


class CannotTell(UserError):
    """Nobody answers the question whether something is there."""


def engine_client() -> Path:
    """Return the docker client that clusters of containers are looked at with."""
    return next(iter(find_clients()), Path("docker"))


def present(shell: Shell, names: Mapping[str, Sequence[str]]) -> list[str]:
    """Return which of `names` (container, volume or network → names) the engine has, as `container NAME`.

    Raises CannotTell where the engine does not say.
    """
    return [f"{kind} {name}" for kind, some in names.items() for name in some if _exists(shell, kind, name)]


def _exists(shell: Shell, kind: str, name: str) -> bool:
    answer = shell.probe([engine_client(), kind, "inspect", "--format", "{{.Name}}", name], timeout=30)
    if answer:
        return True
    said = answer.err.lower()
    if answer.code == 1 and ("no such" in said or "not found" in said):
        return False
    raise CannotTell(
        f"whether there is a {kind} {name} already cannot be told: {states.first_line(answer.err)}",
        "does the engine answer? docker info",
    )


def refusal(target: str, name: str, found: Sequence[str]) -> UserError:
    """Return why a cluster is neither made nor removed: things of its name are there that were not made
    from this home.
    """
    removal = "; ".join(_removal(*item.split(" ", 1)) for item in found)
    return UserError(
        f"{', '.join(found)}: there already, but not made from this home by {target}, so left alone",
        f"if nobody needs it: {removal}; else choose another name under cluster: in config/pipeline.yaml",
    )


def _removal(kind: str, name: str) -> str:
    """Return a command that takes a thing away; a container may run, and is refused without --force then."""
    return f"docker {kind} rm {'--force ' if kind == 'container' else ''}{name}"
