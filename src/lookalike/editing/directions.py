"""Directions: where latents move when labels change, axes found without labels, and codes.

With labels: a ridge regression of latents on labels, so that attributes which come together are
held, and means over pictures that differ in one attribute alone. Without: principal components of
latents (Haerkoenen et al. 2020, "GANSpace") and the directions that the generator's first layers
answer to most (Shen & Zhou 2021, "Closed-form factorization of latent semantics", SeFa).
Codes that a recipe teaches its generator (Chen et al. 2016, "InfoGAN") need not be found.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lookalike.editing.generator import EditableGenerator

RIDGE = 10.0
NEIGHBORS = 16
"""How many latents with the wanted labels, and how many with those of now, are averaged."""
AXES = 6
"""Axes of each kind that are found."""
TWINS = 0.9
"""Axes whose cosine is larger are one."""
STRENGTH = 0.12
"""The mean change of a pixel, in [-1, 1], that one unit of an axis makes."""


@dataclass(frozen=True, eq=False)
class LabelDirections:
    """``steps`` ``[L, W]`` is how latents move with each label column; examples lie beside them.

    ``latents`` ``[M, W]`` and ``labels`` ``[M, L]`` are those of some pictures.
    """

    steps: Tensor
    latents: Tensor
    labels: Tensor

    @staticmethod
    def fit(latents: Tensor, labels: Tensor, keep: int = 2_000) -> LabelDirections:
        """The closed-form ridge regression of latents ``[N, W]`` on labels ``[N, L]``."""
        centered = labels - labels.mean(0)
        gram = centered.T @ centered + RIDGE * torch.eye(labels.shape[1])
        steps = torch.linalg.solve(gram, centered.T @ (latents - latents.mean(0)))
        return LabelDirections(steps, latents[:keep], labels[:keep])

    def as_tree(self) -> dict[str, Tensor]:
        """As tensors, to be kept; examples in half precision."""
        return {**vars(self), "latents": self.latents.half(), "labels": self.labels.half()}

    @staticmethod
    def of_tree(tree: Mapping[str, Tensor]) -> LabelDirections:
        """What :meth:`as_tree` gave."""
        return LabelDirections(tree["steps"], tree["latents"].float(), tree["labels"].float())

    def straight(self, before: Tensor, after: Tensor) -> Tensor:
        """From one label row ``[1, L]`` to another, by the regression: ``[1, W]``."""
        return (after - before) @ self.steps

    def matched(self, before: Tensor, after: Tensor) -> Tensor:
        """The same by the means of the pictures whose labels are nearest to each row."""
        means = [self._like(row, (after - before).abs()[0]) for row in (after, before)]
        return means[0] - means[1]

    def _like(self, wanted: Tensor, moving: Tensor) -> Tensor:
        """The mean latent of the nearest by label; what is to change counts most."""
        weight = 1 + 100 * (moving > 0).float()
        away = ((self.labels - wanted).abs() * weight).sum(1)
        rows = away.topk(min(NEIGHBORS, len(away)), largest=False).indices
        return self.latents[rows].mean(0, keepdim=True)


@dataclass(frozen=True, eq=False)
class FoundAxis:
    """A direction ``[W]`` that no label names: one unit changes pictures as much as any other's.

    ``kind`` is "pca" or "sefa"; or "code", a column of z, of whose range [-1, 1] a unit is half.
    """

    kind: str
    direction: Tensor


@dataclass(frozen=True)
class CategoryCode:
    """A category of z: its columns, one for each value; values are counted from 1."""

    columns: range

    @property
    def values(self) -> tuple[int, ...]:
        """All of them."""
        return tuple(range(1, len(self.columns) + 1))

    def read(self, latent: Tensor) -> int:
        """The value of a latent ``[1, W]``."""
        return int(latent[0, list(self.columns)].argmax()) + 1

    def put(self, latent: Tensor, value: int) -> Tensor:
        """The latent ``[1, W]`` with this value, and with all else as it was."""
        put = latent.clone()
        put[:, list(self.columns)] = 0.0
        put[:, self.columns[value - 1]] = 1.0
        return put


def codes_of(generator: EditableGenerator) -> dict[str, FoundAxis | CategoryCode]:
    """What the recipe's own codes move, by name: numbers as axes, and categories."""
    found: dict[str, FoundAxis | CategoryCode] = {}
    for name, columns in generator.named_columns.items():
        if len(columns) > 1:
            found[name] = CategoryCode(columns)
        else:
            found[name] = FoundAxis("code", torch.eye(generator.prior.width)[columns[0]])
    return found


@torch.no_grad()
def find_axes(
    generator: EditableGenerator, latents: Tensor, labels: Tensor | None = None
) -> list[FoundAxis]:
    """Numbered axes of latents ``[N, W]``: first principal components, then SeFa's."""
    centered = latents - latents.mean(0)
    _, _, components = torch.linalg.svd(centered, full_matrices=False)
    answers = first_layers(generator)
    kinds = [("pca", row) for row in components[:AXES]]
    if len(answers):
        _, vectors = torch.linalg.eigh(answers.T @ answers)
        kinds += [("sefa", row) for row in vectors.T.flip(0)[:AXES]]
    found: list[FoundAxis] = []
    for kind, direction in kinds:
        unit = direction / direction.norm()
        others = [axis.direction / axis.direction.norm() for axis in found]
        if all(abs(float(unit @ other)) < TWINS for other in others):
            spread = float((centered @ unit).std())
            found.append(FoundAxis(kind, _like_strength(generator, latents, unit * spread, labels)))
    return found


def _like_strength(
    generator: EditableGenerator, latents: Tensor, direction: Tensor, labels: Tensor | None
) -> Tensor:
    """Scaled so that a step either way changes pixels by :data:`STRENGTH`, and signed.

    The sign is the one in which the largest entry is positive, so that it does not depend on how
    eigenvectors come out.
    """
    some = latents[:16]
    told = None if labels is None else labels[: len(some)]
    ways = [generator.drawn(some + way * direction, told) for way in (-1.0, 1.0)]
    change = float((ways[1] - ways[0]).abs().mean()) / 2
    scaled = direction * min(4.0, max(0.25, STRENGTH / max(change, 1e-6)))
    return scaled * scaled[scaled.abs().argmax()].sign()


def first_layers(generator: EditableGenerator) -> Tensor:
    """The weights that the generator applies to the latent itself, ``[rows, W]``, unit norm each.

    They are found by their shape: linear layers and transposed convolutions that take as many
    columns as the latent has, and label columns behind them.
    """
    width = generator.prior.width
    able = {width, width + generator.frame.labels}
    found = []
    for module in generator.networks["G"].modules():
        weight = getattr(module, "weight", None)
        if isinstance(module, nn.ConvTranspose2d) and module.in_channels in able:
            rows = module.weight.flatten(1).T
        elif isinstance(weight, Tensor) and weight.ndim == 2 and weight.shape[1] in able:
            rows = weight
        else:
            continue
        rows = rows[:, :width].detach().float().cpu()
        found.append(rows / rows.norm().clamp(min=1e-6))
    return torch.cat(found) if found else torch.zeros(0, width)
