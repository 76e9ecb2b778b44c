"""From what was read to what an app's file says: pure functions, each of whose conclusions names what it rests on."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from scripts.adopt import folder_kinds, grammar, lost, needed, units, variables
from scripts.adopt.folder_kinds import PAGE_KINDS
from scripts.adopt.inference.addresses import forward_addresses, lead_to_page, replace_deployed, serve_addresses
from scripts.adopt.inference.builders import beside, builder_of, fetched_fonts, newest_grammar, read_above
from scripts.adopt.inference.decision import BROKER_PORT, Context, Decision, Whole, told, worker_of
from scripts.adopt.inference.entries import main_file, modules
from scripts.adopt.inference.environment import insists_on_tls, variables_of
from scripts.adopt.inference.jobs import find_jobs, makes_at_start, migrates_at_start, tables_of_people
from scripts.adopt.inference.journey import find_journey
from scripts.adopt.inference.kept_files import keep_files
from scripts.adopt.inference.known import find_todos
from scripts.adopt.inference.left_out import take_back
from scripts.adopt.inference.private import keep_private, rename_public
from scripts.adopt.inference.programs import (
    companions,
    installs_requirements,
    keep_packages,
    missing_modules,
    name_host,
    own_folder,
    port_of,
    published_port,
    set_above,
    set_command,
    set_date,
    set_path,
    set_probes,
    set_user,
    set_writable,
    share_virtualenv,
    spare_cards,
    without_scripts,
    without_src,
)
from scripts.adopt.inference.proxies import hand_on
from scripts.adopt.packages import join, requirements
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit
from scripts.dockerfiles.derived import builds_a_page, takes_packages
from scripts.dockerfiles.ignore import literal
from scripts.images import families

NEVER_IN_AN_IMAGE = [
    "**/.env",
    "**/.env.*",
    "!**/.env.example",
    "**/.git",
    "**/node_modules",
    "**/.venv",
    "**/__pycache__",
]
TESTS_OF_A_PAGE = ["**/__tests__", "**/*.test.ts", "**/*.test.tsx", "**/*.spec.ts", "**/*.spec.tsx"]
_CHECKED = re.compile(r"((^|/)__tests__/.*|\.(test|spec))\.tsx?$")
# Services of others that a page asks by itself, by their packages: they know its people, and no part of the app does.
HOSTED = ("appwrite", "firebase", "@supabase/supabase-js", "@clerk/nextjs", "@clerk/clerk-react", "@auth0/auth0-react")
DATABASE_CA = "/etc/database-ca"


def decide(whole: Whole) -> Decision:
    """Return what the app's file says."""
    found = Decision()
    services: dict[str, Any] = {}
    for unit in whole.units:
        read_above(unit, whole.tree)
    found.data = {"services": services, "secrets": {}, "jobs": {}, "addresses": []}
    ports = {unit.name: port_of(unit, whole.tree, found) for unit in whole.units}
    page = whole.page
    published = {unit.name: published_port(unit, ports[unit.name], whole.tree) for unit in whole.units}
    if page and published[page.name] in [published[unit.name] for unit in whole.units if unit is not page]:
        published[page.name] = 3000  # nobody can open both at one port
    if page and ports[page.name]:
        found.data["page"] = page.name
        found.because("page", page.name, page.place)
    else:
        found.remarks.append(
            "no page: nothing that a browser opens was found; the services are proved by their probes alone"
        )
    context = Context(whole, ports, published, found)
    for unit in whole.units:
        keep_private(unit, context)
    for unit in whole.units:
        services[unit.name] = _service(unit, context)
        found.remarks += _hosted(unit, services[unit.name])
    find_journey(context)
    for unit in whole.units:
        hand_on(unit, context)
    serve_addresses(context)
    find_todos(context)
    for unit in whole.units:
        forward_addresses(unit, context)
    for unit in sorted(whole.units, key=lambda one: tables_of_people(one, whole)):
        find_jobs(unit, context)
    for unit in whole.units:
        take_back(unit, context)
        found.endings += _out_of_reach(unit, services[unit.name]["context"], whole.tree)
        found.endings += _beyond_the_top(unit, services[unit.name], whole.tree)
        found.endings += _lost(unit, whole.tree)
        found.endings += _unloadable(unit, whole)
        found.endings += _unexported(unit, whole.tree)
    _extras(context)
    _extensions(context)
    _aliases(context)
    found.data["secrets"] = context.secrets()
    if "database" not in found.data and "sqlite" not in str(services):
        found.remarks.append("no database: no service reads the address of one, so none is brought")
    found.data = {key: value for key, value in found.data.items() if value}
    return found


def _out_of_reach(unit: Unit, folder: str, tree: Tree) -> Iterator[str]:
    """Yield a line for each module of a program that its image will not have, however it is built from its folder."""
    for name, place in beside(unit, tree, folder).items():
        said = (
            f"{place}: {unit.name} imports {name}, which lies above {folder}: its image has it not, and it ends there"
        )
        yield f"{said}; move it into {folder}, or write a Dockerfile that is built from above"


def _beyond_the_top(unit: Unit, spec: Mapping[str, Any], tree: Tree) -> Iterator[str]:
    """Yield a line for the first relative import of a program that leads above its top: Python refuses to load it."""
    main = main_file(unit, tree) if unit.python else ""
    words = " ".join(spec.get("args") or (unit.dockerfile.command if unit.dockerfile else ()))
    name = next((one for one in modules(words) if main.endswith(f"{one.replace('.', '/')}.py")), "")
    for place, said, module in [*needed.beyond_the_top(tree, unit.sources, main, name)][:1] if name else ():
        yield (
            f"{place}: {unit.name}: `{said}` leads above {module}, as this file is loaded: Python refuses it, and the"
            " program ends there; import it without dots, as the first file does"
        )


def _lost(unit: Unit, tree: Tree) -> Iterator[str]:
    """Yield a line for the first module of its own that a program imports and that the repository does not hold."""
    main = main_file(unit, tree) if unit.python else ""
    for place, module, path in [*needed.lost(tree, unit.sources, main)][:1] if main else ():
        reason = lost.ignored_by(tree, path)
        held = f"the repository does not hold{f': {reason}' if reason else ''}"
        yield f"{place}: {unit.name} imports {module}, which {held}; the program ends there: commit what is missing"


def _unexported(unit: Unit, tree: Tree) -> Iterator[str]:
    """Yield a line for each name that a page takes of its own modules and none exports: bundlers end there, but for
    webpack, which leaves it undefined.
    """
    found = lost.unexported(tree, unit.sources) if unit.kind in PAGE_KINDS else {}
    for (module, name), place in found.items():
        what = "has no default export" if name == "default" else f"exports no {name}"
        said = f"{place}: {unit.name} imports from {module}, which {what}: its build ends there, or what uses it"
        yield f"{said}; export it there, or import what there is"


def _unloadable(unit: Unit, whole: Whole) -> Iterator[str]:
    """Yield a line for each file that a program is started by and that Python refuses: none of its versions takes it,
    or none that can be had here.
    """
    tree, main = whole.tree, main_file(unit, whole.tree) if unit.python else ""
    for file in needed.loaded_at_start(tree, unit.sources, main) if main else ():
        if found := grammar.wrong(tree.text(file)):
            unit.code.unread[:] = [place for place in unit.code.unread if place.file != file]
            said = f"it is not Python ({found[1]}), and {unit.name} loads it when it starts: the program ends there"
            yield f"{file}:{found[0]}: {said}; correct that line"
    minor, place = newest_grammar(unit, tree)
    if minor > families.newest_python() and not whole.registry:
        had = f"3.{families.newest_python()}, the newest that can be had without a registry"
        yield f"{place}: {unit.name} is written for Python 3.{minor}: {had}, ends there"


def _service(unit: Unit, context: Context) -> dict[str, Any]:
    """Return one service as the app's file says it; each part may follow from those before."""
    builder = builder_of(unit, context)
    spec = _sources(unit, builder, context)
    if context.ports[unit.name]:
        spec["port"] = context.ports[unit.name]
    set_user(unit, spec, bool(builder), context)
    set_writable(unit, spec, bool(builder), context)
    own_folder(unit, spec, context)
    set_probes(unit, spec, context)
    set_command(unit, spec, context)
    _add_packages(unit, spec, bool(builder), context)
    environment = _variables(unit, spec, bool(builder), context)
    if environment:
        spec["environment"] = environment
    keep_files(unit, spec, context)
    spec["replicas"] = spec.get("replicas") or _replicas(unit, spec, context)
    spec["values"] = {"containerSecurityContext": {"readOnlyRootFilesystem": False}} | name_host(unit, spec, context)
    if context.whole.broker and units.calls_a_broker(unit):
        spec["values"]["initContainers"] = [_wait_for(context.whole.broker, unit)]
    if beside := lead_to_page(unit, environment, context):
        spec["values"]["extraContainers"] = beside
    if checked := _checks_certificates(unit, context):
        file = f"{DATABASE_CA}/{_subject_hash('database')}.0"
        name, value = (
            ("NODE_EXTRA_CA_CERTS", file) if unit.javascript else ("SSL_CERT_DIR", f"/etc/ssl/certs:{DATABASE_CA}")
        )
        environment[name] = value
        spec["environment"] = environment
        spec["values"] |= _database_authority()
        told(unit, context, name, "the stand-in database's certificate beside the system's", checked)
    return spec


def _sources(unit: Unit, builder: Mapping[str, Any] | None, context: Context) -> dict[str, Any]:
    """Return what an image is built from: folder, builder or Dockerfile and stage, and what is left out."""
    spec: dict[str, Any] = {"context": unit.folder}
    if builder:
        spec |= {"context": unit.sources, **builder}
    else:
        recipe = unit.dockerfile
        if recipe and recipe.file != join(unit.folder, "Dockerfile"):
            spec["dockerfile"] = recipe.file
        if recipe and recipe.stage:
            spec["stage"] = recipe.stage
    if unit.python and installs_requirements(unit, context.whole.tree, bool(builder)):
        version = unit.python.python
        unit.python = requirements(context.whole.tree, unit.sources)  # the image is made without what is beside it
        unit.python.python = version
    elif (
        unit.python and not builder and unit.dockerfile and _without_lock(context.whole.tree.text(unit.dockerfile.file))
    ):
        unit.python.lock = ""
    spec["ignore"] = list(NEVER_IN_AN_IMAGE)
    _without_strays(unit, spec, context)
    tests = (it for it in context.whole.tree.below(unit.sources) if unit.kind in PAGE_KINDS and _CHECKED.search(it))
    if builder and (place := next(tests, "")):
        spec["ignore"] += TESTS_OF_A_PAGE
        context.found.because(f"services.{unit.name}.ignore", "tests, whose types a build checks as well", place)
    if builder and unit.strange_lock:
        spec["ignore"].append(unit.strange_lock.removeprefix(f"{spec['context']}/"))
        context.found.because(
            f"services.{unit.name}.ignore", "uv.lock", f"{unit.strange_lock}: holds none of its packages"
        )
    return spec


def _without_lock(recipe: str) -> bool:
    """Return whether a Dockerfile takes the packages that pyproject.toml asks for, whatever a lock beside it holds."""
    asks = re.search(r"\bpip3? install\b[^\n]*\s(-r\s*\S*pyproject\.toml|(-e\s+)?\.(\[[\w,-]*\])?(?=\s|$))", recipe)
    return bool(asks) and not re.search(r"\buv (sync|export|run)\b", recipe)


def _without_strays(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Keep out of a page's build the files that none of its pages loads and that import what is not there."""
    strays = lost.strays(context.whole.tree, unit.sources) if unit.kind in PAGE_KINDS else {}
    if strays:
        own = (file.removeprefix(f"{spec['context']}/") for file in strays)
        spec["ignore"] += map(literal, own)
        others = f" and {len(strays) - 1} more" if len(strays) > 1 else ""
        why = f"{next(iter(strays.values()))}: imports what the repository does not hold, and no page loads it"
        context.found.because(f"services.{unit.name}.ignore", f"{next(iter(strays))}{others}", why)


def _add_packages(unit: Unit, spec: dict[str, Any], built: bool, context: Context) -> None:
    """Name the packages that the code needs beside those of its package files."""
    tree = context.whole.tree
    missing = missing_modules(unit, context)
    added = {**companions(unit, tree, missing), **missing}
    if not added or not (built or not unit.dockerfile or takes_packages(tree.text(unit.dockerfile.file))):
        return
    spec["addPackages"] = list(added)
    pinned = re.search(r"(?mi)^\s*bcrypt\s*(==|[>~]=\s*[5-9])", tree.text(join(unit.sources, "requirements.txt")))
    if "bcrypt<5" in added and pinned and not unit.packages.lock:
        spec["loosePackages"] = ["bcrypt"]
    context.found.because(f"services.{unit.name}.addPackages", ", ".join(added), "; ".join(added.values()))


def _variables(unit: Unit, spec: dict[str, Any], built: bool, context: Context) -> dict[str, str]:
    """Return the variables of a service's containers; those of its build go to `spec`."""
    environment, build = variables_of(unit, context)
    set_path(unit, environment, built, context)
    keep_packages(unit, environment, built, context)
    share_virtualenv(unit, build, built, context)
    without_scripts(unit, build, built, context)
    set_above(unit, spec, environment, context)
    without_src(unit, spec, context)
    set_date(unit, spec, build, built, context)
    spare_cards(unit, spec, built, context)
    arguments = {name: build[name] for name in sorted(build) if unit.dockerfile and name in unit.dockerfile.arguments}
    if arguments and not built:
        spec["buildArgs"] = arguments
    if build:
        spec["buildEnvironment"] = build
    if unit.kind == "nextjs" and (place := fetched_fonts(unit, context)):
        spec["offlineFonts"] = True
        context.found.because(
            f"services.{unit.name}.offlineFonts", "the system's fonts where Google's cannot be had", place
        )
    if built or (unit.dockerfile and builds_a_page(context.whole.tree.text(unit.dockerfile.file))):
        replace_deployed(unit, spec, context)
        rename_public(unit, spec, context)
        _spell(unit, spec, context)
    return environment


def _spell(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Let a page import its files as they are spelled, where it does by another case of letters: its author's system
    makes no difference, an image does.
    """
    found = lost.misspelled(context.whole.tree, unit.sources) if unit.kind in PAGE_KINDS else {}
    texts = {f"{mark}{said}{mark}": f"{mark}{own}{mark}" for said, (own, _) in found.items() for mark in "\"'"}
    if texts:
        spec["replaceInSources"] = spec.get("replaceInSources", {}) | texts
        for said, (own, place) in found.items():
            what = f"{said}: {own}, as the file is spelled"
            context.found.because(f"services.{unit.name}.replaceInSources", what, place)


def _replicas(unit: Unit, spec: Mapping[str, Any], context: Context) -> int:
    """Return how many pods a service has: as its manifests say, at most two; one where it keeps files of its own, or
    where each would run the migrations or make the tables, at the same time: all but the first would end.
    """
    if "persistence" in spec or any("seed" in it for it in spec.get("writablePaths", []) if isinstance(it, dict)):
        return 1
    replicas = next((item.replicas for item in unit.described if isinstance(item.replicas, int)), 1)
    if replicas > 1 and migrates_at_start(unit, context):
        context.found.because(f"services.{unit.name}.replicas", "1, as each pod migrates at its start", unit.place)
        return 1
    if replicas > 1 and unit.python and (makers := makes_at_start(unit, context.whole.tree)):
        context.found.because(
            f"services.{unit.name}.replicas", "1, as each pod makes the tables at its start", makers[0]
        )
        return 1
    return min(replicas, 2) or 1


def _checks_certificates(unit: Unit, context: Context) -> Place | None:
    """Return where a program asks its database for a certificate that it can check; None where it does not.

    Of two drivers of Node.js one reads `no-verify` in the address, which is the other's word, as a wish to check.
    """
    tree = context.whole.tree
    if unit.javascript:
        return unit.wants("postgres") if unit.wants("pg") and insists_on_tls(unit, context) else None
    if not unit.wants("asyncpg") or not any(variables.purpose(read) == "database" for read in unit.code.reads):
        return None
    asks = re.compile(r"[\"']ssl[\"']\s*:\s*(True\b|ssl\.create_default_context\(\)|\w*context\b)|\bssl\s*=\s*True\b")
    for file in (one for one in tree.below(unit.sources) if one.endswith(".py") and not folder_kinds.TESTS.search(one)):
        text = tree.text(file)
        found = asks.search(text)
        if found and "CERT_NONE" not in text and re.search(r"create_async_engine|asyncpg", text):
            return Place.at(file, text, found.start())
    return None


def _database_authority() -> dict[str, Any]:
    """Return the chart's values that put the stand-in database's certificate where OpenSSL looks for it by its name."""
    item = {"key": "ca.crt", "path": f"{_subject_hash('database')}.0"}
    secret = {"secretName": "database-tls", "optional": True, "items": [item]}
    return {
        "extraVolumes": [{"name": "database-ca", "secret": secret}],
        "extraVolumeMounts": [{"name": "database-ca", "mountPath": DATABASE_CA, "readOnly": True}],
    }


def _subject_hash(name: str) -> str:
    """Return the file name under which OpenSSL looks for the certificate of who has only a common name, in small
    letters: four bytes of the SHA-1 of the name's canonical encoding.
    """
    encoded = bytes.fromhex("0603550403") + b"\x0c" + bytes([len(name)]) + name.encode()
    for tag in (b"\x30", b"\x31"):
        encoded = tag + bytes([len(encoded)]) + encoded
    return hashlib.sha1(encoded, usedforsecurity=False).digest()[3::-1].hex()


def _hosted(unit: Unit, spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line where a page asks a service of others, and what it is to be built with is not known."""
    vendor = next((name for name in HOSTED if name in unit.packages.wanted), "")
    known = {**spec.get("buildEnvironment", {}), **spec.get("environment", {})}
    names = dict.fromkeys(read.name for read in unit.code.reads if read.default is None and read.name not in known)
    public = [name for name in names if name.startswith(variables.PUBLIC)]
    if vendor and public and unit.kind in PAGE_KINDS:
        where = f"services.{unit.name}.buildEnvironment"
        yield f"{unit.wants(vendor)}: {vendor}: an account of yours with others; put into {where}: {', '.join(public)}"


def uncalled(whole: Whole, data: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each service that the rest does without, as far as can be seen: a person may leave it out."""
    told = json.dumps([data.get("addresses"), data.get("page"), data.get("journey"), data["services"]])
    backend = whole.backend()
    for unit in whole.units if len(whole.units) > 2 else ():
        called = any(mark in told for mark in (f"//{unit.name}:", f'"{unit.name}"}}', f'"service": "{unit.name}"'))
        if unit is not backend and unit is not whole.page and not called and not worker_of(unit):
            yield f"{unit.name}: nothing of the app calls it; to do without it, answer: without: {unit.name}"


_POSTGRESQL = re.compile(r"postgres|pgvector|postgis|neon")


def _extras(context: Context) -> None:
    """Infer what others' images do beside the application."""
    if broker := context.whole.broker:
        context.found.data["services"][broker] = _kafka(broker)
        caller = next(unit for unit in context.whole.units if units.calls_a_broker(unit))
        context.found.because(f"services.{broker}", "an own small service", caller.wants(*units.BROKERS))
    if redis := context.whole.redis:
        context.found.data["services"]["redis"] = {"context": ".", "builder": "redis", "port": 6379}
        context.found.because("services.redis", "an own small service", redis)
    for name, image in context.whole.others.items():
        if _POSTGRESQL.search(image):
            if "database" in context.found.data:
                context.found.because(
                    "database", "in place of it the product's stand-in, or DATABASE_URL", f"{name} ({image})"
                )
        elif context.whole.broker and re.search(r"kafka(?!-ui)|redpanda(?!\S*console)", image):
            continue
        elif re.search(r"kafka|redpanda|zookeeper|dapr|adminer|pgadmin|nginx|traefik", image):
            context.found.remarks.append(f"{name} ({image}): left off")


_SPEAKS = (".py", ".sql", ".prisma", ".ts", ".js", ".mjs")
_VECTOR = re.compile(
    r"CREATE EXTENSION\s+(IF NOT EXISTS\s+)?[\"']?vector\b|^\s*from pgvector\b|\bfrom [\"']pgvector\b"
    r"|\bextensions\s*=\s*\[.*\bvector\b|^\s*import .*\bvector\b.*[\"']drizzle-orm/pg-core[\"']", re.I | re.M
)  # fmt: skip


def _extensions(context: Context) -> None:
    """Have the extension that vectors need in the stand-in database, where a program asks for it."""
    tree, data = context.whole.tree, context.found.data
    for file in (file for unit in context.whole.units for file in tree.below(unit.sources)):
        asks = file.endswith(_SPEAKS) and not folder_kinds.TESTS.search(file) and _VECTOR.search(tree.text(file))
        if asks and "database" in data:
            data["database"]["extensions"] = ["vector"]
            place = Place.at(file, asks.string, asks.start())
            context.found.because("database.extensions", "vector, which the stand-in has then", place)
            return


def _aliases(context: Context) -> None:
    """Have the stand-in database answer by the name that a compose file gives it, where a start script knows it by no
    other, as one that waits for it.
    """
    data, tree = context.found.data, context.whole.tree
    images = context.whole.others if "database" in data else {}
    for name in (one for one, image in images.items() if _POSTGRESQL.search(image) and one not in data["services"]):
        quoted = rf"[\"']?{re.escape(name)}[\"']?(?![\w.-])"
        called = re.compile(rf"(?:\s-h\s*|--host[ =]|\bnc (?:-\w+ )*|@){quoted}|[\s\"']{re.escape(name)}:5432\b")
        found = ((file, match) for file in _starting(context) if (match := called.search(tree.text(file))))
        if first := next(found, None):
            data["database"].setdefault("aliases", []).append(name)
            place = Place.at(first[0], first[1].string, first[1].start() + 1)
            context.found.because("database.aliases", f"{name}, too", place)


def _starting(context: Context) -> Iterator[str]:
    """Yield the scripts and the Dockerfiles that services are started by."""
    for unit in context.whole.units:
        yield from [unit.dockerfile.file] if unit.dockerfile else []
        yield from (file for file in context.whole.tree.below(unit.sources) if file.endswith(".sh"))


def _wait_for(broker: str, unit: Unit) -> dict[str, Any]:
    """Return a container that ends when Kafka answers: many programs end without it, and it takes longer to start."""
    python = f"while socket.socket().connect_ex(('{broker}', {BROKER_PORT})): time.sleep(1)"
    node = f"require('net').connect({BROKER_PORT}, '{broker}').on('connect', () => process.exit())"
    node = f"const wait = () => {node}.on('error', () => setTimeout(wait, 1000)); wait()"
    command = ["python", "-c", f"import socket, time\n{python}"] if unit.python else ["node", "-e", node]
    return {"name": f"wait-for-{broker}", "command": command}


def _kafka(name: str) -> dict[str, Any]:
    """Return a Kafka of one broker, by the product's builder: it keeps its messages as long as its pod."""
    return {
        "context": ".",
        "builder": "kafka",
        "port": BROKER_PORT,
        "environment": {"ADVERTISED": f"{name}:{BROKER_PORT}"},
        "writablePaths": [{"path": "/data", "size": "512Mi"}],
        "resources": {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"cpu": "1", "memory": "512Mi"}},
    }


def sqlite_volumes(data: dict[str, Any]) -> None:
    """Keep the folder of a service whose database is a file, and run it as one pod."""
    for spec in data["services"].values():
        if any(str(value).startswith("sqlite") for value in spec.get("environment", {}).values()):
            spec["persistence"] = {"path": "/data"}
            spec["replicas"] = 1
