"""A run opened to look around in: points, directions, and what is drawn there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike import images
from lookalike.data.pack.pack import Pack
from lookalike.editing.editor import Editor
from lookalike.editing.explore.picture_map import PictureMap
from lookalike.editing.explore.starts import LatentPoint, Start, number
from lookalike.editing.generator import EditableGenerator
from lookalike.editing.open import kept_editor
from lookalike.engine.load import label_vector, open_players, open_sampler, pack_if_there
from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.copies.copy_filter import CopyCheck, copy_check, training_rows
from lookalike.metrics.copies.search import nearness, see
from lookalike.place import Place
from lookalike.recipe import Drawing
from lookalike.run import Run

K = TypeVar("K")
V = TypeVar("V")

FURTHEST = 4.0
"""Units that a slider is moved at most."""
REMEMBERED = 32
"""Points that are remembered, so that a slider does not look for its picture anew."""
BLOCKS = 16
"""Blocks of generated pictures that are remembered: about what a map shows of them."""


@dataclass(frozen=True)
class Move:
    """One slider: an axis by so many units, or an attribute towards a value by a share of it."""

    name: str
    amount: float
    value: str | None = None

    def as_json(self) -> dict[str, Any]:
        """What :func:`moves_of` reads."""
        return {
            "name": self.name,
            "amount": self.amount,
            **({} if self.value is None else {"value": self.value}),
        }


def moves_of(given: Any) -> tuple[Move, ...]:
    """The sliders that a list of JSON says, those at 0 left out.

    Raises:
        DataError: it says something else.
    """
    if not isinstance(given, list) or len(given) > 64:
        raise DataError("Sliders are a list of at most 64.")
    found = []
    for one in given:
        if not isinstance(one, Mapping) or not isinstance(one.get("name"), str):
            raise DataError("A slider has a name and an amount.")
        value = one.get("value")
        if value is not None and not isinstance(value, str):
            raise DataError("The value of a slider is a text.")
        amount = number(one.get("amount", 1.0), -FURTHEST, FURTHEST, one["name"])
        found += [Move(one["name"], amount, value)] if amount else []
    return tuple(found)


@dataclass(frozen=True, eq=False)
class NearestPicture:
    """The training picture that a picture is nearest to: its row in the pack, how far, if a copy.

    ``distance`` is that of the copy search (aligned pixels at 32 px, in [0, 1]).
    """

    row: int
    distance: float
    copy: bool


@dataclass(eq=False)
class Explorer:
    """A run's generator and sampler, its pack where it is still there, and what was learned.

    ``editor`` is None until somebody has learned what can be changed (:func:`open_editor`), and
    ``map`` until it is laid out; then it is set here, and what is remembered stays.
    """

    run: Run
    generator: EditableGenerator
    sampler: Sampler
    drawing: Drawing
    images_seen: int
    pack: Pack | None
    note: str
    editor: Editor | None
    map: PictureMap | None = None
    _points: dict[Start, LatentPoint] = field(default_factory=dict, repr=False)
    _shown: WeakKeyDictionary[LatentPoint, dict[str, int]] = field(
        default_factory=WeakKeyDictionary, repr=False
    )
    _blocks: dict[tuple[int, str | None, int], Pixels] = field(default_factory=dict, repr=False)

    @staticmethod
    def open(run: Run, place: Place) -> Explorer:
        """A run, with what is kept of its editing; nothing is learned.

        Raises:
            CheckpointError: there is no whole state.
        """
        players = open_players(run, place)
        sampler, drawing, seen = open_sampler(run, place, players.which)
        generator = EditableGenerator.of(players, place.device)
        pack, note = pack_if_there(run)
        return Explorer(
            run=run,
            generator=generator,
            sampler=sampler,
            drawing=drawing,
            images_seen=seen,
            pack=pack,
            note=note,
            editor=kept_editor(run, players, generator),
        )

    # ---- points -----------------------------------------------------------------------------

    def of_seed(self, seed: int, index: int, label: str | None) -> LatentPoint:
        """The point of the picture that 'generate' gives for this seed and index."""
        wanted = label_vector(self.run, self.drawing, label)
        latents, labels, _ = self.sampler.latents(seed, index, 1, wanted)
        return LatentPoint(self.generator.inner(latents, labels), labels)

    def of_row(self, row: int) -> LatentPoint:
        """The point of a picture of the pack, as a player reads it.

        Raises:
            DataError: there is no such picture, or no player reads pictures.
        """
        if self.pack is None or row >= self.pack.count:
            raise DataError("This picture is not in the run's pack.")
        labels = self._labels(row)
        found = self.generator.read(images.to_network(self.real([row])), labels)
        if found is None:
            raise DataError(
                f"{self.drawing.name} cannot read pictures, so a real one is no start. Begin with "
                "a generated one."
            )
        return LatentPoint(found, labels)

    def of_place(self, x: float, y: float) -> LatentPoint:
        """Between the pictures that lie around a place on the map.

        Raises:
            DataError: there is no map yet.
        """
        if self.map is None:
            raise DataError("The map is not ready yet. Try again in a moment.")
        return self.map.point(x, y)

    def of_numbers(self, latent: Tensor, labels: Tensor | None) -> LatentPoint:
        """A point that was kept.

        Raises:
            DataError: it is another run's.
        """
        like = self._like
        told = None if labels is None else labels.shape
        if latent.shape != like.latent.shape or told != (
            None if like.labels is None else like.labels.shape
        ):
            raise DataError("This picture was made by another run, so it cannot be gone on with.")
        return LatentPoint(latent, labels)

    @cached_property
    def _like(self) -> LatentPoint:
        """Some point of this run, for the shapes of others."""
        return self.of_seed(0, 0, None)

    def _labels(self, row: int) -> Tensor | None:
        if not self.generator.frame.labels or self.pack is None:
            return None
        for split in (self.pack.train, self.pack.holdout):
            index = np.flatnonzero(split.pack_rows() == row)
            if len(index):
                return torch.from_numpy(split.labels(index[:1]))
        raise DataError("This picture is in no split of the pack.")

    # ---- moves ------------------------------------------------------------------------------

    @torch.no_grad()
    def moved(self, point: LatentPoint, moves: Sequence[Move]) -> LatentPoint:
        """The point with every slider where it stands.

        Raises:
            DataError: there is no such attribute, value or axis, or nothing was learned yet.
        """
        if not moves:
            return point
        editor = self.learned
        before = self.shown_values(point) if any(m.value is not None for m in moves) else {}
        latent, row = point.latent, editor.row(before)
        labels = point.labels
        for move in moves:
            attribute, axis = editor.find(move.name), editor.axis(move.name)
            if move.value is None and axis is not None:
                latent = latent + move.amount * axis.direction
            elif move.value is not None and attribute is not None:
                value = attribute.find(move.value)[0]
                latent = latent + move.amount * self._way(move.name, before, value)
                if labels is not None and attribute.columns:
                    share = min(max(move.amount, 0.0), 1.0)
                    labels = labels + share * (attribute.write(row, value) - row)
            else:
                raise DataError(f"There is nothing called {move.name[:60]!r} to move.")
        return LatentPoint(self.generator.bounded(latent), labels)

    def _way(self, name: str, before: Mapping[str, int], value: int) -> Tensor:
        """The direction ``[1, W]`` to a value, from the one that a picture shows.

        Of two values each is the way from the other, so that a picture goes further where it is.
        """
        editor = self.learned
        for slider in editor.sliders:
            if slider.name == name:
                return (1 if value else -1) * slider.direction.reshape(1, -1)
        attribute = editor.find(name)
        assert attribute is not None, "found by the caller"
        assert editor.directions is not None, "learned with attributes"
        was = 1 - value if len(attribute.values) == 2 else before[name]
        row = editor.row({**before, name: was})
        return editor.directions.straight(row, attribute.write(row, value))

    def shown_values(self, point: LatentPoint) -> dict[str, int]:
        """The values of attributes that a point's picture shows, by name.

        They are read once: a slider that moves asks for those of the same point again and again.
        """
        if point not in self._shown:
            self._shown[point] = self.learned.read(images.to_network(self.pixels(point)[None]))
        return self._shown[point]

    @property
    def learned(self) -> Editor:
        """The editor.

        Raises:
            DataError: nothing was learned yet.
        """
        if self.editor is None:
            raise DataError("What can be changed has not been learned from this run yet.")
        return self.editor

    # ---- pictures ---------------------------------------------------------------------------

    def picture(self, start: Start, moves: Sequence[Move] = ()) -> Pixels:
        """What is drawn there, uint8 ``[S, S, C]``."""
        return self.pixels(self.moved(self.point(start), moves))

    def point(self, start: Start) -> LatentPoint:
        """The point of a start; those of the last ones are remembered."""
        found = self._points.pop(start, None) or start.point(self)
        _remember(self._points, start, found, REMEMBERED)
        return found

    def generated(self, seed: int, index: int, label: str | None) -> Pixels:
        """The picture that 'generate' gives, bit for bit, uint8 ``[S, S, C]``.

        It comes out of a whole block of pictures; the last blocks are remembered.
        """
        first = index - index % self.sampler.block
        key = seed, label, first
        block = self._blocks.pop(key, None)
        if block is None:
            wanted = label_vector(self.run, self.drawing, label)
            block = self.sampler.pictures(seed, first, self.sampler.block, wanted)
        _remember(self._blocks, key, block, BLOCKS)
        picture: Pixels = block[index - first]
        return picture

    def pixels(self, point: LatentPoint) -> Pixels:
        """What is drawn at a point, uint8 ``[S, S, C]``: it alone, so that it is there at once."""
        found: Pixels = images.to_pixels(self.generator.draw_one(point.latent, point.labels))[0]
        return found

    def real(self, rows: Sequence[int]) -> Pixels:
        """Pictures of the pack, uint8 ``[N, S, S, C]``."""
        assert self.pack is not None, "asked for where there is one"
        return self.pack.shards.take(np.asarray(rows, np.int64))

    @cached_property
    def copies(self) -> CopyCheck | None:
        """The search for the nearest training picture; made once, which takes a moment."""
        return None if self.pack is None else copy_check(self.pack)

    @cached_property
    def _training_rows(self) -> NDArray[np.int64]:
        assert self.pack is not None, "asked for where there is one"
        return training_rows(self.pack)

    def nearest(self, pictures: Pixels) -> list[NearestPicture]:
        """The nearest training picture of each, uint8 ``[N, S, S, C]``; empty without a pack."""
        if self.copies is None or self.pack is None:
            return []
        near = nearness(see(pictures), self.copies.training)
        rows = self._training_rows[near.pixels_index]
        copied = self.copies.rule.copies(near)
        return [
            NearestPicture(int(row), float(distance), bool(copy))
            for row, distance, copy in zip(rows, near.by_pixels, copied, strict=True)
        ]


def _remember(known: dict[K, V], key: K, value: V, most: int) -> None:
    """Keep a value as the newest, and at most so many."""
    known[key] = value
    while len(known) > most:
        known.pop(next(iter(known)))
