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
* ``+agreed``: only those that a classifier trained on real pictures gives the same class.
* ``+hard``: of those, the ones it is least sure of.
* ``+soft``: labeled by that classifier's probabilities (distillation, Hinton et al. 2015).
* ``@0.5`` at the end: each counts half in the loss.
* ``&`` at the very end, behind ``+soft``: half of what is added are mixes of two real pictures
  instead, with the same judge's labels (``metrics.teaching``).

Neither the classifier nor the generator may have seen a picture that is tested on.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike import images, seeds
from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.images import Pixels

Judge = Callable[[Pixels], NDArray[np.float64]]
"""Pictures uint8 ``[N, H, W, C]`` -> probabilities of the classes, ``[N, K]``."""

Shares = NDArray[np.float32]
CANDIDATES = 3
"""Pictures made for each one that a choice keeps."""


@dataclass(frozen=True)
class LabeledPictures:
    """Pictures uint8 ``[N, H, W, C]`` and the share of every class in each, ``[N, K]``."""

    pictures: Pixels
    shares: Shares

    def take(self, rows: NDArray[np.int64]) -> LabeledPictures:
        """These rows."""
        return LabeledPictures(self.pictures[rows], self.shares[rows])


@dataclass(frozen=True)
class GeneratorHandle:
    """A run to make pictures with: ``columns`` are the label columns of the classes, in order."""

    sampler: Sampler
    columns: Sequence[int]

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
        found, block = [], self.sampler.block
        for first in range(0, len(z), block):
            some = [one[first : first + block] for one in (z, labels)]
            missing = block - len(some[0])
            full = [torch.cat([one, one[:1].expand(missing, -1)]) for one in some]
            drawn = self.sampler.generate(*(one.to(self.sampler.device) for one in full))
            found.append(images.to_pixels(drawn.float().cpu()[: len(some[0])]))
        return np.concatenate(found)


class Strategy(ABC):
    """The interface of a way to make pictures of a class."""

    @abstractmethod
    def make(self, desk: GeneratorHandle, number: int, count: int, seed: int) -> LabeledPictures:
        """``count`` pictures of class ``number``, a function of the seed only."""


@dataclass(frozen=True)
class PlainSamples(Strategy):
    """Samples of the class."""

    def make(self, desk: GeneratorHandle, number: int, count: int, seed: int) -> LabeledPictures:
        """As ``generate`` draws them, with labels seen in training that hold the class."""
        one = seeds.number(seed, "utility-class", number)
        pictures = desk.sampler.pictures(
            one, 0, count, desk.sampler.seen(desk.columns[number], f"number {number}")
        )
        return LabeledPictures(pictures, desk.whole(number, count))


@dataclass(frozen=True, kw_only=True)
class BetweenEncodings(Strategy):
    """z = (1 - u) z_i + u z_j + noise, i of the class, u uniform in [``low``, ``high``].

    j is of the same class, or any with ``across``. ``noise`` is in standard deviations of the
    encodings. Both pictures are drawn without looking at their distance.
    """

    low: float = 0.0
    high: float = 1.0
    noise: float = 0.0
    across: bool = False

    def make(self, desk: GeneratorHandle, number: int, count: int, seed: int) -> LabeledPictures:
        """Every picture of the class comes first equally often."""
        codes, labels, numbers = desk.encodings()
        own = torch.nonzero(numbers == number)[:, 0]
        if not len(own):
            raise DataError(f"the run never saw class number {number}; train it on this pack")
        draw = seeds.generator(seed, "utility-between", number)
        first = own[torch.randperm(len(own), generator=draw)][torch.arange(count) % len(own)]
        pool = torch.arange(len(codes)) if self.across else own
        second = pool[torch.randint(0, len(pool), (count,), generator=draw)]
        u = self.low + (self.high - self.low) * torch.rand(count, 1, generator=draw)
        noise = torch.randn(count, codes.shape[1], generator=draw)
        z = (1 - u) * codes[first] + u * codes[second] + self.noise * codes.std(0) * noise
        mixed = (1 - u) * labels[first] + u * labels[second]
        shares = desk.whole(number, count) * (1 - u.clamp(0, 1).numpy())
        other = np.eye(shares.shape[1], dtype=np.float32)[numbers[second].numpy()]
        return LabeledPictures(desk.draw(z, mixed), shares + other * u.clamp(0, 1).numpy())


@dataclass(frozen=True)
class AgreedSamples(Strategy):
    """Pictures of another way of which a judge says the class; ``hard``: the least sure ones.

    Of three candidates for each picture the best are kept; where too few are agreed on, those with
    the largest probability of the class follow.
    """

    way: Strategy
    judge: Judge
    hard: bool = False

    def make(self, desk: GeneratorHandle, number: int, count: int, seed: int) -> LabeledPictures:
        """The chosen ones, in the order in which they were made."""
        made = self.way.make(desk, number, CANDIDATES * count, seed)
        says = self.judge(made.pictures)
        own = says[:, number].copy()
        says[:, number] = -1
        margin = own - says.max(1)
        rank = np.where(margin > 0, -margin if self.hard else 1.0, np.minimum(margin, 0) - 2)
        chosen = np.sort(np.argsort(-rank, kind="stable")[:count])
        return made.take(chosen)


@dataclass(frozen=True)
class SoftLabels(Strategy):
    """Pictures of another way with a judge's probabilities as their shares."""

    way: Strategy
    judge: Judge

    def make(self, desk: GeneratorHandle, number: int, count: int, seed: int) -> LabeledPictures:
        """The same pictures."""
        made = self.way.make(desk, number, count, seed)
        return replace(made, shares=self.judge(made.pictures).astype(np.float32))


SOURCES: dict[str, Strategy] = {
    "plain": PlainSamples(),
    "between": BetweenEncodings(),
    "beyond": BetweenEncodings(low=-0.3, high=0.5, noise=0.3),
    "jitter": BetweenEncodings(low=0.0, high=0.0, noise=0.5),
    "across": BetweenEncodings(across=True),
}
CHOICES: dict[str, Callable[[Strategy, Judge], Strategy]] = {
    "agreed": lambda way, judge: AgreedSamples(way, judge),
    "hard": lambda way, judge: AgreedSamples(way, judge, hard=True),
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

    @property
    def soft(self) -> bool:
        """Whether that classifier labels the pictures."""
        return "soft" in self.choices

    def build(self, judge: Judge | None) -> Strategy:
        """The way itself."""
        way = SOURCES[self.source]
        for choice in self.choices:
            assert judge is not None, "a way with choices needs a judge"
            way = CHOICES[choice](way, judge)
        return way


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
            f"{text!r} adds mixes of real pictures, which a judge has to label as well: write "
            "+soft before the & (across+soft&)."
        )
    if not known or counts <= 0:
        raise DataError(
            f"{text!r} is no way to make pictures: begin with one of {', '.join(SOURCES)}, then "
            f"+ any of {', '.join(CHOICES)}, then @ and a weight above 0 (between+soft@0.5)."
        )
    return ParsedStrategy(source, tuple(choices), counts)
