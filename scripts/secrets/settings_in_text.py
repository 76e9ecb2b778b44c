# ruff: noqa: E501 patterns are read along their lines
"""Environment values, container arguments, Secrets and ConfigMaps wherever they stand in a text of Kubernetes.

As YAML, as JSON (also quoted inside of JSON), as `kubectl describe` and as `kubectl set env --list` print them. A value
is hidden unless its name is on a short list of harmless ones, or it is of a kind that hides nothing: a truth value, a
small number, a quantity. The search goes line by line, so half a document is read as well as a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Span = tuple[int, int, str]

# What precedes `key` where that is a column or a field of a database or a queue, and no secret.
_DATABASE_KEYS = ("primary", "foreign", "sort", "partition", "routing", "shard")
NO_DATABASE_KEY = "".join(f"(?<!{word})" for word in _DATABASE_KEYS)

_Q = r"\\{0,6}\""
_PAIR = re.compile(
    rf"{_Q}name{_Q}\s{{0,40}}:\s{{0,40}}{_Q}(?P<name>[\w.-]{{1,200}}){_Q}\s{{0,40}},\s{{0,40}}"
    rf"{_Q}value{_Q}\s{{0,40}}:\s{{0,40}}(?P<quote>\\{{0,6}}\")(?P<value>(?:(?!(?P=quote))(?:\\.|[^\\\n]))*)"
)
_TURNED = re.compile(
    rf"{_Q}value{_Q}\s{{0,40}}:\s{{0,40}}(?P<quote>\\{{0,6}}\")(?P<value>(?:(?!(?P=quote))(?:\\.|[^\\\n]))*)(?P=quote)"
    rf"\s{{0,40}},\s{{0,40}}{_Q}name{_Q}\s{{0,40}}:\s{{0,40}}{_Q}(?P<name>[\w.-]{{1,200}}){_Q}"
)
# Settings by the form of their name alone: as `env` prints them, as compose and helm's values hold them, as Go does.
# A value with blanks only in quotes: a log line that begins so goes on in words.
_BARE = re.compile(
    r"^[ \t]{0,60}(?:- |export )?[\"']?(?P<name>[A-Z][A-Z0-9_]{2,80})=(?P<value>\"[^\"\n]*\"|'[^'\n]*'|[^\s\"']+)[\"']?\s{0,20}$",
    re.MULTILINE,
)
_YAML_TURNED = re.compile(
    r"^[ \t]{0,80}- value:[ \t]{1,20}(?P<value>[^\n]*?)[ \t]{0,20}\n[ \t]{1,80}name:[ \t]{1,20}[\"']?(?P<name>[\w.-]{1,200})[\"']?[ \t]{0,20}$",
    re.MULTILINE,
)
_KEYED = re.compile(
    r"^(?:\| )?[ \t]{2,60}(?P<name>[A-Z][A-Z0-9_]{2,80}):[ \t]{1,40}(?P<value>[^\s|>][^\n]*?)[ \t]{0,20}$", re.M
)
# What pydantic says of a setting that it cannot take: the value stands two words behind the name.
_VALIDATED = re.compile(
    r"^[ \t]{0,20}(?P<name>[A-Za-z_][\w.-]{0,120})\n[ \t]{1,20}[^\n]{0,400}\[type=\w{1,60}, input_value="
    r"(?P<quote>['\"])(?P<value>(?:(?!(?P=quote))[^\n]){1,400})(?P=quote)",
    re.MULTILINE,
)
# The same as a list of errors: where, and what was given; zod says it in the other order.
_INPUT = re.compile(
    r"[\"']?\b(?:loc|path)[\"']?\s{0,9}:\s{0,9}[\[(](?:[^\[\](){}\n]{0,200}[^\w.-])?(?P<name>[A-Za-z_][\w.-]{0,120})[\"'],?\s{0,40}[\])]"
    r"[^{}]{0,400}?[\"']?\b(?:input|received)[\"']?\s{0,9}:\s{0,9}(?P<quote>[\"'])(?P<value>(?:(?!(?P=quote))[^\n]){1,400})(?P=quote)"
)
_RECEIVED = re.compile(
    r"[\"']?\b(?:input|received)[\"']?\s{0,9}:\s{0,9}(?P<quote>[\"'])(?P<value>(?:(?!(?P=quote))[^\n]){1,400})(?P=quote)[^{}]{0,200}?"
    r"[\"']?\b(?:loc|path)[\"']?\s{0,9}:\s{0,9}[\[(](?:[^\[\](){}\n]{0,200}[^\w.-])?(?P<name>[A-Za-z_][\w.-]{0,120})[\"'],?\s{0,40}[\])]"
)
_TYPE_WORD = re.compile(r"undefined|null|none|nan|string|number|boolean|bool|object|array|str|int|dict|list", re.I)
_GIVEN = re.compile(
    r"(?<!\S)(?:--build-arg|--env|-e)[ =][\"']?(?P<name>[A-Za-z_]\w{0,80})=(?P<quote>[\"']?)(?P<value>[^\s\"']+)"
)
# A mapping on one line, as YAML also writes it.
_FLOW = re.compile(r"(?:^|[\s{,])(?:data|stringData|binaryData):[ \t]{0,9}\{(?P<held>[^{}\n]{1,20000})\}", re.MULTILINE)
_FLOW_ENTRY = re.compile(r"[\"']?(?P<name>[\w.-]{1,253})[\"']?:[ \t]{1,9}[\"']?(?P<value>[^\s,{}\"']+)")
_GO_MAP = re.compile(r"(?<=[\[ ])(?P<name>[A-Z][A-Z0-9_]{2,80}):(?P<value>[^\s\]\[]{1,500})(?=[ \]])")
_LOG_WORDS = re.compile(
    r"ERROR|WARN(?:ING)?|INFO|DEBUG|TRACE|FATAL|NOTE|NOTICE|HINT|DETAIL|CONTEXT|STATEMENT|LOCATION|TIP|CAUSE|LOG|TODO|PANIC|CRITICAL|QUERY|REASON|FAILED|FAIL|PASS|OK"
)
_LIST = re.compile(rf"{_Q}(?:args|command){_Q}\s{{0,40}}:\s{{0,40}}\[")
_ITEM = re.compile(r"\s{0,80},?\s{0,80}(?P<quote>\\{0,6}\")(?P<value>(?:(?!(?P=quote))(?:\\.|[^\\\n]))*)(?P=quote)")
_MAP = re.compile(rf"{_Q}(?:data|stringData|binaryData){_Q}\s{{0,40}}:\s{{0,40}}\{{")
_ENTRY = re.compile(
    rf"\s{{0,80}},?\s{{0,80}}{_Q}(?P<name>[\w.-]{{1,253}}){_Q}\s{{0,40}}:\s{{0,40}}"
    r"(?P<quote>\\{0,6}\")(?P<value>(?:(?!(?P=quote))(?:\\.|[^\\\n]))*)(?P=quote)"
)
_YAML_NAME = re.compile(r"^(?P<indent>\s*)(?:- )?name:\s+[\"']?(?P<name>[\w.-]+)[\"']?\s*$")
_YAML_VALUE = re.compile(r"^(?P<lead>\s*(?:- )?value:\s+)(?P<value>\S.*?)\s*$")
_YAML_HEAD = re.compile(r"^(?P<indent>\s*)(?:- )?(?P<key>args|command|data|stringData|binaryData):\s*(?P<rest>.*)$")
_YAML_ENTRY = re.compile(r"^(?P<lead>(?P<indent>\s*)[\"']?(?P<name>[\w.-]+)[\"']?:\s*)(?P<value>.*?)\s*$")
_YAML_ITEM = re.compile(r"^(?P<lead>(?P<indent>\s*)- )(?P<value>.*?)\s*$")
_DESCRIBE_HEAD = re.compile(r"^(?P<indent>\s*)(?P<key>Environment|Args|Command):\s*(?P<rest>.*)$")
_DESCRIBE_ENTRY = re.compile(r"^(?P<lead>(?P<indent>\s+)(?P<name>[\w.-]+):\s+)(?P<value>.*?)\s*$")
_SET_ENV_HEAD = re.compile(r"^# .*\bcontainers? ")
_SET_ENV = re.compile(r"^(?P<lead>(?P<name>[\w.-]+)=)(?P<value>.*?)\s*$")
_SECRET_KIND = re.compile(r"(?:^|[\s\"'{,])kind: [\"']?Secret(?:[\"'}\],\\]{0,20}[ \t]*$|, )", re.MULTILINE)
_GO_SECRET = re.compile(r"\bkind:Secret\b")
_GO_DATA = re.compile(r"\b(?:data|stringData):map\[([^\]]{1,20000})\]", re.IGNORECASE)
_DATA_NAME = re.compile(r"^(?P<name>[\w.-]+):\s*$")

# Names whose values tell how something runs, not who may use it.
_HARMLESS_NAME = re.compile(
    r"(?:.*[_.-])?(?:port|host|hostname|level|mode|env|environment|stage|region|zone|timezone|tz|lang|locale|"
    r"replicas|workers?|threads|concurrency|timeout|interval|seconds|minutes|ms|retries|attempts|limit|size|count|max|min|"
    r"debug|verbose|enabled?|disabled?|model|provider|temperature|version|revision|namespace|cluster|node|pod|service|name|"
    r"path|dir|directory|folder|file|root|home|shell|format|driver|type|kind|schema|scheme|protocol|address|addr|bind|listen|"
    r"pghost|pgport|pgsslmode|sslmode|endpoint|url|uri|origin|origins|base|prefix|suffix|features?|flags?|color|telemetry|runtime|class|policy|strategy|cache)",
    re.IGNORECASE,
)
# Each word but where it is only the beginning or the end of another one: an author, a keyspace, a bypass.
_SENSITIVE_NAME = re.compile(
    r"(?<!by)(?<!com)pass(?!enger|ive|through)|pwd|(?:^|[_.-])pw(?:$|[_.-])|secret(?!ary|ari)|token(?!s$|i[sz])|"
    rf"(?:^|{NO_DATABASE_KEY}[_.-])key(?!space|board|word|cloak|map|note|stone|frame|[_.-]prefix)|apikey|credential|salt(?!stack)|licen[cs]e|private|dsn|"
    r"cookie|session|auth(?!or(?!i[sz]))|signature|webhook|database_url|redis_url|broker_url|(?:^|[_.-])pin(?:$|[_.-])",
    re.IGNORECASE,
)
# How long, how many, whether and in which way: no secret, even where the name says of what.
_MEASURE_NAME = re.compile(
    r".*[_.-](?:ttl|expir(?:y|es|e|ation)|max[_-]?age|lifetime|timeout|interval|seconds|minutes|hours|days|ms|length|rounds|"
    r"iterations|cost|count|limit|retries|attempts|min|max|size|port|enabled?|disabled?|required|secure|http_?only|rotation|"
    r"(?:expire|expires|expiration|valid)_(?:in|after)|in_(?:seconds|minutes|hours|days))",
    re.IGNORECASE,
)
_MANNER_NAME = re.compile(
    r".*[_.-](?:alg|algorithm|hasher|cipher|same_?site|method|driver|provider|engine|scheme|store)", re.IGNORECASE
)
_MANNER = re.compile(r"[a-z]{2,12}(?:[-_.][a-z]{2,12}){0,3}|[A-Za-z]{2,8}-?(?:1|2|128|192|256|384|512)")
# Where a secret is, by the name of its object or of its file.
_PLACE_NAME = re.compile(r".*secret[_.-]?name|.*[_.-](?:file|path|dir)", re.IGNORECASE)
_PLACE = re.compile(r"[a-z]{2,20}(?:-[a-z]{2,20}){0,5}|/[\w./-]{1,200}")
_OPTIONS_NAME = re.compile(r".*[_.-](?:options|opts|args|flags)", re.IGNORECASE)
# Names of what others call things: harmless where the value is a name itself.
_NAMING_NAME = re.compile(
    r"(?:.*[_.-])?(?:authors?|maintainers?|owner|team|company|organi[sz]ation|org|title|label|keyspace|db|dbname|database|"
    r"table|collection|bucket|queue|topics?|exchange|vhost|channel|stream|index|group|group_id|realm|tenant|app|role|release|"
    r"module|project|component|hosts|domains?|pgdatabase|keyboard|keymap|keywords?|tokenizer|from|sender|reply[_-]to|(?:pg)?user|username|image|"
    rf"(?:{'|'.join(_DATABASE_KEYS)})[_.-]key)",
    re.IGNORECASE,
)
# What a build left in an image: digests of what it took in, the commit it was made of.
_DIGEST_NAME = re.compile(r"(?:.*[_.-])?(?:sha|sha1|sha256|sha512|checksum|digest|commit|git_sha)", re.IGNORECASE)
_DIGEST = re.compile(r"(?:sha\d{1,3}:)?(?:[0-9a-f]{7,128}|[0-9A-F]{40})")
_NAMING = re.compile(r"\*|(?:[A-Za-z]{1,20}\d{0,2}|\d{1,4})(?:[-_. ](?:[A-Za-z]{1,20}\d{0,2}|\d{1,4})){0,5}")
_HARMLESS_VALUE = re.compile(
    r"true|false|yes|no|on|off|null|~|\d{1,5}|\d{1,5}(?:\.\d{1,3})?(?:m|s|h|ms|[KMG]i?|%)|", re.IGNORECASE
)
_PLAIN_WORD = re.compile(r"[A-Za-z]{1,12}")
_PLAIN_URL = re.compile(r"[a-z][a-z0-9+.-]{1,20}://[\w.:/\[\]-]*", re.IGNORECASE)
# A variable by its name, as a shell, a compose file and a workflow write it. By no other word after a `$`: a password
# may begin with one.
VARIABLE = (
    r"\$\{[A-Za-z_][\w.]*\}|\$\{\{[^{}\n]*\}\}|\$(?:env:)?[A-Z_][A-Z0-9_]*"
    r"|\$(?:[a-z]{1,20}_?){0,4}(?:[Pp]assword|[Ss]ecret|[Tt]oken|[Aa]pi_?[Kk]ey|_key|[a-z]Key)"
)
_REFERENCE = re.compile(rf"{VARIABLE}|<set to the key .*|<none>|\$\(\w+\)|\(v1:[\w.]+\)")
_PROGRAMS = (
    "sh|bash|ash|python3?|node|npm|npx|yarn|pnpm|java|ruby|php|go|uvicorn|gunicorn|hypercorn|flask|django|celery|nginx|"
    "httpd|postgres|mysqld|mongod|redis-server|sleep|cat|echo|true|false|tail|exec|env|dumb-init|tini|caddy|envoy|infinity"
)
_WORDS = (
    "run|start|serve|server|dev|prod|production|worker|web|api|main|app|migrate|beat|daemon|foreground|standalone|index"
)
_HARMLESS_WORD = re.compile(
    rf"(?:{_PROGRAMS}|{_WORDS})|\.{{0,2}}/[\w./@-]*|-{{1,2}}[A-Za-z][\w.-]*|[\w./-]+\.(?:py|js|mjs|cjs|ts|sh|jar|rb|php|conf|ini|ya?ml|toml|json)"
    r"|[a-z_][a-z0-9_]*(?:\.[a-z_][a-z0-9_]*)*:[a-z_][a-z0-9_]*"
)


def is_harmless(name: str, value: str) -> bool:
    """Return whether a setting of that name may be seen with that value."""
    value = value.strip().strip("\"'")
    if _REFERENCE.fullmatch(value) or not value or value in ("|", "|-", ">", ">-", "{}", "[]"):
        return True
    if name in ("PWD", "OLDPWD") and value.startswith("/"):  # where a shell stands
        return True
    if name == "GPG_KEY" and _DIGEST.fullmatch(value):  # the fingerprint of whoever signed a release
        return True
    if _SENSITIVE_NAME.search(name):
        return any(
            shape.fullmatch(value) and names.fullmatch(name)
            for shape, names in ((_HARMLESS_VALUE, _MEASURE_NAME), (_MANNER, _MANNER_NAME), (_PLACE, _PLACE_NAME))
        )
    if _HARMLESS_VALUE.fullmatch(value) or _PLAIN_URL.fullmatch(value):
        return True
    if name.lower().endswith("tokens"):  # how many; a list of them is hidden
        return value.isdecimal()
    if _OPTIONS_NAME.fullmatch(name):
        return value.startswith("-") and not any(hidden_words(value.split()))
    return bool(_HARMLESS_NAME.fullmatch(name)) or any(
        names.fullmatch(name) and shape.fullmatch(value)
        for names, shape in ((_NAMING_NAME, _NAMING), (_DIGEST_NAME, _DIGEST))
    )


def hidden_words(words: list[str]) -> list[bool]:
    """Return for each word of a container's command line, whether it has to be hidden."""
    result: list[bool] = []
    pending = ""
    for number, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if pending and not word.startswith("-"):
            result.append(not is_harmless(pending, word))
            pending = ""
            continue
        pending = ""
        if word.startswith("-") and equals:
            result.append(not is_harmless(flag.lstrip("-"), value))
        elif _HARMLESS_WORD.fullmatch(word):
            result.append(False)
            pending = flag.lstrip("-") if len(word) > 2 and word.startswith("--") else ""
        else:
            plain = number == 0 and re.fullmatch(r"[\w./-]{1,80}", word)
            result.append(not (plain or _HARMLESS_VALUE.fullmatch(word)))
    return result


def literals(objects: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Return every value of these objects that has to be hidden wherever it stands: also bare, where nothing gives it
    away.

    A plain word, such as the name of a database, is hidden only beside its setting: elsewhere it would take the names
    of objects and the paths of files with it.
    """
    return (value for name, value in _settings(objects) if _is_telling(name, value))


def is_hidden_bare(name: str, value: str) -> bool:
    """Return whether a setting's value has to be hidden wherever it stands, as `literals` has them."""
    return not is_harmless(name, value) and _is_telling(name, value)


def _is_telling(name: str, value: str) -> bool:
    return bool(_SENSITIVE_NAME.search(name)) or not _PLAIN_WORD.fullmatch(value)


def _settings(objects: Iterable[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Name and value of every setting that has to be hidden; the name is empty for an argument."""
    for item in objects:
        if item.get("kind") in ("ConfigMap", "Secret"):
            for name, value in {**(item.get("data") or {}), **(item.get("stringData") or {})}.items():
                if len(str(value).splitlines()) <= 1 and not is_harmless(name, str(value)):
                    yield name, str(value)
        for container in _containers(item):
            for entry in container.get("env") or ():
                if entry.get("value") and not is_harmless(str(entry.get("name", "")), str(entry["value"])):
                    yield str(entry.get("name", "")), str(entry["value"])
            words = [str(word) for word in (*(container.get("command") or ()), *(container.get("args") or ()))]
            for word, hide in zip(words, hidden_words(words), strict=True):
                if hide:
                    flag, equals, value = word.partition("=")
                    yield (flag, value) if word.startswith("-") and equals else ("", word)


def _containers(item: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    spec = item.get("spec") or {}
    template = (spec.get("jobTemplate") or {}).get("spec") or spec
    pod = (template.get("template") or {}).get("spec") or spec
    for key in ("containers", "initContainers", "ephemeralContainers"):
        yield from pod.get(key) or ()


def spans(text: str) -> Iterator[Span]:
    """Yield where a value stands that has to be hidden."""
    yield from _json(text)
    for pattern in (_TURNED, _YAML_TURNED, _BARE, _KEYED, _GO_MAP, _VALIDATED, _INPUT, _RECEIVED):
        for match in pattern.finditer(text):
            if (
                match["value"]
                and not (pattern in (_INPUT, _RECEIVED) and _TYPE_WORD.fullmatch(match["value"]))
                and not _LOG_WORDS.fullmatch(match["name"])
                and not is_harmless(match["name"], match["value"])
            ):
                yield *match.span("value"), "ENV"
    if _GO_SECRET.search(text):
        for held in _GO_DATA.finditer(text):
            for entry in re.finditer(r"[\w.-]+:(\S+)", held[1]):
                yield held.start(1) + entry.start(1), held.start(1) + entry.end(1), "SECRET"
    for match in _GIVEN.finditer(text):
        if _SENSITIVE_NAME.search(match["name"]) and not is_harmless(match["name"], match["value"]):
            yield *match.span("value"), "ENV"
    secret = bool(_SECRET_KIND.search(text))
    for held in _FLOW.finditer(text):
        for entry in _FLOW_ENTRY.finditer(text, *held.span("held")):
            if secret or not is_harmless(entry["name"], entry["value"]):
                yield *entry.span("value"), "SECRET" if secret else "ENV"
    yield from _lines(text)


def _json(text: str) -> Iterator[Span]:
    for match in _PAIR.finditer(text):
        if not is_harmless(match["name"], match["value"]):
            yield *match.span("value"), "ENV"
    for head in _LIST.finditer(text):
        items = list(_run(_ITEM, text, head.end()))
        for item, hide in zip(items, hidden_words([item["value"] for item in items]), strict=True):
            if hide and item["value"]:
                yield *item.span("value"), "ARGUMENT"
    secret = bool(re.search(rf"{_Q}kind{_Q}\s{{0,40}}:\s{{0,40}}{_Q}Secret{_Q}", text))
    for head in _MAP.finditer(text):
        for entry in _run(_ENTRY, text, head.end()):
            if entry["value"] and (secret or not is_harmless(entry["name"], entry["value"])):
                yield *entry.span("value"), "SECRET" if secret else "ENV"


def _run(pattern: re.Pattern[str], text: str, position: int) -> Iterator[re.Match[str]]:
    """Return matches that follow one another without a gap."""
    while match := pattern.match(text, position):
        yield match
        position = match.end()


class _Block:
    """A list or a mapping that is being read line by line."""

    def __init__(self, kind: str, indent: int) -> None:
        self.kind = kind
        self.indent = indent
        self.items: list[tuple[int, int, str]] = []
        self.scalar: tuple[str, int] | None = None  # name and indent of a value of many lines


def _lines(text: str) -> Iterator[Span]:
    position = 0
    name, name_at = "", -1
    block: _Block | None = None
    secret = bool(_SECRET_KIND.search(text))
    for number, raw in enumerate(text.split("\n")):
        line = raw.removeprefix("| ")
        offset = position + len(raw) - len(line)
        position += len(raw) + 1
        indent = len(line) - len(line.lstrip())
        if block is not None:
            done, found = _inside(block, line, indent, offset, secret=secret)
            yield from found
            if not done:
                continue
            yield from _arguments(block)
            block = None
        if match := _YAML_NAME.match(line):
            name, name_at = match["name"], number
        elif (match := _YAML_VALUE.match(line)) and name and name_at == number - 1:
            if match["value"][:1] in "|>":
                block = _Block("value", indent)
                block.scalar = (name, indent)
            elif not is_harmless(name, match["value"]):
                yield offset + match.start("value"), offset + match.end("value"), "ENV"
        else:
            block = _opened(line, indent)
            if block and block.kind in ("args", "describe args"):
                yield from _flow(line, offset)
    if block is not None:
        yield from _arguments(block)


def _opened(line: str, indent: int) -> _Block | None:
    """Return the block that a line opens, if it opens one."""
    if match := _YAML_HEAD.match(line):
        kind = "args" if match["key"] in ("args", "command") else "data"
        return (
            _Block(kind, indent + 2 * line.lstrip().startswith("- ")) if not match["rest"] or kind == "args" else None
        )
    if match := _DESCRIBE_HEAD.match(line):
        if match["rest"] and match["rest"] != "<none>":
            return None
        return _Block("describe env" if match["key"] == "Environment" else "describe args", indent)
    if _SET_ENV_HEAD.match(line):
        return _Block("set env", -1)
    if line == "====":
        return _Block("described data", -1)
    return None


def _flow(line: str, offset: int) -> Iterator[Span]:
    """Yield words of `args: [a, "b"]`, on the line of its head."""
    start = line.find("[")
    if start < 0:
        return
    found = [
        (match.start(), match.end(), match[0].strip("\"'"))
        for match in re.finditer(r"\"(?:[^\"\\]|\\.)*\"|'[^']*'|[^\s,\[\]\"'][^,\[\]]*", line[start:])
    ]
    for (begin, end, _), hide in zip(found, hidden_words([word for _, _, word in found]), strict=True):
        if hide:
            yield offset + start + begin, offset + start + end, "ARGUMENT"


def _inside(block: _Block, line: str, indent: int, offset: int, *, secret: bool) -> tuple[bool, list[Span]]:
    """Return (whether the block ended before this line, what of the line is hidden)."""
    if block.kind == "described data":
        return _described(block, line, offset)
    if not line.strip():
        return block.kind == "set env", []
    if block.scalar:
        name, least = block.scalar
        if indent > least:
            hide = not is_harmless(name, line) and line.strip()
            return False, [(offset + indent, offset + len(line.rstrip()), "ENV")] if hide else []
        block.scalar = None
        if block.kind == "value":
            return True, []
    if block.kind == "set env":
        match = _SET_ENV.match(line)
        if not match:
            return not line.startswith("#"), []
        return False, _setting(match, offset, "ENV", secret=False)
    if block.kind == "args" and (match := _YAML_ITEM.match(line)) and indent >= block.indent:
        block.items.append((offset + match.start("value"), offset + match.end("value"), match["value"].strip("\"'")))
        return False, []
    if indent <= block.indent:
        return True, []
    if block.kind in ("args", "describe args"):
        block.items.append((offset + indent, offset + len(line.rstrip()), line.strip().strip("\"'")))
        return False, []
    match = (_DESCRIBE_ENTRY if block.kind == "describe env" else _YAML_ENTRY).match(line)
    if not match:
        return False, []
    if re.match(r"(?:!\S+ +)?[|>]", match["value"]) and block.kind == "data":
        block.scalar = (match["name"], indent)
        return False, []
    return False, _setting(match, offset, "SECRET" if secret and block.kind == "data" else "ENV", secret=secret)


def _setting(match: re.Match[str], offset: int, kind: str, *, secret: bool) -> list[Span]:
    if not match["value"] or (not secret and is_harmless(match["name"], match["value"])):
        return []
    return [(offset + match.start("value"), offset + match.end("value"), kind)]


def _described(block: _Block, line: str, offset: int) -> tuple[bool, list[Span]]:
    """Return a ConfigMap as `kubectl describe` prints it: NAME:, four dashes, the value."""
    if line in ("BinaryData", "Events:") or line.startswith("Events:"):
        return True, []
    if match := _DATA_NAME.match(line):
        block.items = [(0, 0, match["name"])]
        return False, []
    if line == "----" or not line.strip() or not block.items:
        return False, []
    hide = not is_harmless(block.items[0][2], line)
    return False, [(offset, offset + len(line.rstrip()), "ENV")] if hide else []


def _arguments(block: _Block) -> Iterator[Span]:
    if block.kind not in ("args", "describe args"):
        return
    for (start, end, _), hide in zip(block.items, hidden_words([word for *_, word in block.items]), strict=True):
        if hide and end > start:
            yield start, end, "ARGUMENT"
