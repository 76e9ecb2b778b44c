"""The network of a cluster: one bridge, the addresses of its pods, and packet filter rules kept in step.

What the rules say is worked out by `rules` and `policies`; here they are handed to the kernel, all of a table in one
step, and only when they changed.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import logging
from pathlib import Path
from typing import Any

from embedded.node import conntrack, programs, rules
from embedded.node.containers import CLUSTER
from embedded.node.docker import Docker, EngineError

log = logging.getLogger(__name__)
MTU = "com.docker.network.driver.mtu"
PAUSE = 0.02  # seconds in which changes gather before the rules are written
# A network that is being removed loses its route before the Engine lets its addresses go.
RELEASE_TRIES, RELEASE_PAUSE = 40, 0.25  # seconds


class NetworkError(Exception):
    """The kernel or the Engine refused; the text says what."""


def bridge_name(cluster: str) -> str:
    """Return the name of the cluster's bridge: a device name has 15 characters at most."""
    return "k8s" + hashlib.sha256(cluster.encode()).hexdigest()[:8]


class Network:
    """The bridge `k8s-<cluster>` and its rules."""

    def __init__(self, docker: Docker, cluster: str, pod_cidr: str) -> None:
        self.name = f"k8s-{cluster}"
        self.bridge = bridge_name(cluster)
        self.subnet = ipaddress.ip_network(pod_cidr)
        self.gateway = str(self.subnet[1])
        self._cluster = cluster
        self._docker = docker
        self._taken: dict[str, str] = {}
        self._next = 2
        self._written = ""
        self._present: dict[str, set[str]] = {}
        self._lock = asyncio.Lock()

    async def ensure(self) -> None:
        """Make the bridge if there is none. Raises EngineError."""
        body: dict[str, Any] = {
            "Name": self.name,
            "Driver": "bridge",
            "CheckDuplicate": True,
            "IPAM": {"Config": [{"Subnet": str(self.subnet), "Gateway": self.gateway}]},
            "Options": {"com.docker.network.bridge.name": self.bridge},
            "Labels": {CLUSTER: self._cluster},
        }
        with contextlib.suppress(EngineError):
            found = await self._docker.call("GET", f"/networks/{self.name}")
            if found["IPAM"]["Config"][0]["Subnet"] == str(self.subnet):
                return
        body["Options"] |= await self._packet_size()
        for left in reversed(range(RELEASE_TRIES)):
            try:
                await self._docker.call("POST", "/networks/create", body=body)
            except EngineError as error:
                if "overlaps" not in error.message or not left:
                    raise
                await asyncio.sleep(RELEASE_PAUSE)
            else:
                return

    async def _packet_size(self) -> dict[str, str]:
        """Return the option with the size of packets that the Engine was started with, which is for its own bridge."""
        with contextlib.suppress(EngineError):
            default = await self._docker.call("GET", "/networks/bridge")
            return {name: value for name, value in (default.get("Options") or {}).items() if name == MTU}
        return {}

    def prepare_kernel(self) -> None:
        """Let the packet filter see traffic within the bridge, and answers come back to localhost."""
        settings = {
            "net/ipv4/ip_forward": "1",
            "net/bridge/bridge-nf-call-iptables": "1",
            f"net/ipv4/conf/{self.bridge}/route_localnet": "1",
        }
        for name, value in settings.items():
            with contextlib.suppress(OSError):
                Path("/proc/sys", name).write_text(value)

    def let_return(self) -> None:
        """Let packets leave by the port they came in: a pod that calls its own Service."""
        for port in Path(f"/sys/class/net/{self.bridge}/brif").glob("*/hairpin_mode"):
            with contextlib.suppress(OSError):
                port.write_text("1")

    def take(self, uid: str, address: str = "") -> str:
        """Return the address of a pod: the one it has, `address`, or the next that is free.

        Raises NetworkError when full.
        """
        if uid in self._taken:
            return self._taken[uid]
        used = set(self._taken.values())
        count = self.subnet.num_addresses - 3
        for _ in range(count if not address else 0):
            candidate = str(self.subnet[self._next])
            self._next = 2 + (self._next - 1) % count
            if candidate not in used:
                address = candidate
                break
        if not address:
            raise NetworkError(f"no IP addresses available in range set: {self.subnet[1]}-{self.subnet[-2]}")
        self._taken[uid] = address
        return address

    def release(self, uid: str) -> None:
        """Let an address be used again."""
        self._taken.pop(uid, None)

    async def end_connections(self, uid: str) -> None:
        """Have the kernel forget the connections of a pod whose containers have ended."""
        if uid in self._taken:
            await asyncio.to_thread(conntrack.forget, self._taken[uid])

    def forget_rules(self) -> None:
        """Hand the rules to the kernel anew at the next opportunity: somebody else may have changed its tables."""
        self._written = ""

    async def apply(self, wanted: dict[str, rules.Table]) -> None:
        """Make the kernel's tables hold exactly these chains. Raises NetworkError."""
        async with self._lock:
            text = "".join(rules.render(name, table) for name, table in wanted.items())
            if text == self._written:
                return
            first = not self._written
            if first:
                prefix = rules.prefix(self._cluster)
                self._present = {name: await chains(name, prefix) for name in wanted}
            self._written = ""
            await restore("".join(rules.script(name, table, self._present[name]) for name, table in wanted.items()))
            self._present = {name: set(table.chains) for name, table in wanted.items()}
            for name, table in wanted.items() if first else ():
                for hook, rule in table.hooks:
                    await hang(name, hook, rule)
            self._written = text


async def run(*argv: str, data: str = "") -> str:
    """Run a packet filter command to its end, also when given up; raises NetworkError with what it said."""
    try:
        return await programs.run(*argv, data=data)
    except programs.ProgramFailed as error:
        raise NetworkError(str(error)) from error


async def restore(script: str) -> None:
    """Change rules, all tables named in the script, each in one step."""
    await run("iptables-restore", "--noflush", "--wait", data=script)


async def chains(table: str, prefix: str) -> set[str]:
    """Return the names of the chains of a table that begin with `prefix`."""
    saved = await run("iptables-save", "-t", table)
    names = (line[1:].split()[0] for line in saved.splitlines() if line.startswith(":"))
    return {name for name in names if name.startswith(prefix)}


async def hang(table: str, hook: str, rule: list[str]) -> None:
    """Put a rule first in a chain, unless it is in it."""
    with contextlib.suppress(NetworkError):
        await run("iptables", "--wait", "-t", table, "-C", hook, *rule)
        return
    await run("iptables", "--wait", "-t", table, "-I", hook, "1", *rule)


async def remove_rules(prefix: str) -> None:
    """Take away every chain whose name begins with `prefix`, and the rules that lead to them."""
    for table in ("filter", "nat"):
        saved = (await run("iptables-save", "-t", table)).splitlines()
        lead = [f"-D {line[3:]}" for line in saved if line.startswith("-A ") and not line.startswith(f"-A {prefix}")]
        lead = [line for line in lead if f" {prefix}" in line]
        own = [line[1:].split()[0] for line in saved if line.startswith(f":{prefix}")]
        if not own:
            continue
        script = [f"*{table}", *(f":{name} - [0:0]" for name in own), *lead, *(f"-X {name}" for name in own), "COMMIT"]
        await restore("\n".join(script) + "\n")
