"""NetworkPolicies as packet filter rules. Pure.

A pod that a policy selects gets a chain for that direction. A packet that a rule allows returns from it; any other is
dropped at its end. What belongs to a known connection never gets here, so replies need no rule. Packets made by the
node itself (probes) pass the built-in OUTPUT chain and are not looked at.
"""

from __future__ import annotations

import dataclasses
import ipaddress
from collections.abc import Iterable, Mapping
from typing import Any

from embedded.node.rules import Table, digest, prefix
from embedded.objects.selectors import matches

ESTABLISHED = "-m conntrack --ctstate RELATED,ESTABLISHED"


@dataclasses.dataclass(frozen=True)
class Peer:
    """A pod as policies see it. `ports` are its named ports: name → number."""

    namespace: str
    labels: Mapping[str, str]
    address: str
    ports: Mapping[tuple[str, str], int]


def peer(pod: dict[str, Any], address: str) -> Peer:
    """Return the policy view of a pod."""
    meta = pod["metadata"]
    ports = {
        (port["name"], port.get("protocol", "TCP")): port["containerPort"]
        for container in pod["spec"]["containers"]
        for port in container.get("ports") or ()
        if port.get("name")
    }
    return Peer(meta["namespace"], meta.get("labels") or {}, address, ports)


def resolver(gateway: str) -> Peer:
    """Return the cluster's DNS, which policies know as the pods labelled k8s-app=kube-dns in kube-system."""
    return Peer("kube-system", {"k8s-app": "kube-dns"}, gateway, {("dns", "UDP"): 53, ("dns-tcp", "TCP"): 53})


def table(
    cluster: str,
    bridge: str,
    policies: Iterable[dict[str, Any]],
    peers: list[Peer],
    namespaces: Mapping[str, Mapping[str, str]],
    refused: list[str],
) -> Table:
    """Return the filter table; `namespaces` has the labels of each, `refused` are rules of Services with
    no endpoint.
    """
    start = prefix(cluster)
    forward = [f"{ESTABLISHED} -j RETURN", *refused]
    to_node = [
        f"-i {bridge} -d 127.0.0.0/8 -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP",
        f"{ESTABLISHED} -j RETURN",
    ]
    made = Table({f"{start}FWD": forward, f"{start}IN": to_node, f"{start}OUT": list(refused)})
    policies = list(policies)
    for pod in peers:
        selecting = [p for p in policies if p["metadata"]["namespace"] == pod.namespace and _selects(p, pod)]
        for direction, flag in (("Egress", "-s"), ("Ingress", "-d")):
            isolating = [p for p in selecting if direction in types(p)]
            if not isolating:
                continue
            chain = f"{start}{direction[0]}{digest(pod.address)}"
            allowed = [rule for policy in isolating for rule in _rules(policy, direction, pod, peers, namespaces)]
            itself = f"-s {pod.address}/32 -d {pod.address}/32 -j RETURN"
            made.chains[chain] = [itself, *dict.fromkeys(allowed), "-j DROP"]
            enter = f"{flag} {pod.address}/32 -j {chain}"
            forward.append(enter)
            if direction == "Egress":
                to_node.append(f"-i {bridge} {enter}")
    forward.append(f"-o {bridge} -m conntrack --ctstate DNAT -j ACCEPT")
    made.hooks = [
        ("DOCKER-USER", ["-j", f"{start}FWD"]),
        ("INPUT", ["-i", bridge, "-j", f"{start}IN"]),
        ("OUTPUT", ["-j", f"{start}OUT"]),
    ]
    return made


def types(policy: dict[str, Any]) -> list[str]:
    """Return the directions a policy isolates."""
    spec = policy["spec"]
    return spec.get("policyTypes") or (["Ingress", "Egress"] if spec.get("egress") else ["Ingress"])


def _selects(policy: dict[str, Any], pod: Peer) -> bool:
    return matches(policy["spec"].get("podSelector") or {}, dict(pod.labels))


def _rules(
    policy: dict[str, Any], direction: str, pod: Peer, peers: list[Peer], namespaces: Mapping[str, Mapping[str, str]]
) -> list[str]:
    """Return what a policy lets through to (Ingress) or from (Egress) a pod."""
    word, flag = ("from", "-s") if direction == "Ingress" else ("to", "-d")
    found = []
    for rule in policy["spec"].get(direction.lower()) or ():
        others: list[tuple[str, Peer | None]] = []
        for named in rule.get(word) or ():
            others += _addresses(named, policy["metadata"]["namespace"], peers, namespaces)
        if not rule.get(word):
            others = [("", None)]
            if direction == "Egress" and _named(rule):
                others = [(f"{other.address}/32", other) for other in peers]
        for address, other in others:
            where = f"{flag} {address} " if address else ""
            target = pod if direction == "Ingress" else other
            found += [f"{where}{port}-j RETURN" for port in _ports(rule.get("ports") or (), target)]
    return found


def _named(rule: dict[str, Any]) -> bool:
    return any(isinstance(port.get("port"), str) for port in rule.get("ports") or ())


def _addresses(
    named: dict[str, Any], home: str, peers: list[Peer], namespaces: Mapping[str, Mapping[str, str]]
) -> list[tuple[str, Peer | None]]:
    if "ipBlock" in named:
        block = named["ipBlock"]
        return [(text, None) for text in cut(block["cidr"], block.get("except") or ())]
    found: list[tuple[str, Peer | None]] = []
    for other in peers:
        if "namespaceSelector" in named:
            if not matches(named["namespaceSelector"], dict(namespaces.get(other.namespace, {}))):
                continue
        elif other.namespace != home:
            continue
        if "podSelector" not in named or matches(named["podSelector"], dict(other.labels)):
            found.append((f"{other.address}/32", other))
    return found


def cut(cidr: str, holes: Iterable[str]) -> list[str]:
    """Return a block of addresses less some within it, as blocks; nothing for IPv6, which this network
    does not speak.
    """
    whole = ipaddress.ip_network(cidr, strict=False)
    if whole.version == 6:
        return []
    left = [whole]
    for hole in map(ipaddress.ip_network, holes):
        kept = []
        for block in left:
            if hole.version == 4 and hole.subnet_of(block):
                kept += list(block.address_exclude(hole))
            elif not hole.overlaps(block):
                kept.append(block)
        left = kept
    return [str(block) for block in sorted(left)]


def _ports(ports: Iterable[dict[str, Any]], target: Peer | None) -> list[str]:
    """Return conditions on the port, one for each way to match; none named means any."""
    made = []
    for port in ports:
        protocol = port.get("protocol", "TCP")
        number = port.get("port")
        if isinstance(number, str):
            number = target.ports.get((number, protocol)) if target else None
            if number is None:
                continue
        match = f"-p {protocol.lower()} "
        if number is not None:
            match += f"--dport {number}:{port['endPort']} " if port.get("endPort") else f"--dport {number} "
        made.append(match)
    return made if list(ports) else [""]
