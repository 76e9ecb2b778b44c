"""A plan names every image by its inputs, and says what helm is going to get."""

import dataclasses
import os
from pathlib import Path

import pytest

from scripts.errors import SettingsError, UserError
from scripts.images import plan
from scripts.settings.model import App, Base, Plan, Release, Service, Settings, Timeouts

IDS = {"python": "sha256:1", "node": "sha256:2", "debian": "sha256:3"}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    def service(name: str, base: str) -> Service:
        folder = tmp_path / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(f"ARG BASE={base}\nFROM ${{BASE}}\n")
        (folder / "main").write_text(name)
        return Service(name, folder, folder / "Dockerfile", {"BASE": base})

    def release(name: str) -> Release:
        chart = tmp_path / "charts" / name
        chart.mkdir(parents=True)
        (chart / "Chart.yaml").write_text(f"name: {name}\n")
        images = {
            app: {"repository": f"{app}.image.repository", "tag": f"{app}.image.tag"} for app in ("frontend", "backend")
        }
        return Release(name, "chatbot-dev", chart, images=images)

    return Settings(
        root=tmp_path, environment="dev", target="auto", cluster="c", context="", registry="", allowed_contexts=(),
        bases={name: Base(name, name) for name in IDS},
        app=App("todo-chatbot", "config/apps/todo-chatbot.yaml", "frontend"),
        services=(service("frontend", "node"), service("backend", "python")),
        release=release("todo-chatbot"),
        database=service("database", "debian"), database_release=release("todo-database"),
        timeouts=Timeouts(1, 1, 1, 1),
    )  # fmt: skip


def make(settings: Settings, ids: dict[str, str] = IDS, *, local_database: bool = True) -> Plan:
    return plan.make_plan(settings, ids, target="embedded", local_database=local_database)


def test_a_changed_line_changes_the_tag_of_that_service_alone(settings: Settings) -> None:
    before = make(settings)
    (settings.services[1].context / "main").write_text("changed")
    after = make(settings)
    assert {image.service for image in after.images if image != before.image(image.service)} == {"backend"}


def test_a_new_base_image_changes_what_is_built_on_it(settings: Settings) -> None:
    before, after = make(settings), make(settings, IDS | {"node": "sha256:9"})
    assert {image.service for image in after.images if image != before.image(image.service)} == {"frontend"}


def test_an_external_database_leaves_the_standin_out(settings: Settings) -> None:
    external = make(settings, local_database=False)
    assert [image.service for image in external.images] == ["frontend", "backend"]
    assert [release.name for release in external.releases] == ["todo-chatbot"]


def test_each_release_gets_its_own_images_by_tag(settings: Settings) -> None:
    made = make(settings)
    app = plan.image_values(made, settings.release, settings.database_release)
    database = plan.image_values(made, settings.database_release, settings.database_release)
    assert set(app) == {"frontend", "backend"}
    assert app["backend"] == {"image": {"repository": "todo-chatbot/backend", "tag": made.image("backend").tag}}
    assert database["image"]["tag"] == made.image("database").tag


def test_images_of_services_of_ones_own_stand_under_services(settings: Settings) -> None:
    made = make(settings)
    images = settings.release.images | {"backend": {"tag": "services.backend.image.tag"}}
    release = dataclasses.replace(settings.release, images=images)
    app = plan.image_values(made, release, settings.database_release)
    assert set(app) == {"frontend", "services"} and app["services"]["backend"]["image"]["tag"]


def test_a_chart_of_ones_own_gets_the_image_where_it_wants_it(settings: Settings) -> None:
    """As one text, or without the library's registry, which then is part of the repository."""
    made = dataclasses.replace(make(settings), registry="reg.example:5000")
    places = {"frontend": {"reference": "web.image"}, "backend": {"repository": "api.repo", "tag": "api.tag"}}
    release = dataclasses.replace(settings.release, images=places)
    app = plan.image_values(made, release, settings.database_release)
    assert app["web"]["image"] == f"reg.example:5000/{made.image('frontend').ref}"
    assert app["api"]["repo"] == "reg.example:5000/todo-chatbot/backend"


@pytest.mark.parametrize("change", ["chart", "values file", "image"])
def test_whatever_helm_would_deploy_counts_as_input(settings: Settings, tmp_path: Path, change: str) -> None:
    extra = tmp_path / "values.yaml"
    extra.write_text("a: 1\n")
    before = plan.inputs_digest(settings.release, {"tag": "1"}, [extra])
    assert before == plan.inputs_digest(settings.release, {"tag": "1"}, [extra])
    if change == "chart":
        (settings.release.chart / "Chart.yaml").write_text("name: other\n")
    if change == "values file":
        extra.write_text("a: 2\n")
    assert before != plan.inputs_digest(settings.release, {"tag": "2" if change == "image" else "1"}, [extra])


@pytest.mark.parametrize("linked", ["file", "folder"])
def test_what_a_chart_only_links_to_counts_as_input(settings: Settings, tmp_path: Path, linked: str) -> None:
    """Several charts may share a configuration: helm follows the link."""
    shared = tmp_path / "shared"
    shared.mkdir()
    (shared / "app.conf").write_text("one")
    target = shared / "app.conf" if linked == "file" else shared
    (settings.release.chart / "shared").symlink_to(target)
    (shared / "round").symlink_to(shared)
    before = plan.inputs_digest(settings.release, {})
    (shared / "app.conf").write_text("two")
    assert plan.inputs_digest(settings.release, {}) != before


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            {"build_args": {"VERSION": "1"}},
            r"services\.frontend\.buildArgs\.VERSION: frontend/Dockerfile .* use one of: BASE",
        ),
        ({"bases": {"IMAGE": "node"}}, r"services\.frontend\.bases\.IMAGE: frontend/Dockerfile has no line ARG IMAGE"),
        ({"stage": "ghost"}, r"services\.frontend\.stage: frontend/Dockerfile has no stage ghost"),
        ({"build_secrets": {"npm": "TOKEN"}}, r"services\.frontend\.buildSecrets\.npm: .*--mount=type=secret,id=npm"),
    ],
)
def test_what_a_dockerfile_would_ignore_is_refused(settings: Settings, given: dict, problem: str) -> None:
    first, *others = settings.services
    changed = dataclasses.replace(settings, services=(dataclasses.replace(first, **given), *others))
    with pytest.raises(SettingsError, match=problem):
        make(changed)


def edited(settings: Settings, key: str, text: str) -> Settings:
    first, *others = settings.services
    return dataclasses.replace(settings, services=(dataclasses.replace(first, edited={key: (text,)}), *others))


@pytest.mark.parametrize(
    ("key", "there", "nowhere"),
    [
        ("dropPackages", "Psycopg2.Binary", "psycopg"),
        ("loosePackages", "uvicorn", "uvicor"),
        ("replaceInSources", "https://api.example.org", "https://api.example.com"),
    ],
)
def test_what_the_sources_do_not_have_cannot_be_edited_there(
    settings: Settings, key: str, there: str, nowhere: str
) -> None:
    folder = settings.services[0].context
    make(edited(settings, "dropPackages", nowhere))  # the build makes its requirements: nobody can tell
    (folder / "requirements-dev.txt").write_text("uvicorn[standard]==0.30\npsycopg2-binary==2.9  # driver\n")
    (folder / "api.ts").write_text('fetch("https://api.example.org/x")\n')
    (folder / ".dockerignore").write_text("left\n")
    (folder / "left").mkdir()
    (folder / "left" / "requirements.txt").write_text("psycopg\nuvicor\n")
    (folder / "left" / "api.ts").write_text("https://api.example.com")
    make(edited(settings, key, there))
    with pytest.raises(SettingsError, match=rf"services\.frontend\.{key}: {nowhere} is in none of the sources"):
        make(edited(settings, key, nowhere))


def test_the_database_s_key_is_named_as_it_stands_in_the_file(settings: Settings) -> None:
    changed = dataclasses.replace(settings, database=dataclasses.replace(settings.database, build_args={"X": "1"}))
    with pytest.raises(SettingsError, match=r"yaml: database\.buildArgs\.X: "):
        make(changed)


def test_a_platform_in_the_environment_names_another_image(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DOCKER_DEFAULT_PLATFORM", raising=False)
    before = make(settings)
    monkeypatch.setenv("DOCKER_DEFAULT_PLATFORM", "linux/arm64")
    assert not set(before.images) & set(make(settings).images)


def test_sources_that_change_under_way_are_not_built_under_the_old_name(settings: Settings, tmp_path: Path) -> None:
    service, image = settings.services[0], make(settings).images[0]
    (tmp_path / "first").mkdir()
    context, dockerfile = plan.lay_out(service, image, IDS, tmp_path / "first")
    assert (context / "main").read_text() == "frontend" and "BASE" in dockerfile.read_text()
    (service.context / "main").write_text("changed")
    (tmp_path / "second").mkdir()
    with pytest.raises(UserError, match=r"frontend: its sources have changed"):
        plan.lay_out(service, image, IDS, tmp_path / "second")


@pytest.mark.parametrize(
    ("fault", "told", "remedy"),
    [
        (OSError(28, "No space left on device"), "cannot be written to", "make room"),
        (FileNotFoundError(2, "No such file or directory", "{0}/main"), "have changed since", "run it again"),
        (PermissionError(13, "Permission denied", "{0}/main"), "main cannot be read", "make it readable"),
        (OSError(30, "Read-only file system", "{1}/context/main"), "cannot be written to", "let this user write"),
    ],
)
def test_a_copy_of_the_sources_that_cannot_be_made_is_told_by_its_cause(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: OSError, told: str, remedy: str
) -> None:
    service, image = settings.services[0], make(settings).images[0]
    (tmp_path / "sent").mkdir()
    where = fault.filename and fault.filename.format(service.context, tmp_path / "sent")

    def refused(*_: object) -> None:
        raise OSError(fault.errno, fault.strerror, where)

    monkeypatch.setattr("scripts.images.build_context._copy", refused)
    with pytest.raises(UserError, match=told) as caught:
        plan.lay_out(service, image, IDS, tmp_path / "sent")
    assert str(caught.value).startswith("frontend: ") and "None" not in str(caught.value)
    assert remedy in str(caught.value.hint)


def test_another_stage_of_the_same_dockerfile_is_another_image(settings: Settings) -> None:
    service = settings.services[0]
    assert plan.image_of(service, IDS) != plan.image_of(dataclasses.replace(service, stage="check"), IDS)


def test_a_file_that_may_not_be_read_is_named_with_its_service(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(path: str, _status: os.stat_result) -> str:
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr("scripts.images.build_context._digest", refused)
    with pytest.raises(UserError, match=r"frontend: .*frontend/Dockerfile cannot be read: Permission denied") as told:
        make(settings)
    assert ".dockerignore" in told.value.hint


def test_the_ignore_file_beside_a_persons_dockerfile_holds_for_the_copy_that_is_built(
    settings: Settings, tmp_path: Path
) -> None:
    service = settings.services[0]
    (service.context / "secret.txt").write_text("x")
    (service.context / "Dockerfile.dockerignore").write_text("*.txt\n")
    copy = tmp_path / "copies/Dockerfile"
    copy.parent.mkdir()
    copy.write_text(service.dockerfile.read_text())
    derived = dataclasses.replace(service, dockerfile=copy, source=service.dockerfile)
    (tmp_path / "sent").mkdir()
    context, _ = plan.lay_out(derived, plan.image_of(derived, IDS), IDS, tmp_path / "sent")
    assert not (context / "secret.txt").exists() and (context / "main").is_file()


def test_what_an_apps_file_leaves_out_is_in_no_image(settings: Settings, tmp_path: Path) -> None:
    """Also where a copy of the Dockerfile is built, which has rules of its own beside it."""
    service = dataclasses.replace(settings.services[0], ignore=(".env", "data", "!data/kept"))
    (service.context / "data").mkdir()
    for name in (".env", "data/large", "data/kept", "main.txt"):
        (service.context / name).write_text("x")
    (service.context / ".dockerignore").write_text("*.txt\n")
    copy = tmp_path / "copies/Dockerfile"
    copy.parent.mkdir()
    copy.write_text(service.dockerfile.read_text())
    for one in (service, dataclasses.replace(service, dockerfile=copy, source=service.dockerfile)):
        names = {entry.path for entry in plan.sent(one)}
        assert {"data/kept", "main"} <= names and not {".env", "data/large", "main.txt"} & names
        tag = plan.image_of(one, IDS)
        (service.context / ".env").write_text("y")
        assert plan.image_of(one, IDS) == tag
        assert plan.image_of(dataclasses.replace(one, ignore=()), IDS) != tag
