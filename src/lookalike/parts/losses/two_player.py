"""The game of two players put together from parts: a rule, a penalty, turns, and tricks.

Which loss, which penalty and who plays when are independent choices, so every trick is open to
every loss: ``--set objective.lecam=0.3``, ``--set objective.rule.flips=0.05``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from torch import Tensor

from lookalike.parts.losses.adversarial import AdversarialLoss
from lookalike.parts.losses.base import Batch, Constraint, Objective, Phase, Terms
from lookalike.parts.losses.game import Game
from lookalike.parts.losses.label_targets import NonSaturatingLoss
from lookalike.parts.losses.penalties import Penalty, lecam
from lookalike.parts.training.triggers import Always, Trigger


@dataclass(frozen=True, kw_only=True)
class TwoPlayer(Objective):
    """D and G against each other (Goodfellow et al. 2014, algorithm 1), by any rule.

    ``after`` is done to D after its steps (clipping). ``lecam`` weighs the pull of LeCam and needs
    the values "lecam/real" and "lecam/fake"; ``matching`` weighs feature matching for G (Salimans
    et al. 2016, section 3.1) and ``adversarial`` the rest of G's loss. ``together`` lets both
    compute their gradients from one state before either moves.
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

    def phases(self) -> tuple[Phase, ...]:
        """D on a real and a fake batch, then G on the very same fakes."""
        return (
            Phase(
                ("D",),
                self.critic,
                self.critic_turn,
                after=self.after,
                exact=self.penalty is not None,
                together=self.together,
            ),
            Phase(("G",), self.maker, self.maker_turn, together=self.together),
        )

    def critic(self, game: Game, batch: Batch) -> Terms:
        """D's loss on the batch and on the fakes of ``batch.z``."""
        return self.judged(game, batch, game.fakes(batch).detach(), game.now)

    def judged(self, game: Game, batch: Batch, fakes: Tensor, now: Mapping[str, float]) -> Terms:
        """D's loss on the batch and on these fakes, by the values ``now``."""
        real = game.augment(batch.images, batch.noise("real"))
        fake = game.augment(fakes, batch.noise("fake"))
        on_real = game.judge(real, batch.labels)
        on_fake = game.judge(fake, batch.labels)
        tell(game, on_real, on_fake)
        terms = Terms(
            real=self.rule.real(on_real, now, batch.noise("targets/real")),
            fake=self.rule.fake(on_fake, now, batch.noise("targets/fake")),
        )
        if self.lecam:
            ends = now.get("lecam/real", 0.0), now.get("lecam/fake", 0.0)
            terms["lecam"] = self.lecam * lecam(on_real, on_fake, *ends)
        if self.penalty is not None:
            terms.update(self.penalty.terms(game, batch, real, fake))
        return terms

    def maker(self, game: Game, batch: Batch) -> Terms:
        """G's loss on the fakes that D has just judged."""
        return self.made(game, batch, game.fakes(batch))

    def made(self, game: Game, batch: Batch, fakes: Tensor) -> Terms:
        """G's loss on these fakes."""
        seen = game.augment(fakes, batch.noise("maker"))
        if not self.matching:
            return Terms(adversarial=self.rule.maker(game.judge(seen, batch.labels)))
        real = game.augment(batch.images, batch.noise("matching"))
        logits, features = game.play("D", seen, batch.labels, True)
        _, wanted = game.play("D", real, batch.labels, True)
        terms = Terms(matching=self.matching * matched(features, wanted.detach()))
        if self.adversarial:
            terms["adversarial"] = self.adversarial * self.rule.maker(logits.float())
        return terms


def matched(fake: Tensor, real: Tensor) -> Tensor:
    """|E f(x) - E f(G(z))|^2 from features ``[N, F]``, the same number for each sample, ``[N]``.

    Salimans et al. 2016, section 3.1.
    """
    apart = fake.float().flatten(1).mean(0) - real.float().flatten(1).mean(0)
    return apart.square().sum().expand(len(fake))


def tell(game: Game, on_real: Tensor, on_fake: Tensor) -> None:
    """Tell D's mean logits, and as probabilities the D(x) and D(G(z)) that people know."""
    game.facts["D(real)"] = float(on_real.detach().sigmoid().mean())
    game.facts["D(fake)"] = float(on_fake.detach().sigmoid().mean())
    game.facts["logit(real)"] = float(on_real.detach().mean())
    game.facts["logit(fake)"] = float(on_fake.detach().mean())
