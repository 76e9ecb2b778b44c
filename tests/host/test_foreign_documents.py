"""A document that a person or another program wrote is no document for more than one reason: one reader knows them."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.adopt import documents
from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.parsing import Unreadable
from scripts.host.paths import ROOT

READERS = ("json.loads", "json.load", "tomllib.loads", "tomllib.load")
# These run without the product's modules: in a container, in locust, in place of kubectl.
ALONE = {
    "host/parsing.py", "dev/reload.py", "verify/scaling/locustfile.py", "ai/evaluation/recorded_kubectl.py",
    "supplychain/inventory.py",
}  # fmt: skip


def readers(source: str) -> Iterator[int]:
    """The lines that read JSON, YAML or TOML by another way than the one there is."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if name in READERS or (name.startswith("yaml.") and "load" in name.removeprefix("yaml.")):
                yield node.lineno


@pytest.mark.slow
def test_there_is_one_reader_of_what_others_wrote() -> None:
    files = [file for file in (ROOT / "scripts").rglob("*.py") if str(file.relative_to(ROOT / "scripts")) not in ALONE]
    assert len(files) > 200
    assert not [f"{file}:{line}" for file in files for line in readers(file.read_text(encoding="utf-8"))]


def test_the_proof_finds_one() -> None:
    assert list(readers("a = json.loads(text)\nb = yaml.safe_load_all(text)\nc = yaml.dump(b)\n")) == [1, 2]


BOMB = "a: &a [x, x]\n" + "".join(
    f"{b}: &{b} [*{a}, *{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghijk", "bcdefghijkl", strict=True)
)
DEEP = 200_000
PLACES = {  # what takes an address apart by itself, each time with a guard of its own, as the answer differs
    "host/parsing.py", "secrets/database_url.py", "secrets/redact.py", "ai/options.py", "kube/queries.py",
}  # fmt: skip


@pytest.mark.parametrize("text", ["tcp://[::1", "http://h:abc", "http://h:99999", "http://[x]/", "", "//"])
def test_an_address_that_is_none_has_no_parts(text: str) -> None:
    assert parsing.from_url(text).hostname is None
    assert (parsing.from_url("http://h:8/a").hostname, parsing.from_url("http://h:8/a").port) == ("h", 8)


@given(st.text())
def test_any_text_may_be_taken_for_an_address(text: str) -> None:
    parts = parsing.from_url(text)
    assert parts.port is None or 0 <= parts.port < 65536


def test_addresses_are_taken_apart_in_one_place() -> None:
    files = [file for file in (ROOT / "scripts").rglob("*.py") if "urlsplit(" in file.read_text(encoding="utf-8")]
    assert {str(file.relative_to(ROOT / "scripts")) for file in files} <= PLACES


UNREADABLE: list[tuple[Callable[..., object], str | bytes, str]] = [
    (parsing.from_json, "[" * DEEP, "nested too deeply"),
    (parsing.from_json, '{"a": ' * DEEP, "nested too deeply"),
    (parsing.from_json, '{"a": 1', "line 1, column 8"),
    (parsing.from_json, b'{"a": "\xff"}', "codec can't decode"),
    (parsing.from_json, "9" * 5000, "digits"),
    (parsing.from_json, "", "Expecting value"),
    (parsing.from_yaml, "[" * DEEP, "nested too deeply"),
    (parsing.from_yaml, BOMB, "its anchors unfold without end"),
    (parsing.from_yaml, "a: &a [*a]\n", "its anchors unfold without end"),
    (parsing.from_yaml, "- " * DEEP, "nested too deeply"),
    (parsing.from_yaml, "a: 1\n  b: 2\n", "line 2, column 4"),
    (parsing.from_yaml, "[a, b]: 1\n? [c]\n: 2\n? {d: e}\n: 3\n", "unhashable"),
    (parsing.from_yaml, "a: 1\nb: 2026-13-45\n", "line 2, column 4: timestamp: month"),
    (parsing.from_yaml, "a: !!bool maybe\n", "line 1, column 4: bool: it is none"),
    (parsing.from_yaml, "a: [1, !!timestamp noon]\n", "line 1, column 8: timestamp: it is none"),
    (parsing.from_yaml, 'a: "\\U00110000"\n', "chr() arg"),
    (parsing.from_yaml, "a: !!int many\n", "line 1, column 4: int: invalid literal"),
    (parsing.documents_from_yaml, "a: b\n---\n- !!float much\n", "line 3, column 3: float"),
    (parsing.from_yaml, "a: b\n---\nc: d\n", "document"),
    (parsing.from_yaml, "a: !!python/object:os.system x\n", "constructor"),
    (parsing.documents_from_yaml, "a: b\n---\n{{ .Values.x }}\n", "line 3"),
    (parsing.from_toml, "a = " + "[" * DEEP, "nested too deeply"),
    (parsing.from_toml, "a = 1\nb = \n", "line 2"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("read", "text", "said"), UNREADABLE)
def test_whatever_is_wrong_is_one_error_that_a_person_can_read(
    read: Callable[..., object], text: str | bytes, said: str
) -> None:
    with pytest.raises(Unreadable) as refused:
        read(text)
    assert said in str(refused.value) and "\n" not in str(refused.value)
    assert isinstance(refused.value, UserError) and isinstance(refused.value, ValueError)


def test_a_key_that_stands_twice_is_refused_where_that_is_strict() -> None:
    assert parsing.from_yaml("a: 1\na: 2\n") == {"a": 2}
    with pytest.raises(Unreadable, match="line 2, column 1: key 'a' stands twice"):
        parsing.from_yaml("a: 1\na: 2\n", strict=True)


SPELT = "services:\n  web:\n    port: 010\n    buildArgs: {{V: {0}}}\n"


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("3.10", "3.1"), ("010", "8"), ("no", "false"), ("on", "true"), ("0x1F", "31"),
        ("1_000", "1000"), ("1.0e+3", "1000.0"), ("+1", "1"), (".5", "0.5"),
    ],
)  # fmt: skip
def test_what_yaml_reads_otherwise_than_it_is_written_is_seen(written: str, read: str) -> None:
    assert parsing.misread(SPELT.format(written), ["buildArgs"]) == [("services.web.buildArgs.V", written, read)]


@pytest.mark.parametrize(
    "written", ["3.1", "8", "true", "True", "'3.10'", '"no"', "text", "1e3", "2026-01-01", "[010]", "12:30"]
)
def test_what_is_text_or_reads_as_it_is_written_is_left_alone(written: str) -> None:
    assert parsing.misread(SPELT.format(written), ["buildArgs"]) == []


def test_two_numbers_with_a_colon_are_text_as_they_are_for_helm_and_compose() -> None:
    """PyYAML makes 1342 of it: the ports of a compose file, the time of a backup."""
    for text, read in (("ports: [22:22, 80:50]", {"ports": ["22:22", "80:50"]}), ("at: 12:30", {"at": "12:30"})):
        assert parsing.from_yaml(text) == parsing.from_yaml(text, strict=True) == read
        assert parsing.documents_from_yaml(text) == [read]
        deep = "".join("  " * level + "a:\n" for level in range(60)) + "  " * 60 + text  # the thorough reader's part
        found = documents.plain(documents.read_all(deep)[0])
        for _ in range(60):
            found = found["a"]
        assert found == read


@given(st.text(alphabet="{}[]:,-?!&*#|>'\"% \n\ta1\\\0\x85\u2028\ud800", max_size=60))
def test_a_text_is_read_or_refused(text: str) -> None:
    for read in (parsing.from_json, parsing.from_yaml, parsing.documents_from_yaml, parsing.from_toml):
        try:
            read(text)
        except Unreadable as refused:
            assert refused.problem
