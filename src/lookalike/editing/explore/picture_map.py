"""A map of real and generated pictures: who is like whom, where there is much, where nothing.

Where a player of the run reads pictures, the map is one of latents: a place between pictures is
then a picture, too. Elsewhere it is one of small pixels, and generated pictures alone have latents.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike import images, seeds
from lookalike.data.pack.pack import Pack
from lookalike.editing.explore.starts import LatentPoint
from lookalike.editing.generator import EditableGenerator
from lookalike.engine.sampler import Sampler
from lookalike.images import Pixels
from lookalike.metrics.distances.embedding import Places, settling
from lookalike.metrics.features.features import Pixels as PixelFeatures

TILE = 32
"""The side of a thumbnail."""
COLUMNS = 64
SHEET = COLUMNS * COLUMNS
"""Thumbnails of one sheet: 64 x 64 tiles of 32 px fill 2048 px, which every browser can show."""
BLOCK = 128
AROUND = 6
"""Pictures around a place that a picture there is drawn from."""

REAL, MADE = 0, 1

Progress = tuple[str, int, int]
"""What is done, how much of it, of how much."""


@dataclass(frozen=True, kw_only=True)
class MapPlan:
    """How many pictures a map shows: real ones at most, and generated ones of a seed."""

    real: int = 4_000
    made: int = 1_000
    seed: int = 0


@dataclass(frozen=True, eq=False)
class PictureMap:
    """Pictures in a mixed order, so that neither kind covers the other; arrays have a row for each.

    ``kinds`` is REAL or MADE, ``rows`` the row in the pack or the index of the seed, ``classes``
    the class number or -1, ``tiles`` uint8 ``[N, 32, 32, C]``. ``latents`` and ``labels`` are those
    of the pictures ``known``, by number.
    """

    places: Places
    kinds: NDArray[np.int64]
    rows: NDArray[np.int64]
    classes: NDArray[np.int64]
    tiles: Pixels
    latents: Tensor
    labels: Tensor | None
    known: NDArray[np.int64]
    seed: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def sheets(self) -> int:
        """How many sheets of thumbnails there are."""
        return -(-len(self) // SHEET)

    def sheet(self, number: int) -> Pixels:
        """One sheet, uint8 ``[rows * 32, 2048, C]``."""
        tiles = self.tiles[number * SHEET : (number + 1) * SHEET]
        return images.grid(tiles, COLUMNS, gap=0)

    def point(self, x: float, y: float) -> LatentPoint:
        """The latents around a place, weighed by how near they are."""
        away = ((self.places[self.known] - np.array([x, y], np.float32)) ** 2).sum(1)
        near = np.argsort(away)[:AROUND]
        weight = 1 / (away[near] + 1e-5)
        shares = torch.from_numpy((weight / weight.sum()).astype(np.float32))[:, None]
        rows = torch.from_numpy(near)
        labels = None if self.labels is None else self.labels[rows[:1]]
        return LatentPoint((self.latents[rows] * shares).sum(0, keepdim=True), labels)


def mapped(
    generator: EditableGenerator, sampler: Sampler, pack: Pack | None, plan: MapPlan
) -> Generator[Progress, None, PictureMap]:
    """Lay the map out in short pieces, so that other work can be done in between."""
    reads = generator.reads
    real = yield from _real(generator, pack, plan, reads)
    made = yield from _made(generator, sampler, pack, plan)
    parts = [part for part in (real, made) if len(part.rows)]
    vectors = [part.latents.numpy() if reads else part.small for part in parts]
    places = np.zeros((sum(len(part.rows) for part in parts), 2), np.float32)
    for step, told in enumerate(settling(np.concatenate(vectors)), 1):
        places = told
        yield "laying the map out", step, max(step, 24)
    seen = [part for part in parts if reads or part is made]
    order = seeds.array_generator(plan.seed, "map/order").permutation(len(places))
    mixed = np.argsort(order)
    return PictureMap(
        places=places[order],
        kinds=np.concatenate([np.full(len(part.rows), part.kind) for part in parts])[order],
        rows=np.concatenate([part.rows for part in parts])[order],
        classes=np.concatenate([part.classes for part in parts])[order],
        tiles=np.concatenate([part.tiles for part in parts])[order],
        latents=torch.cat([part.latents for part in seen]),
        labels=None if made.labels is None else _joined(seen),
        known=mixed[0 if reads else len(real.rows) :],
        seed=plan.seed,
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """The pictures of one kind, as far as they were looked at."""

    kind: int
    rows: NDArray[np.int64]
    classes: NDArray[np.int64]
    tiles: Pixels
    small: NDArray[np.float32]
    latents: Tensor
    labels: Tensor | None


def _joined(parts: list[_Part]) -> Tensor:
    return torch.cat([part.labels for part in parts if part.labels is not None])


def _real(
    generator: EditableGenerator, pack: Pack | None, plan: MapPlan, reads: bool
) -> Generator[Progress, None, _Part]:
    """Pictures of the pack, training ones and held-out ones as they come in a fixed order."""
    if pack is None or not len(pack.train):
        return _no_pictures(generator)
    order = seeds.array_generator(plan.seed, "map/real").permutation(len(pack.train))
    chosen = np.sort(order[: plan.real])
    tiles, small, latents, labels = [], [], [], []
    for first in range(0, len(chosen), BLOCK):
        part = chosen[first : first + BLOCK]
        pixels = pack.train.images(part)
        told = torch.from_numpy(pack.train.labels(part)) if generator.frame.labels else None
        tiles.append(thumbnails(pixels))
        small.append(_small(pixels))
        if reads:
            found = generator.read(images.to_network(pixels), told)
            assert found is not None
            latents.append(found)
            labels += [] if told is None else [told]
        yield "looking at your pictures", min(first + BLOCK, len(chosen)), len(chosen)
    return _Part(
        REAL,
        pack.train.pack_rows(chosen),
        pack.train.classes(chosen),
        np.concatenate(tiles),
        np.concatenate(small),
        torch.cat(latents) if latents else torch.zeros(0, generator.prior.width),
        torch.cat(labels) if labels else None,
    )


def _made(
    generator: EditableGenerator, sampler: Sampler, pack: Pack | None, plan: MapPlan
) -> Generator[Progress, None, _Part]:
    """The pictures that 'generate' gives for the plan's seed."""
    tiles, small, rows, told = [], [], [], []
    for first in range(0, plan.made, BLOCK):
        count = min(BLOCK, plan.made - first)
        z, labels, pixels = sampler.latents(plan.seed, first, count)
        tiles.append(thumbnails(pixels))
        small.append(_small(pixels))
        rows.append(generator.inner(z, labels))
        told += [] if labels is None else [labels]
        yield "drawing pictures", first + count, plan.made
    labels = torch.cat(told) if told else None
    return _Part(
        MADE,
        np.arange(plan.made),
        _classes(labels, pack, plan.made),
        np.concatenate(tiles),
        np.concatenate(small),
        torch.cat(rows),
        labels,
    )


def _no_pictures(generator: EditableGenerator) -> _Part:
    frame, none = generator.frame, np.zeros(0, np.int64)
    tiles = np.zeros((0, TILE, TILE, frame.channels), np.uint8)
    latents = torch.zeros(0, generator.prior.width)
    labels = torch.zeros(0, frame.labels) if frame.labels else None
    return _Part(REAL, none, none, tiles, np.zeros((0, 1), np.float32), latents, labels)


def _classes(labels: Tensor | None, pack: Pack | None, count: int) -> NDArray[np.int64]:
    """The class that each picture was asked for."""
    if labels is None or pack is None or len(pack.classes) < 2:
        return np.full(count, -1)
    own = labels[:, : len(pack.classes)].numpy()
    return np.where(own.max(1) > 0, own.argmax(1), -1).astype(np.int64)


def _small(pixels: Pixels) -> NDArray[np.float32]:
    return PixelFeatures(side=16, channels=pixels.shape[-1])(pixels)


def thumbnails(pixels: Pixels) -> Pixels:
    """uint8 ``[N, H, W, C]`` -> ``[N, 32, 32, C]``, averaged or repeated."""
    resized = torch.nn.functional.interpolate(
        images.to_network(images.squared(pixels)), (TILE, TILE), mode="bilinear", antialias=True
    )
    return images.to_pixels(resized)
