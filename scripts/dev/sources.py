"""A service's sources as they were last looked at, and what has changed since."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from scripts.dev import rules, service, tree
from scripts.dev.service import DevService
from scripts.errors import UserError
from scripts.images import plan
from scripts.images.build_context import Entry
from scripts.settings.model import Service


@dataclass
class Source:
    """One service's sources as they were last looked at."""

    dev_service: DevService
    entries: Mapping[str, Entry]
    wanted: tree.Tree
    failed: Mapping[str, Entry | None] = field(default_factory=dict)  # of which no image could be built


def entries_of(one: Service) -> dict[str, Entry]:
    """Return the build context by path.

    A file that vanishes while it is read is one that was deleted: it is looked again.
    """
    for last in (False,) * 9 + (True,):
        try:
            found = plan.sent(one)
            return {entry.path: entry for entry in found if not rules.is_scratch(entry.path)}
        except OSError as error:
            gone = isinstance(error, FileNotFoundError)
            if last or not gone:
                raise UserError(
                    f"{one.name}: {error.filename} cannot be read: {error.strerror}",
                    "put it back" if gone else "make it readable, or name it in .dockerignore",
                ) from None
    raise AssertionError("the last look returns or raises")


def different(old: Mapping[str, Entry], new: Mapping[str, Entry]) -> list[str]:
    """Return files and links that differ, and folders that came or went with nothing in them."""
    names = sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))
    folders = {path for path in names if (new.get(path) or old[path]).kind == "folder"}
    return [path for path in names if path not in folders or not any(other.startswith(f"{path}/") for other in names)]


def needing_build(source: Source, entries: Mapping[str, Entry]) -> list[str]:
    """Return what differs from what the image was built of."""
    own = source.dev_service.service
    read = service.sources(own)
    recipes = {file for file in (own.source, own.dockerfile) if file}

    def decides(path: str) -> bool:
        """Return whether it may be in the image: what no line takes there, such as caches of tools, is not."""
        return rules.is_read(path, read) or own.context / path in recipes or path.endswith(".dockerignore")

    changed = different(source.entries, entries)
    return [path for path in changed if not rules.places(path, source.dev_service.rules) and decides(path)]


def few(paths: Sequence[str]) -> str:
    """Return the first of some paths, and how many more there are."""
    first = "".join(char if char.isprintable() else "?" for char in paths[0])  # a name may hold the end of a line
    return first if len(paths) == 1 else f"{first} and {len(paths) - 1} more"
