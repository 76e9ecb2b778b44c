"""Clusters of one machine keep out of each other's networks, however close to each other they start and end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from embedded.cluster import claim_network, open_cluster
from embedded.node import network
from embedded.node.docker import Docker, EngineError
from embedded.node.network import MTU, Network

OVERLAPS = "Pool overlaps with other one on this address space"


def test_clusters_that_start_at_the_same_time_have_networks_of_their_own(tmp_path: Path) -> None:
    """Neither has a route yet when the other one chooses, and their names lead to the same number."""
    states = [tmp_path / name for name in ("one", "two")]
    for state in states:
        state.mkdir()
    first, second = (open_cluster("same", state, None) for state in states)
    assert first.pod_cidr != second.pod_cidr and first.service_cidr != second.service_cidr
    assert open_cluster("same", states[0], None) == first, "what was chosen is kept"


def test_a_number_that_was_given_back_is_given_again() -> None:
    number, claim = claim_network("given back")
    with claim:
        other, held = claim_network("given back")
        held.close()
        assert other != number
    again, claim = claim_network("given back")
    claim.close()
    assert again == number


class Engine:
    """An Engine that refuses the first networks with these words; its own bridge has these options."""

    def __init__(self, *refusals: str, options: dict[str, str] | None = None) -> None:
        self.refusals = list(refusals)
        self.options = options
        self.made: list[dict[str, str]] = []

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        if path == "/networks/bridge":
            return {"Options": self.options}
        if method == "GET":
            raise EngineError(404, "network not found")
        if self.refusals:
            raise EngineError(403, self.refusals.pop(0))
        self.made.append(body["Options"])


async def test_a_network_that_is_being_removed_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "RELEASE_PAUSE", 0)
    engine = Engine(OVERLAPS, OVERLAPS)
    await Network(cast("Docker", engine), "new", "10.244.7.0/24").ensure()
    assert engine.refusals == []


@pytest.mark.parametrize("refusals", [["no space left"], [OVERLAPS] * 1000])
async def test_what_does_not_pass_is_told(refusals: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "RELEASE_PAUSE", 0)
    with pytest.raises(EngineError, match=refusals[0]):
        await Network(cast("Docker", Engine(*refusals)), "new", "10.244.7.0/24").ensure()


@pytest.mark.parametrize(
    ("options", "mtu"), [({MTU: "1400", "com.docker.network.bridge.enable_icc": "true"}, "1400"), (None, None)]
)
async def test_packets_of_pods_are_no_larger_than_those_of_the_engines_containers(
    options: dict[str, str] | None, mtu: str | None
) -> None:
    """An Engine's own size is for its default bridge alone."""
    engine = Engine(options=options)
    made = Network(cast("Docker", engine), "new", "10.244.7.0/24")
    await made.ensure()
    assert [one.get(MTU) for one in engine.made] == [mtu]
    assert set(engine.made[0]) <= {MTU, "com.docker.network.bridge.name"}
