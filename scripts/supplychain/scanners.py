"""The scanners: how each is called. What it prints is read in `parse`."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

from scripts.context.session import Session
from scripts.host.paths import relative
from scripts.host.shell import Shell
from scripts.kube.helm import template_argv
from scripts.settings.assemble import BUILDERS
from scripts.settings.configuration import ENVIRONMENTS
from scripts.settings.model import Release, Service, Settings
from scripts.supplychain import parse, virtualenv
from scripts.supplychain.model import Finding, NotRun, Result
from scripts.supplychain.subjects import Subject

OFFLINE = 10  # seconds in which an advisory service has to answer
LIMIT = 300.0


def dockerfiles(settings: Settings) -> list[tuple[str, Path]]:
    """Return (service, Dockerfile): those of the services, and without a service those of the base images and the
    builders.
    """
    own = [(item.name, item.recipe) for item in (*settings.services, settings.database)]
    used = {path for _, path in own}
    shared = sorted([*(settings.root / "services/base").glob("*.Dockerfile"), *BUILDERS.glob("*.Dockerfile")])
    return own + [("", path) for path in shared if path not in used and path.is_file()]


def _lock_of(service: Service, name: str) -> Path | None:
    """Return a service's lock: in its context, in a folder of its name where several share a context, or by its
    Dockerfile.
    """
    places = (service.context / name, service.context / service.name / name, service.dockerfile.parent / name)
    return next((path for path in places if path.is_file()), None)


def hadolint(session: Session) -> list[Result]:
    """Run hadolint on every Dockerfile."""
    program = virtualenv.ensure(session.shell, session.settings.root) / "hadolint"
    results = []
    for service, file in dockerfiles(session.settings):
        name = relative(file, session.settings.root)
        answer = session.shell.probe([program, "--format", "json", file], timeout=60)
        results.append(_result_of("hadolint", name, service, partial(parse.hadolint, answer.out, answer.err, name)))
    return results


def checkov(session: Session) -> list[Result]:
    """Run checkov on the manifests of every environment and on every Dockerfile, with the exceptions explained for
    it.
    """
    settings = session.settings
    program = virtualenv.ensure(session.shell, settings.root) / "checkov"
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        names = _manifests(session, folder / "manifests")
        for service, file in dockerfiles(settings):
            place = Path("dockerfiles") / (service or "base") / file.name
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, folder / place)
            names[str(place)] = relative(file, settings.root)
        words: list[str | Path] = [
            "--config-file",
            Path(__file__).with_name("checkov.yaml"),
            "--directory",
            folder,
            "--output",
            "json",
        ]
        answer = session.shell.probe([program, *words], timeout=LIMIT)
    what = f"manifests of {', '.join(ENVIRONMENTS)}, Dockerfiles"
    return [_result_of("checkov", what, "", lambda: parse.checkov(answer.out, answer.err, names))]


def _manifests(session: Session, folder: Path) -> dict[str, str]:
    """Render every chart into `folder`, and return what each file is called here."""
    settings = session.settings
    folder.mkdir()
    names = {}
    for name, release, values in _renderings(settings):
        answer = session.shell.probe(template_argv(session.tools["helm"], release, values), timeout=120)
        if not answer:
            raise NotRun(f"helm cannot render {name}: {answer.err.strip()[:200]}")
        (folder / f"{name}.yaml").write_text(answer.out, encoding="utf-8")
        # The file that makes this rendering what it is; the templates are shared by all.
        names[f"manifests/{name}.yaml"] = relative((values or [release.chart / "values.yaml"])[0], settings.root)
    return names


def _renderings(settings: Settings) -> Iterator[tuple[str, Release, list[Path]]]:
    own = settings.release
    folder = own.chart / "environments"
    extra = [file for file in own.values if file.parent != folder]
    for name in ENVIRONMENTS:
        yield name, own, [*([folder / f"{name}.yaml"] if (folder / f"{name}.yaml").is_file() else []), *extra]
    yield "database", settings.database_release, list(settings.database_release.values)


def python_locks(settings: Settings) -> list[tuple[str, Path]]:
    """Return (service, lock) of the Python services, and the lock of this tool."""
    found = [(item.name, _lock_of(item, "requirements.txt")) for item in settings.services]
    return [("", settings.root / "requirements.txt"), *((name, path) for name, path in found if path)]


def pip_audit(session: Session) -> list[Result]:
    """Run pip-audit on every Python lock, as locked: nothing is installed or resolved."""
    program = virtualenv.ensure(session.shell, session.settings.root) / "pip-audit"
    words = ["--disable-pip", "--require-hashes", "--format", "json", "--progress-spinner", "off"]

    def one(lock: tuple[str, Path]) -> Result:
        service, file = lock
        name = relative(file, session.settings.root)
        argv: list[str | Path] = [program, *words, "--timeout", str(OFFLINE), "--requirement", file]
        answer = session.shell.probe(argv, timeout=LIMIT)
        return _result_of("pip-audit", name, service, lambda: parse.pip_audit(answer.out, answer.err, name))

    with ThreadPoolExecutor(4) as pool:
        return list(pool.map(one, python_locks(session.settings)))


def npm_audit(session: Session) -> list[Result]:
    """Run npm audit on every JavaScript lock, packages that only a build needs included."""
    settings = session.settings
    results = []
    for service in settings.services:
        file = service.context / "package-lock.json"
        if not file.is_file():
            continue
        name = relative(file, settings.root)
        argv: list[str | Path] = ["npm", "audit", "--prefix", file.parent, "--package-lock-only", "--json"]
        answer = session.shell.probe([*argv, f"--fetch-timeout={OFFLINE * 1000}", "--fetch-retries=0"], timeout=60)
        results.append(
            _result_of("npm-audit", name, service.name, partial(parse.npm_audit, answer.out, answer.err, name))
        )
    return results


def image_scan(shell: Shell, subjects: list[Subject]) -> list[Result]:
    """Run trivy, or else grype, on every image; both need a database of vulnerabilities that they fetch themselves."""
    return [_image_scan(shell, subject) for subject in subjects]


def _image_scan(shell: Shell, subject: Subject) -> Result:
    ref = subject.image.ref

    def look() -> list[Finding]:
        if not subject.id:
            raise NotRun("the image is not built: invoke build")
        if trivy := shutil.which("trivy"):
            words = ["image", "--format", "json", "--quiet", "--scanners", "vuln", "--timeout", f"{LIMIT:g}s"]
            answer = shell.probe([trivy, *words, subject.id], timeout=LIMIT + 10)
            return parse.trivy(answer.out, answer.err, ref)
        if grype := shutil.which("grype"):
            answer = shell.probe([grype, f"docker:{subject.id}", "--output", "json", "--quiet"], timeout=LIMIT)
            return parse.grype(answer.out, answer.err, ref)
        raise NotRun("neither trivy nor grype is installed")

    return _result_of("image-scan", ref, subject.image.service, look)


def _result_of(scanner: str, what: str, service: str, read: Callable[[], list[Finding]]) -> Result:
    try:
        return Result(scanner, what, service, tuple(read()))
    except NotRun as reason:
        return Result(scanner, what, service, reason=str(reason))
    except (KeyError, TypeError, AttributeError, IndexError) as error:
        return Result(scanner, what, service, reason=f"its answer is of another form than expected: {error!r}")
