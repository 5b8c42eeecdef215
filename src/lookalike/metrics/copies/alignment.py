"""How different two pictures are once one is cropped, moved or mirrored onto the other.

A copy is seldom exact: it is mirrored, cropped, moved or compressed. For every pair the window of
the reference that best explains the sample is searched, first on a grid of windows at 16 pixels,
then by Gauss-Newton steps on its scale and place at 32 (Lucas and Kanade 1981). The difference is
then the worst place, not the mean: compression leaves a little everywhere, while another picture
of the same kind differs somewhere (another mouth in the same face).

A plain or blurred picture is near to everything that has little contrast, and copies nothing. So
beside the difference stands how much of the reference's own detail it leaves unexplained.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

import numpy as np
import torch
from torch.nn.functional import (
    adaptive_avg_pool2d,
    affine_grid,
    avg_pool2d,
    conv2d,
    grid_sample,
    interpolate,
    pad,
)

from lookalike.data.pack.scratch_array import scratch_array
from lookalike.images import Pixels as Pictures
from lookalike.images import measurable
from lookalike.metrics.distances.nearest import Indices, Numbers

SIDE, COARSE = 32, 16
STEPS, STARTS, BATCH = 5, 3, 64
PLACES = {1.0: (-0.2, -0.1, 0.0, 0.1, 0.2), 0.9: (-0.1, 0.0, 0.1), 0.8: (-0.2, -0.1, 0.0, 0.1, 0.2)}
"""Scales of the windows tried first, and their centers; the picture reaches from -1 to 1."""

PLAIN = 3
"""A side of this many averages, drawn large, is what a reference looks like without its detail."""

LEVEL = 0.5 / 255
"""Half a grey level, what rounding leaves: it is never explained."""

UNEXPLAINED = 0.5
"""The most of a reference's detail that a copy may miss. A copy blurred by a thirty-second of its
side misses less than that; at 0.8 plain grey passes for a copy of pale icons on white."""


def shrink(pictures: Pictures) -> Pictures:
    """uint8 ``[N, H, W, C]`` -> uint8 ``[N, 32, 32, 1 or 3]``: what ``align`` works on."""
    small = np.asarray(scratch_array((len(pictures), SIDE, SIDE, min(pictures.shape[-1], 3))))
    for first in range(0, len(pictures), 512):
        seen = np.array(measurable(pictures[first : first + 512]))
        rows = torch.from_numpy(seen).permute(0, 3, 1, 2).float()
        scaled = interpolate(rows, (SIDE, SIDE), mode="bilinear", antialias=True)
        small[first : first + 512] = scaled.round().permute(0, 2, 3, 1).byte().numpy()
    return small


@dataclass(frozen=True)
class Alignment:
    """What the search found for every sample, arrays ``[N]``.

    ``distance`` is the difference at the worst 4 x 4 place: the mean there, root mean square over
    the channels, of values in [0, 1]. ``index`` is the row of the reference. ``unexplained`` is
    that difference, brightness apart, over the one that the reference has from itself without
    detail: about 0 for a copy, and 1 or more for whatever does not share its detail.
    """

    distance: Numbers
    index: Indices
    unexplained: Numbers


def align(samples: Pictures, references: Pictures, candidates: Indices) -> Alignment:
    """The nearest of every sample's candidates, those first whose detail it shares.

    ``samples [N, 32, 32, C]`` and ``references [M, 32, 32, C]`` come from ``shrink``; ``candidates
    [N, K]`` are rows of ``references``.
    """
    distance, unexplained = np.empty(len(samples)), np.empty(len(samples))
    index = np.empty(len(samples), np.intp)
    with torch.inference_mode():
        for first in range(0, len(samples), BATCH):
            rows = slice(first, first + BATCH)
            nearest = _align(_blurred(samples[rows]), references, candidates[rows])
            distance[rows], index[rows], unexplained[rows] = nearest
    return Alignment(distance, index, unexplained)


def _align(
    samples: torch.Tensor, references: Pictures, candidates: Indices
) -> tuple[Numbers, Indices, Numbers]:
    count, each = candidates.shape
    near = _blurred(references[candidates.reshape(-1)]).view(count, each, *samples.shape[1:])
    both = torch.stack([samples, samples.flip(-1)], 1)
    choices, windows, flips = _coarse(both, near)
    rows = torch.arange(count)[:, None].expand_as(choices)
    wanted, chosen = both[rows, flips].flatten(0, 1), near[rows, choices].flatten(0, 1)
    aligned = _gauss_newton(wanted, chosen, windows.flatten(0, 1))
    off = wanted - aligned
    missing = _worst(off - off.mean((2, 3), keepdim=True)).sqrt() + LEVEL  # brightness is no detail
    detail = _worst(aligned - _plain(aligned)).sqrt().clamp(min=1e-6)
    distance = _worst(off).sqrt().view(count, -1)
    unexplained = (missing / detail).view(count, -1)
    start = (distance + 9 * (unexplained > UNEXPLAINED)).argmin(1, keepdim=True)
    nearest, share = (t.gather(1, start)[:, 0].double().numpy() for t in (distance, unexplained))
    choice = choices.gather(1, start)[:, 0].numpy()
    return nearest, candidates[np.arange(count), choice], share


def _coarse(
    both: torch.Tensor, near: torch.Tensor
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The best starts: candidates, windows and mirroring, ``[N, STARTS]`` (windows ``[.., 3]``).

    Places are searched in grey: 2.5 times cheaper than in color, at 77 instead of 81 of 100
    cropped, mirrored and compressed cartoon faces recognized (150 tried).
    """
    count, each = near.shape[:2]
    small = adaptive_avg_pool2d(near.mean(2).flatten(0, 1)[:, None], COARSE)
    seen, windows = [], []
    for scale, places in PLACES.items():
        lines = torch.stack([_line(scale, place) for place in places])
        wide = torch.einsum("nchw,bxw->nbchx", small, lines)
        seen.append(torch.einsum("ayh,nbchx->nabcyx", lines, wide).flatten(1, 2).flatten(2))
        windows += [(scale, right, down) for down, right in product(places, repeat=2)]
    table = torch.cat(seen, 1).view(count, each * len(windows), -1)
    wanted = adaptive_avg_pool2d(both.mean(2).flatten(0, 1)[:, None], COARSE).view(count, 2, -1)
    apart = torch.cdist(wanted, table).view(count, 2, each, len(windows))
    least, window = apart.min(3)  # one start a candidate and mirroring, so that starts differ
    best = least.flatten(1).topk(min(STARTS, 2 * each), largest=False).indices
    window = window.flatten(1).gather(1, best)
    return best % each, torch.tensor(windows)[window], best // each


def _line(scale: float, place: float) -> torch.Tensor:
    """Bilinear resampling of one axis through a window, ``[COARSE, COARSE]``; edges continued."""
    middle = (torch.arange(COARSE) + 0.5) / COARSE * 2 - 1
    at = (((middle * scale + place + 1) * COARSE - 1) / 2).clamp(0, COARSE - 1)
    return (1 - (at[:, None] - torch.arange(COARSE)).abs()).clamp(min=0)


def _gauss_newton(samples: torch.Tensor, near: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """The references seen through ``windows``, or through those after the steps where nearer."""
    grey, wanted = near.mean(1, keepdim=True), samples.mean(1, keepdim=True)
    first = _warp(near, windows)
    for _ in range(STEPS):
        seen = _warp(grey, windows)
        slope = _slope(seen, windows[:, 0])
        square = slope.mT @ slope + 1e-3 * torch.eye(3)
        move = torch.linalg.solve(square, slope.mT @ (seen - wanted).flatten(1)[..., None])
        windows = windows - move.squeeze(2).clamp(-0.1, 0.1)
        windows[:, 0].clamp_(0.6, 1.2)
        windows[:, 1:].clamp_(-0.4, 0.4)
    last = _warp(near, windows)
    nearer = _worst(last - samples) < _worst(first - samples)
    return torch.where(nearer.view(-1, 1, 1, 1), last, first)


def _slope(seen: torch.Tensor, scale: torch.Tensor) -> torch.Tensor:
    """How seen pictures ``[N, 1, S, S]`` change with scale, right and down, ``[N, S * S, 3]``.

    The window moves the picture, so the picture's own gradient tells it: no further look is needed.
    """
    around = pad(seen, (1, 1, 1, 1), mode="replicate")
    unit = SIDE / 4 / scale.view(-1, 1, 1, 1)
    right = (around[:, :, 1:-1, 2:] - around[:, :, 1:-1, :-2]) * unit
    down = (around[:, :, 2:, 1:-1] - around[:, :, :-2, 1:-1]) * unit
    ticks = (torch.arange(SIDE) * 2 + 1) / SIDE - 1
    grow = right * ticks + down * ticks[:, None]
    return torch.stack([grow.flatten(1), right.flatten(1), down.flatten(1)], 2)


def _worst(off: torch.Tensor) -> torch.Tensor:
    return avg_pool2d(off, 4, stride=2).square().mean(1).flatten(1).amax(1)


def _plain(pictures: torch.Tensor) -> torch.Tensor:
    """The pictures ``[N, C, S, S]`` without detail: 3 x 3 averages, drawn large and smooth."""
    return interpolate(adaptive_avg_pool2d(pictures, PLAIN), pictures.shape[-2:], mode="bilinear")


def _warp(pictures: torch.Tensor, windows: torch.Tensor) -> torch.Tensor:
    """Look at each picture through its own window (scale, right, down); edges are continued."""
    matrix = torch.zeros(len(windows), 2, 3)
    matrix[:, 0, 0] = matrix[:, 1, 1] = windows[:, 0]
    matrix[:, 0, 2], matrix[:, 1, 2] = windows[:, 1], windows[:, 2]
    grid = affine_grid(matrix, list(pictures.shape), align_corners=False)
    return grid_sample(pictures, grid, padding_mode="border", align_corners=False)


def _blurred(pictures: Pictures) -> torch.Tensor:
    """uint8 ``[N, S, S, C]`` -> float ``[N, C, S, S]`` in [0, 1] under a 3x3 binomial blur."""
    x = torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
    line = torch.tensor([0.25, 0.5, 0.25])
    kernel = torch.outer(line, line).expand(x.shape[1], 1, 3, 3)
    return conv2d(pad(x, (1, 1, 1, 1), mode="replicate"), kernel, groups=x.shape[1])
