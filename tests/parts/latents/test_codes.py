from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lookalike.engine.sampler import Sampler
from lookalike.errors import RecipeError
from lookalike.parts.latents.codes import Codes
from lookalike.recipe import codec

PRIOR = Codes(dims=5, categories=(3, 10), continuous=2)


@settings(max_examples=30, deadline=None)
@given(
    dims=st.integers(0, 6),
    categories=st.lists(st.integers(2, 7), max_size=3),
    continuous=st.integers(0, 3),
    seed=st.integers(0, 99),
)
def test_every_row_has_one_value_of_each_category_and_codes_inside_minus_one_to_one(
    dims: int, categories: list[int], continuous: int, seed: int
) -> None:
    prior = Codes(dims=dims, categories=tuple(categories), continuous=continuous)
    z = prior.draw(torch.Generator().manual_seed(seed), 6, {})
    assert z.shape == (6, prior.width)
    blocks, values = prior.split(prior.coded(z))
    for block, size in zip(blocks, categories, strict=True):
        assert block.shape == (6, size)
        assert torch.equal(block.sum(1), torch.ones(6))
        assert set(block.unique().tolist()) <= {0.0, 1.0}
    assert values.shape == (6, continuous)
    assert (values.abs() <= 1).all()


def test_every_class_comes_equally_often() -> None:
    z = PRIOR.draw(torch.Generator().manual_seed(0), 9000, {})
    blocks, _ = PRIOR.split(PRIOR.coded(z))
    assert torch.allclose(blocks[0].mean(0), torch.full((3,), 1 / 3), atol=0.02)
    assert torch.allclose(blocks[1].mean(0), torch.full((10,), 0.1), atol=0.015)


def test_uniform_noise_stays_in_its_box_and_normal_noise_does_not() -> None:
    drawn = torch.Generator().manual_seed(0)
    assert Codes(dims=50, uniform=True).draw(drawn, 50, {}).abs().max() <= 1
    assert Codes(dims=50).draw(drawn, 50, {}).abs().max() > 2


def test_row_17_is_the_same_in_any_batch() -> None:
    sampler = Sampler(lambda z, labels: z, PRIOR, {})
    (alone, _), (among, _) = sampler.draw(3, 17, 1), sampler.draw(3, 0, 20)
    assert torch.equal(alone[0], among[17])


def test_z_is_all_that_it_splits_into() -> None:
    z = PRIOR.draw(torch.Generator().manual_seed(1), 4, {})
    blocks, values = PRIOR.split(PRIOR.coded(z))
    assert torch.equal(torch.cat([PRIOR.noise(z), *blocks, values], 1), z)


def test_a_code_of_one_value_is_refused() -> None:
    with pytest.raises(RecipeError, match="at least 2 values"):
        Codes(categories=(1,))


def test_codes_go_through_json() -> None:
    assert codec.decode(codec.encode(PRIOR)) == PRIOR
