"""Resource quantities: 100m, 1.5, 64Mi."""

from __future__ import annotations

import re
from decimal import Decimal

SUFFIXES = {
    **{"": Decimal(1), "n": Decimal("1e-9"), "u": Decimal("1e-6"), "m": Decimal("1e-3")},
    **{name: Decimal(1000) ** power for power, name in enumerate("kMGTPE", start=1)},
    **{name + "i": Decimal(1024) ** power for power, name in enumerate("KMGTPE", start=1)},
}
PATTERN = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(n|u|m|k|[KMGTPE]i?)?)")


def parse(text: str | int | float) -> Decimal:
    """Return the amount; raises ValueError when the text is not a quantity."""
    found = PATTERN.fullmatch(str(text))
    if not found or found[3] == "K":
        raise ValueError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'")
    number, exponent, suffix = found.groups()
    return Decimal(number + (exponent or "")) * SUFFIXES[suffix or ""]


def text(amount: Decimal, like: str = "") -> str:
    """Return an amount in canonical form; binary suffixes where `like` has one (or amount is a sum of such)."""
    if "i" in like:
        for suffix in ("Ei", "Pi", "Ti", "Gi", "Mi", "Ki"):
            if amount and amount % SUFFIXES[suffix] == 0:
                return f"{int(amount / SUFFIXES[suffix])}{suffix}"
        if amount == amount.to_integral_value():
            return str(int(amount))
    for suffix in ("E", "P", "T", "G", "M", "k", "", "m", "u"):
        scaled = amount / SUFFIXES[suffix]
        if amount and scaled == scaled.to_integral_value():
            return f"{int(scaled)}{suffix}"
    return f"{int(amount * 10**9)}n" if amount else "0"


def canonical(value: str | int | float) -> str:
    """Return a quantity as the server keeps it: 0.5 is 500m, 1024Mi is 1Gi; raises ValueError when it is none."""
    amount = parse(value)
    written = str(value)
    if "e" in written.lower().removesuffix("e") and "i" not in written:
        return written  # exponents stay as they are
    return text(amount, written)
