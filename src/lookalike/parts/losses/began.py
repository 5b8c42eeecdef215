"""BEGAN: D is an autoencoder, and a feedback number k keeps its two losses in proportion.

Berthelot, Schumm & Metz 2017, "BEGAN: boundary equilibrium generative adversarial networks":
L_D = L(x) - k L(G(z)), L_G = L(G(z)), k <- k + lambda (gamma L(x) - L(G(z))) (section 3.3), and the
convergence measure M = L(x) + |gamma L(x) - L(G(z))| (section 3.4).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from lookalike.parts.losses.base import Objective, Phase, Terms, absolute
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.ssim import ms_ssim
from lookalike.parts.ranks import whole_batch
from lookalike.parts.training.schedules import Clock, State, Tally, Value


@dataclass(frozen=True, kw_only=True)
class Balance(Value):
    """BEGAN's k: it grows while the fakes' loss is below ``gamma`` times the real pictures' loss.

    Clamped to [0, 1], 0 at the start, moved after each step in which both D and G played. A lower
    ``gamma`` asks for better and less varied pictures (Berthelot et al. 2017, section 3.3).
    """

    gamma: float = 0.5
    rate: float = 0.001

    def start(self) -> State:
        """k = 0: D is at first an autoencoder of real pictures."""
        return {"k": 0.0}

    def at(self, clock: Clock, state: State) -> float:
        """k."""
        return float(state["k"])

    def after(self, clock: Clock, state: State, tally: Tally, draw: float) -> State:
        """k + rate (gamma L(x) - L(G(z))), with G's loss as its own phase told it."""
        real, fake = tally.terms.get("D/real"), tally.terms.get("G/rebuilt")
        if real is None or fake is None:
            return state
        return {"k": min(max(float(state["k"]) + self.rate * (self.gamma * real - fake), 0.0), 1.0)}


@dataclass(frozen=True, kw_only=True)
class BoundaryRate:
    """The numbers of a game: the paper's, or a quick one's for minutes on a processor.

    The quick game (by default up to 32 px) asks for more variety, moves k and the weights faster
    (``balance`` is k's rate, ``rate`` Adam's) and works at half side with half of each layer's
    input carried. What is 0, or None for ``repel``, is chosen here. The paper's rate of 1e-4 is for
    128 maps; narrow networks bear 2e-4.
    """

    quick: bool
    width: int
    gamma: float
    balance: float
    rate: float
    repel: float

    @classmethod
    def of(
        cls,
        size: int,
        quick: bool | None = None,
        *,
        repel: float | None = None,
        **given: Any,
    ) -> BoundaryRate:
        """For pictures of ``size`` px, with ``width``, ``gamma``, ``balance`` and ``rate``."""
        quick = size <= 32 if quick is None else quick
        usual = QUICK if quick else PAPER
        chosen = {name: value or usual[name] for name, value in given.items()}
        return cls(quick=quick, repel=usual["repel"] if repel is None else repel, **chosen)

    @property
    def shape(self) -> dict[str, Any]:
        """Settings that G, D and N have in common."""
        return {"width": self.width, **({"fold": 2, "carry": 0.5} if self.quick else {})}


QUICK: dict[str, Any] = {"width": 16, "gamma": 0.9, "balance": 0.1, "rate": 3e-3, "repel": 0.1}
PAPER: dict[str, Any] = {"width": 32, "gamma": 0.5, "balance": 0.001, "rate": 2e-4, "repel": 0.0}


@dataclass(frozen=True, kw_only=True)
class Likeness:
    """How far a reconstruction is off: ``structure`` parts 1 - MS-SSIM, the rest absolute error.

    0 is the paper's pixel-wise loss, 1 is purely structural. MS-SSIM is shifted (see
    :func:`~lookalike.parts.losses.ssim.ms_ssim`), so that opposite pictures have a gradient too.
    """

    structure: float = 0.0

    def __call__(self, pictures: Tensor, rebuilt: Tensor) -> Tensor:
        """The loss of each picture, ``[N]``, 0 when it is rebuilt exactly."""
        loss = torch.zeros(len(pictures), device=pictures.device)
        if self.structure < 1:
            loss = loss + (1 - self.structure) * absolute(pictures, rebuilt)
        if self.structure > 0:
            loss = loss + self.structure * (1 - ms_ssim(pictures, rebuilt, shifted=True))
        return loss


@dataclass(frozen=True, kw_only=True)
class BEGANObjective(Objective):
    """Boundary equilibrium; the value "k" must be a :class:`Balance` with the same ``gamma``.

    ``repel`` weighs :func:`pulling_away` in G's loss, which the paper does not have: where pictures
    differ little, as faces do, the mean one is rebuilt best, and G draws nothing else.
    """

    likeness: Likeness = field(default_factory=Likeness)
    gamma: float = 0.5
    repel: float = 0.0

    @property
    def gives_logits(self) -> bool:
        """No: D rebuilds pictures."""
        return False

    def phases(self) -> tuple[Phase, ...]:
        """D, then G on the very same fakes."""
        return Phase(("D",), self.d_loss), Phase(("G",), self.g_loss)

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """Rebuild real pictures, and (k times) do not rebuild the fakes."""
        real, fake = game.d_pictures(batch)
        on_real = self.likeness(real, game.play("D", real, batch.labels).float())
        on_fake = self.likeness(fake, game.play("D", fake, batch.labels).float())
        game.facts["convergence"] = convergence(on_real, on_fake, self.gamma)
        return Terms(real=on_real, fake=-game.now["k"] * on_fake)

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """Fakes that D rebuilds well."""
        fake = game.g_pictures(batch)
        if not self.repel:
            return Terms(rebuilt=self.likeness(fake, game.play("D", fake, batch.labels).float()))
        rebuilt, embedding = game.play("D", fake, batch.labels, True)
        return Terms(
            rebuilt=self.likeness(fake, rebuilt.float()),
            repelled=self.repel * pulling_away(embedding.float()),
        )


@whole_batch
def pulling_away(embedding: Tensor) -> Tensor:
    """The mean squared cosine of each row ``[N, d]`` to the others, ``[N]``; 1 when all are alike.

    Zhao, Mathieu & LeCun 2017, "Energy-based generative adversarial networks", equation 4.
    """
    rows = functional.normalize(embedding, dim=1)
    squared = (rows @ rows.T) ** 2
    others = squared.sum(1) - squared.diagonal()
    return others / max(1, len(rows) - 1)


def convergence(on_real: Tensor, on_fake: Tensor, gamma: float) -> float:
    """M = L(x) + |gamma L(x) - L(G(z))| over a batch (Berthelot et al. 2017, section 3.4)."""
    real, fake = float(on_real.detach().mean()), float(on_fake.detach().mean())
    return real + abs(gamma * real - fake)
