"""Structural similarity at one scale and at several (Wang et al. 2004; Wang et al. 2003).

The window is a Gaussian, applied as two products with a banded matrix (a few small matrix products
are faster on a CPU than a depthwise convolution, and can be differentiated as often as wanted).
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""The weights of the five scales, finest first (Wang et al. 2003, section 3.2)."""
SMALLEST = 4
"""A scale with a shorter side than this is left out: it holds no structure."""
TINY = 1e-6


def gaussian_band(side: int, window: int = WINDOW, sigma: float = SIGMA) -> Tensor:
    """A matrix ``[side - window + 1, side]`` whose rows are one Gaussian window, moved along.

    The window shrinks to the side where that is shorter.
    """
    window = min(window, side)
    offsets = torch.arange(window, dtype=torch.float64) - (window - 1) / 2
    kernel = torch.exp(-offsets.square() / (2 * sigma * sigma))
    kernel = kernel / kernel.sum()
    band = torch.zeros(side - window + 1, side, dtype=torch.float64)
    for row in range(len(band)):
        band[row, row : row + window] = kernel
    return band


def similarity(x: Tensor, y: Tensor, span: float = 2.0) -> tuple[Tensor, Tensor]:
    """SSIM and its contrast-structure part, each ``[N]``, for ``[N, C, H, W]`` pictures.

    ``span`` is the range of the values: 2 for pictures in [-1, 1]. Only whole windows count.
    Wang et al. 2004, equation 13; the means are over channels and places.
    """
    rows = gaussian_band(x.shape[2]).to(x)
    columns = gaussian_band(x.shape[3]).to(x).T
    blurred = rows @ torch.stack([x, y, x * x, y * y, x * y]) @ columns
    mean_x, mean_y, square_x, square_y, product = blurred.unbind(0)
    low, high = (K1 * span) ** 2, (K2 * span) ** 2
    variance = square_x - mean_x.square() + square_y - mean_y.square()
    covariance = product - mean_x * mean_y
    structure = (2 * covariance + high) / (variance + high)
    brightness = (2 * mean_x * mean_y + low) / (mean_x.square() + mean_y.square() + low)
    return (brightness * structure).flatten(1).mean(1), structure.flatten(1).mean(1)


def ssim(x: Tensor, y: Tensor, span: float = 2.0) -> Tensor:
    """Structural similarity of two stacks of pictures ``[N, C, H, W]``, ``[N]`` in [-1, 1]."""
    return similarity(x.float(), y.float(), span)[0]


def scales(side: int) -> tuple[float, ...]:
    """The weights of the scales that a picture of this side has, summing to 1 like all five do."""
    count = 1
    while count < len(WEIGHTS) and side >> count >= SMALLEST:
        count += 1
    total = sum(WEIGHTS[:count])
    return tuple(weight / total * sum(WEIGHTS) for weight in WEIGHTS[:count])


def ms_ssim(x: Tensor, y: Tensor, span: float = 2.0, *, shifted: bool = False) -> Tensor:
    """Multi-scale structural similarity ``[N]`` of pictures ``[N, C, H, W]``.

    The contrast-structure parts of all scales but the last, each to the power of its weight, times
    the full similarity of the last scale to the power of its weight, once (Wang et al. 2003,
    equation 7). A part that is not positive counts as almost 0, or, ``shifted``, every part v as
    (1 + v) / 2: no picture is then without a gradient, which a loss needs at the start.
    """
    x, y = x.float(), y.float()
    weights = scales(min(x.shape[2:]))
    result = torch.ones(len(x), dtype=x.dtype, device=x.device)
    for index, weight in enumerate(weights):
        if index:
            x, y = functional.avg_pool2d(x, 2), functional.avg_pool2d(y, 2)
        whole, structure = similarity(x, y, span)
        part = whole if index == len(weights) - 1 else structure
        part = (1 + part) / 2 if shifted else part
        result = result * part.clamp(min=TINY) ** weight
    return result
