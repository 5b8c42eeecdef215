"""All that a loss may touch: the pictures of a step, the players' verbs, and the values of now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from lookalike.images import on_ground
from lookalike.parts.networks.base import (
    Networks,
    describes,
    last_layer_inputs,
    sees_colors_only,
)
from lookalike.parts.ranks import per_row
from lookalike.parts.training.diffaugment import Augmentation

T = TypeVar("T")
Autocast = Callable[[str], AbstractContextManager[Any]]


@dataclass(frozen=True)
class Batch:
    """The pictures of one step, or of a slice of it.

    ``images`` is float ``[N, C, H, W]`` in [-1, 1]; ``z`` is ``[N, Z]``; ``labels`` is float
    ``[N, L]`` or None; ``known`` marks rows whose label may be used (semi-supervised training).
    ``fresh(purpose)`` draws another z of the same shape at an address of its own.
    """

    images: Tensor
    z: Tensor
    labels: Tensor | None = None
    known: Tensor | None = None
    fresh: Callable[[str], Tensor] = field(default=lambda purpose: torch.empty(0))
    noise: Callable[[str], torch.Generator] = field(default=lambda purpose: torch.Generator())

    def __len__(self) -> int:
        return len(self.images)


class Game:
    """One moment of a game between networks.

    Every verb runs its player in the player's own precision and returns float32 where a loss will
    look at it. ``facts`` collects numbers that a loss wants to tell but not to minimize.
    """

    def __init__(
        self,
        networks: Networks,
        now: Mapping[str, float],
        *,
        autocast: Autocast = lambda player: nullcontext(),
        augment: Augmentation | None = None,
        share: bool = True,
    ) -> None:
        self.networks = networks
        self.now = now
        self.facts: dict[str, float] = {}
        self._autocast = autocast
        self._augment = augment
        self._share = share
        self._kept: dict[tuple[int, str], Any] = {}

    def with_values(self, **values: float) -> Game:
        """The same game with some values of this moment replaced; facts and fakes are shared."""
        other = copy(self)
        other.now = {**self.now, **values}
        return other

    def with_player(self, name: str, network: nn.Module) -> Game:
        """The same game with another network, or a part of its own, in the place of a player."""
        other = copy(self)
        other.networks = Networks({**self.networks, name: network})
        return other

    def once(self, batch: Batch, name: str, make: Callable[[], T]) -> T:
        """What ``make`` gives for this batch, made by the first phase that asks and then kept.

        For work that several phases of a step share: fakes, the features of real pictures. With
        micro-batches nothing is kept: their graphs would cost the memory that they are to save.
        """
        if not self._share:
            return make()
        key = (id(batch), name)
        if key not in self._kept:
            self._kept[key] = make()
        value: T = self._kept[key]
        return value

    def play(self, player: str, *inputs: Any) -> Any:
        """Run a player on these inputs in its own precision."""
        with self._autocast(player):
            return self.networks[player](*inputs)

    def generate(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        """Pictures float32 ``[N, C, S, S]`` in [-1, 1] from z."""
        pictures: Tensor = self.play("G", z, labels)
        return pictures.float()

    def fakes(self, batch: Batch) -> Tensor:
        """The pictures of ``batch.z``, computed once a step with a graph that reaches G.

        D's phase detaches them, G's phase uses the very same ones: one pass of G is saved. Only
        for games in which G does not move in between.
        """

        def make() -> Tensor:
            with self.networks.only("G"):
                return self.generate(batch.z, batch.labels)

        return self.once(batch, "fakes", make)

    def augment(self, pictures: Tensor, generator: torch.Generator) -> Tensor:
        """Pictures as D will see them: changed by the recipe's augmentation, if it has one.

        The value "augment", where a recipe has it, is the share of pictures that are changed; the
        value "instance_noise" the standard deviation of Gaussian noise on what D sees (Sonderby
        et al. 2017), in D's phase and in G's. Transparent pictures whose features look at colors
        alone come on a random color each, opaque: what alpha is wrong, some color shows.
        """
        if self._augment is not None:
            chance = self.now.get("augment", self._augment.chance)
            pictures = replace(self._augment, chance=chance)(pictures, generator)
        power = self.now.get("instance_noise", 0.0)
        if power > 0:
            shape = pictures.shape[1:]
            noise = per_row(lambda n: torch.randn(n, *shape, generator=generator), len(pictures))
            pictures = pictures + power * noise.to(pictures)
        if pictures.shape[1] == 4 and any(map(sees_colors_only, self.networks.modules())):
            ground = per_row(lambda n: torch.rand(n, 3, generator=generator), len(pictures)) * 2 - 1
            colors = on_ground(pictures, ground.to(pictures))
            pictures = torch.cat([colors, torch.ones_like(colors[:, :1])], 1)
        return pictures

    def d_pictures(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """What D sees in its phase: the real pictures, and the fakes without a way back to G."""
        real = self.augment(batch.images, batch.noise("real"))
        return real, self.augment(self.fakes(batch).detach(), batch.noise("fake"))

    def g_pictures(self, batch: Batch) -> Tensor:
        """What D sees in G's phase: the very same fakes, with a way back to G."""
        return self.augment(self.fakes(batch), batch.noise("maker"))

    def discriminate(self, pictures: Tensor, labels: Tensor | None = None) -> Tensor:
        """D's logits, float32 ``[N]`` or ``[N, heads]``."""
        logits: Tensor = self.play("D", pictures, labels)
        return logits.float()

    judge = discriminate
    """As losses in people's own files of version 0.1 call it."""

    def describe(self, pictures: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """D's logits and the features that it reads them from, ``[N, F]``.

        A D that cannot give its features is looked at where its last layer begins.
        """
        network = self.networks["D"]
        if describes(network):
            logits, features = self.play("D", pictures, labels, True)[:2]
            return logits, features
        with last_layer_inputs(network) as last:
            return self.play("D", pictures, labels), last[0]

    def tell(self, on_real: Tensor, on_fake: Tensor) -> None:
        """Note D's mean logits, and as probabilities the D(x) and D(G(z)) that people know."""
        for name, logits in (("real", on_real.detach()), ("fake", on_fake.detach())):
            self.facts[f"D({name})"] = float(logits.sigmoid().mean())
            self.facts[f"logit({name})"] = float(logits.mean())

    def encode(self, pictures: Tensor, labels: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """E's mean and log variance, float32 ``[N, Z]`` each."""
        mean, log_variance = self.play("E", pictures, labels)
        return mean.float(), log_variance.float()

    def features(self, pictures: Tensor) -> list[Tensor]:
        """The maps of the frozen feature network F."""
        maps: list[Tensor] = self.play("F", pictures)
        return maps
