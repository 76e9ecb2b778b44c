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
from scripts.host.shell import CommandError, Result
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
        name = ""
        try:
            listed = answers.addon_states(self._ask("addons", "list", "--output", "json", timeout=60).out)
            for name in self._wanted:
                if not listed.get(name):
                    self._act("addons", "enable", name, timeout=READY_SECONDS * 3)
                    self._enabled.append(name)
        except CommandError as problem:
            self._problem = self._by_its_pods(name) or problem.naming(
                answers.start_failure(problem.result.out, problem.result.err)
            )
        except UserError as problem:
            self._problem = problem

    def _by_its_pods(self, name: str) -> UserError | None:
        """Return what the pods of an addon say of the cause, where minikube says that it has waited in vain."""
        namespace, deployment = WORKLOADS.get(name, ("", ""))
        alone = namespace not in ("", "kube-system")  # then its jobs are there too, which its Deployment waits for
        why = self._reasons(namespace, "" if alone else deployment) if namespace else []
        if not _is_hopeless(why):
            return None
        return _not_ready(f"addon {name} cannot be enabled: pods of {namespace} do not start", namespace, why)

    def _reasons(self, namespace: str, deployment: str) -> list[str]:
        pods = parse(self._kubectl("get", "pods", "--namespace", namespace, "--output", "json").out)
        return waiting_reasons(pods, deployment)

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
            why = self._reasons(namespace, deployment)
            if _is_hopeless(why) or time.monotonic() > deadline:
                told = why or [answer.err.strip() or "no pod of it is ready"]
                start = f"addon {name} is enabled, but {namespace}/{deployment} has no ready pod"
                raise _not_ready(start, namespace, told)
            time.sleep(LOOK_SECONDS)  # one look a second costs less than a watch, and is as quick as anybody needs


def _is_hopeless(why: Sequence[str]) -> bool:
    return any(reason.split(":")[0] in HOPELESS for reason in why)


def _not_ready(start: str, namespace: str, why: Sequence[str]) -> UserError:
    remedy = f"see: kubectl describe pods --namespace {namespace}; to pull an image, the node needs a network"
    return UserError(f"{start}: {'; '.join(why)}", remedy)


def is_ready(deployment: Any) -> bool:
    """Return whether a Deployment has a ready pod."""
    status = deployment.get("status") if isinstance(deployment, Mapping) else None
    ready = status.get("readyReplicas") if isinstance(status, Mapping) else None
    return isinstance(ready, int) and ready > 0


def waiting_reasons(pods: Any, name: str) -> list[str]:
    """Return `reason: message` of the waiting containers of the pods that a Deployment made, of all without a name."""
    found = []
    for pod in mappings(pods.get("items")) if isinstance(pods, Mapping) else []:
        metadata, status = pod.get("metadata"), pod.get("status")
        own = f"{name}-" if name else ""
        if not isinstance(metadata, Mapping) or not str(metadata.get("name", "")).startswith(own):
            continue
        for container in mappings(status.get("containerStatuses")) if isinstance(status, Mapping) else []:
            state = container.get("state")
            waiting = state.get("waiting") if isinstance(state, Mapping) else None
            if isinstance(waiting, Mapping) and waiting.get("reason"):
                found.append(f"{waiting['reason']}: {waiting.get('message', '')}".rstrip(": "))
    return list(dict.fromkeys(found))
