"""Two stages in one generator: the first draws small, the second draws that larger and in detail.

Zhang et al. 2017, "StackGAN: text to photo-realistic image synthesis with stacked generative
adversarial networks", section 3: stage I trains alone; then it is frozen and stage II, an encoder,
residual blocks and upsampling, learns on its pictures with a discriminator of its own. Here the
condition is the label vector, and stage II adds its detail to the enlarged picture, starting with
none: what the generator shows is a picture in both stages.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.errors import RecipeError
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import init_normal, with_labels
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator

LIMIT = 0.999
"""How near to black and white stage I's pictures are taken, so that atanh stays finite."""


def first_frame(frame: Frame, times: int) -> Frame:
    """The frame of stage I, ``times`` smaller.

    Raises:
        RecipeError: the size cannot be divided so, or stage I would be smaller than 8 px.
    """
    if frame.size % times or frame.size // times < 8:
        raise RecipeError(
            f"Stage I cannot draw {frame.size} px {times} times smaller: it needs a whole number "
            "of at least 8 px. Use --set times=2, or prepare larger pictures."
        )
    return replace(frame, size=frame.size // times)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


class _Refiner(nn.Module):
    def __init__(self, frame: Frame, plan: StackedGenerator) -> None:
        super().__init__()
        self.times = plan.times
        middle, doublings = 4 * plan.width, plan.times.bit_length() - 1
        self.encode = nn.Sequential(
            nn.Conv2d(frame.channels, plan.width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(plan.width, middle, 4, 2, 1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
        )
        self.told = nn.Linear(plan.dims + frame.labels, middle)
        self.blocks = nn.Sequential(*(_Residual(middle) for _ in range(plan.blocks)))
        layers: list[nn.Module] = []
        maps = middle
        for _ in range(doublings + 1):
            after = max(plan.width, maps // 2)
            layers += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv2d(maps, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
            maps = after
        self.grow = nn.Sequential(*layers)
        self.detail = nn.Conv2d(maps, frame.channels, 3, padding=1)

    def forward(self, small: Tensor, code: Tensor) -> Tensor:
        maps = self.encode(small) + self.told(code)[:, :, None, None]
        detail = self.detail(self.grow(self.blocks(maps)))
        large = F.interpolate(small, scale_factor=float(self.times), mode="bilinear")
        base = torch.atanh(large.float().clamp(-LIMIT, LIMIT))
        return torch.tanh(base + detail.float())


class _Stacked(nn.Module):
    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, z: Tensor, labels: Tensor | None = None, stage: int = 2) -> Tensor:
        if stage == 1:
            small: Tensor = self.first(z, labels)
            return small
        with torch.no_grad():
            small = self.first(z, labels)
        picture: Tensor = self.second(small, with_labels(z, labels))
        return picture


@dataclass(frozen=True, kw_only=True)
class StackedGenerator(NetworkPlan):
    """``forward(z, labels)`` gives the large picture, ``forward(z, labels, 1)`` stage I's.

    Asked for the large picture, stage I is frozen: no gradient reaches it. ``times`` (2, 4 or 8)
    is how much larger stage II draws; ``width`` counts its maps at full size, ``first_width`` those
    of stage I at half its size.
    """

    dims: int = 100
    width: int = 16
    first_width: int = 32
    blocks: int = 2
    times: int = 2

    def build(self, frame: Frame) -> nn.Module:
        """Both stages for this frame."""
        if self.times not in {2, 4, 8}:
            raise RecipeError(f"Stage II draws 2, 4 or 8 times larger, not {self.times} times.")
        small = first_frame(frame, self.times)
        first = DCGANGenerator(dims=self.dims, width=self.first_width).build(small)
        second = _Refiner(frame, self).apply(init_normal)
        nn.init.zeros_(second.detail.weight)
        return _Stacked(first, second)


@dataclass(frozen=True, kw_only=True)
class ShrunkPictures(NetworkPlan):
    """The discriminator of stage I: ``of`` for pictures ``times`` smaller."""

    of: DCGANDiscriminator
    times: int = 2

    def build(self, frame: Frame) -> nn.Module:
        """The network for the smaller frame."""
        return self.of.build(first_frame(frame, self.times))
