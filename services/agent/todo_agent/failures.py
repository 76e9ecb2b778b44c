"""What the user is told when the model fails."""

from collections.abc import Sequence
from typing import Any

import httpx2
import openai
from agents import MaxTurnsExceeded
from agents.exceptions import AgentsException

from todo_agent.failed import ModelFailed

_WORDS: tuple[tuple[tuple[type[Exception], ...], int, str], ...] = (
    ((MaxTurnsExceeded,), 502, "That took more steps than I may take. Ask for less at once."),
    (
        (openai.AuthenticationError, openai.PermissionDeniedError),
        502,
        "The model's key was refused. Whoever runs this app has to check it.",
    ),
    (
        (openai.NotFoundError, openai.BadRequestError, openai.UnprocessableEntityError),
        502,
        "The model does not accept how it is asked. Whoever runs this app has to check its name and address.",
    ),
    ((openai.RateLimitError,), 503, "The model is busy. Try again in a moment."),
    (
        (openai.APIConnectionError, openai.InternalServerError, httpx2.HTTPError),
        503,
        "The model cannot be reached right now. Try again in a moment.",
    ),
)
MODEL_ERRORS = (openai.OpenAIError, AgentsException, httpx2.HTTPError)
"""All that a model may fail with. An answer that breaks off in its middle is an error of HTTP."""

_OTHER = (502, "The model gave an answer that I could not use. Try again.")


def in_words(error: Exception, actions: Sequence[dict[str, Any]]) -> ModelFailed:
    """The failure for the user; if tools had run by then, it says that this stands."""
    status, text = next(((status, text) for kinds, status, text in _WORDS if isinstance(error, kinds)), _OTHER)
    return ModelFailed(status, text).after(actions)
