"""What a person asks of judgments: evaluate, utility."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cyclopts import Parameter

from lookalike.durations import seconds
from lookalike.errors import DataError
from lookalike.settings.device import Device
from lookalike.settings.machines import Machines
from lookalike.settings.options import (
    Count,
    Counts,
    Flag,
    For,
    Internal,
    Names,
    Size,
    sensible_size,
)

TEACHERS = ("features", "small")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class EvaluateSettings:
    """How to judge.

    ``function`` is a judge of one's own in Python: pictures uint8 ``[N, H, W, C]`` to numbers
    ``[N, dim]``; the function :func:`lookalike.evaluate` takes it as ``judge``, too.
    ``most`` bounds the training pictures that are looked at, and the held-out ones.
    ``trained_with`` names families of networks that trained the generator, so that a judge of the
    same family warns. ``sheet`` is a PNG file for samples by class; ``steps`` are those of the
    classifier that tells classes apart.
    """

    judge: str = "auto"
    (
        "auto, lite0, lite1, lite2, random, pixels; inception, dinov2 where they are installed; "
        "or a file of your own (.onnx, or TorchScript .pt)."
    )

    count: Count = 2000
    "At most this many samples; of more pictures, the seed chooses."

    infinity: Flag = False
    "Also extrapolate the Fréchet distance to infinitely many samples."

    pairs: Path | None = None
    "Write the 20 samples nearest to training pictures, with those, to this PNG file."

    size: Size[int | None] = None
    "For two plain folders: the side in pixels that both are resized to, or WIDTHxHEIGHT."

    classes: bool = True
    "Also score class by class, where the pack has classes (trains a small classifier once)."

    attribute: str | None = None
    "Take the values of this attribute for classes."

    seed: int = 0
    "Other samples of the run, other resampling."

    checkpoint: str = "auto"
    "Which state of the run: best, best-2 …, last, or auto, as generate takes it."

    function: Internal[Callable[..., Any] | None] = None
    most: Internal[int] = 20_000
    trained_with: Internal[tuple[str, ...]] = ()
    steps: Internal[int] = 600
    sheet: Internal[Path | None] = None
    device: Device = field(default_factory=Device)
    machines: Machines = field(default_factory=Machines)

    def __post_init__(self) -> None:
        if self.size is not None:
            sensible_size(self.size)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class UtilitySettings:
    """What is tried, and how often; the same training for every arm. ``to`` keeps what is done."""

    run: Path | None = None
    (
        "A run trained on this pack's classes (or with its attributes). Left out: a generator is "
        "trained here, on the training pictures only."
    )

    per_class: Counts = ()
    (
        "Try with these numbers of training pictures per class: 10,20,50,100. A generator is "
        "trained for each on those pictures only."
    )

    classifier: str = "small"
    "small, resnet18 (both from scratch) or features (linear, on frozen pretrained ones)."

    ways: Names = ("plain", "between", "across+soft")
    "How synthetic pictures are made; the first is tried at every ratio. See docs/utility.md."

    teacher: str = "features"
    (
        "Who labels and chooses pictures where a way says so: features (a kernel on frozen "
        "pretrained features, where they are installed) or small (three networks trained on the "
        "real pictures)."
    )

    seeds: int = 10
    "Classifiers trained for each arm; below 5 nothing is recommended."

    steps: int = 600
    "Optimizer steps of every classifier, the same for all."

    attribute: str | None = None
    "Classify by the values of this attribute instead of by class."

    recipe: str = "swift"
    "What to train when no run is named."

    time: For[str | float] = "1m"
    "How long each generator trains when no run is named."

    to: Path | None = None
    "Where trainings, table and page are kept. Default: RUN/utility, or utility/PACK."

    seed: int = 0
    "Other subsets, other synthetic pictures, other classifiers."

    ratios: Internal[tuple[float, ...]] = (0.5, 1.0, 2.0, 3.0)
    workers: Internal[int] = 1
    device: Device = field(default_factory=Device)

    def __post_init__(self) -> None:
        seconds(self.time)
        if self.teacher not in TEACHERS:
            raise DataError(
                f"there is no teacher {self.teacher!r}. Choose from: {', '.join(TEACHERS)}."
            )
        if self.run is not None and self.per_class:
            raise DataError(
                f"{self.run} has seen all training pictures, so it says nothing of fewer per "
                "class. Leave --run out: with --per-class a generator is trained for each number."
            )
