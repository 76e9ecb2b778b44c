"""An app of services with other names: a page, an API, a worker, a volume, a migration, a container beside another."""

from __future__ import annotations

import json
import os
import shutil
import tarfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts.host.paths import ROOT
from tests.support.project import Project, make_project

pytestmark = pytest.mark.long

APP = ROOT / "tests/e2e/warehouse"
GATEWAY = {
    "apiVersion": "gateway.networking.k8s.io/v1",
    "kind": "Gateway",
    "metadata": {"name": "gateway"},
    "spec": {"gatewayClassName": "nginx", "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}]},
}
WAYS = {
    "warehouse.example": ("ingress", "shelf", "{.status.loadBalancer.ingress[0].ip}"),
    "gateway.example": ("gateway", "gateway", "{.status.addresses[0].value}"),
}
"""How the host names lead in, and where it is said at which address."""


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """The repository with the warehouse as its app, in sources of its own that a test may change."""
    source = tmp_path_factory.mktemp("warehouse")
    shutil.copytree(APP, source, dirs_exist_ok=True)
    shutil.copyfile(ROOT / "examples/own-app/backend/requirements.txt", source / "requirements.txt")
    app = yaml.safe_load((APP / "app.yaml").read_text(encoding="utf-8")) | {"source": str(source)}
    folders = (tmp_path_factory.mktemp("any"), tmp_path_factory.mktemp("any-state"))
    with make_project(*folders, f"any-{os.getpid()}") as made:
        app["release"] = {"name": "warehouse", "namespace": "chatbot-dev"}
        app["values"] = {
            "services": {"shelf": {"service": {"nodePort": made.port}}},
            "global": {"extraObjects": [GATEWAY]},
        }
        (made.folder / "config/apps/warehouse.yaml").write_text(yaml.safe_dump(app))
        settings = yaml.safe_load((made.folder / "config/pipeline.yaml").read_text())
        settings |= {"app": "warehouse"}
        settings["release"] = {}
        (made.folder / "config/pipeline.yaml").write_text(yaml.safe_dump(settings))
        yield made


@pytest.fixture(scope="module")
def first(warehouse: Project) -> dict[str, Any]:
    return warehouse.pipeline()


def test_services_of_other_names_are_built_deployed_and_answer(warehouse: Project, first: dict[str, Any]) -> None:
    """The table that the page shows was made by the migration, before the API was there."""
    assert first["ok"], first
    with urllib.request.urlopen(warehouse.url, timeout=300) as page:  # noqa: S310 a local URL
        assert page.read().decode() == 'greeting 12345678, orders ["first"]'
    found = set(warehouse.kubectl("get", "deployments", "-o", "name").split())
    assert found == {f"deployment.apps/{name}" for name in ("shelf", "orders", "packer", "database")}


def test_what_the_database_made_in_the_first_run_is_nothing_new_to_the_second(
    warehouse: Project, first: dict[str, Any]
) -> None:
    """Its certificate was not there yet when the run began, and the orders have read it since they started."""
    held = warehouse.kubectl("exec", "deployment/orders", "--", "cat", "/etc/database/ca.crt")
    assert held.startswith("-----BEGIN CERTIFICATE-----")
    second = warehouse.pipeline()
    assert second["ok"] and not second["changed"], second["changed"]


@pytest.mark.parametrize("host", WAYS)
def test_the_page_and_the_api_share_a_host(warehouse: Project, first: dict[str, Any], host: str) -> None:
    """By an Ingress each, or an HTTPRoute each: the API's paths with their prefix taken off, and kept."""
    kind, name, place = WAYS[host]
    address = warehouse.kubectl("get", kind, name, "-o", f"jsonpath={place}")
    found = {}
    for path in ("/", "/api/orders", "/orders"):
        request = urllib.request.Request(f"http://{address}{path}", headers={"Host": host})
        with urllib.request.urlopen(request, timeout=300) as answer:  # noqa: S310 the router's own address
            found[path] = answer.read().decode()
    assert found == {"/": 'greeting 12345678, orders ["first"]', "/api/orders": '["first"]', "/orders": '["first"]'}


def test_gateway_and_routes_say_that_they_are_served(warehouse: Project, first: dict[str, Any]) -> None:
    """In the words that any controller of the Gateway API has for it."""
    ways = {"gateway/gateway": "{.status.conditions", "httproute/orders": "{.status.parents[0].conditions"}
    said = {
        name: warehouse.kubectl("get", name, "-o", f"jsonpath={place}[?(@.status=='True')].type}}").split()
        for name, place in ways.items()
    }
    assert said == {"gateway/gateway": ["Accepted", "Programmed"], "httproute/orders": ["Accepted", "ResolvedRefs"]}


def test_a_worker_keeps_its_files_and_the_container_beside_it_reads_them(
    warehouse: Project, first: dict[str, Any]
) -> None:
    def kept(name: str) -> str:
        place = ("deployment/packer", "--container", "reader")
        return warehouse.kubectl("exec", *place, "--", "cat", f"/var/lib/packer/{name}")

    assert kept("starts") == kept("seen") == "1"
    warehouse.invoke("restart", "--service", "packer")
    assert kept("starts") == "2"
    assert warehouse.kubectl("get", "pvc", "packer", "-o", "jsonpath={.status.phase}") == "Bound"


def test_a_migration_that_fails_stops_the_upgrade_and_its_log_says_why(
    warehouse: Project, first: dict[str, Any]
) -> None:
    app = yaml.safe_load((warehouse.folder / "config/apps/warehouse.yaml").read_text())
    file = Path(app["source"], "warehouse.py")
    text = file.read_text(encoding="utf-8")
    file.write_text(
        text.replace("CREATE TABLE IF NOT EXISTS orders (", "ALTER TABLE customers ADD COLUMN ("), encoding="utf-8"
    )
    done = warehouse.invoke("pipeline", "--json", check=False)
    assert done.returncode != 0
    (failed,) = [item for item in json.loads(done.stdout)["outcomes"] if item["status"] == "failed"]
    assert failed["stage"] == "deploy" and "psycopg.errors.SyntaxError" in failed["detail"]
    with urllib.request.urlopen(warehouse.url, timeout=300) as page:  # noqa: S310 a local URL
        assert "first" in page.read().decode()


def own_chart(folder: Path, port: int) -> Path:
    """Somebody's own chart, packaged: other names, the image as one text, a StatefulSet in a namespace of its own."""
    made = folder / "own"
    shutil.copytree(ROOT / "tests/e2e/own-chart", made)
    values = made / "values.yaml"
    values.write_text(values.read_text().replace("30000", str(port)))
    with tarfile.open(folder / "own-1.0.0.tgz", "w:gz") as archive:
        archive.add(made, "own")
    return folder / "own-1.0.0.tgz"


def test_an_archive_of_ones_own_chart_is_deployed_waited_for_and_verified(warehouse: Project, tmp_path: Path) -> None:
    """By its own names, with the image where it wants it; what fails in another namespace tells its cause as well."""
    app = yaml.safe_load((warehouse.folder / "config/apps/warehouse.yaml").read_text())
    own = {
        "source": app["source"],
        "page": "web",
        "release": {"name": "own", "namespace": "own-chart", "chart": str(own_chart(tmp_path, warehouse.port + 7))},
        "services": {
            "web": {
                "context": ".",
                "bases": {"PYTHON_IMAGE": "python"},
                "port": 3000,
                "service": "web-svc",
                "deployment": "web-deploy",
                "imageValues": {"reference": "web.image"},
            }
        },
    }
    (warehouse.folder / "config/apps/own.yaml").write_text(yaml.safe_dump(own))
    settings = (warehouse.folder / "config/pipeline.yaml").read_text()
    (warehouse.folder / "config/pipeline.yaml").write_text(settings.replace("app: warehouse", "app: own"))
    try:
        report = warehouse.pipeline()
        assert report["ok"], report
        seen = {(item["stage"], item["target"]) for item in report["outcomes"] if item["status"] == "done"}
        assert {("rollout", "web-deploy"), ("rollout", "own-data/statefulset/store")} <= seen, seen
        second = warehouse.pipeline()
        assert second["ok"] and not second["changed"]
        broken = own | {"values": {"store": {"command": ["python", "-c", "raise SystemExit('no such disk')"]}}}
        (warehouse.folder / "config/apps/own.yaml").write_text(yaml.safe_dump(broken))
        done = warehouse.invoke("pipeline", "--json", check=False)
        ended = json.loads(done.stdout)["outcomes"]
        failed = next(item for item in ended if item["status"] == "failed")
        assert done.returncode != 0 and failed["stage"] == "rollout" and "no such disk" in failed["detail"], failed
        assert ended[-1]["stage"] == "rollback" and ended[-1]["status"] == "done", ended
    finally:
        (warehouse.folder / "config/pipeline.yaml").write_text(settings)
