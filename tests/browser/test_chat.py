"""The conversation: streaming, input that cannot be sent, answers that fail."""

import json

from people import Person
from playwright.sync_api import Route, expect


def test_empty_and_very_long_messages(person: Person) -> None:
    page = person.page
    field = page.get_by_label("Message to the assistant")
    field.press("Enter")
    expect(person.alert("Write a message first.")).to_be_visible()

    field.fill("x" * 2500)
    expect(page.get_by_text("500 characters too long")).to_be_visible()
    field.press("Enter")
    expect(person.alert("500 characters too long")).to_be_visible()
    expect(field).to_have_value("x" * 2500)
    expect(page.locator(".bubble")).to_have_count(0)

    person.say("What is left? " + "x" * 1900)
    expect(page.locator(".bubble")).to_have_count(2)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_enter_sends_and_shift_enter_does_not(person: Person) -> None:
    page = person.page
    field = page.get_by_label("Message to the assistant")
    field.press_sequentially("What is")
    field.press("Shift+Enter")
    field.press_sequentially("left?")
    expect(field).to_have_value("What is\nleft?")
    field.press("Enter")
    expect(page.locator(".bubble.user")).to_contain_text("What is\nleft?")
    expect(field).to_have_value("")
    expect(field).to_be_focused()


def test_a_suggestion_is_one_click(person: Person) -> None:
    person.page.get_by_role("button", name="What is left today?").click()
    expect(person.page.locator(".bubble.user")).to_contain_text("What is left today?")
    expect(person.page.locator(".bubble.assistant")).not_to_be_empty()


def test_answers_reach_screen_readers_whole(person: Person) -> None:
    person.say("add buy milk")
    said = person.page.get_by_role("status").filter(has_text="Assistant:")
    expect(said).to_contain_text("buy milk")


def test_markdown_of_models_becomes_lists_and_never_markup(person: Person) -> None:
    reply = "**Two** of them:\n\n- [x] buy milk\n- [ ] call <b>grandma</b>\n\n1. first\n2. second\n\n* dot"
    body = stream(("delta", {"text": reply[:20]}), ("done", {"reply": reply, "actions": "none"}))
    person.page.route("**/api/chat/stream", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    person.say("list")
    bubble = person.page.locator(".bubble.assistant")
    expect(bubble.locator("strong")).to_have_text("Two")
    expect(bubble.locator(".checks li")).to_have_text(["Done: buy milk", "Open: call <b>grandma</b>"])
    expect(bubble.locator("ol li")).to_have_text(["first", "second"])
    expect(bubble.locator("ul:not(.checks) li")).to_have_text(["dot"])


def stream(*events: tuple[str, dict[str, str]]) -> str:
    return "".join(f"event: {name}\ndata: {json.dumps(data)}\n\n" for name, data in events)


def test_an_answer_that_fails_half_way(person: Person) -> None:
    page = person.page

    def fail(route: Route) -> None:
        body = stream(("delta", {"text": "I will"}), ("error", {"message": "The assistant is away."}))
        route.fulfill(content_type="text/event-stream", body=body)

    page.route("**/api/chat/stream", fail)
    person.say("add buy milk")
    expect(page.locator(".bubble.assistant")).to_contain_text("I will")
    expect(page.locator(".bubble.failure")).to_contain_text("The assistant is away.")
    expect(page.get_by_label("Message to the assistant")).to_have_value("add buy milk")
    page.unroute("**/api/chat/stream")
    page.get_by_label("Message to the assistant").press("Enter")
    expect(person.todo("buy milk")).to_be_visible()


def test_a_stream_that_just_ends(person: Person) -> None:
    body = stream(("delta", {"text": "I will"}))
    person.page.route("**/api/chat/stream", lambda route: route.fulfill(content_type="text/event-stream", body=body))
    person.say("add buy milk")
    expect(person.page.locator(".bubble.failure")).to_contain_text("cut off")


def test_backend_away(person: Person) -> None:
    page = person.page
    page.route(
        "**/api/todos", lambda route: route.fulfill(status=502, json={"detail": "the backend cannot be reached"})
    )
    person.add("not lost")
    expect(person.alert("The backend cannot be reached.")).to_be_visible()
    expect(page.get_by_label("New todo")).to_have_value("not lost")
    page.unroute("**/api/todos")
    page.get_by_label("New todo").press("Enter")
    expect(person.todo("not lost")).to_be_visible()
    expect(person.alert("cannot be reached")).to_have_count(0)
