"""The networks of BEGAN: a decoder that draws, an autoencoder that judges, an encoder that guesses.

Berthelot et al. 2017, figure 1: 3x3 convolutions with ELU, two per side, nearest upsampling, no
normalisation; the encoder's maps grow by ``width`` at each halving. All start at 8x8 (7x7 for 28).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lookalike.errors import RecipeError
from lookalike.parts.networks import Frame, NetworkPlan
from lookalike.parts.trunks import with_planes

START = 8
"""Pictures grow from the smallest square that halving gives and that is not below half of this."""


def halvings(size: int) -> tuple[int, int]:
    """The side of the smallest map, at most 8, and how often it is doubled.

    Raises:
        RecipeError: the size cannot be reached from a square of at most 8x8.
    """
    side, count = size, 0
    while side > START and side % 2 == 0:
        side, count = side // 2, count + 1
    if side > START or count < 1:
        raise RecipeError(
            f"This network cannot make pictures of {size} px: halving them never gives a square "
            "of at most 8 px. Prepare them at 28, 32, 64, 128 or 256 px."
        )
    return side, count


class Decoder(nn.Module):
    """``[N, inputs]`` (and labels) -> pictures.

    The last convolution is linear while training, as in the paper, and clamped to [-1, 1] in
    evaluation: behind a tanh a generator that once drew plain black would never find back.
    """

    def __init__(self, inputs: int, frame: Frame, width: int) -> None:
        super().__init__()
        self.side, count = halvings(frame.size)
        self.first = nn.Linear(inputs + frame.labels, width * self.side**2)
        layers: list[nn.Module] = []
        for index in range(count + 1):
            for _ in range(2):
                layers += [nn.Conv2d(width, width, 3, padding=1), nn.ELU(inplace=True)]
            if index < count:
                layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
        layers.append(nn.Conv2d(width, frame.channels, 3, padding=1))
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[N, inputs]``, labels ``[N, L]`` or None -> ``[N, C, S, S]``."""
        told = z if labels is None else torch.cat([z, labels.to(z)], 1)
        maps = self.first(told).unflatten(1, (-1, self.side, self.side))
        pictures: Tensor = self.layers(maps.contiguous(memory_format=torch.channels_last))
        return pictures if self.training else pictures.clamp(-1, 1)


class Encoder(nn.Module):
    """Pictures (and labels) -> ``[N, outputs]``."""

    def __init__(self, outputs: int, frame: Frame, width: int) -> None:
        super().__init__()
        side, count = halvings(frame.size)
        layers: list[nn.Module] = [
            nn.Conv2d(frame.channels + frame.labels, width, 3, padding=1),
            nn.ELU(inplace=True),
        ]
        for index in range(1, count + 2):
            maps = index * width
            for _ in range(2):
                layers += [nn.Conv2d(maps, maps, 3, padding=1), nn.ELU(inplace=True)]
            if index <= count:
                layers += [nn.Conv2d(maps, maps + width, 1), nn.AvgPool2d(2)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear((count + 1) * width * side**2, outputs)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[N, C, S, S]`` -> ``[N, outputs]``."""
        found: Tensor = self.last(self.layers(with_planes(pictures, labels)).flatten(1))
        return found


class _Autoencoder(nn.Module):
    def __init__(self, frame: Frame, plan: Autoencoder) -> None:
        super().__init__()
        self.encoder = Encoder(plan.embedding, frame, plan.width)
        self.decoder = Decoder(plan.embedding + plan.codes, frame, plan.width)
        self.codes = nn.Linear(plan.embedding, plan.codes) if plan.codes else None

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, both: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        embedding = self.encoder(pictures, labels)
        if self.codes is None:
            rebuilt: Tensor = self.decoder(embedding, labels)
            return (rebuilt, embedding[:, :0]) if both else rebuilt
        codes = torch.tanh(self.codes(embedding))
        rebuilt = self.decoder(torch.cat([embedding, codes], 1), labels)
        return (rebuilt, codes) if both else rebuilt


class _Predictor(nn.Module):
    def __init__(self, frame: Frame, plan: NoisePredictor) -> None:
        super().__init__()
        self.encoder = Encoder(plan.embedding, frame, plan.width)
        self.noise = _head(plan.embedding, plan.noise)
        self.codes = _head(plan.embedding, plan.codes)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        embedding = self.encoder(pictures, labels)
        z = torch.cat([self.noise(embedding), self.codes(embedding)], 1)
        return z, torch.full_like(z, -12.0)


def _head(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 2 * inputs),
        nn.LeakyReLU(0.1),
        nn.Linear(2 * inputs, 4 * inputs),
        nn.LeakyReLU(0.1),
        nn.Linear(4 * inputs, outputs),
        nn.Tanh(),
    )


@dataclass(frozen=True, kw_only=True)
class DecoderGenerator(NetworkPlan):
    """BEGAN's generator: ``inputs`` columns of z, ``width`` maps at every side."""

    inputs: int = 64
    width: int = 64

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        return Decoder(self.inputs, frame, self.width)


@dataclass(frozen=True, kw_only=True)
class Autoencoder(NetworkPlan):
    """BEGAN's discriminator: ``forward(x, labels)`` gives x again, ``[N, C, S, S]``.

    With ``codes``, ``forward(x, labels, True)`` also gives the codes that it reads off x, in
    [-1, 1], ``[N, codes]``; its decoder is told them beside the embedding.
    """

    embedding: int = 64
    width: int = 64
    codes: int = 0

    def build(self, frame: Frame) -> nn.Module:
        """The autoencoder for this frame."""
        return _Autoencoder(frame, self)


@dataclass(frozen=True, kw_only=True)
class NoisePredictor(NetworkPlan):
    """Guesses the z in [-1, 1] from which G would draw a picture; an encoder by its convention.

    It has no idea of its own doubt: the log variance that it gives is -12 everywhere.
    """

    noise: int = 64
    codes: int = 2
    embedding: int = 64
    width: int = 64

    def build(self, frame: Frame) -> nn.Module:
        """The predictor for this frame."""
        return _Predictor(frame, self)
