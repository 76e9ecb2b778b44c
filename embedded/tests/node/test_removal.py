"""Everything of a cluster goes, also where the Engine refuses for a moment, and rules are never left half changed."""

import asyncio
import os

import pytest

from embedded.node import agent, containers, network
from embedded.node.docker import EngineError
from embedded.node.network import NetworkError

BUSY = "driver failed to remove root filesystem: device or resource busy"


class Engine:
    """An Engine with a sandbox and a container, whose removal it refuses a number of times."""

    def __init__(self, refusals: float) -> None:
        self.refusals = refusals
        names = (containers.SANDBOX, "main")
        self.held = {
            name: {"Id": name, "Names": [f"/{name}"], "Labels": {containers.CONTAINER: name}} for name in names
        }

    async def containers(self, _: str) -> list[dict]:
        return list(self.held.values())

    async def remove(self, container: str) -> None:
        if container == "main" and self.refusals > 0:
            self.refusals -= 1
            raise EngineError(500, BUSY)
        self.held.pop(container, None)


async def test_what_a_busy_engine_refuses_is_tried_again(monkeypatch):
    monkeypatch.setattr(agent, "RETRY_SECONDS", 0)
    engine = Engine(refusals=2)
    await agent._remove_containers(engine, "demo")
    assert engine.held == {}


async def test_a_container_that_stays_is_named_with_the_words_of_the_engine(monkeypatch):
    monkeypatch.setattr(agent, "REMOVAL", 0.05)
    with pytest.raises(NetworkError, match=rf"main \({BUSY}\)"):
        await agent._remove_containers(Engine(refusals=float("inf")), "demo")


async def test_a_change_of_rules_that_is_given_up_has_ended_when_that_is_told(tmp_path):
    begun, gate, done = tmp_path / "begun", tmp_path / "gate", tmp_path / "done"
    os.mkfifo(begun)
    os.mkfifo(gate)
    change = asyncio.create_task(network.run("sh", "-c", f"echo > {begun}; read line < {gate}; echo > {done}"))
    await asyncio.to_thread(begun.read_text)
    change.cancel()
    await asyncio.to_thread(gate.write_text, "go on\n")
    with pytest.raises(asyncio.CancelledError):
        await change
    assert done.exists()
