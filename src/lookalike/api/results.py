"""What goes into the verbs of :mod:`lookalike.api` and what comes out: frozen, JSON-able."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lookalike.progress import Tell, silent

if TYPE_CHECKING:
    from lookalike.place import Place
    from lookalike.stages.choose import Choice
    from lookalike.stages.prepare import Prepared
    from lookalike.watch.progress import ProgressStep


@dataclass(frozen=True, kw_only=True)
class Where:
    """The machine's part: "auto" lets the program choose. ``tensorboard`` also writes events.

    ``keep_best`` is how many of the best states a training keeps beside the last ones.
    """

    device: str = "auto"
    precision: str = "auto"
    threads: int = 0
    tensorboard: bool = False
    keep_best: int = 3

    def place(self) -> Place:
        """The place that these words mean here."""
        from lookalike.place import choose

        return choose(self.device, self.precision, self.threads)


HERE = Where()


@dataclass(frozen=True, kw_only=True)
class GeneratorSource:
    """Where a verb's generator comes from: a ``run``, or a training of ``seconds``.

    ``per_class`` trains one for each class instead of one for all; they share the time.
    ``changes`` are settings of the recipe.
    """

    run: Path | None = None
    seconds: float | None = None
    per_class: bool = False
    recipe: str = "swift"
    changes: Mapping[str, Any] = field(default_factory=dict)
    labeled: bool | None = None


@dataclass(frozen=True)
class Listener:
    """Who is told: ``tell`` of work that counts things, ``step`` of training, ``say`` in words."""

    tell: Tell = silent
    step: Callable[[ProgressStep], None] = field(default=lambda step: None)
    say: Callable[[str], None] = field(default=lambda words: None)


NOBODY = Listener()


@dataclass(frozen=True)
class Trained:
    """How a training ended and what to type next: ``longer_with`` trains a finished run further.

    ``naming`` holds what a semi-supervised run's D names rightly, beside a baseline.
    """

    run: Path
    recipe: str
    images: int
    budget: int
    finished: bool
    seconds: float
    images_per_second: float
    resumed_at: int
    report: Path | None
    notes: tuple[str, ...]
    continue_with: str
    generate_with: str
    naming: dict[str, Any] | None = None
    longer_with: str = ""


@dataclass(frozen=True)
class Planned:
    """What a training would do: the answer to --dry-run."""

    recipe: str
    pack: Path
    size: int
    channels: int
    labels: int
    train: int
    holdout: int
    images: int
    parameters: dict[str, int]
    images_per_second: float
    seconds: float
    continues: bool
    notes: tuple[str, ...]
    settings: dict[str, Any]


@dataclass(frozen=True)
class Started:
    """What ``start`` did: the pack, the choice with its reasons, and the training."""

    pack: Path
    choice: Choice
    prepared: Prepared
    trained: Trained
