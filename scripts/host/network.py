"""Read of this machine's network what the kernel's own tables say, without a program that is started for it.

How large a packet may be on the way outward: where that is less than the 1500 bytes that an engine gives its
containers, as behind a VPN and on many a cloud's machine, the answers to them are lost until the other side tries
smaller ones, and each download stands still for seconds. And whether a program listens at a port.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

ETHERNET = 1500  # bytes, the largest packet of an Ethernet, and what an engine takes by default
ROUTES = Path("/proc/net/route")
DEVICES = Path("/sys/class/net")
SOCKETS = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
LISTENING = "0A"  # TCP_LISTEN of include/net/tcp_states.h


def outward_mtu(routes: Path = ROUTES, devices: Path = DEVICES) -> int:
    """Return the largest packet in bytes that the default route takes, `ETHERNET` where nothing says."""
    try:
        rows = [line.split() for line in routes.read_text(encoding="ascii").splitlines()[1:]]
        # Interface, destination, gateway, flags, use counts, metric, mask: the lowest metric is taken.
        metric_and_name = [(int(row[6]), row[0]) for row in rows if row[1] == row[7] == "00000000"]
        return int((devices / min(metric_and_name)[1] / "mtu").read_text(encoding="ascii"))
    except (OSError, ValueError, IndexError):
        return ETHERNET


def may_be_listened_at(port: int, tables: Iterable[Path] = SOCKETS) -> bool:
    """Return whether a program listens at a port of this machine, or none of the tables can be read."""
    rows = [line.split() for table in tables for line in _lines(table)[1:]]
    return not rows or any(row[3:4] == [LISTENING] and row[1].endswith(f":{port:04X}") for row in rows)


def _lines(table: Path) -> list[str]:
    try:
        return table.read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return []
