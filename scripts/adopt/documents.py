"""YAML that tells of services: compose files, Kubernetes manifests, Helm charts rendered with the values they ship."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from scripts.adopt.facts import Described
from scripts.adopt.packages import folder_of
from scripts.adopt.tree import Place, Tree
from scripts.host import parsing

COMPOSE = re.compile(r"^(docker-)?compose(\.[\w-]+)*\.ya?ml$")
_DEFAULT = re.compile(r"\$\{(\w+)(?::?-([^}]*))?(?::?\?[^}]*)?\}|\$(\w+)")
HIDDEN = re.compile(r"(^|/)\.[^./]")  # a folder of a tool, as .github and .claude are
WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")


class _Loader(parsing.Thorough):  # type: ignore[misc]
    """YAML as SafeLoader reads it, with the line of every mapping under `__line__`, and unknown tags as nothing."""


class _FastLoader(parsing.Fast):  # type: ignore[misc]
    """The same, fast."""


def _mapping(loader: yaml.SafeLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    found: dict[Any, Any] = {
        loader.construct_object(k, deep=True): loader.construct_object(v, deep=True) for k, v in node.value
    }
    found["__line__"] = node.start_mark.line + 1
    return found


for _loader in (_Loader, _FastLoader):
    _loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
    _loader.add_multi_constructor("!", lambda loader, suffix, node: None)


def read_all(text: str) -> list[Any]:
    """Return the documents of a YAML text. Raises ValueError, in one line, where it is none, such as a Go template."""
    try:
        return parsing.documents_from_yaml(text, (_FastLoader, _Loader))
    except parsing.Unreadable as error:
        template = "{{" in text
        where = f"line {error.line}" if error.line else "it"
        raise ValueError(f"{where} is a Go template, not YAML" if template else f"{where} is not YAML") from None


def plain(value: Any) -> Any:
    """Return a value without the lines that the loader put into it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key != "__line__"}
    return [plain(item) for item in value] if isinstance(value, list) else value


def compose_files(tree: Tree) -> list[str]:
    """Return the compose files, the least deep and plainest first."""
    found = [file for file in tree.files if COMPOSE.match(Path(file).name)]
    return sorted(found, key=lambda file: (file.count("/"), Path(file).name.count("."), file))


def compose(tree: Tree, file: str) -> tuple[list[Described], dict[str, str]]:
    """Return the services of a compose file that are built, and the images of the others. Raises ValueError."""
    built: list[Described] = []
    others: dict[str, str] = {}
    whole = _services(tree, file, set())
    specs = {name: spec for name, (spec, _) in whole.items()}
    usual = {name: spec for name, spec in specs.items() if not spec.get("profiles")}
    ending = {name for spec in specs.values() for name, it in _items(spec.get("depends_on"))
              if _dig(it, "condition") == "service_completed_successfully"}  # fmt: skip
    for name, spec in (usual or specs).items():
        if spec.get("build"):
            found = _composed(name, spec, whole[name][1])
            built.append(replace(found, once=name in ending or _ends(found)))
        elif spec.get("image"):
            others[str(name)] = str(spec["image"])
    return built, others


_Specs = dict[str, tuple[dict[str, Any], str]]  # by name: what is said, and the file whose folder its paths begin at


def _services(tree: Tree, file: str, seen: set[str]) -> _Specs:
    """Return the services of a compose file and of those that it includes, with what each extends; those `seen` come
    once. Raises ValueError.
    """
    data, own = _own(tree, file) if file not in seen else ({}, {})
    seen.add(file)
    found: _Specs = {}
    given = data.get("include")
    for item in given if isinstance(given, list) else ():
        paths = item.get("path") if isinstance(item, dict) else item
        for path in paths if isinstance(paths, list) else [paths]:
            found |= _services(tree, _joined(folder_of(file), str(path)), seen)
    return found | {name: _extended(tree, name, own, ()) for name in own}


def _own(tree: Tree, file: str) -> tuple[dict[str, Any], _Specs]:
    """Return what a compose file says, and the services that it names itself. Raises ValueError."""
    documents = read_all(tree.text(file)) if tree.has(file) else []
    data = documents[0] if documents and isinstance(documents[0], dict) else {}
    services = data.get("services")
    if services is not None and not isinstance(services, dict):
        raise ValueError("services is no mapping of names")
    return data, {str(name): (spec, file) for name, spec in _items(services) if isinstance(spec, dict)}


def _extended(tree: Tree, name: str, own: _Specs, above: Sequence[str]) -> tuple[dict[str, Any], str]:
    """Return a service with what it does not say itself of the one that it extends, in its file or in another."""
    spec, file = own[name]
    told, mark = spec.get("extends"), f"{file}#{name}"
    base, other = (told.get("service"), told.get("file")) if isinstance(told, dict) else (told, None)
    known = _own(tree, _joined(folder_of(file), str(other)))[1] if other else own
    if str(base) not in known or mark in above:
        return spec, file
    first = _extended(tree, str(base), known, [*above, mark])
    inherited = {key: value for key, value in first[0].items() if key not in ("profiles", "depends_on", "__line__")}
    both = {**_pairs(inherited.get("environment")), **_pairs(spec.get("environment"))}
    merged = {**inherited, **spec} | ({"environment": both} if both else {})
    return merged, file if "build" in spec else first[1]


def _items(value: Any) -> list[tuple[str, Any]]:
    """Return the entries of a mapping without the lines that the loader put into it; none of anything else."""
    return [(str(name), it) for name, it in value.items() if name != "__line__"] if isinstance(value, dict) else []


def _ends(found: Described) -> bool:
    """Return whether a service without a port does one thing to the database, by its name or command, and is done."""
    words = f"{found.name} {' '.join(found.command)}"
    serves = re.search(
        r"uvicorn|gunicorn|hypercorn|fastapi|runserver|celery|\bworker\b|next start|npm (run )?start", words
    )
    return found.port is None and not serves and bool(re.search(r"(^|[\W_])(migrat\w*|seed|db-?init|init-?db)", words))


def _composed(name: str, spec: Mapping[str, Any], file: str) -> Described:
    build = spec["build"] if isinstance(spec["build"], dict) else {"context": spec["build"]}
    context = _joined(folder_of(file), str(build.get("context", ".")))
    dockerfile = str(build.get("dockerfile", ""))
    published, port = _ports(spec.get("ports"))
    health = spec.get("healthcheck")
    return Described(
        name=name,
        place=Place(file, spec.get("__line__", 1) - 1),
        kind="compose",
        image=str(spec.get("image", "")),
        context=context,
        dockerfile=_joined(context, dockerfile) if dockerfile else "",
        stage=str(build.get("target", "")),
        arguments=_pairs(build.get("args")),
        environment=_pairs(spec.get("environment")),
        port=port,
        published=published,
        command=_words(spec.get("command")),
        probes={"test": _health(health)} if isinstance(health, dict) and _health(health) else {},
        volumes=tuple(_volumes(spec.get("volumes"))),
        stays=str(spec.get("restart", "no")) not in ("no", "False"),
    )


def _joined(folder: str, path: str) -> str:
    parts: list[str] = []
    for part in f"{folder}/{path}".split("/"):
        if part == "..":
            parts = parts[:-1]
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts) or "."


def filled(value: str) -> str:
    """Return a compose value with `${NAME:-default}` filled in by its default; a name alone becomes nothing."""
    return _DEFAULT.sub(lambda match: match[2] or "", value)


def _pairs(value: Any) -> dict[str, str]:
    if isinstance(value, dict):
        return {str(name): "" if it is None else _scalar(it) for name, it in value.items() if name != "__line__"}
    if isinstance(value, list):
        return {name: text for name, _, text in (str(item).partition("=") for item in value)}
    return {}


def _scalar(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _words(value: Any) -> tuple[str, ...]:
    if isinstance(value, list):
        return tuple(str(word) for word in value)
    try:
        return tuple(shlex.split(value)) if isinstance(value, str) else ()
    except ValueError:
        return ()


def _ports(value: Any) -> tuple[int | None, int | None]:
    """Return (port of this machine, port of the container) of the first that is published."""
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            return _number(item.get("published")), _number(item.get("target"))
        parts = filled(str(item)).split("/")[0].split(":")
        return _number(parts[-2]) if len(parts) > 1 else None, _number(parts[-1])
    return None, None


def _number(value: Any) -> int | None:
    text = str(value)
    return int(text) if text.isdigit() and 0 < int(text) < 65536 else None


def _health(spec: Mapping[str, Any]) -> list[str]:
    test = spec.get("test")
    words = [str(word) for word in test] if isinstance(test, list) else [str(test)] if test else []
    return words[1:] if words and words[0] in ("CMD", "CMD-SHELL", "NONE") else words


def _volumes(value: Any) -> Iterator[str]:
    """Yield named volumes' folders; a folder of this machine is for development."""
    for item in value if isinstance(value, list) else []:
        if isinstance(item, dict):
            if item.get("type") == "volume" and item.get("target"):
                yield str(item["target"])
        else:
            parts = str(item).split(":")
            if len(parts) > 1 and not parts[0].startswith((".", "/", "~", "$")):
                yield parts[1]


def manifests(tree: Tree, charts: list[str], root: str = ".") -> tuple[list[tuple[dict[str, Any], str]], list[str]]:
    """Return (object, file) of the plain manifests outside charts, and a line for each file that cannot be read."""
    found: list[tuple[dict[str, Any], str]] = []
    remarks: list[str] = []
    for file in tree.below(root):
        if not file.endswith((".yaml", ".yml")) or any(file.startswith(f"{chart}/") for chart in charts):
            continue
        if HIDDEN.search(folder_of(file)):
            continue
        text = tree.text(file)
        if "apiVersion:" not in text or "kind:" not in text:
            continue
        try:
            found += [(item, file) for item in read_all(text) if isinstance(item, dict) and item.get("kind")]
        except ValueError as error:
            remarks.append(f"{file}: not read: {error}")
    return found, remarks


def charts(tree: Tree, root: str = ".") -> list[str]:
    """Return the folders of Helm charts below a folder, without the charts within charts and those that a
    tool hides.
    """
    own = set(tree.below(root))
    folders = sorted(folder_of(file) for file in tree.named("Chart.yaml") if file in own)
    folders = [one for one in folders if not HIDDEN.search(one)]
    return [one for one in folders if not any(one.startswith(f"{other}/charts/") for other in folders)]


def rendered(
    tree: Tree, chart: str, render: Callable[[Path], str]
) -> tuple[list[tuple[dict[str, Any], str]], list[str]]:
    """Return (object, chart) as a chart renders with the values it ships, and a line where it does not."""
    try:
        objects = [item for item in read_all(render(tree.root / chart)) if isinstance(item, dict) and item.get("kind")]
    except ValueError as error:
        return [], [f"{chart}: not rendered: {error}"]
    return [(item, f"{chart}/templates") for item in objects], []


def workloads(objects: list[tuple[dict[str, Any], str]]) -> list[Described]:
    """Return the workloads among manifests, each with its Service and what ConfigMaps give it."""
    data = {
        str(_dig(item, "metadata", "name")): item["data"]
        for item, _ in objects
        if item["kind"] == "ConfigMap" and isinstance(item.get("data"), dict)
    }
    services = [item for item, _ in objects if item["kind"] == "Service"]
    found = []
    for item, file in objects:
        template = _dig(item, "spec", "template", "spec")
        containers = template.get("containers") if isinstance(template, dict) else None
        if item["kind"] in WORKLOADS and (own := _mappings(containers)):
            found.append(_workload(item, file, own[0], data, services))
    return found


def _mappings(value: Any) -> list[dict[str, Any]]:
    """Return the mappings of a list; none of anything else, which is not what Kubernetes takes either."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _dig(value: Any, *keys: str) -> Any:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _workload(
    item: Mapping[str, Any], file: str, container: Mapping[str, Any], data: Mapping[str, Any], services: list[Any]
) -> Described:
    labels = _dig(item, "spec", "template", "metadata", "labels")
    own: Any = next((it for it in services if _selects(_dig(it, "spec", "selector"), labels)), {})
    environment, secrets = _variables(container, data)
    ports = _mappings(container.get("ports"))
    words = [it for key in ("command", "args") if isinstance(it := container.get(key), list)]
    replicas = _dig(item, "spec", "replicas")
    probes = {
        kind: path
        for kind in ("readiness", "liveness")
        if (path := _dig(container, f"{kind}Probe", "httpGet", "path")) and isinstance(path, str)
    }
    return Described(
        name=str(_dig(item, "metadata", "name") or ""),
        place=Place(file, 0 if file.endswith("templates") else int(item.get("__line__", 0))),
        kind="kubernetes",
        image=str(container.get("image", "")),
        environment=environment,
        secrets=tuple(secrets),
        port=_number(_dig(ports[0], "containerPort")) if ports else None,
        command=tuple(str(word) for one in words for word in one),
        replicas=replicas if isinstance(replicas, int) else None,
        probes=probes,
        volumes=tuple(_claims(item, container)),
        service=str(_dig(own, "metadata", "name") or ""),
    )


def _variables(container: Mapping[str, Any], data: Mapping[str, Any]) -> tuple[dict[str, str], list[str]]:
    """Return a container's variables with their values, those of ConfigMaps too, and the names of Secrets' ones."""
    values: dict[str, str] = {}
    secrets: list[str] = []
    for source in _mappings(container.get("envFrom")):
        given = data.get(str(_dig(source, "configMapRef", "name")), {})
        values |= {str(key): _scalar(value) for key, value in given.items() if key != "__line__"}
    for variable in _mappings(container.get("env")):
        name = str(variable.get("name"))
        reference = _dig(variable, "valueFrom", "configMapKeyRef")
        if "value" in variable:
            values[name] = _scalar(variable["value"])
        elif reference:
            given = data.get(str(_dig(reference, "name")), {})
            values[name] = _scalar(given.get(str(_dig(reference, "key")), ""))
        elif _dig(variable, "valueFrom", "secretKeyRef"):
            secrets.append(name)
    return values, secrets


def _selects(selector: Any, labels: Any) -> bool:
    asked = plain(selector) if isinstance(selector, dict) else {}
    return bool(asked) and all(_dig(labels, key) == value for key, value in asked.items())


def _claims(item: Mapping[str, Any], container: Mapping[str, Any]) -> Iterator[str]:
    volumes = _mappings(_dig(item, "spec", "template", "spec", "volumes"))
    claimed = {str(volume.get("name")) for volume in volumes if volume.get("persistentVolumeClaim")}
    for mount in _mappings(container.get("volumeMounts")):
        if str(mount.get("name")) in claimed and mount.get("mountPath"):
            yield str(mount["mountPath"])
