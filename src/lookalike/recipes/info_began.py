"""BEGAN with codes that steer the picture, and a predictor that finds the z of a real photo.

Berthelot, Schumm & Metz 2017, "BEGAN" (sections 3.3 and 3.4), with the code terms of Chen et al.
2016, "InfoGAN" (equation 6). In the last part of the budget D and G rest and the noise predictor
N learns on real pictures, with G frozen.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from lookalike.parts.latents.codes import Codes
from lookalike.parts.losses.base import Objective, Phase, Terms
from lookalike.parts.losses.began import Balance, BoundaryRate, Likeness, convergence, pulling_away
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.autoencoders import Autoencoder, DecoderGenerator, Encoder
from lookalike.parts.networks.base import Frame, Invertible, NetworkPlan
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant, Decay
from lookalike.parts.training.triggers import Between
from lookalike.recipe import Recipe

SIZES = (28, 32, 64, 128)
LABELS = "optional"


class _Predictor(nn.Module):
    def __init__(self, frame: Frame, plan: NoisePredictor) -> None:
        super().__init__()
        self.encoder = Encoder(plan.embedding, frame, plan.width, plan.fold, plan.carry)
        self.noise = _head(plan.embedding, plan.noise)
        self.codes = _head(plan.embedding, plan.codes)

    def forward(self, pictures: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        embedding = self.encoder(pictures, labels)
        z = torch.cat([self.noise(embedding), self.codes(embedding)], 1)
        return z, torch.full_like(z, -12.0)


def _head(inputs: int, outputs: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Linear(inputs, 2 * inputs),
        nn.LeakyReLU(0.1),
        nn.Linear(2 * inputs, 4 * inputs),
        nn.LeakyReLU(0.1),
        nn.Linear(4 * inputs, outputs),
        nn.Tanh(),
    )


@dataclass(frozen=True, kw_only=True)
class NoisePredictor(NetworkPlan, Invertible):
    """Guesses the z in [-1, 1] from which G would draw a picture; an encoder by its convention.

    It has no idea of its own doubt: the log variance that it gives is -12 everywhere.
    """

    noise: int = 64
    codes: int = 2
    embedding: int = 64
    width: int = 64
    fold: int = 1
    carry: float = 0.0

    def build(self, frame: Frame) -> nn.Module:
        """The predictor for this frame."""
        return _Predictor(frame, self)

    def read(self, network: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """z: noise, then codes, in [-1, 1]."""
        z: Tensor = network(pictures, labels)[0]
        return z


@dataclass(frozen=True, kw_only=True)
class InfoBEGANObjective(Objective):
    """BEGAN whose D also reads the codes, then a predictor N of (z, codes) with G frozen.

    ``information`` weighs the smooth L1 distance of the codes in both losses; ``share`` is the
    part of the budget after which D and G rest and N learns, on real pictures alone, to find the z
    from which G draws them: 1 - MS-SSIM(x, G(N(x))). ``repel`` is BEGAN's here.
    """

    prior: Codes
    likeness: Likeness = field(default_factory=lambda: Likeness(structure=1.0))
    gamma: float = 0.5
    information: float = 0.1
    share: float = 0.75
    repel: float = 0.0

    @property
    def gives_logits(self) -> bool:
        """No: D rebuilds pictures."""
        return False

    def phases(self) -> tuple[Phase, ...]:
        """D and G until ``share``, N from there on."""
        game = Between(0.0, self.share)
        return (
            Phase(("D",), self.d_loss, game),
            Phase(("G",), self.g_loss, game),
            Phase(("N",), self.predict, Between(self.share)),
        )

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """BEGAN's loss of D, and the codes of the fakes."""
        real, fake = game.d_pictures(batch)
        on_real = self.likeness(real, game.play("D", real, batch.labels).float())
        rebuilt, seen = game.play("D", fake, batch.labels, True)
        on_fake = self.likeness(fake, rebuilt.float())
        game.facts["convergence"] = convergence(on_real, on_fake, self.gamma)
        return Terms(
            real=on_real,
            fake=-game.now["k"] * on_fake,
            codes=self.information * self.code_loss(seen, batch.z),
        )

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """Fakes that D rebuilds well and whose codes it reads."""
        fake = game.g_pictures(batch)
        rebuilt, seen = game.play("D", fake, batch.labels, True)
        terms = Terms(
            rebuilt=self.likeness(fake, rebuilt.float()),
            codes=self.information * self.code_loss(seen, batch.z),
        )
        if self.repel:
            terms["repelled"] = self.repel * pulling_away(seen.float())
        return terms

    def predict(self, game: Game, batch: Batch) -> Terms:
        """Real pictures drawn again by the frozen G from what N sees in them."""
        z, _ = game.play("N", batch.images, batch.labels)
        again = game.generate(z.float(), batch.labels)
        return Terms(predicted=self.likeness(batch.images, again))

    def code_loss(self, seen: Tensor, z: Tensor) -> Tensor:
        """Smooth L1 between the codes of z and D's reading, the last columns, ``[N]``."""
        wanted = self.prior.coded(z).float()
        read = seen[:, -wanted.shape[1] :].float()
        apart = functional.smooth_l1_loss(read, wanted, reduction="none")
        return apart.mean(1)


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 64,
    codes: int = 2,
    quick: bool | None = None,
    gamma: float = 0.0,
    balance: float = 0.0,
    structure: float | None = None,
    repel: float | None = None,
    information: float = 0.1,
    share: float = 0.75,
    rate: float = 0.0,
    predictor_rate: float = 2e-3,
) -> Recipe:
    """``codes`` counts the codes in [-1, 1]; N learns after ``share`` of the budget.

    ``structure`` 1 rebuilds by MS-SSIM, 0 by absolute error. ``quick`` (left out: up to 32 px) is
    the game for minutes, as in ``began``: absolute error, a ``repel`` of 0.1, and 0 is a ``gamma``
    of 0.9, a ``balance`` of 0.1, a ``rate`` of 3e-3 and a ``width`` of 16. Without it they are
    MS-SSIM, 0, 0.5, 0.001, 2e-4 and 32 (published: 1e-4 at 128).
    """
    game = BoundaryRate.of(
        size, quick, width=width, gamma=gamma, balance=balance, rate=rate, repel=repel
    )
    structure = (0.0 if game.quick else 1.0) if structure is None else structure
    prior = Codes(dims=dims, continuous=codes, uniform=True)
    player = Adam(rate=Decay(value=game.rate, end_value=game.rate / 10, begin=share / 2))
    return Recipe(
        name="info-began",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DecoderGenerator(inputs=prior.width, he=game.quick, **game.shape),
            "D": Autoencoder(embedding=dims, codes=codes, **game.shape),
            "N": NoisePredictor(noise=dims, codes=codes, embedding=dims, **game.shape),
        },
        prior=prior,
        objective=InfoBEGANObjective(
            prior=prior,
            likeness=Likeness(structure=structure),
            gamma=game.gamma,
            information=information,
            share=share,
            repel=game.repel,
        ),
        optimizers={
            "G": player,
            "D": player,
            "N": Adam(rate=Decay(value=predictor_rate, end_value=predictor_rate / 10, begin=share)),
        },
        values={"ema": Constant(5_000), "k": Balance(gamma=game.gamma, rate=game.balance)},
        batch=16,
    )
