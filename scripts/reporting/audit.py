"""Record who changed a cluster, when, from which commit, with what verdict: each line holds a digest of the one before.

A line that is altered, removed or put in between breaks the chain from there on. It shows tampering; it cannot prevent
somebody who may write the file from writing a new one whole.
"""

from __future__ import annotations

import getpass
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.files import read_bytes
from scripts.host.shell import Shell
from scripts.reporting.report import Report

DEPLOYED = "deployed"  # the verdict on a revision whose health nobody has checked
OVERTAKEN = "overtaken"  # on one that another run replaced before anybody could check it
VERIFIED = "verified"
RETURNED = ("-", "verified, rolled back to")  # commit and verdict of a revision that goes back to an earlier one
RETURNING = ("rollback", "verify.zero-downtime")  # commands that end in a revision of an earlier day
START = "0" * 64  # what the first line has for the one before


@dataclass(frozen=True)
class Entry:
    """One run. `started` is UTC in ISO 8601; `commit` ends in `+` where the tree held changes.

    `revisions` are those it made or verified, or that failed; `rolled_back` those that took the place of failed ones.
    `installation` tells the release from another one of the same name, whose revisions count from 1 again.
    """

    started: str
    who: str
    command: str
    commit: str
    environment: str
    target: str
    images: Mapping[str, str]
    revisions: Mapping[str, int]
    verdict: str
    rolled_back: Mapping[str, int] = field(default_factory=dict)
    installation: str = ""


def made_by(entries: Iterable[Entry], release: str, installation: str) -> dict[int, tuple[str, str, str]]:
    """Return revision → (who, commit, verdict) for one installation of a release, by the run that made it."""
    found: dict[int, tuple[str, str, str]] = {}
    for one in entries:
        if one.installation != installation:
            continue
        if release in one.revisions:
            new = (one.who, one.commit or "-", one.verdict)
            if one.command in RETURNING and one.verdict == VERIFIED:
                new = (one.who, *RETURNED)  # what runs is of an earlier commit than that of the tree
            who, commit, verdict = found.setdefault(one.revisions[release], new)
            if verdict in (DEPLOYED, OVERTAKEN):  # what the run that made it has not looked at, a later one may have
                found[one.revisions[release]] = (who, commit, one.verdict)
        if release in one.rolled_back:
            found.setdefault(one.rolled_back[release], (one.who, *RETURNED))
    return found


def entry(report: Report, who: str, commit: str, installation: str = "") -> Entry:
    """Return what is kept of a run."""
    return Entry(
        started=report.started,
        who=who,
        command=report.command,
        commit=commit,
        environment=report.environment,
        target=report.target,
        images=report.images,
        revisions=report.revisions,
        verdict="failed" if not report.ok else VERIFIED if report.verified else DEPLOYED,
        rolled_back=report.rolled_back,
        installation=installation,
    )


def append(file: Path, new: Entry) -> None:
    """Add a line to the record."""
    text = _text(file)
    lines = text.splitlines()
    before = _digest_of(lines[-1]) if lines else START
    body = asdict(new) | {"before": before}
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    with file.open("a", encoding="utf-8") as record:
        record.write("\n" if text and not text.endswith("\n") else "")
        record.write(json.dumps(body | {"digest": _digest(body)}, sort_keys=True) + "\n")


def read(file: Path) -> list[Entry]:
    """Return the record, oldest first.

    Raises UserError naming the first line that does not follow from the one before, and where it cannot be read.
    """
    found = []
    before = START
    try:
        text = _text(file)
    except OSError as problem:
        told = f"{file}: the record of who made what cannot be read: {problem.strerror}"
        raise UserError(told, "make it a readable file, or move it away") from None
    for number, line in enumerate(text.splitlines(), 1):
        try:
            body: dict[str, Any] = parsing.from_json(line)
            digest = body.pop("digest")
            if body.pop("before") != before or _digest(body | {"before": before}) != digest:
                raise ValueError
            found.append(Entry(**body))
        except (ValueError, KeyError, TypeError):
            raise UserError(
                f"{file}: line {number} was altered, or one before it is missing", "compare it with a backup"
            ) from None
        before = digest
    return found


def _digest_of(line: str) -> str:
    """Return what the next line refers to. One that cannot be read is referred to all the same: `read` will name it."""
    try:
        return str(parsing.from_json(line)["digest"])
    except (ValueError, KeyError, TypeError):
        return hashlib.sha256(line.encode(errors="surrogateescape")).hexdigest()


def _text(file: Path) -> str:
    """Return the record as it is, bytes that are no text included; empty where there is none. Raises OSError."""
    try:
        return read_bytes(file).decode(errors="surrogateescape")
    except FileNotFoundError:
        return ""


def who() -> str:
    """Return the user this process runs for."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return "unknown"


def commit(shell: Shell, root: Path, digits: int = 12) -> str:
    """Return the commit of the tree, with `+` where it holds changes or new files; nothing where git cannot tell.

    A tree that lies in somebody else's repository, and is no part of it, has none.
    """
    git: list[str | Path] = ["git", "--no-optional-locks", "-C", root]
    head = shell.probe([*git, "rev-parse", "HEAD", "HEAD:./"])  # fails for what HEAD has not
    changes = shell.probe([*git, "status", "--porcelain", "--", "."]) if head else head
    return head.out.split()[0][:digits] + "+" * bool(changes.out.strip()) if head.out.strip() and changes else ""


def _digest(body: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
