"""A generator with whatever of its run reads pictures back: all that editing needs of a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor, nn

from lookalike import seeds
from lookalike.engine.load import OpenedPlayers
from lookalike.parts.latents.priors import Learned, Prior
from lookalike.parts.networks.base import Frame, InnerLatent, Invertible, NetworkPlan, Networks
from lookalike.parts.networks.frozen_features import EfficientFeatures, Pretrained

BLOCK = 8
"""Latents that are drawn together; a short block is filled up, so that rounding stays the same."""


@dataclass(frozen=True, eq=False)
class EditableGenerator:
    """Draws latents and, where one of its players can, reads latents off pictures.

    The latent is what is edited: z, or what the generator's plan puts in its place
    (:class:`InnerLatent`). ``features`` is a frozen network whose maps say how alike pictures look.
    """

    frame: Frame
    networks: Networks
    plans: Mapping[str, NetworkPlan]
    prior: Prior
    learned: Learned
    seen: Tensor | None
    device: str
    features: nn.Module

    @staticmethod
    def of(players: OpenedPlayers, device: str = "cpu") -> EditableGenerator:
        """The generator of an opened run."""
        recipe = players.recipe
        frame = Frame(recipe.size, recipe.channels, recipe.labels)
        own = [one for one in players.networks.values() if isinstance(one, EfficientFeatures)]
        features = own[0] if own else Pretrained().build(frame).to(device).eval()
        return EditableGenerator(
            frame=frame,
            networks=players.networks,
            plans={name: recipe.networks[name] for name in players.networks},
            prior=recipe.prior,
            learned=players.learned,
            seen=players.labels,
            device=device,
            features=features,
        )

    @cached_property
    def readers(self) -> dict[str, Invertible]:
        """The players that read pictures, by name."""
        return {name: plan for name, plan in self.plans.items() if isinstance(plan, Invertible)}

    @cached_property
    def reads(self) -> bool:
        """Whether a player reads whole latents off pictures."""
        picture = torch.zeros(1, self.frame.channels, *self.frame.shape)
        labels = torch.zeros(1, self.frame.labels) if self.frame.labels else None
        return self.read(picture, labels) is not None

    def draw(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Latents ``[N, W]``, labels ``[N, L]`` or None -> pictures ``[N, C, S, S]`` in [-1, 1]."""
        network, plan = self.networks["G"], self.plans["G"]
        if isinstance(plan, InnerLatent):
            return plan.draw(network, latents, labels).float()
        pictures: Tensor = network(latents, labels)
        return pictures.float()

    @torch.no_grad()
    def drawn(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """The same in blocks of one size and without gradients, on the processor."""
        blocks = []
        for first in range(0, len(latents), BLOCK):
            rows = [part[first : first + BLOCK] for part in (latents, labels) if part is not None]
            missing = BLOCK - len(rows[0])
            full = [torch.cat([row, row[:1].expand(missing, -1)]) for row in rows]
            blocks.append(self.draw(*(one.to(self.device) for one in full))[: len(rows[0])].cpu())
        return torch.cat(blocks)

    @torch.no_grad()
    def draw_one(self, latent: Tensor, labels: Tensor | None = None) -> Tensor:
        """One picture at once, ``[1, C, S, S]`` on the processor; it rounds as it likes."""
        told = None if labels is None else labels.to(self.device)
        return self.draw(latent.to(self.device), told).cpu()

    @torch.no_grad()
    def read(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor | None:
        """Latents ``[N, W]`` of pictures as a player reads them, or None where none reads all."""
        for columns in self._columns(pictures, labels):
            if columns.shape[1] == self.prior.width:
                return self.bounded(columns)
        return None

    @torch.no_grad()
    def codes(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor | None:
        """The last columns of z as a player reads them, ``[N, K]``; None where none does."""
        for columns in self._columns(pictures, labels):
            if columns.shape[1] < self.prior.width:
                hidden = columns.new_zeros(len(columns), self.prior.width - columns.shape[1])
                z = self.prior.bounded(torch.cat([hidden, columns], 1))
                return z[:, hidden.shape[1] :]
        return None

    @property
    def named_columns(self) -> Mapping[str, range]:
        """The columns of latents that the prior has names for; of inner latents it has none."""
        return {} if self._inner else self.prior.named_columns

    def bounded(self, latents: Tensor) -> Tensor:
        """The nearest latents that the prior can give."""
        return latents if self._inner else self.prior.bounded(latents)

    @torch.no_grad()
    def sample(
        self, seed: int, purpose: str, count: int, labels: Tensor | None = None
    ) -> tuple[Tensor, Tensor | None]:
        """Latents ``[count, W]`` and labels ``[count, L]`` as they are drawn, by their address.

        ``labels`` ``[count, L]`` are asked for; without them a conditional generator's are those
        that go with z, or were seen in training.
        """
        rows = []
        for index in range(count):
            asked = None if labels is None else labels[index]
            if asked is None and self.frame.labels and self.seen is not None:
                asked = self.seen[index % len(self.seen)].float()
            z, told = self.prior.draw_labeled(
                seeds.generator(seed, purpose, index), 1, self.learned, asked
            )
            rows.append((z, asked[None] if told is None and asked is not None else told))
        z = torch.cat([z for z, _ in rows])
        known = [row for _, row in rows if row is not None]
        labels = torch.cat(known) if self.frame.labels else None
        return self.inner(self.prior.transform(z, labels, self.learned), labels), labels

    @torch.no_grad()
    def inner(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """The latents of z."""
        plan = self.plans["G"]
        if isinstance(plan, InnerLatent):
            return plan.latent(self.networks["G"], z.to(self.device), labels).cpu()
        return z

    @cached_property
    def spread(self) -> tuple[Tensor, Tensor]:
        """Mean and deviation of latents as they are drawn, ``[W]`` each."""
        latents, _ = self.sample(0, "editing/spread", 256)
        return latents.mean(0), latents.std(0).clamp(min=1e-3)

    @property
    def _inner(self) -> bool:
        return isinstance(self.plans["G"], InnerLatent)

    def _columns(self, pictures: Tensor, labels: Tensor | None) -> list[Tensor]:
        found = []
        for name, plan in self.readers.items():
            told = None if labels is None else labels.to(self.device)
            columns = plan.read(self.networks[name], pictures.to(self.device), told)
            found.append(columns.float().cpu())
        return found
