"""A connection to a database, without one."""

from __future__ import annotations


class Engine:
    open = False

    def __init__(self, url: str) -> None:
        assert url == "URL"

    def begin(self) -> Engine:
        return self

    connect = begin

    def __enter__(self) -> Engine:
        self.open = True
        return self

    def __exit__(self, *error: object) -> None:
        self.open = False
