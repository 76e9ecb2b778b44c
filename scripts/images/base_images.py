"""Base images: the official ones where a registry answers, else equal ones bootstrapped from Debian's packages."""

from __future__ import annotations

import hashlib
import os
import shutil
import urllib.error
import urllib.request
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from scripts.errors import UserError
from scripts.host import lock, resources
from scripts.host.fetching import UNANSWERED
from scripts.host.paths import cache_folder
from scripts.host.shell import Shell
from scripts.images import docker, engine, families
from scripts.images.docker import BUILDKIT, Docker
from scripts.settings.model import Base, Service

SUITE = "trixie"  # what the official images' current tags are made from
MIRROR = "http://deb.debian.org/debian"  # packages are verified by signature, not by transport
# What the slim official images leave out of every package, those that are installed on them too. Said to dpkg once the
# first packages are there: mmdebstrap would lead each of those through a filter of its own, twice its whole time.
LEFT_OUT = ("doc", "info", "lintian/overrides", "locale", "man")
SLIM = (
    "cd \"$1\" && printf 'path-exclude=/usr/share/%s/*\\n' "
    + " ".join(LEFT_OUT)
    + " >etc/dpkg/dpkg.cfg.d/slim && echo 'path-include=/usr/share/doc/*/copyright' >>etc/dpkg/dpkg.cfg.d/slim"
    + "".join(f" && rm -rf usr/share/{folder}/*" for folder in LEFT_OUT)
)
MAKER = "mmdebstrap"
# As the official images have it, there is no wait for the disk after each file of what is built anew when power fails.
MAKE = (
    MAKER, "--quiet", "--variant=minbase", "--include=ca-certificates", f"--extract-hook={SLIM}",
    "--dpkgopt=force-unsafe-io", '--aptopt=Acquire::Languages "none"',
)  # fmt: skip
DEBIAN, OWN = "debian", ("python", "node")  # the bases with a recipe of their own; others are made by family
REGISTRY = "https://registry-1.docker.io/v2/"
PROBE_SECONDS = 3.0
MEMORY = Path("/dev/shm")  # noqa: S108 a file system in memory on every Linux, small in some containers
UNPACKED = 512 << 20  # bytes that a suite's packages take while they are made into an image: 250 MiB, and more to come
BOOTSTRAP_SECONDS = 1800.0  # a backstop: on a busy machine it has taken more than ten minutes
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


Arrived = Callable[[str, ReadyBase], None]  # a base's name, and what it is


@dataclass
class Early:
    """The files of the Debian image, made by `pool` while the engine that is to hold the image is being installed."""

    shell: Shell
    say: Callable[[str], None]
    pool: Executor
    _made: Future[Path] | None = field(default=None, init=False)

    def is_wanted(self) -> bool:
        """Return whether no registry has the image."""
        return not registry_answers()

    def lacking(self) -> Sequence[str]:
        """Return the packages that are to be installed for it."""
        return () if shutil.which(MAKER) else (MAKER,)

    def begin(self) -> None:
        """Begin to make the files, beside the caller; a dry run has them made in their turn."""
        if not self.shell.dry:
            self._made = self.pool.submit(self._make)

    def made(self) -> Path | None:
        """Return the archive of the files once they are there, None where they were not begun. Raises CommandError."""
        return self._made.result() if self._made else None

    def _make(self) -> Path:
        with _alone(self.shell, self.say):
            return _archive_debian(self.shell, SUITE)


def recipe_folder(root: Path) -> Path:
    """Return where the Dockerfiles of the bootstrapped bases are."""
    return root / "services" / "base"


def bootstrapped_refs(root: Path, bases: Mapping[str, Base], bundle: bytes) -> dict[str, str]:
    """Return base name → reference of its twin, whose tag is a digest of its recipe; nothing where none can be made."""
    common = _common(bundle)
    refs = {}
    for name, base in bases.items():
        own = recipe_folder(root) / f"{name}.Dockerfile"
        if name in (DEBIAN, *OWN):
            recipe = base.image.encode() + (own.read_bytes() if own.is_file() else b"")
            refs[name] = _twin(name, common, recipe)
        elif found := families.equal(base.image):
            refs[name] = _twin(found.name, common, _recipe(root, found))
    return refs


def _common(bundle: bytes) -> bytes:
    """Return a digest of what all images made here have in common."""
    return hashlib.sha256(f"{SUITE} {MIRROR} {MAKE}".encode() + bundle).digest()


def _twin(name: str, common: bytes, recipe: bytes) -> str:
    return f"todo-chatbot/base-{name}:{hashlib.sha256(common + recipe).hexdigest()[:16]}"


def _recipe(root: Path, equal: families.Equal) -> bytes:
    """Return all that decides what a family's image becomes."""
    folder = recipe_folder(root)
    files = [folder / f"{equal.recipe}.Dockerfile", *sorted(folder.glob("nginx*.conf")), folder / "nodes.sha512"]
    files += sorted(folder.glob("alpine-*")) if equal.musl else []
    return repr(equal).encode() + b"".join(file.read_bytes() for file in files if file.is_file())


def ensure(
    shell: Shell,
    client: Docker,
    root: Path,
    bases: Mapping[str, Base],
    *,
    may_install: bool,
    say: Callable[[str], None],
    services: Sequence[Service] = (),
    arrived: Arrived = lambda *_: None,
    early: Early | None = None,
) -> dict[str, ReadyBase]:
    """Return every base image, present on the engine. What is there already is used without asking any registry.

    `services` are those that are built on them. `arrived` hears of each as soon as it is there, where others are still
    awaited, from several threads. `early` is what may have begun already. Raises UserError where neither a registry
    answers nor Debian's packages can be used, and for a Dockerfile that an image made from packages cannot build.
    """
    twins = bootstrapped_refs(root, bases, _bundle())
    refs, have = _meant(shell, client, bases, twins)
    missing = [name for name, ref in refs.items() if ref not in have]
    search = _Search(shell, client, root, bases, services, say, arrived, twins, refs, missing)
    if missing:
        search.refuse_alpine({name for name, ref in refs.items() if ref in have})
        for name in refs.keys() - set(missing):
            search.there(name)
        if registry_answers():
            search.pull()
        else:
            search.make(may_install, early.made() if early else None)
        wanted = [refs[name] for name in search.missing]
        docker.require(shell, client, wanted, "the base images were reported as fetched")
        have |= docker.image_ids(shell, client, list(refs.values()))
    search.refuse_alpine(refs)
    if shell.dry:
        have = {ref: have.get(ref, ref) for ref in refs.values()}
    return {name: ReadyBase(ref, have[ref], name in search.missing) for name, ref in refs.items()}


def present(shell: Shell, client: Docker, root: Path, bases: Mapping[str, Base]) -> dict[str, ReadyBase] | None:
    """Return every base image where the engine has all of them, None where one is missing. Changes nothing."""
    refs, have = _meant(shell, client, bases, bootstrapped_refs(root, bases, _bundle()))
    return (
        {name: ReadyBase(ref, have[ref]) for name, ref in refs.items()} if have.keys() >= set(refs.values()) else None
    )


def _meant(
    shell: Shell, client: Docker, bases: Mapping[str, Base], twins: Mapping[str, str]
) -> tuple[dict[str, str], dict[str, str]]:
    """Return base name → reference of the image that is meant, and reference → id of those that the engine has."""
    have = docker.image_ids(shell, client, [*(base.image for base in bases.values()), *twins.values()])
    refs = {name: base.image if base.image in have else twins.get(name, base.image) for name, base in bases.items()}
    return refs, have


@dataclass
class _Search:
    """The base images that the engine lacks, on their way: `refs` are those that are meant, `missing` their names."""

    shell: Shell
    client: Docker
    root: Path
    bases: Mapping[str, Base]
    services: Sequence[Service]
    say: Callable[[str], None]
    arrived: Arrived
    twins: Mapping[str, str]
    refs: dict[str, str]
    missing: list[str]

    def there(self, name: str) -> None:
        """Report an image that the engine has."""
        for ref, id in docker.image_ids(self.shell, self.client, [self.refs[name]]).items():
            self.arrived(name, ReadyBase(ref, id, name in self.missing))

    def pull(self) -> None:
        """Fetch the official ones, side by side."""
        self.refs |= {name: self.bases[name].image for name in self.missing}

        def one(name: str) -> None:
            self.shell.effect([self.client.binary, "pull", "--quiet", self.refs[name]], timeout=900)
            self.there(name)

        with ThreadPoolExecutor() as pool:
            list(pool.map(one, self.missing))

    def make(self, may_install: bool, archive: Path | None) -> None:
        """Make equal ones from Debian's packages, unless another run has done so meanwhile. Raises UserError.

        `archive` has the files of Debian's current suite where they are made already.
        """
        _refuse_unmakeable([self.bases[name].image for name in self.missing if name not in self.twins])
        self.refuse_alpine(self.refs)
        self.say(f"no image registry answers: making {', '.join(self.missing)} from packages")
        for line in remarks(self.bases, self.missing):
            self.say(line)
        with _alone(self.shell, self.say):
            have = docker.image_ids(self.shell, self.client, list(self.refs.values()))
            self.missing = [name for name in self.missing if self.refs[name] not in have]
            if self.missing:
                bootstrap(
                    self.shell, self.client, self.root, self.twins, self.bases, self.missing,
                    may_install=may_install, there=self.there, archive=archive,
                )  # fmt: skip

    def refuse_alpine(self, names: Iterable[str]) -> None:
        """Raise UserError for a service that only Alpine can build, on one of these that is a twin."""
        _refuse_alpine(self.services, {name for name in names if self.refs[name] == self.twins.get(name)})


def _alone(shell: Shell, say: Callable[[str], None]) -> AbstractContextManager[None]:
    """Wait until no other run makes base images: two at once would make each of them twice."""
    return nullcontext() if shell.dry else lock.wait_for(cache_folder("base-images") / "lock", say)


def registry_answers() -> bool:
    """Return whether the official registry answers at all, decided within `PROBE_SECONDS`."""
    return status(REGISTRY) in (200, 401)  # "authenticate first" is how a live registry greets


def status(url: str) -> int:
    """Return the status that a server answers a HEAD request with, decided within `PROBE_SECONDS`; 0 for no answer."""
    try:
        with urllib.request.urlopen(urllib.request.Request(url, method="HEAD"), timeout=PROBE_SECONDS) as answer:  # noqa: S310 constants
            return int(answer.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code
    except UNANSWERED:
        return 0


def _bundle() -> bytes:
    file = Path(os.environ.get("SSL_CERT_FILE", CA_BUNDLE))
    return file.read_bytes() if file.is_file() else b""


def remarks(bases: Mapping[str, Base], names: Iterable[str]) -> list[str]:
    """Return a line for each image whose twin is not of the very same version."""
    told = {name: _remark(name, bases[name].image) for name in names}
    return [f"{bases[name].image}: {remark}" for name, remark in told.items() if remark]


def _remark(name: str, image: str) -> str:
    if name in (DEBIAN, *OWN):
        return families.own_remark(name, image)
    found = families.equal(image)
    return found.remark if found else ""


def _refuse_unmakeable(images: Sequence[str]) -> None:
    if images:
        raise UserError(
            f"no image registry answers, and {', '.join(images)} cannot be made from packages",
            "make the registry reachable, or build the service by one of the product's: `builder` in the app's file",
        )


def _refuse_alpine(services: Sequence[Service], twins: Collection[str]) -> None:
    """Refuse a Dockerfile that calls Alpine's package manager on an image that is Debian here."""
    problems = [
        f"{service.name}: {file}: {words[0].strip()}: runs on Alpine only, and no image registry answers"
        for service in services
        if any("alpine" in base for base in set(service.bases.values()) & set(twins))
        for file in (service.recipe,)
        if (words := families.foreign_words(file.read_text(encoding="utf-8", errors="replace")))
    ]
    if problems:
        raise UserError(
            "\n".join(problems),
            "make the registry reachable, or let the product build it: `builder` in the app's file",
        )


def bootstrap(
    shell: Shell,
    client: Docker,
    root: Path,
    refs: Mapping[str, str],
    bases: Mapping[str, Base],
    missing: Sequence[str],
    *,
    may_install: bool,
    there: Callable[[str], None],
    archive: Path | None = None,
) -> None:
    """Make the Debian bases by mmdebstrap, then the others on top of them, side by side; `there` hears of each by name.

    `archive` has the files of the current suite where they are made already. The host's CA bundle goes in, as builds
    behind a TLS-inspecting proxy could not fetch anything without it.
    """
    _need_mmdebstrap(shell, may_install)
    equals = {name: families.equal(bases[name].image) for name in missing if name not in (DEBIAN, *OWN)}
    suites = {SUITE: refs[DEBIAN]} | {
        equal.suite: _twin(f"debian-{equal.suite}", _common(_bundle()), equal.suite.encode())
        for equal in equals.values() if equal and equal.suite != SUITE
    }  # fmt: skip
    have = docker.image_ids(shell, client, [*suites.values(), *(refs[name] for name in OWN if name in refs)])
    for suite, ref in suites.items():
        if ref not in have:
            _import_debian(shell, client, ref, archive if archive and suite == SUITE else _archive_debian(shell, suite))
    if DEBIAN in missing:
        there(DEBIAN)

    def family(name: str, equal: families.Equal) -> None:
        target = f"{refs[name]}-names" if equal.musl else refs[name]
        arguments = _sources(equal, refs, suites[equal.suite]) | equal.arguments
        _build(shell, client, root, equal.recipe, target, arguments)
        if equal.musl:
            _build(shell, client, root, "alpine-names", refs[name], {"BASE_IMAGE": target})
        there(name)

    def own(name: str) -> None:
        _build(shell, client, root, name, refs[name], {"DEBIAN_IMAGE": refs[DEBIAN]})
        there(name)

    wanted = [
        name for name in OWN if name in missing or (name == "node" and _any_node(equals) and refs[name] not in have)
    ]
    once = {refs[name]: (name, equal) for name, equal in equals.items() if equal}  # two may be the same image here
    with ThreadPoolExecutor() as pool:
        list(pool.map(own, wanted))
        list(pool.map(lambda item: family(*item), once.values()))


def may_unpack() -> bool:
    """Return whether this user may unpack packages as their owners, as root or by user namespaces."""
    return os.geteuid() == 0 or any(map(shutil.which, ("newuidmap", "fakechroot")))


def _need_mmdebstrap(shell: Shell, may_install: bool) -> None:
    """Install mmdebstrap where it is missing and may be installed. Raises UserError where it may not."""
    if shutil.which(MAKER) and not may_unpack():
        raise UserError(
            "no image registry answers, and mmdebstrap, which makes base images from Debian's packages, needs "
            "newuidmap for a user who is not root",
            "as root: apt-get install uidmap; or let root run invoke prepare here once; or make the registry reachable",
        )
    if shutil.which(MAKER):
        return
    if not may_install or os.geteuid() != 0 or not shutil.which("apt-get"):
        raise UserError(
            "no image registry answers, and mmdebstrap, which makes base images from Debian's packages, is missing",
            "as root on Debian or Ubuntu: apt-get install mmdebstrap; or make the registry reachable",
        )
    engine.install(shell, (MAKER,))


def _build(shell: Shell, client: Docker, root: Path, recipe: str, ref: str, arguments: Mapping[str, str]) -> None:
    """Build a base image by one of the recipes in `services/base`."""
    argv: list[str | Path] = [client.binary, "build", "--tag", ref]
    argv += ["--file", recipe_folder(root) / f"{recipe}.Dockerfile"]
    argv += [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    shell.effect([*argv, recipe_folder(root)], env=BUILDKIT, timeout=900)


def _any_node(equals: Mapping[str, families.Equal | None]) -> bool:
    return any(equal and equal.family == "node" for equal in equals.values())


def _sources(equal: families.Equal, refs: Mapping[str, str], debian: str) -> dict[str, str]:
    """Return the images that a family's recipe starts from. Another node fetches this one, with its npm."""
    return {"DEBIAN_IMAGE": debian} | ({"NODE_IMAGE": refs["node"]} if equal.family == "node" else {})


def _in_memory(folder: Path) -> dict[str, str]:
    """Return what has mmdebstrap unpack its thousands of small files in memory, nothing where that may not hold them.

    A person's own TMPDIR stays.
    """
    try:
        found = os.statvfs(folder)
    except OSError:
        return {}
    room = min(found.f_bavail * found.f_frsize, resources.free_memory() // 2)
    fits = room >= UNPACKED and not found.f_flag & os.ST_NOEXEC and os.access(folder, os.W_OK)
    return {"TMPDIR": str(folder)} if fits and "TMPDIR" not in os.environ else {}


def _archive_debian(shell: Shell, suite: str) -> Path:
    """Make the files of a Debian image, and return the archive that has them."""
    bundle = Path(os.environ.get("SSL_CERT_FILE", CA_BUNDLE))
    copy = (
        ["--customize-hook=copy-in " + str(bundle) + " /etc/ssl/certs/"]
        if bundle.name == CA_BUNDLE.name and bundle.is_file()
        else []
    )
    archive = cache_folder("base-images") / f"debian-{suite}.tar"
    shell.effect([*MAKE, *copy, suite, archive, MIRROR], timeout=BOOTSTRAP_SECONDS, env=_in_memory(MEMORY))
    return archive


def _import_debian(shell: Shell, client: Docker, ref: str, archive: Path) -> None:
    """Make an image of an archive, which is gone then."""
    changes = [word for name in CA_VARIABLES for word in ("--change", f"ENV {name}={CA_BUNDLE}")]
    changes += ["--change", 'CMD ["bash"]', "--change", "LABEL org.opencontainers.image.title=base-debian"]
    shell.effect([client.binary, "import", *changes, archive, ref], timeout=BOOTSTRAP_SECONDS)
    archive.unlink(missing_ok=True)
