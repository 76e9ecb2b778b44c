"""helm is asked in words it cannot misread, and what it does not say is never taken for "nothing there"."""

import csv
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.errors import UserError
from scripts.host.shell import Result
from scripts.kube.arguments import one_file, values_options
from scripts.kube.helm import Helm
from scripts.settings.model import Release
from tests.support.scripted import Said

RELEASE = Release("todo", "shop", Path("chart"))


def helm(code: int, out: str, err: str = "") -> Helm:
    return Helm(Path("helm"), Path("/none"), "c", Said(Result(code, out, err)))


def test_a_release_that_helm_does_not_know_has_no_history() -> None:
    gone = helm(1, "", "Error: release: not found")
    assert (gone.history(RELEASE), gone.manifest(RELEASE)) == ([], "")


@pytest.mark.parametrize(("uninstalled", "words"), [(False, "upgrade --install"), (True, "install --replace")])
def test_what_was_uninstalled_with_its_history_kept_is_installed_in_its_own_place(
    uninstalled: bool, words: str
) -> None:
    argv = helm(0, "v4.3.1").upgrade_command(RELEASE, (), {}, 60, uninstalled=uninstalled)
    verb, option = words.split()
    assert argv[1:4] == [verb, "todo", "chart"] and option in argv
    assert ("--history-max=10" in argv) is not uninstalled  # which an install does not know


@pytest.mark.parametrize("ask", [Helm.history, Helm.manifest])
def test_a_helm_that_cannot_tell_is_quoted(ask: Any) -> None:
    with pytest.raises(UserError, match="Kubernetes cluster unreachable"):
        ask(helm(1, "", "Error: Kubernetes cluster unreachable: connection refused"), RELEASE)


@pytest.mark.parametrize("said", ["", "WARNING: something", "null", "{}", "[1]", '[{"revision": 1', "\0"])
def test_only_helms_own_words_say_that_there_is_no_history(said: str) -> None:
    with pytest.raises(UserError, match="answered no JSON"):
        helm(0, said).history(RELEASE)


@given(st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0\r\n"), min_size=1))
def test_any_path_is_one_file_to_a_program_that_splits_lists(path: str) -> None:
    assert next(csv.reader([one_file(path)])) == [path]


def test_a_percent_sign_on_the_way_to_the_checkout_is_not_shown_to_helm(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """helm takes a values file for a URL: "invalid URL escape". A sign that begins a code it takes as it is."""
    root = tmp_path / "100%done"
    root.mkdir()
    monkeypatch.chdir(root)
    assert values_options([root / "config" / "dev.yaml"]) == ["--values", "config/dev.yaml"]
    assert values_options([tmp_path / "a%20b.yaml"]) == ["--values", str(tmp_path / "a%20b.yaml")]


def test_a_checkout_may_lie_in_a_folder_with_a_comma() -> None:
    assert values_options(["/srv/a,b/values.yaml", "c.yaml"]) == [
        "--values", '"/srv/a,b/values.yaml"', "--values", "c.yaml",
    ]  # fmt: skip
