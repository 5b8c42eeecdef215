"""The default: good pictures in minutes on a CPU, and an encoder for editing real ones.

A VAE/GAN (Larsen et al. 2016) on frozen EfficientNet features with a projected discriminator
(Sauer et al. 2021) and a generator of the FastGAN kind (Liu et al. 2021). Pictures are drawn from
a mixture of Gaussians fitted to the encoded training pictures. docs/log.md holds the experiments.
"""

from __future__ import annotations

from lookalike.parts.fast import FastEncoderPlan, FastGeneratorPlan
from lookalike.parts.features import Pretrained
from lookalike.parts.optimizers import Adam
from lookalike.parts.priors import Fitted
from lookalike.parts.reconstruction import MapJudge, Reconstruct
from lookalike.parts.schedules import Constant, Cosine, Linear
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
CHANNELS = (1, 3)
LABELS = "optional"


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 16,
    dims: int = 64,
    rate: float = 2e-3,
    adversarial: float = 0.5,
) -> Recipe:
    """``adversarial`` is the weight of D's verdict once it plays, from a fifth of the run on."""
    features = Pretrained(taps=(-1, 0, 2, 4, 10))
    player = Adam(rate=Cosine(peak=rate, warmup=0.02), betas=(0.5, 0.99))
    judge = Adam(rate=Cosine(peak=rate / 2, warmup=0.02), betas=(0.0, 0.99))
    return Recipe(
        name="swift",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "E": FastEncoderPlan(latent=dims, width=2 * width),
            "G": FastGeneratorPlan(latent=dims, width=width),
            "F": features,
            "D": MapJudge(features=features),
        },
        prior=Fitted(dims=dims, components=20),
        objective=Reconstruct(begin=0.2),
        optimizers={"E": player, "G": player, "D": judge},
        values={
            "ema": Constant(2_000),
            "adversarial": Linear(start_value=0.0, end_value=adversarial, begin=0.2, end=0.25),
        },
        average=("G", "E"),
        fits=(0.02, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0),
        batch=32,
        images=100_000,
    )
