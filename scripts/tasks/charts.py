"""The charts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import command
from scripts.tasks.support import silent_run

if TYPE_CHECKING:
    from scripts.context.session import Session


@command(where=False, tools=True)
def lint(s: Session) -> None:
    """Lint every chart, for every environment."""
    from scripts.release import charts

    print(f"{charts.lint(s)} times linted, nothing wrong")


@command(folder="where to write <environment>.yaml")
def render(s: Session, folder: str = "reports/manifests") -> None:
    """Write the manifests of an environment."""
    from scripts.release import charts

    print(charts.write(silent_run(s), s.settings.root / folder))


@command()
def diff(s: Session) -> None:
    """Show what a deploy would change on the live release."""
    from scripts.release import charts

    print(charts.pending_changes(silent_run(s)) or "nothing")


@command()
def test(s: Session) -> None:
    """Run the release's own tests in the cluster."""
    from scripts.release import charts

    charts.test(s)
