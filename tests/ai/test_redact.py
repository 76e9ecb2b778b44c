"""No secret leaves in a prompt, and what comes back can be read."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.secrets.redact import redact, redact_all, restore, summary
from scripts.secrets.settings_in_text import literals

# Shapes of real keys, assembled here so that no scanner takes this file for a leak.
SHAPES = {
    "aws": "AKIA" + "IOSFODNN7EXAMPLE",
    "google": "AIza" + "SyA1234567890abcdefghijklmnopqrstuv",
    "github": "ghp_" + "a1B2c3D4" * 5,
    "github fine": "github_pat_" + "11ABCDEFG0" * 4,
    "openai": "sk-" + "proj-" + "Ab3dEf6hIj9lMn2pQr5t",
    "anthropic": "sk-" + "ant-api03-" + "x" * 40,
    "slack": "xoxb-" + "123456789012-abcdefGHIJKL",
    "jwt": "eyJhbGciOiJIUzI1NiJ9." + "eyJzdWIiOiIxIn0" + ".c2lnbmF0dXJl",
    "postgres": "postgresql://todo:" + "s3cr3t@db.example.org:5432/todo",
    "mongo": "mongodb+srv://u:" + "p%40ss/word@cluster0.mongodb.net/?x=1",
    "email": "jane.doe+todo@mail.example.org",
    "stripe": "sk_" + "live_" + "4eC39HqLyjWDarjtT1zdp7dc",
    "key": "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA7\n" * 3 + "-----END RSA PRIVATE KEY-----",
}
SECRET = st.text(min_size=4, max_size=60).filter(lambda text: len(text.strip()) >= 4)


@pytest.mark.parametrize("kind", SHAPES)
def test_the_shape_of_a_secret_is_enough(kind: str) -> None:
    secret = SHAPES[kind]
    text = f"before\nthe value {secret} after"
    safe, mapping = redact(text)
    assert secret not in safe and secret in "".join(mapping.values())
    assert safe.startswith("before\nthe value <") and safe.rstrip("-").endswith("after")
    assert restore(safe, mapping) == text


@pytest.mark.parametrize(
    "line",
    [
        "password: hunter2",
        'password="hun ter2"',
        '{"password": "hunter2"}',
        "PGPASSWORD=hunter2 psql",
        "host=db user=todo password=hunter2 dbname=todo",
        "Server=db;Uid=todo;Pwd=hunter2;",
        "Authorization: Basic hunter2",
        "Authorization: Bearer hunter2",
        "AUTH_SECRET=hunter2",
        "api_key: hunter2",
        "aws_secret_access_key = hunter2",
        "https://host/path?token=hunter2&x=1",
        'log: {\\"password\\": \\"hunter2\\"}',
    ],
)
def test_a_value_whose_key_says_so_is_a_secret(line: str) -> None:
    safe, mapping = redact(line)
    assert "ter2" not in safe and restore(safe, mapping) == line


@pytest.mark.parametrize(
    "line",
    [
        'secret "database-secrets" not found',
        "secretName: database-secrets",
        "couldn't find key DATABASE_URL in Secret chatbot-dev/database-secrets",
        "automountServiceAccountToken: false",
        "MODEL_MAX_TOKENS: 1024",
        "http://backend-service:8000/api/todos?x=1",
        "todo-chatbot/backend@sha256:0123456789abcdef",
        "postgresql://database:5432/todo refused the connection",
        "basic authentication failed",
    ],
)
def test_what_a_diagnosis_needs_is_kept(line: str) -> None:
    assert redact(line) == (line, {})


@given(st.lists(SECRET, min_size=1, max_size=4), st.lists(st.text(max_size=30), min_size=5, max_size=5))
def test_no_given_secret_survives_and_all_come_back(secrets: list[str], parts: list[str]) -> None:
    pieces = [part for pair in zip(parts, [*secrets, ""] * 5, strict=False) for part in pair]
    text = "".join(pieces)
    safe, mapping = redact(text, secrets)
    assert restore(safe, mapping) == text
    for secret in secrets:
        outside = safe
        for name in mapping:
            outside = outside.replace(name, "\0")
        assert secret not in outside or "\0" in secret


@given(SECRET, st.binary(max_size=5), st.binary(max_size=5))
def test_base64_hides_nothing_at_any_alignment(secret: str, before: bytes, after: bytes) -> None:
    secret = secret + "-long-enough"
    encoded = base64.b64encode(before + secret.encode(errors="surrogatepass") + after).decode()
    safe, mapping = redact(f"data: {encoded}", [secret])
    assert encoded not in safe and restore(safe, mapping) == f"data: {encoded}"
    visible = safe.removeprefix("data: ")
    for name in mapping:
        visible = visible.replace(name, "")
    assert len(visible) <= 20  # what belongs to the neighbours


@given(SECRET)
def test_other_spellings_hide_nothing(secret: str) -> None:
    secret = secret.encode(errors="ignore").decode() + "&/é"
    for spelling in (quote(secret, safe=""), json.dumps(secret), base64.urlsafe_b64encode(secret.encode()).decode()):
        safe, _ = redact(f"[{spelling}]", [secret])
        assert spelling.strip('"') not in safe


def test_the_password_inside_of_a_known_connection_string_is_a_secret_too() -> None:
    safe, _ = redact("connected with correct-horse", ["postgresql://todo:correct-horse@db/todo"])
    assert safe == "connected with <SECRET_1>"


def test_a_line_of_a_known_key_is_a_secret_too() -> None:
    safe, _ = redact("  MIIEowIBAAKCAQEA7\n", [SHAPES["key"]])
    assert safe == "  <SECRET_1>\n"


def test_placeholders_are_stable_over_several_texts() -> None:
    safe, mapping = redact_all(["a@example.org", "b@example.org a@example.org"])
    assert safe == ["<EMAIL_1>", "<EMAIL_2> <EMAIL_1>"]
    assert mapping == {"<EMAIL_1>": "a@example.org", "<EMAIL_2>": "b@example.org"}


def test_a_placeholder_that_stands_in_the_text_already_is_not_given_again() -> None:
    text = "<EMAIL_1> wrote to a@example.org"
    safe, mapping = redact(text)
    assert safe == "<EMAIL_1> wrote to <EMAIL_2>"
    assert restore(safe, mapping) == text


def test_a_placeholder_never_spells_a_secret() -> None:
    safe, mapping = redact("the word is SECRET", ["SECRET"])
    assert "SECRET" not in safe and restore(safe, mapping) == "the word is SECRET"


def test_a_truncated_private_key_is_hidden_whole() -> None:
    safe, _ = redact(SHAPES["key"].rpartition("-----END")[0])
    assert "MII" not in safe


def test_a_long_line_takes_no_time() -> None:
    redact("x" * 300_000 + "@" + "eyJ" * 50_000)


def test_the_summary_tells_kinds_not_values() -> None:
    _, mapping = redact(f"{SHAPES['email']} {SHAPES['aws']}")
    assert summary(mapping) == "2 values redacted (1 cloud key, 1 email)"
    assert summary({}) == "0 values redacted"


def test_a_plain_word_is_hidden_beside_its_setting_and_leaves_names_and_paths_whole() -> None:
    entry = {"name": "POSTGRES_USER", "value": "todo"}
    secret = {"name": "POSTGRES_PASSWORD", "value": "todo"}
    telling = {"name": "POSTGRES_USER", "value": "todo-41x"}

    def hidden(*env: dict[str, str]) -> list[str]:
        return list(literals([{"kind": "Pod", "spec": {"containers": [{"name": "a", "env": list(env)}]}}]))

    assert hidden(entry) == [] and hidden(secret) == ["todo"] and hidden(telling) == ["todo-41x"]
