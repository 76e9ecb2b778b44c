"""The namespace and its limits carry the name that the settings give, and are only written where they differ."""

from pathlib import Path
from typing import Any

import pytest

from scripts.errors import SettingsError
from scripts.host.paths import ROOT
from scripts.pipeline.namespace import contains, enforcing, read


def test_everything_in_the_file_goes_where_the_settings_say() -> None:
    for item in read(ROOT / "config/namespace.yaml", "team-a"):
        place = item["metadata"]["name" if item["kind"] == "Namespace" else "namespace"]
        assert place == "team-a", item["kind"]


@pytest.mark.parametrize("level", ["restricted", "baseline"])
def test_the_namespace_enforces_what_the_release_asks_for_and_warns_of_the_rest(level: str) -> None:
    items = [enforcing(item, level) for item in read(ROOT / "config/namespace.yaml", "team-a")]
    (labels,) = (item["metadata"]["labels"] for item in items if item["kind"] == "Namespace")
    assert labels["pod-security.kubernetes.io/enforce"] == level
    assert labels["pod-security.kubernetes.io/warn"] == "restricted"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("kind: Namespace\nmetadata: {name: other}\n", "names the namespace 'other', the release's is 'team-a'"),
        ("kind: LimitRange\nmetadata: {name: x, namespace: other}\n", "names the namespace 'other'"),
        ("[" * 5000, "not valid YAML: nested too deeply"),
        ("a: 2026-13-45\n", "line 1: not valid YAML: timestamp: month must be"),
        ("kind: [\n", "line 2: not valid YAML"),
        ("- a\n", "not a list of Kubernetes objects"),
        ("metadata: {}\n", "not a list of Kubernetes objects"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_by_name(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "namespace.yaml"
    file.write_text(text)
    with pytest.raises(SettingsError, match=said) as refused:
        read(file, "team-a")
    assert str(refused.value).startswith("config/namespace.yaml") and refused.value.hint


LIVE = {"metadata": {"labels": {"a": "1", "added": "by the cluster"}}, "spec": {"hard": {"cpu": "500m", "pods": "40"}}}


@pytest.mark.parametrize(
    ("wanted", "same"),
    [
        ({"metadata": {"labels": {"a": "1"}}, "spec": {"hard": {"cpu": "0.5", "pods": "40"}}}, True),
        ({"spec": {"hard": {"pods": "41"}}}, False),
        ({"metadata": {"labels": {"b": "1"}}}, False),
    ],
)
def test_what_is_there_already_is_left_alone(wanted: dict[str, Any], same: bool) -> None:
    assert contains(LIVE, wanted) is same
