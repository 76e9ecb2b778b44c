"""Define the facts that readers find, each with the file and line it stands in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.adopt.tree import Place


@dataclass(frozen=True)
class Read:
    """A variable that code reads: its default there, whether it ends without it, and in which form it takes it.

    `form` is `json` for a list in JSON, `comma` for one with commas, else empty.
    """

    name: str
    place: Place
    default: str | None = None
    required: bool = False
    form: str = ""
    shortest: int = 0


@dataclass(frozen=True)
class Route:
    """A path that code answers; `whole` says that no prefix of another file comes before it."""

    method: str
    path: str
    place: Place
    whole: bool = False


@dataclass
class Code:
    """The facts that the source files of one folder hold."""

    reads: list[Read] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    urls: list[tuple[str, Place]] = field(default_factory=list)
    imports: dict[str, Place] = field(default_factory=dict)
    calls: dict[str, Place] = field(default_factory=dict)
    tables: list[Place] = field(default_factory=list)  # where tables are made from models
    ports: list[tuple[int, Place]] = field(default_factory=list)
    folders: list[tuple[str, Place]] = field(default_factory=list)
    unread: list[Place] = field(default_factory=list)  # where a file does not parse


@dataclass(frozen=True)
class Described:
    """A service as a compose file or a manifest tells it; what it does not tell is empty."""

    name: str
    place: Place
    kind: str  # compose or kubernetes
    image: str = ""
    context: str = ""
    dockerfile: str = ""
    stage: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    port: int | None = None
    published: int | None = None
    command: tuple[str, ...] = ()
    replicas: int | None = None
    probes: Mapping[str, Any] = field(default_factory=dict)
    volumes: tuple[str, ...] = ()
    service: str = ""
    stays: bool = False  # it is started again whenever it ends
    once: bool = False  # it ends by itself: others wait for its end, or its name and command say so
