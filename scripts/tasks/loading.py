"""Load invoke without three modules that take half of its start.

It has `unittest.mock` for tests of tasks alone, `importlib.metadata` for its own version, which the name of a folder
beside it says, too, and a PyYAML of its own beside ours, for settings that few people have.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any


def load_invoke() -> None:
    """Import invoke, with a class in place of `Mock` that becomes the real one where a `MockContext` is made."""
    if "invoke" in sys.modules:
        return
    stand_ins: dict[str, dict[str, Any]] = {
        "unittest.mock": {"Mock": _mock},
        "invoke.vendor.yaml": {"__getattr__": lambda name: getattr(import_module("yaml"), name)},
    }
    if version := _version():
        stand_ins["importlib.metadata"] = {"version": lambda package: version}
    with ExitStack() as loaded:
        for name in stand_ins.keys() - sys.modules:
            sys.modules[name] = ModuleType(name)
            vars(sys.modules[name]).update(stand_ins[name])
            loaded.callback(sys.modules.pop, name)
        import invoke  # noqa: F401


def _mock(*words: Any, **named: Any) -> Any:
    from unittest.mock import Mock

    return Mock(*words, **named)


def _version() -> str:
    """Return invoke's version by the folder in which its installer noted it (PEP 376); empty where there is none."""
    spec = find_spec("invoke")
    place = Path(spec.origin).parent.parent if spec and spec.origin else None
    noted = [path.stem.removeprefix("invoke-") for path in place.glob("invoke-*.dist-info")] if place else []
    return noted[0] if len(noted) == 1 else ""
