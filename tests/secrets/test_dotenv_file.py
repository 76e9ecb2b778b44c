"""A .env means here what it means to every other program, and what cannot be read is named by its line, never shown."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import SettingsError
from scripts.secrets import dotenv_file, sync

DIALECT = """\
PLAIN=sk-1 # a comment, no part of the key
HASH='sk-1 # part of it'
export EXPORTED="line one\\nline two"
 INDENTED = spaced
SEVERAL="first
second"
REFERENCE=${PLAIN}/v1
EMPTY=
BARE
my-tool.setting=foreign
"""


def test_the_whole_dialect_is_spoken() -> None:
    found = dotenv_file.parse(DIALECT, ".env")
    assert found["PLAIN"] == "sk-1" and found["HASH"] == "sk-1 # part of it"
    assert found["EXPORTED"] == "line one\nline two" and found["SEVERAL"] == "first\nsecond"
    assert found["INDENTED"] == "spaced" and found["REFERENCE"] == "sk-1/v1"
    assert "BARE" not in found and found["EMPTY"] == ""


def test_a_foreign_name_stops_nothing(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("spring.datasource-url=x\nA=1\n")
    assert sync.known_variables(tmp_path, {})["A"] == "1"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom"])
def test_what_editors_save_is_read(tmp_path: Path, encoding: str) -> None:
    text = "NAME=caf\u00e9\r\nB=2\r\n"
    content = b"\xff\xfe" + text.encode("utf-16-le") if encoding.endswith("bom") else text.encode(encoding)
    (tmp_path / ".env").write_bytes(content)
    assert dotenv_file.read(tmp_path / ".env", ".env") == {"NAME": "caf\u00e9", "B": "2"}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("A=1\nKEY=secr\u00e9t\n".encode("latin-1"), "line 2: not UTF-8"),
        ("A=1\nB=2\n".encode("utf-16-be"), "line 1: not UTF-8"),
        (b"A=1\nsk-secret\n", "line 2: not NAME=value"),
        (b"A=1\n\nB='secret\n", "line 3: not NAME=value"),
        ("A=1\n\u200bKEY=secret\n".encode(), r"line 2: \\u200bKEY: a name with an invisible sign"),
    ],
)
def test_what_cannot_be_read_is_named_by_its_line_and_not_shown(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / ".env").write_bytes(content)
    with pytest.raises(SettingsError, match=said) as refused:
        dotenv_file.read(tmp_path / ".env", ".env")
    assert "secr" not in str(refused.value) and refused.value.hint


def test_a_folder_of_that_name_is_refused(tmp_path: Path) -> None:
    (tmp_path / ".env").mkdir()
    with pytest.raises(SettingsError, match="is a folder"):
        sync.known_variables(tmp_path, {})


@given(st.binary(max_size=200))
def test_no_content_ends_in_a_traceback(content: bytes) -> None:
    try:
        dotenv_file.parse(dotenv_file.decoded(content, ".env"), ".env")
    except SettingsError as refused:
        assert str(refused).startswith(".env: line ")
