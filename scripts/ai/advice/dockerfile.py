"""A Dockerfile, reviewed by rules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from scripts.ai.live_release import LiveRelease, Section
from scripts.dockerfiles.reading import instructions
from scripts.host.paths import relative

Finding = tuple[int, int, str, str]  # line (0: the whole file), urgency, what, what to do


def collect(live: LiveRelease) -> Section:
    """Return the Dockerfile of the service with what is doubtful about it."""
    services = {service.name: service for service in (*live.settings.services, live.settings.database)}
    name = live.inputs.get("service") or next(iter((*live.settings.app.under_load, *services)))
    service = services[name]
    text = service.dockerfile.read_text(encoding="utf-8")
    beside = service.dockerfile.with_name(f"{service.dockerfile.name}.dockerignore")
    ignored = (service.context / ".dockerignore").is_file() or beside.is_file()
    found = sorted(review(text, has_ignore=ignored), key=lambda item: -item[1])
    path = relative(service.dockerfile, live.settings.root)
    lines = [f"{path}: {len(text.splitlines())} lines, {len(found)} remarks"]
    lines += [f"- {f'line {line}: ' if line else ''}{what}; {remedy}" for line, _, what, remedy in found]
    lines += ["", *(f"{number:>3}  {line}" for number, line in enumerate(text.splitlines(), 1))]
    data = [dict(zip(("line", "urgency", "what", "remedy"), item, strict=True)) for item in found]
    urgency = max((item[1] for item in found), default=0)
    return Section(f"Dockerfile of {name}", tuple(lines), data, urgency=urgency)


def review(text: str, *, has_ignore: bool = True) -> list[Finding]:
    """Return what is doubtful about a Dockerfile."""
    steps = [(item.first + 1, item.name, item.value) for item in instructions(text)]
    return [*_by_line(steps), *_whole(steps, has_ignore)]


def _by_line(steps: list[tuple[int, str, str]]) -> Iterator[Finding]:
    stages: set[str] = set()
    for number, word, rest in steps:
        if word == "FROM":
            image = rest.split()[0] if not rest.startswith("--") else rest.split()[1]
            if not image.startswith("$") and image not in stages and image != "scratch" and "@sha256:" not in image:
                tag = image.rpartition("/")[2].partition(":")[2]
                if tag in ("", "latest"):
                    yield number, 6, f"{image} may be another image tomorrow", "name a version, best with its digest"
            if " as " in rest.lower():
                stages.add(rest.split()[-1])
        if word in ("ENV", "ARG") and re.search(r"(PASSWORD|SECRET|TOKEN|API_?KEY)\w*=\S", rest, re.IGNORECASE):
            yield number, 9, "a secret in the image is there for everybody who has it", "use RUN --mount=type=secret"
        if word == "ADD" and not re.search(r"https?://|\.tar", rest):
            yield number, 2, "ADD does more than it says", "use COPY"
        if word == "RUN":
            yield from _run(number, rest)
        if word in ("CMD", "ENTRYPOINT") and not rest.startswith("["):
            yield number, 4, f"{word} in shell form: the shell gets SIGTERM, the program does not", "use the list form"


def _run(number: int, rest: str) -> Iterator[Finding]:
    cached = "--mount=type=cache" in rest
    if "apt-get install" in rest:
        if "apt-get update" not in rest:
            yield number, 5, "apt-get install without update in the same step uses a stale index", "join them"
        if "--no-install-recommends" not in rest:
            yield number, 3, "installs recommended packages too", "add --no-install-recommends"
        if "/var/lib/apt/lists" not in rest and not cached:
            yield number, 3, "leaves the package index in the layer", "rm -rf /var/lib/apt/lists/* in the same step"
    if re.search(r"\bpip3? install", rest) and "--no-cache-dir" not in rest and not cached:
        yield number, 3, "leaves pip's cache in the layer", "add --no-cache-dir, or mount a cache"
    if re.search(r"\bnpm install\b", rest):
        yield number, 4, "npm install may choose other versions each time", "use npm ci with the lock file"
    if re.search(r"(curl|wget)[^|;&]*\|\s*(ba)?sh", rest):
        yield number, 7, "runs what the network sends", "fetch it, check its digest, then run it"
    if "sudo " in rest:
        yield number, 3, "sudo in a build is root already", "leave it out"


def _whole(steps: list[tuple[int, str, str]], has_ignore: bool) -> Iterator[Finding]:
    users = [(number, rest) for number, word, rest in steps if word == "USER"]
    last = users[-1][1].split(":")[0] if users else ""
    if not users or last in ("root", "0"):
        yield 0, 8, "runs as root", "end with USER 10001:10001"
    elif not last.isdigit() and not last.startswith("$"):
        yield users[-1][0], 4, "a user by name cannot be checked by runAsNonRoot", "use its number"
    words = [(number, word, rest) for number, word, rest in steps]
    copies = [(number, rest) for number, word, rest in words if word == "COPY" and "--from=" not in rest]
    installs = [
        number
        for number, word, rest in words
        if word == "RUN" and re.search(r"pip3? install|npm (ci|i)\b|npm install", rest)
    ]
    broad = next((number for number, rest in copies if re.search(r"(^|\s)\.\s", rest)), 0)
    if broad and installs and broad < installs[0]:
        yield broad, 5, "copies the whole source before dependencies, so every change installs them again", \
            "copy the lock file first, install, then copy the rest"  # fmt: skip
    stages = sum(1 for _, word, _ in words if word == "FROM")
    builds = any(
        word == "RUN" and re.search(r"npm run build|gcc|make\b|go build|build-essential", rest)
        for _, word, rest in words
    )
    if stages == 1 and builds:
        yield 0, 5, "ships its build tools", "build in one stage, copy the result into another"
    if not has_ignore:
        yield 0, 3, "has no .dockerignore, so everything is sent to the engine and changes the digest", "add one"
