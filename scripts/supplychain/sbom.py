"""A bill of materials for each image, in CycloneDX 1.6, checked against its schema."""

from __future__ import annotations

import hashlib
import json
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.host.paths import state_folder
from scripts.host.shell import Shell
from scripts.images.docker import Docker
from scripts.settings.model import Image, Service
from scripts.supplychain import inventory

if TYPE_CHECKING:
    from cyclonedx.model.component import Component
    from packageurl import PackageURL

FOLDER = "reports/sbom"
NAMESPACE = uuid.UUID("7c1f6c52-5f0b-4f2c-9d5e-2f0f3f6e8a11")  # of the serial numbers, which follow from image ids
RUNTIMES = {"PYTHON_VERSION": "python", "NODE_VERSION": "node", "PG_VERSION": "postgresql"}


@dataclass(frozen=True)
class Bill:
    """A written bill of materials: `digest` is the file's SHA-256, `count` how many components it lists."""

    file: Path
    digest: str
    count: int


def contents(shell: Shell, client: Docker, image_id: str) -> list[dict[str, str]]:
    """Return the packages in an image, looked up once and then remembered: an id never means anything else.

    Raises CommandError if the engine cannot export it.
    """
    file = state_folder("inventory", f"{image_id.removeprefix('sha256:')}.{inventory.VERSION}.json")
    if file.is_file():
        known: list[dict[str, str]] = parsing.from_json(file.read_text(encoding="utf-8"))
        return known
    # A container that is never started: its file system is the image's, and no command of the image is run.
    container = f"sbom-{uuid.uuid4().hex[:12]}"  # a name of its own, so that each line can be pasted
    shell.effect([client.binary, "create", "--name", container, image_id, "none"], timeout=60)
    try:
        text = shell.pipe([client.binary, "export", container], [sys.executable, inventory.__file__], timeout=300).out
    finally:
        shell.effect([client.binary, "rm", container], timeout=60)
    found: list[dict[str, str]] = parsing.from_json(text or "[]")
    if not shell.dry:
        write_whole(file, json.dumps(found), mode=0o600)
    return found


def bundled(service: Service) -> list[dict[str, str]]:
    """Return what a JavaScript build may have put into its bundles, where no package.json tells of it: the lock's
    runtime.
    """
    lock = service.context / "package-lock.json"
    if not lock.is_file():
        return []
    packages = parsing.from_json(lock.read_text(encoding="utf-8")).get("packages", {})
    return [
        {"type": "npm", "name": path.rpartition("node_modules/")[2], "version": item["version"], "path": lock.name}
        | ({"license": item["license"]} if isinstance(item.get("license"), str) else {})
        for path, item in sorted(packages.items())
        if path and "version" in item and not item.get("dev") and not item.get("optional")
    ]


def runtimes(config: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return runtimes that official base images build from source and tell of by a variable."""
    pairs = [str(item).partition("=") for item in config.get("Env") or []]
    return [
        {"type": "generic", "name": RUNTIMES[name], "version": value, "path": f"environment variable {name}"}
        for name, _, value in pairs
        if name in RUNTIMES and value
    ]


def document(image: Image, described: Mapping[str, Any], packages: Sequence[Mapping[str, str]]) -> str:
    """Return the bill of an image as CycloneDX JSON, the same for the same image. `described` is what the engine says
    of it.

    Raises UserError if the result does not fit the format's schema.
    """
    from cyclonedx.model import HashAlgorithm, HashType  # a tenth of a second to import
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot6
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    digest = described["Id"].removeprefix("sha256:")
    subject = Component(
        name=image.repository, version=image.tag, type=ComponentType.CONTAINER, bom_ref=described["Id"],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=digest)],
    )  # fmt: skip
    bill = Bom(serial_number=uuid.uuid5(NAMESPACE, digest))
    bill.metadata.component = subject
    bill.metadata.timestamp = _created(described)
    unique = {str(_address(item)): item for item in reversed(packages)}
    components = [_component(unique[key]) for key in sorted(unique)]
    bill.components.update(components)
    bill.register_dependency(subject, components)
    text = JsonV1Dot6(bill).output_as_string(indent=1)
    wrong = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    if wrong:
        raise UserError(f"the bill of materials of {image.ref} does not fit CycloneDX 1.6: {wrong}")
    return text + "\n"


def _address(item: Mapping[str, str]) -> PackageURL:
    """Return the package URL of one package."""
    from packageurl import PackageURL

    name, namespace = item["name"], None
    if item["type"] == "npm" and name.startswith("@") and "/" in name:
        namespace, _, name = name.partition("/")
    if item["type"] == "deb":
        namespace = "debian"
    qualifiers = {"arch": item["arch"]} if "arch" in item else None
    return PackageURL(item["type"], namespace, name, item["version"], qualifiers)


def _component(item: Mapping[str, str]) -> Component:
    """Return one package as the bill lists it, with the path where it was found."""
    from cyclonedx.model import Property
    from cyclonedx.model.component import Component, ComponentType

    purl = _address(item)
    return Component(
        name=item["name"], version=item["version"], type=ComponentType.LIBRARY, purl=purl,
        bom_ref=str(purl), licenses=_licences(item.get("license", "")),
        properties=[Property(name="todo-chatbot:found-in", value=item["path"])],
    )  # fmt: skip


def _licences(words: str) -> Any:
    from cyclonedx.contrib.license.factories import LicenseFactory

    return [LicenseFactory().make_from_string(words)] if words else []


def _created(described: Mapping[str, Any]) -> datetime:
    """Return when the image was made, to the second: the engine tells nanoseconds, which Python cannot read."""
    text = str(described.get("Created", ""))[:19]
    try:
        return datetime.fromisoformat(text).replace(tzinfo=UTC)
    except ValueError:
        return datetime.fromtimestamp(0, UTC)


def write(
    shell: Shell, client: Docker, image: Image, service: Service, described: Mapping[str, Any], root: Path
) -> Bill:
    """Make and keep the bill of one image, as `reports/sbom/<service>.cdx.json`."""
    packages = contents(shell, client, described["Id"])
    text = document(image, described, [*packages, *bundled(service), *runtimes(described.get("Config") or {})])
    file = root / FOLDER / f"{image.service}.cdx.json"
    if not shell.dry:
        write_whole(file, text)
    return Bill(file, hashlib.sha256(text.encode()).hexdigest(), len(parsing.from_json(text).get("components", [])))
