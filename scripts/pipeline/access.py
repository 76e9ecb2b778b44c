"""The page: where it answers for a browser on this machine, and that it does."""

from __future__ import annotations

import time
import urllib.error
import urllib.request
from collections.abc import Generator
from dataclasses import dataclass

from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import parsing
from scripts.pipeline import addresses
from scripts.pipeline.live import Live
from scripts.settings.model import Outcome

SILENT_SECONDS = 15.0  # in which nobody listens at an address that packet filter rules should have opened
FIRST_ANSWER_SECONDS = 5.0  # that an answer may take, at first, and twice as long each time: some pages are made then
TAKEN = "is something else listening on that port? ss -ltnp"
SLOW = "see what it waits for: invoke logs; one that needs longer gets it with timeouts.health in config/pipeline.yaml"


@dataclass(frozen=True)
class Page:
    """The page of a live release."""

    url: str


def access(run: Run, found: Live) -> Generator[Outcome, None, Page | None]:
    """Find the page's URL, see that the app answers there, and return it."""
    settings = run.session.settings
    if settings.page is None:
        yield Outcome("access", "page", "skipped", 0.0, f"{settings.app.file} names no page")
        return None
    name = settings.page.name
    if run.dry:
        yield Outcome("access", name, "skipped", 0.0, "dry run")
        return None
    started = time.monotonic()
    own = addresses.of_page(run.session)
    url = own if own and addresses.serve_quietly(run) else page_url(run.session)
    _fetch_page(url, settings.timeouts.health)
    yield Outcome("access", name, "done", time.monotonic() - started, url)
    return Page(url)


def page_url(session: Session) -> str:
    """Return where the page answers. Raises UserError where the app has none, or no Service leads to it."""
    namespace, page = session.settings.release.namespace, session.settings.page
    if page is None:
        raise UserError(f"{session.settings.app.file}: page: missing", "name the service that a browser opens")
    service = session.kubectl.find("service", page.address, namespace)
    if service is None:
        raise UserError(f"there is no Service {page.address}, which leads to the page", "run: invoke pipeline")
    port = service["spec"]["ports"][0].get("nodePort", 0)
    return session.cluster.url(namespace, page.address, port)


def give_up_because(url: str, error: Exception) -> str:
    """Return what to look at where an address that should answer does not, by where it is and how it refuses."""
    host = parsing.from_url(url).hostname or ""
    reason = getattr(error, "reason", error)
    if host not in ("localhost", "127.0.0.1", "::1"):
        return f"{host} is a node's address: look at route, VPN and firewall of this machine (ip route get {host})"
    if isinstance(reason, ConnectionRefusedError):
        return "nothing listens on that port of this machine: see invoke cluster.status, and ss -ltnp"
    return TAKEN


def _fetch_page(url: str, limit: float) -> None:
    """Ask for the page until it comes. Raises UserError after `limit` seconds, or some of which nobody listened."""
    deadline = time.monotonic() + limit
    silent_since = time.monotonic()
    patience = FIRST_ANSWER_SECONDS
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a local URL goes through no proxy
    while True:
        try:
            with opener.open(url, timeout=patience) as answer:
                if "html" in answer.headers.get("Content-Type", ""):
                    return
                problem = UserError(f"{url}: answered {answer.headers.get('Content-Type')}, not a page", TAKEN)
                silent_since = time.monotonic()
        except urllib.error.HTTPError as error:  # somebody is there, and may be well soon
            error.close()
            problem = UserError(f"{url}: {error}", "see: invoke diagnose")
            silent_since = time.monotonic()
        except TimeoutError:  # the request was taken: of one that nobody takes, urllib makes an error of its own
            problem = UserError(f"{url}: took the request, and gave no answer within {patience:g} s", SLOW)
            silent_since = time.monotonic()
            patience = max(FIRST_ANSWER_SECONDS, min(2 * patience, deadline - time.monotonic()))
        except (urllib.error.URLError, OSError) as error:
            problem = UserError(f"{url}: {getattr(error, 'reason', error)}", give_up_because(url, error))
        if time.monotonic() > min(deadline, silent_since + SILENT_SECONDS):
            raise problem
        time.sleep(0.2)  # packet filter rules follow the endpoints within moments
