"""Admit images to a deploy: where the configuration asks for it, each needs a signature and a scan."""

from __future__ import annotations

import time
from collections.abc import Generator

from scripts.context.ready import Ready
from scripts.context.run import Run
from scripts.errors import UserError
from scripts.settings.model import Outcome


def check_admission(run: Run, ready: Ready) -> Generator[Outcome, None, None]:
    """Admit only images that were scanned and signed. In a dry run, say which would not be, and go on.

    Raises UserError naming service, image and remedy.
    """
    from scripts.supplychain import commands  # a fifth of a second to import, which most runs do without

    started = time.monotonic()
    found = commands.planned(run, ready)
    refused = commands.refusals(run, found)
    environment = run.session.settings.environment
    if refused and not run.session.shell.dry:
        raise UserError(
            "\n".join(str(item) for item in refused),
            f"{commands.REMEDY.format(environment=environment)}\n"
            f"then go on: ./run invoke pipeline --environment {environment}",
        )
    wrong = {item.service: "; ".join(item.reasons) for item in refused}
    seconds = time.monotonic() - started
    for item in found:
        name = item.image.service
        if name in wrong:
            yield Outcome("admit", name, "skipped", seconds, f"would be refused: {wrong[name]}")
        else:
            yield Outcome("admit", name, "unchanged", seconds, "signed and scanned")
