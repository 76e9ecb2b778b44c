"""Explain mistakes in the settings and options that invoke reads by itself, as file, key and remedy.

These are ~/.invoke.yaml and its like in /etc, invoke.yaml of a checkout, and variables that begin with INVOKE_. invoke
has no words of its own for a mistake in one of them: its frames say which file and which key it was at.
"""

from __future__ import annotations

import json
import traceback
from collections.abc import Sequence
from types import FrameType, TracebackType

READS, MERGES, VARIABLE = "_load_file", "_merge_file", "_path_set"  # functions of invoke, by what they do
HOME_HINT = "set HOME to a folder of your own"


def explain(fault: BaseException, trace: TracebackType | None) -> str:
    """Return what to say of a fault that came from invoke's settings or options; nothing of any other."""
    places = ("invoke.config", "invoke.env")
    walked = [frame for frame, _ in traceback.walk_tb(trace)]
    frames = [frame for frame in walked if frame.f_globals.get("__name__") in places]
    if not frames:
        return _option(fault, walked)
    file = _file(frames)
    problem, remedy = _problem(fault, frames)
    where = file or _variable(frames) or "invoke cannot use its settings"
    if isinstance(fault, NotADirectoryError):
        problem, remedy = "cannot be read: something in its path is no folder", HOME_HINT
    return f"error: {where}: {problem}\n  {remedy}"


def _option(fault: BaseException, frames: Sequence[FrameType]) -> str:
    """Return what to say of a value that an option of invoke's own does not take; nothing of any other fault."""
    for frame in frames:
        known, name = frame.f_locals, frame.f_globals.get("__name__")
        if name == "invoke.parser.argument" and isinstance(fault, ValueError) and "value" in known:
            value, option = known["value"], known["self"].name
            return f"error: --{option}: {value!r} is no number\n  give one, for instance --{option}=60"
        if name == "invoke.program" and isinstance(fault, AttributeError) and "list_" in str(fault):
            return f"error: --list-format: {known['self'].list_format} is none\n  choose one of: flat, nested, json"
    return ""


def _file(frames: Sequence[FrameType]) -> str:
    """Return the file that was read or merged, as far as invoke had come."""
    for frame in reversed(frames):
        known = frame.f_locals
        if frame.f_code.co_name == READS and "filepath" in known:
            return str(known["filepath"])
        if frame.f_code.co_name == MERGES and "name" in known:
            return str(getattr(known["self"], f"_{known['name']}_path", ""))
    return ""


def _variable(frames: Sequence[FrameType]) -> str:
    keys = next((frame.f_locals.get("key_path") for frame in frames if frame.f_code.co_name == VARIABLE), None)
    return "_".join(["INVOKE", *(str(key).upper() for key in keys)]) if keys else ""


def _problem(fault: BaseException, frames: Sequence[FrameType]) -> tuple[str, str]:
    """Return what is wrong, with the key or the line, and what to do."""
    mark = getattr(fault, "problem_mark", None)
    if mark:
        return f"line {mark.line + 1}: not valid YAML: {getattr(fault, 'problem', '')}", "correct that line"
    if isinstance(fault, json.JSONDecodeError):
        return f"line {fault.lineno}: not valid JSON: {fault.msg}", "correct that line"
    if isinstance(fault, SyntaxError):
        return f"line {fault.lineno}: not valid Python: {fault.msg}", "correct that line"
    if isinstance(fault, UnicodeDecodeError):
        return f"not UTF-8 at byte {fault.start}", "save the file as UTF-8"
    if isinstance(fault, OSError) and fault.strerror:
        return f"cannot be read: {fault.strerror}", "make it a file that you may read, or move it away"
    merging = [frame.f_locals for frame in frames if frame.f_code.co_name == "merge_dicts"]
    if merging and isinstance(fault, AttributeError):
        return "must be a mapping of keys", "correct the file, or move it away"
    if keys := [str(known["key"]) for known in merging if "key" in known]:
        kind = (
            "must be a mapping of keys" if isinstance(merging[-1]["base"][merging[-1]["key"]], dict) else "has no keys"
        )
        return f"{'.'.join(keys)}: {kind}", "correct that key, or remove it"
    said = f"{type(fault).__name__}: {next(iter(str(fault).splitlines()), '')}"[:300]
    return said, "correct invoke.yaml, ~/.invoke.yaml, /etc/invoke.yaml, or the variable that begins with INVOKE_"
