"""The last runs as one self-contained HTML page: the newest run's timeline, and the trend of durations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from scripts.errors import UserError
from scripts.host import parsing
from scripts.host.files import refuse_foreign, write_whole
from scripts.reporting import pages
from scripts.reporting.report import FOLDER

SHOWN = 30  # runs in the trend
WIDTH = 860.0
LABEL = 190.0
ROW = 22.0
COLOURS = {
    "prepare": "#6b7fd7", "build": "#3f9c6b", "tag": "#8a8f98", "load": "#b98b2f", "deploy": "#2f8fb9",
    "rollout": "#9a5fb5", "health": "#c2577a", "access": "#57a5a0", "rollback": "#c4453a",
}  # fmt: skip
OTHER, FAILED = "#8a8f98", "#c4453a"


def read(root: Path) -> list[dict[str, Any]]:
    """Return the kept reports, oldest first. Raises UserError if there are none."""
    files = sorted((root / FOLDER).glob("[0-9]*.json"))[-SHOWN:]
    if not files:
        raise UserError(f"no runs are recorded in {FOLDER}/", "run: invoke pipeline")
    return [_record(file) for file in files]


def _record(file: Path) -> dict[str, Any]:
    try:
        record = parsing.from_json(file.read_text(encoding="utf-8"))
        return {**record, "stages": list(record["stages"]), "outcomes": list(record["outcomes"])}
    except (OSError, ValueError, KeyError, TypeError):
        raise UserError(f"{file} cannot be read as the record of a run", "remove it, or restore it") from None


def write(file: Path, page: str) -> Path:
    """Write the page, making its folder. Returns the file.

    Raises UserError where that is not possible, or a file is there that is no page.
    """
    refuse_foreign(file, "<html", "--output")
    try:
        write_whole(file, page)
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or error
        raise UserError(f"--output {file}: cannot be written: {why}", "give a file in a folder of yours") from None
    return file


def bars(report: Mapping[str, Any], width: int = 50) -> list[tuple[str, str, str]]:
    """Return a row a stage of a run: its name, a bar where it lay in the run, `width` characters for the whole, and
    its time.

    Stages that overlap are beside each other, as their bars show.
    """
    total = max(report["seconds"], 0.001)
    rows = []
    begin = 0.0
    for stage in report["stages"]:
        parts = [item for item in report["outcomes"] if item["stage"] == stage["stage"] and item["ended"]]
        start = min([item["ended"] - item["seconds"] for item in parts] or [begin])
        start = max(0.0, min(start, total - stage["seconds"]))
        # Builds begin before their stage does, as soon as what they stand on is there.
        seconds = max([stage["seconds"], *(item["ended"] - start for item in parts)])
        left, size = round(start / total * width), max(1, round(seconds / total * width))
        rows.append((stage["stage"], (" " * left + "█" * size)[:width].ljust(width), f"{seconds:.1f} s"))
        begin = start + seconds
    return rows


def render(reports: Sequence[Mapping[str, Any]], more: str = "") -> str:
    """Return the page, with `more` HTML after what the runs say. Nothing in it is loaded from anywhere else."""
    return pages.render(
        pages.TEMPLATES / "runs.html.jinja",
        width=f"{WIDTH:.0f}",
        newest=reports[-1],
        verdict=verdict(reports[-1]),
        timeline=timeline(reports[-1]),
        trend=trend(reports),
        more=Markup(more),  # noqa: S704 made by a template too
    )


def verdict(report: Mapping[str, Any]) -> str:
    """Return what became of a run: failed, verified where it checked the live release's health, or done."""
    done = [item for item in report["outcomes"] if item["status"] == "done"]
    looked = any(item["stage"] == "health" or str(item["detail"]).startswith("health: ") for item in done)
    return "failed" if not report["ok"] else "verified" if looked else "done"


def timeline(report: Mapping[str, Any]) -> dict[str, Any]:
    """Return a bar for each thing that took time, where it lay in the run."""
    total = max(report["seconds"], 0.001)
    scale = (WIDTH - LABEL - 60) / total
    shown = [item for item in report["outcomes"] if item["seconds"] >= total / 500 or item["status"] == "failed"]
    shown.sort(key=lambda item: item["ended"] - item["seconds"])
    bars = [
        {
            "y": round(index * ROW),
            "x": round(LABEL + max(0.0, item["ended"] - item["seconds"]) * scale, 1),
            "width": round(max(2.0, item["seconds"] * scale), 1),
            "colour": FAILED if item["status"] == "failed" else COLOURS.get(item["stage"], OTHER),
            "label": f"{item['stage']} {item['target']}"[:30],
            "detail": item["detail"],
            "time": f"{item['seconds']:.1f} s",
        }
        for index, item in enumerate(shown)
    ]
    return {"height": round(max(1, len(bars)) * ROW + 6), "bars": bars}


def trend(reports: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a bar for each run, stacked by stage, and whether it failed."""
    height, foot = 180.0, 18.0
    longest = max(max(item["seconds"] for item in reports), 0.001)
    step = (WIDTH - 50) / max(len(reports), 10)
    used = dict.fromkeys(stage["stage"] for item in reports for stage in item["stages"])
    return {
        "height": round(height + foot),
        "foot": round(height + 14),
        "bar": round(step * 0.7, 1),
        "marks": [
            {"y": round(height - share * (height - 14), 1), "text": f"{longest * share:.0f} s"} for share in (0.5, 1.0)
        ],
        "runs": [
            {
                "x": round(50 + index * step, 1),
                "ok": item["ok"],
                "started": item["started"],
                "parts": _stacked(item["stages"], height, (height - 14) / longest),
            }
            for index, item in enumerate(reports)
        ],
        "legend": [(name, COLOURS.get(name, OTHER)) for name in used],
    }


def _stacked(stages: Sequence[Mapping[str, Any]], foot: float, scale: float) -> list[dict[str, Any]]:
    """Return the parts of one bar, from its foot upwards; `scale` is units a second."""
    parts = []
    for stage in stages:
        size = stage["seconds"] * scale
        foot -= size
        text = f"{stage['stage']} {stage['seconds']:.1f} s"
        colour = COLOURS.get(stage["stage"], OTHER)
        parts.append({"y": round(foot, 1), "height": round(size, 1), "colour": colour, "text": text})
    return parts
