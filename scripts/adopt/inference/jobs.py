"""Infer the jobs that run before the services: migrations, tables, seeds."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from pathlib import PurePosixPath

from scripts.adopt import dockerfiles, folder_kinds, needed, python_source, units, variables
from scripts.adopt import migrations as revisions
from scripts.adopt.facts import Code, Described
from scripts.adopt.folder_kinds import is_within
from scripts.adopt.inference.decision import Context, Whole, worker_of
from scripts.adopt.inference.entries import find_application, main_file, start_of
from scripts.adopt.inference.journey import better_auth, is_left, unknown_database
from scripts.adopt.packages import folder_of, join
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit

AUTH_CLI = ".tools/node_modules/@better-auth/cli/dist/index.mjs"  # where the builder puts what ADD names


def find_jobs(unit: Unit, context: Context) -> None:
    """Infer what makes the tables where the program itself does not, by the Python that the program is started by."""
    jobs = context.found.data["jobs"]
    if _told_jobs(unit, context) or not _is_first(unit, context):
        return
    known = set(jobs)
    _inferred_jobs(unit, context)
    by_uv = (
        unit.dockerfile and not _is_built(unit, context) and re.search(r"\buv run\b", " ".join(unit.dockerfile.command))
    )
    for job in (job for name, job in jobs.items() if name not in known and by_uv):
        job["command"] = ["uv", "run", "--no-sync", *job["command"]]


def _inferred_jobs(unit: Unit, context: Context) -> None:
    """Infer what makes the tables: a framework's command, migrations, a script, the models."""
    found = context.found
    own = _framework_job(unit, context)
    if own:
        found.data["jobs"][f"{unit.name}-migrate"] = {"service": unit.name, "command": own[0]}
        found.because(f"jobs.{unit.name}-migrate", " ".join(own[0]), own[1])
        return
    if unit.python:
        _jobs_of_python(unit, context)
        return
    job = job_of_page(unit, context)
    if unit.javascript and (config := _drizzle_config(unit, context.whole.tree)):
        found.remarks += [f"{config}: {one} is not there: its tables are left to what else makes some"
                          for one in _lost_schemas(unit, context.whole.tree, config)]  # fmt: skip
    if job:
        words, place = job
        found.data["jobs"][f"{unit.name}-tables"] = {"service": unit.name, "command": words}
        said = words[4:] if words[:2] == ["sh", "-c"] else words
        found.because(f"jobs.{unit.name}-tables", " ".join(said), place)


def _jobs_of_python(unit: Unit, context: Context) -> None:
    """Infer what makes the tables of a Python program which does not make them when it starts."""
    tree, found = context.whole.tree, context.found
    makers = _table_makers(unit, tree)
    if makes_at_start(unit, tree):
        return
    file, folder = migrations(unit, context)
    steps = [*dockerfiles.opens_database(tree, unit.dockerfile)] if unit.dockerfile and _is_built(unit, context) else []
    if not file or any(scripts for _, scripts in steps):
        if not _scripts(unit, context, [join(unit.folder, one) for _, scripts in steps for one in scripts]):
            _of_models(makers, unit, context)
        return
    if migrates_at_start(unit, context):
        return
    if folder and not tree.has(f"{folder}/env.py"):
        told = folder.removeprefix(f"{unit.sources}/")
        found.remarks.append(f"{file}: {told}: no migrations are there, so none are run")
        _of_models(makers, unit, context)
        return
    folder = folder or unit.sources
    makes_none = makers and not _creates_tables(folder, tree)
    if why := f"{file}: its migrations make no tables" if makes_none else revisions.refused(tree, folder):
        found.remarks.append(f"{why}: they are made from the models, none is run")
        _of_models(makers, unit, context)
        return
    migrate = _alembic(unit, context, file, folder)
    made, changed = _made_and_changed(folder, tree)
    known = _tables_of_models(unit, tree)
    if first := _first_from_models(unit, context, folder, known, made):
        found.data["jobs"][f"{unit.name}-migrate"] = {"service": unit.name, "command": [*first, *migrate[:-2]]}
        return
    otherwise = _otherwise_from_models(migrate, made, known, unit, context)
    said = "; on a new database that they end on, from the models" if otherwise else ""
    found.because(f"jobs.{unit.name}-migrate", f"alembic upgrade heads{said}", file)
    migrate = otherwise or migrate
    rest = known - made if made else set()
    if rest & changed:  # a migration changes what is there before it, somehow
        _from_models(rest, made, unit, context)
    found.data["jobs"][f"{unit.name}-migrate"] = {"service": unit.name, "command": migrate}
    if rest and not rest & changed:
        _from_models(rest, made, unit, context)


def _first_from_models(unit: Unit, context: Context, folder: str, known: set[str], made: set[str]) -> list[str]:
    """Return what comes before alembic's command where its migrations cannot run from nothing, as can be seen or as the
    person answers: then the tables are made from the models first. Nothing where they can.
    """
    first = revisions.changed_unmade(context.whole.tree, folder)
    answered = context.whole.answers.get(f"{unit.name}.tables") == "models"
    if not first and not answered:
        return []
    said = f"{first.place}: it changes {first.table}, which no migration before it makes" if first else "your answer"
    fits = answered or bool(first and first.table in known and not _used(made - known, unit, context.whole.tree))
    if models := _models_job((), unit, context, unless=["alembic_version"]) if fits else []:
        why = "from the models where nothing is there yet, else alembic upgrade heads"
        context.found.because(f"jobs.{unit.name}-migrate", why, said)
        return ["sh", "-c", _FIRST_FROM_MODELS, "sh", models[1].partition("=")[2], models[-1]]
    context.found.remarks.append(f"{said}: from nothing, `alembic upgrade heads` ends there")
    return []


def _otherwise_from_models(
    migrate: Sequence[str], made: Collection[str], known: Collection[str], unit: Unit, context: Context
) -> list[str]:
    """Return the job that makes a new database's tables from the models where its migrations end, which only running
    them shows; nothing where the program uses a table that no model stands for. New is what has none of their tables,
    or of the models' where it cannot be told which they make.
    """
    stood_for = set(known) & set(made) if made else set(known)
    if not stood_for or _used(set(made) - stood_for, unit, context.whole.tree):
        return []
    models = _models_job((), unit, context, unless=["alembic_version", *sorted(made or known)])
    what = [models[1].partition("=")[2], models[-1], *migrate[:-2]] if models else []
    return ["sh", "-c", _ELSE_FROM_MODELS, "sh", *what] if models else []


def makes_at_start(unit: Unit, tree: Tree) -> list[Place]:
    """Return where a Python program makes its tables when it starts."""
    made = [place for place in _table_makers(unit, tree) if _called(place, unit, tree)]
    return made + [place for module, place in unit.code.calls.items() if module == "alembic"]


def lacks_migrations(unit: Unit, context: Context) -> str:
    """Return alembic's file where a program's tables come from migrations and no image of its sources holds them: its
    author runs them from outside. Empty elsewhere.
    """
    tree, whole = context.whole.tree, context.whole
    file, folder = migrations(unit, context) if unit.python and not makes_at_start(unit, tree) else ("", "")
    recipes = [one.dockerfile for one in whole.units if one.sources == unit.sources]
    held = not all(recipe and not recipe.holds(file) for recipe in recipes)
    return "" if held or (folder and not tree.has(f"{folder}/env.py")) else file


def _is_first(unit: Unit, context: Context) -> bool:
    """Return whether it is this one of the services made of the same sources that makes their tables, once: of those
    whose image has what does, the one that the page calls, no worker, else the first.
    """
    file, backend = migrations(unit, context)[0] if unit.python else "", context.whole.backend()

    def rank(one: Unit) -> tuple[bool, bool, bool, bool]:
        holds = not file or _is_built(one, context) or bool(one.dockerfile and one.dockerfile.holds(file))
        told = any(_migrating(item) for item in one.once)
        return not told, not holds, one is not backend, bool(worker_of(one))

    same = [one for one in context.whole.units if one.sources == unit.sources and bool(one.python) == bool(unit.python)]
    return unit is min(same, key=rank)


def _of_models(makers: Sequence[Place], unit: Unit, context: Context) -> None:
    """Make the tables by the program's own function for that; where it has none, from its models."""
    if makers:
        _uncalled(makers, unit, context)
    elif names := _tables_of_models(unit, context.whole.tree):
        _from_models(names, set(), unit, context)


def migrations(unit: Unit, context: Context) -> tuple[str, str]:
    """Return alembic's file, at the top of a service or in a folder below, and the folder of its scripts where it says
    one; empty for none.
    """
    tree = context.whole.tree
    others = [one.sources for one in context.whole.units if one is not unit and one.sources != unit.sources]
    inner = [one for one in others if unit.sources == "." or one.startswith(f"{unit.sources}/")]
    below = set(tree.below(unit.sources))
    own = (file for file in tree.named("alembic.ini") if file in below)
    file = next((one for one in own if not any(one.startswith(f"{it}/") for it in inner)), "")
    if not file or folder_kinds.TESTS.search(file):
        return "", ""
    where = re.search(r"(?m)^script_location\s*=\s*(?:%\(here\)s/)?([\w./-]+)", tree.text(file))
    if not where:
        return file, ""
    folders = [join(folder, where[1].strip("./")) for folder in (unit.sources, folder_of(file))]
    return file, next((one for one in folders if tree.has(f"{one}/env.py")), folders[0])


def _alembic(unit: Unit, context: Context, file: str, folder: str) -> list[str]:
    """Return how alembic is called: so that its scripts find the program they lie beside; where their folder is a
    package of alembic's own name, not from there. Its file may lie in a folder below.
    """
    tree = context.whole.tree
    inner = folder_of(file).removeprefix(unit.sources).strip("/.") if folder_of(file) != unit.sources else ""
    beside = inner and folder.startswith(f"{folder_of(file)}/") and "%(here)s" not in tree.text(file)
    if beside:  # the scripts are found from where the file is, the program from above
        go = f'export PYTHONPATH="$PWD" && cd {inner} && exec "$@"'
        return ["sh", "-c", go, "sh", "python", "-m", "alembic", "upgrade", "heads"]
    words = [*(["-c", join(inner, "alembic.ini")] if inner else []), "upgrade", "heads"]
    shadowed = tree.has(join(unit.sources, "alembic/__init__.py"))
    if shadowed:
        return ["env", "-u", "PYTHONPATH", "alembic", *words]
    return ["python", "-m", "alembic", *words]


def _is_built(unit: Unit, context: Context) -> bool:
    """Return whether one of the product's builders makes the image; without a Dockerfile none else can."""
    return unit.dockerfile is None or "builder" in context.found.data["services"].get(unit.name, {})


def _table_makers(unit: Unit, tree: Tree) -> list[Place]:
    """Return where the program makes its tables: in what its first file loads, else in what looks like a part of it."""
    loaded = imported_files(unit, tree)
    made = [one for one in unit.code.tables if not python_source.runs_never(tree.text(one.file), one.line)]
    found = [place for place in made if place.file in loaded]
    return found or [place for place in made if _imported(place.file, unit, tree)]


def imported_files(unit: Unit, tree: Tree) -> set[str]:
    """Return the files of a unit that its main file imports, itself among them; none where no file is the main one."""
    main = main_file(unit, tree)
    return needed.imported_files(tree, unit.sources, main) if main else set()


def imports(unit: Unit, tree: Tree) -> set[str]:
    """Return the modules that the started program imports; where its first file is not known, those of all files."""
    found = Code()
    for file in imported_files(unit, tree):
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
    return any(imports.search(tree.text(one)) for one in others if not folder_kinds.TESTS.search(one))


def _called(place: Place, unit: Unit, tree: Tree) -> bool:
    """Return whether what makes the tables at a place is run: at the file's top, or by a function that is used."""
    name = python_source.function_at(tree.text(place.file), place.line)
    loaded = imported_files(unit, tree)
    own = (one for one in tree.below(unit.sources) if one.endswith(".py") and not folder_kinds.TESTS.search(one))
    files = loaded if place.file in loaded else own
    made = find_application(tree, unit)  # a function that makes it is called by the server
    # Many make them in development alone: by a switch that nobody turns on here.
    off = {read.name.upper() for read in unit.code.reads if (read.default or "").lower() in ("false", "0")}
    return (
        not name
        or bool(made and made[1:] == (name, True))
        or any(name in python_source.used_names(tree.text(one), off) for one in files)
    )


def _uncalled(makers: Sequence[Place], unit: Unit, context: Context) -> None:
    """Call, in a job, the function that makes the tables and that the program never calls: one that its first file
    names before others. What the program loads is loaded first, since only then the models are known.
    """
    tree, main = context.whole.tree, main_file(unit, context.whole.tree)
    others = (one for one in context.whole.units if one is not unit and one.python)
    if unit is not context.whole.backend() and any(_makes_tables(one, tree) for one in others):
        return  # of one that only reads them, they may lack what the others need
    named = {place: python_source.function_at(tree.text(place.file), place.line) for place in makers}
    place = min(makers, key=lambda one: not re.search(rf"\b{named[one]}\b", tree.text(main) if main else ""))
    built = _is_built(unit, context)
    folder, module = start_of(tree, unit, place.file, built)
    above, program = start_of(tree, unit, main, built) if main and main != place.file else (folder, "")
    code = f"import {program}; " if program else ""
    code += f"import inspect, asyncio; from {module} import {named[place]} as made; done = made(); " \
            "inspect.isawaitable(done) and asyncio.run(done)"  # fmt: skip
    path = ":".join(dict.fromkeys([folder or ".", above or "."]))
    command = ["env", f"PYTHONPATH={path}", "python", "-c", code]
    context.found.data["jobs"][f"{unit.name}-tables"] = {"service": unit.name, "command": command}
    context.found.because(f"jobs.{unit.name}-tables", f"{named[place]}(), which nothing calls", place)


_FROM_MODELS = """import asyncio, os, sys
import {program}
from sqlalchemy import MetaData, create_engine, inspect
from sqlalchemy.engine import Engine
from sqlalchemy.ext.asyncio import AsyncEngine
held = [it for one in list(sys.modules.values()) for it in list(getattr(one, "__dict__", {{}}).values())]
engines = [it for it in held if issubclass(type(it), (Engine, AsyncEngine))]
engine = (engines or [create_engine(os.environ["{variable}"])])[0]
models = [it.metadata for it in held if isinstance(it, type) and isinstance(getattr(it, "metadata", None), MetaData)]
known = {{id(it): it for it in models}}.values()
tables = [it for one in known for it in one.sorted_tables if it.name not in {made}]
lost = []
def tell(table, error):
    lost.append(table)
    print(f"{{table}}: {{error}}", file=sys.stderr)
def is_migrated(connection):
    return any(inspect(connection).has_table(it) for it in {unless})
def make():
    if {unless}:
        with engine.connect() as connection:
            if is_migrated(connection):
                sys.exit(3)
    for table in tables:
        try:
            with engine.begin() as connection:
                table.create(connection, checkfirst=True)
        except Exception as error:
            tell(table, error)
async def make_awaited():
    if {unless}:
        async with engine.connect() as connection:
            if await connection.run_sync(is_migrated):
                sys.exit(3)
    for table in tables:
        try:
            async with engine.begin() as connection:
                await connection.run_sync(table.create, checkfirst=True)
        except Exception as error:
            tell(table, error)
asyncio.run(make_awaited()) if isinstance(engine, AsyncEngine) else make()
sys.exit(bool(lost) and not {made})
"""


# Migrations that cannot run from nothing, as the first one changes a table that was there before there were any: what
# is new gets its tables from the models, and counts as migrated; what has been migrated goes on from there.
_FIRST_FROM_MODELS = """path="$1" code="$2"; shift 2
env PYTHONPATH="$path" python -c "$code"
case $? in 0) "$@" stamp heads;; 3) "$@" upgrade heads;; *) exit 1;; esac
"""


# Migrations that do not run from nothing, as their author's database had been there before: what holds none of their
# tables gets those of the models. What holds some is left as it is, and the failure stands.
_ELSE_FROM_MODELS = """path="$1" code="$2"; shift 2
"$@" upgrade heads && exit
env PYTHONPATH="$path" python -c "$code" || exit 1
echo "The migrations do not run on a new database: its tables are made from the models." >&2
"$@" stamp heads
"""


def _from_models(names: Collection[str], made: Collection[str], unit: Unit, context: Context) -> None:
    """Make, in a job, the tables of a program's models which nothing else makes: not those that are `made` by its
    migrations, beside which one that cannot be made is told, and ends nothing.
    """
    command = _models_job(made, unit, context)
    if command:
        context.found.data["jobs"][f"{unit.name}-tables"] = {"service": unit.name, "command": command}
        said = f"{', '.join(sorted(names)[:5])}: from the models, since nothing makes them"
        context.found.because(f"jobs.{unit.name}-tables", said, main_file(unit, context.whole.tree))


def _models_job(made: Collection[str], unit: Unit, context: Context, unless: Sequence[str] = ()) -> list[str]:
    """Return what makes the tables of a program's models, by its own connection where it has one; nothing where another
    program makes them, or it cannot be done. It makes none, and ends with 3, where one of the tables `unless` is there.
    """
    tree, main = context.whole.tree, main_file(unit, context.whole.tree)
    reads = (read.name for read in unit.code.reads if variables.purpose(read) == "database")
    variable = next(reads, "")
    told = context.found.data["services"].get(unit.name, {}).get("environment", {})
    others = (one for one in context.whole.units if one is not unit and one.python)
    mirrors = unit is not context.whole.backend() and any(_makes_or_knows(one, tree) for one in others)
    if mirrors or not main or not variable or "sqlite" in str(told.get(variable, "")):
        return []
    folder, program = start_of(tree, unit, main, _is_built(unit, context))
    code = _FROM_MODELS.format(program=program, variable=variable, made=sorted(made), unless=list(unless))
    return ["env", f"PYTHONPATH={folder or '.'}", "python", "-c", code]


def _makes_or_knows(unit: Unit, tree: Tree) -> bool:
    """Return whether a Python program makes tables by itself, or has models that tell of them."""
    return _makes_tables(unit, tree) or bool(_tables_of_models(unit, tree))


def _tables_of_models(unit: Unit, tree: Tree) -> set[str]:
    """Return the tables that the models of a program stand for, as far as its first file loads them."""
    return {name for file in imported_files(unit, tree) for name in python_source.models(tree.text(file))}


def _used(names: Collection[str], unit: Unit, tree: Tree) -> bool:
    """Return whether a text in what the program loads names one of these tables, as a query does."""
    loaded = (text for file in imported_files(unit, tree) for text in python_source.texts(tree.text(file)))
    sign = re.compile(rf"\b({'|'.join(map(re.escape, names))})\b")
    return bool(names) and any(sign.search(text) for text in loaded)


def _made_and_changed(folder: str, tree: Tree) -> tuple[set[str], set[str]]:
    """Return the tables that the migrations below a folder make, and what else they name, as those are that they need
    to be there; nothing where it cannot be told what they make.
    """
    text = "\n".join(tree.text(file) for file in tree.below(folder) if file.endswith((".py", ".sql")))
    if re.search(r"create_all|create_table\((?!\s*[\"'])|\.create\(\s*(op|bind|conn)", text):
        return set(), set()
    made = set(re.findall(r"create_table\(\s*[\"'](\w+)", text))
    made |= set(re.findall(r"rename_table\(\s*[\"']\w+[\"']\s*,\s*[\"'](\w+)", text))
    made |= set(re.findall(r"(?i)CREATE TABLE\s+(?:IF NOT EXISTS\s+)?(?:\w+\.)?[\"`]?(\w+)", text))
    named = re.findall(r"[\"'](\w+)(?:\.\w+)?[\"']|(?i:ALTER TABLE|REFERENCES|INTO|UPDATE)\s+[\"`]?(\w+)", text)
    return made, {name for either in named for name in either}


def _makes_tables(unit: Unit, tree: Tree) -> bool:
    """Return whether a Python program makes tables by itself, or by migrations of alembic's."""
    return tree.has(join(unit.sources, "alembic.ini")) or bool(makes_at_start(unit, tree))


SCRIPT = re.compile(
    r"(^|/)(\d+[\w-]*|(init|initiali[sz]e|create|setup|make)[_-](db|database|tables?|schema)|migrat\w*)\.py$"
)


def _scripts(unit: Unit, context: Context, told: Sequence[str]) -> list[str]:
    """Take the scripts that make a service's tables: those that are `told`, else those that a person would run once, in
    the order of their names.
    """
    tree = context.whole.tree
    found = told or sorted({place.file for place in unit.code.tables if SCRIPT.search(place.file)})
    made = [file for file in found if not re.search(r"drop_all|DROP TABLE", tree.text(file))]
    for number, file in enumerate(made):
        job = f"{unit.name}-tables" + (f"-{number + 1}" if number else "")
        own = file.removeprefix(f"{unit.sources}/")
        context.found.data["jobs"][job] = {"service": unit.name, "command": ["env", "PYTHONPATH=.", "python", own]}
        context.found.because(f"jobs.{job}", own, file)
    return made


def _started(unit: Unit, context: Context) -> str:
    """Return what starts a service: the commands that it runs by, and the texts of the files that they name."""
    built = _is_built(unit, context)
    own = unit.dockerfile.command if unit.dockerfile and not built else ()
    told = [item.command for item in unit.described if item.command]
    return "\n".join(_script(command, unit, context.whole.tree) for command in [own, *told])


def migrates_at_start(unit: Unit, context: Context) -> bool:
    """Return whether what starts a service runs its migrations."""
    how = r"alembic\W+(.{0,40}\W)?upgrade\b|manage\.py\W+migrate|\bdb\W+upgrade|prisma\W+(migrate\W+deploy|db\W+push)"
    return bool(re.search(how, _started(unit, context)))


def _creates_tables(folder: str, tree: Tree) -> bool:
    """Return whether a migration of alembic's, below a folder, makes a table."""
    versions = (file for file in tree.below(folder) if "/versions/" in f"/{file}" and file.endswith(".py"))
    return any(re.search(r"create_table\(|CREATE TABLE|create_all", tree.text(file)) for file in versions)


def _framework_job(unit: Unit, context: Context) -> tuple[list[str], str] | None:
    """Return Django's or Flask-Migrate's migration, unless what starts the image runs it."""
    tree = context.whole.tree
    if migrates_at_start(unit, context):
        return None
    manage, environment = join(unit.sources, "manage.py"), join(unit.sources, "migrations/env.py")
    if unit.kind == "django" and tree.has(manage):
        return ["python", "manage.py", "migrate", "--noinput"], manage
    if unit.kind == "flask" and tree.has(environment) and unit.wants("flask-migrate"):
        return ["python", "-m", "flask", "db", "upgrade"], environment
    return None


def tables_of_people(unit: Unit, whole: Whole) -> bool:
    """Return whether others' tables refer to those that this service makes: then its job is the first.

    False sorts before.
    """
    files = (whole.tree.text(file) for file in whole.tree.below(unit.sources) if "/versions/" in f"/{file}")
    return not (bool(unit.javascript) or any(re.search(r"create_table\(\s*[\"']user[\"']", text) for text in files))


def _told_jobs(unit: Unit, context: Context) -> bool:
    """Infer the jobs of what a compose file runs once in the service's image; whether one of them makes the tables."""
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
        makes |= _migrating(item)
    return makes


def _migrating(item: Described) -> bool:
    """Return whether what runs once makes the tables."""
    return bool(re.search(r"alembic|prisma|drizzle|migrat", " ".join(item.command)))


def _script(command: Sequence[str], unit: Unit, tree: Tree) -> str:
    """Return the command, and the texts of the service's files that it names."""
    words = " ".join(command).split()
    files = [join(unit.sources, word.removeprefix("./").removeprefix("/app/")) for word in words if "." in word]
    return "\n".join([*words, *(tree.text(file) for file in files if tree.has(file))])


def job_of_page(unit: Unit, context: Context) -> tuple[list[str], object] | None:
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
        return _prisma(unit, tree), schema
    config = _drizzle_config(unit, tree)
    if config and not _lost_schemas(unit, tree, config):
        return _drizzle(unit, tree, tree.text(config)), config
    for name, line in scripts.items():
        if (
            re.search(r"(migrate|tables|setup|init)", name)
            and re.search(r"db|auth|table|migrat", name + line)
            and not re.search(r"dev|reset", line)
            and not (line.startswith("better-auth ") and not _brings(unit, "@better-auth/cli"))
            and _may_make_tables(_run(line, unit), unit, tree)
        ):
            return ["npm", "run", "--silent", name], unit.packages.place(name) or unit.place
    if own := next(_table_scripts(unit, tree), ""):
        return ["node", own.removeprefix(f"{unit.sources}/")], own
    auth = unit.wants("better-auth")
    if auth and unit.wants("pg", "@prisma/client", "kysely", "postgres", "@neondatabase/serverless"):
        own = better_auth(unit, tree, cli=True)
        if own and unit.wants("@neondatabase/serverless") and not re.search(r"\bdatabase\s*[:,]", tree.text(own)):
            return None  # the page has that driver for its own tables
        if own and not unknown_database(tree.text(own)) and not is_left(context.whole):
            relative = own.removeprefix(f"{unit.sources}/")
            return ["node", AUTH_CLI, "migrate", "--yes", "--config", relative], own
    return None


def _brings(unit: Unit, package: str) -> bool:
    return package in unit.packages.wanted | unit.packages.development


_MAKES = re.compile(r"CREATE TABLE|createTable\(|migrat\w*\(|\.sql\b", re.I)


_RUNS = re.compile(r"(?:npx\s+)?(?:node|tsx|ts-node|bun)\s+(?:\./)?([\w./-]+\.[cm]?[jt]s)\s*")
_KNOWING = {"user", "session", "account", "verification"}  # Better Auth's tables
_HANDS_ON = re.compile(r"(?m)^\s*import\b.*[\"']\.|require\([\"']\.|exec|spawn")


def _run(line: str, unit: Unit) -> str:
    """Return the file that is all that a script of package.json runs; empty for another one."""
    found = _RUNS.fullmatch(line.strip())
    return join(unit.sources, found[1]) if found else ""


def _may_make_tables(file: str, unit: Unit, tree: Tree) -> bool:
    """Return whether a script may make the tables that a page's server wants: not where it just looks for them, nor
    where Better Auth knows people and it makes none of those, which have names of their own.
    """
    text = tree.text(file) if tree.has(file) else ""
    if not text or _HANDS_ON.search(text):
        return True
    own = better_auth(unit, tree) if unit.wants("better-auth") else ""
    usual = own and not re.search(r"modelName|usePlural|drizzleAdapter|prismaAdapter", tree.text(own))
    made = re.findall(r"CREATE TABLE\s+(?:IF NOT EXISTS\s+)?[\"`.\w]*?(\w+)[\"`]?\s*\(", text, re.I)
    return bool(_MAKES.search(text)) and not (usual and made and not _KNOWING & {*made})


def _prisma(unit: Unit, tree: Tree) -> list[str]:
    """Return the command that makes Prisma's tables: its migrations, or its schema where there are none."""
    migrated = any(True for _ in tree.below(join(unit.sources, "prisma/migrations")))
    said = {**unit.packages.development, **unit.packages.wanted}.get("prisma", "")
    unasked = re.match(r"[\^~>=v ]*([7-9]|\d\d)\b", said)  # since 7 nothing is generated where nobody asks
    words = ["migrate", "deploy"] if migrated else ["db", "push", *([] if unasked else ["--skip-generate"])]
    return ["npx", "--no-install", "prisma", *words]


_TOOLS = re.compile(r"/(scripts|tools|bin|migrations)/|/drizzle\.config\.")  # what a person runs, beside the program


def _table_scripts(unit: Unit, tree: Tree) -> Iterator[str]:
    """Yield the scripts that make tables and drop none: those whose names say that they are the first come first."""
    named = re.compile(
        r"(^|/)(scripts|db|database|migrations)/[\w.-]*(auth|table|migrat|schema|setup|init)[\w.-]*\.(mjs|cjs|js)$"
    )
    found = [file for file in tree.below(unit.sources) if named.search(file)]
    first = re.compile(r"/(init|setup|create)[^/]*$")
    for file in sorted(found, key=lambda one: (not first.search(f"/{one}"), one)):
        makes = _MAKES.search(tree.text(file)) and _may_make_tables(file, unit, tree)
        if makes and not re.search(r"DROP TABLE|dropTable", tree.text(file), re.I):
            yield file


def _drizzle_config(unit: Unit, tree: Tree) -> str:
    files = (join(unit.sources, f"drizzle.config.{end}") for end in ("ts", "js", "mjs"))
    return next((file for file in files if tree.has(file)), "")


def _lost_schemas(unit: Unit, tree: Tree, config: str) -> list[str]:
    """Return the files of tables that Drizzle is told of where the repository holds none of them: it ends there."""
    told = re.search(r"\bschema\s*:\s*(\[[^\]]*\]|[\"'][^\"']+[\"'])", tree.text(config))
    names = [one.removeprefix("./") for one in re.findall(r"[\"']([^\"']+)[\"']", told[1])] if told else []
    files = list(tree.below(unit.sources))
    known = any("*" in one or any(is_within(file, join(unit.sources, one)) for file in files) for one in names)
    return [] if known or "migrate" in _drizzle(unit, tree, tree.text(config)) else names


# Whatever it fails by, drizzle-kit's push ends as if all were well: only what it says tells. Where its configuration
# has it ask before each change, nobody is there to answer.
_PUSHED = """"$@" 2>&1 | tee "${TMPDIR:-/tmp}/push.log"
grep -Eq 'Changes applied|No changes detected' "${TMPDIR:-/tmp}/push.log"
"""
_UNASKED = """own="${TMPDIR:-/tmp}/drizzle.config.cjs"
cat > "$own" <<'END'
const own = require(process.cwd() + "/drizzle.config");
module.exports = { ...(own.default ?? own), strict: false };
END
set -- "$@" --config "$own"
"""


def _drizzle(unit: Unit, tree: Tree, config: str) -> list[str]:
    """Return what Drizzle does: the migrations that it wrote down, else it makes the tables as its code has them. What
    would lose data ends in an error, since nobody is there to agree.
    """
    out = re.search(r"\bout\s*:\s*[\"']\.?/?([\w./-]+)", config)
    journal = join(unit.sources, f"{out[1].rstrip('/') if out else 'drizzle'}/meta/_journal.json")
    kit = ["npx", "--no-install", "drizzle-kit"]
    if tree.has(journal):
        return [*kit, "migrate"]
    asks = re.search(r"\bstrict\s*:\s*true\b", config)
    return ["sh", "-c", (_UNASKED if asks else "") + _PUSHED, "sh", *kit, "push"]


def job_packages(unit: Unit, context: Context) -> dict[str, str]:
    """Return what the job that makes a page's tables runs, where the page does not bring it."""
    job = job_of_page(unit, context)
    return {"ADD": "@better-auth/cli"} if job and AUTH_CLI in job[0] else {}
