from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.networks.fastgan import Excitation, FastGANGenerator
from lookalike.recipes.fastgan import FastGANDiscriminator, FastGANObjective, quarter


class Rebuilt(nn.Module):
    """Logits 0.5 and -2; every reconstruction is 0.1 everywhere."""

    def forward(self, x: Tensor, labels: Tensor | None = None, corner: int = -1) -> object:
        logits = torch.tensor([[0.5, -2.0]]).expand(len(x), -1)
        half = torch.full((len(x), 1, 2, 2), 0.1)
        return logits if corner < 0 else (logits, half, half)


class Drawn(nn.Module):
    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        return torch.zeros(len(z), 1, 4, 4)


def test_the_losses_by_hand() -> None:
    """max(0, 1 - l) is 0.5 and 3, max(0, 1 + l) is 1.5 and 0; 0.6 is rebuilt as 0.1."""
    game = Game(Networks({"G": Drawn(), "D": Rebuilt()}), {})
    batch = Batch(torch.full((3, 1, 4, 4), 0.6), torch.zeros(3, 2))
    terms = FastGANObjective(rebuilt=2.0).d_loss(game, batch)
    assert terms["real"].tolist() == pytest.approx([1.75] * 3)
    assert terms["fake"].tolist() == pytest.approx([0.75] * 3)
    assert terms["whole"].tolist() == pytest.approx([1.0] * 3)
    assert terms["part"].tolist() == pytest.approx([1.0] * 3)
    assert FastGANObjective().g_loss(game, batch)["adversarial"].tolist() == pytest.approx(
        [0.75] * 3
    )


def test_a_gate_lies_between_0_and_1_and_is_the_same_all_over_a_channel() -> None:
    torch.manual_seed(0)
    gate = Excitation(3, 5)(torch.randn(2, 3, 8, 8), torch.ones(2, 5, 32, 32))
    assert gate.shape == (2, 5, 32, 32)
    assert ((gate > 0) & (gate < 1)).all()
    assert torch.equal(gate, gate[:, :, :1, :1].expand_as(gate))


@pytest.mark.parametrize(
    ("size", "gates"),
    [(32, {32: 4}), (64, {64: 4}), (128, {64: 4, 128: 8}), (256, {64: 4, 128: 8, 256: 16})],
)
def test_early_maps_gate_late_ones(size: int, gates: dict[int, int]) -> None:
    network = FastGANGenerator(width=2, most=8).build(Frame(size))
    assert {side: 4 << index for side, index in network.sources.items()} == gates


def test_the_four_quarters_are_the_picture() -> None:
    x = torch.arange(16.0).view(1, 1, 4, 4)
    top = torch.cat([quarter(x, 0), quarter(x, 1)], 3)
    bottom = torch.cat([quarter(x, 2), quarter(x, 3)], 3)
    assert torch.equal(torch.cat([top, bottom], 2), x)


@pytest.mark.parametrize("size", [32, 64, 256])
def test_reconstructions_have_half_the_side(size: int) -> None:
    network = FastGANDiscriminator(width=2, most=8).build(Frame(size, 3, 2))
    logits, whole, part = network(torch.zeros(2, 3, size, size), torch.zeros(2, 2), 3)
    assert logits.shape == (2, 25)
    assert whole.shape == part.shape == (2, 3, size // 2, size // 2)


def test_the_part_is_rebuilt_from_its_own_quarter_alone() -> None:
    torch.manual_seed(0)
    network = FastGANDiscriminator(width=2, most=8).build(Frame(64, 1)).eval()
    x = torch.randn(1, 1, 64, 64, requires_grad=True)
    network(x, None, 0)[2].sum().backward()
    assert x.grad is not None
    assert quarter(x.grad, 0).abs().sum() > 0
    assert quarter(x.grad, 3)[:, :, 12:, 12:].abs().sum() == 0
