"""D rebuilds pictures instead of judging them, and a feedback number keeps the two in balance.

Berthelot, Schumm & Metz 2017, "BEGAN: boundary equilibrium generative adversarial networks"
(sections 3.3 and 3.4; gamma 0.5, lambda 0.001, Adam 1e-4, batch 16). Played like that
for minutes at 32 px, k never left 0 and G drew blurs. ``quick`` moves k and the weights faster,
asks for more variety, and leaves out the convolutions at full side.
"""

from __future__ import annotations

from lookalike.parts.latents.priors import Uniform
from lookalike.parts.losses.began import Balance, BEGANObjective, BoundaryRate, Likeness
from lookalike.parts.networks.autoencoders import Autoencoder, DecoderGenerator
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant, Decay
from lookalike.recipe import Recipe

SIZES = (28, 32, 64, 128)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 0,
    dims: int = 64,
    quick: bool | None = None,
    gamma: float = 0.0,
    balance: float = 0.0,
    structure: float = 0.0,
    repel: float | None = None,
    rate: float = 0.0,
) -> Recipe:
    """``gamma`` trades variety (high) for quality (low); ``structure`` 1 rebuilds by MS-SSIM.

    ``quick`` (left out: up to 32 px) is the game for minutes, for which 0 is a ``gamma`` of 0.9, a
    ``balance`` of 0.1, a ``rate`` of 3e-3 and a ``width`` of 16. Without it 0 is the paper's 0.5
    and 0.001, and 2e-4, which narrow networks bear, at a ``width`` of 32 (theirs: 1e-4 at 128).
    ``repel`` keeps G's pictures apart in D's embedding: left out, 0.1 in the quick game, else 0.
    """
    game = BoundaryRate.of(
        size, quick, width=width, gamma=gamma, balance=balance, rate=rate, repel=repel
    )
    player = Adam(rate=Decay(value=game.rate, end_value=game.rate / 10))
    return Recipe(
        name="began",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": DecoderGenerator(inputs=dims, he=game.quick, **game.shape),
            "D": Autoencoder(embedding=dims, **game.shape),
        },
        prior=Uniform(dims),
        objective=BEGANObjective(
            likeness=Likeness(structure=structure), gamma=game.gamma, repel=game.repel
        ),
        optimizers={"G": player, "D": player},
        values={"ema": Constant(5_000), "k": Balance(gamma=game.gamma, rate=game.balance)},
        batch=16,
    )
