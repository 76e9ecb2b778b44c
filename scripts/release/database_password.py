"""A new password for the local database, set inside of it: for when the Secret that held it is lost, its data not."""

from __future__ import annotations

import copy
import secrets as random
from typing import Any

from scripts.context.release_lock import hold_release_lock
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.kube import objects
from scripts.release import operate
from scripts.secrets import proofs, sync
from scripts.secrets.sync import DATABASE_PASSWORD, DATABASE_SECRET, PASSWORD_BYTES, Change

NAME = "database"  # of Deployment, claim and container
POD = "database-password"
# The server is at rest meanwhile: the one process that may work on its files then needs no password. What is generated
# here has no character that SQL gives a meaning to.
SET = """
chmod 0700 /var/lib/postgresql/data/pgdata
printf "ALTER USER \\"%s\\" PASSWORD '%s';\\n" "$POSTGRES_USER" "$POSTGRES_PASSWORD" |
    postgres --single -D /var/lib/postgresql/data/pgdata postgres >/dev/null
"""
PROVE = (
    'PGPASSWORD="$POSTGRES_PASSWORD" psql -h 127.0.0.1 -U "$POSTGRES_USER" -d "$POSTGRES_DB" -c "SELECT 1" >/dev/null'
)


def renew(session: Session) -> None:
    """Set a new password inside of the local database, write it to the Secrets, and replace the pods that read them.

    Raises UserError where there is no local database, and CommandError where a step fails; it can be run again.
    """
    with hold_release_lock(session):
        _renew(session)


def _renew(session: Session) -> None:
    kubectl, namespace = session.kubectl, session.settings.release.namespace
    limit = session.settings.timeouts.deploy
    deployment = kubectl.find("deployment", NAME, namespace)
    if deployment is None:
        raise UserError(f"there is no local database in {namespace}", "an external one has its password elsewhere")
    where, wait = ("--namespace", namespace), f"--timeout={limit}s"
    config = sync.with_database(session.settings.app.secrets)
    held = sync.held_by(kubectl, namespace, config).get(DATABASE_SECRET, {}).get(DATABASE_PASSWORD, "")
    made = random.token_urlsafe(PASSWORD_BYTES)
    _write(session, made)
    begun = False  # to set it
    selector = objects.selector_words(deployment)
    try:  # whatever a step comes to, the database is there again in the end
        kubectl.effect("scale", f"deployment/{NAME}", "--replicas=0", *where)
        kubectl.effect("wait", "pods", "--for=delete", "--selector", selector, *where, wait, timeout=limit + 30)
        kubectl.effect("delete", "pod", POD, "--ignore-not-found", *where, wait, timeout=limit + 30)
        kubectl.apply([_pod(deployment, namespace)], shown=f"# pod/{POD}, which sets the password and ends")
        begun = True
        _await_end(session, limit)
    finally:
        try:
            kubectl.effect("delete", "pod", POD, "--ignore-not-found", *where, wait, timeout=limit + 30)
        finally:
            if held and not begun:
                _write(session, held)  # which is the one inside
            kubectl.effect("scale", f"deployment/{NAME}", "--replicas=1", *where)
    kubectl.await_rollout(f"deployment/{NAME}", namespace, limit)
    kubectl.effect("exec", f"deployment/{NAME}", "--container", NAME, *where, "--", "sh", "-c", PROVE)
    proofs.change_password(kubectl, namespace, (DATABASE_SECRET, DATABASE_PASSWORD), made)
    operate.sync_secrets(session)


def _write(session: Session, password: str) -> None:
    keys = (DATABASE_PASSWORD,)
    change = Change(DATABASE_SECRET, {DATABASE_PASSWORD: password}, False, keys, (), keys)
    sync.write(session.kubectl, session.settings.release.namespace, change)


def _await_end(session: Session, limit: int) -> None:
    """Wait until the pod has ended. Raises UserError with its last lines where it failed."""
    if session.shell.dry:
        return
    namespace, phase = session.settings.release.namespace, "pending"
    with session.kubectl.changes([("pods", namespace)], limit) as stream:
        for event in stream:
            if objects.name_of(event["object"]) == POD:
                phase = event["object"].get("status", {}).get("phase", phase)
            if phase in ("Succeeded", "Failed"):
                break
    if phase != "Succeeded":
        how = "failed" if phase == "Failed" else f"is {phase.lower()} still after {limit} s"
        said = session.kubectl.ask("logs", POD, "--namespace", namespace, "--tail=5").out.strip()
        raise UserError(f"the password could not be set, the pod {POD} {how}\n{said}".strip(), "run it again")


def _pod(deployment: dict[str, Any], namespace: str) -> dict[str, Any]:
    """Return the database's own pod, with its volume and rights, which sets the password instead of serving."""
    spec = copy.deepcopy(dict(objects.template(deployment)["spec"]))
    container = next(one for one in spec["containers"] if one["name"] == NAME)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe", "ports"):
        container.pop(probe, None)
    container["command"], spec["restartPolicy"] = ["sh", "-ec", SET.strip()], "Never"
    container.pop("args", None)
    metadata = {"name": POD, "namespace": namespace, "labels": {"app.kubernetes.io/part-of": "todo-chatbot"}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec | {"containers": [container]}}
