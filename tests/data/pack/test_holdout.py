"""The hold-out is drawn in arrays; one group after the other gives the same."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike import seeds
from lookalike.data.pack import holdout
from lookalike.data.pack.holdout import choose_holdout, wanted_holdout


def drawn_singly(
    groups: list[int],
    classes: list[str],
    digests: list[int],
    share: float,
    seed: int,
    before: list[str | None],
) -> list[bool]:
    """The hold-out as words say it: a group at a time, with dictionaries."""
    total = wanted_holdout(len(groups), share)
    if not total:
        return [False] * len(groups)
    members: dict[int, list[int]] = {}
    for picture, leader in enumerate(groups):
        members.setdefault(leader, []).append(picture)
    counts = Counter(classes)
    exact = {name: counts[name] * (total / len(groups)) for name in sorted(counts)}
    quota = {name: int(value) for name, value in exact.items()}
    rest = sorted(exact, key=lambda name: quota[name] - exact[name])
    for name in rest[: total - sum(quota.values())]:
        quota[name] += 1
    quota = {name: min(wanted, counts[name] - 1) for name, wanted in quota.items()}
    sides = {leader: {before[one] for one in group} for leader, group in members.items()}
    held = set()
    for leader in sorted(members):
        if "holdout" in sides[leader] and "train" not in sides[leader]:
            quota[classes[leader]] -= len(members[leader])
            counts[classes[leader]] -= len(members[leader])
            held |= {leader} if counts[classes[leader]] > 0 else set()
    order = [leader for leader in sorted(members) if sides[leader] == {None}]
    lowest = {leader: min(digests[one] for one in members[leader]) for leader in order}
    order.sort(key=lambda leader: seeds.number(seed, "holdout", lowest[leader]))
    for leader in order:
        if len(members[leader]) <= quota[classes[leader]]:
            quota[classes[leader]] -= len(members[leader])
            held.add(leader)
    spare = total // 5
    for leader in sorted(order, key=lambda leader: len(members[leader])):
        name = classes[leader]
        over = len(members[leader]) - quota[name]
        if leader not in held and quota[name] > 0 and over <= min(spare, counts[name] // 2):
            spare -= over
            quota[name] = 0
            held.add(leader)
    return [leader in held for leader in groups]


@pytest.mark.slow
@settings(deadline=None, max_examples=150)
@given(
    sizes=st.lists(st.sampled_from([1, 1, 1, 2, 3, 9]), min_size=1, max_size=150),
    share=st.sampled_from([0.0, 0.05, 0.1, 0.3]),
    kinds=st.integers(1, 5),
    sides=st.sampled_from([(None,), (None, "train", "holdout")]),
    turn=st.sampled_from([1, 7, 65_536]),
    seed=st.integers(0, 1000),
)
def test_drawn_in_arrays_and_drawn_singly_are_the_same(
    sizes: list[int], share: float, kinds: int, sides: tuple[str | None, ...], turn: int, seed: int
) -> None:
    draw = np.random.default_rng(seed)
    groups = np.repeat(np.cumsum([0, *sizes[:-1]]), sizes)
    classes = [["", "b", "Ä", "a", "A"][one] for one in draw.integers(0, kinds, len(groups))]
    digests = draw.integers(0, 2**62, len(groups))
    before = [sides[one] for one in draw.integers(0, len(sides), len(groups))]
    wanted = drawn_singly(groups.tolist(), classes, digests.tolist(), share, seed, before)
    usual, holdout._TURN = holdout._TURN, turn
    try:
        found = choose_holdout(groups, classes, digests, share, seed, before)
    finally:
        holdout._TURN = usual
    assert found.tolist() == wanted
