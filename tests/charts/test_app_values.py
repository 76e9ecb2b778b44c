"""What is derived from an app's file is what the charts take: workers, storage, jobs, a database with TLS."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scripts.host.paths import GENERATED, ROOT
from scripts.settings import app_values
from scripts.settings.configuration import read_settings
from tests.support.chart_values import laid_over, objects
from tests.support.charts import DATABASE, SERVICES, UMBRELLA, by_name
from tests.support.strict import problems

APP: dict[str, Any] = {
    "page": "web",
    "database": {"tls": True},
    "services": {
        "web": {
            "port": 3000,
            "environment": {"BACKEND_URL": "http://api:8000", "LIMIT": 12345678},
            "home": "/home/node",
        },
        "api": {
            "port": 8000,
            "user": 1000,
            "probes": {"readiness": "/health", "liveness": ["test", "-f", "/app/cache/alive"], "startSeconds": 90},
            "writablePaths": ["/app/cache"],
        },
        "worker": {"command": ["python", "-m", "worker"], "persistence": {"path": "/var/lib/worker", "size": "2Gi"}},
    },
    "jobs": {"migrate": {"service": "api", "command": ["alembic", "upgrade", "head"]}},
    "secrets": {
        "keys": {"usedBy": ["api", "worker"], "keys": {"DATABASE_URL": {"database": {}}, "TOKEN": {"generate": 32}}}
    },
}
SLOW = {"port": 9000, "probes": {"readiness": "/health", "startSeconds": 900}}


@pytest.mark.slow
def test_an_app_of_other_services_is_deployed() -> None:
    values = app_values.of_release(APP, SERVICES, library=True)
    images = {name: {"image": {"repository": f"mine/{name}", "tag": "1"}} for name in APP["services"]}
    found = objects(UMBRELLA, laid_over(values, {"services": images}))
    assert not [problem for item in found for problem in problems(item)]
    assert set(by_name(tuple(found), "Deployment")) == {"web", "api", "worker"}
    assert set(by_name(tuple(found), "Service")) == {"web", "api"}
    assert set(by_name(tuple(found), "Job")) == {"api-migrate"}
    worker = by_name(tuple(found), "Deployment")["worker"]["spec"]
    assert (worker["replicas"], worker["strategy"]) == (1, {"type": "Recreate"})


@pytest.mark.slow
def test_a_rollout_outlasts_the_start_that_its_programs_may_take() -> None:
    values = app_values.of_release(APP | {"services": APP["services"] | {"slow": SLOW}}, SERVICES, library=True)
    images = {name: {"image": {"repository": f"mine/{name}", "tag": "1"}} for name in values["services"]}
    deployments = by_name(tuple(objects(UMBRELLA, laid_over(values, {"services": images}))), "Deployment")
    for name, seconds in (("web", app_values.START_SECONDS), ("api", 90), ("slow", 900)):
        spec = deployments[name]["spec"]
        probe = spec["template"]["spec"]["containers"][0]["startupProbe"]
        assert probe["periodSeconds"] * probe["failureThreshold"] == seconds < spec["progressDeadlineSeconds"]


@pytest.mark.slow
def test_pods_of_another_chart_reach_the_database_whatever_their_labels_are() -> None:
    ours, others = (tuple(objects(DATABASE, app_values.of_database(APP, library=one))) for one in (True, False))
    assert by_name(ours, "NetworkPolicy")
    assert not by_name(others, "NetworkPolicy")


def test_the_database_of_the_reference_app_is_called_by_its_readers_only() -> None:
    release = read_settings(ROOT).database_release
    generated = [json.loads(file.read_text()) for file in release.values if file.parent.name == GENERATED]
    assert [values.get("global") for values in generated] == [None], "its policy is rendered"


@pytest.mark.slow
def test_its_database_answers_by_each_name_it_is_called_by() -> None:
    values = app_values.of_database(APP | {"database": {"aliases": ["db"]}}, library=True)
    found = [item for item in objects(DATABASE, values) if item["kind"] == "Service"]
    assert [item["metadata"]["name"] for item in found] == ["database", "db"]
    assert found[0]["spec"] == found[1]["spec"]
    assert not [problem for item in found for problem in problems(item)]


@pytest.mark.slow
def test_its_database_serves_tls() -> None:
    found = tuple(objects(DATABASE, app_values.of_database(APP, library=True)))
    assert by_name(found, "Secret")["database-tls"]["type"] == "kubernetes.io/tls"
    assert not [problem for item in found for problem in problems(item)]
