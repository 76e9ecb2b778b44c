"""The Docker engine and its client."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.host.shell import Shell
from scripts.settings.model import Image, Service

PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
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
        """The argv that builds one image. `bases` maps base names to local references.

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
    """Every `docker` on PATH, in order, without repeats."""
    folders = (path if path is not None else os.environ.get("PATH", "")).split(os.pathsep)
    found = [shutil.which("docker", path=folder) for folder in folders if folder]
    return list(dict.fromkeys(Path(item) for item in found if item))


def has_buildkit(shell: Shell, binary: Path) -> bool:
    """Whether this client can build with BuildKit: by the buildx plugin, or built in as before version 23."""
    version = shell.probe([binary, "version", "--format", "{{.Client.Version}}"]).out.strip()
    major = version.split(".")[0]
    if major.isdigit() and 18 < int(major) < 23:
        return True
    return bool(shell.probe([binary, "buildx", "version"]))


def engine_answers(shell: Shell, binary: Path) -> bool:
    """Whether the engine behind this client answers."""
    return bool(shell.probe([binary, "version", "--format", "{{.Server.Version}}"], timeout=10))


def image_ids(shell: Shell, docker: Docker, refs: Sequence[str]) -> dict[str, str]:
    """Reference → image id, for those of `refs` that the engine has."""
    if not refs:
        return {}
    answer = shell.probe([docker.binary, "image", "inspect", *refs])
    found: dict[str, str] = {}
    for item in json.loads(answer.out or "[]"):
        found |= dict.fromkeys(item.get("RepoTags") or [], item["Id"])
    return {ref: found[ref] for ref in refs if ref in found}
