"""A Deployment and its Service as the app's own are made."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any

import yaml

from scripts.ai.live_release import LiveRelease, Section
from scripts.errors import UserError
from scripts.settings.model import Service


class _Plain(yaml.SafeDumper):
    """YAML as people write it: the same labels twice, rather than an anchor."""

    def ignore_aliases(self, data: Any) -> bool:
        """Let every value stand for itself."""
        return True


def collect(live: LiveRelease) -> Section:
    """Return the manifest for the inputs of the recipe, and how to check it."""
    given = live.inputs
    name = given["name"]
    service = name + suffix(live.settings.services)
    objects = manifests(
        name, given["image"], int(given.get("port") or 8080), int(given.get("replicas") or 1),
        given.get("path") or "/healthz", live.namespace, service,
    )  # fmt: skip
    exists = False
    with suppress(UserError):  # without a cluster there is nothing that could be in the way
        exists = any(item["metadata"]["name"] == name for item in live.state.kind("Deployment"))
    lines = [
        f"A Deployment {name} with {objects[0]['spec']['replicas']} pods and a Service {service}, with probes, "
        "limits, a numeric user, a read-only root file system and an emptyDir on /tmp.",
        *([f"There is a Deployment {name} already: it would be changed."] if exists else []),
        "Other pods reach it only where a NetworkPolicy allows it.",
    ]
    text = yaml.dump_all(objects, Dumper=_Plain, sort_keys=False)
    data = {"manifests": objects, "exists": exists}
    commands = (live.command("rollout", "status", f"deployment/{name}"),)
    return Section(f"Deployment {name}", tuple(lines), data, commands, manifest=text, urgency=1)


def suffix(services: Iterable[Service]) -> str:
    """Return what the app's own Services have after the names of their Deployments, where all of them have the same."""
    ends = {one.address.removeprefix(one.name) for one in services if one.address.startswith(one.name)}
    return ends.pop() if len(ends) == 1 else ""


def manifests(
    name: str, image: str, port: int, replicas: int, path: str, namespace: str, service: str = ""
) -> list[dict[str, Any]]:
    """Return the Deployment, and its Service of the same name or another.

    Raises UserError for what cannot be a value.
    """
    if not 1 <= port <= 65535 or not 0 <= replicas <= 50 or not re.fullmatch(r"/[\w./-]*", path):
        raise UserError(
            f"--port {port}, --replicas {replicas}, --path {path}: not possible",
            "a port is 1 to 65535, replicas are 0 to 50, a path begins with /",
        )
    selector = {"app.kubernetes.io/name": name}
    labels = selector | {"app.kubernetes.io/part-of": "todo-chatbot"}
    meta = {"name": name, "namespace": namespace, "labels": labels}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta,
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": selector},
            "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
            "template": {"metadata": {"labels": labels}, "spec": _pod(_container(name, image, port, path))},
        },
    }
    way_in = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta | {"name": service or name},
        "spec": {"selector": selector, "ports": [{"name": "http", "port": port, "targetPort": "http"}]},
    }
    return [deployment, way_in]


def _container(name: str, image: str, port: int, path: str) -> dict[str, Any]:
    probe = {"httpGet": {"path": path, "port": "http"}}
    return {
        "name": name,
        "image": image,
        "ports": [{"name": "http", "containerPort": port}],
        "env": [{"name": "PORT", "value": str(port)}],
        "resources": {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"cpu": "500m", "memory": "256Mi"}},
        "startupProbe": probe | {"failureThreshold": 30, "periodSeconds": 2},
        "readinessProbe": probe | {"periodSeconds": 5},
        "livenessProbe": probe | {"periodSeconds": 10, "failureThreshold": 3},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 a mount point
    }


def _pod(container: Mapping[str, Any]) -> dict[str, Any]:
    """Return the hardened pod of one container."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {
            "runAsNonRoot": True, "runAsUser": 10001, "runAsGroup": 10001, "fsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "64Mi"}}],
    }  # fmt: skip
