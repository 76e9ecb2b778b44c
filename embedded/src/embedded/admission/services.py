"""Services: cluster addresses and node ports, given out or refused."""

from __future__ import annotations

import ipaddress
import random
from typing import Any

from embedded import errors
from embedded.errors import Cause
from embedded.store import Store

NODE_PORTS = range(30000, 32768)
PUBLIC = ("NodePort", "LoadBalancer")


class Allocator:
    """Gives out addresses of one service network."""

    def __init__(self, cidr: str) -> None:
        self._network = ipaddress.ip_network(cidr)

    def admit(
        self,
        store: Store,
        operation: str,
        resource: str,
        obj: dict[str, Any],
        old: dict[str, Any] | None,
        subresource: str,
    ) -> None:
        """Complete a service that is created or changed; refuse what is taken or out of range."""
        if resource != "services" or subresource:
            return
        spec = obj["spec"]
        before = (old or {}).get("spec", {})
        if spec["type"] == "ExternalName":
            for field in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
                spec.pop(field, None)
            return
        others = [other for other in store.list("services") if not _same(other, obj)]
        self._address(obj, before, others)
        self._ports(obj, before, others)

    def _address(self, obj: dict[str, Any], before: dict[str, Any], others: list[dict[str, Any]]) -> None:
        spec = obj["spec"]
        name = obj["metadata"]["name"]
        if not spec.get("clusterIP") and before.get("clusterIP"):
            spec["clusterIP"] = before["clusterIP"]
        wanted = spec.get("clusterIP") or ""
        taken = {other["spec"].get("clusterIP") for other in others}
        if before.get("clusterIP") and wanted != before["clusterIP"]:
            problem = f'Invalid value: ["{wanted}"]: may not change once set'
            raise errors.invalid("services", name, [Cause("spec.clusterIPs[0]", "FieldValueInvalid", problem)])
        if not wanted:
            wanted = self._free(taken)
        elif wanted != "None" and not before.get("clusterIP"):
            self._check(name, wanted, taken)
        spec["clusterIP"] = wanted
        spec["clusterIPs"] = [wanted]
        spec.setdefault("ipFamilies", ["IPv4"])
        spec.setdefault("ipFamilyPolicy", "SingleStack")

    def _check(self, name: str, wanted: str, taken: set[str]) -> None:
        problem = ""
        try:
            inside = ipaddress.ip_address(wanted) in self._network
            if not inside:
                problem = f"failed to allocate IP {wanted}: the provided IP ({wanted}) is not in the valid range. "
                problem += f"The range of valid IPs is {self._network}"
            elif wanted in taken:
                problem = f"failed to allocate IP {wanted}: provided IP is already allocated"
        except ValueError:
            problem = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
        if problem:
            text = f'Invalid value: ["{wanted}"]: {problem}'
            raise errors.invalid("services", name, [Cause("spec.clusterIPs", "FieldValueInvalid", text)])

    def _free(self, taken: set[str]) -> str:
        """Return a random address, clear of the first 16: those are for the cluster's own services."""
        low, high = int(self._network[16]), int(self._network[-2])
        while True:
            address = str(ipaddress.ip_address(random.randint(low, high)))  # noqa: S311 - an address, not a secret
            if address not in taken:
                return address

    def _ports(self, obj: dict[str, Any], before: dict[str, Any], others: list[dict[str, Any]]) -> None:
        spec = obj["spec"]
        ports = spec.get("ports") or []
        if spec["type"] not in PUBLIC:
            self._private(obj, before)
            return
        taken = {
            (port.get("nodePort"), port["protocol"]) for other in others for port in other["spec"].get("ports") or ()
        }
        kept = {(port.get("port"), port.get("protocol")): port.get("nodePort") for port in before.get("ports") or ()}
        causes = []
        for index, port in enumerate(ports):
            where, wanted = f"spec.ports[{index}].nodePort", port.get("nodePort")
            if not wanted:
                wanted = port["nodePort"] = kept.get((port["port"], port["protocol"])) or _free_port(taken)
            elif wanted not in NODE_PORTS:
                text = "provided port is not in the valid range. The range of valid ports is 30000-32767"
                causes.append(Cause(where, "FieldValueInvalid", f"Invalid value: {wanted}: {text}"))
            elif (wanted, port["protocol"]) in taken:
                text = f"Invalid value: {wanted}: provided port is already allocated"
                causes.append(Cause(where, "FieldValueInvalid", text))
            taken.add((wanted, port["protocol"]))
        if causes:
            raise errors.invalid("services", obj["metadata"]["name"], causes)

    def _private(self, obj: dict[str, Any], before: dict[str, Any]) -> None:
        """Take node ports from a service that had them; refuse one that asks for them."""
        spec = obj["spec"]
        given = {port.get("nodePort") for port in before.get("ports") or ()}
        causes = []
        for index, port in enumerate(spec.get("ports") or ()):
            if port.get("nodePort") and port["nodePort"] not in given:
                text = f"Forbidden: may not be used when `type` is '{spec['type']}'"
                causes.append(Cause(f"spec.ports[{index}].nodePort", "FieldValueForbidden", text))
            port.pop("nodePort", None)
        spec.pop("externalTrafficPolicy", None)
        if causes:
            raise errors.invalid("services", obj["metadata"]["name"], causes)


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return all(one["metadata"].get(key) == other["metadata"].get(key) for key in ("namespace", "name"))


def _free_port(taken: set[tuple[int | None, str]]) -> int:
    used = {number for number, _ in taken}
    return random.choice([port for port in NODE_PORTS if port not in used])  # noqa: S311 - not a secret
