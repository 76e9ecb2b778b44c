"""What a PromQL expression asks for: its metrics with the labels they are told apart by.

Not a parser: whether an expression is PromQL at all is for promtool to say (tests/policy/test_rules.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator

SELECTOR = re.compile(r"([a-zA-Z_:][\w:]*)\{([^}]*)\}")
LABEL = re.compile(r'([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)\s*"(?:[^"\\]|\\.)*"')
GROUPING = re.compile(r"\b(?:by|on|without|ignoring|group_left|group_right)\s*\(([^)]*)\)")
WORDS = frozenset((
    "absent", "and", "or", "unless", "sum", "max", "min", "topk", "rate", "increase", "histogram_quantile",
))  # fmt: skip


def selectors(expression: str) -> Iterator[tuple[str, list[str]]]:
    """Each metric with the labels of its matchers. Raises ValueError for a metric that is asked for without any."""
    plain = GROUPING.sub(" ", SELECTOR.sub(" ", expression))
    plain = re.sub(r"\[[^]]*\]|\b\d[\d.]*\w*", " ", plain)  # durations, numbers
    if stray := set(re.findall(r"[a-zA-Z_:][\w:]*", plain)) - WORDS:
        raise ValueError(f"neither a known function nor a metric with labels: {', '.join(sorted(stray))}")
    for metric, matchers in SELECTOR.findall(expression):
        yield metric, LABEL.findall(matchers)


def groupings(expression: str) -> set[str]:
    """The labels by which it joins and sums."""
    return {label.strip() for labels in GROUPING.findall(expression) for label in labels.split(",") if label.strip()}
