"""Under load the backend gets more pods, without it as few as before, and nobody's request fails."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import yaml

from tests.support.project import Project

pytestmark = pytest.mark.long

# Sooner and less far than by default: a run on a busy machine is to end within a minute.
EAGER = {"maxReplicas": 3, "targetCPUUtilizationPercentage": 40}


@pytest.fixture
def eager(project: Project) -> Iterator[Project]:
    """A live release whose chart has an eager autoscaler for the backend, but not yet in use, as in daily work."""
    project.pipeline()
    file = project.folder / "config/pipeline.yaml"
    before = file.read_text()
    config = yaml.safe_load(before)
    (project.folder / "eager.yaml").write_text(yaml.safe_dump({"backend": {"autoscaling": EAGER}}))
    config["release"]["values"] = [*config["release"].get("values", []), "eager.yaml"]
    file.write_text(yaml.safe_dump(config, sort_keys=False))
    yield project
    file.write_text(before)


def replicas(project: Project) -> str:
    return project.kubectl("get", "deployment", "backend", "--output", "jsonpath={.spec.replicas}")


def test_the_backend_scales_out_under_load_and_in_again(eager: Project) -> None:
    before = replicas(eager)
    eager.invoke("--dry", "verify.scaling")
    assert eager.kubectl("get", "hpa", "--output", "name") == ""

    done = eager.invoke("verify.scaling", "--users", "16", "--stabilization", "0", "--json")
    found = json.loads(done.stdout)
    assert found["ok"] and found["problems"] == [] and found["failed"] == 0
    assert found["start"] == 2 and found["most_replicas"] == 3 and found["samples"][-1]["ready"] == 2
    assert {sample["phase"] for sample in found["samples"]} == {"load", "calm"}

    assert replicas(eager) == before
    assert eager.kubectl("get", "hpa", "--output", "name") == ""
    eager.invoke("report")
    for name in ("scaling.html", "index.html"):
        page = (eager.folder / "reports" / name).read_text()
        assert "Scaling of backend: shown" in page and 'class="scaling"' in page
