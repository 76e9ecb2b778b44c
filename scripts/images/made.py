"""Remember which images were made here, beside the user's other state: by its tag alone one may be a person's.

Whoever gives an image of their own sixteen digits for a tag, in one of the app's repositories, finds it again.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from scripts.host.paths import state_folder


def known() -> set[str]:
    """Return the references of images that were made here; none where nobody can tell."""
    try:
        return set(_file().read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return set()


def note(refs: Iterable[str]) -> None:
    """Remember references. Images of which that cannot be written down stay for good."""
    if new := sorted(set(refs) - known()):
        with suppress(OSError):
            _file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with _file().open("a", encoding="utf-8") as record:
                record.write("".join(f"{ref}\n" for ref in new))


def _file() -> Path:
    return state_folder("images", "made")
