"""Training a classifier: the instrument of the utility protocol, the same loop for every arm.

Every training takes the same number of optimizer steps on batches of the same size, whatever the
number of pictures, so that arms with more pictures do not also get more training. It is also the
judge that knows nothing but a pack's own labels.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike import images, seeds
from lookalike.images import Pixels
from lookalike.metrics.distances.nearest import Numbers
from lookalike.metrics.features.features import Features
from lookalike.metrics.utility.classical_augmentation import DRAWS, classical
from lookalike.metrics.utility.instruments import Instrument, Small
from lookalike.progress import Tell, silent

Classes = NDArray[np.int64]
Targets = NDArray[np.float32]

SMOOTHING = 0.05
COPIES = 4
_BUILDING = threading.Lock()


@dataclass(frozen=True)
class Examples:
    """Pictures uint8 ``[N, H, W, C]``, what they show as shares of classes ``[N, K]``, weights.

    A row of ``targets`` sums to 1; a known class is a 1 in one place. ``weights`` ``[N]`` say how
    much each picture counts in the loss. Transparent pictures are taken as they are measured.
    """

    pictures: Pixels
    targets: Targets
    weights: NDArray[np.float32]

    def __post_init__(self) -> None:
        object.__setattr__(self, "pictures", images.measurable(self.pictures))

    def __len__(self) -> int:
        return len(self.pictures)

    @property
    def numbers(self) -> Classes:
        """The class with the largest share, ``[N]``."""
        numbers: Classes = self.targets.argmax(1).astype(np.int64)
        return numbers

    def take(self, rows: ArrayRows) -> Examples:
        """These rows."""
        return Examples(self.pictures[rows], self.targets[rows], self.weights[rows])

    def weighing(self, weight: float) -> Examples:
        """The same pictures, each with this weight."""
        return Examples(self.pictures, self.targets, np.full(len(self), weight, np.float32))

    def plus(self, others: Examples) -> Examples:
        """These pictures and the others behind them."""
        return Examples(
            np.concatenate([self.pictures, others.pictures]),
            np.concatenate([self.targets, others.targets]),
            np.concatenate([self.weights, others.weights]),
        )


ArrayRows = NDArray[np.int64] | slice


def known(pictures: Pixels, numbers: Classes, classes: int) -> Examples:
    """Pictures with one class each, every one of the same weight."""
    targets = np.eye(classes, dtype=np.float32)[numbers]
    return Examples(pictures, targets, np.ones(len(pictures), np.float32))


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How every arm trains; equal for all of them.

    ``augment`` turns on classical augmentation, ``mirror`` adds left-right mirroring to it.
    ``balance`` is "none", "oversample" (every class equally often) or "weight" (rarer classes count
    more in the loss).
    """

    steps: int = 600
    batch: int = 32
    rate: float = 3e-3
    instrument: Instrument = field(default_factory=Small)
    augment: bool = False
    mirror: bool = False
    balance: str = "none"
    seed: int = 0


@dataclass(frozen=True)
class Classifier:
    """A trained network: pictures in, probabilities of classes out."""

    network: torch.nn.Module
    classes: int
    eye: Features | None = None

    def probabilities(self, pictures: Pixels) -> Numbers:
        """uint8 ``[N, H, W, C]`` -> float64 ``[N, classes]``."""
        answers = np.empty((len(pictures), self.classes))
        with torch.inference_mode():
            for first in range(0, len(pictures), 256):
                batch = np.array(pictures[first : first + 256])
                seen = seen_by(self.eye, batch) if self.eye else _planes(batch)
                answers[first : first + 256] = self.network(seen).softmax(1).double().numpy()
        return answers

    def classify(self, pictures: Pixels) -> Classes:
        """The most probable class of every picture."""
        numbers: Classes = self.probabilities(pictures).argmax(1)
        return numbers


def fit(examples: Examples, settings: FitSettings, tell: Tell = silent) -> Classifier:
    """Train a classifier; the result depends on the settings' seed and the examples only.

    AdamW with a warm-up over the first tenth and a cosine of the rate, label smoothing 0.05.
    Several threads may train at once.
    """
    classes = examples.targets.shape[1]
    network = _built(examples, settings)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=settings.rate, weight_decay=0.05, fused=True
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: _rate(at, settings.steps))
    weights = torch.from_numpy(examples.weights * _weights(examples, settings.balance))
    targets = torch.from_numpy(examples.targets * (1 - SMOOTHING) + SMOOTHING / classes)
    look = _looking(examples, settings)
    network.train()
    for step, rows in enumerate(batches(examples.numbers, settings)):
        says = network(look(rows, step)).log_softmax(1)
        each = -(says * targets[rows]).sum(1)
        loss = (each * weights[rows]).sum() / weights[rows].sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        tell("training a classifier", step + 1, settings.steps)
    return Classifier(network.eval(), classes, settings.instrument.eye)


def batches(numbers: Classes, settings: FitSettings) -> Classes:
    """Rows of every step, ``[steps, batch]``; each pass over the pictures is a new order."""
    share = None
    if settings.balance == "oversample":
        share = 1 / np.bincount(numbers)[numbers]
        share = share / share.sum()
    wanted = settings.steps * settings.batch
    passes = []
    for number in range(math.ceil(wanted / len(numbers))):
        random = seeds.array_generator(settings.seed, "classifier-order", number)
        passes.append(random.choice(len(numbers), len(numbers), replace=share is not None, p=share))
    return np.concatenate(passes)[:wanted].reshape(settings.steps, settings.batch)


def seen_by(eye: Features, pictures: Pixels) -> Tensor:
    """The vectors of frozen features, float32 ``[N, D]``; every picture is looked at only once."""
    keys = [hashlib.blake2b(picture.tobytes(), digest_size=16).digest() for picture in pictures]
    memory = _MEMORY.setdefault(eye.hash, {})
    new = {key: row for row, key in enumerate(keys) if key not in memory}
    if new:
        vectors = eye(pictures[list(new.values())])
        memory.update(zip(new, vectors, strict=True))
    return torch.from_numpy(np.stack([memory[key] for key in keys]))


_MEMORY: dict[str, dict[bytes, NDArray[np.float32]]] = {}


def _built(examples: Examples, settings: FitSettings) -> torch.nn.Module:
    """A new network, drawn from torch's own generator while no other thread draws from it."""
    *sides, channels = examples.pictures.shape[1:]
    with _BUILDING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seeds.number(settings.seed, "classifier"))
        network = settings.instrument.build(channels, min(sides), examples.targets.shape[1])
    return network.to(memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]


def _looking(examples: Examples, settings: FitSettings) -> Callable[[Classes, int], Tensor]:
    """What the network is shown for these rows at this step."""
    eye = settings.instrument.eye
    if eye is not None:
        return _through(eye, examples.pictures, settings)

    def look(rows: Classes, step: int) -> Tensor:
        batch = _planes(examples.pictures[rows])
        if not settings.augment:
            return batch
        random = seeds.generator(settings.seed, "classifier-augment", step)
        draw = torch.rand(len(rows), DRAWS, generator=random)
        return _last(classical(batch, draw, settings.mirror))

    return look


def _through(
    eye: Features, pictures: Pixels, settings: FitSettings
) -> Callable[[Classes, int], Tensor]:
    """Vectors of the pictures; with augmentation of a few fixed copies of each."""
    views = [seen_by(eye, pictures)]
    for copy in range(COPIES if settings.augment else 0):
        draws = [_own_draw(picture, copy) for picture in pictures]
        changed = classical(images.to_network(pictures), torch.stack(draws), settings.mirror)
        views.append(seen_by(eye, images.to_pixels(changed)))
    every = torch.stack(views)

    def look(rows: Classes, step: int) -> Tensor:
        random = seeds.array_generator(settings.seed, "classifier-augment", step)
        return every[random.integers(0, len(every), len(rows)), rows]

    return look


def _own_draw(picture: Pixels, copy: int) -> Tensor:
    """Numbers that depend on the picture and not on its place, so that arms share their copies."""
    digest = hashlib.blake2b(picture.tobytes(), digest_size=7).digest()
    random = seeds.generator(int.from_bytes(digest, "little"), "classifier-copy", copy)
    return torch.rand(DRAWS, generator=random)


def _planes(pictures: Pixels) -> Tensor:
    return _last(images.to_network(images.measurable(pictures)))


def _last(batch: Tensor) -> Tensor:
    return batch.contiguous(memory_format=torch.channels_last)


def _rate(step: int, steps: int) -> float:
    """The share of the peak rate at this step: up over the first tenth, then down a cosine."""
    return min((step + 1) / max(1, steps // 10), 0.5 * (1 + math.cos(math.pi * step / steps)))


def _weights(examples: Examples, balance: str) -> NDArray[np.float32]:
    numbers, classes = examples.numbers, examples.targets.shape[1]
    if balance != "weight":
        return np.ones(len(numbers), np.float32)
    counts = np.maximum(np.bincount(numbers, minlength=classes), 1)
    return np.asarray(len(numbers) / (classes * counts[numbers]), np.float32)
