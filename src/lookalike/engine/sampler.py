"""Pictures from a trained generator, each a function of its seed and index only.

Convolutions may round differently in batches of different size, so pictures are always computed
in the same aligned blocks: picture 70 comes out of the block of pictures 64 to 127, whether one or
ten thousand were asked for.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from lookalike import images, seeds
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.parts.latents.candidates import BestOf
from lookalike.parts.latents.priors import Learned, Prior
from lookalike.parts.losses.game import Game
from lookalike.recipe import Drawing, Recipe
from lookalike.sizes import shape_of

BLOCK = 64
"""Pictures of one block at sides up to 64; larger pictures come in smaller blocks."""

Generate = Callable[[Tensor, Tensor | None], Tensor]
Score = Callable[[Tensor, Tensor | None], Tensor]
"""Pictures ``[N, C, S, S]`` and their labels -> how good each is, ``[N]``."""


def block_of(size: int) -> int:
    """How many pictures of this size a block has: about as many pixels, at least 8 pictures."""
    return max(8, min(BLOCK, BLOCK * 64**2 // math.prod(shape_of(size))))


@dataclass(frozen=True)
class Sampler:
    """A generator with its prior. ``labels`` ``[M, L]`` are label rows seen in training.

    ``block`` pictures are computed together; another number is another rounding. With a ``score``
    every picture is the best of ``candidates``; the first of them is what it would be without.
    """

    generate: Generate
    prior: Prior
    learned: Learned
    labels: Tensor | None = None
    device: str = "cpu"
    block: int = BLOCK
    score: Score | None = None
    candidates: int = 1

    def blocks(
        self, seed: int, first: int, count: int, wanted: Tensor | None = None
    ) -> Iterator[tuple[int, Pixels]]:
        """Pictures ``first .. first + count`` as (index of the first, uint8 ``[n, S, S, C]``).

        ``wanted`` is one label vector ``[L]`` for all pictures, or several ``[M, L]`` to draw from;
        without it the labels of a conditional generator are drawn from those seen in training.
        """
        for start in range(first - first % self.block, first + count, self.block):
            pictures = images.to_pixels(self.raw(seed, start, self.block, wanted))
            low, high = max(first - start, 0), min(first + count - start, self.block)
            yield start + low, pictures[low:high]

    def pictures(self, seed: int, first: int, count: int, wanted: Tensor | None = None) -> Pixels:
        """Pictures ``first .. first + count``, uint8 ``[count, S, S, C]``."""
        return np.concatenate([block for _, block in self.blocks(seed, first, count, wanted)])

    def raw(self, seed: int, first: int, count: int, wanted: Tensor | None = None) -> Tensor:
        """What the generator gives for these rows, float ``[count, ...]``, not clipped."""
        *_, best = self.rising(seed, first, count, wanted)
        return best.cpu()

    @torch.no_grad()
    def rising(
        self, seed: int, first: int, count: int, wanted: Tensor | None = None
    ) -> Iterator[Tensor]:
        """These rows ``[count, ...]`` as the best of 1, 2 … candidates, in one tensor that changes.

        Without a ``score`` there is one candidate.
        """
        for best, _, _ in self._rising(seed, first, count, wanted):
            yield best

    @torch.no_grad()
    def latents(
        self, seed: int, first: int, count: int, wanted: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None, Pixels]:
        """What the generator is given for these rows: latents ``[count, Z]``, labels or None.

        And what it draws of them, uint8 ``[count, S, S, C]``: what :meth:`pictures` gives, up to
        the rounding of another block.
        """
        *_, (best, latents, labels) = self._rising(seed, first, count, wanted)
        return latents, labels, images.to_pixels(best.cpu())

    def _rising(
        self, seed: int, first: int, count: int, wanted: Tensor | None
    ) -> Iterator[tuple[Tensor, Tensor, Tensor | None]]:
        """The best pictures so far with the latents and labels that they are made from."""
        z, labels = self.draw(seed, first, count, wanted)
        latents = self.prior.transform(z, labels, self.learned)
        best = self._pictures_of(latents, labels)
        yield best, latents, labels
        if self.score is None:
            return
        there = None if labels is None else labels.to(self.device)
        highest = self.score(best, there)
        for candidate in range(1, self.candidates):
            z = self._rivals(seed, first, labels, candidate, count)
            rivals = self.prior.transform(z, labels, self.learned)
            pictures = self._pictures_of(rivals, labels)
            scores = self.score(pictures, there)
            better = scores > highest
            best[better], highest[better] = pictures[better], scores[better]
            latents = torch.where(better.cpu()[:, None], rivals, latents)
            yield best, latents, labels

    def _pictures_of(self, latents: Tensor, labels: Tensor | None) -> Tensor:
        there = None if labels is None else labels.to(self.device)
        return self.generate(latents.to(self.device), there).float()

    def _rivals(
        self, seed: int, first: int, labels: Tensor | None, candidate: int, count: int
    ) -> Tensor:
        """Another z for every picture, with the label that its first one has."""
        rows = []
        for row in range(count):
            generator = seeds.generator(seed, f"picture/{candidate}", first + row)
            label = None if labels is None else labels[row]
            rows.append(self.prior.draw_labeled(generator, 1, self.learned, label)[0])
        return torch.cat(rows)

    def draw(
        self, seed: int, first: int, count: int, wanted: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """z ``[count, Z]`` and labels ``[count, L]`` of the first candidates, each by its address.

        Labels are those that the prior gives with z; where it says nothing of labels, those asked
        for, or else drawn from those seen in training. None for an unconditional generator.
        """
        rows, labels = [], []
        for index in range(first, first + count):
            asked = _asked(seed, index, wanted)
            generator = seeds.generator(seed, "picture", index)
            z, label = self.prior.draw_labeled(generator, 1, self.learned, asked)
            rows.append(z)
            if self.labels is not None:
                labels.append(self._label(seed, index, asked) if label is None else label)
        return torch.cat(rows), torch.cat(labels) if labels else None

    def seen(self, column: int, name: str) -> Tensor:
        """The label rows of training pictures that have this label column, ``[M, L]``.

        Raises:
            DataError: the run was trained without labels, or never saw the class ``name``.
        """
        if self.labels is None:
            raise DataError(
                "the run was trained without labels, so it cannot make a class on request. Train "
                "with them: lookalike train PACK --recipe swift, and --labels for attributes."
            )
        rows = self.labels[self.labels[:, column] > 0]
        if not len(rows):
            raise DataError(f"the run never saw the class {name!r}. Train it on this pack.")
        return rows

    def _label(self, seed: int, index: int, wanted: Tensor | None) -> Tensor:
        label = _asked(seed, index, self.labels) if wanted is None else wanted.float()
        assert label is not None, "a label is drawn only where some were seen"
        return label[None]


def sampler_over(
    game: Game, drawing: Recipe | Drawing, learned: Learned, labels: Tensor | None, device: str
) -> Sampler:
    """The sampler over the G of this game, without a choice among candidates."""
    block = block_of(drawing.size)
    return Sampler(game.generate, drawing.prior, learned, labels, device, block)


def choosing_by(choice: BestOf | None, game: Game, plain: Sampler) -> Sampler:
    """The sampler whose every picture is the candidate that the D of this game finds best."""
    if choice is None or not choice.players:
        return plain
    score = torch.no_grad()(choice.scorer(game))
    return replace(plain, score=score, candidates=choice.candidates)


def _asked(seed: int, index: int, wanted: Tensor | None) -> Tensor | None:
    """The one label vector for this picture: the one asked for, or one of several by address."""
    if wanted is None or wanted.ndim == 1:
        return wanted
    return wanted[seeds.number(seed, "label", index) % len(wanted)]
