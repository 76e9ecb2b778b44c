"""From what an app's file says of a service to the values of its chart (docs/values.md). Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

DATABASE_PORT = 5432
START_SECONDS = 120  # what somebody else's program may take to start, unless its file says otherwise
BEFORE_START_SECONDS = 180  # for its pod to find room and its container to be made, on a busy machine
WEB_PORTS = (443, 80)
ANYWHERE = "0.0.0.0/0"
SHARED = ("storageClass", "imagePullSecrets")  # of `global`: what concerns a database of the same namespace as well


def of_release(data: Mapping[str, Any], subcharts: Iterable[str], *, library: bool) -> dict[str, Any]:
    """Return the values of an app's release.

    `subcharts` are the services the chart has of its own; those the app does not claim are switched off. `library` says
    that the chart takes any others under `services`. What the file says in `values` wins.
    """
    services: Mapping[str, Any] = data["services"]
    claimed = {spec["subchart"] for spec in services.values() if "subchart" in spec}
    values: dict[str, Any] = {name: {"enabled": False} for name in subcharts if name not in claimed}
    own = {name: spec for name, spec in services.items() if "subchart" not in spec}
    for name, spec in services.items():
        if "subchart" in spec:
            values[spec["subchart"]] = _described(name, spec, data)
    if own and library:
        values["services"] = {name: _of_own(name, spec, data) for name, spec in own.items()}
    return dict(_over(values, data.get("values", {})))


def of_database(
    data: Mapping[str, Any],
    *,
    library: bool,
    labels: Mapping[str, str] | None = None,
    shared: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the values of the local database: who may call it and by which names, where it is stored, whether by TLS.

    `labels` are the names that the pods of services bear, where those are others. How a chart without the library chart
    labels its pods is not known: there everybody in the namespace may call. `shared` are the values that all charts of
    the app's release have in common: of those, the storage class and the registry's Secrets are the database's too.
    """
    readers = sorted((labels or {}).get(name, name) for name in database_readers(data))
    values: dict[str, Any] = {"networkPolicy": {"from": readers}} if readers else {}
    if not library:
        values = {"global": {"networkPolicy": {"enabled": False}}}
    if common := {key: value for key in SHARED if (value := (shared or {}).get(key))}:
        values["global"] = values.get("global", {}) | common
    if data.get("database", {}).get("tls"):
        values["tls"] = {"enabled": True}
    if aliases := data.get("database", {}).get("aliases"):
        values["service"] = {"aliases": list(aliases)}
    return values


def database_readers(data: Mapping[str, Any]) -> set[str]:
    """Return the services that read a database's URL."""
    return {
        name
        for spec in data.get("secrets", {}).values()
        if any("database" in source for source in spec["keys"].values())
        for name in spec.get("usedBy", [])
    }


def place(name: str, spec: Mapping[str, Any]) -> str:
    """Return where in the chart's values a service's are, as a dotted path."""
    return str(spec.get("subchart") or f"services.{name}")


def _described(name: str, spec: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the file says of a service, as values; what it does not say is left to the chart."""
    values: dict[str, Any] = {"enabled": True, "secretEnv": _secret_env(name, data)}
    values |= of_keys(spec) | _jobs(name, data)
    return dict(_over(values, spec.get("values", {})))


def of_keys(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that a service's own keys stand for."""
    values = {target: spec[key] for key, target in _SAME.items() if key in spec}
    if "environment" in spec:
        values["env"] = {name: _exact(value) for name, value in spec["environment"].items()}
    if "port" in spec:
        values["service"] = {"port": spec["port"]}
    return values | _user(spec) | _probes(spec) | _persistence(spec)


def _exact(value: object) -> object:
    """Return a whole number of many digits as text: helm reads it as one that has lost some."""
    return str(value) if isinstance(value, int) and abs(value) > MOST_EXACT else value


MOST_EXACT = 2**53
_SAME = {
    "replicas": "replicaCount",
    "resources": "resources",
    "command": "command",
    "args": "args",
    "home": "home",
    "writablePaths": "writablePaths",
}


def _of_own(name: str, spec: Mapping[str, Any], data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service of the library chart, complete: it is called by what the app's own names say."""
    base: dict[str, Any] = {"networkPolicy": _network(name, data)}
    if "port" in spec:
        outside = data.get("page") == name or any(item["service"] == name for item in data.get("addresses", []))
        kind = {"type": "NodePort"} if outside else {}
        base["service"] = {"name": spec.get("service", name)} | kind
    if spec.get("probes", {}).get("startSeconds") is None and "port" in spec:
        base |= _start(START_SECONDS)
    values: dict[str, Any] = _over(base, _described(name, spec, data))
    return values


def _secret_env(name: str, data: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"secret": secret, "key": key, "optional": bool(source.get("optional", False))}
        for secret, spec in data.get("secrets", {}).items()
        if name in spec.get("usedBy", [])
        for key, source in spec["keys"].items()
    ]


def _user(spec: Mapping[str, Any]) -> dict[str, Any]:
    if "user" not in spec:
        return {}
    user = spec["user"]
    group = spec.get("group", user)
    return {"podSecurityContext": {"runAsUser": user, "runAsGroup": group, "fsGroup": group}}


def _probes(spec: Mapping[str, Any]) -> dict[str, Any]:
    probes = spec.get("probes", {})
    values: dict[str, Any] = {}
    for kind, key in (("readiness", "readinessPath"), ("liveness", "livenessPath")):
        asked = probes.get(kind)
        if isinstance(asked, str):
            values.setdefault("probes", {})[key] = asked
        elif asked:
            values[f"{kind}Probe"] = {"exec": {"command": [str(word) for word in asked]}}
    if "startSeconds" in probes:
        values |= _start(probes["startSeconds"])
    return values


def _start(seconds: int) -> dict[str, Any]:
    """Return the values by which a program may take some seconds to start, from when its container runs."""
    return {"startupProbe": {"failureThreshold": seconds}, "progressDeadlineSeconds": seconds + BEFORE_START_SECONDS}


def _persistence(spec: Mapping[str, Any]) -> dict[str, Any]:
    if "persistence" not in spec:
        return {}
    kept = spec["persistence"]
    size = {"size": kept["size"]} if "size" in kept else {}
    return {"replicaCount": 1, "persistence": {"enabled": True, "mountPath": kept["path"]} | size}


def _jobs(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return a service's jobs; those of the whole app run in the order of its file."""
    own = {
        job: {"command": [str(word) for word in spec["command"]]}
        | ({"when": spec["when"]} if "when" in spec else {})
        | ({"weight": 2 * place} if place else {})  # what belongs to a job comes one before it
        for place, (job, spec) in enumerate(data.get("jobs", {}).items())
        if spec["service"] == name
    }
    return {"jobs": own} if own else {}


def _network(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """Return every service of the app may call every other; one that reads a database or a key may call out for it."""
    services = data["services"]
    others = [other for other in services if other != name]
    ports = [{"name": other, "port": services[other]["port"]} for other in others if "port" in services[other]]
    if name in database_readers(data):
        ports.append({"name": "database", "port": DATABASE_PORT})
    policy: dict[str, Any] = {"to": ports}
    if "port" in services[name]:  # nobody can call a worker
        policy["from"] = others
    policy["external"] = [{"cidr": ANYWHERE, "port": port} for port in WEB_PORTS]
    urls = [
        {"secret": secret, "key": key, "port": DATABASE_PORT}
        for secret, spec in data.get("secrets", {}).items()
        if name in spec.get("usedBy", [])
        for key, source in spec["keys"].items()
        if "database" in source
    ]
    if urls:
        policy["urls"] = urls
    if data.get("page") == name or any(item["service"] == name for item in data.get("addresses", [])):
        policy["fromAnywhere"] = True
    return policy


def _over(base: Any, top: Any) -> Any:
    if isinstance(base, Mapping) and isinstance(top, Mapping):
        return dict(base) | {key: _over(base[key], value) if key in base else value for key, value in top.items()}
    return top
