"""A wrong configuration is named by file, key and remedy; a right one is read as written."""

import copy
import shutil
import sys
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.errors import SettingsError
from scripts.host import parsing
from scripts.host.paths import ROOT
from scripts.settings import reading
from scripts.settings.configuration import PIPELINE, check, overlay, read_settings
from scripts.settings.model import Settings

APP = "config/apps/todo-chatbot.yaml"


def minimal() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / "config/pipeline.yaml").read_text())
    return data


def reference() -> dict[str, Any]:
    data: dict[str, Any] = yaml.safe_load((ROOT / APP).read_text())
    return data


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of the configuration with empty sources, so that a test may break it."""
    shutil.copytree(ROOT / "config", tmp_path / "config")
    for folder in ("services/frontend", "services/backend", "services/agent", "services/mcp", "services/database"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "Dockerfile").write_text("FROM scratch\n")
    for chart in ("charts/todo-chatbot-umbrella", "charts/todo-chatbot-umbrella/charts/common", "charts/database"):
        (tmp_path / chart).mkdir(parents=True)
        (tmp_path / chart / "Chart.yaml").write_text("name: x\n")
    shutil.copy(ROOT / "charts/todo-chatbot-umbrella/values.yaml", tmp_path / "charts/todo-chatbot-umbrella")
    return tmp_path


def write(project: Path, data: dict[str, Any], file: str = "config/pipeline.yaml") -> None:
    (project / file).write_text(yaml.safe_dump(data, sort_keys=False))


def generated(settings: Settings) -> dict[str, Any]:
    """The values that were derived from the app's file."""
    file = next(file for file in settings.release.values if file.parent.name == ".pipeline")
    data: dict[str, Any] = yaml.safe_load(file.read_text())
    return data


def test_a_mistake_in_an_environments_file_is_told_by_the_name_of_that_file(project: Path) -> None:
    write(project, {"securty": {}, "timeouts": {"build": "long"}}, "config/environments/dev.yaml")
    write(project, minimal() | {"nonsense": 1})
    with pytest.raises(SettingsError) as caught:
        read_settings(project)
    told = sorted(": ".join(line.split(": ")[:2]) for line in str(caught.value).splitlines())
    assert told == [
        "config/environments/dev.yaml: securty",
        "config/environments/dev.yaml: timeouts.build",
        "config/pipeline.yaml: nonsense",
    ]


def test_the_shipped_file_is_valid(project: Path) -> None:
    loaded = read_settings(project)
    assert [service.name for service in loaded.services] == ["frontend", "backend", "agent", "mcp"]
    assert (loaded.release.name, loaded.release.namespace) == ("todo-chatbot", "chatbot-dev")
    assert loaded.services[1].dockerfile == project / "services/backend/Dockerfile"
    assert loaded.page and loaded.page.address == "frontend-service"


@pytest.mark.parametrize(
    ("values", "names"),
    [
        ({}, ("backend", "backend", "backend-service")),
        ({"backend": {"nameOverride": "api"}}, ("api", "api", "api-service")),
        ({"backend": {"fullnameOverride": "api"}}, ("backend", "api", "api-service")),
        ({"backend": {"fullnameOverride": "api", "service": {"name": "x"}}}, ("backend", "api", "x")),
        ({"global": {"fullnameOverride": "two"}}, ("backend", "two-backend", "two-backend-service")),
        ({"backend": {"nameOverride": "api", "service": {"name": "{{ x }}"}}}, ("api", "api", "backend-service")),
        ({"backend": 3, "global": None}, ("backend", "backend", "backend-service")),
    ],
)
def test_services_are_looked_for_by_the_names_that_the_values_give_them(
    project: Path, values: dict[str, Any], names: tuple[str, str, str]
) -> None:
    """And the local database lets in pods of those names."""
    own = "charts/todo-chatbot-umbrella/charts/backend"
    (project / own).mkdir(parents=True)
    shutil.copy(ROOT / own / "values.yaml", project / own)
    write(project, reference() | {"values": values}, APP)
    loaded = read_settings(project)
    backend = loaded.services[1]
    assert (backend.label, backend.deployment, backend.address) == names
    database = yaml.safe_load(
        next(file for file in loaded.database_release.values if file.parent.name == ".pipeline").read_text()
    )
    assert database["networkPolicy"]["from"] == [names[0]]


def test_what_the_app_says_of_secrets_and_ports_is_what_its_charts_say(project: Path) -> None:
    """The charts' defaults hold where they are installed without the pipeline."""
    values = generated(read_settings(project))
    for name in ("frontend", "backend", "agent", "mcp"):
        own = yaml.safe_load((ROOT / f"charts/todo-chatbot-umbrella/charts/{name}/values.yaml").read_text())
        assert values[name]["service"]["port"] == own["service"]["port"]
        said = [{"optional": False, **item} for item in own.get("secretEnv", [])]
        assert values[name]["secretEnv"] == said


def test_a_service_may_live_anywhere(project: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    mine = tmp_path_factory.mktemp("mine")
    data = reference()
    data["services"]["frontend"]["context"] = str(mine)
    write(project, data, APP)
    (mine / "Dockerfile").write_text("FROM scratch\n")
    assert read_settings(project).services[0].context == mine
    assert read_settings(project).services[0].dockerfile == mine / "Dockerfile"


def test_a_service_without_a_dockerfile_is_built_by_one_of_the_products(
    project: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    mine = tmp_path_factory.mktemp("mine")
    data = reference()
    data["services"]["backend"]["context"] = str(mine)
    del data["services"]["backend"]["dockerfile"]
    write(project, data, APP)
    with pytest.raises(
        SettingsError, match=r"^config/apps/todo-chatbot\.yaml: services\.backend\.dockerfile: no file "
    ) as caught:
        read_settings(project)
    assert "services.backend.builder: nextjs, static, node, python" in caught.value.hint
    data["services"]["backend"]["builder"] = "python"
    write(project, data, APP)
    backend = read_settings(project).services[1]
    assert (backend.dockerfile.name, backend.bases) == ("python.Dockerfile", {"PYTHON_IMAGE": "python"})


def test_an_app_has_any_services_and_names(project: Path) -> None:
    """In the library's `services`, with the chart's own switched off; a worker has no port and no address."""
    folder = {"context": "services/backend"}
    app = {
        "page": "web",
        "services": {"web": folder | {"port": 8080, "environment": {"API": "http://api:9000"}},
                     "api": folder | {"port": 9000, "service": "todo-api"}, "queue-worker": folder},
        "secrets": {"keys": {"usedBy": ["api"], "keys": {"URL": {"from": "DATABASE_URL", "database": {}}}}},
    }  # fmt: skip
    write(project, app, "config/apps/mine.yaml")
    write(project, minimal() | {"app": "mine"})
    loaded = read_settings(project)
    assert [(item.name, item.port, item.address) for item in loaded.services] == [
        ("web", 8080, "web"), ("api", 9000, "todo-api"), ("queue-worker", None, ""),
    ]  # fmt: skip
    assert (loaded.release.name, loaded.release.namespace) == ("mine", "mine")
    values = generated(loaded)
    assert [name for name, part in values.items() if part.get("enabled") is False] == [
        "frontend", "backend", "agent", "mcp",
    ]  # fmt: skip
    assert set(values["services"]) == set(app["services"])
    assert values["services"]["web"]["env"] == {"API": "http://api:9000"}
    assert values["services"]["api"]["service"] == {"name": "todo-api", "port": 9000}
    assert loaded.release.images["api"]["tag"] == "services.api.image.tag"
    assert loaded.app.wants_database


def test_what_pipeline_yaml_says_of_the_release_wins(project: Path) -> None:
    write(project, minimal() | {"release": {"namespace": "elsewhere"}})
    loaded = read_settings(project)
    assert (loaded.release.name, loaded.release.namespace) == ("todo-chatbot", "elsewhere")
    assert loaded.database_release.namespace == "elsewhere"


def test_values_of_a_person_come_after_what_is_derived(project: Path) -> None:
    (project / "mine.yaml").write_text("frontend: {replicaCount: 7}\n")
    write(project, minimal() | {"release": {"values": ["mine.yaml"]}})
    assert read_settings(project).release.values[-1] == project / "mine.yaml"


@pytest.mark.parametrize(
    ("file", "path", "value", "message"),
    [
        (
            PIPELINE, ["target"], "minikub",
            'target: "minikub" is not allowed, choose one of: auto, minikube, kind, k3d, context, embedded (meant',
        ),
        (PIPELINE, ["timeouts", "build"], "long", 'timeouts.build: must be a whole number, is "long"'),
        (PIPELINE, ["app"], "todo-chatbt", "app: no file config/apps/todo-chatbt.yaml"),
        (PIPELINE, ["release", "namespace"], "Chat Dev", 'release.namespace: "Chat Dev" does not fit: A DNS label'),
        (PIPELINE, ["bases", "node"], "node:latest", 'bases.node: "node:latest" does not fit: An image reference'),
        (APP, ["services", "backend", "contxt"], "x", "services.backend.contxt: unknown key, did you mean context?"),
        (APP, ["services", "backend", "context"], "nowhere", "services.backend.context: no folder"),
        (APP, ["services"], [], "services: must be a mapping, is []"),
        (APP, ["page"], "fronted", "page: fronted is no service, did you mean frontend?"),
        (APP, ["secrets", "api-keys", "usedBy"], ["nobody"], "secrets.api-keys.usedBy: nobody is no service"),
        (APP, ["jobs"], {"x": {"service": "web", "command": ["a"]}}, "jobs.x.service: web is no service"),
        (APP, ["services", "mcp", "subchart"], "agent", "services.mcp.subchart: agent is that of agent already"),
        (APP, ["services", "mcp", "bases"], {"A": "pyton"}, "services.mcp.bases.A: pyton is no base image"),
        (
            APP, ["services", "agent", "environment"], {"OPENAI_API_KEY": "x"},
            "secrets.api-keys.keys.OPENAI_API_KEY: is in the environment of agent by services.agent.environment",
        ),
    ],
    ids=lambda value: ".".join(value) if isinstance(value, list) and value and isinstance(value[0], str) else None,
)  # fmt: skip
def test_problems_name_file_key_and_remedy(project: Path, file: str, path: list[str], value: Any, message: str) -> None:
    data = minimal() if file == PIPELINE else reference()
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    write(project, data, file)
    with pytest.raises(SettingsError) as caught:
        read_settings(project)
    assert str(caught.value).startswith(f"{file}: ")
    assert message in str(caught.value)


def test_every_problem_is_listed_at_once(project: Path) -> None:
    data = minimal()
    del data["cluster"]
    data["tmeouts"] = data.pop("timeouts")
    write(project, data)
    with pytest.raises(SettingsError) as caught:
        read_settings(project)
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
        read_settings(project)
    assert message in str(caught.value)


def test_an_overlay_changes_only_what_it_names() -> None:
    base = {"a": {"b": 1, "c": [1, 2]}, "d": 1}
    before = copy.deepcopy(base)
    assert overlay(base, {"a": {"c": [3]}}) == {"a": {"b": 1, "c": [3]}, "d": 1}
    assert base == before


def test_required_keys_of_a_schema_are_named() -> None:
    with pytest.raises(SettingsError, match=r"f\.yaml: a: missing, add it"):
        check({}, {"required": ["a"], "type": "object"}, "f.yaml")


def test_what_fits_is_remembered_and_any_change_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    schema = {"properties": {"day": {"type": "string"}, "wanted": {"type": "integer"}}}
    check({"day": "2026-01-01", "wanted": 1}, schema, "f")
    with monkeypatch.context() as without:
        without.setitem(sys.modules, "jsonschema", None)  # whoever imports it now fails
        check({"day": "2026-01-01", "wanted": 1}, schema, "f")
    for changed in ({"day": date(2026, 1, 1), "wanted": 1}, {"day": "2026-01-01", "wanted": "1"}):
        for _ in range(2):  # what does not fit is never remembered
            with pytest.raises(SettingsError):
                check(changed, schema, "f")
    with pytest.raises(SettingsError):
        check({"day": "2026-01-01", "wanted": 1}, {"required": ["more"]}, "f")


@pytest.mark.parametrize("file", sorted([*ROOT.glob("config/[ae]*/*.yaml"), *ROOT.glob("charts/**/values.yaml")]))
def test_the_fast_reader_reads_what_the_thorough_one_reads(file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    assert parsing._is_shallow(text)
    fast, thorough = (yaml.load(text, Loader=one) for one in parsing._STRICT)  # noqa: S506 safe
    assert fast == thorough


@pytest.mark.slow
@pytest.mark.parametrize("text", ["a: " + "[" * 200_000, "- " * 200_000, "? " * 200_000, "a: " + "{a: " * 5_000])
def test_a_text_that_nests_without_end_is_told_and_ends_no_process(tmp_path: Path, text: str) -> None:
    (tmp_path / "f.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"f\.yaml:.* not valid YAML"):
        reading.read(tmp_path / "f.yaml", tmp_path)


def test_a_version_that_yaml_would_shorten_is_refused_by_its_key(project: Path) -> None:
    file = project / "config/apps/todo-chatbot.yaml"
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("    port: 8000\n", "    port: 8000\n    environment: {VERSION: 3.10}\n", 1))
    with pytest.raises(SettingsError, match=r"services\.backend\.environment\.VERSION: 3\.10 is read as 3\.1"):
        read_settings(project)
