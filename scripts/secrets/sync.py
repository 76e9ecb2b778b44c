"""Secrets: decide what the cluster has to hold, and bring it there by standard input.

Values are in this process's memory and in the cluster, nowhere else: not in arguments, logs, reports or helm values.
"""

from __future__ import annotations

import base64
import json
import os
import re
import secrets as random
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.host.files import read_bytes
from scripts.host.shell import CommandError
from scripts.kube import objects
from scripts.kube.kubectl import MANAGER, Kubectl
from scripts.kube.queries import SHOW_OWNERS
from scripts.secrets import database_url, dotenv_file, lost_password, secrecy, vault, versions
from scripts.secrets.versions import Data
from scripts.settings.model import Settings

DATABASE_SECRET, DATABASE_PASSWORD = "database-credentials", "POSTGRES_PASSWORD"
PASSWORD_BYTES = 32
ALIKE = 0.9  # of 1: so much of a name is that of another where it is taken for a slip of the hand
GENERATED = "todo-chatbot/generated"  # annotation: which keys of a Secret nobody gave a value for
UNFIT, MISSING = "UNFIT", "MISSING"  # what stands in the table for a value that no run accepts
UNFIT_HINT = "correct it where it is set: the environment, .env or the encrypted file"
MISSING_HINT = "the names are defined under `secrets` in the file of the app, config/apps/NAME.yaml"
_REFERENCE = re.compile(r"\$\{([a-z0-9-]+)\.([-._a-zA-Z0-9]+)\}")


@dataclass(frozen=True)
class Change:
    """A Secret to write. `created` says that the cluster had none. Values never show in its repr."""

    name: str
    data: Mapping[str, str] = field(repr=False)
    created: bool
    keys: tuple[str, ...]
    used_by: tuple[str, ...]
    generated: tuple[str, ...] = ()
    forgotten: tuple[str, ...] = ()

    @property
    def told(self) -> str:
        """Return its name, which keys are taken away with it, as nobody gives them any more, and `forgotten`: those
        that do not accept any more what was signed with them.
        """
        gone = [key for key in self.keys if key not in self.data]
        notes = [f"without {', '.join(gone)}, which nothing gives any more"] if gone else []
        if self.forgotten:
            signed = f"what was signed with {', '.join(self.forgotten)} before is valid no longer"
            notes.append(f"{signed}: people log in again, unless the value before stands behind a comma")
        return f"{self.name} ({'; '.join(notes)})" if notes else self.name


def with_database(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the Secrets as an app's file says them, with the local database's own where a key is a
    database's URL.
    """
    data: dict[str, Any] = {name: dict(spec) for name, spec in config.items()}
    for spec in data.values():
        spec["keys"] = {key: _with_local_database(key, source) for key, source in spec["keys"].items()}
    if any("local" in source for spec in data.values() for source in spec["keys"].values()):
        data[DATABASE_SECRET] = {
            "usedBy": [], "localDatabaseOnly": True, "keys": {DATABASE_PASSWORD: {"generate": PASSWORD_BYTES}}
        }  # fmt: skip
    return data


def _with_local_database(key: str, source: Mapping[str, Any]) -> dict[str, Any]:
    if "database" not in source:
        return dict(source)
    form = source["database"]
    password = f"${{{DATABASE_SECRET}.{DATABASE_PASSWORD}}}"
    if form.get("part") == "password":
        return {"from": "DATABASE_URL"} | dict(source) | {"local": password}
    url = f"postgresql://todo:{password}@database:5432/todo"
    return {"from": "DATABASE_URL"} | dict(source) | {"local": database_url.formed(url, form)}


def concerning(config: Mapping[str, Any], services: Collection[str]) -> dict[str, Any]:
    """Return an app's Secrets, with the local database's own, without those whose readers are all absent.

    Nobody is to hold an API key that nobody reads.
    """
    config = with_database(config)
    readers = {name: spec.get("usedBy", []) for name, spec in config.items()}
    kept = {name for name, users in readers.items() if not users or not set(services).isdisjoint(users)}
    sources = [source for name in kept for source in config[name]["keys"].values()]
    kept |= {name for source in sources for name, _ in _REFERENCE.findall(source.get("local", ""))}
    kept |= {source["same"].split(".")[0] for source in sources if "same" in source}
    return {
        name: {**spec, "usedBy": [user for user in readers[name] if user in services]}
        for name, spec in config.items()
        if name in kept
    }


def configured(settings: Settings) -> dict[str, Any]:
    """Return the Secrets that these settings have, as the app's file describes them."""
    return concerning(settings.app.secrets, [service.name for service in settings.services])


def variable_names(settings: Settings) -> set[str]:
    """Return the names of the variables that Secrets of the app, and those of its builds, have their values from."""
    keys = [source for spec in with_database(settings.app.secrets).values() for source in spec["keys"].values()]
    builds = {name for service in settings.services for name in service.build_secrets.values()}
    return builds | {source["from"] for source in keys if "from" in source}


def database_keys(config: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return each (secret, key) that holds the whole URL of the database, by an app's file."""
    return [
        (name, key)
        for name, spec in config.items()
        for key, source in spec["keys"].items()
        if "database" in source and "part" not in source["database"]
    ]


def needed(config: Mapping[str, Any], *, local_database: bool) -> dict[str, Any]:
    """Return the Secrets of `concerning` that a release has: its local database's own only where there is one."""
    return {name: spec for name, spec in config.items() if local_database or not spec.get("localDatabaseOnly")}


def known_variables(root: Path, variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the variables a value may come from: the environment over `.env` over the encrypted file. Empty ones are
    absent.

    Raises SettingsError naming the line that cannot be read, and UserError if the encrypted file cannot be opened.
    """
    found = dotenv_file.parse(vault.read(root), vault.FILE)
    found |= dotenv_file.read(root / ".env", ".env")
    found |= os.environ if variables is None else variables
    # The end of a line comes along where a value was piped or pasted, and no header or password may have it.
    trimmed = {
        name: text if isinstance(text, dotenv_file.Unresolved) else text.rstrip("\r\n") for name, text in found.items()
    }
    return {name: value for name, value in trimmed.items() if value}


def mistyped(root: Path, config: Mapping[str, Any], variables: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each name in `.env` that nothing reads, and that nearly is one which has no value: without
    DATABASE_URL a database of its own would stand in, and nobody would hear of a DATABSE_URL.

    Other names are somebody else's, which reads the same file.
    """
    read = {source["from"] for spec in config.values() for source in spec["keys"].values() if "from" in source}
    for name in dotenv_file.read(root / ".env", ".env").keys() - read:
        for meant in get_close_matches(name, read - variables.keys(), n=1, cutoff=ALIKE):
            yield f".env: {name}: nothing of this app reads it; is {meant} meant, which has no value?"


def uses_local_database(variables: Mapping[str, str], wanted: bool = True) -> bool:
    """Return whether the local database stands in: the app wants one (`wanted`), and no external one is configured."""
    return wanted and not variables.get("DATABASE_URL")


def decide(
    config: Mapping[str, Any],
    variables: Mapping[str, str],
    held: Mapping[str, Mapping[str, str]],
    *,
    local_database: bool,
    files: Mapping[str, str] | None = None,
    doubtful: Collection[tuple[str, str]] = (),
    recovered: Mapping[str, Mapping[str, str]] | None = None,
    generate: Callable[[int], str] = random.token_urlsafe,
) -> list[Change]:
    """Return the Secrets that have to be written, given what the cluster holds (name → key → value).

    `files` holds the contents of the files that the configuration names. A generated value, once the cluster holds it,
    is kept; `doubtful` are (secret, key)s that hold what somebody gave and no release was ever healthy with, and
    `recovered` generated values that the cluster does not hold any more, as they were. Raises UserError naming each
    value that has no source, and each that cannot be meant.
    """
    found = _Found()
    for name, spec in needed(config, local_database=local_database).items():
        found.wanted[name], found.made[name] = {}, set()
        for key, source in spec["keys"].items():
            given = _given(source, variables, files or {})
            kept = held.get(name, {}).get(key, "")
            kept = "" if (name, key) in doubtful or _too_short(kept, source) else kept
            kept = kept or (recovered or {}).get(name, {}).get(key, "")
            found.add(name, key, source, given, kept, local_database=local_database, generate=generate)
    found.complete()
    return [
        Change(
            name=name,
            data=data,
            created=name not in held,
            keys=tuple(sorted(_changed(data, held.get(name, {})))),
            used_by=tuple(config[name].get("usedBy", ())),
            generated=tuple(sorted(found.made[name])),
            forgotten=_forgotten(rotating(config)[name], held.get(name, {}), data),
        )
        for name, data in found.wanted.items()
        if dict(held.get(name, {})) != data
    ]


def _forgotten(keys: Iterable[str], before: Mapping[str, str], now: Mapping[str, str]) -> tuple[str, ...]:
    """Return those keys, which hold several values, whose new ones lack the one that signed before."""
    both = [key for key in keys if before.get(key) and now.get(key)]
    return tuple(key for key in both if before[key].split(",")[0] not in now[key].split(","))


def refuse_unfit(config: Mapping[str, Any], root: Path, variables: Mapping[str, str]) -> None:
    """Raise UserError naming every value without a source, and every one that cannot be meant, without any cluster."""
    local_database = uses_local_database(variables, DATABASE_SECRET in config)
    decide(config, variables, {}, local_database=local_database, files=contents(config, root))


@dataclass
class _Found:
    """The values so far: Secret → key → value, the keys `made` here, and what is wrong or still to be filled in."""

    wanted: dict[str, dict[str, str]] = field(default_factory=dict)
    made: dict[str, set[str]] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    unfit: list[str] = field(default_factory=list)
    templates: dict[tuple[str, str], str] = field(default_factory=dict)
    optional: set[tuple[str, str]] = field(default_factory=set)

    def add(
        self,
        name: str,
        key: str,
        source: Mapping[str, Any],
        given: tuple[str, str],
        kept: str,
        *,
        local_database: bool,
        generate: Callable[[int], str],
    ) -> None:
        """Take the value of a key: what is `given`, else what its source says, `kept` over a new one."""
        value, place = given
        if value:
            self.wanted[name][key], problem = _meant(value, source)
            self.unfit += [f"{name}.{key}: {place}: {problem}"] if problem else []
        elif "local" in source and local_database:
            self.templates[name, key] = source["local"]
        elif "same" in source:
            self.templates[name, key] = f"${{{source['same']}}}"
        elif "generate" in source:
            self.wanted[name][key] = kept or _generated(source, generate)
            self.made[name].add(key)
        elif "placeholder" in source:
            self.wanted[name][key] = source["placeholder"]
        elif not source.get("optional"):
            self.missing.append(f"{name}.{key}: {_remedy(source)}")
        if source.get("optional"):
            self.optional.add((name, key))

    def complete(self) -> None:
        """Fill in what refers to other values. Raises UserError with all that is missing, or cannot be meant."""
        for name, key in self.templates:
            value = self._filled(name, key)
            if value is not None:
                self.wanted[name][key] = value
            elif (name, key) not in self.optional:
                self.missing.append(f"{name}.{key}: has the value of a key that has none")
        told, hints = list(self.unfit), [UNFIT_HINT] if self.unfit else []
        if self.missing:
            told += ["Secrets without a value:", *dict.fromkeys(self.missing)]
            hints.append(MISSING_HINT)
        if told:
            raise UserError("\n".join(told), "; ".join(hints))

    def _filled(self, name: str, key: str) -> str | None:
        """Return the value of a key, what it refers to filled in; None where that has none."""
        template = self.templates.get((name, key))
        if template is None:
            return self.wanted.get(name, {}).get(key)
        parts = {match[0]: self._filled(match[1], match[2]) for match in _REFERENCE.finditer(template)}
        if None in parts.values():
            return None
        return _REFERENCE.sub(lambda match: parts[match[0]] or "", template)


def _meant(given: str, source: Mapping[str, Any]) -> tuple[str, str]:
    """Return a given value in the form its reader takes, and what is wrong with it; never the value in words."""
    if isinstance(given, dotenv_file.Unresolved):
        return given, f"refers to ${{{given.lacks}}}, which neither a line before it nor the environment gives"
    if "database" in source:
        return database_url.understood(given, source["database"])
    if _too_short(given, source):
        return given, f"too short, needs {source['minLength']} characters or more"
    return given, ""


def _too_short(value: str, source: Mapping[str, Any]) -> bool:
    """Return whether a value, or one of several where it is rotated, has fewer characters than its reader demands."""
    parts = value.split(",") if source.get("rotate") else [value]
    return bool(value) and any(len(part) < source.get("minLength", 0) for part in parts)


def _remedy(source: Mapping[str, Any]) -> str:
    """Return what to do where a key has no value, by the sources that its file names."""
    ways = [f"set {source['from']} in the environment or in .env"] if "from" in source else []
    ways += [f"write it to the file {source['file']}"] if "file" in source else []
    return ", or ".join(ways)


def _given(source: Mapping[str, Any], variables: Mapping[str, str], files: Mapping[str, str]) -> tuple[str, str]:
    """Return the value that somebody gave, empty where nobody did, and where it stands."""
    if value := variables.get(source.get("from", "")):
        return value, f"variable {source['from']}"
    return files.get(source.get("file", ""), ""), f"file {source.get('file', '')}"


def _changed(new: Mapping[str, str], old: Mapping[str, str]) -> set[str]:
    return {key for key in {*new, *old} if new.get(key) != old.get(key)}


def held_by(kubectl: Kubectl, namespace: str, config: Mapping[str, Any]) -> dict[str, dict[str, str]]:
    """Return what the cluster holds of the configured Secrets: name → key → value.

    Raises UserError if it does not answer.
    """
    return {objects.name_of(item): _values(item) for item in _there(kubectl, namespace, config)}


def _there(kubectl: Kubectl, namespace: str, names: Collection[str]) -> list[dict[str, Any]]:
    """Return the Secrets of these names. In a dry run there need be no cluster, and then there are none."""
    try:
        found = kubectl.named("secrets", namespace, names, SHOW_OWNERS)
    except UserError:
        if kubectl.shell.dry:
            return []
        raise
    for item in found:
        secrecy.remember_secret(item)
    return found


def _values(item: Mapping[str, Any]) -> dict[str, str]:
    """Return a Secret's values as text; bytes that are none stand in for themselves."""
    data = item.get("data") or {}
    return {key: base64.b64decode(value).decode(errors="surrogateescape") for key, value in data.items()}


def _ours(item: Mapping[str, Any], config: Mapping[str, Any]) -> dict[str, str]:
    """Return the values of a Secret's keys that the app's file names or that a run wrote; others are a person's, and
    an apply leaves them.
    """
    ours = set(config[objects.name_of(item)]["keys"])
    for one in item["metadata"].get("managedFields") or ():
        if one.get("manager") == MANAGER:
            ours |= {key.removeprefix("f:") for key in (one.get("fieldsV1") or {}).get("f:data") or {}}
    return {key: value for key, value in _values(item).items() if key in ours}


def doubtful_keys(
    items: Collection[Mapping[str, Any]], config: Mapping[str, Any], proved: Collection[Mapping[str, Data]]
) -> set[tuple[str, str]]:
    """Return the (secret, key)s that may be generated, but hold what somebody gave and no release was healthy with.

    `proved` are the Secrets of each revision that was healthy. A Secret that does not say what was generated in it was
    written by hand or by an earlier version: its values are kept.
    """
    found = set()
    for item in items:
        name, note = objects.name_of(item), (item["metadata"].get("annotations") or {}).get(GENERATED)
        if note is None:
            continue
        for key, value in (item.get("data") or {}).items():
            source = config.get(name, {}).get("keys", {}).get(key, {})
            known = key in note.split(",") or any(one.get(name, {}).get(key) == value for one in proved)
            if "generate" in source and not known:
                found.add((name, key))
    return found


def manifest(change: Change, namespace: str) -> dict[str, Any]:
    """Return the Secret as the API takes it."""
    values = {
        key: base64.b64encode(value.encode(errors="surrogateescape")).decode()
        for key, value in sorted(change.data.items())
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": change.name,
            "namespace": namespace,
            "labels": {"app.kubernetes.io/managed-by": MANAGER, "app.kubernetes.io/part-of": "todo-chatbot"},
            "annotations": {GENERATED: ",".join(change.generated)} | ({} if change.created else versions.new_mark()),
        },
        "type": "Opaque",
        "data": values,
    }


def censored(item: Mapping[str, Any]) -> str:
    """Return what may be shown of a Secret."""
    return json.dumps({**item, "data": dict.fromkeys(item["data"], "***")})


def write(kubectl: Kubectl, namespace: str, change: Change) -> None:
    """Apply one Secret. Raises CommandError if the cluster refuses it, as what a person has made immutable."""
    secrecy.remember(change.data)
    item = manifest(change, namespace)
    try:
        kubectl.apply([item], shown=censored(item))
    except CommandError as problem:
        if "field is immutable" not in problem.result.err:
            raise
        remove = f"kubectl delete secret {change.name} --namespace {namespace}"
        hint = f"pods that run keep what they have while it is gone: {remove}, and the same command again"
        raise CommandError(problem.argv, problem.result, hint) from None


def sync(
    kubectl: Kubectl,
    root: Path,
    namespace: str,
    variables: Mapping[str, str],
    config: Mapping[str, Any],
    proved: Callable[[], Collection[Mapping[str, Data]]] = list,
) -> list[Change]:
    """Bring every Secret that concerns the services up to date, writing only what changed. Returns what was written.

    `config` is what `concerning` returns: of the settings that the run began with, whatever is written into the files
    meanwhile. `proved` is asked for the Secrets of the healthy revisions where it matters. Raises UserError for a
    value that cannot be meant, and where credentials are lost that something still needs.
    """
    items = _there(kubectl, namespace, config)
    local_database = uses_local_database(variables, DATABASE_SECRET in config)
    doubtful = doubtful_keys(items, config, ()) and doubtful_keys(items, config, proved())
    held = {objects.name_of(item): _ours(item, config) for item in items}
    known = {
        name: {key: value for key, value in data.items() if (name, key) not in doubtful} for name, data in held.items()
    }
    wanted = needed(config, local_database=local_database)
    recovered = _proved_before(wanted, known, () if kubectl.shell.dry else proved)
    if local_database and not held.get(DATABASE_SECRET, {}).get(DATABASE_PASSWORD):
        recovered |= lost_password.recover(kubectl, namespace, DATABASE_SECRET, DATABASE_PASSWORD, proved)
    files = contents(config, root)
    if not kubectl.shell.dry:
        remembered = {name for name, values in recovered.items() if values}
        gone = _gone(wanted, held.keys() | remembered, variables, files)
        recovered |= lost_password.recover_from_readers(kubectl, namespace, gone)
    changes = decide(
        config, variables, held, local_database=local_database, files=files, doubtful=doubtful, recovered=recovered
    )
    for change in changes:
        write(kubectl, namespace, change)
    return changes


def _proved_before(
    config: Mapping[str, Any],
    held: Mapping[str, Mapping[str, str]],
    proved: Callable[[], Collection[Mapping[str, Data]]] | tuple[()],
) -> dict[str, dict[str, str]]:
    """Return the generated values that are gone, with their Secret or alone, as the newest healthy release had them.

    They outlive the Secret: sessions are signed with them, and a library may have encrypted rows of a database.
    """
    lost = {
        name: [key for key, source in spec["keys"].items() if "generate" in source and not held.get(name, {}).get(key)]
        for name, spec in config.items()
    }
    if not (proved and any(lost.values())):
        return {}
    known = proved()
    return {name: _newest(known, name, keys) for name, keys in lost.items()}


def _gone(
    config: Mapping[str, Any], there: Collection[str], variables: Mapping[str, str], files: Mapping[str, str]
) -> dict[str, list[str]]:
    """Return the keys that would be generated of each Secret that is neither there nor remembered, by its name."""
    found = {
        name: [
            key
            for key, source in spec["keys"].items()
            if "generate" in source and not _given(source, variables, files)[0]
        ]
        for name, spec in config.items()
        if name not in there
    }
    return {name: keys for name, keys in found.items() if keys}


def _newest(known: Collection[Mapping[str, Data]], name: str, keys: Iterable[str]) -> dict[str, str]:
    """Return the values of a Secret's keys in the newest of these that has each."""
    found = {key: next((one[name][key] for one in known if key in one.get(name, {})), "") for key in keys}
    return {key: base64.b64decode(data).decode(errors="surrogateescape") for key, data in found.items() if data}


def rotated(
    config: Mapping[str, Any],
    held: Mapping[str, Mapping[str, str]],
    generate: Callable[[int], str] = random.token_urlsafe,
    *,
    all_before: bool = False,
) -> list[Change]:
    """Return new values for what may be renewed: the new one first, the one before after it, older ones dropped.

    Older ones stay too where `all_before` is wanted, so that nobody's session ends.
    """
    changes = []
    for name, candidates in rotating(config).items():
        spec, data = config[name], dict(held.get(name, {}))
        keys = [key for key in candidates if data.get(key)]
        for key in keys:
            before = data[key] if all_before else data[key].split(",")[0]
            data[key] = f"{_generated(spec['keys'][key], generate)},{before}"
        if keys:
            changes.append(Change(name, data, False, tuple(keys), tuple(spec.get("usedBy", ())), tuple(keys)))
    return changes


def _generated(source: Mapping[str, Any], generate: Callable[[int], str]) -> str:
    """Return a new value: so many random bytes in the encoding that its reader takes."""
    size, encoding = source["generate"], source.get("encoding", "")
    if encoding == "hex":
        return random.token_hex(size)
    return base64.urlsafe_b64encode(random.token_bytes(size)).decode() if encoding else generate(size)


def check_rows(
    config: Mapping[str, Any],
    variables: Mapping[str, str],
    held: Mapping[str, Mapping[str, str]],
    *,
    local_database: bool,
    files: Mapping[str, str] | None = None,
    proved: Collection[str] = (),
) -> list[tuple[str, ...]]:
    """Return a table of what there is, where it comes from, what is wrong with that, and whether a release was healthy
    with it; never a value. `files` holds the contents of the files that the configuration names.
    """
    rows: list[tuple[str, ...]] = [("SECRET", "KEY", "IN THE CLUSTER", "SOURCE")]
    for name, spec in config.items():
        for key, source in spec["keys"].items():
            given, place = _given(source, variables, files or {})
            if spec.get("localDatabaseOnly") and not local_database:
                where = "not needed: the database is external"
            elif given:
                _, problem = _meant(given, source)
                where = f"{place}, {UNFIT}: {problem}" if problem else place
            elif "local" in source and local_database:
                where = "the local database"
            elif "same" in source:
                where = f"the value of {source['same']}"
            elif "generate" in source:
                where = "generated"
            elif "placeholder" in source:
                where = "the placeholder of the app's file"
            else:
                where = "optional, not given" if source.get("optional") else f"{MISSING}: {_remedy(source)}"
            there = "no" if not held.get(name, {}).get(key) else "yes" if name in proved else "yes, not yet proved"
            rows.append((name, key, there, where))
    return rows


def contents(config: Mapping[str, Any], root: Path) -> dict[str, str]:
    """Return what those files hold that the configuration names and that are there. Raises UserError naming one that
    cannot be read.
    """
    names = [source["file"] for spec in config.values() for source in spec["keys"].values() if "file" in source]
    return {name: _content(root / name, name) for name in names if (root / name).exists()}


def _content(file: Path, name: str) -> str:
    """Return what a file holds, without the lines' ends around it; bytes that are no text stand for themselves.

    Raises UserError for one that cannot be read.
    """
    try:
        return read_bytes(file).decode(errors="surrogateescape").strip()
    except OSError as error:
        hint = "make it a readable file, or name another one under `secrets` in the app's file"
        raise UserError(f"{name}: cannot be read: {error.strerror}", hint) from None


def rotating(config: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the keys that hold several values, the one that signs first, by Secret."""
    return {
        name: [key for key, source in spec["keys"].items() if source.get("rotate") == "prepend"]
        for name, spec in config.items()
    }


def introducing(changes: Iterable[Change]) -> list[Change]:
    """Return the step before `rotated`: new values second, so that all accept them before anybody signs with one."""
    return [replace(change, data=dict(change.data) | _second_first(change)) for change in changes]


def _second_first(change: Change) -> dict[str, str]:
    values = {key: change.data[key].split(",") for key in change.keys}
    return {key: ",".join([before, new, *older]) for key, (new, before, *older) in values.items()}
