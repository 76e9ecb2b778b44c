"""kagent brought into the cluster and taken out of it: looked for first, with the least rights, proved at the end."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.ai.kagent import live, objects
from scripts.ai.options import Options
from scripts.errors import UserError
from scripts.host.shell import CommandError
from scripts.kube.helm import Helm
from scripts.kube.kubectl import Kubectl
from scripts.settings.model import Settings

READY_SECONDS = 240.0  # until agents, model and tool server have to be ready
PACE = 2.0
_CRDS = ("agents.kagent.dev", "modelconfigs.kagent.dev", "remotemcpservers.kagent.dev")


@dataclass(frozen=True)
class Place:
    """Where kagent goes: this cluster, these settings. `say` shows a line, `wait` passes seconds."""

    settings: Settings
    options: Options
    kubectl: Kubectl
    helm: Helm
    say: Callable[[str], None]
    wait: Callable[[float], None] = time.sleep

    @property
    def namespace(self) -> str:
        """Where kagent lives."""
        return self.options.kagent_namespace


def is_ours(place: Place) -> bool | None:
    """Return whether the kagent that is there was installed by this product; None where there is none.

    Raises UserError where that cannot be told: then nothing may be changed.
    """
    crds = place.kubectl.ask("get", "crd", *_CRDS, "--ignore-not-found", "--output", "name", timeout=15)
    releases = place.helm.shell.probe(
        place.helm.command("list", "--all-namespaces", "--filter", "^kagent(-crds)?$", "--output", "json"), timeout=30
    )
    marker = place.kubectl.ask(
        "get", "configmap", objects.MARKER, "--namespace", place.namespace, "--ignore-not-found", "--output", "name"
    )
    for answer in (crds, releases, marker):
        if not answer:
            raise UserError(
                f"it cannot be told whether a kagent is there: {live.last(answer.err)}", "nothing was changed"
            )
    if marker.out.strip():
        return True
    try:
        installed = json.loads(releases.out or "[]")
    except ValueError:
        raise UserError("helm list answered nothing that can be read", "nothing was changed") from None
    return False if crds.out.strip() or installed else None


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
        reachable(place)
    _apply(place, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": place.namespace}})
    _store_key(place)
    if ours is not False:
        _charts(place)
        _apply(place, marker(place, wanted))
        for item in policies(place):
            _apply(place, item)
    for item in wanted:
        _apply(place, item)
    if not place.kubectl.shell.dry:
        await_ready(place, wanted)
        place.say(f"kagent can be asked: invoke ai.debug --tool=kagent (agent {place.options.kagent_agent})")


def reachable(place: Place) -> None:
    """See that both charts can be had. Raises UserError before anything was changed."""
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
    if not model.key:
        return
    coded = base64.b64encode(model.key.encode()).decode()
    body = {
        "apiVersion": "v1", "kind": "Secret", "type": "Opaque",
        "metadata": {"name": objects.MODEL_SECRET, "namespace": place.namespace},
        "data": {model.key_name: coded},
    }  # fmt: skip
    _apply(place, body, shown=json.dumps(body | {"data": {model.key_name: "***"}}))


def _charts(place: Place) -> None:
    common = (
        "--install", "--namespace", place.namespace, "--version", place.options.kagent_version, "--wait",
        "--timeout", "300s",
    )  # fmt: skip
    text = yaml.safe_dump(objects.values(place.settings, place.options), sort_keys=False)
    charts = place.options.kagent_charts
    try:
        place.helm.shell.effect(
            place.helm.command("upgrade", "kagent-crds", f"{charts}/kagent-crds", *common), timeout=330
        )
        words = ("upgrade", "kagent", f"{charts}/kagent", *common, "--values", "-")
        place.helm.shell.effect(place.helm.command(*words), stdin=text, shown_stdin=text, timeout=330)
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


def policies(place: Place) -> list[dict[str, Any]]:
    """Return who may call kagent's pods: each other, and the API server. kagent's own API asks nobody for a token."""
    meta = {"name": "todo-ai-kagent", "namespace": place.namespace}
    spec = {"podSelector": {}, "policyTypes": ["Ingress"], "ingress": [{"from": [{"podSelector": {}}]}]}
    return [{"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": meta, "spec": spec}]


def await_ready(place: Place, wanted: Sequence[Mapping[str, Any]]) -> None:
    """Wait until the agent can be asked. Raises UserError with the pods and their reasons."""
    deadline = time.monotonic() + READY_SECONDS
    while problem := live.problem(place.kubectl, place.options, lambda: wanted):
        if time.monotonic() > deadline:
            said = live.reasons(place.kubectl, place.namespace)
            raise UserError("\n".join([f"kagent is not ready: {problem}", *said]), "see: invoke ai.doctor")
        place.wait(PACE)


def uninstall(place: Place) -> None:
    """Take away what was made, the key included; of somebody else's kagent only what is ours."""
    ours = is_ours(place)
    if ours is None:
        place.say("kagent is not in this cluster, there is nothing to take away")
        return
    namespace = ("--namespace", place.namespace, "--ignore-not-found")
    for kind, name in (("agents.kagent.dev", "todo-operator"), ("modelconfigs.kagent.dev", "todo-model")):
        place.kubectl.effect("delete", kind, name, *namespace)
    if ours:
        for release in ("kagent", "kagent-crds"):
            place.helm.shell.effect(
                place.helm.command(
                    "uninstall", release, "--namespace", place.namespace, "--ignore-not-found", "--wait"
                ),
                timeout=330,
            )
        place.kubectl.effect("delete", "networkpolicy", "todo-ai-kagent", *namespace)
        place.kubectl.effect("delete", "configmap", objects.MARKER, *namespace)
    place.kubectl.effect("delete", "secret", objects.MODEL_SECRET, *namespace)
    place.say(
        "taken away: " + ("kagent, its CRDs, our agent and the key" if ours else "our agent, its model and the key")
    )


def _apply(place: Place, item: Mapping[str, Any], shown: str = "") -> None:
    """Apply one object by standard input; a field of ours that it no longer has goes."""
    text = json.dumps(item)
    words = ("apply", "--server-side", "--force-conflicts", "--field-manager=todo-chatbot", "--filename", "-")
    place.kubectl.effect(*words, stdin=text, shown_stdin=shown or text)
