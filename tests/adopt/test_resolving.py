"""Whether pinned versions go together: judged by what uv 0.13.9 answered, word for word."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from scripts.adopt import adopting, resolving
from scripts.adopt.resolving import Contradiction
from scripts.errors import UserError
from scripts.host.shell import Result, Shell
from tests.adopt.test_adopting import API, adopt, make, services

TWO = """error: No solution found when resolving dependencies
  cause: Because mcp>=1.13.0,<=1.27.0 depends on httpx>=0.27.1 and mcp>=1.20.0 depends on pyjwt[crypto]>=2.10.1, \
we can conclude that httpx<0.27.1, mcp>=1.13.0, pyjwt[crypto]<2.10.1 are incompatible.
         And because mcp>=1.11.0,<=1.12.4 depends on httpx>=0.27 and you require pyjwt[crypto]==2.8.0, we can \
conclude that your requirements, httpx<0.27, mcp>=1.11.0 are incompatible.
         And because you require httpx==0.26.0 and mcp>=1.11.0, we can conclude that your requirements are \
unsatisfiable.
"""
NONE = """error: No solution found when resolving dependencies
  cause: Because dapr-devtools was not found in the package registry and you require dapr-devtools==0.2.0, \
we can conclude that your requirements are unsatisfiable.
"""
OLD = """error: No solution found when resolving dependencies
  cause: Because numpy==1.21.0 has no usable wheels and building from source is disabled and you require \
numpy==1.21.0, we can conclude that your requirements are unsatisfiable.
"""
PINS = "pyjwt[crypto]==2.8.0\nhttpx==0.26.0\nmcp>=1.11.0\n"


@pytest.mark.parametrize(
    ("text", "why", "found"),
    [
        (PINS, TWO, Contradiction("httpx==0.26.0 and mcp>=1.11.0 do not go together", ("httpx",))),
        ("dapr-devtools==0.2.0\n", NONE, Contradiction("dapr-devtools was not found in the package registry")),
        ("numpy==1.21.0\n", OLD, None),
        ("fastapi\n", "", None),
        ("-r base.txt\nhttpx==0.26.0\n", TWO, None),
    ],
)
def test_what_does_not_go_together_is_told_with_the_version_to_leave_open(
    text: str, why: str, found: Contradiction | None
) -> None:
    def resolve(asked: str) -> str:
        return "" if "httpx\n" in asked else why

    assert resolving.contradiction(text, resolve) == found


def test_versions_that_there_are_none_of_are_left_open_together() -> None:
    """Two packages of one maker, pinned to a number that neither ever had: to leave one open is not enough."""

    def resolve(asked: str) -> str:
        gone = next((name for name in ("ext", "dapr") if f"{name}==0.8.0" in asked), "")
        return f"Because there is no version of {gone}==0.8.0 and you require {gone}==0.8.0, so" if gone else ""

    found = resolving.contradiction("ext==0.8.0\ndapr==0.8.0\nfastapi==0.1\n", resolve)
    assert found == Contradiction("there is no version of ext==0.8.0", ("ext", "dapr"))


def test_versions_that_another_package_does_not_go_with_are_left_open_together() -> None:
    """A package that needs newer ones of two others, which are pinned both."""

    def resolve(asked: str) -> str:
        held = [one for one in ("pydantic==2.10.4", "openai==1.59.5") if one in asked]
        if not held:
            return ""
        needs = f"mcp==1.25.0 depends on {held[0].partition('=')[0]}>=2.11.0 and you require {held[0]}"
        return f"Because {needs}, we can conclude that your requirements and mcp[cli]==1.25.0 are incompatible."

    found = resolving.contradiction("pydantic==2.10.4\nmcp[cli]==1.25.0\nopenai==1.59.5\n", resolve)
    assert found is not None and found.loosen == ("pydantic", "openai")


def test_as_few_versions_as_possible_are_left_open_where_the_reason_names_not_all() -> None:
    """A package without a version that goes with two pinned ones: the reason names one of them."""

    def resolve(asked: str) -> str:
        held = all(one in asked for one in ("web==1.0", "tools>=2")) or "form==0.6" in asked
        return "Because you require form==0.6 and tools>=2, we can conclude that your requirements" if held else ""

    found = resolving.contradiction("web==1.0\nform==0.6\nother==3.0\ntools>=2\n", resolve)
    assert found is not None and found.loosen == ("web", "form")


def test_among_many_versions_the_few_are_found_by_few_questions() -> None:
    asked = []

    def resolve(text: str) -> str:
        asked.append(text)
        held = {name for name in ("p7", "p23", "p41") if f"{name}==1" in text}
        return "these do not go together" if held - {"p7"} and held != {"p23"} else ""

    text = "".join(f"p{number}==1\n" for number in range(50))
    found = resolving.contradiction(text, resolve)
    assert found and found.loosen == ("p23", "p41") and len(asked) < 30


@pytest.mark.slow
def test_a_resolver_that_cannot_be_asked_says_nothing() -> None:
    """The real one, about a name that no index has a right to: whatever it ends with, it is no contradiction."""
    assert resolving.resolver(Shell(), "3.11")("not a requirement at all !!\n") is None


def test_what_is_left_open_is_taken_in_the_version_that_goes_with_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the resolver found it at once: pip, which an own Dockerfile asks, may try one after another without an end."""
    asked: list[str] = []

    def probe(self: Shell, argv: Sequence[object], stdin: str = "", **_: object) -> Result:
        asked.append(stdin)
        return Result(0, "httpx==0.27.2\nmcp-tools==1.1.0\nother==3.0\n")

    monkeypatch.setattr(Shell, "probe", probe)
    wrong = Contradiction("a and b do not go together", ("httpx", "mcp_tools"))
    monkeypatch.setattr(adopting, "_contradiction", lambda *_: wrong)
    app = make(tmp_path, **{
        "api__requirements.txt": "fastapi==0.115.0\nhttpx==0.25.1\nmcp_tools==9\n", "api__main.py": API["main.py"],
        "api__Dockerfile": "FROM python:3.11-slim\nCOPY . .\nRUN pip install -r requirements.txt\nCMD uvicorn main:app",
    })  # fmt: skip
    own = services(adopt(app, answers={"api.loosen": "yes"}))["api"]
    assert own["loosePackages"] == ["httpx", "mcp_tools"]
    assert own["addPackages"] == ["httpx==0.27.2", "mcp_tools==1.1.0"]
    assert "fastapi==0.115.0\nhttpx\nmcp_tools\n" in asked
    (app / "api/Dockerfile").unlink()
    built = services(adopt(app, answers={"api.loosen": "yes"}))["api"]
    assert "addPackages" not in built, "the product's builder asks that resolver itself"


@pytest.mark.slow
def test_a_contradiction_is_asked_about_and_a_package_that_there_is_not_is_refused(tmp_path, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    app = make(tmp_path, **{"api__requirements.txt": f"fastapi\n{PINS}", "api__main.py": API["main.py"]})
    monkeypatch.setattr(adopting, "_contradiction", lambda *_: Contradiction("a and b do not go together", ("httpx",)))
    with pytest.raises(UserError, match=r"api\.loosen: api/requirements\.txt: a and b do not go together: take httpx"):
        adopt(app)
    for agreed in ("yes", "true"):  # as it is typed, and as a file of answers is read
        assert services(adopt(app, answers={"api.loosen": agreed}))["api"]["loosePackages"] == ["httpx"]
    assert "loosePackages" not in services(adopt(app, answers={"api.loosen": "no"}))["api"]
    monkeypatch.setattr(
        adopting, "_contradiction", lambda text, *_: Contradiction("x-sdk was not found") if "x-sdk>" in text else None
    )
    (app / "api/requirements.txt").write_text("fastapi\nx-sdk>=1  # tools\nx-sdk-more\n")
    assert services(adopt(app))["api"]["dropPackages"] == ["x-sdk"], "what nothing imports is left out"
    (app / "api/stray.py").write_text("import x_sdk\n")
    assert services(adopt(app))["api"]["dropPackages"] == ["x-sdk"], "nothing that is started, that is"
    (app / "api/main.py").write_text(f"import x_sdk\n{API['main.py']}")
    monkeypatch.setattr(adopting, "_contradiction", lambda *_: Contradiction("x-sdk was not found"))
    with pytest.raises(UserError, match=r"api/requirements\.txt: x-sdk was not found"):
        adopt(app)
