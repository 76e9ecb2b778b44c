"""From an answer to a change: with the rights of the writer, and with the pipeline's own proof of health."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from scripts.ai import access, apply
from scripts.ai.answers import Manifest
from scripts.ai.consult import Consultation, Desk
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.secrets import redact


def make(session: Session, place: Desk, found: Consultation, *, yes: bool, show: Callable[[str], None]) -> bool:
    """Apply what an answer proposes. True if it was done. Raises UserError for what may not be."""
    if found.recipe.safety != "change":
        raise UserError(f"recipe {found.recipe.name} only reads", "leave --apply out")
    steps = apply.plan(found.answer.commands, restored(found), place.namespace)
    if not steps:
        show("the answer proposes no change, and nothing was changed")
        return False

    def approve() -> bool:
        if yes or session.shell.dry:
            return True
        if not sys.stdin.isatty():
            raise UserError("nothing was changed: not a terminal", "read the diff, then pass --yes")
        return input("Make this change? Type yes: ").strip() == "yes"

    with access.kubeconfig(place.kubectl, place.namespace, session.settings.root, "writer") as file:
        limited = replace(place.kubectl, kubeconfig=file)
        done = apply.carry_out(
            place.kubectl, limited, place.namespace, steps,
            show=show, approve=approve, prove=lambda names: prove(session, names),
        )  # fmt: skip
    if done:
        show("done, until the next deploy; to keep it, put it into the chart's values")
    return done


def restored(found: Consultation) -> list[Manifest]:
    """The manifests of an answer. One that holds a placeholder is refused: nobody puts secrets into a manifest."""
    result = []
    for item in found.answer.manifests:
        text = str(item.body)
        hidden = any(name in text for name in found.mapping) or redact.redact(text)[1]
        problem = item.problem or (f"{item.kind}/{item.name} holds a secret in plain text" if hidden else "")
        result.append(replace(item, problem=problem))
    return result


def prove(session: Session, names: Sequence[str]) -> None:
    """Wait for the Deployments and see that they are healthy. Raises UserError with the cause if they are not."""
    from scripts.kube import workloads
    from scripts.pipeline import health, rollout
    from scripts.reporting import display

    shown = display.choose()
    try:
        run = Run(session, shown)
        found = [workloads.deployment(run.namespace, name) for name in names]
        for outcome in rollout.await_workloads(run, found):
            shown.line(f"{outcome.target}: {outcome.detail}")
        app = {service.name for service in session.settings.services}
        own = [one for one in found if one.name in app]
        for outcome in health.await_healthy(run, own) if own else ():
            shown.line(f"{outcome.target}: {outcome.detail}")
    finally:
        shown.close()
