"""What the builders' own steps do, run by a shell with stand-ins of the programs that they start."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from scripts.diagnose.log_excerpts import AGAIN

pytestmark = pytest.mark.slow  # all start programs

BUILDERS = Path("scripts/dockerfiles/builders")


def step(builder: str, sign: str, root: Path) -> str:
    """Return the script of a builder's step that holds a sign; what it writes at the root of an image is below root."""
    text = (BUILDERS / f"{builder}.Dockerfile").read_text().replace("\\\n", " ")
    (found,) = (line for line in text.splitlines() if line.startswith("RUN ") and sign in line)
    (root / "tmp").mkdir(exist_ok=True)
    return re.sub(
        r"(?<=[ /])/?(tmp/log|tmp/failed|site)\b", lambda match: f"{root}/{match[1]}", found.removeprefix("RUN ")
    )


@pytest.mark.parametrize(
    ("said", "program", "passes"),
    [
        ("src/a.ts(1,2): error TS2307: Cannot find module", "vite", True),
        ("TS2307: Cannot find module", "react-scripts", True),  # it is told not to judge, and builds by its own script
        ("sh: 1: vite: not found", "vite", False),
        ("Could not resolve ./a from src/main.tsx", "vite", False),
    ],
)
@pytest.mark.parametrize("workspace", [False, True])
def test_a_page_whose_types_alone_fail_is_built_without_judging_them(
    tmp_path: Path, said: str, program: str, passes: bool, workspace: bool
) -> None:
    """So it is in a workspace, with what lies beside it, whose types fail as well."""
    root = tmp_path / "app"
    own = root / "node_modules/.bin"
    page = root / "web" if workspace else root
    (root / "beside").mkdir(parents=True)
    for folder in (own, page):
        folder.mkdir(parents=True, exist_ok=True)
    made = "mkdir dist && echo page >dist/index.html"
    (tmp_path / "npm").write_text(
        f'#!/bin/sh\n[ -z "$TSC_COMPILE_ON_ERROR" ] || {{ {made}; exit; }}\necho "{said}"; exit 2\n'
    )
    (tmp_path / "npx").write_text(f'#!/bin/sh\nexec {own}/"$2"\n')
    (own / program).write_text(f"#!/bin/sh\n{made}\n")
    for one in (tmp_path / "npm", tmp_path / "npx", own / program):
        one.chmod(0o755)
    script = step("workspace" if workspace else "static", "npm run build", tmp_path)
    ended = subprocess.run(
        ["/bin/sh", "-ec", script.partition('&& if [ -n "$FILES" ]')[0] + "&& true" * workspace],
        cwd=root,
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}", "FILES": "1", "BESIDE": "beside", "MEMBER": "web"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in ended.stdout  # whatever comes of it, the person sees what is wrong
    made_at = page / "dist" if workspace else tmp_path / "site"
    assert (ended.returncode == 0, (made_at / "index.html").is_file()) == (passes, passes), ended
    assert (AGAIN in ended.stdout.splitlines()) is passes  # by which the diagnosis knows the second try


@pytest.mark.parametrize("builder", ["nextjs", "node", "static", "workspace"])
@pytest.mark.parametrize(
    ("lock", "text", "by"),
    [
        ("pnpm-lock.yaml", "", "pnpm install --no-frozen-lockfile"),
        ("yarn.lock", "# yarn lockfile v1\n", "yarn install"),
        ("yarn.lock", "__metadata:\n  version: 8\n", "npm install"),  # of a yarn that is on no registry of packages
    ],
)
def test_a_lock_that_does_not_fit_is_not_the_end(tmp_path: Path, builder: str, lock: str, text: str, by: str) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / lock).write_text(text)
    for name in ("npm", "pnpm", "yarn"):
        stand_in = f'#!/bin/sh\necho "{name} $*" >>{tmp_path}/ran\ncase "$*" in *" --frozen"*) exit 1;; esac\n'
        (tmp_path / name).write_text(stand_in)
        (tmp_path / name).chmod(0o755)
    script = step(builder, "pnpm@9", tmp_path).partition("sharing=locked ")[2]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run(["/bin/sh", "-ec", script], cwd=tmp_path / "app", env=variables, timeout=60)
    ran = (tmp_path / "ran").read_text().splitlines()
    by = "yarn install" if builder == "workspace" and text.startswith("__metadata") else by  # npm knows no workspace:*
    assert ended.returncode == 0 and ran[-1].startswith(by), ran


@pytest.mark.parametrize("builder", ["nextjs", "node", "static", "workspace"])
@pytest.mark.parametrize("goes_together", [True, False])
def test_packages_bring_what_they_need_beside_them_unless_that_contradicts_itself(
    tmp_path: Path, builder: str, goes_together: bool
) -> None:
    """As npm does it on its author's machine; where it refuses there, he told it not to look."""
    (tmp_path / "app").mkdir()
    fails = "" if goes_together else 'case "$*" in *legacy*) ;; *) exit 1;; esac\n'
    (tmp_path / "npm").write_text(f'#!/bin/sh\necho "$*" >>{tmp_path}/ran\n{fails}')
    (tmp_path / "npm").chmod(0o755)
    script = step(builder, "pnpm@9", tmp_path).partition("sharing=locked ")[2]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run(["/bin/sh", "-ec", script], cwd=tmp_path / "app", env=variables, timeout=60)
    ran = ["--legacy-peer-deps" in line for line in (tmp_path / "ran").read_text().splitlines()]
    assert ended.returncode == 0 and ran == ([False] if goes_together else [False, True])


@pytest.mark.parametrize("builder", ["nextjs", "node", "static", "workspace"])
@pytest.mark.parametrize("day", ["2026-01-31", ""])
def test_packages_that_a_day_had_not_are_those_of_today_with_what_they_need_beside_them(
    tmp_path: Path, builder: str, day: str
) -> None:
    """A mirror of the registry may not know what there was that day; without a day nothing is tried once more."""
    (tmp_path / "app").mkdir()
    had_not = '[ -z "$npm_config_before" ] && [ -n "$BEFORE" ]'
    (tmp_path / "npm").write_text(f'#!/bin/sh\necho "$npm_config_before $*" >>{tmp_path}/ran\n{had_not}\n')
    (tmp_path / "npm").chmod(0o755)
    script = step(builder, "pnpm@9", tmp_path).partition("sharing=locked ")[2]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "BEFORE": day}
    ended = subprocess.run(["/bin/sh", "-ec", script], cwd=tmp_path / "app", env=variables, timeout=60)
    ran = [(line.split(" ")[0], "--legacy-peer-deps" in line) for line in (tmp_path / "ran").read_text().splitlines()]
    assert (ended.returncode == 0) is bool(day)
    assert ran == ([(day, False), (day, True), ("", False)] if day else [("", False), ("", True)])


@pytest.mark.parametrize("builder", ["nextjs", "node", "static", "workspace"])
@pytest.mark.parametrize(
    ("lock", "host"),
    [
        ('  "resolved": "https://registry.npmmirror.com/a/-/a-1.tgz",\n', "registry.npmmirror.com"),
        ('  "resolved": "https://registry.npmjs.org/a/-/a-1.tgz",\n', ""),
        ('  "resolved": "https://npm.of-a-company.example/a/-/a-1.tgz",\n', ""),  # which may have packages of its own
    ],
)
def test_packages_of_a_lock_made_with_a_mirror_come_from_the_registry_that_there_is(
    tmp_path: Path, builder: str, lock: str, host: str
) -> None:
    """By npm's own option: a registry's host is put in the place of this one."""
    (tmp_path / "package-lock.json").write_text(lock * 2)
    (tmp_path / "npm").write_text(f'#!/bin/sh\necho "$npm_config_replace_registry_host" >>{tmp_path}/hosts\n')
    (tmp_path / "npm").chmod(0o755)
    script = step(builder, "pnpm@9", tmp_path).partition("sharing=locked ")[2]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    subprocess.run(["/bin/sh", "-ec", script], cwd=tmp_path, env=variables, timeout=60, check=True)
    assert (tmp_path / "hosts").read_text() == f"{host}\n"


@pytest.mark.parametrize("builder", ["nextjs", "node", "static", "workspace"])
@pytest.mark.parametrize(
    ("package", "asked", "passes"),
    [
        ("@of/kit", '{"dependencies": {"@of/kit": "^2.0.0", "next": "15.1.0"}}', True),
        ("kit", '{"devDependencies": {\n  "kit":"9.9.9"\n}}', True),
        ("kit", '{"dependencies": {"uses-kit": "^1.0.0"}}', False),  # another package's own fault
        ("kit", '{"dependencies": {"kit": "*"}}', False),
    ],
)
def test_of_a_package_whose_version_there_never_was_any_is_taken(
    tmp_path: Path, builder: str, package: str, asked: str, passes: bool
) -> None:
    """Its author's machine has another one, or none: what the page needs of it, the build tells."""
    (tmp_path / "app").mkdir()
    (tmp_path / "app/package.json").write_text(asked)
    (tmp_path / "npm").write_text(
        f'#!/bin/sh\n{str(passes).lower()} && grep -qE \'"{package}": *"[*]"\' package.json && exit 0\n'
        f'echo "npm error notarget No matching version found for {package}@^2.0.0." >&2\nexit 1\n'
    )
    (tmp_path / "npm").chmod(0o755)
    script = step(builder, "pnpm@9", tmp_path).partition("sharing=locked ")[2]
    variables = {"PATH": f"{tmp_path}:{os.environ['PATH']}"}
    ended = subprocess.run(
        ["/bin/sh", "-ec", script], cwd=tmp_path / "app", env=variables, timeout=60, capture_output=True, text=True
    )
    now = (tmp_path / "app/package.json").read_text()
    assert (ended.returncode == 0) is passes, ended
    if passes:
        assert re.search(rf'"{package}": *"\*"', now) and ("15.1.0" in now) == ("15.1.0" in asked)
        assert f"no such version of {package}" in ended.stdout and "No matching" not in ended.stderr
    else:
        assert now == asked and "No matching version" in ended.stderr  # by which the diagnosis names it


NODE = """#!/bin/sh
[ -f dist/index.js ]
"""  # as it looks for what the script `start` names


@pytest.mark.parametrize(
    ("said", "emits", "passes"),
    [
        ("src/a.ts(1,2): error TS2322: Type 'x' is not assignable", "npm", True),
        ("src/a.ts(1,2): error TS2322: Type 'x' is not assignable", "tsc", True),  # it is told to emit nothing then
        ("src/a.ts(1,2): error TS2307: Cannot find module './b'", "", False),
        ("sh: 1: nest: not found", "npm", False),
    ],
)
def test_a_server_whose_types_alone_are_wrong_is_what_is_made_of_it(
    tmp_path: Path, said: str, emits: str, passes: bool
) -> None:
    own = tmp_path / "app/node_modules/.bin"
    own.mkdir(parents=True)
    (tmp_path / "tmp").mkdir()
    made = "mkdir -p dist && touch dist/index.js"
    for file, text in (
        (tmp_path / "npm", f'#!/bin/sh\n{made if emits == "npm" else ":"}\necho "{said}"; exit 2\n'),
        (tmp_path / "node", NODE),
        (own / "tsc", f"#!/bin/sh\n{made if emits == 'tsc' else ':'}\nexit 2\n"),
    ):
        file.write_text(text)
        file.chmod(0o755)
    ended = subprocess.run(
        ["/bin/sh", "-ec", step("node", "npm run build", tmp_path)],
        cwd=tmp_path / "app",
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert said in ended.stdout and (ended.returncode == 0) is passes, ended


@pytest.mark.parametrize(
    ("version", "own", "left"),
    [
        ("14.2.3", "", "next.config.mjs"),
        ("15.0.0", "", "next.config.ts"),
        ("16.1.1", "", "next.config.ts"),
        ("14.2.3", "next.config.js", "next.config.ts"),
    ],
)
def test_a_next_js_that_knows_no_configuration_in_typescript_gets_the_javascript_of_it(
    tmp_path: Path, version: str, own: str, left: str
) -> None:
    """As the builder's line does it, with a stand-in of TypeScript that leaves the types out."""
    node = shutil.which("node")
    if not node:
        pytest.skip("no node on this machine")
    modules = {
        "next/package.json": json.dumps({"version": version}),
        "typescript/index.js": "exports.transpileModule = (text, { compilerOptions: told }) =>"
        " ({ outputText: text.replace(': Config', '') + '// ' + told.module + '\\n' })",
        "../next.config.ts": "const config: Config = { output: 'standalone' }\nexport default config\n",
        **({f"../{own}": "module.exports = {}\n"} if own else {}),
    }
    for name, text in modules.items():
        file = tmp_path / "node_modules" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    first = step("nextjs", "transpileModule", tmp_path).partition("&& build()")[0]
    subprocess.run(["sh", "-ec", first], cwd=tmp_path, check=True, timeout=60)
    files = {one.name for one in tmp_path.iterdir() if one.name.startswith("next.config")}
    assert files == {left, *([own] if own else [])}
    if left.endswith("mjs"):
        code = "import('./next.config.mjs').then((it) => console.log(it.default.output))"
        told = subprocess.run([node, "-e", code], cwd=tmp_path, check=True, timeout=60, capture_output=True, text=True)
        assert told.stdout.strip() == "standalone" and "// ESNext" in (tmp_path / left).read_text()


@pytest.mark.parametrize(
    ("member", "files", "asked"),
    [
        (".", {"requirements.txt": "fastapi\n"}, "fastapi\n"),
        (".", {"requirements.txt": "-r deps/a.txt\nredis\n", "deps/a.txt": "-r b.txt\n", "deps/b.txt": "fastapi==1"},
         "fastapi==1\nredis\n"),
        ("api", {"api/requirements.txt": "-r ../all.txt\n-r a-c.txt", "all.txt": "-r api/requirements.txt\nfastapi\n",
                 "api/a-c.txt": "redis\n"}, "fastapi\nredis\n"),
        ("api", {"api/requirements.txt": "fastapi\n--constraint=../all.txt  # of all\n", "all.txt": "-r more.txt\n",
                 "more.txt": "fastapi<1\n"}, "fastapi\n-c constraints.txt\n"),
        (".", {"requirements.txt": "-r gone.txt\n-r https://example.com/a.txt\n"},
         "-r gone.txt\n-r https://example.com/a.txt\n"),
        ("api", {"api/pyproject.toml": "[project]\n", "api/uv.lock": "a", "requirements.txt": "redis\n"}, None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_program_in_python_gets_what_its_requirements_name_in_whatever_folder(
    tmp_path: Path, member: str, files: dict[str, str], asked: str | None, encoding: str
) -> None:
    """In one file, so that a version which is to be left open is found there."""
    for name, text in files.items():
        (tmp_path / "all" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "all" / name).write_text(text, encoding=encoding)
    script = re.sub(r"(?<=[ >])(/tmp)?(/asked(\.py)?)\b", rf"{tmp_path}\2", step("python", "asked.py", tmp_path))
    subprocess.run(
        ["/bin/sh", "-ec", script],
        cwd=tmp_path / "all", env={"PATH": os.environ["PATH"], "MEMBER": member}, check=True,
    )  # fmt: skip
    made = {path.name: path.read_bytes().decode(errors="replace") for path in (tmp_path / "asked").iterdir()}
    assert made.get("requirements.txt") == asked
    assert made.get("constraints.txt") == ("fastapi<1\n" if "constraints" in (asked or "") else None)
    assert ("uv.lock" in made, "pyproject.toml" in made) == (asked is None, asked is None)
