"""Credentials that protect a volume outlive the Secret that holds them: found again, and never made anew."""

from __future__ import annotations

import base64
from collections.abc import Callable, Collection, Mapping
from typing import Any

from scripts.errors import UserError
from scripts.kube import objects
from scripts.kube.kubectl import Kubectl
from scripts.secrets.versions import KINDS, Data

VOLUME = "database"  # the claim of the local database
POD = ("exec", "deployment/database", "--container", "database")


def recover(
    kubectl: Kubectl,
    namespace: str,
    secret: str,
    key: str,
    proved: Callable[[], Collection[Mapping[str, Data]]],
) -> dict[str, dict[str, str]]:
    """Return the lost Secret with the password that the database's volume was set up with; nothing without a volume.

    It is known to the revisions that were healthy, and to the database that runs. Raises UserError where neither is.
    """
    if kubectl.shell.dry or kubectl.find("persistentvolumeclaim", VOLUME, namespace) is None:
        return {}
    for one in proved():
        if value := one.get(secret, {}).get(key):
            return {secret: {key: base64.b64decode(value).decode()}}
    database = kubectl.find("deployment", VOLUME, namespace)
    if _runs(kubectl, namespace, database):
        answer = kubectl.ask(*POD, "--namespace", namespace, "--", "printenv", key)
        if answer and (password := answer.out.rstrip("\n")):
            return {secret: {key: password}}
        said = f": {answer.err.strip().splitlines()[-1]}" if answer.err.strip() else ""
    else:  # kubectl exec would wait for a pod until its own limit
        said = ", as it does not run"
    raise UserError(
        f"the Secret {secret} is gone, and the volume {VOLUME} was set up with the password it held; "
        f"no healthy revision remembers it, and the database does not tell it{said}",
        "set a new one inside of the database: invoke database.password; or bring all back: invoke backup.restore",
    )


def recover_from_readers(
    kubectl: Kubectl, namespace: str, lost: Mapping[str, Collection[str]]
) -> dict[str, dict[str, str]]:
    """Return the values of Secrets that are gone (name → keys), where pods with a volume read them: what it holds may
    be protected by them, and the pods were started with them.

    Raises UserError naming the volume where none tells.
    """
    found: dict[str, dict[str, str]] = {}
    for item in kubectl.items(KINDS, namespace) if lost else ():
        read = sorted(objects.secrets_read(objects.template(item)) & lost.keys())
        volumes = kubectl.named("persistentvolumeclaims", namespace, _claims(item)) if read else []
        for secret in read if volumes else ():
            keys = [key for key in lost[secret] if key not in found.get(secret, {})]
            told = {key: _told(kubectl, namespace, item, key) for key in keys}
            if untold := [key for key, value in told.items() if not value]:
                name, volume = objects.name_of(item), objects.name_of(volumes[0])
                raise UserError(
                    f"the Secret {secret} is gone, and the volume {volume} of {name} may be protected by its "
                    f"{', '.join(untold)}, which no healthy revision remembers and no pod tells",
                    "bring all back: invoke backup.restore; or write the Secret as it was (kubectl create secret); or, "
                    f"if nothing is lost by it: kubectl delete persistentvolumeclaim {volume} --namespace {namespace}",
                )
            found.setdefault(secret, {}).update(told)
    return found


def _claims(workload: Mapping[str, Any]) -> set[str]:
    """Return the names of the claims of a workload's first pod."""
    name, templates = objects.name_of(workload), workload["spec"].get("volumeClaimTemplates") or ()
    return objects.claims_of(workload) | {f"{objects.name_of(one)}-{name}-0" for one in templates}


def _runs(kubectl: Kubectl, namespace: str, workload: Mapping[str, Any] | None) -> bool:
    """Return whether a program of a workload runs, ready or not, which could be asked."""
    pods = objects.living(objects.pods_of(workload, kubectl.items("pods", namespace))) if workload else []
    statuses = [one for pod in pods for one in (pod.get("status") or {}).get("containerStatuses") or ()]
    return any("running" in (one.get("state") or {}) for one in statuses)


def _told(kubectl: Kubectl, namespace: str, workload: Mapping[str, Any], key: str) -> str:
    if not _runs(kubectl, namespace, workload):
        return ""
    words = ("exec", f"{workload['kind'].lower()}/{objects.name_of(workload)}", "--namespace", namespace)
    answer = kubectl.ask(*words, "--", "printenv", key)
    return answer.out.removesuffix("\n") if answer else ""
