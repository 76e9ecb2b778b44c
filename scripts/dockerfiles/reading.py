"""Read a Dockerfile: instructions, arguments, stages, images, mounted secrets, and what it copies where. Pure."""

from __future__ import annotations

import io
import posixpath
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from scripts.host import parsing

# Arguments that BuildKit knows without an ARG line: https://docs.docker.com/reference/dockerfile/#predefined-args
PREDEFINED = frozenset(
    {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "source_date_epoch", "buildkit_syntax"}
    | {f"buildkit_{name}" for name in ("cache_mount_ns", "context_keep_git_dir", "inline_cache", "multi_platform")}
    | {f"buildkit_{name}" for name in ("sandbox_hostname", "build_name", "dockerfile_check", "scan_context")}
)
_ARG = re.compile(r"""(?P<name>[A-Za-z_]\w*)(?:=(?:"(?:\\.|[^"\\])*"|'[^']*'|\\.|[^\s"'\\])*)?""")
_HEREDOC = re.compile(r"<<-?\s*([\"']?)(\w+)\1")
_VARIABLE = re.compile(r"\$(?:\{(\w+)(?::?[-+][^}]*)?\}|(\w+))")


@dataclass(frozen=True)
class Instruction:
    """One instruction: its name in capitals, its words, and its first and last line, counted from 0."""

    name: str
    value: str
    first: int
    last: int


def instructions(text: str) -> list[Instruction]:
    """Return the instructions of a Dockerfile, without comments; the inside of a here-document is none."""
    from dockerfile_parse import DockerfileParser  # a twentieth of a second to import

    file = io.BytesIO(_masked(text.removeprefix("\ufeff")).encode(errors="replace"))
    return [
        Instruction(item["instruction"].upper(), item["value"].strip(), item["startline"], item["endline"])
        for item in DockerfileParser(fileobj=file).structure
        if item["instruction"] != "COMMENT"
    ]


def _masked(text: str) -> str:
    """Return the text with the lines of here-documents turned into comments."""
    lines, ends = [], list[str]()
    for line in text.splitlines():
        if ends:
            if line.strip() == ends[0]:
                ends.pop(0)
            lines.append("#")
            continue
        if re.match(r"\s*(RUN|COPY|ADD)\b", line, re.IGNORECASE):
            ends = [match[2] for match in _HEREDOC.finditer(line)]
        lines.append(line)
    return "\n".join(lines) + "\n"


def declared(text: str) -> set[str]:
    """Return the names of the ARG lines, of all stages."""
    return {match["name"] for item in instructions(text) if item.name == "ARG" for match in _ARG.finditer(item.value)}


def unknown_arguments(text: str, names: set[str]) -> list[str]:
    """Return those of `names` that the Dockerfile neither declares nor can use without a declaration."""
    return sorted(name for name in names - declared(text) if name.lower() not in PREDEFINED)


def global_arguments(text: str, given: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the values of the ARG lines before the first FROM: those that are `given`, else their defaults."""
    given = given or {}
    found: dict[str, str] = {}
    for item in instructions(text):
        if item.name == "FROM":
            break
        if item.name == "ARG":
            for name, equals, value in (word.partition("=") for word in item.value.split()):
                if equals or name in given:
                    found[name] = given.get(name, expand(value.strip("\"'"), found))
    return found


def variables(text: str) -> set[str]:
    """Return the names of the variables in a text."""
    return {match[1] or match[2] for match in _VARIABLE.finditer(text)}


def expand(text: str, arguments: Mapping[str, str]) -> str:
    """Return the text with `$NAME` and `${NAME}` filled in; a default `${NAME:-x}` counts where there is no value."""

    def value(match: re.Match[str]) -> str:
        name = match[1] or match[2]
        default = re.search(r":?-([^}]*)\}$", match[0])
        return arguments.get(name) or (default[1] if default else "")

    return _VARIABLE.sub(value, text)


def mounted_secrets(text: str) -> set[str]:
    """Return the ids of the secrets that RUN lines mount."""
    mounts = [
        dict(part.partition("=")[::2] for part in option.split(","))
        for item in instructions(text) if item.name == "RUN"
        for option in re.findall(r"--mount=(\S+)", item.value)
    ]  # fmt: skip
    secrets = [mount for mount in mounts if mount.get("type", "").strip("\"'") == "secret"]
    ids = [mount.get("id") or (mount.get("target") or mount.get("dst") or "").rpartition("/")[2] for mount in secrets]
    return {name.strip("\"'") for name in ids if name}


@dataclass(frozen=True)
class From:
    """One FROM line: `image` or the stage it starts from, the same as `written`, the stage's name, options, lines."""

    image: str
    written: str
    name: str
    options: tuple[str, ...]
    first: int
    last: int


def from_lines(text: str, given: Mapping[str, str] | None = None) -> list[From]:
    """Return the FROM lines of a Dockerfile, arguments that stand before the first one filled in."""
    arguments = global_arguments(text, given)
    return [_from(item, arguments) for item in instructions(text) if item.name == "FROM"]


def _from(item: Instruction, arguments: Mapping[str, str]) -> From:
    options = tuple(word for word in item.value.split() if word.startswith("--"))
    words = [word for word in item.value.split() if not word.startswith("--")]
    name = words[2] if len(words) > 2 and words[1].lower() == "as" else ""
    written = words[0] if words else ""
    return From(expand(written, arguments), written, name, options, item.first, item.last)


def stage_names(text: str) -> list[str]:
    """Return what each stage may be called by, in small letters as a build compares them: its name, and its number."""
    found = from_lines(text)
    return [*(line.name.lower() for line in found if line.name), *map(str, range(len(found)))]


def lineage(text: str, target: str = "") -> list[int]:
    """Return the numbers of the stages that a build up to a stage (the last one where none is named) stands on, and its
    own, in the order of the file.
    """
    found = from_lines(text)
    number = _stage(found, target, len(found)) if target else None
    own = [len(found) - 1 if number is None else number] if found else []
    while own and (before := _stage(found, found[own[0]].image, own[0])) is not None:
        own.insert(0, before)
    return own


def _stage(found: Sequence[From], name: str, before: int) -> int | None:
    """Return the number of the last stage before another one that has a name or a number; None where none has."""
    if name.isdigit():
        return int(name) if int(name) < before else None
    return next((i for i in reversed(range(before)) if found[i].name and found[i].name.lower() == name.lower()), None)


def script(text: str, item: Instruction) -> str:
    """Return what a RUN line runs, with the here-documents that follow it."""
    if not _HEREDOC.search(item.value):
        return item.value
    following = (one.first for one in instructions(text) if one.first > item.last)
    body = text.splitlines()[item.last + 1 : next(following, None)]
    return "\n".join([item.value, *body])


def external_images(text: str) -> list[str]:
    """Return every image that the Dockerfile takes from a registry, in the order of first use."""
    return list(dict.fromkeys(image for image, _ in external(text)))


_FLAGS = re.compile(r"\s*(?:--\S+\s+)*")
_FROM_FLAG = re.compile(r"""(?:--from=|--mount=\S*?\bfrom=)["']?([^\s,"']+)""")


def external(
    text: str, covered: Collection[str] = (), given: Mapping[str, str] | None = None
) -> Iterator[tuple[str, From | Instruction]]:
    """Yield what FROM and --from take from a registry, with the line; an argument that is `covered` is left alone, one
    that is `given` has that value.
    """
    known = {"scratch"}
    for number, stage in enumerate(from_lines(text, given)):
        if stage.image.lower() not in known and not variables(stage.written) & set(covered):
            yield stage.image, stage
        known |= {str(number), stage.name.lower()} - {""}
    for item in instructions(text):
        if item.name in ("COPY", "RUN", "ADD"):
            flags = _FLAGS.match(item.value)  # what follows is the command, whose options are its own
            for image in _FROM_FLAG.findall(flags[0] if flags else ""):
                if image.lower() not in known and not image.startswith("$"):
                    yield image, item


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
    for item in instructions(text):
        if item.name == "FROM":
            found.append(_begun(_from(item, {}), found))
        elif found and item.name == "WORKDIR" and "$" not in item.value:
            found[-1] = replace(found[-1], workdir=posixpath.join(found[-1].workdir, item.value.strip("\"'")))
        elif found and item.name in ("COPY", "ADD"):
            copy = _copy(item.value, found[-1].workdir)
            found[-1] = replace(found[-1], copies=(*found[-1].copies, *([copy] if copy else [])))
    return found


def context_sources(text: str) -> list[str] | None:
    """Return what a Dockerfile takes from the build context, as it is written; None where that cannot be told."""
    found: list[str] = []
    for item in instructions(text):
        mounts = re.findall(r"--mount=(\S+)", item.value) if item.name == "RUN" else []
        if any(not re.search(r"type=[\"']?(?:cache|secret|ssh|tmpfs)", mount) for mount in mounts):
            return None  # a mount of files is of the context, where nothing else is said
        if item.name in ("COPY", "ADD") and "--from=" not in item.value and "<<" not in item.value:
            copy = _copy(item.value, "/")
            if copy is None:
                return None
            found += copy.sources
    return found or None


def _begun(line: From, before: list[Stage]) -> Stage:
    parent = next((stage for stage in before if line.written and stage.name == line.written), None)
    return replace(parent, name=line.name) if parent else Stage(line.name, "/", ())


def _copy(value: str, workdir: str) -> Copy | None:
    value = re.sub(r"\s+", " ", value)
    options = re.match(r"(?:--\S+ )*", value)
    words = value[options.end() if options else 0 :]
    if "--from=" in value or "$" in words or "<<" in words:
        return None
    try:
        paths = parsing.from_json(words) if words.startswith("[") else words.split()
    except ValueError:
        return None
    if len(paths) < 2:
        return None
    *sources, target = paths
    whole = posixpath.join(workdir, target)
    folder = target.endswith(("/", "/.")) or target in (".", "..") or len(sources) > 1
    return Copy(tuple(sources), posixpath.normpath(whole) + ("/" if folder else ""))
