"""Every recipe of the program at its smallest: what the contract tests build and train."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import pytest
from pictures import CLASSES, Discs

from lookalike import recipe
from lookalike.engine.trainer import Trainer
from lookalike.errors import MissingExtraError, RecipeError
from lookalike.parts.losses.base import Batch, Objective, Phase, Terms
from lookalike.parts.losses.game import Game
from lookalike.parts.networks.base import Frame, Networks
from lookalike.parts.training.triggers import Always
from lookalike.place import Place
from lookalike.recipe import Recipe, RecipeFile
from lookalike.sizes import Rectangle

FILES = {file.name: file for file in recipe.names() if file.own}
EVERY = pytest.mark.parametrize("name", sorted(FILES))
BATCH = 4
STEPS = 4


def made(file: RecipeFile, size: int, channels: int, labels: int, **settings: Any) -> Recipe:
    frame = {"size": size, "channels": channels, "labels": labels}
    return recipe.make(file, settings, frame)


def smallest(name: str, channels: int = 3, rectangle: bool = False) -> Recipe:
    """The recipe at its smallest size, with the smallest widths that it accepts.

    With so many channels, or the most that it makes of fewer; a ``rectangle`` is half as high
    again as it is wide.
    """
    file = FILES[name]
    most = max(count for count in file.channels if count <= channels)
    side = min(file.sizes)
    size = Rectangle(side, side * 3 // 2) if rectangle else side
    wanted = (size, most, CLASSES if file.labels == "required" else 0)
    parameters = inspect.signature(file.function()).parameters
    widths = [p for p, kind in parameters.items() if "width" in p and isinstance(kind.default, int)]
    for width in (4, 8, 16):
        try:
            chosen = made(file, *wanted, **dict.fromkeys(widths, width))
            Networks.build(chosen.networks, frame_of(chosen))
        except (RecipeError, RuntimeError, ValueError, AssertionError, ZeroDivisionError):
            continue
        return chosen
    return made(file, *wanted)


def frame_of(chosen: Recipe) -> Frame:
    return Frame(chosen.size, chosen.channels, chosen.labels)


@cache
def small(name: str, channels: int = 3, rectangle: bool = False) -> Recipe:
    """``smallest`` with a batch of 4 and a budget of 4 steps, in which every share is reached."""
    try:
        chosen = smallest(name, channels, rectangle)
        return replace(chosen, batch=BATCH, micro_batches=1, images=BATCH * STEPS)
    except MissingExtraError as missing:
        pytest.skip(str(missing))


def trainer_of(chosen: Recipe, device: str = "cpu", **settings: Any) -> Trainer:
    source = Discs(chosen.size, chosen.channels, labeled=chosen.labels > 0)
    return Trainer(replace(chosen, **settings), source, Place(device=device))


@dataclass(frozen=True)
class Alone(Objective):
    """One phase of another objective, always played, with ``hear`` told its terms."""

    whole: Objective
    index: int
    hear: Callable[[Game, Batch, Terms], None] = field(default=lambda game, batch, terms: None)

    def phases(self) -> tuple[Phase, ...]:
        phase = self.whole.phases()[self.index]

        def loss(game: Game, batch: Batch) -> Terms:
            terms = phase.loss(game, batch)
            self.hear(game, batch, terms)
            return terms

        return (replace(phase, turn=Always(), loss=loss, together=False),)
