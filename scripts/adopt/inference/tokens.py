"""Infer which secrets are one: by what one part of an application signs tokens that another part checks."""

from __future__ import annotations

import re

from scripts.adopt import python_source, variables
from scripts.adopt.facts import Read
from scripts.adopt.inference.decision import Context
from scripts.adopt.inference.jobs import imported_files
from scripts.adopt.tree import Place
from scripts.adopt.units import Unit

_TOKENS = re.compile(r"\bjwt\.(sign|verify)\(|\bSignJWT\b|\bjwtVerify\b|[\"']jsonwebtoken[\"']")


def signed_by_page(unit: Unit, context: Context) -> str:
    """Return the secret by which a page's own server signs or checks the tokens that a service knows people by, where
    the service has one secret for that, by a name of its own; empty elsewhere.
    """
    page, tree = context.whole.page, context.whole.tree
    if page is None or unit is page or not page.javascript:
        return ""
    own = {read.name for read in unit.code.reads if variables.purpose(read) == "signing"}
    signs = [read for read in page.code.reads if variables.purpose(read) == "signing"]
    names = [read.name for read in signs if _TOKENS.search(tree.text(read.place.file))]
    shared = own & {read.name for read in signs}
    return names[0] if names and len(own) == 1 and not shared and unit is context.whole.backend() else ""


def checked_by(read: Read, unit: Unit, context: Context) -> str:
    """Return the secret by which a program checks the tokens that it signs by this one, as where they were written at
    two times. Empty where it checks by this one as well, or by several.
    """
    if not unit.python:
        return ""
    texts = [context.whole.tree.text(file) for file in imported_files(unit, context.whole.tree)]
    names = {one.name for one in unit.code.reads if variables.purpose(one) == "signing"}
    signs, checks = (
        {_read(word, names, texts) for text in texts for word in python_source.keys_of_tokens(text, call)} - {""}
        for call in ("encode", "decode")
    )
    return next(iter(checks)) if read.name in signs and not signs & checks and len(checks) == 1 else ""


def _read(word: str, names: set[str], texts: list[str]) -> str:
    """Return the variable that a name of the code stands for: one of the same name, else the one that it is given."""
    given = re.compile(rf"(?m)^\s*{re.escape(word)}\s*(?::[^=\n]+)?=[^\n]*[\"'](\w+)[\"']")
    found = (match[1] for text in texts for match in given.finditer(text) if match[1] in names)
    return next((name for name in names if name.upper() == word.upper()), next(found, ""))


def issued_at(read: Read, unit: Unit, context: Context) -> Place | None:
    """Return where a program in Python takes only tokens that are issued by, or for, the address in a variable: the one
    that browsers know the page by. None elsewhere.
    """
    tree = context.whole.tree
    judged = re.compile(rf"\b(?:issuer|audience)\s*=\s*(?:\w+\.)*{re.escape(read.name)}\b", re.I)
    for file in sorted(imported_files(unit, tree)) if unit.python else ():
        if found := judged.search(tree.text(file)):
            return Place.at(file, found.string, found.start())
    return None
