"""Who may see what: register, sign in, sign out, sessions that end, users apart."""

import pytest
from people import NewPerson, Person
from playwright.sync_api import Route, expect

EXPIRED = "Your session has expired"


def test_register_reload_sign_out_sign_in(new_person: NewPerson) -> None:
    person = new_person()
    person.register()
    expect(person.page.locator(".who")).to_contain_text(person.username)
    person.add("water the plants")
    expect(person.todo("water the plants")).to_be_visible()

    person.page.reload()
    expect(person.todo("water the plants")).to_be_visible()

    person.sign_out()
    expect(person.page.get_by_text("You are signed out.")).to_be_visible()
    person.page.reload()
    expect(person.page.get_by_label("Password")).to_be_visible()

    person.sign_in()
    expect(person.todo("water the plants")).to_be_visible()


def test_the_session_is_out_of_reach_of_scripts(person: Person) -> None:
    (cookie,) = person.page.context.cookies()
    assert cookie["name"] == "session"
    assert cookie["httpOnly"]
    assert cookie["sameSite"] in ("Lax", "Strict")
    assert person.page.evaluate("document.cookie") == ""
    assert person.page.evaluate("[localStorage.length, sessionStorage.length]") == [0, 0]


def test_wrong_password(person: Person) -> None:
    person.sign_out()
    person.sign_in(password="not the password")
    expect(person.alert("Wrong user name or password.")).to_be_visible()
    expect(person.page.get_by_label("Password")).to_be_focused()
    person.sign_in()
    expect(person.page.get_by_role("heading", name="Todos")).to_be_visible()


def test_name_already_taken(person: Person) -> None:
    person.sign_out()
    person.page.get_by_role("button", name="Create an account").click()
    person.fill_in(person.username, "another password")
    person.page.get_by_role("button", name="Create account").click()
    expect(person.alert("taken")).to_be_visible()
    expect(person.page.get_by_label("User name")).to_be_focused()


@pytest.mark.parametrize(
    ("username", "password", "message", "field"),
    [
        ("", "a good password", "Enter your user name.", "User name"),
        ("ab", "a good password", "A user name has 3 to 64", "User name"),
        ("x" * 65, "a good password", "A user name has 3 to 64", "User name"),
        ("<script>", "a good password", "A user name has 3 to 64", "User name"),
        ("someone", "", "Enter your password.", "Password"),
        ("someone", "short", "at least 8 characters", "Password"),
        ("someone", "x" * 129, "up to 128 characters", "Password"),
    ],
    ids=["no name", "short name", "long name", "odd name", "no password", "short password", "long password"],
)
def test_register_says_what_is_wrong(
    new_person: NewPerson, username: str, password: str, message: str, field: str
) -> None:
    someone = new_person()
    someone.open()
    someone.page.get_by_role("button", name="Create an account").click()
    someone.fill_in(username, password)
    someone.page.get_by_role("button", name="Create account").click()
    expect(someone.alert(message)).to_be_visible()
    expect(someone.page.get_by_label(field)).to_be_focused()


def test_session_ended_elsewhere(person: Person, base_url: str) -> None:
    (cookie,) = person.page.context.cookies()
    elsewhere = person.page.context.browser.new_context(base_url=base_url)
    elsewhere.add_cookies([cookie])
    assert elsewhere.request.post("/api/auth/logout").status == 204
    elsewhere.close()

    person.add("too late")
    expect(person.page.get_by_role("status").filter(has_text=EXPIRED)).to_be_visible()
    person.sign_in()
    expect(person.page.get_by_role("heading", name="Todos")).to_be_visible()
    expect(person.todo("too late")).to_have_count(0)


@pytest.mark.parametrize("act", ["reload", "chat"])
def test_session_that_is_no_longer_valid(person: Person, base_url: str, act: str) -> None:
    person.page.context.add_cookies([{"name": "session", "value": "expired", "url": base_url, "httpOnly": True}])
    if act == "reload":
        person.page.reload()
    else:
        person.page.get_by_label("Message to the assistant").fill("What is left?")
        person.page.get_by_role("button", name="Send").click()
    expect(person.page.get_by_role("status").filter(has_text=EXPIRED)).to_be_visible()
    expect(person.page.get_by_label("User name")).to_be_focused()


def test_two_users_never_see_each_other(new_person: NewPerson) -> None:
    ada, bob = new_person(), new_person()
    ada.join()
    bob.join()
    ada.add("ada's secret")
    expect(ada.todo("ada's secret")).to_be_visible()
    ada.say("add another secret")
    expect(ada.todo("another secret")).to_be_visible()

    bob.add("bob's own")
    bob.say("What is left today?")
    bob.page.reload()
    expect(bob.todo("bob's own")).to_be_visible()
    assert "secret" not in bob.page.locator("body").inner_text()

    theirs = ada.page.request.get("/api/todos").json()["items"][0]["id"]
    assert bob.page.request.patch(f"/api/todos/{theirs}", data={"done": True}).status == 404
    assert bob.page.request.delete(f"/api/todos/{theirs}").status == 404


def test_next_user_of_the_same_browser_starts_empty(new_person: NewPerson) -> None:
    first = new_person()
    first.join()
    first.add("left behind")
    expect(first.todo("left behind")).to_be_visible()
    first.say("add said before")
    first.sign_out()

    second = Person(first.page)
    second.register()
    expect(second.page.get_by_text("Nothing to do.")).to_be_visible()
    assert "left behind" not in second.page.locator("body").inner_text()
    assert "said before" not in second.page.locator("body").inner_text()


def test_a_page_that_missed_a_script_loads_anew(new_person: NewPerson) -> None:
    """As happens when a release is being rolled out and a replica of the other version is asked."""
    person = new_person()
    missed: list[str] = []

    def miss_once(route: Route) -> None:
        if missed:
            route.continue_()
        else:
            missed.append(route.request.url)
            route.fulfill(status=404, body="")

    person.page.route("**/_next/static/**/*.js", miss_once)
    person.open()
    expect(person.page.get_by_role("button", name="Sign in", exact=True)).to_be_enabled()
    assert len(missed) == 1
    assert person.page.evaluate("sessionStorage.length") == 0
    person.complaints.clear()
