"""Two changed copies of a picture should read alike: terms that let categories become kinds.

Ojha et al. 2020, "Elastic-InfoGAN", adds this to InfoGAN, so that its categories follow what a
picture shows and not how it is turned; the two terms are those of Ji et al. 2019, "Invariant
information clustering" (equation 3) and of Chen et al. 2020, "SimCLR" (equation 1).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.nn import functional as F

from lookalike.parts.losses.base import Terms
from lookalike.parts.ranks import whole_batch
from lookalike.parts.training.warp import Warp


def unshared(first: Tensor, second: Tensor, balance: float = 1.0) -> Tensor:
    """How far two readings ``[N, K]`` of the same pictures share less than log K nats, a scalar.

    Logits in. 0 when both always agree, are sure and use all K categories alike; log K when one
    tells nothing of the other. ``balance`` above 1 weighs the even use of categories more.
    """
    table = first.float().softmax(1).T @ second.float().softmax(1) / len(first)
    table = ((table + table.T) / 2).clamp(min=1e-8)
    used = table.sum(1)
    unevenness = math.log(len(used)) + (used * used.log()).sum()
    shared = (table * table.log()).sum() - 2 * (used * used.log()).sum()
    return math.log(len(used)) - shared + 2 * (balance - 1) * unevenness


@whole_batch
def _unshared(first: Tensor, second: Tensor, weight: float, balance: float) -> Tensor:
    """The same for each row, weighed, ``[N]``."""
    return (weight * unshared(first, second, balance)).expand(len(first))


@whole_batch
def contrast(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """-log of the share by which each of 2N rows finds its own other copy among all, ``[N]``.

    Features ``[N, F]`` of two copies; rows are compared by cosine over ``temperature``.
    """
    rows = F.normalize(torch.cat([first, second]).float(), dim=1)
    near = rows @ rows.T / temperature
    itself = torch.eye(len(rows), dtype=torch.bool, device=rows.device)
    partner = (torch.arange(len(rows), device=rows.device) + len(first)) % len(rows)
    losses = F.cross_entropy(near.masked_fill(itself, -torch.inf), partner, reduction="none")
    return losses.view(2, -1).mean(0)


def agreed(first: Tensor, second: Tensor, sure: float, sharpness: float = 2.0) -> Tensor:
    """Cross-entropy of the second logits ``[N, K]`` against what the first ones say, ``[N]``.

    The first are the target: sharpened (logits times ``sharpness``), without a gradient, and 0
    wherever their largest probability is below ``sure`` (Xie et al. 2020, "UDA", section 3.2).
    """
    first = first.detach().float()
    losses = F.cross_entropy(second.float(), (first * sharpness).softmax(1), reduction="none")
    return losses * (first.softmax(1).amax(1) >= sure)


@dataclass(frozen=True, kw_only=True)
class Consistency:
    """D sees all pictures through ``warp``, and reads two copies of a real picture alike.

    ``categories`` weighs the information that the copies share by their categories and
    ``features`` the contrast of their features, both on real pictures. Until ``opening``, a share
    of the budget, D learns from these two terms alone and G waits.
    """

    warp: Warp = field(default_factory=Warp)
    categories: float = 1.0
    features: float = 1.0
    balance: float = 1.0
    temperature: float = 0.5
    opening: float = 0.35

    def terms(
        self, blocks: Sequence[tuple[Tensor, Tensor]], features: tuple[Tensor, Tensor]
    ) -> Terms:
        """The terms of two copies, from logits by category and features of each."""
        terms = Terms(apart=self.features * contrast(*features, self.temperature))
        for index, (first, second) in enumerate(blocks):
            weights = self.categories, self.balance
            terms[f"alike {index}"] = _unshared(first, second, *weights)
        return terms


@dataclass(frozen=True, kw_only=True)
class ClassConsistency:
    """A picture and its changed copy get one class and like features, for a D that names classes.

    ``classes`` weighs :func:`agreed` where D is ``sure``, ``features`` the :func:`contrast`. Until
    ``opening``, a share of the budget, D learns from these and from the labels alone.
    """

    warp: Warp = field(default_factory=Warp)
    classes: float = 1.0
    features: float = 1.0
    sure: float = 0.8
    temperature: float = 0.5
    opening: float = 0.5

    def terms(self, classes: tuple[Tensor, Tensor], features: tuple[Tensor, Tensor]) -> Terms:
        """The terms of pictures and copies, from class logits and features of both."""
        return Terms(
            alike=self.classes * agreed(*classes, self.sure),
            apart=self.features * contrast(*features, self.temperature),
        )
