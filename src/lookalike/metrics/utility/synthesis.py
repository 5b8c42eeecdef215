"""Ways to make labeled pictures with a trained generator that a classifier may learn from.

A way is written as a few words joined by "+", such as ``between+agreed+soft``: where pictures come
from, then how they are chosen, then how they are labeled.

* ``plain``: samples of the class, as ``generate`` makes them.
* ``between``: between the encodings of two training pictures of a class (SMOTE in latent space,
  Chawla et al. 2002).
* ``beyond``: the same line, also a little outside of the two.
* ``jitter``: the encoding of one training picture, with noise.
* ``across``: between the encodings of two pictures of any class (mixup in latent space, Zhang et
  al. 2018); the label is mixed as well.
* ``exchange``: a training picture of another class whose class alone is edited, as ``edit`` does,
  and of which the edit's helpers are sure.
* ``+agreed``: only those that a classifier trained on real pictures gives the same class.
* ``+hard``: of those, the ones it is least sure of.
* ``+soft``: labeled by that classifier's probabilities (distillation, Hinton et al. 2015).
* ``@0.5`` at the end: each counts half in the loss.
* ``&`` at the very end, behind ``+soft``: half of what is added are mixes of two real pictures
  instead, with the same teacher's labels (``teaching``).

Neither the classifier nor the generator may have seen a picture that is tested on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike import images, seeds
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.utility.teaching import Teacher

Shares = NDArray[np.float32]
CANDIDATES = 3
"""Pictures made for each one that a choice keeps."""


class GeneratorSampler(Protocol):
    """What is asked of a trained generator; ``engine.sampler.Sampler`` is one."""

    @property
    def learned(self) -> Mapping[str, Tensor]:
        """What its prior learned: codes ``[M, Z]``, labels ``[M, L]`` of training pictures."""

    @property
    def block(self) -> int:
        """How many pictures are computed together."""

    @property
    def device(self) -> str:
        """Where the generator is."""

    @property
    def generate(self) -> Callable[[Tensor, Tensor | None], Tensor]:
        """z and labels -> pictures ``[N, C, S, S]`` in [-1, 1]."""

    def pictures(self, seed: int, first: int, count: int, wanted: Tensor | None = None) -> Pixels:
        """Pictures ``first .. first + count`` with labels drawn from ``wanted``."""

    def seen(self, column: int, name: str) -> Tensor:
        """The label rows of training pictures that have this label column, ``[M, L]``."""


@dataclass(frozen=True)
class LabeledPictures:
    """Pictures uint8 ``[N, H, W, C]`` and the share of every class in each, ``[N, K]``."""

    pictures: Pixels
    shares: Shares

    def take(self, rows: NDArray[np.int64]) -> LabeledPictures:
        """These rows."""
        return LabeledPictures(self.pictures[rows], self.shares[rows])


Edits = Callable[[int, int, int], Pixels]
"""``(class number, how many, seed)`` -> training pictures edited to show that class."""


@dataclass(frozen=True)
class GeneratorHandle:
    """A run to make pictures with: ``columns`` are the label columns of the classes, in order.

    ``edits`` changes the class of training pictures with the run.
    """

    sampler: GeneratorSampler
    columns: Sequence[int]
    edits: Edits | None = None

    def whole(self, number: int, count: int) -> Shares:
        """Shares of pictures that belong to one class, ``[count, K]``."""
        shares = np.zeros((count, len(self.columns)), np.float32)
        shares[:, number] = 1
        return shares

    def encodings(self) -> tuple[Tensor, Tensor, Tensor]:
        """Codes ``[M, Z]``, label rows ``[M, L]``, class numbers ``[M]`` of training pictures.

        Raises:
            DataError: the run's prior keeps no encodings.
        """
        learned = self.sampler.learned
        if "codes" not in learned or "labels" not in learned:
            raise DataError(
                "the run keeps no encodings of labeled pictures, which 'between', 'beyond', "
                "'jitter' and 'across' need. Use 'plain', or a run of the recipe swift."
            )
        numbers = learned["labels"][:, list(self.columns)].argmax(1)
        return learned["codes"], learned["labels"], numbers

    @torch.no_grad()
    def draw(self, z: Tensor, labels: Tensor) -> Pixels:
        """Pictures of these codes, in blocks of one size so that rounding is always the same."""
        pictures, block = [], self.sampler.block
        for first in range(0, len(z), block):
            rows = [part[first : first + block] for part in (z, labels)]
            missing = block - len(rows[0])
            full = [torch.cat([part, part[:1].expand(missing, -1)]) for part in rows]
            drawn = self.sampler.generate(*(part.to(self.sampler.device) for part in full))
            pictures.append(images.to_pixels(drawn.float().cpu()[: len(rows[0])]))
        return np.concatenate(pictures)


@dataclass(frozen=True)
class PlainSamples:
    """Samples of the class."""

    def make(
        self, generator: GeneratorHandle, number: int, count: int, seed: int
    ) -> LabeledPictures:
        """As ``generate`` draws them, with labels seen in training that hold the class."""
        sampler = generator.sampler
        labels = sampler.seen(generator.columns[number], f"number {number}")
        own = seeds.number(seed, "utility-class", number)
        pictures = sampler.pictures(own, 0, count, labels)
        return LabeledPictures(pictures, generator.whole(number, count))


@dataclass(frozen=True, kw_only=True)
class BetweenEncodings:
    """z = (1 - u) z_i + u z_j + noise, i of the class, u uniform in [``low``, ``high``].

    j is of the same class, or any with ``across``. ``noise`` is in standard deviations of the
    encodings. Both pictures are drawn without looking at their distance.
    """

    low: float = 0.0
    high: float = 1.0
    noise: float = 0.0
    across: bool = False

    def make(
        self, generator: GeneratorHandle, number: int, count: int, seed: int
    ) -> LabeledPictures:
        """Every picture of the class comes first equally often."""
        codes, labels, numbers = generator.encodings()
        own = torch.nonzero(numbers == number)[:, 0]
        if not len(own):
            raise DataError(f"the run never saw class number {number}; train it on this pack")
        random = seeds.generator(seed, "utility-between", number)
        first = own[torch.randperm(len(own), generator=random)][torch.arange(count) % len(own)]
        pool = torch.arange(len(codes)) if self.across else own
        second = pool[torch.randint(0, len(pool), (count,), generator=random)]
        u = self.low + (self.high - self.low) * torch.rand(count, 1, generator=random)
        noise = torch.randn(count, codes.shape[1], generator=random)
        z = (1 - u) * codes[first] + u * codes[second] + self.noise * codes.std(0) * noise
        mixed = (1 - u) * labels[first] + u * labels[second]
        share = u.clamp(0, 1).numpy()
        other = np.eye(len(generator.columns), dtype=np.float32)[numbers[second].numpy()]
        shares = generator.whole(number, count) * (1 - share) + other * share
        return LabeledPictures(generator.draw(z, mixed), shares)


@dataclass(frozen=True)
class ExchangedClass:
    """Training pictures of other classes, everything but the class as it was."""

    def make(
        self, generator: GeneratorHandle, number: int, count: int, seed: int
    ) -> LabeledPictures:
        """Edited, in an order of the seed."""
        if generator.edits is None:
            raise DataError("'exchange' edits pictures with a run, and there is none. Name one.")
        pictures = generator.edits(number, count, seed)
        return LabeledPictures(pictures, generator.whole(number, count))


@dataclass(frozen=True)
class AgreedSamples:
    """Pictures of another way of which a teacher says the class; ``hard``: the least sure ones.

    Of three candidates for each picture the best are kept; where too few are agreed on, those with
    the largest probability of the class follow.
    """

    strategy: Strategy
    teacher: Teacher
    hard: bool = False

    def make(
        self, generator: GeneratorHandle, number: int, count: int, seed: int
    ) -> LabeledPictures:
        """The chosen ones, in the order in which they were made."""
        candidates = self.strategy.make(generator, number, CANDIDATES * count, seed)
        probabilities = self.teacher(candidates.pictures)
        own = probabilities[:, number].copy()
        probabilities[:, number] = -1
        margin = own - probabilities.max(1)
        rank = np.where(margin > 0, -margin if self.hard else 1.0, np.minimum(margin, 0) - 2)
        chosen = np.sort(np.argsort(-rank, kind="stable")[:count])
        return candidates.take(chosen)


@dataclass(frozen=True)
class SoftLabels:
    """Pictures of another way with a teacher's probabilities as their shares."""

    strategy: Strategy
    teacher: Teacher

    def make(
        self, generator: GeneratorHandle, number: int, count: int, seed: int
    ) -> LabeledPictures:
        """The same pictures."""
        made = self.strategy.make(generator, number, count, seed)
        return replace(made, shares=self.teacher(made.pictures).astype(np.float32))


Strategy = PlainSamples | BetweenEncodings | ExchangedClass | AgreedSamples | SoftLabels
"""A way to make pictures of a class: ``count`` of class ``number``, a function of the seed only."""

SOURCES: dict[str, Strategy] = {
    "plain": PlainSamples(),
    "between": BetweenEncodings(),
    "beyond": BetweenEncodings(low=-0.3, high=0.5, noise=0.3),
    "jitter": BetweenEncodings(low=0.0, high=0.0, noise=0.5),
    "across": BetweenEncodings(across=True),
    "exchange": ExchangedClass(),
}
CHOICES: dict[str, Callable[[Strategy, Teacher], Strategy]] = {
    "agreed": AgreedSamples,
    "hard": partial(AgreedSamples, hard=True),
    "soft": SoftLabels,
}


@dataclass(frozen=True)
class ParsedStrategy:
    """A way as it was written: its source, its choices, and how much a picture counts."""

    source: str
    choices: tuple[str, ...] = ()
    weight: float = 1.0

    @property
    def judged(self) -> bool:
        """Whether a classifier of real pictures is needed."""
        return bool(self.choices)

    def build(self, teacher: Teacher | None) -> Strategy:
        """The way itself."""
        strategy = SOURCES[self.source]
        for choice in self.choices:
            assert teacher is not None, "a way with choices needs a teacher"
            strategy = CHOICES[choice](strategy, teacher)
        return strategy


def parse_strategy(text: str) -> ParsedStrategy:
    """Read a way such as ``between+agreed+soft@0.5``.

    Raises:
        DataError: it holds a word that is not known, or a weight that is not above 0.
    """
    words, _, weight = text.rstrip("&").partition("@")
    source, *choices = words.split("+")
    known = source in SOURCES and all(choice in CHOICES for choice in choices)
    try:
        counts = float(weight or 1)
    except ValueError:
        counts = 0.0
    if text.endswith("&") and "soft" not in choices:
        raise DataError(
            f"{text!r} adds mixes of real pictures, which a teacher has to label as well: write "
            "+soft before the & (across+soft&)."
        )
    if not known or counts <= 0:
        raise DataError(
            f"{text!r} is no way to make pictures: begin with one of {', '.join(SOURCES)}, then "
            f"+ any of {', '.join(CHOICES)}, then @ and a weight above 0 (between+soft@0.5)."
        )
    return ParsedStrategy(source, tuple(choices), counts)
