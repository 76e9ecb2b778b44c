"""The arithmetic of rolling updates keeps its bounds, and always comes to an end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from embedded.controllers import rolling
from embedded.controllers.rolling import Counted


@given(
    replicas=st.integers(1, 12),
    surge=st.one_of(st.integers(0, 5), st.integers(0, 100).map("{}%".format)),
    unavailable=st.one_of(st.integers(0, 5), st.integers(0, 100).map("{}%".format)),
    choices=st.lists(st.booleans(), min_size=1, max_size=30),
)
def test_an_update_keeps_its_bounds_and_ends(
    replicas: int, surge: int | str, unavailable: int | str, choices: list[bool]
) -> None:
    limit = rolling.bounds({"rollingUpdate": {"maxSurge": surge, "maxUnavailable": unavailable}}, replicas)
    new, old = Counted("new", 0, 0, 0), Counted("old", replicas, replicas, replicas)
    for step in range(200):
        wanted = rolling.scale_up(new, [old], replicas, limit)
        new = Counted("new", wanted, wanted, min(new.available, wanted))
        left = rolling.scale_down(new, [old], replicas, limit)["old"]
        old = Counted("old", left, left, min(old.available, left))
        assert new.wanted + old.wanted <= replicas + limit.surge
        assert new.available + old.available >= replicas - limit.unavailable
        if choices[step % len(choices)] or step > 100:  # a pod of the new ones becomes ready, or not yet
            new = Counted("new", new.wanted, new.existing, min(new.wanted, new.available + 1))
    assert (new.wanted, new.available, old.wanted) == (replicas, replicas, 0)


@given(
    sizes=st.lists(st.integers(1, 20), min_size=1, max_size=5),
    change=st.integers(-20, 20),
)
def test_a_change_is_shared_out_whole(sizes: list[int], change: int) -> None:
    total = sum(sizes)
    change = max(change, -total)
    sets = [Counted(str(number), size, size, size) for number, size in enumerate(sorted(sizes, reverse=True))]
    asked = rolling.proportional(sets, change)
    assert sum(asked.values()) == total + change
    assert all(value >= 0 for value in asked.values())
