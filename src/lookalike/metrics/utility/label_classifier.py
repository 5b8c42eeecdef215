"""A classifier of a pack's own labels: trained once on its training split, kept beside the pack.

It saw no synthetic picture and no held-out one, so it can say of both which class they show. The
file is ``PACK/.features/<fingerprint>-classifier-<settings>.safetensors``.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from lookalike import checkpoints
from lookalike.data.pack.classes import Classes
from lookalike.data.pack.pack import Pack
from lookalike.errors import CheckpointError
from lookalike.metrics.features.real_features import cache_file
from lookalike.metrics.utility.classifier import Classifier, FitSettings, fit, known
from lookalike.progress import Tell, silent

VERSION = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LabelClassifier:
    """The classifier, and how well it does on held-out pictures.

    ``truth`` and ``predicted`` are the classes of the held-out pictures that have one, and what
    the classifier takes them for; int64 ``[M]``.
    """

    classifier: Classifier
    truth: NDArray[np.int64]
    predicted: NDArray[np.int64]

    @property
    def accuracy(self) -> float | None:
        """Share of held-out pictures that it gets right; None where none has a class."""
        return float((self.truth == self.predicted).mean()) if len(self.truth) else None


def label_classifier(
    pack: Pack, classes: Classes, *, steps: int = 600, seed: int = 0, tell: Tell = silent
) -> LabelClassifier:
    """Train it, or take it from beside the pack: equal settings give equal answers."""
    how = FitSettings(steps=steps, augment=True, balance="oversample", seed=seed)
    file = _file(pack, classes, how)
    classifier = _read(file, pack, classes, how)
    if classifier is None:
        numbers = classes.numbers(pack.train)
        rows = np.flatnonzero(numbers >= 0)
        pictures = pack.train.images(rows)
        fitted = fit(known(pictures, numbers[rows], len(classes.names)), how, tell)
        _write(file, fitted)
        # Weights lie in memory otherwise after training, and sums are then rounded otherwise.
        classifier = _with(fitted.network.state_dict(), pack, classes, how)
    truth = classes.numbers(pack.holdout)
    rows = np.flatnonzero(truth >= 0)
    predicted = np.zeros(0, np.int64)
    if len(rows):
        predicted = classifier.classify(pack.holdout.images(rows))
    return LabelClassifier(classifier, truth[rows], predicted)


def _file(pack: Pack, classes: Classes, how: FitSettings) -> Path:
    decides = repr((VERSION, classes.names, classes.columns, how))
    short = hashlib.sha256(decides.encode()).hexdigest()[:12]
    return cache_file(pack, f"classifier-{short}.safetensors")


def _read(file: Path, pack: Pack, classes: Classes, how: FitSettings) -> Classifier | None:
    with contextlib.suppress(CheckpointError, RuntimeError, KeyError):
        return _with(checkpoints.read(file)["network"], pack, classes, how)
    return None


def _with(
    weights: Mapping[str, Tensor], pack: Pack, classes: Classes, how: FitSettings
) -> Classifier:
    """The classifier with these weights."""
    network = how.instrument.build(min(pack.channels, 3), pack.size, len(classes.names))
    network.load_state_dict(weights)
    return Classifier(network.eval(), len(classes.names), how.instrument.eye)


def _write(file: Path, classifier: Classifier) -> None:
    """Keep it; beside a pack on a read-only disk it is simply trained again next time."""
    try:
        file.parent.mkdir(exist_ok=True)
        checkpoints.write(file, {"network": dict(classifier.network.state_dict())})
    except (CheckpointError, OSError) as problem:
        log.info("the classifier is not kept: %s", problem)
