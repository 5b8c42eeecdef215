"""Losses and values over time, averaged between reports; reports come at fixed numbers of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lookalike.engine.watcher import Scene, Watcher
from lookalike.parts.training.schedules import Tally


@dataclass
class Numbers(Watcher):
    """Writes about ``reports`` lines to stats.jsonl over a run, by steps and not by time."""

    reports: int = 300
    name: str = "numbers"
    _sums: dict[str, float] = field(default_factory=dict, init=False)
    _counts: dict[str, int] = field(default_factory=dict, init=False)

    def after(self, scene: Scene, tally: Tally) -> None:
        """Add this step; write a line when it is due."""
        values = {f"loss/{k}": v for k, v in tally.totals.items()}
        values |= {f"term/{k}": v for k, v in tally.terms.items()}
        values |= {f"fact/{k}": v for k, v in tally.facts.items()}
        for key, value in values.items():
            self._sums[key] = self._sums.get(key, 0.0) + value
            self._counts[key] = self._counts.get(key, 0) + 1
        recipe = scene.trainer.recipe
        every = max(1, recipe.images // recipe.batch // self.reports)
        if scene.trainer.clock.step % every == 0:
            self._write(scene)

    def _write(self, scene: Scene) -> None:
        means = {key: self._sums[key] / self._counts[key] for key in sorted(self._sums)}
        now = {f"value/{k}": v for k, v in scene.trainer.now().items()}
        scene.run.record({"images": scene.images, **means, **now})
        self._sums.clear()
        self._counts.clear()

    def state(self) -> Mapping[str, Any]:
        """Sums that have not been written yet."""
        return {"sums": dict(self._sums), "counts": dict(self._counts)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue the sums."""
        self._sums = dict(state.get("sums", {}))
        self._counts = dict(state.get("counts", {}))
