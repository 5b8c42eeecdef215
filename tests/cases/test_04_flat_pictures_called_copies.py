"""A copy shares detail: plain, blurred, averaged and noisy pictures are none, in four packs.

Photographs are cut into tiles that do not overlap, so that no held-out tile is a copy. Many show
nothing but sky: whoever copies such a one cannot be told from whoever draws sky, so copies are
looked for where there is detail.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from case_tools import fill, lookalike, picture
from numpy.typing import NDArray
from PIL import Image
from scipy.ndimage import gaussian_filter

from lookalike import api
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.metrics.copies.copy_filter import CopyCheck, copy_check

Pictures = NDArray[np.uint8]
TILE = 32
DETAIL = 8
"""The least standard deviation of a picture, in grey levels, that a copy can be told of."""

MOST = 0.02
"""The share of pictures that are no copies and may be called so."""


def squares(count: int) -> Pictures:
    return np.stack([np.asarray(picture(number)) for number in range(count)])


def photographs(count: int) -> Pictures:
    data = pytest.importorskip("skimage.data")
    tiles = []
    for photo in (data.astronaut(), data.coffee(), data.chelsea(), data.rocket()):
        rows, columns = (sides // TILE for sides in photo.shape[:2])
        for row in range(rows):
            for column in range(columns):
                top, left = row * TILE, column * TILE
                tiles.append(photo[top : top + TILE, left : left + TILE])
    order = np.random.default_rng(0).permutation(len(tiles))
    return np.stack([tiles[place] for place in order])[:count]


def digits(count: int) -> Pictures:
    data = pytest.importorskip("sklearn.datasets").load_digits().images[:count]
    return np.stack([np.asarray(Image.fromarray((d * 15.9).astype(np.uint8)).resize((32, 32)))
                     for d in data])[..., None]  # fmt: skip


def faces(count: int) -> Pictures:
    pytest.importorskip("dicebear")
    folder = Path(tempfile.mkdtemp())
    try:
        api.demo_data(folder / "faces", count=count, size=32)
        files = sorted((folder / "faces").rglob("*.png"))
        return np.stack([np.asarray(Image.open(file).convert("RGB")) for file in files])
    finally:
        shutil.rmtree(folder)


SETS: dict[str, Callable[[int], Pictures]] = {
    "squares": squares,
    "photographs": photographs,
    "digits": digits,
    "faces": faces,
}


@pytest.fixture(scope="module", params=SETS)
def known(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory):
    """Training pictures of a pack, pictures that it never saw, and its search for copies."""
    pictures = SETS[request.param](860)
    path = tmp_path_factory.mktemp(request.param) / "pack"
    pack = write_pack(path, pictures[:600], holdout=0.2)
    check = copy_check(Pack.open(pack.path))
    assert check is not None
    return pack.train.images(np.arange(len(pack.train))), pictures[600:], check


def blurred(pictures: Pictures, sigma: float) -> Pictures:
    return gaussian_filter(pictures.astype(float), (0, sigma, sigma, 0)).round().astype(np.uint8)


@pytest.mark.slow
def test_what_shares_no_detail_is_no_copy(known: tuple[Pictures, Pictures, CopyCheck]) -> None:
    _, unseen, check = known
    draw = np.random.default_rng(1)
    greys = draw.integers(0, 256, len(unseen))
    plain = np.zeros_like(unseen) + greys[:, None, None, None].astype(np.uint8)
    averages = ((unseen.astype(int) + np.roll(unseen, 1, 0)) // 2).astype(np.uint8)
    others = {
        "plain": plain,
        "noise": draw.integers(0, 256, unseen.shape).astype(np.uint8),
        "averages": averages,
        **{f"blur {sigma}": blurred(unseen, sigma) for sigma in (1, 2, 4, 8)},
    }
    called = {name: float(check(pictures).mean()) for name, pictures in others.items()}
    assert {name: share for name, share in called.items() if share > MOST} == {}


@pytest.mark.slow
def test_copies_are_still_found(known: tuple[Pictures, Pictures, CopyCheck]) -> None:
    training, _, check = known
    some = training[training.std((1, 2)).mean(1) > DETAIL][:100]
    moved = np.concatenate([some[:, :, :1], some[:, :, :-1]], axis=2)
    brighter = (moved.astype(int) + 2).clip(0, 255).astype(np.uint8)
    for copies in (some, some[:, :, ::-1], brighter):
        assert check(np.ascontiguousarray(copies)).mean() >= 0.95


@pytest.mark.slow
def test_a_run_of_a_moment_on_sixteen_pictures_gives_its_soft_samples(tmp_path: Path) -> None:
    fill(tmp_path / "in", 16)
    assert lookalike("prepare", tmp_path / "in", "--to", tmp_path / "p").status == 0
    train = ("--recipe", "tiny", "--set", "images=512", "--threads", "1")
    assert lookalike("train", tmp_path / "p", *train, "--into", tmp_path / "r").status == 0
    ended = lookalike("generate", tmp_path / "r", "-n", "3", "--to", tmp_path / "o", "--json")
    assert ended.status == 0
    assert len(list((tmp_path / "o").glob("*.png"))) == 3
