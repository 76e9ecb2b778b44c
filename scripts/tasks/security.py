"""The supply chain: what is in the images, what is known against it, and who vouches for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from scripts.tasks.options import JSON, command
from scripts.tasks.support import fail_unless, print_table, silent_run

if TYPE_CHECKING:
    from scripts.context.session import Session


@command(
    json=JSON,
    sarif="the SARIF file to write, reports/security/scan.sarif if not given",
    fail_on="the least severity that fails: critical, high, medium or low",
    only="only these scanners, comma-separated",
)
def scan(s: Session, json: bool = False, sarif: str = "", fail_on: str = "", only: str = "") -> None:
    """Look for known weaknesses in sources and images."""
    from json import dumps

    from scripts.supplychain import commands
    from scripts.supplychain import scan as scanning

    done, limits = commands.scan(silent_run(s), only=only, sarif=sarif, fail_on=fail_on)
    rows, problems = commands.verdict_rows(done, limits)
    print(dumps(scanning.report(done, limits), indent=1)) if json else print_table(rows)
    fail_unless(not problems, problems)


@command()
def sbom(s: Session) -> None:
    """Write each image's bill of materials (CycloneDX)."""
    from scripts.supplychain import commands

    print_table(commands.sbom(silent_run(s)))


@command()
def sign(s: Session) -> None:
    """Sign the images' origin and last scan."""
    from scripts.supplychain import commands

    print_table(commands.sign(silent_run(s)))


@command()
def verify(s: Session) -> None:
    """Verify the images' signatures and scans."""
    from scripts.supplychain import commands

    rows, problems = commands.check_images(silent_run(s))
    print_table(rows)
    fail_unless(not problems, problems)
