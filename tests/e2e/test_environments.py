"""The hardened environment on real containers: TLS between services, autoscaling on, two of everything, and only
images that were scanned and signed."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator

import pytest

from tests.support.project import Project, call, status_of

pytestmark = pytest.mark.long

OFFLINE = ("hadolint", "checkov", "sbom")  # the scanners that need no service of others
IMAGES = ("frontend", "backend", "agent", "mcp", "database")


@pytest.fixture(scope="module")
def bounded(project: Project) -> Iterator[None]:
    """Autoscalers that stay where they begin: on a busy machine starts alone would make them fill a small node."""
    file = project.folder / "charts/todo-chatbot-umbrella/environments/secure.yaml"
    text = file.read_text()
    file.write_text(text.replace("autoscaling: {", "autoscaling: {maxReplicas: 2, "))
    yield
    file.write_text(text)


@pytest.fixture(scope="module")
def refused(project: Project, bounded: None) -> str:
    """What the pipeline says in `secure` before anything was signed."""
    done = project.invoke("pipeline", "--environment", "secure", check=False)
    assert done.returncode == 1
    return done.stdout


@pytest.fixture(scope="module")
def attested(project: Project, refused: str) -> dict[str, str]:
    """Scanner → verdict of a scan, after which the images were signed."""
    done = project.invoke("security.scan", "--json", "--only", ",".join(OFFLINE))
    project.invoke("security.sign", "--environment", "secure")
    return {item["scanner"]: item["verdict"] for item in json.loads(done.stdout)["results"]}


def test_an_image_nobody_vouches_for_is_not_deployed(refused: str) -> None:
    for name in IMAGES:
        assert f"{name}: image todo-chatbot/{name}:" in refused
    assert "no signature; no scan" in refused
    assert "./run invoke security.scan security.sign --environment secure" in refused


def test_a_scan_names_what_passed_and_what_did_not_run(project: Project, attested: dict[str, str]) -> None:
    assert {name for name, verdict in attested.items() if verdict == "passed"} == set(OFFLINE)
    assert {verdict for name, verdict in attested.items() if name not in OFFLINE} == {"not run"}
    assert json.loads((project.folder / "reports/security/scan.sarif").read_text())["version"] == "2.1.0"
    assert "reports/sbom/backend.cdx.json" in project.invoke("security.sbom").stdout
    bill = json.loads((project.folder / "reports/sbom/backend.cdx.json").read_text())
    assert {"fastapi", "libc6"} <= {item["name"] for item in bill["components"]}
    assert project.invoke("security.verify", "--environment", "secure").stdout.count("signed and scanned") == 5


def test_secure_serves_the_same_app_and_passes_its_own_tests(project: Project, attested: dict[str, str]) -> None:
    report = project.pipeline("--environment", "secure")
    assert report["ok"] and {"frontend", "backend", "agent", "mcp"} < set(status_of(report, "health"))
    assert set(status_of(report, "admit")) == set(IMAGES)
    probe = project.kubectl("get", "deployment", "backend", "-o", "jsonpath={..readinessProbe.httpGet.scheme}")
    assert probe == "HTTPS"
    user = {"username": f"eve-{secrets.token_hex(4)}", "password": secrets.token_urlsafe(16)}
    token = call(f"{project.url}/api/auth/register", user)["token"]
    call(f"{project.url}/api/chat", {"message": "add buy milk"}, token)
    assert [todo["title"] for todo in call(f"{project.url}/api/todos", token=token)["items"]] == ["buy milk"]
    assert project.invoke("charts.test", "--environment", "secure").returncode == 0
    again = project.pipeline("--environment", "secure")
    assert again["ok"] and not again["changed"]
