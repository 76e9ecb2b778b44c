"""What a Dockerfile declares: the build arguments it knows, and the secrets it mounts."""

from __future__ import annotations

import re

# Arguments that BuildKit knows without an ARG line: https://docs.docker.com/reference/dockerfile/#predefined-args
PREDEFINED = frozenset(
    {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "source_date_epoch", "buildkit_syntax"}
    | {f"buildkit_{name}" for name in ("cache_mount_ns", "context_keep_git_dir", "inline_cache", "multi_platform")}
    | {f"buildkit_{name}" for name in ("sandbox_hostname", "build_name", "dockerfile_check", "scan_context")}
)
_ARG = re.compile(r"""(?P<name>[A-Za-z_]\w*)(?:=(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])*)?""")


def declared(text: str) -> set[str]:
    """The names of the ARG lines, of all stages."""
    return {
        match["name"] for instruction, rest in _instructions(text) if instruction == "ARG"
        for match in _ARG.finditer(rest)
    }  # fmt: skip


def unknown_arguments(text: str, names: set[str]) -> list[str]:
    """Those of `names` that the Dockerfile neither declares nor can use without a declaration."""
    return sorted(name for name in names - declared(text) if name.lower() not in PREDEFINED)


def mounted_secrets(text: str) -> set[str]:
    """The ids of the secrets that RUN lines mount."""
    mounts = [
        dict(part.partition("=")[::2] for part in option.split(","))
        for instruction, rest in _instructions(text) if instruction == "RUN"
        for option in re.findall(r"--mount=(\S+)", rest)
    ]  # fmt: skip
    secrets = [mount for mount in mounts if mount.get("type", "").strip("\"'") == "secret"]
    ids = [mount.get("id") or (mount.get("target") or mount.get("dst") or "").rpartition("/")[2] for mount in secrets]
    return {name.strip("\"'") for name in ids if name}


def _instructions(text: str) -> list[tuple[str, str]]:
    """Every instruction in capitals with what follows it, its continued lines joined and comments left out."""
    mark = re.match(r"(?i)(?:\s*#[^\n]*\n)*?\s*#\s*escape\s*=\s*([`\\])", text)
    escape = re.escape(mark[1] if mark else "\\")
    lines = re.sub(r"(?m)^[ \t]*#.*(?:\n|\Z)", "", text.removeprefix("\ufeff").replace("\r\n", "\n"))
    joined = re.sub(rf"{escape}[ \t]*\n", " ", lines)
    found = (line.strip().partition(" ") for line in re.sub(r"[ \t]+", " ", joined).split("\n") if line.strip())
    return [(word.upper(), rest) for word, _, rest in found]
