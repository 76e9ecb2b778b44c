"""Applications of the shapes that people have, adopted: what they become is kept in `golden`, for people to see.

The applications are in `apps`, written for this. To take new conclusions over: ADOPT_WRITE=1 pytest tests/adopt
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import yaml

from scripts.adopt import adopting, asking, documents, infer, migrations, packages
from scripts.adopt.adopting import Adopted, Request
from scripts.adopt.inference import addresses, jobs
from scripts.adopt.inference.decision import Question
from scripts.adopt.inference.environment import NEON
from scripts.adopt.tree import Tree, scan
from scripts.errors import UserError
from scripts.host.parsing import from_yaml
from scripts.host.paths import ROOT
from scripts.host.shell import Shell
from scripts.settings.configuration import read_settings

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
    monkeypatch.setattr(adopting, "_engines_answer", lambda: False)
    monkeypatch.setattr(adopting, "_date", lambda tree, shell: "2026-01-31")
    monkeypatch.setattr(adopting, "_contradiction", lambda text, python, shell: None)


def adopt(path: Path, root: Path = ROOT, **options: Any) -> Adopted:
    return adopting.adopt(Request(path, **options), root, Shell(), None, helm)


def taking_defaults(path: Path) -> tuple[Adopted, list[Question]]:
    """An application that is adopted by somebody who takes every default, and what was asked."""
    asked: list[Question] = []

    def ask(question: Question) -> str:
        asked.append(question)
        return question.default

    return adopting.adopt(Request(path), ROOT, Shell(), ask, helm), asked


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_service_that_is_a_repository_of_its_own_and_was_not_fetched_is_told(tmp_path: Path) -> None:
    """A person sees why the page is missing, where git holds no more than the mark of another repository."""
    app = make(tmp_path, **below("api", API))
    for folder in (app / "web", app / "tools", app):
        folder.mkdir(exist_ok=True)
        said = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "core.hooksPath=/dev/null"]
        for words in (["init", "-q"], ["add", "."], [*said, "commit", "-q", "--allow-empty", "-m", "a"]):
            subprocess.run(["git", "-C", folder, *words], check=True, timeout=30)
    shutil.rmtree(app / "web")
    make(app, web__README="", tools__a="")
    (app / "web/README").unlink()  # as a clone without `--recursive` leaves it: an empty folder
    told = [line for line in asking.told(adopt(app)) if "repository of its own" in line]
    assert len(told) == 1 and told[0].startswith("note: web: a repository of its own"), told


def test_what_is_no_application_of_its_own_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path.parent):
        with pytest.raises(UserError, match="holds this checkout"):
            adopt(path, tmp_path)


@pytest.mark.slow
def test_the_file_of_another_application_of_that_name_is_not_written_over(tmp_path: Path) -> None:
    project(tmp_path)
    adopting.write(adopt(APPS / "bare", tmp_path, name="mine"), tmp_path)
    with pytest.raises(UserError, match=r"config/apps/mine\.yaml: is about another application, .*/bare") as refused:
        adopt(APPS / "uv", tmp_path, name="mine")
    assert "--name mine-2" in (refused.value.hint or "")
    moved = tmp_path / "moved"
    shutil.copytree(APPS / "bare", moved)
    file = tmp_path / "config/apps/mine.yaml"
    file.write_text(file.read_text().replace(str(APPS / "bare"), "/gone/bare"))
    assert "source: moved" in adopt(moved, tmp_path, name="mine").text


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(path.name for path in APPS.iterdir()))
def test_what_an_app_becomes_is_a_configuration(name: str, tmp_path: Path) -> None:
    """It loads, and adopting it again changes nothing."""
    project(tmp_path)
    adopted = adopt(APPS / name, tmp_path, answers=ANSWERS.get(name, {}))
    adopting.write(adopted, tmp_path)
    loaded = read_settings(tmp_path)
    assert loaded.app.name == name and loaded.services
    again = adopt(APPS / name, tmp_path, answers=ANSWERS.get(name, {}))
    assert again.text == again.before


def project(folder: Path) -> None:
    """Enough of a project for its configuration to load."""
    shutil.copytree(ROOT / "config", folder / "config")
    for name in ("charts", "services/database", "services/base"):
        shutil.copytree(ROOT / name, folder / name)


@pytest.mark.slow
def test_what_a_person_changed_survives(tmp_path: Path) -> None:
    project(tmp_path)
    first = adopt(APPS / "bare", tmp_path)
    adopting.write(first, tmp_path)
    data = from_yaml(first.file.read_text())
    data["services"]["api"] |= {"replicas": 3, "environment": {"MINE": "1"}}
    del data["services"]["web"]["probes"]
    data["journey"] = []
    first.file.write_text(yaml.safe_dump(data, sort_keys=False))
    second = adopt(APPS / "bare", tmp_path)
    kept = from_yaml(second.text)
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


def test_a_pipe_is_not_waited_for_and_nothing_outside_is_read(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("hunter2")
    app = tmp_path / "app"
    app.mkdir()
    os.mkfifo(app / "package.json")
    (app / "link").symlink_to(tmp_path / "password")
    tree = scan(app)
    assert [tree.text(name) for name in ("package.json", "link", "../password")] == ["", "", ""]


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
    (heavy,) = [one for one in found.decision.remarks if " GB, " in one]
    assert heavy.startswith("app: each build is sent 2.1 GB, most of it model.py (2.1 GB): put what its image")
    make(app, **{"Dockerfile": "FROM python:3.13-slim\nCOPY . .\nCMD uvicorn main:app\n", ".dockerignore": "model*\n"})
    assert not any(" GB, " in one for one in adopt(app).decision.remarks)
    assert any("link: a link, not followed" in remark for remark in found.decision.remarks)


def test_what_cannot_be_read_is_said_in_one_line(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "api__requirements.txt": "fastapi\n", "api__main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
        "api__Dockerfile": "this is no Dockerfile\n",
        "k8s__deployment.yaml": "apiVersion: v1\nkind: {{ .Values.kind }}\n",
        "docker-compose.yml": "services: [unclosed\n", "api__.env.example": "# keys\nA=1\nput yours here\n",
    })  # fmt: skip
    remarks = adopt(app).decision.remarks
    assert "api/.env.example:3: not read: it is not NAME=VALUE" in remarks
    reasons = [reason for reason in adopt(app).decision.reasons if reason[0] == "services.api.builder"]
    assert (
        "services.api.builder",
        "python",
        "api/Dockerfile: no FROM line: it does not parse as a Dockerfile",
    ) in reasons
    assert "docker-compose.yml: not read: line 2 is not YAML" in remarks
    assert "k8s/deployment.yaml: not read: it is a Go template, not YAML" in remarks
    assert any(remark.startswith("no page: ") for remark in remarks)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"services:\n  api: {build: ./api}\n\0", ["docker-compose.yml: not read: no text"]),
        (b"#" * 600_000, ["docker-compose.yml: not read: larger than 512 KB"]),
        (b"services:\n  shop: {build: ./api} # caf\xe9\n", []),
        (b"", []),
    ],
)
def test_a_file_that_is_no_text_is_told_and_one_letter_of_an_older_encoding_is_no_matter(
    tmp_path: Path, content: bytes, said: list[str]
) -> None:
    app = make(tmp_path, **{"api__requirements.txt": "fastapi\n", "api__main.py": API["main.py"]})
    (app / "docker-compose.yml").write_bytes(content)
    found = adopt(app)
    assert [line for line in found.decision.remarks if "not read" in line] == said
    assert set(services(found)) == {"shop" if b"shop" in content else "api"}


@pytest.mark.parametrize(
    ("file", "has"),
    [("app/globals.css", False), ("pages/api/x.ts", False), ("pages/index.tsx", True), ("src/app/(a)/page.jsx", True)],
)
def test_a_page_whose_pages_the_repository_does_not_hold_is_told(tmp_path: Path, file: str, has: bool) -> None:
    app = make(tmp_path, **{"package.json": NEXT, file.replace("/", "__"): ""})
    assert any("holds no page of it" in one for one in adopt(app).decision.remarks) is not has


def test_a_server_beside_package_files_of_a_page_is_no_page_without_pages(tmp_path: Path) -> None:
    """Of a folder above all, whose image runs Python."""
    recipe = "FROM python:3.13-slim\nCOPY api ./api\nCOPY requirements.txt .\nCMD uvicorn api.main:app\n"
    app = make(tmp_path, **{
        "package.json": NEXT, "requirements.txt": "fastapi\n", "Dockerfile.api": recipe,
        "api__main.py": API["main.py"], "web__package.json": NEXT, "web__app__page.tsx": "",
    })  # fmt: skip
    found = adopt(app)
    assert services(found)["api"] and not any("holds no page" in one for one in found.decision.remarks)


def test_names_of_older_systems_and_sources_that_do_not_parse_are_told(tmp_path: Path) -> None:
    app = make(tmp_path, **{**API, "old.py": "import os\nprint os.environ\n", "deep.py": "(" * 5000})
    (app / os.fsdecode(b"caf\xe9.py")).write_text("import os\nos.environ['X_URL']\n")
    (app / os.fsdecode(b"\xe9")).mkdir()
    found = adopt(app)
    assert found.text.encode()
    assert {
        "old.py:2: not read: it is not Python",
        "deep.py:1: not read: it is not Python",
        r"'caf\udce9.py': left out: its name is not UTF-8",
        r"'\udce9': left out: its name is not UTF-8",
    } <= set(found.decision.remarks)


WRONG = ("", " ", " [", " [/data]", ' ["a"', " [1, null]", " '", " =", " a=", " $", " --from", " <<EOF", " ../..")


@pytest.mark.slow
@pytest.mark.parametrize("first", ["FROM", ""])
def test_lines_of_a_dockerfile_that_are_none_end_nothing(tmp_path: Path, first: str) -> None:
    names = ("COPY", "ADD", "RUN", "ENV", "ARG", "CMD", "USER", "EXPOSE", "VOLUME", "WORKDIR", "HEALTHCHECK", first)
    app = make(tmp_path, **{"web__package.json": NEXT, **below("api", API)})
    for value in WRONG:
        wrong = "\n".join(f"{name}{value}" for name in names if name)
        recipe = f"FROM node:24-slim AS a\n{wrong}\nRUN npm ci\nFROM a\n{wrong}\nRUN npm ci\nCMD npm start\n"
        (app / "web/Dockerfile").write_text(recipe)
        (app / "api/Dockerfile").write_text(recipe.replace("node:24", "python:3.13"))
        assert set(services(adopt(app))) == {"web", "api"}


@pytest.mark.parametrize("value", [None, [], {}, "x", 7, [None], ["x"], {"x": None}], ids=str)
def test_a_manifest_of_another_shape_ends_nothing(value: Any) -> None:
    """Each part of a workload, and of what it takes its variables from, with something else in its place."""
    container = {
        "name": "api", "image": "me/api", "ports": [{"containerPort": 8000}], "command": ["a"], "args": ["b"],
        "env": [{"name": "A", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}}],
        "envFrom": [{"configMapRef": {"name": "c"}}], "volumeMounts": [{"name": "d", "mountPath": "/d"}],
        "readinessProbe": {"httpGet": {"path": "/", "port": 8000}},
    }  # fmt: skip
    volumes = [{"name": "d", "persistentVolumeClaim": {"claimName": "d"}}]
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container], "volumes": volumes}}
    named = {"apiVersion": "v1", "metadata": {"name": "c"}}
    whole = [
        {**named, "kind": "Deployment", "spec": {"replicas": 2, "template": template}},
        {**named, "kind": "ConfigMap", "data": {"k": "v"}},
        {**named, "kind": "Service", "spec": {"selector": {"a": "b"}}},
    ]
    for path in _paths(whole):
        objects = documents.read_all(yaml.dump_all(_with(whole, path, value), Dumper=yaml.CSafeDumper))
        read = documents.workloads([(one, "k8s.yaml") for one in objects if isinstance(one, dict) and one.get("kind")])
        assert len(read) <= 1


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each part of a structure."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [*([path] if path else []), *(one for key, it in inner for one in _paths(it, (*path, key)))]


def _with(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The structure with something else at one place."""
    if not path:
        return new
    copied = dict(value) if isinstance(value, dict) else list(value)
    copied[path[0]] = _with(value[path[0]], path[1:], new)
    return copied


def test_a_compose_file_without_services_is_told(tmp_path: Path) -> None:
    found = adopt(make(tmp_path, **{**API, "compose.yaml": "services: [api]\n"}))
    assert "compose.yaml: not read: services is no mapping of names" in found.decision.remarks


def test_a_package_file_that_is_none_is_told_with_its_line(tmp_path: Path) -> None:
    app = make(tmp_path, **{**API, "web__package.json": '{\n  "name":\n', "old__pyproject.toml": "a = 1\nb =\n"})
    remarks = adopt(app).decision.remarks
    assert "web/package.json:3: not read: no JSON" in remarks
    assert "old/pyproject.toml:2: not read: no TOML" in remarks


def test_requirements_that_windows_wrote_are_read(tmp_path: Path) -> None:
    app = make(tmp_path, **API)
    (app / "requirements.txt").write_text("fastapi\nsqlmodel\n", encoding="utf-16")
    assert services(adopt(app))["app"]["builder"] == "python"


@pytest.mark.parametrize(
    ("code", "dropped", "told"),
    [("", ["torch", "transformers"], False), ("from transformers import pipeline\n", None, True)],
)
def test_packages_for_graphics_cards_are_left_out_or_told(
    tmp_path: Path, code: str, dropped: list[str] | None, told: bool
) -> None:
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\ntransformers>=4\ntorch>=2\n", "main.py": code + API["main.py"],
    })  # fmt: skip
    found = adopt(app)
    assert services(found)["app"].get("dropPackages") == dropped
    said = "requirements.txt:3: app: torch brings what graphics cards need"
    assert any(one.startswith(said) for one in found.decision.remarks) is told


@pytest.mark.parametrize(
    "value", ["http://[your-host]:8000/api", "http://localhost:port", "http://[::1", "http://a:99999"]
)
def test_an_address_that_is_none_is_taken_by_its_name(tmp_path: Path, value: str) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": f"process.env.NEXT_PUBLIC_API_URL;\nfetch('{value}');\n",
        "web__.env.example": f"NEXT_PUBLIC_API_URL={value}\n", **below("api", API),
        "api__core.py": f'import os\nos.getenv("AGENT_URL", "{value}")\nos.getenv("DATABASE_URL", "{value}")\n',
        "compose.yaml": "services:\n  api: {build: ./api}\n"
                        f"  web: {{build: ./web, environment: {{API_URL: '{value}'}}}}\n",
    })  # fmt: skip
    page = services(adopt(app))["web"]
    assert page["buildEnvironment"]["NEXT_PUBLIC_API_URL"].startswith("http://localhost:8000")


@pytest.mark.parametrize(
    ("told", "default", "expected"),
    [
        ("http://api:8000", "http://localhost:8000/api/v1", "http://localhost:8000/api/v1"),
        ("http://api:8000/api", "http://localhost:8000", "http://localhost:8000"),
        ("http://api:8000/v2", "", "http://localhost:8000/v2"),  # nothing else tells a path
        ("http://localhost:8000/v2", "http://localhost:8000/v1", "http://localhost:8000/v2"),
    ],
)
def test_a_container_is_told_a_name_that_no_browser_knows_so_the_codes_own_address_counts(
    tmp_path: Path, told: str, default: str, expected: str
) -> None:
    """What a container is told comes after its build: its author's browser asked what the code has by itself."""
    code = f" || '{default}'" if default else ""
    app = make(tmp_path, **{
        "compose.yaml": (
            "services:\n  api: {build: ./api}\n"
            f"  web: {{build: ./web, environment: {{NEXT_PUBLIC_API_URL: {told}}}}}\n"
        ),
        "web__package.json": NEXT, **below("api", API),
        "web__app__page.tsx": f"fetch(process.env.NEXT_PUBLIC_API_URL{code});\n",
    })  # fmt: skip
    assert services(adopt(app))["web"]["buildEnvironment"]["NEXT_PUBLIC_API_URL"] == expected


def test_a_page_that_asks_a_service_of_others_says_what_it_is_to_be_built_with(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"vite": "7", "appwrite": "14"}}', "index.html": "",
        "main.js": "import.meta.env.VITE_PROJECT;\nimport.meta.env.VITE_KEY ?? 'a';\nimport.meta.env.MODE;\n",
    })  # fmt: skip
    (said,) = [one for one in adopt(app).decision.remarks if "appwrite" in one]
    assert said.endswith("put into services.app.buildEnvironment: VITE_PROJECT")


def test_without_a_database_that_is_said(tmp_path: Path) -> None:
    remarks = adopt(make(tmp_path, **API)).decision.remarks
    assert [one for one in remarks if one.startswith("no database")] == [
        "no database: no service reads the address of one, so none is brought"
    ]


def test_several_copies_are_asked_for_and_named_where_nobody_can_be(tmp_path: Path) -> None:
    package = '{"dependencies": {"next": "16"}}'
    app = make(tmp_path, **{f"phase{n}__frontend__package.json": package for n in (2, 3, 10)})
    with pytest.raises(UserError, match="copy: several applications") as caught:
        adopt(app)
    assert "phase10, phase2, phase3" in str(caught.value) and "--answers" in caught.value.hint
    assert "phase3/frontend" in adopt(app, answers={"copy": "phase3"}).text


def test_a_copy_whose_sources_are_not_whole_is_told_and_not_the_default(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        f"phase{number}__web__{name}": text for number in (2, 3) for name, text in
        {"package.json": NEXT, "app__page.tsx": 'import "./lib/a";\n'}.items()
    } | {"phase2__web__app__lib__a.ts": "", ".gitignore": "lib/\n"})  # fmt: skip
    _, asked = taking_defaults(app)
    assert asked[0].default == "phase2" and "does not hold all sources of phase3." in asked[0].text


def test_a_copy_that_is_whole_and_not_the_default_is_not_said_to_lack_sources(tmp_path: Path) -> None:
    """One without a server of its own is passed over for another reason."""
    server = '@app.post("/register")\ndef register(): ...\n'
    app = make(tmp_path, **{
        f"phase{number}__web__{name}": text for number in (2, 3) for name, text in
        {"package.json": NEXT, "app__page.tsx": 'fetch("/api/register");\n'}.items()
    } | {"phase2__api__requirements.txt": "fastapi\n", "phase2__api__main.py": server})  # fmt: skip
    _, asked = taking_defaults(app)
    assert asked[0].default == "phase2" and "does not hold" not in asked[0].text


@pytest.mark.parametrize("test", ["app/a.test.ts", "lib/a.spec.tsx", "__tests__/a.tsx"])
def test_a_pages_tests_stay_out_of_the_build_that_the_product_brings(tmp_path: Path, test: str) -> None:
    """Their types are checked as well: a build would end at what a matcher is not known to have."""
    app = make(tmp_path, **{"package.json": NEXT, "app__page.tsx": ""})
    (app / test).parent.mkdir(exist_ok=True)
    (app / test).write_text("")
    assert set(infer.TESTS_OF_A_PAGE) <= set(services(adopt(app))["app"]["ignore"])


def test_where_no_copy_is_whole_nobody_is_asked_which_one(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        f"phase{number}__web__{name}": text for number in (2, 3) for name, text in
        {"package.json": NEXT, "app__page.tsx": 'import "./lib/a";\n'}.items()
    })  # fmt: skip
    with pytest.raises(UserError, match="no copy of the application is whole") as refused:
        adopt(app)
    assert "phase3/web/app/page.tsx:1 imports ./lib/a" in str(refused.value)
    adopt(app, answers={"copy": "phase3", "web.incomplete": "yes"})


def test_a_file_that_no_page_loads_and_that_is_not_whole_stays_out_of_the_build(tmp_path: Path) -> None:
    """The build checks its types as well, and would end there; what lies beside it goes in as ever."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": 'import "../parts/used";\n', "web__parts__used.tsx": "",
        "web__parts__[id]__old.tsx": 'import type { A } from "../../lib/api";\n',
        "web__parts__older.tsx": 'import { Old } from "./[id]/old";\n',
        "web__parts__spare.tsx": 'import { used } from "./used";\n',
    })  # fmt: skip
    found = adopt(app)
    ignored = services(found)["web"]["ignore"]
    assert [one for one in ignored if "parts" in one] == ["parts/\\[id\\]/old.tsx", "parts/older.tsx"]
    (why,) = (place for key, _, place in found.decision.reasons if key == "services.web.ignore")
    assert why.startswith("web/parts/[id]/old.tsx:1: imports what the repository does not hold")


def test_a_page_of_vite_begins_where_its_index_says_whatever_its_folders_are_called(tmp_path: Path) -> None:
    """A `page` in a folder `app` is one of Next.js alone: elsewhere nothing loads it, and nothing lacks what it
    imports.
    """
    app = make(tmp_path, **{
        "web__package.json": '{"scripts": {"build": "vite build"}, "devDependencies": {"vite": "7"}}',
        "web__index.html": '<script type="module" src="./src/main.tsx"></script>', "web__src__main.tsx": "export {};\n",
        "web__src__app__page.jsx": 'import "./components/Chat";\n',
    })  # fmt: skip
    assert set(services(adopt(app))) == {"web"}
    (app / "web/src/main.tsx").write_text('import "./app/page";\n')
    with pytest.raises(UserError, match="which the repository does not hold"):
        adopt(app)


@pytest.mark.parametrize(
    ("last", "default"),
    [
        ({"web__app__page.tsx": ""}, "phase2"),  # nobody in it answers its page
        ({"api__requirements.txt": "fastapi\n"}, "phase2"),  # its page has no pages
        ({"web__app__page.tsx": "", "api__requirements.txt": "fastapi\n"}, "phase3"),
        ({"web__app__page.tsx": "", "web__app__api__tasks__route.ts": ""}, "phase3"),
        # What it adds sends notices alone.
        (
            {
                "web__app__page.tsx": "",
                "api__requirements.txt": "fastapi\n",
                "api__main.py": 'app.post("/events/task-events")(print)\n',
            },
            "phase2",
        ),
    ],
)
def test_the_default_is_the_last_copy_that_a_person_can_use(tmp_path: Path, last: dict[str, str], default: str) -> None:
    first = {"web__app__page.tsx": "", "api__requirements.txt": "fastapi\n"}
    if "api__main.py" in last:
        first["api__main.py"] = 'app.post("/api/tasks")(print)\n'
    app = make(tmp_path, **{
        f"phase{number}__{name}": text for number, texts in ((2, first), (3, last))
        for name, text in {"web__package.json": NEXT, **texts}.items()
    })  # fmt: skip
    _, asked = taking_defaults(app)
    assert asked[0].default == default


def test_what_programs_made_is_no_source_by_whatever_name(tmp_path: Path) -> None:
    reads = 'import os\nos.environ["OF_A_PROGRAM"]\n'
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__.next_old__server__page.js": "process.env.OF_A_BUILD;\n", **below("api", API),
        "api__.venv_new__lib__x.py": reads, "api__mine__pyvenv.cfg": "home = /usr\n", "api__mine__lib__y.py": reads,
    })  # fmt: skip
    assert "OF_A" not in adopt(app).text


@pytest.mark.slow
def test_an_own_chart_gets_the_images_where_its_values_name_them(tmp_path: Path) -> None:
    project(tmp_path)
    adopted = adopt(APPS / "rewrites", tmp_path, own_chart=True)
    adopting.write(adopted, tmp_path)
    data = from_yaml(adopted.text)
    own = {"chart": str(APPS / "rewrites/chart"), "podSecurity": "baseline"}
    assert data["release"] == {"name": "rewrites", "namespace": "rewrites"} | own
    backend = data["services"]["backend"]
    assert (backend["deployment"], backend["service"]) == ("errands-backend", "errands-backend")
    built = data["services"]["frontend"]["buildEnvironment"]["BACKEND_URL"]
    assert built == "http://errands-backend:8000", "the page asks the Service that there is"
    loaded = read_settings(tmp_path)
    assert loaded.release.pod_security == "baseline", "what people's charts seldom say is not asked of them"
    assert loaded.release.images == {
        "backend": {"reference": "backend.image"}, "frontend": {"reference": "frontend.image"},
    }  # fmt: skip


@pytest.mark.slow
def test_without_a_chart_of_its_own_the_products_is_taken_and_said(tmp_path: Path) -> None:
    project(tmp_path)
    adopted = adopt(APPS / "bare", tmp_path, own_chart=True)
    assert "chart" not in from_yaml(adopted.text)["release"]
    assert any(remark.startswith("--own-chart: there is no Helm chart") for remark in adopted.decision.remarks)


@pytest.mark.slow
def test_a_chart_that_deploys_only_a_part_of_the_services_is_not_taken(tmp_path: Path) -> None:
    adopted = adopt(APPS / "migrated", tmp_path, own_chart=True)
    assert "chart" not in from_yaml(adopted.text)["release"]
    said = "--own-chart: none of charts/backend, charts/frontend deploys all services; the product's is taken"
    assert said in adopted.decision.remarks


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
    service = from_yaml(adopt(app).text)["services"]["api"]
    assert service.get("environment", {}).get("CORS_ORIGINS") == expected


@pytest.mark.parametrize("name", ["CORS_ALLOW_METHODS", "CORS_ALLOW_HEADERS", "CORS_MAX_AGE", "CORS_ENABLED"])
def test_what_else_is_said_of_calls_from_other_pages_is_no_list_of_origins(tmp_path: Path, name: str) -> None:
    code = (
        f'import os\nfrom fastapi import FastAPI\napp = FastAPI()\nallow = os.getenv("{name}", "GET,POST").split(",")\n'
    )
    app = make(
        tmp_path, **{"api__requirements.txt": "fastapi\n", "api__main.py": code, **below("web", {"package.json": NEXT})}
    )
    assert name not in services(adopt(app))["api"].get("environment", {})


@pytest.mark.parametrize(
    ("requirements", "code", "form"),
    [
        ("sqlalchemy\nasyncpg", "create_async_engine(url)", {"scheme": "postgresql+asyncpg"}),
        ("asyncpg", "asyncpg.connect(url)", {}),
        ("sqlalchemy\npsycopg[binary]", "create_engine(url)", {"scheme": "postgresql+psycopg"}),
        ("psycopg[binary]", "psycopg.connect(url)", {}),
        ("sqlalchemy\npsycopg2-binary", "create_engine(url)", {}),
        ("sqlalchemy\nasyncpg", 'create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))', {}),
        (
            "sqlalchemy\nasyncpg",
            'create_async_engine(url)\nurl.replace("postgresql+asyncpg://", "postgresql://")',
            {"scheme": "postgresql+asyncpg"},
        ),
    ],
)
def test_the_databases_url_has_the_form_of_the_driver(
    tmp_path: Path, requirements: str, code: str, form: dict[str, str]
) -> None:
    app = make(tmp_path, **{
        "requirements.txt": f"fastapi\n{requirements}\n",
        "main.py": f'import os\nimport fastapi\napp = fastapi.FastAPI()\nurl = os.environ["DATABASE_URL"]\n{code}\n',
    })  # fmt: skip
    secrets = from_yaml(adopt(app).text)["secrets"]
    assert secrets["database-secrets"]["keys"]["DATABASE_URL"]["database"] == form


def test_a_script_beside_the_program_says_nothing_of_the_form_that_the_program_takes(tmp_path: Path) -> None:
    read = 'import os\nurl = os.environ["DATABASE_URL"]\n'
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\nsqlalchemy\nasyncpg\n", "main.py": f"import store\n{API['main.py']}",
        "store.py": f"{read}create_async_engine(url)\n",
        "repair.py": f'{read}create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"))\n',
    })  # fmt: skip
    keys = from_yaml(adopt(app).text)["secrets"]["database-secrets"]["keys"]
    assert keys["DATABASE_URL"]["database"] == {"scheme": "postgresql+asyncpg"}
    (app / "main.py").write_text(f"import repair\n{(app / 'main.py').read_text()}")
    assert from_yaml(adopt(app).text)["secrets"]["database-secrets"]["keys"]["DATABASE_URL"]["database"] == {}


@pytest.mark.parametrize(
    ("engine", "alone"),
    [
        ('create_engine(url, connect_args={"check_same_thread": False})', True),
        ('create_engine(url, connect_args={"check_same_thread": False} if "sqlite" in url else {})', False),
        ('0 if "sqlite" not in url else create_engine(url, connect_args={"check_same_thread": 0})', False),
        ("create_engine(url)", False),
    ],
)
def test_a_program_that_gives_its_database_what_sqlite_alone_takes_has_sqlite(
    tmp_path: Path, engine: str, alone: bool
) -> None:
    """Its author's compose file may name PostgreSQL all the same: the program ended there at its first connection."""
    app = make(tmp_path, **{
        "api__requirements.txt": "fastapi\nsqlmodel\npsycopg2-binary\n",
        "api__main.py": (
            f"{API['main.py']}import os\nurl = os.getenv('DATABASE_URL', 'sqlite:///./todo.db')\nengine = {engine}\n"
        ),
        "compose.yaml": "services: {api: {build: ./api, environment: {DATABASE_URL: 'postgresql://a:b@db/a'}}}\n",
    })  # fmt: skip
    found = adopt(app)
    assert ("database" not in found.decision.data) is alone
    given = services(found)["api"].get("environment", {}).get("DATABASE_URL")
    assert given == ("sqlite:////data/app.db" if alone else None)


def test_a_driver_that_speaks_to_its_vendor_alone_is_led_to_the_database_here(tmp_path: Path) -> None:
    """By what Node.js loads before the program; where that is too old, or the driver wants its vendor's names of hosts,
    it is named, and asked about.
    """
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16", "@neondatabase/serverless": "1", "better-auth": "1.4"}}',
        "app__page.ts": 'import { neon } from "@neondatabase/serverless";\nneon(process.env.DATABASE_URL!);\n',
        "app__api__auth__[...all]__route.ts": 'import { auth } from "@/lib/auth";\n',
        "lib__auth.ts": AUTH.replace("EMAIL", "enabled: true").replace("({", "({ database: pool,"),
    })  # fmt: skip
    found = from_yaml(adopt(app).text)
    options = found["services"]["app"]["environment"]["NODE_OPTIONS"]
    assert base64.b64decode(options.rpartition(",")[2]) == NEON.read_bytes()
    assert "migrate" in found["jobs"]["app-tables"]["command"], "by the same driver, in the same environment"
    (app / "Dockerfile").write_text("FROM node:16\nCOPY . .\nRUN npm install && npm run build\nCMD npm start\n")
    other = make(tmp_path / "other", **{
        "package.json": '{"dependencies": {"next": "16", "@vercel/postgres": "1"}}',
        "app__page.ts": 'import { sql } from "@vercel/postgres";\nprocess.env.POSTGRES_URL;\n',
    })  # fmt: skip
    for one in (app, other):
        with pytest.raises(UserError, match=r"database: .*speaks to its vendor's service alone"):
            adopt(one)
        assert "database-secrets" in adopt(one, answers={"database": "yes"}).text


@pytest.mark.parametrize("between", [", ", '}, "devDependencies": {'])
def test_neons_driver_is_led_to_the_database_here_whoever_asks_for_it(tmp_path: Path, between: str) -> None:
    app = make(tmp_path, **{
        "package.json": f'{{"dependencies": {{"next": "16"{between}"@neondatabase/serverless": "1"}}}}',
        "app__page.ts": 'import { neon } from "@neondatabase/serverless";\nneon(process.env.DATABASE_URL!);\n',
    })  # fmt: skip
    assert "NODE_OPTIONS" in services(adopt(app))["app"]["environment"]


@pytest.mark.parametrize("known", [True, False])
def test_people_that_neons_driver_keeps_have_their_tables(tmp_path: Path, known: bool) -> None:
    given = "database: new Pool({ connectionString: process.env.DATABASE_URL })" if known else ""
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16", "better-auth": "1", "@neondatabase/serverless": "1"}}',
        "lib__auth.ts": 'import { Pool } from "@neondatabase/serverless";\nconst url = process.env.DATABASE_URL;\n'
        f"export const auth = betterAuth({{ {given} }});\n",
    })  # fmt: skip
    assert bool(from_yaml(adopt(app).text).get("jobs")) is known


def test_what_a_program_ends_without_and_nothing_tells_is_asked(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\n",
        "main.py": 'import os\nimport fastapi\napp = fastapi.FastAPI()\nos.environ["REGION"]\nos.environ["TEAM"]\n',
        ".env.example": "TEAM=blue\nREGION=your-region\n",
    })  # fmt: skip
    name = "app"
    with pytest.raises(UserError, match=rf"{name}\.REGION: main\.py:4: {name} ends without REGION: which value\?"):
        adopt(app)
    environment = from_yaml(adopt(app, answers={f"{name}.REGION": "north"}).text)["services"][name]["environment"]
    assert environment == {"REGION": "north", "TEAM": "blue"}


def test_what_a_compose_file_says_otherwise_than_the_image_is_told(tmp_path: Path) -> None:
    """An image may set a variable to what its own program cannot take; one that only the code knows is left alone."""
    app = make(tmp_path, **{
        "api__requirements.txt": "fastapi\n",
        "api__Dockerfile": "FROM python:3.13-slim\nENV LOG_LEVEL=info\nCOPY . .\n",
        "api__main.py": 'import os\nos.getenv("LOG_LEVEL", "INFO")\nos.getenv("MODE", "a")\n',
        "compose.yaml": "services: {api: {build: ./api, environment: {LOG_LEVEL: INFO, MODE: b}}}\n",
    })  # fmt: skip
    assert from_yaml(adopt(app).text)["services"]["api"]["environment"] == {"LOG_LEVEL": "INFO"}


NEXT = '{"dependencies": {"next": "16"}}'
API = {"requirements.txt": "fastapi\n", "main.py": "from fastapi import FastAPI\napp = FastAPI()\n"}


def below(folder: str, texts: dict[str, str]) -> dict[str, str]:
    return {f"{folder}__{name}": text for name, text in texts.items()}


def services(adopted: Adopted) -> dict[str, Any]:
    found: dict[str, Any] = from_yaml(adopted.text)["services"]
    return found


def test_copies_are_told_by_their_pages_and_the_last_is_the_default_in_roman_numbers_too(tmp_path: Path) -> None:
    """Each copy may have a compose file of its own, or Dockerfiles that stand above what they copy."""
    app = make(tmp_path, **{
        "Phase_II__web__package.json": NEXT,
        "Phase_III__compose.yaml": "services: {web: {build: ./web}}\n", "Phase_III__web__package.json": NEXT,
        "Phase_IV__Dockerfile.web": "FROM node:24-slim\nCOPY web/ .\nCMD npm start\n",
        "Phase_IV__web__package.json": NEXT, ".tool__skills__page__package.json": NEXT,
    })  # fmt: skip
    chosen, asked = taking_defaults(app)
    assert asked[0].options == ("Phase_II", "Phase_III", "Phase_IV") and asked[0].default == "Phase_IV"
    assert services(chosen)["web"]["dockerfile"] == "Phase_IV/Dockerfile.web"
    assert {spec["context"] for spec in services(adopt(app, answers={"copy": "Phase_III"})).values()} == {
        "Phase_III/web"
    }


@pytest.mark.parametrize(
    ("texts", "page"),
    [
        ({"requirements.txt": "flask\n", "app.py": "from flask import Flask, render_template\napp = Flask('a')\n"
          "@app.get('/')\ndef home():\n    return render_template('home.html')\n", "templates__home.html": ""}, "app"),
        ({**API, "main.py": API["main.py"] + 'app.mount("/", StaticFiles(directory="static", html=True))\n',
          "static__index.html": ""}, "app"),
        ({"package.json": '{"dependencies": {"express": "5"}}', "views__a.html": "",
          "server.js": "require('express')().get('/', (q, res) => res.sendFile('views/a.html'))"}, "app"),
        ({**API, "docs__index.html": ""}, None),
        ({**below("api", API), "api__main.py": API["main.py"] + "templates = Jinja2Templates('mails')\n",
          "api__mails__a.html": "", "web__package.json": NEXT, "web__app__page.tsx": ""}, "web"),
    ],
)  # fmt: skip
def test_a_server_that_makes_pages_itself_is_the_page_where_there_is_no_other(
    tmp_path: Path, texts: dict[str, str], page: str | None
) -> None:
    found = adopt(make(tmp_path, **texts), name="app")
    data = from_yaml(found.text)
    assert (data.get("page") or None) == (page and next(iter(data["services"])) if page == "app" else page)
    assert any("no page: nothing" in line for line in found.decision.remarks) is (page is None)


def test_a_page_that_the_compose_file_leaves_out_is_part_of_the_app(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "compose.yaml": "services: {api: {build: ./api}}\n", **below("api", API), "web__package.json": NEXT,
    })  # fmt: skip
    assert set(services(adopt(app))) == {"api", "web"}


def test_services_of_a_profile_are_left_out_and_a_worker_has_no_port(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "compose.yaml": (
            "services:\n  api: {build: ./api}\n  queue: {build: ./api, command: celery -A main worker}\n"
            "  shots: {build: ./api, profiles: [visual]}\n"
        ),
        **below("api", API), "api__Dockerfile": "FROM python:3.13-slim\nCOPY . .\nEXPOSE 8000\nCMD uvicorn main:app\n",
    })  # fmt: skip
    found = services(adopt(app))
    assert found["api"]["port"] == 8000 and set(found) == {"api", "queue"}
    assert "port" not in found["queue"] and found["queue"]["args"] == ["celery", "-A", "main", "worker"]


@pytest.mark.parametrize(("output", "builder"), [("export", "static"), ("other", None)])
@pytest.mark.parametrize("command", ['["npm", "start"]', '["node_modules/.bin/next", "start"]'])
def test_a_page_that_becomes_files_is_not_left_to_a_server_that_refuses_it(
    tmp_path: Path, output: str, builder: str | None, command: str
) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT.replace("{", '{"scripts": {"build": "next build", "start": "next start"}, ', 1),
        "web__package-lock.json": '{"packages": {"node_modules/next": {"version": "16.0.1"}}}',
        "web__next.config.js": f"module.exports = {{ output: '{output}' }}\n", "web__app__page.tsx": "",
        "web__Dockerfile": f"FROM node:22-slim\nCOPY . .\nRUN npm install && npm run build\nCMD {command}\n",
    })  # fmt: skip
    found = adopt(app)
    assert services(found)["web"].get("builder") == builder
    assert any("`next start` does not serve" in str(place) for _, _, place in found.decision.reasons) is bool(builder)


@pytest.mark.parametrize(
    ("step", "built"),
    [
        ("python tables.py", True), ("alembic upgrade head", True), ("alembic upgrade head || true", False),
        ("python check.py", False),
    ],
)  # fmt: skip
def test_a_build_that_makes_tables_in_a_database_is_made_without_it(tmp_path: Path, step: str, built: bool) -> None:
    """Its author's database would be asked, or nobody: the tables are made by a job beside the cluster's own."""
    app = make(tmp_path, **{
        "api__requirements.txt": "fastapi\nsqlalchemy\npsycopg2-binary\n",
        "api__main.py": API["main.py"] + 'import os\nurl = os.environ["DATABASE_URL"]\n',
        "api__tables.py": "from main import url\nBase.metadata.create_all(engine)\n", "api__check.py": "print(1)\n",
        "api__Dockerfile": f"FROM python:3.13-slim\nCOPY . .\nRUN {step}\nCMD uvicorn main:app --port 8000\n",
    })  # fmt: skip
    found = adopt(app)
    assert services(found)["api"].get("builder") == ("python" if built else None)
    reasons = [str(place) for key, _, place in found.decision.reasons if key == "services.api.builder"]
    assert reasons == ["api/Dockerfile:3: makes tables in a database, which no build has"] * built
    commands = [job["command"] for job in from_yaml(found.text).get("jobs", {}).values()]
    assert (["env", "PYTHONPATH=.", "python", "tables.py"] in commands) is (step == "python tables.py")


def test_a_module_beside_a_programs_folder_is_in_its_image(tmp_path: Path) -> None:
    """Its author starts it from above; an image of its folder alone would end with a module that is not there."""
    app = make(tmp_path, **{
        **below("api", API), "api__models.py": "", "models.py": "",
        "shared__db.py": "from shared.settings import KEY\n", "shared__more.py": "OTHER = os.environ['OTHER']\n",
        "shared__settings.py": "import os\nKEY = os.environ['JWT_SECRET']\n",
        "api__routes.py": "import json, models\nfrom shared.db import engine\nfrom fastapi import APIRouter\n",
    })  # fmt: skip
    (app / "api/main.py").write_text("from fastapi import FastAPI\nimport routes\napp = FastAPI()\n")
    found = adopt(app)
    api = services(found)["api"]
    assert (api["builder"], api["context"], api["buildArgs"]["MEMBER"]) == ("python", ".", "api")
    assert list(from_yaml(found.text)["secrets"]["auth-secrets"]["keys"]) == ["JWT_SECRET"], "read by what it imports"
    assert not found.decision.endings and "services.api.context: ., where shared is  <- api/routes.py:2" in found.text
    (app / "api/routes.py").write_text("import sys\nsys.path.insert(0, '..')\nfrom shared.db import engine\n")
    assert services(adopt(app))["api"]["context"] == ".", "it looks there by its own"
    make(app, **{"api__lib__shared__db.py": ""})
    assert services(adopt(app))["api"]["context"] == "api", "it may look there"


@pytest.mark.parametrize(
    ("first", "ends"),
    [("from routes.chat import router", True), ("from src.routes.chat import router", False),
     ("from .routes import chat", False), ("try:\n    from routes.chat import router\nexcept ImportError: ...", False)],
)  # fmt: skip
def test_a_relative_import_that_leads_above_the_top_is_told_before_anything_is_built(
    tmp_path: Path, first: str, ends: bool
) -> None:
    """Whether it does is a question of the name by which its file is loaded."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n", "api__src__db.py": "",
        "api__src__main.py": f"{first}\nfrom fastapi import FastAPI\napp = FastAPI()\n",
        "api__src__routes____init__.py": "",
        "api__src__routes__chat.py": "from ..db import engine\nrouter = engine\n",
        "api__Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD uvicorn src.main:app\n",
    })  # fmt: skip
    said = [line.split(", as this")[0] for line in adopt(app).decision.endings]
    assert said == ["api/src/routes/chat.py:1: api: `from ..db import engine` leads above routes.chat"] * ends


@pytest.mark.parametrize(
    ("first", "lost"),
    [
        ("from .config import settings", ".config"),
        ("from .lib.rules import check", ".lib.rules"),
        ("from src.lib import rules", "src.lib"),
        ("from .models.people import Person", ""),
        ("from models import people", ""),
        ("from . import models", ""),
        ("from src.models import people", ""),
        ("from somewhere.config import settings", ""),
        ("try:\n    from .config import settings\nexcept ImportError: ...", ""),
    ],
)
def test_a_module_of_its_own_that_a_program_imports_and_lacks_is_told_before_anything_is_built(
    tmp_path: Path, first: str, lost: str
) -> None:
    """With the line that keeps it out of the repository, which is what happens to a folder of that name."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n", ".gitignore": "lib/\n",
        "api__src__main.py": f"{first}\nfrom fastapi import FastAPI\napp = FastAPI()\n",
        "api__src____init__.py": "", "api__src__models__people.py": "",
        "api__Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD uvicorn src.main:app\n",
    })  # fmt: skip
    said = [line.split("; the program")[0] for line in adopt(app).decision.endings]
    reason = ": .gitignore:1 leaves out lib/" if lost == ".lib.rules" else ""
    held = f"api/src/main.py:1: api imports {lost}, which the repository does not hold{reason}"
    assert said == ([held] if lost else [])


@pytest.mark.parametrize(
    ("line", "module", "told"),
    [
        ("import { call } from './api'; call()", "export const sent = 1", "exports no call"),
        ("import api from './api'; api()", "export const api = 1", "has no default export"),
        ("export { call } from './api'", "export const sent = 1", "exports no call"),
        ("import { call } from './api'; call()", "export * from './more'", "exports no call"),
        ("import { sent as call } from './api'; call()", "export const sent = 1", ""),
        ("import { call } from './api'; call()", "export const { call, ...rest } = make()", ""),
        ("import { call } from './api'; call()", "export { sent as call }; const sent = 1", ""),
        ("import { call } from './api'; call()", "export async function call() {}", ""),
        ("import { call } from './api'; call()", "export * from './more'\nexport * from './api'", "exports no call"),
        ("import { more } from './api'; more()", "export * from './more'\nexport * from './api'", ""),
        ("import { call } from './api'; call()", "export * from 'elsewhere'", ""),
        ("import { call } from './api'; call.it()", "export * as call from './more'", ""),
        ("import { call } from './api'; call()", "module.exports = { call }", ""),
        ("import api from './api'; api()", "export { api as default }; const api = 1", ""),
        ("import api from './api'; <api.It/>", "export default class {}", ""),
        ("import * as api from './api'; api.call()", "export const sent = 1", ""),
        ("import { Todo } from './api'; let a: Todo, b: Todo.Part, c: typeof Todo", "export const sent = 1", ""),
        ("import { type Todo } from './api'; let Todo: Todo", "export const sent = 1", ""),
        ("import type { call } from './api'; call()", "export const sent = 1", ""),
        ("import { call } from './generated/api'; call()", "export const sent = 1", ""),
    ],
)  # fmt: skip
def test_what_a_page_takes_of_its_own_module_and_that_does_not_export_is_to_mend(
    tmp_path: Path, line: str, module: str, told: str
) -> None:
    """With the place of the import, before minutes of building end there."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": f"import React from 'react'\n{line}\n",
        "web__app__api.ts": module, "web__app__generated__api.ts": module, "web__app__more.ts": "export let more = 1",
    })  # fmt: skip
    lines = [one for one in asking.told(adopt(app)) if one.startswith("to mend: ")]
    begin = f"to mend: web/app/page.tsx:2: web imports from ./api, which {told}: "
    assert len(lines) == bool(told) and all(one.startswith(begin) for one in lines), lines


@pytest.mark.parametrize(
    ("within", "more", "sources"),
    [
        ("import os\n", {}, "backend"),
        ("import os\n", below("spare", API), "."),  # two are one too many to choose from
        ("from src.gone import it\n", {"backend__src__x.py": ""}, "."),  # no better
    ],
)
def test_a_server_that_lacks_a_module_is_made_from_the_whole_one_in_its_folder(
    tmp_path: Path, within: str, more: dict[str, str], sources: str
) -> None:
    """As a compose file may go on naming what was begun first, whose successor lies beside it."""
    app = make(tmp_path, **{
        "compose.yaml": "services: {web: {build: ., ports: ['8000:8000']}}",
        "Dockerfile": "FROM python:3.13\nCOPY . .\nCMD uvicorn src.main:app\n",
        "requirements.txt": "fastapi\n", "src__main.py": f"from .gone import it\n{API['main.py']}", "src__x.py": "",
        "backend__requirements.txt": "fastapi\n", "backend__main.py": f"{within}{API['main.py']}", **more,
    })  # fmt: skip
    made = adopt(app)
    assert services(made)["web"]["context"] == sources
    told = "src/main.py:1: web imports .gone, which the repository does not hold"
    said = f"{told}; it is made from backend in place of src"
    assert (said in made.decision.remarks) is (sources == "backend")
    assert any(line.startswith(told) for line in made.decision.endings) is (sources == ".")


@pytest.mark.parametrize(
    ("loop", "port"),
    [
        ("import time\nfrom main import look\n", 8000),  # what it loads serves
        ("import time\nwhile True:\n    time.sleep(60)\n", None),
        ("import asyncio\nasyncio.run(main())\n", None),
    ],
)
def test_a_dockerfile_that_starts_a_program_which_serves_nothing_makes_a_worker(
    tmp_path: Path, loop: str, port: int | None
) -> None:
    """It lies beside the server, whose packages it shares: by these alone it would be waited for at a port."""
    app = make(tmp_path, **{
        **below("api", API), "api__Dockerfile": "FROM python:3.13-slim\nCOPY . .\nEXPOSE 8000\nCMD uvicorn main:app\n",
        "api__remind.py": loop,
        "api__Dockerfile.worker": 'FROM python:3.13-slim\nCOPY . .\nCMD ["python", "remind.py"]\n',
    })  # fmt: skip
    found = services(adopt(app))
    assert found["api"]["port"] == 8000 and found["worker"].get("port") == port


@pytest.mark.parametrize(
    ("script", "kept"), [("create_all(engine)\n", True), ("drop_all(engine)\ncreate_all(engine)\n", False)]
)
def test_what_a_compose_file_runs_once_is_a_job_unless_it_drops_tables(tmp_path: Path, script: str, kept: bool) -> None:
    app = make(tmp_path, **{
        "compose.yaml": (
            "services:\n  api: {build: ./api, depends_on: {tables: {condition: service_completed_successfully}}}\n"
            "  tables: {build: ./api, command: python make.py}\n"
        ),
        **below("api", API), "api__make.py": script,
    })  # fmt: skip
    found = adopt(app)
    assert set(services(found)) == {"api"}
    jobs = from_yaml(found.text).get("jobs", {})
    assert jobs == ({"api-tables": {"service": "api", "command": ["python", "make.py"]}} if kept else {})
    assert kept or any("tables: left out: it drops tables" in remark for remark in found.decision.remarks)


AUTH = (
    'import { betterAuth } from "better-auth";\nexport const auth = betterAuth({\n  emailAndPassword: {EMAIL},\n});\n'
)


@pytest.mark.parametrize(
    ("email", "steps"),
    [
        ("enabled: true", ["register", "log in"]),
        ("enabled: true, requireEmailVerification: false", ["register", "log in"]),
        ("enabled: true, requireEmailVerification: true", ["register"]),
        ('enabled: true, requireEmailVerification: process.env.CONFIRM === "true"', ["register", "log in"]),
        ("enabled: true, requireEmailVerification: production", ["register"]),
    ],
)
def test_who_must_confirm_an_address_first_does_not_log_in(tmp_path: Path, email: str, steps: list[str]) -> None:
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16", "better-auth": "1.4"}}',
        "app__api__auth__[...all]__route.ts": 'export { GET, POST } from "@/lib/auth";\n',
        "lib__auth.ts": AUTH.replace("EMAIL", email), "test-auth.js": AUTH.replace("EMAIL", "enabled: false"),
    })  # fmt: skip
    journey = from_yaml(adopt(app).text)["journey"]
    assert [step["name"] for step in journey] == steps and journey[0]["path"] == "/api/auth/sign-up/email"


CALLS = 'fetch(`${process.env.NEXT_PUBLIC_API_URL}/api/tasks`, {method: "POST"'
MINTS = "export async function GET() { return new SignJWT({}) }\n"


@pytest.mark.parametrize(
    ("page", "steps"),
    [
        ({"lib__api.ts": f"const t = await authClient.token(); {CALLS}}})"},
         [("get a token", "/api/auth/token"), ("add a todo", "api")]),
        ({"lib__api.ts": f'// authClient.token()\nonSuccess: (it) => it.headers.get("set-auth-jwt"); {CALLS}}})'},
         [("get a token", "/api/auth/get-session"), ("add a todo", "api")]),
        # Without its plugin nobody gives a token, whatever the page asks for; it goes on by its cookies.
        ({"lib__auth.ts": AUTH.replace("EMAIL", "enabled: true"),
          "lib__api.ts": f'it.headers.get("set-auth-token"); {CALLS}, credentials: "include"}})'},
         [("add a todo", "api")]),
        ({"lib__api.ts": f"const t = session?.session?.token; {CALLS}}})"},
         [("get a token", "/api/auth/get-session"), ("add a todo", "api")]),
        ({"lib__api.ts": f'fetch("/api/mine"); {CALLS}}})', "app__api__mine__route.ts": MINTS},
         [("get a token", "/api/mine"), ("add a todo", "api")]),
        ({"lib__api.ts": f'{CALLS}, credentials: "include"}})'}, [("add a todo", "api")]),
        ({"lib__api.ts": 'api("/api/tasks")', "app__api__tasks__route.ts": "export async function POST() {}\n"},
         [("add a todo", "web /api/tasks")]),
        ({"lib__api.ts": 'const call = (end) => fetch(`/api${end}`); call("/tasks")',
          "app__api__tasks__route.ts": "export async function POST() {}\n"}, [("add a todo", "web /api/tasks")]),
        ({"lib__api.ts": 'const base = "/api/proxy"', "app__api__proxy__[...path]__route.ts": "fetch(url)\n"},
         [("add a todo", "web /api/proxy")]),
        ({"lib__api.ts": 'fetch("/api/tasks")'}, [("add a todo", "web /")]),
        ({"lib__api.ts": f"{CALLS}, headers: own}})"}, []),
        ({"lib__api.ts": f"const t = await authClient.token(); {CALLS}}})",
          "actions__add.ts": '"use server"\nfetch(`${API}/api/tasks`, {method: "POST"})\n'}, []),
    ],
)  # fmt: skip
def test_who_is_logged_in_adds_a_todo_as_the_pages_own_calls_do(
    tmp_path: Path, page: dict[str, str], steps: list[tuple[str, str]]
) -> None:
    """By a token that the page gets, its cookies, or a path of its own; else the journey ends there, which is told."""
    app = make(tmp_path, **{
        "web__package.json": '{"dependencies": {"next": "16", "better-auth": "1.4"}}',
        "web__app__api__auth__[...all]__route.ts": 'export { GET, POST } from "@/lib/auth";\n',
        "web__lib__auth.ts": AUTH.replace("EMAIL", "enabled: true") + "plugins: [jwt()]\n",
        **{f"web__{name}": text for name, text in page.items()}, **below("api", API),
    })  # fmt: skip
    found = adopt(app)
    journey = from_yaml(found.text)["journey"]

    def where(step: dict[str, str]) -> str:
        if "from" not in step:
            return step["path"]
        return " ".join(step[key] for key in ("service", "path", "under") if key in step)

    assert [(one["name"], where(one)) for one in journey[2:]] == steps
    assert all(("bearer" in one) == (len(steps) == 2) for one in journey if "from" in one)
    assert any("the journey ends with the log-in" in one for one in found.decision.remarks) is not bool(steps)


def test_people_are_known_by_what_the_route_hands_them_to(tmp_path: Path) -> None:
    """Of several files that configure Better Auth; and the mailer that it is made with gets a key that says nothing."""
    mailer = "new Mailer(process.env.MAILER_API_KEY);\n"
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16", "better-auth": "1.4", "pg": "8"}}',
        "app__api__auth__[...all]__route.ts": 'import { auth } from "@/lib/auth";\n',
        "lib__auth.ts": mailer + AUTH.replace("EMAIL", "enabled: true") + "process.env.DATABASE_URL;\n",
        "lib__auth-fixed.ts": AUTH.replace("EMAIL", "enabled: true, requireEmailVerification: true"),
    })  # fmt: skip
    found = from_yaml(adopt(app).text)
    assert [step["name"] for step in found["journey"]] == ["register", "log in"]
    assert found["jobs"]["app-tables"]["command"][-1] == "lib/auth.ts"
    assert found["services"]["app"]["environment"]["BETTER_AUTH_URL"] == "http://localhost:3000"
    assert found["secrets"]["auth-secrets"]["keys"]["BETTER_AUTH_SECRET"]["generate"], "it reads them by itself"
    assert found["secrets"]["api-keys"]["keys"]["MAILER_API_KEY"]["placeholder"] == "not-configured"
    assert found["services"]["app"]["buildEnvironment"]["MAILER_API_KEY"]


@pytest.mark.parametrize(
    ("version", "config", "environment", "keys"),
    [
        ("5.0.0-beta.25", "NextAuth({ providers: [] })", {"AUTH_TRUST_HOST": "true"}, {"AUTH_SECRET"}),
        ("^5.0.0", "NextAuth({ trustHost: true, secret: process.env.MY_SECRET })", {}, {"MY_SECRET"}),
        ("^4.24.7", "NextAuth({ providers: [] })", {}, {"NEXTAUTH_SECRET"}),
    ],
)
def test_auth_js_is_told_what_it_takes_by_itself(
    tmp_path: Path, version: str, config: str, environment: dict[str, str], keys: set[str]
) -> None:
    """Without it each sign-in in production ends with UntrustedHost or MissingSecret."""
    app = make(tmp_path, **{
        "package.json": json.dumps({"dependencies": {"next": "15", "next-auth": version}}),
        "auth.ts": f'import NextAuth from "next-auth";\nexport const {{ handlers }} = {config};\n',
        "app__api__auth__[...nextauth]__route.ts": 'import { handlers } from "@/auth";\n',
    })  # fmt: skip
    found = from_yaml(adopt(app).text)
    given = found["services"]["app"]["environment"]
    assert {name: value for name, value in given.items() if "TRUST" in name} == environment
    assert set(found["secrets"]["auth-secrets"]["keys"]) == keys


def test_a_server_of_its_own_may_know_the_people(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "auth__package.json": '{"dependencies": {"express": "5", "better-auth": "1.4"}}',
        "auth__src__app.ts": AUTH.replace("EMAIL", "enabled: true"),
    })  # fmt: skip
    data = from_yaml(adopt(app).text)
    assert data["journey"][0]["service"] == "auth"
    assert "auth" in {one["service"] for one in data["addresses"]}, "a browser reaches it"


def test_tables_of_people_are_made_by_a_program_that_is_there(tmp_path: Path) -> None:
    """A script may call Better Auth's command, which no package of the server's brings."""
    package = {"dependencies": {"express": "5", "better-auth": "1.4", "pg": "8"}}
    app = make(tmp_path, **{
        "auth__package.json": json.dumps(package | {"scripts": {"migrate": "better-auth migrate"}}),
        "auth__src__auth.ts": AUTH.replace("EMAIL", "enabled: true") + "process.env.DATABASE_URL;\n",
    })  # fmt: skip
    found = from_yaml(adopt(app).text)
    (job,), (service,) = found["jobs"].values(), found["services"].values()
    assert job["command"][:2] == ["node", jobs.AUTH_CLI]
    assert service["buildArgs"]["ADD"] == "@better-auth/cli"


@pytest.mark.parametrize(
    ("own", "order"), [("task", ["web-tables", "api-migrate"]), ("user", ["api-migrate", "web-tables"])]
)
def test_the_tables_of_people_are_made_first(tmp_path: Path, own: str, order: list[str]) -> None:
    app = make(tmp_path, **{
        "web__package.json": '{"dependencies": {"next": "16", "better-auth": "1.4", "pg": "8"}}',
        "web__lib__auth.ts": AUTH.replace("EMAIL", "enabled: true") + "process.env.DATABASE_URL;\n",
        **below("api", API), "api__alembic.ini": "[alembic]\n",
        "api__alembic__versions__1_first.py": f'op.create_table("{own}")\n',
    })  # fmt: skip
    found = from_yaml(adopt(app).text)
    assert list(found["jobs"]) == order
    assert found["services"]["web"]["buildArgs"]["ADD"] == "@better-auth/cli"


@pytest.mark.parametrize(
    ("package", "texts", "command"),
    [
        ("django", {"manage.py": "# django\n"}, ["python", "manage.py", "migrate", "--noinput"]),
        ("flask\nflask-migrate", {"migrations/env.py": "# alembic\n"}, ["python", "-m", "flask", "db", "upgrade"]),
        (
            "django",
            {"manage.py": "", "Dockerfile": "FROM python:3.13\nCOPY . .\nCMD python manage.py migrate && x\n"},
            None,
        ),
    ],
)
def test_a_frameworks_own_migration_runs_unless_the_image_does_it(
    tmp_path: Path, package: str, texts: dict[str, str], command: list[str] | None
) -> None:
    app = make(tmp_path, **{"requirements.txt": f"{package}\n", "app.py": "app = 1\n"}, **texts)
    jobs = from_yaml(adopt(app).text).get("jobs", {})
    assert [job["command"] for job in jobs.values()] == ([command] if command else [])


@pytest.mark.parametrize(
    ("code", "placeholder"),
    [
        ('key = os.getenv("X_API_KEY")\nif not key:\n    raise ValueError("no key")\n', True),
        ('key = os.getenv("X_API_KEY")\nif not key:\n    print("no key")\n', False),
        ('def ask():\n    key = os.getenv("X_API_KEY")\n    if not key:\n        raise ValueError("no key")\n', False),
    ],
)
def test_a_program_that_ends_itself_without_a_key_gets_something_in_its_place(
    tmp_path: Path, code: str, placeholder: bool
) -> None:
    app = make(tmp_path, **{**API, "main.py": API["main.py"] + "import os\n" + code})
    source = from_yaml(adopt(app).text)["secrets"]["api-keys"]["keys"]["X_API_KEY"]
    assert ("placeholder" in source) is placeholder


def test_migrations_that_are_not_there_are_not_run(tmp_path: Path) -> None:
    texts = {**API, "requirements.txt": "fastapi\nalembic\n", "alembic.ini": "[alembic]\nscript_location = ./moves\n"}
    found = adopt(make(tmp_path, **texts))
    assert "jobs" not in from_yaml(found.text)
    assert "alembic.ini: moves: no migrations are there, so none are run" in found.decision.remarks
    (tmp_path / "moves").mkdir()
    (tmp_path / "moves/env.py").touch()
    assert "jobs" in from_yaml(adopt(tmp_path).text)


def test_a_service_that_nothing_calls_can_be_left_out(tmp_path: Path) -> None:
    """One that is broken in itself keeps nobody from the rest."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "reminders__requirements.txt": "fastapi\n", "reminders__main.py": API["main.py"],
        "backend__requirements.txt": "fastapi\n", "agent__requirements.txt": "fastapi\n",
        "agent__main.py": API["main.py"],
        "backend__main.py": API["main.py"] + 'import os\nos.getenv("AGENT_URL", "http://localhost:9001")\n',
    })  # fmt: skip
    said = [one for one in adopt(app).decision.remarks if "nothing of the app calls it" in one]
    assert said == ["reminders: nothing of the app calls it; to do without it, answer: without: reminders"]
    assert set(services(adopt(app, answers={"without": "reminders"}))) == {"web", "backend", "agent"}
    with pytest.raises(UserError, match="without: reminder: no such service"):
        adopt(app, answers={"without": "reminder"})


def test_a_path_that_is_relative_in_the_image_is_told_in_full(tmp_path: Path) -> None:
    """Where a program is found by a relative path no engine starts it: `celery` would be looked for and refused."""
    app = make(tmp_path, **{
        **API, "Dockerfile": "FROM python:3.13-slim\nWORKDIR /srv\nCOPY . .\nENV PATH=.venv/bin:$PATH\nCMD python x\n",
    })  # fmt: skip
    (service,) = services(adopt(app)).values()
    assert service["environment"]["PATH"].startswith("/srv/.venv/bin:/usr/local/sbin:/usr/local/bin:")


def test_a_folder_that_is_copied_and_not_there_is_told(tmp_path: Path) -> None:
    """Next.js builds without `public`; a Dockerfile that copies it does not."""
    recipe = "FROM node:24-slim AS build\nCOPY . .\nFROM node:24-slim\nCOPY --from=build /app/public ./public\n"
    app = make(tmp_path, **{"package.json": NEXT, "Dockerfile": recipe})
    assert services(adopt(app))["app"]["builder"] == "nextjs"
    make(tmp_path, **{"public__robots.txt": ""})
    assert "builder" not in services(adopt(app))["app"]


@pytest.mark.parametrize(
    ("code", "host"),
    [
        ('app.add_middleware(\n    TrustedHostMiddleware,\n    allowed_hosts=["localhost", "*.a.eu"])\n', "localhost"),
        ('hosts = ["shop.example.com"]\napp.add_middleware(TrustedHostMiddleware, allowed_hosts=hosts)\n',
         "shop.example.com"),
        ("app.add_middleware(TrustedHostMiddleware, allowed_hosts=settings.hosts)\n", "localhost"),
        ('app.add_middleware(TrustedHostMiddleware, allowed_hosts=["*"])\n', ""),
        ("from starlette.middleware.trustedhost import TrustedHostMiddleware\n", ""),
    ],
)  # fmt: skip
def test_who_answers_to_hosts_of_a_list_is_asked_by_one_of_them(tmp_path: Path, code: str, host: str) -> None:
    health = '@app.get("/health")\ndef health():\n    return {}\n'
    app = make(tmp_path, **{**API, "main.py": f"{API['main.py']}{code}{health}"})
    values = services(adopt(app))["app"]["values"]
    asked = {"httpGet": {"httpHeaders": [{"name": "Host", "value": host}]}}
    assert values.get("readinessProbe") == (asked if host else None)


HATCHLING = 'build-backend = "hatchling.build"\n'


@pytest.mark.parametrize(
    ("lines", "lacks"),
    [
        ("COPY pyproject.toml ./\nRUN uv pip install --system -e .\nCOPY . .\n", "README.md"),
        ("COPY pyproject.toml uv.lock ./\nRUN uv sync --frozen\nCOPY . .\n", "README.md"),
        ("COPY pyproject.toml README.md ./\nRUN pip install --no-cache-dir '.[dev]' && rm x\nCOPY app app\n", ""),
        ("COPY pyproject.toml README.md ./\nRUN pip install . && rm x\nCOPY app app\n", "its sources"),
        ("COPY pyproject.toml README.* ./\nCOPY app app\nRUN pip install .\n", ""),
        ("COPY pyproject.toml ./\nRUN uv sync --no-install-project\nCOPY . .\nRUN uv sync\n", ""),
        ("COPY . .\nRUN poetry install\n", ""),
        ("COPY pyproject.toml ./\nRUN pip install ./wheels/a.whl\nCOPY . .\n", ""),
        # The folder that setuptools looks for packages in.
        ("COPY pyproject.toml ./\nRUN pip install -e .  # setuptools\nCOPY . .\n", "app"),
        ("COPY pyproject.toml ./\nCOPY app app\nRUN pip install -e .  # setuptools\n", ""),
    ],
)
def test_a_project_that_is_installed_before_its_files_are_there_is_told(tmp_path: Path, lines: str, lacks: str) -> None:
    setuptools = 'build-backend = "setuptools.build_meta"\n[tool.setuptools.packages.find]\nwhere = ["app"]\n'
    app = make(tmp_path, **{
        "pyproject.toml": '[project]\nname = "a"\nreadme = "README.md"\ndependencies = ["fastapi<1"]\n'
                          f'[build-system]\n{setuptools if "setuptools" in lines else HATCHLING}',
        "app__main.py": API["main.py"], "README.md": "", "uv.lock": 'name = "fastapi"',
        "Dockerfile": f"FROM python:3.13-slim\n{lines}CMD uvicorn app.main:app\n",
    })  # fmt: skip
    reasons = [place for key, _, place in adopt(app).decision.reasons if key == "services.app.builder"]
    assert reasons == ([f"Dockerfile:3: installs the project before {lacks} is there"] if lacks else [])


def test_a_python_that_the_project_refuses_is_told(tmp_path: Path) -> None:
    """Where no registry answers there is no 3.12: a project that takes no later one gets the product's builder."""
    for bound, built in (("<3.13", True), (">=3.12", False)):
        project = f'[project]\nname = "a"\nversion = "1"\nrequires-python = "{bound}"\ndependencies = ["fastapi==1"]\n'
        app = make(
            tmp_path, **{"pyproject.toml": project, "Dockerfile": "FROM python:3.12-slim\nCOPY . .\nCMD uvicorn a:b\n"}
        )
        assert ("builder" in services(adopt(app))["app"]) is built


@pytest.mark.parametrize(
    ("files", "jobs"),
    [
        ({"db.py": "Base.create_all(e)\n", "main.py": "from db import x\n"}, []),
        ({"db.py": "Base.create_all(e)\n", "alembic.ini": ""}, [["python", "-m", "alembic", "upgrade", "heads"]]),
        ({"init_db.py": "Base.create_all(e)\n"}, [["env", "PYTHONPATH=.", "python", "init_db.py"]]),
        (
            {
                "initialize_db.py": "Base.create_all(e)\n",
                "app.py": "from fastapi import FastAPI\n@a\nasync def life(app):\n    Base.create_all(e)\n    yield\n\n"
                "app = FastAPI()\napp.lifespan = life\n",
            },
            [["env", "PYTHONPATH=.", "python", "initialize_db.py"]],
        ),
        ({"init_db.py": "Base.drop_all(e)\nBase.create_all(e)\n"}, []),
        (
            {f"migrations/{n}_first.py": "Base.create_all(e)\n" for n in ("002", "001")},
            [["env", "PYTHONPATH=.", "python", f"migrations/{n}_first.py"] for n in ("001", "002")],
        ),
    ],
)
def test_tables_that_only_a_script_makes_are_made_by_a_job(
    tmp_path: Path, files: dict[str, str], jobs: list[list[str]]
) -> None:
    plain = {"requirements.txt": "fastapi\n", "app.py": "from fastapi import FastAPI\napp = FastAPI()\n"}
    app = make(tmp_path, **{name.replace("/", "__"): text for name, text in {**plain, **files}.items()})
    found = from_yaml(adopt(app).text).get("jobs", {})
    assert [job["command"] for job in found.values()] == jobs


MODELS = (
    'class Task(SQLModel, table=True):\n    __tablename__ = "tasks"\n'
    "class Tag(SQLModel, table=True):\n    name: str\n"
    "class Form(SQLModel):\n    name: str\n"
)
INI = "[alembic]\nscript_location = {}\n"


@pytest.mark.parametrize(
    ("migrations", "jobs"),
    [
        ({}, {"api-tables": "not in []"}),
        ({"../alembic.ini": INI.format("api/moves"), "moves/env.py": ""}, {"api-tables": "not in []"}),
        ({"alembic.ini": INI.format("gone")}, {"api-tables": "not in []"}),
        ({"alembic.ini": INI.format("moves"), "moves/env.py": "",
          "moves/versions/1.py": 'create_table("tasks", c)\ncreate_table("tag", c)'}, {"api-migrate": "head"}),
        ({"alembic.ini": INI.format("moves"), "moves/env.py": "",
          "moves/versions/1.py": 'op.create_table("tag")\nop.add_column("tasks", c)'},
         {"api-tables": "not in ['tag']", "api-migrate": "head"}),
        ({"alembic.ini": INI.format("moves"), "moves/env.py": "",
          "moves/versions/1.py": 'op.execute("create table if not exists tasks (id int)")'},
         {"api-migrate": "head", "api-tables": "not in ['tasks']"}),
        ({"alembic.ini": INI.format("moves"), "moves/env.py": "",
          "moves/versions/1.py": 'def upgrade():\n    op.create_table("tag")\n    op.add_column("tasks", c)\n'},
         {"api-migrate": "stamp heads;; 3) \"$@\" upgrade heads"}),
        # A table that no model stands for: a query may ask for it, or nothing that is started.
        ({"alembic.ini": INI.format("moves"), "moves/env.py": "", "more.py": 'QUERY = "select a from more"\n',
          "moves/versions/1.py": 'def upgrade():\n    op.create_table("more")\n    op.add_column("tasks", c)\n'},
         {"api-tables": "not in ['more']", "api-migrate": "-m alembic upgrade heads"}),
        ({"alembic.ini": INI.format("moves"), "moves/env.py": "", "unused.py": 'QUERY = "select a from more"\n',
          "moves/versions/1.py": 'def upgrade():\n    op.create_table("more")\n    op.add_column("tasks", c)\n'},
         {"api-migrate": "stamp heads;; 3) \"$@\" upgrade heads"}),
        ({"moves/alembic.ini": INI.format("moves"), "moves/env.py": "",
          "moves/versions/1.py": "op.create_table(NAME)"}, {"api-migrate": "alembic -c moves/alembic.ini"}),
        ({"moves/alembic.ini": INI.format("alembic"), "moves/alembic/env.py": ""}, {"api-migrate": "&& cd moves &&"}),
        # What alembic refuses: two revisions of one name, one that stands on what is not there.
        ({"alembic.ini": INI.format("moves"), "moves/env.py": "", **dict.fromkeys(
            ["moves/versions/1.py", "moves/versions/2.py"],
            'revision = "1"\ndef upgrade():\n    op.create_table("tasks")\n')}, {"api-tables": "not in []"}),
        ({"alembic.ini": INI.format("moves"), "moves/env.py": "", "moves/versions/2.py": 'down_revision = "1"\n'
          'def upgrade():\n    op.create_table("tasks")\n'}, {"api-tables": "not in []"}),
    ],
)  # fmt: skip
def test_tables_that_nothing_makes_are_made_from_the_models(
    tmp_path: Path, migrations: dict[str, str], jobs: dict[str, str]
) -> None:
    """Of those that migrations make none, and before these where they change one that they do not make."""
    make(tmp_path, **below("api", {
        "requirements.txt": "fastapi\nsqlmodel\npsycopg2-binary\nalembic\n", "models.py": MODELS,
        "main.py": f'import os, models, more\nos.environ["DATABASE_URL"]\n{API["main.py"]}',
    }))  # fmt: skip
    for name, text in migrations.items():
        file = tmp_path / "api" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    found = from_yaml(adopt(tmp_path).text).get("jobs", {})
    assert list(found) == list(jobs)
    assert all(said in " ".join(found[name]["command"]) for name, said in jobs.items())
    answered = from_yaml(adopt(tmp_path, answers={"api.tables": "models"}).text)["jobs"]
    assert "not in []" in " ".join(next(iter(answered.values()))["command"])


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["", "engine = sqlalchemy.create_engine('URL')", "engine = asyncio.AsyncEngine()"])
@pytest.mark.parametrize(
    ("names", "made", "printed", "ends"),
    [
        (("tasks", "tags"), (), "tasks\ntags\n", 0),
        (("tasks", "tags"), ("tasks",), "tags\n", 0),
        (("refused", "tags"), (), "tags\n", 1),
        (("refused", "tags"), ("tasks",), "tags\n", 0),
    ],
)
def test_the_job_makes_each_table_that_is_not_made_otherwise(
    tmp_path: Path, engine: str, names: tuple[str, ...], made: tuple[str, ...], printed: str, ends: int
) -> None:
    """By the program's own engine, in either way, or one for its URL."""
    make(tmp_path, **{"program.py": f"import sqlalchemy\nfrom sqlalchemy.ext import asyncio\n{engine}\n"
                                    f"class Base:\n    metadata = sqlalchemy.MetaData(*{names})\n"})  # fmt: skip
    code = jobs._FROM_MODELS.format(program="program", variable="WHERE", made=list(made), unless=[])
    environment = {"PYTHONPATH": f"{tmp_path}:{Path(__file__).parent / 'stand_ins'}", "WHERE": "URL"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == (printed, ends)
    assert ("refused: refused" in done.stderr) is ("refused" in names)


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["", "engine = asyncio.AsyncEngine()"])
@pytest.mark.parametrize(
    ("names", "there", "printed", "ends"),
    [
        ("tasks", "", "tasks\nalembic stamp heads\n", 0),
        ("tasks", "alembic_version tasks", "alembic upgrade heads\n", 0),
        ("refused", "", "", 1),
    ],
)
def test_migrations_that_need_what_none_makes_begin_where_the_models_are(
    tmp_path: Path, engine: str, names: str, there: str, printed: str, ends: int
) -> None:
    """What is new gets its tables from the models, and counts as migrated; what was migrated goes on from there."""
    make(tmp_path, **{"program.py": f"import sqlalchemy\nfrom sqlalchemy.ext import asyncio\n{engine}\n"
                                    f"class Base:\n    metadata = sqlalchemy.MetaData('{names}')\n"})  # fmt: skip
    code = jobs._FROM_MODELS.format(program="program", variable="WHERE", made=[], unless=["alembic_version"])
    bin = tmp_path / "bin"
    bin.mkdir()
    (bin / "python").symlink_to(sys.executable)
    path = f"{tmp_path}:{Path(__file__).parent / 'stand_ins'}"
    environment = {"WHERE": "URL", "TABLES": there, "PATH": f"{bin}:/usr/bin:/bin"}
    command = ["sh", "-c", jobs._FIRST_FROM_MODELS, "sh", path, code, "echo", "alembic"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.stdout, done.returncode) == (printed, ends)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("names", "there", "fails", "printed", "ends"),
    [
        ("tasks", "", "", "alembic upgrade heads\n", 0),
        ("tasks", "", "upgrade", "alembic upgrade heads\ntasks\nalembic stamp heads\n", 0),
        ("tasks", "tasks", "upgrade", "alembic upgrade heads\n", 1),  # a database of the author's own
        ("tasks", "alembic_version", "upgrade", "alembic upgrade heads\n", 1),  # part of them has run
        ("refused", "", "upgrade", "alembic upgrade heads\n", 1),
    ],
)
def test_migrations_that_end_on_a_new_database_are_done_without(
    tmp_path: Path, names: str, there: str, fails: str, printed: str, ends: int
) -> None:
    """Only running them shows it; a database that holds something is left as it is, and their failure stands."""
    alembic = f"echo alembic $*\n[ \"$1\" != '{fails}' ]\n"
    make(tmp_path, **{"program.py": f"class Base:\n    metadata = __import__('sqlalchemy').MetaData('{names}')\n",
                      "bin__alembic": alembic})  # fmt: skip
    code = jobs._FROM_MODELS.format(program="program", variable="WHERE", made=[], unless=["alembic_version", "tasks"])
    (tmp_path / "bin/python").symlink_to(sys.executable)
    path = f"{tmp_path}:{Path(__file__).parent / 'stand_ins'}"
    environment = {"WHERE": "URL", "TABLES": there, "PATH": f"{tmp_path}/bin:/usr/bin:/bin"}
    command = ["sh", "-c", jobs._ELSE_FROM_MODELS, "sh", path, code, "sh", str(tmp_path / "bin/alembic")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert (done.stdout, min(done.returncode, 1)) == (printed, ends)


@pytest.mark.parametrize(
    ("default", "test", "migrated"),
    [("False", "settings.DEBUG", True), ("True", "settings.DEBUG", False), ("False", "not settings.DEBUG", False)],
)
def test_tables_that_are_made_in_development_alone_are_left_to_the_migrations(
    tmp_path: Path, default: str, test: str, migrated: bool
) -> None:
    """By a switch that is off where nobody turns it on."""
    app = make(tmp_path, **below("api", {
        "requirements.txt": "fastapi\nsqlmodel\npsycopg2-binary\nalembic\npydantic-settings\n",
        "db.py": f"{MODELS}\nfrom pydantic_settings import BaseSettings\nclass Settings(BaseSettings):\n"
        f"    DATABASE_URL: str\n    DEBUG: bool = {default}\nsettings = Settings()\n"
        "def make():\n    SQLModel.metadata.create_all(engine)\n",
        "main.py": f"from db import make, settings\n{API['main.py']}if {test}:\n    make()\n",
        "alembic.ini": INI.format("moves"), "moves__env.py": "", "moves__versions__1.py": 'op.create_table("tasks")\n',
    }))  # fmt: skip
    assert ("api-migrate" in from_yaml(adopt(app).text).get("jobs", {})) is migrated


@pytest.mark.parametrize(("more", "otherwise"), [("", True), ("QUERY = 'select a from notes'\n", False)])
def test_migrations_whose_tables_the_models_stand_for_may_end(tmp_path: Path, more: str, otherwise: bool) -> None:
    app = make(tmp_path, **below("api", {
        "requirements.txt": "fastapi\nsqlmodel\npsycopg2-binary\nalembic\n", "models.py": MODELS, "more.py": more,
        "main.py": f'import os, models, more\nos.environ["DATABASE_URL"]\n{API["main.py"]}',
        "alembic.ini": INI.format("moves"), "moves__env.py": "",
        "moves__versions__1.py": 'def upgrade():\n    op.create_table("tasks")\n    op.create_table("notes")\n',
    }))  # fmt: skip
    command = from_yaml(adopt(app).text)["jobs"]["api-migrate"]["command"]
    assert (jobs._ELSE_FROM_MODELS in command) is otherwise
    assert command[-3:] == (["python", "-m", "alembic"] if otherwise else ["alembic", "upgrade", "heads"])


def revision(name: str, after: str, steps: str) -> str:
    return f"revision = '{name}'\ndown_revision: str = {after!r}\ndef upgrade() -> None:\n    {steps}\n"


@pytest.mark.parametrize(
    ("first", "second", "changed"),
    [
        ("op.create_table('tasks', c)", "op.add_column('tasks', c)", ""),
        ("op.create_index('ix', 'tasks', ['a'])", "pass", "api/v/versions/b.py:4 tasks"),
        ("op.create_table('tag')", "op.alter_column('tasks', 'a')", "api/v/versions/a.py:4 tasks"),
        ("op.execute('CREATE TABLE tasks (a int)')", "op.execute('ALTER TABLE tasks ADD b int')", ""),
        ("op.execute(sa.text('ALTER TABLE public.tasks ADD b int'))", "pass", "api/v/versions/b.py:4 tasks"),
        ("op.execute(open('schema.sql').read())", "pass", ""),
        ("op.execute(SCHEMA)", "op.add_column('tasks', c)", ""),
        ("op.create_table(NAME)", "op.add_column('tasks', c)", ""),
        ("op.create_table('tag')", "with op.batch_alter_table('tag') as batch: batch.add_column(c)", ""),
        ("op.rename_table('tag', 'tags')", "pass", "api/v/versions/b.py:4 tag"),
        ("sa.inspect(op.get_bind())", "op.add_column('tasks', c)", ""),
        ("op.execute('CREATE TABLE IF NOT EXISTS tasks (a int)')", "op.add_column('tasks', c)", ""),
        # An index that may be there already, and what the way back looks for, say nothing of the table.
        (
            "op.execute('CREATE INDEX IF NOT EXISTS ix ON tag (a)')",
            "op.add_column('tasks', c)",
            "api/v/versions/a.py:4 tasks",
        ),
        (
            "pass\n\ndef downgrade():\n    op.execute('DROP TABLE IF EXISTS a')\n\n    has_table('b')",
            "op.add_column('tasks', c)",
            "api/v/versions/a.py:4 tasks",
        ),
    ],
)
def test_migrations_that_cannot_run_from_nothing_are_known(
    tmp_path: Path, first: str, second: str, changed: str
) -> None:
    """Revisions count in the order in which each stands on another, whatever their files are called."""
    make(tmp_path, **below("api", {
        "v__versions__b.py": revision("1", "", first), "v__versions__a.py": revision("2", "1", second),
    }))  # fmt: skip
    found = migrations.changed_unmade(scan(tmp_path), "api/v")
    assert (f"{found.place} {found.table}" if found else "") == changed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("definition", "main", "job"),
    [
        ("def make():\n    Base.metadata.create_all(engine)\n", "from store import make\nmake()\n", False),
        ("def make():\n    Base.metadata.create_all(engine)\n", "import store\n# make()\n", True),
        ("async def make():\n    await c.run_sync(Base.metadata.create_all)\n", "from store import make\n", True),
        ('def make():\n    """Use: make()"""\n    Base.metadata.create_all(engine)\n', "import store\n", True),
        ("Base.metadata.create_all(engine)\n", "import store\n", False),
        ("class Store:\n    def make(self):\n        Base.metadata.create_all(engine)\n", "import store\n", False),
    ],
)
def test_what_makes_the_tables_and_is_never_called_becomes_a_job(
    tmp_path: Path, definition: str, main: str, job: bool
) -> None:
    app = make(tmp_path, **{**API, "main.py": API["main.py"] + main, "store.py": definition})
    jobs = from_yaml(adopt(app).text).get("jobs", {})
    assert bool(jobs) is job
    if job:  # run as it stands, beside stand-ins for what the modules have
        (app / "main.py").write_text("")
        (app / "store.py").write_text("async def make():\n    print('made')\n")
        (command,) = (one["command"] for one in jobs.values())
        done = subprocess.run(command, cwd=app, capture_output=True, text=True, check=True)
        assert done.stdout == "made\n"


def test_what_only_waits_for_kafka_is_left_off_and_messages_are_switched_off(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT,
        "backend__requirements.txt": "fastapi\naiokafka\n",
        "backend__main.py": API["main.py"] + 'import os\nos.getenv("KAFKA_ENABLED", "true")\n',
        "notifier__requirements.txt": "fastapi\naiokafka\n", "notifier__main.py": API["main.py"],
    })  # fmt: skip
    found = adopt(app)
    assert set(services(found)) == {"web", "backend"}
    assert services(found)["backend"]["environment"]["KAFKA_ENABLED"] == "false"
    assert any("notifier: left off: it waits for Kafka" in remark for remark in found.decision.remarks)


@pytest.mark.parametrize(
    ("read", "given"),
    [
        ('os.getenv("KAFKA_BOOTSTRAP_SERVERS", "localhost:9092")', {"KAFKA_BOOTSTRAP_SERVERS": "kafka:9092"}),
        ('os.environ["KAFKA_BROKERS"]', {"KAFKA_BROKERS": "kafka:9092"}),
        ('os.getenv("KAFKA_HOST")', {"KAFKA_HOST": "kafka"}),
        ('os.getenv("REDPANDA_BROKER_URL"); os.getenv("KAFKA_SECURITY_PROTOCOL", "SASL_SSL")',
         {"REDPANDA_BROKER_URL": "kafka:9092", "KAFKA_SECURITY_PROTOCOL": "PLAINTEXT"}),
        ('os.getenv("KAFKA_BROKER", "kafka:9092"); os.getenv("KAFKA_SASL_PASSWORD", "")', {}),
    ],
)  # fmt: skip
def test_kafka_is_brought_for_who_has_a_client_of_it_and_a_variable_for_its_address(
    tmp_path: Path, read: str, given: dict[str, str]
) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT,
        "backend__requirements.txt": "fastapi\naiokafka\n",
        "backend__main.py": API["main.py"] + f'import os\nos.getenv("KAFKA_ENABLED", "true")\n{read}\n',
        "notifier__requirements.txt": "aiokafka\n", "notifier__main.py": f"import os\n{read}\n",
    })  # fmt: skip
    found = services(adopt(app))
    assert set(found) == {"web", "backend", "notifier", "kafka"}
    for name in ("backend", "notifier"):
        told = found[name].get("environment", {})
        assert {key: value for key, value in told.items() if "KAFKA" in key or "REDPANDA" in key} == given
    assert (found["kafka"]["builder"], found["kafka"]["port"]) == ("kafka", 9092)
    assert [name for name in found if "initContainers" in found[name].get("values", {})] == ["backend", "notifier"]
    assert set(services(adopt(app, answers={"without": "kafka", "KAFKA_BROKERS": "theirs:9092"}))) == {"web", "backend"}


KAFKAJS = '{"scripts": {"start": "node a.js"}, "dependencies": {"kafkajs": "2.2.4"}}'


@pytest.mark.slow
@pytest.mark.parametrize(
    "sources",
    [
        {"requirements.txt": "aiokafka\n", "main.py": "import os\nos.environ['KAFKA_BROKERS']\n"},
        {"package.json": KAFKAJS, "a.js": "process.env.KAFKA_BROKERS"},
    ],
)
def test_what_needs_kafka_to_start_waits_for_it(tmp_path: Path, sources: dict[str, str]) -> None:
    """The container that waits, as it stands, beside a port that opens later."""
    spec = services(adopt(make(tmp_path, **sources)))["app"]
    (container,) = spec["values"]["initContainers"]
    if not shutil.which(container["command"][0]):
        pytest.skip(f"{container['command'][0]} is not on this machine")
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        words = [word.replace("'kafka'", "'127.0.0.1'").replace("9092", str(server.getsockname()[1]))
                 for word in container["command"]]  # fmt: skip
        with subprocess.Popen(words) as waiting:
            assert waiting.poll() is None
            server.listen()
            assert waiting.wait(timeout=300) == 0


def test_variables_of_hosts_elsewhere_are_not_set_and_services_of_others_are_left_alone(tmp_path: Path) -> None:
    """A page that finds VERCEL_URL makes https addresses of it; a model's address is none of the app's services."""
    app = make(tmp_path, **{
        "web__package.json": NEXT,
        "web__app__page.tsx": "process.env.VERCEL_URL;\nprocess.env.NEXT_PUBLIC_VERCEL_URL;\n",
        "agent__requirements.txt": "fastapi\n",
        "agent__main.py": API["main.py"]
        + 'import os\nos.getenv("AGENT_BASE_URL", "https://generativelanguage.googleapis.com/v1beta")\nos.getenv("RENDER_URL")\n'
        'os.getenv("MCP_SERVER_PORT", "8001")\n',
        "agent__Dockerfile": "FROM python:3.13-slim\nCOPY . .\nEXPOSE 9000\nCMD python main.py\n",
    })  # fmt: skip
    found = services(adopt(app))
    assert found["agent"]["environment"] == {"MCP_SERVER_PORT": "9000"}
    assert found["web"]["environment"] == {"HOSTNAME": "0.0.0.0"} and "buildEnvironment" not in found["web"]  # noqa: S104


def test_an_environment_that_a_schema_judges_is_read(tmp_path: Path) -> None:
    schema = (
        'import { z } from "zod";\nexport const env = z.object({\n  API_URL: z.string().url(),\n'
        '  AUTH_SECRET: z.string().min(32),\n  MODE: z.string().default("quiet"),\n  HINT: z.string().optional(),\n'
        "}).parse(process.env);\n"
    )
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__lib__env.ts": schema, **below("api", API),
    })  # fmt: skip
    found = from_yaml(adopt(app).text)
    assert found["services"]["web"]["environment"] == {"API_URL": "http://api:8000", "HOSTNAME": "0.0.0.0"}  # noqa: S104
    assert "AUTH_SECRET" in found["secrets"]["auth-secrets"]["keys"]


@pytest.mark.parametrize(
    ("file", "imports", "command"),
    [
        ("src/shop/main.py", "from shop.db import x", ["shop.main:app", "--app-dir", "src"]),
        ("src/main.py", "from src.db import x", ["src.main:app"]),
        ("app/main.py", "from app.db import x", ["app.main:app"]),
        ("app/main.py", "import db", ["main:app", "--app-dir", "app"]),
        ("src/shop/main.py", "from .db import x\nimport db", ["shop.main:app", "--app-dir", "src"]),
    ],
)
def test_a_program_is_started_where_its_imports_are_found(
    tmp_path: Path, file: str, imports: str, command: list[str]
) -> None:
    folder = file.rpartition("/")[0]
    texts = {"requirements.txt": "fastapi\n", file: f"{imports}\n{API['main.py']}", f"{folder}/db.py": "x = 1\n"}
    app = make(tmp_path, **{name.replace("/", "__"): text for name, text in texts.items()})
    args = services(adopt(app))["app"]["args"]
    assert args[1 : 1 + len(command)] == command


def test_a_program_whose_dockerfile_cannot_work_is_started_as_that_says(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\n", "src__shop__main.py": "import db\n" + API["main.py"], "src__shop__db.py": "",
        "Dockerfile": "FROM python:3.13-slim\nCOPY uv.lock .\nCMD uvicorn worker:app || uvicorn shop.main:app\n",
    })  # fmt: skip
    assert services(adopt(app))["app"]["args"][1:4] == ["shop.main:app", "--app-dir", "src"]


@pytest.mark.parametrize(
    ("requirements", "project", "base"),
    [
        ("fastapi\npsycopg2-binary==2.9.9\n", "", "python:3.11-slim"),
        ("fastapi\npsycopg2-binary==2.9.10\n", "", None),
        ("fastapi\n", '[project]\nname = "a"\nversion = "1"\nrequires-python = ">=3.12,<3.13"\n', "python:3.12-slim"),
    ],
)
def test_a_builders_python_is_one_that_the_pinned_packages_were_made_for(
    tmp_path: Path, requirements: str, project: str, base: str | None
) -> None:
    app = make(tmp_path, **API | {"requirements.txt": requirements} | ({"pyproject.toml": project} if project else {}))
    assert services(adopt(app))["app"].get("bases") == ({"PYTHON_IMAGE": base} if base else None)


@pytest.mark.parametrize("code", ["client = OpenAI()", 'client = OpenAI(api_key=os.getenv("OPENAI_API_KEY"))'])
def test_a_program_starts_without_a_models_key(tmp_path: Path, code: str) -> None:
    """The client takes the key from the environment by itself, and ends the program where there is none."""
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\nopenai\n",
        "main.py": f"{API['main.py']}import os\nfrom openai import OpenAI\n{code}\n",
    })  # fmt: skip
    found = adopt(app)
    assert from_yaml(found.text)["secrets"]["api-keys"]["keys"]["OPENAI_API_KEY"] == {
        "from": "OPENAI_API_KEY", "placeholder": "sk-not-configured",
    }  # fmt: skip
    assert any("without it chat will not answer" in what for _, what, _ in found.decision.reasons)


@pytest.mark.parametrize(
    ("requirements", "added"),
    [
        ("passlib[bcrypt]", ["bcrypt<5"]),
        ("passlib\nbcrypt", ["bcrypt<5"]),
        ("passlib\nbcrypt==4.0.1", None),
        ("passlib\nbcrypt==5.0.0", ["bcrypt<5"]),
        ("passlib\nbcrypt>=5.0.0", ["bcrypt<5"]),
        ("openai==1.12.0", ["httpx<0.28"]),
        ("celery[redis]>=4", ["packaging"]),  # a later kombu than it was written with
        ("openai==1.12.0\nhttpx==0.27.0", None),
        ("openai>=1.12.0", None),
        ("sqlmodel\npsycopg2-binary", ["sqlalchemy<2.1"]),
        ("sqlmodel==0.0.25\npsycopg2-binary", None),
        ("sqlalchemy>=2.0\npsycopg2", ["sqlalchemy<2.1"]),
        ("sqlalchemy==2.0.30\npsycopg2-binary", None),
        ("sqlmodel\npsycopg2-binary\npsycopg[binary]", None),
    ],
)
def test_what_no_longer_changes_gets_companions_that_it_works_with(
    tmp_path: Path, requirements: str, added: list[str] | None
) -> None:
    app = make(tmp_path, **API | {"requirements.txt": f"fastapi\n{requirements}\n"})
    service = services(adopt(app))["app"]
    assert service.get("addPackages") == added
    assert service.get("loosePackages") == (["bcrypt"] if "=5" in requirements else None), "the pin gives way"


@pytest.mark.parametrize(("version", "added"), [("5.0.0", ["bcrypt<5"]), ("4.3.0", None)])
def test_a_lock_with_versions_that_do_not_work_together_is_mended(
    tmp_path: Path, version: str, added: list[str] | None
) -> None:
    app = make(tmp_path, **{
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["fastapi", "passlib", "bcrypt"]\n',
        "uv.lock": "".join(
            f'[[package]]\nname = "{name}"\nversion = "{said}"\n\n'
            for name, said in {"fastapi": "0.118.0", "passlib": "1.7.4", "bcrypt": version}.items()
        ),
        "main.py": API["main.py"],
    })  # fmt: skip
    assert services(adopt(app))["app"].get("addPackages") == added


def test_an_example_file_speaks_for_the_services_it_lies_beside(tmp_path: Path) -> None:
    """What one service's example says of a variable is not told to its neighbour, which may read it too."""
    reads = 'import os\nos.environ["LABEL"]\nos.environ["TONE"]\nos.environ["PORT"]\n'
    app = make(tmp_path, **{
        ".env.example": "TONE=soft\nLABEL=of-all\n",
        "api__requirements.txt": "fastapi\n", "api__main.py": API["main.py"] + reads,
        "api__.env.example": "LABEL=of-the-api\nPORT=1234\n",
        "mailer__requirements.txt": "fastapi\n", "mailer__main.py": API["main.py"] + reads,
        "mailer__.env.example": "TONE=loud\nPORT=4321\n",
    })  # fmt: skip
    found = services(adopt(app))
    assert found["api"]["environment"] == {"LABEL": "of-the-api", "TONE": "soft"}, (
        "the port is told as the chart tells it"
    )
    assert found["mailer"]["environment"] == {"LABEL": "of-all", "TONE": "loud"}


@pytest.mark.parametrize(
    ("page", "backend", "same"),
    [
        ("jwt.sign(user, process.env.BETTER_AUTH_SECRET)", 'os.getenv("JWT_SECRET")', True),
        ("await jwtVerify(token, encode(process.env.AUTH_SECRET))", 'os.environ["SECRET_KEY"]', True),
        ("betterAuth({secret: process.env.BETTER_AUTH_SECRET})", 'os.getenv("JWT_SECRET")', False),
        ("jwt.sign(user, process.env.JWT_SECRET)", 'os.getenv("JWT_SECRET")', True),
        ("jwt.sign(user, process.env.AUTH_SECRET)", 'os.getenv("JWT_SECRET"), os.getenv("SESSION_SECRET")', False),
    ],
)
def test_tokens_that_the_page_signs_are_known_to_the_server_by_whatever_name(
    tmp_path: Path, page: str, backend: str, same: bool
) -> None:
    app = make(tmp_path, **{
        **below("backend", {**API, "auth.py": f"import os\nsecret = {backend}\n"}),
        **below("web", {"package.json": NEXT, "app__page.tsx": "", "app__api__token__route.ts": page}),
    })  # fmt: skip
    secrets = from_yaml(adopt(app).text)["secrets"]
    linked = any("same" in source for one in secrets.values() for source in one["keys"].values())
    shared = any(one["usedBy"] == ["backend", "web"] for one in secrets.values())
    assert (linked or shared) is same


def test_a_server_is_told_the_page_by_the_address_of_browsers_where_its_code_names_a_host_elsewhere(
    tmp_path: Path,
) -> None:
    read = 'import os\norigins = [os.getenv("PRODUCTION_FRONTEND_URL", "https://mine.up.railway.app")]\n'
    pages = {"package.json": NEXT, "app__page.tsx": ""}
    app = make(tmp_path, **below("web", pages), **below("api", {**API, "config.py": read}))
    assert services(adopt(app))["api"]["environment"]["PRODUCTION_FRONTEND_URL"] == "http://localhost:3000"


def test_what_only_the_services_know_of_each_other_is_one_generated_secret(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        name: text for service in ("api", "mailer") for name, text in {
            f"{service}__requirements.txt": "fastapi\n",
            f"{service}__main.py": API["main.py"] + 'import os\nos.getenv("SERVICE_AUTH_TOKEN", "")\n',
        }.items()
    })  # fmt: skip
    (secret,) = from_yaml(adopt(app).text)["secrets"].values()
    assert secret["usedBy"] == ["api", "mailer"] and "generate" in secret["keys"]["SERVICE_AUTH_TOKEN"]


@pytest.mark.parametrize("name", ["OLLAMA_BASE_URL", "PUBLIC_API_HOST", "BACKEND_BASE_URL"])
def test_a_server_is_not_told_an_address_that_is_none_of_its_neighbours(tmp_path: Path, name: str) -> None:
    """A model on this machine, its own address, and a worker's, which nobody can call."""
    app = make(tmp_path, **{
        "compose.yaml": "services:\n  backend: {build: backend, ports: ['8000:8000']}\n  page: {build: page}\n"
                        "  worker: {build: backend, command: celery -A main worker}\n",
        "backend__requirements.txt": "fastapi\n", "page__package.json": NEXT,
        "backend__main.py": API["main.py"] + f'import os\nos.getenv("{name}", "http://localhost:11434")\n',
    })  # fmt: skip
    assert name not in services(adopt(app))["backend"].get("environment", {})


def test_the_form_of_the_databases_url_is_what_the_application_itself_gives_the_service(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "compose.yaml": "services:\n  api:\n    build: api\n    environment: ['DATABASE_URL=postgresql+asyncpg://${U}@db/x']\n",
        "api__requirements.txt": "fastapi\nsqlalchemy\nasyncpg\n",
        "api__main.py": API["main.py"] + 'import os\nos.getenv("DATABASE_URL")\n',
        "api__alembic__env.py": 'import main\nurl = main.url.replace("postgresql+asyncpg://", "postgresql://")\n',
    })  # fmt: skip
    keys = from_yaml(adopt(app).text)["secrets"]["database-secrets"]["keys"]
    assert keys["DATABASE_URL"]["database"] == {"scheme": "postgresql+asyncpg"}


URL = 'import os\nos.getenv("DATABASE_URL")\n'


@pytest.mark.parametrize(
    ("requirements", "code", "added"),
    [
        ("fastapi\n", "import slowapi\n", ["slowapi"]),
        ("fastapi\n", "from pydantic import BaseModel, EmailStr\n", ["email-validator"]),
        ("fastapi[standard]\n", "from pydantic import BaseModel, EmailStr\n", []),
        ("fastapi\npydantic[email]\n", "from pydantic import EmailStr\n", []),
        ("fastapi\n", "from fastapi.security import OAuth2PasswordRequestForm\n", ["python-multipart"]),
        ("fastapi\nsqlmodel==0.0.8\nsqlalchemy<2\npsycopg2\n", "import sqlalchemy, psycopg2\n", []),
        ("fastapi\n", "try:\n    import redis\nexcept ImportError:\n    redis = None\n", []),
        ("fastapi\n", "import nobody_knows_it\n", []),
        ("fastapi\n", "import cohere, yaml\nfrom dateutil import parser\n", ["cohere", "pyyaml", "python-dateutil"]),
        (
            "fastapi\nsqlmodel\nasyncpg\n",
            f"from sqlmodel import create_engine\n{URL}",
            ["sqlalchemy<2.1", "psycopg2-binary"],
        ),
        ("fastapi\nsqlmodel\npsycopg[binary]\n", f"from sqlmodel import create_engine\n{URL}", []),
        ("fastapi\nsqlmodel\n", f"from sqlmodel import create_engine\n{URL[:-2]}, 'sqlite:///a.db')\n", []),
        ("fastapi\nsqlalchemy\n", f"from sqlalchemy.ext.asyncio import create_async_engine\n{URL}", ["asyncpg"]),
        ("fastapi\n", "from .deep import jwt\nfrom api.structlog import log\n", ["loguru"]),
    ],
)
def test_what_the_program_imports_and_no_package_file_brings_is_added(
    tmp_path: Path, requirements: str, code: str, added: list[str]
) -> None:
    """Of what the program loads: a script that nobody imports may want what it likes."""
    app = make(tmp_path, **{
        "requirements.txt": requirements, "api__main.py": API["main.py"] + code,
        "api__deep.py": "import loguru\njwt = 1\n", "api__structlog.py": "log = print\n", "stray.py": "import celery\n",
    })  # fmt: skip
    (service,) = services(adopt(app)).values()
    assert service.get("addPackages", []) == added


@pytest.mark.parametrize(
    ("requirements", "added"), [("fastapi<1\nsqlalchemy<3\n", True), ("fastapi<1\nalembic<2\n", False)]
)
def test_what_runs_the_migrations_is_added(tmp_path: Path, requirements: str, added: bool) -> None:
    """It is not among what the program imports: its author has it beside the program."""
    app = make(tmp_path, **{
        **API, "requirements.txt": requirements, "alembic.ini": "[alembic]\nscript_location = alembic\n",
        "alembic__env.py": "", "alembic__versions__a.py": "op.create_table('a')\n",
    })  # fmt: skip
    (service,) = services(adopt(app)).values()
    assert ("alembic" in service.get("addPackages", [])) is added


def test_packages_that_only_migrations_import_are_added(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        **API, "requirements.txt": "fastapi<1\nalembic<2\n", "alembic.ini": "[alembic]\nscript_location = moves\n",
        "moves__env.py": "import structlog\n", "moves__versions__a.py": "from pgvector.sqlalchemy import Vector\n"
                                                                        "op.create_table('a')\n",
    })  # fmt: skip
    (service,) = from_yaml(adopt(app).text)["services"].values()
    assert {"structlog", "pgvector"} <= set(service["addPackages"])


def test_what_a_lock_lacks_is_added(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "pyproject.toml": '[project]\ndependencies = ["fastapi>=0.1", "mcp >= 1.2, < 2", "bcrypt", "black==22"]\n',
        "uv.lock": '[[package]]\nname = "fastapi"\n\n[[package]]\nname = "bcrypt"\n',
        "main.py": API["main.py"] + "import mcp, bcrypt, redis\n",
    })  # fmt: skip
    found = adopt(app)
    (service,) = services(found).values()
    assert service["addPackages"] == ["mcp>=1.2,<2", "redis"]
    assert any("mcp is not in uv.lock" in str(place) for _, _, place in found.decision.reasons)


@pytest.mark.parametrize(
    ("lock", "built"),
    [
        ('{"lockfileVersion": 3, "packages": {"": {}}}', True),
        ('{"lockfileVersion": 3, "packages": {"node_modules/next": {}, "node_modules/typescript": {}}}', False),
        ('{"lockfileVersion": 1, "dependencies": {"next": {}, "typescript": {}}}', False),
        ("not JSON", False),
    ],
)
def test_a_lock_that_does_not_hold_what_is_asked_for_is_told(tmp_path: Path, lock: str, built: bool) -> None:
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16"}, "devDependencies": {"typescript": "5"}}',
        "package-lock.json": lock, "public__robots.txt": "",
        "Dockerfile": 'FROM node:24-slim\nCOPY . .\nRUN npm ci\nRUN npm run build\nCMD ["npm", "start"]\n',
    })  # fmt: skip
    (service,) = services(adopt(app)).values()
    assert ("builder" in service) is built


@pytest.mark.parametrize(
    ("words", "lock", "built"),
    [
        ("--frozen", "version = 1\n", True),
        ("--frozen", '[[package]]\nname = "fastapi"\n', False),  # the rest is added
        ("--locked", '[[package]]\nname = "fastapi"\n', True),
        ("--locked", '[[package]]\nname = "fastapi"\n\n[[package]]\nname = "redis"\n', False),
        ("--no-dev", "version = 1\n", False),  # makes the lock anew
    ],
)
def test_a_lock_of_uv_is_held_against_the_project(tmp_path: Path, words: str, lock: str, built: bool) -> None:
    app = make(tmp_path, **{
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["fastapi", "redis"]\n', "uv.lock": lock,
        "main.py": API["main.py"],
        "Dockerfile": f"FROM python:3.13-slim\nCOPY . .\nRUN uv sync {words}\nCMD uv run uvicorn main:app\n",
    })  # fmt: skip
    (service,) = services(adopt(app)).values()
    assert ("builder" in service) is built


@pytest.mark.parametrize(
    ("lines", "built"),
    [
        ("RUN pip install poetry && poetry install --no-root --no-dev", True),
        ("RUN pip install --no-cache-dir poetry\nRUN poetry export -f requirements.txt -o r.txt", True),
        ("RUN curl -sSL https://install.python-poetry.org | python3 -\nRUN poetry install --no-dev", True),
        ("RUN pip install poetry poetry-plugin-export && poetry export -o r.txt", False),
        ("RUN pip install poetry==1.8.3 && poetry install --no-dev", False),
        ("RUN pip install 'poetry<2' && poetry install --no-dev", False),
        ("ENV POETRY_VERSION=1.7.1\nRUN pip install poetry && poetry install --no-dev", True),  # pip does not ask
        (
            "RUN curl https://install.python-poetry.org | POETRY_VERSION=1.7.1 python3 - && poetry install --no-dev",
            False,
        ),
        ("RUN pip install poetry && poetry install --without dev", False),
    ],
)
def test_a_line_for_an_older_poetry_than_the_one_it_gets_is_not_run(tmp_path: Path, lines: str, built: bool) -> None:
    """The project's own builder takes what its lock holds."""
    app = make(tmp_path, **{
        "pyproject.toml": '[tool.poetry.dependencies]\nfastapi = "*"\n', "poetry.lock": "", "main.py": API["main.py"],
        "Dockerfile": f"FROM python:3.13-slim\nCOPY . .\n{lines}\nCMD uvicorn main:app\n",
    })  # fmt: skip
    (service,) = services(adopt(app)).values()
    assert service.get("builder") == ("python" if built else None)


@pytest.mark.parametrize(("package", "words"), [(False, ["python", "-m"]), (True, ["env", "-u", "PYTHONPATH"])])
def test_migrations_run_where_their_folder_has_the_name_of_the_program(
    tmp_path: Path, package: bool, words: list[str]
) -> None:
    app = make(tmp_path, **{**API, "requirements.txt": "fastapi\nalembic\n", "alembic.ini": "", "alembic__env.py": ""})
    if package:
        (app / "alembic/__init__.py").touch()
    (job,) = from_yaml(adopt(app).text)["jobs"].values()
    assert job["command"] == [*words, "alembic", "upgrade", "heads"]


@pytest.mark.parametrize(
    ("texts", "command"),
    [
        ({"prisma__schema.prisma": ""}, "prisma db push --skip-generate"),
        ({"prisma__schema.prisma": "", "package.json": '{"devDependencies": {"prisma": "^7.0.1"}}'}, "prisma db push"),
        ({"prisma__schema.prisma": "", "prisma__migrations__1__migration.sql": ""}, "prisma migrate deploy"),
        ({"drizzle.config.ts": ""}, "drizzle-kit push"),
        ({"drizzle.config.ts": 'out: "./sql/"', "sql/meta/_journal.json": "{}"}, "drizzle-kit migrate"),
    ],
)
def test_an_orm_makes_its_own_tables(tmp_path: Path, texts: dict[str, str], command: str) -> None:
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"express": "5"}}',
        "schema.ts": 'pgTable("note", {});\npgTable(\n  "mark", {});\nprocess.env.DATABASE_URL;\n', **texts,
    })  # fmt: skip
    if "package.json" in texts:
        (app / "server.js").write_text("process.env.DATABASE_URL")
        (app / "package.json").write_text(texts["package.json"][:-1] + ', "scripts": {"start": "node server.js"}}')
    found = adopt(app)
    (job,) = from_yaml(found.text)["jobs"].values()
    assert " ".join(job["command"]).endswith(f"npx --no-install {command}")
    assert any("fetches Prisma's engines" in one for one in found.decision.remarks) is ("prisma" in command)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("config", "prints", "ends", "given"),
    [
        ("strict: false", "[✓] Changes applied", 0, "drizzle-kit push"),
        ("", "[i] No changes detected", 0, "drizzle-kit push"),
        ("", "Error: connect ECONNREFUSED", 1, "drizzle-kit push"),  # which ends with 0, too
        ("strict: true,", "[✓] Changes applied", 0, "drizzle-kit push --config {}/drizzle.config.cjs"),
    ],
)
def test_what_drizzle_says_tells_whether_the_tables_are_there(
    tmp_path: Path, config: str, prints: str, ends: int, given: str
) -> None:
    """It ends as if all were well, whatever it fails by; and asks nobody, where its configuration has it ask."""
    app = make(tmp_path / "app", **{"package.json": '{"dependencies": {"express": "5", "drizzle-orm": "1"}}',
                                    "drizzle.config.ts": config, "db.ts": "process.env.DATABASE_URL;\n"})  # fmt: skip
    (job,) = from_yaml(adopt(app).text)["jobs"].values()
    npx = tmp_path / "npx"
    npx.write_text(f"#!/bin/sh\nshift; echo \"$@\"; echo '{prints}'\n")
    npx.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "TMPDIR": str(tmp_path)}
    done = subprocess.run(job["command"], env=environment, capture_output=True, text=True)
    assert (done.returncode, done.stdout.splitlines()) == (ends, [given.format(tmp_path), prints])


LIB = {"tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}', "package.json": NEXT}


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ({"src__app__page.tsx": 'import { a } from "@/lib/a";\n'}, "src/app/page.tsx:1 imports @/lib/a, which"),
        ({"src__app__page.tsx": 'import {\n  a,\n} from "./a";\nexport * from "@/lib/b";\n'}, "page.tsx:3 .* 1 more"),
        ({"src__app__page.tsx": 'import "../b";\n', "src__b.ts": 'import a from "@/lib/a";\n'}, "src/b.ts:1 imports"),
        ({"src__app__page.tsx": 'import "@/a";\n', "src__a__index.ts": "", "src__b.ts": 'import "@/lib/a";\n'}, ""),
        ({"src__app__page.tsx": 'import "@/a.js";\nimport "./b.css";\n', "src__a.ts": "", "src__app__b.css": ""}, ""),
        ({"src__app__page.tsx": 'import type { A } from "@/lib/a";\nimport c from "@/generated/client";\n'}, ""),
        ({"src__app__page.tsx": 'import { a } from "@scope/a";\nimport b from "react";\n'}, ""),
        # An alias that begins as another one does, and lies elsewhere.
        (
            {
                "src__app__page.tsx": 'import "@/styles/a.css";\n',
                "styles__a.css": "",
                "tsconfig.json": '{"paths": {"@/*": ["./src/*"], "@/styles/*": ["./styles/*"]}}',
            },
            "",
        ),
        (
            {
                "src__app__page.tsx": "",
                "tests__pages__a.tsx": 'import "@/lib/a";',
                "old__app__page.tsx": 'import "./b";',
            },
            "",
        ),
    ],
)
def test_a_page_whose_sources_are_not_whole_is_told_before_anything_is_built(
    tmp_path: Path, texts: dict[str, str], said: str
) -> None:
    app = make(tmp_path, **{**LIB, **texts, ".gitignore": "*.pyc\nlib/\n"})
    if not said:
        adopt(app)
        return
    with pytest.raises(UserError, match=said) as caught:
        adopt(app)
    assert ".incomplete: yes" in caught.value.hint
    if "@/lib/a, which" in said:
        assert ".gitignore:2 leaves out lib/" in str(caught.value)
    adopt(app, answers={caught.value.hint.split()[-2].rstrip(":"): "yes"})


@pytest.mark.parametrize(
    ("code", "more", "lacking"),
    [
        ('import { Pool } from "pg";\n', {}, "pg"),
        ('import a from "@scope/a/b";\nexport * from "zod/v4";\n', {}, "@scope/a zod"),
        # What another package brings beside it, and what Node, the framework and the folder itself have.
        ('import { Pool } from "pg";\n', {"package-lock.json": '{"packages": {"node_modules/pg": {}}}'}, None),
        ('import { Pool } from "pg";\n', {"yarn.lock": 'pg@^8.0.0:\n  version "8.1.0"\n'}, None),
        ('import fs from "fs";\nimport a from "node:path";\nimport Link from "next/link";\n', {}, None),
        ('import type { Pool } from "pg";\nimport a from "~/a";\nimport b from "#b";\n', {}, None),
        ('import a from "parts/a";\n', {"parts__a.ts": "", "tsconfig.json": '{"baseUrl": "."}'}, None),
        ('import a from "@own/a";\n', {"tsconfig.json": '{"paths": {"@own/*": ["./own/*"]}}'}, None),
    ],
)
def test_a_package_that_a_page_loads_and_does_not_ask_for_is_brought(
    tmp_path: Path, code: str, more: dict[str, str], lacking: str | None
) -> None:
    """Whatever Dockerfile it has: its build would end there."""
    recipe = "FROM node:24-trixie-slim\nWORKDIR /app\nCOPY . .\nRUN npm install && npm run build\nCMD npm start\n"
    page = {"package.json": '{"dependencies": {"next": "16.0.0"}}', "Dockerfile": recipe, "app__page.tsx": code}
    web = services(adopt(make(tmp_path, **below("web", {**page, **more}))))["web"]
    assert web.get("buildArgs", {}).get("MORE") == lacking


@pytest.mark.parametrize(
    ("code", "built"),
    [
        ("process.env.NEXT_PUBLIC_API_URL", "http://api:8000"),
        ("process.env.NEXT_PUBLIC_API_URL || 'http://localhost:8000/v1'", "http://localhost:8000/v1"),
        ("process.env.NEXT_PUBLIC_SOCKET || 'ws://localhost:8000/live'", "ws://localhost:8000/live"),
        ("process.env.NEXT_PUBLIC_API_HOST || 'localhost:8000'", "localhost:8000"),
        ("process.env.NEXT_PUBLIC_API_URL || 'https://shop-api.vercel.app'", "http://api:8000"),
        ("process.env.NEXT_PUBLIC_API_URL || '/api'", None),
        ("process.env.NEXT_PUBLIC_API_APP_ID || 'todo-api'", None),
        ("process.env.NEXT_PUBLIC_API_DELAY || '500'", None),
        ("process.env.NEXT_PUBLIC_SERVER_KEY || ''", None),
        ("process.env.NEXT_PUBLIC_CHAT_DOMAIN_KEY || 'localhost'", None),
        ("process.env.NEXT_PUBLIC_MAIL_API_URL || 'https://api.resend.com'", None),
    ],
)
def test_only_a_public_variable_that_is_an_address_becomes_one(tmp_path: Path, code: str, built: str | None) -> None:
    """By its value, where there is one: an identifier of the API, a delay or a key is none."""
    app = make(tmp_path, **{"web__package.json": NEXT, "web__app__page.tsx": f"{code};\n", **below("api", API)})
    found = services(adopt(app))["web"].get("buildEnvironment", {})
    assert list(found.values()) == ([built.replace("api:", "localhost:")] if built else [])


def test_a_folder_above_the_services_is_none_of_them(tmp_path: Path) -> None:
    """Its package files are an editor's, another phase's, or start the services in its folders."""
    for texts in (
        {"requirements.txt": "flask\n"},
        {"package.json": '{"scripts": {"start": "npm start --prefix web"}}'},
    ):
        folder = tmp_path / next(iter(texts))
        app = make(folder, **{"web__package.json": NEXT, **below("backend", API), **texts})
        found = adopt(app)
        assert set(services(found)) == {"web", "backend"}
        assert any(one.endswith("left out: its services are those in its folders") for one in found.decision.remarks)


def test_a_program_at_the_top_with_a_page_in_its_folder_is_a_service(tmp_path: Path) -> None:
    assert set(services(adopt(make(tmp_path, **{"web__package.json": NEXT, **API})))) == {"web", "app"}


def test_a_page_at_the_top_with_an_image_of_a_service_in_a_folder_is_one(tmp_path: Path) -> None:
    app = make(tmp_path, **{"package.json": NEXT, "app__page.tsx": "", **below("api", API)})
    (app / "api/Dockerfile").write_text("FROM python:3.13-slim\nCOPY . .\nCMD uvicorn main:app\n")
    assert from_yaml(adopt(app).text)["page"] == "app"


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ('if __name__ == "__main__":\n    input("> ")\n', "it asks at a terminal"),
        ("from rich.prompt import Prompt\nwhile True:\n    Prompt.ask('> ')\n", "it asks at a terminal"),
        ('if __name__ == "__main__":\n    print(1)\n', "nothing in it serves, or waits for work"),
        ("import time\nwhile True:\n    time.sleep(9)\n", ""),
        ("import schedule\n", ""),
    ],
)
def test_a_program_that_asks_at_a_terminal_or_ends_is_no_service(tmp_path: Path, code: str, why: str) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "console__pyproject.toml": '[project]\nname = "x"\n', "console__main.py": code,
    })  # fmt: skip
    found = adopt(app)
    assert set(services(found)) == ({"web"} if why else {"web", "console"})
    assert (f"console/pyproject.toml: console: left out: {why}" in found.decision.remarks) is bool(why)


RECIPE = "FROM python:3.13-slim\nCOPY . .\nCMD {}\n"


@pytest.mark.parametrize(
    ("texts", "names"),
    [
        # One more image at the top, as hosts of programs want it, of what has its own.
        ({"Dockerfile": RECIPE.format("uvicorn api.main:app"), "api__Dockerfile": RECIPE.format("uvicorn main:app"),
          "requirements.txt": "fastapi\n"}, {"api", "web"}),
        ({"Dockerfile": RECIPE.format("python run.py"), "api__Dockerfile": RECIPE.format("uvicorn main:app"),
          "requirements.txt": "fastapi\n", "run.py": 'sys.path.insert(0, "api/src")\n'}, {"api", "web"}),
        ({"Dockerfile": "FROM node:24-slim\nCOPY web/ .\nRUN npm i\nFROM python:3.13-slim\nCOPY api/ .\nCMD a\n",
          "web__Dockerfile": "FROM node:24-slim\nCOPY web/package.json .\nCMD npm start\n"}, {"api", "web"}),
        # A page that somebody began and left, beside the application's.
        ({"web__Dockerfile": "FROM node:24-slim\nCOPY . .\nCMD npm start\n", "my-app__package.json": NEXT,
          "my-app__app__page.tsx": ""}, {"api", "web"}),
        ({"web__Dockerfile": "FROM node:24-slim\nCOPY . .\nCMD npm start\n", "admin__package.json": NEXT,
          "admin__app__page.tsx": "fetch('/users');\n"}, {"api", "web", "admin"}),
        # What only the image at the top starts, and one that starts none of them.
        ({"Dockerfile": RECIPE.format("python run.py"), "requirements.txt": "fastapi\n",
          "run.py": 'sys.path.insert(0, "api")\n'}, {"app", "web"}),
        ({"Dockerfile": RECIPE.format("python run.py"), "api__Dockerfile": RECIPE.format("uvicorn main:app"),
          "requirements.txt": "fastapi\n", "run.py": API["main.py"]}, {"app", "api", "web"}),
        # A compose file that only has the page, beside its database.
        ({"web__compose.yaml": "services: {site: {build: .}, db: {image: postgres}}\n"}, {"api", "site"}),
        ({"compose.yaml": "services: {site: {build: web}}\n", "phase1__main.py": "input()\n",
          "phase1__requirements.txt": "rich\n"}, {"api", "site"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("phases", [False, True])
def test_a_service_is_found_once_whatever_lies_at_the_top(
    tmp_path: Path, texts: dict[str, str], names: set[str], phases: bool
) -> None:
    """Of an application at the top of a repository, and of one of its copies."""
    folder = tmp_path / "phase3" if phases else tmp_path
    make(folder, **{"web__package.json": NEXT, "web__app__page.tsx": "", **below("api", API), **texts})
    if phases:
        make(tmp_path, **{"phase2__web__package.json": NEXT})
    found = services(adopt(tmp_path, name="app", answers={"copy": "phase3"} if phases else {}))
    assert {name.replace("phase3", "app") for name in found} == names


@pytest.mark.parametrize(
    ("recipe", "job"),
    [
        ("COPY alembic.ini .\nCMD uvicorn main:app\n", True),
        ("COPY alembic.ini .\nCMD alembic upgrade head && uvicorn main:app\n", False),
        ('COPY alembic.ini .\nCMD ["python", "-m", "alembic", "upgrade", "head"]\n', False),
        ("COPY . .\nCMD ./start.sh\n", False),
        ("COPY lost.txt .\nRUN pip install -r lost.txt\nCMD alembic upgrade head && uvicorn main:app\n", True),
    ],
)
def test_migrations_run_unless_what_starts_the_service_runs_them(tmp_path: Path, recipe: str, job: bool) -> None:
    """A Dockerfile that copies them does not; one that cannot work, and is replaced, does neither."""
    app = make(tmp_path, **{
        **API, "requirements.txt": "fastapi\nalembic\n", "alembic.ini": "",
        "start.sh": "alembic -c a.ini upgrade head\n", "Dockerfile": f"FROM python:3.13-slim\n{recipe}",
    })  # fmt: skip
    if "lost" in recipe:
        (app / "Dockerfile").write_text((app / "Dockerfile").read_text().replace("python:3.13-slim", "maven:3"))
    assert bool(from_yaml(adopt(app).text).get("jobs")) is job


@pytest.mark.parametrize(
    ("migration", "made"), [('op.add_column("task", c)', True), ('op.create_table("task")', False)]
)
def test_migrations_that_make_no_tables_leave_that_to_the_models(tmp_path: Path, migration: str, made: bool) -> None:
    """Of two functions that make them, by the one that the program's first file knows."""
    app = make(tmp_path, **{
        **API, "requirements.txt": "fastapi\nalembic\n",
        "alembic.ini": "", "alembic__versions__1_a.py": f"{migration}\n",
        "store.py": "def first():\n    Base.metadata.create_all(e)\n\ndef second():\n    Base.metadata.create_all(e)\n",
        "main.py": f"from store import second\n{API['main.py']}",
    })  # fmt: skip
    (job,) = from_yaml(adopt(app).text)["jobs"].values()
    assert ("from store import second as made" in job["command"][-1]) is made
    assert (job["command"][-3:] == ["alembic", "upgrade", "heads"]) is not made


@pytest.mark.parametrize(
    ("texts", "command"),
    [
        (
            {"check-schema.js": "SELECT 1", "setup-auth.js": "create table a", "migrate.js": "CREATE TABLE"},
            "setup-auth.js",
        ),
        ({"check-schema.js": "SELECT 1"}, None),
        ({"init-db.js": "DROP TABLE a; CREATE TABLE a"}, None),
    ],
)
@pytest.mark.parametrize("reader", ["lib/db.ts", "scripts/list.js"])
def test_a_pages_tables_are_made_by_the_script_that_makes_them(
    tmp_path: Path, texts: dict[str, str], command: str | None, reader: str
) -> None:
    """Not by one that looks at them, or drops them first; and none where only scripts know the database."""
    app = make(tmp_path, **{
        "package.json": NEXT, reader.replace("/", "__"): "process.env.DATABASE_URL",
        **{f"scripts__{name}": text for name, text in texts.items()},
    })  # fmt: skip
    jobs = from_yaml(adopt(app).text).get("jobs", {})
    expected = [["node", f"scripts/{command}"]] if command and reader.startswith("lib") else []
    assert [job["command"] for job in jobs.values()] == expected


@pytest.mark.parametrize(
    ("script", "own"),
    [
        ("CREATE TABLE IF NOT EXISTS users (id text); CREATE TABLE accounts (id text)", False),  # of other names
        ("SELECT count(*) FROM information_schema.tables", False),  # it just looks
        ('CREATE TABLE "user" (id text); CREATE TABLE IF NOT EXISTS "account" (id text)', True),
        ("require('./tables'); // CREATE TABLE users", True),  # nobody knows what that does
    ],
)
def test_the_tables_of_better_auth_are_made_by_itself_where_no_script_makes_those(
    tmp_path: Path, script: str, own: bool
) -> None:
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16", "better-auth": "1.4", "pg": "8"},'
        ' "scripts": {"db:init": "node scripts/init-db.js"}}',
        "app__api__auth__[...all]__route.ts": 'export { GET, POST } from "@/lib/auth";\n',
        "lib__auth.ts": AUTH.replace("EMAIL", "enabled: true").replace(
            "})", "  database: new Pool({ connectionString: process.env.DATABASE_URL }),\n})"
        ),
        "scripts__init-db.js": script,
    })  # fmt: skip
    (job,) = yaml.safe_load(adopt(app).text)["jobs"].values()
    assert (job["command"] == ["npm", "run", "--silent", "db:init"]) is own
    assert ("migrate" in job["command"]) is not own


@pytest.mark.parametrize(
    ("database", "known"),
    [
        ('{ provider: "postgresql", url: process.env.DATABASE_URL }', False),
        ('drizzleAdapter(db, { provider: "pg" })', True),
        ("new Pool({ connectionString: process.env.DATABASE_URL })", True),
        ('{ provider: "pg", client: new Pool({ ssl: { a: 1 }, connectionString: process.env.DATABASE_URL }) }', False),
        ('{ dialect: new PostgresDialect({ pool: new Pool({}) }), type: "postgres" }', True),
        ('{ db: kysely, type: "postgres" }', True),
    ],
)
def test_a_database_that_better_auth_does_not_take_knows_nobody(tmp_path: Path, database: str, known: bool) -> None:
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16", "better-auth": "1.4", "pg": "8"}}',
        "app__api__auth__[...all]__route.ts": 'export { GET, POST } from "@/lib/auth";\n',
        "lib__auth.ts": AUTH.replace("EMAIL", "enabled: true").replace("})", f"  database: {database},\n}})"),
    })  # fmt: skip
    found = adopt(app)
    assert ("journey" in from_yaml(found.text)) is known
    assert (
        any(one.startswith("lib/auth.ts:4: Better Auth knows no such database") for one in found.decision.remarks)
        is not known
    )
    assert known or "jobs" not in from_yaml(found.text)


@pytest.mark.parametrize(
    ("main", "args"),
    [
        ("def get_app_name():\n    return 1\n\napp = FastAPI()\n", ["main:app"]),
        ("def create_app():\n    app = FastAPI()\n    return app\n\napi = create_app()\n", ["main:api"]),
        ("def create_app():\n    app = FastAPI()\n    return app\n", ["main:create_app", "--factory"]),
    ],
)
def test_a_program_made_by_a_function_is_started_by_it(tmp_path: Path, main: str, args: list[str]) -> None:
    app = make(tmp_path, **{"requirements.txt": "fastapi\n", "main.py": f"from fastapi import FastAPI\n{main}"})
    assert services(adopt(app))["app"]["args"][1 : 1 + len(args)] == args


@pytest.mark.parametrize(
    ("condition", "environment"),
    [
        ('["*"] if settings.debug else []', {"DEBUG": "true"}),
        ('["*"] if settings.debug else ["http://localhost:3000"]', None),
    ],
)
def test_a_list_of_origins_that_is_empty_without_a_switch_is_switched_on(
    tmp_path: Path, condition: str, environment: dict[str, str] | None
) -> None:
    app = make(tmp_path, **{
        **API, "main.py": f"{API['main.py']}app.add_middleware(C, allow_origins={condition})\n",
        "config.py": "class Settings(BaseSettings):\n    debug: bool = False\n",
    })  # fmt: skip
    assert services(adopt(app))["app"].get("environment") == environment


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ('os.getenv("AGENT_URL", "http://localhost:9001/mcp")', "http://agent:8000/mcp"),
        (
            "class S(BaseSettings):\n    agent_url: str = os.getenv('AGENT_URL', 'http://localhost:9001/v1')",
            "http://agent:8000/v1",
        ),
        ('os.getenv("AGENT_URL", os.getenv("OTHER", "http://localhost:9001"))', "http://agent:8000"),
        ('os.getenv("API_BASE_URL", "http://localhost:9001")', None),
    ],
)
def test_an_address_is_told_with_the_path_that_its_default_has(tmp_path: Path, code: str, told: str | None) -> None:
    """Its own, which a neighbour's would be told in place of, is not."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, **below("agent", API), **below("backend", API),
        "backend__main.py": f"import os\n{API['main.py']}{code}\n",
    })  # fmt: skip
    assert list(services(adopt(app))["backend"].get("environment", {}).values()) == ([told] if told else [])


def test_tables_are_made_by_what_the_started_program_loads(tmp_path: Path) -> None:
    """Another first file beside it, which makes them as well, is not started."""
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\n", "src__main.py": "import store\nstore.make()\n" + API["main.py"],
        "src__api__main.py": "from src.core import store\n" + API["main.py"],
        "src__core__store.py": "def make():\n    Base.metadata.create_all(e)\n",
        "Dockerfile": 'FROM python:3.13-slim\nCOPY . .\nCMD ["uvicorn", "src.api.main:app"]\n',
    })  # fmt: skip
    (job,) = from_yaml(adopt(app).text)["jobs"].values()
    assert (
        job["command"][-1].startswith("import src.api.main; ")
        and "from src.core.store import make" in job["command"][-1]
    )


@pytest.mark.parametrize("backend", ["make()\n", ""])
def test_tables_of_one_that_only_reads_them_are_not_made_before_the_others(tmp_path: Path, backend: str) -> None:
    store = "def make():\n    Base.metadata.create_all(e)\n"
    app = make(tmp_path, **{
        "web__package.json": NEXT,
        **{f"{name}__requirements.txt": "fastapi\n" for name in ("backend", "mcp")},
        "backend__main.py": f"from store import make\n{API['main.py']}{backend}", "backend__store.py": store,
        "mcp__main.py": f"import store\n{API['main.py']}", "mcp__store.py": store,
    })  # fmt: skip
    assert list(from_yaml(adopt(app).text).get("jobs", {})) == ([] if backend else ["backend-tables", "mcp-tables"])


@pytest.mark.parametrize(
    ("main", "args"),
    [
        ("from .config import x\napp = mcp.streamable_http_app()\n", ["uvicorn", "src.main:app"]),
        ('from .config import x\nif __name__ == "__main__":\n    mcp.run()\n', ["python", "-m", "src.main"]),
        ('if __name__ == "__main__":\n    mcp.run()\n', ["python", "src/main.py"]),
    ],
)
def test_a_server_of_tools_is_started_as_its_imports_want(tmp_path: Path, main: str, args: list[str]) -> None:
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\nmcp\n", "src__main.py": main, "src__config.py": "", "src____init__.py": "",
    })  # fmt: skip
    assert services(adopt(app))["app"]["args"][: len(args)] == args


@pytest.mark.parametrize(
    ("code", "trusted"),
    [
        ('connect_args={"ssl": True}', True),
        ('context = ssl.create_default_context()\nconnect_args={"ssl": context}', True),
        ('context.verify_mode = ssl.CERT_NONE\nconnect_args={"ssl": context}', False),
        ('connect_args={"ssl": "require"}', False),
    ],
)
def test_a_driver_that_checks_the_databases_certificate_can(tmp_path: Path, code: str, trusted: bool) -> None:
    """The stand-in's own is put beside the system's, under the name that OpenSSL gives it."""
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\nasyncpg\n",
        "main.py": f"import os, ssl\n{API['main.py']}create_async_engine(os.getenv('DATABASE_URL'))\n{code}\n",
    })  # fmt: skip
    (service,) = services(adopt(app)).values()
    assert ("SSL_CERT_DIR" in service.get("environment", {})) is trusted
    if trusted:
        (volume,) = service["values"]["extraVolumes"]
        assert volume["secret"]["items"] == [{"key": "ca.crt", "path": "e9c876ed.0"}], (
            "openssl x509 -hash of CN=database"
        )
        assert volume["secret"]["optional"], "a database of others brings none"


def test_a_route_that_asks_the_backend_is_not_better_auths(tmp_path: Path) -> None:
    """Its configuration may lie beside it, unused."""
    app = make(tmp_path, **{
        "package.json": '{"dependencies": {"next": "16", "better-auth": "1.4"}}',
        "app__api__auth__[...all]__route.ts": "export const POST = () => fetch(process.env.API_URL);\n",
        "lib__auth.ts": AUTH.replace("EMAIL", "enabled: true"),
    })  # fmt: skip
    assert "journey" not in from_yaml(adopt(app).text)


def test_a_page_is_not_told_the_address_of_one_that_has_none(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": "process.env.NEXT_PUBLIC_API_URL;\n",
        "backend__package.json": '{"scripts": {"start": "node work.js"}}', "backend__work.js": "",
    })  # fmt: skip
    assert "buildEnvironment" not in services(adopt(app))["web"]


def test_a_lock_that_holds_none_of_the_packages_is_not_used(tmp_path: Path) -> None:
    app = make(tmp_path, **{**API, "uv.lock": '[[package]]\nname = "numpy"\nversion = "2"\n'})
    service = services(adopt(app))["app"]
    assert "uv.lock" in service["ignore"] and "addPackages" not in service


@pytest.mark.parametrize(
    ("texts", "served"),
    [
        ({"app__api__login__route.ts": "fetch(process.env.NEXT_PUBLIC_API_URL)"}, True),
        ({"next.config.js": "rewrites: process.env.NEXT_PUBLIC_API_URL"}, True),
        ({"app__actions.ts": '"use server"\nprocess.env.NEXT_PUBLIC_API_URL'}, True),
        ({"app__page.tsx": "process.env.NEXT_PUBLIC_API_URL"}, False),
        ({"app__api__me__route.ts": "process.env.API_URL"}, False),
        ({"next.config.js": "env: process.env.NEXT_PUBLIC_API_URL"}, False),
        (
            {"app__api__a__route.ts": "process.env.NEXT_PUBLIC_API_URL", "Dockerfile": "FROM node:16\nCOPY . .\nCMD x"},
            False,
        ),
    ],
)
def test_a_pages_own_server_finds_the_addresses_that_are_built_into_it(
    tmp_path: Path, texts: dict[str, str], served: bool
) -> None:
    """A route of the page, or a rewrite, asks `localhost:8000` in its pod, where nobody else is."""
    app = make(
        tmp_path, **{"web__package.json": NEXT, "web__app__page.tsx": "", **below("web", texts), **below("api", API)}
    )
    environment = services(adopt(app))["web"]["environment"]
    assert ("NODE_OPTIONS" in environment) is served


@pytest.mark.slow
def test_what_leads_a_pages_server_to_the_services_is_run_by_node(tmp_path: Path) -> None:
    """By the real one: it answers on localhost, and ends when the program does."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not on this machine: invoke install")
    with socket.create_server(("127.0.0.2", 0)) as service:
        port = service.getsockname()[1]  # the same on another address: nobody else is given it on the first meanwhile
        service.settimeout(300)
        code = addresses._FORWARDER % json.dumps([[port, "127.0.0.2", port]])
        program = f'require("net").connect({port}, "127.0.0.1").on("data", (it) => process.stdout.write(it))'
        options = "--import=data:text/javascript;base64," + base64.b64encode(code.encode()).decode()
        process = subprocess.Popen(
            [node, "-e", program], stdout=subprocess.PIPE, text=True, env=os.environ | {"NODE_OPTIONS": options}
        )
        with service.accept()[0] as connection:
            connection.sendall(b"hello")
        assert process.communicate(timeout=300)[0] == "hello" and process.returncode == 0


@pytest.mark.parametrize(
    ("judges", "led"),
    [("issuer=settings.BETTER_AUTH_URL", True), ("", False), ("issuer='http://localhost:3000'", False)],
)
def test_a_server_that_wants_tokens_issued_at_the_page_s_address_finds_the_page_there(
    tmp_path: Path, judges: str, led: bool
) -> None:
    """One variable says who issued the tokens, as browsers know him, and where his keys are, which the pod asks for."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": "",
        "api__requirements.txt": "fastapi\npyjwt\npydantic-settings\n",
        "api__main.py": API["main.py"] + "import auth\n",
        "api__auth.py": "import jwt\nfrom pydantic_settings import BaseSettings\n"
        "class Settings(BaseSettings):\n    BETTER_AUTH_URL: str\nsettings = Settings()\n"
        "KEYS = jwt.PyJWKClient(settings.BETTER_AUTH_URL + '/api/auth/jwks')\n"
        f"WHO = lambda it: jwt.decode(it, KEYS, {judges})\n",
    })  # fmt: skip
    api = services(adopt(app))["api"]
    assert api["environment"]["BETTER_AUTH_URL"] == ("http://localhost:3000" if led else "http://web:3000")
    assert [one["name"] for one in api["values"].get("extraContainers", [])] == ["lead-to-page"] * led


def test_what_leads_a_server_to_the_page_hands_on_both_ways(monkeypatch: pytest.MonkeyPatch) -> None:
    """Until either side ends; who is not there is told so by the end."""
    monkeypatch.setattr("signal.signal", lambda *_: None)

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write((await reader.read(100)).upper())
        writer.close()

    async def asked(port: int) -> bytes:
        code = addresses._LEADER.format(host="127.0.0.1", to=port, port=0).replace("asyncio.run(main())", "")
        exec(code, names := {})  # type: ignore[var-annotated]  # noqa: S102 as its container does
        async with await asyncio.start_server(names["lead"], "127.0.0.1", 0) as leader:
            reader, writer = await asyncio.open_connection(*leader.sockets[0].getsockname())
            writer.write(b"hello")
            answer = await reader.read()
            writer.close()
        return answer

    async def both() -> tuple[bytes, bytes]:
        async with await asyncio.start_server(echo, "127.0.0.1", 0) as page:
            port = page.sockets[0].getsockname()[1]
            there = await asked(port)
        return there, await asked(port)

    there, gone = asyncio.run(asyncio.wait_for(both(), 300))
    assert (there, gone) == (b"HELLO", b"")


BY_LIST = {
    "mapping": """
NEEDED = {"TONE": "how", "CORS_ORIGINS": "who"}
for name, why in NEEDED.items():
    if not os.getenv(name):
        sys.exit(1)
""",
    "list": """
lost = [it for it in ["TONE", "CORS_ORIGINS"] if not os.environ.get(it)]
if lost:
    raise ValueError(lost)
""",
    "js": 'for (const key of ["TONE", "CORS_ORIGINS"]) { if (!process.env[key]) throw new Error(key); }\n',
}


@pytest.mark.parametrize(
    ("language", "code"), [("py", BY_LIST["mapping"]), ("py", BY_LIST["list"]), ("js", BY_LIST["js"])]
)
def test_what_a_program_goes_through_by_a_list_is_given(tmp_path: Path, language: str, code: str) -> None:
    """Though another file has a default for it, which would do."""
    texts = {
        "py": {**API, "main.py": f"import os, sys\n{API['main.py']}{code}os.getenv('TONE', 'soft')\n"
                                 "os.getenv('CORS_ORIGINS', 'http://localhost:3000')\n"},
        "js": {"package.json": '{"dependencies": {"express": "5"}}', "server.js":
               f'{code}process.env.TONE || "soft"; process.env.CORS_ORIGINS || "http://localhost:3000";\n'},
    }  # fmt: skip
    app = make(tmp_path, **{"web__package.json": NEXT, **below("api", texts[language])})
    assert services(adopt(app))["api"]["environment"] == {"CORS_ORIGINS": "http://localhost:3000", "TONE": "soft"}


@pytest.mark.parametrize(("asked", "code"), [("dapr>=1.12", ""), ("dapr-ext-fastapi", "from dapr.clients import x\n")])
def test_a_client_of_dapr_does_not_wait_a_minute_for_what_is_left_off(tmp_path: Path, asked: str, code: str) -> None:
    """Another of its packages brings it."""
    app = make(tmp_path, **{**API, "requirements.txt": f"fastapi\n{asked}\n", "main.py": code + API["main.py"]})
    assert services(adopt(app))["app"]["environment"] == {"DAPR_HEALTH_TIMEOUT": "1"}


@pytest.mark.slow
def test_a_chart_that_cannot_be_rendered_is_told_with_its_cause(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        **API, "chart__Chart.yaml": "apiVersion: v2\nname: x\nversion: 1.0.0\n", "chart__values.yaml": "{}\n",
        "chart__templates__a.yaml": "kind: {{ .Values.deep.kind }}\n",
    })  # fmt: skip
    (said,) = [one for one in adopt(app).decision.remarks if one.startswith("chart: not rendered")]
    assert "nil pointer" in said


def test_a_dockerfile_may_install_requirements_beside_a_lock(tmp_path: Path) -> None:
    """What they pin gives way then; where the lock is installed, they say nothing."""
    for line, loose in (("pip install -r requirements.txt", ["bcrypt"]), ("uv sync --frozen", None)):
        locked = (f'[[package]]\nname = "{name}"\nversion = "4"\n\n' for name in ("fastapi", "passlib", "bcrypt"))
        app = make(tmp_path / line[:2], **{
            **API, "requirements.txt": "fastapi==0.128.5\npasslib==1.7.4\nbcrypt==5.0.0\n",
            "uv.lock": "".join(locked),
            "Dockerfile": f"FROM python:3.13-slim\nCOPY . .\nRUN {line}\nCMD uvicorn main:app\n",
        })  # fmt: skip
        assert services(adopt(app))["app"].get("loosePackages") == loose


def test_a_package_file_that_nests_without_end_is_told_and_says_nothing(tmp_path: Path) -> None:
    shutil.copytree(APPS / "bare", tmp_path / "app")
    (tmp_path / "app/web").mkdir(exist_ok=True)
    (tmp_path / "app/web/package.json").write_text("[" * 100_000)
    assert "web/package.json: not read: nested too deeply" in adopt(tmp_path / "app").decision.remarks


@pytest.mark.parametrize(
    ("recipe", "steps"),
    [
        ("FROM python:3.13-slim\nWORKDIR /srv\nCOPY . .\nCMD uvicorn main:app\n", ["chown 10001 /srv"]),
        ("FROM python:3.13-slim\nCOPY . .\nCMD uvicorn main:app\n", None),  # in the root of the image
        ("FROM python:3.13-slim\nWORKDIR /srv\nCOPY . .\nUSER 1000\nCMD uvicorn main:app\n", ["chown 1000 /srv"]),
        ("", None),  # the product's builder gives it all of its folder
    ],
)
def test_an_image_whose_program_writes_beside_itself_lets_it(
    tmp_path: Path, recipe: str, steps: list[str] | None
) -> None:
    logs = "import logging\nlogging.FileHandler('a.log')\nlogging.FileHandler('b.log')\n"
    app = make(tmp_path, **{**API, "main.py": API["main.py"] + logs})
    if recipe:
        (app / "Dockerfile").write_text(recipe)
    assert services(adopt(app))["app"].get("buildSteps") == steps


def test_a_probe_asks_for_what_the_started_program_knows(tmp_path: Path) -> None:
    """Not for what another first file beside it has."""
    health = '\n@app.get("/health")\ndef health():\n    return 1\n'
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\n", "src__main.py": API["main.py"], "src__api__main.py": API["main.py"] + health,
        "Dockerfile": 'FROM python:3.13-slim\nCOPY . .\nEXPOSE 8000\nCMD ["uvicorn", "src.main:app"]\n',
    })  # fmt: skip
    assert "probes" not in services(adopt(app))["app"]
    (app / "Dockerfile").write_text((app / "Dockerfile").read_text().replace("src.main", "src.api.main"))
    assert services(adopt(app))["app"]["probes"] == {"readiness": "/health"}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("main", "store"),
    [
        ("from backend.store import name\n", "from backend import models\nname = 1\n"),
        ("from backend import store\nname = store.name\n", "import backend.models\nname = 1\n"),
        ("from .store import name\n", "from . import models\nname = 1\n"),
        ("from store import name\n", "import models\nname = 1\n"),
        ("from .store import name\n", "import backend.models\nname = 1\n"),  # its first file says nothing of it
    ],
)
@pytest.mark.parametrize("place", ["", "app/"])
@pytest.mark.parametrize("stray", [False, True])
def test_a_program_that_is_started_from_above_its_folder_starts_and_so_do_its_jobs(
    tmp_path: Path, main: str, store: str, place: str, stray: bool
) -> None:
    """As `uvicorn backend.main:app` in the folder above: built as the file says, with the image's root in a folder."""
    inner = place.replace("/", ".")
    main, store = (text.replace("backend", f"backend.{inner}".rstrip(".")) for text in (main, store))
    app = make(tmp_path, **{
        "web__package.json": NEXT, "backend__requirements.txt": "fastapi\n",
        f"backend__{place}main.py": f"{main}from fastapi import FastAPI\napp = FastAPI()\n",
        f"backend__{place}store.py": store, f"backend__{place}models.py": "",
    })  # fmt: skip
    if stray:
        (app / "backend/backend").mkdir()
        for folder in (app / "backend", app / "backend/backend"):
            (folder / "__init__.py").write_text("")
    spec = services(adopt(app))["backend"]
    image = tmp_path / "image"
    shutil.copytree(app / "backend", image / "app")
    (image / "lib").mkdir()
    (image / "lib/fastapi.py").write_text(
        "class FastAPI:\n    def get(self, path):\n        return lambda made: made\n"
    )
    for step in spec.get("buildSteps", []):
        subprocess.run(["sh", "-c", step.replace(" /", f" {image}/")], check=True)
    above = spec.get("environment", {}).get("PYTHONPATH", "")
    found = ":".join(
        [*[f"{image}{above}"] * bool(above), str(image / "app"), str(image / "lib")]
    )  # and the builder's app.pth
    module, name = spec["args"][1].split(":")
    folder = spec["args"][spec["args"].index("--app-dir") + 1] if "--app-dir" in spec["args"] else "."
    folder = f"{image}{folder}" if folder.startswith("/") else folder
    code = f"import sys; sys.path.insert(0, '{folder}'); from {module} import {name}"  # as uvicorn does
    subprocess.run([sys.executable, "-P", "-c", code], cwd=image / "app", env={"PYTHONPATH": found}, check=True)


def check_start(app: Path, wrong: str, module: str) -> None:
    """The Dockerfile of `api` is left for what is wrong with its start, and `module` started; none where it works."""
    found = adopt(app)
    reasons = [str(place) for key, _, place in found.decision.reasons if key == "services.api.builder"]
    assert reasons == [f"api/Dockerfile:4: starts {wrong}"] * bool(module)
    assert services(found)["api"].get("args", ["", ""])[1] == module


@pytest.mark.parametrize(
    ("steps", "works"),
    [("COPY . .", False), ("COPY src ./app", True), ("COPY . .\nENV PYTHONPATH=/app/src", True),
     ("COPY . .\nRUN mv src app", True)],
)  # fmt: skip
def test_a_dockerfile_that_starts_a_module_which_is_nowhere_is_not_taken(
    tmp_path: Path, steps: str, works: bool
) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n",
        "api__src__main.py": "from .store import name\nfrom fastapi import FastAPI\napp = FastAPI()\n",
        "api__src__store.py": "name = 1\n", **below("old__app", API),
        "api__Dockerfile": f"FROM python:3.11-slim\nWORKDIR /app\n{steps}\nCMD uvicorn app.main:app\n",
    })  # fmt: skip
    wrong = "app.main, which its image has not; the application is in api/src/main.py"
    check_start(app, wrong, "" if works else "src.main:app")


@pytest.mark.parametrize(
    ("main", "works"),
    [("import uvicorn\nif __name__ == '__main__':\n    uvicorn.run('app.main:app')\n", False),
     ("from app.main import app\n", True), ("from app.main import *\n", True), ("app = make()\n", True),
     ("try:\n    from app.main import app\nexcept ImportError:\n    app = None\n", True)],
)  # fmt: skip
def test_a_dockerfile_that_starts_an_application_which_its_module_has_not_is_not_taken(
    tmp_path: Path, main: str, works: bool
) -> None:
    """Its author starts the script by itself, which starts another module's."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n", "api__main.py": main,
        "api__app__main.py": "from .store import name\nfrom fastapi import FastAPI\napp = FastAPI()\n",
        "api__app__store.py": "name = 1\n", "api__app____init__.py": "",
        "api__Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD uvicorn main:app\n",
    })  # fmt: skip
    wrong = "main:app, which api/main.py has not; the application is in api/app/main.py"
    check_start(app, wrong, "" if works else "app.main:app")


@pytest.mark.parametrize(
    ("main", "route", "module"),
    [("from ..config import a", "", "src.api.main:app"),
     ("from .route import a", "from ..config import b", "src.api.main:app"),
     ("from .route import a", "from .other import b", "api.main:app")],
)  # fmt: skip
def test_a_program_is_started_from_as_far_above_as_its_own_imports_lead(
    tmp_path: Path, main: str, route: str, module: str
) -> None:
    """Whether its folders have an `__init__.py` or not, as many have none."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n", "api__src__config.py": "",
        "api__src__api__other.py": "", "api__src__api__route.py": f"{route}\n",
        "api__src__api__main.py": f"{main}\nfrom fastapi import FastAPI\napp = FastAPI()\n",
    })  # fmt: skip
    found = adopt(app)
    assert services(found)["api"]["args"][1] == module and not found.decision.endings


def test_a_program_that_names_its_own_modules_in_two_ways_is_told_so_and_where(tmp_path: Path) -> None:
    """Its own image has nothing by its folder's name; what is defined twice is no fault of an image."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "backend__requirements.txt": "fastapi\n", "backend__src__models.py": "",
        "backend__src__main.py": "from .store import name\nfrom fastapi import FastAPI\napp = FastAPI()\n",
        "backend__src__store.py": "import backend.src.models\nname = 1\n",
        "backend__Dockerfile": "FROM python:3.11-slim\nWORKDIR /app\nCOPY . .\nCMD uvicorn src.main:app\n",
    })  # fmt: skip
    found = adopt(app)
    reasons = [str(place) for key, _, place in found.decision.reasons if key == "services.backend.builder"]
    assert reasons == ["backend/src/store.py:1: it knows its folder as backend, which its image has nothing of"]
    assert services(found)["backend"]["args"][1] == "backend.src.main:app"
    assert not [line for line in found.decision.remarks if "by one name" in line]
    (app / "backend/src/store.py").write_text("import backend.src.models\nimport src.models\nname = 1\n")
    found = adopt(app)
    said = [line for line in found.decision.remarks if "by one name" in line]
    assert len(said) == 1 and said[0].startswith("backend/src/store.py:1: ") and "backend/src/store.py:2 " in said[0]
    assert services(found)["backend"]["args"][1] == "src.main:app"
    assert services(found)["backend"]["environment"]["PYTHONPATH"] == "/above"


def test_what_a_program_imports_by_its_own_folders_name_counts_for_its_packages(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n", "api__auth.py": "import requests\n",
        "api__main.py": "from api.auth import requests\nfrom fastapi import FastAPI\napp = FastAPI()\n",
    })  # fmt: skip
    assert services(adopt(app))["api"]["addPackages"] == ["requests"]


@pytest.mark.parametrize(
    "command",
    ['["uvicorn", "backend.main:app"]', "python -m backend.main", "cd backend && uvicorn main:app",
     "uvicorn --app-dir backend main:app", "python backend/main.py", "gunicorn --chdir backend main:app"],
)  # fmt: skip
def test_the_first_file_of_a_program_is_found_from_above_its_folder(tmp_path: Path, command: str) -> None:
    """What the first file needs is inferred of it, and of no script that lies beside it."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "backend__requirements.txt": "fastapi\n",
        "backend__main.py": "import os, jwt\nfrom fastapi import FastAPI\napp = FastAPI()\n",
        "backend__app.py": "import httpx\nfrom fastapi import FastAPI\nother = FastAPI()\n",
        "backend__Dockerfile": f"FROM python:3.11-slim\nWORKDIR /app\nCOPY backend backend\n"
        f"RUN pip install -r backend/requirements.txt\nCMD {command}\n",
    })  # fmt: skip
    found = services(adopt(app))
    assert set(found) == {"web", "backend"} and found["backend"]["context"] == "."
    assert found["backend"]["addPackages"] == ["pyjwt"]


@pytest.mark.parametrize(
    ("file", "text", "module"),
    [("x", "", "app.main"), ("api/README.md", "Start it:\n\n    uvicorn src.main:app --reload\n", "src.main"),
     ("api/Procfile", "web: gunicorn -k uvicorn.workers.UvicornWorker src.main:app", "src.main"),
     ("compose.yaml", 'services:\n  web: {build: web}\n  api:\n    build: api\n    command: bash -c "sleep 5 && uvicorn'
      ' src.main:app --reload"\n', "src.main")],
)  # fmt: skip
def test_of_two_applications_in_a_folder_the_one_is_started_that_its_author_starts(
    tmp_path: Path, file: str, text: str, module: str
) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n", "api__app__main.py": API["main.py"],
        "api__src__main.py": API["main.py"], file.replace("/", "__"): text,
    })  # fmt: skip
    assert services(adopt(app))["api"]["args"][1] == f"{module}:app"


@pytest.mark.parametrize(
    ("file", "text", "module"),
    [
        ("backend/start_server.sh", "pip install -r backend/x.txt\nuvicorn {} --reload\n", "backend.src.main"),
        ("start.bat", "start cmd /k python -m uvicorn {} --reload\n", "backend.src.main"),
        ("Makefile", "run:\n\tuvicorn {} --port 8000\n", "backend.src.main"),
        ("Procfile", "web: gunicorn -k uvicorn.workers.UvicornWorker {}\n", "backend.src.main"),
        ("package.json", '{{"scripts": {{"api": "uvicorn {} --reload"}}}}', "backend.src.main"),
        ("README.md", "Start it with `uvicorn {}`.\n", "backend.src.main"),
        ("run.py", "import uvicorn\nuvicorn.run('{}', port=8000)\n", "backend.src.main"),
        ("Makefile", "run:\n\tcd backend && uvicorn {}\n", "src.main"),
        ("other/run.sh", "uvicorn {}\n", "backend.src.main"),  # another program's
        ("README.md", "Not: python -m backend.nowhere, nor uvicorn {}.\n", "backend.main"),
    ],
)  # fmt: skip
def test_a_program_is_started_from_above_where_only_its_authors_scripts_say_so(
    tmp_path: Path, file: str, text: str, module: str
) -> None:
    """What it imports within a `try`, as only one of its ways may load, says nothing."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "backend__requirements.txt": "fastapi\n", "backend__store.py": "name = 1\n",
        "backend__src__main.py": "try:\n    from ..store import name\nexcept ImportError:\n    from store import name\n"
        f"{API['main.py']}", file.replace("/", "__"): text.format(f"{module}:app"),
    })  # fmt: skip
    above = module == "backend.src.main" and not file.startswith("other/")
    spec = services(adopt(app))["backend"]
    assert spec["args"][1] == ("backend.src.main:app" if above else "src.main:app")
    assert spec.get("environment", {}).get("PYTHONPATH", "") == ("/above" if above else "")


@pytest.mark.parametrize(("route", "module"), [("..store", "src.main"), ("...store", "backend.src.main")])
def test_a_program_is_started_from_above_where_a_relative_import_of_it_leads_there(
    tmp_path: Path, route: str, module: str
) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "backend__requirements.txt": "fastapi\n", "backend__store.py": "name = 1\n",
        "backend__src__store.py": "name = 1\n", "backend__src__api__route.py": f"from {route} import name\n",
        "backend__src__main.py": f"from src.api.route import name\n{API['main.py']}",
    })  # fmt: skip
    if module.startswith("backend"):
        (app / "backend/src/main.py").write_text(f"from .api.route import name\n{API['main.py']}")
    found = adopt(app)
    assert services(found)["backend"]["args"][1] == f"{module}:app" and not found.decision.endings


@pytest.mark.parametrize(
    ("files", "above"),
    [
        ({"api/requirements.txt": "-r requirements/base.txt\n", "api/requirements/base.txt": "fastapi\n-r db.txt\n",
          "api/requirements/db.txt": "asyncpg\n"}, ""),
        ({"api/requirements.txt": "--requirement=deps/a.txt  # all\n", "api/deps/a.txt": "fastapi\nasyncpg\n"}, ""),
        ({"api/requirements.txt": "-r a.txt\n", "api/a.txt": "fastapi\n-r requirements.txt\nasyncpg\n"}, ""),
        ({"api/requirements.txt": "fastapi\nasyncpg\n-c constraints.txt\n-r gone.txt\n-r https://example.com/x.txt\n",
          "api/constraints.txt": "asyncpg==0.29.0\nflask==3\n"}, ""),
        ({"api/requirements.txt": "fastapi\n-r ../deps/db.txt\n", "deps/db.txt": "asyncpg\n-c ../limits.txt\n",
          "limits.txt": "flask==3\n"}, "deps/db.txt is  <- api/requirements.txt:2"),
        ({"api/requirements.txt": "-r deps/a.txt\n", "api/deps/a.txt": "fastapi\n-c ../../limits-r-c.txt\nasyncpg\n",
          "limits-r-c.txt": "flask==3\n"}, "limits-r-c.txt is  <- api/deps/a.txt:2"),
    ],
)  # fmt: skip
def test_what_requirements_name_in_other_files_is_read(tmp_path: Path, files: dict[str, str], above: str) -> None:
    """One above the program's folder is in reach of a build from there."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, **{name.replace("/", "__"): text for name, text in files.items()},
        "api__main.py": f"import os\nfrom sqlalchemy.ext.asyncio import create_async_engine\n{API['main.py']}"
        "engine = create_async_engine(os.environ['DATABASE_URL'])\n",
    })  # fmt: skip
    found = adopt(app)
    spec = services(found)["api"]
    assert spec["args"][0] == "uvicorn"
    assert (spec["context"], spec["buildArgs"].get("MEMBER")) == ((".", "api") if above else ("api", None))
    assert f"services.api.context: ., where {above}" in found.text or not above
    assert from_yaml(found.text)["secrets"]["database-secrets"]["keys"]["DATABASE_URL"]["database"] == {
        "scheme": "postgresql+asyncpg"
    }
    assert ("PYTHON_IMAGE" in spec.get("bases", {})) is (
        "api/constraints.txt" in files
    )  # too old for the newest Python
    text = packages.whole_text(scan(app), "api/requirements.txt")
    assert "asyncpg" in text and "fastapi" in text and "flask" not in text and " base.txt" not in text


@pytest.mark.parametrize(
    ("lines", "works"),
    [
        ("COPY requirements.txt .\nRUN pip install -r requirements.txt\nCOPY . .\n", False),
        ("COPY requirements.txt .\nCOPY requirements/ requirements/\nRUN pip install -r requirements.txt\n", True),
        ("COPY . .\nRUN pip install -r requirements.txt\n", True),
        ("COPY requirements.txt requirements/*.txt ./\nRUN pip install -r requirements.txt\n", True),
    ],
)  # fmt: skip
def test_a_dockerfile_that_lacks_what_its_requirements_name_is_not_taken(
    tmp_path: Path, lines: str, works: bool
) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "-r requirements/base.txt\n",
        "api__main.py": API["main.py"], "api__requirements__base.txt": "fastapi\n",
        "api__Dockerfile": f"FROM python:3.11-slim\nWORKDIR /app\n{lines}COPY . .\nCMD uvicorn main:app\n",
    })  # fmt: skip
    found = adopt(app)
    reasons = [str(place) for key, _, place in found.decision.reasons if key == "services.api.builder"]
    wrong = "installs requirements before api/requirements/base.txt is there, which they name"
    assert reasons == [] if works else [f"api/Dockerfile:4: {wrong}"]


@pytest.mark.parametrize(
    ("more", "hidden"),
    [
        ({}, True),
        ({"api/services/__init__.py": ""}, False),
        ({"api/src/services/agent.py": ""}, False),
        ({"api/main.py": f"from src.services import todos\n{API['main.py']}"}, False),
    ],
)
def test_a_package_in_src_does_not_stand_for_a_folder_of_its_name(
    tmp_path: Path, more: dict[str, str], hidden: bool
) -> None:
    """Python takes a package before a folder without an `__init__.py`, wherever on its path that is."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n", "api__services__agent.py": "a = 1\n",
        "api__main.py": f"from services.agent import a\nfrom src.services import todos\n{API['main.py']}",
        "api__src__services__todos.py": "",
    })  # fmt: skip
    for name, text in {"api/src/services/__init__.py": "", **more}.items():
        (app / name).write_text(text)
    steps = services(adopt(app))["api"].get("buildSteps", [])
    assert any("app.pth" in step for step in steps) is hidden
    if hidden:
        path = tmp_path / "lib/python3.13/site-packages/app.pth"
        path.parent.mkdir(parents=True)
        path.write_text("/app/.\n/app/./src\n/app\n")
        subprocess.run(["sh", "-c", steps[0].replace("/venv", str(tmp_path))], check=True)
        assert path.read_text() == "/app/.\n/app\n"


@pytest.mark.parametrize(
    ("default", "route", "served", "built"),
    [
        ("(typeof window !== 'undefined' ? window.location.origin : '')", "auth/login", "/todos", False),
        ("window.location.origin", "auth/[...all]", "/todos", False),
        ("window.location.origin", "auth/login", "/api/auth/login", True),
        ("window.location.origin", "other", "/todos", True),
        ("'http://localhost:8000'", "auth/login", "/todos", True),
    ],
)  # fmt: skip
def test_a_variable_is_not_set_where_the_page_itself_answers_what_is_called_without_it(
    tmp_path: Path, default: str, route: str, served: str, built: bool
) -> None:
    """Other code has the server's own address in place of it, where that is served all the same."""
    name = "process.env.NEXT_PUBLIC_API_URL"
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": "", f"web__app__api__{route}__route.ts": "",
        "web__.env.example": "NEXT_PUBLIC_API_URL=http://localhost:8000\n", **below("api", API),
        "web__lib__auth.ts": f"const API =\n  {name} ||\n  {default};\nfetch(`${{API}}/api/auth/login`)\n",
        "web__lib__todos.ts": f"const AT = {name} || 'http://localhost:8000'\nfetch(`${{AT}}/todos`)\n",
        "api__routes.py": f"from main import app\n@app.post('{served}')\ndef answer(): ...\n",
    })  # fmt: skip
    found = adopt(app)
    assert ("NEXT_PUBLIC_API_URL" in services(found)["web"].get("buildEnvironment", {})) is built
    assert 8000 in {it["port"] for it in found.decision.data["addresses"]}


NEW_GRAMMAR = "import os\ntype Name = str\nKEY = f'{os.environ['API_TOKEN']}'\n"


@pytest.mark.parametrize(
    ("recipe", "requirements", "text", "registry", "image", "told"),
    [
        ("", "fastapi\n", NEW_GRAMMAR, False, None, 0),
        ("FROM python:3.12-slim\n", "fastapi\n", NEW_GRAMMAR, True, None, 0),
        ("FROM python:3.11-slim\n", "fastapi\n", NEW_GRAMMAR, True, "builder", 0),
        ("", "fastapi\npsycopg2-binary==2.9.9\n", NEW_GRAMMAR, True, "python:3.12-slim", 0),
        ("", "fastapi\n", f"{NEW_GRAMMAR}try: ...\nexcept A, B: ...\n", True, "python:3.14-slim", 0),
        ("", "fastapi\n", f"{NEW_GRAMMAR}try: ...\nexcept A, B: ...\n", False, "python:3.14-slim", 1),
    ],
)  # fmt: skip
def test_a_program_in_a_newer_python_than_the_one_here_is_read_and_gets_that_python(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recipe: str, requirements: str, text: str, registry: bool,
    image: str | None, told: int,
) -> None:  # fmt: skip
    monkeypatch.setattr(adopting, "_registry", lambda: registry)
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": requirements, "api__store.py": text,
        "api__main.py": f"import store\n{API['main.py']}",
        **({"api__Dockerfile": f"{recipe}COPY . .\nCMD uvicorn main:app\n"} if recipe else {}),
    })  # fmt: skip
    found = adopt(app)
    spec = services(found)["api"]
    keys = [key for one in found.decision.data["secrets"].values() for key in one["keys"]]
    assert "API_TOKEN" in keys and not [line for line in found.decision.remarks if "not Python" in line]
    built = "python" if not recipe or image == "builder" else None
    assert spec.get("builder") == built and len(found.decision.endings) == told
    if image and image.startswith("python"):
        assert spec["bases"] == {"PYTHON_IMAGE": image}


@pytest.mark.parametrize(
    ("first", "broken", "ends"),
    [
        ("import store", "TIME = 60 0", True),
        ("from store import a", "x = 1\nreturn x", True),
        ("def later():\n    import store", "TIME = 60 0", False),
        ("try:\n    import store\nexcept Exception:\n    pass", "TIME = 60 0", False),
        ("", "TIME = 60 0", False),
    ],
)  # fmt: skip
def test_a_source_that_no_python_takes_is_to_mend_where_the_program_is_started_by_it(
    tmp_path: Path, first: str, broken: str, ends: bool
) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\n", "api__store.py": f"a = 1\n{broken}\n",
        "api__main.py": f"{first}\n{API['main.py']}",
    })  # fmt: skip
    lines = asking.told(adopt(app))
    line = broken.count("\n") + 2
    assert any(one.startswith(f"to mend: api/store.py:{line}: it is not Python") for one in lines) is ends
    assert any(one.startswith("note: api/store.py:") for one in lines) is not ends


HERE = "os.path.dirname(os.path.abspath(__file__))"


@pytest.mark.parametrize(
    ("store", "path"),
    [
        ("URL = 'sqlite:///./todos.db'\nengine = create_engine(URL)", "/app/todos.db"),
        ("name = 'todos.db'\nurl = f'sqlite:///{name}'\nengine = create_engine(url, echo=True)", "/app/todos.db"),
        ("engine = create_async_engine('sqlite+aiosqlite:////srv/kept/todos.db?x=1')", "/srv/kept/todos.db"),
        (f"at = os.path.join({HERE}, 'a', 'todos.db')\ncreate_engine('sqlite:///' + at)", "/app/src/a/todos.db"),
        ("at = Path(__file__).parent.parent / 'todos.db'\nengine = create_engine(f'sqlite:///{at}')", "/app/todos.db"),
        ("class Other:\n    URL = os.getenv('URL')\nengine = create_engine(config.URL)", ""),
        ("def connect():\n    return sqlite3.connect('todos.db')", "/app/todos.db"),
        ("engine = create_engine(os.getenv('OTHER_URL', 'sqlite:///./todos.db'))", ""),
        ("URL = 'sqlite:///./todos.db'\nif os.getenv('X'): URL = os.getenv('X')\nengine = create_engine(URL)", ""),
        ("engine = create_engine('sqlite:///:memory:')", ""),
        ("URL = URL\nengine = create_engine(URL)", ""),
    ],
)  # fmt: skip
@pytest.mark.parametrize("own", ["", "FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nCMD uvicorn src.main:app\n"])
def test_a_database_that_the_code_alone_has_in_a_file_is_kept_by_a_volume(
    tmp_path: Path, store: str, path: str, own: str
) -> None:
    """A script beside the program may have a file of its own."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\nsqlalchemy\n", "api__src__store.py": store,
        "api__src__main.py": f"from src import store\n{API['main.py']}", "api__seed.py": "create_engine('sqlite:///./other.db')\n",
        **({"api__Dockerfile": own} if own else {}),
    })  # fmt: skip
    spec = services(adopt(app))["api"]
    links = [step for step in spec.get("buildSteps", []) if "ln -sfn" in step]
    wanted = f"mkdir -p {path.rpartition('/')[0]} && ln -sfn /data/todos.db {path}"
    assert links == [wanted] * bool(path)
    assert spec.get("persistence") == ({"path": "/data"} if path else None)


@pytest.mark.parametrize(
    ("before", "more", "kept"),
    [("os.makedirs('kept')\n", {}, {"path": "/app/kept"}), ("", {"api__kept__todos.db": ""}, None)],
)
def test_the_folder_of_a_database_is_the_volume_where_the_code_makes_it_and_a_database_of_the_repository_is_told(
    tmp_path: Path, before: str, more: dict[str, str], kept: dict[str, str] | None
) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\nsqlalchemy\n", **more,
        "api__main.py": f"{API['main.py']}{before}engine = create_engine('sqlite:///kept/todos.db')\n",
    })  # fmt: skip
    found = adopt(app)
    spec = services(found)["api"]
    assert (spec.get("persistence"), spec["replicas"], spec.get("writablePaths") or None) == (kept, 1, None)
    assert any("its database is kept/todos.db" in line for line in found.decision.remarks) is (kept is None)


def test_sqlite_makes_its_file_where_a_link_leads(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "todos.db").symlink_to(tmp_path / "data/todos.db")
    with contextlib.closing(sqlite3.connect(tmp_path / "todos.db")) as opened:
        opened.execute("CREATE TABLE todo (id INTEGER)")
    assert [one.name for one in (tmp_path / "data").iterdir()] == ["todos.db"] and (tmp_path / "todos.db").is_symlink()


@pytest.mark.parametrize(
    ("prefix", "mounted", "given", "address"),
    [("/auth", "", "", "http://localhost:8000/auth"), ("", "", "", "http://localhost:8000"),
     ("/auth", "", "http://localhost:3000", "http://localhost:3000"),  # its author says so
     ("/auth", ", prefix='/v1'", "", "http://localhost:3000"),  # what comes before is not seen
     ("/people", "", "http://localhost:3001", "http://localhost:8000/people")],  # where nobody is
)  # fmt: skip
def test_a_variable_without_any_value_is_the_address_below_which_its_calls_are_answered(
    tmp_path: Path, prefix: str, mounted: str, given: str, address: str
) -> None:
    """Its name says the page's own, where nobody registers people: the server beside it does."""
    name = "NEXT_PUBLIC_BETTER_AUTH_URL"
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": "", ".env.example": f"{name}={given}\n",
        "web__lib__people.ts": f"const AT = process.env.{name};\nfetch(`${{AT}}/register`);\nfetch(`${{AT}}/login`);\n",
        **below("api", API), "api__routes.py": f"from fastapi import APIRouter\nrouter = APIRouter(prefix='{prefix}')\n"
        "@router.post('/register')\ndef register(): ...\n@router.post('/login')\ndef login(): ...\n",
    })  # fmt: skip
    (app / "api/main.py").write_text(f"import routes\n{API['main.py']}app.include_router(routes.router{mounted})\n")
    assert services(adopt(app))["web"].get("buildEnvironment", {}).get(name) == address


@pytest.mark.parametrize(("given", "built"), [("", False), ("NEXT_PUBLIC_API=http://localhost:8000", True)])
def test_a_variable_whose_places_have_unlike_addresses_is_left_to_them(tmp_path: Path, given: str, built: bool) -> None:
    """Any value would be wrong for one of them, unless its author has one; they are served where they look."""
    api = "process.env.NEXT_PUBLIC_API"
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": "", **below("api", API), ".env.example": f"{given}\n",
        "compose.yaml": "services:\n  web: {build: web}\n  api: {build: api, ports: ['7860:7860']}\n",
        "web__lib__people.ts": f"const BASE_URL = {api} || 'http://localhost:8000/api'\nfetch(`${{BASE_URL}}/auth/login`)",
        "web__lib__todos.ts": f"const BASE_URL = {api} || 'http://localhost:8000'\nfetch(`${{BASE_URL}}/api/todos`)",
    })  # fmt: skip
    found = adopt(app)
    assert ("NEXT_PUBLIC_API" in services(found)["web"].get("buildEnvironment", {})) is built
    assert (8000 in {it["port"] for it in found.decision.data["addresses"]}) is (not built)


@pytest.mark.parametrize(
    ("source", "script", "registry", "without"),
    [("", "build", False, True), ("import sqlite from 'better-sqlite3'", "build", False, False),
     ("", "postinstall", False, False), ("", "build", True, False)],
)  # fmt: skip
def test_no_program_is_fetched_from_elsewhere_for_a_package_that_nothing_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, script: str, registry: bool, without: bool
) -> None:
    """Its own image would end while its packages are installed, where only registries of packages can be reached."""
    monkeypatch.setattr(adopting, "_registry", lambda: registry)
    asked = {"scripts": {script: "next build"}, "dependencies": {"next": "15", "better-sqlite3": "12"}}
    app = make(tmp_path, **{
        **below("api", API), "web__package.json": json.dumps(asked), "web__package-lock.json": "{}",
        "web__app__page.tsx": source,
        "web__Dockerfile": "FROM node:20-slim\nWORKDIR /app\nCOPY . .\nRUN npm ci\nRUN npm run build\nCMD npm start\n",
    })  # fmt: skip
    web = services(adopt(app))["web"]
    assert "builder" not in web
    assert ("npm_config_ignore_scripts" in web.get("buildEnvironment", {})) is without


NODE_IMAGE = "FROM node:20-slim\nWORKDIR /app\n"
PYTHON_IMAGE = "FROM python:3.11-slim\nWORKDIR /app\n"
BACKEND = {
    "backend__requirements.txt": "fastapi\n",
    "backend__main.py": "from fastapi import FastAPI\napp = FastAPI()\n",
}


@pytest.mark.parametrize(("file", "found"), [("app/main.py", True), ("api/index.py", False), ("tests/main.py", False)])
def test_a_server_in_the_folder_of_its_page_is_found(tmp_path: Path, file: str, found: bool) -> None:
    """Both have their package files there, and a folder `app` may hold pages and a program; functions of a host
    elsewhere are no program.
    """
    app = make(tmp_path, **{
        "package.json": NEXT, "app__page.tsx": "", "requirements.txt": "fastapi\n",
        "Dockerfile": f"{NODE_IMAGE}COPY . .\nRUN npm install && npm run build\nCMD npm start\n",
        file.replace("/", "__"): "from fastapi import FastAPI\napp = FastAPI()\n",
    })  # fmt: skip
    adopted = adopt(app)
    own = services(adopted)
    assert own.get("server", {}).get("args", [None, None])[1] == ("app.main:app" if found else None)
    assert len(own) == 1 + found and from_yaml(adopted.text)["page"] not in ("", "server")


@pytest.mark.parametrize("composed", ["", "services: {api: {build: part-2}}\n"])
def test_a_page_below_its_server_s_folder_is_found(tmp_path: Path, composed: str) -> None:
    """Its author keeps it in the folder of the program that it calls, and a copy of it that is out of use beside it."""
    page = {"package.json": NEXT, "app__page.tsx": "fetch('/api')"}
    app = make(tmp_path, **{
        **below("part-2", API), **below("part-2__web", page), **below("part-2__temp_web", page),
        "compose.yaml": composed,
        "part-2__Dockerfile": f"{PYTHON_IMAGE}COPY . .\nCMD uvicorn main:app\n",
    })  # fmt: skip
    found = adopt(app)
    contexts = {spec["context"]: spec.get("builder") for spec in services(found).values()}
    assert contexts == {"part-2": None, "part-2/web": "nextjs"} and from_yaml(found.text)["page"] == "web"


@pytest.mark.parametrize(
    ("more", "contexts"),
    [
        # Copies of the whole above the folder, and of another service, whose sources are not where they say.
        ({"Dockerfile.task": f"{NODE_IMAGE}COPY backend/task/package.json .\n", "package.json": NEXT,
          "Dockerfile.audit": f"{NODE_IMAGE}COPY backend/audit/src .\n"}, {"web": "web", "backend": "backend"}),
        # A Dockerfile beside the services, meant for a service's own folder.
        ({"deploy__backend.Dockerfile": f"{PYTHON_IMAGE}COPY requirements.txt main.py ./\nCMD uvicorn main:app\n"},
         {"web": "web", "backend": "backend"}),
        ({"deploy__backend__Dockerfile": f"{PYTHON_IMAGE}COPY requirements.txt main.py ./\nCMD uvicorn main:app\n"},
         {"web": "web", "backend": "backend"}),
        # A compose file whose context is too wide for the Dockerfile that it names.
        ({"infra__compose.yml": "services:\n  backend:\n    build: {context: .., dockerfile: infra/api.Dockerfile}",
          "infra__api.Dockerfile": f"{PYTHON_IMAGE}COPY requirements.txt main.py ./\nCMD uvicorn main:app\n"},
         {"web": "web", "backend": "backend"}),
        # One that fits nowhere.
        ({"compose.yaml": "services:\n  backend:\n    build: {context: ., dockerfile: docker/Dockerfile.api}",
          "docker__Dockerfile.api": f"{PYTHON_IMAGE}COPY uv.lock pyproject.toml ./\nCMD uvicorn main:app\n"},
         {"web": "web", "backend": "backend"}),
        # One whose Dockerfile takes what no folder has, for a tool that nobody starts otherwise.
        ({"backend__tools__compose.yml": "services: {tasks: {build: {context: ., dockerfile: task/Dockerfile}}}",
          "backend__tools__task__Dockerfile": f"{PYTHON_IMAGE}COPY ../../app app\nCMD python -m app.tools\n"},
         {"web": "web", "backend": "backend"}),
        # Several images of one program: for a host elsewhere and for a cluster.
        ({"backend__Dockerfile": f"{PYTHON_IMAGE}COPY . .\nCMD uvicorn main:app --port 7860\n",
          "backend__Dockerfile.k8s": f"{PYTHON_IMAGE}COPY main.py .\nCMD uvicorn main:app --port 8000\n"},
         {"web": "web", "backend": "backend"}),
        # Several images of one folder, each of which starts a program of its own.
        ({"backend__Dockerfile": f"{PYTHON_IMAGE}COPY . .\nCMD uvicorn main:app\n",
          "backend__Dockerfile.worker": f"{PYTHON_IMAGE}COPY . .\nCMD python worker.py\n"},
         {"web": "web", "backend": "backend", "worker": "backend"}),
        # A Dockerfile of the page that takes a wider context, in which a console program lies.
        ({"web__Dockerfile": f"{NODE_IMAGE}COPY web/package.json .\nCOPY web/lost .\nCOPY web .\nCMD npm start\n",
          "compose.yaml": "services: {web: {build: ./web}, backend: {build: ./backend}}",
          "web__lost__a.ts": "", "pyproject.toml": "[project]\ndependencies = ['rich']\n", "main.py": "input()\n"},
         {"web": ".", "backend": "backend"}),
        # Functions of a host elsewhere, which have no program.
        ({"api__requirements.txt": "fastapi\n", "api__index.py": "from backend.main import app\n"},
         {"web": "web", "backend": "backend"}),
        ({"requirements.txt": "fastapi\n", "api__index.py": "from fastapi import FastAPI\napp = FastAPI()\n"},
         {"web": "web", "backend": "backend"}),
        # Copies for a host elsewhere, and one that is out of use.
        ({"hf-space__Dockerfile": f"{PYTHON_IMAGE}COPY . .\nCMD uvicorn main:app\n", "web-old__app__page.tsx": "",
          "hf-space__main.py": BACKEND["backend__main.py"], "hf-space__requirements.txt": "fastapi",
          "web-old__package.json": NEXT}, {"web": "web", "backend": "backend"}),
        # One that somebody keeps in a folder of what is out of use.
        (below("misc__backup-files__tried", API), {"web": "web", "backend": "backend"}),
        # A Dockerfile of another language in the folder of the page.
        ({"web__Dockerfile": f"{PYTHON_IMAGE}COPY pyproject.toml ./\nCOPY . .\nCMD uvicorn main:app --port 7860\n"},
         {"web": "web", "backend": "backend"}),
        # Package files of a page above the services, without any pages.
        ({"package.json": NEXT}, {"web": "web", "backend": "backend"}),
        # Earlier copies, of which one has no page.
        ({"phase-2__backend__requirements.txt": "fastapi\n", "phase-2__backend__main.py": BACKEND["backend__main.py"]},
         {"web": "web", "backend": "backend"}),
        # A host of programs wants a Dockerfile above the services, beside the one that a service has.
        ({"Dockerfile": f"{PYTHON_IMAGE}COPY backend/ .\nCMD uvicorn main:app\n", "package.json": '{"private": true}',
          "requirements.txt": "fastapi\nhttpx\n",
          "backend__Dockerfile": f"{PYTHON_IMAGE}COPY . .\nCMD uvicorn main:app\n"},
         {"web": "web", "backend": "backend"}),
        # The program is started by a Dockerfile above its folder.
        ({"Dockerfile": f"{PYTHON_IMAGE}COPY . .\nCMD uvicorn backend.main:app\n", "pyproject.toml": "[project]\n"},
         {"web": "web", "app": "."}),
    ],
)  # fmt: skip
def test_what_lies_beside_the_services_becomes_no_further_one(
    tmp_path: Path, more: dict[str, str], contexts: dict[str, str]
) -> None:
    app = make(tmp_path, **{"web__package.json": NEXT, "web__app__page.tsx": "", **BACKEND, **more})
    found = services(adopt(app))
    assert {name: spec["context"] for name, spec in found.items()} == contexts
    builders = (None,) if "backend__Dockerfile" in more else (None, "python")  # its own is taken
    assert found.get("backend", {}).get("builder") in builders


NOTICES = """from fastapi import FastAPI
app = FastAPI()
@app.get("/dapr/subscribe")
def topics(): ...
@app.post("/events/task-events")
def notify(): ...
"""
KNOWS_PEOPLE = """from fastapi import APIRouter, FastAPI
app = FastAPI()
router = APIRouter(prefix="/api/tasks")
@app.post("/api/auth/register")
def register(): ...
"""


@pytest.mark.parametrize(
    ("texts", "contexts"),
    [
        # The page in the last phase, the servers in the ones before.
        ({"phase3__web__package.json": NEXT, "phase3__web__app__page.tsx": "", **below("phase2__api", API),
          **below("phase1__api", API)}, {"phase3/web", "phase2/api"}),
        # The page above the phases, beside a worker.
        ({"web__package.json": NEXT, "web__app__page.tsx": "", "worker__requirements.txt": "celery\n",
          "worker__worker.py": "import celery\n", **below("phase2__api", API), **below("phase10__api", API)},
         {"web", "worker", "phase10/api"}),
        # An own server is enough.
        ({"phase3__web__package.json": NEXT, "phase3__web__app__page.tsx": "", **below("phase3__api", API),
          **below("phase2__api", API)}, {"phase3/web", "phase3/api"}),
        # An own one that sends notices alone is not what the page calls.
        ({"phase3__web__package.json": NEXT, "phase3__web__app__page.tsx": "",
          "phase3__notices__requirements.txt": "fastapi\n", "phase3__notices__main.py": NOTICES,
          "phase2__api__requirements.txt": "fastapi\n", "phase2__api__main.py": KNOWS_PEOPLE},
         {"phase3/web", "phase3/notices", "phase2/api"}),
    ],
)  # fmt: skip
def test_a_page_without_a_server_in_its_phase_gets_that_of_the_last_phase_with_one(
    tmp_path: Path, texts: dict[str, str], contexts: set[str]
) -> None:
    found = services(adopt(make(tmp_path, **texts)))
    assert {spec["context"] for spec in found.values()} == contexts


def test_the_copy_that_a_person_chose_comes_without_those_that_lie_in_it(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": "", **BACKEND,
        "old__web__package.json": NEXT, "old__web__app__page.tsx": "",
        "old__backend__requirements.txt": "fastapi\n", "old__backend__main.py": BACKEND["backend__main.py"],
    })  # fmt: skip
    found = adopt(app, answers={"copy": "."})
    assert {spec["context"] for spec in services(found).values()} == {"web", "backend"}
    assert sum(": left out: " in line and "old/" in line for line in found.decision.remarks) == 2
    assert {spec["context"] for spec in services(adopt(app, answers={"copy": "old"})).values()} == {
        "old/web",
        "old/backend",
    }


@pytest.mark.parametrize(("image", "kind"), [("python:3.11-slim", "/health"), ("node:20-slim", None)])
def test_package_files_of_two_languages_in_one_folder_are_those_that_the_image_runs(
    tmp_path: Path, image: str, kind: str | None
) -> None:
    app = make(tmp_path, **{
        "frontend__package.json": NEXT, "package.json": '{"scripts": {"start": "concurrently npm:*"}}',
        "requirements.txt": "fastapi\n",
        "main.py": "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/health')\ndef f(): pass\n",
        "Dockerfile": f"FROM {image}\nWORKDIR /app\nCOPY . .\nEXPOSE 8000\nCMD uvicorn main:app\n",
    })  # fmt: skip
    assert services(adopt(app))["app"].get("probes", {}).get("readiness") == kind


@pytest.mark.parametrize(
    ("command", "builder"), [("npm run dev", "nextjs"), ("npm start", None), ("npm run dev:api", None)]
)
def test_an_image_that_serves_a_page_for_development_is_built_anew(
    tmp_path: Path, command: str, builder: str | None
) -> None:
    scripts = {"dev": "next dev", "build": "next build", "start": "next start", "dev:api": "node api.js"}
    package = json.dumps({"scripts": scripts, "dependencies": {"next": "15.0.0"}})
    app = make(tmp_path, **{
        "web__package.json": package, "web__package-lock.json": "{}", "web__app__page.tsx": "",
        "web__Dockerfile": f"{NODE_IMAGE}COPY package*.json ./\nRUN npm install\nCOPY . .\nCMD {command}\n",
    })  # fmt: skip
    assert services(adopt(app))["web"].get("builder") == builder


@pytest.mark.parametrize(
    ("packages", "scheme"),
    [("asyncpg\n", "postgresql+asyncpg"), ("psycopg[binary]\n", "postgresql+psycopg"), ("", "postgresql+psycopg")],
)
def test_a_database_url_names_a_driver_that_the_packages_bring(tmp_path: Path, packages: str, scheme: str) -> None:
    """A compose file of an earlier day has another one's than the code of today."""
    main = "import os\nfrom sqlalchemy.ext import asyncio\nasyncio.create_async_engine(os.environ['DATABASE_URL'])\n"
    app = make(tmp_path, **{
        "api__requirements.txt": f"fastapi\nsqlalchemy\n{packages}", "api__main.py": API["main.py"] + main,
        "docker-compose.yml": "services:\n  api:\n    build: api\n    environment:\n"
        "      DATABASE_URL: postgresql+psycopg://u:p@db/x\n",
    })  # fmt: skip
    keys = from_yaml(adopt(app).text)["secrets"]["database-secrets"]["keys"]
    assert keys["DATABASE_URL"]["database"] == {"scheme": scheme}


def test_an_application_that_is_made_in_a_branch_is_found_by_its_name(tmp_path: Path) -> None:
    main = "import os\nif os.getenv('A'):\n    app = FastAPI(docs_url=None)\nelse:\n    app = FastAPI()\n"
    app = make(tmp_path, **{"requirements.txt": "fastapi\n", "main.py": f"from fastapi import FastAPI\n{main}"})
    assert services(adopt(app))["app"]["args"][1] == "main:app"


def test_keys_of_those_who_sign_people_in_are_asked_of_nobody(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": "",
        "web__auth.ts": "const id = process.env.FACEBOOK_APP_ID!, key = process.env.GITHUB_CLIENT_SECRET!;\n",
    })  # fmt: skip
    keys = from_yaml(adopt(app).text)["secrets"]["api-keys"]["keys"]
    assert set(keys) == {"FACEBOOK_APP_ID", "GITHUB_CLIENT_SECRET"}


def test_an_image_made_from_requirements_has_not_what_only_the_project_file_asks_for(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "requirements.txt": "fastapi\npasslib[bcrypt]\n",
        "pyproject.toml": '[project]\ndependencies = ["fastapi", "passlib[bcrypt]", "bcrypt<5", "httpx"]\n',
        "main.py": API["main.py"] + "import httpx\n",
        "Dockerfile": f"{PYTHON_IMAGE}COPY . .\nRUN pip install -r requirements.txt\nCMD uvicorn main:app\n",
    })  # fmt: skip
    assert services(adopt(app))["app"]["addPackages"] == ["bcrypt<5", "httpx"]


@pytest.mark.parametrize(
    ("recipe", "built"),
    [
        ("WORKDIR /app\nCOPY . .\nCMD uvicorn api.main:app\n", True),
        ("WORKDIR /app\nCOPY . ./api\nCMD uvicorn api.main:app\n", False),
        ("WORKDIR /srv/api\nCOPY . .\nENV PYTHONPATH=/srv\nCMD uvicorn api.main:app\n", False),
        ("WORKDIR /app\nCOPY . .\nRUN ln -s /app /api\nCMD uvicorn api.main:app\n", False),
        ("WORKDIR /app\nCOPY . .\nCMD uvicorn main:app\n", False),
    ],
)
def test_an_image_in_which_a_program_is_not_found_by_its_folders_name_is_built_anew(
    tmp_path: Path, recipe: str, built: bool
) -> None:
    app = make(tmp_path, **{**below("api", API), "api__Dockerfile": "FROM python:3.13-slim\n" + recipe})
    assert ("builder" in services(adopt(app))["api"]) is built


@pytest.mark.parametrize(
    ("code", "ports"),
    [
        ('fetch("http://localhost:8000/todos");\n', [3000, 8000]),
        ('fetch("http://localhost:7860/todos");\n', [3000, 7860]),
        ('fetch(process.env.NEXT_PUBLIC_API_URL || "http://localhost:8000");\n', [3000, 7860]),
        ('fetch("http://localhost:11434/api");\n', [3000]),
        ('const a = <a href="http://localhost:8000/docs">what it can do</a>;\n', [3000]),
    ],
)
def test_a_server_answers_at_the_port_that_its_page_looks_for_it(tmp_path: Path, code: str, ports: list[int]) -> None:
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__lib__api.ts": code, **below("api", API),
        "api__Dockerfile": "FROM python:3.13-slim\nCOPY . .\nCMD uvicorn main:app --port 7860\n",
    })  # fmt: skip
    found = from_yaml(adopt(app).text)["addresses"]
    assert sorted(one["port"] for one in found if one["service"] in ("web", "api")) == ports


@pytest.mark.parametrize(
    ("code", "led"),
    [
        ('rewrites: () => [{ destination: "https://own-api.hf.space/api/:path*" }]\n', True),
        ('const API_URL = "https://own.vercel.app/v1";\n', True),
        ('fetch(process.env.NEXT_PUBLIC_API_URL || "https://own.hf.space/todos");\n', False),
        ('const metadata = { metadataBase: new URL("https://own.vercel.app") };\n', False),
        ('fetch("https://api.example.org/todos");\n', False),
    ],
)
def test_a_page_asks_the_server_beside_it_not_the_one_that_its_author_runs(
    tmp_path: Path, code: str, led: bool
) -> None:
    app = make(tmp_path, **{"web__package.json": NEXT, "web__lib__api.ts": code, **below("api", API)})
    found = from_yaml(adopt(app).text)
    put = found["services"]["web"].get("replaceInSources", {})
    assert list(put.values()) == ["http://localhost:8000"] * led
    assert {"port": 8000, "service": "api"} in found["addresses"] or not led


@pytest.mark.parametrize(
    ("recipe", "kept"),
    [
        ('RUN uv sync --frozen\nCOPY . .\nCMD ["uv", "run", "uvicorn", "main:app"]\n', True),
        ('RUN uv sync\nCOPY . .\nCMD ["./start.sh"]\n', True),
        ('COPY . .\nCMD ["uv", "run", "uvicorn", "main:app"]\n', False),
        ("RUN uv sync\nCOPY . .\nCMD uvicorn main:app\n", False),
    ],
)
def test_a_program_that_uv_runs_keeps_the_packages_of_its_image(tmp_path: Path, recipe: str, kept: bool) -> None:
    app = make(tmp_path, **{**API, "Dockerfile": "FROM python:3.13-slim\n" + recipe, "start.sh": "exec uv run x\n"})
    assert ("UV_NO_SYNC" in services(adopt(app))["app"].get("environment", {})) is kept


@pytest.mark.parametrize(
    ("config", "builder"),
    [
        ("module.exports = { images: { domains: ['https://x.org'] }, output: 'export' }\n", "static"),
        ("module.exports = {\n  // output: 'export' is gone, since this page has a server\n}\n", "nextjs"),
        ("/** output: 'export'\n */\nmodule.exports = {}\n", "nextjs"),
    ],
)
def test_what_a_comment_of_the_configuration_says_is_no_setting(tmp_path: Path, config: str, builder: str) -> None:
    app = make(tmp_path, **{"web__package.json": NEXT, "web__next.config.js": config, **below("api", API)})
    assert services(adopt(app))["web"]["builder"] == builder


@pytest.mark.parametrize(
    ("recipe", "shared"),
    [
        ('RUN poetry install --without dev\nCOPY . .\nCMD ["poetry", "run", "uvicorn", "main:app"]\n', True),
        ("RUN poetry config virtualenvs.create false && poetry install\nCOPY . .\nCMD uvicorn main:app\n", False),
        ("ENV POETRY_VIRTUALENVS_IN_PROJECT=1\nRUN poetry install\nCOPY . .\nCMD .venv/bin/uvicorn main:app\n", False),
    ],
)
def test_a_virtualenv_that_poetry_makes_is_found_by_whoever_runs_the_program(
    tmp_path: Path, recipe: str, shared: bool
) -> None:
    app = make(tmp_path, **{**API, "Dockerfile": "FROM python:3.13-slim\n" + recipe})
    build = services(adopt(app))["app"].get("buildEnvironment", {})
    assert ("POETRY_VIRTUALENVS_PATH" in build) is shared


@pytest.mark.parametrize(
    ("texts", "read"),
    [
        ({"lib__env.ts": "export function need(name: string) {\n  const v = process.env[name]\n  if (!v) throw 1\n}\n",
          "lib__db.ts": 'need("DATABASE_URL");\nother("OTHER_SECRET");\n'}, {"DATABASE_URL"}),
        ({"lib__db.ts": 'const need = (key: string, or = "") => process.env[key] ?? or;\nneed("AUTH_SECRET");\n'},
         {"AUTH_SECRET"}),
    ],
)  # fmt: skip
def test_what_a_helper_reads_by_its_name_is_read(tmp_path: Path, texts: dict[str, str], read: set[str]) -> None:
    page = make(tmp_path / "page", **{"package.json": NEXT, **texts})
    secrets = from_yaml(adopt(page).text)["secrets"]
    assert {key for spec in secrets.values() for key in spec["keys"]} == read


def test_a_client_that_takes_its_key_by_itself_gets_one(tmp_path: Path) -> None:
    app = make(tmp_path, **{**API, "requirements.txt": "fastapi\ncohere\n", "chat.py": "import cohere\n"})
    key = from_yaml(adopt(app).text)["secrets"]["api-keys"]["keys"]["CO_API_KEY"]
    assert key["placeholder"] == "not-configured"


@pytest.mark.parametrize("name", ["Neon_db_url", "DATABASE_URL_DEFAULT", "DB_URL_LOCAL", "DATABASE_URL_PROD"])
def test_the_databases_url_is_known_by_whatever_name_and_in_small_letters(tmp_path: Path, name: str) -> None:
    code = f'import os\nurl = os.getenv("{name}")\nif not url:\n    raise ValueError("no database")\n'
    found = from_yaml(adopt(make(tmp_path, **{**API, "db.py": code})).text)
    assert list(found["secrets"]["database-secrets"]["keys"]) == [name]


def test_what_a_helper_of_python_reads_by_its_name_is_read(tmp_path: Path) -> None:
    own = (
        "import os\nclass Settings:\n    def must(self, name):\n        if not os.getenv(name):\n            raise E\n"
    )
    app = make(tmp_path, **{**API, "config.py": own + '    def __init__(self):\n        self.must("DATABASE_URL")\n'})
    assert "DATABASE_URL" in from_yaml(adopt(app).text)["secrets"]["database-secrets"]["keys"]


@pytest.mark.parametrize(
    ("command", "started"),
    [
        ('["uvicorn", "main:app", "--port", "${PORT:-8000}"]', 'exec "uvicorn" "main:app" "--port" "${PORT:-8000}"'),
        ('["sh", "-c", "uvicorn main:app --port ${PORT:-8000}"]', None),
        ("uvicorn main:app --port ${PORT:-8000}", None),
        ('["uvicorn", "main:app", "--port", "8000"]', None),
    ],
)
def test_a_command_that_names_variables_is_started_by_a_shell(
    tmp_path: Path, command: str, started: str | None
) -> None:
    app = make(tmp_path, **{**API, "Dockerfile": f"FROM python:3.13-slim\nCOPY . .\nCMD {command}\n"})
    service = services(adopt(app))["app"]
    assert service.get("command") == (["sh", "-c", started] if started else None)
    assert service["port"] == 8000


@pytest.mark.parametrize(("code", "parameters"), [('+ "&connect_timeout=10"', {"sslmode": "no-verify"}), ("", None)])
def test_a_databases_url_that_the_code_goes_on_with_has_parameters(
    tmp_path: Path, code: str, parameters: dict[str, str] | None
) -> None:
    page = '{"dependencies": {"next": "16", "pg": "8"}}'
    app = make(tmp_path, **{"package.json": page, "lib__db.ts": f"new Pool(process.env.DATABASE_URL {code});\n"})
    key = from_yaml(adopt(app).text)["secrets"]["database-secrets"]["keys"]["DATABASE_URL"]
    assert key["database"].get("parameters") == parameters


@pytest.mark.parametrize("name", ["default", "kube-system", "todo-chatbot", "A b"])
def test_a_name_that_no_app_can_have_is_refused_before_anything_is_written(tmp_path: Path, name: str) -> None:
    session = Mock()
    session.settings.root = tmp_path
    with pytest.raises(UserError, match=f"--name {name}: "):
        asking.run(session, APPS / "bare", name=name, answers="", own_chart=False)
    assert not list(tmp_path.iterdir())


def test_without_a_history_the_files_tell_the_day_as_an_archive_left_them(tmp_path: Path) -> None:
    spring = datetime(2026, 4, 2, 12, tzinfo=UTC).timestamp()
    for name, age in (("main.py", spring - 5e6), ("requirements.txt", spring)):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, (age, age))
    assert Tree(tmp_path, ("main.py", "requirements.txt", "gone.py")).last_saved() == "2026-04-02"
    os.utime(tmp_path / "main.py", (spring, time.time() + 60))  # just now, at midnight too
    assert Tree(tmp_path, ("main.py", "requirements.txt")).last_saved() == ""
    os.utime(tmp_path / "main.py", (315532800, 315532800))  # as archives that keep no times have it
    assert Tree(tmp_path, ("main.py", "gone.py")).last_saved() == ""


VITE = '{"scripts": {"dev": "vite", "build": "vite build"}, "devDependencies": {"vite": "7"}}'


@pytest.mark.parametrize(
    ("package", "config", "port"),
    [
        (VITE, "", 5173),
        (VITE.replace('"vite"', '"vite --port 4173"', 1), "", 4173),
        (VITE, "export default { server: { host: '::', port: 8080 } }\n", 8080),
        (VITE, "export default { server: { port: 8000 } }\n", 3000),  # which the server has
        (NEXT.replace("{", '{"scripts": {"dev": "next dev -p 3001"}, ', 1), "", 3001),
        ('{"scripts": {"start": "PORT=4001 react-scripts start"}, "dependencies": {"react-scripts": "5"}}', "", 4001),
        (NEXT, "", 3000),
    ],
)
def test_a_page_is_where_its_author_opens_it(tmp_path: Path, package: str, config: str, port: int) -> None:
    """What its servers allow, and whom they send back to it, may be in their code alone."""
    app = make(tmp_path, **{
        "web__package.json": package, "web__index.html": "", "web__vite.config.ts": config, **below("api", API)
    })  # fmt: skip
    assert from_yaml(adopt(app).text)["addresses"][0] == {"port": port, "service": "web"}


@pytest.mark.parametrize(
    ("file", "code", "port"),
    [
        ("server.js", "const port = process.env.PORT || 4000;\nexpress().listen(port);\n", 4000),
        ("server.ts", "express().listen(Number(process.env.PORT) || 4001);\n", 4001),
        ("config.ts", 'export const port = parseInt(process.env.PORT ?? "4002", 10);\n', 4002),
        ("server.js", "express().listen(process.env.PORT);\n", 3000),
    ],
)
def test_a_server_of_node_answers_at_the_port_that_its_code_has_where_none_is_told(
    tmp_path: Path, file: str, code: str, port: int
) -> None:
    package = '{"scripts": {"start": "node server.js"}, "dependencies": {"express": "5"}}'
    app = make(tmp_path, **{"api__package.json": package, f"api__{file}": code})
    assert services(adopt(app))["api"]["port"] == port


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ('os.environ["REDIS_URL"]', {"REDIS_URL": "redis://redis:6379/0"}),
        ('os.environ["REDIS_HOST"]', {"REDIS_HOST": "redis"}),
        ('os.getenv("REDIS_URL", "redis://localhost:6379/1")', None),
    ],
)
def test_a_redis_is_brought_where_a_program_ends_without_one(
    tmp_path: Path, code: str, found: dict[str, str] | None
) -> None:
    texts = {"requirements.txt": "fastapi\nredis\n", "main.py": API["main.py"] + f"import os, redis\nX = {code}\n"}
    made = services(adopt(make(tmp_path, **texts)))
    assert made["app"].get("environment") == found
    assert ("redis" in made) is bool(found)


@pytest.mark.parametrize(
    "settings",
    [
        "import dj_database_url\nDATABASES = {'default': dj_database_url.config(default='sqlite:///db.sqlite3')}\n",
        "env = environ.Env()\nDATABASES = {'default': env.db()}\nSECRET_KEY = env.str('SECRET_KEY')\n",
    ],
)
def test_djangos_own_ways_to_read_the_databases_url_are_known(tmp_path: Path, settings: str) -> None:
    app = make(tmp_path, **{
        "manage.py": "", "site__wsgi.py": "", "site__settings.py": settings,
        "requirements.txt": "django\ndj-database-url\ndjango-environ\npsycopg2-binary\n",
    })  # fmt: skip
    found = from_yaml(adopt(app).text)["secrets"]["database-secrets"]["keys"]
    assert found["DATABASE_URL"]["from"] == "DATABASE_URL"


def test_a_prefix_of_pydantics_settings_is_known_in_either_form(tmp_path: Path) -> None:
    code = "from pydantic_settings import BaseSettings\nclass S(BaseSettings):\n    mode: str\n"
    code += '    model_config = {"env_prefix": "APP_"}\n'
    app = make(tmp_path, **API, config__py="", **{"settings.py": code})
    with pytest.raises(UserError, match=r"app\.APP_MODE"):
        adopt(app)


def test_a_function_that_makes_the_app_is_called_by_its_server(tmp_path: Path) -> None:
    code = (
        "from flask import Flask\n\ndef create_app():\n    app = Flask(__name__)\n    db.create_all()\n    return app\n"
    )
    app = make(
        tmp_path, **{"requirements.txt": "flask\n", "app____init__.py": code, "run.py": "from app import create_app\n"}
    )
    assert "jobs" not in from_yaml(adopt(app).text)


@pytest.mark.parametrize(
    ("line", "added", "dated"),
    [
        ("uv pip install --system -r pyproject.toml", ["sqlalchemy<2.1"], True),
        ("pip install --no-cache-dir .", None, True),
        ("uv sync --frozen", None, False),
        ("uv export -o all.txt && pip install .", None, False),
    ],
)
def test_a_lock_that_an_image_is_made_without_holds_nothing(
    tmp_path: Path, line: str, added: list[str] | None, dated: bool
) -> None:
    app = make(tmp_path, **{
        "main.py": API["main.py"], "Dockerfile": f"FROM python:3.13-slim\nCOPY . .\nRUN {line}\nCMD uvicorn main:app\n",
        "pyproject.toml": '[project]\nname = "x"\ndependencies = ["fastapi", "sqlmodel", "psycopg2-binary"]\n',
        "uv.lock": '[[package]]\nname = "fastapi"\nversion = "0.128.5"\n',
    })  # fmt: skip
    service = services(adopt(app))["app"]
    assert service.get("addPackages") == added
    assert ("buildEnvironment" in service) is dated


def test_a_compose_file_may_include_others_and_extend_their_services(tmp_path: Path) -> None:
    own = """
include: [parts/web.yml, {path: [parts/gone.yml]}]
services:
  base: {build: ./server, profiles: [never], environment: {MODE: base, FLAG: "on"}}
  api: {extends: base, environment: ["MODE=own"], ports: ["9000:8000"]}
  worker: {extends: {file: parts/work.yml, service: one}}
  round: {extends: round, image: busybox}
"""
    app = make(tmp_path, **{
        "docker-compose.yml": own, **below("server", API), **below("parts__site", {"package.json": NEXT}),
        **below("parts__jobs", {"requirements.txt": "celery\n", "main.py": "import celery\n"}),
        "server__Dockerfile": "FROM python:3.13-slim\nCOPY . .\nCMD uvicorn main:app\n",
        "server__settings.py": "import os\nX = os.environ['MODE'] + os.environ['FLAG']\n",
        "parts__web.yml": "include: [../docker-compose.yml]\nservices: {site: {build: ./site, ports: ['3000:3000']}}\n",
        "parts__work.yml": "services: {one: {build: ./jobs, command: celery -A main worker}}\n",
    })  # fmt: skip
    found = services(adopt(app))
    assert {name: spec["context"] for name, spec in found.items()} == {
        "api": "server", "worker": "parts/jobs", "site": "parts/site",
    }  # fmt: skip
    assert found["api"]["environment"] == {"MODE": "own", "FLAG": "on"}


def test_a_page_of_files_hands_on_to_the_server_that_its_author_names(tmp_path: Path) -> None:
    """Requests of its own address go on, and the server is where its author finds it."""
    config = "export default { server: { proxy: { '/api': 'http://localhost:8000' } } }\n"
    texts = {"web__package.json": VITE, "web__index.html": "", "web__vite.config.js": config, **below("api", API)}
    found = from_yaml(adopt(make(tmp_path, **texts)).text)
    code = base64.b64decode(found["services"]["web"]["environment"]["NODE_OPTIONS"].partition("base64,")[2]).decode()
    assert '[["/api", "api", 8000, "", "", false]]' in code
    assert found["addresses"] == [{"port": 5173, "service": "web"}, {"port": 8000, "service": "api"}]


@pytest.mark.parametrize(("call", "path"), [("`${URL}/todos`", "/api/v1"), ("`${URL}/api/v1/todos`", "")])
def test_an_example_without_the_path_of_the_codes_own_address_takes_none_away(
    tmp_path: Path, call: str, path: str
) -> None:
    code = f'const URL = process.env.NEXT_PUBLIC_API_URL || "http://localhost:8000/api/v1";\nfetch({call});\n'
    app = make(tmp_path, **{"web__package.json": NEXT, "web__lib__api.ts": code, **below("api", API)})
    (app / "web/.env.example").write_text("NEXT_PUBLIC_API_URL=http://localhost:8000\n")
    built = services(adopt(app))["web"]["buildEnvironment"]
    assert built["NEXT_PUBLIC_API_URL"] == f"http://localhost:8000{path}"


@pytest.mark.parametrize(
    ("code", "name", "source"),
    [
        ('Fernet(os.environ["ENCRYPTION_KEY"])', "ENCRYPTION_KEY", {"generate": 32, "encoding": "base64url"}),
        (
            'key = os.environ["FERNET_KEY"]\nFernet(key.encode())',
            "FERNET_KEY",
            {"generate": 32, "encoding": "base64url"},
        ),
        ('bytes.fromhex(os.environ["SECRET_KEY"])', "SECRET_KEY", {"generate": 32, "encoding": "hex"}),
        ('jwt = os.environ["SECRET_KEY"]', "SECRET_KEY", {"generate": 48}),
    ],
)
def test_a_key_is_made_as_the_code_takes_it(tmp_path: Path, code: str, name: str, source: dict[str, Any]) -> None:
    main = f"import os\nfrom cryptography.fernet import Fernet\n{code}\n{API['main.py']}"
    found = from_yaml(adopt(make(tmp_path, **below("api", {**API, "main.py": main}))).text)["secrets"]
    assert found["auth-secrets"]["keys"][name] == {"from": name} | source


@pytest.mark.parametrize(("checks", "same"), [("BETTER_AUTH_SECRET", True), ("JWT_SECRET", False)])
def test_a_token_is_signed_by_the_secret_that_checks_it(tmp_path: Path, checks: str, same: bool) -> None:
    """One file signs, another one checks, each by a variable of its own: two values would let nobody in."""
    sign = 'import os, jwt\nKEY = os.getenv("JWT_SECRET")\ndef enter(who):\n    return jwt.encode(who, KEY, "HS256")\n'
    check = f'import os\nfrom jose import jwt\nOWN = os.environ["{checks}"]\n'
    check += "def known(token):\n    return jwt.decode(token, OWN, algorithms=['HS256'])\n"
    code = {"auth.py": sign, "users.py": check, "main.py": "import auth, users\n" + API["main.py"]}
    found = from_yaml(adopt(make(tmp_path, **below("api", {**API, **code}))).text)["secrets"]
    key = found["auth-secrets"]["keys"]["JWT_SECRET"]
    assert key == ({"from": "JWT_SECRET", "same": "auth-secrets.BETTER_AUTH_SECRET"} if same else
                   {"from": "JWT_SECRET", "generate": 48})  # fmt: skip


def test_the_databases_address_is_in_no_page(tmp_path: Path) -> None:
    """Code that reads it as a public variable reads it by a name of the server's own, in the image alone."""
    code = "import { Pool } from 'pg';\nnew Pool({ connectionString: process.env.NEXT_PUBLIC_DATABASE_URL });\n"
    package = json.dumps({"dependencies": {"next": "16", "pg": "8"}})
    found = from_yaml(adopt(make(tmp_path, **{"web__package.json": package, "web__lib__db.ts": code})).text)
    web = found["services"]["web"]
    assert web["replaceInSources"] == {"NEXT_PUBLIC_DATABASE_URL": "DATABASE_URL"}
    assert list(found["secrets"]["database-secrets"]["keys"]) == ["DATABASE_URL"]
    assert "NEXT_PUBLIC_DATABASE_URL" not in web["buildEnvironment"]


def test_better_auth_that_nothing_calls_knows_nobody_where_a_server_registers_people(tmp_path: Path) -> None:
    """Then it needs no tables, either: who left it there may have left it without a database that it takes."""
    own = API["main.py"] + "@app.post('/api/auth/signup')\ndef enter(): ...\n"
    auth = "export const auth = betterAuth({ emailAndPassword: { enabled: true }, database });\n"
    database = "export const database = new Pool({ connectionString: process.env.DATABASE_URL });\n"
    route = 'import { auth } from "@/lib/auth";\nexport const { GET, POST } = toNextJsHandler(auth);\n'
    route += "/** Answers:\n * - POST /api/auth/sign-up/email\n */\n// and signIn.email of createAuthClient\n"
    texts = {
        "web__package.json": '{"dependencies": {"next": "16", "better-auth": "1", "pg": "8"}}',
        "web__lib__auth.ts": auth,
        "web__lib__db.ts": database,
        "web__app__api__auth__all__route.ts": route, **below("api", {**API, "main.py": own}),
    }  # fmt: skip
    assert not {"journey", "jobs"} & set(from_yaml(adopt(make(tmp_path / "left", **texts)).text))
    client = {"web__lib__client.ts": "export const client = createAuthClient();\n", "web__app__page.tsx": ""}
    assert not {"journey", "jobs"} & set(from_yaml(adopt(make(tmp_path / "unloaded", **texts, **client)).text))
    for number, load in enumerate(('import { client } from "../lib/client"', 'dynamic(() => import("../lib/client"))')):
        app = make(tmp_path / f"used-{number}", **texts, **client | {"web__app__page.tsx": f"{load};\n"})
        assert {"journey", "jobs"} <= set(from_yaml(adopt(app).text))


def test_files_are_imported_as_they_are_spelled(tmp_path: Path) -> None:
    """Windows and macOS find them by any case of letters; an image does not."""
    page = 'import { Button } from "@/components/ui/button";\nimport { A } from "./Own";\n'
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__tsconfig.json": '{"compilerOptions": {"paths": {"@/*": ["./src/*"]}}}',
        "web__src__app__page.tsx": page, "web__src__components__ui__Button.tsx": "", "web__src__app__Own.tsx": "",
    })  # fmt: skip
    found = adopt(app)
    asked = {f"{mark}@/components/ui/button{mark}": f"{mark}@/components/ui/Button{mark}" for mark in "\"'"}
    assert services(found)["web"]["replaceInSources"] == asked


def test_a_page_about_a_server_stands_for_the_server(tmp_path: Path) -> None:
    """What people copy from Hugging Face into their code is the address of a page about it."""
    code = 'fetch(process.env.NEXT_PUBLIC_API_URL || "https://huggingface.co/spaces/Own_Name/api");\n'
    app = make(tmp_path, **{"web__package.json": NEXT, "web__lib__api.ts": code, **below("api", API)})
    assert services(adopt(app))["web"]["buildEnvironment"]["NEXT_PUBLIC_API_URL"] == "http://localhost:8000"


@pytest.mark.parametrize(
    ("api", "worker", "job"),
    [
        ("COPY . .", "COPY app ./app", "api-migrate"),
        ("COPY app ./app\nCOPY alembic* ./", "COPY app ./app", "api-migrate"),
        ("COPY app ./app", "COPY app ./app\nCOPY alembic.ini ./\nCOPY alembic alembic", "worker-migrate"),
        ("COPY app ./app", "COPY app ./app", "api-migrate"),
    ],
)
def test_migrations_run_in_an_image_that_has_them(tmp_path: Path, api: str, worker: str, job: str) -> None:
    """Of two services made of the same sources one runs them; where no image has them, one is made that has."""
    compose = {name: {"build": {"context": "back", "dockerfile": f"{name}.Dockerfile"}} for name in ("api", "worker")}
    start = {"api": "uvicorn app.main:app --port 8000", "worker": "python -m app.work"}
    copied = {"api": api, "worker": worker}
    app = make(tmp_path, **{
        "docker-compose.yml": json.dumps({"services": compose}), "back__requirements.txt": "fastapi\nalembic\n",
        "back__app__main.py": API["main.py"], "back__app__work.py": "print('works')\n",
        "back__alembic.ini": "[alembic]\nscript_location = alembic\n", "back__alembic__env.py": "",
        **{f"back__{name}.Dockerfile": f"FROM python:3.13-slim\n{copied[name]}\nCMD {start[name]}\n" for name in start},
    })  # fmt: skip
    found = from_yaml(adopt(app).text)
    assert list(found["jobs"]) == [job]
    assert ("builder" in found["services"]["api"]) is (api == worker)


def test_the_text_of_an_error_is_no_default(tmp_path: Path) -> None:
    code = 'const URL = process.env.NEXT_PUBLIC_API_URL || (() => {\n  if (location.hostname === "localhost")\n'
    code += '    return "http://localhost:8000";\n  throw new Error("NEXT_PUBLIC_API_URL is not set");\n})();\n'
    app = make(tmp_path, **{"web__package.json": NEXT, "web__lib__api.ts": code, **below("api", API)})
    (app / "api/Dockerfile").write_text("FROM python:3.13-slim\nCOPY . .\nCMD uvicorn main:app --port 7860\n")
    assert services(adopt(app))["web"]["buildEnvironment"]["NEXT_PUBLIC_API_URL"] == "http://localhost:7860"


UI = '{"name": "@shop/ui", "dependencies": {"@shop/words": "*"}}'
SHOP = {
    "apps__web__package.json": '{"name": "web", "dependencies": {\n"next": "16",\n"@shop/ui": "workspace:*"}}',
    "apps__web__app__page.tsx": "",
    "packages__ui__package.json": UI, "packages__words__package.json": '{"name": "@shop/words"}',
}  # fmt: skip


@pytest.mark.parametrize(
    ("root", "builder"),
    [
        ({"package.json": '{"workspaces": ["apps/*", "packages/*"]}'}, "workspace"),
        ({"package.json": '{"workspaces": {"packages": ["./apps/*", "packages/**"]}}'}, "workspace"),
        ({"pnpm-workspace.yaml": "packages: [apps/*, packages/*]\n"}, "workspace"),
        ({"package.json": '{"workspaces": ["apps/*", "packages/ui"]}'}, "workspace"),
        ({"package.json": '{"workspaces": ["apps/*"]}'}, "nextjs"),
        ({}, "nextjs"),
    ],
)
def test_a_program_that_uses_packages_beside_it_is_built_from_the_workspaces_root(
    tmp_path: Path, root: dict[str, str], builder: str
) -> None:
    """With the packages that it uses, each after those that it needs itself; what is no member is none."""
    adopted = adopt(make(tmp_path, **SHOP, **root))
    service = services(adopted)["web"]
    assert service["builder"] == builder
    if builder == "workspace":
        words = "" if root.get("package.json", "").endswith('/ui"]}') else "packages/words "
        assert service["context"] == "."
        told = {name: service["buildArgs"][name] for name in ("MEMBER", "BESIDE")}
        assert told == {"MEMBER": "apps/web", "BESIDE": f"{words}packages/ui"}
        assert "apps/web/package.json:3" in adopted.text


@pytest.mark.parametrize("context", ["apps/web", "."])
def test_a_dockerfile_does_where_it_is_given_the_whole_workspace(tmp_path: Path, context: str) -> None:
    """One that is given its own folder alone has not what lies beside it."""
    compose = "services: {web: {build: {context: %s, dockerfile: %s}}}\n"
    file = "apps/web/Dockerfile" if context == "." else "Dockerfile"
    app = make(tmp_path, **SHOP, **{
        "package.json": '{"workspaces": ["apps/*", "packages/*"]}', "compose.yaml": compose % (context, file),
        "apps__web__Dockerfile": "FROM node:22\nCOPY . .\nRUN npm install && npm run build\nCMD npm start\n",
    })  # fmt: skip
    assert services(adopt(app))["web"].get("builder") == (None if context == "." else "workspace")


def test_a_member_of_a_workspace_of_uv_is_installed_with_those_beside_it(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "pyproject.toml": '[tool.uv.workspace]\nmembers = ["services/*", "libs/*"]\n', "uv.lock": "version = 1\n",
        "services__api__pyproject.toml": '[project]\nname = "api"\ndependencies = [\n"fastapi<1",\n"words"]\n'
                                         "[tool.uv.sources]\nwords = {workspace = true}\n",
        "services__api__main.py": API["main.py"],
        "libs__words__pyproject.toml": '[project]\nname = "words"\n', "libs__words__words.py": "",
    })  # fmt: skip
    service = services(adopt(app))["api"]
    assert (service["builder"], service["context"]) == ("uv-workspace", ".")
    assert service["buildArgs"]["MEMBER"] == "services/api"
    assert service["args"][:2] == ["uvicorn", "main:app"]


QUEUE = """import os
from celery import Celery
queue = Celery("work", broker=os.getenv("CELERY_BROKER_URL", "redis://localhost:6379/1"))
"""
WORK = {
    "requirements.txt": "fastapi\ncelery\nalembic\n", "work__tasks.py": QUEUE, "alembic.ini": "", "alembic__env.py": "",
    "alembic__versions__1.py": "op.create_table('a')\n",
    "main.py": f"from work.tasks import queue, send\n{API['main.py']}\ndef add():\n    send.delay()\n",
}  # fmt: skip
RECIPE = "FROM python:3.13-slim\nCOPY . .\nRUN pip install -r requirements.txt\nCMD uvicorn main:app --port 8000\n"


@pytest.mark.parametrize("recipe", [{}, {"Dockerfile": RECIPE}])
@pytest.mark.parametrize("compose", ["", "services: {api: {build: ./api}, redis: {image: redis}}\n"])
def test_work_that_is_handed_to_a_queue_gets_a_worker_and_a_redis(
    tmp_path: Path, recipe: dict[str, str], compose: str
) -> None:
    """It runs in the backend's image, listens nowhere, and makes no tables once more."""
    texts = below("api", {**WORK, **recipe}) | ({"compose.yaml": compose} if compose else {})
    found = from_yaml(adopt(make(tmp_path, **texts)).text)
    assert set(found["services"]) == {"api", "api-worker", "redis"}
    worker = found["services"]["api-worker"]
    assert worker["args"] == ["celery", "-A", "work.tasks:queue", "worker"] and "port" not in worker
    assert worker.get("builder") == (None if recipe else "python")
    assert worker["environment"]["CELERY_BROKER_URL"] == "redis://redis:6379/1"
    assert list(found["jobs"]) == ["api-migrate"]


@pytest.mark.parametrize(
    ("compose", "change", "names"),
    [
        ("services: {api: {build: ./api}, queue: {build: ./api, command: celery -A work.tasks worker}}\n", {},
         {"api", "queue", "redis"}),
        ("", {"main.py": f"from work.tasks import queue\n{API['main.py']}"}, {"api"}),  # nothing is handed to it
    ],
)  # fmt: skip
def test_a_worker_is_there_once_and_only_where_it_gets_work(
    tmp_path: Path, compose: str, change: dict[str, str], names: set[str]
) -> None:
    texts = below("api", {**WORK, **change}) | ({"compose.yaml": compose} if compose else {})
    found = from_yaml(adopt(make(tmp_path, **texts)).text)
    assert {name.replace("app", "api") for name in found["services"]} == names
    if "queue" in names:  # without a Dockerfile, too, it is started as its author does
        assert found["services"]["queue"]["args"] == ["celery", "-A", "work.tasks", "worker"]


def test_a_worker_of_arq_is_called_by_its_settings(tmp_path: Path) -> None:
    texts = {**API, "requirements.txt": "fastapi\narq\n", "jobs.py": "class WorkerSettings:\n    functions = []\n"}
    texts["main.py"] = API["main.py"] + "async def add(pool):\n    await pool.enqueue_job('send')\n"
    found = services(adopt(make(tmp_path, **below("api", texts))))
    assert found["api-worker"]["args"] == ["arq", "jobs.WorkerSettings"]


@pytest.mark.parametrize(
    ("code", "args"),
    [
        ('from rq import Queue\nqueue = Queue("mails", connection=Redis.from_url(os.environ["REDIS_URL"]))\n',
         ["rq", "worker", "--url", "$(REDIS_URL)", "mails"]),
        ('import rq\nqueue = rq.Queue(connection=Redis(host=os.getenv("REDIS_HOST", "localhost")))\n',
         ["rq", "worker", "--url", "redis://$(REDIS_HOST):6379", "default"]),
    ],
)  # fmt: skip
def test_a_worker_of_rq_is_told_its_queue_and_where_it_is(tmp_path: Path, code: str, args: list[str]) -> None:
    texts = {**API, "requirements.txt": "fastapi\nrq\n", "work.py": f"import os\nfrom redis import Redis\n{code}"}
    texts["main.py"] = API["main.py"] + "from work import queue\ndef add():\n    queue.enqueue(print)\n"
    found = services(adopt(make(tmp_path, **below("api", texts))))
    assert set(found) == {"api", "api-worker", "redis"} and found["api-worker"]["args"] == args


@pytest.mark.parametrize("first", ["queue", "api"])
def test_tables_are_made_once_by_whichever_image_holds_the_migrations(tmp_path: Path, first: str) -> None:
    """The worker's, where it alone has them; the backend has no part in that, whichever stands first."""
    worker = "{build: {context: ./api, dockerfile: Dockerfile.worker}, command: celery -A work.tasks worker}"
    lines = {"api": "  api: {build: ./api}\n", "queue": f"  queue: {worker}\n"}
    texts = {**WORK, "Dockerfile": RECIPE.replace("COPY . .", "COPY main.py ./"), "Dockerfile.worker": RECIPE}
    compose = f"services:\n{lines.pop(first)}{''.join(lines.values())}"
    app = make(tmp_path, **{"compose.yaml": compose}, **below("api", texts))
    jobs = from_yaml(adopt(app).text)["jobs"]
    assert {name: job["service"] for name, job in jobs.items()} == {"queue-migrate": "queue"}


@pytest.mark.parametrize("said", ["api/Dockerfile", "Dockerfile.prod"])
@pytest.mark.parametrize("there", [True, False])
def test_a_dockerfile_that_a_compose_file_names_and_that_is_not_there_is_said(
    tmp_path: Path, said: str, there: bool
) -> None:
    """As a path from where the compose file stands; the usual one takes its place, else the product's builder."""
    compose = f"services:\n  api:\n    build: {{context: ./api, dockerfile: {said}}}\n"
    app = make(tmp_path, **{"compose.yaml": compose}, **below("api", API | ({"Dockerfile": RECIPE} if there else {})))
    adopted = adopt(app)
    service = services(adopted)["api"]
    assert service.get("builder") == (None if there else "python") and "dockerfile" not in service
    instead = "api/Dockerfile" if there else "the product's builder"
    assert f"compose.yaml:2: api: no file api/{said}; in place of it {instead}" in adopted.decision.remarks


@pytest.mark.parametrize("recipe", [True, False])
@pytest.mark.parametrize("context", ["web", "."])
def test_a_service_whose_recipe_and_folder_say_nothing_of_it_is_made_from_the_folder_of_its_name(
    tmp_path: Path, recipe: bool, context: str
) -> None:
    """Else the page would be built once more, and open the server's port in its place."""
    compose = (
        "services:\n  web:\n    build: {context: web, dockerfile: docker.web}\n    ports: ['3000:3000']\n"
        f"  api:\n    build: {{context: {context}, dockerfile: docker.api}}\n    ports: ['8000:8000']\n"
    )
    own = API | ({"Dockerfile": RECIPE} if recipe else {})
    app = make(tmp_path, **{"compose.yaml": compose, "web__package.json": NEXT}, **below("api", own))
    adopted = adopt(app)
    found = services(adopted)
    assert set(found) == {"web", "api"} and found["web"]["builder"] == "nextjs"
    assert found["api"]["context"] == "api" and found["api"].get("builder") == (None if recipe else "python")
    instead = "api/Dockerfile for api" if recipe else "the product's builder for api"
    assert any(f"docker.api; in place of it {instead}" in remark for remark in adopted.decision.remarks)


@pytest.mark.parametrize(
    ("file", "text", "wanted"),
    [
        ("alembic__versions__1.py", 'op.execute("CREATE EXTENSION IF NOT EXISTS vector")\n', ["vector"]),
        ("models.py", "from pgvector.sqlalchemy import Vector\n", ["vector"]),
        ("models.py", 'engine = "CREATE EXTENSION pgcrypto"\nvector = [1]\n', None),  # it comes with PostgreSQL
    ],
)
def test_the_database_has_the_extension_for_vectors_only_where_a_program_asks_for_it(
    tmp_path: Path, file: str, text: str, wanted: list[str] | None
) -> None:
    texts = {**API, "requirements.txt": "fastapi\npsycopg2-binary\n", file: text}
    texts["main.py"] = f'import os\nURL = os.environ["DATABASE_URL"]\n{API["main.py"]}'
    adopted = adopt(make(tmp_path, **below("api", texts)))
    assert from_yaml(adopted.text)["database"].get("extensions") == wanted
    assert (f"api/{file.replace('__', '/')}:1" in adopted.text) is bool(wanted)


def test_a_page_that_is_files_is_built_in_its_workspace_and_hands_on_what_its_author_does(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        "package.json": '{"workspaces": ["apps/*", "packages/*"]}',
        "apps__web__package.json": '{"dependencies": {"vite": "6", "@shop/ui": "*"}}',
        "apps__web__index.html": "", "packages__ui__package.json": '{"name": "@shop/ui"}',
        "apps__web__vite.config.ts": 'export default { server: { proxy: { "/api": "http://localhost:8000" } } };\n',
        **below("api", API),
    })  # fmt: skip
    web = services(adopt(app))["web"]
    assert (web["builder"], web["context"]) == ("workspace", ".")
    assert {"MEMBER": "apps/web", "BESIDE": "packages/ui", "FILES": "1"}.items() <= web["buildArgs"].items()
    assert "NODE_OPTIONS" in web["environment"]  # what answers there is not the page


@pytest.mark.parametrize("more", ["", '"postgres": "3", '])
def test_two_drivers_of_one_program_both_take_the_databases_certificate(tmp_path: Path, more: str) -> None:
    """What tells `pg` not to check it tells the other one to."""
    packages = f'{{"dependencies": {{{more}"express": "4", "pg": "8"}}, "scripts": {{"start": "node server.js"}}}}'
    code = "new Pool({ connectionString: process.env.DATABASE_URL, ssl: { rejectUnauthorized: false } });\n"
    app = make(tmp_path, **{"auth__package.json": packages, "auth__server.js": code})
    service = services(adopt(app))["auth"]
    given = service.get("environment", {}).get("NODE_EXTRA_CA_CERTS", "")
    assert given.startswith("/etc/database-ca/") is bool(more)
    assert ("extraVolumes" in service["values"]) is bool(more)


def test_a_worker_is_not_told_to_be_one_that_nothing_calls(tmp_path: Path) -> None:
    """It takes its work from a queue."""
    app = make(tmp_path, **{"web__package.json": NEXT, "web__app__page.tsx": "", **below("api", WORK)})
    adopted = adopt(app)
    assert "api-worker" in services(adopted)
    assert not any("nothing of the app calls it" in one for one in adopted.decision.remarks)


@pytest.mark.parametrize("there", [True, False])
def test_drizzle_is_not_asked_for_tables_that_the_repository_does_not_hold(tmp_path: Path, there: bool) -> None:
    """Whom it knows then comes from Better Auth's own, which the page has as well."""
    packages = '{"dependencies": {"next": "16", "pg": "8", "better-auth": "1", "drizzle-kit": "0.31"}}'
    config = 'export default {\n  schema: "./src/db/schema.ts", dialect: "postgresql" };\n'
    auth = "export const auth = betterAuth({ database: new Pool({ connectionString: process.env.DATABASE_URL }) });\n"
    texts = {"package.json": packages, "app__page.tsx": "", "drizzle.config.ts": config, "auth.ts": auth}
    app = make(tmp_path, **texts, **({"src__db__schema.ts": ""} if there else {}))
    adopted = adopt(app)
    (job,) = from_yaml(adopted.text)["jobs"].values()
    assert ("drizzle-kit" in job["command"]) is there
    lost = "drizzle.config.ts: src/db/schema.ts is not there: its tables are left to what else makes some"
    assert (lost in adopted.decision.remarks) is not there


def test_a_server_of_better_auths_beside_the_page_is_told_its_own_address(tmp_path: Path) -> None:
    packages = (
        '{"dependencies": {"express": "4", "pg": "8", "better-auth": "1"}, "scripts": {"start": "node server.js"}}'
    )
    code = "betterAuth({ database: new Pool({ connectionString: process.env.DATABASE_URL }),\n"
    code += "  baseURL: process.env.BETTER_AUTH_URL, trustedOrigins: [process.env.FRONTEND_URL] });\n"
    app = make(tmp_path, **{"web__package.json": NEXT, "web__app__page.tsx": "", "auth__package.json": packages,
                            "auth__server.js": f"{code}app.listen(4000);\n"})  # fmt: skip
    given = services(adopt(app))["auth"]["environment"]
    assert given["BETTER_AUTH_URL"] == "http://localhost:4000" and given["FRONTEND_URL"] == "http://localhost:3000"


@pytest.mark.parametrize("behind", [True, False])
def test_a_person_is_let_in_by_the_server_that_better_auth_is_behind(tmp_path: Path, behind: bool) -> None:
    packages = (
        '{"dependencies": {"express": "4", "pg": "8", "better-auth": "1"}, "scripts": {"start": "node server.js"}}'
    )
    code = "betterAuth({ database: new Pool({ connectionString: process.env.DATABASE_URL }),\n"
    code += "  emailAndPassword: { enabled: true } });\napp.listen(4000);\n"
    routes = [f'@app.post("/api/auth/{one}/email")\ndef {one[5:]}_it(): ...\n' for one in ("sign-up", "sign-in")]
    main = API["main.py"] + ("".join(routes) if behind else "")
    app = make(tmp_path, **{"web__package.json": NEXT, "web__app__page.tsx": "", "auth__package.json": packages,
                            "auth__server.js": code, **below("api", {**API, "main.py": main})})  # fmt: skip
    journey = from_yaml(adopt(app).text)["journey"]
    assert {step["service"] for step in journey[:2]} == {"api" if behind else "auth"}


@pytest.mark.parametrize(
    ("left_out", "taken"),
    [
        ("*.log\nalembic.ini\nmoves/\n", ["!alembic.ini", "!moves"]),
        ("*\n!main.py\n!requirements.txt\n", ["!alembic.ini", "!moves"]),
        ("**/versions\n", ["!moves"]),
        ("tests\n", []),
    ],
)
@pytest.mark.parametrize("recipe", ["FROM python:3.13\nWORKDIR /app\nCOPY . .\nCMD uvicorn main:app\n", ""])
def test_what_migrations_run_from_is_taken_back_into_the_image(
    tmp_path: Path, left_out: str, taken: list[str], recipe: str
) -> None:
    texts = {**API, "requirements.txt": "fastapi\nsqlalchemy\nalembic\n", ".dockerignore": left_out,
             "alembic.ini": INI.format("moves"), "moves/env.py": "",
             "moves/versions/1_first.py": 'op.create_table("task")\n'}  # fmt: skip
    texts |= {"Dockerfile": recipe} if recipe else {}
    found = adopt(make(tmp_path, **texts))
    service = next(iter(from_yaml(found.text)["services"].values()))
    assert service["ignore"][: len(taken)] == taken
    assert [line for line in service["ignore"] if line.startswith("!")] == [*taken, "!**/.env.example"]
    reasons = [place for key, what, place in found.decision.reasons if "taken back" in what]
    assert len(reasons) == len(taken) and all(place.startswith(".dockerignore:") for place in reasons)


@pytest.mark.parametrize(
    ("start", "store", "pods"),
    [
        ("sh -c 'alembic upgrade head && uvicorn main:app'", "", 1),
        ("uvicorn main:app", "", 2),
        ("uvicorn main:app", "Base.metadata.create_all(engine)\n", 1),
        ("uvicorn main:app", "def make():\n    SQLModel.metadata.create_all(engine)\n", 2),
        ("uvicorn main:app", "def make():\n    SQLModel.metadata.create_all(engine)\nmake()\n", 1),
    ],
)
def test_a_service_that_migrates_or_makes_its_tables_at_its_start_has_one_pod(
    tmp_path: Path, start: str, store: str, pods: int
) -> None:
    """Of two that do so at the same time, one ends."""
    container = {"name": "api", "image": "api", "ports": [{"containerPort": 8000}]}
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [container]}}
    manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "api"},
                "spec": {"replicas": 2, "template": template}}  # fmt: skip
    texts = {**below("api", API), "k8s__api.yaml": yaml.safe_dump(manifest), "api__store.py": store,
             "api__Dockerfile": f"FROM python:3.13\nWORKDIR /app\nCOPY . .\nCMD {start}\n"}  # fmt: skip
    texts["api__main.py"] = f"import store\n{texts['api__main.py']}"
    assert services(adopt(make(tmp_path, **texts)))["api"]["replicas"] == pods


@pytest.mark.parametrize("names", [("audit", "api"), ("api", "audit")])
def test_of_several_workloads_that_run_its_image_a_service_is_told_by_that_of_its_name(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    """The others are told: without them something of the application is missing."""
    texts = {**below("api", API), "api__Dockerfile": "FROM python:3.13\nWORKDIR /app\nCOPY . .\nCMD uvicorn main:app\n"}
    for place, name in enumerate(names):
        container = {"name": name, "image": "me/api:1", "ports": [{"containerPort": 8000}]}
        template = {"metadata": {"labels": {"a": name}}, "spec": {"containers": [container]}}
        manifest = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
                    "spec": {"replicas": 2 if name == "api" else 1, "template": template}}  # fmt: skip
        texts[f"k8s__{place}.yaml"] = yaml.safe_dump(manifest)
    found = adopt(make(tmp_path, **texts))
    assert services(found)["api"]["replicas"] == 2
    told = [line.partition(": ")[2] for line in found.decision.remarks if "runs the image" in line]
    assert len(told) == 1 and told[0].startswith("audit: left out: it runs the image of api"), told


def test_a_schema_of_prisma_tells_which_variable_has_the_databases_address(tmp_path: Path) -> None:
    """The program makes its client without naming any."""
    packages = '{"dependencies": {"next": "16", "@prisma/client": "6", "prisma": "6"}}'
    schema = 'datasource db {\n  provider = "postgresql"\n  url      = env("DATABASE_URL")\n'
    schema += '  // directUrl = env("DIRECT_URL")\n  shadowDatabaseUrl = env("SHADOW_DATABASE_URL")\n}\n'
    found = adopt(make(tmp_path, **{"package.json": packages, "app__page.tsx": "", "prisma__schema.prisma": schema}))
    data = from_yaml(found.text)
    assert set(data["secrets"]["database-secrets"]["keys"]) == {"DATABASE_URL"} and data["database"]["first"]
    assert "prisma/schema.prisma:3" in {place for _, _, place in found.decision.reasons}


def test_a_server_knows_the_page_by_the_address_that_browsers_open(tmp_path: Path) -> None:
    """Whatever the variable is called: it lets that page call, or leads people back to it."""
    read = 'import os\norigins = [os.getenv("FRONTEND_API_URL", "http://localhost:3000")]\n'
    app = make(tmp_path, **{"web__package.json": NEXT, "web__app__page.tsx": "",
                            **below("api", {**API, "main.py": API["main.py"] + read})})  # fmt: skip
    assert services(adopt(app))["api"]["environment"]["FRONTEND_API_URL"] == "http://localhost:3000"


def test_what_requirements_lack_is_taken_from_the_project_file_beside_them(tmp_path: Path) -> None:
    """The image is made from requirements.txt: of what the other file asks for, what the program imports is added."""
    more = '"openai-agents[litellm]>=0.2.9", "nest-asyncio", "pytest-asyncio"'
    project = f'[project]\nname = "api"\ndependencies = ["fastapi", {more}]\n'
    code = "import asyncio, nest_asyncio\nfrom agents import Runner\n" + API["main.py"]
    texts = {"requirements.txt": "fastapi\n", "pyproject.toml": project, "main.py": code}
    assert services(adopt(make(tmp_path, **texts)))["app"]["addPackages"] == [
        "openai-agents[litellm]>=0.2.9",
        "nest-asyncio",
    ]


@pytest.mark.parametrize("own", [True, False])
def test_agents_are_openais_where_the_program_has_none_of_its_own(tmp_path: Path, own: bool) -> None:
    texts = {**API, "main.py": "from agents import Runner\n" + API["main.py"]} | ({"agents.py": ""} if own else {})
    assert ("openai-agents" in services(adopt(make(tmp_path, **texts)))["app"].get("addPackages", [])) is not own


def test_a_lock_of_uvs_beside_a_project_of_poetrys_holds_nothing(tmp_path: Path) -> None:
    """uv takes packages of a [project] alone: it would install none, and say that all is well."""
    texts = {"pyproject.toml": '[tool.poetry.dependencies]\nfastapi = "*"\nmcp = "*"\n',
             "main.py": "import mcp\n" + API["main.py"], "requirements.txt": "fastapi\n"}  # fmt: skip
    texts |= {"uv.lock": '[[package]]\nname = "fastapi"\n\n[[package]]\nname = "mcp"\n'}
    assert "mcp" in services(adopt(make(tmp_path, **texts)))["app"]["addPackages"], "requirements.txt is taken"


@pytest.mark.parametrize("command", ["uv run uvicorn main:app", "uvicorn main:app"])
def test_tables_are_made_by_the_python_that_has_the_programs_packages(tmp_path: Path, command: str) -> None:
    """What uv installs lies in a virtualenv, which no other command of the image finds."""
    recipe = f"FROM python:3.13-slim\nWORKDIR /app\nCOPY . .\nRUN uv sync\nCMD {command}\n"
    app = make(tmp_path, **{**API, "init_db.py": "Base.create_all(e)\n", "Dockerfile": recipe})
    (job,) = from_yaml(adopt(app).text)["jobs"].values()
    assert job["command"] == ["uv", "run", "--no-sync"] * command.startswith("uv ") + ["env", "PYTHONPATH=.", "python",
                                                                                       "init_db.py"]  # fmt: skip


def test_a_page_that_knows_people_itself_is_asked_itself(tmp_path: Path) -> None:
    """A server beside it may have routes of the same names, left from before."""
    routes = "".join(f'@app.post("/api/auth/{one}/email")\ndef {one[5:]}_it(): ...\n' for one in ("sign-up", "sign-in"))
    app = make(tmp_path, **{
        "web__package.json": '{"dependencies": {"next": "16", "better-auth": "1.4"}}',
        "web__app__api__auth__[...all]__route.ts": 'export { GET, POST } from "@/lib/auth";\n',
        "web__lib__auth.ts": AUTH.replace("EMAIL", "enabled: true"),
        **below("api", {**API, "main.py": API["main.py"] + routes}),
    })  # fmt: skip
    assert {step["service"] for step in from_yaml(adopt(app).text)["journey"][:2]} == {"web"}


@pytest.mark.parametrize(
    ("client", "asked"),
    [
        ("authClient.getSession();", False),
        ("authClient.signIn.email({});", True),
        ("await authClient.signUp({});", True),
        ("const { signIn } = authClient;\nawait signIn.email({});", True),
    ],
)
def test_people_are_let_in_by_whom_the_page_calls_for_that(tmp_path: Path, client: str, asked: bool) -> None:
    """A client of Better Auth's that asks for a session alone is left from before: the server has the people."""
    routes = '@app.post("/api/auth/signup")\ndef sign_up(): ...\n@app.post("/api/auth/login")\ndef log_in(): ...\n'
    calls = f"const authClient = createAuthClient({{}});\n{client}\nfetch(`${{URL}}/api/auth/signup`);\n"
    app = make(tmp_path, **{
        "web__package.json": '{"dependencies": {"next": "16", "better-auth": "1.4"}}',
        "web__app__api__auth__[...all]__route.ts": 'export { GET, POST } from "@/lib/auth";\n',
        "web__app__page.tsx": 'import "../lib/client";\n', "web__lib__client.ts": calls,
        "web__lib__auth.ts": AUTH.replace("EMAIL", "enabled: true"),
        **below("api", {**API, "main.py": API["main.py"] + routes}),
    })  # fmt: skip
    assert ("journey" in from_yaml(adopt(app).text)) is asked


def test_a_server_whose_packages_a_pipfile_names_is_one(tmp_path: Path) -> None:
    pipfile = '[packages]\nfastapi = "==0.115.0"\nPyJWT = {version = "*", extras = ["crypto"]}\n'
    pipfile += '"psycopg2-binary" = "*"\nSQLAlchemy = "*"\n[requires]\npython_version = "3.11"\n'
    texts = {"Pipfile": pipfile, "main.py": API["main.py"]}
    adopted = adopt(make(tmp_path, **below("api", texts)))
    api = services(adopted)["api"]
    assert (api["builder"], api["port"], api["bases"]["PYTHON_IMAGE"]) == ("python", 8000, "python:3.11-slim")
    assert "sqlalchemy<2.1" in api["addPackages"] and "api/Pipfile:2 (fastapi)" in adopted.text
    assert "not read" in adopt(make(tmp_path, api__Pipfile="[packages\n")).decision.remarks[0]


STAGES = """FROM node:20-slim AS base
WORKDIR /srv/app
RUN <<EOF
useradd --uid 1234 --create-home app
EOF
COPY . .
EXPOSE 4000
FROM base AS development
CMD ["node", "--watch", "server.js"]
FROM base AS prod
USER app
CMD ["node", "server.js"]
FROM base AS check
USER node
CMD ["npm", "test"]
"""


@pytest.mark.parametrize(
    ("target", "stage", "user"), [("prod", "prod", 1234), ("check", "check", 1000), ("development", None, 1000)]
)
def test_an_image_is_read_as_the_stage_that_is_built(tmp_path: Path, target: str, stage: str | None, user: int) -> None:
    """What a stage has of those it stands on is its own, what stands in others after it is none of its."""
    app = make(tmp_path, **{
        "compose.yaml": f"services:\n  api:\n    build: {{context: api, target: {target}}}\n",
        "api__package.json": '{"dependencies": {"express": "4"}, "scripts": {"start": "node server.js"}}',
        "api__server.js": "app.listen(process.env.PORT)\n", "api__Dockerfile": STAGES,
    })  # fmt: skip
    api = services(adopt(app))["api"]
    assert (api.get("stage"), api["port"], api.get("user")) == (stage, 4000, user)


@pytest.mark.parametrize(
    ("line", "called"),
    [
        ("until pg_isready -h db -p 5432; do sleep 1; done", True),
        ("while ! nc -z db 5432; do sleep 1; done", True),
        ('./wait-for-it.sh "db:5432" --timeout=30', True),
        ('pg_isready -h "$DB_HOST"', False),
        ("python -m db", False),
        ("nc -z db-of-others 5432", False),
    ],
)
def test_a_start_script_finds_the_database_by_the_name_that_compose_gives_it(
    tmp_path: Path, line: str, called: bool
) -> None:
    app = make(tmp_path, **{
        "compose.yaml": "services:\n  api: {build: api}\n  db: {image: 'postgres:16'}\n",
        **below("api", {**API, "requirements.txt": "fastapi\npsycopg2-binary\n", "start.sh": f"#!/bin/sh\n{line}\n"}),
        "api__Dockerfile": 'FROM python:3.13\nCOPY . .\nRUN pip install -r requirements.txt\nCMD ["./start.sh"]\n',
    })  # fmt: skip
    (app / "api/main.py").write_text(f'import os\nURL = os.environ["DATABASE_URL"]\n{API["main.py"]}')
    adopted = adopt(app)
    assert from_yaml(adopted.text)["database"].get("aliases") == (["db"] if called else None)
    assert ("api/start.sh:2" in adopted.text) is called


@pytest.mark.parametrize(
    ("code", "value"),
    [('os.environ["COOKIE_DOMAIN"]', "localhost"), ('os.getenv("COOKIE_DOMAIN", ".shop.example")', "localhost"),
     ('os.getenv("COOKIE_DOMAIN")', None)],
)  # fmt: skip
def test_cookies_are_those_of_the_host_that_a_browser_is_at(tmp_path: Path, code: str, value: str | None) -> None:
    texts = {**API, "main.py": f"import os\nDOMAIN = {code}\n{API['main.py']}", ".env.example": "COOKIE_DOMAIN=a.org\n"}
    environment = services(adopt(make(tmp_path, **below("api", texts))))["api"].get("environment", {})
    assert environment.get("COOKIE_DOMAIN") == value


@pytest.mark.parametrize(
    ("plugins", "taken"),
    [
        ("plugins: [jwt({ jwt: { expirationTime: '7d' } }), nextCookies()],", "lib/auth.ts"),
        ("plugins: [nextCookies()],", "auth.config.ts"),
        ("", "auth.config.ts"),
    ],
)
def test_the_tables_of_better_auth_are_those_of_all_that_the_page_uses(
    tmp_path: Path, plugins: str, taken: str
) -> None:
    """A configuration for its command line is taken, unless that lacks a plugin of the one that answers."""
    auth = "export const auth = betterAuth({ database: pool, %s emailAndPassword: { enabled: true } });\n"
    app = make(tmp_path, **{
        "web__package.json": '{"dependencies": {"next": "15", "better-auth": "1", "pg": "8"}}',
        "web__lib__auth.ts": f"const pool = new Pool(process.env.DATABASE_URL);\n{auth % plugins}",
        "web__auth.config.ts": auth % "plugins: [nextCookies()],",
        "web__app__api__auth__[...all]__route.ts": 'import { auth } from "@/lib/auth";\n',
    })  # fmt: skip
    jobs = from_yaml(adopt(app).text)["jobs"]
    assert jobs["web-tables"]["command"][-1] == taken


@pytest.mark.parametrize(
    ("more", "code", "there"),
    [
        ("", "if __name__ == '__main__':\n    print(Agent().ask('buy milk'))\n", False),
        ("", "while True:\n    work()\n", True),
        ("    restart: unless-stopped\n", "print(Agent().ask('buy milk'))\n", True),
        ("    ports: ['9000:9000']\n", "print(Agent().ask('buy milk'))\n", True),
    ],
)
def test_a_program_of_a_compose_file_that_does_one_thing_and_ends_is_no_service(
    tmp_path: Path, more: str, code: str, there: bool
) -> None:
    recipe = 'FROM python:3.13\nCOPY . .\nRUN pip install -r requirements.txt\nCMD ["python", "-m", "ask"]\n'
    app = make(tmp_path, **{
        "compose.yaml": f"services:\n  api: {{build: api, ports: ['8000:8000']}}\n  agent:\n    build: agent\n{more}",
        **below("api", API), "agent__Dockerfile": recipe, "agent__requirements.txt": "openai\n", "agent__ask.py": code,
    })  # fmt: skip
    adopted = adopt(app)
    assert ("agent" in services(adopted)) is there
    assert any("agent: left out: nothing in it serves" in one for one in adopted.decision.remarks) is not there


def test_an_image_without_a_command_is_started_as_its_compose_file_says(tmp_path: Path) -> None:
    command = "sh -c 'alembic upgrade head && uvicorn main:app --host 0.0.0.0 --reload --port 8000'"
    app = make(tmp_path, **{
        "compose.yaml": f"services:\n  api:\n    build: api\n    command: {command}\n    ports: ['8000:8000']\n",
        **below("api", API), "api__Dockerfile": "FROM python:3.13\nCOPY . .\nRUN pip install -r requirements.txt\n",
    })  # fmt: skip
    line = "alembic upgrade head && uvicorn main:app --host 0.0.0.0 --port 8000"
    assert services(adopt(app))["api"]["args"] == ["sh", "-c", line]


def test_parts_of_a_databases_address_are_known_by_names_with_a_prefix(tmp_path: Path) -> None:
    parts = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "name"}
    code = "\n".join(f'{part} = os.environ["SHOP_DB_{part}"]' for part in parts)
    texts = {"requirements.txt": "fastapi\nasyncpg\n", "main.py": f"import os\n{code}\n{API['main.py']}"}
    keys = from_yaml(adopt(make(tmp_path, **below("api", texts))).text)["secrets"]["database-secrets"]["keys"]
    assert {key: source["database"]["part"] for key, source in keys.items()} == {
        f"SHOP_DB_{part}": name for part, name in parts.items()
    }


@pytest.mark.parametrize(
    ("rewrites", "answers"),
    [
        ("return [{ source: '/api/:path*', destination: `${process.env.API_URL}/api/:path*` }];", False),
        ("return { fallback: [{ source: '/api/:path*', destination: `${process.env.API_URL}/api/:path*` }] };", True),
        ("return [{ source: '/api/todos/:path*', destination: `${process.env.API_URL}/:path*` }];", True),
    ],
)
def test_a_route_of_better_auths_that_a_rewrite_comes_before_lets_nobody_in(
    tmp_path: Path, rewrites: str, answers: bool
) -> None:
    app = make(tmp_path, **{
        "web__package.json": '{"dependencies": {"next": "16", "better-auth": "1", "pg": "8"}}',
        "web__next.config.js": f"module.exports = {{ async rewrites() {{ {rewrites} }} }};\n",
        "web__lib__auth.ts": "export const auth = betterAuth({ emailAndPassword: { enabled: true }, database });\n",
        "web__app__api__auth__[...all]__route.ts": 'import { auth } from "@/lib/auth";\n',
        "web__app__page.tsx": "createAuthClient();\n", **below("api", API),
    })  # fmt: skip
    assert ("journey" in from_yaml(adopt(app).text)) is answers


def test_a_copy_whose_page_is_only_begun_is_told_and_not_the_default(tmp_path: Path) -> None:
    app = make(tmp_path, **{
        **{f"phase2__web__{name}": text for name, text in {"package.json": NEXT, "app__page.tsx": ""}.items()},
        "phase3__web__package.json": '{"dependencies": {"react": "19"}, "devDependencies": {"vite": "7"}}',
        "phase3__web__index.html": '<script type="module" src="/src/main.jsx"></script>',
        "phase3__web__src__main.jsx": 'import App from "./App.jsx";\n',
        "phase3__web__src__App.jsx": "<p>Edit <code>src/App.jsx</code> and save to test HMR</p>\n",
        **below("phase2__api", API), **below("phase3__api", API),
    })  # fmt: skip
    _, asked = taking_defaults(app)
    assert asked[0].default == "phase2" and asked[0].text.endswith("Of phase3 the page is only begun.")


@pytest.mark.parametrize(
    ("url", "led"), [("http://localhost:3000/api/auth/jwks", True), ("http://localhost:3000", False),
                     ("http://localhost:8000/api/auth/jwks", False)],
)  # fmt: skip
def test_a_server_that_asks_the_page_at_an_address_in_its_code_finds_it_there(
    tmp_path: Path, url: str, led: bool
) -> None:
    """As one that takes the keys from there by which people's tokens are checked; a list of origins asks nobody."""
    main = f'from fastapi import FastAPI\nfrom jwt import PyJWKClient\nKEYS = "{url}"\napp = FastAPI()\n'
    app = make(tmp_path, **{
        "web__package.json": NEXT, "web__app__page.tsx": "", **below("api", {**API, "main.py": main}),
    })  # fmt: skip
    values = services(adopt(app))["api"]["values"]
    assert [one["name"] for one in values.get("extraContainers", [])] == ["lead-to-page"] * led


@pytest.mark.parametrize(
    ("check", "scheme"),
    [
        (
            "if not url.startswith(('postgresql://')) and not url.startswith('postgresql+psycopg://'):\n    exit()\n",
            "+psycopg",
        ),
        ("if url.startswith('postgresql://'):\n    url = 'postgresql+psycopg://' + url[13:]\n", ""),
        ("if url.startswith('postgresql+asyncpg://'):\n    url = url.replace('+asyncpg', '+psycopg')\n", ""),
    ],
)
def test_a_program_that_takes_its_drivers_form_of_the_databases_url_gets_that_one(
    tmp_path: Path, check: str, scheme: str
) -> None:
    """A check of what a URL begins with makes no other URL of it."""
    app = make(tmp_path, **{
        "web__package.json": NEXT, "api__requirements.txt": "fastapi\nsqlmodel\npsycopg[binary]\n",
        "api__main.py": f"import os\nfrom sqlmodel import create_engine\nurl = os.environ['DATABASE_URL']\n{check}"
        f"engine = create_engine(url)\n{API['main.py']}",
    })  # fmt: skip
    key = from_yaml(adopt(app).text)["secrets"]["database-secrets"]["keys"]["DATABASE_URL"]
    assert key["database"].get("scheme", "postgresql") == f"postgresql{scheme}"
