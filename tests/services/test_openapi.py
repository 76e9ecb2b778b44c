"""Schemathesis against the running backend: every answer fits the OpenAPI document, whatever is sent."""

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
import schemathesis
from conftest import App, Person, Run, start_app
from hypothesis import HealthCheck, given, settings
from processes import DIRECT, SECRETS, START_SECONDS, Postgres
from schemathesis import Case, GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from todo_backend.app import create_api
from todo_backend.settings import Settings

NO_LIMITS = {f"RATE_LIMIT_{name}": "1000000/minute" for name in ("AUTH", "LOGIN", "API", "CHAT")}
OWN_TESTS = {"/api/auth/logout"}
"""Ends the session that all other requests need."""


def _document() -> dict[str, Any]:
    """The OpenAPI document, from an app that is never started."""
    api, _ = create_api(Settings.from_env({"DATABASE_URL": "postgresql://none", **SECRETS}))
    document: dict[str, Any] = api.openapi()
    return document


DOCUMENT = _document()
OPERATIONS = {
    f"{result.ok().method.upper()} {result.ok().path}": result.ok()
    for result in schemathesis.openapi.from_dict(DOCUMENT).get_all_operations()
    if result.ok().path not in OWN_TESTS
}


@pytest.fixture(scope="module")
def fuzzed(postgres: Postgres, run_long: Run) -> App:
    """An app of its own: what schemathesis leaves behind is nobody else's."""
    return start_app(run_long, postgres.new_database(), NO_LIMITS)


@pytest.fixture(scope="module")
def fuzzer(fuzzed: App) -> Iterator[Person]:
    """Who sends all this."""
    person = Person(fuzzed.backend.url, "schemathesis")
    yield person
    person.http.close()


def test_the_document_is_complete(fuzzed: App, fuzzer: Person) -> None:
    assert fuzzer.http.get("/api/openapi.json").json() == DOCUMENT
    assert len(OPERATIONS) >= 10


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_answer_is_documented(operation: str, mode: GenerationMode, fuzzed: App, fuzzer: Person) -> None:
    strategy = OPERATIONS[operation].as_strategy(generation_mode=mode)

    @settings(
        max_examples=5 if "chat" in operation else 15,
        deadline=None,
        suppress_health_check=list(HealthCheck),
        derandomize=True,
        database=None,
    )
    @given(case=strategy)
    def check(case: Case) -> None:
        headers = {"authorization": f"Bearer {fuzzer.token}"}
        # That check means to leave the token out, but leaves in what is given here; the next test does it itself.
        case.call_and_validate(
            base_url=fuzzed.backend.url, headers=headers, excluded_checks=[ignored_auth], timeout=START_SECONDS
        )

    check()


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("token", ["", "Bearer nonsense", "Basic dXNlcjpwYXNz"])
def test_nothing_but_the_door_is_open_without_a_token(operation: str, token: str, fuzzed: App) -> None:
    method, path = operation.split()
    if path in ("/api/auth/register", "/api/auth/login"):
        return
    url = fuzzed.backend.url + path.replace("{todo_id}", "1")
    headers = {"authorization": token} if token else {}
    body = {"title": "x", "message": "x"} if method == "POST" else {}
    answer = httpx2.request(method, url, headers=headers, json=body, **DIRECT)
    assert answer.status_code == 401
