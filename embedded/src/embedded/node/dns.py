"""Cluster DNS: names of Services and pods; anything else is asked of the machine's own resolvers.

Answers are worked out from the store at the moment of the question, so there is nothing to keep in step.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import logging
import random
import struct
from pathlib import Path
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from embedded.store import Store

log = logging.getLogger(__name__)
SERVICE = "kubernetes.io/service-name"  # the label that names the Service of an EndpointSlice
ZONE = "cluster.local"
TTL = 5  # seconds: an endpoint that is gone is not asked for long
PORT = 53
FORWARD_SECONDS = 2.0
A, AAAA, SRV, CNAME, ANY, PTR = (dns.rdatatype.from_text(t) for t in ("A", "AAAA", "SRV", "CNAME", "ANY", "PTR"))


Record = tuple[str, dns.rdatatype.RdataType, str]  # owner, type, text


class Refused(Exception):
    """There is no such name in the zone (NXDOMAIN)."""


def slices_by_service(store: Store) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Return the EndpointSlices by namespace and name of their Service."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for piece in store.list("endpointslices.discovery.k8s.io"):
        meta = piece["metadata"]
        found.setdefault((meta["namespace"], (meta.get("labels") or {}).get(SERVICE, "")), []).append(piece)
    return found


def targets(store: Store, namespace: str, service: dict[str, Any]) -> list[tuple[str, str, list[dict[str, Any]]]]:
    """Return the endpoints a headless Service shows: host name, address, ports."""
    early = service["spec"].get("publishNotReadyAddresses")
    found = []
    for piece in slices_by_service(store).get((namespace, service["metadata"]["name"]), []):
        for endpoint in piece.get("endpoints") or ():
            if early or (endpoint.get("conditions") or {}).get("ready", True):
                for address in endpoint["addresses"]:
                    host = endpoint.get("hostname") or address.replace(".", "-")
                    found.append((host, address, piece.get("ports") or []))
    return sorted(found, key=lambda target: target[:2])


def answer(store: Store, name: str, kind: int) -> list[Record]:
    """Return records for a name of the zone, without its dot at the end: (owner, type, text). Raises Refused."""
    labels = name.lower().removesuffix(f".{ZONE}").split(".")
    if labels[-1] == "pod" and len(labels) == 3:
        return _pod(name, labels, kind)
    if labels[-1] != "svc" or len(labels) < 3:
        if labels in (["svc"], ["pod"], ZONE.split(".")) or (
            labels[-1] == "svc" and store.get("namespaces", "", labels[-2])
        ):
            return []
        raise Refused(name)
    *prefix, service_name, namespace, _ = labels
    service = store.get("services", namespace, service_name)
    if service is None:
        raise Refused(name)
    spec = service["spec"]
    if spec.get("type") == "ExternalName":
        return [(name, CNAME, spec["externalName"].rstrip(".") + ".")] if not prefix else []
    headless = spec.get("clusterIP") == "None"
    if len(prefix) == 2 and all(label.startswith("_") for label in prefix):
        return _srv(store, name, prefix, service, headless)
    if headless:
        shown = targets(store, namespace, service)
        if prefix:
            shown = [target for target in shown if [target[0]] == prefix]
        if not shown and prefix:
            raise Refused(name)
        return [(name, A, address) for _, address, _ in shown] if kind in (A, ANY) else []
    if prefix:
        raise Refused(name)
    return [(name, A, spec["clusterIP"])] if kind in (A, ANY) and spec.get("clusterIP") else []


def _pod(name: str, labels: list[str], kind: int) -> list[Record]:
    """Return a pod by its address with dashes."""
    address = labels[0].replace("-", ".")
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        raise Refused(name) from None
    return [(name, A, address)] if kind in (A, ANY) else []


def _srv(store: Store, name: str, prefix: list[str], service: dict[str, Any], headless: bool) -> list[Record]:
    port_name, protocol = prefix[0][1:], prefix[1][1:].upper()
    base = ".".join(name.split(".")[2:])
    if headless:
        hosts = targets(store, service["metadata"]["namespace"], service)
        offered = [(f"{host}.{base}", address, port) for host, address, ports in hosts for port in ports]
    else:
        offered = [(base, service["spec"]["clusterIP"], port) for port in service["spec"].get("ports") or ()]
    made = []
    for host, address, port in offered:
        if port.get("name") == port_name and port.get("protocol", "TCP") == protocol:
            made.append((name, SRV, f"0 100 {port['port']} {host}."))
            made.append((host, A, address))
    if not made:
        raise Refused(name)
    return made


def reverse(store: Store, name: str) -> str | None:
    """Return the Service that has the address of a name in in-addr.arpa."""
    address = ".".join(reversed(name.removesuffix(".in-addr.arpa").split(".")))
    for service in store.list("services", where=lambda s: s["spec"].get("clusterIP") == address):
        return f"{service['metadata']['name']}.{service['metadata']['namespace']}.svc.{ZONE}."
    return None


def respond(store: Store, question: dns.message.Message) -> dns.message.Message | None:
    """Return the answer to a question about the cluster's names; None when it is about others."""
    asked = question.question[0]
    name = asked.name.to_text(omit_final_dot=True)
    reply = dns.message.make_response(question, recursion_available=True)
    reply.flags |= dns.flags.AA
    if name.lower().endswith(".in-addr.arpa"):
        found = reverse(store, name.lower()) if asked.rdtype == PTR else None
        if found is None:
            return None
        reply.answer.append(dns.rrset.from_text(asked.name, TTL, "IN", "PTR", found))
        return reply
    if not f".{name.lower()}".endswith(f".{ZONE}"):
        return None
    try:
        records = answer(store, name, asked.rdtype)
    except Refused:
        reply.set_rcode(dns.rcode.NXDOMAIN)
        return reply
    random.shuffle(records)
    for owner, kind, text in records:
        section = reply.answer if owner == name else reply.additional
        owner_name = dns.name.from_text(owner)
        matching = [rrset for rrset in section if rrset.name == owner_name and rrset.rdtype == kind]
        made = dns.rrset.from_text(owner_name, TTL, "IN", dns.rdatatype.to_text(kind), text)
        if matching:
            matching[0].update(made)  # type: ignore[no-untyped-call]
        else:
            section.append(made)
    return reply


def resolvers(text: str) -> list[str]:
    """Return the IPv4 name servers of a resolv.conf."""
    words = [line.split() for line in text.splitlines()]
    return [line[1] for line in words if len(line) > 1 and line[0] == "nameserver" and ":" not in line[1]]


class Server:
    """DNS over UDP and TCP on one address."""

    def __init__(self, store: Store, address: str, upstream: Path = Path("/etc/resolv.conf")) -> None:
        self._store = store
        self._address = address
        self._upstream = upstream
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> None:
        """Listen; raises OSError when the address is not there or taken."""
        loop = asyncio.get_running_loop()
        self._udp, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self), (self._address, PORT))
        self._tcp = await asyncio.start_server(self._connection, self._address, PORT)

    async def stop(self) -> None:
        """Stop listening."""
        if self._udp:
            self._udp.close()
        if self._tcp:
            self._tcp.close()
        for made in self._tasks:
            made.cancel()

    def received(self, data: bytes, sender: tuple[str, int]) -> None:
        """Answer one datagram."""
        made = asyncio.ensure_future(self._datagram(data, sender))
        self._tasks.add(made)
        made.add_done_callback(self._tasks.discard)

    async def _datagram(self, data: bytes, sender: tuple[str, int]) -> None:
        reply = await self.reply(data, tcp=False)
        if reply and self._udp:
            self._udp.sendto(reply, sender)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError, TimeoutError):
            while True:
                async with asyncio.timeout(10):
                    (length,) = struct.unpack(">H", await reader.readexactly(2))
                    reply = await self.reply(await reader.readexactly(length), tcp=True)
                if not reply:
                    break
                writer.write(struct.pack(">H", len(reply)) + reply)
                await writer.drain()
        writer.close()

    async def reply(self, data: bytes, *, tcp: bool) -> bytes | None:
        """Return the answer to a message as it goes over the wire; None for what is no question."""
        try:
            question = dns.message.from_wire(data)
            if not question.question or question.flags & dns.flags.QR:
                return None
            made = respond(self._store, question)
        except dns.exception.DNSException:
            return None
        if made is None:
            forwarded = await self._forward(data, tcp=tcp)
            if forwarded is not None:
                return forwarded
            made = dns.message.make_response(question, recursion_available=True)
            made.set_rcode(dns.rcode.SERVFAIL)
        limit = 65535 if tcp else max(question.payload, 512)
        try:
            return made.to_wire(max_size=limit)
        except dns.exception.TooBig:
            made.answer.clear()
            made.additional.clear()
            made.flags |= dns.flags.TC
            return made.to_wire()

    async def _forward(self, data: bytes, *, tcp: bool) -> bytes | None:
        """Return what the machine's own resolvers say; None when none of them answers soon."""
        with contextlib.suppress(OSError):
            for server in resolvers(self._upstream.read_text()):
                with contextlib.suppress(OSError, TimeoutError, asyncio.IncompleteReadError):
                    async with asyncio.timeout(FORWARD_SECONDS):
                        return await (_ask_tcp if tcp else _ask_udp)(server, data)
        return None


async def _ask_udp(server: str, data: bytes) -> bytes:
    waiter = _Answer(data[:2])
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: waiter, remote_addr=(server, PORT))
    try:
        transport.sendto(data)
        return await waiter.answer
    finally:
        transport.close()


async def _ask_tcp(server: str, data: bytes) -> bytes:
    reader, writer = await asyncio.open_connection(server, PORT)
    try:
        writer.write(struct.pack(">H", len(data)) + data)
        (length,) = struct.unpack(">H", await reader.readexactly(2))
        return await reader.readexactly(length)
    finally:
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, server: Server) -> None:
        self._server = server

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._server.received(data, addr)


class _Answer(asyncio.DatagramProtocol):
    def __init__(self, number: bytes) -> None:
        self._number = number
        self.answer: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data[:2] == self._number and not self.answer.done():
            self.answer.set_result(data)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)
