"""`config/ai.yaml`, and the model that follows from it and from the keys that are there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.errors import SettingsError
from scripts.host import parsing
from scripts.settings import reading

FILE = "config/ai.yaml"


@dataclass(frozen=True)
class Model:
    """A model with where it answers. `key` never shows in a repr; it goes into a header and nowhere else."""

    provider: str
    name: str
    endpoint: str
    key_name: str
    key: str = field(repr=False, default="")
    own_endpoint: bool = False

    @property
    def usable(self) -> bool:
        """Whether it can be asked: its key is there, or it needs none because the endpoint was named."""
        return bool(self.key) or not self.key_name or self.own_endpoint


@dataclass(frozen=True)
class Options:
    """How tools are asked. `timeout` in seconds, `budget` in characters."""

    model: Model | None
    timeout: int
    budget: int
    max_iterations: int
    kagent_namespace: str
    kagent_agent: str
    kagent_version: str
    kagent_charts: str
    kagent_registry: str
    kagent_values: Mapping[str, Any]

    @property
    def no_model(self) -> str:
        """Why no model can be asked, with the remedy; empty if one can."""
        if self.model is None:
            return "no key for a model is there; set OPENAI_API_KEY or another one of config/ai.yaml, or model.endpoint"
        return "" if self.model.usable else f"{self.model.key_name} has no value; set it in the environment or in .env"


def load(root: Path, variables: Mapping[str, str]) -> Options:
    """Read and validate. Raises SettingsError naming file, key and remedy."""
    data = reading.read(root / FILE, root)
    schema = parsing.from_json(Path(__file__).with_name("ai.schema.json").read_text(encoding="utf-8"))
    reading.check(data, schema, FILE)
    kagent = data["kagent"]
    return Options(
        model=_model(data, variables),
        timeout=data["timeout"],
        budget=data["budget"],
        max_iterations=data["kubectlAi"]["maxIterations"],
        kagent_namespace=kagent["namespace"],
        kagent_agent=kagent["agent"],
        kagent_version=kagent["version"],
        kagent_charts=kagent["charts"].rstrip("/"),
        kagent_registry=kagent["registry"],
        kagent_values=kagent["values"],
    )


def _model(data: Mapping[str, Any], variables: Mapping[str, str]) -> Model | None:
    wanted, providers = data["model"], data["providers"]
    name = wanted["provider"]
    if name != "auto" and name not in providers:
        raise SettingsError(f"{FILE}: model.provider: {name} is not among providers: {', '.join(providers)}")
    if name == "auto":
        with_key = [item for item, spec in providers.items() if spec["key"] and variables.get(spec["key"], "").strip()]
        by_host = "ollama" if variables.get("OLLAMA_HOST") and "ollama" in providers else ""
        own = wanted["endpoint"] or variables.get("OPENAI_BASE_URL")
        name = with_key[0] if with_key else by_host or ("openai" if own and "openai" in providers else "")
    if not name:
        return None
    spec = providers[name]
    # What the usual libraries read wins over nothing, but not over this file.
    usual = {
        "openai": variables.get("OPENAI_BASE_URL", ""),
        "ollama": ollama_endpoint(variables.get("OLLAMA_HOST", "")),
    }
    endpoint = wanted["endpoint"] or usual.get(name, "")
    return Model(
        provider=name,
        name=wanted["name"] or variables.get("AI_MODEL", "") or spec["model"],
        endpoint=(endpoint or spec["endpoint"]).rstrip("/"),
        key_name=spec["key"],
        key=variables.get(spec["key"], "").strip() if spec["key"] else "",
        own_endpoint=bool(endpoint),
    )


def ollama_endpoint(host: str) -> str:
    """Return the base URL of what OLLAMA_HOST says: a host, host:port, or a URL, with or without /v1."""
    if not host:
        return ""
    url = host if "://" in host else f"http://{host}"
    scheme, _, rest = url.partition("://")
    place = rest.rstrip("/").removesuffix("/v1")
    # The server's own setting may name all of its addresses; a client calls it on one.
    place = place.replace("0.0.0.0", "127.0.0.1")  # noqa: S104 it is replaced
    return f"{scheme}://{place if ':' in place or '/' in place else f'{place}:11434'}/v1"
