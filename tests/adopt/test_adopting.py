"""Applications of the shapes that people have, adopted: what they become is kept in `golden`, for people to see.

The applications are in `apps`, written for this. To take new conclusions over: ADOPT_WRITE=1 pytest tests/adopt
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.adopt import adopting
from scripts.adopt.adopting import Adopted, Request
from scripts.errors import UserError
from scripts.host.shell import Shell
from scripts.settings import loading
from scripts.settings.loading import ROOT

APPS = Path(__file__).parent / "apps"
GOLDEN = Path(__file__).parent / "golden"
ANSWERS: dict[str, dict[str, str]] = {"phases": {"copy": "phase-4"}, "tls-page": {}}


def helm() -> Path:
    found = shutil.which("helm") or str(ROOT / ".tools/helm")
    if not Path(found).is_file():
        pytest.skip("helm is not on this machine: invoke install")
    return Path(found)


@pytest.fixture(autouse=True)
def no_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """No registry answers, and no history tells a day: the same conclusions on every machine."""
    monkeypatch.setattr(adopting, "_registry", lambda: False)
    monkeypatch.setattr(adopting, "_date", lambda tree, shell: "2026-01-31")


def adopt(path: Path, root: Path = ROOT, **options: Any) -> Adopted:
    return adopting.adopt(Request(path, **options), root, Shell(), None, helm)


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.parametrize("name", sorted(path.name for path in APPS.iterdir()))
def test_what_an_app_becomes(name: str) -> None:
    before = files(APPS / name)
    adopted = adopt(APPS / name, answers=ANSWERS.get(name, {}))
    assert files(APPS / name) == before, "nothing below the folder is ever written"
    shown = adopted.text.split("\nadopted:")[0].replace(str(APPS), "APPS") + "\n"
    golden = GOLDEN / f"{name}.yaml"
    if os.environ.get("ADOPT_WRITE"):
        golden.write_text(shown)
    assert shown == golden.read_text()


@pytest.mark.parametrize("name", sorted(path.name for path in APPS.iterdir()))
def test_what_an_app_becomes_is_a_configuration(name: str, tmp_path: Path) -> None:
    """It loads, and adopting it again changes nothing."""
    project(tmp_path)
    adopted = adopt(APPS / name, tmp_path, answers=ANSWERS.get(name, {}))
    adopting.write(adopted, tmp_path)
    loaded = loading.load(tmp_path)
    assert loaded.app.name == name and loaded.services
    again = adopt(APPS / name, tmp_path, answers=ANSWERS.get(name, {}))
    assert again.text == again.before


def project(folder: Path) -> None:
    """Enough of a project for its configuration to load."""
    shutil.copytree(ROOT / "config", folder / "config")
    for name in ("charts", "services/database", "services/base"):
        shutil.copytree(ROOT / name, folder / name)


def test_what_a_person_changed_survives(tmp_path: Path) -> None:
    project(tmp_path)
    first = adopt(APPS / "bare", tmp_path)
    adopting.write(first, tmp_path)
    data = yaml.safe_load(first.file.read_text())
    data["services"]["api"] |= {"replicas": 3, "environment": data["services"]["api"]["environment"] | {"MINE": "1"}}
    del data["services"]["web"]["probes"]
    data["journey"] = []
    first.file.write_text(yaml.safe_dump(data, sort_keys=False))
    second = adopt(APPS / "bare", tmp_path)
    kept = yaml.safe_load(second.text)
    assert kept["services"]["api"]["replicas"] == 3 and kept["services"]["api"]["environment"]["MINE"] == "1"
    assert "probes" not in kept["services"]["web"]
    assert kept["journey"] == []


def make(folder: Path, **texts: str) -> Path:
    for name, text in texts.items():
        file = folder / name.replace("__", "/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return folder


def test_a_folder_that_is_no_app_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such folder"):
        adopt(tmp_path / "nowhere")
    (tmp_path / "notes.md").write_text("# notes\n")
    with pytest.raises(
        UserError, match="no application: no compose file, Dockerfile or package file tells of a service"
    ):
        adopt(tmp_path)
    with pytest.raises(UserError, match="not a folder"):
        adopt(tmp_path / "notes.md")


def test_a_folder_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scripts.adopt.tree.MOST_FILES", 10)
    make(tmp_path, **{f"data__{number}.json": "{}" for number in range(20)})
    with pytest.raises(UserError, match="more than 10 files") as caught:
        adopt(tmp_path)
    assert caught.value.hint == "name the folder of one application in it"


def test_a_large_file_costs_nothing_and_a_link_is_not_followed(tmp_path: Path) -> None:
    app = make(
        tmp_path / "app",
        **{"requirements.txt": "fastapi\nuvicorn\n", "main.py": "from fastapi import FastAPI\napp = FastAPI()\n"},
    )
    with (app / "model.py").open("wb") as large:
        large.truncate(2 << 30)
    outside = make(tmp_path / "outside", **{"secret.py": 'import os\nos.environ["OUTSIDE"]\n'})
    (app / "link").symlink_to(outside)
    (app / "secret.py").symlink_to(outside / "secret.py")
    found = adopt(app)
    assert "OUTSIDE" not in found.text
    assert any("link: a link, not followed" in remark for remark in found.decision.remarks)


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "api__requirements.txt": "fastapi\n", "api__main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
        "api__Dockerfile": "this is no Dockerfile\n",
        "k8s__deployment.yaml": "apiVersion: v1\nkind: {{ .Values.kind }}\n",
        "docker-compose.yml": "services: [unclosed\n",
    })  # fmt: skip
    remarks = adopt(app).decision.remarks
    reasons = [reason for reason in adopt(app).decision.reasons if reason[0] == "services.api.builder"]
    assert (
        "services.api.builder",
        "python",
        "api/Dockerfile: no FROM line: it does not parse as a Dockerfile",
    ) in reasons
    assert "docker-compose.yml: not read: line 2 is not YAML" in remarks
    assert "k8s/deployment.yaml: not read: it is a Go template, not YAML" in remarks
    assert any(remark.startswith("no page: ") for remark in remarks)


def test_several_copies_are_asked_for_and_named_where_nobody_can_be(tmp_path: Path) -> None:
    package = '{"dependencies": {"next": "16"}}'
    app = make(tmp_path, **{f"phase{n}__frontend__package.json": package for n in (2, 3, 10)})
    with pytest.raises(UserError, match="copy: several applications") as caught:
        adopt(app)
    assert "phase10, phase2, phase3" in str(caught.value) and "--answers" in caught.value.hint
    assert "phase3/frontend" in adopt(app, answers={"copy": "phase3"}).text


def test_an_own_chart_gets_the_images_where_its_values_name_them(tmp_path: Path) -> None:
    project(tmp_path)
    adopted = adopt(APPS / "rewrites", tmp_path, own_chart=True)
    adopting.write(adopted, tmp_path)
    data = yaml.safe_load(adopted.text)
    assert data["release"] == {"name": "rewrites", "namespace": "rewrites", "chart": str(APPS / "rewrites/chart")}
    backend = data["services"]["backend"]
    assert (backend["deployment"], backend["service"]) == ("errands-backend", "errands-backend")
    loaded = loading.load(tmp_path)
    assert loaded.release.images == {
        "backend": {"reference": "backend.image"}, "frontend": {"reference": "frontend.image"},
    }  # fmt: skip


def test_without_a_chart_of_its_own_the_products_is_taken_and_said(tmp_path: Path) -> None:
    project(tmp_path)
    adopted = adopt(APPS / "bare", tmp_path, own_chart=True)
    assert "chart" not in yaml.safe_load(adopted.text)["release"]
    assert any(remark.startswith("--own-chart: there is no Helm chart") for remark in adopted.decision.remarks)


def test_the_reference_apps_file_is_never_written_over(tmp_path: Path) -> None:
    project(tmp_path)
    app = make(tmp_path / "todo-chatbot", **{"package.json": '{"dependencies": {"next": "16"}}'})
    assert adopt(app, tmp_path).name == "todo-chatbot-app"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('os.getenv("CORS_ORIGINS", "http://localhost:5173").split(",")', "http://localhost:3000"),
        ('json.loads(os.environ["CORS_ORIGINS"])', '["http://localhost:3000"]'),
        ('os.getenv("CORS_ORIGINS", "http://localhost:3000")', None),
        ('os.getenv("CORS_ORIGINS", "*")', None),
    ],
)
def test_the_pages_origin_is_told_in_the_form_the_code_takes(tmp_path: Path, code: str, expected: str | None) -> None:
    app = make(tmp_path, **{
        "api__requirements.txt": "fastapi\n", "web__package.json": '{"dependencies": {"next": "16"}}',
        "api__main.py": f"import json, os\nfrom fastapi import FastAPI\napp = FastAPI()\norigins = {code}\n",
    })  # fmt: skip
    service = yaml.safe_load(adopt(app).text)["services"]["api"]
    assert service.get("environment", {}).get("CORS_ORIGINS") == expected


@pytest.mark.parametrize(
    ("requirements", "code", "form"),
    [
        ("sqlalchemy\nasyncpg", "create_async_engine(url)", {"scheme": "postgresql+asyncpg"}),
        ("asyncpg", "asyncpg.connect(url)", {}),
        ("sqlalchemy\npsycopg[binary]", "create_engine(url)", {"scheme": "postgresql+psycopg"}),
        ("psycopg[binary]", "psycopg.connect(url)", {}),
        ("sqlalchemy\npsycopg2-binary", "create_engine(url)", {}),
        ("sqlalchemy\nasyncpg", 'create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))', {}),
    ],
)
def test_the_databases_url_has_the_form_of_the_driver(
    tmp_path: Path, requirements: str, code: str, form: dict[str, str]
) -> None:
    app = make(tmp_path, **{
        "requirements.txt": f"fastapi\n{requirements}\n",
        "main.py": f'import os\nimport fastapi\napp = fastapi.FastAPI()\nurl = os.environ["DATABASE_URL"]\n{code}\n',
    })  # fmt: skip
    secrets = yaml.safe_load(adopt(app).text)["secrets"]
    assert secrets["database-secrets"]["keys"]["DATABASE_URL"]["database"] == form


def test_a_driver_of_one_vendor_alone_is_named_and_asked_about(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16", "@neondatabase/serverless": "1"}}',
        "app__page.ts": 'import { neon } from "@neondatabase/serverless";\nneon(process.env.DATABASE_URL!);\n',
    })  # fmt: skip
    with pytest.raises(UserError, match=r"database: .*speaks to its vendor's service alone"):
        adopt(app)
    assert "DATABASE_URL" in adopt(app, answers={"database": "yes"}).text


def test_what_a_program_ends_without_and_nothing_tells_is_asked(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\n",
        "main.py": 'import os\nimport fastapi\napp = fastapi.FastAPI()\nos.environ["REGION"]\nos.environ["TEAM"]\n',
        ".env.example": "TEAM=blue\nREGION=your-region\n",
    })  # fmt: skip
    name = "app"
    with pytest.raises(UserError, match=rf"{name}\.REGION: main\.py:4: {name} ends without REGION: which value\?"):
        adopt(app)
    environment = yaml.safe_load(adopt(app, answers={f"{name}.REGION": "north"}).text)["services"][name]["environment"]
    assert environment == {"REGION": "north", "TEAM": "blue"}


def test_what_a_compose_file_says_otherwise_than_the_image_is_told(tmp_path: Path) -> None:
    """An image may set a variable to what its own program cannot take; one that only the code knows is left alone."""
    app = make(tmp_path, **{
        "api__requirements.txt": "fastapi\n",
        "api__Dockerfile": "FROM python:3.13-slim\nENV LOG_LEVEL=info\nCOPY . .\n",
        "api__main.py": 'import os\nos.getenv("LOG_LEVEL", "INFO")\nos.getenv("MODE", "a")\n',
        "compose.yaml": "services: {api: {build: ./api, environment: {LOG_LEVEL: INFO, MODE: b}}}\n",
    })  # fmt: skip
    assert yaml.safe_load(adopt(app).text)["services"]["api"]["environment"] == {"LOG_LEVEL": "INFO"}
