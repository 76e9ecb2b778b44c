"""The app's file: written with its reasons beside it, compared with what was written last, hand-made changes kept."""

from __future__ import annotations

import copy
import difflib
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

_ABSENT = object()


class _Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc] # the fast one, with libyaml
    """YAML as a person writes it: no anchors, short lists in one line."""

    def ignore_aliases(self, data: Any) -> bool:
        """Say that nothing is written as a reference."""
        return True


def _sequence(dumper: Any, data: list[Any]) -> Any:
    short = all(not isinstance(item, dict | list) for item in data) and sum(len(str(item)) for item in data) < 80
    return dumper.represent_sequence("tag:yaml.org,2002:seq", data, flow_style=short)


_Dumper.add_representer(list, _sequence)


def dump(data: Mapping[str, Any], reasons: Sequence[tuple[str, str, str]], head: str) -> str:
    """Return the file: a head, why each thing is as it is, and the data."""
    lines = [f"# {line}" if line else "#" for line in head.splitlines()]
    lines += ["#", "# What rests on what:"] if reasons else []
    lines += [f"#   {key}: {what}  <- {place}"[:240] for key, what, place in reasons]
    text = yaml.dump(dict(data), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110)
    return "\n".join(lines) + "\n" + text


def merge(old: Mapping[str, Any], before: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is inferred now, with what a person changed since the last time: `before` is what was
    inferred then.
    """
    return dict(_merged(old, before, new))


def _merged(old: Any, before: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(before, Mapping | type(None)) and isinstance(new, Mapping):
        ground = before or {}
        found: dict[str, Any] = {}
        for key in [*new, *(key for key in old if key not in new)]:
            value = _merged_key(old.get(key, _ABSENT), ground.get(key, _ABSENT), new.get(key, _ABSENT))
            if value is not _ABSENT:
                found[key] = value
        return found
    return _merged_key(old, before, new)


def _merged_key(old: Any, before: Any, new: Any) -> Any:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return _merged(old, before if isinstance(before, Mapping) else {}, new)
    return new if old == before else old if old is _ABSENT else copy.deepcopy(old)


def difference(old: str, new: str, name: str) -> str:
    """Return what changes in the file, as a unified difference; empty where nothing does."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), f"{name} (now)", f"{name} (adopted)", lineterm="")
    return "\n".join(lines)
