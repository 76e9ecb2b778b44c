"""A minikube profile. What is known of its behaviour was measured with version 1.38.1."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from scripts.clusters import answers, hardening, kubeconfig, loading, machine, states
from scripts.clusters.addons import Addons
from scripts.clusters.forwards import Forwards
from scripts.clusters.loading import CONTENTS, CTR, Node, container_node
from scripts.clusters.machine import Machine
from scripts.clusters.ownership import engine_client
from scripts.clusters.states import Reading
from scripts.clusters.target import Old, Target, Tell, silent
from scripts.errors import UserError
from scripts.host import paths
from scripts.host.paths import state_folder
from scripts.host.shell import CommandError, Result, Shell
from scripts.settings import values
from scripts.settings.model import Image, Outcome, Settings

WAIT = "10m"  # that minikube itself waits for the parts of the system


class Minikube(Target):
    """One profile, named like the cluster in the configuration; the hardened one has a name and a home of its own.

    Files for the node are shared by all profiles of one MINIKUBE_HOME, and minikube deletes the container of a profile
    of the same name in another home without a word.
    """

    target = "minikube"

    def __init__(self, settings: Settings, shell: Shell, binary: Path, kubectl: Path) -> None:
        self._hardened = settings.environment == "secure"
        super().__init__(machine.profile(settings), shell)
        self._options = settings.targets.minikube
        self._binary = binary
        self._kubectl = kubectl
        self._timeout = settings.timeouts.cluster
        self._env = {"MINIKUBE_HOME": str(state_folder("minikube", settings.cluster))} if self._hardened else {}
        self._forwards = Forwards(self.name, shell)
        self._settings = settings
        self._addons = Addons(self._wanted_addons, ask=self._ask, act=self._act, kubectl=self._look_into)
        self._listed: str | None = None
        self.context = self.name
        self.kubeconfig = kubeconfig.files()[0]  # the one that minikube writes to

    @cached_property
    def machine(self) -> Machine:
        """Return the machine and its engine as they are."""
        return machine.ask(self._shell, self._options.driver)

    def look(self) -> str:
        """Return how to see minikube's own view of the profile."""
        return self._line("logs", "--problems")

    def belongings(self) -> Mapping[str, Sequence[str]]:
        """Return what the docker driver makes on the engine."""
        if self._options.driver != "docker":
            return {}
        return {"container": [self.name], "volume": [self.name], "network": [self.name]}

    def read(self) -> Reading:
        """Return what `minikube status` tells; of a broken profile also whether it ever ran, so that it may hold
        something.
        """
        found = answers.minikube_status(self._ask("status", "--output", "json", timeout=60))
        if found.state != "broken":
            return found
        profile = self._profile()
        holds = "" if profile and not profile.finished else f"what is stored in volume {self.name}"
        return replace(found, holds=holds)

    def up(self, tell: Tell = silent) -> Outcome:
        """Lead it to running, and begin to enable the addons that the release uses.

        A hardened one is taken for running only once it has proved that it encrypts, also where the start that should
        have proved it failed.
        """
        outcome = super().up(tell)
        if self._hardened and not self._proof.is_file():
            hardening.prove_encryption(self._shell, self._aimed, self.name, self.look())
            if not self._shell.dry:
                self._proof.touch()
        if not self._shell.dry:
            self._addons.begin()
        return outcome

    @property
    def _proof(self) -> Path:
        """Return the file that says that this start of the hardened profile stores Secrets encrypted."""
        return Path(self._env["MINIKUBE_HOME"]) / "encryption-proved"

    def addons(self) -> list[Outcome]:
        """Return what became of the addons, once their workloads are ready."""
        return self._addons.ended()

    def cpus(self) -> int | None:
        """Return a node's CPUs as it was made, else as it would be made."""
        if self._options.nodes > 1:
            return None
        profile = self._profile()
        made = profile.config.get("CPUs") if profile else None
        return made if isinstance(made, int) else machine.fitted(self._options, self.machine)[0]

    def create(self, tell: Tell) -> None:
        """Make the profile, as large as the machine allows."""
        self._begin(tell, self.create_arguments())

    def start(self, tell: Tell) -> None:
        """Start the profile as it was made: minikube ignores other sizes, and refuses another driver."""
        self._begin(tell, [])

    def resume(self, tell: Tell) -> None:
        """Resume a cluster that was paused, by minikube or by the engine itself."""
        tell("unpausing")
        if "Host Paused" in self.read().why:
            self._shell.effect([engine_client(), "unpause", self.name], timeout=60)
        else:
            self._act("unpause", timeout=120)

    def create_arguments(self) -> list[str]:
        """Return the options of `minikube start` that count when a profile is made, and only then."""
        options = self._options
        cpus, memory = machine.fitted(options, self.machine)
        words = [
            f"--driver={options.driver}", f"--container-runtime={options.runtime}", f"--cpus={cpus}",
            f"--memory={memory}m", f"--disk-size={options.disk}m", f"--nodes={options.nodes}", f"--cni={options.cni}",
            *([f"--kubernetes-version={options.kubernetes}"] if options.kubernetes else ()),
        ]  # fmt: skip
        if machine.port_mapped(options.driver, self.machine):
            words.append("--ports=" + ",".join(f"127.0.0.1:{port}:{port}" for port in self._ports))
        return words

    def repair(self, tell: Tell) -> None:
        """Repair a kubeconfig that points elsewhere where that is all, else start what does not run."""
        if self.read().why != answers.WRONG_KUBECONFIG:
            self.start(tell)
            return
        tell("mending the kubeconfig")
        with kubeconfig.current_context_kept(self._shell, self._kubectl):
            self._act("update-context", timeout=60)

    def drift(self) -> list[str]:
        """Return how an existing profile differs from what would be made today; minikube changes none of it by
        itself.
        """
        profile = self._profile()
        config = profile.config if profile else {}
        inner = config.get("KubernetesConfig")
        kubernetes = inner if isinstance(inner, Mapping) else {}
        options = self._options
        seen = {
            "number of nodes": (self._made_nodes(), options.nodes),
            "driver": (config.get("Driver"), options.driver),
            "container runtime": (kubernetes.get("ContainerRuntime"), options.runtime),
            "CNI": (kubernetes.get("CNI"), options.cni),
            "Kubernetes": (kubernetes.get("KubernetesVersion"), options.kubernetes),
            "CPUs": (config.get("CPUs"), options.cpus),
            "memory": (config.get("Memory"), options.memory),
        }
        return [
            f"{name} is {is_}, not {wanted}" for name, (is_, wanted) in seen.items() if is_ and wanted != is_ and wanted
        ]

    def remove(self) -> None:
        """Delete the profile, and end the forwards into it."""
        self._forwards.stop()
        self._listed = None
        with kubeconfig.current_context_kept(self._shell, self._kubectl, own=self.context):
            self._act("delete", timeout=300)

    def status(self) -> Mapping[str, str]:
        """Return what it is found as, with minikube's home where that is one of its own, and the forwards."""
        home = {"MINIKUBE_HOME": self._env["MINIKUBE_HOME"]} if self._env else {}
        return dict(super().status()) | home | self._forwards.words()

    def transfer(self, images: Sequence[Image]) -> list[Outcome]:
        """Stream what each node lacks into its runtime; the driver none with Docker runs on the same engine."""
        if self._options.driver == "none" and self._options.runtime == "docker":
            return [Outcome("load", image.service, "unchanged", 0.0, "same engine") for image in images]
        return loading.transfer(self._shell, self.nodes(), images, self._timeout)

    def prune(self, old: Old) -> int:
        """Take away old images from every node, and the copies of them that minikube keeps."""
        if self._options.driver == "none" and self._options.runtime == "docker":
            return 0
        for file, ref in self._cached():
            if old([ref]) and not self._shell.dry:
                file.unlink(missing_ok=True)
        return loading.prune(self._shell, self.nodes(), old)

    def _cached(self) -> Iterator[tuple[Path, str]]:
        """Yield copies of images below minikube's home, each with its reference: `ORG/NAME_TAG`."""
        home = self._env.get("MINIKUBE_HOME") or _persons_home()
        folder = hardening.minikube_folder(Path(home)) / "cache/images"
        for file in folder.glob("*/**/*") if folder.is_dir() else ():
            name, underscore, tag = file.name.rpartition("_")
            if underscore and file.is_file():
                yield file, "/".join([*file.relative_to(folder).parent.parts[1:], f"{name}:{tag}"])

    def nodes(self) -> list[Node]:
        """Return the profile's nodes, the control plane first."""
        count = self._made_nodes() or self._options.nodes
        names = [self.name, *(f"{self.name}-m{number:02d}" for number in range(2, count + 1))]
        return [self._node(name, alone=count == 1) for name in names]

    def _made_nodes(self) -> int:
        """Return how many nodes the profile was made with, 0 where it does not say."""
        profile = self._profile()
        nodes = profile.config.get("Nodes") if profile else None
        return len(nodes) if isinstance(nodes, list) else 0

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Return where a NodePort Service answers: at the node, at a mapped port, or through a forward that is kept."""
        self.require()
        if machine.node_hidden(self._options.driver, self.machine):
            if machine.port_mapped(self._options.driver, self.machine) and self._is_mapped(node_port):
                return f"http://localhost:{node_port}"
            return self._forwards.ensure(self._aimed, namespace, service, node_port)
        if node_port and (address := self._node_address()):
            return f"http://{address}:{node_port}"
        answer = self._ask("service", service, "--namespace", namespace, "--url", timeout=30)
        if found := answers.address(answer.out):
            return found
        if answer.code == 124:  # a tunnel after all, which ends with the program that opened it
            return self._forwards.ensure(self._aimed, namespace, service, node_port)
        said = states.first_line(answer.err) or states.first_line(answer.out) or "minikube gives no address"
        remedy = "set its service.type to NodePort in the values, or see: invoke status"
        raise UserError(f"service {namespace}/{service}: {said.lstrip('*!X ')}", remedy)

    def _begin(self, tell: Tell, made: Sequence[str]) -> None:
        if objections := machine.objections(self._options, self.machine, self.name):
            text = "\n".join(f"{item.text} ({item.code}): {item.remedy}" for item in objections)
            raise UserError(
                f"minikube cannot start here:\n{text}", "all that is missing: invoke doctor --target minikube"
            )
        if self._hardened:
            ours = Path(self._env["MINIKUBE_HOME"])
            hardening.share_downloads(self._shell, Path(_persons_home()), ours)
            hardening.write_files(self._shell, ours, "" if made else self.name)
            if not self._shell.dry:
                self._proof.unlink(missing_ok=True)
        words = [
            *made, "--wait=all", f"--wait-timeout={WAIT}", "--keep-context", "--interactive=false", "--output=json",
            *(["--force"] if self._options.force else []), *(hardening.ARGUMENTS if self._hardened else ()),
            *self._options.extra_arguments,
        ]  # fmt: skip
        self._listed = None
        with kubeconfig.current_context_kept(self._shell, self._kubectl):
            done = self._started(words, tell)
        self.warnings += answers.warnings(done.out, done.err)
        for warning in self.warnings:
            self._shell.say(f"minikube warns: {warning}")

    def _started(self, words: Sequence[str], tell: Tell) -> Result:
        """Run `minikube start`, handing on its steps. Raises CommandError with the cause, not the whole output."""

        def hear(line: str) -> None:
            event = answers.read_event(line)
            if event and event.kind in ("step", "warning", "error"):
                tell(states.first_line(event.message))

        argv = self._command("start", *words)
        try:
            return self._shell.effect(argv, timeout=self._timeout, env=self._env, on_line=hear)
        except CommandError as problem:
            result = problem.result
            said = answers.start_failure(result.out, result.err)
            told = Result(result.code, "", f"{said}\n{result.err.splitlines()[-1]}" if result.code == 124 else said)
            advised = f"minikube advises: {advice}; " if (advice := answers.advice(result.out)) else ""
            raise type(problem)(argv, told, f"{advised}see: {self.look()}") from None

    def _node_address(self) -> str:
        """Return the address that a node keeps that is a container; empty where its profile names none."""
        profile = self._profile() if self._options.driver in machine.CONTAINERS else None
        return answers.node_address(profile.config) if profile else ""

    def _profile(self) -> answers.Profile | None:
        """Return the profile as it was made, listed once until something is done to it."""
        if self._listed is None:  # `--light`: without asking every profile's node how it is
            self._listed = self._ask("profile", "list", "--light", "--output", "json", timeout=60).out
        return answers.minikube_profile(self._listed, self.name)

    def _node(self, name: str, *, alone: bool) -> Node:
        options = self._options
        disk = self._line("ssh", "--node", name, "--", "df -h /var")
        if options.driver == "docker" and options.runtime in ("containerd", "docker"):
            # Asked itself, as minikube takes several times as long for the same list.
            return replace(container_node(name, options.runtime), disk=disk)
        inside = self._command("ssh", "--native-ssh=false", "--node", name, "--", "sudo")
        takes = (*inside, "docker", "load") if options.runtime == "docker" else (*inside, *CTR)
        removes = ("docker", "image", "rm") if options.runtime == "docker" else ("crictl", "rmi")
        node = Node(name, (*inside, "crictl", "images", "--output", "json"), takes, disk, (*inside, *removes))
        if options.runtime == "containerd":
            node = replace(node, contents=(*inside, *CONTENTS))
        put = self._load_by_minikube if options.runtime == "cri-o" else None
        listing = tuple(self._command("image", "ls", "--format", "json")) if alone else node.listing
        return replace(node, listing=listing, disk=disk, put=put)

    def _load_by_minikube(self, refs: Sequence[str]) -> None:
        """Load in the way of every runtime, slower, and with a copy left in minikube's cache."""
        self._act("image", "load", "--daemon", "--overwrite=false", *refs, timeout=self._timeout)

    def _is_mapped(self, port: int) -> bool:
        return bool(self._shell.probe([engine_client(), "port", self.name, f"{port}/tcp"], timeout=15).out.strip())

    @cached_property
    def _release_values(self) -> dict[str, Any]:
        return values.merged(self._settings, self._settings.release)

    def _look_into(self, *words: str) -> Result:
        return self._shell.probe([*self._aimed, *words])

    def _wanted_addons(self) -> Sequence[str]:
        chosen = self._options.addons
        return values.addons(self._release_values) if chosen is None else chosen

    @property
    def _ports(self) -> tuple[int, ...]:
        return values.node_ports(self._release_values)

    @property
    def _aimed(self) -> list[str | Path]:
        return [self._kubectl, "--kubeconfig", self.kubeconfig, "--context", self.context]

    def _ask(self, *words: str, timeout: float) -> Result:
        return self._shell.probe(self._command(*words), timeout=timeout, env=self._env)

    def _act(self, *words: str, timeout: float) -> Result:
        return self._shell.effect(self._command(*words), timeout=timeout, env=self._env, hint=f"see: {self.look()}")

    def _command(self, *words: str) -> list[str]:
        """Return an argv with the profile before what is handed on to the node, and after the verb, which
        errors quote.
        """
        cut = words.index("--") if "--" in words else len(words)
        return [str(self._binary), *words[:cut], "--profile", self.name, *words[cut:]]

    def _line(self, *words: str) -> str:
        """Return a command for a person to paste."""
        home = [f"MINIKUBE_HOME={shlex.quote(value)}" for value in self._env.values()]
        cut = words.index("--") if "--" in words else len(words)
        return " ".join([*home, shlex.join(["minikube", "-p", self.name, *words[:cut], *words[cut:]])])


def _persons_home() -> str:
    """Return the home of minikube that the person's own profiles are in."""
    return os.environ.get("MINIKUBE_HOME") or str(paths.home())
