"""Any game and any judge, with tricks put around them: nothing of the game itself is changed.

:class:`RegularizedDiscriminator` wraps a discriminator, :class:`RegularizedObjective` an objective,
so that a recipe whose author thought of no trick can be tried with one: ``--set lecam=0.3
deviation=true``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.parts.losses.base import Batch, Loss, Objective, Phase, Terms, per_sample
from lookalike.parts.losses.game import Game
from lookalike.parts.losses.penalties import lecam
from lookalike.parts.losses.two_player import matched
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import MinibatchDeviation, MinibatchDiscrimination
from lookalike.parts.training.triggers import Both, Every, Trigger

LECAM = {"lecam/real": "lecam(real)", "lecam/fake": "lecam(fake)"}
"""The values that LeCam reads, and the facts that they follow."""


def learning(network: nn.Module) -> list[nn.Module]:
    """The layers that hold trained weights (not norms), in the order of their registration."""
    found = []
    for module in network.modules():
        weight = getattr(module, "weight", None)
        direct = "weight" in module._parameters or hasattr(module, "parametrizations")
        if direct and isinstance(weight, Tensor) and weight.ndim > 1:
            found.append(module)
    return found


class _Alert(nn.Module):
    def __init__(self, network: nn.Module, frame: Frame, plan: RegularizedDiscriminator) -> None:
        super().__init__()
        self.network = network
        planes: list[nn.Module] = []
        if plan.minibatch:
            layer = MinibatchDiscrimination(frame.channels, frame.size, maps=plan.minibatch)
            planes.append(layer)
        if plan.deviation:
            planes.append(MinibatchDeviation())
        self.planes = nn.Sequential(*planes)
        maps = frame.channels + plan.minibatch + plan.deviation
        self.mix = nn.Conv2d(maps, frame.channels, 1) if planes else None
        if self.mix is not None:
            nn.init.normal_(self.mix.weight, std=0.1)
            nn.init.zeros_(self.mix.bias)  # type: ignore[arg-type]
        if plan.dropout:
            for hidden in learning(network)[:-1]:
                hidden.register_forward_hook(self._dropping(plan.dropout))

    def _dropping(self, share: float) -> Any:
        def drop(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            wide = output.ndim > 1 and output[0].numel() > 1
            return F.dropout(output, share, self.training) if wide else output

        return drop

    def forward(self, pictures: Tensor, *rest: Any) -> Any:
        if self.mix is not None:
            pictures = pictures + self.mix(self.planes(pictures))
        return self.network(pictures, *rest)


@dataclass(frozen=True, kw_only=True)
class RegularizedDiscriminator(NetworkPlan):
    """The discriminator ``of``, told how alike its batch is, or with dropout behind its layers.

    ``minibatch`` counts the maps of minibatch discrimination (Salimans et al. 2016, section 3.2),
    ``deviation`` adds the minibatch deviation (Karras et al. 2018, section 3). Both are taken of
    the pictures, and a 1x1 convolution adds them to what the discriminator sees, so that they fit
    every discriminator of pictures. ``dropout`` is the share dropped behind each hidden layer.
    """

    of: NetworkPlan
    minibatch: int = 0
    deviation: bool = False
    dropout: float = 0.0

    def build(self, frame: Frame) -> nn.Module:
        """The discriminator and what is around it."""
        return _Alert(self.of.build(frame), frame, self)


@contextmanager
def described(network: nn.Module) -> Iterator[list[Tensor]]:
    """Inside, each pass of ``network`` leaves what its last layer is given, ``[N, F]``.

    Maps are averaged over their places.
    """
    held: list[Tensor] = []

    def keep(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        held[:] = [inputs[0].mean((2, 3)) if inputs[0].ndim == 4 else inputs[0].flatten(1)]

    hooks = [layer.register_forward_pre_hook(keep) for layer in learning(network)]
    try:
        yield held
    finally:
        for hook in hooks:
            hook.remove()


@dataclass(frozen=True, kw_only=True)
class RegularizedObjective(Objective):
    """The objective ``of`` with further terms and turns.

    ``lecam`` weighs LeCam's pull (Tseng et al. 2021, equation 3) in D's phases and reads the values
    "lecam/real" and "lecam/fake"; ``matching`` weighs feature matching (Salimans et al. 2016,
    section 3.1) in G's, on what D's last layer is given; ``sign`` tells the sign of D on real
    pictures, which adaptive augmentation follows. ``critic_steps`` is how often D plays for each of
    G, ``maker_steps`` how often G for each of D. Phases that play now and then keep their turns.
    """

    of: Objective
    lecam: float = 0.0
    matching: float = 0.0
    sign: bool = False
    critic_steps: int = 1
    maker_steps: int = 1

    @property
    def labelled(self) -> int:
        """As in the objective inside."""
        return self.of.labelled

    @property
    def judging(self) -> bool:
        """As in the objective inside."""
        return self.of.judging

    def verdict(self, found: Tensor) -> Tensor:
        """As in the objective inside."""
        return self.of.verdict(found)

    def phases(self) -> tuple[Phase, ...]:
        """The phases of the objective inside, D's and G's with the tricks."""
        found: list[Phase] = []
        for phase in self.of.phases():
            # A regulariser that plays now and then comes behind the phase that it belongs to.
            lazy = any(p.players == phase.players for p in found) and isinstance(phase.turn, Every)
            if phase.players == ("D",) and not lazy:
                turn = _rarer(phase.turn, self.maker_steps)
                phase = replace(phase, loss=self._critic(phase.loss), turn=turn)
            if phase.players == ("G",) and not lazy:
                turn = _rarer(phase.turn, self.critic_steps)
                phase = replace(phase, loss=self._maker(phase.loss), turn=turn)
            found.append(phase)
        return tuple(found)

    def _critic(self, loss: Loss) -> Loss:
        if not (self.lecam or self.sign):
            return loss

        def aided(game: Game, batch: Batch) -> Terms:
            terms = loss(game, batch)
            real = game.augment(batch.images, batch.noise("real"))
            on_real = self.verdict(game.judge(real, batch.labels))
            if self.sign and "~sign" not in terms:
                terms["~sign"] = per_sample(on_real.detach().sign())
            if self.lecam:
                fake = game.augment(game.fakes(batch).detach(), batch.noise("fake"))
                on_fake = self.verdict(game.judge(fake, batch.labels))
                game.facts["lecam(real)"] = float(on_real.detach().mean())
                game.facts["lecam(fake)"] = float(on_fake.detach().mean())
                ends = game.now["lecam/real"], game.now["lecam/fake"]
                terms["lecam"] = self.lecam * lecam(on_real, on_fake, *ends)
            return terms

        return aided

    def _maker(self, loss: Loss) -> Loss:
        if not self.matching:
            return loss

        def aided(game: Game, batch: Batch) -> Terms:
            terms = loss(game, batch)
            real = game.augment(batch.images, batch.noise("matching"))
            seen = game.augment(game.fakes(batch), batch.noise("maker"))
            with described(game.networks["D"]) as held:
                with torch.no_grad():
                    game.judge(real, batch.labels)
                wanted = held[0]
                game.judge(seen, batch.labels)
            terms["matched"] = self.matching * matched(held[0], wanted)
            return terms

        return aided


def _rarer(turn: Trigger, steps: int) -> Trigger:
    """The turn in every ``steps``-th step only."""
    return turn if steps == 1 else Both(turn, Every(steps))
