"""One rule says which images are old: none that anybody asks for, none of somebody else's, and never the newest."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scripts.images import pruning

OURS = ("todo-chatbot/backend", "todo-chatbot/mcp")
A, B = "0123456789abcdef", "fedcba9876543210"
REFS = st.builds(
    "{}{}:{}".format,
    st.sampled_from(["", "docker.io/", "registry.example.org/team/"]),
    st.sampled_from([*OURS, "todo-chatbot/backend-2", "backend", "other/backend"]),
    st.sampled_from([A, B, "latest", "mine", "1"]),
)


def test_what_nobody_asks_for_is_old_wherever_it_lies() -> None:
    own = "todo-chatbot/backend"
    have = [f"docker.io/{own}:{A}", f"{own}:{B}", f"r.example.org:5000/a/{own}:{A}", f"{own}:mine", f"{own}:latest"]
    assert pruning.unneeded(have, OURS, [f"{own}:{B}"], have) == [have[0], have[2]], "what a person tagged is not ours"


def test_what_was_not_made_here_is_not_ours_whatever_its_tag_looks_like() -> None:
    own = "todo-chatbot/backend"
    have = [f"{own}:{A}", f"registry.example.org/team/{own}:{A}", f"{own}:{B}"]
    assert pruning.unneeded(have, OURS, [], [f"{own}:{A}"]) == have[:2]
    assert pruning.unneeded(have, OURS, [], []) == []


def test_what_a_cluster_pulls_is_what_was_built_here() -> None:
    own = f"todo-chatbot/backend:{A}"
    assert pruning.unneeded([own], OURS, [f"registry.example.org/team/{own}"], [own]) == []


@given(st.lists(REFS), st.lists(REFS), st.lists(REFS))
def test_nothing_needed_and_nothing_of_somebody_elses_is_old(
    have: list[str], needed: list[str], made: list[str]
) -> None:
    found = pruning.unneeded(have, OURS, needed, made)
    assert set(found) <= set(have) and not set(found) & set(needed)
    assert all(any(f"{name}:" in ref for name in OURS) and ref.endswith((A, B)) for ref in found)
    assert pruning.unneeded(found, OURS, needed, made) == found


@given(st.lists(st.integers(0, 99), unique=True, max_size=30))
def test_the_newest_of_each_stay(numbers: list[int]) -> None:
    refs = [f"todo-chatbot/backend:{number}" for number in numbers] + ["todo-chatbot/mcp:1"]
    kept = pruning.newest_of_each(refs)
    assert kept == {*refs[: min(len(numbers), pruning.KEEP)], "todo-chatbot/mcp:1"}
    assert pruning.too_many(refs) == (len(numbers) > pruning.KEEP)
