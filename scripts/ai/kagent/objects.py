"""Build the objects in kagent's namespace from ai/kagent/, config/ai.yaml and the release. Pure."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Mapping
from typing import Any

from scripts.ai.options import Model, Options
from scripts.ai.upstream import CONTEXT
from scripts.errors import UserError
from scripts.host import parsing
from scripts.settings.model import Settings

FOLDER = "ai/kagent"
VALUES = "ai/kagent-values.yaml"
VERSION = "0.9.12"
MODEL_SECRET = "kagent-model"  # noqa: S105 the name of a Secret
MARKER = "todo-ai-installed"
API = "kagent.dev/v1alpha2"
NO_KEY = "none"  # the library of kagent's agents asks for a key, also where the endpoint wants none
# Providers of config/ai.yaml by the names kagent has for them, with the block that takes an endpoint of one's own.
PROVIDERS = {
    "openai": ("OpenAI", "openAI", "baseUrl"),
    "anthropic": ("Anthropic", "anthropic", "baseUrl"),
    "gemini": ("Gemini", "", ""),
    "ollama": ("Ollama", "ollama", "host"),
}
CHART_NAMES = {"openai": "openAI", "anthropic": "anthropic", "gemini": "gemini", "ollama": "ollama"}


def manifests(settings: Settings, options: Options) -> list[dict[str, Any]]:
    """Return the agents and their model, for this key and this release.

    Raises UserError where kagent cannot use the model.
    """
    model = usable(options)
    found = declared(settings, options)
    for item in found:
        if item["kind"] == "ModelConfig":
            item["spec"] = model_spec(model)
    return found


def declared(settings: Settings, options: Options) -> list[dict[str, Any]]:
    """Return the objects of ai/kagent/ for this release, their model not filled in."""
    found: list[dict[str, Any]] = []
    for file in sorted((settings.root / FOLDER).glob("*.yaml")):
        text = file.read_text(encoding="utf-8").replace("chatbot-dev", settings.release.namespace)
        found += parsing.documents_from_yaml(text)
    for item in found:
        item["metadata"]["namespace"] = options.kagent_namespace
    return found


def usable(options: Options) -> Model:
    """Return the model, if agents in the cluster can use it. Raises UserError."""
    model = options.model
    if model is None or not model.usable:
        raise UserError("kagent needs a model", "set a key of config/ai.yaml in the environment or in .env")
    if model.provider not in PROVIDERS:
        raise UserError(f"kagent knows no provider {model.provider}", f"choose one of: {', '.join(PROVIDERS)}")
    if model.own_endpoint and not PROVIDERS[model.provider][1]:
        raise UserError(
            f"{model.endpoint}: kagent asks {PROVIDERS[model.provider][0]} only at its own address",
            "leave model.endpoint out, or choose another model.provider in config/ai.yaml",
        )
    if model.login:
        raise UserError(
            f"{model.endpoint}: its user and password would stand in the cluster for everybody to read",
            f"leave them out of model.endpoint, and give what the server wants as {model.key_name or 'a key'}",
        )
    host = parsing.from_url(model.endpoint).hostname or ""
    if _is_loopback(host):
        raise UserError(
            f"{model.endpoint}: inside of the cluster that is the agent's own pod",
            "name the address under which the cluster's nodes reach the model, as model.endpoint in config/ai.yaml",
        )
    return model


def _is_loopback(host: str) -> bool:
    name = host.rstrip(".").lower()
    if name in ("localhost", "localhost.localdomain", "ip6-localhost") or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(_dotted(host))
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None) or address
    return bool(mapped.is_loopback or mapped.is_unspecified)


def _dotted(host: str) -> str:
    """Return an IPv4 address as it is usually written: 127.1 and 2130706433 are the loopback too."""
    try:
        return socket.inet_ntoa(socket.inet_aton(host))
    except OSError:
        return host


def key_of(model: Model) -> str:
    """Return the key that agents are given, one that says nothing where the model needs none; empty for no Secret."""
    return model.key or (NO_KEY if model.key_name else "")


def model_spec(model: Model) -> dict[str, Any]:
    """Return the spec of a ModelConfig; the key is in a Secret that only its name is told of."""
    provider, block, _ = PROVIDERS[model.provider]
    spec: dict[str, Any] = {"provider": provider, "model": model.name}
    if key_of(model):
        spec |= {"apiKeySecret": MODEL_SECRET, "apiKeySecretKey": model.key_name}
    own = _endpoint(model)
    return spec | ({block: own} if own else {})


def _endpoint(model: Model) -> dict[str, Any]:
    """Return where the model answers, in kagent's words; nothing where that is the provider's own address.

    kagent adds the path of the API itself to addresses of Anthropic and Ollama.
    """
    _, _, field = PROVIDERS[model.provider]
    if model.provider == "ollama":
        return {field: model.endpoint.removesuffix("/v1"), "options": {"num_ctx": str(CONTEXT)}}
    if not model.own_endpoint:
        return {}
    return {field: model.endpoint.removesuffix("/v1") if model.provider == "anthropic" else model.endpoint}


def values(settings: Settings, options: Options) -> dict[str, Any]:
    """Return the values of the chart kagent: the least that works, with rights in two namespaces and no others."""
    model = usable(options)
    found: dict[str, Any] = parsing.from_yaml((settings.root / VALUES).read_text(encoding="utf-8"))
    namespace = options.kagent_namespace
    found["rbac"] = {"namespaces": [namespace]}
    found["kagent-tools"]["rbac"]["namespaces"] = [namespace, settings.release.namespace]
    name = CHART_NAMES[model.provider]
    own: dict[str, Any] = {"model": model.name}
    if key_of(model):
        own |= {"apiKeySecretRef": MODEL_SECRET, "apiKeySecretKey": model.key_name}
    if endpoint := _endpoint(model):
        own["config"] = endpoint
    found["providers"] = {"default": name, name: own}
    if options.kagent_registry:
        found["registry"] = options.kagent_registry
    return merged(found, options.kagent_values)


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """Return values with others laid over them, as helm does it."""
    found = dict(base)
    for key, value in over.items():
        both = isinstance(value, Mapping) and isinstance(found.get(key), Mapping)
        found[key] = merged(found[key], value) if both else value
    return found
