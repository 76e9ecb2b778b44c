"""Proofs on the live release."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, print_table, prove, session, whole

ENVIRONMENT = {name: HELP[name] for name in ("environment", "target")}


@task(help=ENVIRONMENT | {"requests": "how many at least"})
def zero_downtime(c: Context, requests: int = 20_000, environment: str = "dev", target: str = "") -> None:
    """Load the release while it changes: none fails."""
    with errors_explained():
        from scripts import verify

        s = session(c, environment, target)
        result = verify.zero_downtime(s, requests=whole(requests, "--requests"), say=s.say)
        print_table(verify.rows(result))
        prove(not result.failures, [str(item) for item in result.failures[:20]])
