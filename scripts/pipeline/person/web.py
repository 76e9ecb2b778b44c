"""Requests as a browser on this machine makes them: with an origin, with cookies, through no proxy."""

from __future__ import annotations

import base64
import http.cookiejar
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from scripts.host import parsing

SECONDS = 60.0  # that an answer may take: what an app does for the first time, it may have to make first
LARGEST = 8 << 20  # bytes of one answer that are read


@dataclass(frozen=True)
class Answer:
    """An HTTP answer: status 0 where none came, with a text that says so. Headers by lower-case name."""

    status: int
    text: str
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Any:
        """Return the answer's JSON; None where it is none."""
        try:
            return parsing.from_json(self.text)
        except ValueError:
            return None


class Browser:
    """One person's browser: it keeps cookies, and says from which origin a request comes."""

    def __init__(self, origin: str) -> None:
        self.origin = origin
        # Of localhost, a browser keeps and sends cookies for encrypted connections on those without, too.
        policy = http.cookiejar.DefaultCookiePolicy(secure_protocols=("http", "https"))
        jar = urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar(policy))
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), jar)

    def ask(
        self, method: str, url: str, *, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Make a request. What gets no answer has the status 0."""
        told = {"Origin": self.origin, "User-Agent": "Mozilla/5.0"} | dict(headers or {})
        request = urllib.request.Request(url, data=body, method=method, headers=told)  # noqa: S310 http by its maker
        try:
            with self._opener.open(request, timeout=SECONDS) as answer:
                return _answer(answer.status, answer.read(LARGEST), answer.headers)
        except urllib.error.HTTPError as error:
            with error:
                return _answer(error.code, error.read(LARGEST), error.headers)
        except TimeoutError:  # it was taken: of one that nobody takes, urllib makes an error of its own
            return Answer(0, f"took the request, and gave no answer within {SECONDS:g} s")
        except (urllib.error.URLError, OSError, ValueError) as error:
            return Answer(0, f"nobody answers: {getattr(error, 'reason', error)}")


def _answer(status: int, body: bytes, headers: Any) -> Answer:
    return Answer(status, body.decode(errors="replace"), {name.lower(): value for name, value in headers.items()})


def token_part(token: str, number: int) -> dict[str, Any]:
    """Return what a part of a signed token says: its head is 0, its claims are 1. Nothing where it is no signed one."""
    parts = token.split(".")
    if len(parts) != 3:
        return {}
    try:
        data = parsing.from_json(base64.urlsafe_b64decode(parts[number] + "=" * (-len(parts[number]) % 4)))
    except ValueError:
        return {}
    return data if isinstance(data, dict) else {}
