"""Files of the configuration: read, lay over one another, check. What is wrong is said as `file: key.path: …`."""

from __future__ import annotations

import difflib
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.errors import SettingsError, UserError
from scripts.host.files import read_text, write_whole
from scripts.host.parsing import Unreadable, from_yaml
from scripts.host.paths import cache_folder, relative

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError

LONGEST = 300  # characters of the library's own words, which quote a value whole
REMEMBERED = 64  # documents that are known to fit


def overlay(base: Any, top: Any) -> Any:
    """Return `top` laid over `base`: mappings merge key by key, everything else is replaced."""
    if isinstance(base, Mapping) and isinstance(top, Mapping):
        merged = dict(base)
        for key, value in top.items():
            merged[key] = overlay(base[key], value) if key in base else value
        return merged
    return top


def read(file: Path, root: Path) -> dict[str, Any]:
    """Return a YAML file that holds a mapping. Raises SettingsError naming file, line and remedy."""
    name = relative(file, root)
    try:
        data = from_yaml(read_text(file), strict=True)
    except FileNotFoundError:
        raise SettingsError(f"{name}: missing", f"restore it: git checkout -- {name}") from None
    except OSError as error:
        raise SettingsError(f"{name}: cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise SettingsError(f"{name}: not UTF-8 at byte {error.start}", "save the file as UTF-8") from None
    except Unreadable as error:
        where = f" line {error.line}, column {error.column}:" if error.line else ""
        raise SettingsError(f"{name}:{where} not valid YAML: {error.problem}", "correct that line") from None
    if not isinstance(data, dict):
        kind = "empty" if data is None else f"a {type(data).__name__}"
        raise SettingsError(f"{name}: must be a mapping of keys, is {kind}", "see the comments in the original file")
    return data


def check(data: Any, schema: Mapping[str, Any], file: str) -> None:
    """Validate `data`, raising one SettingsError that lists every problem as `file: key.path: …`.

    Data that was found to fit is remembered by a digest of itself and the schema.
    """
    mark = hashlib.sha256(repr((data, schema)).encode(errors="surrogatepass")).hexdigest()
    if mark in _fitting():
        return
    errors = sorted(_problems(data, schema), key=lambda error: [str(part) for part in error.absolute_path])
    if errors:
        lines = dict.fromkeys(f"{file}: {line}" for error in errors for line in _explain(error))
        raise SettingsError("\n".join(lines))
    with suppress(OSError, UserError):  # what cannot be remembered is validated again
        write_whole(_memory(), "\n".join([*_fitting(), mark][-REMEMBERED:]) + "\n")


def _problems(data: Any, schema: Mapping[str, Any]) -> Iterator[ValidationError]:
    """Yield what a schema says against data.

    Stricter than the library in two things: a name ends where its pattern does, since Python's `$` lets the end of a
    line through, which a block of YAML (`name: |`) leaves there; and 1.0 is no whole number, since it is written so.
    """
    import jsonschema  # a tenth of a second to import: what was seen before does without

    usual = jsonschema.Draft202012Validator

    def pattern(_: object, rule: str, value: object, __: object) -> Iterator[ValidationError]:
        if isinstance(value, str) and not re.search(re.sub(r"(?<!\\)\$", r"\\Z", rule), value):
            yield jsonschema.ValidationError(f"{value!r} does not match {rule!r}")

    def is_whole(_: object, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool)

    kinds = usual.TYPE_CHECKER.redefine("integer", is_whole)
    extend: Any = jsonschema.validators.extend  # untyped, as its stubs have it
    strict = extend(usual, {"pattern": pattern}, type_checker=kinds)
    yield from strict(schema).iter_errors(data)


def _memory() -> Path:
    return cache_folder("settings") / "fitting"


def _fitting() -> list[str]:
    """Return the digests of what fits its schema, the newest last."""
    try:
        return _memory().read_text(encoding="ascii", errors="replace").split()
    except (OSError, UserError):
        return []


def _explain(error: ValidationError) -> list[str]:
    path = ".".join(str(part) for part in error.absolute_path)
    value: Any = error.instance
    rule: Any = error.validator_value
    schema: Mapping[str, Any] = error.schema if isinstance(error.schema, Mapping) else {}
    meaning = schema.get("description", "")
    if error.validator == "additionalProperties" and isinstance(value, Mapping) and rule is False:
        known = list(schema.get("properties", {}))
        return [_unknown_key(path, str(key), known) for key in value if key not in known]
    if error.validator == "required":
        missing = [key for key in rule if key not in value]
        return [f"{_join(path, key)}: missing, add it" for key in missing]
    shown = json.dumps(value, default=str, ensure_ascii=False)
    shown = re.sub(r"(?<=:)[^\s:/@\"]+(?=@(?!sha))", "…", shown)  # a password in an address
    shown = shown if len(shown) <= 60 else shown[:57] + "..."
    if error.validator == "enum":
        allowed = ", ".join(map(str, rule))
        close = difflib.get_close_matches(str(value), map(str, rule), 1)
        return [
            f"{path}: {shown} is not allowed, choose one of: {allowed}" + (f" (meant {close[0]}?)" if close else "")
        ]
    if error.validator == "type":
        return [f"{path or '(top level)'}: must be {_article(rule)}, is {shown}"]
    if error.validator == "pattern":
        return [f"{path}: {shown} does not fit: {meaning or 'must match ' + rule}"]
    told = error.message if len(error.message) <= LONGEST else error.message.replace(repr(value), shown)[:LONGEST]
    return [f"{path or '(top level)'}: {told}" + (f" ({meaning})" if meaning else "")]


def _unknown_key(path: str, key: str, known: list[str]) -> str:
    close = difflib.get_close_matches(key, known, 1, cutoff=0.5)
    advice = f"did you mean {close[0]}?" if close else f"allowed are: {', '.join(known)}"
    return f"{_join(path, key)}: unknown key, {advice}"


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key


def _article(kind: str | list[str]) -> str:
    names = {"object": "a mapping", "array": "a list", "string": "a text", "integer": "a whole number"}
    kinds = [kind] if isinstance(kind, str) else kind
    return " or ".join(names.get(name, f"a {name}") for name in kinds)
