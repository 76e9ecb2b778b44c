"""Services as packet filter rules. Pure: text for iptables-restore from Services and EndpointSlices.

A new connection to a cluster address or node port picks one ready endpoint at random and keeps it (the kernel follows
connections), so an endpoint that goes away loses no connection it has and gets no new one.
"""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping
from typing import Any


@dataclasses.dataclass
class Table:
    """Chains of one table of the packet filter, and from where they are entered: (built-in chain, rule)."""

    chains: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    hooks: list[tuple[str, list[str]]] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(frozen=True)
class Endpoint:
    """The destination of a connection."""

    address: str
    port: int


def digest(*parts: object) -> str:
    """Return a short name for a chain: the kernel allows 28 characters."""
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()[:12].upper()


def prefix(cluster: str) -> str:
    """Return what the names of all chains of a cluster begin with."""
    return f"K8S-{hashlib.sha256(cluster.encode()).hexdigest()[:6].upper()}-"


def endpoints(service: dict[str, Any], port: dict[str, Any], slices: Iterable[dict[str, Any]]) -> list[Endpoint]:
    """Return the endpoints new connections may go to: the ready ones; where there is none, those that still serve."""
    ready, serving = set(), set()
    for piece in slices:
        for offered in piece.get("ports") or ():
            if (offered.get("name") or "") != (port.get("name") or ""):
                continue
            for endpoint in piece.get("endpoints") or ():
                conditions = endpoint.get("conditions") or {}
                found = {Endpoint(address, offered["port"]) for address in endpoint["addresses"]}
                if conditions.get("ready", True) and not conditions.get("terminating"):
                    ready |= found
                elif conditions.get("serving") and conditions.get("terminating"):
                    serving |= found
    return sorted(ready or serving, key=lambda e: (e.address, e.port))


def services(
    cluster: str, bridge: str, found: Iterable[dict[str, Any]], slices: Mapping[tuple[str, str], list[dict[str, Any]]]
) -> Table:
    """Return the nat table: `slices` by namespace and name of their Service."""
    start = prefix(cluster)
    entry: list[str] = []
    leave = [f"-s 127.0.0.0/8 -o {bridge} -j MASQUERADE"]
    table = Table({f"{start}SVC": entry, f"{start}POST": leave})
    masked = set()
    for service in found:
        meta, spec = service["metadata"], service["spec"]
        if spec.get("clusterIP", "None") in ("None", "") or spec.get("type") == "ExternalName":
            continue
        for port in spec.get("ports") or ():
            chosen = endpoints(service, port, slices.get((meta["namespace"], meta["name"]), []))
            if not chosen:
                continue
            name = f"{start}S{digest(meta['namespace'], meta['name'], port.get('name'), port['port'])}"
            protocol = port.get("protocol", "TCP").lower()
            table.chains |= _balanced(start, name, protocol, chosen, spec)
            entry.append(f"-d {spec['clusterIP']}/32 -p {protocol} --dport {port['port']} -j {name}")
            if port.get("nodePort"):
                entry.append(f"-m addrtype --dst-type LOCAL -p {protocol} --dport {port['nodePort']} -j {name}")
            masked |= {endpoint.address for endpoint in chosen}
    leave += [f"-s {ip}/32 -d {ip}/32 -m conntrack --ctstate DNAT -j MASQUERADE" for ip in sorted(masked)]
    table.hooks = [
        ("PREROUTING", ["-j", f"{start}SVC"]),
        ("OUTPUT", ["-j", f"{start}SVC"]),
        ("POSTROUTING", ["-j", f"{start}POST"]),
    ]
    return table


def _balanced(
    start: str, name: str, protocol: str, chosen: list[Endpoint], spec: dict[str, Any]
) -> dict[str, list[str]]:
    """Return the chain of a port: one endpoint of all at random; with affinity, the one the client had last."""
    sticky = spec.get("sessionAffinity") == "ClientIP"
    seconds = ((spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}).get("timeoutSeconds", 10800)
    chains: dict[str, list[str]] = {name: []}
    for endpoint in chosen if sticky else ():
        own = f"{start}E{digest(name, endpoint)}"
        to = f"{endpoint.address}:{endpoint.port}"
        chains[own] = [f"-p {protocol} -m recent --name {own} --set --rsource -j DNAT --to-destination {to}"]
        chains[name].append(f"-m recent --name {own} --rcheck --seconds {seconds} --reap --rsource -j {own}")
    for number, endpoint in enumerate(chosen):
        left = len(chosen) - number
        chance = f"-m statistic --mode random --probability {1 / left:.10f} " if left > 1 else ""
        to = (
            f"{start}E{digest(name, endpoint)}"
            if sticky
            else f"DNAT --to-destination {endpoint.address}:{endpoint.port}"
        )
        chains[name].append(f"-p {protocol} {chance}-j {to}")
    return chains


def refused(found: Iterable[dict[str, Any]], slices: Mapping[tuple[str, str], list[dict[str, Any]]]) -> list[str]:
    """Return rules that refuse connections to cluster addresses with no endpoint, rather than let them wait."""
    made = []
    for service in found:
        meta, spec = service["metadata"], service["spec"]
        if spec.get("clusterIP", "None") in ("None", ""):
            continue
        for port in spec.get("ports") or ():
            if not endpoints(service, port, slices.get((meta["namespace"], meta["name"]), [])):
                protocol = port.get("protocol", "TCP").lower()
                made.append(f"-d {spec['clusterIP']}/32 -p {protocol} --dport {port['port']} -j REJECT")
    return made


def render(name: str, table: Table) -> str:
    """Return a table as text, to tell whether it changed."""
    return f"*{name}\n" + "".join(f"{chain}: {rule}\n" for chain, rules in table.chains.items() for rule in rules)


def script(name: str, table: Table, present: Iterable[str]) -> str:
    """Return input for iptables-restore: replaces the chains of the cluster that are present by those of the table."""
    gone = sorted(set(present) - set(table.chains))
    lines = [f"*{name}", *(f":{chain} - [0:0]" for chain in [*table.chains, *gone])]
    lines += [f"-A {chain} {rule}" for chain, rules in table.chains.items() for rule in rules]
    lines += [f"-X {chain}" for chain in gone]
    return "\n".join([*lines, "COMMIT", ""])
