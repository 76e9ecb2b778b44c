"""What was changed by hand in a release's objects is found by who set it, as the API server records it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from embedded import kinds
from embedded.api import patching
from embedded.errors import ApiError
from embedded.objects import apply, managed
from scripts.kube import manual_changes

DEPLOYMENTS = kinds.BY_RESOURCE["deployments.apps"]
MANIFEST: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "mcp", "namespace": "shop"},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "mcp"}},
        "template": {
            "metadata": {"labels": {"app": "mcp"}},
            "spec": {
                "containers": [
                    {
                        "name": "mcp",
                        "image": "mcp:1",
                        "env": [{"name": "URL", "value": "a"}, {"name": "EMPTY", "value": ""}],
                        "ports": [{"containerPort": 8000}],
                        "resources": {"limits": {"memory": "1000Mi"}},
                    }
                ]
            },
        },
    },
}
CONTAINER = '.spec.template.spec.containers[?(@.name=="mcp")]'


def deploy(live: dict[str, Any] | None) -> dict[str, Any]:
    """What `helm upgrade --server-side=true --force-conflicts` does."""
    made: dict[str, Any] = apply.apply(DEPLOYMENTS, live, MANIFEST, "helm", force=True, subresource="", now=1.0)
    return made


def changed(live: dict[str, Any], patch: Any, manager: str, subresource: str = "") -> dict[str, Any]:
    """The object after a strategic or a JSON patch, with its fields' owners as the server writes them down."""
    sort = patching.JSON_PATCH if isinstance(patch, list) else patching.STRATEGIC
    after = patching.patched(DEPLOYMENTS, live, sort, json.dumps(patch).encode())
    managed.record_update(DEPLOYMENTS, after, live, manager, subresource, 2.0)
    return after


def container(**fields: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": [{"name": "mcp", **fields}]}}}}


def found(live: dict[str, Any]) -> list[manual_changes.ManualChange]:
    return manual_changes.of_release([live], [MANIFEST], "shop")


def test_an_object_as_helm_made_it_has_nothing_foreign() -> None:
    assert found(deploy(None)) == []
    assert found(deploy(deploy(None))) == []


ADDED = [
    pytest.param(container(env=[{"name": "X", "value": "1"}]), "kubectl-set", '.env[?(@.name=="X")]', id="env"),
    pytest.param(container(command=["false"]), "kubectl-patch", ".command", id="command"),
    pytest.param(container(resources={"limits": {"cpu": "2"}}), "kubectl-set", ".resources.limits.cpu", id="limit"),
    pytest.param(container(resources={"requests": {"cpu": "2"}}), "kubectl-edit", ".resources.requests", id="requests"),
    pytest.param(container(livenessProbe={"tcpSocket": {"port": 1}}), "kubectl-edit", ".livenessProbe", id="probe"),
    pytest.param(
        container(ports=[{"containerPort": 9, "protocol": "TCP"}]), "x", ".ports[?(@.containerPort==9)]", id="port"
    ),
]


@pytest.mark.parametrize(("patch", "manager", "path"), ADDED)
def test_what_the_chart_does_not_set_outlives_a_deploy_and_is_named_with_what_removes_it(
    patch: dict[str, Any], manager: str, path: str
) -> None:
    plain = deploy(None)
    live = deploy(changed(plain, patch, manager))
    (one,) = found(live)
    assert (one.path, one.manager, one.stated) == (CONTAINER + path, manager, False)
    assert one.label.startswith("deployment/mcp .spec") and one.time
    word = next(word for word in one.removal if word.startswith("--patch="))
    removed = changed(live, json.loads(word.removeprefix("--patch=")), "kubectl-patch")
    assert found(removed) == []
    assert deploy(removed)["spec"] | {"template": None} == plain["spec"] | {"template": None}


CHANGED = [
    (container(env=[{"name": "URL", "value": "nonsense"}]), '.env[?(@.name=="URL")].value'),
    (container(image="mcp:2"), ".image"),
    (container(resources={"limits": {"memory": "1Mi"}}), ".resources.limits.memory"),
]


@pytest.mark.parametrize(("patch", "path"), CHANGED)
def test_what_the_chart_sets_is_known_to_be_changed_and_a_deploy_puts_it_back(patch: dict[str, Any], path: str) -> None:
    plain = deploy(None)
    live = changed(plain, patch, "kubectl-edit")
    (one,) = found(live)
    assert (one.path, one.stated) == (CONTAINER + path, True)
    back = deploy(live)
    assert back["spec"] == plain["spec"] and found(back) == []


@pytest.mark.parametrize("replicas", [0, 5])
def test_what_was_scaled_by_hand_is_put_back_and_what_an_autoscaler_scales_is_its_own(replicas: int) -> None:
    plain = deploy(None)
    live = changed(plain, {"spec": {"replicas": replicas}}, "kubectl", "scale")
    (one,) = found(live)
    assert (one.label, one.who.split(" at ")[0], one.stated) == (
        "deployment/mcp .spec.replicas",
        "set by kubectl",
        True,
    )
    target = {"kind": "Deployment", "name": "mcp"}
    scaler = {"kind": "HorizontalPodAutoscaler", "metadata": {"name": "x"}, "spec": {"scaleTargetRef": target}}
    assert manual_changes.of_release([live, scaler], [MANIFEST], "shop") == []
    assert deploy(live)["spec"]["replicas"] == plain["spec"]["replicas"]


def test_what_was_taken_away_is_put_back_by_a_deploy() -> None:
    plain = deploy(None)
    gone = changed(plain, [{"op": "remove", "path": "/spec/template/spec/containers/0/env/0"}], "kubectl-patch")
    (one,) = found(gone)
    assert (one.path, one.who, one.stated) == (CONTAINER + '.env[?(@.name=="URL")]', "taken away", True)
    assert found(deploy(gone)) == []


def test_what_the_server_itself_drops_is_no_change_by_hand() -> None:
    """As a real 1.36 does it with a field whose feature is off: helm owns it, and the object has it not."""
    stopped = json.loads(json.dumps(MANIFEST))
    stopped["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = {"stopSignal": "SIGUSR1"}
    live = deploy(None)
    owner = next(one for one in live["metadata"]["managedFields"] if one["manager"] == "helm")
    name = live["spec"]["template"]["spec"]["containers"][0]["name"]
    containers = owner["fieldsV1"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    containers[f'k:{{"name":"{name}"}}']["f:lifecycle"] = {"f:stopSignal": {}}
    assert manual_changes.of_release([live], [stopped], "shop") == []
    del containers[f'k:{{"name":"{name}"}}']["f:lifecycle"]
    (one,) = manual_changes.of_release([live], [stopped], "shop")
    assert (one.path, one.who) == (f"{CONTAINER}.lifecycle", "taken away")


def test_a_removal_that_comes_late_removes_nothing_else() -> None:
    live = changed(deploy(None), container(env=[{"name": "X", "value": "1"}]), "kubectl-set")
    (one,) = found(live)
    word = next(word for word in one.removal if word.startswith("--patch="))
    env = live["spec"]["template"]["spec"]["containers"][0]["env"]
    env[:] = [{"name": "OTHER", "value": "2"} for _ in env]
    with pytest.raises(ApiError, match="testing value"):
        patching.patched(DEPLOYMENTS, live, patching.JSON_PATCH, word.removeprefix("--patch=").encode())


OWN = [
    (
        {"spec": {"template": {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "x"}}}}},
        "kubectl-rollout",
        "",
    ),
    ({"spec": {"template": {"metadata": {"annotations": {"checksum/secrets": "x"}}}}}, "kubectl-patch", ""),
    (container(terminationMessagePath="/dev/x"), "kube-controller-manager", ""),
    ({"metadata": {"annotations": {"note": "x"}}}, "kubectl-annotate", ""),
]


@pytest.mark.parametrize(("patch", "manager", "subresource"), OWN)
def test_what_the_cluster_and_daily_use_write_is_not_foreign(
    patch: dict[str, Any], manager: str, subresource: str
) -> None:
    assert found(changed(deploy(None), patch, manager, subresource)) == []


def test_objects_that_helm_did_not_make_are_nobodys_business() -> None:
    live = copy.deepcopy(MANIFEST)
    managed.record_update(DEPLOYMENTS, live, None, "kubectl-create", "", 1.0)
    assert manual_changes.of_object(live) == []


def test_a_real_servers_record_is_read_as_it_wrote_it() -> None:
    """Kubernetes 1.36.1, after `kubectl set env`, `set resources`, `patch`, `rollout restart` and `scale` on helm's."""
    live = json.loads((Path(__file__).parent / "by-hand.json").read_text())
    assert {(one.path.rpartition("containers")[2], one.manager) for one in manual_changes.of_object(live)} == {
        ('[?(@.name=="mcp")].command', "kubectl-patch"),
        ('[?(@.name=="bare")].env', "kubectl-set"),
        ('[?(@.name=="mcp")].env[?(@.name=="URL")].value', "kubectl-set"),
        ('[?(@.name=="mcp")].env[?(@.name=="X")]', "kubectl-set"),
        ('[?(@.name=="mcp")].resources.limits.memory', "kubectl-set"),
        ('[?(@.name=="mcp")].resources.requests', "kubectl-set"),
    }
