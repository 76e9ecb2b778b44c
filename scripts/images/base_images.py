"""Base images: the official ones where a registry answers, else equal ones bootstrapped from Debian's packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.images import docker, engine
from scripts.images.docker import BUILDKIT, Docker
from scripts.settings.model import Base

SUITE = "trixie"  # what the official images' current tags are made from
MIRROR = "http://deb.debian.org/debian"  # packages are verified by signature, not by transport
REGISTRY = "https://registry-1.docker.io/v2/"
PROBE_SECONDS = 3.0
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
CA_VARIABLES = ("SSL_CERT_FILE", "PIP_CERT", "REQUESTS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS")


@dataclass(frozen=True)
class ReadyBase:
    """A base image the engine has: its reference, and its id, which is what an image's digest depends on.

    `made` says that this run fetched or made it.
    """

    ref: str
    id: str
    made: bool = False


def recipe_folder(root: Path) -> Path:
    """Where the Dockerfiles of the bootstrapped bases are."""
    return root / "services" / "base"


def bootstrapped_refs(root: Path, bases: Mapping[str, Base], bundle: bytes) -> dict[str, str]:
    """Base name → reference of its bootstrapped twin, whose tag is a digest of its recipe."""
    recipes = sorted(recipe_folder(root).glob("*.Dockerfile"))
    common = hashlib.sha256(f"{SUITE} {MIRROR}".encode() + bundle).hexdigest()
    texts = {path.name.removesuffix(".Dockerfile"): path.read_bytes() for path in recipes}
    return {
        name: f"todo-chatbot/base-{name}:"
        + hashlib.sha256(common.encode() + base.image.encode() + texts.get(name, b"")).hexdigest()[:16]
        for name, base in bases.items()
    }


def ensure(
    shell: Shell,
    client: Docker,
    root: Path,
    bases: Mapping[str, Base],
    *,
    may_install: bool,
    say: Callable[[str], None],
) -> dict[str, ReadyBase]:
    """Every base image, present on the engine. What is there already is used without asking any registry.

    Raises UserError where neither a registry answers nor Debian's packages can be used.
    """
    twins = bootstrapped_refs(root, bases, _bundle())
    have = docker.image_ids(shell, client, [*(base.image for base in bases.values()), *twins.values()])
    refs = {name: base.image if base.image in have else twins[name] for name, base in bases.items()}
    missing = [name for name, ref in refs.items() if ref not in have]
    if missing:
        if registry_answers():
            refs |= {name: bases[name].image for name in missing}
            with ThreadPoolExecutor() as pool:
                list(
                    pool.map(
                        lambda name: shell.effect([client.binary, "pull", "--quiet", refs[name]], timeout=900), missing
                    )
                )
        else:
            say(f"no image registry answers: bootstrapping {', '.join(missing)} from Debian's packages")
            bootstrap(shell, client, root, twins, may_install=may_install)
        have |= docker.image_ids(shell, client, list(refs.values()))
    if shell.dry:
        have = {ref: have.get(ref, ref) for ref in refs.values()}
    return {name: ReadyBase(ref, have[ref], name in missing) for name, ref in refs.items()}


def registry_answers() -> bool:
    """Whether the official registry answers at all, decided within `PROBE_SECONDS`."""
    request = urllib.request.Request(REGISTRY, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=PROBE_SECONDS).close()  # noqa: S310 an https constant
    except urllib.error.HTTPError as error:
        return error.code == 401  # "authenticate first" is how a live registry greets
    except (urllib.error.URLError, TimeoutError, OSError, ssl.SSLError, socket.gaierror):
        return False
    return True


def _bundle() -> bytes:
    file = Path(os.environ.get("SSL_CERT_FILE", CA_BUNDLE))
    return file.read_bytes() if file.is_file() else b""


def bootstrap(shell: Shell, client: Docker, root: Path, refs: Mapping[str, str], *, may_install: bool) -> None:
    """Make the Debian base by mmdebstrap, then the others on top of it, side by side.

    The host's CA bundle goes in, as builds behind a TLS-inspecting proxy could not fetch anything without it.
    """
    if not shutil.which("mmdebstrap"):
        if not may_install or os.geteuid() != 0 or not shutil.which("apt-get"):
            raise UserError(
                "no image registry answers, and mmdebstrap, which makes base images from Debian's packages, is missing",
                "as root on Debian or Ubuntu: apt-get install mmdebstrap; or make the registry reachable",
            )
        engine.install(shell, ("mmdebstrap",))
    if refs["debian"] not in docker.image_ids(shell, client, [refs["debian"]]):
        _bootstrap_debian(shell, client, refs["debian"])

    def build(name: str) -> None:
        recipe = recipe_folder(root) / f"{name}.Dockerfile"
        argv: list[str | Path] = [client.binary, "build", "--tag", refs[name], "--file", recipe]
        argv += ["--build-arg", f"DEBIAN_IMAGE={refs['debian']}", recipe_folder(root)]
        shell.effect(argv, env=BUILDKIT, timeout=900)

    with ThreadPoolExecutor() as pool:
        list(pool.map(build, [name for name in refs if name != "debian"]))


def _bootstrap_debian(shell: Shell, client: Docker, ref: str) -> None:
    bundle = Path(os.environ.get("SSL_CERT_FILE", CA_BUNDLE))
    copy = (
        ["--customize-hook=copy-in " + str(bundle) + " /etc/ssl/certs/"]
        if bundle.name == CA_BUNDLE.name and bundle.is_file()
        else []
    )
    make = ["mmdebstrap", "--quiet", "--variant=minbase", "--include=ca-certificates", *copy]
    make += ["--dpkgopt=path-exclude=/usr/share/doc/*", "--dpkgopt=path-exclude=/usr/share/man/*", SUITE, "-", MIRROR]
    changes = [word for name in CA_VARIABLES for word in ("--change", f"ENV {name}={CA_BUNDLE}")]
    changes += ["--change", 'CMD ["bash"]', "--change", "LABEL org.opencontainers.image.title=base-debian"]
    shell.pipe(make, [client.binary, "import", *changes, "-", ref], timeout=600)
