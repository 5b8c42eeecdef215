"""Looking around in a run: what brings a picture back, what moves it, and the map."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.data.decode.photos import SquareSettings, read_photo
from lookalike.editing.explore.explorer import Explorer, Move, moves_of
from lookalike.editing.explore.picture_map import MADE, REAL, MapPlan, PictureMap, mapped
from lookalike.editing.explore.session import PhotoSession, limited
from lookalike.editing.explore.starts import (
    NumbersStart,
    PathStart,
    PlaceStart,
    RowStart,
    SeedStart,
    start_of,
)
from lookalike.editing.measure import subject_of
from lookalike.errors import DataError
from lookalike.images import Pixels, to_network
from lookalike.run import Run
from lookalike.settings.device import Device

pytestmark = pytest.mark.slow  # what all of them look at takes seconds to make

PLACE = Device(device="cpu", precision="fp32", threads=1).place()


@pytest.fixture(scope="module")
def plain(edited_run: Path) -> Explorer:
    return Explorer.open(Run.open(edited_run / "run"), PLACE)


@pytest.fixture(scope="module")
def picture_map(plain: Explorer) -> PictureMap:
    pieces = mapped(plain.generator, plain.sampler, plain.pack, MapPlan(real=150, made=40))
    told = []
    while True:
        try:
            told.append(next(pieces))
        except StopIteration as end:
            assert {words for words, _, _ in told} >= {"drawing pictures", "laying the map out"}
            assert all(0 <= done <= total for _, done, total in told)
            found: PictureMap = end.value
            return found


@pytest.fixture(scope="module")
def explorer(plain: Explorer, picture_map: PictureMap) -> Explorer:
    return replace(plain, map=picture_map)


def away(one: Pixels, other: Pixels) -> int:
    return int(np.abs(one.astype(int) - other).max())


# ---- starts ---------------------------------------------------------------------------------


def test_a_seed_gives_the_picture_of_generate(explorer: Explorer) -> None:
    wanted = explorer.sampler.pictures(3, 5, 1)[0]
    assert away(explorer.picture(SeedStart(3, 5)), wanted) <= 8


@pytest.mark.parametrize(
    "start",
    [
        SeedStart(7, 2),
        RowStart(4),
        PlaceStart(0.3, 0.6),
        PathStart((SeedStart(1), RowStart(2)), 0.25),
    ],
)
def test_every_start_comes_back_from_its_json(explorer: Explorer, start: Any) -> None:
    again = start_of(start.as_json())
    assert again == start
    assert (explorer.picture(again) == explorer.picture(start)).all()


def test_what_was_kept_as_numbers_draws_the_same_without_a_map(
    explorer: Explorer, plain: Explorer
) -> None:
    kept = NumbersStart.of(explorer.point(PlaceStart(0.4, 0.4)))
    again = start_of(kept.as_json())
    assert (plain.picture(again) == explorer.picture(PlaceStart(0.4, 0.4))).all()


def test_the_ends_of_a_path_are_its_pictures(explorer: Explorer) -> None:
    ends = SeedStart(1, 0), SeedStart(1, 9)
    for share, end in zip((0.0, 1.0), ends, strict=True):
        assert away(explorer.picture(PathStart(ends, share)), explorer.picture(end)) <= 1


@pytest.mark.parametrize(
    "given",
    [
        None,
        "seed",
        {},
        {"seed": "0"},
        {"seed": -1},
        {"seed": True},
        {"seed": 2**60},
        {"row": 1.5},
        {"place": [0.5]},
        {"place": [2, 0]},
        {"place": ["a", 0]},
        {"path": [{"seed": 0}]},
        {"latent": "!"},
        {"latent": "AAA="},
        {"seed": 0, "label": 7},
        {"path": [{"path": [{"path": [{"path": [{"seed": 0}] * 2}] * 2}] * 2}] * 2},
    ],
)
def test_what_says_no_start_is_refused(given: Any) -> None:
    with pytest.raises(DataError):
        start_of(given)


def test_numbers_of_another_run_are_refused(explorer: Explorer) -> None:
    point = explorer.point(SeedStart(0))
    with pytest.raises(DataError, match="another run"):
        explorer.of_numbers(torch.zeros(1, point.latent.shape[1] + 1), None)


# ---- moves ----------------------------------------------------------------------------------


def test_a_slider_moves_towards_its_value_and_zero_is_none(explorer: Explorer) -> None:
    start = next(SeedStart(0, i) for i in range(50) if shown(explorer, SeedStart(0, i)) == "dark")
    point = explorer.point(start)
    assert explorer.moved(point, moves_of([{"name": "ground", "amount": 0}])) is point
    light = [explorer.picture(start, [Move("ground", by, "light")]).mean() for by in (0.5, 1.5)]
    assert explorer.picture(start).mean() < light[0] < light[1]


def shown(explorer: Explorer, start: SeedStart) -> str:
    ground = explorer.learned.find("ground")
    assert ground is not None
    return ground.values[explorer.shown_values(explorer.point(start))["ground"]]


def test_an_axis_moves_both_ways(explorer: Explorer) -> None:
    pictures = [explorer.picture(SeedStart(2), [Move("1", by)] if by else []) for by in (-2, 0, 2)]
    assert away(pictures[0], pictures[1]) > 5
    assert away(pictures[2], pictures[1]) > 5


@pytest.mark.parametrize(
    "given",
    [
        {},
        [{"amount": 1}],
        [{"name": "ground", "amount": 99}],
        [{"name": "1", "value": 3}],
        [0] * 99,
    ],
)
def test_what_is_no_slider_is_refused(given: Any) -> None:
    with pytest.raises(DataError):
        moves_of(given)


def test_a_slider_reads_its_picture_once_however_often_it_moves(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads = counted(monkeypatch, type(explorer.learned), "read")
    for by in (0.2, 0.4, 0.6):
        explorer.picture(SeedStart(31), [Move("ground", by, "light")])
    assert len(reads) == 1


def counted(patch: pytest.MonkeyPatch, kind: type, name: str) -> list[object]:
    """A list that grows with every call of a method."""
    calls: list[object] = []
    own = getattr(kind, name)

    def heard(self: object, *given: Any) -> Any:
        calls.append(given)
        return own(self, *given)

    patch.setattr(kind, name, heard)
    return calls


def test_pictures_of_one_block_are_drawn_once_and_are_those_of_generate(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = explorer.sampler.pictures(17, 0, 70)
    draws = counted(monkeypatch, type(explorer.sampler), "pictures")
    for index in (69, 3, 66, 0):
        assert (explorer.generated(17, index, None) == wanted[index]).all()
    assert len(draws) == 2


def test_numbers_that_were_kept_are_compared_without_drawing(
    explorer: Explorer, monkeypatch: pytest.MonkeyPatch
) -> None:
    point = explorer.point(SeedStart(5))
    explorer.of_numbers(point.latent, point.labels)
    draws = counted(monkeypatch, type(explorer.sampler), "latents")
    explorer.of_numbers(point.latent, point.labels)
    assert draws == []


def test_an_unknown_slider_says_so(explorer: Explorer) -> None:
    for move in (Move("hat", 1.0), Move("hat", 1.0, "on"), Move("ground", 1.0, "green")):
        with pytest.raises(DataError):
            explorer.picture(SeedStart(0), [move])


# ---- the map --------------------------------------------------------------------------------


def test_the_map_holds_real_and_new_pictures_with_their_thumbnails(
    picture_map: PictureMap, plain: Explorer
) -> None:
    assert len(picture_map) == 190
    assert (picture_map.kinds == REAL).sum() == 150
    assert picture_map.tiles.shape == (190, 32, 32, 3)
    real = np.flatnonzero(picture_map.kinds == REAL)[:3]
    assert (picture_map.tiles[real] == plain.real(picture_map.rows[real].tolist())).all()
    made = picture_map.kinds == MADE
    assert sorted(picture_map.rows[made].tolist()) == list(range(40))
    assert picture_map.sheet(0).shape == (3 * 32, 2048, 3)


def test_a_place_at_a_picture_draws_nearly_that_picture(explorer: Explorer) -> None:
    assert explorer.map is not None
    at = int(np.flatnonzero((explorer.map.kinds == MADE) & (explorer.map.rows == 5))[0])
    x, y = map(float, explorer.map.places[at])
    there = explorer.picture(PlaceStart(x, y)).astype(int)
    assert np.abs(there - explorer.picture(SeedStart(0, 5))).mean() < 25


def test_without_a_map_a_place_says_to_wait(plain: Explorer) -> None:
    with pytest.raises(DataError, match="map is not ready"):
        plain.picture(PlaceStart(0.5, 0.5))


def test_the_nearest_of_a_training_picture_is_itself_and_a_copy(explorer: Explorer) -> None:
    assert explorer.pack is not None
    row = int(explorer.pack.train.pack_rows([11])[0])
    (near,) = explorer.nearest(explorer.real([row]))
    assert near.row == row
    assert near.copy


# ---- a photo --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def session(explorer: Explorer, edited_run: Path) -> PhotoSession:
    squares = SquareSettings.of({}, explorer.drawing.size, 3)
    photo = read_photo((edited_run / "photo.png").read_bytes(), squares)
    subject = subject_of(explorer.learned, to_network(photo.square[None]))
    return PhotoSession(explorer.learned, photo, subject)


def other(session: PhotoSession, name: str) -> str:
    attribute = session.editor.find(name)
    assert attribute is not None
    return attribute.values[1 - session.subject.values[name]]


def test_no_slider_leaves_the_photo_as_it_is(session: PhotoSession) -> None:
    assert (session.change(session.photo, []).pixels == session.photo.pixels).all()


def test_more_of_a_slider_changes_more_and_its_way_is_found_once(session: PhotoSession) -> None:
    move = Move("ground", 1.0, other(session, "ground"))
    whole = session.change(session.photo, [move])
    half = session.change(session.photo, [replace(move, amount=0.4)])
    assert len(session._ways) == 1
    before = session.photo.pixels.astype(int)
    assert np.abs(half.pixels - before).mean() < np.abs(whole.pixels - before).mean()
    assert whole.sure["ground"] > half.sure["ground"]
    assert whole.changed > 0.1


def test_what_is_not_painted_stays_bit_for_bit(session: PhotoSession) -> None:
    painted = np.zeros((16, 20), np.float32)
    painted[:, :10] = 1
    move = Move("ground", 1.2, other(session, "ground"))
    found = session.change(session.photo, [move], painted).pixels
    width = session.photo.pixels.shape[1]
    half = slice(round(width * 0.55), None)
    assert (found[:, half] == session.photo.pixels[:, half]).all()
    assert (found != session.photo.pixels).any()


def test_the_preview_of_a_large_photo_is_small_and_lies_as_the_photo_does(
    explorer: Explorer, tmp_path: Path
) -> None:
    pixels = np.tile(np.linspace(0, 255, 1600, dtype=np.uint8)[None, :, None], (1200, 1, 3))
    Image.fromarray(pixels).save(tmp_path / "large.png")
    photo = read_photo((tmp_path / "large.png").read_bytes(), SquareSettings.of({}, 32, 3))
    subject = subject_of(explorer.learned, to_network(photo.square[None]))
    preview = PhotoSession(explorer.learned, photo, subject).preview
    assert preview.pixels.shape == (576, 768, 3)
    corners = np.array([(0, 0, 1), (768, 576, 1)], float).T
    large = np.array([(0, 0, 1), (1600, 1200, 1)], float).T
    assert np.allclose(preview.to_square @ corners, photo.to_square @ large)


def test_a_mask_lets_through_by_its_share() -> None:
    before, after = np.zeros((8, 8, 3), np.uint8), np.full((8, 8, 3), 200, np.uint8)
    assert (limited(before, after, None) == after).all()
    half = limited(before, after, np.full((2, 2), 0.5, np.float32))
    assert (half == 100).all()
