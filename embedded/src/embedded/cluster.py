"""Define a cluster's name and addresses: decided once, kept in its state directory."""

from __future__ import annotations

import dataclasses
import ipaddress
import json
import socket
import zlib
from pathlib import Path

NETWORKS = range(256)
ROUTES = Path("/proc/net/route")
_claims: list[socket.socket] = []  # held until this process ends


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The identity of one cluster. Pods and services have a /24 each, of the same third byte."""

    name: str
    port: int
    pod_cidr: str
    service_cidr: str

    @property
    def api_address(self) -> str:
        """Return the cluster address of the Service `kubernetes`."""
        return str(ipaddress.ip_network(self.service_cidr)[1])

    @property
    def gateway(self) -> str:
        """Return the machine's own address on the network of the pods."""
        return str(ipaddress.ip_network(self.pod_cidr)[1])


def open_cluster(name: str, state: Path, port: int | None) -> Cluster:
    """Return the cluster kept in `state`, or a new one; raises ValueError when another name is kept there."""
    path = state / "cluster.json"
    if path.exists():
        kept = Cluster(**json.loads(path.read_text()))
        if kept.name != name:
            raise ValueError(f"{state} holds the cluster {kept.name!r}, not {name!r}")
        if port is None or port == kept.port:
            return kept
        made = dataclasses.replace(kept, port=port)
    else:
        number, claim = claim_network(name)
        _claims.append(claim)
        chosen = port if port is not None else _free_port(number)
        made = Cluster(name, chosen, f"10.244.{number}.0/24", f"10.96.{number}.0/24")
    path.write_text(json.dumps(dataclasses.asdict(made)) + "\n")
    return made


def claim_network(name: str, routes: Path = ROUTES) -> tuple[int, socket.socket]:
    """Return the third byte of a cluster's networks and what holds it until it is closed.

    The number follows from the name, past those that have a route, and those of clusters that start at the same time.
    Raises ValueError when there is none left.
    """
    taken = {_destination(line.split()[1]) for line in routes.read_text().splitlines()[1:] if line.strip()}
    first = zlib.crc32(name.encode())
    for offset in NETWORKS:
        number = (first + offset) % len(NETWORKS)
        if f"10.244.{number}.0" not in taken and (claim := _claim(number)):
            return number, claim
    raise ValueError("every network 10.244.*.0/24 has a route already")


def _claim(number: int) -> socket.socket | None:
    """Return an abstract socket of that network's name, which ends with its process; None where somebody has it."""
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        claim.bind(f"\0embedded-network-{number}")
    except OSError:
        claim.close()
        return None
    return claim


def _destination(text: str) -> str:
    """Return an address as /proc/net/route writes it: hexadecimal, lowest byte first."""
    return socket.inet_ntoa(int(text, 16).to_bytes(4, "little"))


def _free_port(number: int) -> int:
    """Return a port to serve on that nobody listens on, the same for the same cluster where possible."""
    for candidate in (*range(16443 + number, 16443 + number + 4000, 256), 0):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            port: int = probe.getsockname()[1]
            return port
    raise ValueError("no port is free")
