"""kagent brought into the cluster and taken out of it: looked for first, with the least rights, proved at the end."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import yaml

from scripts.ai.kagent import live, objects
from scripts.ai.mappings import mapped
from scripts.ai.options import Options
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.shell import CommandError, Result
from scripts.kube.helm import Helm
from scripts.kube.kubectl import Kubectl
from scripts.settings.model import Settings

CHART_SECONDS = 300  # that a chart's pods have
READY_SECONDS = 240.0  # until agents, model and tool server have to be ready
PACE = 2.0
_MADE_BY = ("app.kubernetes.io/managed-by", "todo-ai")  # the label of a namespace that was made here
_BELONGINGS = (
    "deployments,statefulsets,daemonsets,jobs,cronjobs,pods,services,persistentvolumeclaims,secrets,configmaps"
)
Found = TypeVar("Found")
_VERSION = re.compile(r"-(v?\d+\.\d+\.\d+\S*)$")  # at the end of a chart's name, as helm lists it
_CRDS = ("agents.kagent.dev", "modelconfigs.kagent.dev", "remotemcpservers.kagent.dev")


@dataclass(frozen=True)
class Place:
    """The cluster and settings that kagent is installed by. `say` shows a line, `wait` passes seconds."""

    settings: Settings
    options: Options
    kubectl: Kubectl
    helm: Helm
    say: Callable[[str], None]
    wait: Callable[[float], None] = time.sleep

    @property
    def namespace(self) -> str:
        """Return the namespace where kagent lives."""
        return self.options.kagent_namespace


def is_ours(place: Place) -> bool | None:
    """Return whether the kagent that is there was installed by this product; None where there is none.

    Raises UserError where that cannot be told, or where it is one that ours cannot work with: then nothing may be
    changed.
    """
    releases, served, controllers = _releases(place), _served(place), _controllers(place)
    words = (
        "get",
        "configmap",
        objects.MARKER,
        "--namespace",
        place.namespace,
        "--ignore-not-found",
        "--output",
        "name",
    )
    if _told(place.kubectl.ask(*words)):
        return True
    others = sorted({*controllers, *(str(one.get("namespace")) for one in releases)} - {place.namespace})
    if others:
        raise UserError(
            f"a kagent is in the namespace {', '.join(others)}, and kagent.namespace is {place.namespace}",
            "name that namespace as kagent.namespace in config/ai.yaml; nothing was changed",
        )
    if served and objects.API.rpartition("/")[2] not in served:
        raise UserError(
            f"the kagent that is there serves {', '.join(served)}, and not {objects.API}", "nothing was changed"
        )
    if served and not releases and not controllers:
        raise UserError(
            f"CRDs of kagent are there ({_CRDS[0]}), but no controller of it",
            "if nobody needs them, delete them; nothing was changed",
        )
    return False if served or releases else None


def _told(answer: Result) -> str:
    """Return what was answered. Raises UserError where nothing was."""
    if not answer:
        raise UserError(f"it cannot be told whether a kagent is there: {live.last(answer.err)}", "nothing was changed")
    return answer.out.strip()


def _read(asked: str, answer: Result, pick: Callable[[Any], list[Found]]) -> list[Found]:
    """Return what `pick` takes from an answer in JSON, nothing from an empty one. Raises UserError."""
    text = _told(answer)
    try:
        return pick(parsing.from_json(text)) if text else []
    except (ValueError, KeyError, TypeError, AttributeError):
        raise UserError(f"{asked} answered nothing that can be read", "nothing was changed") from None


def _releases(place: Place) -> list[dict[str, Any]]:
    """Return the helm releases of kagent in any namespace. Raises UserError."""
    words = ("list", "--all-namespaces", "--filter", "^kagent(-crds)?$", "--output", "json")
    answer = place.helm.shell.probe(place.helm.command(*words), timeout=30)
    return _read("helm list", answer, lambda found: [dict(one) for one in found])


def _served(place: Place) -> list[str]:
    """Return the versions in which the cluster serves kagent's agents; none where it does not. Raises UserError."""

    def versions(data: Any) -> list[str]:
        found = data.get("items", [data] if data else [])
        return [one["name"] for item in found[:1] for one in item["spec"]["versions"] if one.get("served")]

    answer = place.kubectl.ask("get", "crd", *_CRDS, "--ignore-not-found", "--output", "json", timeout=15)
    return _read("kubectl get crd", answer, versions)


def _controllers(place: Place) -> list[str]:
    """Return the namespaces in which a controller of kagent is, however it was installed. Raises UserError."""
    selector = "app.kubernetes.io/part-of=kagent,app.kubernetes.io/component=controller"
    words = ("get", "deployments", "--all-namespaces", "--selector", selector, "--output", "json")

    def namespaces(data: Any) -> list[str]:
        return sorted({str(item["metadata"]["namespace"]) for item in data.get("items", ())})

    return _read("kubectl get deployments", place.kubectl.ask(*words), namespaces)


def install(place: Place) -> None:
    """Install or renew ours, or put only our own objects beside somebody else's.

    Raises UserError where the charts cannot be had, before a key is stored, or where what was installed does not
    become ready, with the reasons of its pods.
    """
    wanted = objects.manifests(place.settings, place.options)
    ours = is_ours(place)
    if ours is False:
        place.say(
            "a kagent is there that this product did not install: it is left as it is, with its agents and values;"
        )
        place.say("only the model, the Secret and the agent of this release are put beside it")
    else:
        _no_downgrade(place)
        reachable(place)
    stale = [item for item in _made(place) if _name(item) not in set(map(_name, wanted))]
    callers = [] if ours is False else [policy(place)]
    place.kubectl.apply([_namespace(place)])
    if ours is not False:
        # Before the charts: what is begun is ours, also where it does not end well, and no pod of others gets in.
        place.kubectl.apply([marker(place, [*wanted, *stale]), *callers])
        _charts(place)  # with images that can be had: only then is there a use for the key
    before = _generation(place) if _asks_another(place, wanted) else 0
    _store_key(place)
    for item in _added_to(place, wanted):  # an apply leaves what others have added
        text = json.dumps(item)
        place.kubectl.effect("replace", "--filename", "-", stdin=text, shown_stdin=text)
    place.kubectl.apply(wanted)
    if stale:  # of an earlier version of ours
        _take_away(place, stale)
        place.kubectl.apply([marker(place, wanted)])
    if not place.kubectl.shell.dry:
        await_ready(place, wanted, before)
        place.say(f"kagent can be asked: invoke ai.debug --tool=kagent (agent {place.options.kagent_agent})")


def _no_downgrade(place: Place) -> None:
    """Raise UserError where a newer kagent of ours is there than the one that is wanted."""
    for one in _releases(place):
        version = _VERSION.search(str(one.get("chart", "")))
        if version and _number(version[1]) > _number(place.options.kagent_version):
            raise UserError(
                f"kagent {version[1]} is there, which {place.options.kagent_version} would take back",
                f"write kagent.version: {version[1]} into config/ai.yaml; nothing was changed",
            )


def _number(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without what comes after a dash."""
    return tuple(int(word) for word in re.findall(r"\d+", version.partition("-")[0]))


def reachable(place: Place) -> None:
    """Check that both charts can be fetched. Raises UserError before anything was changed."""
    for chart in ("kagent-crds", "kagent"):
        address = f"{place.options.kagent_charts}/{chart}"
        answer = place.helm.shell.probe(
            place.helm.command("show", "chart", address, "--version", place.options.kagent_version), timeout=60
        )
        if not answer:
            raise UserError(
                f"the chart {address} {place.options.kagent_version} cannot be had: {live.last(answer.err)}",
                "nothing was changed; a mirror is named as kagent.charts in config/ai.yaml, images as kagent.registry",
            )


def _store_key(place: Place) -> None:
    """Put the model's key, and no other that was there before, into its Secret, by standard input."""
    model = objects.usable(place.options)
    key = objects.key_of(model)
    if not key:
        words = ("--namespace", place.namespace, "--ignore-not-found")
        place.kubectl.effect("delete", "secret", objects.MODEL_SECRET, *words)
        return
    body = {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": objects.MODEL_SECRET, "namespace": place.namespace},
        "data": _coded(place),
    }  # fmt: skip
    place.kubectl.apply([body], shown=json.dumps(body | {"data": {model.key_name: "***"}}))


def _coded(place: Place) -> dict[str, str]:
    """Return what the key's Secret holds, nothing for a model that needs none."""
    model = objects.usable(place.options)
    key = objects.key_of(model)
    return {model.key_name: base64.b64encode(key.encode()).decode()} if key else {}


def _charts(place: Place) -> None:
    charts, version = place.options.kagent_charts, place.options.kagent_version
    values = yaml.safe_dump(objects.values(place.settings, place.options), sort_keys=False)
    try:
        place.helm.add("kagent-crds", place.namespace, f"{charts}/kagent-crds", version, CHART_SECONDS)
        place.helm.add("kagent", place.namespace, f"{charts}/kagent", version, CHART_SECONDS, values)
    except CommandError as error:
        said = live.reasons(place.kubectl, place.namespace)
        raise UserError(
            "\n".join(["kagent did not become ready:", *(said or [live.last(str(error))])]),
            "mend that and start again: invoke ai.install",
        ) from None


def marker(place: Place, wanted: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return what says that this kagent is ours, and how it was made."""
    data = {"version": place.options.kagent_version, "objects": json.dumps(list(wanted), sort_keys=True)}
    meta = {"name": objects.MARKER, "namespace": place.namespace}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}


def policy(place: Place) -> dict[str, Any]:
    """Return who may call kagent's pods: each other, and the API server. kagent's own API asks nobody for a token."""
    meta = {"name": "todo-ai-kagent", "namespace": place.namespace}
    callers = [{"podSelector": {}}, *({"ipBlock": {"cidr": address}} for address in _api_servers(place))]
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": callers}]}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}


def _api_servers(place: Place) -> list[str]:
    """Return the addresses from which API servers hand questions on. Raises UserError where the cluster does not tell:
    without them nobody could ask kagent anything.
    """
    selector = "kubernetes.io/service-name=kubernetes"
    slices = place.kubectl.items("endpointslices", "default", "--selector", selector)
    found = {
        str(address) for item in slices for one in item.get("endpoints") or () for address in one.get("addresses", ())
    }
    return [f"{address}/{128 if ':' in address else 32}" for address in sorted(found)]


def _asks_another(place: Place, wanted: Sequence[Mapping[str, Any]]) -> bool:
    """Return whether an agent that runs is about to get another model, address or key: its pods are then renewed."""
    model = next(item for item in wanted if item["kind"] == "ModelConfig")
    there = live.get(place.kubectl, "ModelConfig", model["metadata"]["name"], place.namespace)
    held = live.get(place.kubectl, "Secret", objects.MODEL_SECRET, place.namespace)
    data = held.get("data") if isinstance(held, Mapping) else {}
    return (isinstance(there, Mapping) and any(live.differences(model["spec"], there.get("spec"), "spec"))) or (
        data or {}
    ) != _coded(place)


def _added_to(place: Place, wanted: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Return those of our objects to which something was added that we do not have."""
    found = []
    for item in wanted:
        there = live.get(place.kubectl, str(item["kind"]), str(item["metadata"]["name"]), place.namespace)
        spec = there.get("spec") if isinstance(there, Mapping) else None
        if spec and any(one.endswith(live.ADDED) for one in live.differences(item["spec"], spec, "spec")):
            found.append(item)
    return found


def _generation(place: Place) -> int:
    """Return how often the agent's Deployment was changed; 0 where there is none."""
    there = live.get(place.kubectl, "Deployment", place.options.kagent_agent, place.namespace)
    return int(there.get("metadata", {}).get("generation", 0)) if isinstance(there, Mapping) else 0


def await_ready(place: Place, wanted: Sequence[Mapping[str, Any]], before: int = 0) -> None:
    """Wait until the agent can be asked, and its Deployment was changed after generation `before`, if that is given.

    Until then the old pods would answer, with the old model and its key. Raises UserError with the pods' reasons.
    """
    deadline = time.monotonic() + READY_SECONDS
    while problem := (
        "its pods were not renewed for another model or key"
        if before and _generation(place) <= before
        else live.problem(place.kubectl, place.options, lambda: wanted)
    ):
        if time.monotonic() > deadline:
            said = live.reasons(place.kubectl, place.namespace)
            raise UserError("\n".join([f"kagent is not ready: {problem}", *said]), "see: invoke ai.doctor")
        place.wait(PACE)


def _name(item: Mapping[str, Any]) -> tuple[str, str]:
    """Return (kind, name) of an object."""
    return str(item["kind"]), str(item["metadata"]["name"])


def _made(place: Place) -> list[Mapping[str, Any]]:
    """Return the objects that were put there the last time, by the marker; none where there is no marker.

    Raises UserError for one that cannot be read: what it remembers would stay for ever.
    """
    name = (objects.MARKER, "--namespace", place.namespace)
    text = _told(place.kubectl.ask("get", "configmap", *name, "--ignore-not-found", "--output", "json"))
    if not text:
        return []
    try:
        items = parsing.from_json(mapped(parsing.from_json(text)["data"]).get("objects") or "[]")
        return [item for item in items if all(_name(item))]
    except (ValueError, TypeError, KeyError):
        nothing = """--type merge --patch '{"data": {"objects": "[]"}}'"""
        raise UserError(
            f"what was made the last time stands in the ConfigMap {objects.MARKER} of {place.namespace}, which cannot "
            "be read",
            f"if nobody can mend that: kubectl patch configmap {' '.join(name)} {nothing}, and what only it remembered "
            "stays; nothing was changed",
        ) from None


def _take_away(place: Place, items: Sequence[Mapping[str, Any]]) -> None:
    """Delete objects, agents before the models that they use."""
    for kind, name in sorted(set(map(_name, items))):
        words = ("--namespace", place.namespace, "--ignore-not-found")
        place.kubectl.effect("delete", live.PLURALS.get(kind, kind.lower()), name, *words)


def uninstall(place: Place) -> None:
    """Take away what was made, the key included; of somebody else's kagent only what is ours."""
    ours = is_ours(place)
    if ours is None:
        place.say("kagent is not in this cluster, there is nothing to take away")
        return
    namespace = ("--namespace", place.namespace, "--ignore-not-found")
    made = [*_made(place), *objects.declared(place.settings, place.options)]
    served = bool(_served(place))
    _take_away(place, [item for item in made if served or str(item["kind"]) not in live.PLURALS])
    place.kubectl.effect("delete", "secret", objects.MODEL_SECRET, *namespace)
    if ours:
        for release in ("kagent", "kagent-crds"):
            place.helm.uninstall(release, place.namespace, CHART_SECONDS, "--wait")
        place.kubectl.effect("delete", "networkpolicy", "todo-ai-kagent", *namespace)
        place.kubectl.effect("delete", "configmap", objects.MARKER, *namespace)  # last: until then it is ours
        if not place.kubectl.shell.dry:
            _leave_no_namespace(place)
    place.say(
        "taken away: " + ("kagent, its CRDs, our agent and the key" if ours else "our agent, its model and the key")
    )


def _is_our_namespace(found: live.Object | str) -> bool:
    return mapped(mapped(mapped(found).get("metadata")).get("labels")).get(_MADE_BY[0]) == _MADE_BY[1]


def _namespace(place: Place) -> dict[str, Any]:
    """Return kagent's namespace, marked as ours where it was not there before."""
    there = live.get(place.kubectl, "Namespace", place.namespace, place.namespace)
    ours = _is_our_namespace(there) or (isinstance(there, str) and "not found" in there.lower())
    meta = {"name": place.namespace} | ({"labels": dict([_MADE_BY])} if ours else {})
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _leave_no_namespace(place: Place) -> None:
    """Delete the namespace if it was made here and nobody has put anything into it."""
    if not _is_our_namespace(live.get(place.kubectl, "Namespace", place.namespace, place.namespace)):
        return
    for _ in range(30):  # what belonged to what was deleted goes a little later
        answer = place.kubectl.ask("get", _BELONGINGS, "--namespace", place.namespace, "--output", "name")
        left = [line for line in answer.out.split() if line != "configmap/kube-root-ca.crt"]
        if answer and not left:
            place.kubectl.effect("delete", "namespace", place.namespace, "--ignore-not-found")
            return
        place.wait(PACE)
    place.say(f"the namespace {place.namespace} is left, with {', '.join(left[:5]) or live.last(answer.err)}")
