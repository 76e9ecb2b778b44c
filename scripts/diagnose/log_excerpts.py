"""Of what a program printed, the lines that tell the cause: a person should not have to look for them."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from scripts.host import parsing

MOST = 6  # lines that a finding quotes

# Lines that a program writes while all is well, or while it still copes.
CALM = re.compile(
    r"""^\W*(?:\S+[T ]\S+\s+)?\[?(?:DEBUG|INFO|NOTICE|TRACE|WARN(?:ING)?|LOG)\b
    |"(?:level|severity|lvl)"\s*:\s*"(?:debug|info|notice|trace|warn(?:ing)?)"
    |\blevel=(?:debug|info|warn(?:ing)?)\b
    |^npm\ (?:warn|notice|http|timing)\b|^\s*\[?(?:notice|warn|warning|info)\]?\b|^\ ?WARN\b|^DEPRECATION:|^W:\ """,
    re.VERBOSE | re.IGNORECASE,
)
# Lines that say where, or nothing, but not what.
_NOISE = re.compile(
    r"""^\s*at\ (?:async\ )?\S+.*(?:\(|:\d+)|^\s*at\ (?:async\ )?(?:file|node):|^\s*File\ "[^"]*",\ line\ \d+
    |^\s*[~^]+\s*$|^Node\.js\ v\d|A\ complete\ log\ of\ this\ run|^npm\ (?:error|ERR!)\s*$
    |^\s*\{?\s*(?:code|errno|syscall|requireStack|digest):\s|^[\s{}\[\]|-]*$|^\s*-+>?\s*$|^\s+\d+\s*\|
    |^(?:Collecting|Downloading|Using\ cached|Requirement\ already|Get:\d|Hit:\d|Ign:\d|Reading\ |Building\ dependency)
    |failed\ to\ solve:\ (?:process\ "|executor\ failed)
    |note:\ This\ (?:error|is)|^hint:|^\(Background\ on\ this\ error
    |^\s*\d+\s+│|^fetch\ https?:|^\s*\[end\ of\ output\]""",
    re.VERBOSE,
)
_PLACE = re.compile(r"^\s*(?:at |File \"|[~^|]|\d+ \|)|^\W*$")
_TELLING = re.compile(r"connect|resol|certificate|\bSSL|fetch|not compatible", re.IGNORECASE)
_LOUD = re.compile(
    r"error|err!|fail|fatal|cannot|can't|could not|couldn't|unable|not found|denied|refused|missing|invalid|exception"
    r"|panic|killed|no such|E: |conflict|unsupported|does not|not set|requir(?:e|es|ed)\b|mismatch|❌|×"
    r"|ERR_[A-Z]|already (?:exists|in use)|\bAbort|not installed|untrusted|is not signed|never used"
    r"|Illegal instruction|core dumped"
    r"|n.t match|out of date|not allowed|no longer supported|must be async|^Expected version|^Got: ",
    re.IGNORECASE,
)
# What BuildKit says of a step that failed: true of every one, and so no program's own words.
_CLOSING = re.compile(
    r'^(?:ERROR: failed to solve: )?(?:process ".*" did not complete successfully|executor failed running \[)'
    r"|^The command '.*returned a"
)


def cause_lines(lines: Sequence[str], said: str = "", most: int = MOST) -> list[str]:
    """Return the lines that carry the cause, in their order, `said` among them; the last ones where none is loud.

    Where `said` itself tells no cause, as BuildKit's last words, it is no line to look around.
    """
    said = "" if _CLOSING.search(said) else said
    announced = _announced(lines) | _own_place(lines) | _before(lines)
    useful = [line for line in lines if line.strip() == said or line in announced or not _NOISE.search(line)]
    useful = useful or list(lines)
    own = [number for number, line in enumerate(useful) if not _CLOSING.search(line)] or list(range(len(useful)))
    loud = [number for number in own if _is_loud(useful[number]) or useful[number] in announced]
    at = next((number for number in reversed(range(len(useful))) if said and useful[number].strip() == said), None)
    if at is None:
        chosen = set(loud[-most:]) or set(own[-most:])
    else:
        near = sorted((number for number in loud if number != at), key=lambda number: abs(number - at))
        chosen = {at, *near[: most - 1]}
    return list(dict.fromkeys(useful[number].strip() for number in sorted(chosen)))


_FILE = re.compile(
    r"^\s*File \"(?!<)(?![^\"]*(?:/site-packages/|/dist-packages/|/lib/python3))[^\"]+\", line \d+, in \S"
)


def _own_place(lines: Sequence[str]) -> set[str]:
    """Return the line of the last traceback that names the program's own file and line, the innermost one."""
    begins = [number for number, line in enumerate(lines) if line.startswith("Traceback (most recent")]
    found = [line for line in lines[begins[-1] if begins else 0 :] if _FILE.search(line)]
    return set(found[-1:])


_SOURCE = re.compile(
    r"^\s*(?:\./)?[\w./()\[\]@-]+\.(?:[cm]?[jt]sx?|s?css|vue|svelte|mdx?|json|prisma)(?::\d+){0,2}\s*$"
)


def _before(lines: Sequence[str]) -> set[str]:
    """Return the lines that name a source file alone, and are followed by what is wrong with it."""
    return {place for place, line in itertools.pairwise(lines) if _SOURCE.match(place) and _is_loud(line)}


def _is_loud(line: str) -> bool:
    return bool(_LOUD.search(line)) and not CALM.search(line)


def _announced(lines: Sequence[str]) -> set[str]:
    """Return the lines that a loud one before them promises by how it ends: "These do not:", "missing: ["."""
    filled = [line for line in lines if line.strip()]
    return {
        line
        for head, line in itertools.pairwise(filled)
        if head.rstrip().endswith((":", "["))
        and _is_loud(head)
        and not _PLACE.search(line)
        and not _CLOSING.search(line)
    }


def without_calm_lines(text: str) -> str:
    """Return the text without what a program writes while it copes; what it says of its connections and of
    what does not fit together stays.
    """
    return "\n".join(line for line in text.splitlines() if not CALM.search(line) or _TELLING.search(line))


def without_helm_prefixes(text: str) -> str:
    """Return the text with the log of a failed hook, which helm prints as messages of its own, as its
    program wrote it.
    """
    if not re.search(r"\bhooks? failed|failed (?:pre|post)-", text):
        return text
    return "\n".join(_program_line(line) for line in text.splitlines())


def _program_line(line: str) -> str:
    found = re.fullmatch(r'level=INFO msg=("(?:[^"\\]|\\.)*")', line.strip())
    try:
        return str(parsing.from_json(found[1])) if found else line
    except ValueError:  # an escape that Go writes and JSON does not know
        return line


@dataclass(frozen=True)
class BuildFailure:
    """The step of an image's build that failed: its instruction, and what was printed, BuildKit's own words last."""

    step: str
    lines: tuple[str, ...]


def build_failure(text: str) -> BuildFailure | None:
    """Return the step that failed in what `docker build` printed, or None if this is no build's output.

    What other steps printed beside it is left out, and so are the steps that were cancelled because of it.
    """
    lines = text.replace("\r\n", "\n").splitlines()
    solved = [line for line in lines if "failed to solve" in line or re.match(r"ERROR: |\s*\d+ \| >>> ", line)]
    failed = [
        found for line in lines if (found := re.match(r"#(\d+) ERROR:? (.*)", line)) and not _CANCELLED.search(line)
    ]
    if failed:
        number, message = failed[0].groups()
        own = [line.removeprefix(f"#{number} ") for line in lines if line.startswith(f"#{number} ")]
        step = next((line for line in own if line.startswith("[")), "")
        printed = [found[1] for line in own if (found := re.match(r"\d+\.\d+ ?(.*)", line))]
        return BuildFailure(_instruction(step), (*_of_last_try(printed), message, *solved))
    block = re.search(r"(?ms)^ > (\[[^\n]*?):?\s*\n(.*?)^------", text)
    if block:
        printed = [re.sub(r"^(?:#\d+ )?\d+\.\d+ ", "", line) for line in block[2].splitlines()]
        return BuildFailure(_instruction(block[1]), (*_of_last_try(printed), *solved))
    steps = re.findall(r"(?m)^Step \d+/\d+ : (.*)$", text)
    if steps:
        return BuildFailure(steps[-1], tuple(text[text.rindex(steps[-1]) + len(steps[-1]) :].splitlines()))
    if any("failed to solve" in line for line in solved):
        return BuildFailure("", tuple(line for line in lines if not re.match(r"#\d+ ", line)))
    return None


def _of_last_try(printed: list[str]) -> list[str]:
    """Return what a step printed after it began again: what only the first try failed by is no cause."""
    return printed[printed.index(AGAIN) + 1 :] if AGAIN in printed else printed


AGAIN = "once more, without judging types and style"  # as builders of the product say it
_CANCELLED = re.compile(r"context canceled|CANCELED|Canceled", re.IGNORECASE)


def _instruction(step: str) -> str:
    """Return `RUN npm ci` of `[builder 3/5] RUN npm ci`."""
    return re.sub(r"^\[[^\]]*\] ?", "", step).strip().rstrip(":")
