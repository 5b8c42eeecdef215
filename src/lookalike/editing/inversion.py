"""Inversion: the latent from which a generator draws a given picture as well as it can.

An encoder's answer where there is one, or the best of many draws; then some steps of gradient
descent on the latent (Zhu et al. 2016, "Generative visual manipulation on the natural image
manifold"). What is compared is chosen: pixels, structure (MS-SSIM), maps of a frozen network.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from lookalike.editing.generator import EditableGenerator
from lookalike.errors import RecipeError
from lookalike.parts.losses.base import per_sample
from lookalike.parts.losses.features import feature_distance
from lookalike.parts.losses.ssim import ms_ssim

Compare = Callable[[nn.Module, Tensor, Tensor], Tensor]
"""Features, pictures and pictures ``[N, C, S, S]`` -> how far they are apart, ``[N]``."""

DRAWN = 128
"""Draws from which descent begins where no player reads pictures."""
STARTS = 4
"""The best of these draws go down side by side."""


def _of_maps(features: nn.Module, first: Tensor, second: Tensor) -> Tensor:
    return feature_distance(features(first), features(second))


LOSSES: Mapping[str, Compare] = {
    "mse": lambda _, first, second: per_sample((first - second).square()),
    "msssim": lambda _, first, second: 1 - ms_ssim(first, second),
    "features": _of_maps,
}
WEIGHTS = {"mse": 4.0}
"""What a loss weighs where several are added; the others weigh 1."""
USUAL = "mse+features"


@dataclass(frozen=True, kw_only=True)
class InversionSettings:
    """How the latent is sought. ``losses`` are weights of :data:`LOSSES`.

    ``steps`` None are 50 where a player reads pictures, and 300 where none does. ``near`` weighs
    the squared distance from where it began (from the middle of all latents, without a reader), in
    deviations of latents.
    """

    losses: Mapping[str, float] = field(default_factory=lambda: weights_of(USUAL))
    steps: int | None = None
    rate: float = 0.05
    near: float = 0.01
    seed: int = 0

    def __post_init__(self) -> None:
        unknown = [name for name in self.losses if name not in LOSSES]
        if unknown or not self.losses:
            raise RecipeError(
                f"There is no loss {', '.join(unknown) or 'named'} to rebuild by. There are: "
                f"{', '.join(LOSSES)}."
            )


def weights_of(names: str) -> dict[str, float]:
    """The losses that a person named, as in "mse+features", each with its weight."""
    return {name: WEIGHTS.get(name, 1.0) for name in names.split("+")}


@dataclass(frozen=True, eq=False)
class Inversion:
    """A picture found again: ``latent`` ``[1, W]``, ``labels`` ``[1, L]``, what they draw.

    ``drawn`` is ``[1, C, S, S]``; ``losses`` says how far it is from the picture in each way.
    """

    latent: Tensor
    labels: Tensor | None
    drawn: Tensor
    losses: Mapping[str, float]


def invert(
    generator: EditableGenerator,
    picture: Tensor,
    labels: Tensor | None = None,
    settings: InversionSettings | None = None,
) -> Inversion:
    """Find the latent of one picture ``[1, C, S, S]``; ``labels`` ``[1, L]`` go to a conditional G.

    The same picture and settings give the same latent.
    """
    settings = settings or InversionSettings()
    start, steps = _start(generator, picture, labels, settings)
    steps = steps if settings.steps is None else settings.steps
    latents = _descend(generator, picture, labels, start, settings, steps)
    told = None if labels is None else labels.expand(len(latents), -1)
    pictures = generator.drawn(latents, told)
    best = int(_distance(generator, picture, pictures, settings.losses).argmin())
    drawn = pictures[best : best + 1]
    return Inversion(latents[best : best + 1], labels, drawn, distances(generator, picture, drawn))


@torch.no_grad()
def distances(generator: EditableGenerator, first: Tensor, second: Tensor) -> dict[str, float]:
    """How far two pictures are apart by every loss, and the peak signal-to-noise ratio in dB."""
    told = {
        name: float(compare(generator.features, first, second)) for name, compare in LOSSES.items()
    }
    return {**told, "psnr": 10 * math.log10(4 / max(told["mse"], 1e-10))}


def _distance(
    generator: EditableGenerator, wanted: Tensor, pictures: Tensor, losses: Mapping[str, float]
) -> Tensor:
    """The weighted sum of the losses to one picture, ``[N]``."""
    whole = torch.zeros(len(pictures))
    for name, weight in losses.items():
        same = wanted.expand(len(pictures), -1, -1, -1)
        whole = whole + weight * LOSSES[name](generator.features, pictures, same)
    return whole


def _start(
    generator: EditableGenerator,
    picture: Tensor,
    labels: Tensor | None,
    settings: InversionSettings,
) -> tuple[Tensor, int]:
    """Latents ``[N, W]`` to begin with, and how many steps are usual from there."""
    found = generator.read(picture, labels)
    if found is not None:
        return found, 50
    told = None if labels is None else labels.expand(DRAWN, -1)
    latents, told = generator.sample(settings.seed, "editing/start", DRAWN, told)
    codes = generator.codes(picture, labels)
    if codes is not None:  # InfoGAN's second head: codes are read, the noise is sought
        latents = latents.clone()
        latents[:, -codes.shape[1] :] = codes
    with torch.no_grad():
        away = _distance(generator, picture, generator.drawn(latents, told), settings.losses)
    return latents[away.topk(STARTS, largest=False).indices], 300


def _descend(
    generator: EditableGenerator,
    picture: Tensor,
    labels: Tensor | None,
    start: Tensor,
    settings: InversionSettings,
    steps: int,
) -> Tensor:
    """Adam with a rate that falls to nothing; rows never leave what the prior can give."""
    center, spread = generator.spread
    center = start if len(start) == 1 else center
    offsets = torch.zeros_like(start, requires_grad=True)
    optimizer = torch.optim.Adam([offsets], settings.rate)
    told = None if labels is None else labels.expand(len(start), -1)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = settings.rate * _falling(step / steps)
        latents = generator.bounded(start + offsets * spread)
        moved = (start + offsets * spread - center) / spread
        away = _distance(generator, picture, generator.draw(latents, told), settings.losses)
        optimizer.zero_grad()
        (away + settings.near * moved.square().mean(1)).sum().backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    return generator.bounded(start + offsets.detach() * spread)


def _falling(share: float) -> float:
    """From 1 to 0 down a cosine."""
    return 0.5 * (1 + math.cos(math.pi * share))
