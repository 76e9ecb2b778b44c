"""What the offline model makes of a message."""

import pytest

from todo_agent.language import Wish, best_match, wishes


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("add buy milk", [Wish("add", "buy milk")]),
        ("Please add buy milk to my list.", [Wish("add", "buy milk")]),
        ('add "mark the exam and go home"', [Wish("add", "mark the exam and go home")]),
        ("remind me to water the plants", [Wish("add", "water the plants")]),
        ("add milk and delete bread", [Wish("add", "milk"), Wish("delete", "bread")]),
        ("add milk; bread; eggs", [Wish("add", "milk"), Wish("add", "bread"), Wish("add", "eggs")]),
        ("add milk, then complete bread. list", [Wish("add", "milk"), Wish("complete", "bread"), Wish("list")]),
        ("what is left today?", [Wish("open")]),
        ("show my todos", [Wish("list")]),
        ("mark buy milk as done", [Wish("complete", "buy milk")]),
        ("mark buy milk as not done", [Wish("reopen", "buy milk")]),
        ("buy milk is done", [Wish("complete", "buy milk")]),
        ("rename buy milk to buy oat milk", [Wish("rename", "buy milk", "buy oat milk")]),
        ("remove the todo buy milk from the list", [Wish("delete", "buy milk")]),
        ("fly me to the moon", [Wish("unknown", "fly me to the moon")]),
    ],
)
def test_wishes(message: str, wanted: list[Wish]) -> None:
    assert wishes(message) == wanted


def test_a_title_means_the_same_words_before_words_that_contain_it() -> None:
    todos = [{"id": 1, "title": "Buy milk", "done": False}, {"id": 2, "title": "buy milk and bread", "done": True}]
    assert [todo["id"] for todo in best_match("buy milk", todos)] == [1]
    assert [todo["id"] for todo in best_match("bread", todos)] == [2]
    assert [todo["id"] for todo in best_match("buy", todos)] == [1, 2]
    assert [todo["id"] for todo in best_match("#2", todos)] == [2]
    assert best_match("eggs", todos) == []
