"""The objective of ``cascade``: a small base first, then an upsampler that learns on patches.

The upsampler sees the small picture of a training picture, or what the base makes of it, and has to
give the large one: in pixels, in frozen features, and to a discriminator of patches on the same
features (Sauer et al. 2021). So it learns to mend what the base gets wrong, and a step costs the
same whatever the size of the pictures is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import cast

import torch
from torch import Tensor
from torch.nn import functional as F

from lookalike.parts.losses.adversarial import hinge_on_maps
from lookalike.parts.losses.base import Loss, Objective, Phase, Terms, absolute
from lookalike.parts.losses.features import feature_distance
from lookalike.parts.losses.game import Batch, Game
from lookalike.parts.networks.blocks import with_labels
from lookalike.parts.ranks import per_row
from lookalike.parts.training.triggers import Between, Within
from lookalike.recipes.cascade.networks import CascadeGenerator, resting, shrunk


@dataclass(frozen=True)
class PatchPlan:
    """Where patches lie, in small pixels: ``windows`` are what the network sees, and ``inside``
    them, at these offsets, lies what is compared: ``[N, 2]`` each, rows and columns.

    A window lies within its picture, so its edges are either those of the picture or have a margin
    that is not compared: a convolution there sees zeros that a whole picture does not have.
    """

    windows: Tensor
    inside: Tensor
    window: int
    patch: int

    @classmethod
    def around(cls, places: Tensor, side: int, patch: int, margin: int) -> PatchPlan:
        """The windows of patches at these places ``[N, 2]`` of pictures of this side."""
        window = min(patch + 2 * margin, side)
        windows = (places - margin).clamp(0, side - window)
        return cls(windows, places - windows, window, patch)


def drawn_places(pictures: Tensor, patch: int, tries: int, generator: torch.Generator) -> Tensor:
    """Where a patch of each picture ``[N, C, S, S]`` begins, ``[N, 2]``.

    Of several ``tries``, each anywhere, the one with the largest variance: a white ground has
    little to teach.
    """
    count, side = len(pictures), pictures.shape[-1]

    def drawn(rows: int) -> Tensor:
        places = torch.randint(0, side - patch + 1, (tries, rows, 2), generator=generator)
        return places.transpose(0, 1)

    places = per_row(drawn, count).transpose(0, 1)
    tried = torch.cat([cut(pictures, corners, patch) for corners in places])
    mean, square = (F.avg_pool2d(x, patch) for x in (tried, tried.square()))
    variance = (square - mean.square()).sum((1, 2, 3)).view(tries, count).cpu()
    return places[variance.argmax(0), torch.arange(count)]


def cut(pictures: Tensor, corners: Tensor, side: int) -> Tensor:
    """Squares of this side from pictures ``[N, C, S, S]``, at corners ``[N, 2]``."""
    squares = [
        picture[:, row : row + side, column : column + side]
        for picture, (row, column) in zip(pictures, corners.tolist(), strict=True)
    ]
    return torch.stack(squares)


@dataclass(frozen=True, kw_only=True)
class CascadeObjective(Objective):
    """The phases of ``base`` on small pictures until ``share`` of the budget, then the upsampler's.

    The value ``adversarial`` is the weight of the discriminator's score, D's in the base's phases
    and P's of the patches afterwards. ``side`` is that of the base's pictures; patches have
    ``patch`` px of the large ones and ``margin`` small px around them. ``clean`` is the share of
    the batch that is shown as the shrunk original instead of what the base makes of it. Of
    ``tries`` places of a patch the one with the most in it is taken.
    """

    base: Objective
    share: float = 0.5
    side: int = 64
    patch: int = 64
    margin: int = 3
    clean: float = 0.25
    tries: int = 2
    pixel: float = 4.0
    feature: float = 1.0

    @property
    def gives_logits(self) -> bool:
        """No: D and P are given maps of features."""
        return False

    def phases(self) -> tuple[Phase, ...]:
        """Those of the base within its share, then G's upsampler together with P."""
        first = (
            replace(
                phase,
                loss=partial(self.on_small_pictures, phase.loss),
                turn=Within(phase.turn, 0.0, self.share),
            )
            for phase in self.base.phases()
        )
        return (*first, Phase(("G", "P"), self.enlarge, Between(self.share)))

    def on_small_pictures(self, loss: Loss, game: Game, batch: Batch) -> Terms:
        """A loss of the base: it knows small pictures and the generator that draws them."""
        generator = cast(CascadeGenerator, game.networks["G"])
        small = replace(batch, images=shrunk(batch.images, self.side))
        return loss(game.with_player("G", generator.base), small)

    def enlarge(self, game: Game, batch: Batch) -> Terms:
        """Patches against those of the originals, and the hinge game of G and P over them."""
        times = batch.images.shape[-1] // self.side
        patch, small = self.patch // times, shrunk(batch.images, self.side)
        corners = drawn_places(small, patch, self.tries, batch.noise("patch"))
        places = PatchPlan.around(corners, self.side, patch, self.margin)
        real = cut(batch.images, times * corners, self.patch)
        shown, code = self._shown(game, batch, small)
        seen = cut(shown, places.windows, places.window)
        upsampler = cast(CascadeGenerator, game.networks["G"]).upsampler
        drawn: Tensor = game.with_player("G", upsampler).play("G", seen, code).float()
        made = cut(drawn, times * places.inside, self.patch)
        terms = Terms(pixel=self.pixel * absolute(real, made))
        return self._judged(game, batch, terms, real, made.clamp(-1, 1))

    def _shown(self, game: Game, batch: Batch, small: Tensor) -> tuple[Tensor, Tensor]:
        """What the upsampler is to enlarge, and the latents (with labels) that it goes with."""
        base = cast(CascadeGenerator, game.networks["G"]).base
        clean, labels = self._clean(len(batch)), batch.labels
        with resting(base, game.networks["E"]):
            mean, log_variance = game.encode(small, labels)
            draw, width = batch.noise("encoding"), mean.shape[1]
            noise = per_row(lambda n: torch.randn(n, width, generator=draw), len(mean)).to(mean)
            z = mean + noise * (log_variance / 2).exp()
            shown = small
            if clean < len(batch):
                rest = None if labels is None else labels[clean:]
                rebuilt = game.with_player("G", base).generate(z[clean:], rest)
                shown = torch.cat([small[:clean], rebuilt])
        return shown, with_labels(z, labels)

    def _clean(self, count: int) -> int:
        """How many of these rows are shown as the shrunk original: the first of the whole batch."""
        marked = per_row(lambda n: torch.arange(n) < int(self.clean * n), count)
        return int(marked.sum())

    def _judged(self, game: Game, batch: Batch, terms: Terms, real: Tensor, made: Tensor) -> Terms:
        """The terms, and those in which the frozen features F and P have a say."""
        real = game.augment(real, batch.noise("augment"))
        made = game.augment(made, batch.noise("augment"))
        with torch.no_grad():
            real_maps = game.features(real)
        fake_maps = game.features(made)
        hinge = hinge_on_maps(game, "P", ("G",), (real_maps, fake_maps))
        terms["feature"] = self.feature * feature_distance(real_maps, fake_maps)
        terms["adversarial"] = -game.now["adversarial"] * hinge.score
        terms["critic_real"], terms["critic_fake"] = hinge.real, hinge.fake
        return terms
