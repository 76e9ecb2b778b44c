"""From what was read to what an app's file says: pure functions, each of whose conclusions names what it rests on."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from scripts.adopt import dockerfiles, needed, python_source, units, variables
from scripts.adopt.facts import Code, Described, Read
from scripts.adopt.packages import in_uv_lock, join
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import PAGE_KINDS, Unit
from scripts.dockerfiles.derived import loosens, takes_packages
from scripts.images import families

DEFAULT_PORTS = {"nextjs": 3000, "static": 3000, "node": 3000, "fastapi": 8000, "flask": 5000, "django": 8000}
BUILDERS = {"nextjs": "nextjs", "static": "static", "node": "node"}
PYTHON_KINDS = ("fastapi", "flask", "django", "python")
NEVER_IN_AN_IMAGE = [
    "**/.env",
    "**/.env.*",
    "!**/.env.example",
    "**/.git",
    "**/node_modules",
    "**/.venv",
    "**/__pycache__",
]
HEALTH = (
    "/health/ready",
    "/readyz",
    "/ready",
    "/healthz",
    "/health",
    "/api/health",
    "/api/v1/health",
    "/health/live",
    "/livez",
)
VENDOR_ONLY = ("@neondatabase/serverless", "@vercel/postgres", "@planetscale/database", "@libsql/client")
# Services of others that a page asks by itself, by their packages: they know its people, and no part of the app does.
HOSTED = ("appwrite", "firebase", "@supabase/supabase-js", "@clerk/nextjs", "@clerk/clerk-react", "@auth0/auth0-react")
DATABASE_CA = "/etc/database-ca"
PLACEHOLDER = "not-configured"
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
AUTH_CLI = ".tools/node_modules/@better-auth/cli/dist/index.mjs"  # where the builder puts what ADD names


@dataclass
class Decision:
    """What an app's file gets, why, and what has to be asked first."""

    data: dict[str, Any] = field(default_factory=dict)
    reasons: list[tuple[str, str, str]] = field(default_factory=list)  # key, what, where it rests on
    remarks: list[str] = field(default_factory=list)
    questions: list[Question] = field(default_factory=list)

    def because(self, key: str, what: object, place: object) -> None:
        """Keep the reason of a conclusion."""
        self.reasons.append((key, str(what), str(place)))


@dataclass(frozen=True)
class Question:
    """What only the person knows: `default` is taken by an empty answer."""

    key: str
    text: str
    options: tuple[str, ...] = ()
    default: str = ""


@dataclass(frozen=True)
class Whole:
    """What is known of the application as a whole."""

    tree: Tree
    units: Sequence[Unit]
    examples: Mapping[str, Mapping[str, str]]  # by the file that says so
    others: Mapping[str, str]  # services of somebody else's image, such as redis
    date: str
    registry: bool
    answers: Mapping[str, str]
    hosts: Mapping[str, str] = field(default_factory=dict)  # service → its name in the cluster, where it has another

    @property
    def page(self) -> Unit | None:
        """The service that a browser opens: a page by its kind, else the only one with a port."""
        pages = [unit for unit in self.units if unit.kind in PAGE_KINDS]
        return next((unit for unit in pages if "front" in unit.name or "web" in unit.name), pages[0] if pages else None)

    def backend(self) -> Unit | None:
        """Return the service that a page calls."""
        kinds = ("fastapi", "flask", "django", "node")
        servers = [unit for unit in self.units if unit.kind in kinds and not _worker(unit)]
        named = [unit for unit in servers if re.search(r"back|api|server", unit.name)]
        return (named or servers or [None])[0]  # type: ignore[list-item]

    def examples_of(self, unit: Unit) -> dict[str, str]:
        """Return what example files tell a service: its own, then those above it, then others that no service has."""
        folders = {one.sources for one in self.units if one is not unit} - {unit.sources, "."}
        inner = [one for one in folders if not f"{unit.sources}/".startswith(f"{one}/")]
        mine = [file for file in self.examples if not any(file.startswith(f"{one}/") for one in inner)]
        found: dict[str, str] = {}
        for file in sorted(mine, key=lambda file: _distance(file, unit.sources)):
            found = {**self.examples[file], **found}
        return found


def _distance(file: str, sources: str) -> tuple[int, int]:
    """Sort files: below a folder first, the least deep before others; then those above it, the nearest first."""
    folder = str(PurePosixPath(file).parent)
    if sources == "." or f"{folder}/".startswith(f"{sources}/"):
        return 0, folder.count("/") + (folder != ".")
    above = folder == "." or f"{sources}/".startswith(f"{folder}/")
    return 1 if above else 2, -(folder.count("/") + (folder != "."))


def decide(whole: Whole) -> Decision:
    """Return what the app's file says."""
    found = Decision()
    services: dict[str, Any] = {}
    found.data = {"services": services, "secrets": {}, "jobs": {}, "addresses": []}
    ports = {unit.name: _port(unit, found) for unit in whole.units}
    page = whole.page
    published = {unit.name: _published(unit, ports[unit.name]) for unit in whole.units}
    if page and ports[page.name]:
        found.data["page"] = page.name
        found.because("page", page.name, page.place)
    else:
        found.remarks.append(
            "no page: nothing that a browser opens was found; the services are proved by their probes alone"
        )
    context = Context(whole, ports, published, found)
    for unit in whole.units:
        services[unit.name] = _service(unit, context)
        found.remarks += _hosted(unit, services[unit.name])
    _journey(context)
    _addresses(context)
    for unit in whole.units:
        _addresses_inside(unit, context)
    for unit in sorted(whole.units, key=lambda one: _tables_of_people(one, whole)):
        _jobs(unit, context)
    _extras(context)
    found.data["secrets"] = context.secrets()
    if "database" not in found.data and "sqlite" not in str(services):
        found.remarks.append("no database: no service reads the address of one, so none is brought")
    found.data = {key: value for key, value in found.data.items() if value}
    return found


@dataclass
class Context:
    """What the inference of one service may look at, and where it puts what it finds."""

    whole: Whole
    ports: Mapping[str, int | None]
    published: Mapping[str, int | None]
    found: Decision
    browser: dict[str, int] = field(default_factory=dict)  # service → port of localhost that a browser must reach
    keys: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)  # (Secret, key, source) → readers

    def inside(self, unit: Unit) -> str:
        """Return a service's address within the cluster."""
        return f"http://{self.whole.hosts.get(unit.name, unit.name)}:{self.ports[unit.name]}"

    def outside(self, unit: Unit) -> str:
        """Return a service's address for a browser; it is served from then on."""
        port = self.browser.setdefault(unit.name, self.published[unit.name] or 0)
        return f"http://localhost:{port}"

    def secret(self, name: str, key: str, unit: Unit, source: Mapping[str, Any]) -> None:
        """Let a service read a key."""
        readers = self.keys.setdefault((name, key, json.dumps(source)), [])
        if unit.name not in readers:
            readers.append(unit.name)

    def secrets(self) -> dict[str, Any]:
        """Return the Secrets: keys of one kind that the same services read are in one, since they read all of it."""
        found: dict[str, Any] = {}
        for (name, key, source), readers in self.keys.items():
            spec = next((it for own, it in found.items() if own.startswith(name) and it["usedBy"] == readers), None)
            if spec is None or key in spec["keys"]:
                own = name if name not in found else f"{name}-{'-'.join(readers)}"
                spec = found.setdefault(own[:63].rstrip("-"), {"usedBy": readers, "keys": {}})
            spec["keys"][key] = json.loads(source)
        return {name: {**spec, "keys": dict(self._linked(spec["keys"], found))} for name, spec in found.items()}

    def _linked(self, keys: Mapping[str, Any], found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """Keys whose value is another's: by the Secret that holds that one, or generated where none does."""
        for key, source in keys.items():
            other = source.get("same")
            held = next((name for name, spec in found.items() if other in spec["keys"]), "") if other else ""
            left_out = ("same", "generate") if held else ("same",)
            plain = {name: value for name, value in source.items() if name not in left_out}
            yield key, plain | ({"same": f"{held}.{other}"} if held else {})


def _port(unit: Unit, found: Decision) -> int | None:
    """Return the command's --port, then EXPOSE, then PORT, then what others say, then the code, then its kind."""
    recipe = unit.dockerfile
    if worker := _worker(unit):
        found.because(f"services.{unit.name}.port", "none, a worker", worker.place)
        return None
    command = " ".join(recipe.command) if recipe else ""
    match = re.search(
        r"(?:--port[= ]|-p[= ]|-b[= ]\S*?:|--bind[= ]\S*?:|0\.0\.0\.0:|\[::\]:)\$?\{?(?:PORT:-)?(\d{2,5})", command
    )
    if recipe and match:
        found.because(f"services.{unit.name}.port", match[1], Place(recipe.file, recipe.command_line))
        return int(match[1])
    for source in ("EXPOSE", "PORT"):
        if recipe and source in recipe.ports:
            number, place = recipe.ports[source]
            found.because(f"services.{unit.name}.port", number, place)
            return number
    for item in unit.described:
        if item.port:
            found.because(f"services.{unit.name}.port", item.port, item.place)
            return item.port
    if unit.code.ports:
        number, place = unit.code.ports[0]
        found.because(f"services.{unit.name}.port", number, place)
        return number
    if unit.kind in DEFAULT_PORTS and (
        unit.kind != "node" or unit.code.routes or unit.wants("express", "fastify", "hono", "koa")
    ):
        found.because(f"services.{unit.name}.port", DEFAULT_PORTS[unit.kind], f"{unit.place} ({unit.kind})")
        return DEFAULT_PORTS[unit.kind]
    found.because(f"services.{unit.name}.port", "none, a worker", unit.place)
    return None


def _worker(unit: Unit) -> Described | None:
    """Return what says that a service is a worker."""
    return next((item for item in unit.described if _is_worker(item.command)), None)


def _is_worker(command: Sequence[str]) -> bool:
    """Return whether a command is that of a program which takes its work from a queue or a clock."""
    words = " ".join(command)
    return bool(re.search(r"(^|[\s/;&])(celery|rq|arq|dramatiq|huey_consumer\S*|taskiq|faust)\s", f"{words} "))


def _published(unit: Unit, port: int | None) -> int | None:
    """Return the port of this machine that the application expects the service at."""
    own = next((item.published for item in unit.described if item.published), None)
    if unit.kind in PAGE_KINDS:
        return own if own and own >= 1024 else 3000
    return own if own and own >= 1024 else port


def _service(unit: Unit, context: Context) -> dict[str, Any]:
    spec: dict[str, Any] = {"context": unit.folder}
    builder = _builder(unit, context)
    if builder:
        spec |= builder
        spec["context"] = unit.sources
    else:
        recipe = unit.dockerfile
        if recipe and recipe.file != join(unit.folder, "Dockerfile"):
            spec["dockerfile"] = recipe.file
        stage = next((item.stage for item in unit.described if item.stage), "")
        if stage and not re.search(r"dev|test", stage):
            spec["stage"] = stage
    if unit.python and installs_requirements(unit, context.whole.tree, bool(builder)):
        unit.python.lock = ""  # the image is made without it
    spec["ignore"] = list(NEVER_IN_AN_IMAGE)
    if builder and unit.strange_lock:
        spec["ignore"].append("uv.lock")
        context.found.because(
            f"services.{unit.name}.ignore", "uv.lock", f"{unit.strange_lock}: holds none of its packages"
        )
    if context.ports[unit.name]:
        spec["port"] = context.ports[unit.name]
    _user(unit, spec, bool(builder), context)
    _probes(unit, spec, context)
    _command(unit, spec, context)
    added = {**_companions(unit, context.whole.tree), **_missing(unit, context.whole.tree)}
    if added and (builder or not unit.dockerfile or takes_packages(context.whole.tree.text(unit.dockerfile.file))):
        spec["addPackages"] = list(added)
        pinned = re.search(r"(?mi)^\s*bcrypt\s*==", context.whole.tree.text(join(unit.sources, "requirements.txt")))
        if "bcrypt<5" in added and pinned and not unit.packages.lock:
            spec["loosePackages"] = ["bcrypt"]
        context.found.because(f"services.{unit.name}.addPackages", ", ".join(added), "; ".join(added.values()))
    environment, build = _environment(unit, context)
    _path(unit, environment, bool(builder), context)
    _as_of(unit, spec, build, bool(builder), context)
    arguments = {name: build[name] for name in sorted(build) if unit.dockerfile and name in unit.dockerfile.arguments}
    if arguments and not builder:
        spec["buildArgs"] = arguments
    if build:
        spec["buildEnvironment"] = build
    if unit.kind == "nextjs" and (place := _fonts(unit, context)):
        spec["offlineFonts"] = True
        context.found.because(
            f"services.{unit.name}.offlineFonts", "the system's fonts where Google's cannot be had", place
        )
    if environment:
        spec["environment"] = environment
    replicas = next((item.replicas for item in unit.described if isinstance(item.replicas, int)), 1)
    spec["replicas"] = (
        1
        if "persistence" in spec or any("seed" in it for it in spec.get("writablePaths", []) if isinstance(it, dict))
        else min(replicas, 2) or 1
    )
    spec["values"] = {"containerSecurityContext": {"readOnlyRootFilesystem": False}}
    if checked := _checks_certificates(unit, context):
        environment["SSL_CERT_DIR"] = f"/etc/ssl/certs:{DATABASE_CA}"
        spec["environment"] = environment
        spec["values"] |= _database_authority()
        _told(unit, context, "SSL_CERT_DIR", "the stand-in database's certificate beside the system's", checked)
    return spec


def _checks_certificates(unit: Unit, context: Context) -> Place | None:
    """Return where a Python program asks its database for a certificate that it can check; None where it does not."""
    tree = context.whole.tree
    if not unit.wants("asyncpg") or not any(variables.purpose(read) == "database" for read in unit.code.reads):
        return None
    asks = re.compile(r"[\"']ssl[\"']\s*:\s*(True\b|ssl\.create_default_context\(\)|\w*context\b)|\bssl\s*=\s*True\b")
    for file in (one for one in tree.below(unit.sources) if one.endswith(".py") and not units.TESTS.search(one)):
        text = tree.text(file)
        found = asks.search(text)
        if found and "CERT_NONE" not in text and re.search(r"create_async_engine|asyncpg", text):
            return Place(file, text[: found.start()].count("\n") + 1)
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


def _path(unit: Unit, environment: dict[str, str], built: bool, context: Context) -> None:
    """Make the image's PATH absolute: what is found by a relative one is not started, but by a shell."""
    value, place = unit.dockerfile.variables.get("PATH", ("", None)) if unit.dockerfile and not built else ("", None)
    words = [word for word in value.split(":") if word]
    if unit.dockerfile and any(not word.startswith(("/", "$")) for word in words):
        folder = unit.dockerfile.workdir.rstrip("/")
        own = [word if word.startswith(("/", "$")) else f"{folder}/{word.removeprefix('./')}" for word in words]
        environment["PATH"] = re.sub(r"\$\{?PATH\}?", USUAL_PATH, ":".join(own))
        _told(unit, context, "PATH", environment["PATH"], place)


def _hosted(unit: Unit, spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line where a page asks a service of others, and what it is to be built with is not known."""
    vendor = next((name for name in HOSTED if name in unit.packages.wanted), "")
    known = {**spec.get("buildEnvironment", {}), **spec.get("environment", {})}
    names = dict.fromkeys(read.name for read in unit.code.reads if read.default is None and read.name not in known)
    public = [name for name in names if name.startswith(variables.PUBLIC)]
    if vendor and public and unit.kind in PAGE_KINDS:
        where = f"services.{unit.name}.buildEnvironment"
        yield f"{unit.wants(vendor)}: {vendor}: an account of yours with others; put into {where}: {', '.join(public)}"


def _fonts(unit: Unit, context: Context) -> str:
    """Return the file that takes fonts from Google's service when the page is built; empty where none does."""
    tree = context.whole.tree
    files = (file for file in tree.below(unit.sources) if file.endswith((".ts", ".tsx", ".js", ".jsx")))
    return next((file for file in files if "next/font/google" in tree.text(file)), "")


def _builder(unit: Unit, context: Context) -> dict[str, Any]:
    """Return a Dockerfile of the product's in place of one that is not there or cannot work; nothing where its own will
    do.
    """
    found, tree = context.found, context.whole.tree
    key = f"services.{unit.name}.builder"
    problems: list[str] = []
    if unit.dockerfile is None:
        problems = [f"{unit.sources}: no Dockerfile"]
    else:
        problems = [*unit.dockerfile.problems]
        if unit.javascript:
            problems += dockerfiles.broken_node(tree, unit.dockerfile, unit.javascript, _standalone(tree, unit))
            problems += _endless(unit)
        if unit.python:
            lock = unit.python.lock or unit.strange_lock
            problems += dockerfiles.broken_python(tree, unit.dockerfile, unit.python, lock)
        if not context.whole.registry:
            alpine = any("alpine" in image for image in unit.dockerfile.images)
            problems += dockerfiles.cannot_be_made(unit.dockerfile, tree.text(unit.dockerfile.file), alpine)
            problems += _other_python(unit)
        if _job_of_page(unit, context):
            problems.append(f"{unit.dockerfile.file}: its image has not what makes the tables")
    if not problems:
        return {}
    builder = BUILDERS.get(unit.kind) or ("python" if unit.kind in PYTHON_KINDS else "")
    if unit.kind == "nextjs" and _output(tree, unit, "export"):
        builder = "static"
    if not builder:
        found.remarks.append(f"{problems[0]}; and no builder of the product fits: the build will fail")
        return {}
    for problem in problems[:3]:
        found.because(key, builder, problem)
    spec: dict[str, Any] = {"builder": builder}
    if _job_of_page(unit, context) and builder == "nextjs":
        spec["buildArgs"] = {"WHOLE": "1"} | _job_packages(unit, context)
    last, old = _last_python(unit)
    if builder == "python" and last:
        spec["bases"] = {"PYTHON_IMAGE": "python:3.12-slim" if "3.12" in unit.packages.python else "python:3.11-slim"}
        found.because(f"services.{unit.name}.bases", spec["bases"]["PYTHON_IMAGE"], old or unit.packages.python)
    if builder == "python":
        command = _python_command(unit, context)
        if command:
            spec["args"] = command
    return spec


def _endless(unit: Unit) -> Iterator[str]:
    """Find packages of JavaScript that no lock and no range holds: they are taken as of a day, which a builder can."""
    wanted = {} if unit.packages.lock else unit.packages.wanted
    for name, version in wanted.items():
        if re.match(r"latest|\*|x$|>|next$|canary|$", version.strip()):
            yield f"{unit.packages.place(name)}: {name}: no lock says which version, and no range"


def _last_python(unit: Unit) -> tuple[int, str]:
    """Return the newest minor version of Python 3 that a project takes, and the pinned package that says
    so; 0 for any.
    """
    above = re.search(r"<\s*3\.(\d+)|(?:==|~=)\s*3\.(\d+)", unit.packages.python)
    if above:
        return (int(above[1]) - 1 if above[1] else int(above[2])), ""
    pins = {
        name: match[1] for name, said in unit.packages.wanted.items() if (match := re.match(r"==\s*([\d.]+)", said))
    }
    old = families.older_than(pins)
    return (12, old) if old and not unit.packages.lock else (0, "")


def _other_python(unit: Unit) -> Iterator[str]:
    """Yield a Dockerfile whose image can be had only with a Python that the project or the packages it pins refuse."""
    last, old = _last_python(unit)
    if not (last and unit.dockerfile):
        return
    for image in unit.dockerfile.images:
        made = families.equal(image)
        if made and made.recipe == "family-python" and int(made.version.split(".")[1]) > last:
            refused = f"Python {made.version}, which {unit.packages.python or old} refuses"
            yield f"{unit.dockerfile.file}: {image} can be had as {refused}"


def _standalone(tree: Tree, unit: Unit) -> bool:
    return _output(tree, unit, "standalone")


def _output(tree: Tree, unit: Unit, kind: str) -> bool:
    """Return whether its next.config asks for that kind of output."""
    configs = [join(unit.sources, f"next.config.{suffix}") for suffix in ("js", "mjs", "ts", "cjs", "mts")]
    return any(re.search(rf"output\s*:\s*[\"']{kind}[\"']", tree.text(file)) for file in configs if tree.has(file))


def _python_command(unit: Unit, context: Context) -> list[str]:
    """Return how a Python program is started, from where its application object stands."""
    tree, port = context.whole.tree, str(context.ports[unit.name] or 8000)
    if unit.kind == "django":
        wsgi = next((file for file in tree.below(unit.sources) if file.endswith("/wsgi.py")), "")
        if wsgi and unit.wants("gunicorn"):
            return ["gunicorn", f"{_module(unit, wsgi)}:application", "--bind", f"0.0.0.0:{port}"]
        return ["python", "manage.py", "runserver", f"0.0.0.0:{port}"]
    if made := _application(tree, unit):
        file, line, name, factory = made
        folder, module = _start(tree, unit, file)
        context.found.because(f"services.{unit.name}.args", f"{module}:{name}", Place(file, line))
        if unit.kind == "fastapi":
            extra = ["--app-dir", folder] if folder else []
            extra += ["--factory"] if factory else []
            return ["uvicorn", f"{module}:{name}", *extra, "--host", "0.0.0.0", "--port", port]  # noqa: S104 in a pod
        target = f"{folder}/{module}:{name}" if folder else f"{module}:{name}"
        return ["flask", "--app", target, "run", "--host", "0.0.0.0", "--port", port]  # noqa: S104 in a pod
    main = next((file for file in _mains(tree, unit) if "__main__" in tree.text(file)), "")
    if re.search(r"(?m)^\s*from \.", tree.text(main) if main else ""):  # only a module of a package can
        folder, module = _start(tree, unit, main)
        return [*(["env", f"PYTHONPATH={folder}"] if folder else []), "python", "-m", module]
    return ["python", main if unit.sources == "." else main.removeprefix(f"{unit.sources}/")] if main else []


_FACTORY = r"(?:create|make|build|get)_(?:\w+_)?app(?:lication)?"
_APPLICATIONS = {  # by kind, the best first; the last of FastAPI's is a function that makes one
    "fastapi": (
        rf"^(\w+)\s*(?::[^=]+)?=\s*(?:\w+\.)?(?:FastAPI|{_FACTORY})\(",
        r"^(\w+)\s*=\s*(?:\w+\.)?(?:Starlette|streamable_http_app|http_app|sse_app)\(",
        rf"^def ({_FACTORY})\((?=[\s\S]*\bFastAPI\()",
    ),
    "flask": (r"^(\w+)\s*=\s*(?:\w+\.)?Flask\(", r"^def (create_app)\("),
}


def _application(tree: Tree, unit: Unit) -> tuple[str, int, str, bool] | None:
    """Return where a program's application object is made: file, line, name, and whether that is of a function."""
    for pattern in _APPLICATIONS.get(unit.kind, ()):
        for file in dict.fromkeys([_main(unit, tree), *_mains(tree, unit)]):
            if match := re.search(pattern, tree.text(file), re.M) if file else None:
                return file, tree.text(file)[: match.start()].count("\n") + 1, match[1], pattern.startswith("^def")
    return None


def _mains(tree: Tree, unit: Unit) -> list[str]:
    order = ("main.py", "app.py", "server.py", "api.py", "worker.py", "run.py", "__init__.py")
    files = [file for file in tree.below(unit.sources) if file.endswith(".py") and not units.TESTS.search(file)]
    return sorted(files, key=lambda file: (_rank(file, order), file.count("/"), file))


def _rank(file: str, order: Sequence[str]) -> int:
    name = PurePosixPath(file).name
    return order.index(name) if name in order else len(order)


def _module(unit: Unit, file: str) -> str:
    path = PurePosixPath(file)
    relative = path.relative_to(unit.sources) if unit.sources != "." else path
    return ".".join(relative.with_suffix("").parts).removesuffix(".__init__")


def _start(tree: Tree, unit: Unit, file: str) -> tuple[str, str]:
    """(folder to start in, module): as its own Dockerfile names it; a file that imports its neighbours by their bare
    names is started beside them, and one that imports them relatively from above its package.
    """
    folder, parts = str(PurePosixPath(file).parent), _module(unit, file).split(".")
    command = " ".join(unit.dockerfile.command) if unit.dockerfile else ""
    for told in (name.split(".") for name in re.findall(r"(?<![\w./-])([A-Za-z_][\w.]*):\w+", command)):
        if parts[-len(told) :] == told:
            return "/".join(parts[: -len(told)]), ".".join(told)
    if re.search(r"(?m)^\s*from \.", tree.text(file)):
        inner = len(parts) - 1
        above = [join(unit.sources, "/".join(parts[:count])) for count in range(inner, 0, -1)]
        depth = next((index for index, one in enumerate(above) if not tree.has(f"{one}/__init__.py")), inner) or 1
        first = max(inner - depth, 0)
        return "/".join(parts[:first]), ".".join(parts[first:])
    siblings = {
        PurePosixPath(one).stem
        for one in tree.files
        if str(PurePosixPath(one).parent) == folder and one.endswith(".py")
    }
    siblings |= {one[len(folder) + 1 :].split("/")[0] for one in tree.below(folder) if "/" in one[len(folder) + 1 :]}
    imported = set(re.findall(r"^\s*(?:from|import) (\w+)", tree.text(file), re.M))
    own = next((index for index, part in enumerate(parts[:-1]) if part in imported), 0)
    if own:  # it imports its own package by name, which lies in a folder such as src
        return "/".join(parts[:own]), ".".join(parts[own:])
    if folder != unit.sources and imported & siblings - {PurePosixPath(folder).name}:
        return str(PurePosixPath(folder).relative_to(unit.sources) if unit.sources != "." else folder), PurePosixPath(
            file
        ).stem
    return "", _module(unit, file)


def _user(unit: Unit, spec: dict[str, Any], built: bool, context: Context) -> None:
    recipe = unit.dockerfile
    key = f"services.{unit.name}"
    if built or recipe is None:
        spec["home"] = "/tmp"  # noqa: S108 the one folder that any user may write
    elif recipe.uid:
        spec["user"] = recipe.uid
        context.found.because(f"{key}.user", recipe.uid, f"{recipe.file} (USER {recipe.user})")
        if recipe.home:
            spec["home"] = recipe.home
    elif recipe.from_root_home:
        spec["home"] = "/root"
        spec["buildSteps"] = ["chmod 0755 /root"]
        context.found.because(f"{key}.buildSteps", "packages in root's home, readable for others", recipe.file)
    else:
        spec["home"] = "/tmp"  # noqa: S108 as above
        context.found.because(f"{key}.user", "10001 in place of root", recipe.file)
    writes = [(folder, place) for folder, place in unit.code.folders if not folder.startswith("/tmp")]  # noqa: S108
    workdir = recipe.workdir if recipe and not built else "/app"
    for folder in [volume for item in unit.described for volume in item.volumes]:
        spec.setdefault("persistence", {"path": folder})
        context.found.because(f"{key}.persistence", folder, unit.described[0].place)
    if (
        recipe
        and not built
        and any(re.match(r"(docker\.io/)?(library/)?nginx\b", image) for image in recipe.images[-1:])
    ):
        spec["writablePaths"] = ["/var/cache/nginx", "/var/run"]
        context.found.because(f"{key}.writablePaths", "what nginx writes", recipe.file)
    if not (recipe and recipe.uid and not built):
        for folder, place in writes[:4]:
            path = (
                folder if folder.startswith("/") else f"{workdir.rstrip('/')}/{folder.removeprefix('./')}".rstrip("/.")
            )
            step = f"chown 10001 {path}"
            if path == workdir.rstrip("/") and recipe and not built:
                if path and step not in spec.get("buildSteps", []):
                    spec.setdefault("buildSteps", []).append(step)
                    context.found.because(f"{key}.buildSteps", step, place)
            elif path != workdir.rstrip("/"):
                spec.setdefault("writablePaths", [])
                if path not in spec["writablePaths"]:
                    spec["writablePaths"].append(path)
                    context.found.because(f"{key}.writablePaths", path, place)


def _probes(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Where it is asked whether it serves: what the application says and its code knows; else `/` of a page."""
    if not context.ports[unit.name]:
        return
    started = _loaded(unit, context.whole.tree) if unit.python else set()  # another first file's are not there
    routes = [one for one in unit.code.routes if one.method == "GET" and (not started or one.place.file in started)]
    known = {route.path: route for route in routes}
    path, place = _readiness(unit, known, context.whole.tree)
    if not path and unit.kind in PAGE_KINDS:
        path, place = "/", f"{unit.place} (a page)"
    if path:
        spec["probes"] = {"readiness": path}
        context.found.because(f"services.{unit.name}.probes", path, place)


def _readiness(unit: Unit, known: Mapping[str, Any], tree: Tree) -> tuple[str, object]:
    told = [
        (str(item.probes[kind]), item.place)
        for item in unit.described
        for kind in ("readiness",)
        if kind in item.probes
    ]
    tests = [" ".join(item.probes["test"]) for item in unit.described if "test" in item.probes]
    told += [
        (match[1], unit.described[0].place)
        for test in tests
        if (match := re.search(r"https?://[^/\s]+(/[\w./-]*)", test))
    ]
    if unit.dockerfile and unit.dockerfile.health:
        told.append(unit.dockerfile.health)
    for path, place in told:
        if any(path == one or (path.endswith(one) and one != "/") for one in known) or _next_route(tree, unit, path):
            return path, place
    for path in HEALTH:
        if path in known and known[path].whole:
            return path, known[path].place
        if _next_route(tree, unit, path):
            return path, f"{unit.sources} (a route of the page)"
    return ("/", known["/"].place) if "/" in known and known["/"].whole else ("", "")


def _next_route(tree: Tree, unit: Unit, path: str) -> bool:
    if unit.kind != "nextjs":
        return False
    if path == "/":
        return True
    bases = [join(unit.sources, base) for base in ("app", "src/app", "pages", "src/pages")]
    return any(
        tree.has(f"{base}{path}{end}")
        for base in bases
        for end in ("/route.ts", "/route.js", "/page.tsx", ".ts", ".js")
    )


def _command(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    for item in unit.described:
        words = list(item.command)
        if (
            item.kind == "compose"
            and words
            and not re.search(r"--reload|\bdev\b|watch", " ".join(words))
            and "args" not in spec
            and "builder" not in spec
        ):
            if "beat" in words and not {"-s", "--schedule"} & set(words):
                words += ["--schedule", "/tmp/celerybeat-schedule"]  # noqa: S108 it writes beside its program otherwise
            spec["args"] = words
            context.found.because(f"services.{unit.name}.args", " ".join(words)[:60], item.place)


def _environment(unit: Unit, context: Context) -> tuple[dict[str, str], dict[str, str]]:
    """Return what a service is told, and what it is built with."""
    environment: dict[str, str] = {}
    build: dict[str, str] = {}
    reads = variables.merged([*unit.code.reads, *_unsaid(unit)])
    sources = [
        *(item.environment for item in unit.described),
        *(item.arguments for item in unit.described),
        context.whole.examples_of(unit),
    ]
    for name in sorted(reads):
        read = reads[name]
        handler = _PURPOSES.get(variables.purpose(read, page=unit.kind in PAGE_KINDS), _plain)
        handler(read, unit, context, environment, build, sources)
    if unit.python and (place := unit.wants("dapr")):  # it would keep the whole program for a minute
        environment["DAPR_HEALTH_TIMEOUT"] = "1"
        _told(unit, context, "DAPR_HEALTH_TIMEOUT", "1: Dapr is left off, a second is waited for it", place)
    if switch := _open_to_browsers(unit, reads, context):
        environment[switch.name] = "true"
        _told(unit, context, switch.name, "true: without it no browser's page may call", switch.place)
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


def installs_requirements(unit: Unit, tree: Tree, built: bool) -> bool:
    """Return whether an image takes its packages from requirements.txt: `built` says that the product's builder makes
    it, which prefers a lock; a Dockerfile may do without the lock that lies there.
    """
    if not unit.python or not tree.has(join(unit.sources, "requirements.txt")):
        return False
    own = not built and unit.dockerfile
    return loosens(tree.text(own.file)) if own else not unit.python.lock


def _companions(unit: Unit, tree: Tree) -> dict[str, str]:
    """Name packages that must not be the newest beside others which are no longer changed, and why."""
    if not unit.python:
        return {}
    locked = in_uv_lock(tree, unit.python.lock) if unit.python.lock else {}
    said = {name: f"=={version}" for name, version in locked.items()} or unit.packages.wanted
    found = {}
    asked = "passlib" in said and ("bcrypt" in said or not locked)
    if asked and not re.search(r"==\s*[0-4]\.|<", said.get("bcrypt", "")):
        found["bcrypt<5"] = f"{unit.packages.place('passlib') or unit.place}: passlib cannot hash with a later one"
    pin = re.match(r"==\s*([\d.]+)", said.get("openai", ""))
    if pin and [int(one) for one in pin[1].split(".") if one] < [1, 55, 3] and "httpx" not in said:
        found["httpx<0.28"] = f"{unit.packages.place('openai')}: openai {pin[1]} does not start with a later one"
    return found


def _missing(unit: Unit, tree: Tree) -> dict[str, str]:
    """Name packages that the program imports and its package files do not bring, and why."""
    main = _main(unit, tree)
    urls = [read.default or "" for read in unit.code.reads if variables.purpose(read) == "database"]
    postgres = bool(urls) and not any("sqlite" in url for url in urls)
    return needed.packages(tree, unit.sources, unit.python, main, postgres) if unit.python and main else {}


def _main(unit: Unit, tree: Tree) -> str:
    """Return the file that starts a Python program: what its Dockerfile's command names, else where its app is made."""
    words = " ".join(unit.dockerfile.command) if unit.dockerfile else ""
    for name in re.findall(r"([\w.]+):\w+", words) + re.findall(r"([\w/.-]+)\.py\b", words):
        file = join(unit.sources, name.replace(".", "/") + ".py")
        if tree.has(file):
            return file
    mains = _mains(tree, unit)
    made = (file for file in mains if re.search(r"=\s*(\w+\.)?(FastAPI|Flask)\(", tree.text(file)))
    return next(made, next((file for file in mains if "__main__" in tree.text(file)), ""))


def _unsaid(unit: Unit) -> list[Read]:
    """Return the key that the client of a model takes from the environment by itself."""
    place = unit.code.imports.get("openai") or unit.code.imports.get("agents")
    return [Read("OPENAI_API_KEY", place)] if place and unit.wants("openai", "openai-agents") else []


Sources = Sequence[Mapping[str, str]]


def _told(unit: Unit, context: Context, name: str, what: str, place: object) -> None:
    context.found.because(f"services.{unit.name}.environment.{name}", what, place)


def _database(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    value = read.default or variables.given(read.name, sources)
    if "sqlite" in (value or "") and not _postgres_driver(unit):
        environment[read.name] = f"{value.split(':')[0]}:////data/app.db"
        context.found.data["services"].setdefault(unit.name, {})
        _told(unit, context, read.name, "SQLite in a volume", read.place)
        return
    form = _database_form(unit, context, read)
    source: dict[str, Any] = {"from": "DATABASE_URL", "database": form}
    context.secret("database-secrets", read.name, unit, source)
    _told(unit, context, read.name, f"the database's URL, {form.get('scheme', 'postgresql')}", read.place)
    context.found.data["database"] = {"tls": True, "first": True}
    vendor = unit.wants(*VENDOR_ONLY)
    if vendor and _speaks_http(unit, context):
        context.found.questions.append(Question(
            "database",
            f"{vendor}: this driver speaks to its vendor's service alone: give DATABASE_URL in .env, and say yes",
            ("yes", "no"), "no",
        ))  # fmt: skip


def _speaks_http(unit: Unit, context: Context) -> bool:
    tree = context.whole.tree
    texts = [tree.text(file) for file in tree.below(unit.sources) if file.endswith((".ts", ".js", ".tsx", ".mjs"))]
    return any("@neondatabase/serverless" in text or "@vercel/postgres" in text for text in texts)


def _postgres_driver(unit: Unit) -> Place | None:
    python = ("asyncpg", "psycopg", "psycopg2", "psycopg2-binary", "psycopg-binary", "pg8000")
    return unit.wants(*python, "pg", "postgres", "@prisma/client", "prisma", "drizzle-orm", *VENDOR_ONLY[:2])


def _database_form(unit: Unit, context: Context, read: Read) -> dict[str, Any]:
    """In which form the URL is taken: as the code's own default has it, else by its driver."""
    if unit.javascript:
        return {"parameters": {"sslmode": "no-verify"}} if unit.wants("pg") and _insists_on_tls(unit, context) else {}
    told = [*(item.environment.get(read.name, "") for item in unit.described), read.default or "",
            context.whole.examples_of(unit).get(read.name, "")]  # fmt: skip
    if match := next((it for one in told if (it := re.match(r"(postgres(?:ql)?\+\w+)://", one))), None):
        return {"scheme": match[1]}
    tree = context.whole.tree
    text = "\n".join(tree.text(file) for file in tree.below(unit.sources) if file.endswith(".py"))
    if re.search(r"replace\([^)]*postgres|\+asyncpg['\"]?\s*[,)]|startswith\(['\"]postgres", text):
        return {}
    if unit.wants("asyncpg") and "create_async_engine" in text:
        return {"scheme": "postgresql+asyncpg"}
    has_two = unit.wants("psycopg2", "psycopg2-binary")
    if unit.wants("psycopg", "psycopg-binary") and not has_two and re.search(r"create_engine\(", text):
        return {"scheme": "postgresql+psycopg"}
    return {}


def _insists_on_tls(unit: Unit, context: Context) -> bool:
    tree = context.whole.tree
    texts = (tree.text(file) for file in tree.below(unit.sources) if file.endswith((".ts", ".js", ".tsx", ".mjs")))
    given = " ".join(value for value in context.whole.examples_of(unit).values() if "postgres" in value)
    return "sslmode=require" in given or any(re.search(r"\bssl\s*:", text) for text in texts)


def _database_part(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    part = variables.database_part(read.name)
    if any(variables.purpose(other) == "database" and other.default is None for other in unit.code.reads):
        return
    context.secret("database-secrets", read.name, unit, {"from": "DATABASE_URL", "database": {"part": part}})
    context.found.data["database"] = {"tls": True, "first": True}
    _told(unit, context, read.name, f"the database's {part}", read.place)


def _model(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    # Clients of models end a program that gives them no key at all, often when it starts.
    value = f"sk-{PLACEHOLDER}" if read.name.startswith("OPENAI") else PLACEHOLDER
    context.secret("api-keys", read.name, unit, {"from": read.name, "placeholder": value})
    _told(unit, context, read.name, "from the environment or .env; without it chat will not answer", read.place)


def _other_secret(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    if read.default is None or read.required:
        source: dict[str, Any] = (
            {"from": read.name, "placeholder": PLACEHOLDER} if read.required else {"from": read.name, "optional": True}
        )
        context.secret("api-keys", read.name, unit, source)
        _told(unit, context, read.name, "from the environment or .env, where it is given", read.place)


def _signing(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    source: dict[str, Any] = {"from": read.name, "generate": 48}
    other = _alias(read.name, sources)
    if other:
        source["same"] = other
    context.secret("auth-secrets", read.name, unit, source)
    least = f", at least {read.shortest} wanted" if read.shortest else ""
    _told(unit, context, read.name, f"as {other}" if other else f"generated, 64 characters{least}", read.place)


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
    _told(unit, context, read.name, "the page's address", read.place)


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
    value = context.inside(page) if server_side else context.outside(page)
    environment[read.name] = value + variables.path_of(read.default or variables.given(read.name, sources))
    _told(unit, context, read.name, "the page's address", read.place)
    return None


def _public(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Give a value of the page that its build puts into what browsers get."""
    value = variables.given(read.name, sources) or read.default or ""
    own = variables.is_address(read.name, value) and not value.startswith("/")
    target = _target(read, unit, context, value) if own else None
    if target is None:
        if value and read.default is None and not variables.is_here(value):
            build[read.name] = value
            _told(unit, context, read.name, value, read.place)
        return
    outside = context.outside(target).replace("http", "ws" if value.startswith("ws") else "http", 1)
    bare = bool(value) and "://" not in value  # the code puts the scheme before it
    build[read.name] = outside.partition("://")[2] if bare else outside + variables.path_of(value)
    _told(unit, context, read.name, f"{build[read.name]}, put into the page when it is built", read.place)


def _target(read: Read, unit: Unit, context: Context, value: str) -> Unit | None:
    """Return the service that an address variable means: by its value's host or port, else by its name."""
    whole = context.whole
    serving = [other for other in whole.units if context.ports[other.name]]
    host = urlsplit(value if "://" in value else f"//{value}")
    try:
        name, port = host.hostname or "", host.port
    except ValueError:
        name, port = "", None
    for other in serving:
        services = {other.name, *(item.service for item in other.described), *(item.name for item in other.described)}
        if name in services and name:
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
    extra = next((name for name in ("redis",) if name in read.name.lower() and _uses_redis(context)), "")
    if extra:
        environment[read.name] = f"redis://{extra}:6379/0"
        _told(unit, context, read.name, environment[read.name], read.place)
        return
    if re.search(r"OPENAI|ANTHROPIC|GEMINI|GROQ|MODEL|SMTP|KAFKA|DAPR|SENTRY|BIND|LISTEN", read.name) or read.name in (
        "HOST",
        "SERVER_HOST",
        "API_HOST",
    ):
        return
    target = _target(read, unit, context, value)
    if target is None or target is unit or not context.ports[target.name]:
        if read.required:
            _plain(read, unit, context, environment, build, sources)
        return
    bare = not value.startswith("http") and bool(re.search(r"HOST$", read.name))
    environment[read.name] = (
        urlsplit(context.inside(target)).hostname or "" if bare else context.inside(target) + variables.path_of(value)
    )
    _told(unit, context, read.name, environment[read.name], read.place)


def _plain(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Nothing is given that the code does not need: what it has no default for, or its image sets otherwise."""
    value = variables.given(read.name, sources)
    set_by_image = unit.dockerfile.variables.get(read.name, ("", None))[0] if unit.dockerfile else ""
    value = value or (
        read.default or "" if read.required else ""
    )  # one file ends without what another has a default for
    if read.default is not None and not read.required and not (set_by_image and value and value != set_by_image):
        return
    if value and not value.startswith("$"):
        environment[read.name] = value
        _told(unit, context, read.name, value, read.place)
    elif read.required:
        key = f"{unit.name}.{read.name}"
        answer = context.whole.answers.get(key, context.whole.answers.get(read.name))
        if answer is None:
            context.found.questions.append(
                Question(key, f"{read.place}: {unit.name} ends without {read.name}: which value?")
            )
        else:
            environment[read.name] = answer
            _told(unit, context, read.name, answer, "your answer")


def _broker(
    read: Read, unit: Unit, context: Context, environment: dict[str, str], build: dict[str, str], sources: Sources
) -> None:
    """Turn off a switch for messages through a broker that is not brought here."""
    environment[read.name] = "false"
    _told(unit, context, read.name, "off: there is no broker", read.place)


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
        _told(unit, context, read.name, str(port), read.place)


_PURPOSES = {
    "elsewhere": _elsewhere,
    "port": _own_port,
    "broker": _broker,
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
        elif purpose in ("signing", "model") and (read.required or purpose == "signing"):
            build[name] = "only-for-the-build-0123456789abcdef"
        elif purpose == "page" and name in environment:
            build[name] = environment[name]


def _as_of(unit: Unit, spec: dict[str, Any], build: dict[str, str], built: bool, context: Context) -> None:
    """Take packages without a version as of the day of the last commit."""
    date = context.whole.date
    loose = unit.packages.loose
    if not date or not loose or (unit.javascript and not built):
        return
    place = unit.packages.place(loose[0]) or unit.place
    context.found.because(
        f"services.{unit.name}.{'buildArgs' if built else 'buildEnvironment'}", f"packages as of {date}", place
    )
    if built:
        spec["buildArgs"] = spec.get("buildArgs", {}) | {"BEFORE": date}
    else:
        build |= {"PIP_UPLOADED_PRIOR_TO": f"{date}T23:59:59Z", "UV_EXCLUDE_NEWER": f"{date}T23:59:59Z"}


def _addresses(context: Context) -> None:
    """Every address that a browser has to reach, by its port of this machine."""
    page = context.whole.page
    if page and context.ports[page.name]:
        context.outside(page)
        # What stands beside a variable that only a server reads is the server's own.
        inner = {read.place for read in page.code.reads if variables.purpose(read) != "public"}
        for url, place in page.code.urls:
            port = None if "next.config" in place.file or place in inner else _local_port(url)
            owner = next(
                (
                    unit
                    for unit in context.whole.units
                    if unit is not page and port and context.published[unit.name] == port
                ),
                None,
            )
            if owner and owner.name not in context.browser:
                context.outside(owner)
                context.found.because("addresses", f"localhost:{port}", place)
    taken: set[int] = set()
    for name, port in context.browser.items():
        if port and port not in taken:
            taken.add(port)
            context.found.data["addresses"].append({"port": port, "service": name})


_ON_A_SERVER = re.compile(
    r"(^|/)((middleware|proxy|instrumentation)\.[tj]s|app/(.*/)?route\.[tj]sx?|pages/api/.*\.[tj]sx?)$"
)
_FORWARDER = """import net from "node:net";
for (const [port, host, to] of %s) for (const own of ["127.0.0.1", "::1"])
  net.createServer((inner) => {
    const outer = net.connect(to, host), end = () => { inner.destroy(); outer.destroy(); };
    inner.on("error", end).pipe(outer.on("error", end)).pipe(inner);
  }).on("error", () => {}).listen(port, own).unref();
"""


def _addresses_inside(unit: Unit, context: Context) -> None:
    """Serve the addresses of `localhost` that are built into a page for its own server too, which asks them as browsers
    do: Node.js opens them before the program, and leads them to the services. A second process finds them taken.
    """
    tree, spec = context.whole.tree, context.found.data["services"][unit.name]
    others = [(it["port"], it["service"]) for it in context.found.data["addresses"] if it["service"] != unit.name]
    files = (file for file in tree.below(unit.sources) if file.endswith((".ts", ".tsx", ".js", ".mjs")))
    own = next((it for it in files if _asks_by_itself(it, tree.text(it))), "")
    if unit.kind != "nextjs" or not others or not own or ("builder" not in spec and _old_node(unit)):
        return
    hosts = context.whole.hosts
    routes = [[port, hosts.get(name, name), context.ports[name]] for port, name in others]
    code = base64.b64encode((_FORWARDER % json.dumps(routes)).encode()).decode()
    spec["environment"]["NODE_OPTIONS"] = f"--import=data:text/javascript;base64,{code}"
    ports = ", ".join(f"localhost:{port}" for port, _ in others)
    _told(unit, context, "NODE_OPTIONS", f"its own server finds {ports}, too", own)


def _asks_by_itself(file: str, text: str) -> bool:
    """Return whether a file of a page's is code of its server, which may ask others: a route, an action, a rewrite."""
    rewrites = "/next.config." in f"/{file}" and "rewrites" in text
    return rewrites or bool(_ON_A_SERVER.search(file)) or bool(re.search(r"[\"']use server[\"']", text))


def _old_node(unit: Unit) -> bool:
    """Return whether an image's Node.js is older than what can load a module before the program."""
    images = unit.dockerfile.images if unit.dockerfile else []
    return any((found := re.search(r"\bnode:(\d+)", image)) and int(found[1]) < 18 for image in images)


def _journey(context: Context) -> None:
    """Infer what a person does first where a server of the app knows people by Better Auth: sign up and sign in."""
    whole = context.whole
    for unit in sorted(whole.units, key=lambda one: one is not whole.page):
        own = _better_auth(unit, whole.tree) if unit.wants("better-auth") else ""
        text = whole.tree.text(own) if own else ""
        if not re.search(r"emailAndPassword\s*:", text) or not _answers(unit, own, whole.tree):
            continue
        if wrong := _unknown_database(text):
            line = text[: wrong.start()].count("\n") + 1
            context.found.remarks.append(f"{own}:{line}: Better Auth knows no such database: it will know nobody")
            continue
        base = re.search(r"basePath\s*:\s*[\"'](/[\w/-]+)[\"']", text)
        step = {"service": unit.name, "method": "POST"}
        path = base[1].rstrip("/") if base else "/api/auth"
        who = {"email": "{email}", "password": "{password}"}
        steps = [step | {"name": "register", "path": f"{path}/sign-up/email", "json": who | {"name": "{name}"}}]
        if not _confirms(text, context.found.data["services"][unit.name].get("environment", {})):
            steps.append(step | {"name": "log in", "path": f"{path}/sign-in/email", "json": who})
        if unit is not whole.page:
            context.outside(unit)
        context.found.data["journey"] = steps
        context.found.because("journey", ", ".join(str(one["name"]) for one in steps), own)
        return


def _confirms(text: str, environment: Mapping[str, str]) -> bool:
    """Return whether people have to confirm their addresses, by Better Auth's configuration and what it is told."""
    said = re.search(r"requireEmailVerification\s*:\s*(?:process\.env\.(\w+)\s*===?\s*[\"']true[\"']|(false))?", text)
    if said and said[1]:
        return environment.get(said[1]) == "true"
    return bool(said) and not said[2]  # type: ignore[index]


def _unknown_database(text: str) -> re.Match[str] | None:
    """Return where Better Auth is given a database by provider and address, which it does not take; None elsewhere."""
    if re.search(r"Adapter\(|\bdialect\b|new\s+\w*(Pool|Kysely|Database)\w*\(", text):
        return None
    return re.search(r"\bprovider\s*:\s*[\"'](postgres\w*|pg|sqlite|mysql)[\"']", text)


def _answers(unit: Unit, own: str, tree: Tree) -> bool:
    """Return whether a unit answers Better Auth's addresses: by a route file of Next.js that hands them to what the
    file `own` makes, or by a handler of a server.
    """
    if unit.kind != "nextjs":
        return unit.kind == "node"
    routes = (file for file in tree.below(unit.sources) if re.search(r"/api/auth/.*\.[tj]s$", f"/{file}"))
    hands = re.compile(rf"better-auth|from\s+[\"'][^\"']*\b{re.escape(PurePosixPath(own).stem)}[\"']")
    return any(hands.search(tree.text(file)) for file in routes)


def _better_auth(unit: Unit, tree: Tree, cli: bool = False) -> str:
    """Return the file that configures Better Auth; for its command-line program, one that is made for that
    comes first.
    """
    files = [file for file in tree.below(unit.sources) if file.endswith((".ts", ".js", ".mjs", ".tsx"))]
    found = [
        file for file in files if re.search(r"betterAuth\(\s*\{", tree.text(file)) and not units.TESTS.search(file)
    ]

    def rank(file: str) -> tuple[bool, bool, int]:
        name = PurePosixPath(file).stem
        return bool(re.search(r"test|debug|check", name)), (name == "auth.config") is not cli, file.count("/")

    return min(found, key=rank, default="")


def _local_port(url: str) -> int | None:
    try:
        parts = urlsplit(url)
        return parts.port if parts.hostname in ("localhost", "127.0.0.1") else None
    except ValueError:
        return None


def _jobs(unit: Unit, context: Context) -> None:
    """Infer what makes the tables where the program itself does not."""
    tree, found = context.whole.tree, context.found
    if _told_jobs(unit, context):
        return
    own = _framework_job(unit, context)
    if own:
        found.data["jobs"][f"{unit.name}-migrate"] = {"service": unit.name, "command": own[0]}
        found.because(f"jobs.{unit.name}-migrate", " ".join(own[0]), own[1])
        return
    if unit.python:
        file = join(unit.sources, "alembic.ini")
        makers = _table_makers(unit, tree)
        if any(_called(place, unit, tree) for place in makers) or "alembic" in unit.code.calls:
            return
        if not tree.has(file):
            if not _scripts(unit, context) and makers:
                _uncalled(makers, unit, context)
            return
        if re.search(r"alembic\W+(.{0,40}\W)?upgrade\b", _started(unit, context)):
            return
        where = re.search(r"(?m)^script_location\s*=\s*(?:%\(here\)s/)?([\w./-]+)", tree.text(file))
        folder = join(unit.sources, where[1].strip("./")) if where else ""
        if where and not tree.has(f"{folder}/env.py"):
            found.remarks.append(f"{file}: {where[1]}: no migrations are there, so none are run")
            return
        if makers and not _creates_tables(folder or unit.sources, tree):
            found.remarks.append(f"{file}: its migrations make no tables: they are made from the models, none is run")
            _uncalled(makers, unit, context)
            return
        words = _alembic(unit, context)
        found.data["jobs"][f"{unit.name}-migrate"] = {"service": unit.name, "command": [*words, "upgrade", "head"]}
        found.because(f"jobs.{unit.name}-migrate", "alembic upgrade head", file)
        return
    job = _job_of_page(unit, context)
    if job:
        words, place = job
        found.data["jobs"][f"{unit.name}-tables"] = {"service": unit.name, "command": words}
        found.because(f"jobs.{unit.name}-tables", " ".join(words), place)


def _alembic(unit: Unit, context: Context) -> list[str]:
    """Return how alembic is called: so that its scripts find the program they lie beside; where their folder is a
    package of alembic's own name, not from there.
    """
    own = unit.dockerfile and unit.dockerfile.command[:1] == ("uv",)
    start = ["uv", "run", "--no-sync"] if own and "builder" not in context.found.data["services"][unit.name] else []
    shadowed = context.whole.tree.has(join(unit.sources, "alembic/__init__.py"))
    return ["env", "-u", "PYTHONPATH", *start, "alembic"] if shadowed else [*start, "python", "-m", "alembic"]


def _table_makers(unit: Unit, tree: Tree) -> list[Place]:
    """Return where the program makes its tables: in what its first file loads, else in what looks like a part of it."""
    loaded = _loaded(unit, tree)
    found = [place for place in unit.code.tables if place.file in loaded]
    return found or [place for place in unit.code.tables if _imported(place.file, unit, tree)]


def _loaded(unit: Unit, tree: Tree) -> set[str]:
    main = _main(unit, tree)
    return needed.loaded(tree, unit.sources, main) if main else set()


def imports(unit: Unit, tree: Tree) -> set[str]:
    """Return the modules that the started program imports; where its first file is not known, those of all files."""
    found = Code()
    for file in _loaded(unit, tree):
        python_source.read(tree.text(file), file, found)
    return set(found.imports or unit.code.imports)


def _imported(file: str, unit: Unit, tree: Tree) -> bool:
    """Return whether a Python file is part of the program, not a script by itself: it makes the app, or is imported."""
    path = PurePosixPath(file)
    name = path.parent.name if path.stem == "__init__" else path.stem
    if re.search(r"=\s*(\w+\.)?(FastAPI|Flask)\(", tree.text(file)):
        return True
    imports = re.compile(rf"^\s*(from\s+[\w.]*\b{re.escape(name)}\b|from\s+\S+\s+import\s.*\b{re.escape(name)}\b"
                         rf"|import\s+[\w.]*\b{re.escape(name)}\b)", re.M)  # fmt: skip
    others = (one for one in tree.below(unit.sources) if one.endswith(".py") and one != file)
    return any(imports.search(tree.text(one)) for one in others if not units.TESTS.search(one))


def _called(place: Place, unit: Unit, tree: Tree) -> bool:
    """Return whether what makes the tables at a place is run: at the file's top, or by a function that is used."""
    name = python_source.function_at(tree.text(place.file), place.line)
    loaded = _loaded(unit, tree)
    own = (one for one in tree.below(unit.sources) if one.endswith(".py") and not units.TESTS.search(one))
    files = loaded if place.file in loaded else own
    return not name or any(name in python_source.used_names(tree.text(one)) for one in files)


def _uncalled(makers: Sequence[Place], unit: Unit, context: Context) -> None:
    """Call, in a job, the function that makes the tables and that the program never calls: one that its first file
    names before others. What the program loads is loaded first, since only then the models are known.
    """
    tree, main = context.whole.tree, _main(unit, context.whole.tree)
    others = (one for one in context.whole.units if one is not unit and one.python)
    if unit is not context.whole.backend() and any(_makes_tables(one, tree) for one in others):
        return  # of one that only reads them, they may lack what the others need
    named = {place: python_source.function_at(tree.text(place.file), place.line) for place in makers}
    place = min(makers, key=lambda one: not re.search(rf"\b{named[one]}\b", tree.text(main) if main else ""))
    folder, module = _start(tree, unit, place.file)
    above, program = _start(tree, unit, main) if main and main != place.file else (folder, "")
    code = f"import {program}; " if program else ""
    code += f"import inspect, asyncio; from {module} import {named[place]} as made; done = made(); " \
            "inspect.isawaitable(done) and asyncio.run(done)"  # fmt: skip
    path = ":".join(dict.fromkeys([folder or ".", above or "."]))
    command = ["env", f"PYTHONPATH={path}", "python", "-c", code]
    context.found.data["jobs"][f"{unit.name}-tables"] = {"service": unit.name, "command": command}
    context.found.because(f"jobs.{unit.name}-tables", f"{named[place]}(), which nothing calls", place)


def _makes_tables(unit: Unit, tree: Tree) -> bool:
    """Return whether a Python program makes tables by itself, or by migrations of alembic's."""
    migrated = "alembic" in unit.code.calls or tree.has(join(unit.sources, "alembic.ini"))
    return migrated or any(_called(place, unit, tree) for place in _table_makers(unit, tree))


SCRIPT = re.compile(r"(^|/)(\d+[\w-]*|(init|create|setup|make)[_-](db|database|tables?|schema)|migrat\w*)\.py$")


def _scripts(unit: Unit, context: Context) -> list[str]:
    """Take the scripts that make a service's tables, which a person would run once: in the order of their names."""
    tree = context.whole.tree
    found = sorted({place.file for place in unit.code.tables if SCRIPT.search(place.file)})
    made = [file for file in found if not re.search(r"drop_all|DROP TABLE", tree.text(file))]
    for number, file in enumerate(made):
        job = f"{unit.name}-tables" + (f"-{number + 1}" if number else "")
        own = file.removeprefix(f"{unit.sources}/")
        context.found.data["jobs"][job] = {"service": unit.name, "command": ["env", "PYTHONPATH=.", "python", own]}
        context.found.because(f"jobs.{job}", own, file)
    return made


def _started(unit: Unit, context: Context) -> str:
    """Return what starts a service: the commands that it runs by, and the texts of the files that they name."""
    built = "builder" in context.found.data["services"][unit.name]
    own = unit.dockerfile.command if unit.dockerfile and not built else ()
    told = [item.command for item in unit.described if item.command]
    return "\n".join(_script(command, unit, context.whole.tree) for command in [own, *told])


def _creates_tables(folder: str, tree: Tree) -> bool:
    """Return whether a migration of alembic's, below a folder, makes a table."""
    versions = (file for file in tree.below(folder) if "/versions/" in f"/{file}" and file.endswith(".py"))
    return any(re.search(r"create_table\(|CREATE TABLE|create_all", tree.text(file)) for file in versions)


def _framework_job(unit: Unit, context: Context) -> tuple[list[str], str] | None:
    """Django's or Flask-Migrate's migration, unless what starts the image runs it."""
    tree = context.whole.tree
    if re.search(r"manage\.py\W+migrate|db\W+upgrade", _started(unit, context)):
        return None
    manage, environment = join(unit.sources, "manage.py"), join(unit.sources, "migrations/env.py")
    if unit.kind == "django" and tree.has(manage):
        return ["python", "manage.py", "migrate", "--noinput"], manage
    if unit.kind == "flask" and tree.has(environment) and unit.wants("flask-migrate"):
        return ["python", "-m", "flask", "db", "upgrade"], environment
    return None


def _tables_of_people(unit: Unit, whole: Whole) -> bool:
    """Return whether others' tables refer to those that this service makes: then its job is the first.

    False sorts before.
    """
    files = (whole.tree.text(file) for file in whole.tree.below(unit.sources) if "/versions/" in f"/{file}")
    return not (bool(unit.javascript) or any(re.search(r"create_table\(\s*[\"']user[\"']", text) for text in files))


def _told_jobs(unit: Unit, context: Context) -> bool:
    """Jobs of what a compose file runs once in the service's image; whether one of them makes the tables."""
    found = context.found
    makes = False
    for item in unit.once:
        key = f"{unit.name}-{units.clean(item.name).removeprefix(f'{unit.name}-')}"
        text = _script(item.command, unit, context.whole.tree)
        if not item.command or re.search(r"drop_all|DROP (TABLE|SCHEMA)|deleteMany|migrate reset", text):
            why = "it drops tables" if item.command else "what it runs is its image's own command"
            found.remarks.append(f"{item.place}: {item.name}: left out: {why}")
            continue
        found.data["jobs"][key[:53]] = {"service": unit.name, "command": list(item.command)}
        found.because(f"jobs.{key[:53]}", " ".join(item.command)[:60], item.place)
        makes |= bool(re.search(r"alembic|prisma|drizzle|migrat", " ".join(item.command)))
    return makes


def _script(command: Sequence[str], unit: Unit, tree: Tree) -> str:
    """Return the command, and the texts of the service's files that it names."""
    words = " ".join(command).split()
    files = [join(unit.sources, word.removeprefix("./").removeprefix("/app/")) for word in words if "." in word]
    return "\n".join([*words, *(tree.text(file) for file in files if tree.has(file))])


def _job_of_page(unit: Unit, context: Context) -> tuple[list[str], object] | None:
    """Return how the tables of a page's own server come to be: a script of its own, Prisma, Drizzle, or
    Better Auth's.
    """
    tree, scripts = context.whole.tree, unit.packages.scripts
    schema = join(unit.sources, "prisma/schema.prisma")
    reads = any(
        variables.purpose(read) == "database" and not _TOOLS.search(f"/{read.place.file}") for read in unit.code.reads
    )
    if not unit.javascript or not (reads or tree.has(schema)):
        return None
    if tree.has(schema):
        migrated = any(True for _ in tree.below(join(unit.sources, "prisma/migrations")))
        said = {**unit.packages.development, **unit.packages.wanted}.get("prisma", "")
        unasked = re.match(r"[\^~>=v ]*([7-9]|\d\d)\b", said)  # since 7 nothing is generated where nobody asks
        words = ["migrate", "deploy"] if migrated else ["db", "push", *([] if unasked else ["--skip-generate"])]
        return ["npx", "--no-install", "prisma", *words], schema
    config = next(
        (
            join(unit.sources, f"drizzle.config.{end}")
            for end in ("ts", "js", "mjs")
            if tree.has(join(unit.sources, f"drizzle.config.{end}"))
        ),
        "",
    )
    if config:
        return ["npx", "--no-install", "drizzle-kit", *_drizzle(unit, tree, tree.text(config))], config
    for name, line in scripts.items():
        if (
            re.search(r"(migrate|tables|setup|init)", name)
            and re.search(r"db|auth|table|migrat", name + line)
            and not re.search(r"dev|reset", line)
        ):
            return ["npm", "run", "--silent", name], unit.packages.place(name) or unit.place
    if own := next(_table_scripts(unit, tree), ""):
        return ["node", own.removeprefix(f"{unit.sources}/")], own
    auth = unit.wants("better-auth")
    if auth and unit.wants("pg", "@prisma/client", "kysely", "postgres"):
        own = _better_auth(unit, tree, cli=True)
        if own:
            relative = own.removeprefix(f"{unit.sources}/")
            return ["node", AUTH_CLI, "migrate", "--yes", "--config", relative], own
    return None


_TOOLS = re.compile(r"/(scripts|tools|bin|migrations)/|/drizzle\.config\.")  # what a person runs, beside the program


def _table_scripts(unit: Unit, tree: Tree) -> Iterator[str]:
    """Yield the scripts that make tables and drop none: those whose names say that they are the first come first."""
    named = re.compile(
        r"(^|/)(scripts|db|database|migrations)/[\w.-]*(auth|table|migrat|schema|setup|init)[\w.-]*\.(mjs|cjs|js)$"
    )
    found = [file for file in tree.below(unit.sources) if named.search(file)]
    first = re.compile(r"/(init|setup|create)[^/]*$")
    for file in sorted(found, key=lambda one: (not first.search(f"/{one}"), one)):
        makes = re.search(r"CREATE TABLE|createTable\(|migrate\w*\(|\.sql\b", tree.text(file), re.I)
        if makes and not re.search(r"DROP TABLE|dropTable", tree.text(file), re.I):
            yield file


def _drizzle(unit: Unit, tree: Tree, config: str) -> list[str]:
    """Return what Drizzle does: the migrations that it wrote down, else it makes the tables as its code has them. What
    would lose data ends in an error, since nobody is there to agree.
    """
    out = re.search(r"\bout\s*:\s*[\"']\.?/?([\w./-]+)", config)
    journal = join(unit.sources, f"{out[1].rstrip('/') if out else 'drizzle'}/meta/_journal.json")
    return ["migrate"] if tree.has(journal) else ["push"]


def _job_packages(unit: Unit, context: Context) -> dict[str, str]:
    """Return what the job that makes a page's tables runs, where the page does not bring it."""
    job = _job_of_page(unit, context)
    return {"ADD": "@better-auth/cli"} if job and AUTH_CLI in job[0] else {}


def uncalled(whole: Whole, data: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each service that the rest does without, as far as can be seen: a person may leave it out."""
    told = json.dumps([data.get("addresses"), data.get("page"), data.get("journey"), data["services"]])
    backend = whole.backend()
    for unit in whole.units if len(whole.units) > 2 else ():
        called = any(mark in told for mark in (f"//{unit.name}:", f'"{unit.name}"}}', f'"service": "{unit.name}"'))
        if unit is not backend and unit is not whole.page and not called:
            yield f"{unit.name}: nothing of the app calls it; to do without it, answer: without: {unit.name}"


def _uses_redis(context: Context) -> bool:
    return any("redis" in image for image in context.whole.others.values())


def _extras(context: Context) -> None:
    """Infer what others' images do beside the application."""
    for name, image in context.whole.others.items():
        if re.search(r"postgres|pgvector|postgis|neon", image):
            context.found.because(
                "database", "in place of it the product's stand-in, or DATABASE_URL", f"{name} ({image})"
            )
        elif "redis" in image and any("REDIS" in read.name for unit in context.whole.units for read in unit.code.reads):
            context.found.data["services"]["redis"] = {"context": ".", "builder": "redis", "port": 6379}
            context.found.because("services.redis", "an own small service", f"{name} ({image})")
        elif re.search(r"kafka|redpanda|zookeeper|dapr|adminer|pgadmin|nginx|traefik", image):
            context.found.remarks.append(f"{name} ({image}): left off")


def sqlite_volumes(data: dict[str, Any]) -> None:
    """Keep the folder of a service whose database is a file, and run it as one pod."""
    for spec in data["services"].values():
        if any(str(value).startswith("sqlite") for value in spec.get("environment", {}).values()):
            spec["persistence"] = {"path": "/data"}
            spec["replicas"] = 1
