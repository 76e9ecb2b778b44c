"""The namespace of the release with its limits: config/namespace.yaml, under the name that the settings give it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.context.session import Session
from scripts.errors import SettingsError, UserError
from scripts.host import parsing
from scripts.kube import objects
from scripts.kube.quantities import same_quantity

FILE = "config/namespace.yaml"


def ensure(session: Session) -> tuple[bool, str]:
    """Make the namespace what the file says. Returns whether that changed anything, and the namespace's name.

    Raises SettingsError for a file that cannot be used, and UserError if the cluster does not answer.
    """
    name = session.settings.release.namespace
    wanted = [enforcing(it, session.settings.release.pod_security) for it in read(session.settings.root / FILE, name)]
    if all(_is_there(session, item, name) for item in wanted):
        return False, name
    session.kubectl.apply(wanted)
    return True, name


def read(file: Path, namespace: str) -> list[dict[str, Any]]:
    """Return the objects of the file, placed in the namespace. Raises SettingsError naming what cannot be used."""
    try:
        items = parsing.documents_from_yaml(file.read_text(encoding="utf-8"))
        return [_placed(item, namespace) for item in items]
    except OSError as error:
        text = f"{FILE}: cannot be read: {error.strerror}"
        raise SettingsError(text, f"restore it: git checkout -- {FILE}") from None
    except parsing.Unreadable as error:
        where = f" line {error.line}:" if error.line else ""
        raise SettingsError(f"{FILE}:{where} not valid YAML: {error.problem}", "correct that line") from None
    except (TypeError, KeyError, AttributeError, ValueError):
        raise SettingsError(f"{FILE}: not a list of Kubernetes objects", f"see: git diff -- {FILE}") from None


def enforcing(item: dict[str, Any], level: str) -> dict[str, Any]:
    """Return an object of the file; a namespace enforces the level that the release asks for, where it asks for one."""
    labels = item["metadata"].get("labels") or {}
    if item["kind"] != "Namespace" or level == "restricted":
        return item
    own = labels | {"pod-security.kubernetes.io/enforce": level}
    return item | {"metadata": item["metadata"] | {"labels": own}}


def _placed(item: dict[str, Any], namespace: str) -> dict[str, Any]:
    metadata = item.get("metadata") or {}
    is_namespace = item["kind"] == "Namespace"
    given = metadata.get("name" if is_namespace else "namespace")
    if given and given != namespace:
        what = f"{FILE}: {item['kind']}: names the namespace {given!r}, the release's is {namespace!r}"
        raise SettingsError(what, "leave the name out: release.namespace in config/pipeline.yaml decides")
    place = {"name": namespace} if is_namespace else {"namespace": namespace}
    return item | {"metadata": metadata | place}


def _is_there(session: Session, item: Mapping[str, Any], namespace: str) -> bool:
    """Return whether the cluster has the object as it should be. In a dry run there need be no cluster."""
    where = "" if item["kind"] == "Namespace" else namespace
    try:
        found = session.kubectl.find(item["kind"].lower(), objects.name_of(item), where)
    except UserError:
        if session.shell.dry:
            return False
        raise
    return found is not None and contains(found, item)


def contains(live: Any, wanted: Any) -> bool:
    """Return whether a live object has all that is wanted of it; quantities are compared by what they mean."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(contains(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        same_length = isinstance(live, list) and len(live) == len(wanted)
        return same_length and all(map(contains, live, wanted))
    return bool(live == wanted) or same_quantity(live, wanted)
