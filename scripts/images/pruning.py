"""Choose which images of the product's own are old: one rule for engine, nodes and minikube's cache. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence

KEEP = 10  # of each service, the newest that stay whoever needs them: as many as helm keeps revisions
OWN = re.compile(r"[0-9a-f]{16}")  # a tag that is a digest of what went into the image: others are a person's


def without_default_registry(ref: str) -> str:
    """Return a reference without the registry that is meant where none is named."""
    return ref.removeprefix("docker.io/").removeprefix("library/")


def newest_of_each(refs: Iterable[str], keep: int = KEEP) -> set[str]:
    """Return, of references in the order newest first, those that are among the newest of their repository."""
    seen: dict[str, int] = {}
    found = set()
    for ref in map(without_default_registry, refs):
        repository = ref.rpartition(":")[0]
        seen[repository] = seen.get(repository, 0) + 1
        if seen[repository] <= keep:
            found.add(ref)
    return found


def own(refs: Iterable[str], repositories: Collection[str], made: Collection[str]) -> list[str]:
    """Return, of references, those of our repositories that were `made` here and have a digest for a tag: what a
    person tagged, and the moving alias, are neither old nor among the newest.

    Both count with and without a registry in front: what a cluster pulls is what was built here.
    """
    ours = _tails(made, repositories)
    return [
        ref for ref, tail in _with_tails(refs, repositories) if tail in ours and OWN.fullmatch(tail.rpartition(":")[2])
    ]


def unneeded(
    refs: Iterable[str], repositories: Collection[str], needed: Collection[str], made: Collection[str]
) -> list[str]:
    """Return, of references, those of our own (`own`) that are not needed."""
    tails = _tails(needed, repositories)
    return [ref for ref, tail in _with_tails(own(refs, repositories, made), repositories) if tail not in tails]


def _tails(refs: Iterable[str], repositories: Collection[str]) -> set[str]:
    return {tail for _, tail in _with_tails(refs, repositories)}


def _with_tails(refs: Iterable[str], repositories: Collection[str]) -> list[tuple[str, str]]:
    found = [(ref, _tail(without_default_registry(ref), repositories)) for ref in refs]
    return [(ref, tail) for ref, tail in found if tail]


def _tail(ref: str, repositories: Collection[str]) -> str:
    """Return the part of a reference from one of our repositories on; empty where it is of none."""
    name, colon, tag = ref.rpartition(":")
    for repository in repositories:
        if colon and "/" not in tag and (name == repository or name.endswith(f"/{repository}")):
            return f"{repository}:{tag}"
    return ""


def too_many(refs: Sequence[str]) -> bool:
    """Return whether there are more images of a repository than stay in any case."""
    return len(newest_of_each(refs)) < len(refs)
