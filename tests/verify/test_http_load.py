"""What a message's todos are judged by."""

import pytest

from scripts.verify.http_load import lost_or_doubled


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
