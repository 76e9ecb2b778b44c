"""Rotation of signing secrets: whatever is done, and wherever it ends, no replica refuses what another one signs."""

from __future__ import annotations

import base64
import itertools
from collections.abc import Iterator

import pytest

from scripts.secrets import proofs, sync

CONFIG = {"auth": {"usedBy": ["backend"], "keys": {"KEY": {"generate": 48, "rotate": "prepend"}, "OTHER": {}}}}


class Replicas:
    """Two replicas that read `auth.KEY` when they start; after each write one is replaced, then the other."""

    def __init__(self, value: str) -> None:
        self.value = value
        self.running = [value, value]
        self.signed: set[str] = set()
        self._numbers = itertools.count(1)
        self.work()

    def work(self) -> None:
        """All sign something, and all accept what anybody has signed so far."""
        self.signed |= {value.split(",")[0] for value in self.running}
        for value in self.running:
            assert self.signed <= set(value.split(",")), f"{value} refuses what was signed by {self.signed}"

    def write(self, value: str) -> Iterator[None]:
        """Yield wherever the command may be ended: after the write, with one replica replaced, with both."""
        self.value = value
        yield
        yield from self.settle()

    def settle(self) -> Iterator[None]:
        for number in range(len(self.running)):
            self.running[number] = self.value
            self.work()
            yield

    def rotate(self) -> Iterator[None]:
        yield from self.settle()
        held = {"auth": {"KEY": self.value}}
        made = sync.rotated(CONFIG, held, lambda size: f"new{next(self._numbers)}", all_before=True)
        for step in (sync.introducing(made), made):
            yield from self.write(step[0].data["KEY"])

    def put_back(self, value: str) -> Iterator[None]:
        wanted, held = ({"KEY": base64.b64encode(one.encode()).decode()} for one in (value, self.value))
        given = proofs.still_accepting(wanted, held, ["KEY"])["KEY"]
        yield from self.write(base64.b64decode(given).decode())


ENDS = range(12)  # more than there are places where a rotation may end


@pytest.mark.parametrize("first", ENDS)
@pytest.mark.parametrize("then", ["rotate", "put back"])
def test_nobody_is_logged_out_wherever_a_rotation_or_its_rollback_ends(first: int, then: str) -> None:
    for second in ENDS:
        replicas = Replicas("a")
        list(itertools.islice(replicas.rotate(), first))
        list(itertools.islice(replicas.rotate() if then == "rotate" else replicas.put_back("a"), second))
        list(replicas.put_back("a"))
        assert replicas.running[0].split(",")[0] == "a", "what was found signs again"
        list(replicas.rotate())


def test_the_new_value_is_accepted_everywhere_before_anybody_signs_with_it() -> None:
    held = {"auth": {"KEY": "b,a", "OTHER": "x"}}
    made = sync.rotated(CONFIG, held, lambda size: "new")
    (step,) = sync.introducing(made)
    assert step.data == {"KEY": "b,new", "OTHER": "x"}
    assert made[0].data == {"KEY": "new,b", "OTHER": "x"}
    (kept,) = sync.rotated(CONFIG, held, lambda size: "new", all_before=True)
    assert kept.data["KEY"] == "new,b,a"


def test_a_value_that_is_no_rotation_of_the_proved_one_goes() -> None:
    proved, held = ({"KEY": base64.b64encode(one).decode()} for one in (b"good", b"bad"))
    assert proofs.still_accepting(proved, held, ["KEY"]) == proved
    assert proofs.still_accepting(proved, {}, ["KEY"]) == proved
