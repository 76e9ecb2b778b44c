"""What a message's todos are judged by, and how fast it is asked."""

from datetime import UTC, datetime

import pytest

from scripts.verify import zero_downtime
from scripts.verify.http_load import (
    CHAT_PAUSE,
    CHATS,
    CLIENTS,
    PAUSE,
    TODOS,
    Failure,
    Result,
    chat_pause,
    lost_or_doubled,
    pause,
)


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


def test_few_requests_are_spread_and_many_come_as_fast_as_users_may_ask() -> None:
    assert CLIENTS / pause(4_000) * 60 == pytest.approx(4_000)
    assert pause(1_000_000) == PAUSE
    assert CLIENTS / pause(0) > 5, "a second, so that every change is met"


def test_messages_are_spread_as_the_requests_are_and_their_tool_calls_are_as_many() -> None:
    assert CHATS * TODOS / chat_pause(700) * 60 == pytest.approx(700)
    assert chat_pause(1_000_000) == CHAT_PAUSE


def test_failures_are_told_in_words_and_alike_ones_together() -> None:
    lost = [Failure(3.25 + number, "replace mcp", "/api/chat", number > 0, "502") for number in range(3)]
    result = Result(failures=[*lost, Failure(9, "upgrade", "/", False, "refused")])
    assert zero_downtime.problems(result) == [
        "replace mcp: /api/chat: 502, 3 times from second 3.2 on, 2 of them on a connection that was kept",
        "upgrade: /: refused, 1 times from second 9.0 on, 0 of them on a connection that was kept",
    ]
    assert zero_downtime.problems(result, most=1)[-1] == "1 more kinds of failure"


def test_pods_that_were_not_ready_are_told_beside_what_failed() -> None:
    def event(pod: str, at: str, message: str, reason: str = "Unhealthy") -> dict[str, object]:
        about = {"kind": "Pod", "name": pod}
        return {"reason": reason, "message": message, "lastTimestamp": at, "involvedObject": about}

    events = [
        event("page-2", "2026-11-26T12:00:09Z", "Readiness probe failed: context\n deadline exceeded"),
        event("page-1", "2026-11-26T12:00:05Z", "Readiness probe failed: HTTP probe failed with statuscode: 503"),
        event("page-0", "2026-11-26T11:59:00Z", "Readiness probe failed: of the day before"),
        event("page-1", "2026-11-26T12:00:06Z", "Startup probe failed: refused"),
        event("page-1", "2026-11-26T12:00:07Z", "Readiness is a word of others too", "Pulled"),
    ]
    told = zero_downtime.unready(events, datetime(2026, 11, 26, 12, tzinfo=UTC))
    assert told == [
        "meanwhile, last at second 5: page-1: Readiness probe failed: HTTP probe failed with statuscode: 503",
        "meanwhile, last at second 9: page-2: Readiness probe failed: context deadline exceeded",
    ]
    lost = Failure(5, "restart", "/", False, "refused")
    assert zero_downtime.problems(Result(failures=[lost], meanwhile=told))[1:] == told
