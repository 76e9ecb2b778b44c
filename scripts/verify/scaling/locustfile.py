"""Simulate users of the app for locust; it runs in locust's own environment, not in this repository's.

Some accounts are registered and shared, since registrations are limited by client address. How many people there are
is read from the file `--control` every second: `USERS RATE`, where RATE is how many come or go a second; 0 users, or no
file at all, is the end. What happened in each second is printed as a line of JSON.
"""

import json
import secrets
import sys
import time
from collections import Counter
from pathlib import Path

import gevent
from gevent.lock import Semaphore
from locust import FastHttpUser, LoadTestShape, constant_throughput, events, task

ACCOUNTS = 10  # of 60 registrations a minute that a replica takes from one address
PACE = 5  # what one person does in a second, so that ten on one account stay below its limit of 100 a second
KEPT = 10  # todos a person has at most
SHOWN = 3  # problems that are told of each second


class Account:
    """A name and a password, registered by whoever needs them first."""

    def __init__(self) -> None:
        self.lock = Semaphore()
        self.token = ""


class Second:
    """The counts since the last line."""

    def __init__(self) -> None:
        self.since = time.monotonic()
        self.times: list[float] = []
        self.problems: Counter[str] = Counter()

    def line(self, users: int) -> str:
        """Return the line that tells it."""
        times = sorted(self.times)
        told = {
            "users": users,
            "seconds": round(time.monotonic() - self.since, 3),
            "requests": len(times),
            "failed": self.problems.total(),
            "p50": rank(times, 0.50),
            "p95": rank(times, 0.95),
            "problems": [f"{text} ({count} times)" for text, count in self.problems.most_common(SHOWN)],
        }
        return json.dumps(told)


def rank(times: list[float], share: float) -> float | None:
    """Return the nearest-rank percentile of sorted times."""
    return round(times[min(len(times) - 1, int(share * len(times)))], 1) if times else None


accounts = [Account() for _ in range(ACCOUNTS)]
second = Second()
born = 0


class Person(FastHttpUser):
    """Looks at the list most of the time; adds todos, completes and deletes them."""

    wait_time = constant_throughput(PACE)
    connection_timeout = network_timeout = 10.0

    def on_start(self) -> None:
        """Log in, which the first on each account does by registering."""
        global born
        account = accounts[born % ACCOUNTS]
        born += 1
        with account.lock:
            while not account.token:
                person = {"username": f"load-{secrets.token_hex(6)}", "password": secrets.token_urlsafe(16)}
                with self.client.post("/api/auth/register", json=person, catch_response=True) as answer:
                    if answer.status_code == 429:  # it has been asked for often: as it says, later
                        answer.success()
                        gevent.sleep(float(answer.headers.get("Retry-After") or 1))
                    elif answer.status_code == 201:
                        account.token = answer.json()["token"]
                    else:
                        gevent.sleep(1)
        self.headers = {"Authorization": f"Bearer {account.token}"}
        self.todos: list[int] = []

    @task(6)
    def look(self) -> None:
        """Look at the list."""
        self.client.get("/api/todos", headers=self.headers)

    @task(2)
    def add(self) -> None:
        """Add one more todo; where there are enough, the oldest goes."""
        if len(self.todos) >= KEPT:
            self.client.delete(f"/api/todos/{self.todos.pop(0)}", name="/api/todos/ID", headers=self.headers)
            return
        answer = self.client.post("/api/todos", json={"title": "water the plants"}, headers=self.headers)
        if answer.status_code == 201:
            self.todos.append(answer.json()["id"])

    @task(2)
    def complete(self) -> None:
        """Mark the newest todo as done."""
        if self.todos:
            path = f"/api/todos/{self.todos[-1]}"
            self.client.patch(path, json={"done": True}, name="/api/todos/ID", headers=self.headers)


class Shape(LoadTestShape):
    """As many people as the control file says."""

    def tick(self) -> tuple[int, float] | None:
        """Return (people, how many come or go a second), or None at the end."""
        options = self.runner.environment.parsed_options
        if self.get_run_time() > options.longest:
            return None
        try:
            users, rate = Path(options.control).read_text().split()
        except (OSError, ValueError):
            return None
        return (int(users), float(rate)) if int(users) else None


@events.init_command_line_parser.add_listener
def add_options(parser, **_: object) -> None:  # type: ignore[no-untyped-def]
    """Add the options of this file."""
    parser.add_argument("--control", required=True, help="the file that says how many people there are")
    parser.add_argument("--longest", type=float, default=900.0, help="seconds after which it ends in any case")


@events.request.add_listener
def remember(request_type: str, name: str, response_time: float, exception: object, **_: object) -> None:
    """Count a request."""
    second.times.append(response_time)
    if exception:
        second.problems[f"{request_type} {name}: {exception}"] += 1


@events.test_start.add_listener
def report(environment, **_: object) -> None:  # type: ignore[no-untyped-def]
    """Print a line every second from now on."""

    def tell() -> None:
        global second
        while True:
            gevent.sleep(1)
            done, second = second, Second()
            sys.stdout.write(done.line(environment.runner.user_count) + "\n")
            sys.stdout.flush()

    gevent.spawn(tell)
