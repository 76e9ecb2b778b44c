"""Describe an archive's content, and list the reasons not to trust or use one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from scripts.errors import UserError
from scripts.host import parsing
from scripts.settings.model import Settings

FORMAT = 1  # of the archive; a change that an older version cannot read raises it
NAME = "manifest.json"
DUMP = "database.dump/"  # the members that make up pg_dump's output, in order

State = Literal["damaged", "wrong key", "no key", "not an archive", "newer format", "foreign"]
Where = Literal["cluster", "external", "none"]


class ArchiveError(UserError):
    """An archive that is refused; `state` says why in a word or two."""

    def __init__(self, state: State, message: str, hint: str = "") -> None:
        super().__init__(message, hint)
        self.state = state


@dataclass(frozen=True)
class Member:
    """A part of the archive: its size in bytes and its SHA-256."""

    size: int
    sha256: str


@dataclass(frozen=True)
class Manifest:
    """The content and origin of an archive.

    `created` is UTC in ISO 8601. `revisions` maps a release to the revision that was live, `images` a Deployment to its
    reference, `image_ids` to what the node's runtime calls that image. `database` says where PostgreSQL ran, if the
    app has one.
    """

    cluster: str
    environment: str
    namespace: str
    release: str
    created: str
    commit: str
    database: Where
    revisions: Mapping[str, int]
    images: Mapping[str, str]
    image_ids: Mapping[str, str]
    members: Mapping[str, Member]
    format: int = FORMAT

    @property
    def revision(self) -> int:
        """Return the revision of the app's release."""
        return self.revisions[self.release]


def to_json(manifest: Manifest) -> bytes:
    """Return the manifest as the archive keeps it."""
    return json.dumps(asdict(manifest), indent=1, sort_keys=True).encode() + b"\n"


def from_json(text: bytes, name: str) -> Manifest:
    """Read a manifest; `name` is the archive's, for the message. Raises ArchiveError if it is none or of the future."""
    try:
        data: dict[str, Any] = parsing.from_json(text)
        number = int(data["format"])
        if number > FORMAT:
            raise ArchiveError(
                "newer format",
                f"{name}: written in format {number}, this version reads up to {FORMAT}",
                "use the version of this project that wrote it, or a newer one",
            )
        members = {key: Member(**value) for key, value in data.pop("members").items()}
        return Manifest(**data, members=members)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ArchiveError("damaged", f"{name}: its {NAME} cannot be read", "use another archive") from None


def refuse_foreign(manifest: Manifest, settings: Settings, name: str) -> None:
    """Raise ArchiveError unless the archive is one of this project's release, in this namespace and environment."""
    for what, theirs, ours in (
        ("release", manifest.release, settings.release.name),
        ("namespace", manifest.namespace, settings.release.namespace),
    ):
        if theirs != ours:
            raise ArchiveError(
                "foreign",
                f"{name}: holds {what} {theirs!r}, this project's is {ours!r}",
                f"choose another archive, or set release in config/pipeline.yaml to {theirs!r}",
            )
    if manifest.environment != settings.environment:
        raise ArchiveError(
            "foreign",
            f"{name}: holds the environment {manifest.environment!r}, not {settings.environment!r}",
            f"pass --environment {manifest.environment}",
        )
