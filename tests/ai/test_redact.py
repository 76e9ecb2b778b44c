"""No secret leaves in a prompt, and what comes back can be read."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
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
        "authorization: none",
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@given(SECRET)
def test_other_spellings_hide_nothing(secret: str) -> None:
    secret = secret.encode(errors="ignore").decode() + "&/é"
    for spelling in (quote(secret, safe=""), json.dumps(secret), base64.urlsafe_b64encode(secret.encode()).decode()):
        safe, _ = redact(f"[{spelling}]", [secret])
        assert spelling.strip('"') not in safe


SPELLINGS: dict[str, Callable[[str], str]] = {
    "hexadecimal": lambda text: text.encode().hex(),
    "hexadecimal in capitals": lambda text: text.encode().hex().upper(),
    "base32": lambda text: base64.b32encode(text.encode()).decode(),
    "a form's blanks": lambda text: quote(text, safe="").replace("%20", "+"),
    "all percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "all escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "octal escapes": lambda text: "".join(f"\\{byte:03o}" for byte in text.encode()),
    "entities": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "entities in hexadecimal": lambda text: "".join(f"&#x{ord(char):x};" for char in text),
    "JSON in JSON": lambda text: json.dumps(json.dumps(text)),
    "bytes of Python": lambda text: repr(text.encode()),
}


@pytest.mark.parametrize("secret", ["correct-horse-battery", "S3cr3t/Va+lue==x", "pa ss wo rd 9", "t\u00fccke-99-x"])
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_known_value_is_found_in_every_spelling(spelling: str, secret: str) -> None:
    written = SPELLINGS[spelling](secret)
    safe, mapping = redact(f"value {written} end", [secret])
    assert written.strip("\"'b\\=") not in safe and restore(safe, mapping) == f"value {written} end"


@pytest.mark.parametrize(
    "text",
    [
        "password is: correct-horse",
        "the passphrase was: correct-horse",
        "dbpass=correct-horse",
        "bindpw: correct-horse",
        "ldap bindpw correct-horse9",
        "Server=h;Uid=u;Pwd=correct-horse",
        "Pwd=correct-horse;Server=h",
        "secret: !vault correct-horse",
        "security_code: correct-horse",
        "bearer correct-horse!9",
        "password for db is correct-horse9",
        "pass phrase is correct-horse9",
        "radius secret correct-horse9",
        "recovery code: correct-horse9",
        "wifi psk=correct-horse9",
        "chpasswd <<< app:correct-horse",
        "useradd -m -p correct-horse app",
        "ssh-keygen -t ed25519 -N correct-horse -f x",
        "net use z: /user:app correct-horse",
        "ACL SETUSER app on >correct-horse ~*",
        "snmp-server community correct-horse ro",
        "JAVA_OPTS=-Xmx1g -Ddb.password=correct-horse",
        "JAVA_OPTS=correct-horse",
    ],
)
def test_a_value_is_announced_in_many_ways(text: str) -> None:
    assert "correct-horse" not in redact(text)[0]


def test_what_is_neither_a_word_nor_drawn_is_announced_too() -> None:
    words = "abandon ability able about above absent absorb abstract absurd abuse access accident"
    assert redact(f"seed phrase: {words}")[0] == "seed phrase: <SECRET_1>"
    plain = base64.b64encode(b"\0app\0correct-horse").decode()
    assert plain not in redact(f"C: AUTH PLAIN {plain}")[0]


@pytest.mark.parametrize(
    "text",
    [
        "API_TOKENS=correct-horse",
        "AUTHORIZATION=correct-horse",
        "AUTHOR_KEY=correct-horse",
        "KEYSPACE_PASSWORD=correct-horse",
        "TOKENIZER_TOKEN=correct-horse",
        "SESSION_SECRET_LENGTH=correct-horse",
        "AUTH_METHOD=correct-horse9battery",
        "DBNAME=correct-horse-9x$",
        "OWNER=correct-horse4711staple",
    ],
)
def test_a_name_that_looks_harmless_hides_its_value_where_it_is_none(text: str) -> None:
    assert text.partition("=")[2] not in redact(text)[0]


@pytest.mark.parametrize("text", ["pin=739104", "PIN: 739104", '"pin": "7391"'])
def test_a_number_that_opens_something_is_hidden(text: str) -> None:
    assert "7391" not in redact(text)[0]


@pytest.mark.parametrize(
    "text",
    [
        "password is: required",
        "PWD=/app",
        "OLDPWD=/srv/app",
        "bypass=on",
        "compass: north",
        "pinned: 2 of 3",
        "pin: true",
        "spin=1234",
        "Bearer authentication is on",
        "C:\\temp\\001",
        "&#8203;",
        # Words of secrets as the beginning or the end of other words, and what others call things.
        "AUTHOR=Bob",
        "GIT_AUTHOR_NAME=Bob Miller",
        "MAINTAINER=platform-team",
        "KEYSPACE=app",
        "KEYBOARD=us",
        "KEYWORDS=todo",
        "POSTGRES_DB=chatbot",
        "KAFKA_TOPIC=orders.created.v1",
        "S3_BUCKET=reports-2026",
        "CONSUMER_GROUP=billing",
        "TOKENIZER=bert-base",
        "COMPASS_MODE=north",
        # How long, whether, and in which way.
        "SESSION_TIMEOUT=30m",
        "ACCESS_TOKEN_EXPIRE_MINUTES=30",
        "JWT_TOKEN_TTL=3600",
        "PASSWORD_MIN_LENGTH=12",
        "AUTH_ENABLED=true",
        "SESSION_COOKIE_SECURE=true",
        "TOKEN_ALGORITHM=HS256",
        "JAVA_OPTS=-Xmx512m",
        "SECRET_NAME=backend-secrets",
        "DB_PASSWORD_FILE=/run/secrets/db",
        "The secret of good logs is brevity",
        'psycopg.errors.InvalidPassword: FATAL: password authentication failed for user "app"',
        "ExpiredToken: The security token included in the request is expired",
        "MissingSecret: Please define a secret",
        "SESSION_DRIVER=redis",
        "COOKIE_SAMESITE=lax",
        "MAX_TOKENS=1000000",
        '{"name":"KEYSPACE","value":"app"}',
        "env:\n- name: AUTHOR\n  value: Bob",
    ],
)
def test_what_only_looks_alike_stays(text: str) -> None:
    assert redact(text)[0] == text


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


@pytest.mark.slow
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


@pytest.mark.parametrize(
    "text",
    [
        "{}\n{}",
        "{}\r\n    {}",
        "{}\\\n{}",
        "{}=\n{}",
        '"{}" "{}"',
        "'{}' + '{}'",
        "2026-01-01T00:00:00Z {}\n2026-01-01T00:00:00Z {}",
    ],
)
def test_a_known_value_that_is_broken_over_two_lines_is_hidden(text: str) -> None:
    secret = "Zx9-kLm2#Qw7vBn4"
    text = f"before {text.format(secret[:8], secret[8:])} after"
    safe, mapping = redact(text, [secret])
    assert "Zx9" not in safe and "vBn4" not in safe and "before" in safe and "after" in safe
    assert restore(safe, mapping) == text


# What reports quote: a command with the name of a variable where the secret will be.
VARIABLES = (
    "Authorization: Bearer $TOKEN", 'curl -H "Authorization: Bearer $TOKEN" http://api/x',
    "Authorization: Bearer ${API_TOKEN}", "Authorization: Bearer <token>", "Authorization: Bearer {token}",
    "Authorization: Bearer {{ token }}", "Authorization: Bearer $(cat /var/run/token)",
    "Authorization: Bearer undefined",
    "Authorization: Bearer ${{ secrets.TOKEN }}", "Authorization: token $GITHUB_TOKEN", "Authorization: Bearer %s",
    "API_KEY=$OPENAI_API_KEY", 'export A_SECRET="${B_SECRET}"', "docker build --build-arg TOKEN=$TOKEN .",
    "password=$password", "docker login -u me -p $DOCKER_PASSWORD", "db.password: $env:DB_PASSWORD",
)  # fmt: skip
BEGINNING_WITH_A_DOLLAR = ("$ecret", "$Ecret1x", "$uperman99", "$uper$ecret1", "$PASS$WORD", "$PASSWORDx1")


@pytest.mark.parametrize("text", VARIABLES)
def test_the_name_of_a_variable_is_no_secret(text: str) -> None:
    assert redact(text) == (text, {})


@pytest.mark.parametrize("form", ["password={}", "DB_PASSWORD={}", "password: {}", 'PASSWORD="{}"', "pass={}"])
@pytest.mark.parametrize("password", BEGINNING_WITH_A_DOLLAR)
def test_a_password_that_begins_as_a_variable_does_is_hidden(form: str, password: str) -> None:
    safe, _ = redact(form.format(password))
    assert password not in safe
