"""The exceptions callers of the agent see."""

from collections.abc import Sequence
from typing import Any, Self

STAYS = "What I had changed by then stays changed."


class Failed(Exception):
    """No answer. The text is for the user, the status for the caller."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status

    def after(self, actions: Sequence[dict[str, Any]]) -> Self:
        """The same failure; if tools had changed something by then, it says that this stands."""
        changed = any(action["tool"] != "list_todos" for action in actions)
        return type(self)(self.status, f"{self} {STAYS}") if changed else self


class ModelFailed(Failed):
    """The model gave no answer; another one may."""
