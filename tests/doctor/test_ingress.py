"""An IngressClass alone is not taken for an ingress: its controller is found by its name, whichever it is."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scripts.doctor.ingress import controller_ready

# Controller of the class → the workload that its own way of installing makes.
USUAL = {
    "k8s.io/ingress-nginx": "ingress-nginx-controller",
    "traefik.io/ingress-controller": "traefik",
    "haproxy.org/ingress-controller/haproxy": "haproxy-kubernetes-ingress",
    "projectcontour.io/projectcontour/contour-contour": "contour",
    "ingress-controllers.konghq.com/kong": "kong-controller",
    "nginx.org/ingress-controller": "nginx-ingress",
    "istio.io/ingress-controller": "istio-ingressgateway",
    "caddy.io/ingress-controller": "caddy-ingress-controller",
}


def ingress_class(controller: str) -> dict[str, Any]:
    return {"metadata": {"name": "c"}, "spec": {"controller": controller}}


def workload(name: str, **status: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "n"}, "status": status}


OTHERS = [workload("coredns", readyReplicas=2), workload("kube-proxy", numberReady=1), workload("calico-node")]


@pytest.mark.parametrize("controller", USUAL)
def test_a_usual_controller_is_found_and_judged_by_its_pods(controller: str) -> None:
    classes = [ingress_class(controller)]
    for status in ({"readyReplicas": 1}, {"numberReady": 1}):
        assert controller_ready(classes, [*OTHERS, workload(USUAL[controller], **status)]) == (True, "")
    ready, why = controller_ready(classes, [*OTHERS, workload(USUAL[controller])])
    assert not ready and f"n/{USUAL[controller]} has no ready pod" in why
    ready, why = controller_ready(classes, OTHERS)
    assert not ready and controller in why


def test_without_a_class_nothing_is_said_and_what_cannot_be_asked_is_not_guessed() -> None:
    assert controller_ready([], OTHERS) == (False, "")
    assert controller_ready([ingress_class("embedded/router")], None) == (True, "")
    assert "cannot be told" in controller_ready([ingress_class("k8s.io/ingress-nginx")], None)[1]


ODD = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["metadata", "spec", "status", "name", "controller"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.slow
@given(st.lists(ODD, max_size=3), st.none() | st.lists(ODD, max_size=3))
def test_whatever_the_server_lists_there_is_an_answer(classes: list[Any], workloads: list[Any] | None) -> None:
    ready, why = controller_ready(classes, workloads)
    assert not (ready and why) and (ready or why or not classes)
