"""A grid of samples at fixed z, from step 0 and then every so many seconds of wall time.

Large pictures on a slow machine take seconds to draw; then grids are rarer.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from lookalike import images
from lookalike.engine.watcher import Scene, Watcher
from lookalike.parts.training.schedules import Tally

SEED = 0
RARE = 20.0
"""How many times as long as the last grid took to draw the next one waits, at the least."""


@dataclass
class SampleGrids(Watcher):
    """Keeps a grid of ``count`` samples; ``most`` grids at the most, thinned out evenly."""

    seconds: float = 20.0
    count: int = 48
    columns: int = 8
    most: int = 200
    name: str = "samples"
    _last: float = field(default=0.0, init=False)
    _cost: float = field(default=0.0, init=False)

    def begin(self, scene: Scene) -> None:
        """The grid of the first moment."""
        self._draw(scene)

    def after(self, scene: Scene, tally: Tally) -> None:
        """A grid when the time has come."""
        if time.monotonic() - self._last >= max(self.seconds, RARE * self._cost):
            self._draw(scene)

    def end(self, scene: Scene) -> None:
        """The last grid; of a finished run as ``generate`` gives it, where D chooses."""
        self._draw(scene, choosing=scene.done >= 1)

    def _draw(self, scene: Scene, *, choosing: bool = False) -> None:
        begun = time.monotonic()
        sampler = scene.trainer.sampler(choosing=choosing, candidates=scene.run.candidates())
        pictures = sampler.pictures(SEED, 0, self.count)
        small = images.enlarge(pictures, 64)
        scene.run.write_sample(scene.images, images.grid(small, self.columns))
        grids = scene.run.sample_grids()
        if len(grids) > self.most:
            for _, path in grids[1:-1:2]:
                path.unlink(missing_ok=True)
        self._last = time.monotonic()
        self._cost = self._last - begun
