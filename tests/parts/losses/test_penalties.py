"""Penalties: values by hand on functions of known slope, and double backward in float64."""

import pytest
import torch
from torch import Tensor, nn

from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.penalties import BetweenSlope, ZeroSlope, lecam, slope, squared_slope
from lookalike.parts.networks.base import Networks


class Plane(nn.Module):
    """D(x) = 3 x_1 + 4 x_2: its slope is 5 everywhere."""

    def __init__(self, scale: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(scale * torch.tensor([3.0, 4.0]))

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        return x @ self.weight


def game(network: nn.Module) -> Game:
    return Game(Networks({"D": network}), {})


def batch(count: int = 3) -> Batch:
    x = torch.arange(2.0 * count).view(count, 2)
    return Batch(images=x, z=x, noise=lambda purpose: torch.Generator().manual_seed(1))


def test_the_two_sided_penalty_of_a_slope_of_five_is_ten_times_sixteen() -> None:
    terms = BetweenSlope().terms(game(Plane()), batch(), batch().images, -batch().images)
    assert terms["slope"].tolist() == pytest.approx([160.0] * 3)


def test_only_the_two_sided_penalty_punishes_a_gentle_slope() -> None:
    gentle = game(Plane(0.1))  # slope 0.5
    both = BetweenSlope().terms(gentle, batch(), batch().images, -batch().images)
    above = BetweenSlope(one_sided=True).terms(gentle, batch(), batch().images, -batch().images)
    assert both["slope"].tolist() == pytest.approx([2.5] * 3)
    assert above["slope"].tolist() == pytest.approx([0.0] * 3, abs=1e-9)


def test_the_points_between_lie_on_the_segments() -> None:
    seen = []

    class Watching(Plane):
        def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
            seen.append(x.detach())
            return super().forward(x, labels)

    real, fake = torch.zeros(50, 2), torch.ones(50, 2)
    BetweenSlope().terms(game(Watching()), batch(50), real, fake)
    assert torch.equal(seen[0][:, 0], seen[0][:, 1])  # one share per sample
    assert 0 <= float(seen[0].min()) < 0.2
    assert 0.8 < float(seen[0].max()) <= 1


def test_r1_and_r2_are_half_gamma_times_the_squared_slope() -> None:
    x = batch().images
    terms = ZeroSlope(real=2.0, fake=4.0).terms(game(Plane()), batch(), x, -x)
    assert terms["r1"].tolist() == [25.0] * 3
    assert terms["r2"].tolist() == [50.0] * 3
    assert set(ZeroSlope(real=1.0).terms(game(Plane()), batch(), x, -x)) == {"r1"}


def test_lecam_counts_what_lies_beyond_the_average_of_the_other_side() -> None:
    on_real, on_fake = torch.tensor([3.0, -5.0]), torch.tensor([-2.0, 6.0])
    found = lecam(on_real, on_fake, real_average=1.0, fake_average=0.5)
    assert found.tolist() == [2.5**2 + 3.0**2, 0.0]


def test_the_slope_can_be_differentiated_again() -> None:
    torch.manual_seed(0)
    first, second = torch.randn(4, 2, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    points = torch.randn(3, 2, dtype=torch.float64)

    def penalty(weight: Tensor, head: Tensor, x: Tensor) -> Tensor:
        return squared_slope(torch.tanh(x @ weight.T) @ head, x)

    for part in (first, second, points):
        part.requires_grad_()
    assert torch.autograd.gradcheck(penalty, (first, second, points))
    assert torch.autograd.gradgradcheck(penalty, (first, second, points))


def test_the_slope_of_a_cubic_is_known() -> None:
    x = torch.tensor([[1.0], [2.0]], requires_grad=True)
    assert slope(x.pow(3).squeeze(1), x).flatten().tolist() == [3.0, 12.0]
    assert squared_slope(x.pow(3).squeeze(1), x).tolist() == [9.0, 144.0]
