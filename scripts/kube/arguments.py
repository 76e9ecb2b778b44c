"""Arguments as helm and kubectl read them: options that take lists split them at commas, as CSV."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path


def one_file(path: str | Path) -> str:
    """Return a path as one item of an option that takes a list, such as `--values` and `--filename`."""
    text = str(path)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n\r') else text


def values_options(files: Iterable[str | Path]) -> list[str]:
    """Return the words that give helm values files, in order."""
    return [word for file in files for word in ("--values", one_file(file))]
