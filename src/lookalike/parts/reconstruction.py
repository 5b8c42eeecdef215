"""A VAE/GAN on frozen features: encode, reconstruct, and let a projected discriminator sharpen it.

Larsen et al. 2016 ("Autoencoding beyond pixels using a learned similarity metric"), with the frozen
features and the mixing of Sauer et al. 2021 ("Projected GANs converge faster") in the place of a
learned similarity. Players: E encodes, G draws, F (frozen) describes, D judges F's maps.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lookalike.parts.features import Pretrained
from lookalike.parts.game import Game
from lookalike.parts.networks import Frame, NetworkPlan
from lookalike.parts.objectives import (
    Batch,
    Objective,
    Phase,
    Terms,
    absolute,
    hinge_fake,
    hinge_real,
    kl_to_normal,
    per_sample,
)
from lookalike.parts.projected import ProjectedHeads
from lookalike.parts.turns import Between

Maps = list[Tensor]


@dataclass(frozen=True, kw_only=True)
class MapJudge(NetworkPlan):
    """A projected discriminator over the maps of F, without the first ``skip`` of them."""

    features: Pretrained
    skip: int = 1
    width: int = 48

    def build(self, frame: Frame) -> nn.Module:
        """Mixing and heads for the maps that F gives for this frame."""
        with torch.no_grad():
            shape = (1, frame.channels, frame.size, frame.size)
            blank = torch.zeros(shape, device="cpu")  # whatever default device a caller has set
            maps = self.features.build(frame)(blank)[self.skip :]
        channels, sides = [one.shape[1] for one in maps], [one.shape[3] for one in maps]
        return ProjectedHeads(channels, sides, width=self.width, head_width=self.width)


@dataclass(frozen=True)
class _Views:
    """What the phases of a step share: encodings, reconstructions, and everybody's maps."""

    mean: Tensor
    log_variance: Tensor
    drawn: Tensor
    real: Maps
    fake: Maps


@dataclass(frozen=True, kw_only=True)
class Reconstruct(Objective):
    """Pixel, feature and KL terms; from ``begin`` on also D's verdict, weighted by a value.

    G's terms are ``pixel`` |x - G(z)| + ``feature`` sum over maps of the squared distance of
    channel-normalised features + ``kl`` KL(q(z|x) || N(0, 1)) - now["adversarial"] D(G(z)). From
    ``begin`` on D also sees interpolations u z_i + (1 - u) z_j of the batch's encodings, so that
    what lies between the pictures is judged too. D's terms are the hinge (Lim and Ye 2017).
    """

    pixel: float = 4.0
    feature: float = 1.0
    kl: float = 1e-3
    begin: float = 0.2
    skip: int = 1

    def phases(self) -> tuple[Phase, ...]:
        """E and G first; then D on the very same maps."""
        return (
            Phase(("E", "G"), self.maker),
            Phase(("D",), self.critic, turn=Between(self.begin)),
        )

    def maker(self, game: Game, batch: Batch) -> Terms:
        """Reconstruction, and D's verdict where it has begun."""
        views = self._views(game, batch)
        count = len(batch)
        terms = Terms(
            pixel=self.pixel * absolute(views.drawn[:count], batch.images),
            feature=self.feature * self._apart(views, count),
            kl=self.kl * kl_to_normal(views.mean, views.log_variance),
        )
        weight = game.now["adversarial"]
        if weight > 0:
            verdict = game.play("D", _plain(views.fake[self.skip :])).float().mean(1)
            terms["adversarial"] = -weight * verdict.view(-1, count).mean(0)
        return terms

    def critic(self, game: Game, batch: Batch) -> Terms:
        """The hinge on real maps and on those of everything that G drew in this step."""
        views = self._views(game, batch)
        real, fake = _plain(views.real[self.skip :]), _plain(views.fake[self.skip :])
        maps = zip(real, fake, strict=True)
        logits = game.play("D", [torch.cat([one, two.detach()]) for one, two in maps]).float()
        on_real, on_fake = logits[: len(batch)], logits[len(batch) :]
        game.facts["D(real)"] = float(on_real.detach().sigmoid().mean())
        game.facts["D(fake)"] = float(on_fake.detach().sigmoid().mean())
        return Terms(
            real=hinge_real(on_real),
            fake=hinge_fake(on_fake).view(-1, len(batch)).mean(0),
        )

    def _views(self, game: Game, batch: Batch) -> _Views:
        return game.once(batch, "views", lambda: self._look(game, batch))

    def _look(self, game: Game, batch: Batch) -> _Views:
        with game.networks.only("E", "G"):
            mean, log_variance = game.encode(batch.images, batch.labels)
            noise = torch.randn(mean.shape, generator=batch.noise("encoding")).to(mean)
            z, labels = mean + noise * (log_variance / 2).exp(), batch.labels
            if game.now["adversarial"] > 0:
                z = torch.cat([z, self._between(z, batch)])
                labels = None if labels is None else torch.cat([labels, labels])
            drawn = game.generate(z, labels)
            with torch.no_grad():
                real = game.features(batch.images)
            return _Views(mean, log_variance, drawn, real, game.features(drawn))

    @staticmethod
    def _between(z: Tensor, batch: Batch) -> Tensor:
        """Interpolations with partners; with labels only between pictures of the same label."""
        draw = batch.noise("partners")
        partner = torch.randperm(len(z), generator=draw)
        share = torch.rand(len(z), 1, generator=draw).to(z)
        if batch.labels is not None:
            same = (batch.labels == batch.labels[partner]).all(1, keepdim=True)
            share = torch.where(same, share, torch.ones_like(share))
        return share * z + (1 - share) * z[partner]

    def _apart(self, views: _Views, count: int) -> Tensor:
        """Squared distances of channel-normalised maps, summed over the maps, ``[N]``."""
        apart = [
            per_sample((_normalised(real) - _normalised(fake[:count])).square())
            for real, fake in zip(views.real, views.fake, strict=True)
        ]
        return torch.stack(apart).sum(0)


def _plain(maps: Maps) -> Maps:
    """Maps in float32, for a judge that may run in another precision than F."""
    return [one.float() for one in maps]


def _normalised(maps: Tensor) -> Tensor:
    """Every place's channels at a mean square of one (Zhang et al. 2018, LPIPS, equation 1)."""
    maps = maps.float()
    return maps * (maps.square().mean(1, keepdim=True) + 1e-2).rsqrt()


