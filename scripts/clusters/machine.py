"""The machine that a cluster is made on: what its engine has, what a start needs, and which addresses reach a node.

`ask` looks; everything else judges what was seen, so that `invoke doctor` and a start come to the same answer.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from scripts.clusters.ownership import engine_client
from scripts.host import resources
from scripts.host.shell import Shell
from scripts.images import docker
from scripts.images.engine_api import is_elsewhere
from scripts.settings.model import Settings
from scripts.settings.targets import MinikubeOptions

LEAST_CPUS, LEAST_MEMORY = 2, 1800  # what minikube refuses to go below: CPUs, MB
LEAST_DISK = 2000  # MB
MOST_CPUS, MOST_MEMORY = 4, 6144  # what the release and the system's pods have use for
CONTAINERS = ("docker", "podman")  # drivers whose nodes are containers
ONLY_ON = {
    "kvm2": ("Linux",),
    "none": ("Linux",),
    "vfkit": ("Darwin",),
    "krunkit": ("Darwin",),
    "hyperkit": ("Darwin",),
    "parallels": ("Darwin",),
    "hyperv": ("Windows",),
}
PROGRAMS = {
    "podman": "podman",
    "qemu": f"qemu-system-{platform.machine()}",
    "vfkit": "vfkit",
    "krunkit": "krunkit",
    "hyperkit": "hyperkit",
    "parallels": "prlctl",
    "virtualbox": "VBoxManage",
    "kvm2": "virsh",
    "vmware": "vmrun",
}
ONLY_PROFILE = "minikube"  # that the driver none can have


@dataclass(frozen=True)
class Machine:
    """The machine as it was seen. `cpus` and `memory` (MB) are the engine's, None where it could not be asked.

    `sudo` is whether commands may be run as root without a password; looked at only where that matters.
    """

    system: str = "Linux"
    root: bool = False
    sudo: bool = False
    wsl: bool = False
    cpus: int | None = None
    memory: int | None = None
    rootless: bool = False
    desktop: bool = False
    elsewhere: bool = False  # the engine is on another machine, whose ports are not this one's
    cgroup: str = ""
    programs: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Objection:
    """The reason why a start would fail here, and the remedy; `code` is minikube's own class."""

    code: str
    text: str
    remedy: str


def ask(shell: Shell, driver: str = "docker") -> Machine:
    """Look at this machine and its engine, as far as a driver of minikube's needs it."""
    return with_sudo(read(docker.info(shell, engine_client())[0], is_root()), shell, driver)


def with_sudo(machine: Machine, shell: Shell, driver: str) -> Machine:
    """Return a machine with whether sudo asks for no password, where the driver needs that."""
    if driver != "none" or machine.root:
        return machine
    return replace(machine, sudo=bool(shell.probe(["sudo", "-n", "true"], timeout=10)))


def profile(settings: Settings) -> str:
    """Return the name of the minikube profile of a configuration; the hardened one has a name of its own."""
    return f"{settings.cluster}-secure" if settings.environment == "secure" else settings.cluster


def is_root() -> bool:
    """Return whether this process has the rights of root."""
    return hasattr(os, "geteuid") and os.geteuid() == 0


def read(info: Any, root: bool) -> Machine:
    """Return the facts in `docker info`, whatever it is, and of the system around."""
    told: Mapping[str, Any] = info if isinstance(info, Mapping) else {}
    cpus, memory = told.get("NCPU"), told.get("MemTotal")
    secured = told.get("SecurityOptions")
    return Machine(
        system=platform.system(),
        root=root,
        wsl="microsoft" in _kernel().lower(),
        cpus=cpus if isinstance(cpus, int) and cpus > 0 else None,
        memory=memory // 2**20 if isinstance(memory, int) and memory > 0 else None,
        rootless=any("rootless" in str(item) for item in secured) if isinstance(secured, list) else False,
        elsewhere=is_elsewhere(os.environ),
        desktop="desktop" in str(told.get("OperatingSystem", "")).lower(),
        cgroup=str(told.get("CgroupVersion", "")),
        programs=frozenset(program for program in PROGRAMS.values() if shutil.which(program)),
    )


def _kernel() -> str:
    try:
        return Path("/proc/sys/kernel/osrelease").read_text(encoding="ascii")
    except OSError:
        return ""


def fitted(options: MinikubeOptions, machine: Machine) -> tuple[int, int]:
    """Return CPUs and memory (MB) of a node: as configured, else as much of the machine as the release has use for."""
    cpus = min(MOST_CPUS, max(LEAST_CPUS, _limit(options, machine, "cpus") or MOST_CPUS))
    total = _limit(options, machine, "memory")
    memory = min(MOST_MEMORY, max(LEAST_MEMORY, total * 3 // 4)) if total else MOST_MEMORY
    return options.cpus or cpus, options.memory or memory


def _limit(options: MinikubeOptions, machine: Machine, what: str) -> int | None:
    """Return what a node can have at most: of the engine where nodes are containers of it, else of the machine."""
    if options.driver == "docker":
        return machine.cpus if what == "cpus" else machine.memory
    if what == "cpus":
        return resources.cpus()
    known = [size for size in (resources.physical_memory(), resources.memory_limit()) if size is not None]
    return min(known) // 2**20 if known else None


def objections(options: MinikubeOptions, machine: Machine, name: str) -> list[Objection]:
    """Return why `minikube start` of the profile `name` would fail on this machine, all of it at once; nothing
    where it would not.
    """
    found = [*_of_driver(options, machine), *_of_size(options, machine), *_of_profile(options, name)]
    if options.driver == "docker":
        found += of_engine(machine)
        if machine.rootless and options.runtime == "docker":
            text = "targets.minikube.runtime: docker does not run on a rootless engine"
            found.append(Objection("MK_USAGE", text, "set it to containerd"))
    return found


def of_engine(machine: Machine) -> list[Objection]:
    """Return why this engine can have no container that is a node, whichever program makes it."""
    if machine.rootless and machine.cgroup == "1":
        text = "a rootless engine needs cgroup v2, and this machine has v1"
        remedy = "boot with systemd.unified_cgroup_hierarchy=1, or use an engine that root runs"
        return [Objection("RSRC_DOCKER_CGROUPS", text, remedy)]
    return []


def _of_driver(options: MinikubeOptions, machine: Machine) -> list[Objection]:
    driver, key = options.driver, "targets.minikube.driver"
    if machine.system not in ONLY_ON.get(driver, (machine.system,)):
        text = f"{key}: the driver {driver} is not supported on {machine.system}"
        return [Objection("DRV_UNSUPPORTED_OS", text, f"set {key} to docker")]
    if driver in PROGRAMS and PROGRAMS[driver] not in machine.programs:
        text = f"{key}: the driver {driver} needs {PROGRAMS[driver]}, which is not on PATH"
        provider = "QEMU2" if driver == "qemu" else driver.upper()
        return [Objection(f"PROVIDER_{provider}_NOT_FOUND", text, f"install it, or set {key} to docker")]
    if driver == "none":
        text = "minikube's driver none needs root, and sudo asks for a password"
        remedy = f"run as root, or set {key}: docker"
        return [] if machine.root or machine.sudo else [Objection("PROVIDER_NONE_NOT_FOUND", text, remedy)]
    if machine.root and not options.force:
        text = f"minikube's {driver} driver refuses to run as root"
        remedy = "run as a person in the group docker, set targets.minikube.force: true, or use --target embedded"
        return [Objection("DRV_AS_ROOT", text, remedy)]
    return []


def _of_profile(options: MinikubeOptions, name: str) -> list[Objection]:
    """Return what does not go together in the configuration itself, whatever the machine is."""
    found = []
    several = options.nodes > 1
    if options.driver == "none" and name != ONLY_PROFILE:
        text = f"minikube's driver none takes no other profile than {ONLY_PROFILE}, and this one is {name}"
        remedy = f"set cluster: {ONLY_PROFILE} in config/pipeline.yaml, or targets.minikube.driver to docker"
        found.append(Objection("DRV_UNSUPPORTED_PROFILE", text, remedy))
    if options.driver == "none" and several:
        text = f"targets.minikube.nodes: {options.nodes}, but the driver none is this machine, and has one"
        found.append(Objection("DRV_UNSUPPORTED_MULTINODE", text, "leave it out, or set the driver to docker"))
    if options.cni == "bridge" and several:
        text = f"targets.minikube.cni: bridge does not join {options.nodes} nodes"
        found.append(Objection("GUEST_CNI_INCOMPATIBLE", text, "set it to calico, or targets.minikube.nodes to 1"))
    if options.disk < LEAST_DISK:
        text = f"targets.minikube.disk: {options.disk}m is less than the {LEAST_DISK}m that minikube asks for"
        found.append(Objection("MK_USAGE", text, f"set it to {LEAST_DISK}m or more"))
    if len(name) == 1:
        text = f"cluster: {name} is too short for a minikube profile"
        found.append(Objection("MK_USAGE", text, "choose a name of two letters or more in config/pipeline.yaml"))
    return found


def _of_size(options: MinikubeOptions, machine: Machine) -> list[Objection]:
    found = []
    have = {"cpus": _limit(options, machine, "cpus"), "memory": _limit(options, machine, "memory")}
    asked = dict(zip(("cpus", "memory"), fitted(options, machine), strict=True))
    units = {"cpus": "CPUs", "memory": "MB of memory"}
    for what, unit in units.items():
        limit = have[what]
        if limit is not None and asked[what] > limit:
            remedy = f"give the engine more, or set targets.minikube.{what} to at most what it has"
            least = LEAST_CPUS if what == "cpus" else LEAST_MEMORY
            if limit < least:
                remedy = f"give the engine {least} {unit} or more, or use --target embedded"
            text = f"a start asks for {asked[what]} {unit}, and the engine has {limit}"
            found.append(Objection(_class_of_size(what, limit < least, options.driver), text, remedy))
    if options.memory is not None and options.memory < LEAST_MEMORY:
        text = f"targets.minikube.memory: {options.memory}m is less than the {LEAST_MEMORY}m that minikube asks for"
        found.append(Objection("RSRC_INSUFFICIENT_REQ_MEMORY", text, f"set it to {LEAST_MEMORY}m or more"))
    return found


def _class_of_size(what: str, too_small: bool, driver: str) -> str:
    """Return minikube's class for a machine that has too little in itself, or less than was asked for."""
    if what == "cpus":
        return "RSRC_INSUFFICIENT_CORES"
    if not too_small:
        return "RSRC_OVER_ALLOC_MEM"
    return f"RSRC_INSUFFICIENT_{'CONTAINER' if driver in CONTAINERS else 'SYS'}_MEMORY"


def port_mapped(driver: str, machine: Machine) -> bool:
    """Return whether a port of the node can be mapped to this machine when it is made, and has to be."""
    return driver in CONTAINERS and node_hidden(driver, machine) and not machine.elsewhere


def node_hidden(driver: str, machine: Machine) -> bool:
    """Return whether a node's own address cannot be reached from this machine, so that a way through has to be made."""
    if driver in CONTAINERS:
        return machine.system != "Linux" or any((machine.wsl, machine.rootless, machine.desktop, machine.elsewhere))
    return driver == "qemu"  # its network of user mode lets nothing in
