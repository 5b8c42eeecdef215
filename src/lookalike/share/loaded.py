"""A model opened in a program: pictures in three lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image

from lookalike import images
from lookalike.data.decode.alpha import bled
from lookalike.engine.load import OpenedPlayers, open_players
from lookalike.engine.sampler import Sampler, block_of
from lookalike.errors import RecipeError
from lookalike.place import Place
from lookalike.run import Run
from lookalike.share.model import Codes
from lookalike.sizes import shape_of


@dataclass(frozen=True, eq=False)
class Model:
    """A trained generator, and its encoder where it has one."""

    opened: OpenedPlayers
    place: Place

    @staticmethod
    def of(run: Run, place: Place) -> Model:
        """The model of a run, or of a folder that was shared."""
        return Model(open_players(run, place), place)

    @property
    def size(self) -> int:
        """The side of its pictures in pixels; of others than squares both (``64x96``)."""
        return self.opened.recipe.size

    def generate(self, count: int = 1, seed: int = 0, first: int = 0) -> list[Image.Image]:
        """Pictures ``first .. first + count`` of a seed, each a function of seed and index."""
        recipe = self.opened.recipe
        latent = (recipe.prior, self.opened.learned, self.opened.labels)
        generator = self.opened.networks["G"]
        sampler = Sampler(generator, *latent, self.place.device, block_of(recipe.size))
        return [images.to_pillow(picture) for picture in sampler.pictures(seed, first, count)]

    @torch.no_grad()
    def encode(self, pictures: Sequence[Image.Image]) -> Codes:
        """What the encoder makes of pictures (resized to the model's size), ``[N, Z]``.

        Raises:
            RecipeError: the model has no encoder.
        """
        if "E" not in self.opened.networks:
            raise RecipeError(
                f"A model of the recipe {self.opened.recipe.name} reads no pictures: it has no "
                "encoder. Those of swift have one."
            )
        channels, sides = self.opened.recipe.channels, shape_of(self.size)[::-1]
        mode = images.MODES[channels]
        small = [picture.convert(mode).resize(sides) for picture in pictures]
        small = [bled(picture) for picture in small] if channels == 4 else small
        stacked = np.stack([images.from_pillow(picture, channels) for picture in small])
        labels = self.opened.labels
        known = None if labels is None else labels[:1].float().expand(len(stacked), -1)
        mean = self.opened.networks["E"](images.to_network(stacked), known)[0]
        codes: Codes = mean.float().cpu().numpy()
        return codes

    @torch.no_grad()
    def decode(self, codes: Codes) -> list[Image.Image]:
        """The pictures that the generator draws of codes ``[N, Z]``."""
        labels = self.opened.labels
        known = None if labels is None else labels[:1].float().expand(len(codes), -1)
        drawn = self.opened.networks["G"](torch.as_tensor(codes).float(), known)
        return [images.to_pillow(picture) for picture in images.to_pixels(drawn.float().cpu())]
