"""The end of a semi-supervised run: how well D names pictures it never saw, beside a baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn

from lookalike import checkpoints
from lookalike.checkpoints import read_json
from lookalike.data.pack.pack import Pack
from lookalike.engine.batches import SplitBatches
from lookalike.engine.trainer import Trainer
from lookalike.engine.watcher import Scene, Watcher
from lookalike.metrics.distances.intervals import Interval, share_interval
from lookalike.parts.losses.class_losses import NamedOnly
from lookalike.parts.training.schedules import Tally
from lookalike.run import Run

FILE = "naming.json"
MOST = 10_000
"""At most this many held-out pictures are named."""


@dataclass
class ClassAccuracy(Watcher):
    """When the budget is spent, names the hold-out, writes ``naming.json`` and says it.

    Only for recipes that show few labels, on packs with held-out pictures. The baseline is
    trained then and there: the same network on the labeled pictures alone.
    """

    pack: Pack
    say: Callable[[str], None] = field(default=lambda words: None)
    name: str = "naming"

    def after(self, scene: Scene, tally: Tally) -> None:
        """Nothing: this looks at the end alone."""

    def end(self, scene: Scene) -> None:
        """Name the held-out pictures by both networks."""
        trainer, holdout = scene.trainer, self.pack.holdout
        if not trainer.recipe.objective.labeled or not len(holdout) or scene.done < 1:
            return
        if class_accuracy_of(scene.run).get("images") == scene.images:  # not trained since
            return
        self.say("The baseline: the same network on the labelled pictures alone ...")
        test = SplitBatches(holdout, trainer.recipe.seed, labeled=True).some(MOST)
        assert test.labels is not None
        device = trainer.place.device
        pictures, labels = test.images.to(device), test.labels.to(device)
        count = len(pictures)
        result = comparison(
            share_interval(accuracy(trainer.networks["D"], pictures, labels), count),
            share_interval(accuracy(baseline(trainer), pictures, labels), count),
            count,
            trainer.recipe.objective.labeled,
        )
        checkpoints.write_json(scene.run.path / FILE, {"images": scene.images, **result})
        scene.run.say(result["sentence"])


def class_accuracy_of(run: Run) -> dict[str, Any]:
    """What :class:`ClassAccuracy` wrote; empty for other runs."""
    return read_json(run.path / FILE)


def comparison(ours: Interval, alone: Interval, count: int, labels: int) -> dict[str, Any]:
    """Both accuracies with 95 % intervals, the number of test pictures, a sentence.

    ``labels`` are those that the run was shown of each class.
    """
    first, second = (
        f"{100 * share.value:.1f} % ({100 * share.low:.1f} to {100 * share.high:.1f})"
        for share in (ours, alone)
    )
    return {
        "accuracy": ours.value,
        "baseline": alone.value,
        "count": count,
        "accuracy_low": ours.low,
        "accuracy_high": ours.high,
        "baseline_low": alone.low,
        "baseline_high": alone.high,
        "labelled": labels,
        "sentence": f"With {labels} labels a class: test accuracy {first}; the same network "
        f"trained on the labelled pictures alone: {second}",
    }


@torch.no_grad()
def accuracy(network: nn.Module, pictures: Tensor, labels: Tensor, block: int = 256) -> float:
    """The share of pictures whose largest class logit (columns 1 on) is that of their label.

    The network judges in evaluation mode and is put back into the mode it was in.
    """
    training = network.training
    network.eval()
    right = 0
    for at in range(0, len(pictures), block):
        logits = network(pictures[at : at + block], None)
        right += int((logits[:, 1:].argmax(1) == labels[at : at + block].argmax(1)).sum())
    network.train(training)
    return right / max(len(pictures), 1)


def baseline(trainer: Trainer, most: int = 2_000) -> nn.Module:
    """The same D from the same first weights, trained by the same optimizer on the labels alone.

    It takes as many steps (``most`` at most: it has long converged then); its schedules end when
    it does.
    """
    recipe, steps = trainer.recipe, min(most, trainer.clock.step)
    labels_alone = NamedOnly(labelled=recipe.objective.labeled)
    shorter = replace(recipe, objective=labels_alone, images=steps * recipe.batch)
    alone = Trainer(shorter, trainer.source, trainer.place)
    for _ in range(steps):
        alone.step()
    return alone.networks["D"]
