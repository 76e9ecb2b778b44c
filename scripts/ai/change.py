"""From an answer to a change: with the rights of the writer, and with the pipeline's own proof of health."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace

from scripts.ai import access, apply
from scripts.ai.answers import Manifest
from scripts.ai.commands import Verdict
from scripts.ai.consult import Connection, Consultation
from scripts.ai.types import NOBODY
from scripts.context.release_lock import hold_release_lock
from scripts.context.run import Run
from scripts.context.session import Session
from scripts.errors import UserError
from scripts.host.terminal import printable, typed
from scripts.kube.objects import claims_of, name_of
from scripts.secrets import redact


def apply_answer(
    session: Session, place: Connection, found: Consultation, *, yes: bool, show: Callable[[str], None]
) -> bool:
    """Apply what an answer proposes. True if it was done. Raises UserError for what may not be."""
    steps = apply.plan(found.answer.commands, safe_manifests(found), place.namespace)
    if not steps:
        show("the answer proposes no change, and nothing was changed")
        return False

    dangers = _dangers(session, place, steps, found)

    def approve() -> bool:
        _warn(dangers, show)
        if session.shell.dry or (yes and not dangers):
            return True
        if not sys.stdin.isatty():
            remedy = "these need a yes that is typed" if dangers else "read the diff, then pass --yes"
            raise UserError("nothing was changed: not a terminal", remedy)
        return typed("Make this change? Type yes: ") == "yes"

    done = _carried_out(session, place, steps, show, approve, lambda names: prove(session, names))
    if done:
        show("done, until the next deploy; to keep it, put it into the chart's values")
    return done


def at_the_terminal(session: Session, place: Connection, show: Callable[[str], None]) -> Callable[[Verdict], str]:
    """Return what becomes of a change that a model wants in the middle of its work: the person is asked, the product
    does it.

    The function returns words for the model; nothing that happens here ends the conversation.
    """

    def decide(verdict: Verdict) -> str:
        if not sys.stdin.isatty() or session.shell.dry:
            return NOBODY
        try:
            steps = apply.plan([verdict], (), place.namespace)
            return _asked(session, place, steps, verdict, show)
        except UserError as error:
            return f"Refused: {error}. Nothing is different from before."

    return decide


def _asked(
    session: Session, place: Connection, steps: Sequence[apply.Step], verdict: Verdict, show: Callable[[str], None]
) -> str:
    """Show what a change would do, ask, and make it with the writer's rights."""
    # Of several lines every one is marked: none of them can pass for a diff or a question of ours.
    show("\nthe model wants to run: " + "\n  | ".join(printable(verdict.line).splitlines()))

    def approve() -> bool:
        _warn(_dangers(session, place, steps), show)
        return typed("Make this change? Type yes: ") == "yes"

    if not _carried_out(session, place, steps, show, approve, lambda names: None):
        return "Refused: the person said no. Nothing was changed. Do not ask for it again."
    return f"Done: {verdict.line}. Pods follow in the background; look with kubectl rollout status."


def _carried_out(
    session: Session, place: Connection, steps: Sequence[apply.Step], show: Callable[[str], None],
    approve: Callable[[], bool], prove: Callable[[Sequence[str]], None],
) -> bool:  # fmt: skip
    """Make a change with the writer's rights, alone on the release. False if nobody approved it."""
    with (
        hold_release_lock(session),
        access.kubeconfig(place.kubectl, place.namespace, session.settings.root, "writer") as file,
    ):
        limited = replace(place.kubectl, kubeconfig=file)
        return apply.carry_out(
            place.kubectl, limited, place.namespace, steps, show=show, approve=approve, prove=prove
        )  # fmt: skip


def _warn(dangers: Sequence[str], show: Callable[[str], None]) -> None:
    """Show each danger in one line; it may quote what the model wrote."""
    for danger in dangers:
        show(f"careful: {' '.join(printable(danger).split())}")


def _dangers(
    session: Session, place: Connection, steps: Sequence[apply.Step], found: Consultation | None = None
) -> list[str]:
    """Return what of a change needs a yes that is typed.

    Expected are the app's images, those that run, and one of no other registry that was asked for.
    Raises UserError where it cannot be told what runs.
    """
    running = place.kubectl.items("deployments", place.namespace)
    images = [image for item in running for image in apply.images_in(item)]
    asked = [found.inputs[item.name] for item in found.recipe.inputs if item.type == "image"] if found else []
    images += [image for image in asked if not apply.host(image)]
    own = [f"{service.project}/{service.name}" for service in session.settings.services]
    alone = [name_of(item) for item in running if claims_of(item)]
    return apply.dangers(steps, session.settings.registry, {*own, *map(apply.repository, images)}, alone)


def safe_manifests(found: Consultation) -> list[Manifest]:
    """Return the manifests of an answer.

    One that holds a placeholder is refused: nobody puts secrets into a manifest.
    """
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
