"""Choose the image to make from packages in place of a registry's: by family, and the nearest version. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace

# Suite of Debian → the Python it ships; no other one can be had from packages.
PYTHONS = {"3.11": "bookworm", "3.13": "trixie"}
SUITES = ("trixie", "bookworm")
# Major → the release of node's own package, with npm beside it.
NODES = {18: ("18.20.8", "10.8.2"), 20: ("20.20.2", "10.8.2"), 22: ("22.23.3", "10.9.4"), 24: ("24.21.0", "11.21.2")}
DEFAULT_PYTHON, DEFAULT_NODE = "3.13", 24
_REFERENCE = re.compile(
    r"^(?:docker\.io/)?(?:library/)?(?P<name>[a-z0-9./_-]+?)(?::(?P<tag>[\w.-]+))?(?:@sha256:\w+)?$"
)
_UV = re.compile(r"(^|/)astral-sh/uv$")


COMPILERS = "build-essential git curl libpq-dev libffi-dev libssl-dev pkg-config"
UV = "0.13.9"
PIP = "26.3"  # knows PIP_UPLOADED_PRIOR_TO: packages as of a day


@dataclass(frozen=True)
class Equal:
    """An image made from packages: its family, version, the Debian suite beneath, and what to tell where it differs.

    `full` images have compilers, as the official ones without `slim` or `alpine` in their tag do; `musl` ones take
    Alpine's options of `adduser` and `addgroup`.
    """

    family: str
    version: str
    suite: str
    remark: str = ""
    full: bool = False
    musl: bool = False

    @property
    def name(self) -> str:
        """Return a name for it, as part of an image's."""
        words = [self.family, self.version, self.suite, "full" if self.full else "", "alpine" if self.musl else ""]
        return "-".join(word for word in words if word)

    @property
    def recipe(self) -> str:
        """Return the Dockerfile that makes it."""
        return "family-python" if self.family == "uv" else f"family-{self.family}"

    @property
    def arguments(self) -> dict[str, str]:
        """Return the build arguments of its recipe."""
        found = {"EXTRAS": COMPILERS if self.full else ""}
        if self.family == "node":
            found |= dict(zip(("NODE", "NPM"), NODES[int(self.version)], strict=True))
        if self.family in ("python", "uv"):
            found["PIP"] = PIP
        if self.family == "uv":
            found["UV"] = UV
        return found


def equal(reference: str) -> Equal | None:
    """Return the image that can stand in for a reference, or None where none can be made."""
    match = _REFERENCE.match(reference)
    if not match:
        return None
    name, tag = match["name"], match["tag"] or "latest"
    found = _family(name, tag, reference)
    if found is None:
        return None
    small = "slim" in tag or "alpine" in tag or found.family in ("uv", "nginx", "debian")
    return replace(found, full=not small, musl="alpine" in tag)


def _family(name: str, tag: str, reference: str) -> Equal | None:
    if _UV.search(name):
        return _python_of(re.search(r"python(3\.\d+)", tag), tag, "uv")
    if name == "python":
        return _python_of(re.match(r"(3(?:\.\d+)?)", tag), tag, "python")
    if name in ("node", "nodejs"):
        return _node(tag)
    if name == "debian":
        return Equal("debian", "", _suite(tag))
    if name == "ubuntu":
        return Equal("debian", "", SUITES[0], f"{reference}: Debian {SUITES[0]} in its place")
    if name == "nginx":
        return Equal("nginx", "", SUITES[0], "Debian's nginx" + _musl(tag))
    return None


def _suite(tag: str) -> str:
    return next(
        (suite for suite in SUITES if suite in tag or (suite == "bookworm" and tag.startswith("12"))), SUITES[0]
    )


def _musl(tag: str) -> str:
    return ", on Debian, not Alpine" if "alpine" in tag else ""


def _python_of(match: re.Match[str] | None, tag: str, family: str) -> Equal:
    wanted = match[1] if match and "." in match[1] else DEFAULT_PYTHON
    version = nearest_python(wanted)
    remark = f"Python {version} in place of {wanted}" if version != wanted else ""
    musl = _musl(tag)
    return Equal(family, version, PYTHONS[version], (remark or (f"Python {version}" if musl else "")) + musl)


def own_remark(name: str, reference: str) -> str:
    """Return what to tell where the product's own base of that name is made in place of a reference that asks for
    something else, empty where it is the same.
    """
    found = equal(reference)
    version = {"debian": "", "python": DEFAULT_PYTHON, "node": str(DEFAULT_NODE)}[name]
    if found == Equal(name, version, SUITES[0]) and not any(suite in reference for suite in SUITES[1:]):
        return ""
    program = {"debian": "", "python": f"Python {version}", "node": f"node {version}"}[name]
    return f"{program} on Debian {SUITES[0]}, slim, in its place".removeprefix(" on ")


def nearest_python(wanted: str) -> str:
    """Return the version that can be had: the next newer one, which runs what was written for it, or the newest."""
    minors = sorted(int(version.split(".")[1]) for version in PYTHONS)
    minor = int(wanted.split(".")[1])
    return f"3.{next((one for one in minors if one >= minor), minors[-1])}"


def newest_python() -> int:
    """Return the minor version of the newest Python 3 that can be had from packages."""
    return max(int(version.split(".")[1]) for version in PYTHONS)


def _node(tag: str) -> Equal:
    match = re.match(r"(\d+)", tag)
    wanted = int(match[1]) if match else DEFAULT_NODE
    version = min(NODES, key=lambda major: (abs(major - wanted), -major))
    remark = f"node {version} in place of {wanted}" if version != wanted else ""
    musl = _musl(tag)
    return Equal("node", str(version), SUITES[0], (remark or (f"node {version}" if musl else "")) + musl)


# Package → its first version with a build for Python 3.13; older ones need a compiler, where they work at all.
FIRST_FOR_313 = {
    "psycopg2-binary": "2.9.10", "pydantic-core": "2.20", "pydantic": "2.8", "asyncpg": "0.30", "greenlet": "3.1",
    "numpy": "2.1", "pillow": "11", "lxml": "5.3", "uvloop": "0.21", "httptools": "0.6.2", "pyyaml": "6.0.2",
    "cffi": "1.17", "aiohttp": "3.10.6", "tiktoken": "0.8", "jiter": "0.6", "orjson": "3.10.7", "pandas": "2.2.3",
    "psycopg-binary": "3.2.3", "grpcio": "1.67", "sqlalchemy": "2.0.31", "fastavro": "1.10",
    "kafka-python": "2.0.3",
}  # fmt: skip


def older_than(pins: Mapping[str, str]) -> str:
    """Return the first of the pinned packages, with its version, that was made before Python 3.13 was;
    empty for none.
    """
    old = (name for name, first in FIRST_FOR_313.items() if name in pins and _numbers(pins[name]) < _numbers(first))
    return next((f"{name} {pins[name]}" for name in old), "")


def _numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version)]


def foreign_words(text: str) -> list[str]:
    """Return what in a Dockerfile only runs on Alpine: the package manager's calls."""
    return re.findall(r"\bapk\s+(?:add|update|upgrade|del)\b[^&|;\n]*", text)
