"""The one exception callers of the agent see."""


class Failed(Exception):
    """No answer. The text is for the user, the status for the caller."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
