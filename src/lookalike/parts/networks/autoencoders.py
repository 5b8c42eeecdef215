"""The networks of BEGAN: a decoder that draws, and an autoencoder in the place of a classifier.

Berthelot et al. 2017, figure 1: 3x3 convolutions with ELU, two per side, nearest upsampling, no
normalization; the encoder's maps grow by ``width`` at each halving. All start at 8x8 (7x7 for 28).

Three things are not theirs and are off unless asked for. ``fold`` gathers squares of pixels into
maps (and spreads maps into pixels, Shi et al. 2016), so that no convolution works at full side;
``carry`` keeps a share of a convolution's input (see :class:`Carried`); ``he`` begins with He's
weights (see :func:`init_he`).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import halvings, with_labels, with_planes

START = 8
"""Pictures grow from the smallest square that halving gives and that is not below half of this."""


class Carried(nn.Module):
    """A 3x3 convolution with ELU: ``carry`` parts of its input, the rest its own.

    The "vanishing residuals" of Berthelot et al. 2017, with a share that does not vanish: in
    theirs it goes from 1 to 0 over the first 16,000 steps.
    """

    def __init__(self, maps: int, carry: float) -> None:
        super().__init__()
        self.convolution, self.carry = nn.Conv2d(maps, maps, 3, padding=1), carry

    def forward(self, x: Tensor) -> Tensor:
        """``[N, maps, S, S]`` -> the same shape."""
        return torch.lerp(functional.elu(self.convolution(x), inplace=True), x, self.carry)


def pair(maps: int, carry: float) -> list[nn.Module]:
    """Two 3x3 convolutions that keep the number of maps."""
    if carry:
        return [Carried(maps, carry), Carried(maps, carry)]
    plain = [[nn.Conv2d(maps, maps, 3, padding=1), nn.ELU(inplace=True)] for _ in range(2)]
    return [layer for layers in plain for layer in layers]


def init_he(network: Decoder) -> None:
    """He's first weights (He et al. 2015, equation 10), the last layer's at 0.3 of theirs.

    Behind torch's own, nine layers deep, all z give nearly the same picture.
    """
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    for layer in layers:
        nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
    nn.init.kaiming_normal_(layers[-1].weight, a=3.2, nonlinearity="leaky_relu")


class Decoder(nn.Module):
    """``[N, inputs]`` (and labels) -> pictures.

    The last convolution is linear while training, as in the paper, and clamped to [-1, 1] in
    evaluation: behind a tanh a generator that once drew plain black would never find back.
    """

    def __init__(
        self, inputs: int, frame: Frame, width: int, fold: int = 1, carry: float = 0.0
    ) -> None:
        super().__init__()
        self.side, count = halvings(frame.size // fold, START)
        self.first = nn.Linear(inputs + frame.labels, width * self.side**2)
        layers: list[nn.Module] = []
        for index in range(count + 1):
            layers += pair(width, carry)
            if index < count:
                layers.append(nn.Upsample(scale_factor=2, mode="nearest"))
        layers.append(nn.Conv2d(width, frame.channels * fold**2, 3, padding=1))
        if fold > 1:
            layers.append(nn.PixelShuffle(fold))
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[N, inputs]``, labels ``[N, L]`` or None -> ``[N, C, S, S]``."""
        maps = self.first(with_labels(z, labels)).unflatten(1, (-1, self.side, self.side))
        pictures: Tensor = self.layers(maps.contiguous(memory_format=torch.channels_last))
        return pictures if self.training else pictures.clamp(-1, 1)


class Encoder(nn.Module):
    """Pictures (and labels) -> ``[N, outputs]``."""

    def __init__(
        self, outputs: int, frame: Frame, width: int, fold: int = 1, carry: float = 0.0
    ) -> None:
        super().__init__()
        side, count = halvings(frame.size // fold, START)
        layers: list[nn.Module] = [nn.PixelUnshuffle(fold)] if fold > 1 else []
        planes = (frame.channels + frame.labels) * fold**2
        layers += [nn.Conv2d(planes, width, 3, padding=1), nn.ELU(inplace=True)]
        for index in range(1, count + 2):
            maps = index * width
            layers += pair(maps, carry)
            if index <= count:
                layers += [nn.Conv2d(maps, maps + width, 1), nn.AvgPool2d(2)]
        self.layers = nn.Sequential(*layers)
        self.last = nn.Linear((count + 1) * width * side**2, outputs)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """``[N, C, S, S]`` -> ``[N, outputs]``."""
        read: Tensor = self.last(self.layers(with_planes(pictures, labels)).flatten(1))
        return read


class _Autoencoder(nn.Module):
    def __init__(self, frame: Frame, plan: Autoencoder) -> None:
        super().__init__()
        self.encoder = Encoder(plan.embedding, frame, plan.width, plan.fold, plan.carry)
        self.decoder = Decoder(
            plan.embedding + plan.codes, frame, plan.width, plan.fold, plan.carry
        )
        self.codes = nn.Linear(plan.embedding, plan.codes) if plan.codes else None

    def forward(
        self, pictures: Tensor, labels: Tensor | None = None, both: bool = False
    ) -> Tensor | tuple[Tensor, Tensor]:
        embedding = self.encoder(pictures, labels)
        if self.codes is None:
            rebuilt: Tensor = self.decoder(embedding, labels)
            return (rebuilt, embedding) if both else rebuilt
        seen = torch.cat([embedding, torch.tanh(self.codes(embedding))], 1)
        rebuilt = self.decoder(seen, labels)
        return (rebuilt, seen) if both else rebuilt


@dataclass(frozen=True, kw_only=True)
class DecoderGenerator(NetworkPlan):
    """BEGAN's generator: ``inputs`` columns of z, ``width`` maps at every side.

    ``fold``, ``carry`` and ``he``: see the module.
    """

    inputs: int = 64
    width: int = 64
    fold: int = 1
    carry: float = 0.0
    he: bool = False

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        network = Decoder(self.inputs, frame, self.width, self.fold, self.carry)
        if self.he:
            init_he(network)
        return network


@dataclass(frozen=True, kw_only=True)
class Autoencoder(NetworkPlan):
    """BEGAN's discriminator: ``forward(x, labels)`` gives x again, ``[N, C, S, S]``.

    ``forward(x, labels, True)`` also gives what its decoder is told, ``[N, embedding + codes]``:
    the embedding, and behind it the ``codes`` that it reads off x, in [-1, 1].
    """

    embedding: int = 64
    width: int = 64
    fold: int = 1
    carry: float = 0.0
    codes: int = 0

    def build(self, frame: Frame) -> nn.Module:
        """The autoencoder for this frame."""
        return _Autoencoder(frame, self)
