"""The game of two players put together from parts: a rule, a penalty, turns, and tricks.

Which loss, which penalty and who plays when are independent choices: ``--set
objective.rule.flips=0.05`` changes one and leaves the others.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from torch import Tensor

from lookalike.parts.losses.adversarial import AdversarialLoss, NonSaturatingLoss
from lookalike.parts.losses.base import Constraint, Objective, Phase, Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.penalties import Penalty, lecam
from lookalike.parts.ranks import whole_batch
from lookalike.parts.training.adaptive import lecam_averages
from lookalike.parts.training.triggers import Always, Trigger


@dataclass(frozen=True, kw_only=True)
class TwoPlayer(Objective):
    """D and G against each other (Goodfellow et al. 2014, algorithm 1), by any rule.

    ``after`` is done to D after its steps (clipping). ``lecam`` weighs the pull of LeCam towards
    the values "lecam/real" and "lecam/fake" (0 in recipes of version 0.1 that had none);
    ``matching`` weighs feature matching for G (Salimans et al. 2016, section 3.1) and
    ``adversarial`` the rest of G's loss. ``together`` lets both compute their gradients from one
    state before either moves.
    """

    rule: AdversarialLoss = field(default_factory=NonSaturatingLoss)
    penalty: Penalty | None = None
    critic_turn: Trigger = field(default_factory=Always)
    maker_turn: Trigger = field(default_factory=Always)
    after: Constraint | None = None
    lecam: float = 0.0
    matching: float = 0.0
    adversarial: float = 1.0
    together: bool = False

    @property
    def reads(self) -> tuple[str, ...]:
        """The averages of LeCam, where it weighs something."""
        return tuple(lecam_averages()) if self.lecam else ()

    def phases(self) -> tuple[Phase, ...]:
        """D on a real and a fake batch, then G on the very same fakes."""
        return (
            Phase(
                ("D",),
                self.d_loss,
                self.critic_turn,
                after=self.after,
                exact=self.penalty is not None,
                together=self.together,
            ),
            Phase(("G",), self.g_loss, self.maker_turn, together=self.together),
        )

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """D's loss on the batch and on the fakes of ``batch.z``."""
        return self.d_loss_on(game, batch, game.fakes(batch).detach())

    def d_loss_on(self, game: Game, batch: Batch, fakes: Tensor) -> Terms:
        """D's loss on the batch and on these fakes."""
        real = game.augment(batch.images, batch.noise("real"))
        fake = game.augment(fakes, batch.noise("fake"))
        on_real = game.discriminate(real, batch.labels)
        on_fake = game.discriminate(fake, batch.labels)
        terms = self.rule.d_terms(game, batch, on_real, on_fake)
        if self.lecam:
            averages = game.now.get("lecam/real", 0.0), game.now.get("lecam/fake", 0.0)
            terms["lecam"] = self.lecam * lecam(on_real, on_fake, *averages)
        if self.penalty is not None:
            terms.update(self.penalty.terms(game, batch, real, fake))
        return terms

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """G's loss on the fakes that D has just seen."""
        return self.g_loss_on(game, batch, game.fakes(batch))

    def g_loss_on(self, game: Game, batch: Batch, fakes: Tensor) -> Terms:
        """G's loss on these fakes."""
        seen = game.augment(fakes, batch.noise("maker"))
        if not self.matching:
            return Terms(adversarial=self.rule.maker(game.discriminate(seen, batch.labels)))
        real = game.augment(batch.images, batch.noise("matching"))
        logits, features = game.describe(seen, batch.labels)
        _, wanted = game.describe(real, batch.labels)
        terms = Terms(matching=self.matching * matched(features, wanted.detach()))
        if self.adversarial:
            terms["adversarial"] = self.adversarial * self.rule.maker(logits.float())
        return terms


@whole_batch
def matched(fake: Tensor, real: Tensor) -> Tensor:
    """|E f(x) - E f(G(z))|^2 from features ``[N, F]``, the same number for each sample, ``[N]``.

    Salimans et al. 2016, section 3.1.
    """
    apart = fake.float().flatten(1).mean(0) - real.float().flatten(1).mean(0)
    return apart.square().sum().expand(len(fake))


tell = Game.tell
"""As people's own files of version 0.1 import it."""
