"""A scan: every scanner side by side, one table, one report; and what is remembered of it for each image."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.files import write_whole
from scripts.images.docker import Docker
from scripts.settings.model import Security
from scripts.supplychain import attest, sarif, sbom, scanners, verdicts
from scripts.supplychain.model import NotRun, Result, as_json
from scripts.supplychain.subjects import Subject

SCHEMA = 1  # of the JSON report
NAMES = ("hadolint", "checkov", "pip-audit", "npm-audit", "sbom", "image-scan")


@dataclass(frozen=True)
class Scan:
    """The results of all scanners. Times are UTC in ISO 8601, `bills` maps services to the SHA-256 of their bill."""

    started: str
    finished: str
    results: tuple[Result, ...]
    bills: dict[str, str]


def chosen(words: str) -> tuple[str, ...]:
    """Return the scanners named by a comma-separated list, all if it is empty. Raises UserError for an unknown one."""
    names = tuple(word.strip() for word in words.split(",") if word.strip())
    unknown = [name for name in names if name not in NAMES]
    if unknown:
        raise UserError(f"no scanner {', '.join(unknown)}", f"there are: {', '.join(NAMES)}")
    return names or NAMES


def scan(
    session: Session,
    client: Docker | None,
    subjects: Sequence[Subject],
    *,
    no_engine: str = "",
    only: Sequence[str] = NAMES,
) -> Scan:
    """Run the scanners side by side. `no_engine` says why there is no client, where there is none."""
    bills: dict[str, str] = {}
    wanted: dict[str, Callable[[], list[Result]]] = {
        "hadolint": lambda: scanners.hadolint(session),
        "checkov": lambda: scanners.checkov(session),
        "pip-audit": lambda: scanners.pip_audit(session),
        "npm-audit": lambda: scanners.npm_audit(session),
        "sbom": lambda: _sboms(session, client, subjects, no_engine, bills),
        "image-scan": lambda: scanners.image_scan(session.shell, list(subjects)) or _none("image-scan", no_engine),
    }

    def one(name: str) -> list[Result]:
        if name not in only:
            return [Result(name, "everything", reason="left out by --only")]
        began = time.monotonic()
        try:
            found = wanted[name]()
        except (NotRun, UserError) as reason:
            found = [Result(name, "everything", reason=str(reason).splitlines()[0])]
        return [replace(result, seconds=time.monotonic() - began) for result in found]

    started = _now()
    with ThreadPoolExecutor(len(wanted)) as pool:
        groups = list(pool.map(one, wanted))
    return Scan(started, _now(), tuple(result for group in groups for result in group), bills)


def _none(scanner: str, why: str) -> list[Result]:
    return [Result(scanner, "images", reason=why)] if why else []


def _sboms(
    session: Session, client: Docker | None, subjects: Sequence[Subject], no_engine: str, bills: dict[str, str]
) -> list[Result]:
    if client is None:
        raise NotRun(no_engine)
    return [_sbom(session, client, subject, bills) for subject in subjects]


def _sbom(session: Session, client: Docker, subject: Subject, bills: dict[str, str]) -> Result:
    image = subject.image
    if not subject.id:
        return Result("sbom", image.ref, image.service, reason="the image is not built: invoke build")
    if session.shell.dry:
        return Result("sbom", image.ref, image.service, reason="a dry run opens no image")
    root = session.settings.root
    bill = sbom.write(session.shell, client, image, subject.service, subject.described, root)
    if not bill.count:
        return Result("sbom", image.ref, image.service, reason="no package was recognised in the image")
    bills[image.service] = bill.digest
    return Result("sbom", image.ref, image.service, note=f"{bill.count} components")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


def report(done: Scan, policy: Security) -> dict[str, Any]:
    """Return the scan as `--json` prints it and `reports/security/scan.json` keeps it."""
    found = verdicts.problems(done.results, policy)
    return {
        "schema": SCHEMA,
        "ok": not found,
        "started": done.started,
        "finished": done.finished,
        "failOn": policy.fail_on,
        "required": list(policy.required),
        "accepted": dict(policy.accepted),
        "problems": found,
        "results": [as_json(item) | {"verdict": verdicts.verdict(item, policy)} for item in done.results],
    }


def write(done: Scan, policy: Security, root: Path, sarif_file: Path | None = None) -> list[Path]:
    """Write the report as JSON and as SARIF, and return the files."""
    folder = root / "reports/security"
    texts = {
        folder / "scan.json": json.dumps(report(done, policy), indent=1),
        sarif_file or folder / "scan.sarif": json.dumps(sarif.log(done.results, policy.accepted), indent=1),
    }
    for file, text in texts.items():
        write_whole(file, text + "\n")
    return list(texts)


def remember(done: Scan, subjects: Sequence[Subject]) -> None:
    """Keep what the scan says of each image, for `security.sign` to sign."""
    for subject in subjects:
        if subject.id:
            about = [item for item in done.results if item.service in ("", subject.image.service)]
            statement = attest.scanned(subject, about, done.started, done.finished, done.bills)
            attest.keep(subject.id, attest.UNSIGNED, json.dumps(statement, indent=1) + "\n")
