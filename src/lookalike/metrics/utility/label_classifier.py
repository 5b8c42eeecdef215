"""A classifier of a pack's own labels: trained once on its training split, kept beside the pack.

It saw no synthetic picture and no held-out one, so it can say of both which class they show. The
file is ``PACK/.features/<fingerprint>-classifier-<settings>.safetensors``.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from lookalike import checkpoints
from lookalike.data.pack.classes import Classes
from lookalike.data.pack.pack import Pack
from lookalike.errors import CheckpointError
from lookalike.metrics.features.real_features import FOLDER
from lookalike.metrics.utility.classifier import Classifier, FitSettings, fit, known
from lookalike.progress import Tell, silent

VERSION = 1

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class LabelClassifier:
    """The classifier, and how well it does on held-out pictures.

    ``truth`` and ``told`` are the classes of the held-out pictures that have one, and what the
    classifier takes them for; int64 ``[M]``.
    """

    classifier: Classifier
    truth: NDArray[np.int64]
    told: NDArray[np.int64]

    @property
    def accuracy(self) -> float | None:
        """Share of held-out pictures that it gets right; None where none has a class."""
        return float((self.truth == self.told).mean()) if len(self.truth) else None


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
        classifier = fit(known(pictures, numbers[rows], len(classes.names)), how, tell)
        _write(file, classifier)
    truth = classes.numbers(pack.holdout)
    held = np.flatnonzero(truth >= 0)
    told = np.zeros(0, np.int64)
    if len(held):
        told = classifier.classify(pack.holdout.images(held))
    return LabelClassifier(classifier, truth[held], told)


def _file(pack: Pack, classes: Classes, how: FitSettings) -> Path:
    told = repr((VERSION, classes.names, classes.columns, how))
    short = hashlib.sha256(told.encode()).hexdigest()[:12]
    return pack.path / FOLDER / f"{pack.fingerprint}-classifier-{short}.safetensors"


def _read(file: Path, pack: Pack, classes: Classes, how: FitSettings) -> Classifier | None:
    with contextlib.suppress(CheckpointError, RuntimeError, KeyError):
        held = checkpoints.read(file)["network"]
        network = how.instrument.build(pack.channels, pack.size, len(classes.names))
        network.load_state_dict(held)
        return Classifier(network.eval(), len(classes.names), how.instrument.eye)
    return None


def _write(file: Path, classifier: Classifier) -> None:
    """Keep it; beside a pack on a read-only disk it is simply trained again next time."""
    try:
        file.parent.mkdir(exist_ok=True)
        checkpoints.write(file, {"network": dict(classifier.network.state_dict())})
    except (CheckpointError, OSError) as problem:
        log.info("the classifier is not kept: %s", problem)
