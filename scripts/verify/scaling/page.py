"""Keep a proof: a record, a page with the plot, and a summary for the terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from markupsafe import Markup

from scripts.host import parsing
from scripts.host.files import write_whole
from scripts.reporting import pages
from scripts.reporting.report import FOLDER, KEPT
from scripts.verify.scaling import criteria, plot
from scripts.verify.scaling.model import Autoscaler, Proof, Sample

SCHEMA = 1  # of the JSON
RECORDS = f"{FOLDER}/scaling"
PAGE = f"{FOLDER}/scaling.html"
HERE = Path(__file__).parent


def as_json(proof: Proof) -> dict[str, Any]:
    """Return the record, as `--json` prints it and `reports/scaling/` keeps it."""
    return {"schema": SCHEMA, "ok": proof.ok} | dict(figures(proof)) | asdict(proof)


def from_json(data: Mapping[str, Any]) -> Proof:
    """Return the proof of a record."""
    names = Proof.__dataclass_fields__
    return Proof(
        **{name: data[name] for name in names}
        | {
            "autoscaler": Autoscaler(**data["autoscaler"]),
            "samples": tuple(Sample(**one | {"problems": tuple(one["problems"])}) for one in data["samples"]),
            "problems": tuple(data["problems"]),
        }
    )


def figures(proof: Proof) -> dict[str, Any]:
    """Return what it comes down to. Times are seconds, latencies milliseconds, None where it did not come to that."""
    samples = proof.samples
    loaded = [one for one in samples if one.phase == "load"]
    out = next((one.second for one in samples if criteria.scaled_out(one, proof.start)), None)
    calm = next((one.second for one in samples if one.phase == "calm"), None)
    small = calm is not None and criteria.scaled_in(samples[-1], proof.autoscaler)
    big = next((one.second for one in reversed(samples) if not criteria.scaled_in(one, proof.autoscaler)), 0.0)
    return {
        "requests": sum(one.requests for one in samples),
        "failed": sum(one.failed for one in samples),
        "most_replicas": max((one.ready for one in samples), default=0),
        "most_rate": max((one.rate for one in samples), default=0.0),
        "out_seconds": out,
        "in_seconds": round(max(0.0, big - calm), 1) if calm is not None and small else None,
        "p50": _middle([one.p50 for one in loaded]),
        "p95": _middle([one.p95 for one in loaded]),
    }


def _middle(values: list[float | None]) -> float | None:
    """Return the median over the seconds that have one."""
    known = sorted(value for value in values if value is not None)
    return known[len(known) // 2] if known else None


def rows(proof: Proof) -> list[tuple[str, str]]:
    """Return the figures in words."""
    found, scaler = figures(proof), proof.autoscaler
    goals = ", ".join(f"{name} {goal} %" for name, goal in scaler.targets.items())
    out = "no" if found["out_seconds"] is None else f"{proof.start} to {found['most_replicas']}, ready after "
    out += "" if found["out_seconds"] is None else f"{found['out_seconds']:.0f} s of load"
    small = "no" if found["in_seconds"] is None else f"to {scaler.least}, {found['in_seconds']:.0f} s after the load"
    latency = "none" if found["p50"] is None else f"p50 {found['p50']:.0f} ms, p95 {found['p95']:.0f} ms under load"
    return [
        ("autoscaler", f"{scaler.least} to {scaler.most} pods, {goals}, looks back {scaler.window} s"),
        ("scaled out", out),
        ("scaled in", small),
        ("requests", f"{found['requests']}, {found['failed']} failed, at most {found['most_rate']:.0f}/s"),
        ("latency", latency),
    ]


def section(proof: Proof) -> str:
    """Return the proof as a part of a page."""
    drawn = plot.draw(proof) if proof.samples else ""
    return pages.render(HERE / "section.html.jinja", proof=proof, rows=rows(proof), plot=Markup(drawn))  # noqa: S704


def render(proof: Proof) -> str:
    """Return a page of its own. Nothing in it is loaded from anywhere else."""
    return pages.render(HERE / "scaling.html.jinja", section=Markup(section(proof)))  # noqa: S704


def write(proof: Proof, root: Path) -> list[Path]:
    """Keep the record, dropping the oldest beyond `report.KEPT`, and draw the page. Each is whole or not there."""
    name = proof.started.replace(":", "").replace("+0000", "Z")
    texts = {
        root / RECORDS / f"{name}.json": json.dumps(as_json(proof), indent=1) + "\n",
        root / PAGE: render(proof),
    }
    for file, text in texts.items():
        write_whole(file, text)
    for old in sorted((root / RECORDS).glob("*.json"))[:-KEPT]:
        old.unlink()
    return list(texts)


def newest(root: Path) -> str:
    """Return the newest proof as a part of a page; nothing where there is none."""
    files = sorted((root / RECORDS).glob("*.json"))
    return section(from_json(parsing.from_json(files[-1].read_text(encoding="utf-8")))) if files else ""
