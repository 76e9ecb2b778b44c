# ruff: noqa: E501 tables are read along their lines
"""How much of a few hundred secrets the redaction hides, and how little else; and that a long text takes no longer a letter."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scripts.secrets import shapes
from scripts.secrets.redact import redact, restore
from tests.support.secret_corpus import LOOKALIKES, secrets

CORPUS = secrets()
# Fragments of which a pathological line is made: what patterns begin with, without what they end with.
FRAGMENTS = (
    "-----BEGIN PRIVATE KEY-----", "eyJa", "eyJ", "a://", "postgres://", "password", "password=", "password: ", "secret ", "--", "-u ", "mysql ", "cookie:", "\"args\":[", "\"a\",",
    "\"data\":{", "\"name\":\"a\",", "\"value\":", "\\", "\"", "@", "a@", "a.", "key", "A", "a1B", "=", ":", " ", "\n", "- ", "args:\n", "data:\n", "  a: b\n", "Authorization:", "htpasswd -b ", "//a:", "PuTTY-User-Key-File-2:",
)  # fmt: skip


def test_the_corpus_is_large_enough() -> None:
    assert len(CORPUS) >= 300 and len(LOOKALIKES) >= 100


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "text", "secret"), CORPUS, ids=[f"{kind}-{n}" for n, (kind, *_) in enumerate(CORPUS)])
def test_a_secret_does_not_leave(kind: str, text: str, secret: str) -> None:
    safe, mapping = redact(text)
    assert secret not in safe, safe
    assert restore(safe, mapping) == text


@pytest.mark.slow
@pytest.mark.parametrize("row", shapes.ROWS, ids=[f"{row[0]}-{n}" for n, row in enumerate(shapes.ROWS)])
def test_no_pattern_matches_where_none_of_its_words_is(row: shapes.Row) -> None:
    """So that to leave a pattern out where they are missing hides no less: in the corpus, and in what fits by chance."""
    _, words, pattern = row

    def agrees(text: str) -> bool:
        return not words or not words.isdisjoint(shapes.words_in(text)) or not pattern.search(text)

    assert all(agrees(text) for text in (*(text for _, text, _ in CORPUS), *LOOKALIKES))

    @settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.from_regex(pattern))
    def by_chance(text: str) -> None:
        assert agrees(text)

    by_chance()


@pytest.mark.parametrize("text", LOOKALIKES)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redact(text)[0] == text


@pytest.mark.slow
@pytest.mark.parametrize("fragment", FRAGMENTS)
def test_a_long_repetition_ends(fragment: str) -> None:
    text = fragment * (30_000 // len(fragment))
    safe, mapping = redact(text)
    assert restore(safe, mapping) == text


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), min_size=2, max_size=4), st.sampled_from(["", "x", "@h", "\n", '"]']))
def test_long_mixtures_end_and_come_back(parts: list[str], end: str) -> None:
    text = "".join(parts) * (10_000 // len("".join(parts))) + end
    safe, mapping = redact(text)
    assert restore(safe, mapping) == text


def test_a_secret_of_bytes_that_are_no_text_does_not_leave_either() -> None:
    """What the environment or a file holds need not be UTF-8: Python keeps such a byte as half a surrogate."""
    for secret in (b"caf\xe9-latin-1".decode(errors="surrogateescape"), "half \ud800 a pair"):
        safe, mapping = redact(f"it is {secret}, and caf%E9-latin-1", [secret])
        assert secret not in safe and restore(safe, mapping) == f"it is {secret}, and caf%E9-latin-1"


@given(st.text(max_size=300))
def test_whatever_the_text_it_comes_back(text: str) -> None:
    safe, mapping = redact(text)
    assert restore(safe, mapping) == text
