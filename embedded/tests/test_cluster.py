"""Clusters of one machine keep out of each other's networks, however close to each other they start and end."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from embedded.cluster import claim_network, open_cluster
from embedded.node import network
from embedded.node.docker import Docker, EngineError
from embedded.node.network import Network

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
    """An Engine that refuses the first networks with these words."""

    def __init__(self, *refusals: str) -> None:
        self.refusals = list(refusals)

    async def call(self, method: str, path: str, **_: Any) -> None:
        if method == "GET":
            raise EngineError(404, "network not found")
        if self.refusals:
            raise EngineError(403, self.refusals.pop(0))


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
