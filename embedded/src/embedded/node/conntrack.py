"""Makes the kernel forget the connections of a pod that has ended.

The Docker Engine does this too when a container leaves its network, but one by one, from a list it made before. By then
a client may use the same port again, for a connection to a living pod; the kernel can take that entry for the one on
the list, and the connection hears nothing any more. Here the kernel finds the entries itself, in one step, and the
list of the Engine is empty.

Source: linux/netfilter/nfnetlink_conntrack.h; the filter is understood for deletion by Linux 6.8 and later.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import struct

NETLINK_NETFILTER = 12
DELETE = 1 << 8 | 2  # NFNL_SUBSYS_CTNETLINK, IPCTNL_MSG_CT_DELETE
REQUEST, ACK = 1, 4
NESTED = 1 << 15
TUPLE_REPLY, FILTER = 2, 25
TUPLE_IP, IP_V4_SOURCE = 1, 1
FILTER_ORIGINAL, FILTER_REPLY = 1, 2
BY_SOURCE = 1  # CTA_FILTER_FLAG(CTA_IP_SRC)


def forget(address: str) -> None:
    """Remove the entries of all connections that `address` answered. An older kernel keeps them, as it would have."""
    with contextlib.suppress(OSError), socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER) as kernel:
        kernel.settimeout(1)
        kernel.send(request(address))
        kernel.recv(4096)


def request(address: str) -> bytes:
    """Return the message that asks for it."""
    source = _attribute(IP_V4_SOURCE, ipaddress.IPv4Address(address).packed)
    answered = _attribute(TUPLE_REPLY | NESTED, _attribute(TUPLE_IP | NESTED, source))
    flags = _attribute(FILTER_ORIGINAL, struct.pack("=I", 0)) + _attribute(FILTER_REPLY, struct.pack("=I", BY_SOURCE))
    body = struct.pack("!BBH", socket.AF_INET, 0, 0) + answered + _attribute(FILTER | NESTED, flags)
    return struct.pack("=IHHII", 16 + len(body), DELETE, REQUEST | ACK, 1, 0) + body


def _attribute(kind: int, value: bytes) -> bytes:
    size = 4 + len(value)
    return struct.pack("=HH", size, kind) + value + bytes(-size % 4)
