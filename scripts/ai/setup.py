"""What AI tools need: a desk for a session, a look at what is there, and the resources that kagent works with."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import yaml

from scripts.ai import access, consult, options
from scripts.ai.consult import Desk
from scripts.ai.samples import Store
from scripts.ai.tools.direct import Direct
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.paths import state_folder
from scripts.kube.kubectl import Kubectl
from scripts.secrets import sync

KAGENT = "ai/kagent"
VALUES = "ai/kagent-values.yaml"
KAGENT_VERSION = "0.9.9"
CHARTS = "oci://ghcr.io/kagent-dev/kagent/helm"
MODEL_SECRET = "kagent-model"  # noqa: S105 the name of a Secret
# Providers of config/ai.yaml by the names kagent has for them, with the block that takes an endpoint of one's own.
PROVIDERS = {
    "openai": ("OpenAI", "openAI", "baseUrl"),
    "anthropic": ("Anthropic", "anthropic", "baseUrl"),
    "gemini": ("Gemini", "", ""),
    "ollama": ("Ollama", "ollama", "host"),
}
CHART_NAMES = {"openai": "openAI", "anthropic": "anthropic", "gemini": "gemini", "ollama": "ollama"}


@dataclass(frozen=True)
class Check:
    """One line of the doctor. `state` is ready, missing or weak."""

    name: str
    state: str
    text: str


def desk(session: Session) -> Desk:
    """The desk of a session. Raises SettingsError for a wrong config/ai.yaml."""
    variables = sync.environment(session.settings.root)
    found = options.load(session.settings.root, variables)
    cluster = session.cluster
    namespace = session.settings.release.namespace
    store = Store(state_folder("ai", f"{cluster.target}-{cluster.context}") / f"{namespace}.jsonl")
    return Desk(session.settings, session.kubectl, session.helm, found, variables, store)


def doctor(place: Desk) -> Iterator[Check]:
    """Which tools are there and work, and how to get the others."""
    model = place.options.model
    if model is None:
        yield Check("model", "missing", "no key is there; set one of those in config/ai.yaml, or model.endpoint")
    else:
        key = f"key from {model.key_name}" if model.key else "no key needed" if model.usable else ""
        works, said = Direct(place.options).check() if model.usable else (False, f"{model.key_name} is not set")
        bad = not works
        text = ", ".join(word for word in (f"{model.provider} {model.name} at {model.endpoint}", key, said) if word)
        yield Check("model", "missing" if bad else "ready", text)
    for name, tool in consult.tools(place, place.settings.root).items():
        reason = tool.missing()
        yield Check(name, "missing" if reason else "ready", reason or tool.command())
    if shutil.which("kagent"):
        yield Check("kagent program", "ready", "asks the agents of the cluster by kagent invoke; without it by A2A")
    yield _access(place)
    yield Check("offline", "ready", "the rules of this repository answer every recipe")


def _access(place: Desk) -> Check:
    """Whether the cluster gives out tokens of least rights."""
    kubectl = place.kubectl
    reader = access.account("reader")
    answer = kubectl.ask("create", "token", reader, "--namespace", place.namespace, "--duration", access.LIFETIME)
    if answer:
        return Check("least rights", "ready", f"tokens of ServiceAccount {reader}, {access.LIFETIME} each")
    if access.NOT_SERVED in answer.err:
        return Check("least rights", "weak", "this cluster gives out no tokens: tools impersonate a ServiceAccount")
    if "not found" in answer.err:
        return Check("least rights", "ready", f"ServiceAccount {reader} is created when a tool first needs it")
    return Check("least rights", "missing", answer.err.strip() or "the cluster does not answer")


def kagent_manifests(place: Desk) -> list[dict[str, Any]]:
    """The resources of ai/kagent/ for this model and release. Raises UserError where kagent has no such provider."""
    settings, found = place.settings, place.options
    model = found.model
    if model is None or not model.usable:
        raise UserError("kagent needs a model", "set a key of config/ai.yaml in the environment or in .env")
    if model.provider not in PROVIDERS:
        raise UserError(f"kagent knows no provider {model.provider}", f"choose one of: {', '.join(PROVIDERS)}")
    objects: list[dict[str, Any]] = []
    for file in sorted((settings.root / KAGENT).glob("*.yaml")):
        objects += [item for item in yaml.safe_load_all(file.read_text(encoding="utf-8")) if item]
    for item in objects:
        item["metadata"]["namespace"] = found.kagent_namespace
        if item["kind"] == "ModelConfig":
            item["spec"] = model_spec(model, found.kagent_namespace)
        if item["kind"] == "RemoteMCPServer" and item["metadata"]["name"] == "todo-mcp":
            item["spec"]["url"] = f"http://mcp-service.{place.namespace}:8002/mcp"
    return objects


def model_spec(model: options.Model, namespace: str) -> dict[str, Any]:
    """The spec of a ModelConfig; the key is in a Secret that only its name is told of."""
    provider, block, field = PROVIDERS[model.provider]
    spec: dict[str, Any] = {"provider": provider, "model": model.name}
    if model.key:
        spec |= {"apiKeySecret": MODEL_SECRET, "apiKeySecretKey": model.key_name}
    if model.own_endpoint and block:
        spec[block] = {field: model.endpoint}
    return spec


def install(place: Desk, say: Callable[[str], None]) -> None:
    """Bring kagent and its resources into the cluster: CRDs, controller with read-only tools, model key, agents.

    The key goes by standard input into a Secret: `kagent install` would put it into an argument. Raises UserError with
    a remedy where the charts cannot be had.
    """
    kubectl, namespace = place.kubectl, place.options.kagent_namespace
    objects = kagent_manifests(place)
    model = place.options.model
    apply(kubectl, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
    if model and model.key:
        body = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": {"name": MODEL_SECRET, "namespace": namespace},
            "type": "Opaque",
            "stringData": {model.key_name: model.key},
        }
        apply(kubectl, body, shown=json.dumps(body | {"stringData": {model.key_name: "***"}}))
    for words in chart_commands(place):
        place.helm.shell.effect(
            place.helm.command(*words), timeout=330, hint="the charts come from ghcr.io; is it in reach?"
        )
    for item in objects:
        apply(kubectl, item)
    say(f"kagent is installed; ask it: invoke ai.debug --tool kagent (agent {place.options.kagent_agent})")


def chart_commands(place: Desk) -> list[tuple[str, ...]]:
    """The words of helm that install kagent: no key among them, and no tool that could write."""
    namespace, model = place.options.kagent_namespace, place.options.model
    common = ("--install", "--namespace", namespace, "--version", KAGENT_VERSION, "--wait", "--timeout", "300s")
    values = ["--values", str(place.settings.root / VALUES)]
    if model:
        name = CHART_NAMES[model.provider]
        values += ["--set", f"providers.default={name}"]
        if model.key:
            values += ["--set", f"providers.{name}.apiKeySecretRef={MODEL_SECRET}"]
            values += ["--set", f"providers.{name}.apiKeySecretKey={model.key_name}"]
    return [
        ("upgrade", "kagent-crds", f"{CHARTS}/kagent-crds", *common),
        ("upgrade", "kagent", f"{CHARTS}/kagent", *common, *values),
    ]


def apply(kubectl: Kubectl, item: Mapping[str, Any], shown: str = "") -> None:
    """Apply one object by standard input."""
    text = json.dumps(item)
    words = ("apply", "--server-side", "--force-conflicts", "--field-manager=todo-chatbot", "--filename", "-")
    kubectl.effect(*words, stdin=text, shown_stdin=shown or text)
