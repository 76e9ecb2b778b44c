"""Infer how a service's image is built: by its own Dockerfile, or by a builder where that is missing or will not do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from scripts.adopt import dockerfiles, grammar, needed, packages, python_source, variables, workspaces
from scripts.adopt.folder_kinds import is_within
from scripts.adopt.inference.decision import PYTHON_KINDS, Context, worker_of
from scripts.adopt.inference.entries import (
    ABOVE,
    NAMED,
    find_application,
    known_by_name,
    main_file,
    main_files,
    module_name,
    own_name,
    start_of,
)
from scripts.adopt.inference.jobs import job_of_page, job_packages, lacks_migrations
from scripts.adopt.packages import join
from scripts.adopt.python_source import binds
from scripts.adopt.tree import Place, Tree
from scripts.adopt.units import Unit
from scripts.adopt.workspaces import Workspace
from scripts.dockerfiles import reading
from scripts.images import families

_PYTHON = ("python", "uv-workspace")
BUILDERS = {"nextjs": "nextjs", "static": "static", "node": "node"}


def fetched_fonts(unit: Unit, context: Context) -> str:
    """Return the file that takes fonts from Google's service when the page is built; empty where none does."""
    tree = context.whole.tree
    files = (file for file in tree.below(unit.sources) if file.endswith((".ts", ".tsx", ".js", ".jsx")))
    return next((file for file in files if "next/font/google" in tree.text(file)), "")


def builder_of(unit: Unit, context: Context) -> dict[str, Any]:
    """Return a Dockerfile of the product's in place of one that is not there or cannot work; nothing where its own will
    do.
    """
    found, tree = context.found, context.whole.tree
    key = f"services.{unit.name}.builder"
    problems = list(_unusable(unit, context))
    if not problems:
        return {}
    builder = BUILDERS.get(unit.kind) or ("python" if unit.kind in PYTHON_KINDS else "")
    if unit.kind == "nextjs" and _output(tree, unit, "export") and not _standalone(tree, unit):
        builder = "static"
    if not builder:
        found.remarks.append(f"{problems[0]}; and no builder of the product fits: the build will fail")
        return {}
    workspace = _workspace(unit, tree)
    spec = _in_workspace(unit, workspace, builder) if workspace else _from_above(unit, tree)
    if workspace and not spec:
        found.remarks.append(
            f"{workspace.place}: {unit.name}: it lies beside {unit.sources}, where its build has it not"
        )
    builder = spec.setdefault("builder", builder)
    for problem in problems[:3]:
        found.because(key, builder, problem)
    if workspace and "context" in spec:
        found.because(f"services.{unit.name}.context", f"{spec['context']}, the workspace", workspace.place)
    elif "context" in spec:
        name, place = next(iter(_missed_in(unit, tree, unit.sources).items()))
        found.because(f"services.{unit.name}.context", f"{spec['context']}, where {name} is", place)
    if job_of_page(unit, context) and builder in ("nextjs", "workspace", "node"):
        whole = {"WHOLE": "1"} if builder == "nextjs" else {}
        if given := spec.get("buildArgs", {}) | whole | job_packages(unit, context):
            spec["buildArgs"] = given
    if unit.lacking and builder in ("nextjs", "static"):
        day = {"BEFORE": context.whole.date} if context.whole.date else {}
        spec["buildArgs"] = spec.get("buildArgs", {}) | {"MORE": " ".join(unit.lacking)} | day
        for name, place in unit.lacking.items():
            found.because(f"services.{unit.name}.buildArgs", name, f"{place}: package.json does not ask for it")
    last, old = _last_python(unit)
    minor, written = newest_grammar(unit, tree)
    if builder in _PYTHON and minor > (last or families.newest_python()):
        spec["bases"] = {"PYTHON_IMAGE": f"python:3.{minor}-slim"}
        context.found.because(
            f"services.{unit.name}.bases", spec["bases"]["PYTHON_IMAGE"], f"{written}: as it is written"
        )
    elif builder in _PYTHON and last:
        spec["bases"] = {
            "PYTHON_IMAGE": "python:3.12-slim" if minor or "3.12" in unit.packages.python else "python:3.11-slim"
        }
        found.because(f"services.{unit.name}.bases", spec["bases"]["PYTHON_IMAGE"], old or unit.packages.python)
    if builder in _PYTHON:
        command = _python_command(unit, context)
        if command:
            spec["args"] = command
    return spec


def _workspace(unit: Unit, tree: Tree) -> Workspace | None:
    """Return the workspace whose packages a service uses."""
    find = workspaces.of_python if unit.python else workspaces.of_javascript
    return find(tree, unit.sources)


def _from_above(unit: Unit, tree: Tree) -> dict[str, Any]:
    """Return how a program in Python is built that needs what lies above its folder; nothing for another one."""
    root = _root_of(unit, tree)
    member = PurePosixPath(unit.sources).relative_to(root)
    return {"context": root, "buildArgs": {"MEMBER": str(member)}} if root != unit.sources else {}


def _root_of(unit: Unit, tree: Tree) -> str:
    """Return the folder out of which a program has all that it needs: its own, or one above."""
    parents = (one.as_posix() for one in PurePosixPath(unit.sources).parents)
    return next((one for one in (unit.sources, *parents) if not _missed_in(unit, tree, one)), unit.sources)


def _missed_in(unit: Unit, tree: Tree, folder: str) -> dict[str, Place]:
    """Return what a program in Python imports and its requirements name, and an image built from a folder has not."""
    named = _included(unit, tree) if unit.python else {}
    return beside(unit, tree, folder) | {one: at for one, at in named.items() if not is_within(one, folder)}


def read_above(unit: Unit, tree: Tree) -> None:
    """Read what a program in Python imports from above its folder, whose variables are its own."""
    if tops := beside(unit, tree, unit.sources):
        root, main = _root_of(unit, tree), main_file(unit, tree)
        for file in sorted(needed.from_above(tree, unit.sources, root, main, tops)):
            python_source.read(tree.text(file), file, unit.code, {})


def beside(unit: Unit, tree: Tree, folder: str) -> dict[str, Place]:
    """Return the modules that a program imports and that an image which is built from a folder has not."""
    main = main_file(unit, tree) if unit.python else ""
    return needed.out_of_reach(tree, unit.sources, folder, main, unit.packages.wanted) if main else {}


def _in_workspace(unit: Unit, workspace: Workspace, builder: str) -> dict[str, Any]:
    """Return how a service is built with the packages of its workspace that it uses; nothing where no builder can."""
    member = unit.sources if workspace.root == "." else unit.sources.removeprefix(f"{workspace.root}/")
    spec: dict[str, Any] = {"context": workspace.root, "buildArgs": {"MEMBER": member}}
    if builder == "python":
        return spec | {"builder": "uv-workspace"}
    inner = (one if workspace.root == "." else one.removeprefix(f"{workspace.root}/") for one in workspace.beside)
    spec["buildArgs"]["BESIDE"] = " ".join(inner)
    spec["buildArgs"] |= {"FILES": "1"} if builder == "static" else {}
    return spec | {"builder": "workspace"}


def _unusable(unit: Unit, context: Context) -> Iterator[str]:
    """Yield why a service's own Dockerfile will not do, or that it has none."""
    tree, recipe = context.whole.tree, unit.dockerfile
    if recipe is None:
        yield f"{unit.sources}: no Dockerfile"
        return
    yield from recipe.problems
    workspace = _workspace(unit, tree)
    if workspace and not is_within(workspace.root, unit.folder):
        yield f"{workspace.place}: it lies beside {unit.sources}, out of what {recipe.file} is given"
    if unit.javascript:
        yield from dockerfiles.broken_node(tree, recipe, unit.javascript, _standalone(tree, unit))
        yield from (f"{place}: {name}, which package.json does not ask for" for name, place in unit.lacking.items())
        yield from _endless(unit)
        yield from _exported(unit, tree)
    if unit.python:
        yield from dockerfiles.broken_python(tree, recipe, unit.python, unit.python.lock or unit.strange_lock)
        yield from dockerfiles.too_early(tree, recipe, unit.sources)
        yield from dockerfiles.lacks_included(tree, recipe, list(_included(unit, tree)))
        for name, place in beside(unit, tree, unit.folder).items():
            yield f"{place}: {name}, which lies above {unit.folder}, out of what {recipe.file} is given"
        yield from _started_above(unit, tree)
        yield from _starts_nothing(unit, tree)
        yield from _too_old(unit, tree)
        if file := lacks_migrations(unit, context):
            yield f"{recipe.file}: its image has not {file}, by which its tables are made"
        urls = [read.default or "" for read in unit.code.reads if variables.purpose(read) == "database"]
        if not any("sqlite" in url for url in urls):  # a file of its own is there
            for place, _ in dockerfiles.opens_database(tree, recipe):
                yield f"{place}: makes tables in a database, which no build has"
    if not context.whole.registry:
        alpine = any("alpine" in image for image in recipe.images)
        yield from dockerfiles.cannot_be_made(recipe, tree.text(recipe.file), alpine)
        yield from _other_python(unit)
    if job_of_page(unit, context):
        yield f"{recipe.file}: its image has not what makes the tables"


def _started_above(unit: Unit, tree: Tree) -> Iterator[str]:
    """Yield a Dockerfile that starts a program which knows its folder by name, where nothing in its image has that
    name.
    """
    recipe, (name, by_name, _) = unit.dockerfile, known_by_name(tree, unit)
    if not recipe or not name or unit.folder != unit.sources:
        return
    items = reading.instructions(tree.text(recipe.file))
    told = [item.value for item in items if item.name in ("COPY", "ADD", "RUN", "ENV")]
    above = recipe.workdir.rstrip("/").endswith(f"/{name}") and any("PYTHONPATH" in value for value in told)
    if not above and not any(re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", value) for value in told):
        place = by_name or Place(recipe.file, recipe.command_line)
        yield f"{place}: it knows its folder as {name}, which its image has nothing of"


def _starts_nothing(unit: Unit, tree: Tree) -> Iterator[str]:
    """Yield a Dockerfile that starts a module which its image has not, while the application is in another one."""
    recipe, made = unit.dockerfile, find_application(tree, unit)
    name = NAMED.search(" ".join(recipe.command) if recipe else "")
    if not recipe or not name or not made:
        return
    items = reading.instructions(tree.text(recipe.file))
    words = " ".join([*recipe.command, *(one.value for one in items if one.name in ("COPY", "ADD", "RUN", "ENV"))])
    first, path = name[1].split(".")[0], name[1].replace(".", "/")
    renamed = re.search(
        rf"(?<![\w-]){re.escape(first)}(?![\w-])|PYTHONPATH|\bcd |--app-dir|--chdir", words.replace(name[0], "")
    )
    ends = (f"/{path}.py", f"/{path}/__init__.py")
    if renamed:
        return
    top = join(recipe.context, f"{path}.py")
    if not any(f"/{file}".endswith(ends) for file in tree.below(recipe.context)):
        said = f"{name[1]}, which its image has not"
    elif tree.has(top) and recipe.holds(top) and not binds(tree.text(top), name[2]):
        said = f"{name[0]}, which {top} has not"
    else:
        return
    yield f"{recipe.file}:{recipe.command_line}: starts {said}; the application is in {made[0].file}"


def _exported(unit: Unit, tree: Tree) -> Iterator[str]:
    """Yield a Dockerfile that starts Next.js' server for a page which its next.config makes files of: it refuses."""
    recipe = unit.dockerfile
    line = " ".join(recipe.command) if recipe else ""
    if script := re.search(r"\b(?:npm|yarn|pnpm|bun)(?: run)? ([\w:-]+)$", line):
        line = unit.packages.scripts.get(script[1], "")
    if recipe and re.search(r"\bnext start\b", line) and _output(tree, unit, "export"):
        yield f"{recipe.file}:{recipe.command_line}: `next start` does not serve a page that is exported as files"


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


def _included(unit: Unit, tree: Tree) -> dict[str, Place]:
    """Return the files that a service's requirements name, each with the place."""
    return packages.included(tree, join(unit.sources, "requirements.txt"))


def newest_grammar(unit: Unit, tree: Tree) -> tuple[int, str]:
    """Return the first minor version of Python 3 that takes all files which a program loads, and the file that wants
    it; 0 for any.
    """
    main = main_file(unit, tree) if unit.python else ""
    files = sorted(needed.imported_files(tree, unit.sources, main)) if main else []
    return max(((grammar.since(tree.text(file)), file) for file in files), key=lambda one: one[0], default=(0, ""))


def _too_old(unit: Unit, tree: Tree) -> Iterator[str]:
    """Yield a Dockerfile whose Python does not take what its program is written in."""
    minor, file = newest_grammar(unit, tree)
    image = next(reversed(unit.dockerfile.images), "") if unit.dockerfile and minor else ""
    if (found := re.search(r"python:?3\.(\d+)", image)) and int(found[1]) < minor:
        yield f"{file}: written for Python 3.{minor}, and {unit.dockerfile.file} has {image}"  # type: ignore[union-attr]


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


_COMMENT = re.compile(r"(?ms)(?<![:\"'])//[^\n]*|^\s*/\*.*?\*/")  # but no `https://`


def _output(tree: Tree, unit: Unit, kind: str) -> bool:
    """Return whether its next.config asks for that kind of output."""
    configs = [join(unit.sources, f"next.config.{suffix}") for suffix in ("js", "mjs", "ts", "cjs", "mts")]
    texts = (_COMMENT.sub("", tree.text(file)) for file in configs if tree.has(file))
    return any(re.search(rf"output\s*:\s*[\"']{kind}[\"']", text) for text in texts)


def _python_command(unit: Unit, context: Context) -> list[str]:
    """Return how a Python program is started, from where its application object stands."""
    tree, port = context.whole.tree, str(context.ports[unit.name] or 8000)
    if worker := worker_of(unit):
        context.found.because(f"services.{unit.name}.args", " ".join(worker.command)[:60], worker.place)
        return list(worker.command)
    if unit.kind == "django":
        wsgi = next((file for file in tree.below(unit.sources) if file.endswith("/wsgi.py")), "")
        if wsgi and unit.wants("gunicorn"):
            return ["gunicorn", f"{module_name(unit, wsgi)}:application", "--bind", f"0.0.0.0:{port}"]
        return ["python", "manage.py", "runserver", f"0.0.0.0:{port}"]
    if made := find_application(tree, unit):
        place, name, factory = made
        folder, module = start_of(tree, unit, place.file)
        context.found.because(f"services.{unit.name}.args", f"{module}:{name}", place)
        if unit.kind == "fastapi":
            extra = ["--app-dir", folder] if folder else []
            extra += ["--factory"] if factory else []
            return ["uvicorn", f"{module}:{name}", *extra, "--host", "0.0.0.0", "--port", port]  # noqa: S104 in a pod
        target = f"{folder}/{module}:{name}" if folder and folder != ABOVE else f"{module}:{name}"
        return ["flask", "--app", target, "run", "--host", "0.0.0.0", "--port", port]  # noqa: S104 in a pod
    main = next((file for file in main_files(tree, unit) if "__main__" in tree.text(file)), "")
    if main and (
        own_name(tree, unit) or re.search(r"(?m)^\s*from \.", tree.text(main))
    ):  # only a module of a package can
        folder, module = start_of(tree, unit, main)
        return [*(["env", f"PYTHONPATH={folder}"] if folder and folder != ABOVE else []), "python", "-m", module]
    return ["python", main if unit.sources == "." else main.removeprefix(f"{unit.sources}/")] if main else []
