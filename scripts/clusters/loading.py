"""Images into nodes: what a node lacks is saved by the engine straight into the node's runtime, then listed again.

A loader's success is no proof: minikube's own exits 0 when it has loaded nothing.
"""

from __future__ import annotations

import tarfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from scripts.clusters import layers
from scripts.clusters.answers import listed_images
from scripts.clusters.ownership import engine_client
from scripts.clusters.states import first_line
from scripts.errors import UserError
from scripts.host.shell import CommandError, Shell, render
from scripts.settings.model import Image, Outcome

CONTENTS = ("ctr", "--namespace", "k8s.io", "content", "ls", "--quiet")
CTR = ("ctr", "--namespace", "k8s.io", "images", "import", "-")


@dataclass(frozen=True)
class Node:
    """One node: the argv that lists its images as JSON, the one that takes `docker save` on standard input, and more.

    `put` replaces that where a runtime takes no stream. `disk` is a command that shows how full it is, `removes` an
    argv that takes away the references behind it, `contents` one that lists the digests of what the node holds, where
    its runtime has such a list.
    """

    name: str
    listing: tuple[str, ...]
    takes: tuple[str, ...]
    disk: str
    removes: tuple[str, ...]
    contents: tuple[str, ...] = ()
    put: Callable[[Sequence[str]], object] | None = None


def container_node(name: str, runtime: str = "containerd") -> Node:
    """Return a node that is a container of the engine."""
    inside = (str(engine_client()), "exec", "--interactive", name)
    takes = (*inside, "docker", "load") if runtime == "docker" else (*inside, *CTR)
    listing = (str(engine_client()), "exec", name, "crictl", "images", "--output", "json")
    removes = ("docker", "image", "rm") if runtime == "docker" else ("crictl", "rmi")
    client = str(engine_client())
    contents = (client, "exec", name, *CONTENTS) if runtime == "containerd" else ()
    return Node(name, listing, takes, f"docker exec {name} df -h /var", (client, "exec", name, *removes), contents)


def normalised(ref: str) -> str:
    """Return a reference as a node's runtime spells it: with the registry that is meant where none is named."""
    first, slash, _ = ref.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return ref
    return f"docker.io/{ref}" if slash else f"docker.io/library/{ref}"


def transfer(shell: Shell, nodes: Sequence[Node], images: Sequence[Image], limit: float) -> list[Outcome]:
    """Bring images to every node that lacks them, the nodes side by side, within `limit` seconds, and prove it.

    Raises UserError naming the images that did not arrive, or the node that does not tell what it has.
    """
    started = time.monotonic()
    with ThreadPoolExecutor(max_workers=max(1, len(nodes))) as pool:
        sent = {ref for refs in pool.map(lambda node: _one(shell, node, images, limit), nodes) for ref in refs}
    seconds = time.monotonic() - started
    return [
        Outcome("load", image.service, "done" if image.ref in sent else "unchanged", seconds, image.tag)
        for image in images
    ]


def _one(shell: Shell, node: Node, images: Sequence[Image], limit: float) -> list[str]:
    present = listed(shell, node)
    missing = [image.ref for image in images if normalised(image.ref) not in present]
    if not missing:
        return []
    _require_on_engine(shell, missing)
    if node.put:
        node.put(missing)
    else:
        _send(shell, node, missing, limit)
    if not shell.dry:
        present = listed(shell, node)
        lost = [ref for ref in missing if normalised(ref) not in present]
        if lost:
            raise UserError(
                f"the load was reported as a success, but node {node.name} lacks {', '.join(lost)}",
                f"is its disk full? {node.disk}",
            )
    return missing


def _require_on_engine(shell: Shell, refs: Sequence[str]) -> None:
    answer = shell.probe([engine_client(), "image", "inspect", "--format", "{{.Id}}", *refs], timeout=60)
    if shell.dry or "no such image" not in answer.err.lower():
        return
    lacking = [ref for ref in refs if ref in answer.err] or refs
    raise UserError(
        f"the engine lacks {', '.join(lacking)}, which the nodes need", "build what is missing: invoke build"
    )


def _send(shell: Shell, node: Node, refs: Sequence[str], limit: float) -> None:
    """Send images to a node, without the layers that it has; where that does not come about, with all of them."""
    save: list[str | Path] = [engine_client(), "save", *refs]
    if node.contents and not shell.dry:
        try:
            _send_new(shell, node, save, limit)
            return
        except (CommandError, tarfile.TarError, ValueError, KeyError) as problem:
            shell.say(f"node {node.name} did not take the new layers alone ({first_line(str(problem))}): sending all")
    shell.pipe(save, node.takes, timeout=limit)


def _send_new(shell: Shell, node: Node, save: Sequence[str | Path], limit: float) -> None:
    """Send what the node lacks of a save, which it is asked while the engine still gathers the layers.

    Raises CommandError, tarfile.TarError, ValueError or KeyError where that does not come about.
    """
    with shell.reading(save) as source:
        known = layers.known_layers()
        before = len(known)
        stream = layers.without_blobs(source, _digests(shell, node), normalised, known)
        shell.say(f"$ {render(save)} | {render(node.takes)}")
        shell.feed(node.takes, stream, quiet=True, timeout=limit)
    if len(known) > before:
        layers.keep_layers(known)


def _digests(shell: Shell, node: Node) -> set[str]:
    """Return the digests of what a node holds; none where it does not tell."""
    answer = shell.probe(node.contents, timeout=60)
    return {line for line in answer.out.split() if line.startswith("sha256:")} if answer else set()


def prune(shell: Shell, nodes: Sequence[Node], old: Callable[[Sequence[str]], list[str]]) -> int:
    """Take away from each node what `old` says of the references it has. Returns how many were."""
    total = 0
    for node in nodes:
        if doomed := old(sorted(listed(shell, node))):
            with suppress(CommandError):  # what a container is made of stays
                shell.effect([*node.removes, *doomed], timeout=300)
            total += len(doomed)
    return total


def listed(shell: Shell, node: Node) -> set[str]:
    """Return the references that a node has; none in a dry run where it does not answer.

    Raises UserError if it does not.
    """
    answer = shell.probe(node.listing, timeout=60)
    found = listed_images(answer.out) if answer else None
    if found is None and not shell.dry:
        said = first_line(answer.err) or first_line(answer.out) or "nothing"
        raise UserError(f"node {node.name} does not tell which images it has: {said}", "see: invoke cluster.status")
    return found or set()
