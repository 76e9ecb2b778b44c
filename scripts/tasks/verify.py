"""Proofs on the live release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import JSON, command
from scripts.tasks.support import fail_unless, print_table, show_scaling

if TYPE_CHECKING:
    from scripts.context.session import Session


@command(requests="how many at least")
def zero_downtime(s: Session, requests: int = 20_000) -> None:
    """Call the release while it changes: none may fail."""
    from scripts.verify import zero_downtime as proof

    result = proof.zero_downtime(s, requests=requests, say=s.say)
    print_table(proof.rows(result))
    fail_unless(not result.failures, proof.problems(result))


@command(
    service="which service; the first that the app's file names under load, unless said otherwise",
    users="how many people at once",
    stabilization="seconds the autoscaler looks back before it removes pods, where the release has none of its own",
    json=JSON,
)
def scaling(
    s: Session, service: str = "", users: int = 40, stabilization: int | None = None, json: bool = False
) -> None:
    """Load a service until it scales out, and in again."""
    show_scaling(s, service, users, stabilization, as_json=json)
