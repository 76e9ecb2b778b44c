"""What kubectl streams is read document by document, whichever way it writes them."""

import json

import pytest

from scripts.kube.kubectl import documents

EVENTS = [{"type": "ADDED", "object": {"a": {"b": "}"}}}, {"type": "MODIFIED", "object": {}}]


@pytest.mark.parametrize("indent", [None, 4])
def test_a_stream_is_read_as_it_comes(indent: int | None) -> None:
    lines = [line for event in EVENTS for line in json.dumps(event, indent=indent).splitlines()]
    assert list(documents(lines)) == EVENTS


def test_half_a_document_is_not_read() -> None:
    assert list(documents(["{", '  "type": "ADDED"'])) == []
