"""Priors that learn where encodings lie: points between neighbors, and a small flow from noise.

Samples of a mixture fall between the modes of the encoded pictures, where the generator never
learned to draw; the encodings' own neighborhoods do not. The step from a picture towards its
neighbors is that of SMOTE (Chawla et al. 2002). No sample sits on a training picture: the largest
weight of a sample is bounded.

Points between neighbors stay close to single training pictures and to one another. A flow-matching
model (Lipman et al. 2023, with the straight paths of Liu et al. 2023) of the encodings draws new
combinations instead. It is a few residual layers on a vector of z, so it is learned in a share of
the training's last seconds.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from functools import lru_cache

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lookalike.parts.latents.crossover import LabelCrossover
from lookalike.parts.latents.priors import Learned, Prior

_WEIGHTS = "flow/"
_WAVES = 16


@dataclass(frozen=True, kw_only=True)
class Neighbors(Prior):
    """z = (1 - u) z_i + u z_j with j one of the ``nearest`` neighbors of i, and a little noise.

    ``u`` is uniform in [``least``, 1 - ``least``], so at most the share 1 - ``least`` of a sample
    comes from one picture; ``noise`` is in units of the encodings' standard deviation. Distances
    are measured with every dimension scaled to unit variance. Before the first fit z is standard
    normal. ``most`` bounds how many encodings are kept. Of few encodings only the hundredth part,
    and at least two, count as neighbors: what is further away has little in common.
    """

    dims: int = 64
    nearest: int = 5
    least: float = 0.25
    noise: float = 0.0
    most: int = 4_000

    @property
    def learns(self) -> bool:
        """Always."""
        return True

    def fit(
        self,
        encoded: Tensor,
        generator: torch.Generator,
        labels: Tensor | None = None,
        spent: int | None = None,
    ) -> Learned:
        """Keep the encodings, each with its nearest neighbors; needs at least two of them.

        With labels ``[N, L]`` neighbors of the same label come first, however far they are.
        """
        data = encoded.float().cpu()
        named = None if labels is None else labels.float().cpu()
        if len(data) > self.most:
            rows = torch.randperm(len(data), generator=generator)[: self.most]
            data, named = data[rows], None if named is None else named[rows]
        scale = data.std(0).clamp(min=1e-4) if len(data) > 1 else torch.ones(self.dims)
        count = min(self.nearest, max(2, len(data) // 100), len(data) - 1)
        if count < 1:
            return {}
        learned = {"codes": data, "neighbors": _nearest(data / scale, named, count), "scale": scale}
        return learned if named is None else {**learned, "labels": named}

    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """A picture's encoding, one of its neighbors, and a place between the two."""
        return self.draw_labeled(generator, count, learned, None)[0]

    def draw_labeled(
        self, generator: torch.Generator, count: int, learned: Learned, wanted: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """z between two pictures, and the label between theirs, or the one that was asked for.

        With a label asked for, the first picture is one of those whose label is nearest to it.
        """
        chosen = torch.rand(count, 3, generator=generator)
        noise = torch.randn(count, self.dims, generator=generator)
        if not learned:
            return noise, None
        codes, near, labels = learned["codes"], learned["neighbors"], learned.get("labels")
        able = _like(labels, wanted, len(codes))
        first = able[(chosen[:, 0] * len(able)).long().clamp(max=len(able) - 1)]
        which = (chosen[:, 1] * near.shape[1]).long().clamp(max=near.shape[1] - 1)
        second = near[first, which]
        share = self.least + (1 - 2 * self.least) * chosen[:, 2:]
        between = (1 - share) * codes[first] + share * codes[second]
        z = between + self.noise * noise * learned["scale"]
        if labels is None:
            return z, None
        if wanted is not None:
            return z, wanted.float().expand(count, -1)
        return z, (1 - share) * labels[first] + share * labels[second]


class Velocity(nn.Module):
    """Where a point moves at time t, for its labels: residual layers with normalized inputs."""

    def __init__(self, dims: int, labels: int, *, width: int, blocks: int) -> None:
        super().__init__()
        self.enter = nn.Linear(dims + labels + 2 * _WAVES, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width),
                nn.Linear(width, 2 * width),
                nn.SiLU(),
                nn.Dropout(0.05),
                nn.Linear(2 * width, width),
            )
            for _ in range(blocks)
        )
        self.leave = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, dims))

    def forward(self, x: Tensor, time: Tensor, labels: Tensor | None = None) -> Tensor:
        """x ``[N, dims]``, time ``[N, 1]`` in [0, 1], labels ``[N, L]`` -> velocities."""
        waves = time * torch.exp(torch.linspace(0, math.log(100), _WAVES))
        parts = [x, waves.sin(), waves.cos()]
        h = self.enter(torch.cat(parts if labels is None else [*parts, labels], 1))
        for block in self.blocks:
            h = h + block(h)
        moved: Tensor = self.leave(h)
        return moved


@dataclass(frozen=True, kw_only=True)
class Flow(Prior):
    """Noise carried to where encodings lie; until it is learned, points between neighbors.

    The flow is learned when the budget is spent, for one step of ``batch`` encodings every
    ``every`` pictures of the training (at most ``steps``): a fixed small share of the time. Up to
    ``early`` steps it learns twice as often, since fewer leave its points beside the encodings, but
    no more than two steps an encoding: few would be learned by heart. Its data are steps of up to
    ``reach`` of the way from an encoding towards a neighbor, so that no point of them is a training
    picture. ``rungs`` midpoint steps carry a point. With fewer than ``fewest`` encodings there is
    too little to learn from, and points between neighbors remain.
    A point goes with the label row of a training picture, or with what ``crossover`` makes of it.
    ``dims`` to ``most`` are those of :class:`Neighbors`.
    """

    dims: int = 64
    nearest: int = 5
    least: float = 0.25
    noise: float = 0.0
    most: int = 4_000
    breadth: int = 256
    blocks: int = 3
    batch: int = 128
    every: int = 10
    steps: int = 6_000
    rate: float = 4e-3
    reach: float = 0.05
    rungs: int = 8
    fewest: int = 64
    early: int = 0
    crossover: LabelCrossover | None = None

    @property
    def neighbors(self) -> Neighbors:
        """The prior that there is until the flow is learned."""
        names = (field.name for field in fields(Neighbors))
        return Neighbors(**{name: getattr(self, name) for name in names})

    @property
    def learns(self) -> bool:
        """Always."""
        return True

    @property
    def fit_time_share(self) -> float:
        """Measured on one thread and on two: docs/log.md, "The end of a time"."""
        return 0.036 if self.early else 0.025

    def fit(
        self,
        encoded: Tensor,
        generator: torch.Generator,
        labels: Tensor | None = None,
        spent: int | None = None,
    ) -> Learned:
        """Keep the encodings; learn the flow once the training is over (``spent`` pictures)."""
        points = self.neighbors.fit(encoded, generator, labels)
        if spent is None or len(encoded) < self.fewest or not points:
            return points
        count = self._steps(spent, len(points["codes"]))
        seed = int(torch.randint(2**31, (), generator=generator))
        with torch.random.fork_rng(devices=[]):  # dropout and weights draw from torch's own
            torch.manual_seed(seed)
            return {**points, **self._learn(points, count)}

    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """Noise for :meth:`transform`, or points between neighbors."""
        return self.draw_labeled(generator, count, learned, None)[0]

    def noise_kind(self, learned: Learned) -> str | None:
        """Normal, once the flow is learned."""
        return "normal" if _learned(learned) else None

    def to_draw(self, learned: Learned) -> Learned:
        """A learned flow draws without the encodings of training pictures."""
        if not _learned(learned):
            return learned
        return {n: value for n, value in learned.items() if n not in {"codes", "neighbors"}}

    def draw_labeled(
        self, generator: torch.Generator, count: int, learned: Learned, wanted: Tensor | None
    ) -> tuple[Tensor, Tensor | None]:
        """Noise for :meth:`transform`, with the wanted label, a picture's, or a crossed one.

        The noise and the training picture are the same with and without ``crossover``.
        """
        if not _learned(learned):
            return self.neighbors.draw_labeled(generator, count, learned, wanted)
        noise = torch.randn(count, self.dims, generator=generator)
        labels = learned.get("labels")
        if labels is None:
            return noise, None
        if wanted is not None:
            return noise, wanted.float().expand(count, -1)
        chosen = torch.randint(len(labels), (count,), generator=generator)
        if self.crossover is None:
            return noise, labels[chosen]
        return noise, self.crossover.rows(labels, chosen, generator)

    @torch.no_grad()
    def transform(self, z: Tensor, labels: Tensor | None, learned: Learned) -> Tensor:
        """The same rows, moved by the flow to where encodings lie: midpoint rule, equal steps."""
        weights = _learned(learned)
        if not weights:
            return z
        network = self._network(0 if labels is None else labels.shape[1]).eval()
        step = 1 / self.rungs
        for rung in range(self.rungs):
            time = torch.full_like(z[:, :1], rung * step)
            half = z + functional_call(network, weights, (z, time, labels)) * step / 2
            z = z + functional_call(network, weights, (half, time + step / 2, labels)) * step
        return z * learned["flow_scale"] + learned["flow_center"]

    def _steps(self, spent: int, encodings: int) -> int:
        """How many steps are learned after a training of ``spent`` pictures."""
        once = spent // self.every
        twice = min(2 * once, self.early, 2 * encodings)
        return max(1, min(self.steps, max(once, twice)))

    def _network(self, labels: int) -> Velocity:
        return _velocity(self.dims, labels, self.breadth, self.blocks)

    def _learn(self, points: Learned, count: int) -> Learned:
        codes, near, labels = points["codes"], points["neighbors"], points.get("labels")
        center, scale = codes.mean(0), codes.std(0).clamp(min=1e-4)
        columns = 0 if labels is None else labels.shape[1]
        network = Velocity(self.dims, columns, width=self.breadth, blocks=self.blocks)
        average = {name: weight.detach().clone() for name, weight in network.named_parameters()}
        weights: list[Tensor] = list(network.parameters())
        optimizer = torch.optim.AdamW(weights, lr=self.rate, weight_decay=0.01, fused=True)
        data = (codes - center) / scale
        for step in range(count):
            for group in optimizer.param_groups:
                group["lr"] = self.rate * _hill(step, count)
            loss = self._loss(network, data, near, labels)
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            with torch.no_grad():
                share = 1 - min(0.99, (step + 1) / (step + 10))
                torch._foreach_lerp_(list(average.values()), weights, share)
        learned = {_WEIGHTS + name: weight for name, weight in average.items()}
        return {**learned, "flow_scale": scale, "flow_center": center}

    def _loss(self, network: Velocity, data: Tensor, near: Tensor, labels: Tensor | None) -> Tensor:
        """Equation 9 of Lipman et al. 2023 with straight paths: the mean squared velocity error."""
        first = torch.randint(len(data), (self.batch,))
        second = near[first, torch.randint(near.shape[1], (self.batch,))]
        share = self.reach * torch.rand(self.batch, 1)
        there = torch.lerp(data[first], data[second], share)
        named = None if labels is None else torch.lerp(labels[first], labels[second], share)
        time = torch.sigmoid(torch.randn(self.batch, 1))
        noise = torch.randn_like(there)
        moved: Tensor = network(torch.lerp(noise, there, time), time, named)
        return (moved - (there - noise)).square().mean()


def _hill(step: int, steps: int) -> float:
    """Up over the first twentieth, then down a cosine."""
    return min(1.0, (step + 1) / max(1, steps // 20)) * 0.5 * (1 + math.cos(math.pi * step / steps))


def _learned(learned: Learned) -> dict[str, Tensor]:
    """The flow's weights by their names, empty before it was learned."""
    start = len(_WEIGHTS)
    return {name[start:]: value for name, value in learned.items() if name.startswith(_WEIGHTS)}


@lru_cache(maxsize=8)
def _velocity(dims: int, labels: int, width: int, blocks: int) -> Velocity:
    """A network of this shape; its own weights are never used."""
    return Velocity(dims, labels, width=width, blocks=blocks).requires_grad_(False)


def _nearest(white: Tensor, labels: Tensor | None, count: int) -> Tensor:
    """The rows of the ``count`` nearest others of each row, those of the same label first."""
    nearest = []
    for start in range(0, len(white), 500):
        rows = slice(start, start + 500)
        away = torch.cdist(white[rows], white)
        if labels is not None:
            away += 1e4 * (torch.cdist(labels[rows], labels, p=1.0) > 1e-6)
        away[torch.arange(len(away)), torch.arange(start, start + len(away))] = torch.inf
        nearest.append(away.topk(count, largest=False).indices)
    return torch.cat(nearest)


def _like(labels: Tensor | None, wanted: Tensor | None, count: int) -> Tensor:
    """The rows whose labels are nearest to the wanted one: all of that class, or the best 32."""
    if labels is None or wanted is None:
        return torch.arange(count)
    away = (labels - wanted.float()).abs().sum(1)
    same = torch.nonzero(away < 1e-6)[:, 0]
    return same if len(same) else away.topk(min(32, count), largest=False).indices
