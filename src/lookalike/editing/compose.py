"""Composition: what a generator changed, put into a photo of any size; the rest stays bit for bit.

The change G(z') - G(z) is known at the pack's size alone. Around every place it is written as a
linear map of the photo's own colors (the local linear model of He et al. 2010, "Guided image
filtering", fitted small and applied large as in Chen et al. 2016, "Bilateral guided upsampling"),
so that a change follows the photo's own edges and keeps its grain where colors merely move. What no
such map explains is something new: it is added as it is, and what the photo shows there finer than
the square, which belongs to the old, is taken away; so it is where G drew an edge before and draws
none after, or the old outlines would stay as thin lines. Where shapes change, what G could not draw
of the old is taken away, too: there the photo becomes G(z').
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from lookalike import images
from lookalike.data.decode.photos import Photo
from lookalike.images import Pixels

LEAST, MOST = 0.02, 0.15
"""Bounds of the change that counts, in [-1, 1]: below lies what nobody sees."""

ALIKE, UNLIKE = 0.05, 0.15
"""Middle errors of a reconstruction up to which it replaces shapes, and from which on not."""

RADIUS = 2
"""Windows of the linear maps are 5x5 places of the square."""
SMOOTH = 0.01
"""The variance of colors below which a window counts as flat."""
NEW, ALL_NEW = 0.03, 0.12
"""Change left unexplained, in [-1, 1], from which on fine detail begins to go, and is all gone."""
GONE, ALL_GONE = 0.02, 0.08
"""Contrast that G drew before and not after, in [-1, 1], from which on fine detail goes as well."""
STAYS = 1.5
"""An edge that stays may become weaker by this factor."""
SHAPED, ALL_SHAPED = 0.02, 0.08
"""Change beside its mean around, in [-1, 1], from which on what G drew begins to replace the photo
(which would show through as a ghost of what was there), and has replaced it."""
FINE = 4
"""Maps are enlarged this much by a cubic filter before they are spread over the photo."""
FINER = 0.6
"""A photo with this many of the square's pixels to one of its own, or fewer, is finer than it."""
STRIP = 1 << 20
"""Pixels that are composed at once."""


@dataclass(frozen=True, eq=False)
class Edit:
    """A change at the pack's size: the photo's ``square``, and what G drew of it and of its change.

    Each is ``[1, C, S, S]`` in [-1, 1].
    """

    square: Tensor
    before: Tensor
    after: Tensor

    @property
    def mask(self) -> Tensor:
        """How much of each place is changed, ``[1, 1, S, S]`` in [0, 1]."""
        return masks(self.square, self.before, self.after)

    @property
    def shown(self) -> Tensor:
        """The changed square, ``[1, C, S, S]``."""
        return blended(self.square, self.before, self.after)


def masks(square: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """Where a change exceeds the noise of the reconstruction, wider by a place and soft.

    ``square`` and ``before`` are ``[1, C, S, S]``, ``after`` is ``[N, C, S, S]``; ``[N, 1, S, S]``.
    """
    noise = _noise(square, before).clamp(LEAST, MOST)
    change = functional.avg_pool2d((after - before).abs().amax(1, keepdim=True), 3, 1, 1)
    inside = ((change - noise) / noise).clamp(0, 1)
    wider = functional.max_pool2d(inside, 3, 1, 1)
    return functional.avg_pool2d(wider, 3, 1, 1)


def blended(square: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """The square with each change in its place, ``[N, C, S, S]``: what a photo of S px becomes."""
    change = _change(square, before, after)
    return (square + masks(square, before, after) * change).clamp(-1, 1)


def _change(square: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """What is added to the square: after - before, or after - square where shapes change.

    A generator that drew the photo badly is trusted less with that, and only moves it.
    """
    change = after - before
    shape = _mean((change - _mean(change)).abs().amax(1, keepdim=True))
    replaced = ((shape - SHAPED) / (ALL_SHAPED - SHAPED)).clamp(0, 1)
    trust = ((UNLIKE - _noise(square, before)) / (UNLIKE - ALIKE)).clamp(0, 1)
    return change - trust * replaced * (square - before)


def _noise(square: Tensor, before: Tensor) -> Tensor:
    """The middle error of the reconstruction, in [-1, 1]."""
    return (square - before).abs().amax(1).median()


def compose(photo: Photo, edit: Edit, *, whole: bool = False) -> Pixels:
    """The changed photo, uint8 as its pixels are; ``whole`` takes all of the square from G."""
    mask = torch.ones_like(edit.mask) if whole else edit.mask
    if not bool((mask > 0).any()):
        return photo.pixels.copy()
    maps = _drawn(edit) if whole else _linear(edit)
    fine = _enlarged(torch.cat([maps, mask * _rim(photo)], 1), photo)
    result = photo.pixels.copy()
    height, width = result.shape[:2]
    low, high = _rows(photo, height)
    step = max(1, STRIP // width)
    for first in range(low, high, step):
        last = min(first + step, high)
        result[first:last] = _strip(photo, fine, (first, last))
    return result


def _linear(edit: Edit) -> Tensor:
    """The change as linear maps of colors, ``[1, C * C + 2 C + 1, S, S]``.

    Slopes ``C x C``, offsets ``C``, the share of new content, and the square's own colors ``C``.
    """
    colors, change = edit.square, edit.after - edit.before
    count = colors.shape[1]
    goal = _change(edit.square, edit.before, edit.after)
    mean, moved = _mean(colors), _mean(change)
    product = _mean((colors[:, :, None] * colors[:, None]).flatten(1, 2))
    variance = _square(product) - mean[:, :, None] * mean[:, None]
    crossed = _mean((colors[:, :, None] * change[:, None]).flatten(1, 2))
    covariance = _square(crossed) - mean[:, :, None] * moved[:, None]
    slopes = torch.linalg.solve(
        variance.permute(0, 3, 4, 1, 2) + SMOOTH * torch.eye(count),
        covariance.permute(0, 3, 4, 1, 2),
    ).permute(0, 3, 4, 1, 2)
    around = _mean(moved - (slopes * mean[:, :, None]).sum(1))
    slopes = _square(_mean(slopes.flatten(1, 2)))
    offsets = change - (slopes * colors[:, :, None]).sum(1)
    left = _mean((offsets - around).abs().amax(1, keepdim=True))
    new = ((left - NEW) / (ALL_NEW - NEW)).clamp(0, 1)
    lost = _contrast(edit.before) - STAYS * _contrast(edit.after)
    new = torch.maximum(new, ((lost - GONE) / (ALL_GONE - GONE)).clamp(0, 1))
    return torch.cat([slopes.flatten(1, 2), offsets + goal - change, new, colors], 1)


def _contrast(x: Tensor) -> Tensor:
    """The deviation in the window around each place, of the channel where it is largest."""
    return (_mean(x.square()) - _mean(x).square()).clamp(min=0).sqrt().amax(1, keepdim=True)


def _square(x: Tensor) -> Tensor:
    """``[N, C * C, H, W]`` -> ``[N, C, C, H, W]``."""
    count = round(x.shape[1] ** 0.5)
    return x.reshape(len(x), count, count, *x.shape[2:])


def _drawn(edit: Edit) -> Tensor:
    """The maps that take nothing of the photo and give what G drew."""
    count = edit.square.shape[1]
    slopes = torch.zeros(1, count * count, *edit.square.shape[2:])
    new = torch.ones_like(edit.square[:, :1])
    return torch.cat([slopes, edit.after - edit.square, new, edit.square], 1)


def _enlarged(maps: Tensor, photo: Photo) -> Tensor:
    """Maps of a photo that is finer than the square, by a cubic filter; others as they are."""
    if abs(np.linalg.det(photo.to_square[:2, :2])) > FINER:
        return maps
    fine = functional.interpolate(maps, scale_factor=float(FINE), mode="bicubic")
    # A cubic filter swings over: the mask, the last map, has to end where it ended.
    reach = functional.interpolate((maps[:, -1:] > 0).float(), scale_factor=float(FINE))
    fine[:, -1:] = fine[:, -1:].clamp(0, 1) * reach
    return fine


def _mean(x: Tensor) -> Tensor:
    """The mean over the window around each place; beyond the rim there is nothing."""
    side = 2 * RADIUS + 1
    return functional.avg_pool2d(x, side, 1, RADIUS, count_include_pad=False)


def _rim(photo: Photo) -> Tensor:
    """``[1, 1, S, S]``: 0 at a rim of the square beyond which the photo goes on, 1 inside."""
    high, wide = photo.square.shape[:2]
    down, right = (
        (torch.arange(side, dtype=torch.float32) / 3).clamp(0, 1) for side in (high, wide)
    )
    rims = {
        (-1.0, high / 2): right[None, :],
        (wide + 1.0, high / 2): right.flip(0)[None, :],
        (wide / 2, -1.0): down[:, None],
        (wide / 2, high + 1.0): down.flip(0)[:, None],
    }
    inside = torch.ones(high, wide)
    to_photo = np.linalg.inv(photo.to_square)
    height, width = photo.pixels.shape[:2]
    for (x, y), shade in rims.items():
        across, along, _ = to_photo @ (x, y, 1.0)
        if 0 <= across <= width and 0 <= along <= height:
            inside = inside * shade
    return inside[None, None]


def _rows(photo: Photo, height: int) -> tuple[int, int]:
    """The rows of the photo that the square reaches."""
    high, wide = photo.square.shape[:2]
    corners = np.array([(0, 0, 1), (wide, 0, 1), (0, high, 1), (wide, high, 1)], np.float64)
    along = (np.linalg.inv(photo.to_square) @ corners.T)[1]
    return max(0, int(along.min())), min(height, int(along.max()) + 1)


def _strip(photo: Photo, fine: Tensor, rows: tuple[int, int]) -> Pixels:
    """These rows of the photo, changed where the mask is."""
    pixels = torch.tensor(photo.pixels[rows[0] : rows[1]]).permute(2, 0, 1)
    places = _places(photo, pixels.shape[2], rows)
    maps = functional.grid_sample(fine, places, padding_mode="zeros", align_corners=False)[0]
    count = photo.square.shape[2]
    flat, offsets, new, coarse, mask = torch.split(maps, [count * count, count, 1, count, 1])
    colors = pixels.float() / 127.5 - 1
    seen = _with_channels(colors, count)
    kept = torch.lerp(seen, coarse, new)
    goal = kept + (_square(flat[None])[0] * kept[:, None]).sum(0) + offsets
    changed = colors + mask.clamp(0, 1) * _with_channels(goal - seen, len(colors))
    rounded = ((changed + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    moved = mask > 0
    if len(pixels) == 4:  # colors that are seen neither before nor after are no change
        moved = moved & ((rounded[3:] > 0) | (pixels[3:] > 0))
    return torch.where(moved, rounded, pixels).permute(1, 2, 0).numpy()


def _with_channels(colors: Tensor, count: int) -> Tensor:
    """``[C, H, W]`` as so many channels: three become their brightness, one is repeated."""
    if len(colors) == count:
        return colors
    if count == 1:
        brightness: Tensor = images.grey(colors)
        return brightness
    return colors.expand(count, -1, -1)


def _places(photo: Photo, width: int, rows: tuple[int, int]) -> Tensor:
    """For every pixel of these rows its place in the square, ``[1, rows, width, 2]`` in [-1, 1]."""
    (a, b, c), (d, e, f), _ = photo.to_square.tolist()
    across = torch.arange(width, dtype=torch.float64) + 0.5
    along = torch.arange(*rows, dtype=torch.float64)[:, None] + 0.5
    places = torch.stack([a * across + b * along + c, d * across + e * along + f], -1)
    high, wide = photo.square.shape[:2]
    scaled: Tensor = places * torch.tensor([2 / wide, 2 / high], dtype=torch.float64) - 1
    return scaled.float()[None]


def changed_share(before: Pixels, after: Pixels) -> float:
    """The share of a photo's pixels that differ."""
    different: NDArray[np.bool_] = (before != after).any(-1)
    return float(different.mean())
