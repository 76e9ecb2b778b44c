"""List what is installed in an image: its file system as a tar on standard input, JSON on standard output.

A program of its own (`docker export … | python inventory.py`), so that an image of any size is never held in memory and
nothing of it is run. It knows Debian's packages, Python's distributions and npm's packages.
"""

from __future__ import annotations

import json
import re
import sys
import tarfile
from collections.abc import Iterator
from email.parser import HeaderParser
from typing import IO, Any

VERSION = 1  # of what is read; another number makes a stored inventory useless
LIMIT = 16 * 1024 * 1024  # bytes of one file; a package list is far smaller

DPKG = re.compile(r"var/lib/dpkg/(status|status\.d/[^/]+)")
PYTHON = re.compile(r".*/[^/]+\.dist-info/METADATA")
NPM = re.compile(r"(?:.*/)?node_modules/.*package\.json")


def read(stream: IO[bytes]) -> list[dict[str, str]]:
    """Return the packages in a file system, each once: `type`, `name`, `version` and what else is known, in a stable
    order.
    """
    found: dict[tuple[str, ...], dict[str, str]] = {}
    with tarfile.open(fileobj=stream, mode="r|*") as archive:
        for member in archive:
            path = member.name.removeprefix("./").lstrip("/")
            reader = _reader(path)
            if reader is None or not member.isfile() or member.size > LIMIT:
                continue
            file = archive.extractfile(member)
            text = file.read().decode(errors="replace") if file else ""
            for package in reader(text):
                key = (package["type"], package["name"], package["version"], package.get("arch", ""))
                found.setdefault(key, package | {"path": "/" + path})
    return [found[key] for key in sorted(found)]


def _reader(path: str) -> Any:
    if DPKG.fullmatch(path) and not path.endswith(".md5sums"):
        return debian
    if PYTHON.fullmatch(path):
        return python
    return npm if NPM.fullmatch(path) else None


def debian(text: str) -> Iterator[dict[str, str]]:
    """Yield the installed packages in dpkg's status file, or in one of a distroless image's, which have no
    Status line.
    """
    for paragraph in re.split(r"\n\s*\n", text.strip()):
        fields = HeaderParser().parsestr(paragraph)
        installed = str(fields.get("Status", "install ok installed")).endswith(" installed")
        if installed and fields["Package"] and fields["Version"]:
            package = {"type": "deb", "name": fields["Package"], "version": fields["Version"]}
            package |= {"arch": fields["Architecture"]} if fields["Architecture"] else {}
            yield package | ({"source": fields["Source"].split()[0]} if fields["Source"] else {})


def python(text: str) -> Iterator[dict[str, str]]:
    """Yield the distribution that a METADATA file describes."""
    fields = HeaderParser().parsestr(text)
    if fields["Name"] and fields["Version"]:
        name = re.sub(r"[-_.]+", "-", fields["Name"]).lower()
        package = {"type": "pypi", "name": name, "version": fields["Version"]}
        yield package | ({"license": fields["License-Expression"]} if fields["License-Expression"] else {})


def npm(text: str) -> Iterator[dict[str, str]]:
    """Yield the package that a package.json describes; many only say how a folder's modules are written."""
    try:
        data = json.loads(text)
    except (ValueError, RecursionError):
        return
    if isinstance(data, dict) and all(isinstance(data.get(key), str) and data[key] for key in ("name", "version")):
        package = {"type": "npm", "name": data["name"], "version": data["version"]}
        licence = data.get("license")
        yield package | ({"license": licence} if isinstance(licence, str) and licence else {})


if __name__ == "__main__":
    json.dump(read(sys.stdin.buffer), sys.stdout)
