"""Losses and values over time, averaged between reports; reports come at fixed numbers of steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from lookalike.engine.watcher import Scene, Watcher
from lookalike.parts.training.schedules import Tally


@dataclass
class Means:
    """Means of what steps tell, by name, each over the steps that told it."""

    _sums: dict[str, float] = field(default_factory=dict)
    _counts: dict[str, int] = field(default_factory=dict)

    def add(self, numbers: Mapping[str, float]) -> None:
        """Add those of one step."""
        for name, value in numbers.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
            self._counts[name] = self._counts.get(name, 0) + 1

    def taken(self) -> dict[str, float]:
        """The means so far, by sorted names; then it begins anew."""
        means = {name: self._sums[name] / self._counts[name] for name in sorted(self._sums)}
        self.load({})
        return means

    def state(self) -> dict[str, Any]:
        """As JSON-able values."""
        return {"sums": dict(self._sums), "counts": dict(self._counts)}

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue from these, or begin anew where they are none."""
        self._sums, self._counts = dict(state.get("sums", {})), dict(state.get("counts", {}))


@dataclass
class Numbers(Watcher):
    """Writes about ``reports`` lines to stats.jsonl over a run, by steps and not by time."""

    reports: int = 300
    name: str = "numbers"
    _means: Means = field(default_factory=Means, init=False)

    def after(self, scene: Scene, tally: Tally) -> None:
        """Add this step; write a line when it is due."""
        values = {f"loss/{k}": v for k, v in tally.totals.items()}
        values |= {f"term/{k}": v for k, v in tally.terms.items()}
        values |= {f"fact/{k}": v for k, v in tally.facts.items()}
        self._means.add(values)
        recipe = scene.trainer.recipe
        every = max(1, recipe.images // recipe.batch // self.reports)
        if scene.trainer.clock.step % every == 0:
            self._write(scene)

    def _write(self, scene: Scene) -> None:
        now = {f"value/{k}": v for k, v in scene.trainer.now().items()}
        scene.run.record({"images": scene.images, **self._means.taken(), **now})

    def state(self) -> Mapping[str, Any]:
        """Sums that have not been written yet."""
        return self._means.state()

    def load(self, state: Mapping[str, Any]) -> None:
        """Continue the sums."""
        self._means.load(state)
