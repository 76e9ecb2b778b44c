"""Load invoke without `unittest.mock`, which it has for tests of tasks alone, and which takes a third of its start."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

MOCK = "unittest.mock"


def load_invoke() -> None:
    """Import invoke, with a class in place of `Mock` that becomes the real one where a `MockContext` is made."""
    if MOCK in sys.modules or "invoke" in sys.modules:
        return
    stand_in = ModuleType(MOCK)
    vars(stand_in)["Mock"] = _mock
    sys.modules[MOCK] = stand_in
    try:
        import invoke  # noqa: F401
    finally:
        del sys.modules[MOCK]


def _mock(*words: Any, **named: Any) -> Any:
    from unittest.mock import Mock

    return Mock(*words, **named)
