"""Statements about images in the form of in-toto, and where they are kept.

An image is named by its id, which is a digest of its configuration and with that of all its layers: it means the same
image on every machine, and another one as soon as a byte changes. https://in-toto.io/Statement/v1
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.host.files import write_whole
from scripts.host.paths import relative, state_folder
from scripts.settings.model import Base, Settings
from scripts.supplychain.model import Result, as_json
from scripts.supplychain.subjects import Subject

STATEMENT = "https://in-toto.io/Statement/v1"
PROVENANCE = "https://slsa.dev/provenance/v1"
SCANNED = "https://todo-chatbot.example/attestations/scan/v1"  # a name; nothing is fetched from there
BUILD_TYPE = "https://todo-chatbot.example/buildkit/v1"
BUILDER = "https://todo-chatbot.example/invoke-pipeline/v1"

# File names below the folder of an image id.
UNSIGNED = "scan.statement.json"
FILES = {PROVENANCE: "provenance.json", SCANNED: "scan.json"}


def folder(image_id: str) -> Path:
    """Return where everything about one image is kept."""
    return state_folder("attestations", image_id.removeprefix("sha256:"))


def keep(image_id: str, name: str, text: str) -> Path:
    """Write a file about an image; it is whole or not there."""
    file = folder(image_id) / name
    write_whole(file, text, mode=0o600)
    return file


def read(image_id: str) -> dict[str, str]:
    """Return predicate type → the signed attestation's text, of those there are."""
    files = {kind: folder(image_id) / name for kind, name in FILES.items()}
    return {kind: file.read_text(encoding="utf-8") for kind, file in files.items() if file.is_file()}


def unsigned(image_id: str) -> str:
    """Return the statement of the last scan of this image, nothing if it was never scanned."""
    file = folder(image_id) / UNSIGNED
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def _statement(subject: Subject, kind: str, predicate: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "_type": STATEMENT,
        "subject": [{"name": subject.image.repository, "digest": {"sha256": subject.digest}}],
        "predicateType": kind,
        "predicate": predicate,
    }


def scanned(
    subject: Subject, results: Sequence[Result], started: str, finished: str, bills: Mapping[str, str]
) -> dict[str, Any]:
    """Return what a scan said of an image: results in full, as whether they are good enough is the
    policy's to say later.
    """
    predicate: dict[str, Any] = {
        "metadata": {"scanStartedOn": started, "scanFinishedOn": finished},
        "inputs": {"todo-chatbot": subject.image.tag},
        "results": [as_json(result) for result in results],
    }
    if subject.image.service in bills:
        predicate["sbom"] = {"sha256": bills[subject.image.service]}
    return _statement(subject, SCANNED, predicate)


def provenance(
    subject: Subject, settings: Settings, bases: Mapping[str, tuple[Base, str]], commit: str, now: str
) -> dict[str, Any]:
    """Return where an image is from, as SLSA provenance v1.

    `bases` maps base names to (what is configured, the id of what was used); `commit` ends in `+` where the tree held
    changes. The image's tag is a digest of everything that went into it.
    """
    service, root = subject.service, settings.root
    parameters = {
        "service": service.name,
        "context": relative(service.context, root),
        "dockerfile": relative(service.dockerfile, root),
        "buildArgs": dict(service.build_args),
        "bases": dict(service.bases),
    }
    used = [bases[name] for name in dict.fromkeys(service.bases.values())]
    materials = [
        {"name": base.name, "uri": f"docker:{base.image}", "digest": {"sha256": identity.removeprefix("sha256:")}}
        for base, identity in used
    ]
    source: dict[str, Any] = {"name": "source", "annotations": {"inputs": subject.image.tag}}
    if commit:
        source |= {"uri": "git+file:.", "digest": {"gitCommit": commit.removesuffix("+")}}
        source["annotations"] |= {"changed": commit.endswith("+")}
    predicate = {
        "buildDefinition": {
            "buildType": BUILD_TYPE,
            "externalParameters": parameters,
            "internalParameters": {"environment": settings.environment},
            "resolvedDependencies": [source, *materials],
        },
        "runDetails": {
            "builder": {"id": BUILDER},
            "metadata": {"invocationId": subject.image.ref, "finishedOn": _seconds(subject, now)},
        },
    }
    return _statement(subject, PROVENANCE, predicate)


def _seconds(subject: Subject, now: str) -> str:
    """Return when the image was made: the engine's word for it, cut to seconds."""
    text = str(subject.described.get("Created", ""))[:19]
    return f"{text}Z" if len(text) == 19 else now
