from __future__ import annotations

import numpy as np
import players
import pytest
import torch
from pictures import Discs

from lookalike.engine.sampler import BLOCK, Sampler
from lookalike.engine.trainer import Trainer
from lookalike.parts.latents.priors import Normal
from lookalike.parts.networks.base import Frame
from lookalike.parts.networks.dcgan import DCGANGenerator
from lookalike.place import Place


@pytest.fixture(scope="module")
def sampler() -> Sampler:
    torch.manual_seed(0)
    network = DCGANGenerator(dims=8, width=8, most=32).build(Frame(32)).eval()
    return Sampler(network.requires_grad_(False), Normal(8), {})


def test_a_picture_is_the_same_bytes_asked_alone_in_five_and_in_sixty_four(
    sampler: Sampler,
) -> None:
    many = sampler.pictures(3, 0, 130)
    for index in (0, 15, 17, 63, 64, 129):
        assert np.array_equal(sampler.pictures(3, index, 1)[0], many[index])
    assert np.array_equal(sampler.pictures(3, 14, 5), many[14:19])
    assert not np.array_equal(many[0], many[1])


@pytest.mark.parametrize(("first", "count"), [(0, 1), (0, 16), (1, 16), (15, 2), (31, 33), (7, 3)])
def test_blocks_cover_exactly_what_was_asked(sampler: Sampler, first: int, count: int) -> None:
    blocks = list(sampler.blocks(1, first, count))
    covered = [start + i for start, block in blocks for i in range(len(block))]
    assert covered == list(range(first, first + count))
    assert all(len(block) <= BLOCK for _, block in blocks)


def test_another_seed_gives_other_pictures(sampler: Sampler) -> None:
    assert not np.array_equal(sampler.pictures(1, 0, 2), sampler.pictures(2, 0, 2))


def test_labels_are_those_wanted_or_drawn_by_address_from_those_seen() -> None:
    seen = torch.eye(3)
    told: list[torch.Tensor] = []

    def generate(z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        assert labels is not None
        told.append(labels)
        return torch.zeros(len(z), 1, 4, 4)

    sampler = Sampler(generate, Normal(2), {}, seen)
    sampler.pictures(0, 0, BLOCK)
    drawn = torch.cat(told)
    assert drawn.shape == (BLOCK, 3)
    assert {tuple(row) for row in drawn.tolist()} <= {tuple(row) for row in seen.tolist()}
    assert len({tuple(row) for row in drawn.tolist()}) == 3
    _, again = sampler.draw(0, 20, 4)
    assert again is not None
    assert torch.equal(again, drawn[20:24])
    told.clear()
    sampler.pictures(0, 0, 1, wanted=torch.tensor([0.0, 1.0, 0.0]))
    assert told[0].tolist() == [[0.0, 1.0, 0.0]] * BLOCK


def test_sampling_leaves_the_training_as_it_was() -> None:
    def played(look: bool) -> torch.Tensor:
        trainer = Trainer(players.recipe(average=("D",)), Discs(8), Place())
        for _ in range(3):
            trainer.step()
            if look:
                trainer.sampler().pictures(0, 0, 3)
                torch.rand(7)
        return players.weights(trainer.networks["G"])

    assert torch.equal(played(look=True), played(look=False))
