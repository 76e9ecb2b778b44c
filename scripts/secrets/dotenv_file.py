"""Files of NAME=value lines, in the dialect of python-dotenv: comments, quotes, export, long lines, references."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from io import StringIO
from pathlib import Path

from scripts.errors import SettingsError
from scripts.host import files

_MARKS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16", b"\xef\xbb\xbf": "utf-8-sig"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_REFERENCE = re.compile(r"\$\{([^}:]+)\}")  # with no value of its own for where there is none
_FOREIGN = re.compile(r"\$\{(\w+:[?+][^}]*)\}")  # as a shell and a compose file put a value in; nothing here does


def read(file: Path, name: str) -> dict[str, str]:
    """Return the variables of a file, none where there is no such file. Raises SettingsError naming what is wrong."""
    try:
        content = files.read_bytes(file)
    except FileNotFoundError:
        return {}
    except IsADirectoryError:
        raise SettingsError(f"{name}: is a folder, not a file", f"move it away: {file}") from None
    except OSError as error:
        raise SettingsError(f"{name}: cannot be read: {error.strerror}", f"make it readable: {file}") from None
    return parse(decoded(content, name), name)


def decoded(content: bytes, name: str) -> str:
    """Return the text of a file: UTF-8, or UTF-16 with its mark. Raises SettingsError naming the line of the rest."""
    encoding = next((one for mark, one in _MARKS.items() if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise SettingsError(f"{name}: line {line}: not UTF-8", "save the file as UTF-8") from None
    if "\0" in text:
        raise SettingsError(
            f"{name}: line {text[: text.index(chr(0))].count(chr(10)) + 1}: not UTF-8", "save it as UTF-8"
        )
    return text


def parse(text: str, name: str) -> dict[str, str]:
    """Return the variables in a text. Raises SettingsError naming a line that is none, without showing it."""
    if not text.strip():
        return {}
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    for one in parse_stream(StringIO(text)):
        alone = one.key is not None and one.value is None and not _NAME.fullmatch(one.key)
        line = one.original.line + _blank_lines(one.original.string)
        if one.key and any(unicodedata.category(sign) == "Cf" for sign in one.key):
            told = one.key.encode("ascii", "backslashreplace").decode()
            raise SettingsError(f"{name}: line {line}: {told}: a name with an invisible sign", "write the name anew")
        if one.error or alone:
            raise SettingsError(f"{name}: line {line}: not NAME=value", "correct that line, or quote its value")
    found = dotenv_values(stream=StringIO(text))
    written = dotenv_values(stream=StringIO(text), interpolate=False)
    given = {key: value for key, value in found.items() if value is not None}
    return given | _unresolved(written)


class Unresolved(str):
    """A value as it is written, which refers to a variable (`lacks`) that nothing before its line gives."""

    lacks: str


def _unresolved(written: Mapping[str, str | None]) -> dict[str, str]:
    """Return the values that refer to a variable which neither an earlier line nor the environment gives."""
    found: dict[str, str] = {}
    known = set(os.environ)
    for key, value in written.items():
        lacking = [name for name in _REFERENCE.findall(value or "") if name not in known]
        if lacking := lacking + _FOREIGN.findall(value or ""):
            found[key] = kept = Unresolved(value or "")
            kept.lacks = lacking[0]
        known.add(key)
    return found


def _blank_lines(text: str) -> int:
    """Return how many empty lines a statement begins with."""
    return (
        len(text) - len(text.lstrip("\r\n")) if "\r" not in text else text[: len(text) - len(text.lstrip())].count("\n")
    )
