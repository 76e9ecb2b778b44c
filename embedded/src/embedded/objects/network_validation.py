"""Wrong values of NetworkPolicies, in the words of the real server."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from typing import Any

from embedded.errors import Cause
from embedded.objects import checks
from embedded.objects.checks import required, wrong

CIDR_RULE = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def policy(obj: dict[str, Any], old: dict[str, Any] | None) -> list[Cause]:
    """Return every wrong peer and port of a NetworkPolicy."""
    spec = obj.get("spec") or {}
    found: list[Cause] = []
    for direction, side in (("ingress", "from"), ("egress", "to")):
        for number, rule in enumerate(spec.get(direction) or ()):
            where = f"spec.{direction}[{number}]"
            for index, peer in enumerate((rule or {}).get(side) or ()):
                found += _peer(peer, f"{where}.{side}[{index}]")
            for index, port in enumerate((rule or {}).get("ports") or ()):
                found += _port(port.get("port"), f"{where}.ports[{index}].port")
    return found


def _peer(peer: dict[str, Any], path: str) -> Iterator[Cause]:
    if not peer:
        yield required(path, "must specify a peer")
    block = peer.get("ipBlock")
    if block is None:
        return
    if len(peer) > 1:
        yield checks.forbidden(path, "may not specify both ipBlock and another peer")
    whole = _network(block.get("cidr") or "")
    if whole is None:
        yield wrong(f"{path}.ipBlock.cidr", block.get("cidr") or "", CIDR_RULE)
    for index, text in enumerate(block.get("except") or ()):
        part, where = _network(text), f"{path}.ipBlock.except[{index}]"
        if part is None:
            yield wrong(where, text, CIDR_RULE)
        elif whole is not None and not _is_part(part, whole):
            yield wrong(where, text, "must be a strict subset of `cidr`")


def _network(text: str) -> Network | None:
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def _is_part(part: Network, whole: Network) -> bool:
    return part.version == whole.version and part != whole and part.subnet_of(whole)  # type: ignore[arg-type]


def _port(port: Any, path: str) -> list[Cause]:
    if isinstance(port, str):
        return checks.port_name(path, port)
    return [] if port is None else checks.port(path, port)
