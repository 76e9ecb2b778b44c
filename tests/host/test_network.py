"""How large a packet may be, and whether a program listens at a port, is what the kernel's tables say."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from scripts.host.network import ETHERNET, may_be_listened_at, outward_mtu

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
LAN = "eth0\t0001A8C0\t00000000\t0001\t0\t0\t100\t00FFFFFF\t0\t0\t0\n"
ETH = "eth0\t00000000\t0101A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n"
VPN = "tun0\t00000000\t00000000\t0001\t0\t0\t50\t00000000\t0\t0\t0\n"


@pytest.mark.parametrize(
    ("routes", "mtu"),
    [
        (HEAD + LAN + ETH, 1400),
        (HEAD + ETH + VPN, 1280),
        (HEAD + LAN, ETHERNET),
        (HEAD, ETHERNET),
        ("", ETHERNET),
        (HEAD + ETH.replace("eth0", "gone"), ETHERNET),
        (HEAD + "cut\t00000000\n", ETHERNET),
    ],
)
def test_packets_are_as_large_as_the_default_route_takes(routes: str, mtu: int, tmp_path: Path) -> None:
    for name, size in {"eth0": "1400", "tun0": "1280"}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "mtu").write_text(f"{size}\n", encoding="ascii")
    (tmp_path / "route").write_text(routes, encoding="ascii")
    assert outward_mtu(tmp_path / "route", tmp_path) == mtu


def test_a_system_without_routes_to_read_has_an_ethernet(tmp_path: Path) -> None:
    assert outward_mtu(tmp_path / "none", tmp_path) == ETHERNET


def test_a_listening_socket_is_a_program_at_the_port_and_an_open_connection_is_none(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
    older, newer = tmp_path / "tcp", tmp_path / "tcp6"
    older.write_text(f"{head}   0: 0100007F:7530 0100007F:C350 01 00000000:00000000 00:00000000 00000000 0 0 1\n")
    assert not may_be_listened_at(30000, [older, newer])
    newer.write_text(f"{head}   0: {'0' * 32}:7530 {'0' * 32}:0000 0A 00000000:00000000 00:00000000 00000000 0 0 2\n")
    assert may_be_listened_at(30000, [older, newer]) and not may_be_listened_at(30001, [older, newer])


def test_where_no_table_can_be_read_somebody_may_listen(tmp_path: Path) -> None:
    assert may_be_listened_at(30000, [tmp_path / "none"])


def test_a_port_that_is_listened_at_here_is_found() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert may_be_listened_at(server.getsockname()[1])
