"""The objective of ``swift``: rebuild real pictures, and let a discriminator sharpen them.

A variational autoencoder whose pictures are compared in pixels and in frozen features, with an
adversary on the same features: VAE/GAN (Larsen et al. 2016) with the projected discriminator of
Sauer et al. 2021. D also sees pictures of interpolated encodings, which are what will be drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lookalike.parts.losses.adversarial import hinge_on_maps
from lookalike.parts.losses.base import Objective, Phase, Terms, absolute, kl_to_normal
from lookalike.parts.losses.features import feature_distance
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.ranks import current, holding, part, per_row, sharing, weighed, whole_count
from lookalike.parts.training.triggers import Between
from lookalike.recipes.swift.exchange import LabelExchange


@dataclass(frozen=True)
class DrawnBatch:
    """Real pictures beside what E and G make of them, in pixels and in features.

    ``labels`` are those that G was given, for the rebuilt pictures and the further ones. Of these
    there are ``extra``, and where several ranks share the batch, the numbers ``places`` are here.
    """

    mean: Tensor
    log_variance: Tensor
    rebuilt: Tensor
    further: Tensor
    real_maps: list[Tensor]
    fake_maps: list[Tensor]
    labels: Tensor | None
    extra: int
    places: slice


@dataclass(frozen=True, kw_only=True)
class SwiftObjective(Objective):
    """Weights of the terms, and the share of the budget after which D joins.

    The value ``adversarial`` is the weight of D's score in the loss of E and G. Players: E, G, the
    frozen features F, and D, which judges feature maps. ``mixed`` is the share of the batch from
    which interpolated encodings are made, u z_i + (1 - u) z_j with u uniform. With an ``exchange``
    these are under the labels of one picture, some have an attribute of another, and a head H reads
    them.
    """

    pixel: float = 4.0
    feature: float = 1.0
    kl: float = 1e-3
    begin: float = 0.2
    mixed: float = 0.5
    exchange: LabelExchange | None = None

    @property
    def gives_logits(self) -> bool:
        """No: D is given maps of features."""
        return False

    def phases(self) -> tuple[Phase, ...]:
        """First E and G alone, then all three in one pass (each real and fake is seen once)."""
        head = () if self.exchange is None else ("H",)
        later = Between(self.begin, 2.0)
        return (
            Phase(("G", "E", *head), self.rebuild, Between(0.0, self.begin)),
            Phase(("G", "E", "D", *head), self.rebuild_and_discriminate, later),
        )

    def rebuild(self, game: Game, batch: Batch) -> Terms:
        """Pixel, feature and divergence terms, ``[N]`` each, of unchanged pictures."""
        drawn = self._draw(game, batch, 0.0, changed=False)
        return Terms({**self._terms(batch, drawn), **self._label_terms(game, batch, drawn, 0.0)})

    def rebuild_and_discriminate(self, game: Game, batch: Batch) -> Terms:
        """The same, and the hinge game over rebuilt and interpolated pictures.

        Hinge loss: Lim and Ye 2017.
        """
        count = len(batch)
        drawn = self._draw(game, batch, self.mixed, changed=True)
        terms = self._terms(batch, drawn)
        hinge = hinge_on_maps(game, "D", ("G", "E"), (drawn.real_maps, drawn.fake_maps))
        terms["adversarial"] = game.now["adversarial"] * paired(-hinge.score, count)
        terms["critic_real"], terms["critic_fake"] = hinge.real, paired(hinge.fake, count)
        if self.exchange is not None:
            terms.update(self._label_terms(game, batch, drawn, self.exchange.weight))
        return terms

    def _draw(self, game: Game, batch: Batch, mixed: float, *, changed: bool) -> DrawnBatch:
        generator = batch.noise("encoding")
        mean, log_variance = game.encode(batch.images, batch.labels)
        width = mean.shape[1]
        noise = per_row(lambda n: torch.randn(n, width, generator=generator), len(mean)).to(mean)
        z, labels = mean + noise * (log_variance / 2).exp(), batch.labels
        extra = int(whole_count(len(batch)) * mixed)
        z, labels = self._mixed(z, labels, extra, generator)
        pictures = game.generate(z, labels)
        rebuilt, further = pictures[: len(batch)], pictures[len(batch) :]
        real, seen = batch.images, pictures
        if changed:  # rebuilt pictures just as the real ones, so that the two can be compared
            real = game.augment(real, batch.noise("augment"))
            parts = [game.augment(rebuilt, batch.noise("augment"))]
            if extra:
                with holding(len(further)):
                    parts.append(game.augment(further, batch.noise("augment/further")))
            seen = torch.cat(parts)
        with torch.no_grad():
            real_maps = game.features(real)
        fake_maps = game.features(seen)
        sides = rebuilt, further, real_maps, fake_maps
        return DrawnBatch(mean, log_variance, *sides, labels, extra, part(extra))

    def _mixed(
        self, z: Tensor, labels: Tensor | None, extra: int, generator: torch.Generator
    ) -> tuple[Tensor, Tensor | None]:
        """Codes and labels with further rows behind, mixed from those of all ranks."""
        ranks = current()
        if ranks is not None:
            count, own, further = ranks.whole, ranks.own(torch.arange(ranks.whole)), part(extra)
            whole = ranks.all(z), None if labels is None else ranks.all(labels)
            with sharing(None):
                z, labels = self._mixed(*whole, extra, generator)
            rows = torch.cat([own, count + torch.arange(extra)[further]]).to(z.device)
            return z[rows], None if labels is None else labels[rows]
        if self.exchange is not None and labels is not None:
            return self.exchange.codes(z, labels, extra, generator)
        return interpolated(z, labels, extra, generator) if extra else (z, labels)

    def _label_terms(self, game: Game, batch: Batch, drawn: DrawnBatch, weight: float) -> Terms:
        """What H reads off real pictures, which teaches H, and off drawn ones, which teaches G."""
        if self.exchange is None or batch.labels is None or drawn.labels is None:
            return Terms()
        guess: Tensor = game.play("H", drawn.real_maps)
        terms = Terms(labels_real=self.exchange.loss(guess, batch.labels))
        if weight:
            with game.networks.only("G", "E"):
                read: Tensor = game.play("H", drawn.fake_maps)
            each = self.exchange.loss(read, drawn.labels)
            gains = self.exchange.gains(len(batch), drawn.extra)
            own, further = gains[: len(batch)], gains[len(batch) :]
            each = each * torch.cat([own, further[drawn.places]]).to(each)
            terms["labels_fake"] = weight * paired(each, len(batch))
            terms["blended"] = self._blended(batch, drawn, self.exchange)
        return terms

    def _blended(self, batch: Batch, drawn: DrawnBatch, exchange: LabelExchange) -> Tensor:
        """How far blends are from the pictures whose labels they have, ``[N]`` with their mean."""
        ranks = current()
        images = batch.images if ranks is None else ranks.all(batch.images)
        images = images[: drawn.extra - exchange.rows(drawn.extra)][drawn.places]
        away = absolute(images, drawn.further[: len(images)]).sum() / len(batch)
        return exchange.blended * self.pixel * away.expand(len(batch))

    def _terms(self, batch: Batch, drawn: DrawnBatch) -> Terms:
        rebuilt = [fake[: len(batch)] for fake in drawn.fake_maps]
        return Terms(
            {
                "pixel": self.pixel * absolute(batch.images, drawn.rebuilt),
                "feature": self.feature * feature_distance(drawn.real_maps, rebuilt),
                "kl": self.kl * kl_to_normal(drawn.mean, drawn.log_variance),
            }
        )


def interpolated(
    z: Tensor, labels: Tensor | None, extra: int, generator: torch.Generator
) -> tuple[Tensor, Tensor | None]:
    """Codes and labels with ``extra`` further rows behind, each u z_i + (1 - u) z_j."""
    share = torch.rand(extra, 1, generator=generator).to(z)
    other = torch.randperm(len(z), generator=generator)[:extra].to(z.device)
    if labels is not None:
        labels = torch.cat([labels, share * labels[:extra] + (1 - share) * labels[other]])
    return torch.cat([z, share * z[:extra] + (1 - share) * z[other]]), labels


def paired(values: Tensor, count: int) -> Tensor:
    """``[M]`` numbers as ``[count]`` with the same mean.

    The M numbers are those of ``count`` rebuilt pictures and of M - count further ones.
    """
    rows, numbers = whole_count(count), whole_count(len(values))
    if numbers == rows:
        return values
    further = weighed(values[count:], count).mean()
    share = rows / numbers
    return share * values[:count] + (1 - share) * further
