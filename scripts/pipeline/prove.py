"""The last stage: what a person would notice. Its failure is a failed run with the cause, not a rollback."""

from __future__ import annotations

import math
import re
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.shell import CommandError
from scripts.pipeline import addresses
from scripts.pipeline.access import Page, page_url
from scripts.pipeline.live import Live, installation
from scripts.pipeline.person import chromium, forms, journey, proved, served, tab
from scripts.pipeline.person.web import Browser
from scripts.secrets import secrecy
from scripts.settings.model import UNPROVED, Outcome, Service

PICTURE = "reports/page.png"


def prove(run: Run, found: Live) -> Generator[Outcome, None, Page | None]:
    """Serve the addresses that a browser looks for, call them as the page does, open the page, play the journey."""
    page = run.session.settings.page
    if page is None:
        return None
    if run.dry:
        yield Outcome("prove", page.name, "skipped", 0.0, "dry run")
        return None
    yield from addresses.serve(run)
    url = addresses.of_page(run.session) or page_url(run.session)
    problems: list[str] = []
    browser = Browser(f"{parsing.from_url(url).scheme}://{parsing.from_url(url).netloc}")
    texts = yield from _called(run, browser, url, problems)
    if run.session.settings.app.addresses:
        absent = yield from _opened(run, browser, url, problems)
        yield from _asked(run, browser, url)
        done = yield from _played(run, browser, problems)
        asked = absent or served.registers(texts, done.get("register", ""))
        entered: list[str] = []
        if not problems and run.session.settings.app.plays:  # what a server takes, the page may never ask
            alone = bool(asked) or journey.SEEING not in done
            entered = yield from _by_forms_once(run, found, browser, url.rstrip("/"), problems, alone)
        if absent and not set(forms.STEPS[:2]) <= set(entered):  # by its forms a person has to get in all the same
            problems.append(f"the page in a browser calls {', '.join(absent)}, which its server does not have")
    if problems:
        raise UserError("a person cannot use it:\n" + "\n".join(problems), _remedy(run.session, problems))
    return Page(url)


def _remedy(session: Session, problems: Sequence[str]) -> str:
    file = session.settings.app.file
    if all(re.search(r"\bstatus 5\d\d\b", one) for one in problems):  # it was reached, and failed by itself
        return (
            f"mend what failed in the app's own sources, or what {file} gives the service; its own words: invoke logs"
        )
    if all(forms.FORGETS in one for one in problems):
        return "mend the page's own sources: where it keeps what the log-in answers, and by what name it looks for that"
    return f"addresses, and what the page is built with, stand in {file}; the services' own words: invoke logs"


def _called(run: Run, browser: Browser, url: str, problems: list[str]) -> Generator[Outcome, None, list[str]]:
    """Yield whether a browser may call what the page calls; return the page and its scripts."""
    started = time.monotonic()
    settings = run.session.settings
    inside = {item.address for item in settings.services if item.address} | {"database"}
    ports = {item.port for item in settings.app.addresses} | {item.port for item in settings.services if item.port}
    texts = list(served.scripts(browser, url))
    found = served.addresses(texts)
    judged = list(served.problems(browser, found, ports, inside))
    for address, problem in judged:
        if problem:
            problems.append(f"the page calls {address}: {problem}")
    well = [address for address, problem in judged if not problem]
    text = f"calls {', '.join(well)} as a browser would" if well else "its scripts call no other address of the app"
    wrong = len(well) < len(judged)
    detail = problems[0] if wrong else text
    yield Outcome("prove", "addresses", "failed" if wrong else "done", time.monotonic() - started, detail)
    return texts


def _opened(run: Run, browser: Browser, url: str, problems: list[str]) -> Generator[Outcome, None, list[str]]:
    """Yield what a browser says of the page; return the addresses that it calls and its server does not have."""
    program = chromium.find()
    if not program:
        yield Outcome("prove", "page", "skipped", 0.0, "no Chromium on this machine")
        return []
    started = time.monotonic()
    picture = run.session.settings.root / PICTURE
    with tempfile.TemporaryDirectory() as profile:
        seen = chromium.open_page(run.session.shell, program, url, picture, Path(profile))
    if seen is None:
        yield Outcome("prove", "page", "skipped", time.monotonic() - started, f"{program} does not start here")
        return []
    red, absent = served.without_absent(browser, seen.red)
    problems += [f"the page in a browser: {line}" for line in red]
    notes = f"; console: {seen.notes[0][:120]}" if seen.notes else ""
    well = f"it calls {', '.join(absent)}, which its server does not have" if absent else "no request fails"
    detail = red[0] if red else f"{well}; {PICTURE}{notes}"
    yield Outcome("prove", "page", "failed" if red else "done", time.monotonic() - started, detail)
    return absent


def _asked(run: Run, browser: Browser, url: str) -> Iterator[Outcome]:
    """Say where the page asks a person who is new for a password; what a server takes, no form may lead to."""
    program = chromium.find()
    places = served.forms(browser, url.rstrip("/")) if program and run.session.settings.app.plays else ()
    started = time.monotonic()
    lacking: list[str] = []
    for place in places:
        with tempfile.TemporaryDirectory() as profile:
            shows = chromium.shows_form(run.session.shell, program, url.rstrip("/") + place, Path(profile))
        if shows:
            yield Outcome("prove", "form", "done", time.monotonic() - started, f"{place} asks for a password")
            return
        lacking += [place] if shows is False else []
    if lacking:
        detail = f"cannot tell how a person gets in: {', '.join(lacking)} shows no form that asks for a password"
        yield Outcome("prove", "form", "skipped", time.monotonic() - started, detail)


def _documents(run: Run, wanted: Callable[[str], bool]) -> Iterator[Any]:
    """Return the OpenAPI documents of the services with a wanted name, through the cluster's API."""
    for service in run.session.settings.services:
        if service.port and service.address and wanted(service.name):
            for path in journey.DOCUMENTS:
                answer = run.session.kubectl.proxy_get(run.namespace, service.address, service.port, path)
                yield journey.document(answer.out if answer else "")


def _by_forms_once(
    run: Run, found: Live, browser: Browser, url: str, problems: list[str], alone: bool
) -> Generator[Outcome, None, list[str]]:
    """Yield what comes of the page's own forms, which takes ten seconds and more, or that they went well at these very
    revisions; return the steps that went well.
    """
    record = found.records.get(run.session.settings.release.name)
    place = installation(run.session, record) if record else ""
    if place and run.builders and proved.holds(place, found.revisions, url):  # `invoke prove` is to play them
        yield Outcome("prove", "forms", "unchanged", 0.0, "played at this revision")
        return list(forms.STEPS)
    done = yield from _by_forms(run, browser, url, problems, alone)
    if place and set(forms.STEPS) <= set(done):
        proved.note(place, found.revisions, url)
    return done


def _by_forms(
    run: Run, browser: Browser, url: str, problems: list[str], alone: bool
) -> Generator[Outcome, None, list[str]]:
    """Yield what comes of the page's own forms, in a browser; return the steps that went well. They prove it `alone`
    where its servers did not.
    """
    done: list[str] = []
    program = chromium.find()
    if not program and not alone:
        return done
    if not program:
        text = f"{UNPROVED} that a person can add a todo: there is no Chromium on this machine to do it in"
        yield Outcome("prove", "forms", "skipped", 0.0, text)
        return done
    started = time.monotonic()
    try:
        with (
            tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile,
            tab.browser(run.session.shell, program, Path(profile), forms.SECONDS) as chrome,
        ):
            for played in forms.play(chrome.tab(), chrome.tab(), url, list(served.forms(browser, url))):
                step = _unserved(run, played)
                seconds = time.monotonic() - started
                if step.problem and step.sure:
                    problems.append(f"{step.name}: {step.problem}")
                if not step.problem:
                    done.append(step.name)
                    yield Outcome("prove", step.name, "done", seconds)
                elif step.sure:
                    yield Outcome("prove", step.name, "failed", seconds, step.problem)
                else:
                    yield Outcome("prove", step.name, "skipped", seconds, f"{UNPROVED}: {step.problem}")
                started = time.monotonic()
    except (tab.Lost, CommandError):
        text = f"{UNPROVED}: {program} ended before it was done, or {forms.SECONDS:g} s were over"
        yield Outcome("prove", "forms", "skipped", time.monotonic() - started, text)
    return done


def _unserved(run: Run, step: forms.Step) -> forms.Step:
    """Return a step that is sure to fail where its form is sent to what no server tells to take, else as it is."""
    settings = run.session.settings
    port = parsing.from_url(forms.asked(step)).port
    service = next((item.service for item in settings.app.addresses if item.port == port), "")
    documents = _documents(run, lambda name: name == service) if service else ()
    paths = next((list(one["paths"]) for one in documents if isinstance(one, dict) and one.get("paths")), [])
    folder = next((one.context for one in settings.services if one.name == settings.app.page), None)
    if not paths or folder is None:
        return step
    said = forms.place_of(folder, parsing.from_url(forms.asked(step)).path)
    return forms.unserved(step, service, paths, said)


def _played(run: Run, browser: Browser, problems: list[str]) -> Generator[Outcome, None, dict[str, str]]:
    """Yield the journey of the app's file, else the one that the services' OpenAPI documents tell of; return the paths
    of the steps that went well.
    """
    settings = run.session.settings
    ports = {item.service: item.port for item in settings.app.addresses}

    def where(service: str) -> str:
        return f"http://localhost:{ports[service]}"

    steps: Sequence[Mapping[str, Any]] = settings.app.journey
    named = bool(steps)
    for service in ports if not steps and settings.app.plays else ():
        steps = journey.told(browser, where(service), service)
        if steps:
            break
    page = settings.page
    if not steps and settings.app.plays and page and page.name in ports:
        steps = journey.behind(browser, where(page.name), _documents(run, lambda name: name not in ports), page.name)
    for step in steps:
        if step["service"] not in ports:
            problems.append(f"journey: {step['name']}: {step['service']} is not among the addresses")
            return {}
    done: dict[str, str] = {}
    whole: list[Mapping[str, Any]] = []
    untold = ""
    began = time.monotonic()
    for step in steps:
        known = _todo(run, browser, step, where(step["service"])) if "from" in step else [step]
        untold = untold or ("" if known else step["name"])
        whole += known
    for played in journey.play(browser, whole, where, named=named):
        if not played.problem:
            done[played.name] = next((one.get("path", "") for one in whole if one["name"] == played.name), "")
            yield Outcome("prove", played.name, "done", 0.0, f"status {played.status}")
        elif played.sure:
            problem = _explained(run, played, time.monotonic() - began)
            problems.append(f"{played.name}: {problem}")
            yield Outcome("prove", played.name, "failed", 0.0, problem)
        else:
            yield Outcome("prove", played.name, "skipped", 0.0, f"cannot tell: {played.problem}")
    if untold:
        yield Outcome(
            "prove", untold, "skipped", 0.0, "cannot tell: no server of it says by OpenAPI how, where it looks"
        )
    return done


def _todo(run: Run, browser: Browser, step: Mapping[str, Any], base: str) -> list[dict[str, Any]]:
    """Return the steps of a step whose requests a server's OpenAPI document tells: its own, or one behind the page."""
    page = run.session.settings.page
    own = page is None or step["service"] != page.name
    documents = _documents(run, lambda name: (name == step["service"]) is own)
    return journey.todo(browser, step, base, documents)


def _explained(run: Run, played: journey.Played, seconds: float) -> str:
    """Return a step's problem with its cause, where the server failed, or refused a person who was known.

    What was written in these last `seconds` comes first: the rest of a log is about other things as well.
    """
    known = played.name in (journey.ADDING, journey.SEEING)
    if played.status not in ((401, 403, *range(500, 600)) if known else range(500, 600)):
        return played.problem
    from scripts.pipeline.person import causes  # only a step that failed needs them

    servers = [one for one in run.session.settings.services if one.port]
    page = run.session.settings.page
    if page and played.service == page.name:  # what it hands on is answered by one of the others; people it may know
        others = [one for one in servers if one.name != page.name]
        rounds = [others, [one for one in servers if one.name == page.name]] if known else [servers]
    else:
        rounds = [[one for one in servers if one.name == played.service]]
    times: tuple[list[str], list[str]] = ([f"--since={math.ceil(seconds) + 1}s"], [])
    told = (
        causes.cause(played.problem, _log(run, asked, since), played.token)
        for since in times for asked in rounds if asked
    )  # fmt: skip
    cause = secrecy.clean(next((one for one in told if one), ""))
    return f"{played.problem}; {cause}" if cause else played.problem


def _log(run: Run, servers: Sequence[Service], since: Sequence[str]) -> list[str]:
    """Return the last lines that services wrote, by kubectl's option `since` those of the last seconds."""
    log: list[str] = []
    for one in servers:
        selector = f"app.kubernetes.io/name={one.label or one.name}"
        answer = run.session.kubectl.ask(
            "logs", "--namespace", run.namespace, "--selector", selector, "--tail=60", *since
        )
        log += answer.out.splitlines() if answer else []
    return log
