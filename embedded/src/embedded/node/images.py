"""Image references and pulling: what a pod's `image` and `imagePullPolicy` lead to."""

from __future__ import annotations

import asyncio
import dataclasses
import re
import time
from collections.abc import Callable
from typing import Any

from embedded.node.docker import Docker, EngineError

PULL_SECONDS = 15 * 60
ANSWER_SECONDS = 15  # a registry that has not answered by then does not answer
NAME = re.compile(r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*")
DOMAIN = re.compile(r"(?:localhost|[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+|[A-Za-z0-9.-]+:\d+|\[[0-9a-f:]+\](?::\d+)?)")
TAG = re.compile(r"\w[\w.-]{0,127}", re.ASCII)
DIGEST = re.compile(r"[a-z0-9]+(?:[.+_-][a-z0-9]+)*:[0-9a-fA-F]{32,}")

Record = Callable[[str, str, str], None]
"""Tell an event: type ("Normal" | "Warning"), reason, message."""


class ImageError(Exception):
    """The image cannot be had: the reason a waiting container shows, and its message."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message


@dataclasses.dataclass(frozen=True)
class Reference:
    """A parsed image reference."""

    domain: str
    path: str
    tag: str
    digest: str

    @property
    def canonical(self) -> str:
        """Return the reference in full: docker.io/library/bb:1."""
        tail = (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")
        return f"{self.domain}/{self.path}{tail}"


def parse(image: str) -> Reference:
    """Return the reference; raises ImageError (InvalidImageName) in the words of the kubelet."""
    rest, _, digest = image.partition("@")
    head, slash, below = rest.partition("/")
    domain, path = (head, below) if slash and DOMAIN.fullmatch(head) else ("docker.io", rest)
    path, colon, tag = path.rpartition(":") if ":" in path else (path, "", "")
    if domain == "docker.io" and "/" not in path:
        path = f"library/{path}"
    valid = (
        NAME.fullmatch(path) and (not colon or TAG.fullmatch(tag)) and ("@" not in image or DIGEST.fullmatch(digest))
    )
    if not valid:
        why = "invalid reference format"
        if not NAME.fullmatch(path) and NAME.fullmatch(path.lower()):
            why += f": repository name ({path}) must be lowercase"
        quoted = f'"{image}"'
        message = f"Failed to apply default image tag {quoted}: couldn't parse image name {quoted}: {why}"
        raise ImageError("InvalidImageName", message)
    return Reference(domain, path, tag or ("" if digest else "latest"), digest)


def pull_failure(reference: Reference, answer: str) -> str:
    """Return what a container runtime says of a pull that the Engine reports as failed with `answer`."""
    name = reference.canonical
    prefix = f'failed to pull and unpack image "{name}": '
    resolve = f'failed to resolve reference "{name}": '
    host = "registry-1.docker.io" if reference.domain == "docker.io" else reference.domain
    unreachable = re.search(r'https?://[^"]+": (.*)', answer)
    if unreachable:
        wanted = f"https://{host}/v2/{reference.path}/manifests/{reference.tag or reference.digest}"
        return f'{prefix}{resolve}failed to do request: Head "{wanted}": {unreachable[1]}'
    if "denied" in answer or "may require" in answer:
        why = "pull access denied, repository does not exist or may require authorization: "
        return f"{prefix}{resolve}{why}server message: insufficient_scope: authorization failed"
    if "not found" in answer or "manifest unknown" in answer:
        return f"{prefix}{resolve}{name}: not found"
    return f"{prefix}{answer}"


async def ensure(docker: Docker, image: str, policy: str, record: Record) -> dict[str, Any]:
    """Return the local image of a container, pulled when its policy asks for it. Raises ImageError."""
    try:
        reference = parse(image)
    except ImageError as error:
        record("Warning", "InspectFailed", error.message)
        raise
    found = await docker.image(image)
    if found and policy != "Always":
        text = f'Container image "{image}" already present on machine and can be accessed by the pod'
        record("Normal", "Pulled", text)
        return found
    if policy == "Never":
        text = f'Container image "{image}" is not present with pull policy of Never'
        record("Warning", "ErrImageNeverPull", text)
        raise ImageError("ErrImageNeverPull", text)
    return await _pull(docker, image, reference, record)


async def _pull(docker: Docker, image: str, reference: Reference, record: Record) -> dict[str, Any]:
    record("Normal", "Pulling", f'Pulling image "{image}"')
    began = time.monotonic()
    try:
        async with asyncio.timeout(PULL_SECONDS):
            await docker.pull(f"{reference.domain}/{reference.path}", reference.digest or reference.tag, ANSWER_SECONDS)
        found = await docker.image(image)
        if found is None:
            raise EngineError(404, "not found")
    except (EngineError, TimeoutError) as error:
        answer = getattr(error, "message", "") or 'Get "https://registry/v2/": dial tcp: i/o timeout'
        text = pull_failure(reference, answer)
        record("Warning", "Failed", f'Failed to pull image "{image}": {text}')
        raise ImageError("ErrImagePull", text) from error
    took = f"{time.monotonic() - began:.3f}s"
    size = found.get("Size", 0)
    text = f'Successfully pulled image "{image}" in {took} ({took} including waiting). Image size: {size} bytes.'
    record("Normal", "Pulled", text)
    return found
