"""Read from the Docker engine over its own API: a millisecond each, where a process for each would take many.

api = EngineApi.reached_by(os.environ)      None where only the client knows the way (ssh, TLS)
api.answers()
api.image_id("python:3.13-slim")            None where the engine does not have it
"""

from __future__ import annotations

import hashlib
import http.client
import json
import socket
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from scripts.errors import UserError
from scripts.host import parsing

OURS = (1, 41)  # the version of the API that is spoken where the engine knows it
SECONDS = 10.0  # for one answer
DEFAULT = "unix:///var/run/docker.sock"
Kind = TypeVar("Kind", dict[str, Any], list[Any])


class EngineSilent(UserError):
    """An engine that cannot be asked: what it has or lacks is not known."""


@dataclass(frozen=True)
class EngineApi:
    """The API of one engine, at a socket's path or at a host and port."""

    socket: str = ""
    host: str = ""
    port: int = 2375

    @classmethod
    def reached_by(cls, environ: Mapping[str, str]) -> EngineApi | None:
        """Return the API of the engine that the client would use, or None where it takes the client to reach it."""
        address, certified = _endpoint(environ)
        place = parsing.from_url("" if certified else address)
        if place.scheme == "unix" and place.path:
            return cls(socket=place.path)
        secured = environ.get("DOCKER_TLS_VERIFY") or environ.get("DOCKER_TLS")
        if place.scheme in ("tcp", "http") and place.hostname and not secured and place.port != 2376:
            return cls(host=place.hostname, port=place.port or 2375)
        return None

    def answers(self) -> bool:
        """Return whether an engine is there."""
        try:
            return self._ask("/_ping")[0] == 200
        except EngineSilent:
            return False

    def image_id(self, ref: str) -> str | None:
        """Return the id of an image, None where the engine does not have it.

        Raises EngineSilent where it does not say.
        """
        status, body = self._ask(f"/{self.version}/images/{quote(ref, safe='/:@')}/json")
        if status == 404 and b"no such image" in body.lower():  # and not that of whoever stands before the engine
            return None
        found = self._object(status, body).get("Id")
        if not isinstance(found, str) or not found:
            raise _unclear(status, body)
        return found

    def references(self, repositories: Collection[str]) -> list[str]:
        """Return the references of all images in these repositories, the newest first. Raises EngineSilent."""
        asked = quote(json.dumps({"reference": sorted(repositories)}))
        status, body = self._ask(f"/{self.version}/images/json?filters={asked}")
        found = self._answer(list, status, body)
        try:
            images = sorted(found, key=lambda image: -int(image["Created"]))
        except (KeyError, TypeError, ValueError):
            raise _unclear(status, body) from None
        tags = [tag for image in images for tag in image.get("RepoTags") or ()]
        return [tag for tag in tags if tag.rpartition(":")[0] in repositories]

    @cached_property
    def about(self) -> Mapping[str, Any]:
        """Return the engine's word on itself. Raises EngineSilent."""
        return self._object(*self._ask("/version"))

    @property
    def info(self) -> Mapping[str, Any]:
        """Return the engine's word on the machine it runs on. Raises EngineSilent."""
        return self._object(*self._ask(f"/{self.version}/info"))

    @property
    def is_podman(self) -> bool:
        """Return whether podman answers in the engine's place."""
        return any("podman" in str(part.get("Name", "")).lower() for part in self.about.get("Components") or ())

    @cached_property
    def version(self) -> str:
        """Return the version to speak: ours, if it is between the oldest and the newest that the engine knows."""
        newest, oldest = (_version(self.about.get(key)) for key in ("ApiVersion", "MinAPIVersion"))
        major, minor = max(min(OURS, newest), oldest if oldest <= newest else newest)
        return f"v{major}.{minor}"

    def _ask(self, path: str) -> tuple[int, bytes]:
        connection = _Unix(self.socket) if self.socket else http.client.HTTPConnection(self.host, self.port, SECONDS)
        try:
            connection.request("GET", path, headers={"Host": "docker", "Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read()
        except (OSError, http.client.HTTPException) as error:
            raise EngineSilent(
                f"the Docker engine at {self.socket or self.host} does not answer: {error}", "see: docker version"
            ) from None
        finally:
            connection.close()

    def _object(self, status: int, body: bytes) -> Mapping[str, Any]:
        return self._answer(dict, status, body)

    @staticmethod
    def _answer(kind: type[Kind], status: int, body: bytes) -> Kind:
        try:
            found = parsing.from_json(body)
        except ValueError:
            found = None
        if status != 200 or not isinstance(found, kind):
            raise _unclear(status, body, found.get("message") if isinstance(found, dict) else None)
        return found


def _unclear(status: int, body: bytes, said: object = None) -> EngineSilent:
    """Return the error for an answer that does not say what was asked."""
    words = said or body[:200].decode(errors="replace").strip() or "nothing"
    return EngineSilent(f"the Docker engine answers with status {status}: {words}", "see its log")


class _Unix(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=SECONDS)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(SECONDS)
        self.sock.connect(self._path)


def _version(text: object) -> tuple[int, int]:
    major, _, minor = str(text or "").partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else OURS


def is_elsewhere(environ: Mapping[str, str]) -> bool:
    """Return whether the client would go to an engine on another machine, whose ports are not this one's."""
    host = parsing.from_url(_endpoint(environ)[0]).hostname or ""
    return bool(host) and host not in ("localhost", "::1") and not host.startswith("127.")


def chosen_by(environ: Mapping[str, str]) -> tuple[str, str]:
    """Return what sends the client to another engine than this machine's usual one, which nobody here can start, and
    what ends that; nothing where nothing does.
    """
    if host := environ.get("DOCKER_HOST"):
        return ("", "") if host == DEFAULT else (f"DOCKER_HOST={host}", "unset DOCKER_HOST")
    name = _context(environ)
    if name == "default" or _endpoint(environ)[0] == DEFAULT:
        return "", ""
    if environ.get("DOCKER_CONTEXT"):
        return f"DOCKER_CONTEXT={name}", "unset DOCKER_CONTEXT"
    return f"the docker context {name}", "choose another: docker context use default"


def _context(environ: Mapping[str, str]) -> str:
    """Return the name of the client's context, where no DOCKER_HOST goes before it."""
    chosen = environ.get("DOCKER_CONTEXT") or _read(_settings(environ) / "config.json").get("currentContext")
    return str(chosen or "default")


def _settings(environ: Mapping[str, str]) -> Path:
    """Return the folder of the client's settings."""
    return Path(environ.get("DOCKER_CONFIG") or Path(environ.get("HOME") or "/nowhere") / ".docker")


def _endpoint(environ: Mapping[str, str]) -> tuple[str, bool]:
    """Return where the client would go: DOCKER_HOST, else the context that is chosen, else the usual socket; and
    whether it takes certificates of that context.
    """
    if host := environ.get("DOCKER_HOST"):
        return host, False
    folder, chosen = _settings(environ), _context(environ)
    if chosen == "default":
        return DEFAULT, False
    meta = _read(folder / "contexts/meta" / hashlib.sha256(chosen.encode()).hexdigest() / "meta.json")
    endpoint = (meta.get("Endpoints") or {}).get("docker") or {}
    tls = (folder / "contexts/tls" / hashlib.sha256(chosen.encode()).hexdigest()).is_dir()
    return str(endpoint.get("Host") or ""), tls


def _read(file: Path) -> Mapping[str, Any]:
    """Return a JSON file that the client wrote; nothing where there is none or it cannot be read."""
    try:
        found = parsing.from_json(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
