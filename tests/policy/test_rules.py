"""Alerts by Prometheus' own test format, and every expression of the dashboard read, by the real promtool."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.host.paths import ROOT
from tests.support import exports
from tests.support.charts import MONITORING, by_name, manifests
from tests.support.promql import selectors

FILE = ROOT / "tests/policy/rules.test.yaml"
CASES = yaml.safe_load(FILE.read_text(encoding="utf-8"))["tests"]
CACHE = ROOT / ".nox/promtool"  # untracked
DOWNLOAD = ("apt-get", "download", "-qq", "prometheus")
VARIABLES = {"$namespace": "chatbot-dev", "$__rate_interval": "1m", "$__interval": "15s", "$__range": "1h"}


def fetch(target: Path) -> str:
    """Take promtool out of Debian's package, installing and starting nothing. Returns why it cannot be had, if so."""
    if not shutil.which("apt-get") or not shutil.which("dpkg-deb"):
        return "promtool is not installed, and there is no apt-get to fetch it"
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as name:
        folder = Path(name)
        problem = ""
        # The lists of packages may be missing or old: then once more with new ones.
        for argv in (DOWNLOAD, ("apt-get", "update", "-qq"), DOWNLOAD):
            done = subprocess.run(argv, cwd=folder, capture_output=True, text=True, check=False, timeout=600)
            problem = done.stderr.strip()
            if archives := list(folder.glob("*.deb")):
                subprocess.run(["dpkg-deb", "--extract", archives[0], "all"], cwd=folder, check=True)
                (folder / "all/usr/bin/promtool").replace(target)
                return ""
    return f"{' '.join(DOWNLOAD)}: {problem or 'nothing came'}"


@pytest.fixture(scope="session")
def promtool() -> str:
    """Prometheus' checker: the one on PATH, else Debian's."""
    if installed := shutil.which("promtool"):
        return installed
    if not CACHE.is_file() and (reason := fetch(CACHE)):
        pytest.skip(reason)
    return str(CACHE)


def groups() -> Any:
    """The rules as helm renders them."""
    (rule,) = by_name(manifests(MONITORING), "PrometheusRule").values()
    return json.loads(json.dumps(rule["spec"]))


def run(promtool: str, folder: Path, rules: Any, *words: str) -> subprocess.CompletedProcess[str]:
    """Run promtool where `rules` and the cases lie."""
    (folder / "rules.yaml").write_text(yaml.safe_dump(rules), encoding="utf-8")
    shutil.copy(FILE, folder)
    return subprocess.run([promtool, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=600)


def test_alerts_fire_when_they_should_and_else_are_silent(promtool: str, tmp_path: Path) -> None:
    done = run(promtool, tmp_path, groups(), "test", "rules", FILE.name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_each_alert_has_a_case_that_fires_and_one_that_does_not() -> None:
    fires, silent = set(), set()
    for case in CASES:
        expected = {one["alertname"]: False for one in case["alert_rule_test"]}
        expected |= {one["alertname"]: True for one in case["alert_rule_test"] if one["exp_alerts"]}
        fires |= {name for name, wanted in expected.items() if wanted}
        silent |= {name for name, wanted in expected.items() if not wanted}
    assert fires == silent == {rule["alert"] for group in groups()["groups"] for rule in group["rules"]}


def test_the_cases_are_made_of_what_is_exported() -> None:
    series = [one["series"] for case in CASES for one in case["input_series"]]
    known = exports.known()
    assert all(set(labels) <= known[metric] for one in series for metric, labels in selectors(one))


def test_every_alert_can_be_routed_by_its_namespace() -> None:
    """Of the operator's AlertmanagerConfig, each takes only the alerts with the label of its own namespace."""
    fired = [alert for case in CASES for one in case["alert_rule_test"] for alert in one["exp_alerts"]]
    assert fired and all(alert["exp_labels"]["namespace"] == "chatbot-dev" for alert in fired)


def test_every_expression_of_the_dashboard_is_promql(promtool: str, tmp_path: Path) -> None:
    dashboard = json.loads((MONITORING / "files/dashboard.json").read_text(encoding="utf-8"))
    rules = []
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            expression = target["expr"]
            for variable, value in VARIABLES.items():
                expression = expression.replace(variable, value)
            assert "$" not in expression, f"a variable that is not known: {expression}"
            rules.append({"record": f"panel:{panel['id']}:{target['refId']}", "expr": expression})
    done = run(promtool, tmp_path, {"groups": [{"name": "dashboard", "rules": rules}]}, "check", "rules", "rules.yaml")
    assert done.returncode == 0 and f"{len(rules)} rules found" in done.stdout, done.stdout + done.stderr


def test_what_is_no_promql_is_refused(promtool: str, tmp_path: Path) -> None:
    rules = {"groups": [{"name": "bad", "rules": [{"record": "a:b", "expr": "sum by (rate(x[5m])"}]}]}
    assert run(promtool, tmp_path, rules, "check", "rules", "rules.yaml").returncode != 0
