"""What a release runs is read from its manifest: any kind, any name, any namespace, the app's container by name."""

from typing import Any

from scripts.kube import objects
from scripts.kube.workloads import Workload, label, of_manifest

MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: web}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: store, namespace: data}
spec:
  template:
    spec:
      initContainers: [{name: prepare, image: "init:1"}]
      containers: [{name: store, image: "store:2"}]
---
apiVersion: v1
kind: List
items:
  - apiVersion: batch/v1
    kind: Job
    metadata: {name: migrate}
    spec: {template: {spec: {containers: [{name: migrate, image: "app:1"}]}}}
"""


def test_every_kind_that_runs_pods_is_found_wherever_it_is() -> None:
    assert of_manifest(MANIFEST, "shop") == [
        Workload("StatefulSet", "data", "store", {"prepare": "init:1", "store": "store:2"}),
        Workload("Job", "shop", "migrate", {"migrate": "app:1"}),
    ]


def test_a_person_is_told_what_is_not_the_usual() -> None:
    assert [label(one, "shop") for one in of_manifest(MANIFEST, "shop")] == ["data/statefulset/store", "job/migrate"]
    assert label(Workload("Deployment", "shop", "web", {}), "shop") == "web"


def pod(*names: str, **metadata: Any) -> dict[str, Any]:
    return {"metadata": metadata, "spec": {"containers": [{"name": name} for name in names]}}


def test_the_app_is_found_beside_its_sidecars() -> None:
    named = {"app.kubernetes.io/name": "api"}
    assert objects.app_container(pod("proxy", "api", labels=named))["name"] == "api"
    asked = {objects.DEFAULT_CONTAINER: "main"}
    assert objects.app_container(pod("api", "main", labels=named, annotations=asked))["name"] == "main"
    assert objects.app_container(pod("one", "two"))["name"] == "one"


def test_a_selector_is_understood_whole() -> None:
    selector = {"matchLabels": {"a": "1"}, "matchExpressions": [{"key": "tier", "operator": "NotIn", "values": ["x"]}]}
    assert objects.matches(selector, {"a": "1", "tier": "y"})
    assert not objects.matches(selector, {"a": "1", "tier": "x"})
    assert not objects.matches({}, {"a": "1"})


def test_the_secrets_a_pod_reads_are_found_by_every_way_of_reading_them() -> None:
    template = {
        "spec": {
            "initContainers": [{"name": "i", "envFrom": [{"secretRef": {"name": "wholesale"}}]}],
            "containers": [
                {"name": "c", "env": [{"name": "K", "valueFrom": {"secretKeyRef": {"name": "one", "key": "k"}}}]}
            ],
            "volumes": [
                {"name": "v", "secret": {"secretName": "files"}},
                {"name": "p", "projected": {"sources": [{"secret": {"name": "projected"}}, {"configMap": {}}]}},
                {"name": "e", "emptyDir": {}},
            ],
        }
    }
    assert objects.secrets_read(template) == {"wholesale", "one", "files", "projected"}
