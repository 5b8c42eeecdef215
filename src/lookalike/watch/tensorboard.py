"""TensorBoard events of a run: every number of stats.jsonl and every grid, as they appear.

It follows the files that the other watchers write, so it must stand behind them in the list.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lookalike import images
from lookalike.engine.watcher import Scene, Watcher
from lookalike.errors import need
from lookalike.parts.training.schedules import Tally

FOLDER = "tensorboard"


@dataclass
class TensorBoard(Watcher):
    """Writes ``run/tensorboard``; the step of every event is the number of images seen.

    Raises:
        MissingExtraError: tensorboardX is not installed; raised when it is made, before training.
    """

    seconds: float = 10.0
    name: str = "tensorboard"
    _last: float = field(default=0.0, init=False)
    _told: int = field(default=-1, init=False)
    _lines: int = field(default=0, init=False)
    _back: int | None = field(default=None, init=False)
    _writer: Any = field(default=None, init=False, repr=False)

    def __post_init__(self) -> None:
        self._module = need("tensorboardX", "track", "Writing TensorBoard events")

    def begin(self, scene: Scene) -> None:
        """Open the folder; events that a restore has undone are marked as gone."""
        self._writer, self._back = None, scene.images or None
        self._follow(scene)

    def rewound(self, scene: Scene, state: Mapping[str, Any]) -> None:
        """Close behind what led to the state that the training went back to.

        What went wrong is still in the files that are followed, so the next writer opens later.
        """
        self._follow(scene, until=scene.images)
        self._writer.close()
        self._writer, self._back = None, scene.images

    def after(self, scene: Scene, tally: Tally) -> None:
        """Follow every few seconds."""
        if time.monotonic() - self._last >= self.seconds:
            self._follow(scene)

    def end(self, scene: Scene) -> None:
        """Whatever is left, and close."""
        self._follow(scene)
        self._writer.close()

    def _open(self, scene: Scene) -> None:
        """A writer behind ``_back`` images: events of later ones are marked as gone."""
        often = len(scene.trainer.setbacks)
        self._writer = self._module.SummaryWriter(
            str(scene.run.path / FOLDER),
            purge_step=None if self._back is None else self._back + 1,
            filename_suffix=f".{often}" if often else "",  # files of one second have one name
        )
        self._told = -1 if self._back is None else self._back
        self._lines = sum(line["images"] <= (self._back or 0) for line in scene.run.stats())

    def _follow(self, scene: Scene, until: float = math.inf) -> None:
        if self._writer is None:
            self._open(scene)
        stats = [line for line in scene.run.stats() if line["images"] <= until]
        for line in stats[self._lines :]:
            for key, value in line.items():
                if key != "images" and isinstance(value, int | float):
                    self._writer.add_scalar(key, value, int(line["images"]))
        self._lines = len(stats)
        for seen, path in scene.run.sample_grids():
            if self._told < seen <= until:
                sheet = images.read(path)
                self._writer.add_image("samples", sheet, seen, dataformats="HWC")
                self._told = seen
        self._writer.flush()
        self._last = time.monotonic()
