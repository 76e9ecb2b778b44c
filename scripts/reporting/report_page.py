"""The last runs as one self-contained HTML page: the newest run's timeline, and the trend of durations."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from scripts.errors import UserError
from scripts.host.files import write_whole
from scripts.reporting.report import FOLDER

SHOWN = 30  # runs in the trend
WIDTH = 860.0
LABEL = 190.0
ROW = 22.0
COLOURS = {
    "prepare": "#6b7fd7", "build": "#3f9c6b", "tag": "#8a8f98", "load": "#b98b2f", "deploy": "#2f8fb9",
    "rollout": "#9a5fb5", "health": "#c2577a", "access": "#57a5a0", "rollback": "#c4453a",
}  # fmt: skip
STYLE = """
:root { color-scheme: light dark; --ink: light-dark(#1b1f24, #e6e9ee); --soft: light-dark(#66707c, #98a2b0);
  --line: light-dark(#dfe3e8, #343a43); --bad: light-dark(#b3261e, #ff8a80); }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); max-width: 56rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font-size: 12px; } svg .soft { fill: var(--soft); }
svg line { stroke: var(--line); } .bad { color: var(--bad); } .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
td, th { text-align: left; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid var(--line); }
pre { white-space: pre-wrap; }
"""


def read(root: Path) -> list[dict[str, Any]]:
    """The kept reports, oldest first. Raises UserError if there are none."""
    files = sorted((root / FOLDER).glob("[0-9]*.json"))[-SHOWN:]
    if not files:
        raise UserError(f"no runs are recorded in {FOLDER}/", "run: invoke pipeline")
    return [_record(file) for file in files]


def _record(file: Path) -> dict[str, Any]:
    try:
        record = json.loads(file.read_text(encoding="utf-8"))
        return {**record, "stages": list(record["stages"]), "outcomes": list(record["outcomes"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{file} cannot be read as the record of a run", "remove it, or restore it") from None


def write(file: Path, page: str) -> Path:
    """Write the page, making its folder. Raises UserError where that is not possible. Returns the file."""
    try:
        write_whole(file, page)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"--output {file}: cannot be written: {why}", "give a file in a folder of yours") from None
    return file


def bars(report: Mapping[str, Any], width: int = 50) -> list[tuple[str, str, str]]:
    """A row a stage of a run: its name, a bar where it lay in the run, `width` characters for the whole, and its time.

    Stages that overlap are beside each other, as their bars show.
    """
    total = max(report["seconds"], 0.001)
    rows = []
    begin = 0.0
    for stage in report["stages"]:
        parts = [item for item in report["outcomes"] if item["stage"] == stage["stage"] and item["ended"]]
        start = min([item["ended"] - item["seconds"] for item in parts] or [begin])
        start = max(0.0, min(start, total - stage["seconds"]))
        left, size = round(start / total * width), max(1, round(stage["seconds"] / total * width))
        rows.append((stage["stage"], (" " * left + "█" * size)[:width].ljust(width), f"{stage['seconds']:.1f} s"))
        begin = start + stage["seconds"]
    return rows


def render(reports: Sequence[Mapping[str, Any]], more: str = "") -> str:
    """The page, with `more` HTML after what the runs say. Nothing in it is loaded from anywhere else."""
    newest = reports[-1]
    verdict = "verified" if newest["ok"] else "failed"
    images = "".join(f"<tr><td>{_text(name)}</td><td>{_text(ref)}</td></tr>" for name, ref in newest["images"].items())
    revisions = ", ".join(f"{name} {number}" for name, number in newest["revisions"].items())
    problem = f'<h2 class="bad">Cause</h2><pre>{_text(newest["error"])}</pre>' if newest["error"] else ""
    hint = f"<p>{_text(newest['hint'])}</p>" if newest["hint"] else ""
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Todo Chatbot: runs</title><style>{STYLE}</style></head><body>
<h1>{_text(newest["command"])}: {verdict} in {newest["seconds"]:.1f} s</h1>
<p class="soft">{_text(newest["started"])} · {_text(newest["environment"])} on {_text(newest["target"])}
{"· revision " + _text(revisions) if revisions else ""}</p>
{problem}{hint}
<h2>Where the time went</h2>{timeline(newest)}
<h2>The last {len(reports)} runs</h2>{trend(reports)}
{more}<h2>Images</h2><table><tbody>{images}</tbody></table>
</body></html>
"""


def timeline(report: Mapping[str, Any]) -> str:
    """One bar for each thing that took time, where it lay in the run."""
    total = max(report["seconds"], 0.001)
    scale = (WIDTH - LABEL - 60) / total
    bars = [item for item in report["outcomes"] if item["seconds"] >= total / 500 or item["status"] == "failed"]
    parts = []
    for index, item in enumerate(sorted(bars, key=lambda item: item["ended"] - item["seconds"])):
        y = index * ROW
        x = LABEL + max(0.0, item["ended"] - item["seconds"]) * scale
        width = max(2.0, item["seconds"] * scale)
        colour = "#c4453a" if item["status"] == "failed" else COLOURS.get(item["stage"], "#8a8f98")
        label = f"{item['stage']} {item['target']}"[:30]
        parts.append(
            f'<text x="0" y="{y + 15:.0f}">{_text(label)}</text>'
            f'<rect x="{x:.1f}" y="{y + 4:.0f}" width="{width:.1f}" height="14" rx="3" fill="{colour}">'
            f"<title>{_text(item['detail'])}</title></rect>"
            f'<text class="soft" x="{x + width + 4:.1f}" y="{y + 15:.0f}">{item["seconds"]:.1f} s</text>'
        )
    height = max(1, len(bars)) * ROW + 6
    described = "Timeline of the newest run"
    return f'<svg viewBox="0 0 {WIDTH:.0f} {height:.0f}" role="img" aria-label="{described}">{"".join(parts)}</svg>'


def trend(reports: Sequence[Mapping[str, Any]]) -> str:
    """A bar for each run, stacked by stage; a failed one is marked."""
    height, foot = 180.0, 18.0
    longest = max(max(item["seconds"] for item in reports), 0.001)
    step = (WIDTH - 50) / max(len(reports), 10)
    parts = []
    for share in (0.5, 1.0):
        y = height - share * (height - 14)
        parts.append(f'<line x1="44" y1="{y:.1f}" x2="{WIDTH:.0f}" y2="{y:.1f}"/>')
        parts.append(f'<text class="soft" x="0" y="{y + 4:.1f}">{longest * share:.0f} s</text>')
    for index, item in enumerate(reports):
        x, y = 50 + index * step, height
        for stage in item["stages"]:
            size = stage["seconds"] / longest * (height - 14)
            y -= size
            colour = COLOURS.get(stage["stage"], "#8a8f98")
            parts.append(
                f'<rect x="{x:.1f}" y="{y:.1f}" width="{step * 0.7:.1f}" height="{size:.1f}" fill="{colour}">'
                f"<title>{_text(item['started'])}: {_text(stage['stage'])} {stage['seconds']:.1f} s</title></rect>"
            )
        if not item["ok"]:
            parts.append(f'<text x="{x:.1f}" y="{height + 14:.0f}">failed</text>')
    used = dict.fromkeys(stage["stage"] for item in reports for stage in item["stages"])
    legend = " ".join(f'<span style="color:{COLOURS.get(name, "#8a8f98")}">■</span> {_text(name)}' for name in used)
    drawn = "".join(parts)
    return (
        f'<svg viewBox="0 0 {WIDTH:.0f} {height + foot:.0f}" role="img" aria-label="Durations of runs">{drawn}</svg>'
        f'<p class="soft">{legend}</p>'
    )


def _text(value: object) -> str:
    return html.escape(str(value))
