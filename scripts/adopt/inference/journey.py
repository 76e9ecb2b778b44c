"""Infer from the code's routes the journey of a person who registers and logs in."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from scripts.adopt import folder_kinds, javascript_source, lost
from scripts.adopt.inference.decision import Context, Whole
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit

_CODE = (".ts", ".tsx", ".js", ".jsx", ".mjs", ".html")


def find_journey(context: Context) -> None:
    """Infer what a person does first where a server of the app knows people by Better Auth: sign up and sign in."""
    whole = context.whole
    for unit in sorted(whole.units, key=lambda one: one is not whole.page):
        own = better_auth(unit, whole.tree) if unit.wants("better-auth") else ""
        text = javascript_source.without_comments(whole.tree.text(own)) if own else ""
        if not re.search(r"emailAndPassword\s*:", text) or not _answers(unit, own, whole.tree):
            continue
        if is_left(whole):
            continue
        if wrong := unknown_database(text):
            place = Place.at(own, text, wrong.start())
            context.found.remarks.append(f"{place}: Better Auth knows no such database: it will know nobody")
            continue
        base = re.search(r"basePath\s*:\s*[\"'](/[\w/-]+)[\"']", text)
        # A page that answers itself is asked itself, whatever a server beside it has left from before.
        servers = [one for one in whole.units if one.python and _hands_on(one) and unit is not whole.page]
        front = next(iter(servers), unit)
        step = {"service": front.name, "method": "POST"}
        path = base[1].rstrip("/") if base else "/api/auth"
        who = {"email": "{email}", "password": "{password}"}
        new = {"path": f"{path}/sign-up/email", "json": who | {"name": "{name}"}, "keep": {"user_id": "user.id"}}
        steps = [step | {"name": "register"} | new]
        if not _confirms(text, context.found.data["services"][unit.name].get("environment", {})):
            steps.append(step | {"name": "log in", "path": f"{path}/sign-in/email", "json": who})
        if front is not whole.page:
            context.outside(front)
        context.found.data["journey"] = steps
        context.found.because("journey", ", ".join(str(one["name"]) for one in steps), own)
        return


def _hands_on(unit: Unit) -> bool:
    """Return whether a server takes what is meant for Better Auth, by routes of the same names: it is the one that a
    person is let in by.
    """
    paths = [route.path for route in unit.code.routes if route.method == "POST"]
    return all(any(path.endswith(end) for path in paths) for end in ("/sign-up/email", "/sign-in/email"))


_SIGNS_IN = re.compile(r"\bsign(?:In|Up)(?:Email|\.email)\b|/sign-(?:in|up)/email\b|\bauthClient\.sign(?:In|Up)\b")
_REGISTERS_BY_PATH = re.compile(
    r"(?:\bfetch|\baxios|post|request|call|api\w*)\([^;]{0,80}?/(?:register|sign-?up)[\"'`]", re.I
)
_REGISTERS = re.compile(r"/(register|sign-?up)/?$")


def is_left(whole: Whole) -> bool:
    """Return whether nothing calls Better Auth while a server has a registration of its own: it was there before, and
    what no page loads may still be.
    """
    if not any(_REGISTERS.search(route.path) for unit in whole.units if unit.python for route in unit.code.routes):
        return False
    off = {file for unit in whole.units if unit.kind == "nextjs" for file in lost.unloaded(whole.tree, unit.sources)}
    files = [file for unit in whole.units for file in whole.tree.below(unit.sources) if file not in off]
    code = (file for file in files if file.endswith(_CODE) and not folder_kinds.TESTS.search(file))
    texts = [javascript_source.without_comments(whole.tree.text(file)) for file in code]
    # A client that a page has for sessions alone lets nobody in, where the page registers people by a call of its own.
    made = any("createAuthClient" in text for text in texts)
    return not any(map(_SIGNS_IN.search, texts)) and (not made or any(map(_REGISTERS_BY_PATH.search, texts)))


def _confirms(text: str, environment: Mapping[str, str]) -> bool:
    """Return whether people have to confirm their addresses, by Better Auth's configuration and what it is told."""
    said = re.search(r"requireEmailVerification\s*:\s*(?:process\.env\.(\w+)\s*===?\s*[\"']true[\"']|(false))?", text)
    if said and said[1]:
        return environment.get(said[1]) == "true"
    return bool(said) and not said[2]  # type: ignore[index]


_BRACES = r"\{(?:[^{}]|\{(?:[^{}]|\{[^{}]*\})*\})*\}"


def unknown_database(text: str) -> re.Match[str] | None:
    """Return where Better Auth is given a database as a mapping without a dialect or a Kysely of its own, which it does
    not take; None elsewhere.
    """
    given = re.search(rf"\bdatabase\s*:\s*({_BRACES})", text)
    return given if given and not re.search(r"[{,\s](dialect|db)\s*[:,}]", given[1]) else None


_ROUTE = re.compile(r"/api/auth/.*\.[tj]s$")


# Next.js looks at what is rewritten before it looks at the routes whose paths hold names, but for what is a fallback.
_REWRITTEN = re.compile(r"(?s)\A(?!.*\bfallback\b).*\bsource\s*:\s*[\"'`]/api/(?:auth/)?(?::\w+\*|\(\.\*\))[\"'`]")


def _answers(unit: Unit, own: str, tree: Tree) -> bool:
    """Return whether a unit answers Better Auth's addresses: by a route file of Next.js that hands them to what the
    file `own` makes, or by a handler of a server.
    """
    if unit.kind != "nextjs":
        return unit.kind == "node"
    away = any(_REWRITTEN.search(tree.text(file)) for file in tree.below(unit.sources) if "/next.config." in f"/{file}")
    routes = (file for file in tree.below(unit.sources) if _ROUTE.search(f"/{file}") and not (away and "[" in file))
    hands = re.compile(rf"better-auth|from\s+[\"'][^\"']*\b{re.escape(PurePosixPath(own).stem)}[\"']")
    return any(hands.search(tree.text(file)) for file in routes)


def better_auth(unit: Unit, tree: Tree, cli: bool = False) -> str:
    """Return the file that configures Better Auth; for its command-line program one that is made for that, if it names
    all that wants tables.
    """
    files = [file for file in tree.below(unit.sources) if file.endswith((".ts", ".js", ".mjs", ".tsx"))]
    found = [
        file
        for file in files
        if re.search(r"betterAuth\(\s*\{", tree.text(file)) and not folder_kinds.TESTS.search(file)
    ]

    answering = [tree.text(file) for file in files if _ROUTE.search(f"/{file}")]

    def rank(file: str) -> tuple[bool, bool, bool, int]:
        name = PurePosixPath(file).stem
        handed = any(re.search(rf"from\s+[\"'][^\"']*\b{re.escape(name)}[\"']", text) for text in answering)
        made = bool(re.search(r"test|debug|check", name)), name == _MADE_FOR_CLI
        return *made, not handed, file.count("/")

    own = min(found, key=rank, default="")
    made = (file for file in found if PurePosixPath(file).stem == _MADE_FOR_CLI)
    whole = (file for file in made if _plugins(tree.text(file)) >= _plugins(tree.text(own)))
    return next(whole, own) if cli else own


_MADE_FOR_CLI = "auth.config"


def _plugins(text: str) -> set[str]:
    """Return the names of the plugins that a configuration of Better Auth has; some want tables of their own."""
    found = re.search(r"\bplugins\s*:\s*\[", text)
    depth, names = 0, set()
    for word in re.finditer(r"[\[({]|[\])}]|\w+(?=\()", text[found.end() - 1 :]) if found else ():
        depth += {"[": 1, "(": 1, "{": 1, "]": -1, ")": -1, "}": -1}.get(word[0], 0)
        if not depth:
            break
        names |= {word[0]} if depth == 1 and word[0].isidentifier() else set()
    return names
