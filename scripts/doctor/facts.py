"""Collect facts of a machine: its engine, programs, registries and cluster, asked side by side. Nothing is changed.

facts = gather(settings, shell)
"""

from __future__ import annotations

import http.client
import os
import platform
import re
import shutil
import socket
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from scripts import clusters
from scripts.clusters import machine
from scripts.clusters.machine import Objection
from scripts.doctor.ingress import controller_ready
from scripts.errors import UserError
from scripts.host import network, parsing, resources, toolchain
from scripts.host.fetching import UNANSWERED
from scripts.host.paths import tools_folder
from scripts.host.shell import Result, Shell
from scripts.host.toolchain import TOOLS
from scripts.images import base_images, docker
from scripts.images.engine_api import chosen_by
from scripts.kube.kubectl import Kubectl
from scripts.secrets import sync
from scripts.settings import idle, values
from scripts.settings.model import Settings
from scripts.settings.values import FRONTEND_PORT

NET_SECONDS = 3.0  # that a registry has to answer
ASK_SECONDS = 8.0  # that a local program has to answer
REGISTRIES = {
    "Docker Hub": "https://registry-1.docker.io/v2/",
    "Python packages": "https://pypi.org/simple/pip/",
    "Node packages": "https://registry.npmjs.org/npm",
    "Debian packages": "http://deb.debian.org/debian/dists/stable/InRelease",
}
AI_TOOLS = {
    "kubectl-ai": "https://github.com/GoogleCloudPlatform/kubectl-ai",
    "kagent": "https://kagent.dev",
    "k8sgpt": "https://k8sgpt.ai",
}
OLDEST_PYTHON = (3, 11)
PLAIN = "answers without TLS"


@dataclass(frozen=True)
class Client:
    """A docker client on PATH; `version` is asked for where a person is to read it."""

    path: str
    version: str
    buildkit: bool


@dataclass(frozen=True)
class Facts:
    """The facts of a machine. Sizes are bytes; an empty text or None means that there is none or nobody could tell."""

    target: str = "embedded"
    python: tuple[int, int] = OLDEST_PYTHON
    system: str = "Linux"
    machine: str = "x86_64"
    root: bool = True
    apt: bool = True
    mmdebstrap: bool = False
    may_install: bool = True
    clients: tuple[Client, ...] = ()
    engine: Mapping[str, Any] = field(default_factory=dict)
    engine_error: str = ""
    engine_place: tuple[str, str] = ("", "")
    mtu: int = network.ETHERNET
    containers_mtu: int | None = None
    disk_path: str = "/"
    disk_free: int | None = None
    memory: int | None = None
    memory_limit: int | None = None  # of the container that this runs in
    cores: int = 1
    port_open: bool = False
    port_ours: bool | None = False  # None where the cluster does not say
    port_holder: str = ""
    port: int = FRONTEND_PORT
    node_hidden: bool = False
    objections: tuple[Objection, ...] = ()
    node: str = ""
    tools: Mapping[str, str] = field(default_factory=dict)
    program: str = ""
    cluster: Mapping[str, str] = field(default_factory=dict)
    cluster_error: str = ""
    cluster_remedy: str = ""
    secrets_problem: tuple[str, str] = ("", "")
    idle: tuple[str, ...] = ()
    server: str = ""
    metrics: bool | None = False  # None where the cluster does not say
    metrics_why: str = ""
    ingress: bool = False
    ingress_why: str = ""
    ai: Mapping[str, str] = field(default_factory=dict)
    gordon: bool = False
    registries: Mapping[str, str] = field(default_factory=dict)


def gather(settings: Settings, shell: Shell, target: str = "") -> Facts:
    """Ask everything at once. Nothing is changed, fetched or started."""
    registries = _Reachable(REGISTRIES | _own_registry(settings))
    with ThreadPoolExecutor(max_workers=16) as pool:
        here = pool.submit(local_facts, settings, shell, target)
        tools = {tool.name: pool.submit(_ask_tool, shell, tool, settings.root) for tool in TOOLS}
        ai = {name: pool.submit(_version, shell, name, "version") for name in AI_TOOLS}
        gordon = pool.submit(_gordon, shell)
        packets = pool.submit(_containers_mtu, shell)
        cluster = pool.submit(_ask_cluster, settings, shell, target)
        port = _port_wanted(settings)
        holder = pool.submit(holder_of, shell, port) if listens(port) else None
    local = here.result()
    found = replace(
        local,
        clients=_told_versions(shell, local.clients),
        tools={name: job.result() for name, job in tools.items()},
        ai={name: job.result() for name, job in ai.items()},
        gordon=gordon.result(),
        mtu=network.outward_mtu(),
        containers_mtu=packets.result(),
        port=port,
        port_open=holder is not None,
        port_holder=holder.result() if holder else "",
        registries=registries.result(),
        **cluster.result(),
        secrets_problem=_unfit_secrets(settings),
    )
    unused = tuple(idle.told(settings, found.target))
    return replace(found, program=_program_version(shell, found.target), idle=unused)


def local_facts(settings: Settings, shell: Shell, target: str = "") -> Facts:
    """Return what this machine and its engine are: a short look, which asks neither a cluster nor the network.

    A target that does not exist, or whose program is missing, is left as it was asked for.
    """
    wanted = target or settings.target
    with suppress(UserError):
        wanted = clusters.choose(wanted, clusters.force_root(settings))
    engine = _ask_engine(shell)
    told = engine.get("engine") or {}
    facts = Facts(
        target=wanted,
        python=(sys.version_info.major, sys.version_info.minor),
        system=platform.system(),
        machine=platform.machine(),
        root=machine.is_root(),
        apt=bool(shutil.which("apt-get")),
        mmdebstrap=bool(shutil.which("mmdebstrap")) and base_images.may_unpack(),
        memory=resources.physical_memory(),
        memory_limit=resources.memory_limit(),
        cores=resources.cpus(),
        **engine,
    )
    options = settings.targets.minikube
    if wanted == "minikube":
        seen = machine.with_sudo(machine.read(told, facts.root), shell, options.driver)
        cpus, memory = machine.fitted(options, seen)
        facts = replace(
            facts,
            objections=tuple(machine.objections(options, seen, machine.profile(settings))),
            node=f"a node of {cpus} CPUs and {memory} MB, by the driver {options.driver}",
            node_hidden=machine.node_hidden(options.driver, seen),
        )
    elif wanted in clusters.GUIDES:
        facts = replace(facts, objections=tuple(machine.of_engine(machine.read(told, facts.root))))
    path = Path(str(told.get("DockerRootDir") or settings.root))
    # The engine's own folder may lie on another machine, or in Docker Desktop's: what is free here says nothing of it.
    remote = parsing.from_url(os.environ.get("DOCKER_HOST", "")).scheme in ("tcp", "http", "ssh")
    elsewhere = bool(told) and (remote or not path.exists())
    return replace(facts, disk_path=str(path), disk_free=None if elsewhere else _free(path))


def _port_wanted(settings: Settings) -> int:
    try:
        return values.node_ports(values.merged(settings, settings.release))[0]
    except UserError:
        return FRONTEND_PORT


def _program_version(shell: Shell, target: str) -> str:
    words = {"kind": ("kind", "version"), "k3d": ("k3d", "version")}.get(target, ("minikube", "version", "--short"))
    return _version(shell, *words)


def _ask_engine(shell: Shell) -> dict[str, Any]:
    found = [Client(str(path), "", docker.has_buildkit(shell, path)) for path in docker.find_clients()]
    best = next((client for client in found if client.buildkit), next(iter(found), None))
    if best is None:
        return {"clients": ()}
    engine, said = docker.info(shell, Path(best.path), ASK_SECONDS)
    told = said.splitlines()[0] if said else ""
    return {
        "clients": tuple(found), "engine": engine, "engine_error": told, "engine_place": chosen_by(os.environ)
    }  # fmt: skip


def _told_versions(shell: Shell, clients: Iterable[Client]) -> tuple[Client, ...]:
    words = ("version", "--format", "{{.Client.Version}}")
    return tuple(replace(client, version=_version(shell, client.path, *words)) for client in clients)


def _ask_tool(shell: Shell, tool: toolchain.Tool, root: Path) -> str:
    pinned = tools_folder(root) / tool.name
    path = str(pinned) if pinned.is_file() else shutil.which(tool.name)
    if not path:
        return ""
    match = re.search(
        r"v?\d+\.\d+\.\d+\S*?(?=[\"\s]|$)", shell.probe([path, *tool.version_arguments], timeout=ASK_SECONDS).out
    )
    return match[0] if match else "an unknown version"


def _version(shell: Shell, program: str, *words: str) -> str:
    if not shutil.which(program):
        return ""
    answer = shell.probe([program, *words], timeout=ASK_SECONDS)
    return (answer.out.strip() or (answer.err.strip() if answer else "") or "installed").splitlines()[0][:60]


def _unfit_secrets(settings: Settings) -> tuple[str, str]:
    """Return what a run would refuse of the values that are given here, and the remedy; nothing where it takes them."""
    try:
        sync.refuse_unfit(sync.configured(settings), settings.root, sync.known_variables(settings.root))
    except UserError as problem:
        return str(problem), problem.hint or "correct it"
    return "", ""


def _gordon(shell: Shell) -> bool:
    return bool(shutil.which("docker")) and bool(shell.probe(["docker", "ai", "version"], timeout=ASK_SECONDS))


def _containers_mtu(shell: Shell) -> int | None:
    """Return the largest packet that containers of this machine's engine send, None where it does not say."""
    if chosen_by(os.environ)[0] or not shutil.which("docker"):
        return None
    words = ("network", "inspect", "bridge", "--format", '{{index .Options "com.docker.network.driver.mtu"}}')
    told = shell.probe(["docker", *words], timeout=ASK_SECONDS)
    return int(told.out) if told and told.out.strip().isdigit() else None


def _ask_cluster(settings: Settings, shell: Shell, target: str) -> dict[str, Any]:
    wanted = target or settings.target
    try:
        chosen = clusters.choose(wanted, clusters.force_root(settings))
        pinned = tools_folder(settings.root) / "kubectl"
        binary = pinned if pinned.is_file() else Path(shutil.which("kubectl") or "kubectl")
        cluster = clusters.select(settings, shell, binary, chosen)
        status = dict(cluster.status())
    except UserError as error:
        return {"target": wanted, "cluster_error": str(error).splitlines()[0], "cluster_remedy": error.hint}
    known = {"target": chosen, "cluster": status}
    if not cluster.kubeconfig.is_file():
        return known
    kubectl = Kubectl(binary, cluster.kubeconfig, cluster.context, shell)
    version = _json(kubectl.ask("get", "--raw", "/version", timeout=ASK_SECONDS).out).get("gitVersion", "")
    if not version:
        return known
    name = settings.page.address if settings.page else ""
    words = ("get", "service", name, "--namespace", settings.release.namespace, "--output", "json")
    service = kubectl.ask(*words, timeout=ASK_SECONDS)
    ports = _json(service.out).get("spec", {}).get("ports") or ()
    ours = any(port.get("nodePort") == _port_wanted(settings) for port in ports)
    ingress, why = _ingress(kubectl)
    metrics = kubectl.ask("get", "--raw", "/apis/metrics.k8s.io/v1beta1", timeout=ASK_SECONDS)
    return known | {
        "server": version,
        "metrics": True if metrics else _told_absent(metrics),
        "metrics_why": " ".join(metrics.err.split()),
        "ingress": ingress,
        "ingress_why": why,
        "port_ours": ours if service or not name else _told_absent(service),
    }


def _told_absent(answer: Result) -> bool | None:
    """Return False where a server says that something is not there, or has nobody behind it; None for other words."""
    absent = re.search(r"NotFound|ServiceUnavailable|not find the requested|unable to handle", answer.err)
    return False if absent else None


def _ingress(kubectl: Kubectl) -> tuple[bool, str]:
    """Return whether there is an IngressClass whose controller has a ready pod, and if there is only the
    class, why not.
    """
    classes = _listed(kubectl, "ingressclasses")
    return controller_ready(classes, _listed(kubectl, "deployments,daemonsets")) if classes else (False, "")


def _listed(kubectl: Kubectl, kinds: str) -> list[Any] | None:
    """Return the objects of all namespaces, or None where the server does not say."""
    answer = kubectl.ask("get", kinds, "--all-namespaces", "--output", "json", timeout=ASK_SECONDS)
    found = _json(answer.out).get("items") if answer else None
    return found if isinstance(found, list) else None


def _own_registry(settings: Settings) -> dict[str, str]:
    host = settings.registry.split("/")[0]
    return {f"registry {host}": f"https://{host}/v2/"} if host else {}


def _in_words(reason: object) -> str:
    """Return what an error says, without its number."""
    return str(getattr(reason, "strerror", None) or reason)


class _Reachable:
    """The addresses that answer, each asked by a thread of its own, so that one that hangs holds up nothing."""

    def __init__(self, addresses: Mapping[str, str]) -> None:
        self._problems = dict.fromkeys(addresses, f"no answer within {NET_SECONDS:g} s")
        self._threads = [
            threading.Thread(target=self._ask, args=(name, url), daemon=True) for name, url in addresses.items()
        ]
        for thread in self._threads:
            thread.start()

    def result(self) -> dict[str, str]:
        """Name → what is wrong, or nothing."""
        for thread in self._threads:
            thread.join(NET_SECONDS + 0.5)
        return dict(self._problems)

    def _ask(self, name: str, url: str) -> None:
        try:
            with urllib.request.urlopen(url, timeout=NET_SECONDS):  # noqa: S310 an address from this file or the settings
                self._problems[name] = ""
        except http.client.InvalidURL:  # its words quote the address, and with it a part of a password
            self._problems[name] = "the proxy's address in HTTPS_PROXY or HTTP_PROXY cannot be read"
        except urllib.error.HTTPError as refusal:
            refusal.close()
            self._problems[name] = ""  # whoever refuses is there
        except UNANSWERED as error:
            plain = url.replace("https://", "http://", 1)
            if name.startswith("registry ") and plain != url and self._answers(plain):
                self._problems[name] = PLAIN
            else:
                self._problems[name] = f"cannot be reached: {_in_words(getattr(error, 'reason', error))}"

    @staticmethod
    def _answers(url: str) -> bool:
        try:
            with urllib.request.urlopen(url, timeout=NET_SECONDS):  # noqa: S310 an address from the settings
                return True
        except urllib.error.HTTPError as refusal:
            refusal.close()
            return True
        except UNANSWERED:
            return False


def listens(port: int) -> bool:
    """Return whether somebody answers at a port of this machine."""
    with socket.socket() as client:
        client.settimeout(0.5)
        return client.connect_ex(("127.0.0.1", port)) == 0


def holder_of(shell: Shell, port: int) -> str:
    """Return the program that listens at a port; nothing where none is told, as for rules of the packet filter."""
    if not network.may_be_listened_at(port):
        return ""
    answer = shell.probe(["ss", "-ltnpH", f"sport = :{port}"], timeout=ASK_SECONDS)
    match = re.search(r'\(\("([^"]+)",pid=(\d+)', answer.out)
    return f"{match[1]} (process {match[2]})" if match else ""


def _free(path: Path) -> int | None:
    for folder in (path, *path.parents):
        try:
            return shutil.disk_usage(folder).free
        except OSError:
            continue
    return None


def _json(text: str) -> dict[str, Any]:
    try:
        found = parsing.from_json(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
