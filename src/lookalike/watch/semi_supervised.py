"""How well a semi-supervised D names pictures that it never saw, beside the same network alone."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from lookalike.engine.trainer import Trainer
from lookalike.parts.losses.class_losses import NamedOnly
from lookalike.recipe import Recipe


@dataclass(frozen=True)
class Named:
    """Shares of ``count`` test pictures named rightly: by D, and by the baseline."""

    accuracy: float
    baseline: float
    count: int

    def __str__(self) -> str:
        """One line for people, with 95 % intervals."""
        return (
            f"test accuracy {_words(self.accuracy, self.count)}; the same network trained on the "
            f"labelled pictures alone: {_words(self.baseline, self.count)}"
        )


def interval(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Wilson's interval of a share of ``count`` (Wilson 1927)."""
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count**2)) / (1 + z * z / count)
    return middle - half, middle + half


def _words(share: float, count: int) -> str:
    low, high = interval(share, count)
    return f"{100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f})"


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


def supervised_only(recipe: Recipe) -> Recipe:
    """The recipe with its D trained on the known labels and nothing else."""
    alone = NamedOnly(labelled=recipe.objective.labelled)
    return replace(recipe, objective=alone, values={**recipe.values})


def beside(trainer: Trainer, pictures: Tensor, labels: Tensor, most: int = 2_000) -> Named:
    """The test accuracy of a trained D beside the baseline's.

    The baseline is the same network from the same first weights, trained by the same optimizer
    on the same known pictures for as many steps (``most`` at most: it has long converged then);
    its schedules end when it does.
    """
    steps = min(most, trainer.clock.step)
    shorter = replace(supervised_only(trainer.recipe), images=steps * trainer.recipe.batch)
    alone = Trainer(shorter, trainer.source, trainer.place)
    for _ in range(steps):
        alone.step()
    return Named(
        accuracy=accuracy(trainer.networks["D"], pictures, labels),
        baseline=accuracy(alone.networks["D"], pictures, labels),
        count=len(pictures),
    )
