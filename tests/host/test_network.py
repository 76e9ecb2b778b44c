"""How large a packet may be is what the device of the default route says."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.host.network import ETHERNET, outward_mtu

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
