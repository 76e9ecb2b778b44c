"""Secrets: decide what the cluster has to hold, and bring it there by standard input.

Values are in this process's memory and in the cluster, nowhere else: not in arguments, logs, reports or helm values.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets as random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.errors import SettingsError, UserError
from scripts.kube.kubectl import Kubectl
from scripts.secrets import database_url, vault
from scripts.settings import loading as configuration

DATABASE_SECRET, DATABASE_PASSWORD = "database-credentials", "POSTGRES_PASSWORD"
PASSWORD_BYTES = 32
MANAGER = "todo-chatbot"
_REFERENCE = re.compile(r"\$\{([a-z0-9-]+)\.([-._a-zA-Z0-9]+)\}")


@dataclass(frozen=True)
class Change:
    """A Secret to write. `created` says that the cluster had none. Values never show in its repr."""

    name: str
    data: Mapping[str, str] = field(repr=False)
    created: bool
    keys: tuple[str, ...]
    used_by: tuple[str, ...]


def load(root: Path, services: Collection[str] | None = None) -> dict[str, Any]:
    """The Secrets of the app that runs here; given the services that are deployed, only what concerns those.

    Raises SettingsError naming file and key.
    """
    app = configuration.load_app(root)
    data = with_database(app.get("secrets", {}))
    return data if services is None else _concerning(data, services)


def with_database(config: Mapping[str, Any]) -> dict[str, Any]:
    """The Secrets as an app's file says them, with the stand-in database's own where a key is a database's URL."""
    data: dict[str, Any] = {name: dict(spec) for name, spec in config.items()}
    for spec in data.values():
        spec["keys"] = {key: _with_standin(key, source) for key, source in spec["keys"].items()}
    if any("standin" in source for spec in data.values() for source in spec["keys"].values()):
        data[DATABASE_SECRET] = {
            "usedBy": [], "standinOnly": True, "keys": {DATABASE_PASSWORD: {"generate": PASSWORD_BYTES}}
        }  # fmt: skip
    return data


def _with_standin(key: str, source: Mapping[str, Any]) -> dict[str, Any]:
    if "database" not in source:
        return dict(source)
    form = source["database"]
    url = f"postgresql://todo:${{{DATABASE_SECRET}.{DATABASE_PASSWORD}}}@database:5432/todo"
    return {"from": "DATABASE_URL"} | dict(source) | {"standin": database_url.formed(url, form)}


def _concerning(config: Mapping[str, Any], services: Collection[str]) -> dict[str, Any]:
    """Without the Secrets whose readers are all absent: nobody is to hold an API key that nobody reads."""
    readers = {name: spec.get("usedBy", []) for name, spec in config.items()}
    kept = {name for name, users in readers.items() if not users or not set(services).isdisjoint(users)}
    sources = [source for name in kept for source in config[name]["keys"].values()]
    kept |= {name for source in sources for name, _ in _REFERENCE.findall(source.get("standin", ""))}
    return {
        name: {**spec, "usedBy": [user for user in readers[name] if user in services]}
        for name, spec in config.items()
        if name in kept
    }


def environment(root: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables a value may come from: the environment over `.env` over the encrypted file. Empty ones are absent.

    Raises SettingsError naming the line that cannot be read, and UserError if the encrypted file cannot be opened.
    """
    found = parse_variables(vault.read(root), vault.FILE)
    file = root / ".env"
    if file.is_file():
        found |= parse_variables(file.read_text(encoding="utf-8"), ".env")
    found |= os.environ if variables is None else variables
    return {name: value for name, value in found.items() if value}


def parse_variables(text: str, file: str) -> dict[str, str]:
    """Lines of NAME=value. Raises SettingsError naming the line that is not one, without showing it."""
    found: dict[str, str] = {}
    for number, line in enumerate(text.splitlines(), 1):
        words = line.strip().removeprefix("export ")
        if not words or words.startswith("#"):
            continue
        name, equals, value = words.partition("=")
        if not equals or not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name.strip()):
            raise SettingsError(f"{file}: line {number}: not NAME=value", "correct that line")
        found[name.strip()] = _unquoted(value.strip())
    return found


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "'\"":
        return value[1:-1]
    return value


def uses_standin(variables: Mapping[str, str], wanted: bool = True) -> bool:
    """Whether the local database stands in: the app wants one (`wanted`), and no external one is configured."""
    return wanted and not variables.get("DATABASE_URL")


def decide(
    config: Mapping[str, Any],
    variables: Mapping[str, str],
    held: Mapping[str, Mapping[str, str]],
    *,
    standin: bool,
    files: Mapping[str, str] | None = None,
    generate: Callable[[int], str] = random.token_urlsafe,
) -> list[Change]:
    """The Secrets that have to be written, given what the cluster holds (name → key → value).

    `files` holds the contents of the files that the configuration names.

    A generated value, once the cluster holds it, is kept. Raises UserError naming each value that has no source.
    """
    files = files or {}
    wanted: dict[str, dict[str, str]] = {}
    missing: list[str] = []
    templates: list[tuple[str, str, str]] = []
    for name, spec in config.items():
        if spec.get("standinOnly") and not standin:
            continue
        wanted[name] = {}
        for key, source in spec["keys"].items():
            given = variables.get(source.get("from", "")) or files.get(source.get("file", ""))
            kept = held.get(name, {}).get(key, "")
            if given:
                wanted[name][key] = database_url.formed(given, source["database"]) if "database" in source else given
            elif "standin" in source and standin:
                templates.append((name, key, source["standin"]))
            elif "generate" in source:
                wanted[name][key] = kept or generate(source["generate"])
            elif not source.get("optional"):
                missing.append(f"{name}.{key}: set {source.get('from', 'a source')} in the environment or in .env")
    if missing:
        raise UserError(
            "Secrets without a value:\n" + "\n".join(missing),
            "the names are defined under `secrets` in the file of the app, config/apps/NAME.yaml",
        )
    for name, key, template in templates:
        wanted[name][key] = _REFERENCE.sub(lambda match: wanted[match[1]][match[2]], template)
    return [
        Change(
            name=name,
            data=data,
            created=name not in held,
            keys=tuple(sorted(_changed(data, held.get(name, {})))),
            used_by=tuple(config[name].get("usedBy", ())),
        )
        for name, data in wanted.items()
        if dict(held.get(name, {})) != data
    ]


def _changed(new: Mapping[str, str], old: Mapping[str, str]) -> set[str]:
    return {key for key in {*new, *old} if new.get(key) != old.get(key)}


def held_by(kubectl: Kubectl, namespace: str, config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """What the cluster holds of the configured Secrets: name → key → value."""
    answer = kubectl.ask("get", "secrets", *config, "--namespace", namespace, "--ignore-not-found", "-o", "json")
    if not answer or not answer.out.strip():
        return {}
    data = json.loads(answer.out)
    return {
        item["metadata"]["name"]: {key: base64.b64decode(value).decode() for key, value in item.get("data", {}).items()}
        for item in data.get("items", [data])
    }


def manifest(change: Change, namespace: str, *, censored: bool = False) -> str:
    """The Secret as a manifest; `censored` is what may be shown of it."""
    data = {
        key: "***" if censored else base64.b64encode(value.encode()).decode()
        for key, value in sorted(change.data.items())
    }
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {
                "name": change.name,
                "namespace": namespace,
                "labels": {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": "todo-chatbot"},
            },
            "type": "Opaque",
            "data": data,
        }
    )


def write(kubectl: Kubectl, namespace: str, change: Change) -> None:
    """Apply one Secret. Raises CommandError if the cluster refuses it."""
    kubectl.effect(
        "apply", "--server-side", "--force-conflicts", f"--field-manager={MANAGER}", "--filename", "-",
        stdin=manifest(change, namespace), shown_stdin=manifest(change, namespace, censored=True),
    )  # fmt: skip


def sync(
    kubectl: Kubectl,
    root: Path,
    namespace: str,
    variables: Mapping[str, str],
    services: Collection[str] | None = None,
) -> list[Change]:
    """Bring every Secret that concerns the services up to date, writing only what changed. Returns what was written."""
    config = load(root, services)
    held = held_by(kubectl, namespace, config)
    standin = uses_standin(variables, DATABASE_SECRET in config)
    changes = decide(config, variables, held, standin=standin, files=_contents(config, root))
    for change in changes:
        write(kubectl, namespace, change)
    return changes


def rotated(
    config: Mapping[str, Any],
    held: Mapping[str, Mapping[str, str]],
    generate: Callable[[int], str] = random.token_urlsafe,
) -> list[Change]:
    """New values for what may be renewed: the new one first, the one before after it, older ones dropped."""
    changes = []
    for name, spec in config.items():
        data = dict(held.get(name, {}))
        keys = [key for key, source in spec["keys"].items() if source.get("rotate") == "prepend" and data.get(key)]
        for key in keys:
            data[key] = f"{generate(spec['keys'][key]['generate'])},{data[key].split(',')[0]}"
        if keys:
            changes.append(Change(name, data, False, tuple(keys), tuple(spec.get("usedBy", ()))))
    return changes


def check_rows(
    config: Mapping[str, Any], variables: Mapping[str, str], held: Mapping[str, Mapping[str, str]], *, standin: bool
) -> list[tuple[str, ...]]:
    """A table of what there is and where it comes from; never a value."""
    rows: list[tuple[str, ...]] = [("SECRET", "KEY", "IN THE CLUSTER", "SOURCE")]
    for name, spec in config.items():
        for key, source in spec["keys"].items():
            if spec.get("standinOnly") and not standin:
                where = "not needed: the database is external"
            elif variables.get(source.get("from", "")):
                where = f"variable {source['from']}"
            elif "file" in source:
                where = f"file {source['file']}"
            elif "standin" in source and standin:
                where = "the local database"
            elif "generate" in source:
                where = "generated"
            else:
                where = "optional, not given" if source.get("optional") else "MISSING"
            there = "yes" if held.get(name, {}).get(key) else "no"
            rows.append((name, key, there, where))
    return rows


def _contents(config: Mapping[str, Any], root: Path) -> dict[str, str]:
    names = [source["file"] for spec in config.values() for source in spec["keys"].values() if "file" in source]
    return {name: (root / name).read_text(encoding="utf-8").strip() for name in names if (root / name).is_file()}
