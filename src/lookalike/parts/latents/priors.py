"""How z is drawn. Training draws a batch from one addressed generator; sampling draws row by row,
so that picture 17 has the same z in any batch.

A prior that learns (:class:`Fitted`) keeps what it learned as a dictionary of tensors, which the
trainer holds, checkpoints and passes back in.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike.parts.former_names import answer_to

Learned = Mapping[str, Tensor]


class Prior(ABC):
    """A distribution over z. Final classes are frozen dataclasses with a field ``dims``."""

    dims: int

    @abstractmethod
    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """``count`` rows of z, float32 ``[count, width]``, from this generator and nothing else."""

    def fit(
        self,
        encoded: Tensor,
        generator: torch.Generator,
        labels: Tensor | None = None,
        spent: int | None = None,
    ) -> Learned:
        """Learn from encodings ``[N, dims]`` and their labels; nothing to learn for most priors.

        ``spent`` is the number of pictures of the whole training once it is over: the moment for
        work that is worth doing only once.
        """
        return {}

    def __init_subclass__(cls) -> None:
        answer_to(cls, carry="transform", learning="fit_time_share")

    def noise_kind(self, learned: Learned) -> str | None:
        """How anybody can draw z without this class: "normal", "uniform", or not at all (None)."""
        return None

    def to_draw(self, learned: Learned) -> Learned:
        """What of ``learned`` drawing needs: what a shared model holds of the training pictures."""
        return learned

    def transform(self, z: Tensor, labels: Tensor | None, learned: Learned) -> Tensor:
        """What the generator takes for drawn rows ``[N, width]``: the rows, for most priors."""
        return z

    def bounded(self, z: Tensor) -> Tensor:
        """The nearest rows that can be drawn: all of them, where nothing bounds z."""
        return z

    @property
    def named_columns(self) -> Mapping[str, range]:
        """The columns of z that mean something by themselves: none, for most priors.

        One column is a number in [-1, 1]; several are the values of a category, one of them 1.
        """
        return {}

    def draw_labeled(
        self, generator: torch.Generator, count: int, learned: Learned, wanted: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """z with label vectors that go with it, or None where z says nothing about labels.

        ``wanted`` ``[L]`` is the label vector that was asked for, if one was.
        """
        return self.draw(generator, count, learned), None

    @property
    def learns(self) -> bool:
        """Whether :meth:`fit` does something."""
        return False

    @property
    def fit_time_share(self) -> float:
        """The share of the training's time that the last :meth:`fit` takes, besides a fixed part.

        The fixed part is ``LEARNED`` of engine/budget.py; 0 where nothing is learned.
        """
        return 0.0

    @property
    def width(self) -> int:
        """The number of columns of z."""
        return self.dims


@dataclass(frozen=True)
class Normal(Prior):
    """Standard normal."""

    dims: int = 100

    def noise_kind(self, learned: Learned) -> str:
        """Normal."""
        return "normal"

    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """Independent N(0, 1) entries."""
        return torch.randn(count, self.dims, generator=generator)


@dataclass(frozen=True)
class Uniform(Prior):
    """Uniform in [-1, 1]."""

    dims: int = 100

    def noise_kind(self, learned: Learned) -> str:
        """Uniform in [-1, 1]."""
        return "uniform"

    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """Independent U(-1, 1) entries."""
        return torch.rand(count, self.dims, generator=generator) * 2 - 1

    def bounded(self, z: Tensor) -> Tensor:
        """Clamped to [-1, 1]."""
        return z.clamp(-1, 1)


@dataclass(frozen=True)
class Fitted(Prior):
    """A mixture of Gaussians with diagonal covariance in a whitened space, fitted to encodings.

    ``fit`` whitens the encodings, then runs k-means and one covariance per component (shrunk to the
    common one where a component is small). Before the first fit z is standard normal.
    """

    dims: int = 64
    components: int = 20
    shrink: float = 20.0

    @property
    def learns(self) -> bool:
        """Always."""
        return True

    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """A component by its weight, then a Gaussian around its mean."""
        choice = torch.rand(count, generator=generator)
        noise = torch.randn(count, self.dims, generator=generator)
        if not learned:
            return noise
        edges = learned["weights"].cumsum(0)
        which = torch.searchsorted(edges / edges[-1], choice).clamp(max=len(edges) - 1)
        local = learned["means"][which] + torch.einsum("nij,nj->ni", learned["roots"][which], noise)
        return local @ learned["color"] + learned["center"]

    def fit(
        self,
        encoded: Tensor,
        generator: torch.Generator,
        labels: Tensor | None = None,
        spent: int | None = None,
    ) -> Learned:
        """k-means with 25 rounds on whitened encodings, full covariances with shrinkage.

        The covariance of a component with n members is (n S + shrink C) / (n + shrink), where C is
        the covariance of all residuals: a small component cannot shrink onto single pictures.
        """
        data = encoded.float().cpu()
        center, scale = data.mean(0), data.std(0).clamp(min=1e-4)
        white = (data - center) / scale
        count = max(1, min(self.components, len(white) // 10))
        means = spread(white, count, generator)
        for _ in range(25):
            which = torch.cdist(white, means).argmin(1)
            for k in range(count):
                members = white[which == k]
                if len(members):
                    means[k] = members.mean(0)
        which = torch.cdist(white, means).argmin(1)
        weights = torch.bincount(which, minlength=count).float()
        residual = white - means[which]
        common = residual.T @ residual / max(len(white), 1)
        roots = torch.stack([self._root(residual[which == k], common) for k in range(count)])
        return {
            "weights": weights / weights.sum(),
            "means": means,
            "roots": roots,
            "color": torch.diag(scale),
            "center": center,
        }

    def _root(self, residual: Tensor, common: Tensor) -> Tensor:
        mixed = (residual.T @ residual + self.shrink * common) / (len(residual) + self.shrink)
        eye = torch.eye(self.dims)
        root: Tensor = torch.linalg.cholesky(mixed + 1e-4 * eye)
        return root


def spread(points: Tensor, count: int, generator: torch.Generator) -> Tensor:
    """``count`` of the points ``[N, D]``, far from each other, to start k-means from.

    Each next one is drawn with a chance in proportion to its squared distance from those chosen
    (k-means++, Arthur & Vassilvitskii 2007): starting from any points merged two of three clear
    clusters for two seeds in five.
    """
    chosen = [int(torch.randint(len(points), (1,), generator=generator))]
    nearest = torch.full((len(points),), float("inf"))
    while len(chosen) < count:
        nearest = torch.minimum(nearest, (points - points[chosen[-1]]).square().sum(1))
        chosen.append(int(torch.multinomial(nearest + 1e-12, 1, generator=generator)))
    return points[chosen].clone()
