"""A headless Chromium that is told what to do, over its own pipe: pages opened, scripts run in them, requests heard."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.host import parsing
from scripts.host.pipes import Dialogue
from scripts.host.shell import Shell

# What Chromium reads and writes at descriptors 3 and 4 becomes the program's own input and output.
_PIPED = 'exec "$@" 3<&0 4>&1 </dev/null >/dev/null 2>&1'
_WORDS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-proxy-server",
    "--no-first-run",
    "--remote-debugging-pipe",
)
END = b"\0"
ANSWER_SECONDS = 20.0  # that the browser may take for one thing it is told
QUIET_SECONDS, LOUD_SECONDS = 0.8, 20.0  # without a request, a page has done what it does; some never cease to ask

AGAIN = 5  # times within that, after which a question is one that never ceases


class Lost(Exception):
    """The browser does not answer any more."""


@dataclass(frozen=True)
class Sent:
    """A request of the page's that changes something, and the status of its answer; 0 for none."""

    method: str
    url: str
    status: int


@dataclass
class _Traffic:
    """The requests of a page that are under way, and those that changed something."""

    under_way: dict[str, tuple[str, str]] = field(default_factory=dict)  # by number: method and address
    sent: list[Sent] = field(default_factory=list)
    begun: Counter[str] = field(default_factory=Counter)  # what was read since the page was last waited for
    endless: set[str] = field(default_factory=set)  # what is read without an end, or again and again

    def hear(self, method: str, told: Mapping[str, Any]) -> bool:
        """Take in what the browser says of its requests, and return whether it says any such thing."""
        number = str(told.get("requestId", ""))
        if method == "Network.requestWillBeSent":
            request = told.get("request") or {}
            url = str(request.get("url", ""))
            asked = str(request.get("method", "GET"))
            self.begun[_bare(url)] += asked == "GET"
            # A worker's own text goes nowhere, and no end of it is told.
            if url.startswith("http") and not (asked == "GET" and _bare(url) in self.endless):
                self.under_way[number] = (asked, url)
        elif method == "Network.responseReceived":
            asked, url = self.under_way.get(number, ("GET", ""))
            if asked not in ("GET", "HEAD", "OPTIONS"):
                self.sent.append(Sent(asked, url, int((told.get("response") or {}).get("status", 0))))
            if told.get("type") in ("EventSource", "WebSocket"):
                self.under_way.pop(number, None)
        elif method in ("Network.loadingFinished", "Network.loadingFailed"):
            asked, url = self.under_way.pop(number, ("GET", ""))
            if method.endswith("Failed") and asked == "POST" and not told.get("canceled"):
                self.sent.append(Sent(asked, url, 0))
        else:
            return False
        return True


def _bare(url: str) -> str:
    return url.split("?")[0]


class Chrome:
    """The browser, by its pipe."""

    def __init__(self, talk: Dialogue) -> None:
        self._talk = talk
        self._number = 0
        self.traffic: dict[str, _Traffic] = {}
        self.endless: set[str] = set()  # for all pages: who does not know the person asks for the same

    def call(self, method: str, told: Mapping[str, Any] | None = None, session: str = "") -> dict[str, Any]:
        """Have the browser do something, and return what it answers; nothing where it refuses. Raises Lost."""
        number = self._say(method, told, session)
        until = time.monotonic() + ANSWER_SECONDS
        while (left := until - time.monotonic()) > 0:
            message = self._hear(left)
            if message and message.get("id") == number:
                return message.get("result") or {}
        raise Lost

    def tab(self) -> Tab:
        """Return a page of somebody whom the browser does not know: without cookies, or anything else that is kept."""
        context = self.call("Target.createBrowserContext").get("browserContextId")
        place = {"url": "about:blank", "browserContextId": context, "width": 1280, "height": 800}
        target = self.call("Target.createTarget", place).get("targetId")
        session = str(self.call("Target.attachToTarget", {"targetId": target, "flatten": True}).get("sessionId", ""))
        if not session:
            raise Lost
        self.traffic[session] = _Traffic(endless=self.endless)
        for domain in ("Page", "Network", "Runtime"):
            self.call(f"{domain}.enable", session=session)
        return Tab(self, session)

    def listen(self, seconds: float) -> bool:
        """Hear one message; return whether it was of a request that a page is waited for. Raises Lost."""
        message = self._hear(seconds) or {}
        request = (message.get("params") or {}).get("request") or {}
        read = request.get("method", "GET") == "GET"
        known = read and _bare(str(request.get("url", ""))) in self.endless
        return message.get("method") == "Network.requestWillBeSent" and not known

    def _say(self, method: str, told: Mapping[str, Any] | None, session: str) -> int:
        self._number += 1
        of = {"sessionId": session} if session else {}
        self._talk.say(json.dumps({"id": self._number, "method": method, "params": told or {}, **of}).encode())
        return self._number

    def _hear(self, seconds: float) -> dict[str, Any] | None:
        try:
            heard = self._talk.hear(seconds)
        except EOFError:
            raise Lost from None
        if heard is None:
            return None
        try:
            message: Any = parsing.from_json(heard.decode(errors="replace"))
        except ValueError:
            return None
        if not isinstance(message, dict):
            return None
        session, method = str(message.get("sessionId", "")), str(message.get("method", ""))
        if method == "Page.javascriptDialogOpening":  # nothing goes on before it is answered
            self._say("Page.handleJavaScriptDialog", {"accept": True}, session)
        elif session in self.traffic:
            self.traffic[session].hear(method, message.get("params") or {})
        return message


class Tab:
    """One page of the browser."""

    def __init__(self, chrome: Chrome, session: str) -> None:
        self._chrome = chrome
        self._session = session
        self._traffic = chrome.traffic[session]

    def open(self, url: str) -> None:
        """Open an address, and wait until it has done what it does first."""
        self._traffic.under_way.clear()
        self._chrome.call("Page.navigate", {"url": url}, self._session)
        self.settle()

    def run(self, script: str) -> Any:
        """Return what a script in the page comes to; None where it comes to nothing, or the page is left meanwhile."""
        told = {"expression": script, "returnByValue": True, "awaitPromise": True, "userGesture": True}
        answer = self._chrome.call("Runtime.evaluate", told, self._session)
        return (answer.get("result") or {}).get("value") if "exceptionDetails" not in answer else None

    def settle(self) -> None:
        """Wait until no request is under way, and for a moment none was begun and none answered. What had no end within
        the time for that, as an answer that goes on or a question that is asked each second, is waited for once.
        """
        self._traffic.begun.clear()
        ends = time.monotonic() + LOUD_SECONDS
        quiet = time.monotonic() + QUIET_SECONDS
        while (now := time.monotonic()) < ends and (self._traffic.under_way or now < quiet):
            busy = bool(self._traffic.under_way)  # the page goes on from an answer: from there the moment counts
            if self._chrome.listen(min(QUIET_SECONDS, 0.2)) or busy:
                quiet = time.monotonic() + QUIET_SECONDS
        if now >= ends:
            waiting = self._traffic.under_way
            reading = {number: _bare(url) for number, (asked, url) in waiting.items() if asked == "GET"}
            often = {url for url, times in self._traffic.begun.items() if times >= AGAIN}
            self._chrome.endless |= {*reading.values(), *often}
            for number in reading:
                waiting.pop(number)

    def sent(self) -> list[Sent]:
        """Return the requests that changed something since this was asked last."""
        found, self._traffic.sent = self._traffic.sent, []
        return found


@contextmanager
def browser(shell: Shell, program: str, profile: Path, seconds: float) -> Iterator[Chrome]:
    """Yield a browser that ends with the block, or after so many seconds."""
    argv = ["sh", "-c", _PIPED, "sh", program, *_WORDS, f"--user-data-dir={profile}", "about:blank"]
    with shell.dialogue(argv, end=END, timeout=seconds) as talk:
        yield Chrome(talk)
