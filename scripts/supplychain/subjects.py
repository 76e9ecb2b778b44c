"""The images of a plan as the engine has them: what is scanned, signed and let in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from scripts.host import parsing
from scripts.host.shell import Shell
from scripts.images.docker import Docker
from scripts.images.engine_api import EngineSilent
from scripts.settings.model import Image, Service, Settings


@dataclass(frozen=True)
class Subject:
    """A planned image. `described` is what the engine says of it, nothing where it does not have it."""

    image: Image
    service: Service
    described: Mapping[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """Return the image's id, a digest of its configuration and so of its content; empty if it is not built."""
        return str(self.described.get("Id", ""))

    @property
    def digest(self) -> str:
        """Return the id's hexadecimal digits."""
        return self.id.removeprefix("sha256:")


def find(shell: Shell, client: Docker, settings: Settings, images: Sequence[Image]) -> list[Subject]:
    """Return every image of `images`, whether it is built or not. Raises EngineSilent where that cannot be told."""
    answer = shell.probe([client.binary, "image", "inspect", *(image.ref for image in images)])
    try:
        known = {ref: item for item in parsing.from_json(answer.out) for ref in item.get("RepoTags") or []}
    except (ValueError, TypeError, AttributeError):
        known = None
    said = answer.err.strip() or answer.out.strip()[:200] or "no answer"
    if not shell.dry and (known is None or not (answer or "no such image" in said.lower())):
        raise EngineSilent(f"docker image inspect: {said}", "see: docker version")
    known = known or {}
    services = {service.name: service for service in (*settings.services, settings.database)}
    return [Subject(image, services[image.service], known.get(image.ref, {})) for image in images]
