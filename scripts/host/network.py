"""Read how large a packet may be on the way from this machine outward.

Where that is less than the 1500 bytes that an engine gives its containers, as behind a VPN and on many a cloud's
machine, the answers to them are lost until the other side tries smaller ones: each download stands still for seconds.
"""

from __future__ import annotations

from pathlib import Path

ETHERNET = 1500  # bytes, the largest packet of an Ethernet, and what an engine takes by default
ROUTES = Path("/proc/net/route")
DEVICES = Path("/sys/class/net")


def outward_mtu(routes: Path = ROUTES, devices: Path = DEVICES) -> int:
    """Return the largest packet in bytes that the default route takes, `ETHERNET` where nothing says."""
    try:
        rows = [line.split() for line in routes.read_text(encoding="ascii").splitlines()[1:]]
        # Interface, destination, gateway, flags, use counts, metric, mask: the lowest metric is taken.
        metric_and_name = [(int(row[6]), row[0]) for row in rows if row[1] == row[7] == "00000000"]
        return int((devices / min(metric_and_name)[1] / "mtu").read_text(encoding="ascii"))
    except (OSError, ValueError, IndexError):
        return ETHERNET
