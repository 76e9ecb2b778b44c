"""Arguments as helm and kubectl read them: options that take lists split them at commas, as CSV."""

from __future__ import annotations

import re
from collections.abc import Iterable
from os.path import relpath
from pathlib import Path

_NO_CODE = re.compile(r"%(?![0-9A-Fa-f]{2})")


def one_file(path: str | Path) -> str:
    """Return a path as one item of an option that takes a list, such as `--values` and `--filename`."""
    text = str(path)
    return '"' + text.replace('"', '""') + '"' if any(sign in text for sign in ',"\n\r') else text


def values_options(files: Iterable[str | Path]) -> list[str]:
    """Return the words that give helm values files, in order.

    helm takes each for a URL first, and ends at a % that begins no code: seen from here, there mostly is none.
    """
    seen = (relpath(file) if _NO_CODE.search(str(file)) else file for file in files)
    return [word for file in seen for word in ("--values", one_file(file))]
