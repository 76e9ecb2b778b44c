"""The project's own checks: `nox` runs lint, test and e2e; `nox -s lint test` is enough before a commit.

Sessions run in the environment that `./run` makes from the hash-checked lock, so nothing is installed twice.
"""

import nox

nox.needs_version = ">=2025.5"
nox.options.default_venv_backend = "none"
nox.options.sessions = ["lint", "test"]


@nox.session
def lint(session: nox.Session) -> None:
    """Style, imports between layers, YAML."""
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports", "--no-cache")
    session.run("yamllint", "--strict", ".")


@nox.session
def test(session: nox.Session) -> None:
    """Unit, golden and property tests: no cluster, no Docker engine."""
    session.run("pytest", *session.posargs)
