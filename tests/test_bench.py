"""Seconds are summed up and compared the way the table says."""

import pytest

from bench.statistics import Summary, summary, table


def test_rounds_are_summed_up() -> None:
    assert summary([3.0, 1.0, 2.0]) == Summary(1.0, 2.0, 3.0)
    with pytest.raises(ValueError, match="nothing"):
        summary([])


def test_the_ratio_is_of_medians_and_above_one_where_the_pipeline_is_faster() -> None:
    rows = table({"unchanged": {"plain": [9.0, 10.0, 11.0], "pipeline": [1.0, 1.0, 2.0]}})
    assert rows[1] == ("unchanged", "9.0 / 10.0 / 11.0", "1.0 / 1.0 / 2.0", "10.0")
