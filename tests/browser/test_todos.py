"""The list by hand, and that it says the same as the conversation."""

from people import Person
from playwright.sync_api import Page, Route, expect


def todos(page: Page) -> list[tuple[str, bool]]:
    """What the API has, oldest first."""
    return [(item["title"], item["done"]) for item in page.request.get("/api/todos").json()["items"]]


def expect_stored(page: Page, wanted: list[tuple[str, bool]]) -> None:
    """The page shows a change before the API has confirmed it, so the API may need a moment."""
    for _ in range(50):
        if todos(page) == wanted:
            return
        page.wait_for_timeout(100)
    assert todos(page) == wanted


def test_add_complete_edit_delete_by_hand(person: Person) -> None:
    page = person.page
    expect(page.get_by_text("Nothing to do.")).to_be_visible()
    person.add("  buy milk  ")
    page.get_by_label("New todo").fill("call grandma")
    page.get_by_role("button", name="Add", exact=True).click()
    expect(person.todo("call grandma")).to_be_visible()
    expect(page.get_by_label("New todo")).to_have_value("")
    expect(page.get_by_label("New todo")).to_be_focused()

    person.checkbox("buy milk").check()
    expect(page.locator(".count")).to_have_text("1 open · 1 done")
    expect(person.page.locator(".item .title")).to_have_text(["call grandma", "buy milk"])
    expect(person.checkbox("buy milk")).to_be_focused()
    expect(page.get_by_role("status").filter(has_text="buy milk: done")).to_have_count(1)

    person.todo("call grandma").hover()
    page.get_by_role("button", name="Edit call grandma").click()
    page.get_by_label("New title of call grandma").fill("visit grandma")
    page.keyboard.press("Enter")
    expect(person.todo("visit grandma")).to_be_visible()
    expect(page.get_by_role("button", name="Edit visit grandma")).to_be_focused()
    expect_stored(page, [("buy milk", True), ("visit grandma", False)])

    person.checkbox("buy milk").uncheck()
    expect(page.locator(".item .title")).to_have_text(["buy milk", "visit grandma"])
    person.todo("visit grandma").hover()
    page.get_by_role("button", name="Delete visit grandma").click()
    expect(person.todo("visit grandma")).to_have_count(0)
    expect(page.get_by_role("button", name="Delete buy milk")).to_be_focused()
    page.reload()
    expect(page.locator(".item .title")).to_have_text(["buy milk"])
    expect_stored(page, [("buy milk", False)])


def test_todos_are_kept_in_the_order_in_which_they_were_written(person: Person) -> None:
    page = person.page
    sent: list[Route] = []

    def hold_first(route: Route) -> None:
        if route.request.method == "POST":
            sent.append(route)
        if sent != [route]:
            route.continue_()

    page.route("**/api/todos", hold_first)
    person.add("first")
    person.add("second")
    expect(page.get_by_label("New todo")).to_have_value("")
    assert [route.request.post_data_json for route in sent] == [{"title": "first"}]
    sent[0].continue_()
    expect(page.locator(".item .title")).to_have_text(["first", "second"])
    expect_stored(page, [("first", False), ("second", False)])


def test_editing_can_be_left(person: Person) -> None:
    page = person.page
    person.add("keep me")
    person.todo("keep me").get_by_text("keep me").dblclick()
    field = page.get_by_label("New title of keep me")
    expect(field).to_be_focused()
    field.fill("something else")
    page.keyboard.press("Escape")
    expect(person.todo("keep me")).to_be_visible()
    expect(page.get_by_role("button", name="Edit keep me")).to_be_focused()

    page.keyboard.press("Enter")
    field.fill("")
    page.keyboard.press("Enter")
    expect(person.alert("Write what there is to do.")).to_be_visible()
    field.fill("kept and saved")
    page.get_by_label("New todo").focus()
    expect(person.todo("kept and saved")).to_be_visible()
    expect_stored(page, [("kept and saved", False)])


def test_empty_and_very_long_todos(person: Person) -> None:
    page = person.page
    person.add("   ")
    expect(person.alert("Write what there is to do.")).to_be_visible()
    expect(page.get_by_label("New todo")).to_be_focused()

    person.add("x" * 5000)
    expect(person.alert("5000 characters; a todo can have 200")).to_be_visible()
    expect(page.get_by_label("New todo")).to_have_value("x" * 5000)
    expect_stored(page, [])

    longest = "wide" * 50
    person.add(longest)
    expect(person.todo(longest)).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_titles_are_text_and_nothing_else(person: Person) -> None:
    title = "<img src=x onerror=alert(1)> & “quotes” 漢字 🥛"
    person.add(title)
    expect(person.page.locator(".item .title")).to_have_text([title])
    assert person.page.locator(".item img").count() == 0


def test_by_chat_and_by_hand_agree(person: Person) -> None:
    page = person.page
    person.say("add buy milk")
    expect(person.todo("buy milk")).to_be_visible()
    expect_stored(page, [("buy milk", False)])

    person.add("call grandma")
    expect(person.todo("call grandma")).to_be_visible()
    person.say("What is left today?")
    answer = page.locator(".bubble.assistant").last
    expect(answer).to_contain_text("buy milk")
    expect(answer).to_contain_text("call grandma")

    person.say("complete buy milk")
    expect(person.checkbox("buy milk")).to_be_checked()
    person.say("rename call grandma to visit grandma")
    expect(person.todo("visit grandma")).to_be_visible()
    expect(person.todo("call grandma")).to_have_count(0)
    person.say("delete visit grandma")
    expect(person.todo("visit grandma")).to_have_count(0)
    expect_stored(page, [("buy milk", True)])

    page.reload()
    expect(person.checkbox("buy milk")).to_be_checked()
    expect(page.locator(".bubble.user").first).to_contain_text("add buy milk")
    expect(page.locator(".bubble.user")).to_have_count(5)
    expect(page.locator(".bubble.assistant")).to_have_count(5)


def test_changes_made_elsewhere_appear_when_the_page_is_looked_at_again(person: Person) -> None:
    page = person.page
    page.request.post("/api/todos", data={"title": "from another device"})
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(person.todo("from another device")).to_be_visible()
