"""StyleGAN2's game: logistic loss, lazy slopes and path lengths, style mixing, the sign statistic.

Karras et al. 2020a, "Analyzing and improving the image quality of StyleGAN", sections 3.1 and 3.2;
Karras et al. 2020b, "Training generative adversarial networks with limited data", section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lookalike.parts.losses.adversarial import AdversarialLoss, NonSaturatingLoss
from lookalike.parts.losses.base import Objective, Phase, Terms, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.penalties import squared_slope
from lookalike.parts.ranks import per_row, whole_batch
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Clock, Constant, State, Tally, Value
from lookalike.parts.training.triggers import Every


def lazy_adam(rate: float, betas: tuple[float, float], every: int) -> Adam:
    """Adam for a player whose regularizer plays each ``every``-th step as an extra step.

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
        length = tally.terms.get("G/length")
        if length is None:
            return state
        mean, count = float(state["mean"]), int(state["count"]) + 1
        return {"mean": mean + max(1 - self.keep, 1 / count) * (length - mean), "count": count}


@dataclass(frozen=True, kw_only=True)
class StyleGAN2Objective(Objective):
    """The non-saturating logistic game with regularizers that play now and then.

    The values "r1" and "path_weight" weigh them, "path" is a
    :class:`PathMean`. ``slopes_every`` and ``lengths_every``
    are their intervals in steps, by which they are weighted; 0 leaves one out. ``mixing`` is the
    chance that a picture is drawn from two z; it expects a normal prior.
    """

    mixing: float = 0.9
    slopes_every: int = 16
    lengths_every: int = 8
    rule: AdversarialLoss = field(default_factory=NonSaturatingLoss)

    def phases(self) -> tuple[Phase, ...]:
        """D, now and then its slopes; G, now and then its path lengths."""
        phases = [Phase(("D",), self.d_loss)]
        if self.slopes_every:
            phases.append(Phase(("D",), self.slopes, Every(self.slopes_every), exact=True))
        phases.append(Phase(("G",), self.g_loss))
        if self.lengths_every:
            phases.append(Phase(("G",), self.lengths, Every(self.lengths_every), exact=True))
        return tuple(phases)

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Cross-entropy of real pictures and fakes; tells the sign of D on real ones."""
        real = game.augment(batch.images, batch.noise("real"))
        fake = game.augment(self._fakes(game, batch).detach(), batch.noise("fake"))
        on_real = game.discriminate(real, batch.labels)
        on_fake = game.discriminate(fake, batch.labels)
        terms = self.rule.d_terms(game, batch, on_real, on_fake)
        terms["~sign"] = per_sample(on_real.detach().sign())
        return terms

    def slopes(self, game: Game, batch: Batch) -> Terms:
        """R1 at real pictures as D sees them, r1 / 2 |slope|^2, weighted by its interval."""
        real = game.augment(batch.images, batch.noise("real")).detach().requires_grad_()
        slopes = squared_slope(game.discriminate(real, batch.labels), real)
        return Terms(r1=game.now["r1"] / 2 * self.slopes_every * slopes)

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """Fakes, to be taken for real."""
        fake = game.augment(self._fakes(game, batch), batch.noise("maker"))
        return Terms(adversarial=self.rule.maker(game.discriminate(fake, batch.labels)))

    def lengths(self, game: Game, batch: Batch) -> Terms:
        """(|J^T y| - a)^2 with the running mean a, on fresh z, weighted by its interval.

        The first time, a is the mean of these very lengths.
        """
        pictures, code = game.play("G", batch.fresh("path"), batch.labels, None, True)
        draw, shape = batch.noise("path"), pictures.shape[1:]
        noise = per_row(lambda n: torch.randn(n, *shape, generator=draw), len(pictures))
        directions = noise.to(pictures)
        lengths = path_lengths(pictures, code, directions)
        mean = game.now["path"] or float(_mean(lengths.detach())[0])
        off = (lengths - mean).square()
        weight = game.now["path_weight"] * self.lengths_every
        return Terms({"path": weight * off, "~length": lengths.detach()})

    def _fakes(self, game: Game, batch: Batch) -> Tensor:
        """The fakes of this step; mixed ones are drawn again for each phase, always the same."""
        if self.mixing <= 0:
            return game.fakes(batch)
        chance = uniform(batch.fresh("mix/share")[:, 0])
        share = torch.where(chance < self.mixing, chance / self.mixing, 1.0)
        pictures: Tensor = game.play("G", batch.z, batch.labels, (batch.fresh("mix/other"), share))
        return pictures.float()


@whole_batch
def _mean(lengths: Tensor) -> Tensor:
    """The same for each picture, ``[N]``."""
    return lengths.mean().expand(len(lengths))


def uniform(normal: Tensor) -> Tensor:
    """Standard normal numbers as uniform ones in [0, 1]: their distribution function."""
    return (1 + torch.erf(normal / math.sqrt(2))) / 2
