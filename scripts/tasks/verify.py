"""Proofs on the live release."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, print_table, prove, session, show_scaling, whole

ENVIRONMENT = {name: HELP[name] for name in ("environment", "target")}
SCALING = ENVIRONMENT | {
    "service": "frontend or backend",
    "users": "how many people at once",
    "stabilization": "seconds the autoscaler looks back before it removes pods, where the release has none of its own",
    "json": HELP["json"],
}


@task(help=ENVIRONMENT | {"requests": "how many at least"})
def zero_downtime(c: Context, requests: int = 20_000, environment: str = "dev", target: str = "") -> None:
    """Load the release while it changes: none fails."""
    with errors_explained():
        from scripts.verify.zero_downtime import rows
        from scripts.verify.zero_downtime import zero_downtime as prove_zero_downtime

        s = session(c, environment, target)
        result = prove_zero_downtime(s, requests=whole(requests, "--requests"), say=s.say)
        print_table(rows(result))
        prove(not result.failures, [str(item) for item in result.failures[:20]])


@task(help=SCALING)
def scaling(
    c: Context,
    service: str = "backend",
    users: int = 40,
    stabilization: str = "",
    json: bool = False,
    environment: str = "dev",
    target: str = "",
) -> None:
    """Load a service until it scales out, and in again."""
    with errors_explained():
        window = whole(stabilization, "--stabilization") if stabilization else None
        show_scaling(c, service, whole(users, "--users"), window, as_json=json, environment=environment, target=target)
