"""Any other cluster, by the name of its kubectl context, which has to be on the allow list. Never made or removed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from pathlib import Path

from scripts.clusters import kubeconfig, registry
from scripts.clusters.ownership import engine_client
from scripts.clusters.states import Reading, first_line
from scripts.clusters.target import Target, Tell, asked_twice
from scripts.errors import UserError
from scripts.host.paths import state_folder
from scripts.host.shell import Shell
from scripts.images import docker
from scripts.settings.model import Image, Outcome, Settings


class Context(Target):
    """A cluster that somebody named. Its nodes get images from a registry."""

    target = "context"

    def __init__(self, settings: Settings, shell: Shell, kubectl: Path) -> None:
        if not settings.context:
            raise UserError("config/pipeline.yaml: context: empty, but the target is context", "name a kubectl context")
        if settings.context not in settings.allowed_contexts:
            raise UserError(
                f"config/pipeline.yaml: allowedContexts: {settings.context!r} is not on the list",
                "add it there, if this cluster really is the one you mean",
            )
        if not settings.registry:
            raise UserError(
                "config/pipeline.yaml: registry: empty, but the target is context",
                "name the registry and path that its nodes pull from, for instance registry.example.org/team",
            )
        super().__init__(settings.context, shell)
        self._kubectl = kubectl
        self._registry = settings.registry
        self._timeout = settings.timeouts.cluster
        self.context = settings.context

    @cached_property
    def kubeconfig(self) -> Path:  # type: ignore[override]
        """Return a file that has the context whole. Raises UserError where there is none."""
        merged = state_folder("context", "kubeconfig")
        return kubeconfig.file_for(self.context, self._shell, self._kubectl, merged)

    def look(self) -> str:
        """Return how to see the contexts there are."""
        return "kubectl config get-contexts"

    def read(self) -> Reading:
        """Return whether it answers; one that does not is not this project's to judge."""
        try:
            argv = [*self._aimed, "get", "--raw", "/readyz"]
        except kubeconfig.NoContext as missing:
            return Reading("absent", str(missing))
        except UserError as problem:
            return Reading("unknown", str(problem))
        answer = asked_twice(lambda: self._shell.probe(argv, timeout=15))
        return Reading("running") if answer else Reading("unknown", first_line(answer.err) or "it does not answer")

    def cpus(self) -> int | None:
        """Return nothing, as nobody can tell: its nodes are somebody else's."""
        return None

    def create(self, tell: Tell) -> None:
        """Refuse: a cluster that is named is not this project's to make."""
        raise UserError(f"context {self.context}: {self.read().why}", f"see: {self.look()}")

    def start(self, tell: Tell) -> None:
        """Refuse: it is not this project's to start."""
        self.create(tell)

    def down(self) -> Outcome:
        """Refuse: a cluster that was there before is not removed."""
        raise UserError(f"context {self.context}: not made by this project, so not removed", "use: invoke destroy")

    def is_removable(self) -> bool:
        """Return no, as `down` refuses."""
        return False

    def remove(self) -> None:
        """Refuse, as `down` does."""
        self.down()

    def status(self) -> Mapping[str, str]:
        """Return what it is found as, and where its images come from."""
        found = self.read()
        known = {"kubeconfig": str(self.kubeconfig)} if found.state == "running" else {"why": found.why}
        words = {"target": self.target, "name": self.context, "state": found.state, "registry": self._registry}
        return words | known

    def transfer(self, images: Sequence[Image]) -> list[Outcome]:
        """Push what the registry lacks, side by side; layers it has are not sent again."""
        with ThreadPoolExecutor() as pool:
            return list(pool.map(self._push, images))

    def url(self, namespace: str, service: str, node_port: int) -> str:
        """Return where a NodePort Service answers: on any node, the first one's address."""
        self.require()
        path = "{.items[0].status.addresses[?(@.type=='InternalIP')].address}"
        answer = self._shell.probe([*self._aimed, "get", "nodes", "--output", f"jsonpath={path}"])
        address = answer.out.split()
        if not address:
            said = first_line(answer.err) or "no node has an address"
            raise UserError(f"context {self.context}: {said}", "see: kubectl get nodes --output wide")
        return f"http://{address[0]}:{node_port}"

    @property
    def _aimed(self) -> list[str | Path]:
        return [self._kubectl, "--kubeconfig", self.kubeconfig, "--context", self.context]

    def _push(self, image: Image) -> Outcome:
        started = time.monotonic()
        client = engine_client()
        remote = f"{self._registry}/{image.ref}"
        if self._registry_has(remote):
            return Outcome("load", image.service, "unchanged", time.monotonic() - started, remote)
        self._shell.effect([client, "tag", image.ref, remote], timeout=60)
        hint = "signed in? docker login"
        self._shell.effect([client, "push", "--quiet", remote], timeout=self._timeout, hint=hint)
        if not self._shell.dry and self._registry_has(remote) is False:
            raise UserError(
                f"the push of {remote} was reported as a success, but the registry does not show it",
                f"see: docker manifest inspect {remote}",
            )
        return Outcome("load", image.service, "done", time.monotonic() - started, remote)

    def _registry_has(self, remote: str) -> bool | None:
        """Return whether the registry has that tag, which is a digest of what it names; None where it does not say."""
        found = registry.has(remote, plain=self._plain)
        if found is not None:
            return found
        insecure = ["--insecure"] if self._plain else []
        answer = self._shell.probe([engine_client(), "manifest", "inspect", *insecure, remote], timeout=30)
        if answer:
            return True
        return False if "no such manifest" in answer.err or "manifest unknown" in answer.err else None

    @cached_property
    def _plain(self) -> bool:
        """Return whether the engine is told to speak to this registry without TLS, or without checking it."""
        found = docker.info(self._shell, engine_client())[0].get("RegistryConfig")
        indexes = found.get("IndexConfigs") if isinstance(found, Mapping) else None
        index = indexes.get(self._registry.split("/")[0]) if isinstance(indexes, Mapping) else None
        return isinstance(index, Mapping) and index.get("Secure") is False
