"""Any game and any discriminator, with tricks put around them: the game itself is not changed.

:class:`RegularizedDiscriminator` wraps a discriminator, :class:`RegularizedObjective` an objective,
so that a recipe whose author thought of no trick can be tried with one: ``--set lecam=0.3
deviation=true``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.parts.losses.base import Loss, Objective, Phase, Terms, per_sample
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.losses.penalties import lecam
from lookalike.parts.losses.two_player import matched
from lookalike.parts.networks.base import Frame, NetworkPlan, last_layer_inputs, weighted_layers
from lookalike.parts.networks.blocks import MinibatchDeviation, MinibatchDiscrimination
from lookalike.parts.training.adaptive import lecam_averages
from lookalike.parts.training.triggers import Both, Every, Trigger


class _Regularized(nn.Module):
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
            for hidden in weighted_layers(network)[:-1]:
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
        return _Regularized(self.of.build(frame), frame, self)


@dataclass(frozen=True, kw_only=True)
class RegularizedObjective(Objective):
    """The objective ``of`` with further terms and turns.

    ``lecam`` weighs LeCam's pull (Tseng et al. 2021, equation 3) in D's phases and reads the values
    "lecam/real" and "lecam/fake"; ``matching`` weighs feature matching (Salimans et al. 2016,
    section 3.1) in G's, on what D's last layer is given; both look at D in passes of their own,
    since what the objective inside looks at is its own affair. ``sign`` tells the sign of D on real
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
    def labeled(self) -> int:
        """As in the objective inside."""
        return self.of.labeled

    @property
    def gives_logits(self) -> bool:
        """As in the objective inside."""
        return self.of.gives_logits

    @property
    def reads(self) -> tuple[str, ...]:
        """Those of the objective inside, and the averages of LeCam."""
        return (*self.of.reads, *(lecam_averages() if self.lecam else ()))

    def real_logits(self, output: Tensor) -> Tensor:
        """As in the objective inside."""
        return self.of.real_logits(output)

    def phases(self) -> tuple[Phase, ...]:
        """The phases of the objective inside, D's and G's with the tricks."""
        phases: list[Phase] = []
        for phase in self.of.phases():
            # A regularizer that plays now and then comes behind the phase that it belongs to.
            lazy = any(p.players == phase.players for p in phases) and isinstance(phase.turn, Every)
            if phase.players == ("D",) and not lazy:
                turn = _rarer(phase.turn, self.maker_steps)
                phase = replace(phase, loss=self._d_loss(phase.loss), turn=turn)
            if phase.players == ("G",) and not lazy:
                turn = _rarer(phase.turn, self.critic_steps)
                phase = replace(phase, loss=self._g_loss(phase.loss), turn=turn)
            phases.append(phase)
        return tuple(phases)

    def _d_loss(self, loss: Loss) -> Loss:
        if not (self.lecam or self.sign):
            return loss

        def regularized(game: Game, batch: Batch) -> Terms:
            terms = loss(game, batch)
            real = game.augment(batch.images, batch.noise("real"))
            on_real = self.real_logits(game.discriminate(real, batch.labels))
            if self.sign and "~sign" not in terms:
                terms["~sign"] = per_sample(on_real.detach().sign())
            if self.lecam:
                fake = game.augment(game.fakes(batch).detach(), batch.noise("fake"))
                on_fake = self.real_logits(game.discriminate(fake, batch.labels))
                game.facts["lecam(real)"] = float(on_real.detach().mean())
                game.facts["lecam(fake)"] = float(on_fake.detach().mean())
                averages = game.now["lecam/real"], game.now["lecam/fake"]
                terms["lecam"] = self.lecam * lecam(on_real, on_fake, *averages)
            return terms

        return regularized

    def _g_loss(self, loss: Loss) -> Loss:
        if not self.matching:
            return loss

        def regularized(game: Game, batch: Batch) -> Terms:
            terms = loss(game, batch)
            real = game.augment(batch.images, batch.noise("matching"))
            seen = game.g_pictures(batch)
            with last_layer_inputs(game.networks["D"]) as features:
                with torch.no_grad():
                    game.discriminate(real, batch.labels)
                wanted = features[0]
                game.discriminate(seen, batch.labels)
            terms["matched"] = self.matching * matched(features[0], wanted)
            return terms

        return regularized


def _rarer(turn: Trigger, steps: int) -> Trigger:
    """The turn in every ``steps``-th step only."""
    return turn if steps == 1 else Both(turn, Every(steps))
