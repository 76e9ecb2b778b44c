"""A program is asked for its version once, and again when it is another one, or may lead to another one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from scripts.host import remembered, toolchain
from scripts.host.shell import Result, Shell

ELF = b"\x7fELF and the rest"


class Asked(Shell):
    """Answers for every program, and counts."""

    def __init__(self, *, dry: bool = False) -> None:
        super().__init__(dry=dry)
        self.times = 0
        self.answer = Result(0, "v3.19.0")

    def probe(self, argv: Sequence[str | Path], **how: Any) -> Result:
        self.times += 1
        return self.answer


@pytest.fixture
def helm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(remembered, "FOLDER", tmp_path / ".tools")
    file = tmp_path / "bin/helm"
    file.parent.mkdir()
    file.write_bytes(ELF)
    return file


def version(shell: Shell, helm: Path) -> str:
    return toolchain.version_of(shell, toolchain.HELM, helm).out


def test_a_program_that_stays_the_same_is_asked_once(helm: Path) -> None:
    first, second = Asked(), Asked()
    assert version(first, helm) == version(second, helm) == "v3.19.0"
    assert (first.times, second.times) == (1, 0)


def test_another_program_of_that_name_is_asked(helm: Path) -> None:
    version(Asked(), helm)
    helm.write_bytes(ELF + b" of a newer one")
    shell = Asked()
    shell.answer = Result(0, "v4.3.1")
    assert version(shell, helm) == "v4.3.1"


@pytest.mark.parametrize("how", ["script", "shim", "broken", "damaged", "dry"])
def test_what_may_lead_elsewhere_or_gave_no_answer_is_asked_each_time(how: str, helm: Path) -> None:
    first, second = Asked(dry=how == "dry"), Asked()
    if how == "script":
        helm.write_text("#!/bin/sh\nexec asdf exec helm\n")
    elif how == "shim":
        helm.rename(helm.with_name("mise"))
        helm.symlink_to("mise")
    elif how == "broken":
        first.answer = Result(1, "", "Segmentation fault")
    version(first, helm)
    if how == "damaged":
        (helm.parents[1] / ".tools/versions.json").write_text("[")
    version(second, helm)
    assert (first.times, second.times) == (1, 1)
