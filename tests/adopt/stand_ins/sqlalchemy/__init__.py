"""Stands in for SQLAlchemy as far as the job that makes tables uses it: one named `refused` cannot be made."""

from __future__ import annotations

import os
from typing import Any


class Table:
    def __init__(self, name: str) -> None:
        self.name = name

    def __repr__(self) -> str:
        return self.name

    def create(self, connection: Any, checkfirst: bool) -> None:
        assert connection.open and checkfirst
        if self.name == "refused":
            raise ValueError("refused")
        print(self.name)


class MetaData:
    def __init__(self, *names: str) -> None:
        self.sorted_tables = [Table(name) for name in names]


def create_engine(url: str) -> Any:
    from sqlalchemy.engine import Engine

    return Engine(url)


class _Inspector:
    def has_table(self, name: str) -> bool:
        return name in os.environ.get("TABLES", "").split()


def inspect(connection: Any) -> _Inspector:
    assert connection.open
    return _Inspector()
