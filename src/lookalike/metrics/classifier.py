"""A small classifier trained from scratch: the instrument of the utility protocol.

Every training takes the same number of optimizer steps on batches of the same size, whatever the
number of pictures, so that arms with more pictures do not also get more training. It is also the
judge that knows nothing but a pack's own labels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from lookalike import images, seeds
from lookalike.images import Pixels
from lookalike.metrics.kernel import Numbers
from lookalike.telling import Tell, silent

if TYPE_CHECKING:
    import torch

Classes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class FitSettings:
    """How every arm trains; equal for all of them.

    ``classical`` turns on augmentation (moves, turns, scales, light, one erased square), ``mirror``
    adds left-right mirroring to it. ``balance`` is "none", "oversample" (every class equally often)
    or "weight" (rarer classes count more in the loss).
    """

    steps: int = 600
    batch: int = 64
    rate: float = 2e-3
    width: int = 24
    classical: bool = False
    mirror: bool = False
    balance: str = "none"
    seed: int = 0


@dataclass(frozen=True)
class Classifier:
    """A trained network: pictures in, probabilities of classes out."""

    network: torch.nn.Module
    classes: int

    def probabilities(self, pictures: Pixels) -> Numbers:
        """uint8 ``[N, H, W, C]`` -> float64 ``[N, classes]``."""
        import torch

        told = np.empty((len(pictures), self.classes))
        with torch.inference_mode():
            for first in range(0, len(pictures), 256):
                batch = images.to_network(np.array(pictures[first : first + 256]))
                told[first : first + 256] = self.network(batch).softmax(1).double().numpy()
        return told

    def classify(self, pictures: Pixels) -> Classes:
        """The most probable class of every picture."""
        found: Classes = self.probabilities(pictures).argmax(1)
        return found


def fit(
    pictures: Pixels, labels: Classes, classes: int, settings: FitSettings, tell: Tell = silent
) -> Classifier:
    """Train a classifier from scratch on uint8 ``[N, H, W, C]`` and class numbers ``[N]``.

    Adam with decoupled weight decay, a short warm-up and a cosine of the rate, label smoothing
    0.05; the result depends on the settings' seed and the data only.
    """
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(seeds.number(settings.seed, "classifier"))
    network = _network(pictures.shape[3], pictures.shape[1], classes, settings.width)
    optimizer = torch.optim.AdamW(network.parameters(), lr=settings.rate, weight_decay=0.05)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda at: _rate(at, settings.steps))
    weight = torch.from_numpy(_weights(labels, classes, settings.balance)).float()
    truth = torch.from_numpy(labels)
    network.train()
    for step, rows in enumerate(_batches(labels, settings)):
        batch = images.to_network(pictures[rows])
        if settings.classical:
            batch = _augmented(batch, settings, step)
        loss = cross_entropy(network(batch), truth[rows], weight, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
        tell("training a classifier", step + 1, settings.steps)
    return Classifier(network.eval(), classes)


def _rate(step: int, steps: int) -> float:
    """The share of the peak rate at this step: up over the first tenth, then down a cosine."""
    return min((step + 1) / max(1, steps // 10), 0.5 * (1 + math.cos(math.pi * step / steps)))


def _network(channels: int, size: int, classes: int, width: int) -> torch.nn.Module:
    """Three stages of two convolutions; pictures above 40 pixels are halved first."""
    from torch import nn

    layers: list[nn.Module] = [nn.AvgPool2d(2)] if size > 40 else []
    before = channels
    for stage in range(3):
        after = width * 2**stage
        for _ in range(2):
            layers += [nn.Conv2d(before, after, 3, padding=1, bias=False), nn.BatchNorm2d(after)]
            layers += [nn.ReLU(inplace=True)]
            before = after
        layers += [nn.MaxPool2d(2)] if stage < 2 else [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers, nn.Linear(before, classes))


def _batches(labels: Classes, settings: FitSettings) -> Iterator[Classes]:
    """Rows of every step; each pass is a new order, drawn from the seed and its number."""
    share = None
    if settings.balance == "oversample":
        counts = np.bincount(labels)
        share = 1 / counts[labels]
        share = share / share.sum()
    waiting = np.zeros(0, np.int64)
    passes = 0
    for _ in range(settings.steps):
        while len(waiting) < settings.batch:
            random = seeds.array_generator(settings.seed, "classifier-order", passes)
            fresh = random.choice(len(labels), len(labels), replace=share is not None, p=share)
            waiting = np.concatenate([waiting, fresh])
            passes += 1
        yield waiting[: settings.batch]
        waiting = waiting[settings.batch :]


def _weights(labels: Classes, classes: int, balance: str) -> Numbers:
    if balance != "weight":
        return np.ones(classes)
    counts = np.maximum(np.bincount(labels, minlength=classes), 1)
    return np.asarray(len(labels) / (classes * counts), np.float64)


def _augmented(batch: torch.Tensor, settings: FitSettings, step: int) -> torch.Tensor:
    """Each picture moved, turned and scaled a little, lit anew, with one square erased."""
    import torch
    from torch.nn.functional import affine_grid, grid_sample

    count, _, height, width = batch.shape
    random = seeds.generator(settings.seed, "classifier-augment", step)
    draw = torch.rand(count, 9, generator=random)
    angle, scale = (draw[:, 0] - 0.5) * 0.35, 0.9 + 0.2 * draw[:, 1]
    flip = torch.where(draw[:, 2] < 0.5, -1.0, 1.0) if settings.mirror else torch.ones(count)
    matrix = torch.zeros(count, 2, 3)
    matrix[:, 0, 0], matrix[:, 0, 1] = flip * scale * angle.cos(), -scale * angle.sin()
    matrix[:, 1, 0], matrix[:, 1, 1] = flip * scale * angle.sin(), scale * angle.cos()
    matrix[:, :, 2] = (draw[:, 3:5] - 0.5) * 0.25
    grid = affine_grid(matrix, list(batch.shape), align_corners=False)
    moved = grid_sample(batch, grid, padding_mode="border", align_corners=False)
    contrast = 0.8 + 0.4 * draw[:, 5].view(-1, 1, 1, 1)
    light = 0.3 * (draw[:, 6].view(-1, 1, 1, 1) - 0.5)
    lit = (moved * contrast + light).clamp(-1, 1)
    down = (torch.arange(height).view(1, -1, 1) / height - draw[:, 7].view(-1, 1, 1)).abs()
    right = (torch.arange(width).view(1, 1, -1) / width - draw[:, 8].view(-1, 1, 1)).abs()
    hole = (down < 0.125) & (right < 0.125)
    return lit.masked_fill(hole[:, None], 0.0)
