"""The Docker engine and its client."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.host import parsing, remembered
from scripts.host.shell import Shell
from scripts.images.engine_api import EngineApi, EngineSilent
from scripts.settings.model import Image, Service

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
PLUGIN_ROOTS = ("/usr/libexec", "/usr/lib", "/usr/local/libexec", "/usr/local/lib")
BUILDKIT_KNOWN = "buildkit"  # of a client: whether it has BuildKit
BUILDKIT = {"DOCKER_BUILDKIT": "1", "BUILDKIT_PROGRESS": "plain"}


@dataclass(frozen=True)
class Docker:
    """A client with BuildKit: `binary` is an absolute path."""

    binary: Path

    def build_command(
        self,
        service: Service,
        image: Image,
        bases: Mapping[str, str],
        *,
        hidden: Collection[str] = (),
        source: tuple[Path, Path] | None = None,
    ) -> list[str]:
        """Return the argv that builds one image. `bases` maps base names to local references.

        `hidden` are build arguments whose values the client takes from its environment, as it does with proxies and
        secrets, so that they stand in no list of processes. `source` is (context, Dockerfile) where they are not the
        service's own.
        """
        arguments = {name: bases[base] for name, base in service.bases.items()} | dict(service.build_args)
        words = [f"{name}={value}" for name, value in sorted(arguments.items()) if name not in hidden]
        # Proxies are the machine's business, not the image's: they are no part of the digest.
        words += sorted({*hidden, *(name for name in PROXY_VARIABLES if name in os.environ)})
        options = [word for argument in words for word in ("--build-arg", argument)]
        for name, variable in sorted(service.build_secrets.items()):
            options += ["--secret", f"id={name},env={variable}"]
        labels = ["--label", f"org.opencontainers.image.title={service.name}"]
        context, dockerfile = source or (service.context, service.dockerfile)
        target = ["--tag", image.ref, "--file", str(dockerfile)]
        target += ["--target", service.stage] if service.stage else []
        return [str(self.binary), "build", *target, *options, *labels, str(context)]


def find_clients(path: str | None = None) -> list[Path]:
    """Return every `docker` on PATH, in order, without repeats."""
    folders = (path if path is not None else os.environ.get("PATH", "")).split(os.pathsep)
    found = [shutil.which("docker", path=folder) for folder in folders if folder]
    return list(dict.fromkeys(Path(item) for item in found if item))


def has_buildkit(shell: Shell, binary: Path) -> bool:
    """Return whether this client can build with BuildKit: by the buildx plugin, or built in as before version 23.

    The answer is kept with the tools, and asked for anew when the client's file or a folder of plugins has changed. A
    client that gives none is not fit now, and is asked again the next time.
    """
    stamp = _stamp(binary)
    known = remembered.recall(BUILDKIT_KNOWN, str(binary), stamp)
    if known is None:
        known = _asked_for_buildkit(shell, binary)
        if known is not None and not shell.dry:
            remembered.keep(BUILDKIT_KNOWN, str(binary), stamp, known)
    return bool(known)


def _asked_for_buildkit(shell: Shell, binary: Path) -> bool | None:
    """Return whether a client says that it builds with BuildKit; None where it says nothing of itself."""
    told = shell.probe([binary, "--version"])
    if "podman" in told.out.lower():
        return False
    found = re.search(r"(?i)^docker version (\d+)\.", told.out)
    if not told or not found:
        return None
    if 18 < int(found[1]) < 23:
        return True
    plugin = shell.probe([binary, "buildx", "version"])
    return None if plugin.code == 124 else bool(plugin)  # 124: no answer in time


def is_podman(shell: Shell, binary: Path) -> bool:
    """Return whether this client is podman under the name docker, which builds without BuildKit."""
    return "podman" in shell.probe([binary, "--version"]).out.lower()


def _stamp(binary: Path) -> remembered.Stamp:
    """Return what changes when the client or one of its plugins is replaced."""
    home = Path(os.environ.get("DOCKER_CONFIG") or Path(os.environ.get("HOME") or "/nowhere") / ".docker")
    plugins = [home / "cli-plugins", *(Path(name) / "docker/cli-plugins" for name in PLUGIN_ROOTS)]
    return remembered.stamp([binary, *plugins])


def engine_answers(shell: Shell, binary: Path) -> bool:
    """Return whether the engine behind this client answers."""
    if api := EngineApi.reached_by(os.environ):
        return api.answers()
    return bool(shell.probe([binary, "version", "--format", "{{.Server.Version}}"], timeout=10))


def info(shell: Shell, binary: Path, timeout: float = 15.0) -> tuple[Mapping[str, Any], str]:
    """Return what the engine says of itself and its machine; where it says nothing, that is empty, and
    there is a reason.
    """
    if api := EngineApi.reached_by(os.environ):
        with suppress(EngineSilent):  # the client has better words for what is wrong
            return api.info, ""
    answer = shell.probe([binary, "info", "--format", "{{json .}}"], timeout=timeout)
    try:
        told = parsing.from_json(answer.out)
    except ValueError:
        told = None
    found: Mapping[str, Any] = told if isinstance(told, dict) else {}
    return found, answer.err.strip() or " ".join(found.get("ServerErrors") or ())


def how_to_reach(said: str) -> str:
    """Return what helps against an engine of this machine that does not answer, by what its client said."""
    if "permission denied" in said.lower():
        return "join the group docker (sudo usermod --append --groups docker $USER), and log in again"
    return "start it: sudo systemctl start docker, or Docker Desktop"


def image_ids(shell: Shell, docker: Docker, refs: Sequence[str]) -> dict[str, str]:
    """Return reference → image id, for those of `refs` that the engine has.

    Raises EngineSilent where that cannot be told; in a dry run, which may come before there is an engine, none is had.
    """
    try:
        if api := EngineApi.reached_by(os.environ):
            found = {ref: api.image_id(ref) for ref in dict.fromkeys(refs)}
        else:
            found = {ref: _image_id(shell, docker, ref) for ref in dict.fromkeys(refs)}
    except EngineSilent:
        if shell.dry:
            return {}
        raise
    return {ref: id for ref, id in found.items() if id}


def lacking(shell: Shell, docker: Docker, refs: Sequence[str]) -> list[str]:
    """Return those of `refs` that the engine does not have; none in a dry run. Raises EngineSilent."""
    if shell.dry:
        return []
    have = image_ids(shell, docker, refs)
    return [ref for ref in refs if ref not in have]


def require(shell: Shell, docker: Docker, refs: Sequence[str], claim: str) -> None:
    """Look for images that a client says to have made or fetched (`claim`, as in "the build ended well").

    Raises UserError naming those that the engine lacks all the same, EngineSilent where it does not say.
    """
    if lost := lacking(shell, docker, refs):
        raise UserError(
            f"{claim}, but the engine lacks {', '.join(lost)}",
            f"does the client work on this engine? {docker.binary} context ls; {docker.binary} buildx ls",
        )


def references(shell: Shell, docker: Docker, repositories: Collection[str]) -> list[str]:
    """Return the references of images in these repositories, the newest first; none where the engine does not say."""
    if api := EngineApi.reached_by(os.environ):
        try:
            return api.references(repositories)
        except EngineSilent:
            return []
    patterns = [word for name in sorted(repositories) for word in ("--filter", f"reference={name}")]
    argv: list[str | Path] = [docker.binary, "image", "ls", "--format", "{{.Repository}}:{{.Tag}}", *patterns]
    return [ref for ref in shell.probe(argv, timeout=60).out.split() if not ref.endswith(":<none>")]


def _image_id(shell: Shell, docker: Docker, ref: str) -> str | None:
    answer = shell.probe([docker.binary, "image", "inspect", "--format", "{{.Id}}", ref])
    if answer:
        return answer.out.strip()
    if "no such image" in answer.err.lower():
        return None
    raise EngineSilent(f"docker image inspect {ref}: {answer.err.strip()}", "see: docker version")
