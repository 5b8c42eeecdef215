"""For a few hundred pictures: early maps gate late ones in G, and D learns to rebuild what it sees.

Liu et al. 2021, "Towards faster and stabilized GAN training for high-fidelity few-shot image
synthesis" (FastGAN, equations 1 to 5), with the augmentation of Zhao et al. 2020. D is an encoder
whose maps at 16 and 8 px are decoded into pictures by small decoders that see real pictures only: a
whole small one, and one quarter in detail. That keeps D looking at all of a picture when there are
few.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import hinge_fake, hinge_real
from lookalike.parts.losses.base import Objective, Phase, Terms, absolute, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import doublings, with_planes
from lookalike.parts.networks.fastgan import FastGANGenerator, larger
from lookalike.parts.training.diffaugment import Augmentation
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
LABELS = "optional"

CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


class _Down(nn.Module):
    """Half the side by two paths, averaged: a strided 4x4 and a 3x3, or pooling and a 1x1."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.deep = nn.Sequential(
            spectral_norm(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False)),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        )
        self.plain = nn.Sequential(
            nn.AvgPool2d(2),
            spectral_norm(nn.Conv2d(inputs, outputs, 1, bias=False)),
            nn.BatchNorm2d(outputs),
            nn.LeakyReLU(0.2),
        )

    def forward(self, x: Tensor) -> Tensor:
        both: Tensor = (self.deep(x) + self.plain(x)) / 2
        return both


def _rebuilder(inputs: int, count: int, channels: int) -> nn.Sequential:
    """A small decoder: ``count`` doublings from a map to a picture."""
    widths = [inputs, *(max(8, inputs >> (k + 1)) for k in range(count))]
    layers: list[nn.Module] = [larger(a, b) for a, b in pairwise(widths)]
    return nn.Sequential(*layers, nn.Conv2d(widths[-1], channels, 3, padding=1), nn.Tanh())


class _Discriminator(nn.Module):
    def __init__(self, frame: Frame, plan: FastGANDiscriminator) -> None:
        super().__init__()
        count = doublings(frame.size, 8)
        widths = [min(plan.most, plan.width << k) for k in range(count + 1)]
        self.first = nn.Sequential(
            spectral_norm(nn.Conv2d(frame.channels + frame.labels, widths[0], 3, padding=1)),
            nn.LeakyReLU(0.2),
        )
        self.downs = nn.ModuleList(_Down(a, b) for a, b in pairwise(widths))
        self.judge = nn.Sequential(
            spectral_norm(nn.Conv2d(widths[-1], widths[-1], 1, bias=False)),
            nn.BatchNorm2d(widths[-1]),
            nn.LeakyReLU(0.2),
            spectral_norm(nn.Conv2d(widths[-1], 1, 4)),
        )
        self.whole = _rebuilder(widths[-1], count - 1, frame.channels)
        self.part = _rebuilder(widths[-2], count - 1, frame.channels)

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, corner: int = -1
    ) -> Tensor | tuple[Tensor, Tensor, Tensor]:
        x = self.first(with_planes(pictures, labels))
        before = x
        for down in self.downs:
            before, x = x, down(x)
        logits: Tensor = self.judge(x).flatten(1)
        if corner < 0:
            return logits
        return logits, self.whole(x), self.part(quarter(before, corner))


def quarter(pictures: Tensor, corner: int) -> Tensor:
    """One quarter of ``[N, C, S, S]``: corner 0 to 3, row by row, ``[N, C, S / 2, S / 2]``."""
    half = pictures.shape[2] // 2
    top, left = (half * place for place in CORNERS[corner])
    return pictures[:, :, top : top + half, left : left + half]


@dataclass(frozen=True, kw_only=True)
class FastGANDiscriminator(NetworkPlan):
    """``forward(x, labels)`` gives logits ``[N, 25]``, one for each place of a 5x5 map.

    ``forward(x, labels, corner)`` also gives the whole picture at half its size, and one quarter
    (``corner`` 0 to 3) at full detail; both ``[N, C, S / 2, S / 2]``.
    """

    width: int = 16
    most: int = 256

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator for this frame."""
        return _Discriminator(frame, self)


@dataclass(frozen=True, kw_only=True)
class FastGANObjective(Objective):
    """Hinge loss, and D's reconstructions of real pictures (equations 2 to 4).

    ``rebuilt`` weighs the absolute error of both reconstructions, the paper's distance in features
    being left out: it needs pretrained weights.
    """

    rebuilt: float = 1.0

    def phases(self) -> tuple[Phase, ...]:
        """D, then G on the very same fakes."""
        return Phase(("D",), self.d_loss), Phase(("G",), self.g_loss)

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Hinge on both sides, and the real pictures rebuilt as D saw them."""
        real, fake = game.d_pictures(batch)
        corner = int(torch.randint(4, (1,), generator=batch.noise("corner")))
        on_real, whole, part = game.play("D", real, batch.labels, corner)
        on_fake = game.discriminate(fake, batch.labels)
        game.tell(on_real.float(), on_fake)
        small, piece = F.avg_pool2d(real, 2), quarter(real, corner)
        return Terms(
            real=hinge_real(on_real.float()),
            fake=hinge_fake(on_fake),
            whole=self.rebuilt * absolute(whole, small),
            part=self.rebuilt * absolute(part, piece),
        )

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """-D(G(z)) (equation 5)."""
        return Terms(
            adversarial=per_sample(-game.discriminate(game.g_pictures(batch), batch.labels))
        )


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    most: int = 256,
    dims: int = 64,
    rebuilt: float = 1.0,
    augment: float = 0.5,
    rate: float = 0.0,
) -> Recipe:
    """``width`` counts the maps at full size; ``augment`` is the share of changed pictures.

    ``width`` 0 is 16, and 8 at 32 px; ``rate`` 0 is 2e-4, and 1e-3 for those narrow networks.
    The published networks have a ``width`` of 128 at 256 px, 256 columns of z, and batch 8, and all
    pictures are changed (``augment=1``).
    """
    width = width or (8 if size <= 32 else 16)
    player = Adam(rate=Constant(rate or (1e-3 if size <= 32 else 2e-4)))
    return Recipe(
        name="fastgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": FastGANGenerator(dims=dims, width=width, most=most),
            "D": FastGANDiscriminator(width=width, most=most),
        },
        prior=Normal(dims),
        objective=FastGANObjective(rebuilt=rebuilt),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(5_000)},
        augment=Augmentation(chance=augment),
        batch=16,
    )
