"""Copies of Dockerfiles that are given to the engine in place of somebody's own, which stay as they are.

In a copy every image that comes from a registry is a build argument, so that an equal one can take its place where no
registry answers; stages have the environment that a page is built with; and more stays out than .dockerignore says.
"""

from __future__ import annotations

import base64
import json
import re
import shlex
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from scripts.dockerfiles.reading import From, Instruction, external, from_lines, instructions
from scripts.host.files import write_changed

ARGUMENT = "PRODUCT_BASE_{}"
STAGE = "product-base-{}"
BUILDS = re.compile(r"\b(?:npm|pnpm|yarn|bun)(?: run)? build\b|\bnext build\b")


@dataclass(frozen=True)
class Derived:
    """The Dockerfile to build by, and the base images by the build argument that the copy has for each."""

    file: Path
    bases: Mapping[str, str] = field(default_factory=dict)


def _name_by_argument(lines: list[str], place: From | Instruction, image: str, number: int) -> None:
    """Put the build argument of an image in its place, in a FROM line, or its stage, after `--from=`."""
    if isinstance(place, From):
        words = ["FROM", *place.options, f"${{{ARGUMENT.format(number)}}}"]
        lines[place.first] = " ".join([*words, "AS", place.name] if place.name else words)
        lines[place.first + 1 : place.last + 1] = ["#"] * (place.last - place.first)
        return
    for line in range(place.first, place.last + 1):
        lines[line] = re.sub(rf"(from=){re.escape(image)}(?=[\s,]|$)", rf"\g<1>{STAGE.format(number)}", lines[line])


def transform(
    text: str,
    *,
    covered: Collection[str] = (),
    arguments: Mapping[str, str] | None = None,
    variables: Mapping[str, str] | None = None,
    steps: Sequence[str] = (),
    before_build: str = "",
    pinned: bool = False,
    packages: Sequence[str] = (),
    loose: Sequence[str] = (),
    dropped: Sequence[str] = (),
) -> tuple[str, dict[str, str]]:
    """Return a Dockerfile as the engine is to get it, and the image for each build argument that was put into it."""
    lines = [re.sub(r"^#\s*syntax=.*", "# ", line, flags=re.IGNORECASE) for line in text.splitlines()]
    found = list(external(text, covered, arguments))
    numbers = {image: number for number, image in enumerate(dict.fromkeys(image for image, _ in found))}
    for image, place in found:
        _name_by_argument(lines, place, image, numbers[image])
    if variables:
        _set_variables(text, lines, variables)
    for item in instructions(text) if before_build else ():
        if item.name == "RUN" and BUILDS.search(item.value):
            lines[item.first] = f"RUN {before_build}\n{lines[item.first]}"
    for item in instructions(text) if packages else ():
        _add_packages(item, lines, " ".join(map(shlex.quote, packages)))
    for item in instructions(text) if loose or dropped else ():
        if item.name == "RUN" and (files := _REQUIREMENTS.findall(item.value)):
            lines[item.first] = f"{_edited(files, loose, dropped)}\n{lines[item.first]}"
    for item in instructions(text) if pinned else ():
        if item.name in ("COPY", "ADD") and (removed := _brings_pin(item)):
            lines[item.last] += f"\nRUN rm -f {removed} || true"
    if steps:
        lines += _as_root(text, steps)
    first = min((line.first for line in from_lines(text)), default=0)
    head = [f"ARG {ARGUMENT.format(number)}={image}" for image, number in numbers.items()]
    copied = dict.fromkeys(image for image, place in found if isinstance(place, Instruction))
    # Stages of their own before the first one would become stage 0: numbers in --from count from there.
    tail = [f"FROM ${{{ARGUMENT.format(numbers[image])}}} AS {STAGE.format(numbers[image])}" for image in copied]
    body = [*lines[:first], *head, *tail, *_shifted(text, lines, first, len(tail))]
    return "\n".join(body) + "\n", {ARGUMENT.format(number): image for image, number in numbers.items()}


def _add_packages(item: Instruction, lines: list[str], packages: str) -> None:
    """Install more packages where a line installs those of requirements; after one that takes what a lock holds."""
    if item.name == "RUN" and "pip" in item.value:
        for line in range(item.first, item.last + 1):
            lines[line] = _ASKED.sub(rf"\g<0> {packages}", lines[line])
    if item.name == "RUN" and re.search(r"\buv sync\b", item.value):
        lines[item.last] += f"\nRUN uv pip install {packages}"


def takes_packages(text: str) -> bool:
    """Return whether a Dockerfile has a line where more packages can be installed."""
    return transform(text, packages=["x"]) != transform(text)


def loosens(text: str) -> bool:
    """Return whether a Dockerfile has a line before which versions can be taken out of its requirements."""
    return transform(text, loose=["x"]) != transform(text)


def _edited(files: Sequence[str], loose: Sequence[str], dropped: Sequence[str]) -> str:
    """Return the line that takes some packages' versions, and other packages whole, out of requirements before they are
    installed.
    """
    either = ["|".join(re.sub(r"[-_.]+", "[-_.]+", name) for name in names) for names in (loose, dropped)]
    edits = [f"-e 's/^({either[0]})(\\[[^]]*\\])?[ ]*[=>~]=[^#;]*/\\1\\2 /I'"] if loose else []
    edits += [f"-e '/^[ ]*({either[1]})([^A-Za-z0-9._-]|$)/Id'"] if dropped else []
    paths = [file.split()[-1].rpartition("=")[2].replace('"$1"', "requirements.txt") for file in files]
    return f"RUN sed -i -E {' '.join(edits)} {' '.join(dict.fromkeys(paths))}"


PIN = ".python-version"
_REQUIREMENTS = re.compile(r"(?:-r|--requirement)[ =]+(?:\"\$1\"|[\w./-]*require[\w./-]*\.txt)")
_ASKED = re.compile(_REQUIREMENTS.pattern + r"|(?:-r|--requirement)[ =]+[\w./-]*pyproject\.toml")


def _brings_pin(item: Instruction) -> str:
    """Return where a line copies the file to that pins a Python for uv; empty where it does not.

    An image has but one.
    """
    words = [word for word in item.value.split() if not word.startswith("--")]
    if "--from=" in item.value or item.value.startswith("[") or len(words) < 2:
        return ""
    brings = any(word.strip("/") in (".", "./", PIN, f"./{PIN}") or word == "*" for word in words[:-1])
    folder = words[-1].removesuffix(PIN).rstrip("/") or ("/" if words[-1].startswith("/") else ".")
    return f"{folder.rstrip('/')}/{PIN}" if brings else ""


def _shifted(text: str, lines: Sequence[str], first: int, by: int) -> list[str]:
    """Return the lines from the first FROM on, with stages that are named by number counted anew."""
    if not by:
        return list(lines[first:])
    return [
        re.sub(r"(--from=)(\d+)(?=\s)", lambda match: f"{match[1]}{int(match[2]) + by}", line) for line in lines[first:]
    ]


def _set_variables(text: str, lines: list[str], variables: Mapping[str, str]) -> None:
    """Lay the variables over what each stage says: after its FROM, and again after whatever sets one of them."""
    for item in reversed(instructions(text)):
        names = list(variables) if item.name == "FROM" else _set_by(item, variables)
        if names:
            words = " ".join(f"{name}={json.dumps(variables[name]).replace('$', chr(92) + '$')}" for name in names)
            lines[item.last] += f"\nENV {words}"


def _as_root(text: str, steps: Sequence[str]) -> list[str]:
    """Return lines at the end of the last stage that run as root, and go back to its user."""
    start = max(line.last for line in from_lines(text))
    users = [item.value for item in instructions(text) if item.name == "USER" and item.first > start]
    return ["USER root", *(f"RUN {step}" for step in steps), *([f"USER {users[-1]}"] if users else [])]


def _set_by(item: Instruction, variables: Mapping[str, str]) -> list[str]:
    if item.name not in ("ENV", "ARG"):
        return []
    return [name for name in variables if re.search(rf"(^|\s){name}(=|\s|$)", item.value)]


def derive(
    dockerfile: Path,
    context: Path,
    *,
    covered: Collection[str],
    arguments: Mapping[str, Any],
    variables: Mapping[str, Any],
    ignore: Sequence[str],
    target: Path,
    steps: Sequence[str] = (),
    offline_fonts: bool = False,
    packages: Sequence[str] = (),
    loose: Sequence[str] = (),
    dropped: Sequence[str] = (),
    replaced: Mapping[str, str] | None = None,
) -> Derived:
    """Return the Dockerfile itself where nothing in it has to change, else a copy at `target`, with its
    rules beside it.
    """
    try:
        text = dockerfile.read_text(encoding="utf-8-sig")  # a mark at the start is no part of its first line
    except (OSError, UnicodeDecodeError):
        return Derived(dockerfile)  # the build says what is wrong with it
    values = {name: str(value) for name, value in variables.items()}
    steps_before = [_fonts()] if offline_fonts else []
    before = " && ".join([*steps_before, *([_replacing(replaced)] if replaced else [])])
    pinned = (context / PIN).is_file()
    changed, bases = transform(
        text, covered=covered, arguments={name: str(value) for name, value in arguments.items()}, variables=values,
        steps=steps, before_build=before, pinned=pinned, packages=packages, loose=loose, dropped=dropped,
    )  # fmt: skip
    if not (bases or values or ignore or steps or before or packages or loose or dropped):
        return Derived(dockerfile)
    write_changed(target, f"# Made from {dockerfile}; changed there, not here.\n{changed}")
    own = next((file for file in _rule_files(dockerfile, context) if file.is_file()), None)
    rules = own.read_text(encoding="utf-8", errors="replace").rstrip().splitlines() if own else []
    write_changed(target.with_name(target.name + ".dockerignore"), "\n".join([*rules, *ignore]) + "\n")
    return Derived(target, bases)


def builds_a_page(text: str) -> bool:
    """Return whether a Dockerfile has a line that builds a page."""
    return transform(text, before_build="x") != transform(text)


def _fonts() -> str:
    """Return the command that takes the system's fonts where Google's cannot be reached."""
    return _script("offline_fonts.js")


def _replacing(texts: Mapping[str, str]) -> str:
    """Return the command that puts texts in the place of others in the sources of a page."""
    return " ".join([_script("replaced.js"), *(shlex.quote(one) for pair in texts.items() for one in pair)])


def _script(name: str) -> str:
    """Return the command that runs a script of ours in an image that has nothing but node."""
    script = Path(__file__).with_name(name).read_bytes()
    return f'node -e "$(echo {base64.b64encode(script).decode()} | base64 -d)"'


def _rule_files(dockerfile: Path, context: Path) -> tuple[Path, Path]:
    return dockerfile.with_name(dockerfile.name + ".dockerignore"), context / ".dockerignore"
