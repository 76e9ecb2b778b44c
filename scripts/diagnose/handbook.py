"""`docs/troubleshooting.md`, made from the catalogue: python -m scripts.diagnose.handbook"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from scripts.diagnose.model import Alternative, Rule
from scripts.diagnose.rules import FILE, load_rules, stages
from scripts.settings.loading import ROOT

PAGE = "docs/troubleshooting.md"
HEAD = f"""# Troubleshooting

<!-- Generated from {FILE} by `python -m scripts.diagnose.handbook`; a test keeps it current. -->

`./run invoke diagnose` looks at the live release, compares what it sees with the signs below, and names the service,
the evidence, what to do, and the command to look further. A run that fails does the same by itself, before it rolls
back. Causes come before their consequences: a database that cannot be pulled explains a backend that is not ready.
Words in braces stand for what is found in the cluster.

A sign that may pass by itself is waited out; "stops a run" says when waiting is in vain.
"""


def page(rules: Sequence[Rule], about: Mapping[str, str]) -> str:
    """The page, whole."""
    parts = [HEAD]
    for stage, text in about.items():
        parts.append(f"## {stage.capitalize()}\n\n{text.strip()}\n")
        parts += [_entry(rule) for rule in rules if rule.stage == stage]
    return "\n".join(parts)


def _entry(rule: Rule) -> str:
    signs = "\n".join(f"  - {_sign(alternative)}" for alternative in rule.alternatives)
    return (
        f"### {rule.id}\n\n**{_one_line(rule.title)}**\n\n{_one_line(rule.meaning)}\n\n"
        f"- What to do: {_one_line(rule.remedy)}\n- Look further: `{_one_line(rule.look)}`\n"
        f"- {_patience(rule)}\n- Signs:\n{signs}\n"
    )


def _sign(alternative: Alternative) -> str:
    matches = "; ".join(f"{field} `{pattern.pattern.replace('`', '')}`" for field, pattern in alternative.match.items())
    return f"{alternative.sign}: {matches}" if matches else alternative.sign


def _patience(rule: Rule) -> str:
    limits = []
    if rule.failures is not None:
        limits.append(f"after {rule.failures} failures")
    if rule.seconds is not None:
        limits.append(f"after {rule.seconds:g} s")
    if rule.at_once or any(alternative.sign == "command" for alternative in rule.alternatives):
        return "Stops a run: at once"
    return f"Stops a run: {' or '.join(limits)}" if limits else "Stops a run: no, it is only told"


def _one_line(text: str) -> str:
    return " ".join(text.split())


def write(root: Path = ROOT) -> Path:
    """Write the page, and say where."""
    file = root / PAGE
    file.parent.mkdir(exist_ok=True)
    file.write_text(page(load_rules(root), stages(root)), encoding="utf-8")
    return file


if __name__ == "__main__":
    print(write())
