"""Values laid over one another as helm does it, a change of each, and the objects that a chart makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from scripts.host.parsing import documents_from_yaml, from_yaml
from tests.support.charts import helm

TABLE: dict[str, dict[str, Any]] = from_yaml(Path(__file__).with_name("every_value.yaml").read_text("utf-8"))
PROBES = ("startupProbe", "readinessProbe", "livenessProbe")
SERVICE = TABLE["service"] | {f"{probe}.{key}": case for probe in PROBES for key, case in TABLE["probe"].items()}
SERVICE["readinessProbe.terminationGracePeriodSeconds"] = {"unseen": "refused: test_contradictions.py"}
OFF: dict[str, Any] = {name: {"enabled": False} for name in ("frontend", "backend", "agent", "mcp")}


def placed(key: str, value: Any) -> Any:
    """A value at a dotted key, whole lists for keys within them."""
    for name in reversed(key.partition("[]")[0].split(".")):
        value = {name: value}
    return value


def laid_over(base: Any, top: Any) -> Any:
    """Mappings merged, as helm merges values files."""
    if not (isinstance(base, dict) and isinstance(top, dict)):
        return top
    return base | {key: laid_over(base[key], value) if key in base else value for key, value in top.items()}


def before_and_after(key: str, case: dict[str, Any], base: Any = None) -> tuple[Any, Any]:
    """Values without and with the change of a case."""
    before = laid_over(base or {}, case.get("with", {}))
    if "from" in case:
        before = laid_over(before, placed(key, case["from"]))
    return before, laid_over(before, placed(key, case["to"]))


def objects(chart: Path, values: Any) -> list[Any]:
    answer = helm("template", "r", chart, "--namespace", "n", "--set-json", json.dumps(values))
    assert answer.returncode == 0, answer.stderr
    return documents_from_yaml(answer.stdout)
