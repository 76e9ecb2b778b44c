"""Infer the value of each variable that a service reads: a Secret, an address or a plain value, by its purpose."""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from scripts.adopt import variables
from scripts.adopt.facts import Read
from scripts.adopt.folder_kinds import CALLED, PAGE_KINDS
from scripts.adopt.inference.addresses import old_node, preload
from scripts.adopt.inference.decision import BROKER_PORT, PLACEHOLDER, Context, Question, Sources, told
from scripts.adopt.inference.jobs import imported_files
from scripts.adopt.inference.journey import better_auth
from scripts.adopt.inference.known import route_path
from scripts.adopt.inference.tokens import checked_by, issued_at, signed_by_page
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit, calls_a_broker
from scripts.host import parsing

DRIVERS = ("asyncpg", "psycopg", "psycopg2", "pg8000")  # of SQLAlchemy, by the names that its URLs have for them
NEON = Path(__file__).parent / "neon.mjs"
VENDOR_ONLY = ("@neondatabase/serverless", "@vercel/postgres", "@planetscale/database", "@libsql/client")


def variables_of(unit: Unit, context: Context) -> tuple[dict[str, str], dict[str, str]]:
    """Return what a service is told, and what it is built with."""
    environment: dict[str, str] = {}
    build: dict[str, str] = {}
    reads = variables.merged([*unit.code.reads, *_unsaid(unit, context)])
    sources = [
        *(item.environment for item in unit.described),
        *(item.arguments for item in unit.described),
        context.whole.examples_of(unit),
    ]
    for name in sorted(reads):
        read = reads[name]
        handler = _PURPOSES.get(variables.purpose(read, page=unit.kind in PAGE_KINDS), _plain)
        handler(read, unit, context, environment, build, sources)
    # Dapr's client would keep the whole program for a minute.
    if unit.python and (place := unit.code.imports.get("dapr") or unit.wants("dapr")):
        environment["DAPR_HEALTH_TIMEOUT"] = "1"
        told(unit, context, "DAPR_HEALTH_TIMEOUT", "1: Dapr is left off, a second is waited for it", place)
    if switch := _open_to_browsers(unit, reads, context):
        environment[switch.name] = "true"
        told(unit, context, switch.name, "true: without it no browser's page may call", switch.place)
    if unit.kind == "nextjs":
        environment["HOSTNAME"] = "0.0.0.0"  # noqa: S104 in a pod
        _build_of_page(unit, context, reads, environment, build)
    return environment, build


def _open_to_browsers(unit: Unit, reads: Mapping[str, Read], context: Context) -> Read | None:
    """Return the switch without which a server's CORS list is empty, where it is off by default; None for none."""
    told = re.compile(r"allow_origins\s*=\s*\[[^\]]+\]\s+if\s+(?:\w+\.)*(\w+)\s+else\s+\[\s*\]")
    texts = (context.whole.tree.text(file) for file in context.whole.tree.below(unit.sources) if file.endswith(".py"))
    names = (match[1].upper() for text in texts for match in told.finditer(text))
    found = next((reads[name] for name in names if name in reads), None)
    return found if unit.python and found and (found.default or "").lower() in ("false", "0", "") else None


_KEYS = (  # clients that end a program without a key which they take by themselves
    ("cohere", "CO_API_KEY"), ("cohere-ai", "CO_API_KEY"), ("groq", "GROQ_API_KEY"), ("groq-sdk", "GROQ_API_KEY"),
)  # fmt: skip


def _unsaid(unit: Unit, context: Context) -> list[Read]:
    """Return what packages take from the environment by themselves: the key of a model's client, what Better Auth and
    Auth.js sign with, and where they are.
    """
    imports = unit.code.imports
    place = imports.get("openai") or imports.get("agents")
    model = [Read("OPENAI_API_KEY", place)] if place and unit.wants("openai", "openai-agents") else []
    model += [Read(key, imports[name], required=True) for name, key in _KEYS if name in imports and unit.wants(name)]
    auth = better_auth(unit, context.whole.tree) if unit.wants("better-auth") else ""
    text = context.whole.tree.text(auth) if auth else ""
    own = ["BETTER_AUTH_SECRET"] if auth and not re.search(r"\bsecret\s*:", text) else []
    own += ["BETTER_AUTH_URL"] if auth and unit.kind == "nextjs" and not re.search(r"\bbaseURL\b", text) else []
    return model + [Read(name, Place(auth)) for name in own] + _of_auth_js(unit, context.whole.tree)


_AUTH_JS = ("next-auth", "@auth/core", "@auth/sveltekit", "@auth/express", "@auth/solid-start", "@auth/qwik")


def _of_auth_js(unit: Unit, tree: Tree) -> list[Read]:
    """Return what Auth.js takes by itself: in production it answers at no host that it is not told to trust."""
    place = unit.wants(*_AUTH_JS)
    if place is None:
        return []
    sources = [tree.text(file) for file in tree.below(unit.sources) if file.endswith((".ts", ".js", ".tsx", ".mjs"))]
    text = "\n".join(one for one in sources if "NextAuth" in one or "next-auth" in one or "@auth/" in one)
    old = bool(re.match(r"\D{0,2}[34]\b", unit.packages.wanted.get("next-auth", "")))
    own = re.search(r"\bsecret\s*:", text)
    found = [] if own else [Read("NEXTAUTH_SECRET" if old else "AUTH_SECRET", place)]
    if old or re.search(r"\btrustHost\s*:|\bAUTH_TRUST_HOST\b", text):
        return found
    return [*found, Read("AUTH_TRUST_HOST", place, default="true", required=True)]


def _database(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    value = read.default or variables.given(read.name, sources)
    if "sqlite" in (value or "") and (not postgres_driver(unit) or _speaks_sqlite_alone(unit, context)):
        environment[read.name] = f"{value.split(':')[0]}:////data/app.db"
        context.found.data["services"].setdefault(unit.name, {})
        told(unit, context, read.name, "SQLite in a volume", read.place)
        return
    form = _database_form(unit, context, read)
    source: dict[str, Any] = {"from": "DATABASE_URL", "database": form}
    context.secret("database-secrets", read.name, unit, source)
    told(unit, context, read.name, f"the database's URL, {form.get('scheme', 'postgresql')}", read.place)
    context.found.data["database"] = {"tls": True, "first": True}
    asked = unit.packages.wanted | unit.packages.development  # a page's build takes in what it needs
    names = [name for name in VENDOR_ONLY if name in asked]
    if not names or not _speaks_http(unit, context):
        return
    vendor = unit.packages.place(names[0]) or Place(unit.folder)
    if names[0] == "@neondatabase/serverless" and "@vercel/postgres" not in names and not old_node(unit):
        module = "data:text/javascript;base64," + base64.b64encode(NEON.read_bytes()).decode()
        if module not in environment.get("NODE_OPTIONS", ""):  # of several URLs, the first has brought it
            preload(environment, module)
            told(
                unit, context, "NODE_OPTIONS", "Neon's driver asks the PostgreSQL of its URL, whosever that is", vendor
            )
    else:
        context.found.questions.append(Question(
            "database",
            f"{vendor}: this driver speaks to its vendor's service alone: give DATABASE_URL in .env, and say yes",
            ("yes", "no"), "no",
        ))  # fmt: skip


_OF_SQLITE = re.compile(
    r"create_(?:async_)?engine\([^()]*\bconnect_args\s*=\s*\{[^{}]*[\"']check_same_thread[^{}]*\}(?!\s*if\b)"
)


def _speaks_sqlite_alone(unit: Unit, context: Context) -> bool:
    """Return whether a program gives its database an option of SQLite's, whichever it is: no other one takes that."""
    texts = [context.whole.tree.text(file) for file in imported_files(unit, context.whole.tree)]
    asks = re.compile(r"\bif\b[^\n]*sqlite|startswith\(\s*[\"']sqlite")
    return any(_OF_SQLITE.search(text) and not asks.search(text) for text in texts)


def _speaks_http(unit: Unit, context: Context) -> bool:
    tree = context.whole.tree
    texts = [tree.text(file) for file in tree.below(unit.sources) if file.endswith((".ts", ".js", ".tsx", ".mjs"))]
    return any("@neondatabase/serverless" in text or "@vercel/postgres" in text for text in texts)


def postgres_driver(unit: Unit) -> Place | None:
    """Return where a program asks for what speaks to PostgreSQL."""
    python = ("asyncpg", "psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "pg8000")
    return unit.wants(*python, "pg", "postgres", "@prisma/client", "prisma", "drizzle-orm", *VENDOR_ONLY[:2])


def _database_form(unit: Unit, context: Context, read: Read) -> dict[str, Any]:
    """Return in which form the URL is taken: as the code's own default has it, else by its driver."""
    if unit.javascript:
        return {"parameters": {"sslmode": "no-verify"}} if unit.wants("pg") and insists_on_tls(unit, context) else {}
    told = [*(item.environment.get(read.name, "") for item in unit.described), read.default or "",
            context.whole.examples_of(unit).get(read.name, "")]  # fmt: skip
    forms = [it for one in told if (it := re.match(r"(postgres(?:ql)?\+(\w+))://", one))]
    brought = [driver for driver in DRIVERS if unit.wants(driver, f"{driver}-binary")]
    if match := next((it for it in forms if it[2] in brought or not brought), None):  # one form is another program's
        return {"scheme": match[1]}
    tree = context.whole.tree
    own = [file for file in tree.below(unit.sources) if file.endswith(".py") and not _MIGRATES.search(file)]
    text = "\n".join(map(tree.text, own))
    loaded = imported_files(unit, tree)  # a script beside the program may convert what the program does not
    known = any(one.name == read.name and one.place.file in loaded for one in unit.code.reads)
    read_by = [tree.text(file) for file in own if file in loaded or not known]
    if taken := next((it for one in read_by for it in _TAKES.finditer(one) if it[2] in brought), None):
        return {"scheme": taken[1]}
    if any(map(_CONVERTS.search, read_by)):
        return {}
    if unit.wants("asyncpg") and "create_async_engine" in text:
        return {"scheme": "postgresql+asyncpg"}
    has_two = unit.wants("psycopg2", "psycopg2-binary")
    if unit.wants("psycopg", "psycopg-binary") and not has_two and re.search(r"create_engine\(", text):
        return {"scheme": "postgresql+psycopg"}
    return {}


_MIGRATES = re.compile(r"(^|/)(alembic|migrations)/")  # it may take the driver out of the URL, for itself
_TAKES = re.compile(r"startswith\(\s*\(?['\"](postgresql\+(\w+))://['\"]")  # whatever it makes of others, this it takes
_CONVERTS = re.compile(
    r"replace\(\s*['\"]postgres(?:ql)?(?![\w+])|\+asyncpg['\"]?\s*[,)]|startswith\(\s*\(?['\"]postgres(?:ql)?(?![\w+])"
)


def insists_on_tls(unit: Unit, context: Context) -> bool:
    """Return whether a program in JavaScript asks its database for TLS, whatever its address says."""
    tree = context.whole.tree
    texts = (tree.text(file) for file in tree.below(unit.sources) if file.endswith((".ts", ".js", ".tsx", ".mjs")))
    given = " ".join(value for value in context.whole.examples_of(unit).values() if "postgres" in value)
    # `&` after the URL says that it has parameters already, as those of hosts do.
    asked = re.compile(r"\bssl\s*:|process\.env\.\w*URL\w*!?\s*\+\s*[\"'`]&|\$\{process\.env\.\w*URL\w*!?\}&")
    return "sslmode=require" in given or any(asked.search(text) for text in texts)


def _database_part(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    part = variables.database_part(read.name)
    if any(variables.purpose(other) == "database" and other.default is None for other in unit.code.reads):
        return
    context.secret("database-secrets", read.name, unit, {"from": "DATABASE_URL", "database": {"part": part}})
    context.found.data["database"] = {"tls": True, "first": True}
    told(unit, context, read.name, f"the database's {part}", read.place)


def _model(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    # Clients of models end a program that gives them no key at all, often when it starts.
    value = f"sk-{PLACEHOLDER}" if read.name.startswith("OPENAI") else PLACEHOLDER
    context.secret("api-keys", read.name, unit, {"from": read.name, "placeholder": value})
    told(unit, context, read.name, "from the environment or .env; without it chat will not answer", read.place)


def _other_secret(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    if read.default is None or read.required:
        source: dict[str, Any] = (
            {"from": read.name, "placeholder": PLACEHOLDER} if read.required else {"from": read.name, "optional": True}
        )
        context.secret("api-keys", read.name, unit, source)
        told(unit, context, read.name, "from the environment or .env, where it is given", read.place)


def _signing(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    form, of_what = _form_of_key(read.name, unit, context)
    source: dict[str, Any] = {"from": read.name} | form
    other = _alias(read.name, sources) or signed_by_page(unit, context) or checked_by(read, unit, context)
    if other:
        source["same"] = other
    context.secret("auth-secrets", read.name, unit, source)
    least = f", at least {read.shortest} wanted" if read.shortest else ""
    told(unit, context, read.name, f"as {other}" if other else f"generated, {of_what}{least}", read.place)


def _form_of_key(name: str, unit: Unit, context: Context) -> tuple[dict[str, Any], str]:
    """Return how a generated key is written, as the code that takes it wants it, and what is told of that."""
    tree = context.whole.tree
    own = (file for file in tree.below(unit.sources) if file.endswith((".py", ".ts", ".js", ".tsx", ".mjs")))
    text = "\n".join(map(tree.text, own))
    if re.search(r"CRYPT|FERNET|CIPHER", name, re.I) and re.search(r"\bFernet\(", text):
        return {"generate": 32, "encoding": "base64url"}, "a key for Fernet"
    in_hex = rf"(?:fromhex|unhexlify)\([^)\n]*\b{name}\b|Buffer\.from\([^)\n]*\b{name}\b[^)\n]*['\"]hex"
    if re.search(in_hex, text, re.I):
        return {"generate": 32, "encoding": "hex"}, "64 digits in hex"
    return {"generate": 48}, "64 characters"


def _alias(name: str, sources: Sources) -> str:
    """Return the other secret whose value the application's files give to this one, as `${OTHER}`."""
    for source in sources:
        match = re.match(r"\$\{?([A-Z][A-Z0-9_]*)", source.get(name, ""))
        if match and match[1] != name:
            return match[1]
    return ""


def _origins(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    page = context.whole.page
    if page is None or page is unit:
        return
    origin = context.outside(page)
    if read.default and not read.required and (origin in read.default or "*" in read.default.split()):
        return
    form = read.form or _list_form(unit, context, read)
    environment[read.name] = variables.origins(form, [origin])
    told(unit, context, read.name, "the page's address", read.place)


def _list_form(unit: Unit, context: Context, read: Read) -> str:
    text = context.whole.tree.text(read.place.file)
    return "json" if re.search(rf"json\.loads\([^)]*{read.name}|JSON\.parse\([^)]*{read.name}", text) else "comma"


def _page(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    page = context.whole.page
    if page is None:
        return _address(read, unit, context, environment, build, sources)
    auth = re.search(r"AUTH", read.name)
    server_side = unit is not page and auth
    knows = server_side and unit.javascript and unit.wants("better-auth") and context.ports[unit.name]  # people, itself
    issued = issued_at(read, unit, context) if server_side and not knows else None
    inner = server_side and not issued
    value = context.outside(unit) if knows else context.inside(page) if inner else context.outside(page)
    environment[read.name] = value + variables.path_of(read.default or variables.given(read.name, sources))
    told(unit, context, read.name, "its own address" if knows else "the page's address", issued or read.place)
    return None


def _public(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Give a value of the page that its build puts into what browsers get."""
    value = variables.of_space(variables.given(read.name, sources) or read.default or "")
    if (not value or _is_nobodys(value, context)) and (base := _answered_below(read, unit, context)):
        build[read.name] = base
        told(unit, context, read.name, f"{base}, where what is called there is answered", read.place)
        return
    own = variables.is_address(read.name, value) and not value.startswith("/")
    target = _target(read, unit, context, value) if own else None
    if target is None:
        if value and read.default is None and not variables.is_here(value):
            build[read.name] = value
            told(unit, context, read.name, value, read.place)
        return
    if _differs_by_place(read, unit, sources):
        context.outside(target)
        told(unit, context, read.name, "not set: the code has an address of its own in each place", read.place)
        return
    if place := _answers_itself(read, unit, target, context):
        context.outside(target)
        told(unit, context, read.name, "not set: the code takes the page's own address then, which answers", place)
        return
    outside = context.outside(target).replace("http", "ws" if value.startswith("ws") else "http", 1)
    bare = bool(value) and "://" not in value  # the code puts the scheme before it
    # A name of other containers is known to no browser: its author's asked what the code, or another file, has instead.
    host = parsing.from_url(value).hostname or ""
    given = [*(variables.given(read.name, [one]) for one in sources), read.default or ""]
    asked = next((one for one in given if variables.is_here(one)), value) if host and "." not in host else value
    build[read.name] = (
        outside.partition("://")[2]
        if bare
        else outside + (variables.path_of(asked) or _path_of_code(read, unit, context))
    )
    told(unit, context, read.name, f"{build[read.name]}, put into the page when it is built", read.place)


def _is_nobodys(value: str, context: Context) -> bool:
    """Return whether an address is that of a port of this machine which no service has."""
    port = parsing.from_url(value).port if variables.is_here(value) else None
    return port is not None and port not in {*context.ports.values(), *context.published.values()}


def _answered_below(read: Read, unit: Unit, context: Context) -> str:
    """Return the address below which the backend answers all that a page calls at a variable without any value; empty
    where it is not seen, or the page may answer itself.
    """
    server, tree = context.whole.backend(), context.whole.tree
    if server is None or server is unit or not server.python or not context.ports[server.name]:
        return ""
    variable = rf"(?:process\.env|import\.meta\.env)\.{re.escape(read.name)}\b"
    called: set[str] = set()
    for file in (one for one in tree.below(unit.sources) if one.endswith((".ts", ".tsx", ".js", ".jsx"))):
        text = tree.text(file)
        if "next.config" in file and "rewrites" in text:
            return ""
        if read.name in text:
            named = re.findall(rf"\b(?:const|let|var)\s+(\w+)[^=\n]*=\s*{variable}", text)
            called.update(re.findall(rf"\$\{{\(?(?:{'|'.join([variable, *named])})!?\)?\}}(/[\w/-]+)", text))
    inner = [f"/{file}" for file in tree.below(unit.sources) if re.search(r"/route\.[jt]s$", file)]
    mounted = any(re.search(r"include_router\([^)]*prefix", tree.text(file)) for file in tree.below(server.sources))
    routes = {route.path.rstrip("/") for route in server.code.routes}
    prefixes = [
        {route[: -len(path)] for route in routes if route.endswith(path)} for path in (it.rstrip("/") for it in called)
    ]
    shared = set.intersection(*prefixes) if prefixes else set()
    own = any(f"/app{path.rstrip('/')}/" in file for path in called for file in inner)
    return context.outside(server) + min(shared, key=len) if shared and not mounted and not own else ""


def _differs_by_place(read: Read, unit: Unit, sources: Sources) -> bool:
    """Return whether code has addresses of this machine with unlike paths in place of a variable, and no file gives it
    a value: any one would be wrong for some of them.
    """
    said = {one.default for one in unit.code.reads if one.name == read.name and one.default}
    paths, hosts = {variables.path_of(one) for one in said}, {parsing.from_url(one).netloc for one in said}
    here = len(hosts) == 1 and all(map(variables.is_here, said))
    return here and len(paths) > 1 and not variables.given(read.name, sources)


def _segment(part: str) -> str:
    """Return the pattern of a part of a route's path: any number of parts, any one, or this one."""
    return ".+" if "[..." in part else "[^/]+" if part.startswith("[") else re.escape(part)


def _answers_itself(read: Read, unit: Unit, target: Unit, context: Context) -> Place | None:
    """Return where code that takes the page's own address in place of a variable calls by it what the page answers and
    the service that the variable means does not; None where it does not.
    """
    tree, name = context.whole.tree, rf"(?:process\.env|import\.meta\.env)\.{re.escape(read.name)}\b"
    routes = [route_path(file) for file in tree.below(unit.sources)]
    own = [re.compile("/".join(_segment(part) for part in one.split("/"))) for one in routes if one]
    served = [route.path.rstrip("/") for route in target.code.routes]
    if target is unit or not served:
        return None
    for file in (one for one in tree.below(unit.sources) if one.endswith((".ts", ".tsx", ".js", ".jsx"))):
        text = tree.text(file)
        here = re.compile(
            rf"\b(?:const|let|var)\s+(\w+)[^=;\n]*=\s*{name}\s*(?:\|\||\?\?)[^;{{}}]{{0,120}}location\.origin"
        )
        names = "|".join(dict.fromkeys(here.findall(text)))
        for call in re.finditer(rf"\$\{{(?:{names})\}}(/[\w/-]+)[`?\"']", text) if names else ():
            path = call[1].rstrip("/")
            if any(one.fullmatch(path) for one in own) and not any(path.endswith(one) for one in served if one):
                return Place.at(file, text, call.start())
    return None


def _path_of_code(read: Read, unit: Unit, context: Context) -> str:
    """Return the path that the code's own default has and an example file's address has not, where no call in the code
    begins with it.
    """
    path = variables.path_of(read.default or "") if variables.is_here(read.default or "") else ""
    tree, begins = context.whole.tree, re.compile(rf"[\"'`}}]{re.escape(path)}(?=[/\"'`?])")
    return "" if not path or any(begins.search(tree.text(file)) for file in tree.below(unit.sources)) else path


def _target(read: Read, unit: Unit, context: Context, value: str) -> Unit | None:
    """Return the service that an address variable means: by its value's host or port, else by its name."""
    whole = context.whole
    serving = [other for other in whole.units if context.ports[other.name]]
    host = parsing.from_url(value if "://" in value else f"//{value}")
    name, port = host.hostname or "", host.port
    for other in serving:
        if name in other.called and name:
            return other
        if (
            name in ("localhost", "127.0.0.1")
            and port
            and port in (context.ports[other.name], context.published[other.name])
        ):
            return other
    if variables.is_third(name):
        return None
    words = set(read.name.lower().split("_"))
    for other in sorted(serving, key=lambda one: one is not unit):  # its own name first: nobody needs that told
        if words & set(other.name.split("-")) - {"todo", "app", "service", "api", "url", "base", "public"}:
            return other
    page, backend = whole.page, whole.backend()
    backend = backend if backend in serving and backend is not unit else None
    bare = re.sub("^(NEXT_PUBLIC|VITE|REACT_APP|PUBLIC|NUXT_PUBLIC)_", "", read.name)
    if page and re.search(r"^BASE_URL$|(APP|SITE|FRONTEND|AUTH|API_BASE|BACKEND_BASE)_URL$", bare):
        return backend if re.search(r"API_BASE|BACKEND", read.name) else page
    if value and "." in name and not variables.is_here(f"//{name}") and not variables.is_deployed(name):
        return None
    return backend if re.search(r"API|BACKEND|SERVER|CHAT", read.name) else None


def _address(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Give an address that a server calls: another service's name within the cluster."""
    value = variables.given(read.name, sources) or read.default or ""
    if ("REDIS" in read.name.upper() or value.startswith("redis://")) and context.whole.redis:
        number = found[1] if (found := re.search(r"^redis://.*:\d+/(\d+)$", value)) else "0"
        environment[read.name] = "redis" if read.name.upper().endswith("HOST") else f"redis://redis:6379/{number}"
        return told(unit, context, read.name, environment[read.name], read.place)
    if re.search(r"OPENAI|ANTHROPIC|GEMINI|GROQ|MODEL|SMTP|DAPR|SENTRY|BIND|LISTEN", read.name) or read.name in (
        "HOST",
        "SERVER_HOST",
        "API_HOST",
    ):
        return
    target = _target(read, unit, context, value)
    if target is context.whole.page and target is not None and target is not unit and unit.kind in CALLED:
        return _page(read, unit, context, environment, build, sources)  # whom browsers open: it is let call, or led to
    if target is None or target is unit or not context.ports[target.name]:
        if read.required:
            _plain(read, unit, context, environment, build, sources)
        return
    bare = not value.startswith("http") and bool(re.search(r"HOST$", read.name))
    environment[read.name] = (
        parsing.from_url(context.inside(target)).hostname or ""
        if bare
        else context.inside(target) + variables.path_of(value)
    )
    told(unit, context, read.name, environment[read.name], read.place)


def _plain(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Give nothing that the code does not need: what it has no default for, or its image sets otherwise."""
    if variables.is_cookie_domain(read.name):
        if read.required or read.default:  # a browser drops cookies of another host than the one it is at
            environment[read.name] = "localhost"
            told(unit, context, read.name, "localhost", read.place)
        return
    value = variables.given(read.name, sources)
    set_by_image = unit.dockerfile.variables.get(read.name, ("", None))[0] if unit.dockerfile else ""
    value = value or (
        read.default or "" if read.required else ""
    )  # one file ends without what another has a default for
    if read.default is not None and not read.required and not (set_by_image and value and value != set_by_image):
        return
    if value and not value.startswith("$"):
        environment[read.name] = value
        told(unit, context, read.name, value, read.place)
    elif read.required:
        key = f"{unit.name}.{read.name}"
        answer = context.whole.answers.get(key, context.whole.answers.get(read.name))
        if answer is None:
            context.found.questions.append(
                Question(key, f"{read.place}: {unit.name} ends without {read.name}: which value?")
            )
        else:
            environment[read.name] = answer
            told(unit, context, read.name, answer, "your answer")


def _kafka(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Tell where Kafka is, and that it is spoken to without TLS, where it is brought."""
    broker = context.whole.broker
    if not broker:
        return _plain(read, unit, context, environment, build, sources) if read.required else None
    server = broker if read.name.endswith("HOST") else f"{broker}:{BROKER_PORT}"
    value = "PLAINTEXT" if read.name.endswith("PROTOCOL") else server
    if value != read.default:
        environment[read.name] = value
        told(unit, context, read.name, value, read.place)
    return None


def _broker(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Turn off a switch for messages through a broker that is not brought here."""
    if context.whole.broker and calls_a_broker(unit):
        return
    environment[read.name] = "false"
    told(unit, context, read.name, "off: there is no broker", read.place)


def _elsewhere(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Leave out what a host of others sets: where it is not set, the program is not there."""


def _own_port(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Give the port that it listens on by a variable of its own; the chart gives PORT.

    Where its command says the port, a variable by another's name is a second program's.
    """
    port, of = context.ports[unit.name], set(read.name.lower().split("_")) & {"mcp", "agent", "chat", "auth"}
    command = unit.dockerfile.command if unit.dockerfile else ("--port", str(port))
    second = not of <= set(unit.name.split("-")) and re.search(rf"\b{port}\b", " ".join(command))
    if port and read.name != "PORT" and read.default != str(port) and not second:
        environment[read.name] = str(port)
        told(unit, context, read.name, str(port), read.place)


_PURPOSES = {
    "elsewhere": _elsewhere,
    "port": _own_port,
    "broker": _broker,
    "kafka": _kafka,
    "database": _database,
    "database-part": _database_part,
    "model": _model,
    "other-secret": _other_secret,
    "signing": _signing,
    "origins": _origins,
    "page": _page,
    "public": _public,
    "address": _address,
}


def _build_of_page(
    unit: Unit, context: Context, reads: Mapping[str, Read], environment: Mapping[str, str], build: dict[str, str]
) -> None:
    """Give what a page's build reads: addresses of its rewrites, something in place of what its server alone knows."""
    for name, read in reads.items():
        purpose = variables.purpose(read)
        if "next.config" in read.place.file and name in environment and name not in build:
            build[name] = environment[name]
        elif purpose == "database":
            build[name] = "postgresql://build:build@localhost:5432/build"
        elif purpose in ("signing", "model", "other-secret") and (read.required or purpose == "signing"):
            build[name] = "only-for-the-build-0123456789abcdef"
        elif purpose == "page" and name in environment:
            build[name] = environment[name]
