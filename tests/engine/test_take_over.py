"""What a training takes over from another one, recipe by recipe."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from smallest import EVERY, small, trainer_of

from lookalike.engine.state import copied, take_over, training_state


@pytest.mark.slow
@EVERY
def test_a_training_that_takes_over_every_player_draws_what_the_other_one_drew(name: str) -> None:
    """Optimizers and clock stay new, and the other one's weights are copied, not shared."""
    one, other = trainer_of(small(name)), trainer_of(replace(small(name), seed=1))
    for _ in range(3):
        one.step()
    one.fit_prior()
    state = copied(training_state(one))
    fresh = copied(training_state(other))
    drawn = other.sampler().pictures(0, 0, 4)
    take_over(other, state, tuple(other.networks))
    again = training_state(other)
    assert np.array_equal(other.sampler().pictures(0, 0, 4), one.sampler().pictures(0, 0, 4))
    assert not np.array_equal(other.sampler().pictures(0, 0, 4), drawn)
    for key, weight in again["networks"].items():
        assert torch.equal(weight, state["networks"][key]), key
    for player, average in again["averages"].items():
        for key, weight in average.items():
            assert torch.equal(weight, state["averages"][player][key]), key
    assert again["clock"] == fresh["clock"] == [0, 0]
    assert again["optimizers"].keys() == fresh["optimizers"].keys()
    assert not any(optimizer["state"] for optimizer in again["optimizers"].values())
    other.step()
    assert all(
        torch.equal(state["networks"][key], weight)
        for key, weight in copied(training_state(one))["networks"].items()
    )
