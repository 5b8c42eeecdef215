"""Each fake is paired with a real picture; slope penalties on both sides do without tricks.

Huang et al. 2024, "The GAN is dead; long live the GAN! A modern baseline GAN" (R3GAN; equations 2
to 4, section 4 for the networks, table 8 for the numbers: gamma falls, the rate falls). L_D = E
softplus(D(G(z)) - D(x)) + gamma/2 E|grad D(x)|^2 + gamma/2 E|grad D(G(z))|^2, and L_G = E
softplus(D(x) - D(G(z))), each fake paired with one real picture (Jolicoeur-Martineau 2019).

The networks have no normalization (figure 3, "config E"): per side one transition (bilinear
resampling, 1x1 convolution where the width changes) and a few inverted bottlenecks (1x1, grouped
3x3, 1x1), leaky ReLU, and the initialization of Zhang et al. 2019 ("fixup") that does without it:
the last convolution of each block starts at zero, the others are scaled down.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn import functional as F

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.base import Objective, Phase, Terms, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.penalties import squared_slope
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import doublings
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant, Cosine
from lookalike.parts.training.triggers import Every
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
LABELS = "optional"

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))
"""Keeps the variance through a leaky ReLU."""


def scaled(layer: nn.Conv2d | nn.Linear, gain: float) -> None:
    """Fill a layer's weight with N(0, gain^2 / inputs) and its bias with 0."""
    inputs = layer.weight[0].numel()
    nn.init.normal_(layer.weight, std=gain / math.sqrt(inputs))
    if layer.bias is not None:
        nn.init.zeros_(layer.bias)


class Bottleneck(nn.Module):
    """x + 1x1(grouped 3x3(1x1(x))), wide in the middle; it starts as the identity."""

    def __init__(self, width: int, *, expansion: int, group: int, scale: float) -> None:
        super().__init__()
        wide = width * expansion
        groups = max(1, wide // group)
        while wide % groups:
            groups -= 1
        self.expand = nn.Conv2d(width, wide, 1)
        self.mix = nn.Conv2d(wide, wide, 3, padding=1, groups=groups)
        self.project = nn.Conv2d(wide, width, 1, bias=False)
        scaled(self.expand, GAIN * scale)
        scaled(self.mix, GAIN * scale)
        nn.init.zeros_(self.project.weight)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, C, H, W]`` -> the same shape."""
        y = F.leaky_relu(self.expand(x), SLOPE)
        mixed: Tensor = x + self.project(F.leaky_relu(self.mix(y), SLOPE))
        return mixed


def _across(inputs: int, outputs: int) -> nn.Module:
    if inputs == outputs:
        return nn.Identity()
    layer = nn.Conv2d(inputs, outputs, 1, bias=False)
    scaled(layer, 1.0)
    return layer


class _Generator(nn.Module):
    def __init__(self, frame: Frame, plan: R3GANGenerator) -> None:
        super().__init__()
        widths = plan.widths(frame)
        self.labels = nn.Linear(frame.labels, plan.dims, bias=False) if frame.labels else None
        code = plan.dims * (2 if frame.labels else 1)
        self.basis = nn.Parameter(torch.randn(widths[0], 4, 4))
        self.first = nn.Linear(code, widths[0], bias=False)
        scaled(self.first, 1.0)
        self.across = nn.ModuleList(_across(a, b) for a, b in pairwise(widths))
        self.stages = plan.stages(widths)
        self.picture = nn.Conv2d(widths[-1], frame.channels, 1)
        scaled(self.picture, 1.0)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        code = z
        if self.labels is not None and labels is not None:
            code = torch.cat([z, self.labels(labels)], 1)
        x = self.first(code)[:, :, None, None] * self.basis
        x = self.stages[0](x.contiguous(memory_format=torch.channels_last))
        for across, stage in zip(self.across, list(self.stages)[1:], strict=True):
            x = F.interpolate(across(x), scale_factor=2.0, mode="bilinear", align_corners=False)
            x = stage(x)
        return torch.tanh(self.picture(x).float())


class _Discriminator(nn.Module):
    def __init__(self, frame: Frame, plan: R3GANDiscriminator) -> None:
        super().__init__()
        widths = plan.widths(frame)[::-1]
        self.picture = nn.Conv2d(frame.channels, widths[0], 1)
        scaled(self.picture, 1.0)
        self.across = nn.ModuleList(_across(a, b) for a, b in pairwise(widths))
        self.stages = plan.stages(widths)
        self.gather = nn.Conv2d(widths[-1], widths[-1], 4, groups=widths[-1], bias=False)
        scaled(self.gather, 1.0)
        self.last = nn.Linear(widths[-1], plan.dims if frame.labels else 1, bias=False)
        scaled(self.last, 1.0)
        self.labels = nn.Linear(frame.labels, plan.dims, bias=False) if frame.labels else None

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        x = self.stages[0](self.picture(pictures))
        for across, stage in zip(self.across, list(self.stages)[1:], strict=True):
            x = stage(across(F.avg_pool2d(x, 2)))
        features: Tensor = self.last(self.gather(x).flatten(1))
        if self.labels is None or labels is None:
            return features.squeeze(1)
        named: Tensor = self.labels(labels)
        return (features * named).sum(1) / math.sqrt(features.shape[1])


@dataclass(frozen=True, kw_only=True)
class _Shape:
    """``width`` maps at full size, doubled at each halving up to ``most``."""

    width: int = 32
    most: int = 256
    blocks: int = 1
    expansion: int = 2
    group: int = 16
    dims: int = 64

    def widths(self, frame: Frame) -> list[int]:
        """The widths from 4x4 to the full size."""
        count = doublings(frame.size)
        return [min(self.most, self.width << k) for k in reversed(range(count + 1))]

    def stages(self, widths: list[int]) -> nn.ModuleList:
        """The blocks of each side. Fixup's scale for m = 3 layers and L blocks is L^(-1/4)."""
        scale = (self.blocks * len(widths)) ** -0.25
        return nn.ModuleList(
            nn.Sequential(
                *(
                    Bottleneck(width, expansion=self.expansion, group=self.group, scale=scale)
                    for _ in range(self.blocks)
                )
            )
            for width in widths
        )


@dataclass(frozen=True, kw_only=True)
class R3GANGenerator(_Shape, NetworkPlan):
    """A learned 4x4 basis scaled by z, then ``blocks`` bottlenecks at every side."""

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        return _Generator(frame, self)


@dataclass(frozen=True, kw_only=True)
class R3GANDiscriminator(_Shape, NetworkPlan):
    """The mirror image; with labels the logit is a product with their embedding (``dims``)."""

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        return _Discriminator(frame, self)


def paired(ahead: Tensor, behind: Tensor) -> Tensor:
    """softplus(behind - ahead) of logits ``[N]`` or ``[N, heads]``, ``[N]``: 0 when far ahead."""
    return per_sample(functional.softplus(behind.float() - ahead.float()))


@dataclass(frozen=True, kw_only=True)
class RelativisticObjective(Objective):
    """Pairs of real and fake pictures. The value "gamma" weighs both slope penalties.

    ``every`` 1 penalizes each step in one gradient with the pairing loss, as published. A higher
    number is lazy: the penalties get a phase of their own every so many steps, weighted by as much
    (Karras et al. 2020, appendix B), and the pairing loss may then play in low precision.
    """

    every: int = 1

    def phases(self) -> tuple[Phase, ...]:
        """D (with its penalties), then G on the very same fakes."""
        maker = Phase(("G",), self.g_loss)
        if self.every <= 1:
            return Phase(("D",), self.penalized, exact=True), maker
        lazy = Phase(("D",), self.slopes, Every(self.every), exact=True)
        return Phase(("D",), self.d_loss), lazy, maker

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Every real picture should be ahead of its fake."""
        real, fake = game.d_pictures(batch)
        on_real = game.discriminate(real, batch.labels)
        on_fake = game.discriminate(fake, batch.labels)
        _tell(game, on_real, on_fake)
        return Terms(adversarial=paired(on_real, on_fake))

    def penalized(self, game: Game, batch: Batch) -> Terms:
        """The pairing loss and both penalties, from the same two passes of D."""
        real, fake = self._pair(game, batch)
        on_real = game.discriminate(real, batch.labels)
        on_fake = game.discriminate(fake, batch.labels)
        _tell(game, on_real, on_fake)
        half = game.now["gamma"] / 2
        return Terms(
            adversarial=paired(on_real, on_fake),
            r1=half * squared_slope(on_real, real),
            r2=half * squared_slope(on_fake, fake),
        )

    def slopes(self, game: Game, batch: Batch) -> Terms:
        """Both penalties alone, weighted for the steps in which they do not play."""
        real, fake = self._pair(game, batch)
        half = game.now["gamma"] / 2 * self.every
        return Terms(
            r1=half * squared_slope(game.discriminate(real, batch.labels), real),
            r2=half * squared_slope(game.discriminate(fake, batch.labels), fake),
        )

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """Every fake should be ahead of its real picture."""
        real = game.augment(batch.images, batch.noise("maker/real"))
        fake = game.g_pictures(batch)
        on_real = game.discriminate(real, batch.labels)
        on_fake = game.discriminate(fake, batch.labels)
        return Terms(adversarial=paired(on_fake, on_real))

    def _pair(self, game: Game, batch: Batch) -> tuple[Tensor, Tensor]:
        """Real and fake pictures as D sees them, as leaves whose gradient can be asked for."""
        real, fake = game.d_pictures(batch)
        return real.detach().requires_grad_(), fake.detach().requires_grad_()


def _tell(game: Game, on_real: Tensor, on_fake: Tensor) -> None:
    """The share of pairs in which D is right, and how far apart its logits are."""
    apart = (on_real - on_fake).detach()
    game.facts["D(right)"] = float((apart > 0).float().mean())
    game.facts["D(apart)"] = float(apart.mean())


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    most: int = 256,
    blocks: int = 1,
    dims: int = 64,
    gamma: float | None = None,
    every: int = 4,
    rate: float = 0.0,
    augment: float | None = None,
) -> Recipe:
    """``gamma`` weighs the slope penalties and falls to a tenth; they play ``every`` so
    many steps with so many times the weight (1 as published: twice as slow a step).

    ``augment`` is the share of pictures that D sees changed. ``width`` 0 is 16 maps at full size,
    in a batch of 32, and half of each at 32 px. The published networks have two ``blocks`` a side,
    768 maps and a rate of 2e-4 at batch 256. Left out are a ``gamma`` of 2, a ``rate`` of 5e-4 and
    an ``augment`` of 0.5; the small networks at 32 px learn sooner with 0.5, 5e-3 and 0.
    """
    small = size <= 32
    width, rate = width or (8 if small else 16), rate or (5e-3 if small else 5e-4)
    gamma = (0.5 if small else 2.0) if gamma is None else gamma
    augment = (0.0 if small else 0.5) if augment is None else augment
    player = Adam(rate=Cosine(peak=rate, end_value=rate / 4), betas=(0.0, 0.99))
    shape = {"width": width, "most": most, "blocks": blocks, "dims": dims}
    return Recipe(
        name="relativistic",
        size=size,
        channels=channels,
        labels=labels,
        networks={"G": R3GANGenerator(**shape), "D": R3GANDiscriminator(**shape)},
        prior=Normal(dims),
        objective=RelativisticObjective(every=every),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(10_000), "gamma": Cosine(peak=gamma, end_value=gamma / 10)},
        augment=Augmentation(chance=augment),
        batch=min(32, size // 2),
    )
