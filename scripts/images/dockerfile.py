"""What a Dockerfile declares: the build arguments it knows, the secrets it mounts, and what its stages copy where."""

from __future__ import annotations

import json
import posixpath
import re
from dataclasses import dataclass, replace

# Arguments that BuildKit knows without an ARG line: https://docs.docker.com/reference/dockerfile/#predefined-args
PREDEFINED = frozenset(
    {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "source_date_epoch", "buildkit_syntax"}
    | {f"buildkit_{name}" for name in ("cache_mount_ns", "context_keep_git_dir", "inline_cache", "multi_platform")}
    | {f"buildkit_{name}" for name in ("sandbox_hostname", "build_name", "dockerfile_check", "scan_context")}
)
_ARG = re.compile(r"""(?P<name>[A-Za-z_]\w*)(?:=(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])*)?""")


def declared(text: str) -> set[str]:
    """Return the names of the ARG lines, of all stages."""
    return {
        match["name"] for instruction, rest in _instructions(text) if instruction == "ARG"
        for match in _ARG.finditer(rest)
    }  # fmt: skip


def unknown_arguments(text: str, names: set[str]) -> list[str]:
    """Return those of `names` that the Dockerfile neither declares nor can use without a declaration."""
    return sorted(name for name in names - declared(text) if name.lower() not in PREDEFINED)


def mounted_secrets(text: str) -> set[str]:
    """Return the ids of the secrets that RUN lines mount."""
    mounts = [
        dict(part.partition("=")[::2] for part in option.split(","))
        for instruction, rest in _instructions(text) if instruction == "RUN"
        for option in re.findall(r"--mount=(\S+)", rest)
    ]  # fmt: skip
    secrets = [mount for mount in mounts if mount.get("type", "").strip("\"'") == "secret"]
    ids = [mount.get("id") or (mount.get("target") or mount.get("dst") or "").rpartition("/")[2] for mount in secrets]
    return {name.strip("\"'") for name in ids if name}


def _instructions(text: str) -> list[tuple[str, str]]:
    """Return every instruction in capitals with what follows it, its continued lines joined and comments left out."""
    mark = re.match(r"(?i)(?:\s*#[^\n]*\n)*?\s*#\s*escape\s*=\s*([`\\])", text)
    escape = re.escape(mark[1] if mark else "\\")
    lines = re.sub(r"(?m)^[ \t]*#.*(?:\n|\Z)", "", text.removeprefix("\ufeff").replace("\r\n", "\n"))
    joined = re.sub(rf"{escape}[ \t]*\n", " ", lines)
    found = (line.strip().partition(" ") for line in re.sub(r"[ \t]+", " ", joined).split("\n") if line.strip())
    return [(word.upper(), rest) for word, _, rest in found]


@dataclass(frozen=True)
class Copy:
    """One COPY or ADD of files from the build context: `target` is absolute, with a slash at its end for a folder."""

    sources: tuple[str, ...]
    target: str


@dataclass(frozen=True)
class Stage:
    """One stage of a Dockerfile, with what it has of the stages it stands on."""

    name: str
    workdir: str
    copies: tuple[Copy, ...]


def stages(text: str) -> list[Stage]:
    """Return the stages of a Dockerfile in their order. Copies whose place depends on a variable are left out."""
    found: list[Stage] = []
    for word, rest in _instructions(text):
        if word == "FROM":
            found.append(_begun(rest, found))
        elif found and word == "WORKDIR" and "$" not in rest:
            found[-1] = replace(found[-1], workdir=posixpath.join(found[-1].workdir, rest.strip().strip("\"'")))
        elif found and word in ("COPY", "ADD"):
            copy = _copy(rest, found[-1].workdir)
            found[-1] = replace(found[-1], copies=(*found[-1].copies, *([copy] if copy else [])))
    return found


def _begun(rest: str, before: list[Stage]) -> Stage:
    words = [word for word in rest.split() if not word.startswith("--")]
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    parent = next((stage for stage in before if words and stage.name == words[0]), None)
    return replace(parent, name=name) if parent else Stage(name, "/", ())


def _copy(rest: str, workdir: str) -> Copy | None:
    options = re.match(r"(?:--\S+ )*", rest)
    words = rest[options.end() if options else 0 :]
    if "--from=" in rest or "$" in words or "<<" in words:
        return None
    try:
        paths = json.loads(words) if words.startswith("[") else words.split()
    except ValueError:
        return None
    if len(paths) < 2:
        return None
    *sources, target = paths
    whole = posixpath.join(workdir, target)
    folder = target.endswith(("/", "/.")) or target in (".", "..") or len(sources) > 1
    return Copy(tuple(sources), posixpath.normpath(whole) + ("/" if folder else ""))
