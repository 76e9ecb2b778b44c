"""What the offline model makes of a message."""

import pytest

from todo_agent.language import Wish, best_match, meant, understood


@pytest.mark.parametrize(
    ("message", "wanted"),
    [
        ("add buy milk", [Wish("add", "buy milk")]),
        ("Please add buy milk to my list.", [Wish("add", "buy milk")]),
        ('add "mark the exam and go home"', [Wish("add", "mark the exam and go home")]),
        ("remind me to water the plants", [Wish("add", "water the plants")]),
        ("add milk and delete bread", [Wish("add", "milk"), Wish("delete", "bread")]),
        ("add eggs and milk", [Wish("add", "eggs"), Wish("add", "milk")]),
        ("please add eggs, tea and milk to my list", [Wish("add", "eggs"), Wish("add", "tea"), Wish("add", "milk")]),
        ("füge Eier und Milch hinzu", [Wish("add", "Eier"), Wish("add", "Milch")]),
        ("add Tom and Jerry", [Wish("add", "Tom and Jerry", "", "add Tom and Jerry")]),
        ("add call mom and dad", [Wish("add", "call mom and dad", "", "add call mom and dad")]),
        ('add "drag and drop"', [Wish("add", "drag and drop")]),
        ("add milk; bread; eggs", [Wish("add", "milk"), Wish("add", "bread"), Wish("add", "eggs")]),
        ("add milk, then complete bread. list", [Wish("add", "milk"), Wish("complete", "bread"), Wish("list")]),
        ("what is left today?", [Wish("open")]),
        ("show my todos", [Wish("list")]),
        ("mark buy milk as done", [Wish("complete", "buy milk")]),
        ("mark buy milk as not done", [Wish("reopen", "buy milk")]),
        ("buy milk is done", [Wish("complete", "buy milk")]),
        ("rename buy milk to buy oat milk", [Wish("rename", "buy milk", "buy oat milk")]),
        ("remove the todo buy milk from the list", [Wish("delete", "buy milk")]),
        (
            "get rid of bread and clear all completed todos",
            [Wish("delete", "bread"), Wish("delete", "all completed todos")],
        ),
        ("Clear my list!", [Wish("delete", "everything")]),
        ("add tea, then delete everything", [Wish("add", "tea"), Wish("delete", "everything")]),
        ("rename tea", [Wish("rename", "tea")]),
        ("remind me tomorrow to call mom", [Wish("add", "call mom tomorrow")]),
        ("change the title of milk to oat milk", [Wish("rename", "milk", "oat milk")]),
        ("what haven't I done yet?", [Wish("open")]),
        ("what remains?", [Wish("open")]),
        ("undo the last action", [Wish("undo")]),
        ("set milk back to open", [Wish("reopen", "milk")]),
        ("milk done", [Wish("complete", "milk")]),
        ("I bought milk", [Wish("complete", "milk")]),
        ("Yes, delete them", [Wish("yes")]),
        ("no, keep them", [Wish("no")]),
        ("add tea, please", [Wish("add", "tea")]),
        ("füge bitte Milch zu meiner Liste hinzu", [Wish("add", "Milch")]),
        ("Schreib noch Milch auf", [Wish("add", "Milch")]),
        ("Milch auf die Liste", [Wish("add", "Milch")]),
        ("Ich habe Milch gekauft", [Wish("complete", "Milch")]),
        ("Milch abhaken", [Wish("complete", "Milch")]),
        ("Milch löschen", [Wish("delete", "Milch")]),
        ("Liste leeren", [Wish("delete", "alles")]),
        ("Ja, bitte", [Wish("yes")]),
        ("ja, lösche alles", [Wish("yes")]),
        ("fly me to the moon", [Wish("unknown", "fly me to the moon")]),
    ],
)
def test_wishes(message: str, wanted: list[Wish]) -> None:
    assert understood(message)[1] == wanted


def test_a_title_means_the_same_words_before_words_that_contain_it() -> None:
    todos = [{"id": 1, "title": "Buy milk", "done": False}, {"id": 2, "title": "buy milk and bread", "done": True}]
    assert [todo["id"] for todo in best_match("buy milk", todos)] == [1]
    assert [todo["id"] for todo in best_match("bread", todos)] == [2]
    assert [todo["id"] for todo in best_match("buy", todos)] == [1, 2]
    assert [todo["id"] for todo in best_match("#2", todos)] == [2]
    assert best_match("eggs", todos) == []


def test_all_and_all_that_are_done() -> None:
    todos = [{"id": 1, "title": "milk", "done": False}, {"id": 2, "title": "tea", "done": True}]
    assert [todo["id"] for todo in meant(Wish("delete", "everything"), todos)] == [1, 2]
    assert [todo["id"] for todo in meant(Wish("delete", "all my completed todos"), todos)] == [2]
    assert [todo["id"] for todo in meant(Wish("delete", "everything that is done"), todos)] == [2]
    assert [todo["id"] for todo in meant(Wish("complete", "all of them"), todos)] == [1]
    assert [todo["id"] for todo in meant(Wish("reopen", "all"), todos)] == [2]
    assert [todo["id"] for todo in meant(Wish("complete", "the last one"), todos)] == [2]
    assert meant(Wish("rename", "everything", "nothing"), todos) == []


@pytest.mark.parametrize("words", ["all the ", " ", "add ", "and add ", "what ", "is done ", '"', ", ", "a. ", "mark "])
def test_a_message_of_any_length_is_understood_or_not(words: str) -> None:
    """A pattern that went back and forth over a long message would never come to its end here."""
    for start in ("", "delete ", "what ", "lösche "):
        for wish in understood((start + words * 2000)[:1990] + " x?")[1]:
            meant(Wish("delete", wish.title), [])
