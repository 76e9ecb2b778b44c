"""Settings of the agent."""

from typing import Literal

from pydantic import Field, SecretStr

from todo_common.settings import ServiceSettings


class Settings(ServiceSettings):
    """Each field is read from the variable of its name in upper case."""

    port: int = Field(default=8001, ge=1, le=65535)
    mcp_server_url: str = "http://mcp-service:8002/mcp"
    model_provider: Literal["auto", "openai", "anthropic", "offline"] = "auto"
    """auto: the provider whose key is there, else offline."""
    model_name: str = ""
    model_temperature: float = Field(default=0.2, ge=0, le=2)
    model_max_tokens: int = Field(default=1024, ge=16, le=100_000)
    model_base_url: str = ""
    """Any endpoint that speaks OpenAI's chat completions; empty is the provider's own."""
    model_fallback: Literal["none", "offline"] = "none"
    """What answers when the provider fails."""
    openai_api_key: SecretStr | None = None
    anthropic_api_key: SecretStr | None = None
    max_turns: int = Field(default=8, ge=1, le=50)
    """Calls of the model for one message."""
    answer_seconds: float = Field(default=45, gt=0, le=600)
    """Time for one message, tools included."""
    answer_tokens: int = Field(default=50_000, ge=100, le=10_000_000)
    """Tokens for one message, all calls of the model together, as the provider counts them."""

    @property
    def provider(self) -> Literal["openai", "anthropic", "offline"]:
        """The provider that is meant."""
        if self.model_provider != "auto":
            return self.model_provider
        if self.openai_api_key or self.model_base_url:
            return "openai"
        return "anthropic" if self.anthropic_api_key else "offline"
