"""The URL of a database is checked before anything is deployed, understood or named, and never shown."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.secrets.database_url import parsed, understood

LIBPQ = {"scheme": "postgresql"}
BASE = "postgresql://ada:s3cret@db.example.org:6543/todo"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ""),
        ("?sslmode=require&channel_binding=require", "?sslmode=require&channel_binding=require"),
        ("?pgbouncer=true&connection_limit=1", ""),
        ("?ssl=true", "?sslmode=require"),
        ("?ssl=no-verify", "?sslmode=require"),
        ("?sslmode=require&supa=base-pooler.x", "?sslmode=require"),
        ("?ssl=true&sslmode=verify-full", "?sslmode=verify-full"),
        ("?schema=app", "?options=-csearch_path%3Dapp"),
        ("?options=endpoint%3Dep-1&schema=app", "?options=endpoint%3Dep-1%20-csearch_path%3Dapp"),
    ],
)
def test_what_other_tools_write_into_a_url_is_understood(query: str, expected: str) -> None:
    assert understood(BASE + query, LIBPQ) == (BASE + expected, "")


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("?sslmode=require&channel_binding=require", "?ssl=require"),
        ("?ssl=true", "?ssl=require"),
        ("?sslmode=no-verify&supa=base-pooler.x", "?ssl=require"),
        ("?pgbouncer=true&connection_limit=1", "?prepared_statement_cache_size=0"),
        ("?pgbouncer=true&prepared_statement_cache_size=9", "?prepared_statement_cache_size=9"),
        ("?schema=public&sslaccept=strict", ""),
    ],
)
def test_asyncpg_gets_no_parameter_that_it_would_end_by(query: str, expected: str) -> None:
    """SQLAlchemy hands each on to it by name, and it knows few: "unexpected keyword argument 'pgbouncer'"."""
    asyncpg = {"scheme": "postgresql+asyncpg"}
    assert understood(BASE + query, asyncpg) == (BASE.replace("postgresql", "postgresql+asyncpg") + expected, "")
    for wrong in ("schema=app", "sslrootcert=system", "sslmode=enabled"):
        assert understood(f"{BASE}?{wrong}", asyncpg)[1]


def test_a_driver_that_is_not_known_gets_its_own_parameters() -> None:
    assert understood(BASE + "?schema=public&pgbouncer=true", {}) == (BASE + "?schema=public&pgbouncer=true", "")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("mysql://ada:s3cret@host/todo", "does not begin with postgresql://"),
        ("ada:s3cret@host/todo", "does not begin with postgresql://"),
        ("'postgresql://ada:s3cret@host/todo'", "begins with a quote"),
        ("psql 'postgresql://ada:s3cret@host/todo'", "is a whole line with a URL in it"),  # as a provider shows it
        ("DATABASE_URL=postgresql://ada:s3cret@host/todo", "is a whole line with a URL in it"),
        ("", "is empty"),
        ("postgresql://ada:@host/todo", "has no password after its :"),  # ${PASSWORD} stands in a later line of .env
        ("postgresql://ada:s3cret@host/todo&sslmode=require", "holds a & before its parameters"),
        ("postgresql://ada:s3cret@%2Fvar%2Frun/todo", "names a socket in a machine's files"),
        ("postgresql://ada:s3cret@host/todo?sslmode=enabled", "has an sslmode that no PostgreSQL client knows"),
        ("postgresql://ada:s3cret@host/todo/", "has a / or a ; after the database's name"),
        ("postgresql://ada:s3cret@host/todo;", "has a / or a ; after the database's name"),
        ("postgresql://ada:s3cret@host/todo\n", "the end of a line"),
        ("postgresql://ada:s3c@ret@host/todo", "second @"),
        ("postgresql://ada:s3c#ret@host/todo", "%23"),
        ("postgresql://ada:s3c/ret@host/todo", "%2F"),
        ("postgresql://ada:s3cret%@host/todo", "%25"),
        ("postgresql://ada:s3cret@host:port/todo", "names a port or host that is none"),
        ("postgresql://ada:s3cret@host:99999/todo", "names a port or host that is none"),
        ("postgresql://ada:s3cret@/todo", "names no host"),
        ("postgresql:///todo?host=/run", "names no host"),
        ("postgresql://ada:s3cret@host", "names no database"),
        ("postgresql://USER:PASSWORD@host/db", "still an example"),
        ("postgresql://ada:<s3cret>@host/db", "still an example"),
        ("postgresql://ada:s3cret@one,two/todo", "several hosts"),
        ("postgresql://ada:s3cret@localhost:5432/todo", "this machine's loopback"),
        ("postgresql://ada:s3cret@127.0.0.2/todo", "this machine's loopback"),
        ("postgresql://ada:s3cret@[::1]:5432/todo", "this machine's loopback"),
        ("postgresql://ada:s3c\udcffret@host/todo", "no UTF-8"),
        (BASE + "?sslmod=require", "the parameter sslmod,"),
    ],
)
def test_what_is_wrong_with_a_url_is_named_without_any_of_it(url: str, said: str) -> None:
    problem = understood(url, LIBPQ)[1]
    assert said in problem
    assert "s3c" not in problem and "ada" not in problem and "example.org" not in problem


def test_the_parts_are_what_was_meant() -> None:
    parts = parsed("postgres://a%40b:p%2Fw%3F@[::1]/todo?sslmode=require")
    assert (parts.user, parts.password, parts.host, parts.port) == ("a@b", "p/w?", "::1", 5432)
    assert parts.database == "todo" and "p/w" not in repr(parts)


@given(st.text(max_size=60))
def test_no_text_ends_in_a_traceback_or_in_its_own_message(text: str) -> None:
    for url in (text, f"postgresql://{text}", f"postgresql://u:{text}@h/d"):
        _, problem = understood(url, LIBPQ)
        assert len(text) < 12 or text not in problem
