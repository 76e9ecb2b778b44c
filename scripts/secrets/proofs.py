"""Proofs: which revisions of a release a health check passed, and all that is needed to return to one of them.

A proof is a Secret beside the release: the values of the app's Secrets at that moment, and helm's own record of the
revision, which helm itself forgets after ten more. It belongs to one installation of the release: a later one of that
name, whose revisions count from 1 again, has proofs of its own.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from scripts.errors import UserError
from scripts.host import parsing
from scripts.kube import objects, releases
from scripts.kube.kubectl import MANAGER, Kubectl
from scripts.secrets import versions
from scripts.secrets.versions import Data

KIND = "todo-chatbot/proof"  # type of the Secret, and the label that names the release
REVISION = "todo-chatbot/revision"
MOMENT = "todo-chatbot/verified-at"
INSTALLATION = "todo-chatbot/installation"
KEPT = 10  # proofs of a release
MOST_BYTES = 900_000  # of helm's record; the API server takes a megabyte in all


@dataclass(frozen=True)
class Proof:
    """A revision that a health check passed at `moment` (UTC, ISO 8601). Values never show in its repr."""

    release: str
    revision: int
    moment: str
    installation: str
    secrets: Mapping[str, Data] = field(repr=False)
    record: Mapping[str, Any] = field(repr=False)


def name(release: str, revision: int) -> str:
    """Return the name of the Secret that holds a proof."""
    return f"todo-chatbot.proof.{release}.v{revision}"


def find(
    kubectl: Kubectl, namespace: str, release: str, installation: str, there: Iterable[Mapping[str, Any]] = ()
) -> dict[int, Proof]:
    """Return the proofs of this installation of a release, by revision. Raises UserError if the cluster is silent.

    `there` are helm's records of revisions that it knows. Where somebody had removed one, its number was given anew,
    and what was proved of the one before says nothing of it.
    """
    items = kubectl.items("secrets", namespace, "--selector", f"{KIND}={release}")
    made = {int(one["metadata"]["labels"]["version"]): one for one in there}
    found = (_read(item, release) for item in items)
    return {
        one.revision: one
        for one in found
        if one and one.installation == installation and _is_of(one, made.get(one.revision))
    }


def _is_of(proof: Proof, record: Mapping[str, Any] | None) -> bool:
    """Return whether a proof is of the revision in a record; where either does not tell, nothing speaks against it."""
    if record is None or not proof.record:
        return True
    try:
        moments = {releases.deployed_at(proof.record), releases.deployed_at(record)} - {""}
    except UserError:
        return True
    return len(moments) < 2


def healthy_secrets(kubectl: Kubectl, namespace: str) -> list[Mapping[str, Data]]:
    """Return the Secrets of every proof in the namespace, the newest first, whichever installation it is of.

    Raises UserError for one that is damaged: what is looked for may stand in it, and would be made anew.
    """
    items = kubectl.items("secrets", namespace, "--selector", KIND)
    read = {objects.name_of(item): _read(item, item["metadata"]["labels"][KIND]) for item in items}
    if unread := [one for one, proof in read.items() if proof is None]:
        problem = f"the Secrets of a healthy release are remembered in {', '.join(unread)}, which cannot be read"
        remedy = f"if nobody can mend that: kubectl delete secret {' '.join(unread)} --namespace {namespace}"
        raise UserError(problem, f"{remedy}, and what only it remembered is made anew")
    found = [proof for proof in read.values() if proof]
    return [one.secrets for one in sorted(found, key=lambda one: one.moment, reverse=True)]


def damaged(kubectl: Kubectl, namespace: str, release: str) -> dict[int, str]:
    """Return the names of the Secrets that are proofs of a release and cannot be read, by the revision they are of."""
    items = kubectl.items("secrets", namespace, "--selector", f"{KIND}={release}")
    return {_revision(item): objects.name_of(item) for item in items if _read(item, release) is None}


def _revision(item: Mapping[str, Any]) -> int:
    """Return the revision that a proof is of, by its name: the rest may be damaged. 0 where it does not say."""
    number = objects.name_of(item).rpartition(".v")[2]
    return int(number) if number.isdecimal() else 0


def records(kubectl: Kubectl, namespace: str) -> list[Mapping[str, Any]]:
    """Return helm's records that the proofs in the namespace hold, of revisions that helm may have forgotten."""
    items = kubectl.items("secrets", namespace, "--selector", KIND)
    return [one.record for item in items if (one := _read(item, item["metadata"]["labels"][KIND]))]


def _read(item: Mapping[str, Any], release: str) -> Proof | None:
    """Return a proof, or None for a Secret that is none."""
    try:
        labels, notes = item["metadata"]["labels"], item["metadata"]["annotations"]
        data = {key: parsing.from_json(base64.b64decode(text)) for key, text in item["data"].items()}
        moment, installation = notes[MOMENT], notes[INSTALLATION]
        secrets = {name: dict(values) for name, values in data["secrets"].items()}
        return Proof(release, int(labels[REVISION]), moment, installation, secrets, dict(data["record"]))
    except (AttributeError, KeyError, TypeError, ValueError, binascii.Error):
        return None


def keep(
    kubectl: Kubectl,
    namespace: str,
    secrets: Collection[str],
    known: Mapping[int, Proof],
    record: Mapping[str, Any],
    unproved: Callable[[], Collection[str]] = tuple,
) -> bool:
    """Remember that the revision in helm's `record` passed a health check with the Secrets as they are now.

    What is remembered already stays; of the others the newest `KEPT` do. `unproved` returns the Secrets of whose values
    the pods prove nothing, as these were started with others: a proof has those that it had, and one that would have
    none is not made. So is what was remembered of a Secret that is gone: nowhere else may there be its values. Returns
    whether the revision is remembered.
    """
    labels = record["metadata"]["labels"]
    release, revision = labels["name"], int(labels["version"])
    held, before = versions.read(kubectl, namespace, secrets), known.get(revision)
    if before and before.secrets == held:
        return True
    stale = set(unproved())
    if before:
        proved = {name: data for name, data in before.secrets.items() if name in secrets}
        kept = {name: proved[name] for name in proved if name in stale or name not in held}
        held = {name: data for name, data in held.items() if name not in stale} | kept
        if before.secrets == held:
            return True
    elif stale:
        return False
    moment = objects.now().isoformat(timespec="seconds")
    proof = Proof(release, revision, moment, releases.installation(record), held, _portable(record))
    shown = f"# the proof of {release} revision {revision}, with the values of {', '.join(sorted(held)) or 'no Secret'}"
    kubectl.apply([_secret(proof, namespace)], shown=shown)
    old = sorted({*known, revision})[:-KEPT]
    if old:
        names = [name(release, number) for number in old]
        kubectl.effect("delete", "secret", *names, "--namespace", namespace, "--ignore-not-found")
    return True


def change_password(kubectl: Kubectl, namespace: str, place: tuple[str, str], made: str) -> None:
    """Let every proof have the password that the database has now, wherever it had its own before, as in a URL.

    `place` is the (secret, key) of it. What a revision was proved with opens its data no more, and a return to it would
    leave the app outside.
    """
    secret, key = place
    for item in kubectl.items("secrets", namespace, "--selector", KIND):
        proof = _read(item, item["metadata"]["labels"][KIND])
        before = base64.b64decode(proof.secrets.get(secret, {}).get(key, "")) if proof else b""
        if proof is None or before in (b"", made.encode()):
            continue
        changed = {name: _with(data, before, made.encode()) for name, data in proof.secrets.items()}
        shown = f"# the proof of {proof.release} revision {proof.revision}, with the new password of the database"
        kubectl.apply([_secret(replace(proof, secrets=changed), namespace)], shown=shown)


def _with(data: Data, before: bytes, now: bytes) -> dict[str, str]:
    """Return a Secret's content with another password: where it is all of a value, or a part as of a URL."""
    whole_or_part = re.compile(rb"(?:(?<=[:=])|\A)" + re.escape(before) + rb"(?=[@;&\s]|\Z)")
    return {
        key: base64.b64encode(whole_or_part.sub(lambda _: now, base64.b64decode(value))).decode()
        for key, value in data.items()
    }


def _portable(record: Mapping[str, Any]) -> dict[str, Any]:
    size = len(record.get("data", {}).get("release", ""))
    if size > MOST_BYTES:
        return {}
    metadata = record["metadata"]
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {key: metadata[key] for key in ("name", "namespace", "labels") if key in metadata},
        "type": record.get("type", "helm.sh/release.v1"),
        "data": record["data"],
    }


def _secret(proof: Proof, namespace: str) -> dict[str, Any]:
    contents = {"secrets": proof.secrets, "record": proof.record}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": name(proof.release, proof.revision),
            "namespace": namespace,
            "labels": {
                "app.kubernetes.io/managed-by": MANAGER,
                KIND: proof.release,
                REVISION: str(proof.revision),
            },
            "annotations": {MOMENT: proof.moment, INSTALLATION: proof.installation},
        },
        "type": KIND,
        "data": {key: base64.b64encode(json.dumps(value).encode()).decode() for key, value in contents.items()},
    }


def bring_back(
    kubectl: Kubectl,
    namespace: str,
    proof: Proof,
    history: Collection[int],
    rotating: Mapping[str, Collection[str]] | None = None,
) -> list[str]:
    """Make the Secrets what they were when the revision was proved, and helm know a revision that it forgot.

    `rotating` are the keys that hold several values (Secret → keys): what was accepted there since stays so. Returns
    the names of the Secrets that had other values.
    """
    held = versions.read(kubectl, namespace, proof.secrets.keys())
    wanted = {
        name: still_accepting(data, held.get(name, {}), (rotating or {}).get(name, ()))
        for name, data in proof.secrets.items()
    }
    changed = sorted(name for name, data in wanted.items() if held.get(name) != data)
    if changed:
        kubectl.apply([_with_data(name, namespace, wanted[name]) for name in changed], shown=_shown(changed))
    if proof.revision not in history:
        if not proof.record:
            text = f"revision {proof.revision} of {proof.release} is no longer in helm's history"
            raise UserError(text, "choose another one: invoke history")
        record = {**proof.record, "metadata": {**proof.record["metadata"], "namespace": namespace}}
        kubectl.apply([record], shown=f"# helm's record of {proof.release} revision {proof.revision}")
    return changed


def still_accepting(proved: Data, held: Data, keys: Collection[str]) -> dict[str, str]:
    """Return a proved content in which a rotation since is undone, and nobody's token is refused for it.

    In these keys the value that signed then signs again, and all that are accepted now stay accepted. Where that value
    is not among them, they are no rotation of it, and the proved ones count.
    """
    return dict(proved) | {key: _signing_again(proved[key], held[key]) for key in keys if key in proved and key in held}


def _signing_again(proved: str, held: str) -> str:
    signer = base64.b64decode(proved).split(b",")[0]
    accepted = base64.b64decode(held).split(b",")
    if signer not in accepted:
        return proved
    return base64.b64encode(b",".join([signer, *(one for one in accepted if one != signer)])).decode()


def _with_data(secret: str, namespace: str, data: Data) -> dict[str, Any]:
    labels = {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": "todo-chatbot"}
    metadata = {"name": secret, "namespace": namespace, "labels": labels, "annotations": versions.new_mark()}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "type": "Opaque", "data": data}


def _shown(names: Collection[str]) -> str:
    return "\n".join(f"# secret/{one}, as it was when the release was proved" for one in names)
