"""Namespaces on a cluster that may be somebody's: named at random, made by the tests, the only ones they delete."""

from __future__ import annotations

import json
import random
import secrets
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scripts.kube.kubectl import Kubectl

Begun = Future
NODE_PORTS = range(30000, 32768)


class Spaces:
    """The namespaces of one run."""

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl
        self._run = f"conformance-{secrets.token_hex(4)}"
        self._ours: list[str] = []
        self._ports: set[int] = set()

    def reserve(self, *names: str) -> str:
        """Take names for namespaces that a command under test makes; return the first in full."""
        whole = [f"{self._run}-{name}" for name in names]
        found = self._kubectl.ask("get", "namespaces", *whole, "--ignore-not-found", "--output", "name")
        assert found and not found.out.strip(), f"these tests touch nothing that is there: {found.out or found.err}"
        self._ours += whole
        return whole[0]

    def make(self, name: str, labels: dict[str, str] | None = None) -> str:
        """Make a namespace; return its name."""
        whole = self.reserve(name)
        space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": whole, "labels": labels or {}}}
        self._kubectl.effect("create", "--filename", "-", stdin=json.dumps(space))
        return whole

    def port(self) -> int:
        """Return a node port that no Service has."""
        services: list[dict[str, Any]] = self._kubectl.get("services", "--all-namespaces")["items"]
        taken = {port.get("nodePort") for service in services for port in service["spec"].get("ports") or ()}
        port = random.choice([port for port in NODE_PORTS if port not in taken | self._ports])
        self._ports.add(port)
        return port

    def address(self) -> str:
        """Return the address of a node, where node ports answer."""
        node = self._kubectl.get("nodes")["items"][0]
        return next(item["address"] for item in node["status"]["addresses"] if item["type"] == "InternalIP")

    def remove(self) -> None:
        """Delete the namespaces of this run, and wait until they are gone."""
        if self._ours:
            self._kubectl.effect("delete", "namespace", *self._ours, "--ignore-not-found", timeout=600)
