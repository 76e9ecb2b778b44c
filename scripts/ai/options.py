"""`config/ai.yaml`, and the model that follows from it and from the keys that are there."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from scripts.errors import SettingsError
from scripts.host import parsing
from scripts.settings import reading

FILE = "config/ai.yaml"


@dataclass(frozen=True)
class Model:
    """A model with where it answers. `key`, and `login` (the user:password of an endpoint), never show in a repr; one
    of them goes into a header and nowhere else.
    """

    provider: str
    name: str
    endpoint: str
    key_name: str
    key: str = field(repr=False, default="")
    own_endpoint: bool = False
    login: str = field(repr=False, default="")

    @property
    def authorization(self) -> str:
        """Return the header of that name: the login of the endpoint, which its owner wants to see, else the key."""
        if self.login:
            return f"Basic {base64.b64encode(self.login.encode()).decode()}"
        return f"Bearer {self.key}" if self.key else ""

    @property
    def secrets(self) -> list[str]:
        """Return the parts of it that must not be seen."""
        return [secret for secret in (self.key, self.login, self.login.partition(":")[2]) if secret]

    @property
    def usable(self) -> bool:
        """Return whether it can be asked: its key is there, or it needs none because the endpoint was named."""
        return bool(self.key) or not self.key_name or self.own_endpoint


@dataclass(frozen=True)
class Options:
    """The options by which tools are asked. `timeout` in seconds, `budget` in characters."""

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
        """Return why no model can be asked, with the remedy; empty if one can."""
        if self.model is None:
            return "no key for a model is there; set OPENAI_API_KEY or another one of config/ai.yaml, or model.endpoint"
        return "" if self.model.usable else f"{self.model.key_name} has no value; set it in the environment or in .env"


def read(root: Path, variables: Mapping[str, str]) -> Options:
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
        with_key = [item for item, spec in providers.items() if _key(spec["key"], variables)[1]]
        by_host = "ollama" if variables.get("OLLAMA_HOST") and "ollama" in providers else ""
        own = wanted["endpoint"] or variables.get("OPENAI_BASE_URL")
        name = with_key[0] if with_key else by_host or ("openai" if own and "openai" in providers else "")
    if not name:
        return None
    spec = providers[name]
    # What the usual libraries read wins over nothing, but not over this file.
    own = base_url(wanted["endpoint"] or _usual_endpoint(name, variables))
    endpoint, login = _without_login(own or base_url(spec["endpoint"]))
    key_name, key = _key(spec["key"], variables)
    return Model(
        provider=name,
        name=wanted["name"] or variables.get("AI_MODEL", "") or spec["model"],
        endpoint=endpoint,
        key_name=key_name,
        key=key,
        own_endpoint=bool(own),
        login=login,
    )


# The second names under which the providers' own programs look for a key.
_OTHER_NAMES = {"GEMINI_API_KEY": "GOOGLE_API_KEY"}


def _key(name: str, variables: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable that holds a key, and the key; the name alone where none has it."""
    names = [name, _OTHER_NAMES.get(name, "")] if name else []
    found = ((one, variables.get(one, "").strip()) for one in names if one)
    return next(((one, key) for one, key in found if key), (name, ""))


def _usual_endpoint(provider: str, variables: Mapping[str, str]) -> str:
    """Return what a provider's usual variable says; nothing where there is none. Raises SettingsError for no URL."""
    if provider == "ollama":
        return ollama_endpoint(variables.get("OLLAMA_HOST", ""))
    text = variables.get("OPENAI_BASE_URL", "").strip() if provider == "openai" else ""
    if text and not re.match(r"https?://[^\s/]", text, re.IGNORECASE):
        raise SettingsError(
            "OPENAI_BASE_URL in the environment or in .env is no http or https URL: write it as http://localhost:8000/v1"
        )
    return text


def _without_login(url: str) -> tuple[str, str]:
    """Return an endpoint as it may be shown, and the user:password that it held. Raises SettingsError, showing nothing.

    What follows a question mark is refused: the path of the API is put after the endpoint.
    """
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises where it is no number
    except ValueError:
        raise SettingsError(
            "the endpoint of the model is no URL", f"correct model.endpoint in {FILE}, or OPENAI_BASE_URL"
        ) from None
    if parts.query or parts.fragment:
        raise SettingsError(
            f"the endpoint of the model, {parts.hostname}, has something after a question mark or a number sign",
            f"leave that out of model.endpoint in {FILE}, or of OPENAI_BASE_URL; a key belongs into its variable",
        )
    login, _, place = parts.netloc.rpartition("@")
    return parts._replace(netloc=place).geturl(), unquote(login)


def base_url(text: str) -> str:
    """Return an endpoint as it is built upon: many copy the address of the chat completions itself."""
    return text.rstrip("/").removesuffix("/chat/completions").rstrip("/")


_ALL_ADDRESSES = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "[::]": "[::1]"}  # noqa: S104 they are replaced
_OLLAMA_PORTS = {"http": 80, "https": 443}  # where a scheme is named and no port


def ollama_endpoint(host: str) -> str:
    """Return the base URL of what OLLAMA_HOST says: a host, a port, both, or a URL, with or without /v1.

    As Ollama's own client reads it. The server's setting may name all of its addresses; a client calls it on one.
    """
    text = host.strip().strip("\"'")
    if not text:
        return ""
    scheme, named, rest = text.rpartition("://")
    place, _, path = rest.partition("/")
    name, _, port = place.rpartition(":") if re.search(r"(?:^|[^:]|\]):\d*$", place) else (place, "", "")
    name = f"[{name}]" if name.count(":") > 1 and not name.startswith("[") else name
    port = port or str(_OLLAMA_PORTS.get(scheme.lower(), 11434))
    base = f"/{path.rstrip('/')}".removesuffix("/v1").rstrip("/")
    return f"{scheme if named else 'http'}://{_ALL_ADDRESSES.get(name, name)}:{port}{base}/v1"
