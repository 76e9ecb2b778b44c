"""Infer how a service is started: command, user, port, probes, packages."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from scripts.adopt import needed, variables
from scripts.adopt.folder_kinds import PAGE_KINDS, TESTS
from scripts.adopt.inference.decision import Context, Decision, told, worker_of
from scripts.adopt.inference.entries import (
    ABOVE,
    known_by_name,
    main_file,
    told_by_author,
    vite_files,
)
from scripts.adopt.inference.jobs import imported_files, imports, migrations
from scripts.adopt.packages import in_uv_lock, join
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit
from scripts.dockerfiles.derived import loosens

DEFAULT_PORTS = {"nextjs": 3000, "static": 3000, "node": 3000, "fastapi": 8000, "flask": 5000, "django": 8000}
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
USUAL_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


_SERVES = re.compile(
    r"uvicorn|hypercorn|gunicorn|waitress|FastAPI\(|Flask\(|FastMCP\(|Starlette\(|HTTPServer|[.\s](serve|listen|run_app|start_server)\(|\.run\([^)\n]*\bport\b|serve_forever|bind\("
)


def _loops(unit: Unit, tree: Tree) -> bool:
    """Return whether a Dockerfile starts a file of Python by its name which, with all that it loads, serves nothing."""
    command = unit.dockerfile.command if unit.dockerfile else ()
    if not (unit.python and re.search(r"\bpython[\d.]* (-u )?[\w./-]+\.py\b", " ".join(command))):
        return False
    files = imported_files(unit, tree)
    return bool(files) and not any(_SERVES.search(tree.text(file)) for file in files)


def port_of(unit: Unit, tree: Tree, found: Decision) -> int | None:
    """Return the command's --port, then EXPOSE, then PORT, then what others say, then the code, then its kind."""
    recipe = unit.dockerfile
    if worker := worker_of(unit):
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
    if recipe and _loops(unit, tree):
        found.because(f"services.{unit.name}.port", "none, a worker", Place(recipe.file, recipe.command_line))
        return None
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


def published_port(unit: Unit, port: int | None, tree: Tree) -> int | None:
    """Return the port of this machine that the application expects the service at."""
    own = next((item.published for item in unit.described if item.published), None)
    if own and own >= 1024:
        return own
    return _authors_port(unit, tree) if unit.kind in PAGE_KINDS else port


def _authors_port(unit: Unit, tree: Tree) -> int:
    """Return the port at which its author opens a page, and which its servers may have in their code: as its scripts
    say, else Vite's own file, else what Vite and Next.js take by themselves.
    """
    scripts = [unit.packages.scripts.get(name, "") for name in ("dev", "start", "serve", "preview")]
    for line in scripts:
        if said := re.search(r"(?:--port[= ]|\s-p[= ]?|\bPORT=)(\d{4,5})\b", line):
            return int(said[1])
    if not any(re.match(r"(\S+\s+)*?vite\b(?! build| preview)", line) for line in scripts):
        return 3000
    told = (
        re.search(r"\bserver\s*:\s*\{[^{}]*?\bport\s*:\s*(\d{4,5})\b", tree.text(file))
        for file in vite_files(tree, unit)
    )
    return next((int(one[1]) for one in told if one), 5173)


def set_path(unit: Unit, environment: dict[str, str], built: bool, context: Context) -> None:
    """Make the image's PATH absolute: what is found by a relative one is not started, but by a shell."""
    value, place = unit.dockerfile.variables.get("PATH", ("", None)) if unit.dockerfile and not built else ("", None)
    words = [word for word in value.split(":") if word]
    if unit.dockerfile and any(not word.startswith(("/", "$")) for word in words):
        folder = unit.dockerfile.workdir.rstrip("/")
        own = [word if word.startswith(("/", "$")) else f"{folder}/{word.removeprefix('./')}" for word in words]
        environment["PATH"] = re.sub(r"\$\{?PATH\}?", USUAL_PATH, ":".join(own))
        told(unit, context, "PATH", environment["PATH"], place)


def keep_packages(unit: Unit, environment: dict[str, str], built: bool, context: Context) -> None:
    """Let `uv run` start a program with the packages that its image has: it would look for others in each pod, where
    nobody may write them, and take out what was added.
    """
    recipe, tree = unit.dockerfile, context.whole.tree
    if built or not recipe or not re.search(r"\buv (sync|pip install)\b", tree.text(recipe.file)):
        return
    named = [join(unit.sources, word.removeprefix("./").removeprefix("/app/")) for word in recipe.command]
    texts = [" ".join(recipe.command), *(tree.text(file) for file in named if tree.has(file))]
    if any(re.search(r"\buv run\b", text) for text in texts):
        environment["UV_NO_SYNC"] = "1"
        told(unit, context, "UV_NO_SYNC", "1: with the packages of its image", Place(recipe.file, recipe.command_line))


def share_virtualenv(unit: Unit, build: dict[str, str], built: bool, context: Context) -> None:
    """Put the virtualenv that Poetry makes as root where whoever runs the program finds it, and may read it."""
    recipe = unit.dockerfile
    text = context.whole.tree.text(recipe.file) if recipe and not built else ""
    if (
        recipe
        and re.search(r"\bpoetry install\b", text)
        and not re.search(r"virtualenvs\.|POETRY_VIRTUALENVS|pypoetry", text)
    ):
        build["POETRY_VIRTUALENVS_PATH"] = "/opt/virtualenvs"
        key = f"services.{unit.name}.buildEnvironment"
        context.found.because(key, "POETRY_VIRTUALENVS_PATH: readable for others than root", recipe.file)


_FETCHING = ("better-sqlite3", "sqlite3", "canvas", "bcrypt", "puppeteer", "cypress", "node-sass")


def without_scripts(unit: Unit, build: dict[str, str], built: bool, context: Context) -> None:
    """Let npm run no scripts of packages where one of them fetches a program from elsewhere, no source loads it, and
    nothing but registries of packages can be reached; the product's builders run none anyhow.
    """
    asked = unit.packages.wanted | unit.packages.development
    name = next((one for one in _FETCHING if one in asked and one not in unit.code.imports), "")
    own = {"preinstall", "install", "postinstall", "prepare"} & set(unit.packages.scripts)
    if name and unit.javascript and not (built or own or context.whole.registry or unit.wants("@prisma/client")):
        build["npm_config_ignore_scripts"] = "true"
        key, place = f"services.{unit.name}.buildEnvironment", unit.packages.place(name) or unit.place
        said = f"{name}, which nothing imports, would fetch a program from elsewhere"
        context.found.because(key, f"no scripts of packages: {said}", place)


_WRITES = re.compile(
    r"\bmkdir\(|\bmakedirs\(|FileHandler\(|\bopen\([^)\n]*[\"'][wax]b?\+?[\"']|\b(mkdir|writeFile|appendFile)(Sync)?\(|createWriteStream\("
)


def own_folder(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Give a program that writes beside itself its folder: WORKDIR makes it root's, whoever owns what is in it."""
    recipe, tree = unit.dockerfile, context.whole.tree
    if not recipe or "builder" in spec or "writablePaths" in spec or recipe.workdir.rstrip("/") in ("", "/root"):
        return
    files = imported_files(unit, tree) or {
        file
        for file in tree.below(unit.sources)
        if file.endswith((".py", ".js", ".mjs", ".ts")) and not TESTS.search(file)
    }
    place = next((file for file in sorted(files) if _WRITES.search(tree.text(file))), "")
    step = f"chown {recipe.uid or 10001} {recipe.workdir}"
    if place and unit.kind not in PAGE_KINDS and step not in spec.get("buildSteps", []):
        spec.setdefault("buildSteps", []).append(step)
        context.found.because(f"services.{unit.name}.buildSteps", step, place)


def set_above(unit: Unit, spec: dict[str, Any], environment: dict[str, str], context: Context) -> None:
    """Let a program that knows its own folder by name, and is built without what is above it, find it by that name."""
    tree = context.whole.tree
    if not unit.python or "builder" not in spec:
        return
    name, by_name, bare = known_by_name(tree, unit)
    if name:
        spec.setdefault("buildSteps", []).append(f"mkdir -p {ABOVE} && ln -s /app {ABOVE}/{name}")
        environment |= {"PYTHONPATH": ABOVE, "PYTHONSAFEPATH": "1"}  # what lies in its folder by its name hides nothing
        place = by_name or told_by_author(tree, unit)[1] or unit.place
        told(unit, context, "PYTHONPATH", f"{ABOVE}, since it knows its folder as {name}", place)
    if by_name and bare:
        said = f"{by_name}: {unit.name} imports its own modules as those of {name}, and at {bare} without that name"
        twice = "Python loads them twice, and refuses tables that are defined twice: import them by one name"
        context.found.remarks.append(f"{said}: {twice}")


def without_src(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Leave `src` out of the path that the product's builder gives a program, where a package in it would be taken for
    the folder of the same name that is meant.
    """
    tree = context.whole.tree
    main = main_file(unit, tree) if unit.python and spec.get("builder") == "python" else ""
    if place := needed.hidden_by_sources(tree, unit.sources, main) if main else None:
        spec.setdefault("buildSteps", []).append("sed -i '/[/]src$/d' /venv/lib/python3*/site-packages/app.pth")
        what = "without src on its path, where a package has the name of a folder that is meant"
        context.found.because(f"services.{unit.name}.buildSteps", what, place)


def set_user(unit: Unit, spec: dict[str, Any], built: bool, context: Context) -> None:
    """Set the user a service runs as, and its home."""
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


def set_writable(unit: Unit, spec: dict[str, Any], built: bool, context: Context) -> None:
    """Set what a service may write: its volumes, what nginx needs, and the folders that its code writes to."""
    recipe = unit.dockerfile
    key = f"services.{unit.name}"
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


def set_probes(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Infer where it is asked whether it serves: what the application says and its code knows; else `/` of a page."""
    if not context.ports[unit.name]:
        return
    started = imported_files(unit, context.whole.tree) if unit.python else set()  # another first file's are not there
    routes = [one for one in unit.code.routes if one.method == "GET" and (not started or one.place.file in started)]
    known = {route.path: route for route in routes}
    path, place = _readiness(unit, known, context.whole.tree)
    if not path and unit.kind in PAGE_KINDS:
        path, place = "/", f"{unit.place} (a page)"
    if path:
        spec["probes"] = {"readiness": path}
        context.found.because(f"services.{unit.name}.probes", path, place)


_HOSTS = re.compile(r"\bTrustedHostMiddleware\b[^)]*|\bALLOWED_HOSTS\s*=\s*[^\n]*")


def name_host(unit: Unit, spec: Mapping[str, Any], context: Context) -> dict[str, Any]:
    """Return the chart's values by which a program that answers only to hosts of a list is asked by one of them: the
    cluster asks by the pod's own address.
    """
    tree = context.whole.tree
    files = [file for file in tree.below(unit.sources) if file.endswith(".py") and not TESTS.search(file)]
    for file in files if unit.python and "probes" in spec else ():
        found = [match for match in _HOSTS.finditer(tree.text(file)) if unit.kind == "django" or "Trusted" in match[0]]
        used = [match for match in found if re.search(r"=", match[0]) and not re.search(r"[\"']\*[\"']", match[0])]
        if used:
            told = "\n".join([used[0][0], *re.findall(r"(?im)^.*hosts?\b.*$", tree.text(file))])
            names = re.findall(r"[\"'](localhost|127\.0\.0\.1|[a-z][\w-]*(?:\.[\w-]+)+)[\"']", told)
            host = "localhost" if "localhost" in names or not names else names[0]
            said = f"asked as {host}, since it answers to hosts of a list alone"
            place = Place.at(file, used[0].string, used[0].start())
            context.found.because(f"services.{unit.name}.values.readinessProbe", said, place)
            return {"readinessProbe": {"httpGet": {"httpHeaders": [{"name": "Host", "value": host}]}}}
    return {}


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


def set_command(unit: Unit, spec: dict[str, Any], context: Context) -> None:
    """Set the arguments that a compose file starts the image with; else, where the image's command names variables and
    no shell is there to put their values in, one that does.
    """
    for item in unit.described:
        words = list(item.command)
        if unit.dockerfile and not unit.dockerfile.command:  # nothing else says how its program is started
            words = [re.sub(r"\s--reload\b(?!-)", "", word) for word in words if word != "--reload"]
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
    recipe = unit.dockerfile
    own = recipe.command if recipe and not {"args", "builder"} & set(spec) else ()
    if recipe and any(re.search(r"\$\{?[A-Z_]+\b", word) for word in own) and not any(it.endswith("sh") for it in own):
        line = " ".join(f'"{word}"' for word in own)
        spec["command"] = ["sh", "-c", f"exec {line}"]
        place = Place(recipe.file, recipe.command_line)
        context.found.because(f"services.{unit.name}.command", "by a shell, which knows variables", place)


def installs_requirements(unit: Unit, tree: Tree, built: bool) -> bool:
    """Return whether an image takes its packages from requirements.txt: `built` says that the product's builder makes
    it, which prefers a lock; a Dockerfile may do without the lock that lies there.
    """
    if not unit.python or not tree.has(join(unit.sources, "requirements.txt")):
        return False
    own = not built and unit.dockerfile
    return loosens(tree.text(own.file)) if own else not unit.python.lock


def companions(unit: Unit, tree: Tree, more: Mapping[str, str]) -> dict[str, str]:
    """Name packages that must not be the newest beside others, and why; `more` are those that are added anyhow."""
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
    queue = next((name for name in ("celery", "kombu") if name in said and "packaging" not in said), "")
    if queue and not locked:
        found["packaging"] = f"{unit.packages.place(queue)}: kombu's way to Redis loads it, and does not bring it"
    driver = next((name for name in ("psycopg2-binary", "psycopg2") if name in {**said, **more}), "")
    only = driver and not locked and not {"psycopg", "psycopg-binary"} & {*said, *more}
    by_it = only and any(name in said for name in ("sqlalchemy", "sqlmodel", "flask-sqlalchemy"))
    held = re.search(r"==\s*0\.0\.([0-3]?\d|4[0-4])$", said.get("sqlmodel", ""))  # these ask for an earlier one
    if by_it and not held and not re.search(r"==|~=|<|>=\s*2\.[1-9]", said.get("sqlalchemy", "")):
        place = unit.packages.place(driver) or unit.place
        found["sqlalchemy<2.1"] = f"{place}: a later one speaks to PostgreSQL by psycopg 3 where a URL names none"
    return found


# Packages that bring what graphics cards need, gigabytes of it, by the names under which they are imported.
_OF_CARDS = {name: name.replace("-", "_") for name in (
    "torch", "torchvision", "torchaudio", "transformers", "sentence-transformers", "accelerate", "xformers",
    "bitsandbytes", "flair", "ultralytics", "easyocr", "openai-whisper", "langchain-huggingface",
)} | {"openai-whisper": "whisper"}  # fmt: skip


def spare_cards(unit: Unit, spec: dict[str, Any], built: bool, context: Context) -> None:
    """Leave out packages for graphics cards which no file of the program imports; else say, before anything is built,
    what they cost.
    """
    asked = [name for name in _OF_CARDS if unit.python and name in unit.packages.wanted]
    if not asked:
        return
    tree, place = context.whole.tree, unit.packages.place(asked[0])
    used = set(unit.code.imports) & set(_OF_CARDS.values())
    if not used and installs_requirements(unit, tree, built):
        spec["dropPackages"] = asked
        context.found.because(f"services.{unit.name}.dropPackages", ", ".join(asked), f"{place}: nothing imports them")
        return
    index = "UV_EXTRA_INDEX_URL" if built else "PIP_EXTRA_INDEX_URL"
    context.found.remarks.append(
        f"{place}: {unit.name}: {asked[0]} brings what graphics cards need: some 5 GB in the image, 20 GB of disk while"
        f" it is built. An index of its builds for processors alone goes into services.{unit.name}.buildEnvironment, as"
        f" {index}; to do without it: services.{unit.name}.dropPackages: [{asked[0]}]"
    )


def missing_modules(unit: Unit, context: Context) -> dict[str, str]:
    """Name packages that the program or its migrations import and its package files do not bring, and why."""
    tree = context.whole.tree
    main = main_file(unit, tree)
    urls = [read.default or "" for read in unit.code.reads if variables.purpose(read) == "database"]
    postgres = bool(urls) and not any("sqlite" in url for url in urls)
    if not (unit.python and main):
        return {}
    imported = imports(unit, tree)
    more = [*needed.left_behind(tree, unit.sources, unit.python, imported)]
    known = needed.packages(tree, unit.sources, unit.python, main, postgres, imported)
    names = {name for name, _, _ in more}
    found = {asked: why for _, asked, why in more} | {name: why for name, why in known.items() if name not in names}
    file, folder = migrations(unit, context)
    own = (one for one in tree.below(folder) if one.endswith(".py")) if folder else ()
    for one in own:  # what only they import, such as the type of a column
        for name, why in needed.packages(tree, unit.sources, unit.python, one, postgres=False, imported=()).items():
            found.setdefault(name, why)
    if folder and tree.has(f"{folder}/env.py") and not needed.is_brought(tree, unit.python, "alembic"):
        found.setdefault("alembic", f"{file}: alembic, which no package file brings")
    return found


def set_date(unit: Unit, spec: dict[str, Any], build: dict[str, str], built: bool, context: Context) -> None:
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
