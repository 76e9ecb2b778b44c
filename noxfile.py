"""The project's own checks: `nox` runs them all; `nox -s lint test` is enough before a commit.

Sessions without a virtual environment of their own run in the one that `./run` makes from the hash-checked lock.
"""

import os
import shutil
import sys
from pathlib import Path

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "test", "services", "policy", "engine", "conformance", "e2e"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, imports between layers, types, YAML."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")
    session.run("lint-imports", "--no-cache", "--config", "embedded/pyproject.toml", env={"PYTHONPATH": "embedded/src"})
    session.run("mypy")
    session.run("yamllint", "--strict", ".")


@nox.session
def test(session: nox.Session) -> None:
    """Unit, golden, property and replay tests: no Docker engine."""
    for words in [session.posargs] if session.posargs else [["tests"], ["embedded"]]:
        session.run("pytest", "-m", "not engine", *words)


@nox.session(venv_backend="venv", reuse_venv=True)
def services(session: nox.Session) -> None:
    """The Python services against a real PostgreSQL, in the versions they are deployed with."""
    locks = [f"services/{name}/requirements.txt" for name in ("backend", "agent", "mcp")]
    _install(session, *locks, "tests/services/requirements.txt")
    _debian(session, "/usr/lib/postgresql/*/bin/postgres", "postgresql")
    session.run("python", "-m", "pytest", "tests/services", *session.posargs)


@nox.session
def policy(session: nox.Session) -> None:
    """checkov on the rendered manifests and the Dockerfiles, hadolint on the Dockerfiles, promtool on the alerts."""
    session.run("pytest", "tests/policy", *session.posargs)


@nox.session
def engine(session: nox.Session) -> None:
    """The embedded cluster, and what the AI tasks do to one, on a real Docker engine with the real helm and kubectl."""
    session.run("invoke", "install")
    for words in [session.posargs] if session.posargs else [["tests/ai"], ["embedded"]]:
        session.run("pytest", "-m", "engine", *words)


@nox.session
def conformance(session: nox.Session) -> None:
    """Broken workloads behave, and are diagnosed, as recorded; on any cluster with -- --kubeconfig F --context C."""
    if not session.posargs:
        session.run("invoke", "install")
    session.run("pytest", "embedded/tests/conformance", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """The pipeline against the plain command list, and what planning costs: -- ROUNDS."""
    session.run("invoke", "install")
    session.run("python", "-m", "bench", *session.posargs)


@nox.session(venv_backend="venv", reuse_venv=True)
def e2e(session: nox.Session) -> None:
    """The main job as a user runs it, on real containers, and the app in a real browser."""
    _install(session, "tests/browser/requirements.txt")
    _debian(session, "/usr/bin/chromium", "chromium")
    browser = {"BROWSER_PYTHON": str(Path(session.bin) / "python")}
    session.run(sys.executable, "-m", "pytest", "tests/e2e", *session.posargs, env=browser, external=True)


def _install(session: nox.Session, *locks: str) -> None:
    """Install from hash-checked locks, only when one of them changed."""
    words = [word for lock in locks for word in ("-r", lock)]
    session.install("-qq", "--disable-pip-version-check", "--require-hashes", "--only-binary", ":all:", *words)


def _debian(session: nox.Session, path: str, package: str) -> None:
    """Make sure of a Debian package, which as root can be installed; otherwise say what to install."""
    if list(Path("/").glob(path.lstrip("/"))):
        return
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        session.error(f"{path} is missing: install the package {package}")
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    session.run("apt-get", "update", "-qq", external=True)
    session.run("apt-get", "install", "-qq", "-y", "--no-install-recommends", package, external=True, env=quiet)
