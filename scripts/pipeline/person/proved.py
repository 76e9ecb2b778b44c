"""Remember at which revisions a page's own forms were played, all of them well: they are not played again at these."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from scripts.host.files import write_whole
from scripts.host.paths import state_folder
from scripts.host.remembered import read_record

MOST = 50  # installations; of an older one the forms are played once more


def holds(installation: str, revisions: Mapping[str, int], page: str) -> bool:
    """Return whether the forms of a page at this address were played well at these very revisions."""
    return read_record(_file()).get(installation) == _proof(revisions, page)


def note(installation: str, revisions: Mapping[str, int], page: str) -> None:
    """Remember that they were. Where that cannot be written down, they are played again."""
    known = {place: proof for place, proof in read_record(_file()).items() if place != installation}
    newest = dict([*known.items(), (installation, _proof(revisions, page))][-MOST:])
    with suppress(OSError):
        _file().parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_whole(_file(), json.dumps(newest))


def _proof(revisions: Mapping[str, int], page: str) -> dict[str, Any]:
    return {"revisions": dict(revisions), "page": page}


def _file() -> Path:
    return state_folder("pages", "proved.json")
