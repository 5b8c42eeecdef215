"""The end of a semi-supervised run: how well D names pictures it never saw, beside a baseline."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from lookalike import checkpoints
from lookalike.data.pack.pack import Pack
from lookalike.engine.picture_source import SplitBatches
from lookalike.engine.watcher import Scene, Watcher
from lookalike.parts.training.schedules import Tally
from lookalike.run import Run, read_json
from lookalike.watch.semi_supervised import Named, beside, interval

FILE = "naming.json"
MOST = 10_000
"""At most this many held-out pictures are named."""


@dataclass
class ClassAccuracy(Watcher):
    """When the budget is spent, names the hold-out, writes ``naming.json`` and says it.

    Only for recipes that show few labels, on packs with held-out pictures. The baseline is
    trained then and there: the same network on the labelled pictures alone.
    """

    pack: Pack
    say: Callable[[str], None] = field(default=lambda words: None)
    name: str = "naming"

    def after(self, scene: Scene, tally: Tally) -> None:
        """Nothing: this looks at the end alone."""

    def end(self, scene: Scene) -> None:
        """Name the held-out pictures by both networks."""
        trainer, held = scene.trainer, self.pack.holdout
        if not trainer.recipe.objective.labelled or not len(held) or scene.done < 1:
            return
        if naming_of(scene.run).get("images") == scene.images:  # nothing was trained since
            return
        self.say("The baseline: the same network on the labelled pictures alone ...")
        taken = SplitBatches(held, trainer.recipe.seed, labeled=True).some(MOST)
        assert taken.labels is not None
        device = trainer.place.device
        found = beside(trainer, taken.images.to(device), taken.labels.to(device))
        told = {"images": scene.images, **told_of(found, trainer.recipe.objective.labelled)}
        checkpoints.write_whole(scene.run.path / FILE, json.dumps(told, indent=1).encode())
        scene.run.say(str(found))


def told_of(found: Named, labelled: int) -> dict[str, Any]:
    """Both accuracies with 95 % intervals, the number of test pictures, a sentence."""
    low, high = interval(found.accuracy, found.count)
    base_low, base_high = interval(found.baseline, found.count)
    return {
        **asdict(found),
        "accuracy_low": low,
        "accuracy_high": high,
        "baseline_low": base_low,
        "baseline_high": base_high,
        "labelled": labelled,
        "sentence": f"With {labelled} labels a class: {found}",
    }


def naming_of(run: Run) -> dict[str, Any]:
    """What :class:`ClassAccuracy` wrote; empty for other runs."""
    return read_json(run.path / FILE)
