"""DEGAN: an autoencoder learns first; then G draws from codes of decoded noise, Enc(Dec(z)).

Zhong et al. 2020, "Generative adversarial networks with decoder-encoder output noise" (the noise
of section 3); the autoencoder is variational (Kingma & Welling 2014) and frozen after ``pretrain``
of the budget. The game is Goodfellow et al. 2014, equation 1, with 5x5 strided networks.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.errors import RecipeError
from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import NonSaturatingLoss
from lookalike.parts.losses.base import Objective, Phase, Terms, kl_to_normal, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.two_player import TwoPlayer
from lookalike.parts.networks.base import Frame, InnerLatent, Invertible, NetworkPlan
from lookalike.parts.networks.strided import (
    StridedDiscriminator,
    StridedGenerator,
    halving_strides,
)
from lookalike.parts.training.adaptive import tricks
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.triggers import Between
from lookalike.recipe import Recipe

SIZES = (28, 32, 64, 128)
LABELS = "optional"


class NoiseRecoder(nn.Module):
    """z -> Dec -> Enc -> the generator proper. With ``pictures``: the autoencoder alone.

    The codes are brought to unit variance: an autoencoder that has learned for a moment (or whose
    divergence weighs much) hardly tells codes apart, and all pictures would be one. Encoder and
    decoder live inside the player "G", so that whoever samples needs nothing else.
    """

    def __init__(self, plan: DecodedGenerator, frame: Frame) -> None:
        super().__init__()
        self.place = frame.size // 4
        cells, width = self.place**2, plan.width
        self.encoder = nn.Sequential(
            nn.Conv2d(frame.channels, width, 3, 2, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(2 * width * cells, 2 * plan.body.dims),
        )
        self.begin = nn.Linear(plan.body.dims, 2 * width * cells)
        self.decoder = nn.Sequential(
            nn.ReLU(),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, frame.channels, 4, 2, 1),
        )
        self.scale = nn.BatchNorm1d(plan.body.dims, eps=1e-9, affine=False)
        self.body = plan.body.build(frame)

    def decode(self, code: Tensor) -> Tensor:
        """Codes ``[N, Z]`` -> logits of pixels ``[N, C, S, S]``; tanh(l / 2) is the picture."""
        maps = self.begin(code).unflatten(1, (-1, self.place, self.place))
        logits: Tensor = self.decoder(maps)
        return logits

    def encode(self, pictures: Tensor) -> tuple[Tensor, Tensor]:
        """Pictures -> mean and log variance of the code, ``[N, Z]`` each."""
        mean, log_variance = self.encoder(pictures).float().chunk(2, 1)
        return mean, log_variance.clamp(-12, 4)

    def forward(
        self, z: Tensor, labels: Tensor | None = None, pictures: Tensor | None = None
    ) -> Any:
        """Pictures from z; or, given pictures, (logits, mean, log variance) with z as the noise."""
        if pictures is not None:
            mean, log_variance = self.encode(pictures)
            return self.decode(mean + (log_variance / 2).exp() * z), mean, log_variance
        return self.draw(self.latent(z), labels)

    def latent(self, z: Tensor) -> Tensor:
        """z ``[N, Z]`` -> what the generator proper is given, ``[N, Z]``: the code of Dec(z)."""
        with torch.no_grad():
            code, _ = self.encode(torch.tanh(self.decode(z) / 2))
        scaled: Tensor = self.scale(code)
        return scaled

    def draw(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """Codes of unit variance ``[N, Z]`` -> pictures ``[N, C, S, S]``."""
        pictures: Tensor = self.body(latent, labels)
        return pictures


@dataclass(frozen=True, kw_only=True)
class DecodedGenerator(NetworkPlan, InnerLatent, Invertible):
    """The generator ``body`` behind an autoencoder of ``width`` and twice as many maps."""

    body: StridedGenerator = field(default_factory=StridedGenerator)
    width: int = 32

    def build(self, frame: Frame) -> nn.Module:
        """The generator for this frame."""
        if frame.size % 4:
            raise RecipeError(
                f"The autoencoder halves twice, so the size must be a multiple of 4, not "
                f"{frame.size}. Prepare the pictures at 28, 32, 64 or 128 px."
            )
        return NoiseRecoder(self, frame)

    def read(self, network: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """The code that the generator proper is given."""
        assert isinstance(network, NoiseRecoder)
        scaled: Tensor = network.scale(network.encode(pictures)[0])
        return scaled

    def latent(self, network: nn.Module, z: Tensor, labels: Tensor | None) -> Tensor:
        """The code of the picture that the autoencoder makes of z."""
        assert isinstance(network, NoiseRecoder)
        return network.latent(z)

    def draw(self, network: nn.Module, latent: Tensor, labels: Tensor | None) -> Tensor:
        """The generator proper."""
        assert isinstance(network, NoiseRecoder)
        return network.draw(latent, labels)


@dataclass(frozen=True, kw_only=True)
class DEGANObjective(Objective):
    """First an autoencoder for ``pretrain`` of the budget, then a game over its codes.

    The first phase is a variational autoencoder (Kingma & Welling 2014, equation 10, per pixel):
    binary cross-entropy plus ``kl`` times the divergence; ``kl`` 0 is a plain autoencoder.
    Afterwards no gradient reaches it.
    """

    pretrain: float = 0.2
    kl: float = 1.0
    game: TwoPlayer = field(default_factory=TwoPlayer)

    @property
    def reads(self) -> tuple[str, ...]:
        """As in the game inside."""
        return self.game.reads

    def phases(self) -> tuple[Phase, ...]:
        """The autoencoder, then D and G."""
        later = Between(self.pretrain, 2.0)
        return (
            Phase(("G",), self.autoencode, Between(0.0, self.pretrain)),
            *(replace(phase, turn=later) for phase in self.game.phases()),
        )

    def autoencode(self, game: Game, batch: Batch) -> Terms:
        """Reconstruction and divergence, both per pixel."""
        noise = batch.z if self.kl else torch.zeros_like(batch.z)
        logits, mean, log_variance = game.play("G", noise, None, batch.images)
        goal = (batch.images + 1) / 2
        terms = Terms(reconstruction=per_sample(F.softplus(logits) - goal * logits))
        if self.kl:
            terms["kl"] = self.kl * kl_to_normal(mean, log_variance) / goal[0].numel()
        return terms


def recipe(
    size: int = 32,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 100,
    rate: float = 2e-4,
    pretrain: float = 0.2,
    kl: float = 1.0,
    smoothing: float = 1.0,
    instance_noise: float = 0.0,
) -> Recipe:
    """``kl`` 0 makes it a plain autoencoder; ``pretrain`` is the share of the budget it takes.

    ``width`` 0 is 64, and 32 at 32 px.
    """
    width = width or (32 if size == 32 else 64)
    strides = halving_strides(size)
    widths = tuple(min(256, width << k) for k in range(len(strides)))
    player = Adam(rate=Constant(rate))
    body = StridedGenerator(dims=dims, widths=widths[::-1], strides=strides)
    return Recipe(
        name="degan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DecodedGenerator(body=body),
            "D": StridedDiscriminator(widths=widths, strides=strides),
        },
        prior=Normal(dims),
        objective=DEGANObjective(
            pretrain=pretrain,
            kl=kl,
            game=TwoPlayer(rule=NonSaturatingLoss(real_low=smoothing, real_high=smoothing)),
        ),
        optimizers={"G": player, "D": player},
        values=tricks(ema=10_000, instance_noise=instance_noise),
        batch=32 if size == 32 else 64,
    )
