"""Python sources, by `ast`: which variables, routes, addresses and folders they name. Nothing is run."""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

from scripts.adopt import grammar
from scripts.adopt.facts import Code, Read, Route
from scripts.adopt.tree import Place

METHODS = {"get", "post", "put", "patch", "delete"}
URL = re.compile(r"https?://[A-Za-z0-9._-]+(?::\d+)?(?:/[^\s\"'`]*)?")
_GETTERS = ("os.getenv", "getenv", "os.environ.get", "environ.get")
_LISTS = ("list", "List", "Sequence", "tuple", "set")


def helpers(text: str) -> dict[str, bool]:
    """Return the functions of a file that read the variable whose name they are given first, and whether they raise
    without it.
    """
    if not re.search(r"(getenv|environ\.get)\(\s*[a-z_]+\s*[,)]|environ\[[a-z_]+\]", text):
        return {}
    found = {}
    for node in (it for one in statements(text) for it in ast.walk(one) if isinstance(it, ast.FunctionDef)):
        names = [one.arg for one in node.args.args if one.arg not in ("self", "cls")]
        if names and re.search(rf"(getenv|environ\.get)\({names[0]}\b|environ\[{names[0]}\]", ast.unparse(node)):
            found[node.name] = any(isinstance(it, ast.Raise) for it in ast.walk(node))
    return found


def read(text: str, file: str, into: Code, helpers: Mapping[str, bool] | None = None) -> None:
    """Add what one file says; `helpers` are functions that read a variable by its name. Of a file that does not parse
    only that.
    """
    try:
        module = grammar.parse(text)
    except grammar.UNREADABLE as error:
        into.unread.append(Place(file, getattr(error, "lineno", 0) or 0))
        return
    prefixes, before = _prefixes(module), len(into.reads)
    for node in ast.walk(module):
        place = Place(file, getattr(node, "lineno", 0))
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name in _imported(node):
                into.imports.setdefault(name, place)
        elif isinstance(node, ast.Call):
            _call(node, place, into, helpers or {})
        elif isinstance(node, ast.Attribute) and node.attr == "create_all":
            into.tables.append(place)
        elif isinstance(node, ast.Subscript) and _dotted(node.value) in ("os.environ", "environ"):
            if isinstance(node.ctx, ast.Load) and (name := _text(node.slice)):
                into.reads.append(Read(name, place, required=True))
        elif isinstance(node, ast.ClassDef) and any(_dotted(base).endswith("BaseSettings") for base in node.bases):
            into.reads += _settings(node, file)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            into.routes += _routes(node, file, prefixes)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            into.urls += [(url, place) for url in URL.findall(node.value)]
    into.reads += [Read(name, place, required=True) for name, place in _demanded(module, file)]
    ending = set(_ends_without(module))
    own = (replace(it, required=it.required or (it.name in ending and not it.default)) for it in into.reads[before:])
    into.reads[before:] = list(own)


def _demanded(module: ast.Module, file: str) -> Iterator[tuple[str, Place]]:
    """Yield the variables of a list that a file goes through, asking for each, and ends without one."""
    text = ast.unparse(module)
    if not re.search(r"\b(sys\.exit|exit|quit)\(|\braise\b", text):
        return
    assigned = (node for node in ast.walk(module) if isinstance(node, ast.Assign))
    lists = {ast.unparse(node.targets[0]): node.value for node in assigned}
    for node in ast.walk(module):
        if isinstance(node, ast.For | ast.comprehension):
            name = re.escape(ast.unparse(node.target).strip("()").split(",")[0])
            within = ast.unparse(node) if isinstance(node, ast.For) else text
            if re.search(rf"(getenv|environ\.get)\({name}[,)]|\b{name} not in os\.environ", within):
                given = lists.get(re.sub(r"\.(items|keys)\(\)$", "", ast.unparse(node.iter)), node.iter)
                yield from ((_text(item), Place(file, item.lineno)) for item in _names(given))


def _names(given: ast.expr) -> list[ast.expr]:
    """Return the items of a list, or the keys of a mapping, of names of variables; none where others are among them."""
    items = given.keys if isinstance(given, ast.Dict) else getattr(given, "elts", [])
    found = [item for item in items if item and re.fullmatch(r"[A-Z][A-Z0-9_]*", _text(item))]
    return found if len(found) == len(items) else []


def _ends_without(module: ast.Module) -> Iterator[str]:
    """Yield the variables whose absence a file ends with an error of its own: read into a name, and that is judged."""
    held: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and isinstance(node.targets[0], ast.Name):
            call = node.value
            if _dotted(call.func) in _GETTERS and call.args:
                held[node.targets[0].id] = _text(call.args[0])
    for item in module.body:
        judged = re.fullmatch(r"not (\w+)", ast.unparse(item.test)) if isinstance(item, ast.If) else None
        if judged and isinstance(item, ast.If) and any(isinstance(it, ast.Raise) for it in item.body):
            yield held.get(judged[1], "")


def tables(text: str, file: str) -> list[Place]:
    """Return where one file makes tables from models."""
    found = Code()
    read(text, file, found)
    return found.tables


def models(text: str) -> set[str]:
    """Return the tables that the classes of a file stand for, by SQLAlchemy or SQLModel."""
    found = (_table_of(node) for node in statements(text) if isinstance(node, ast.ClassDef))
    return {name for name in found if name}


def _table_of(node: ast.ClassDef) -> str:
    """Return the table of one class: by its name for it, else by SQLModel's rule; empty for a class of none."""
    lines = [ast.unparse(item) for item in node.body if isinstance(item, ast.Assign | ast.AnnAssign)]
    named = next((found for line in lines if (found := re.match(r"__tablename__\b.*=\s*['\"](\w+)", line))), None)
    is_table = any(word.arg == "table" and ast.unparse(word.value) == "True" for word in node.keywords)
    return named[1] if named else node.name.lower() if is_table else ""


def function_at(text: str, line: int) -> str:
    """Return the name of the outermost function that a line stands in; empty at the top, in a class, and in a function
    that a decorator hands to others.
    """
    for node in statements(text):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
            return "" if node.decorator_list else node.name
    return ""


def runs_never(text: str, line: int) -> bool:
    """Return whether a line stands in a function that is only put into an application as `app.lifespan`, which nobody
    calls.
    """
    idle = set(re.findall(r"(?m)^\s*\w+\.lifespan\s*=\s*(\w+)\s*$", text))
    idle -= set(re.findall(r"\blifespan\s*=\s*(\w+)\s*[,)]", text))
    functions = (node for node in statements(text) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(node.name in idle and node.lineno <= line <= (node.end_lineno or 0) for node in functions)


def used_names(text: str, off: Collection[str] = ()) -> set[str]:
    """Return the names that a file uses when it is imported: not those that it only defines, or uses as a script, or
    where a switch is on which is `off`, by its name in capitals.
    """
    found: set[str] = set()
    waiting: list[ast.AST] = [node for node in statements(text) if not _is_script(node)]
    while waiting:
        node = waiting.pop()
        found |= {_last_name(node)} - {""}
        inner = ast.iter_child_nodes(node)
        never = isinstance(node, ast.If) and _last_name(node.test).upper() in off
        waiting += node.orelse if never and isinstance(node, ast.If) else inner
    return found


def _last_name(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else node.attr if isinstance(node, ast.Attribute) else ""


def texts(text: str) -> list[str]:
    """Return the texts that a file's code holds."""
    nodes = (node for one in statements(text) for node in ast.walk(one))
    return [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]


def keys_of_tokens(text: str, call: str) -> set[str]:
    """Return the names by which a file signs tokens (`jwt.encode`) or checks them (`jwt.decode`), without what they are
    parts of.
    """
    nodes = (it for one in statements(text) for it in ast.walk(one) if isinstance(it, ast.Call))
    calls = [it for it in nodes if re.fullmatch(rf"(\w*\.)?_?(pyjwt|jwt)\.{call}", _dotted(it.func), re.I)]
    given = [it.args[1] if len(it.args) > 1 else next((one.value for one in it.keywords if one.arg == "key"), None)
             for it in calls]  # fmt: skip
    return {_dotted(one).rpartition(".")[2] for one in given if one is not None} - {""}


def _is_script(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def statements(text: str) -> list[ast.stmt]:
    """Return what stands at the top of a file; nothing for one that does not parse."""
    try:
        return list(grammar.parse(text).body)
    except grammar.UNREADABLE:
        return []


def binds(text: str, name: str) -> bool:
    """Return whether a file gives a name something at its top, as far as can be told: one that does not parse, or takes
    all names of another one, may.
    """
    waiting, whole = statements(text), bool(text.strip())
    if whole and not waiting and not text.lstrip().startswith("#"):
        return True
    for node in waiting:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            bound = {node.name}
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound = {(alias.asname or alias.name).split(".")[0] for alias in node.names}
        else:
            inner = [it for it in ast.walk(node) if isinstance(it, ast.Name) and isinstance(it.ctx, ast.Store)]
            bound = {it.id for it in inner}
            waiting += [it for it in ast.walk(node) if isinstance(it, ast.stmt) and it is not node]
        if bound & {name, "*", "__getattr__"}:
            return True
    return False


def _imported(node: ast.Import | ast.ImportFrom) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name.split(".")[0] for alias in node.names]
    return [(node.module or "").split(".")[0]] if not node.level else []


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def _text(node: ast.expr | None) -> str:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def _literal(node: ast.expr | None) -> str | None:
    """Return a value as the environment would hold it; None where it is computed, or nothing."""
    if isinstance(node, ast.Constant):
        value = node.value
        return None if value is None or value is ... else str(value).lower() if isinstance(value, bool) else str(value)
    if isinstance(node, ast.Call) and _dotted(node.func) in _GETTERS:  # the default of a field is another's
        return _literal(node.args[1]) if len(node.args) > 1 else None
    if isinstance(node, ast.Call) and _dotted(node.func) in ("int", "str", "float", "bool") and node.args:
        return _literal(node.args[0])
    if isinstance(node, ast.List | ast.Tuple | ast.Dict | ast.Call | ast.JoinedStr | ast.BoolOp):
        found = " ".join(
            item.value for item in ast.walk(node) if isinstance(item, ast.Constant) and isinstance(item.value, str)
        )
        return found
    return None


def _call(node: ast.Call, place: Place, into: Code, helpers: Mapping[str, bool]) -> None:
    name = _dotted(node.func)
    last = name.split(".")[-1]
    words = {keyword.arg: keyword.value for keyword in node.keywords if keyword.arg}
    typed = re.search(r"(^|\.)env\.(str|bool|int|list|url)$", name)  # by django-environ
    if name in _GETTERS or ((typed or last in ("config", "env", *helpers)) and node.args):
        variable = _text(node.args[0] if node.args else None)
        letters = r"[A-Za-z_]\w*" if name in _GETTERS else r"[A-Z][A-Z0-9_]*"
        if re.fullmatch(letters, variable):
            given = node.args[1] if len(node.args) > 1 else words.get("default")
            needed = last == "config" or helpers.get(last, False)
            into.reads.append(Read(variable, place, _literal(given), needed and given is None))
    environ = re.search(r"(^|\.)env\.(db|db_url)$", name)  # Django's database, by django-environ
    if environ or name == "dj_database_url.config":
        first = node.args[0] if node.args else None
        variable = _text(words.get("env") or (first if environ else None))
        default = _literal(words.get("default") or (None if environ else first))
        into.reads.append(Read(variable or "DATABASE_URL", place, default, default is None and bool(environ)))
    if name.endswith("command.upgrade"):
        into.calls.setdefault("alembic", place)
    if last in ("run", "serve") and (_literal(words.get("port")) or "").isdigit():
        into.ports.append((int(_literal(words["port"]) or 0), place))  # as given, or where PORT is not
    if last in ("makedirs", "mkdir") and (folder := _text(node.args[0] if node.args else None)):
        into.folders.append((folder, place))
    if last in ("FileHandler", "RotatingFileHandler") and (file := _text(node.args[0] if node.args else None)):
        into.folders.append((file.rpartition("/")[0] or ".", place))


def _settings(node: ast.ClassDef, file: str) -> Iterator[Read]:
    """Yield the fields of a pydantic settings class."""
    prefix = _env_prefix(node)
    for item in node.body:
        if not isinstance(item, ast.AnnAssign) or not isinstance(item.target, ast.Name):
            continue
        name = item.target.id
        if name.startswith("_") or name in ("model_config", "Config"):
            continue
        kind = ast.unparse(item.annotation)
        default, required, shortest, alias = _field(item.value)
        optional = "Optional" in kind or "None" in kind
        form = "json" if kind.split("[")[0].split(".")[-1] in _LISTS else ""
        variable = alias or (prefix + name).upper()
        yield Read(variable, Place(file, item.lineno), default, required and not optional, form, shortest)


def _env_prefix(node: ast.ClassDef) -> str:
    for item in ast.walk(node):
        if isinstance(item, ast.keyword) and item.arg == "env_prefix":
            return _text(item.value)
        if isinstance(item, ast.Assign) and any(
            isinstance(it, ast.Name) and it.id == "env_prefix" for it in item.targets
        ):
            return _text(item.value)
        if isinstance(item, ast.Dict) and (
            told := [value for key, value in zip(item.keys, item.values, strict=True) if _text(key) == "env_prefix"]
        ):
            return _text(told[0])
    return ""


def _field(value: ast.expr | None) -> tuple[str | None, bool, int, str]:
    """Return (default, whether it is required, least length, name of the variable) of a field's right side."""
    if value is None:
        return None, True, 0, ""
    if not (isinstance(value, ast.Call) and _dotted(value.func).split(".")[-1] == "Field"):
        return _literal(value), False, 0, ""
    words = {keyword.arg: keyword.value for keyword in value.keywords if keyword.arg}
    given = value.args[0] if value.args else words.get("default")
    factory = words.get("default_factory")
    ellipsis = isinstance(given, ast.Constant) and given.value is ...
    required = factory is None and (given is None or ellipsis)
    least = words.get("min_length")
    shortest = least.value if isinstance(least, ast.Constant) and isinstance(least.value, int) else 0
    alias = next((_text(words[key]) for key in ("env", "alias", "validation_alias") if key in words), "")
    return (_literal(factory) if factory else _literal(given)), required, shortest, alias


def _prefixes(module: ast.Module) -> dict[str, str]:
    """Return router → its path prefix, of one file."""
    found = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call):
            for keyword in node.value.keywords:
                if keyword.arg in ("prefix", "url_prefix") and isinstance(node.targets[0], ast.Name):
                    found[node.targets[0].id] = _text(keyword.value)
    return found


def _routes(node: ast.FunctionDef | ast.AsyncFunctionDef, file: str, prefixes: dict[str, str]) -> Iterator[Route]:
    for decorator in node.decorator_list:
        if isinstance(decorator, ast.Call) and isinstance(decorator.func, ast.Attribute):
            method = decorator.func.attr.lower()
            path = _text(decorator.args[0] if decorator.args else None)
            if method in METHODS | {"route"} and path.startswith("/"):
                owner = decorator.func.value
                prefix = prefixes.get(owner.id, "") if isinstance(owner, ast.Name) else ""
                whole = isinstance(owner, ast.Name) and owner.id in ("app", "application", "api")
                verb = "GET" if method == "route" else method.upper()
                yield Route(verb, prefix + path, Place(file, decorator.lineno), whole)
