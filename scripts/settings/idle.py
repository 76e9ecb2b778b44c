"""List what a person's values say that nothing uses, since other values make it void: by its key. Pure.

The library chart says the same of services that it knows by nothing but a person's values; of its own services, the
defaults stand among the values there, and nobody can tell any more who wrote what.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from scripts.settings.contradictions import PIPELINE
from scripts.settings.model import Settings
from scripts.settings.targets import MinikubeOptions
from scripts.settings.values import at

Values = Mapping[str, Any]

SWITCHED = ("persistence", "autoscaling", "ingress", "httpRoute")  # sections that are off unless `enabled`
HANDLERS = ("httpGet", "tcpSocket", "exec", "grpc")


def of_values(given: Values, merged: Values, places: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield the keys of `given` that have no effect, each with the reason and the remedy.

    `places` are where the app's services are, dotted. `merged` are all values of the release, as helm lays them over
    one another.
    """
    for place in places:
        own = at(given, place.split("."))
        for key, why in _void(at(merged, place.split(".")), place, at(merged, ["global"])):
            if _says(own, key):
                yield f"{place}.{key}", why
    if "runtime" in at(given, ["smokeTest"]) and not at(merged, ["smokeTest"]).get("service", "-"):
        yield "smokeTest.runtime", "has no effect without smokeTest.service: name a service, or remove this"


def of_other_apps(given: Values, merged: Values, unused: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yield which services of the chart `given` has values for, though the app has none that is one of them.

    In files beside the app's own they are another app's, which the same files were for before: no mistake.
    """
    for name in unused:
        if at(given, [name]).keys() - {"enabled"} and not at(merged, [name]).get("enabled"):
            yield name, f"has no effect: no service of the app is the chart's {name}; its own are under services"


def told(settings: Settings, target: str) -> list[str]:
    """Return all that the configuration says without effect on this run, a line each."""
    here = f" (in the environment {settings.environment})"
    return [*of_target(settings, target), *(line + here for line in settings.idle)]


def of_target(settings: Settings, target: str) -> Iterator[str]:
    """Yield what config/pipeline.yaml says and this kind of cluster has no use for, a line each."""
    if "context" not in (target, settings.target):
        for key in ("context", "registry"):
            if value := getattr(settings, key):
                remedy = "set target to context, or remove it"
                yield f"{PIPELINE}: {key}: {value} has no effect on the target {target}: {remedy}"
    if target == "minikube":
        for key, why in _of_minikube(settings.targets.minikube):
            yield f"{PIPELINE}: targets.minikube.{key}: has no effect: {why}"


def _of_minikube(options: MinikubeOptions) -> Iterator[tuple[str, str]]:
    if options.driver in ("docker", "podman", "none") and options.disk != MinikubeOptions.disk:
        yield "disk", f"the driver {options.driver} has no disk of its own; remove it"
    for key in ("cpus", "memory") if options.driver == "none" else ():
        if getattr(options, key) is not None:
            yield key, "the driver none is this machine, whole; remove it"


def _says(own: Values, key: str) -> bool:
    """Return whether values say something at a key; a section that is switched off by hand says nothing."""
    *sections, last = key.split(".")
    value = at(own, sections).get(last)
    if last in SWITCHED and not sections:
        return isinstance(value, Mapping) and bool(value) and "enabled" not in value
    return value not in (None, "", [], {})


def _void(service: Values, place: str, shared: Values) -> Iterator[tuple[str, str]]:
    """Yield the keys of a service that its other values make void, each with the reason and the remedy."""
    yield from _switched_off(service, place)
    yield from _of_address(service, place)
    yield from _of_pods(service, place)
    yield from _of_environment(service, place)
    if at(service, ["tls"]).get("serve") is True and not at(shared, ["tls"]).get("enabled"):
        yield "tls.serve", "has no effect without global.tls.enabled: set that to true, or remove this"


def _switched_off(service: Values, place: str) -> Iterator[tuple[str, str]]:
    for section in SWITCHED:
        if not at(service, [section]).get("enabled"):
            yield section, f"has no effect without {place}.{section}.enabled: set that to true, or to false"
    if at(service, ["ingress"]).get("enabled") and not at(service, ["ingress", "tls"]).get("enabled"):
        needed = f"{place}.ingress.tls.enabled"
        yield "ingress.tls.secretName", f"has no effect without {needed}: set that to true, or remove this"
    if claim := at(service, ["persistence"]).get("existingClaim"):
        for key in ("size", "storageClass", "annotations"):
            yield f"persistence.{key}", f"has no effect on {claim}, a claim that is there already: remove one of them"
    if at(service, ["serviceAccount"]).get("create") is False:
        yield "serviceAccount.annotations", f"no account is made, by {place}.serviceAccount.create: remove one of them"


def _of_address(service: Values, place: str) -> Iterator[tuple[str, str]]:
    if at(service, ["service"]).get("type", "ClusterIP") == "ClusterIP":
        remedy = f"set {place}.service.type to NodePort, or remove this"
        yield "service.nodePort", f"a Service of type ClusterIP has none: {remedy}"


def _of_pods(service: Values, place: str) -> Iterator[tuple[str, str]]:
    claim = at(service, ["persistence"])
    modes = claim.get("accessModes", ["ReadWriteOnce"])
    if at(service, ["autoscaling"]).get("enabled"):
        remedy = f"set {place}.autoscaling.minReplicas"
        yield "replicaCount", f"has no effect beside {place}.autoscaling, which decides how many there are: {remedy}"
    elif claim.get("enabled") and "ReadWriteMany" not in modes and service.get("replicaCount", 1) not in (0, 1):
        count, remedy = service["replicaCount"], "set it to 1, or use accessModes [ReadWriteMany]"
        yield "replicaCount", f"{count} pods beside a claim that one alone may write, which makes them one: {remedy}"
    if at(service, ["lifecycle"]).get("preStop"):
        yield "preStopSeconds", f"has no effect beside {place}.lifecycle.preStop: remove one of them"
    probes = [at(service, [f"{kind}Probe"]) for kind in ("startup", "liveness")]
    if all(probe.get("enabled") is False or set(HANDLERS[1:]) & set(probe) for probe in probes):
        remedy = "remove it, or one of them"
        yield "probes.livenessPath", f"neither startupProbe nor livenessProbe of {place} asks it: {remedy}"


def _of_environment(service: Values, place: str) -> Iterator[tuple[str, str]]:
    """Yield the variables of the ConfigMap that another one takes the place of in the container."""
    over = {variable: key for key in ("env", "extraEnv") for variable in _names(service.get(key))}
    over |= {str(item.get("name") or item.get("key")): "secretEnv" for item in _items(service.get("secretEnv"))}
    if service.get("home"):
        over["HOME"] = "home"
    for variable in at(service, ["config"]):
        if variable in over:
            yield f"config.{variable}", f"has no effect beside {place}.{over[variable]}, which wins: remove one of them"


def _names(variables: Any) -> list[str]:
    if isinstance(variables, Mapping):
        return [str(name) for name in variables]
    return [str(item.get("name")) for item in _items(variables)]


def _items(value: Any) -> list[Values]:
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else []
