"""Building blocks: sizes, labels beside inputs, minibatch discrimination and spectral norms.

Minibatch discrimination (Salimans et al. 2016, section 3.2) shows D how alike the samples of a
batch are, so that a collapsed generator is easy to tell. Its output depends on the batch.
"""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from lookalike.errors import RecipeError
from lookalike.parts.ranks import whole_batch
from lookalike.sizes import Rectangle, shape_of

Module = TypeVar("Module", bound=nn.Module)

LABEL_PLANES = 16
"""D reads labels as this many constant planes: fifty planes at full size would cost more than D."""


def halved(size: int, most: int) -> tuple[int, int]:
    """The side that halving ``size`` ends at, and how often: while it is even and above ``most``.

    28 px end at 7, 32 px at 8, both after 2, with a ``most`` of 8.
    """
    count = 0
    while size > most and size % 2 == 0:
        size, count = size // 2, count + 1
    return size, count


def halvings(size: int, most: int) -> tuple[int, int]:
    """The side of the smallest map, at most ``most``, and how often it is doubled.

    Raises:
        RecipeError: the size cannot be reached from a square of at most that side.
    """
    side, count = halved(size, most)
    if side > most or count < 1:
        raise RecipeError(
            f"This network cannot make pictures of {size} px: halving them never gives a square "
            f"of at most {most} px. Prepare them at 28, 32, 64, 128 or 256 px."
        )
    return side, count


def doublings(size: int, base: int = 4) -> int:
    """How often ``base`` must be doubled to give ``size``; rectangles begin with 3 to 7 pixels.

    Raises:
        RecipeError: it never does.
    """
    if isinstance(size, Rectangle) and base == 4:
        return size.halvings
    side, count = halved(size, base)
    if side != base:
        near = [base << k for k in range(2, 8)]
        raise RecipeError(
            f"This network makes pictures of {', '.join(map(str, near))} px, not {size}. "
            "Prepare the pictures at one of these sizes: lookalike prepare ... --size 64"
        )
    return count


def start_of(size: int) -> tuple[int, int]:
    """Height and width of the maps that are doubled into pictures: 4x4 for every square.

    Raises:
        RecipeError: as of :func:`doublings`.
    """
    height, width = shape_of(size)
    count = doublings(size)
    return height >> count, width >> count


def with_labels(z: Tensor, labels: Tensor | None) -> Tensor:
    """``[N, Z]`` with the label vector ``[N, L]`` behind it, when there is one."""
    return z if labels is None else torch.cat([z, labels.to(z)], 1)


def with_planes(pictures: Tensor, labels: Tensor | None) -> Tensor:
    """Pictures ``[N, C, S, S]`` with one constant plane per label column behind them."""
    if labels is None:
        return pictures
    planes = labels[:, :, None, None].expand(-1, -1, *pictures.shape[2:])
    return torch.cat([pictures, planes.to(pictures.dtype)], 1)


def shuffled(x: Tensor) -> Tensor:
    """``[N, 4C, H, W]`` -> ``[N, C, 2H, 2W]``: each four channels become four neighboring pixels.

    The sub-pixel step of Shi et al. 2016, with the four places in the slow part of the channels so
    that channels-last memory is copied in runs.
    """
    count, channels, height, width = x.shape
    parts = x.permute(0, 2, 3, 1).reshape(count, height, width, 2, 2, channels // 4)
    rows = parts.permute(0, 1, 3, 2, 4, 5).reshape(count, 2 * height, 2 * width, channels // 4)
    return rows.permute(0, 3, 1, 2)


def channels_last(network: Module) -> Module:
    """The same network with its convolutions' weights laid out channels-last."""
    network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return network


def init_normal(module: nn.Module) -> None:
    """N(0, 0.02) for convolutions and linear layers, N(1, 0.02) for batch normalization."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


@whole_batch
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
    """``[N, C, H, W]`` -> ``[N, C + maps, H, W]``: maps that say how alike the batch is.

    ``side`` is their size. Maps larger than ``most`` are first averaged down to it, so that the
    layer costs the same above 64 px: at 256 px 0.8 million weights (the unreduced layer: 201
    million).
    """

    def __init__(self, channels: int, side: int, *, maps: int = 2, most: int = 32) -> None:
        super().__init__()
        self.shape, self.maps = shape_of(side), maps
        height, width = self.small = min(self.shape[0], most), min(self.shape[1], most)
        kernel = min(4, height, width)
        self.cells = height // kernel, width // kernel
        self.reduce = nn.Conv2d(channels, 3, kernel, kernel, bias=False)
        area = self.cells[0] * self.cells[1]
        self.weight = nn.Parameter(torch.empty(3 * area, maps * area, 16))
        nn.init.xavier_uniform_(self.weight.view(3 * area, -1))
        self.expand = nn.ConvTranspose2d(maps, maps, kernel, kernel)

    def forward(self, x: Tensor) -> Tensor:
        """The maps, and behind them how close the samples are, place by place."""
        small = x if self.small == self.shape else F.adaptive_avg_pool2d(x, self.small)
        flat = self.reduce(small).flatten(1).float()
        rows = (flat @ self.weight.flatten(1)).view(len(x), -1, 16)
        near = closeness(rows).view(len(x), self.maps, *self.cells)
        wide = self.expand(near.to(x.dtype))
        if tuple(wide.shape[2:]) != self.shape:
            wide = F.interpolate(wide, size=self.shape, mode="nearest")
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
        spread = _deviation(x.float(), self.group)
        plane = spread[:, None, None, None].expand(-1, 1, *x.shape[2:])
        return torch.cat([x, plane.to(x.dtype)], 1)


@whole_batch
def _deviation(x: Tensor, group: int) -> Tensor:
    """``[N, C, S, S]`` -> ``[N]``: the mean standard deviation of each one's group."""
    count = len(x)
    size = group if count % group == 0 else count
    groups = x.reshape(size, -1, *x.shape[1:])
    spread = (groups.var(0, correction=0) + 1e-8).sqrt().mean((1, 2, 3))
    return spread.repeat(size)


class Spectral(nn.Module):
    """Divides a weight by its largest singular value, followed by power iteration.

    Miyato et al. 2018, algorithm 1: one iteration per forward pass in training, none in
    evaluation. Ten iterations before the first make the first steps honest. Beside torch's own,
    whose iteration begins with the other vector: checkpoints of version 0.1 hold these two.
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
