"""Two stages in one run: small pictures first, then a second network draws them large.

Zhang et al. 2017, "StackGAN: text to photo-realistic image synthesis with stacked generative
adversarial networks" (section 3), conditioned on class or attribute labels where there are any:
stage I trains alone, then it is frozen and stage II, an encoder, residual blocks and upsampling,
learns on its pictures with a discriminator of its own. Here stage II adds its detail to the
enlarged picture, starting with none: what the generator shows is a picture in both stages.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from lookalike.errors import RecipeError
from lookalike.parts.latents.priors import Normal
from lookalike.parts.losses.adversarial import AdversarialLoss, NonSaturatingLoss, real_or_fake
from lookalike.parts.losses.base import Objective, Phase, Terms
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.base import Frame, NetworkPlan
from lookalike.parts.networks.blocks import init_normal, with_labels
from lookalike.parts.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from lookalike.parts.ranks import whole_batch
from lookalike.parts.training.optimizers import Adam
from lookalike.parts.training.schedules import Constant
from lookalike.parts.training.triggers import Between
from lookalike.recipe import Recipe

SIZES = (32, 64, 128, 256)
LABELS = "optional"

LIMIT = 0.999
"""How near to black and white stage I's pictures are taken, so that atanh stays finite."""


def first_frame(frame: Frame, times: int) -> Frame:
    """The frame of stage I, ``times`` smaller.

    Raises:
        RecipeError: the size cannot be divided so, or stage I would be smaller than 8 px.
    """
    if frame.size % times or frame.size // times < 8:
        raise RecipeError(
            f"Stage I cannot draw {frame.size} px {times} times smaller: it needs a whole number "
            "of at least 8 px. Use --set times=2, or prepare larger pictures."
        )
    return replace(frame, size=frame.size // times)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, padding=1, bias=False),
            nn.BatchNorm2d(width),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.layers(x))


class _Refiner(nn.Module):
    def __init__(self, frame: Frame, plan: StackedGenerator) -> None:
        super().__init__()
        self.times = plan.times
        middle, doublings = 4 * plan.width, plan.times.bit_length() - 1
        self.encode = nn.Sequential(
            nn.Conv2d(frame.channels, plan.width, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.Conv2d(plan.width, middle, 4, 2, 1, bias=False),
            nn.BatchNorm2d(middle),
            nn.ReLU(inplace=True),
        )
        self.told = nn.Linear(plan.dims + frame.labels, middle)
        self.blocks = nn.Sequential(*(_Residual(middle) for _ in range(plan.blocks)))
        layers: list[nn.Module] = []
        maps = middle
        for _ in range(doublings + 1):
            after = max(plan.width, maps // 2)
            layers += [
                nn.Upsample(scale_factor=2, mode="nearest"),
                nn.Conv2d(maps, after, 3, padding=1, bias=False),
                nn.BatchNorm2d(after),
                nn.ReLU(inplace=True),
            ]
            maps = after
        self.grow = nn.Sequential(*layers)
        self.detail = nn.Conv2d(maps, frame.channels, 3, padding=1)

    def forward(self, small: Tensor, code: Tensor) -> Tensor:
        maps = self.encode(small) + self.told(code)[:, :, None, None]
        detail = self.detail(self.grow(self.blocks(maps)))
        large = F.interpolate(small, scale_factor=float(self.times), mode="bilinear")
        base = torch.atanh(large.float().clamp(-LIMIT, LIMIT))
        return torch.tanh(base + detail.float())


class _Stacked(nn.Module):
    def __init__(self, first: nn.Module, second: nn.Module) -> None:
        super().__init__()
        self.first, self.second = first, second

    def forward(self, z: Tensor, labels: Tensor | None = None, stage: int = 2) -> Tensor:
        if stage == 1:
            small: Tensor = self.first(z, labels)
            return small
        with torch.no_grad():
            small = self.first(z, labels)
        picture: Tensor = self.second(small, with_labels(z, labels))
        return picture


@dataclass(frozen=True, kw_only=True)
class StackedGenerator(NetworkPlan):
    """``forward(z, labels)`` gives the large picture, ``forward(z, labels, 1)`` stage I's.

    Asked for the large picture, stage I is frozen: no gradient reaches it. ``times`` (2, 4 or 8)
    is how much larger stage II draws; ``width`` counts its maps at full size, ``first_width`` those
    of stage I at half its size.
    """

    dims: int = 100
    width: int = 16
    first_width: int = 32
    blocks: int = 2
    times: int = 2

    def build(self, frame: Frame) -> nn.Module:
        """Both stages for this frame."""
        if self.times not in {2, 4, 8}:
            raise RecipeError(f"Stage II draws 2, 4 or 8 times larger, not {self.times} times.")
        small = first_frame(frame, self.times)
        first = DCGANGenerator(dims=self.dims, width=self.first_width).build(small)
        second = _Refiner(frame, self).apply(init_normal)
        nn.init.zeros_(second.detail.weight)
        return _Stacked(first, second)


@dataclass(frozen=True, kw_only=True)
class ShrunkPictures(NetworkPlan):
    """The discriminator of stage I: ``of`` for pictures ``times`` smaller."""

    of: DCGANDiscriminator
    times: int = 2

    def build(self, frame: Frame) -> nn.Module:
        """The network for the smaller frame."""
        return self.of.build(first_frame(frame, self.times))


@dataclass(frozen=True, kw_only=True)
class StackGANObjective(Objective):
    """Stage I (G's first half against C) until ``share`` of the budget, then stage II (against D).

    With labels both discriminators are matching-aware (Reed et al. 2016): a real picture with the
    label of another one counts as a fake, at half the weight. ``rule`` is what both lose.
    """

    share: float = 0.5
    times: int = 2
    rule: AdversarialLoss = field(
        default_factory=lambda: NonSaturatingLoss(real_low=0.9, real_high=0.9)
    )

    def phases(self) -> tuple[Phase, ...]:
        """C and G until ``share``, D and G from there on."""
        first, second = Between(0.0, self.share), Between(self.share)
        return (
            Phase(("C",), self.small_d_loss, first),
            Phase(("G",), self.small_g_loss, first),
            Phase(("D",), self.d_loss, second),
            Phase(("G",), self.g_loss, second),
        )

    def small_d_loss(self, game: Game, batch: Batch) -> Terms:
        """C on pictures shrunk by area, and on stage I's."""
        real = F.avg_pool2d(batch.images, self.times)
        with torch.no_grad():
            fake = game.play("G", batch.z, batch.labels, 1).float()
        return self._critic_loss(game, "C", batch, real, fake)

    def small_g_loss(self, game: Game, batch: Batch) -> Terms:
        """Stage I's pictures, to be taken for real."""
        fake = game.augment(
            game.play("G", batch.z, batch.labels, 1).float(), batch.noise("small maker")
        )
        return Terms(small=self.rule.maker(game.play("C", fake, batch.labels)))

    def d_loss(self, game: Game, batch: Batch) -> Terms:
        """D on whole pictures, and on stage II's."""
        return self._critic_loss(game, "D", batch, batch.images, game.fakes(batch).detach())

    def g_loss(self, game: Game, batch: Batch) -> Terms:
        """Stage II's pictures, to be taken for real; stage I rests."""
        logits = game.discriminate(game.g_pictures(batch), batch.labels)
        return Terms(adversarial=self.rule.maker(logits))

    def _critic_loss(
        self, game: Game, player: str, batch: Batch, real: Tensor, fake: Tensor
    ) -> Terms:
        real = game.augment(real, batch.noise("real"))
        fake = game.augment(fake, batch.noise("fake"))
        on_real = game.play(player, real, batch.labels).float()
        on_fake = game.play(player, fake, batch.labels).float()
        game.tell(on_real, on_fake)
        terms = Terms(
            real=self.rule.real(on_real, game.now, batch.noise(f"targets/{player}/real")),
            fake=self.rule.fake(on_fake, game.now, batch.noise(f"targets/{player}/fake")),
        )
        if batch.labels is not None:
            other = _of_others(batch.labels)
            wrong = (other != batch.labels).any(1).float()
            logits = game.play(player, real, other)
            terms["mismatched"] = 0.5 * wrong * real_or_fake(logits, 0.0)
        return terms


@whole_batch
def _of_others(labels: Tensor) -> Tensor:
    """The label row of another picture for each, ``[N, L]``."""
    return labels.roll(1, 0)


def recipe(
    size: int = 64,
    channels: int = 3,
    labels: int = 0,
    width: int = 16,
    first_width: int = 32,
    dims: int = 100,
    times: int = 0,
    share: float = 0.5,
    smoothing: float = 0.9,
    rate: float = 2e-4,
) -> Recipe:
    """Stage I draws ``times`` smaller (0: 2 up to 64 px, 4 above) for ``share`` of the budget.

    ``width`` counts stage II's maps at full size, ``first_width`` stage I's at half its size.
    """
    times = times or (2 if size <= 64 else 4)
    player = Adam(rate=Constant(rate))
    return Recipe(
        name="stackgan",
        size=size,
        channels=channels,
        labels=labels,
        networks={
            "G": StackedGenerator(dims=dims, width=width, first_width=first_width, times=times),
            "C": ShrunkPictures(of=DCGANDiscriminator(width=first_width), times=times),
            "D": DCGANDiscriminator(width=2 * width),
        },
        prior=Normal(dims),
        objective=StackGANObjective(
            share=share,
            times=times,
            rule=NonSaturatingLoss(real_low=smoothing, real_high=smoothing),
        ),
        optimizers={"G": player, "C": player, "D": player},
        values={"ema": Constant(10_000)},
        batch=16 if size <= 32 else 64,
    )
