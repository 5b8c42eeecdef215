"""StyleGAN2's game: logistic loss, lazy slopes and path lengths, style mixing, the sign statistic.

Karras et al. 2020a, "Analyzing and improving the image quality of StyleGAN", sections 3.1 and 3.2;
Karras et al. 2020b, "Training generative adversarial networks with limited data", section 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import torch
from torch import Tensor

from lookalike.parts.losses.adversarial import AdversarialLoss
from lookalike.parts.losses.base import Batch, Objective, Phase, Terms, per_sample
from lookalike.parts.losses.game import Game
from lookalike.parts.losses.label_targets import NonSaturatingLoss
from lookalike.parts.losses.penalties import squared_slope
from lookalike.parts.losses.regularizers import path_lengths
from lookalike.parts.training.triggers import Every


@dataclass(frozen=True, kw_only=True)
class StyleGAN2Objective(Objective):
    """The non-saturating logistic game with regularisers that play now and then.

    The values "r1" and "path_weight" weigh them, "path" is a
    :class:`~lookalike.parts.losses.regularizers.PathMean`. ``slopes_every`` and ``lengths_every``
    are their intervals in steps, by which they are weighted; 0 leaves one out. ``mixing`` is the
    chance that a picture is drawn from two z; it expects a normal prior.
    """

    mixing: float = 0.9
    slopes_every: int = 16
    lengths_every: int = 8
    rule: AdversarialLoss = field(default_factory=NonSaturatingLoss)

    def phases(self) -> tuple[Phase, ...]:
        """D, now and then its slopes; G, now and then its path lengths."""
        found = [Phase(("D",), self.critic)]
        if self.slopes_every:
            found.append(Phase(("D",), self.slopes, Every(self.slopes_every), exact=True))
        found.append(Phase(("G",), self.maker))
        if self.lengths_every:
            found.append(Phase(("G",), self.lengths, Every(self.lengths_every), exact=True))
        return tuple(found)

    def critic(self, game: Game, batch: Batch) -> Terms:
        """Cross-entropy of real pictures and fakes; tells the sign of D on real ones."""
        real = game.augment(batch.images, batch.noise("real"))
        fake = game.augment(self._fakes(game, batch).detach(), batch.noise("fake"))
        on_real, on_fake = game.judge(real, batch.labels), game.judge(fake, batch.labels)
        game.facts["D(real)"] = float(on_real.detach().sigmoid().mean())
        game.facts["D(fake)"] = float(on_fake.detach().sigmoid().mean())
        return Terms(
            {
                "real": self.rule.real(on_real, game.now, batch.noise("targets/real")),
                "fake": self.rule.fake(on_fake, game.now, batch.noise("targets/fake")),
                "~sign": per_sample(on_real.detach().sign()),
            }
        )

    def slopes(self, game: Game, batch: Batch) -> Terms:
        """R1 at real pictures as D sees them, r1 / 2 |slope|^2, weighted by its interval."""
        real = game.augment(batch.images, batch.noise("real")).detach().requires_grad_()
        found = squared_slope(game.judge(real, batch.labels), real)
        return Terms(r1=game.now["r1"] / 2 * self.slopes_every * found)

    def maker(self, game: Game, batch: Batch) -> Terms:
        """Fakes, to be taken for real."""
        fake = game.augment(self._fakes(game, batch), batch.noise("maker"))
        return Terms(adversarial=self.rule.maker(game.judge(fake, batch.labels)))

    def lengths(self, game: Game, batch: Batch) -> Terms:
        """(|J^T y| - a)^2 with the running mean a, on fresh z, weighted by its interval.

        The first time, a is the mean of these very lengths.
        """
        pictures, code = game.play("G", batch.fresh("path"), batch.labels, None, True)
        directions = torch.randn(pictures.shape, generator=batch.noise("path")).to(pictures)
        lengths = path_lengths(pictures, code, directions)
        mean = game.now["path"] or float(lengths.detach().mean())
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


def uniform(normal: Tensor) -> Tensor:
    """Standard normal numbers as uniform ones in [0, 1]: their distribution function."""
    return (1 + torch.erf(normal / math.sqrt(2))) / 2
