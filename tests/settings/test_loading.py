"""A wrong configuration is named by file, key and remedy; a right one is read as written."""

import copy
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import SettingsError
from scripts.settings import loading
from scripts.settings.loading import ROOT, check, overlay


def minimal() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / "config/pipeline.yaml").read_text())
    return data


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the configuration with empty sources, so that a test may break it."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    for folder in ("services/frontend", "services/backend", "services/agent", "services/mcp", "services/database"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Dockerfile").write_text("FROM scratch\n")
    (tmp_path / loading.FALLBACK).write_text("FROM scratch\n")
    for chart in ("charts/todo-chatbot-umbrella", "charts/database"):
        (tmp_path / chart).mkdir(parents=True)
        (tmp_path / chart / "Chart.yaml").write_text("name: x\n")
    shutil.copy(ROOT / "charts/todo-chatbot-umbrella/values.yaml", tmp_path / "charts/todo-chatbot-umbrella")
    return tmp_path


def write(project: Path, data: dict[str, Any]) -> None:
    (project / "config/pipeline.yaml").write_text(yaml.safe_dump(data, sort_keys=False))


def test_the_shipped_file_is_valid(project: Path) -> None:
    loaded = loading.load(project)
    assert [service.name for service in loaded.services] == ["frontend", "backend", "agent", "mcp"]
    assert (loaded.release.name, loaded.release.namespace) == ("todo-chatbot", "chatbot-dev")
    assert loaded.services[1].dockerfile == project / "services/backend/Dockerfile"


def test_a_service_may_live_anywhere(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    mine = tmp_path_factory.mktemp("mine")
    data = minimal()
    data["services"]["frontend"]["context"] = str(mine)
    write(project, data)
    (mine / "Dockerfile").write_text("FROM scratch\n")
    assert loading.load(project).services[0].context == mine
    assert loading.load(project).services[0].dockerfile == mine / "Dockerfile"


def test_a_frontend_without_a_dockerfile_is_built_by_the_fallback(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mine = tmp_path_factory.mktemp("mine")
    data = minimal()
    data["services"]["frontend"] = {"context": str(mine)}
    write(project, data)
    with pytest.raises(SettingsError, match=r"services\.frontend\.dockerfile: no file ") as caught:
        loading.load(project)
    assert "package-lock.json" in caught.value.hint
    (mine / "package-lock.json").write_text("{}")
    frontend = loading.load(project).services[0]
    assert (frontend.dockerfile, frontend.bases) == (project / loading.FALLBACK, {"NODE_IMAGE": "node"})


def test_any_other_service_needs_a_dockerfile(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    mine = tmp_path_factory.mktemp("mine")
    data = minimal()
    data["services"]["backend"] = {"context": str(mine)}
    write(project, data)
    with pytest.raises(
        SettingsError, match=r"^config/pipeline\.yaml: services\.backend\.dockerfile: no file "
    ) as caught:
        loading.load(project)
    assert str(mine / "Dockerfile") in str(caught.value)
    assert (
        caught.value.hint == "write a Dockerfile there, or name the one of this service as services.backend.dockerfile"
    )


def test_services_are_the_ones_the_chart_deploys(project: Path) -> None:
    data = minimal()
    del data["services"]["agent"]
    write(project, data)
    with pytest.raises(SettingsError, match=r"services\.agent: missing, add it, or set agent\.enabled to false"):
        loading.load(project)
    (project / "mine.yaml").write_text("agent: {enabled: false}\n")
    data["release"]["values"] = ["mine.yaml"]
    write(project, data)
    assert [service.name for service in loading.load(project).services] == ["frontend", "backend", "mcp"]
    (project / "charts/todo-chatbot-umbrella/values.yaml").write_text("frontend: {image: {}}\nworker: {image: {}}\n")
    data["services"] = {"frontend": data["services"]["frontend"], "worker": {"context": "services/backend"}}
    data["release"]["values"] = []
    write(project, data)
    assert [service.name for service in loading.load(project).services] == ["frontend", "worker"]


def test_services_of_ones_own_are_those_under_services(project: Path) -> None:
    data = minimal()
    (project / "charts/todo-chatbot-umbrella/values.yaml").write_text(
        "frontend: {image: {}}\n"
        "services: {web: {}, queue: {image: {repository: redis, tag: '7'}}, old: {enabled: false}}\n"
    )
    data["services"] = {"frontend": data["services"]["frontend"]}
    write(project, data)
    with pytest.raises(SettingsError, match=r"services\.web: missing, add it") as caught:
        loading.load(project)
    assert "queue" not in str(caught.value) and "old" not in str(caught.value)
    data["services"]["web"] = {"context": "services/backend"}
    write(project, data)
    assert loading.load(project).release.nested == {"web", "queue", "old"}


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        (
            ["target"],
            "minikub",
            'target: "minikub" is not allowed, choose one of: auto, minikube, kind, k3d, context, embedded (meant',
        ),
        (["timeouts", "build"], "long", 'timeouts.build: must be a whole number, is "long"'),
        (["services", "fronted"], {"context": "x"}, "services.fronted: unknown key, did you mean frontend?"),
        (["release", "namespace"], "Chatbot Dev", 'release.namespace: "Chatbot Dev" does not fit: A DNS label'),
        (["bases", "node"], "node:latest", 'bases.node: "node:latest" does not fit: An image reference'),
        (["services", "backend", "context"], "nowhere", "services.backend.context: no folder"),
        (["services"], [], "services: must be a mapping, is []"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_problems_name_file_key_and_remedy(project: Path, path: list[str], value: Any, message: str) -> None:
    data = minimal()
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    write(project, data)
    with pytest.raises(SettingsError) as caught:
        loading.load(project)
    assert str(caught.value).startswith("config/pipeline.yaml: ")
    assert message in str(caught.value)


def test_every_problem_is_listed_at_once(project: Path) -> None:
    data = minimal()
    del data["cluster"]
    data["tmeouts"] = data.pop("timeouts")
    write(project, data)
    with pytest.raises(SettingsError) as caught:
        loading.load(project)
    assert sorted(str(caught.value).splitlines()) == [
        "config/pipeline.yaml: cluster: missing, add it",
        "config/pipeline.yaml: timeouts: missing, add it",
        "config/pipeline.yaml: tmeouts: unknown key, did you mean timeouts?",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "must be a mapping of keys, is empty"),
        ("- a", "must be a mapping of keys, is a list"),
        ("a: [", "line 1, column 5: not valid YAML"),
        ("a: 1\na: 2", "key 'a' stands twice"),
    ],
)
def test_text_that_is_not_a_configuration(project: Path, text: str, message: str) -> None:
    (project / "config/pipeline.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"config/pipeline\.yaml:") as caught:
        loading.load(project)
    assert message in str(caught.value)


def test_an_overlay_changes_only_what_it_names() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    before = copy.deepcopy(base)
    assert overlay(base, {"a": {"c": [3]}}) == {"a": {"b": 1, "c": [3]}, "d": 1}
    assert base == before


def test_required_keys_of_a_schema_are_named() -> None:
    with pytest.raises(SettingsError, match=r"f\.yaml: a: missing, add it"):
        check({}, {"required": ["a"], "type": "object"}, "f.yaml")
