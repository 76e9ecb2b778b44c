"""An image that the engine could not be asked about is not one that is not built."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from scripts.host.shell import Result
from scripts.images.docker import Docker
from scripts.images.engine_api import EngineSilent
from scripts.supplychain import subjects
from tests.support.scripted import Said

SERVICE = SimpleNamespace(name="web")
SETTINGS = cast("Any", SimpleNamespace(services=[SERVICE], database=SimpleNamespace(name="database")))
IMAGE = cast("Any", SimpleNamespace(ref="a/web:1", service="web"))


def found(code: int, out: str, err: str = "") -> list[subjects.Subject]:
    return subjects.find(Said(Result(code, out, err)), Docker(Path("docker")), SETTINGS, [IMAGE])


def test_what_the_engine_has_and_lacks_is_told_by_its_own_words() -> None:
    assert found(0, '[{"Id": "sha256:1", "RepoTags": ["a/web:1"]}]')[0].id == "sha256:1"
    assert found(1, "[]\n", "Error response from daemon: No such image: a/web:1")[0].id == ""


@pytest.mark.parametrize(
    ("code", "out", "err"),
    [
        (1, "", "Cannot connect to the Docker daemon"), (1, "[]", "Cannot connect to the Docker daemon"),
        (127, "", "docker: not found"), (0, "", ""), (0, "null", ""), (0, "[1]", ""), (0, '[{"Id": ', ""),
    ],
)  # fmt: skip
def test_an_engine_that_does_not_say_is_no_image_that_is_not_built(code: int, out: str, err: str) -> None:
    with pytest.raises(EngineSilent, match=err or "docker image inspect: "):
        found(code, out, err)
