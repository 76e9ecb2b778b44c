"""The page in a headless Chromium, where this machine has one: requests that fail, what the console says, a picture."""

from __future__ import annotations

import re
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.host.shell import Result, Shell

# The shell without a window first: it opens the same page in half of the processors' time.
PROGRAMS = (
    "chromium-headless-shell",
    "headless_shell",
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
)
SECONDS = 60.0
BUDGET = 8000  # milliseconds of the page's own time
ALWAYS = ("--headless", "--no-sandbox", "--disable-gpu", "--no-proxy-server", f"--virtual-time-budget={BUDGET}")
_CONSOLE = re.compile(r':CONSOLE[:(]\d+\)?\] "(.*?)", source: (\S*)', re.DOTALL)
_RED = re.compile(r"net::ERR_(?!ABORTED)|blocked by CORS|status of 5\d\d|Mixed Content")


@dataclass(frozen=True)
class Seen:
    """The page as the browser showed it: `red` are failed requests, `notes` what else its console says."""

    picture: Path
    red: tuple[str, ...]
    notes: tuple[str, ...]


def find() -> str:
    """Return the browser of this machine; empty where there is none."""
    return next((found for name in PROGRAMS if (found := shutil.which(name))), "")


def open_page(shell: Shell, program: str, url: str, picture: Path, profile: Path) -> Seen | None:
    """Open a page and take a picture of it. None where the browser itself does not work here."""
    picture.parent.mkdir(parents=True, exist_ok=True)
    words = ["--hide-scrollbars", "--window-size=1280,800", "--enable-logging=stderr", f"--screenshot={picture}"]
    answer = _load(shell, program, words, url, profile)
    if not answer or not picture.is_file():
        return None
    return Seen(picture, *told(answer.err))


def shows_form(shell: Shell, program: str, url: str, profile: Path) -> bool | None:
    """Return whether a page asks for a password once its scripts have run; None where the browser does not tell."""
    answer = _load(shell, program, ["--dump-dom"], url, profile)
    return asks_for_password(answer.out) if answer and "<body" in answer.out else None


def _load(shell: Shell, program: str, words: Sequence[str], url: str, profile: Path) -> Result:
    own = [*ALWAYS, f"--user-data-dir={profile}"]
    return shell.probe([program, *own, *words, url], timeout=SECONDS)


def asks_for_password(document: str) -> bool:
    """Return whether a document has a field for a password."""
    return bool(re.search(r"<input\b[^>]*\btype=[\"']?password", document, re.IGNORECASE))


def told(log: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a browser's log holds of the page's console, each once: requests that failed, and everything else."""
    lines = [" ".join(text.split())[:300] for text, _ in _CONSOLE.findall(log)]
    red = tuple(dict.fromkeys(line for line in lines if _RED.search(line)))
    return red, tuple(dict.fromkeys(line for line in lines if line not in red))
