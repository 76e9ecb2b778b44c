"""What clusters whose nodes are containers have in common."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path

from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.images.docker import find_clients
from scripts.settings.model import Image, Outcome

NODE_PORT = 30000  # the frontend's, fixed by the specification


def normalised(ref: str) -> str:
    """A reference as a node's runtime spells it: with the registry that is meant where none is named."""
    name = ref.split(":")[0]
    host = name.split("/")[0] if "/" in name else ""
    if "." in host or host == "localhost":
        return ref
    return f"docker.io/{ref}" if "/" in name else f"docker.io/library/{ref}"


def load_into_node(shell: Shell, node: str, images: Sequence[Image], load: Sequence[str], limit: int) -> list[Outcome]:
    """Load the images that the node's runtime does not list, then list again: a loader's success is not proof.

    Raises UserError naming the images that did not arrive.
    """
    started = time.monotonic()
    present = _listed(shell, node)
    missing = [image for image in images if normalised(image.ref) not in present]
    if missing:
        shell.effect([*load, *(image.ref for image in missing)], timeout=limit)
        present = _listed(shell, node)
        lost = [image.ref for image in missing if normalised(image.ref) not in present]
        if lost and not shell.dry:
            raise UserError(
                f"the load was reported as a success, but node {node} lacks {', '.join(lost)}",
                f"is its disk full? docker exec {node} df -h /",
            )
    seconds = time.monotonic() - started
    return [
        Outcome("load", image.service, "done" if image in missing else "unchanged", seconds, image.tag)
        for image in images
    ]


def _listed(shell: Shell, node: str) -> set[str]:
    docker = next(iter(find_clients()), Path("docker"))
    answer = shell.probe([docker, "exec", node, "crictl", "images", "--output", "json"], timeout=60)
    found = json.loads(answer.out) if answer and answer.out.strip() else {}
    return {tag for item in found.get("images", []) for tag in item.get("repoTags") or []}
