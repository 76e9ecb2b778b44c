"""Read Python sources of any version: what only a newer Python's grammar takes is written in the older one's first.

Columns change, lines do not. Of what stands in the fields of such an f-string, backslashes and comments are left out.
"""

from __future__ import annotations

import ast
import re
import warnings
from functools import lru_cache

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
_STRING = re.compile(r"(?i)(?<!\w)([rbuft]{0,2})(\"\"\"|'''|\"|')")
_GENERIC = re.compile(r"(?:(?:async[ \t]+)?def|class)[ \t]+\w+[ \t]*(?=\[)")
_ALIAS = re.compile(r"type[ \t]+(\w+)[ \t]*(?=\[|=(?!=))")
_EXCEPT = re.compile(r"except\*?[ \t]+(?=[^(:\n]*,)")
_COMMENT = re.compile(r"[^\n]*")
_WORD = re.compile(r"\w+|[ \t.,+*/%&|<>@-]+|\\\r?\n|(?s:.)")
_LITERAL = re.compile(r"\{\{|\}\}|\\N\{[^}\n]*\}|\\(?!\{)(?s:.)|(?s:.)")  # of an f-string, beside its fields
_MARKS = frozenset("rbuftRBUFT\"'")
_OPENING, _CLOSING = "([{", ")]}"


def parse(text: str) -> ast.Module:
    """Return a file's syntax tree. Raises one of UNREADABLE where no version of Python takes it."""
    return _read(text)[0]


def since(text: str) -> int:
    """Return the minor version of Python 3 from which on it takes a file; 0 for any, and for what none takes."""
    try:
        return _read(text)[1]
    except UNREADABLE:
        return 0


def wrong(text: str) -> tuple[int, str] | None:
    """Return the line at which every Python refuses to load a file, and why; None for one that can be loaded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(_read(text)[0], "file", "exec", dont_inherit=True)
    except SyntaxError as error:
        return error.lineno or 1, error.msg
    except ValueError as error:
        return 1, str(error)
    except (RecursionError, MemoryError):  # of ours, who knows of another one
        return None
    return None


@lru_cache(maxsize=2000)
def _read(text: str) -> tuple[ast.Module, int]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text), 0
        except SyntaxError as error:
            reader = _Reader(text)
            try:
                return ast.parse(reader.code(top=True)), reader.since
            except SyntaxError as other:  # what is newer was left behind, so this one lies in what none takes
                raise (other if reader.since else error) from None


class _Reader:
    """Writes the code of a text anew, from the start to the end; `since` is the version that it takes by then."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = self._string_at = 0
        self.since = 0

    def code(self, ends: str = "", *, top: bool = False, field: bool = False) -> str:
        """Return code up to one of the marks `ends` that no bracket holds, without it; in a `field` of an f-string as
        older versions want it there.
        """
        written: list[str] = []
        depth, first = 0, top
        while self._at < len(self._text):
            letter = self._text[self._at]
            if not depth and letter in ends and self._text[self._at : self._at + 2] not in ("!=", ":="):
                break
            if letter == "#":
                comment = self._take(_COMMENT)
                written += [] if field else [comment]
            elif letter in _MARKS and (match := _STRING.match(self._text, self._at)):
                written.append(self._string(match, field=field))
                first = False
            elif first and not depth and (statement := self._statement()):
                written.append(statement)
                first = False
            else:
                depth += (letter in _OPENING) - (letter in _CLOSING)
                first = top and (letter in "\n;" or (first and letter in " \t\f") or (letter == ":" and not depth))
                word = self._take(_WORD)
                if field and "\n" in word:
                    self._needs(12)
                    word = word.replace("\\", " ")
                written.append(word)
        return "".join(written)

    def _needs(self, minor: int) -> None:
        self.since = max(self.since, minor)

    def _take(self, pattern: re.Pattern[str]) -> str:
        match = pattern.match(self._text, self._at)
        self._at = match.end() if match else self._at + 1
        return match[0] if match else ""

    def _statement(self) -> str:
        """Return the newer beginning of a statement in the older form; empty for another one."""
        if match := _GENERIC.match(self._text, self._at):
            self._at = match.end()
            return match[0] + self._parameters()
        if match := _ALIAS.match(self._text, self._at):
            self._at = match.end()
            self._needs(12)
            return f"{match[1]} {self._parameters() if self._text[self._at] == '[' else ''}"
        if match := _EXCEPT.match(self._text, self._at):
            self._at = match.end()
            self._needs(14)
            return f"{match[0]}({self.code(':')})"
        return ""

    def _parameters(self) -> str:
        """Leave out the parameters of a type, in brackets, but for their ends of lines."""
        self._at += 1
        said = self.code("]")
        self._at += 1
        self._needs(13 if re.search(r"(?<![=!<>])=(?!=)", said) else 12)
        return "\\\n" * said.count("\n")

    def _string(self, match: re.Match[str], *, field: bool) -> str:
        start, prefix, mark = self._at, match[1].lower(), match[2]
        self._at = match.end()
        if not set("ft") & set(prefix):
            body = self._take(re.compile(rf"(?s)(?:\\.|(?!{mark}).)*{mark}"))
            if field and "\\" in body:
                self._needs(12)
                body = re.sub(r"(?s)\\.", "  ", body)
            return match[0] + body
        self._string_at = self._string_at if field else start
        before, self.since = self.since, 14 if "t" in prefix else 0
        body = self._fields(mark)
        if self.since:  # the mark of one within a field is the other kind's
            free = not field and mark[0] * 3 not in body
            mark = mark[0] * 3 if free else "'''" if mark[0] == '"' else '"""'
        self._needs(before)
        return re.sub("[tT]", "f", match[1]) + mark + body + mark

    def _fields(self, mark: str, *, spec: bool = False) -> str:
        """Return the inside of an f-string up to its end, which is read over; of a format up to the field's."""
        written: list[str] = []
        while self._at < len(self._text):
            here = self._text[self._at]
            if spec and here == "}":
                return "".join(written)
            if not spec and self._text.startswith(mark, self._at):
                self._at += len(mark)
                return "".join(written)
            if here == "\n" and len(mark) == 1:
                break
            if here == "{" and (spec or not self._text.startswith("{{", self._at)):
                written.append(self._field(mark))
            else:
                written.append(self._take(_LITERAL))
        line = self._text.count("\n", 0, self._string_at) + 1
        raise SyntaxError("an f-string without an end", ("file", line, 0, ""))

    def _field(self, mark: str) -> str:
        self._at += 1
        start = self._at
        said = self.code("}:!", field=True)
        if mark in self._text[start : self._at] or "#" in self._text[start : self._at]:
            self._needs(12)
        if self._text.startswith("!", self._at):
            said += self._take(re.compile(r"!\s*\w+\s*"))
        if self._text.startswith(":", self._at):
            self._at += 1
            said += ":" + self._fields(mark, spec=True)
        self._at += 1
        return f"{{{said}}}"
