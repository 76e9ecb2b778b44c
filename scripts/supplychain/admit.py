"""Decide which images are admitted, by their attestations and a policy. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey

from scripts.settings.model import Security
from scripts.supplychain import attest, keys, verdicts
from scripts.supplychain.model import from_json

NAMES = {attest.PROVENANCE: "signature", attest.SCANNED: "scan"}


@dataclass(frozen=True)
class Candidate:
    """An image that somebody wants to deploy: `id` is what the engine calls it, empty if it does not have it."""

    service: str
    ref: str
    id: str


@dataclass(frozen=True)
class Refusal:
    """The reason why an image is not let in."""

    service: str
    ref: str
    reasons: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.service}: image {self.ref} is refused: {'; '.join(self.reasons)}"


def admit(
    images: Sequence[Candidate],
    attestations: Mapping[str, Mapping[str, str]],
    public: EllipticCurvePublicKey,
    policy: Security,
    now: datetime,
) -> list[Refusal]:
    """Return the images that are not let in, and why; none if all are.

    `attestations` maps image ids to predicate types to signed envelopes. Each image needs a provenance and a scan, both
    about its id and signed by the key, the scan no older than the policy allows and good enough by the policy of today.
    """
    refusals = []
    for image in images:
        reasons = _reasons(image, attestations.get(image.id, {}), public, policy, now)
        if reasons:
            refusals.append(Refusal(image.service, image.ref, tuple(reasons)))
    return refusals


def _reasons(
    image: Candidate, found: Mapping[str, str], public: EllipticCurvePublicKey, policy: Security, now: datetime
) -> list[str]:
    if not image.id:
        return ["the engine does not have it"]
    reasons = []
    for kind, name in NAMES.items():
        if kind not in found:
            reasons.append(f"no {name}")
            continue
        try:
            statement = keys.verify_envelope(found[kind], public)
            _check_subject(statement, kind, image.id)
            if kind == attest.SCANNED:
                reasons += _scan_problems(statement["predicate"], policy, now)
        except keys.BadSignature as problem:
            reasons.append(f"its {name} does not hold: {problem}")
    return reasons


def _check_subject(statement: Mapping[str, Any], kind: str, image_id: str) -> None:
    """Refuse a statement of another kind, or about another image. Raises BadSignature."""
    if statement.get("_type") != attest.STATEMENT or statement.get("predicateType") != kind:
        raise keys.BadSignature(f"it is a statement of another kind: {statement.get('predicateType')}")
    try:
        digests = [item["digest"]["sha256"] for item in statement["subject"]]
    except (KeyError, TypeError):
        digests = []
    if image_id.removeprefix("sha256:") not in digests:
        raise keys.BadSignature("it is about another image")


def _scan_problems(predicate: Any, policy: Security, now: datetime) -> list[str]:
    """Return what is wrong with a scan by the policy of today. Raises BadSignature if it is none."""
    try:
        finished = datetime.fromisoformat(predicate["metadata"]["scanFinishedOn"]).astimezone(UTC)
        results = [from_json(item) for item in predicate["results"]]
    except (KeyError, TypeError, ValueError):
        raise keys.BadSignature("it holds no scan that can be read") from None
    age = now - finished
    limit = timedelta(days=policy.max_age_days)
    old = [f"its scan is {age.days} days old, {policy.max_age_days} are allowed"] if age > limit else []
    return old + verdicts.problems(results, policy)
