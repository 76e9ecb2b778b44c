"""Ports of services on localhost, which find their way again when pods are replaced."""

from __future__ import annotations

import threading
from collections.abc import Callable

from scripts.dev.pods import Background, Pod
from scripts.kube.forward import free_port

PAUSE = 0.05
"""Seconds until a forward that broke off is begun anew."""


class Forward:
    """One port of a service. It leads to one of its pods that are ready, as long as there is one."""

    def __init__(
        self,
        service: str,
        port: int,
        background: Background,
        pods: Callable[[str], list[Pod]],
        say: Callable[[str], None],
    ) -> None:
        self.service, self.port = service, port
        self.local = free_port(port)
        self._background = background
        self._pods = pods
        self._say = say
        self._changed = threading.Event()
        self._pod = ""
        self._told = False
        self._over = False

    @property
    def url(self) -> str:
        """Return the address at which it answers."""
        return f"http://127.0.0.1:{self.local}"

    def run(self) -> None:
        """Forward until the session is over, or nobody wants this port any more."""
        while not self._over and not self._background.stopped:
            self._changed.clear()
            pod = next((pod for pod in self._pods(self.service) if pod.ready), None)
            if pod is None:
                self._changed.wait(1.0)
                continue
            self._pod = pod.uid
            words = ("port-forward", f"pod/{pod.name}", f"{self.local}:{self.port}", "--address", "127.0.0.1")
            self._background.follow(self._name, words, self._line)
            self._background.wait(PAUSE)

    def stop(self) -> None:
        """Close the port."""
        self._over = True
        self._background.cut(self._name)
        self._changed.set()

    def pods_changed(self) -> None:
        """Look again where it leads: the pod of now may be gone, or the first one be ready.

        One that is not ready for a moment, because its program starts anew, stays.
        """
        if self._pod and not self._is_there():
            self._pod = ""
            self._background.cut(self._name)
        self._changed.set()

    def _is_there(self) -> bool:
        return any(pod.uid == self._pod for pod in self._pods(self.service))

    @property
    def _name(self) -> str:
        return f"forward {self.service} {self.port}"

    def _line(self, line: str) -> None:
        if not self._is_there():  # it went while kubectl began, when there was nothing to cut yet
            self._background.cut(self._name)
            return
        if line.startswith("Forwarding from") and not self._told:
            self._told = True
            moved = "" if self.local == self.port else f" (port {self.port} is taken on this machine)"
            self._say(f"{self.service} answers at {self.url}{moved}")
