"""Building blocks: minibatch discrimination and deviation, norms that listen to labels, residuals.

Minibatch discrimination (Salimans et al. 2016, section 3.2) shows D how alike the samples of a
batch are, so that a collapsed generator is easy to tell. Its output depends on the batch.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize


def closeness(rows: Tensor) -> Tensor:
    """How near the other samples are, ``[N, K, F]`` -> ``[N, K]``.

    o_i = sum over j != i of exp(-|M_i - M_j|_1) (Salimans et al. 2016, section 3.2). The F
    entries are summed one at a time: N N K numbers at once and not N N K F, and it can be
    differentiated twice.
    """
    rows = rows.float()
    total = rows.new_zeros(len(rows), len(rows), rows.shape[1])
    for column in rows.unbind(2):
        total = total + (column[:, None] - column[None]).abs()
    return (-total).exp().sum(1) - 1


class MinibatchDiscrimination(nn.Module):
    """``[N, C, S, S]`` -> ``[N, C + maps, S, S]``: maps that say how alike the batch is.

    Maps larger than ``most`` are first averaged down to it, so that the layer costs the same above
    64 px: at 256 px 0.8 million weights (the unreduced layer: 201 million).
    """

    def __init__(self, channels: int, side: int, *, maps: int = 2, most: int = 32) -> None:
        super().__init__()
        self.side, self.maps = side, maps
        small = min(side, most)
        kernel = min(4, small)
        self.cells = small // kernel
        self.small = small
        self.reduce = nn.Conv2d(channels, 3, kernel, kernel, bias=False)
        area = self.cells**2
        self.weight = nn.Parameter(torch.empty(3 * area, maps * area, 16))
        nn.init.xavier_uniform_(self.weight.view(3 * area, -1))
        self.expand = nn.ConvTranspose2d(maps, maps, kernel, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """The maps, and behind them how close the samples are, place by place."""
        small = x if self.small == self.side else F.adaptive_avg_pool2d(x, self.small)
        flat = self.reduce(small).flatten(1).float()
        rows = (flat @ self.weight.flatten(1)).view(len(x), -1, 16)
        near = closeness(rows).view(len(x), self.maps, self.cells, self.cells)
        wide = self.expand(near.to(x.dtype))
        if wide.shape[2] != self.side:
            wide = F.interpolate(wide, size=(self.side, self.side), mode="nearest")
        return torch.cat([x, wide.to(x.dtype)], 1)


class MinibatchDeviation(nn.Module):
    """``[N, C, S, S]`` -> ``[N, C + 1, S, S]``: the mean standard deviation within groups.

    Karras et al. 2018, section 3. A batch that ``group`` does not divide is one group.
    """

    def __init__(self, group: int = 4) -> None:
        super().__init__()
        self.group = group

    def forward(self, x: Tensor) -> Tensor:
        """One more map, the same number everywhere within a group."""
        count = len(x)
        size = self.group if count % self.group == 0 else count
        groups = x.float().reshape(size, -1, *x.shape[1:])
        spread = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
        plane = spread.repeat(size)[:, None, None, None].expand(-1, 1, *x.shape[2:])
        return torch.cat([x, plane.to(x.dtype)], 1)


class LabelNorm(nn.Module):
    """Batch normalisation whose gain and shift are linear in the label vector.

    Dumoulin et al. 2017; with one-hot labels each class has its own pair. Without labels this is
    plain batch normalisation.
    """

    def __init__(self, channels: int, labels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=not labels)
        self.told = nn.Linear(labels, 2 * channels) if labels else None
        if self.told is not None:
            nn.init.zeros_(self.told.weight)
            nn.init.zeros_(self.told.bias)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """``[N, C, H, W]`` -> the same shape."""
        x = self.norm(x)
        if self.told is None or labels is None:
            return x
        gain, shift = self.told(labels)[:, :, None, None].to(x.dtype).chunk(2, 1)
        return torch.addcmul(shift, x, gain + 1)


class Spread(nn.Module):
    """A residual block that doubles the side (Miyato et al. 2018, figure 8, generator)."""

    def __init__(self, inputs: int, outputs: int, labels: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList([LabelNorm(inputs, labels), LabelNorm(outputs, labels)])
        self.first = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.second = nn.Conv2d(outputs, outputs, 3, padding=1)
        self.across = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """``[N, inputs, S, S]`` -> ``[N, outputs, 2S, 2S]``."""
        short = F.interpolate(self.across(x), scale_factor=2.0, mode="nearest")
        x = F.interpolate(F.relu(self.norms[0](x, labels)), scale_factor=2.0, mode="nearest")
        x = F.relu(self.norms[1](self.first(x), labels))
        wide: Tensor = self.second(x)
        return short + wide


class Shrink(nn.Module):
    """A residual block that may halve the side (Miyato et al. 2018, figure 8, discriminator).

    ``first`` marks the block that meets the picture: it does not begin with an activation.
    """

    def __init__(
        self, inputs: int, outputs: int, *, halve: bool, first: bool = False, spectral: bool = True
    ) -> None:
        super().__init__()
        self.halve, self.first = halve, first
        self.one = bounded(nn.Conv2d(inputs, outputs, 3, padding=1), spectral)
        self.two = bounded(nn.Conv2d(outputs, outputs, 3, padding=1), spectral)
        plain = inputs == outputs and not halve
        self.across = None if plain else bounded(nn.Conv2d(inputs, outputs, 1), spectral)

    def forward(self, x: Tensor) -> Tensor:
        """``[N, inputs, S, S]`` -> ``[N, outputs, S, S]`` or half the side."""
        short = F.avg_pool2d(x, 2) if self.halve else x
        if self.across is not None:
            short = self.across(short)
        y = self.one(x if self.first else F.relu(x))
        y = self.two(F.relu(y))
        return short + (F.avg_pool2d(y, 2) if self.halve else y)


class Spectral(nn.Module):
    """Divides a weight by its largest singular value, followed by power iteration.

    Miyato et al. 2018, algorithm 1: one iteration per forward pass in training, none in
    evaluation. Ten iterations before the first make the first steps honest.
    """

    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        matrix = weight.detach().flatten(1)
        self.u: Tensor
        self.v: Tensor
        self.register_buffer("u", F.normalize(torch.randn(matrix.shape[0]), dim=0))
        self.register_buffer("v", F.normalize(torch.randn(matrix.shape[1]), dim=0))
        for _ in range(0 if matrix.is_meta else 10):
            self._iterate(matrix)

    @torch.no_grad()
    def _iterate(self, matrix: Tensor) -> None:
        self.v.copy_(F.normalize(matrix.T @ self.u, dim=0))
        self.u.copy_(F.normalize(matrix @ self.v, dim=0))

    def forward(self, weight: Tensor) -> Tensor:
        """The weight over its largest singular value, of the same shape."""
        matrix = weight.flatten(1)
        if self.training:
            self._iterate(matrix.detach())
        u, v = self.u.clone(), self.v.clone()  # the next pass moves the buffers before backward
        return weight / (u @ (matrix @ v))


def bounded(layer: nn.Module, spectral: bool = True) -> nn.Module:
    """The layer with its largest singular value held at 1 (Miyato et al. 2018), or as it is."""
    if spectral:
        weight = layer.weight
        assert isinstance(weight, Tensor)
        parametrize.register_parametrization(layer, "weight", Spectral(weight))
    return layer
