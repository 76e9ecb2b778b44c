"""The supply chain: what is in the images, what is known against it, and who vouches for them."""

from invoke import Context, task

from scripts.tasks.support import HELP, errors_explained, plan_only, print_table, prove, session

ENVIRONMENT = {name: HELP[name] for name in ("environment", "target")}
SCAN = ENVIRONMENT | {
    "json": HELP["json"],
    "sarif": "the SARIF file to write, reports/security/scan.sarif if not given",
    "fail_on": "the least severity that fails: critical, high, medium or low",
    "only": "only these scanners, comma-separated",
}


@task(help=SCAN)
def scan(
    c: Context,
    json: bool = False,
    sarif: str = "",
    fail_on: str = "",
    only: str = "",
    environment: str = "dev",
    target: str = "",
) -> None:
    """Look for known weaknesses in sources and images."""
    with errors_explained():
        from json import dumps

        from scripts.supplychain import commands
        from scripts.supplychain import scan as scanning

        run = plan_only(session(c, environment, target))
        done, limits = commands.scan(run, only=only, sarif=sarif, fail_on=fail_on)
        rows, problems = commands.judged(done, limits)
        print(dumps(scanning.report(done, limits), indent=1)) if json else print_table(rows)
        prove(not problems, problems)


@task(help=ENVIRONMENT)
def sbom(c: Context, environment: str = "dev", target: str = "") -> None:
    """Write each image's bill of materials (CycloneDX)."""
    with errors_explained():
        from scripts.supplychain import commands

        print_table(commands.sbom(plan_only(session(c, environment, target))))


@task(help=ENVIRONMENT)
def sign(c: Context, environment: str = "dev", target: str = "") -> None:
    """Sign the images' origin and last scan."""
    with errors_explained():
        from scripts.supplychain import commands

        print_table(commands.sign(plan_only(session(c, environment, target))))


@task(help=ENVIRONMENT)
def verify(c: Context, environment: str = "dev", target: str = "") -> None:
    """Check the images' signatures and scans."""
    with errors_explained():
        from scripts.supplychain import commands

        rows, problems = commands.verify(plan_only(session(c, environment, target)))
        print_table(rows)
        prove(not problems, problems)
