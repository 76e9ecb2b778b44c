"""Someone at a browser, in the words a user would use."""

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from playwright.sync_api import ConsoleMessage, Locator, Page, expect

PATIENCE = 10
"""Times to ask again when the API limits how many accounts one address may make."""


@dataclass
class Person:
    """Someone at a browser of their own."""

    page: Page
    username: str = field(default_factory=lambda: f"user-{secrets.token_hex(5)}")
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    complaints: list[str] = field(default_factory=list)
    """What the browser's console had to say: errors, refused scripts, broken resources."""

    def watch_console(self) -> None:
        def listen(message: ConsoleMessage) -> None:
            # Chromium reports every answer of 400 and above; the page's own handling of those is what tests look at.
            if message.type in ("error", "warning") and "Failed to load resource" not in message.text:
                self.complaints.append(message.text)

        self.page.on("console", listen)
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self) -> None:
        self.page.goto("/")

    def register(self) -> None:
        self.open()
        self.page.get_by_role("button", name="Create an account").click()
        self.fill_in(self.username, self.password)
        self.page.get_by_role("button", name="Create account").click()
        # The list has been asked for and is here: nothing of signing in is still under way.
        expect(self.page.get_by_text("Nothing to do.")).to_be_visible()

    def join(self) -> None:
        """Make an account without the form, and open the page. Waits where the API asks for patience."""
        credentials = {"username": self.username, "password": self.password}
        for _ in range(PATIENCE):
            answer = self.page.request.post("/api/auth/register", data=credentials)
            if answer.status != 429:
                break
            time.sleep(float(answer.headers.get("retry-after", "1")))
        assert answer.status == 201, answer.text()
        self.open()
        expect(self.page.get_by_text("Nothing to do.")).to_be_visible()

    def sign_in(self, password: str | None = None) -> None:
        self.fill_in(self.username, self.password if password is None else password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()

    def fill_in(self, username: str, password: str) -> None:
        self.page.get_by_label("User name").fill(username)
        self.page.get_by_label("Password").fill(password)

    def sign_out(self) -> None:
        self.page.get_by_role("button", name="Sign out").click()
        expect(self.page.get_by_role("heading", name="Welcome back")).to_be_visible()

    def add(self, title: str) -> None:
        self.page.get_by_label("New todo").fill(title)
        self.page.get_by_label("New todo").press("Enter")

    def todo(self, title: str) -> Locator:
        """The list item of this title."""
        return self.page.get_by_role("listitem").filter(
            has=self.page.get_by_role("checkbox", name=f"Done: {title}", exact=True)
        )

    def checkbox(self, title: str) -> Locator:
        return self.page.get_by_role("checkbox", name=f"Done: {title}", exact=True)

    def alert(self, text: str) -> Locator:
        return self.page.get_by_role("alert").filter(has_text=text)

    def say(self, message: str) -> None:
        """Send a message and wait until the assistant has answered it."""
        bubbles = self.page.locator(".bubble.assistant, .bubble.failure")
        before = bubbles.count()
        self.page.get_by_label("Message to the assistant").fill(message)
        self.page.get_by_label("Message to the assistant").press("Enter")
        expect(self.page.get_by_role("log", name="Conversation")).to_have_attribute("aria-busy", "false")
        expect(bubbles.nth(before)).to_be_visible()  # a failure stands below what there was of the answer


NewPerson = Callable[..., Person]
