"""The types every layer shares. All are frozen: a stage never changes what another one reads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from scripts.settings.targets import TargetOptions

Status = Literal["done", "unchanged", "planned", "skipped", "failed"]
UNPROVED = "not proved"  # how a detail begins that says what nobody could do on a person's behalf


@dataclass(frozen=True)
class Base:
    """A base image: the official reference, and the Debian recipe that makes an equal one where no registry answers."""

    name: str
    image: str


@dataclass(frozen=True)
class Dev:
    """The settings of a service for `invoke dev`; what is left empty follows from its Dockerfile and image.

    `stage` is the stage to build, `command` what runs and reloads by itself, `sync` pairs of a path in the build
    context and one in the container, `ports` what answers on localhost, `values` what is laid over the chart's.
    """

    stage: str = ""
    command: tuple[str, ...] = ()
    sync: tuple[tuple[str, str], ...] = ()
    ports: tuple[int, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Service:
    """One image to build and, for a service of the app, one Deployment to run.

    `context` and `dockerfile` are absolute paths; `source` is the Dockerfile that a person edits, where `dockerfile` is
    a copy made from it. `bases` maps a build argument to the name of a base image, `build_secrets` the id of a secret
    mount to the variable (environment or `.env`) that has its value. `port` is None for a worker, and `address` the
    name of the Kubernetes Service, empty for one. `label` is what its pods are called, empty where nobody knows.
    `ignore` are patterns of what stays out of the image beside those of `.dockerignore`. `edited` are, by the key that
    says so, the texts that a build changes in the sources.
    """

    name: str
    context: Path
    dockerfile: Path
    bases: Mapping[str, str] = field(default_factory=dict)
    build_args: Mapping[str, str] = field(default_factory=dict)
    build_secrets: Mapping[str, str] = field(default_factory=dict)
    stage: str = ""
    project: str = "todo-chatbot"
    source: Path | None = None
    ignore: tuple[str, ...] = ()
    edited: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    port: int | None = None
    address: str = ""
    deployment: str = ""
    label: str = ""
    dev: Dev = field(default_factory=Dev)

    @property
    def recipe(self) -> Path:
        """Return the Dockerfile that a person edits."""
        return self.source or self.dockerfile


@dataclass(frozen=True)
class Address:
    """A port of this machine's localhost that a browser has to reach, and the service that answers there."""

    port: int
    service: str


@dataclass(frozen=True)
class App:
    """One application, as `config/apps/NAME.yaml` tells it.

    `page` is the service that a browser opens, empty where there is none, `under_load` those that the requests of
    people go through. `secrets` are Kubernetes Secrets by name with the sources of their keys, `journey` is what a
    person does first. With `database_first` the local database runs before the services start; without `plays` no
    journey is inferred where none is named.
    """

    name: str
    file: str
    page: str
    under_load: tuple[str, ...] = ()
    secrets: Mapping[str, Any] = field(default_factory=dict)
    addresses: tuple[Address, ...] = ()
    journey: tuple[Mapping[str, Any], ...] = ()
    database_first: bool = False
    plays: bool = True

    @property
    def wants_database(self) -> bool:
        """Return whether one of its services reads the URL of a PostgreSQL."""
        return any("database" in source for spec in self.secrets.values() for source in spec["keys"].values())


@dataclass(frozen=True)
class Release:
    """A helm release: where it lives, the chart folder, and values files in the order helm gets them.

    `images` says where in the chart's values each service's image goes: service → part of an image (`repository`, `tag`
    or the whole `reference`) → dotted path. `labels` mark its revisions. `pod_security` is the level that its namespace
    enforces.
    """

    name: str
    namespace: str
    chart: Path
    values: tuple[Path, ...] = ()
    images: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    pod_security: str = "restricted"

    @property
    def has_library(self) -> bool:
        """Return whether its chart holds the library chart, and takes services and labels pods as that does."""
        return (self.chart / "charts/common/Chart.yaml").is_file()


@dataclass(frozen=True)
class Timeouts:
    """Limits in seconds."""

    build: int
    deploy: int
    health: int
    cluster: int


@dataclass(frozen=True)
class Security:
    """The policy for scans: what they have to show, and whether images are let in without one.

    A finding of severity `fail_on` or worse fails a scan unless `accepted` has its id, with the reason why. `required`
    are scanners that must have run. With `admission` only images are deployed that were scanned, at most `max_age_days`
    ago, and signed; `public_key` checks signatures, or where it is None the key beside the signing key.
    """

    fail_on: str = "high"
    required: tuple[str, ...] = ("hadolint", "checkov", "sbom")
    accepted: Mapping[str, str] = field(default_factory=dict)
    admission: bool = False
    max_age_days: int = 30
    public_key: Path | None = None


@dataclass(frozen=True)
class Settings:
    """Everything the user decided, validated: `config/pipeline.yaml` with its overlay, and the app's file.

    `idle` are values that have no effect in this environment, though in another one they have.
    """

    root: Path
    environment: str
    target: str
    cluster: str
    context: str
    registry: str
    allowed_contexts: tuple[str, ...]
    bases: Mapping[str, Base]
    app: App
    services: tuple[Service, ...]
    release: Release
    database: Service
    database_release: Release
    timeouts: Timeouts
    security: Security = field(default_factory=Security)
    size: str = "auto"
    downloads: Mapping[str, str] = field(default_factory=dict)
    targets: TargetOptions = field(default_factory=TargetOptions)
    idle: tuple[str, ...] = ()

    @property
    def page(self) -> Service | None:
        """Return the service that a browser opens, where the app has one."""
        return next((service for service in self.services if service.name == self.app.page), None)


@dataclass(frozen=True)
class Image:
    """An image named by what goes into it: `tag` is a digest of the inputs."""

    service: str
    repository: str
    tag: str

    @property
    def ref(self) -> str:
        """Return the reference as docker and Kubernetes take it, `repository:tag`."""
        return f"{self.repository}:{self.tag}"


@dataclass(frozen=True)
class Plan:
    """The plan of a run: these images, in these releases, on this target."""

    images: tuple[Image, ...]
    releases: tuple[Release, ...]
    target: str
    registry: str = ""

    def deployed(self, image: Image) -> str:
        """Return the reference that ends up in the cluster, with the registry where there is one."""
        return f"{self.registry}/{image.ref}" if self.registry else image.ref

    def image(self, service: str) -> Image:
        """Return the image of one service. Raises KeyError if the plan has none."""
        for image in self.images:
            if image.service == service:
                return image
        raise KeyError(service)


@dataclass(frozen=True)
class Outcome:
    """The outcome of one stage for one thing. `seconds` is wall time, `ended` seconds since the run's start."""

    stage: str
    target: str
    status: Status
    seconds: float = 0.0
    detail: str = ""
    hint: str = ""
    ended: float = 0.0


class Cluster(Protocol):
    """A Kubernetes cluster as the pipeline sees it: four methods, and where to reach it."""

    target: str
    name: str
    kubeconfig: Path
    context: str

    def up(self, tell: Callable[[str], None] = ...) -> Outcome:
        """Make the cluster answer; starting it where needed, while `tell` hears how it goes."""

    def addons(self) -> list[Outcome]:
        """Return what became of the addons that `up` began to enable, once they work."""

    def cpus(self) -> int | None:
        """Return CPUs of the node that pods share; None where nobody can tell."""

    def down(self) -> Outcome:
        """Remove the cluster and everything it made on this machine."""

    def is_removable(self) -> bool:
        """Return whether there is one that `down` would remove."""

    def status(self) -> Mapping[str, str]:
        """Return a few words on the cluster's state, for people."""

    def load(self, images: Sequence[Image]) -> list[Outcome]:
        """Make the images available to the cluster's nodes, and prove that they are."""

    def prune(self, old: Callable[[Sequence[str]], list[str]]) -> int:
        """Take away from the nodes what `old` says of the references they have, and say how many were."""

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Return where a NodePort Service answers for a browser on this machine."""

    def require(self) -> None:
        """Raise UserError, with the state it is in and the remedy, unless it runs."""
