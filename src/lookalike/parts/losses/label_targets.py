"""What D is told about real and fake: smoothing, random targets, flips and swaps.

Salimans et al. 2016, section 3.4 (one-sided smoothing); the intervals and noisy labels are those
of the five systems that this package began with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike.parts.losses.adversarial import AdversarialLoss
from lookalike.parts.losses.base import real_or_fake


@dataclass(frozen=True, kw_only=True)
class NonSaturatingLoss(AdversarialLoss):
    """Binary cross-entropy on logits against targets that may be smoothed, random or flipped.

    Every sample draws its target uniformly from ``[low, high]``. A target above 1 counts as 1 (and
    below 0 as 0): beyond that cross-entropy has no lower bound, so D could win by growing without
    end. ``flips`` is the share of samples whose target is drawn from the other side. Where the
    recipe has a value "swap", a step in which it is 1 swaps the two sides for D altogether.
    ``maker`` is G's target; 1 is the plain non-saturating loss.
    """

    real_low: float = 1.0
    real_high: float = 1.0
    fake_low: float = 0.0
    fake_high: float = 0.0
    maker_target: float = 1.0
    flips: float = 0.0

    def real(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """Cross-entropy against the targets of real pictures."""
        return real_or_fake(logits, self.targets(len(logits), now, draw, real=True).to(logits))

    def fake(self, logits: Tensor, now: Mapping[str, float], draw: torch.Generator) -> Tensor:
        """Cross-entropy against the targets of fakes."""
        return real_or_fake(logits, self.targets(len(logits), now, draw, real=False).to(logits))

    def maker(self, logits: Tensor) -> Tensor:
        """Cross-entropy of fakes against what G wants them to be."""
        return real_or_fake(logits, self.maker_target)

    def targets(
        self, count: int, now: Mapping[str, float], draw: torch.Generator, *, real: bool
    ) -> Tensor:
        """D's targets for ``count`` samples, each in [0, 1]."""
        turned = torch.rand(count, generator=draw) < self.flips
        is_real = turned ^ (real != (now.get("swap", 0.0) > 0))
        share = torch.rand(count, generator=draw)
        reals = self.real_low + share * (self.real_high - self.real_low)
        fakes = self.fake_low + share * (self.fake_high - self.fake_low)
        return torch.where(is_real, reals, fakes).clamp(0, 1)


SMOOTHING = {
    "none": NonSaturatingLoss(),
    "one-sided": NonSaturatingLoss(real_low=0.9, real_high=0.9),
    "two-sided": NonSaturatingLoss(
        real_low=0.95, real_high=0.95, fake_low=0.05, fake_high=0.05, maker_target=0.95
    ),
}
"""Smoothing by its name: one-sided is 0.9 for D alone; two-sided is t * 0.9 + 0.05 for both."""
