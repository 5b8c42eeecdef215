"""Discs on a ground, and a short run of swift that was edited with once: for all who edit."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from lookalike import api
from lookalike.data.pack.writer import write_pack
from lookalike.images import Pixels

SIDE = 32
SETTINGS = {"images": 1200, "width": 16, "widest": 32, "latent": 16, "warm": "none"}


def faces(count: int, seed: int = 0) -> tuple[Pixels, list[dict[str, object]]]:
    """What is warm or cold is the disc, what is light or dark the ground."""
    random = np.random.default_rng(seed)
    ticks = np.linspace(-1, 1, SIDE)
    inside = (ticks[:, None] ** 2 + ticks[None] ** 2) < 0.4
    pixels = np.zeros((count, SIDE, SIDE, 3), np.uint8)
    rows: list[dict[str, object]] = []
    for number in range(count):
        disc, ground = random.integers(0, 2, 2)
        pixels[number] = (40 + 150 * ground) + random.integers(-20, 21)
        pixels[number][inside] = ((220, 90, 40), (40, 90, 220))[disc]
        pixels[number] += random.integers(0, 6, (SIDE, SIDE, 3), dtype=np.uint8)
        told = {"disc": ("warm", "cold")[disc], "ground": ("dark", "light")[ground]}
        rows.append({"source": str(number), "attributes": told})
    return pixels, rows


def train_and_edit(home: Path) -> None:
    """A pack, a run and a photo in this folder."""
    pixels, rows = faces(240)
    write_pack(home / "pack", pixels, rows=rows, holdout=0.2)
    api.train(home / "pack", home / "run", changes=SETTINGS, labels=False)
    Image.fromarray(faces(1, seed=9)[0][0]).resize((200, 160)).save(home / "photo.png")
    api.directions(home / "run")
