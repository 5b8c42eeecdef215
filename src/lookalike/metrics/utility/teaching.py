"""Teachers: classifiers of real training pictures whose answers become labels of other pictures.

A teacher gives probabilities of the classes. Its labels help a classifier by themselves
(distillation, Hinton et al. 2015), so the same labels on pictures that need no generator are the
rival of every way that uses them: augmented copies of the real pictures, and mixes of two of them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from lookalike import images, seeds
from lookalike.images import Pixels
from lookalike.metrics.distances.nearest import Numbers, Vectors
from lookalike.metrics.features.blocks import LiteBlocks
from lookalike.metrics.features.features import Features, Lite
from lookalike.metrics.utility.classical_augmentation import DRAWS, classical
from lookalike.metrics.utility.classifier import Examples, FitSettings, fit, seen_by
from lookalike.progress import Tell, silent

Teacher = Callable[[Pixels], Numbers]
"""Pictures uint8 ``[N, H, W, C]`` -> probabilities of the classes, ``[N, K]``."""

NETWORKS = 3
VIEWS = 3
MOST = 4000
RIDGE = 0.01
SHARPNESS = (2.0, 4.0, 6.0, 8.0, 12.0, 16.0)


def network_teacher(real: Examples, how: FitSettings, tell: Tell = silent) -> Teacher:
    """Three classifiers of the real pictures, with classical augmentation, averaged."""
    ensemble = []
    for number in range(NETWORKS):
        tell("training the teacher of synthetic pictures", number, NETWORKS)
        seed = seeds.number(how.seed, "utility-judge", number) >> 32
        ensemble.append(fit(real, replace(how, augment=True, seed=seed)))
    tell("training the teacher of synthetic pictures", NETWORKS, NETWORKS)
    return lambda pictures: np.mean([net.probabilities(pictures) for net in ensemble], axis=0)


def pretrained_features() -> Features | None:
    """The layers that :func:`kernel_teacher` looks with, where their package is installed."""
    able = [number for number in (1, 0) if Lite.installed(number)]
    return LiteBlocks(able[0]) if able else None


def kernel_teacher(real: Examples, features: Features, seed: int = 0) -> Teacher:
    """Ridge regression of the classes with a Gaussian kernel on frozen features.

    The real pictures are seen as they are and in a few augmented copies (at most 4,000 rows in
    all). How sharp the probabilities are is chosen by the likelihood of a quarter of them, which
    is left out for that choice only.
    """
    seen = _views(real, features, seed)
    left = seen.places % 4 == 3
    sharp = SHARPNESS[2]
    if left.any() and not left.all():
        part = _fitted(seen.vectors[~left], seen.targets[~left])
        scores, truth = part(seen.vectors[left]), seen.targets[left].argmax(1)
        losses = {
            trial: -np.log(_softmax(trial * scores)[np.arange(len(truth)), truth] + 1e-9).mean()
            for trial in SHARPNESS
        }
        sharp = min(losses, key=lambda trial: float(losses[trial]))
    whole = _fitted(seen.vectors, seen.targets)
    return lambda pictures: _softmax(sharp * whole(seen_by(features, pictures).numpy()))


def moved(real: Examples, teacher: Teacher, count: int, seed: int) -> Examples:
    """``count`` augmented copies of real pictures with the teacher's labels."""
    return labeled(_augmented(real, count, seed), teacher)


def mixed(real: Examples, teacher: Teacher, count: int, seed: int) -> Examples:
    """``count`` mixes of two augmented real pictures (Zhang et al. 2018), labeled so."""
    random = seeds.array_generator(seed, "utility-mixes")
    first = _augmented(real, count, seed).astype(np.float32)
    second = first[random.permutation(count)]
    share = random.uniform(0, 1, (count, 1, 1, 1)).astype(np.float32)
    both = (share * first + (1 - share) * second).round().astype(np.uint8)
    return labeled(both, teacher)


def labeled(pictures: Pixels, teacher: Teacher) -> Examples:
    """Pictures with a teacher's probabilities as their shares of classes."""
    says = teacher(pictures).astype(np.float32)
    return Examples(pictures, says, np.ones(len(pictures), np.float32))


def _augmented(real: Examples, count: int, seed: int) -> Pixels:
    """Changed copies of the real pictures, every one equally often."""
    random = seeds.array_generator(seed, "utility-copies")
    passes = [random.permutation(len(real)) for _ in range(-(-count // len(real)))]
    rows = np.concatenate(passes)[:count].astype(np.int64)
    draws = seeds.generator(seed, "utility-copies")
    changed = classical(
        images.to_network(real.pictures[rows]), torch.rand(count, DRAWS, generator=draws)
    )
    return images.to_pixels(changed)


@dataclass(frozen=True)
class _Seen:
    """Vectors of views ``[M, D]``, their targets ``[M, K]`` and the picture each one shows."""

    vectors: Numbers
    targets: Numbers
    places: NDArray[np.int64]


def _views(real: Examples, features: Features, seed: int) -> _Seen:
    order = seeds.array_generator(seed, "utility-judge").permutation(len(real))[:MOST]
    chosen = real.take(order.astype(np.int64))
    pictures = [chosen.pictures]
    draws = seeds.generator(seed, "utility-judge")
    for _ in range(min(VIEWS, MOST // len(chosen) - 1)):
        drawn = torch.rand(len(chosen), DRAWS, generator=draws)
        changed = classical(images.to_network(chosen.pictures), drawn)
        pictures.append(images.to_pixels(changed))
    return _Seen(
        features(np.concatenate(pictures)).astype(np.float64),
        np.tile(chosen.targets.astype(np.float64), (len(pictures), 1)),
        np.tile(np.arange(len(chosen)), len(pictures)),
    )


def _fitted(vectors: Numbers, targets: Numbers) -> Callable[[Vectors | Numbers], Numbers]:
    """What gives scores: about the share of every class, not yet positive nor of sum 1.

    The kernel is exp(-|a - b|^2 / median) between standardized vectors, with one weight a row and
    class.
    """
    center, scale = vectors.mean(0), vectors.std(0) + 1e-6
    rows, mean = (vectors - center) / scale, targets.mean(0)
    apart = _apart(rows, rows)
    unit = max(float(np.median(apart)), 1e-12)
    kernel = np.exp(-apart / unit) + RIDGE * np.eye(len(rows))
    weights = np.linalg.solve(kernel, targets - mean)

    def scores(vectors: Vectors | Numbers) -> Numbers:
        apart = _apart((vectors - center) / scale, rows)
        shares: Numbers = np.exp(-apart / unit) @ weights + mean
        return shares

    return scores


def _apart(x: Numbers, y: Numbers) -> Numbers:
    squares: Numbers = (x**2).sum(1)[:, None] + (y**2).sum(1) - 2 * x @ y.T
    return np.maximum(squares, 0)


def _softmax(scores: Numbers) -> Numbers:
    grown = np.exp(scores - scores.max(1, keepdims=True))
    shares: Numbers = grown / grown.sum(1, keepdims=True)
    return shares
