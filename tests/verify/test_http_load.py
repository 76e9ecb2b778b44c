"""What a message's todos are judged by, and how fast it is asked."""

import pytest

from scripts.verify.http_load import CLIENTS, PAUSE, lost_or_doubled, pause


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (["a", "b", "c"], ""),
        (["c", "b", "a", "another"], ""),
        (["a", "c"], "1 lost: b"),
        (["a", "b", "b", "c"], "1 made twice: b"),
        (["a", "a"], "2 lost: b, c; 1 made twice: a"),
    ],
)
def test_each_todo_is_there_once(found: list[str], words: str) -> None:
    assert lost_or_doubled(["a", "b", "c"], found) == words


def test_few_requests_are_spread_and_many_come_as_fast_as_users_may_ask() -> None:
    assert CLIENTS / pause(4_000) * 60 == pytest.approx(4_000)
    assert pause(1_000_000) == PAUSE
