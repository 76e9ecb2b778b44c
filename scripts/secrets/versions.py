"""Versions of Secrets: what a pod was started with stands on its template, and anybody can see whether it still holds.

A version is a keyed digest of a Secret's content. The key is made once a namespace and lives there, so that the same
content has the same version whoever wrote it, from whatever checkout, and who may only read pods learns nothing of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets as random
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from scripts.errors import UserError
from scripts.kube import objects
from scripts.kube.kubectl import MANAGER, Kubectl
from scripts.kube.workloads import Workload

KEY_SECRET = "todo-chatbot-versions"  # noqa: S105 a name: the Secret that holds the key of the digests
KEY = "key"
ANNOTATION = "checksum/secrets"
KINDS = "deployments,statefulsets,daemonsets"

Data = Mapping[str, str]  # a Secret's keys and values, these in base64 as the API has them


def read(kubectl: Kubectl, namespace: str, names: Collection[str]) -> dict[str, Data]:
    """Return the content of those Secrets that are there, by name. Raises UserError where no cluster answers."""
    found = kubectl.named("secrets", namespace, names)
    return {objects.name_of(item): item.get("data") or {} for item in found}


def of_cluster(kubectl: Kubectl, namespace: str, names: Collection[str]) -> dict[str, str]:
    """Return the version of each of these Secrets that is there, by name; the key is made where there is none yet."""
    held = read(kubectl, namespace, [*names, KEY_SECRET])
    key = held.pop(KEY_SECRET, {}).get(KEY) or _make_key(kubectl, namespace)
    return {name: digest(base64.b64decode(key), data) for name, data in sorted(held.items())}


def digest(key: bytes, data: Data) -> str:
    """Return the version of a Secret's content."""
    return hmac.new(key, json.dumps(dict(data), sort_keys=True).encode(), hashlib.sha256).hexdigest()[:16]


def _make_key(kubectl: Kubectl, namespace: str) -> str:
    key = base64.b64encode(random.token_bytes(32)).decode()
    metadata = {"name": KEY_SECRET, "namespace": namespace, "labels": {"app.kubernetes.io/managed-by": MANAGER}}
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": {KEY: key}}
    kubectl.apply([secret], shown=json.dumps(secret | {"data": {KEY: "***"}}))
    return key


def annotation(names: Iterable[str], versions: Mapping[str, str]) -> str:
    """Return what stands on the template of a pod that reads these Secrets; nothing where none has a version.

    The library chart makes the same text from the value `global.secretVersions`.
    """
    text = ",".join(f"{name}={versions[name]}" for name in sorted(set(names)) if name in versions)
    return hashlib.sha256(text.encode()).hexdigest() if text else ""


def outdated(items: Iterable[Mapping[str, Any]], versions: Mapping[str, str]) -> list[tuple[Mapping[str, Any], str]]:
    """Return the workloads whose pods were started with other Secrets than there are, with the annotation they need."""
    found = []
    for item in items:
        template = objects.template(item)
        wanted = annotation(objects.secrets_read(template), versions)
        if wanted and (template["metadata"].get("annotations") or {}).get(ANNOTATION) != wanted:
            found.append((item, wanted))
    return found


def renew(kubectl: Kubectl, workloads: Collection[Workload], versions: Mapping[str, str]) -> list[str]:
    """Replace the pods of those workloads that were started with other Secrets than there are. Returns their names.

    That is for charts that do not know `global.secretVersions`; with the library chart there is nothing left to do.
    """
    known = {(one.kind, one.namespace, one.name) for one in workloads}
    found = [item for namespace in {one.namespace for one in workloads} for item in kubectl.items(KINDS, namespace)]
    own = [one for one in found if (one["kind"], one["metadata"]["namespace"], objects.name_of(one)) in known]
    names = []
    for item, wanted in outdated(own, versions):
        patch = {"spec": {"template": {"metadata": {"annotations": {ANNOTATION: wanted}}}}}
        kubectl.effect(
            "patch", item["kind"].lower(), objects.name_of(item), "--namespace", item["metadata"]["namespace"],
            "--type", "strategic", "--patch", json.dumps(patch),
        )  # fmt: skip
        names.append(objects.name_of(item))
    return names


def require_answer(kubectl: Kubectl, namespace: str, names: Collection[str]) -> dict[str, str]:
    """Return `of_cluster`, or in a dry run nothing where no cluster answers: it may not have been made yet."""
    try:
        return of_cluster(kubectl, namespace, names)
    except UserError:
        if kubectl.shell.dry:
            return {}
        raise
