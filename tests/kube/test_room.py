"""How much the nodes have left for pods, and which releases hold the rest."""

from typing import Any

import pytest

from scripts.kube import room

Pod = dict[str, Any]


def pod(namespace: str, cpu: str, release: str = "", *, ours: bool = True, **more: Any) -> Pod:
    labels = {"app.kubernetes.io/instance": release or namespace}
    labels |= {"app.kubernetes.io/part-of": "todo-chatbot"} if ours else {}
    container = {"name": "a", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}
    status = {"phase": more.get("phase", "Running")}
    metadata = {"name": "a", "namespace": namespace, "labels": labels} | more.get("metadata", {})
    return {"metadata": metadata, "spec": {"nodeName": "n", "containers": [container]}, "status": status}


NODES = [{"status": {"allocatable": {"cpu": "2", "memory": "4Gi"}}}]


def test_what_pods_ask_for_is_taken_while_they_live() -> None:
    gone = pod("shop", "900m", metadata={"deletionTimestamp": "now"})
    pods = [pod("shop", "900m"), gone, pod("shop", "300m", phase="Succeeded"), pod("kube-system", "200m", ours=False)]
    assert room.left(NODES, pods, "cpu") == 900
    assert room.shown("memory", room.left(NODES, pods, "memory")) == "3968Mi"


def test_what_a_manifest_asks_for_is_counted_by_its_pods() -> None:
    limits = {"resources": {"limits": {"cpu": "300m"}}}  # stands for what it asks for, where it says nothing of that
    before = {"resources": {"requests": {"cpu": "1"}}}
    template = {"spec": {"containers": [limits], "initContainers": [before]}}
    manifest = [
        {"kind": "Deployment", "spec": {"replicas": 2, "template": {"spec": {"containers": [limits, limits]}}}},
        {"kind": "StatefulSet", "spec": {"template": template}},
        {"kind": "Job", "spec": {"template": template}},
        {"kind": "Service"},
    ]
    assert room.wanted(manifest, "cpu") == 2 * 600 + 1000


def test_only_other_releases_of_this_product_are_to_be_stopped_the_greediest_first() -> None:
    pods = [
        pod("mine", "700m"),
        pod("kube-system", "950m", ours=False),
        pod("small", "100m"),
        pod("big", "300m", "notes"),
        pod("big", "300m", "notes"),
        pod("big", "100m", "database"),
    ]
    found = room.holders(pods, "cpu", "mine")
    assert [(one.release, one.namespace, one.asks) for one in found] == [
        ("notes", "big", "700m"),
        ("small", "small", "100m"),
    ]
    told = room.stopping(found, ["kubectl", "--context", "here"])
    stop = "kubectl --context here scale deployments,statefulsets --all --replicas=0 --namespace big"
    assert f"the release notes in namespace big asks for 700m: {stop}" in told


@pytest.mark.parametrize("amount", ["", "lots", "1.5.2"])
def test_what_is_no_amount_counts_for_nothing(amount: str) -> None:
    assert room.asked(pod("a", amount), "cpu") == 0
