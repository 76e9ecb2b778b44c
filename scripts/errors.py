"""The errors a person can mend."""

from __future__ import annotations


class UserError(Exception):
    """A problem the user can mend. The message says what is wrong, `hint` what to do about it."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class SettingsError(UserError):
    """A configuration file that cannot be used. One line a problem, each naming file, key and remedy."""
