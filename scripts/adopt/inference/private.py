"""Keep from browsers what a page's server alone may know, where its code has that in a public variable."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from scripts.adopt import variables
from scripts.adopt.folder_kinds import PAGE_KINDS
from scripts.adopt.inference.decision import Context
from scripts.adopt.inference.environment import postgres_driver
from scripts.adopt.units import Unit


def keep_private(unit: Unit, context: Context) -> None:
    """Take a database's address, which a page's server reads by a public variable, under the name without that mark:
    the build would put it, with its password, into what browsers get.
    """
    if unit.kind not in PAGE_KINDS or not postgres_driver(unit):
        return
    for place, read in enumerate(unit.code.reads):
        own = replace(read, name=variables.private_name(read.name))
        given = variables.given(read.name, [context.whole.examples_of(unit)]) or read.default or ""
        if own != read and variables.purpose(own) == "database" and not given.startswith("http"):
            unit.code.reads[place] = own
            unit.renamed[read.name] = own.name


def rename_public(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Let the sources of a page in its image read such a variable by the name without its mark."""
    for name, own in unit.renamed.items():
        spec["replaceInSources"] = spec.get("replaceInSources", {}) | {name: own}
        place = next(read.place for read in unit.code.reads if read.name == own)
        what = f"{name}: {own} in its place, since browsers get what is public"
        context.found.because(f"services.{unit.name}.replaceInSources", what, place)
