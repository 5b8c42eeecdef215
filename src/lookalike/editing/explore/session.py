"""One picture under several sliders: each change is found once, and then moved as one likes.

What :func:`lookalike.editing.exchange.exchange` finds for an attribute is a way through the latents
that belongs to this picture. Shares of several such ways, and of axes, are added up, drawn and put
into the photo in a moment; so a slider can follow a hand.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from lookalike import images
from lookalike.data.decode.photos import Photo
from lookalike.editing.compose import Edit, changed_share, compose
from lookalike.editing.editor import Editor
from lookalike.editing.exchange import Exchanged, Subject, WantedChange, exchange
from lookalike.editing.explore.explorer import Move
from lookalike.editing.helpers import SHIFTS
from lookalike.errors import DataError
from lookalike.images import Pixels

PREVIEW = 768
"""The longer side of a photo while sliders move."""

Painted = NDArray[np.float32]
"""How much of a change is let through at each place of the photo, ``[h, w]`` in [0, 1]."""


@dataclass(frozen=True, eq=False)
class PhotoChange:
    """A changed photo, uint8 ``[H, W, C]``.

    ``sure`` is the helpers' probability of each wanted value, ``kept`` the share of the other
    attributes whose value stays, ``changed`` the share of pixels that differ, ``by`` the ways.
    """

    pixels: Pixels
    sure: dict[str, float]
    kept: float
    changed: float
    by: str


@dataclass(frozen=True, eq=False)
class PhotoSession:
    """A photo, found again in a run, and the changes that were found for it so far."""

    editor: Editor
    photo: Photo
    subject: Subject
    _ways: dict[tuple[str, int, float | None], Exchanged] = field(default_factory=dict)

    @cached_property
    def preview(self) -> Photo:
        """The photo at the size of a screen."""
        height, width = self.photo.pixels.shape[:2]
        share = min(1.0, PREVIEW / max(height, width))
        if share == 1:
            return self.photo
        size = max(1, round(width * share)), max(1, round(height * share))
        small = images.to_pillow(self.photo.pixels).resize(size, Image.Resampling.BOX)
        channels = self.photo.pixels.shape[-1]
        to_photo = np.diag([width / size[0], height / size[1], 1.0])
        return replace(
            self.photo,
            pixels=images.from_pillow(small, channels),
            to_square=self.photo.to_square @ to_photo,
            alpha=None,
        )

    def change(
        self,
        photo: Photo,
        moves: Sequence[Move],
        painted: Painted | None = None,
        *,
        whole: bool = False,
        quick: bool = False,
    ) -> PhotoChange:
        """The photo (whole or as its preview) with every slider where it stands.

        ``quick`` looks at the result once, not moved by small shifts, and rounds as it likes.

        Raises:
            DataError: there is no such attribute, value or axis.
        """
        if not moves:
            return PhotoChange(photo.pixels.copy(), {}, 1.0, 0.0, "nothing")
        latent, labels, by = self._moved(moves)
        generator = self.editor.generator
        draw = generator.draw_one if quick else generator.drawn
        after = draw(generator.bounded(latent), labels)
        edit = Edit(self.subject.square, self.subject.found.drawn, after)
        pixels = limited(photo.pixels, compose(photo, edit, whole=whole), painted)
        sure, kept = self._verdict(edit, moves, SHIFTS[:1] if quick else SHIFTS)
        return PhotoChange(pixels, sure, kept, changed_share(photo.pixels, pixels), by)

    def _moved(self, moves: Sequence[Move]) -> tuple[Tensor, Tensor | None, str]:
        """Latent ``[1, W]`` and labels ``[1, L]`` with all moves, and the ways in words."""
        found = self.subject.found
        latent, labels, by = found.latent, found.labels, []
        for move in moves:
            axis = self.editor.axis(move.name)
            if move.value is None and axis is not None:
                latent = latent + move.amount * axis.direction
                by.append("axis")
                continue
            way = self._way(move)
            latent = latent + move.amount * (way.latent - found.latent)
            if labels is not None and way.labels is not None and found.labels is not None:
                labels = labels + min(max(move.amount, 0.0), 1.0) * (way.labels - found.labels)
            by.append(way.by)
        return latent, labels, ", ".join(dict.fromkeys(by))

    def _way(self, move: Move) -> Exchanged:
        """The whole change to a value, found when it is first asked for."""
        attribute = self.editor.find(move.name)
        if attribute is None or move.value is None:
            raise DataError(f"There is nothing called {move.name[:60]!r} to change.")
        value, amount = attribute.find(move.value)
        key = move.name, value, amount
        if key not in self._ways:
            amounts = {} if amount is None else {move.name: amount}
            wanted = WantedChange({move.name: value}, amounts)
            self._ways[key] = exchange(self.editor, self.subject, wanted)
        return self._ways[key]

    @torch.no_grad()
    def _verdict(
        self, edit: Edit, moves: Sequence[Move], shifts: tuple[tuple[int, int], ...]
    ) -> tuple[dict[str, float], float]:
        """What the helpers say of the changed square."""
        if not self.editor.changeable:
            return {}, 1.0
        wanted = {move.name: move.value for move in moves if move.value is not None}
        sure, stays = {}, []
        shares = self.editor.probabilities(edit.shown, shifts)
        for one, share in zip(self.editor.changeable, shares, strict=True):
            if one.name in wanted:
                sure[one.name] = float(share[0, one.find(wanted[one.name])[0]])
            else:
                stays.append(int(share[0].argmax()) == self.subject.values[one.name])
        return sure, float(np.mean(stays)) if stays else 1.0


def limited(before: Pixels, after: Pixels, painted: Painted | None) -> Pixels:
    """``after`` where it was painted, ``before`` bit for bit where it was not."""
    if painted is None:
        return after
    height, width = before.shape[:2]
    share = Image.fromarray(painted, "F").resize((width, height), Image.Resampling.BILINEAR)
    through = np.asarray(share, np.float32).clip(0, 1)[..., None]
    mixed = before + through * (after.astype(np.float32) - before)
    return np.where(through > 0, mixed.round(), before).astype(np.uint8)
