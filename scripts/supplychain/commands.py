"""Carry out the security tasks: scan, list, sign, check."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from scripts.context.ready import Ready, get_ready
from scripts.context.run import Run
from scripts.errors import UserError
from scripts.host import parsing
from scripts.reporting import audit
from scripts.settings.model import Base, Security
from scripts.supplychain import admit, attest, cosign, keys, subjects, verdicts
from scripts.supplychain import sbom as bills
from scripts.supplychain import scan as scanning
from scripts.supplychain.model import RANK
from scripts.supplychain.subjects import Subject

REMEDY = "./run invoke security.scan security.sign --environment {environment}"


def planned(run: Run, ready: Ready) -> list[Subject]:
    """Return the images of the plan, built or not. Raises UserError where no engine answers."""
    return subjects.find(run.session.shell, ready.client, run.session.settings, ready.plan.images)


def policy(run: Run, fail_on: str = "") -> Security:
    """Return what the configuration asks of a scan, with another threshold where one is given.

    Raises UserError for none.
    """
    configured = run.session.settings.security
    if fail_on and (fail_on not in RANK or fail_on == "unknown"):
        raise UserError(f"--fail-on {fail_on}: no severity", "choose one of: critical, high, medium, low")
    return replace(configured, fail_on=fail_on) if fail_on else configured


def scan(run: Run, *, only: str = "", sarif: str = "", fail_on: str = "") -> tuple[scanning.Scan, Security]:
    """Run the scanners, write the reports, and remember for each image what was found."""
    asked = scanning.chosen(only)
    limits = policy(run, fail_on)
    session = run.session
    client, found, why = None, [], ""
    try:
        ready = get_ready(run)
        client, found = ready.client, planned(run, ready)
    except UserError as problem:
        why = str(problem).splitlines()[0]
    done = scanning.scan(session, client, found, no_engine=why, only=asked)
    if not session.shell.dry:
        files = scanning.write(done, limits, session.settings.root, Path(sarif).absolute() if sarif else None)
        scanning.remember(done, found)
        session.say(f"reports: {', '.join(str(file) for file in files)}")
    return done, limits


def sbom(run: Run) -> list[tuple[str, ...]]:
    """Write the bill of materials of every image. Raises UserError if one is not built."""
    ready = get_ready(run)
    found = planned(run, ready)
    _need_built(found)
    shell, root = run.session.shell, run.session.settings.root
    rows: list[tuple[str, ...]] = [("IMAGE", "COMPONENTS", "FILE")]
    for item in found:
        bill = bills.write(shell, ready.client, item.image, item.service, item.described, root)
        rows.append((item.image.ref, "-" if shell.dry else str(bill.count), str(bill.file.relative_to(root))))
    return rows


def sign(run: Run) -> list[tuple[str, ...]]:
    """Sign where each image is from and what its last scan said.

    Raises UserError naming the images that are not built, or were never scanned.
    """
    session, ready = run.session, get_ready(run)
    found = planned(run, ready)
    _need_built(found)
    unscanned = [item.image.service for item in found if not attest.unsigned(item.id)]
    if unscanned:
        remedy = REMEDY.format(environment=session.settings.environment)
        raise UserError(f"never scanned: the images of {', '.join(unscanned)}", f"run: {remedy}")
    if session.shell.dry:
        session.say(f"would sign with {keys.private_file()}: {', '.join(item.image.ref for item in found)}")
        return []
    key, program = keys.ensure(), cosign.find(session.shell)
    rows: list[tuple[str, ...]] = [("IMAGE", "ID", "SIGNED BY", "ATTESTATIONS")]
    for item in found:
        texts = {
            attest.PROVENANCE: json.dumps(_provenance(run, ready, item), sort_keys=True),
            attest.SCANNED: attest.unsigned(item.id),
        }
        for kind, text in texts.items():
            _sign_one(run, item, kind, text, key, program)
        by = "cosign" if program else "own key"
        rows.append((item.image.ref, item.digest[:12], by, str(attest.folder(item.id))))
    return rows


def _sign_one(run: Run, item: Subject, kind: str, text: str, key: Path, program: Path | None) -> None:
    name = attest.FILES[kind]
    if not program:
        attest.keep(item.id, name, keys.sign(parsing.from_json(text), key))
        return
    shell = run.session.shell
    statement = attest.keep(item.id, f"{name}.statement", text)
    bundle = statement.with_name(f"{name}.bundle")
    cosign.sign(shell, program, cosign.import_key(shell, program, key), statement, bundle)
    bundle.rename(bundle.with_name(name))
    statement.unlink()


def _provenance(run: Run, ready: Ready, item: Subject) -> dict[str, object]:
    settings, shell = run.session.settings, run.session.shell
    bases: dict[str, tuple[Base, str]] = {name: (settings.bases[name], base.id) for name, base in ready.bases.items()}
    commit = audit.commit(shell, settings.root, digits=40)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return attest.provenance(item, settings, bases, commit, now)


def _need_built(found: Sequence[Subject]) -> None:
    missing = [item.image.ref for item in found if not item.id]
    if missing:
        raise UserError(f"not built: {', '.join(missing)}", "run: ./run invoke build")


def refusals(run: Run, found: Sequence[Subject]) -> list[admit.Refusal]:
    """Return which of these images may not be deployed, and why.

    Raises UserError if the configured key cannot be read.
    """
    limits = run.session.settings.security
    file = limits.public_key or keys.public_file()
    candidates = [admit.Candidate(item.image.service, item.image.ref, item.id) for item in found]
    if limits.public_key is None and not file.is_file():  # nothing was ever signed here
        return [admit.Refusal(item.service, item.ref, ("no signature", "no scan")) for item in candidates]
    attestations = {item.id: attest.read(item.id) for item in found if item.id}
    return admit.admit(candidates, attestations, keys.read_public(file), limits, datetime.now(UTC))


def check_images(run: Run) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the table of the images, and what is wrong with them; checked by cosign too, where it signed and is
    installed.
    """
    session, found = run.session, planned(run, get_ready(run))
    wrong = {item.service: "; ".join(item.reasons) for item in refusals(run, found)}
    program = cosign.find(session.shell)
    public = session.settings.security.public_key or keys.public_file()
    for item in found:
        for kind, text in attest.read(item.id).items() if item.id and program else ():
            if "dsseEnvelope" in text and item.image.service not in wrong:
                bundle = attest.folder(item.id) / attest.FILES[kind]
                try:
                    cosign.verify(session.shell, program, public, bundle, kind, item.digest)  # type: ignore[arg-type]
                except UserError as problem:
                    wrong[item.image.service] = str(problem)
    rows: list[tuple[str, ...]] = [("SERVICE", "IMAGE", "ID", "VERDICT")]
    for item in found:
        said = "refused: " + wrong[item.image.service] if item.image.service in wrong else "signed and scanned"
        rows.append((item.image.service, item.image.ref, item.digest[:12] or "not built", said))
    return rows, [f"{name}: {reason}" for name, reason in wrong.items()]


def verdict_rows(done: scanning.Scan, limits: Security) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the table of a scan, and why it is not good enough."""
    return verdicts.rows(done.results, limits), verdicts.problems(done.results, limits)
