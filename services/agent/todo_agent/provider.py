"""The model's provider: any endpoint that speaks OpenAI's chat completions."""

import re

import openai
from agents import ModelSettings

from todo_agent.settings import Settings

ANTHROPIC = "https://api.anthropic.com/v1/"
"""Anthropic's endpoint that speaks OpenAI's protocol."""

DEFAULT_MODELS = {"openai": "gpt-4.1-mini", "anthropic": "claude-haiku-4-5"}
CALL_SECONDS = 30
"""Time for one call of the model."""

REASONING = re.compile(r"(o\d|gpt-[5-9])")
"""OpenAI's models that think first: they refuse a temperature, and count what they think as output."""


def make_model_client(settings: Settings) -> openai.AsyncOpenAI:
    """A client of the provider."""
    anthropic = settings.provider == "anthropic"
    key = settings.anthropic_api_key if anthropic else settings.openai_api_key
    return openai.AsyncOpenAI(
        # An endpoint of one's own may need no key, the client always does.
        api_key=key.get_secret_value() if key else "none",
        base_url=settings.model_base_url or (ANTHROPIC if anthropic else "https://api.openai.com/v1"),
        timeout=CALL_SECONDS,
        max_retries=1,
    )


def model_name(settings: Settings) -> str:
    """The model that is asked."""
    return settings.model_name or DEFAULT_MODELS[settings.provider]


def model_settings(settings: Settings) -> ModelSettings:
    """How it is asked."""
    if settings.provider == "openai" and REASONING.match(model_name(settings)):
        return ModelSettings(include_usage=True, extra_args={"max_completion_tokens": settings.model_max_tokens})
    return ModelSettings(
        include_usage=True, temperature=settings.model_temperature, max_tokens=settings.model_max_tokens
    )
