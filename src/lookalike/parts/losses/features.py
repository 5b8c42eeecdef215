"""How far two pictures are apart in the maps of a frozen network.

Zhang et al. 2018, "The unreasonable effectiveness of deep features as a perceptual metric".
"""

from __future__ import annotations

import torch
from torch import Tensor

from lookalike.parts.losses.base import per_sample


def normalized(x: Tensor) -> Tensor:
    """A map with unit mean square over its channels at every place (LPIPS, Zhang et al. 2018)."""
    x = x.float()
    return x * (x.square().mean(1, keepdim=True) + 1e-2).rsqrt()


def feature_distance(first: list[Tensor], second: list[Tensor]) -> Tensor:
    """The squared distance of normalized maps, a mean over each map, summed over maps: ``[N]``."""
    each = [
        per_sample((normalized(a) - normalized(b)).square())
        for a, b in zip(first, second, strict=True)
    ]
    return torch.stack(each).sum(0)
