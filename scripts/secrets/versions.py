"""Versions of Secrets: what a pod was started with stands on its template, and anybody can see whether it still holds.

A version is a keyed digest of a Secret's content and of the mark that each writing of a new content leaves on it. The
key is made once a namespace and lives there, so that the version is the same from whatever checkout, and who may only
read pods learns nothing of the content.

The mark is there because a content may come back, by a rollback of a rotation for instance, and a version must not:
helm writes the version of an earlier day onto pods that it starts today. Were it to become true again, these would
never be replaced.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as random
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.kube import objects
from scripts.kube.kubectl import CLAIMED, MANAGER, Kubectl
from scripts.kube.workloads import Workload
from scripts.secrets import secrecy

KEY_SECRET = "todo-chatbot-versions"  # noqa: S105 a name: the Secret that holds the key of the digests
KEY = "key"
ANNOTATION = "checksum/secrets"
VALUE = "secretVersions"  # under `global`, of a chart that knows it
MARK = "todo-chatbot/written"  # annotation of a Secret: another one for each content that took the place of one
KINDS = "deployments,statefulsets,daemonsets"

Data = Mapping[str, str]  # a Secret's keys and values, these in base64 as the API has them


def read(kubectl: Kubectl, namespace: str, names: Collection[str]) -> dict[str, Data]:
    """Return the content of those Secrets that are there, by name. Raises UserError where no cluster answers."""
    found = kubectl.named("secrets", namespace, names)
    for item in found:
        secrecy.remember_secret(item)
    return {objects.name_of(item): item.get("data") or {} for item in found}


def of_cluster(
    kubectl: Kubectl, namespace: str, names: Collection[str], configmaps: Collection[str] = ()
) -> dict[str, str]:
    """Return the version of each of these Secrets and ConfigMaps that is there, by NAME or configmap/NAME.

    The key is made where there is none yet.
    """
    held = {objects.name_of(item): item for item in kubectl.named("secrets", namespace, [*names, KEY_SECRET])}
    key = (held.pop(KEY_SECRET, {}).get("data") or {}).get(KEY) or _make_key(kubectl, namespace)
    for item in held.values():
        secrecy.remember_secret(item)
    held |= {_configmap(objects.name_of(item)): item for item in kubectl.named("configmaps", namespace, configmaps)}
    return {name: digest(base64.b64decode(key), item) for name, item in sorted(held.items())}


def _configmap(name: str) -> str:
    return f"configmap/{name}"


def digest(key: bytes, secret: Mapping[str, Any]) -> str:
    """Return the version of a Secret or ConfigMap: of its content, and of when it was given that, where it had another
    before.
    """
    mark = (secret["metadata"].get("annotations") or {}).get(MARK, "")
    content = json.dumps((secret.get("data") or {}) | (secret.get("binaryData") or {}), sort_keys=True)
    return hmac.new(key, f"{content}{mark}".encode(), hashlib.sha256).hexdigest()[:16]


def new_mark() -> dict[str, str]:
    """Return the annotation for a Secret that is given another content than it has."""
    return {MARK: random.token_hex(8)}


def _make_key(kubectl: Kubectl, namespace: str) -> str:
    key = base64.b64encode(random.token_bytes(32)).decode()
    metadata = {"name": KEY_SECRET, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": MANAGER}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": {KEY: key}}
    kubectl.apply([secret], shown=json.dumps(secret | {"data": {KEY: "***"}}))
    return key


def takes_versions(chart: Path) -> bool:
    """Return whether a chart's templates use `global.secretVersions`, as those on the library chart do."""
    files = [*chart.rglob("*.tpl"), *chart.rglob("templates/*.yaml")]
    return any(VALUE.encode() in file.read_bytes() for file in files if file.is_file())


def annotation(names: Iterable[str], versions: Mapping[str, str]) -> str:
    """Return what stands on the template of a pod that reads these Secrets; nothing where none has a version.

    The library chart makes the same text from the value `global.secretVersions`.
    """
    text = ",".join(f"{name}={versions[name]}" for name in sorted(set(names)) if name in versions)
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


@dataclass(frozen=True)
class Outdated:
    """A workload that does not say that its pods were started with the Secrets as they are, and what it is to say.

    `secrets` are all those that they read: which of them it is, the annotation does not tell.
    """

    kind: str
    namespace: str
    name: str
    annotation: str
    secrets: frozenset[str] = frozenset()


def outdated(items: Iterable[Mapping[str, Any]], versions: Mapping[str, str]) -> list[Outdated]:
    """Return the workloads whose pods may have been started with other Secrets than there are.

    What counts is the annotation of the pod template, or of the workload itself, which is of its first pods.
    """
    found = []
    for item in items:
        template = objects.template(item)
        secrets = objects.secrets_read(template)
        wanted = annotation(secrets | set(map(_configmap, objects.configmaps_read(template))), versions)
        said = [(one["metadata"].get("annotations") or {}).get(ANNOTATION) for one in (template, item)]
        if (wanted or any(said)) and wanted not in said:
            kind, place = item["kind"].lower(), item["metadata"]["namespace"]
            found.append(Outdated(kind, place, objects.name_of(item), wanted, frozenset(secrets)))
    return found


def outdated_of(kubectl: Kubectl, workloads: Collection[Workload], versions: Mapping[str, str]) -> list[Outdated]:
    """Return those of these workloads whose pods may have been started with other Secrets than there are."""
    known = {(one.kind.lower(), one.namespace, one.name) for one in workloads}
    found = [item for namespace in {one.namespace for one in workloads} for item in kubectl.items(KINDS, namespace)]
    return [one for one in outdated(found, versions) if (one.kind, one.namespace, one.name) in known]


def readers(items: Iterable[Mapping[str, Any]], names: Collection[str]) -> list[Mapping[str, Any]]:
    """Return the workloads whose pods read one of these Secrets."""
    return [item for item in items if not objects.secrets_read(objects.template(item)).isdisjoint(names)]


def renew(
    kubectl: Kubectl, workloads: Collection[Workload], versions: Mapping[str, str], *, first: bool = False
) -> list[str]:
    """Replace the pods of workloads that were started with other Secrets than there are. Returns their names.

    That is for charts that do not know `global.secretVersions`; with the library chart there is nothing left to do.
    Pods of a `first` install have just been made with the Secrets as they are: there it is only written down.
    """

    def old() -> list[Outdated]:  # where nothing is there to be read, new pods could not begin
        return [one for one in outdated_of(kubectl, workloads, versions) if one.annotation]

    names = []
    for one in (before := old()):
        note = {"metadata": {"annotations": {ANNOTATION: one.annotation}}}
        # What is told of the first pods does not hold any more as soon as there are others.
        patch = note if first else {"metadata": {"annotations": {ANNOTATION: None}}, "spec": {"template": note}}
        kubectl.effect(
            "patch", one.kind, one.name, "--namespace", one.namespace, "--type", "merge", "--patch", json.dumps(patch)
        )
        names += [] if first else [one.name]
    if before and not kubectl.shell.dry and (still := old()):
        told = f"kubectl says that it changed {still[0].kind}/{still[0].name}, but nothing of it changed"
        raise UserError(told, CLAIMED)
    return names
