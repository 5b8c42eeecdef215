"""Regularisers of StyleGAN2: lazy slopes, path length, and augmentation that adapts itself.

Karras et al. 2020a, "Analyzing and improving the image quality of StyleGAN" (sections 3.1 and 3.2,
appendix B), and Karras et al. 2020b, "Training generative adversarial networks with limited data"
(section 3, the sign statistic r_t = E[sign(D(x))] held at 0.6).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Clock, Constant, State, Tally, Value


def lazy_adam(rate: float, betas: tuple[float, float], every: int) -> Adam:
    """Adam for a player whose regulariser plays each ``every``-th step as an extra step.

    With c = every / (every + 1), the rate is multiplied by c and the betas are raised to c (Karras
    et al. 2020a, appendix B), so that the memory of Adam is as long as without the extra steps.
    """
    if every < 1:
        return Adam(rate=Constant(rate), betas=betas)
    c = every / (every + 1)
    return Adam(rate=Constant(rate * c), betas=(betas[0] ** c, betas[1] ** c))


def path_weight(size: int) -> float:
    """The weight of the path length penalty, ln 2 / (r^2 (ln r - ln 2)), for pictures of r px.

    Karras et al. 2020a, appendix B, equation 5.
    """
    return math.log(2) / (size**2 * (math.log(size) - math.log(2)))


def path_lengths(pictures: Tensor, code: Tensor, directions: Tensor) -> Tensor:
    """|J^T y| for every sample, ``[N]``: how far a small step of the code moves the picture.

    ``code`` ``[N, W]`` is what the pictures were drawn from, ``directions`` is Gaussian noise y of
    the pictures' shape. The graph is kept (Karras et al. 2020a, equation 4).
    """
    moved = (pictures * directions).sum()
    (slope,) = torch.autograd.grad(moved, code, create_graph=True)
    return (slope.square().sum(1) + 1e-12).sqrt()


@dataclass(frozen=True, kw_only=True)
class PathMean(Value):
    """The moving mean of path lengths, to which the penalty pulls them; 0 before the first.

    It follows the term "length" of G with a decay of ``keep`` at each step that told one; until
    that is the slower of the two, it is the plain mean of all lengths told (a mean that starts at
    0 would spend a short budget on pulling G flat).
    """

    keep: float = 0.99

    def start(self) -> State:
        """Nothing told yet."""
        return {"mean": 0.0, "count": 0}

    def at(self, clock: Clock, state: State) -> float:
        """The mean."""
        return float(state["mean"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """A step from the mean to the length, of 1 - keep or of 1 / count."""
        told = tally.terms.get("G/length")
        if told is None:
            return state
        mean, count = float(state["mean"]), int(state["count"]) + 1
        return {"mean": mean + max(1 - self.keep, 1 / count) * (told - mean), "count": count}


@dataclass(frozen=True, kw_only=True)
class SignStatistic(Value):
    """The share of augmented pictures, moved so that the sign statistic of D stays at ``target``.

    Each ``every`` steps the mean of D's term "sign" over them is compared with the target: above it
    D is too sure of the pictures it has seen, and the share grows; below it falls. At the full
    speed it goes from 0 to 1 in ``images`` pictures. Clamped to [0, ``most``]. Called "augment" in
    a recipe, it is what :meth:`Game.augment <lookalike.parts.losses.game.Game.augment>` reads.
    """

    target: float = 0.6
    every: int = 4
    images: int = 100_000
    most: float = 1.0

    def start(self) -> State:
        """No augmentation."""
        return {"p": 0.0, "sum": 0.0, "count": 0}

    def at(self, clock: Clock, state: State) -> float:
        """The share."""
        return float(state["p"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """Gather the sign; every so many steps move the share by their pictures' worth."""
        told = tally.terms.get("D/sign")
        if told is None:
            return state
        p, total, count = float(state["p"]), float(state["sum"]) + told, int(state["count"]) + 1
        if count < self.every or clock.step == 0:
            return {"p": p, "sum": total, "count": count}
        shown = count * clock.images / clock.step
        off = total / count - self.target
        p += math.copysign(shown / self.images, off) if off else 0.0
        return {"p": min(max(p, 0.0), self.most), "sum": 0.0, "count": 0}
