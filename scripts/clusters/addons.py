"""minikube's addons: enabled beside whatever else goes on, and judged by their workloads.

minikube calls an addon enabled, and ends with success, when its image cannot be pulled.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from scripts.clusters import answers
from scripts.clusters.states import mappings, parse
from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.settings.model import Outcome

READY_SECONDS = 180.0  # metrics-server takes about one minute
LOOK_SECONDS = 1.0
WORKLOADS = {
    "metrics-server": ("kube-system", "metrics-server"),
    "ingress": ("ingress-nginx", "ingress-nginx-controller"),
    "dashboard": ("kubernetes-dashboard", "kubernetes-dashboard"),
    "registry": ("kube-system", "registry"),
}
HOPELESS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError")

Call = Callable[..., Result]


class Addons:
    """The addons of one profile. `wanted` says which; `ask` and `kubectl` change nothing, `act` does."""

    def __init__(self, wanted: Callable[[], Sequence[str]], ask: Call, act: Call, kubectl: Call) -> None:
        self._choose = wanted
        self._wanted: tuple[str, ...] = ()
        self._ask, self._act, self._kubectl = ask, act, kubectl
        self._thread: threading.Thread | None = None
        self._enabled: list[str] = []
        self._problem: UserError | None = None
        self._started = 0.0

    def begin(self) -> None:
        """Enable those that are not, in a thread of their own."""
        self._wanted = tuple(self._choose())
        if self._wanted and not self._thread:
            self._started = time.monotonic()
            self._thread = threading.Thread(target=self._enable)
            self._thread.start()

    def ended(self) -> list[Outcome]:
        """Return what became of them, once they are ready. Raises UserError for one that does not work, and why."""
        if not self._thread:
            return []
        self._thread.join()
        if self._problem:
            raise self._problem
        for name in self._wanted:
            self._await(name)
        seconds = time.monotonic() - self._started
        return [
            Outcome("prepare", f"addon {name}", "done" if name in self._enabled else "unchanged", seconds, "ready")
            for name in self._wanted
        ]

    def _enable(self) -> None:
        try:
            listed = answers.addon_states(self._ask("addons", "list", "--output", "json", timeout=60).out)
            for name in self._wanted:
                if not listed.get(name):
                    self._act("addons", "enable", name, timeout=READY_SECONDS * 3)
                    self._enabled.append(name)
        except UserError as problem:
            self._problem = problem

    def _await(self, name: str) -> None:
        if name not in WORKLOADS:
            return
        namespace, deployment = WORKLOADS[name]
        deadline = time.monotonic() + READY_SECONDS
        while True:
            words = ("get", "deployment", deployment, "--namespace", namespace, "--output", "json")
            answer = self._kubectl(*words)
            if answer and is_ready(parse(answer.out)):
                return
            pods = parse(self._kubectl("get", "pods", "--namespace", namespace, "--output", "json").out)
            why = waiting_reasons(pods, deployment)
            if any(reason.split(":")[0] in HOPELESS for reason in why) or time.monotonic() > deadline:
                told = "; ".join(why) or answer.err.strip() or "no pod of it is ready"
                raise UserError(
                    f"addon {name} is enabled, but {namespace}/{deployment} has no ready pod: {told}",
                    f"see: kubectl describe pods --namespace {namespace}; to pull an image, the node needs a network",
                )
            time.sleep(LOOK_SECONDS)  # one look a second costs less than a watch, and is as quick as anybody needs


def is_ready(deployment: Any) -> bool:
    """Return whether a Deployment has a ready pod."""
    status = deployment.get("status") if isinstance(deployment, Mapping) else None
    ready = status.get("readyReplicas") if isinstance(status, Mapping) else None
    return isinstance(ready, int) and ready > 0


def waiting_reasons(pods: Any, name: str) -> list[str]:
    """Return `reason: message` of the waiting containers of the pods that a Deployment made."""
    found = []
    for pod in mappings(pods.get("items")) if isinstance(pods, Mapping) else []:
        metadata, status = pod.get("metadata"), pod.get("status")
        if not isinstance(metadata, Mapping) or not str(metadata.get("name", "")).startswith(f"{name}-"):
            continue
        for container in mappings(status.get("containerStatuses")) if isinstance(status, Mapping) else []:
            state = container.get("state")
            waiting = state.get("waiting") if isinstance(state, Mapping) else None
            if isinstance(waiting, Mapping) and waiting.get("reason"):
                found.append(f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": "))
    return list(dict.fromkeys(found))
