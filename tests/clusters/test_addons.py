"""Addons are those that the release uses, enabled after the start, and judged by whether they work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from scripts.errors import UserError
from scripts.settings import values
from tests.support.cluster_settings import Make, options
from tests.support.machine import Machine

SCALED = "backend: {image: {}, autoscaling: {enabled: true}}\n"


def enabled(machine: Machine) -> list[str]:
    """The addons that were asked for, one a call."""
    return [call[2] for call in machine.calls("minikube") if call[:2] == ["addons", "enable"]]


@pytest.mark.slow
def test_none_is_enabled_where_the_release_uses_none(machine: Machine, cluster: Make) -> None:
    made = cluster("minikube")
    made.up()
    assert made.addons() == [] and enabled(machine) == []


@pytest.mark.slow
def test_what_the_release_uses_is_enabled_after_the_start_and_only_once(
    machine: Machine, cluster: Make, tmp_path: Path
) -> None:
    (tmp_path / "values.yaml").write_text(SCALED)
    made = cluster("minikube")
    made.up()
    assert [(outcome.target, outcome.status) for outcome in made.addons()] == [("addon metrics-server", "done")]
    again = cluster("minikube")
    again.up()
    assert [outcome.status for outcome in again.addons()] == ["unchanged"]
    assert enabled(machine) == ["metrics-server"]


@pytest.mark.slow
def test_an_addon_that_counts_as_enabled_but_cannot_be_pulled_is_found_out(
    machine: Machine, cluster: Make, tmp_path: Path
) -> None:
    (tmp_path / "values.yaml").write_text(SCALED)
    machine.change(network=False)
    made = cluster("minikube")
    made.up()
    with pytest.raises(UserError, match="metrics-server has no ready pod: ImagePullBackOff: Back-off pulling image"):
        made.addons()


@pytest.mark.slow
def test_an_addon_that_cannot_be_enabled_is_told_by_what_its_pods_wait_for(machine: Machine, cluster: Make) -> None:
    """minikube itself waits six minutes, and says that a deadline is over."""
    machine.change(network=False)
    made = cluster("minikube", targets=options(addons=("ingress",)))
    made.up()
    with pytest.raises(
        UserError, match="ingress cannot be enabled: pods of ingress-nginx do not start: ImagePull"
    ) as told:
        made.addons()
    assert "deadline" not in str(told.value) and "the node needs a network" in told.value.hint


@pytest.mark.slow
def test_an_addon_that_minikube_does_not_know_is_an_error_in_its_words(machine: Machine, cluster: Make) -> None:
    made = cluster("minikube", targets=options(addons=("nonsense",)))
    made.up()
    with pytest.raises(UserError, match="nonsense is not a valid addon") as told:
        made.addons()
    assert "│" not in str(told.value), "the box around minikube's advice is left out"


@pytest.mark.slow
def test_other_targets_have_none(machine: Machine, cluster: Make) -> None:
    made = cluster("kind")
    made.up()
    assert made.addons() == []


@pytest.mark.parametrize(
    ("given", "used", "ports"),
    [
        ({}, (), (30000,)),
        (
            {"a": {"autoscaling": {"enabled": True}}, "b": {"ingress": {"enabled": True}}},
            ("ingress", "metrics-server"),
            (30000,),
        ),
        ({"a": {"enabled": False, "autoscaling": {"enabled": True}, "service": {"nodePort": 1}}}, (), (30000,)),
        ({"services": {"web": {"ingress": {"enabled": True}, "service": {"nodePort": 31000}}}}, ("ingress",), (31000,)),
        ({"a": {"service": {"type": "ClusterIP", "nodePort": 31000}}}, (), (30000,)),
        ({"a": {"service": {"nodePort": "31000"}}, "b": 3, "services": []}, (), (30000,)),
    ],
)
def test_what_the_values_ask_of_the_cluster(given: dict[str, Any], used: Any, ports: Any) -> None:
    assert values.addons(given) == used and values.node_ports(given) == ports
