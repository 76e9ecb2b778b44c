"""The addresses that a served page's JavaScript holds, and whether a browser that has the page open can call them."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from urllib.parse import urljoin

from scripts.host import parsing
from scripts.pipeline.person.web import Browser

SCRIPT = re.compile(r"""(?:src|href)=["']([^"']+\.m?js(?:\?[^"']*)?)["']""")
MORE = re.compile(r"""["'`]((?:/|\./|static/)[\w./~%\[\]()-]+\.m?js)["'`]""")
URL = re.compile(
    r"https?://(?:localhost|127\.0\.0\.1|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\d{2,5})?(?:/[A-Za-z0-9_./~-]*)?"
)
REGISTERING = re.compile(r"(sign-?up|register)$")
MOST = 80  # scripts of one page


def scripts(browser: Browser, url: str) -> Iterator[str]:
    """Yield the page and the texts of its scripts."""
    page = browser.ask("GET", url)
    yield page.text
    waiting = list(_joined(url, SCRIPT.findall(page.text)))
    seen: set[str] = set()
    while waiting and len(seen) < MOST:
        one = waiting.pop(0)
        if one in seen or parsing.from_url(one).netloc != parsing.from_url(url).netloc:
            continue
        seen.add(one)
        text = browser.ask("GET", one).text
        yield text
        waiting += list(_joined(one, MORE.findall(text)))[:MOST]


FORMS = ("signup", "sign-up", "register", "auth/signup", "auth/sign-up", "auth/register",
         "login", "signin", "sign-in", "auth/login", "auth/signin", "auth/sign-in")  # fmt: skip


def forms(browser: Browser, base: str) -> Iterator[str]:
    """Yield the pages where a person signs up or in, by the names that they usually have; none of a page that answers
    by any name.
    """
    if browser.ask("GET", f"{base}/no-such-page-{len(FORMS)}").status != 200:
        yield from (f"/{name}" for name in FORMS if browser.ask("GET", f"{base}/{name}").status == 200)


def _joined(url: str, places: Iterable[str]) -> Iterator[str]:
    """Yield the addresses of places that a text names, without those that are none."""
    for place in places:
        with suppress(ValueError):
            yield urljoin(url, place)


def addresses(texts: Iterable[str]) -> list[str]:
    """Return every address in the texts, each once."""
    return list(dict.fromkeys(match for text in texts for match in URL.findall(text)))


_REGISTERS = re.compile(r"""["'`}](/[\w.-]+/[\w/.-]*(?:sign-?up|register))/?["'`?]""")


def registers(texts: Iterable[str], played: str) -> list[str]:
    """Return the paths by which the texts of a page register people, where the one that was `played` is none of them: a
    server may take what its page never asks for. Empty where it is, and where none was.
    """
    said = list(dict.fromkeys(path for text in texts for path in _REGISTERS.findall(text)))
    plain = played.rstrip("/")
    fits = not REGISTERING.search(plain) or any(plain.endswith(path) for path in said)
    return [] if fits else said


def problems(
    browser: Browser, found: Iterable[str], ports: Collection[int], inside: Collection[str]
) -> Iterator[tuple[str, str]]:
    """Yield (address, what is wrong) for those of the app that the page cannot call; `inside` are names within the
    cluster.

    `ports` are those of this machine that lead to the app. What is none of the app's is not judged. An address that
    works is yielded with nothing wrong.
    """
    own = parsing.from_url(browser.origin).netloc
    for url in found:
        parts = parsing.from_url(url)
        host = parts.hostname or ""
        if host.split(".")[0] in inside and (parts.port or "svc" in host):
            yield url, f"{host} is a name within the cluster, which no browser can reach"
        elif host in ("localhost", "127.0.0.1") and parts.port in ports and parts.netloc != own:
            yield url, preflight(browser, url)


_BLOCKED = re.compile(r"Access to \w+ at '([^']+)' from origin .*blocked by CORS")


def without_absent(browser: Browser, red: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return what a browser says of failed requests, without those to paths that their server does not have, and these
    addresses: a person misses nothing there, whatever the browser would not let the page read.
    """
    lines = list(red)
    blocked = {line: match[1] for line in lines if (match := _BLOCKED.search(line))}
    absent = {line: url for line, url in blocked.items() if browser.ask("GET", url).status == 404}
    all_absent = len(absent) == len(blocked) > 0  # each has a second line, which does not say what it is about
    kept = [line for line in lines if line not in absent and not (all_absent and line.endswith("net::ERR_FAILED"))]
    return kept, list(dict.fromkeys(absent.values()))


def preflight(browser: Browser, url: str) -> str:
    """Return what is wrong with a call from the page's origin, as a browser asks before it; empty where nothing is."""
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "authorization,content-type"}
    answer = browser.ask("OPTIONS", url, headers=asked)
    if answer.status == 0:
        return answer.text
    if answer.status >= 500:
        return f"answers with status {answer.status}"
    allowed = answer.headers.get("access-control-allow-origin", "")
    if allowed not in ("*", browser.origin):
        what = f"allows {allowed}" if allowed else f"allows no other origin (status {answer.status})"
        return f"refuses the page's calls (CORS): it {what}, and not {browser.origin}"
    return ""
