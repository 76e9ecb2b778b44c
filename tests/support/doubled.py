"""What stand-ins of programs share: they read their words as pflag does, and note how they were called.

They run without any package (`python -ES`), so only the standard library is used here.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

HERE = Path(sys.argv[0]).resolve().parent


def parse(words: list[str], flags: Mapping[str, bool]) -> tuple[dict[str, str], list[str]]:
    """Return (flags, positional words), or end as pflag does. `flags` says of each whether it takes a value."""
    given: dict[str, str] = {}
    plain: list[str] = []
    words = list(words)
    while words:
        word = words.pop(0)
        if word == "--":
            return given, plain + words
        if not word.startswith("-") or word == "-":
            plain.append(word)
            continue
        if not word.startswith("--"):
            sys.exit(f"unknown shorthand flag: {word!r} in {word}")
        name, equals, value = word[2:].partition("=")
        if name not in flags:
            sys.exit(f"Error: unknown flag: --{name}")
        if not equals:
            if flags[name] and not words:
                sys.exit(f"Error: flag needs an argument: --{name}")
            value = words.pop(0) if flags[name] else "true"
        elif not flags[name] and value not in ("true", "false"):
            sys.exit(f"Error: invalid argument {value!r} for --{name}")
        given[name] = value
    return given, plain


def record(name: str, **what: Any) -> dict[str, Any]:
    """Note how the program was called, for the test to read; returns it."""
    stdin = "" if sys.stdin.isatty() else sys.stdin.read()
    entry = {"argv": sys.argv[1:], "stdin": stdin, "env": dict(os.environ)} | what
    (HERE / f"{name}.called.json").write_text(json.dumps(entry))
    return entry


def answer(name: str) -> NoReturn:
    """Say what the test wants to be said, and end."""
    file = HERE / f"{name}.answer.json"
    said = json.loads(file.read_text()) if file.exists() else {"out": "## Cause\nnothing\n"}
    time.sleep(said.get("sleep", 0))
    sys.stdout.write(said.get("out", ""))
    sys.stderr.write(said.get("err", ""))
    sys.exit(said.get("code", 0))
