"""FastGAN's networks: skip-layer excitation in G, a discriminator that also reconstructs.

Liu et al. 2021, "Towards faster and stabilized GAN training for high-fidelity few-shot image
synthesis". G (section 3.1, equation 1): y = F(x_low, W) * x_high, where a small early map gates the
channels of a large late one. D (section 3.2, equation 2) is an encoder whose maps at 16 and 8 px
are decoded into pictures by small decoders that see real pictures only: a whole small one, and one
quarter in detail. That keeps D looking at all of a picture when there are few.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils.parametrizations import spectral_norm

from lookalike.parts.losses.base import (
    Batch,
    Objective,
    Phase,
    Terms,
    absolute,
    hinge_fake,
    hinge_real,
    per_sample,
)
from lookalike.parts.losses.game import Game
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.dcgan import doublings
from lookalike.parts.networks.two_headed import with_planes

EARLY, LATE = (4, 8, 16), 16
"""Maps of these sides gate those that are sixteen times as large (the paper's 8, 16, 32 px)."""
CORNERS = ((0, 0), (0, 1), (1, 0), (1, 1))


class Excitation(nn.Module):
    """The gates ``[N, outputs, 1, 1]`` that an early map gives for a late one (equation 1).

    Average to 4x4, a 4x4 convolution, leaky ReLU, a 1x1 convolution, sigmoid.
    """

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.AdaptiveAvgPool2d(4),
            nn.Conv2d(inputs, outputs, 4, bias=False),
            nn.LeakyReLU(0.1),
            nn.Conv2d(outputs, outputs, 1),
            nn.Sigmoid(),
        )

    def forward(self, early: Tensor, late: Tensor) -> Tensor:
        """The late map ``[N, outputs, H, W]``, each channel times its gate."""
        gated: Tensor = self.layers(early) * late
        return gated


def larger(inputs: int, outputs: int) -> nn.Sequential:
    """Twice the side: nearest upsampling, 3x3 convolution, batch norm, gated linear unit."""
    return nn.Sequential(
        nn.Upsample(scale_factor=2, mode="nearest"),
        nn.Conv2d(inputs, 2 * outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(2 * outputs),
        nn.GLU(1),
    )


class _Generator(nn.Module):
    def __init__(self, frame: Frame, plan: FastGANGenerator) -> None:
        super().__init__()
        count = doublings(frame.size)
        widths = [min(plan.most, plan.width << k) for k in reversed(range(count + 1))]
        self.first = nn.Sequential(
            nn.ConvTranspose2d(plan.dims + frame.labels, 2 * widths[0], 4, bias=False),
            nn.BatchNorm2d(2 * widths[0]),
            nn.GLU(1),
        )
        self.stages = nn.ModuleList(larger(a, b) for a, b in pairwise(widths))
        gates = {
            min(early * LATE, frame.size): early
            for early in reversed(EARLY)
            if early * LATE <= frame.size or early == EARLY[0]
        }
        sides = [4 << k for k in range(count + 1)]
        self.sources = {side: sides.index(early) for side, early in gates.items()}
        self.excite = nn.ModuleDict(
            {
                str(side): Excitation(widths[index], widths[sides.index(side)])
                for side, index in self.sources.items()
            }
        )
        self.picture = nn.Conv2d(widths[-1], frame.channels, 3, padding=1)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        told = z if labels is None else torch.cat([z, labels.to(z)], 1)
        x = self.first(told[:, :, None, None])
        maps = [x]
        for stage in self.stages:
            x = stage(x)
            side = str(x.shape[2])
            if side in self.excite:
                x = self.excite[side](maps[self.sources[int(side)]], x)
            maps.append(x)
        return torch.tanh(self.picture(x).float())


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
class FastGANGenerator(NetworkPlan):
    """``width`` maps at full size, doubled at each halving up to ``most``.

    Maps of 4, 8 and 16 px gate those of 64, 128 and 256 px (at 32 px, 4 px gate 32).
    """

    dims: int = 64
    width: int = 16
    most: int = 256

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        return _Generator(frame, self)


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
        return Phase(("D",), self.critic), Phase(("G",), self.maker)

    def critic(self, game: Game, batch: Batch) -> Terms:
        """Hinge on both sides, and the real pictures rebuilt as D saw them."""
        real = game.augment(batch.images, batch.noise("real"))
        fake = game.augment(game.fakes(batch).detach(), batch.noise("fake"))
        corner = int(torch.randint(4, (1,), generator=batch.noise("corner")))
        on_real, whole, part = game.play("D", real, batch.labels, corner)
        on_fake = game.judge(fake, batch.labels)
        game.facts["D(real)"] = float(on_real.detach().float().sigmoid().mean())
        game.facts["D(fake)"] = float(on_fake.detach().sigmoid().mean())
        small, piece = F.avg_pool2d(real, 2), quarter(real, corner)
        return Terms(
            real=hinge_real(on_real.float()),
            fake=hinge_fake(on_fake),
            whole=self.rebuilt * absolute(whole, small),
            part=self.rebuilt * absolute(part, piece),
        )

    def maker(self, game: Game, batch: Batch) -> Terms:
        """-D(G(z)) (equation 5)."""
        fake = game.augment(game.fakes(batch), batch.noise("maker"))
        return Terms(adversarial=per_sample(-game.judge(fake, batch.labels)))
