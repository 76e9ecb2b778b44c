"""JavaScript and TypeScript sources, by tree-sitter: which variables, routes and addresses they name. Never run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from scripts.adopt.facts import Code, Read, Route
from scripts.adopt.python_source import METHODS, URL
from scripts.adopt.tree import Place

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

SUFFIXES = (".js", ".jsx", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".vue", ".svelte")
_ENVIRONMENTS = ("process.env", "import.meta.env")
_OWN = {"NODE_ENV", "MODE", "DEV", "PROD", "SSR", "BASE_URL", "CI", "PORT", "HOSTNAME", "NEXT_RUNTIME", "NEXT_PHASE"}


@lru_cache(maxsize=4)
def _parser(kind: str) -> Parser:
    import tree_sitter
    import tree_sitter_javascript
    import tree_sitter_typescript

    languages: dict[str, Any] = {
        "js": tree_sitter_javascript.language,
        "ts": tree_sitter_typescript.language_typescript,
        "tsx": tree_sitter_typescript.language_tsx,
    }
    return tree_sitter.Parser(tree_sitter.Language(languages[kind]()))


def _parsed(text: str, file: str) -> Node:
    kind = "tsx" if file.endswith((".tsx", ".vue", ".svelte")) else "ts" if file.endswith(("ts", "mts")) else "js"
    return _parser(kind).parse(text.encode()).root_node


_COMMENT = re.compile(r"/\*.*?\*/|(?<![:\"'`])//[^\n]*", re.S)


def without_comments(text: str) -> str:
    """Return a file's text with its comments empty: what they tell of is often what was there before."""
    return _COMMENT.sub(lambda match: "\n" * match[0].count("\n"), text)


_FUNCTION = re.compile(
    r"\bfunction\s+(\w+)\s*(?:<[^>]*>)?\(\s*(\w+)|\b(?:const|let)\s+(\w+)\s*=\s*(?:async\s*)?\(?\s*(\w+)[^\n]*=>"
)


def helpers(text: str) -> dict[str, bool]:
    """Return the functions of a file that read the variable whose name they are given, and whether they throw without
    it.
    """
    found = {}
    for match in _FUNCTION.finditer(text) if "env[" in text else ():
        given, rest = match[2] or match[4], text[match.start() : match.end() + 600]
        body = re.split(r"\n(?:export |async |function |const |let |\})", rest)[0]
        if re.search(rf"\benv\[\s*{given}\b[^\]]*\]", body):
            found[match[1] or match[3]] = "throw" in body
    return found


def read(text: str, file: str, into: Code, helpers: Mapping[str, bool] | None = None) -> None:
    """Add what one file says; `helpers` are functions that read a variable by its name."""
    judged = bool(re.search(r"[pP]arse\(\s*process\.env\b|\bcreateEnv\(", text))
    demanding = bool(re.search(r"process\.env\[\w+\]", text) and re.search(r"\bthrow\b|process\.exit\(", text))
    for node in _walk(_parsed(text, file)):
        place = Place(file, node.start_point[0] + 1)
        _node(node, place, into)
        if helpers and node.type == "call_expression":
            into.reads += _helped(node, place, helpers)
        if judged and node.type == "pair":
            into.reads += _judged(node, place)
        if demanding and node.type == "array":
            into.reads += _demanded(node, place)


def read_prisma(text: str, file: str, into: Code) -> None:
    """Add the variables that a schema of Prisma has its database's address in: the program may name none of them."""
    found = re.finditer(r"^[ \t]*(?:url|directUrl)\s*=\s*env\(\s*\"(\w+)\"", text, re.M)
    into.reads += [Read(one[1], Place.at(file, text, one.start())) for one in found]


def _walk(root: Node) -> Iterator[Node]:
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(node.children))


def _of(node: Node | None) -> str:
    return (node.text or b"").decode(errors="replace") if node else ""


def _string(node: Node | None) -> str:
    if node is None or node.type not in ("string", "template_string"):
        return ""
    return _of(node)[1:-1]


def _node(node: Node, place: Place, into: Code) -> None:
    if node.type in ("member_expression", "subscript_expression"):
        name = _variable(node)
        if name == "PORT" and (usual := _usual_port(node)):
            into.ports.append((usual, place))
        elif name and name not in _OWN:
            default = _default(node)
            needed = _asserted(node) or _constructs(node, name)
            into.reads.append(Read(name, place, default, needed and default is None))
    elif node.type == "variable_declarator" and _of(node.child_by_field_name("value")) in _ENVIRONMENTS:
        pattern = node.child_by_field_name("name")
        for child in pattern.children if pattern else ():
            if child.type == "shorthand_property_identifier_pattern":
                into.reads.append(Read(_of(child), place))
    elif node.type in ("string", "template_string"):
        into.urls += [(url, place) for url in URL.findall(_string(node).replace("${", " "))]
    elif node.type == "call_expression":
        _call(node, place, into)
    elif node.type == "import_statement":
        name = _string(node.child_by_field_name("source"))
        if name and not name.startswith("."):
            into.imports.setdefault(_package(name), place)


def _helped(node: Node, place: Place, helpers: Mapping[str, bool]) -> Iterator[Read]:
    """Yield the variable that a call of a helper reads, with the default that it is given."""
    function = _of(node.child_by_field_name("function")).rpartition(".")[2]
    arguments = node.child_by_field_name("arguments")
    values = [child for child in arguments.children if child.is_named] if arguments else []
    name = _string(values[0]) if values and function in helpers else ""
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) and name not in _OWN:
        default = _string(values[1]) if len(values) > 1 and values[1].type == "string" else None
        yield Read(name, place, default, helpers[function] and default is None)


def _demanded(node: Node, place: Place) -> Iterator[Read]:
    """Yield the variables of a list that a file goes through, and ends without one."""
    names = [_string(child) for child in node.children if child.is_named]
    if names and all(re.fullmatch(r"[A-Z][A-Z0-9_]*", name) for name in names):
        yield from (Read(name, place, required=True) for name in names if name not in _OWN)


def _judged(node: Node, place: Place) -> Iterator[Read]:
    """Yield a variable of a schema, by zod, that the environment as a whole is judged by."""
    name, kind = _of(node.child_by_field_name("key")).strip("\"'"), _of(node.child_by_field_name("value"))
    if re.fullmatch(r"[A-Z][A-Z0-9_]*", name) and kind.startswith("z.") and name not in _OWN:
        default = re.search(r"\.default\(\s*[\"'`]?([^\"'`)]*)", kind)
        least = re.search(r"\.min\(\s*(\d+)", kind)
        needed = not default and ".optional()" not in kind
        yield Read(name, place, default[1] if default else None, needed, shortest=int(least[1]) if least else 0)


def _package(name: str) -> str:
    return "/".join(name.split("/")[: 2 if name.startswith("@") else 1])


def _variable(node: Node) -> str:
    if _of(node.child_by_field_name("object")) not in _ENVIRONMENTS:
        return ""
    index = node.child_by_field_name("index")
    name = _string(index) if index else _of(node.child_by_field_name("property"))
    return name if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) else ""


_AROUND = ("parenthesized_expression", "non_null_expression", "as_expression")


def _default(node: Node) -> str | None:
    """Return what stands after || or ?? in the same expression."""
    above = node.parent
    while above is not None and above.type in _AROUND:
        above = above.parent
    if above is None or above.type != "binary_expression":
        return None
    operator = _of(above.child_by_field_name("operator"))
    if operator not in ("||", "??") or above.child_by_field_name("left") is None:
        return None
    left, right = above.child_by_field_name("left"), above.child_by_field_name("right")
    if left is not None and node.start_byte >= left.start_byte and node.end_byte <= left.end_byte and right is not None:
        found = _string(right)
        return found if found or right.type == "string" else _last_string(right)
    return None


def _usual_port(node: Node) -> int:
    """Return the port that stands in place of a variable which is not set: after || or ??; 0 where none does."""
    above = node
    while above.parent is not None and above.parent.type in (
        *_AROUND,
        "arguments",
        "call_expression",
        "binary_expression",
    ):
        above = above.parent  # parseInt(process.env.PORT || "4000"), Number(process.env.PORT) || 4000
    found = re.search(r"(?:\|\||\?\?)\s*[\"'`]?(\d{4,5})\b", _of(above))
    return int(found[1]) if found else 0


def _last_string(node: Node) -> str | None:
    """Return the last text in a default that is no plain one: not one that is told, as an error's, or compared with."""
    strings = [_string(item) for item in _walk(node) if item.type == "string" and not _told(item, node)]
    return strings[-1] if strings else None


def _told(text: Node, within: Node) -> bool:
    above = text.parent
    while above is not None and above.start_byte >= within.start_byte and above.end_byte <= within.end_byte:
        compared = above.type == "binary_expression" and _of(above.child_by_field_name("operator"))[:2] in ("==", "!=")
        said = above.type == "call_expression" and _of(above.child_by_field_name("function")).startswith("console.")
        if above.type == "throw_statement" or compared or said:
            return True
        above = above.parent
    return False


def _asserted(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "non_null_expression"


def _constructs(node: Node, name: str) -> bool:
    """Return whether a client is made of a key, as `new Mailer(process.env.MAILER_KEY)`: many end a program without."""
    above = node.parent.parent if node.parent is not None and node.parent.type == "arguments" else None
    return above is not None and above.type == "new_expression" and name.endswith(("_KEY", "_TOKEN", "_SECRET"))


def _call(node: Node, place: Place, into: Code) -> None:
    function = _of(node.child_by_field_name("function"))
    arguments = node.child_by_field_name("arguments")
    values = [child for child in arguments.children if child.is_named] if arguments else []
    owner, _, last = function.rpartition(".")
    if function == "require" and values and (name := _string(values[0])) and not name.startswith("."):
        into.imports.setdefault(_package(name), place)
    if last in METHODS and owner in ("app", "router", "server", "fastify", "api") and values:
        path = _string(values[0])
        if path.startswith("/"):
            into.routes.append(Route(last.upper(), path, place, owner in ("app", "server", "fastify")))
    if last == "listen" and values:
        number = re.search(r"\b(\d{4,5})\b", _of(values[0]))
        if number:
            into.ports.append((int(number[1]), place))


@dataclass(frozen=True)
class Exports:
    """The names that a module exports, `default` among them, and the modules of which it exports all names."""

    names: frozenset[str]
    whole: tuple[str, ...] = ()


_COMMON = re.compile(r"\bmodule\.exports\b|(?<![\w.])exports\.\w")


@lru_cache(maxsize=2048)  # a module is read once, however many take something of it
def exports(text: str, file: str) -> Exports | None:
    """Return what a module exports; None where that cannot be told: CommonJS, and what is not understood."""
    root = _parsed(text, file)
    if root.has_error or _COMMON.search(text):
        return None
    names: set[str] = set()
    whole: list[str] = []
    for node in (one for one in root.children if one.type == "export_statement"):
        kinds = {child.type: child for child in node.children}
        declared = node.child_by_field_name("declaration")
        if "default" in kinds:
            names.add("default")
        elif declared:
            names.update(_declared(declared))
        elif "export_clause" in kinds:
            names.update(other for _, other, _ in _specified(kinds["export_clause"]))
        elif "namespace_export" in kinds:
            names.add(_of(kinds["namespace_export"].children[-1]))
        elif "*" in kinds:
            whole.append(_string(node.child_by_field_name("source")))
        else:
            return None
    return Exports(frozenset(names), tuple(whole))


def taken(text: str, file: str) -> Iterator[tuple[str, str, Place]]:
    """Yield what a file takes of other modules as values: the module, the name there (`default` for what it is as a
    whole), the place. Of what stands in types alone nothing is left when it is built.
    """
    root = _parsed(text, file)
    used = {_of(node) for node in _walk(root) if node.type in _USES and not _in_types_or_import(node)}
    for node in root.children:
        source = _string(node.child_by_field_name("source"))
        if not source or any(child.type == "type" for child in node.children):
            continue
        for clause in (inner for child in node.children for inner in (child, *child.children)):
            whole = clause.type == "identifier" and node.type == "import_statement"
            for name, own, at in [("default", _of(clause), clause)] if whole else _specified(clause):
                if node.type == "export_statement" or own in used:
                    yield source, name, Place(file, at.start_point[0] + 1)


_USES = ("identifier", "shorthand_property_identifier")


def _in_types_or_import(node: Node) -> bool:
    """Return whether a name stands where it is no value: in an import, in a type."""
    above = node.parent
    while above is not None and above.type in ("import_specifier", "named_imports", "nested_identifier"):
        above = above.parent
    return above is not None and above.type in ("import_clause", "nested_type_identifier", "type_query")


def _specified(clause: Node) -> list[tuple[str, str, Node]]:
    """Return what stands in the braces of an import or export, but types: its name, its name from there on, itself."""
    found = []
    for one in clause.children:
        if one.type in ("import_specifier", "export_specifier") and all(child.type != "type" for child in one.children):
            name, alias = one.child_by_field_name("name"), one.child_by_field_name("alias")
            found.append((_of(name), _of(alias or name), one))
    return found


def _declared(node: Node) -> Iterator[str]:
    """Yield the names that a declaration gives, those in a pattern as well."""
    if name := node.child_by_field_name("name"):
        kinds = ("identifier", "type_identifier", "shorthand_property_identifier_pattern")
        yield from (_of(one) for one in _walk(name) if one.type in kinds)
    else:
        for child in node.children:
            yield from _declared(child)
