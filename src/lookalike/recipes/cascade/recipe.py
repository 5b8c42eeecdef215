"""Large pictures without the large price: swift at 64 px, and an upsampler trained on patches.

The stacked idea of Zhang et al. 2017 (StackGAN) and of Denton et al. 2015 ("Deep generative image
models using a Laplacian pyramid of adversarial networks"): a base draws the small picture, a second
network adds what a large one has. It learns on patches of the person's own pictures, for half
of the budget, beside what the base makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from lookalike.parts.networks.base import NetworkPlan
from lookalike.parts.training.optimizers import Adam, OptimizerPlan
from lookalike.parts.training.schedules import Consecutive, Cosine, Linear, Value
from lookalike.recipe import Recipe, find
from lookalike.recipes.cascade.networks import (
    CascadeGeneratorPlan,
    ShrunkEncoderPlan,
    ShrunkView,
    SmallFrame,
)
from lookalike.recipes.cascade.objective import CascadeObjective

SIZES = (128, 256)
LABELS = "optional"


def recipe(
    size: int = 256,
    channels: int = 3,
    labels: int = 0,
    base: int = 64,
    share: float = 0.5,
    latent: int = 64,
    width: int = 48,
    widest: int = 144,
    sharp_width: int = 32,
    sharp_rate: float = 4e-3,
    clean: float = 0.25,
    rate: float = 3e-3,
    adversarial: float = 0.5,
    begin: float = 0.2,
    warm: str = "auto",
    groups: tuple[int, ...] = (),
    classes: int = 0,
    exchange: float | None = None,
    crossed: int = 2,
) -> Recipe:
    """Swift at ``base`` px for ``share`` of the budget, then an upsampler behind its generator.

    ``sharp_width`` and ``sharp_rate`` are the upsampler's; ``clean`` is the share of its patches
    that come from shrunk originals and not from the base. The other settings are those of swift.
    """
    asked = {"latent": latent, "width": width, "widest": widest, "rate": rate, "begin": begin}
    named = {"labels": labels, "groups": groups, "classes": classes}
    labeled = {**named, "exchange": exchange, "crossed": crossed}
    weights = {"adversarial": adversarial, "warm": warm}
    small = find("swift").function()(size=base, channels=channels, **asked, **labeled, **weights)
    joining = Linear(start_value=0.0, end_value=adversarial, begin=0.05, end=0.1)
    generator = CascadeGeneratorPlan(
        base=small.networks["G"], side=base, latent=latent, sharp_width=sharp_width
    )
    return replace(
        small,
        name="cascade",
        size=size,
        networks={**_small_players(small.networks, base), "G": generator},
        objective=CascadeObjective(
            base=small.objective, share=share, side=base, patch=base, clean=clean
        ),
        warm=small.warm and replace(small.warm, size=base, inside="base"),
        optimizers=_optimizers(small.optimizers, share, sharp_rate),
        values={
            **small.values,
            "adversarial": _then(small.values["adversarial"], joining, share),
        },
        fits=(*(share * fit for fit in small.fits), 1.0),
        images=2 * small.images,
    )


def _small_players(plans: Mapping[str, NetworkPlan], side: int) -> dict[str, NetworkPlan]:
    """Swift's players in a recipe of larger pictures, and P, which is a D of patches."""
    return {
        **{name: SmallFrame(base=plan, side=side) for name, plan in plans.items()},
        "E": ShrunkEncoderPlan(base=plans["E"], side=side),
        "F": ShrunkView(base=plans["F"], side=side),
        "P": SmallFrame(base=plans["D"], side=side),
    }


def _optimizers(
    plans: Mapping[str, OptimizerPlan], share: float, peak: float
) -> dict[str, OptimizerPlan]:
    """Swift's, with a second schedule for the upsampler of G, and that of P, which plays then."""
    later = Cosine(peak=peak, warmup=0.02)
    judging = Cosine(peak=peak / 2, warmup=0.02)
    players = {name: _timed(plan, _then(plan.rate, later, share)) for name, plan in plans.items()}
    return {**players, "P": Adam(rate=_then(judging, judging, share), betas=(0.0, 0.99))}


def _timed(plan: OptimizerPlan, rate: Value) -> OptimizerPlan:
    changed: OptimizerPlan = replace(plan, rate=rate)  # type: ignore[type-var]
    return changed


def _then(first: Value, second: Value, share: float) -> Consecutive:
    return Consecutive(first=first, second=second, at_share=share)
