"""The copy of a Dockerfile that the engine gets: the same build, with what the product decides laid over it."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from scripts.dockerfiles import derived, reading


def transformed(text: str, **options: object) -> tuple[list[str], dict[str, str]]:
    changed, bases = derived.transform(text, **options)  # type: ignore[arg-type]
    return [line for line in changed.splitlines() if line.strip() not in ("", "#")], bases


def test_images_of_a_registry_become_build_arguments() -> None:
    lines, bases = transformed(
        "# syntax=docker/dockerfile:1\nARG V=3.12\nFROM python:${V}-slim AS build\nRUN true\nFROM build\nRUN x\n"
        "FROM node:20\n"
    )
    assert bases == {"PRODUCT_BASE_0": "python:3.12-slim", "PRODUCT_BASE_1": "node:20"}
    assert lines == [
        "ARG V=3.12", "ARG PRODUCT_BASE_0=python:3.12-slim", "ARG PRODUCT_BASE_1=node:20",
        "FROM ${PRODUCT_BASE_0} AS build", "RUN true", "FROM build", "RUN x", "FROM ${PRODUCT_BASE_1}",
    ]  # fmt: skip


def test_what_is_copied_from_an_image_gets_a_stage_and_numbers_go_on_counting() -> None:
    lines, bases = transformed(
        "FROM debian:12\nCOPY --from=ghcr.io/astral-sh/uv:latest /uv /bin/\nFROM debian:12\nCOPY --from=0 /a /a\n"
    )
    assert bases["PRODUCT_BASE_1"] == "ghcr.io/astral-sh/uv:latest"
    assert "FROM ${PRODUCT_BASE_1} AS product-base-1" in lines
    assert "COPY --from=product-base-1 /uv /bin/" in lines
    assert "COPY --from=1 /a /a" in lines


def test_a_base_that_the_configuration_names_is_left_to_it() -> None:
    text = "ARG PYTHON_IMAGE=python:3.13\nFROM ${PYTHON_IMAGE}\n"
    assert derived.transform(text, covered={"PYTHON_IMAGE"})[1] == {}


@pytest.mark.parametrize(
    ("text", "given", "images"),
    [
        ("ARG V=20\nFROM node:${V}-slim\n", {"V": "22"}, ["node:22-slim"]),
        ("ARG V\nFROM node:$V\n", {"V": "22"}, ["node:22"]),
        ("ARG V=20\nARG IMAGE=node:${V}\nFROM ${IMAGE}\n", {"V": "22"}, ["node:22"]),
        ("ARG IMAGE=node:20\nFROM ${IMAGE} AS a\nFROM a\n", {"IMAGE": "node:22"}, ["node:22"]),
        ("ARG KIND=dev\nFROM node:20 AS dev\nFROM node:20 AS prod\nFROM ${KIND}\n", {"KIND": "prod"}, ["node:20"]),
        ("FROM node:20\nARG V=1\nRUN echo $V\n", {"V": "2"}, ["node:20"]),
    ],
)
def test_a_base_that_a_build_argument_chooses_is_part_of_what_the_image_is_named_by(
    text: str, given: dict[str, str], images: list[str]
) -> None:
    """As any other is: it is had before the build, made from packages where no registry answers, and its id counts."""
    assert list(derived.transform(text, arguments=given)[1].values()) == images


def test_the_environment_of_a_build_wins_over_what_the_dockerfile_sets() -> None:
    lines, _ = transformed(
        "FROM a:1 AS deps\nARG NEXT_PUBLIC_API=http://x\nENV NEXT_PUBLIC_API=$NEXT_PUBLIC_API OTHER=1\n"
        "RUN npm run build\n",
        variables={"NEXT_PUBLIC_API": "http://localhost:8000/a$b"},
    )
    told = r'ENV NEXT_PUBLIC_API="http://localhost:8000/a\$b"'
    assert lines[1:] == [
        "FROM ${PRODUCT_BASE_0} AS deps", told, "ARG NEXT_PUBLIC_API=http://x", told,
        "ENV NEXT_PUBLIC_API=$NEXT_PUBLIC_API OTHER=1", told, "RUN npm run build",
    ]  # fmt: skip


def test_a_here_document_holds_no_instructions() -> None:
    text = "FROM a:1\nRUN <<END\nFROM b:1\nEND\nCOPY --from=c:1 / /\n"
    assert reading.external_images(text) == ["a:1", "c:1"]


@pytest.mark.parametrize(
    ("line", "images"),
    [
        ("RUN ./convert --from=csv --to=json", []),
        ("RUN --mount=type=cache,target=/c ./convert --from=csv", []),
        ('RUN --mount=type=bind,"from=c:1",target=/c ./convert', ["c:1"]),
        ("RUN --network=none --mount=from=c:1,target=/c echo --from=d:1", ["c:1"]),
        ("COPY --link --chown=1:1 --from=c:1 /a /b", ["c:1"]),
    ],
)
def test_an_option_of_a_command_is_no_image_that_is_taken_from(line: str, images: list[str]) -> None:
    assert reading.external_images(f"FROM a:1\n{line}\n") == ["a:1", *images]


def test_a_copy_is_made_only_where_something_changes(tmp_path: Path) -> None:
    own = tmp_path / "Dockerfile"
    own.write_text("FROM scratch\nCOPY a /\n")
    (tmp_path / ".dockerignore").write_text("node_modules\n")
    target = tmp_path / "out/x.Dockerfile"

    def made(**options: object) -> derived.Derived:
        defaults: dict[str, object] = {"covered": (), "arguments": {}, "variables": {}, "ignore": []}
        return derived.derive(own, tmp_path, target=target, **{**defaults, **options})  # type: ignore[arg-type]

    assert made().file == own
    assert made(ignore=["**/.env"]).file == target
    assert target.with_name("x.Dockerfile.dockerignore").read_text() == "node_modules\n**/.env\n"
    assert own.read_text() == "FROM scratch\nCOPY a /\n"


def test_what_a_build_needs_first_stands_before_it() -> None:
    lines, _ = transformed("FROM a:1\nRUN npm ci\nRUN true \\\n && npm run build\n", before_build="node x")
    assert lines[2:] == ["RUN npm ci", "RUN node x", "RUN true \\", " && npm run build"]


@pytest.mark.slow
def test_a_page_without_googles_fonts_has_the_systems(tmp_path: Path) -> None:
    """The step as it runs in an image, where the service cannot be reached."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not on this machine")
    page = tmp_path / "app/layout.tsx"
    page.parent.mkdir()
    page.write_text('import { Inter, Geist_Mono as Mono } from "next/font/google";\nconst inter = Inter({});\n')
    script = Path(derived.__file__).with_name("offline_fonts.js").read_text()
    offline = 'globalThis.fetch = () => Promise.reject(new Error("offline"));\n' + script
    subprocess.run([node, "-e", offline], cwd=tmp_path, check=True, capture_output=True)
    assert page.read_text().startswith('import { Inter, Geist_Mono as Mono } from "system-fonts";')
    made = subprocess.run(
        [node, "-p", 'const m = require("system-fonts"); Object.keys(m).join() + m.Inter({}).style.fontFamily'],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert made.stdout == "Inter,Geist_Monosystem-ui, sans-serif\n"
    page.write_text('import { Inter } from "next/font/google";\n')
    online = "globalThis.fetch = () => Promise.resolve();\n" + script
    subprocess.run([node, "-e", online], cwd=tmp_path, check=True, capture_output=True)
    assert "next/font/google" in page.read_text()


@pytest.mark.slow
def test_an_address_in_the_sources_is_replaced_in_the_image(tmp_path: Path) -> None:
    """The step as it runs in an image."""
    node = shutil.which("node")
    if not node:
        pytest.skip("node is not on this machine")
    own, page = tmp_path / "Dockerfile", tmp_path / "src/api.ts"
    own.write_text("\ufeff# of an editor\nFROM a\nRUN npm run build\n")
    page.parent.mkdir()
    page.write_text('fetch("https://a.hf.space/x?a=$b");\n')
    options: dict[str, Any] = {"covered": (), "arguments": {}, "variables": {}, "ignore": ["x"]}
    texts = {"https://a.hf.space": "http://localhost:8000"}
    made = derived.derive(own, tmp_path, target=tmp_path / "out", replaced=texts, **options).file.read_text()
    assert "\ufeff" not in made
    step = made.partition("\nRUN ")[2].partition("\nRUN npm")[0]
    subprocess.run(["sh", "-c", step], cwd=tmp_path, check=True, capture_output=True)
    assert page.read_text() == 'fetch("http://localhost:8000/x?a=$b");\n'


@pytest.mark.parametrize(
    ("line", "removed"),
    [
        ("COPY . .", "./.python-version"),
        ("COPY pyproject.toml .python-version /srv/", "/srv/.python-version"),
        ("COPY --chown=app:app ./ /app", "/app/.python-version"),
        ("COPY src ./src", ""),
        ("COPY --from=build / .", ""),
    ],
)
def test_a_pin_to_a_python_that_is_not_in_the_image_does_not_get_into_it(line: str, removed: str) -> None:
    text, _ = derived.transform(f"FROM python:3.12-slim\n{line}\nRUN uv sync\n", pinned=True)
    assert (f"{line}\nRUN rm -f {removed} || true\n" in text) is bool(removed)
    assert ("rm -f" in text) is bool(removed)


@pytest.mark.parametrize(
    "line",
    [
        "RUN pip install --no-cache-dir -r requirements.txt{} && rm -rf /x",
        "RUN uv pip install --system \\\n    -r backend/requirements-prod.txt{}",
        'RUN install() {{ uv pip install -r "$1"{}; }} && install requirements.txt',
    ],
)
def test_packages_are_added_where_requirements_are_installed(line: str) -> None:
    text, _ = derived.transform(f"FROM scratch\nRUN useradd -r app\n{line.format('')}\n", packages=["bcrypt<5"])
    assert text == f"FROM scratch\nRUN useradd -r app\n{line.format(chr(32) + repr('bcrypt<5'))}\n"


def test_more_packages_come_after_those_that_a_lock_holds() -> None:
    """Each `uv sync` takes away what its lock does not hold."""
    text, _ = derived.transform(
        "FROM scratch\nRUN uv sync --frozen \\\n    --no-dev\nCOPY . .\nRUN uv sync\n", packages=["slowapi>=0.1"]
    )
    added = "RUN uv pip install 'slowapi>=0.1'\n"
    assert f"    --no-dev\n{added}COPY" in text and text.endswith(f"RUN uv sync\n{added}")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "file"),
    [
        ("RUN pip install -r requirements.txt", "requirements.txt"),
        ("RUN pip install --requirement=api/requirements.txt", "api/requirements.txt"),
        ('RUN install() { uv pip install -r "$1"; } && install requirements.txt', "requirements.txt"),
    ],
)
def test_a_version_is_left_open_before_requirements_are_installed(tmp_path: Path, line: str, file: str) -> None:
    """The line itself is run, over requirements as people write them."""
    text, _ = derived.transform(f"FROM scratch\n{line}\n", loose=["python-jose", "httpx"], dropped=["mcp-sdk"])
    (command,) = (it.removeprefix("RUN ") for it in text.splitlines() if it.startswith("RUN sed"))
    (tmp_path / file).parent.mkdir(exist_ok=True)
    (tmp_path / file).write_text(
        "httpx==0.26.0  # old\nmcp-sdk>=0.1\nPython_Jose[cryptography] == 3.3.0\nhttpx-sse==0.4.0\nmcp-sdk-more\n"
    )
    subprocess.run(["sh", "-c", command], cwd=tmp_path, check=True)
    left = (tmp_path / file).read_text().splitlines()
    assert [it.replace(" ", "") for it in left] == [
        "httpx#old",
        "Python_Jose[cryptography]",
        "httpx-sse==0.4.0",
        "mcp-sdk-more",
    ]
