"""What it looks like: phone and desktop, light and dark, without a mouse. Pictures go to SCREENSHOTS."""

import os
from pathlib import Path
from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from people import NewPerson, Person
from playwright.sync_api import Error, Page, ViewportSize, expect

SIZES: dict[str, ViewportSize] = {
    "desktop": {"width": 1280, "height": 800},
    "tablet": {"width": 820, "height": 1180},
    "phone": {"width": 390, "height": 844},
    "small-phone": {"width": 320, "height": 568},
}


def shoot(page: Page, name: str) -> None:
    """Keep a picture of what is on the screen, if pictures are wanted."""
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", animations="disabled")


def inspect(page: Page, name: str) -> None:
    """Nothing sticks out, nothing shuts anyone out; and a picture for those who look."""
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "the page scrolls sideways"
    shoot(page, name)
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def furnish(person: Person) -> None:
    """Some todos and a conversation, as after a morning's use."""
    person.say("add buy milk and oranges")
    for title in ("Book the train to Lisbon", "Finish the slides for Thursday", "Water the plants"):
        person.add(title)
        expect(person.todo(title)).to_be_visible()
    person.checkbox("Water the plants").check()
    person.say("What is left today?")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_view_fits(new_person: NewPerson, scheme: Literal["light", "dark"]) -> None:
    """On every size of screen, by a person who does everything on the first."""
    person = new_person(color_scheme=scheme)

    def look(view: str) -> None:
        for size, pixels in SIZES.items():
            person.page.set_viewport_size(pixels)
            inspect(person.page, f"{size}-{scheme}-{view}")
        person.page.set_viewport_size(SIZES["desktop"])

    person.page.set_viewport_size(SIZES["desktop"])
    person.open()
    expect(person.page.get_by_role("button", name="Sign in", exact=True)).to_be_enabled()
    look("1-sign-in")
    person.sign_in()
    expect(person.alert("Wrong user name or password.")).to_be_visible()
    look("2-wrong-password")
    person.join()
    look("3-empty")
    furnish(person)
    look("4-todos")
    switch = person.page.get_by_role("button", name="Chat", exact=True)
    for size, pixels in SIZES.items():
        person.page.set_viewport_size(pixels)
        if switch.is_visible():
            switch.click()
            inspect(person.page, f"{size}-{scheme}-5-chat")


def tab_to(page: Page, role: Literal["button", "checkbox", "textbox"], name: str) -> None:
    """Press Tab until the named control has the focus, as someone without a mouse does."""
    target = page.get_by_role(role, name=name, exact=True)
    for _ in range(30):
        page.keyboard.press("Tab")
        if target.evaluate("element => element === document.activeElement"):
            outline = target.evaluate("element => getComputedStyle(element).outlineStyle")
            assert outline != "none", f"{name} does not show that it has the focus"
            return
    pytest.fail(f"{name} cannot be reached with the Tab key")


def test_everything_works_without_a_mouse(new_person: NewPerson) -> None:
    person = new_person()
    page = person.page
    person.open()
    expect(page.get_by_label("User name")).to_be_focused()
    tab_to(page, "button", "Create an account")
    page.keyboard.press("Enter")
    expect(page.get_by_label("User name")).to_be_focused()
    page.keyboard.type(person.username)
    page.keyboard.press("Tab")
    page.keyboard.type(person.password)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Todo Chatbot")).to_be_focused()

    tab_to(page, "textbox", "New todo")
    page.keyboard.type("buy milk")
    page.keyboard.press("Enter")
    expect(person.todo("buy milk")).to_be_visible()
    tab_to(page, "checkbox", "Done: buy milk")
    page.keyboard.press("Space")
    expect(person.checkbox("buy milk")).to_be_checked()
    tab_to(page, "button", "Edit buy milk")
    page.keyboard.press("Enter")
    page.keyboard.type("buy oat milk")
    page.keyboard.press("Enter")
    expect(person.todo("buy oat milk")).to_be_visible()
    tab_to(page, "button", "Delete buy oat milk")
    page.keyboard.press("Enter")
    expect(person.todo("buy oat milk")).to_have_count(0)
    expect(page.get_by_label("New todo")).to_be_focused()

    tab_to(page, "textbox", "Message to the assistant")
    page.keyboard.type("add call grandma")
    page.keyboard.press("Enter")
    expect(person.todo("call grandma")).to_be_visible()


def test_zoomed_to_twice_the_size(new_person: NewPerson) -> None:
    """WCAG 1.4.10: at 640 by 400, which is 1280 by 800 at 200 %, nothing is lost."""
    person = new_person()
    person.join()
    person.page.set_viewport_size({"width": 640, "height": 400})
    expect(person.page.get_by_role("button", name="Sign out")).to_be_in_viewport()
    expect(person.page.get_by_label("New todo")).to_be_in_viewport()
    inspect(person.page, "zoomed")


def test_forced_colors_and_reduced_motion(new_person: NewPerson) -> None:
    person = new_person(forced_colors="active", reduced_motion="reduce")
    person.join()
    furnish(person)
    shoot(person.page, "forced-colors")
    duration = person.page.locator(".button").first.evaluate("element => getComputedStyle(element).transitionDuration")
    assert duration == "0s"


def test_page_not_found(new_person: NewPerson) -> None:
    person = new_person()
    answer = person.page.goto("/nowhere")
    assert answer is not None
    assert answer.status == 404
    inspect(person.page, "not-found")
    person.page.get_by_role("link", name="Go to your todos").click()
    expect(person.page.get_by_label("Password")).to_be_visible()


def test_only_own_scripts_run(new_person: NewPerson) -> None:
    """The policy has a new nonce for each answer, and refuses what was slipped into the page."""
    person = new_person()
    first, second = (person.page.goto("/") for _ in range(2))
    assert first is not None
    assert second is not None
    policies = [answer.headers["content-security-policy"] for answer in (first, second)]
    assert policies[0] != policies[1]
    assert "unsafe" not in policies[0]
    slip = """() => {
        const image = document.createElement("div");
        image.innerHTML = "<img src=x: onerror='window.slipped = true'>";
        document.body.append(image);
    }"""
    with pytest.raises(Error, match="TrustedHTML"):
        person.page.evaluate(slip)
    load = """url => {
        const script = document.createElement("script");
        script.src = url;
        document.head.append(script);
    }"""
    with pytest.raises(Error, match="not a script of this application"):
        person.page.evaluate(load, "https://elsewhere.example/x.js")
    with pytest.raises(Error, match="not a script of this application"):
        person.page.evaluate(load, "/api/todos")
    person.page.evaluate("""() => {
        const script = document.createElement("script");
        script.setAttribute("nonce", "guessed");
        script.append("window.slipped = true");
        document.head.append(script);
    }""")
    person.page.wait_for_timeout(200)
    assert person.page.evaluate("window.slipped") is None
    assert person.complaints != []
    person.complaints.clear()
