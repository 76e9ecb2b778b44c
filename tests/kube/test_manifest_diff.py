"""What an upgrade changed is told in a few words, and never by a configured value."""

from scripts.kube.manifest_diff import between

BEFORE = """
kind: ConfigMap
metadata: {name: backend-config}
data: {LOG_LEVEL: info, GONE: x, SAME: y}
---
kind: Deployment
metadata: {name: backend}
spec:
  replicas: 2
  template: {spec: {containers: [{name: backend, image: "todo-chatbot/backend:aaa"}]}}
---
kind: Service
metadata: {name: backend-service}
spec: {ports: [{port: 8000}]}
---
kind: Role
metadata: {name: old}
"""
AFTER = (
    BEFORE.replace("replicas: 2", "replicas: 3")
    .replace("backend:aaa", "backend:bbb")
    .replace("LOG_LEVEL: info, GONE: x", "LOG_LEVEL: very-private, NEW: z")
    .replace("port: 8000", "port: 8001")
    .replace("name: old", "name: new")
)


def test_nothing_changed_is_nothing_told() -> None:
    assert between(BEFORE, BEFORE) == []


def test_images_replicas_keys_and_objects_are_named() -> None:
    assert between(BEFORE, AFTER) == [
        "Role new added",
        "Role old removed",
        "Service backend-service",
        "backend-config: GONE, LOG_LEVEL, NEW",
        "backend: image aaa → bbb",
        "backend: replicas 2 → 3",
    ]
    assert "very-private" not in str(between(BEFORE, AFTER))


DEPLOYMENT = """
kind: Deployment
metadata: {name: web, namespace: %s}
spec: {replicas: %d, template: {spec: {initContainers: null, containers: [{name: web, image: "web:1"}]}}}
---
"""


def test_objects_of_one_name_in_two_namespaces_and_what_charts_leave_empty() -> None:
    assert between(DEPLOYMENT % ("a", 1) + DEPLOYMENT % ("b", 1), DEPLOYMENT % ("a", 2) + DEPLOYMENT % ("b", 1)) == [
        "a/web: replicas 1 → 2"
    ]
    before = "kind: ConfigMap\nmetadata: {name: logo, labels: {a: b}}\nbinaryData: {png: AAAA}\n"
    assert between(before, before.replace("AAAA", "BBBB")) == ["logo: png"]
    assert between(before, before.replace("a: b", "a: c")) == ["ConfigMap logo"]
