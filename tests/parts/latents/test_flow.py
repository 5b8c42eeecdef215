"""The flow prior: noise comes out where encodings lie, by label, the same alone and in a batch."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from lookalike.parts.latents.flow import Flow


def ring(count: int) -> tuple[Tensor, Tensor]:
    """Points on a circle of radius 5 around (3, 3), and which half of it they are on."""
    angle = torch.arange(count) * 2 * math.pi / count
    points = torch.stack([angle.cos(), angle.sin()], 1) * 5 + 3
    return points, torch.nn.functional.one_hot((angle > math.pi).long(), 2).float()


def prior(**settings: int) -> Flow:
    return Flow(**{"dims": 2, "breadth": 64, "every": 1, "nearest": 4, **settings})


def drawn(of: Flow, learned: dict[str, Tensor], wanted: Tensor | None = None) -> Tensor:
    z, labels = of.draw_labeled(torch.Generator().manual_seed(7), 400, learned, wanted)
    return of.transform(z, labels, learned)


def test_until_the_training_is_over_points_lie_between_neighbors() -> None:
    points, _ = ring(200)
    learned = dict(prior().fit(points, torch.Generator().manual_seed(0)))
    z = torch.randn(5, 2)
    assert torch.equal(prior().transform(z, None, learned), z)
    away = (drawn(prior(), learned) - 3).norm(dim=1)
    assert (away - 5).abs().max() < 0.5


@pytest.mark.slow
def test_the_learned_flow_ends_on_the_ring_and_covers_it() -> None:
    points, _ = ring(200)
    learned = dict(prior().fit(points, torch.Generator().manual_seed(0), None, 1500))
    made = drawn(prior(), learned) - 3
    assert ((made.norm(dim=1) - 5).abs() < 0.8).float().mean() > 0.9
    eighths = ((torch.atan2(made[:, 1], made[:, 0]) + math.pi) / (math.pi / 4)).long().clamp(max=7)
    assert torch.bincount(eighths, minlength=8).min() > 20


@pytest.mark.slow
def test_a_wanted_label_leads_to_its_own_half() -> None:
    points, labels = ring(200)
    learned = dict(prior().fit(points, torch.Generator().manual_seed(0), labels, 1500))
    for half in (0, 1):
        made = drawn(prior(), learned, torch.eye(2)[half]) - 3
        upper = (made[:, 1] > 0).float().mean()
        assert upper > 0.9 if half == 0 else upper < 0.1


def test_the_same_generator_learns_the_same_flow_and_leaves_torchs_own_alone() -> None:
    points, _ = ring(100)
    torch.manual_seed(3)
    before = torch.get_rng_state()
    first = prior().fit(points, torch.Generator().manual_seed(1), None, 20)
    second = prior().fit(points, torch.Generator().manual_seed(1), None, 20)
    assert torch.equal(before, torch.get_rng_state())
    assert all(torch.equal(first[name], second[name]) for name in first)
    other = prior().fit(points, torch.Generator().manual_seed(2), None, 20)
    assert not torch.equal(first["flow/leave.1.weight"], other["flow/leave.1.weight"])


@pytest.mark.parametrize(
    ("early", "spent", "encodings", "steps"),
    [
        (0, 6_500, 600, 650),
        (1_300, 6_500, 4_000, 1_300),
        (1_300, 6_500, 600, 1_200),
        (1_300, 6_500, 200, 650),
        (1_300, 2_000, 600, 400),
        (1_300, 9_000, 4_000, 1_300),
        (1_300, 30_000, 4_000, 3_000),
        (1_300, 5, 600, 1),
    ],
)
def test_a_short_training_learns_twice_as_often_but_few_encodings_not_by_heart(
    early: int, spent: int, encodings: int, steps: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    learned: list[int] = []
    monkeypatch.setattr(Flow, "_learn", lambda prior, points, count: learned.append(count) or {})
    points = torch.randn(encodings, 2, generator=torch.Generator().manual_seed(0))
    chosen = prior(every=10, early=early)
    chosen.fit(points, torch.Generator().manual_seed(0), None, spent)
    assert learned == [steps]


@pytest.mark.parametrize("count", [2, 63])
def test_few_encodings_are_not_learned_by_heart(count: int) -> None:
    learned = prior().fit(ring(count)[0], torch.Generator().manual_seed(0), None, 50)
    assert not [name for name in learned if name.startswith("flow")]
