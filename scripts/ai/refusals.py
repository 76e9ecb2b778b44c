# ruff: noqa: E501 tables are read along their lines
"""Explain a provider's refusal, with the remedy. Pure.

Providers say the same thing under different statuses and in different words: `CAUSES` is tried from its first line on.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from scripts.ai.options import Model
from scripts.errors import UserError
from scripts.host import parsing
from scripts.secrets import redact

_WORDS = 300  # characters of a provider's own words that are quoted
_LOOKED_AT = 2_000  # characters of an answer in which its cause is looked for
IS_IT_A_MODEL = "see model.endpoint in config/ai.yaml: the base URL of a model, for instance https://api.openai.com/v1"
_ITS_WORDS = "see its own words; invoke ai.doctor tries it with one small question"


class ModelError(UserError):
    """A model that could not be asked, or whose answer is none; the hint says what to do.

    `passing` says that it may be gone at the next try, `wait` in how many seconds, where the server says so.
    """

    def __init__(self, message: str, hint: str = "", *, passing: bool = False, wait: float | None = None) -> None:
        super().__init__(message, hint)
        self.passing = passing
        self.wait = wait


@dataclass(frozen=True)
class Cause:
    """One kind of refusal: the statuses under which it comes, any where there are none, and what stands in the answer.

    `words` and `remedy` may quote the fields that `explain` gives them.
    """

    statuses: tuple[int, ...]
    pattern: str
    words: str
    remedy: str
    passing: bool = False


CAUSES = (
    Cause(tuple(range(300, 400)), "", "{url} points to another address, which was not followed: {location}",
          "if that is your model, name it as model.endpoint in config/ai.yaml"),
    Cause((401, 403), r"<html|<!doctype", "something between here and the model refuses ({status}): {said}",
          "does a proxy or a firewall stand in between? see model.endpoint in config/ai.yaml"),
    Cause((402,), "", "{provider}: no credit is left on the account of this key: {said}",
          "add credit there, or use another key"),
    Cause((), r"insufficient[_ ](?:quota|balance|credits)|credit balance|billing_(?:hard_limit|not_active)|"
              r"billing hard limit|account is not active|have any credits|exceeded_current_quota_error",
          "{provider}: no credit is left on the account of this key: {said}", "add credit there, or use another key"),
    Cause((400, 403), r"\b(?:country|region|territory|location)\b[^.]{0,60}\bnot supported",
          "{url} does not answer from here: {said}", "ask another provider: model.provider"),
    Cause((403,), r"has not been used in project|service_disabled|api is (?:not enabled|disabled)",
          "{provider} is not switched on for this key: {said}", "switch it on as its own words say"),
    Cause((403,), r"model[^\n]*access|access[^\n]*model|model_not_found",
          "{provider} does not give this key the model {model}: {said}",
          "choose another as model.name in config/ai.yaml"),
    # Its own words are left out: they may repeat part of the key.
    Cause((400,), r"api[ _]key (?:not valid|invalid|expired)|api_key_invalid|invalid api key",
          "{url} refuses the key ({status})", "see {key} in the environment or in .env"),
    Cause((401, 403), "", "{url} refuses the key ({status})", "see {key} in the environment or in .env"),
    Cause((400, 404, 422, 500, 501), r"(?:does not|do not|doesn't|that) support (?:tool|function)|tools? (?:is|are) not supported|"
                           r"(?:tool|function)[ _]call\w* (?:is|are) not supported|unsupported parameter:? '?tools|enable-auto-tool-choice|requires --jinja",
          "the model {model} calls no tools: {said}", "choose a model that does as model.name, or ask with --tool=api"),
    Cause((), r"model[^\n]*(?:not found|does not exist|not_found|not a valid model)|"
              r"(?:not found|does not exist|not_found|not a valid model)[^\n]*model|unknown model|no such model|invalid model",
          "{provider} has no model {model}: {said}", "{pull}"),
    Cause((204, 404, 405, 501), "", "{url}: nothing is there ({status}): {said}", IS_IT_A_MODEL),
    Cause((400, 422), r"context|too (?:long|large)|maximum[^\n]*token|token[^\n]*(?:maximum|exceed)",
          "the question is too long for {model}: {said}", "lower budget in config/ai.yaml"),
    Cause((413, 429), r"\A(?!rate limit)[^\n]*too large",
          "the question is too long for {model}: {said}", "lower budget in config/ai.yaml"),
    Cause((413,), "", "the question is too long for {model}: {said}", "lower budget in config/ai.yaml"),
    Cause((429,), "", "{provider} takes no more questions just now (429){asked}: {said}",
          "wait, or use another model", passing=True),
)  # fmt: skip


def explain(status: int, text: str, headers: Mapping[str, str], model: Model, url: str) -> ModelError:
    """Return what a refusal means, and what to do about it."""
    words = redact.redact(said(text), model.secrets)[0]
    low = f"{words} {text[:_LOOKED_AT]}".lower()
    wait = _asked(headers.get("Retry-After", ""), headers.get("Retry-After-Ms", ""))
    wait = _in_words(low) if wait is None else wait
    fields = {
        "status": status, "url": url, "provider": model.provider, "model": model.name, "said": words,
        "key": model.key_name or "a key", "location": redact.redact(headers.get("Location", "none")[:200], model.secrets)[0],
        "asked": f", and asks to wait {wait:.0f} s" if wait is not None else "",
        "pull": f"ollama pull {model.name}" if model.provider == "ollama" else "correct model.name in config/ai.yaml",
    }  # fmt: skip
    for cause in CAUSES:
        if (not cause.statuses or status in cause.statuses) and re.search(cause.pattern, low):
            found = cause.words.format_map(fields), cause.remedy.format_map(fields)
            return ModelError(*found, passing=cause.passing, wait=wait)
    passing = status in (408, 409, 425) or status >= 500
    asked = fields["asked"]
    remedy = "wait, or use another model" if asked else _ITS_WORDS
    return ModelError(f"{url} answered {status}{asked}: {words}", remedy, passing=passing, wait=wait)


def unreachable(url: str, words: str, model: Model) -> ModelError:
    """Return a server that does not answer at all."""
    remedy = (
        "start it: ollama serve"
        if model.provider == "ollama"
        else "is the network there? see model.endpoint in config/ai.yaml"
    )
    return ModelError(f"{url} cannot be reached: {words}", remedy)


def said(text: str) -> str:
    """Return the provider's own sentence, wherever it stands in its answer."""
    try:
        data = parsing.from_json(text)
        data = data[0] if isinstance(data, list) else data
        if isinstance(data, str):
            return quoted(data)
        error = data.get("error", data.get("detail", data))
        return quoted(str(error.get("message", error) if isinstance(error, Mapping) else error))
    except (ValueError, AttributeError, IndexError):
        return quoted(text)


def quoted(text: str) -> str:
    """Return the beginning of a text as one line, without tags."""
    plain = " ".join(re.sub(r"<[^>]{0,200}>", " ", text).split()) or "nothing"
    return plain[:_WORDS] + ("…" if len(plain) > _WORDS else "")


def _asked(wanted: str, milliseconds: str = "") -> float | None:
    """Return seconds that a Retry-After asks for, in any of its forms; None where it says nothing."""
    if re.fullmatch(r"\d{1,9}(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    if re.fullmatch(r"\d{1,9}(\.\d+)?", wanted):
        return float(wanted)
    try:
        return max(0.0, (parsedate_to_datetime(wanted) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return None


def _in_words(low: str) -> float | None:
    """Return seconds that an answer asks to wait for in its own words; None where it names none."""
    found = re.search(
        r"(?:try again|retry) in (?:(?P<h>\d{1,4})h)?(?:(?P<m>\d{1,4})m(?!s))?(?:(?P<s>\d{1,6}(?:\.\d{1,9})?)s)?(?:(?P<ms>\d{1,7})ms)?",
        low,
    )
    parts = {key: float(value) for key, value in found.groupdict().items() if value} if found else {}
    units = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
    return sum(value * units[key] for key, value in parts.items()) if parts else None
