"""Crossed labels: what is drawn by hand-made rows, what never is, and that an address decides."""

from __future__ import annotations

from itertools import combinations

import pytest
import torch
from torch import Tensor

from lookalike.engine.sampler import Sampler
from lookalike.parts.latents.crossover import LabelCrossover
from lookalike.parts.latents.flow import Flow

FLAGS = LabelCrossover(groups=(1, 1, 1, 1))


def rows(*words: str) -> Tensor:
    return torch.tensor([[float(letter) for letter in word] for word in words])


def crossed(
    labels: Tensor, of: LabelCrossover = FLAGS, number: int = 0, seeds: int = 60
) -> set[str]:
    """The rows that are drawn for one training picture, by many addresses."""
    chosen = torch.tensor([number])
    drawn = (of.rows(labels, chosen, torch.Generator().manual_seed(s))[0] for s in range(seeds))
    return {"".join(f"{value:g}" for value in row) for row in drawn}


# ---- what is drawn, computed by hand --------------------------------------------------------


def test_a_cross_has_two_attributes_of_another_row_and_pairs_of_values_that_occur() -> None:
    # 1111 alone differs in four. Of the six crosses 1100 has only pairs that occur: 11.. in 1111,
    # 1.0. and 1..0 in 1000, .10. and .1.0 in 0100, ..00 in 0000. Others lack one, such as .01. .
    labels = rows("0000", "1111", "1000", "0100")
    assert crossed(labels) == {"0000", "1100"}
    # With 0010 and 0001 there as well every single one occurs beside a zero, and all six may be.
    every = rows("0000", "1111", "1000", "0100", "0010", "0001")
    assert crossed(every) == {"1100", "1010", "1001", "0110", "0101", "0011"}


def test_a_cross_that_is_a_training_pictures_row_is_not_taken_unless_many_have_it() -> None:
    labels = rows("0000", "1111", "1000", "0100", "0010", "0001", "1100")
    assert crossed(labels) == {"1010", "1001", "0110", "0101", "0011"}
    many = torch.cat([labels, labels[-1:].repeat(4, 1)])
    assert crossed(many) == {"1100", "1010", "1001", "0110", "0101", "0011"}


def test_a_row_that_five_pictures_share_is_drawn_as_it_is_and_nothing_else_of_the_address() -> None:
    labels = rows("0000", "1111", "1000", "0100", "0010", "0001")
    four = torch.cat([labels, labels[:1].repeat(3, 1)])
    assert "0000" not in crossed(four)
    five = torch.cat([labels, labels[:1].repeat(4, 1)])
    assert crossed(five) == {"0000"}
    generator = torch.Generator().manual_seed(0)
    before = generator.get_state()
    FLAGS.rows(five, torch.tensor([0]), generator)
    assert torch.equal(generator.get_state(), before)


def test_a_row_stays_where_no_other_differs_enough() -> None:
    assert crossed(rows("0000", "1000", "0100")) == {"0000"}
    # Two attributes that differ are one for each: the cross is one step from both.
    labels = rows("00", "11", "00")
    assert crossed(labels, LabelCrossover(groups=(1, 1))) == {"00"}, "01 occurs nowhere"


def test_a_choice_moves_whole_and_the_class_stays() -> None:
    # A class of two, two choices of three, two flags. Row 1 is of the other class.
    crossover = LabelCrossover(groups=(2, 3, 3, 1, 1), fixed=1)
    labels = rows("1010010000", "0101001011", "1001001011", "1010001001", "1001010010")
    labels = torch.cat([labels, rows("1010010001", "1010010010", "1001001000", "1001010000")])
    # The six crosses with row 2, which alone differs in four: three of them are there already.
    assert crossed(labels, crossover) == {"1001010001", "1010001010", "1010010011"}
    alone = rows("1010010000", "0101001011", "0101001000")
    assert crossed(alone, crossover) == {"1010010000"}


def test_of_many_rows_the_nearest_are_crossed_with() -> None:
    near, far = "1111000000", "1111111111"
    single = ["".join("1" if at == own else "0" for at in range(10)) for own in range(10)]
    labels = rows("0" * 10, near, far, *single)
    crossover = LabelCrossover(groups=(1,) * 10, nearest=1)
    assert {row[4:] for row in crossed(labels, crossover)} == {"000000"}
    both = LabelCrossover(groups=(1,) * 10, nearest=2)
    assert any("1" in row[4:] for row in crossed(labels, both))


def test_numbers_within_half_a_deviation_are_the_same() -> None:
    crossover = LabelCrossover(groups=(1, 1))
    numbers = torch.tensor([[0, 0], [0.2, 0.1], [0.1, -0.2], [0.2, 0.2], [-0.2, 0.2], [3, 3]])
    drawn = crossover.rows(numbers, torch.arange(5), torch.Generator().manual_seed(0))
    assert torch.equal(drawn, numbers[:5])


@pytest.mark.parametrize("groups", [(3, 1, 2, 1, 4, 1), (1,) * 12])
def test_every_cross_keeps_the_laws_on_random_rows(groups: tuple[int, ...]) -> None:
    generator = torch.Generator().manual_seed(1)
    sides = [max(count, 2) for count in groups]
    values = torch.stack([torch.randint(side, (300,), generator=generator) for side in sides], 1)
    parts = [
        values[:, g : g + 1].float()
        if count == 1
        else torch.nn.functional.one_hot(values[:, g], count).float()
        for g, count in enumerate(groups)
    ]
    labels = torch.cat(parts, 1)
    chosen = torch.arange(300)
    drawn = LabelCrossover(groups=groups).rows(labels, chosen, generator)
    edges = torch.tensor(groups).cumsum(0).tolist()
    blocks = [slice(end - count, end) for end, count in zip(edges, groups, strict=True)]
    moved = torch.stack([(drawn[:, b] != labels[:, b]).any(1) for b in blocks], 1)
    assert set(moved.sum(1).tolist()) <= {0, 1, 2}
    assert (moved.sum(1) == 2).float().mean() > 0.5
    for row in drawn[moved.any(1)]:
        alike = torch.stack([(labels[:, b] == row[b]).all(1) for b in blocks], 1)
        assert all(
            (alike[:, a] & alike[:, b]).any() for a, b in combinations(range(len(groups)), 2)
        )
        assert not 0 < int(alike.all(1).sum()) < 5


# ---- in a flow, and by address --------------------------------------------------------------


def learned(labels: Tensor, prior: Flow) -> dict[str, Tensor]:
    points = torch.randn(len(labels), 2, generator=torch.Generator().manual_seed(0))
    return dict(prior.fit(points, torch.Generator().manual_seed(0), labels, 40))


def flow(crossover: LabelCrossover | None) -> Flow:
    return Flow(dims=2, breadth=16, every=1, nearest=4, fewest=4, crossover=crossover)


@pytest.fixture(scope="module")
def known() -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(2)
    return learned(torch.randint(2, (80, 12), generator=generator).float(), flow(None))


TWELVE = LabelCrossover(groups=(1,) * 12)


def test_noise_is_that_of_a_flow_without_and_labels_that_were_asked_for_stay(
    known: dict[str, Tensor],
) -> None:
    plain, crossing = (
        flow(how).draw_labeled(torch.Generator().manual_seed(5), 50, known, None)
        for how in (None, TWELVE)
    )
    assert torch.equal(plain[0], crossing[0])
    assert plain[1] is not None
    assert crossing[1] is not None
    assert ((plain[1] != crossing[1]).sum(1) <= 2).all()
    assert (plain[1] != crossing[1]).any(1).float().mean() > 0.9
    wanted = known["labels"][3]
    _, asked = flow(TWELVE).draw_labeled(torch.Generator().manual_seed(5), 4, known, wanted)
    assert asked is not None
    assert torch.equal(asked, wanted.expand(4, -1))


def test_where_pictures_share_their_labels_a_flow_draws_as_without() -> None:
    labels = torch.eye(3).repeat(20, 1)
    known = learned(labels, flow(None))
    crossover = LabelCrossover(groups=(1, 1, 1))
    plain, crossing = (
        flow(how).draw_labeled(torch.Generator().manual_seed(5), 50, known, None)
        for how in (None, crossover)
    )
    assert torch.equal(plain[0], crossing[0])
    assert plain[1] is not None
    assert crossing[1] is not None
    assert torch.equal(plain[1], crossing[1])


def test_a_picture_has_its_label_alone_in_any_block_and_from_what_is_shared(
    known: dict[str, Tensor],
) -> None:
    prior = flow(TWELVE)
    sampler = Sampler(lambda z, labels: z, prior, known, known["labels"])
    z, labels = sampler.draw(3, 0, 40)
    assert labels is not None
    shared = Sampler(lambda z, labels: z, prior, prior.to_draw(known), known["labels"])
    for first, count, one in ((17, 1, sampler), (30, 10, sampler), (17, 5, shared)):
        other, named = one.draw(3, first, count)
        assert named is not None
        assert torch.equal(other, z[first : first + count])
        assert torch.equal(named, labels[first : first + count])
