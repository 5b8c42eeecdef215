from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from lookalike import images
from lookalike.data.augment.transforms import CODES, parse
from lookalike.errors import DataError, NoImagesError
from lookalike.settings.data import TransformSettings
from lookalike.stages.transform import transform


def picture(height: int = 24, width: int = 24, channels: int = 3) -> np.ndarray:
    draw = np.random.default_rng(height * width)
    coarse = Image.fromarray(draw.integers(0, 256, (4, 4, 3), np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC))
    return smooth if channels == 3 else smooth[..., :1].copy()


def changed(code: str, given: np.ndarray, seed: int = 0) -> np.ndarray:
    return parse(code).apply(given, np.random.default_rng(seed))


def test_mirrors_and_right_angles_move_pixels_exactly() -> None:
    given = picture()
    assert np.array_equal(changed("fliph", given), given[:, ::-1])
    assert np.array_equal(changed("flipv", given), given[::-1])
    assert np.array_equal(changed("rot_90", given), np.rot90(given))
    assert np.array_equal(changed("rot_-90,rot", given), given)
    assert np.array_equal(changed("rot_180", picture(10, 20)), picture(10, 20)[::-1, ::-1])


def test_a_slant_agrees_with_pillows_own_rotation() -> None:
    given = picture(40, 40)
    wanted = np.asarray(Image.fromarray(given).rotate(30, Image.Resampling.BICUBIC), int)
    inside = (slice(8, 32), slice(8, 32))
    assert np.abs(changed("rot_30", given)[inside].astype(int) - wanted[inside]).max() <= 1


def test_moving_shows_the_border_color_behind() -> None:
    given = np.full((20, 20, 3), 200, np.uint8)
    given[5:15, 5:15] = [10, 20, 30]
    moved = changed("trans_3_-2", given)
    assert np.array_equal(moved[3:13, 8:18], given[5:15, 5:15])
    assert (moved[:, :3] == 200).all()
    assert (changed("trans_50_0", given) == 200).all()
    corner = changed("rot_45", given)[0, 0]
    assert (corner == 200).all()


def test_zoom_takes_pixels_or_shares() -> None:
    given = np.zeros((20, 40, 3), np.uint8)
    given[5:15, 10:30] = 255
    assert (changed("zoom_12_6_28_14", given)[2:-2, 2:-2] == 255).all()
    assert (changed("zoom_0.3_0.3_0.7_0.7", given)[2:-2, 2:-2] == 255).all()
    with pytest.raises(DataError, match="leaves nothing"):
        changed("zoom_90_90_99_99", given)


def test_noise_has_the_variance_that_was_asked_for() -> None:
    given = np.full((200, 200, 1), 128, np.uint8)
    noisy = changed("noise_0.01", given).astype(float) / 255
    assert noisy.var() == pytest.approx(0.01, rel=0.05)


def test_brightness_contrast_and_cover_do_what_they_say() -> None:
    given = picture()
    assert changed("bright_0.5", given).mean() == pytest.approx(given.mean() / 2, abs=1)
    assert changed("contrast_0.5", given).std() < given.std() * 0.7
    assert np.array_equal(changed("bright_1,contrast_1,blur_0,noise_0,crop_1", given), given)
    covered = changed("cutout_0.5", picture(20, 20))
    assert (covered != picture(20, 20)).any(-1).sum() <= 100


@settings(deadline=None, max_examples=80)
@given(
    names=st.lists(st.sampled_from(sorted(CODES)), min_size=1, max_size=3),
    height=st.integers(2, 30),
    width=st.integers(2, 30),
    channels=st.sampled_from([1, 3]),
    seed=st.integers(0, 3),
)
def test_every_chain_keeps_the_shape_and_depends_on_the_seed_alone(
    names: list[str], height: int, width: int, channels: int, seed: int
) -> None:
    given, code = picture(height, width, channels), ",".join(names)
    before = given.copy()
    found = changed(code, given, seed)
    assert found.shape == given.shape
    assert found.dtype == np.uint8
    assert np.array_equal(found, changed(code, given, seed))
    assert np.array_equal(given, before)


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("spin_3", "no code 'spin'"),
        ("rot_x", "rot_<degrees>"),
        ("rot_1_2", "rot_<degrees>"),
        ("trans_5", "trans_<x>_<y>"),
        ("noise_2", "outside 0 to 1"),
        ("noise_nan", "noise_<variance>"),
        ("jpeg_0", "outside 1 to 95"),
        ("rot_90,,blur", "empty step"),
        ("", "empty step"),
    ],
)
def test_codes_that_do_not_fit_say_what_would(code: str, words: str) -> None:
    with pytest.raises(DataError, match=words):
        parse(code)


@pytest.fixture
def logos(tmp_path: Path) -> Path:
    folder = tmp_path / "logos"
    (folder / "bmw").mkdir(parents=True)
    images.write_png(folder / "a.png", picture())
    Image.fromarray(picture(20, 30)).save(folder / "bmw" / "b.JPG", quality=95)
    (folder / "notes.txt").write_text("x")
    return folder


def here(*codes: str, **more: object) -> TransformSettings:
    return TransformSettings(codes=codes, workers=0, **more)


def test_new_files_are_named_after_their_codes_and_the_same_again_does_nothing(
    logos: Path,
) -> None:
    done = transform(logos, here("fliph", "noise_0.01,blur_1.5"))
    names = sorted(path.relative_to(logos).as_posix() for path in logos.rglob("*__*"))
    assert names == [
        "a__fliph.png",
        "a__noise_0.01__blur_1.5.png",
        "bmw/b__fliph.JPG",
        "bmw/b__noise_0.01__blur_1.5.JPG",
    ]
    assert (done.processed, done.existing, done.skipped_no_match, done.errors) == (4, 0, 1, ())
    assert np.array_equal(images.read(logos / "a__fliph.png"), picture()[:, ::-1])
    again = transform(logos, here("fliph", "noise_0.01,blur_1.5", "flipv"))
    assert (again.processed, again.existing, again.skipped_augmented) == (2, 4, 4)


def test_the_result_depends_on_seed_and_name_and_not_on_workers(
    logos: Path, tmp_path: Path
) -> None:
    transform(logos, here("noise", to=tmp_path / "one"))
    transform(logos, TransformSettings(codes=("noise",), workers=1, to=tmp_path / "two"))
    transform(logos, here("noise", to=tmp_path / "three", seed=1))
    read = [(tmp_path / name / "a__noise.png").read_bytes() for name in ("one", "two", "three")]
    assert read[0] == read[1] != read[2]
    assert not list(logos.rglob("*__*"))


def test_a_broken_file_is_listed_and_the_rest_is_done(logos: Path) -> None:
    (logos / "broken.png").write_bytes(b"no picture")
    done = transform(logos, here("fliph"))
    assert done.processed == 2
    assert done.errors == (("broken.png", "is text, not a picture"),)
    assert not list(logos.rglob(".*part*"))


def test_a_preview_shows_each_chain_and_writes_nothing_else(logos: Path, tmp_path: Path) -> None:
    done = transform(logos, here("fliph", "rot_90", preview=tmp_path / "sheet.png"))
    sheet = images.read(done.preview)
    assert sheet.shape == (34 + 2 * 128 + 4, 3 * 128 + 8, 3)
    assert all((sheet[:34, left : left + 128] < 128).any() for left in (0, 132, 264))
    top = sheet[34 : 34 + 128]
    assert np.array_equal(top[4:124, 4:124], top[4:124, 136:256][:, ::-1])
    assert not list(logos.rglob("*__*"))


def test_deep_grey_keeps_its_range_and_clear_parts_are_white(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 24 * 24).reshape(24, 24)
    Image.fromarray(deep.astype(np.uint16)).save(tmp_path / "deep.png")
    Image.fromarray((deep / 65535).astype(np.float32)).save(tmp_path / "float.tif")
    clear = Image.fromarray(picture()).convert("RGBA")
    clear.putalpha(0)
    clear.save(tmp_path / "clear.png")
    assert transform(tmp_path, here("flipv")).errors == ()
    for name in ("deep__flipv.png", "float__flipv.tif"):
        found = images.read(tmp_path / name, channels=1)[::-1, :, 0].astype(int)
        assert np.abs(found - deep / 257).max() <= 1
    assert (images.read(tmp_path / "clear__flipv.png") == 255).all()


def test_nothing_to_do_says_what_to_name(tmp_path: Path) -> None:
    with pytest.raises(NoImagesError, match="is no folder"):
        transform(tmp_path / "gone", here("fliph"))
    with pytest.raises(NoImagesError, match="no picture to transform"):
        transform(tmp_path, here("fliph"))
    with pytest.raises(DataError, match="no code was given"):
        transform(tmp_path, here())


@pytest.mark.parametrize("code", sorted(CODES))
def test_what_moves_pixels_moves_alpha_too_and_what_changes_colors_leaves_it(code: str) -> None:
    colors = picture()
    given = np.concatenate([colors, colors[..., :1]], -1)
    new = changed(code, given)
    assert new.shape == given.shape
    if code in ("noise", "bright", "contrast", "jpeg"):
        assert np.array_equal(new[..., 3], given[..., 3])
        assert np.array_equal(new[..., :3], changed(code, colors))
    else:
        assert np.abs(new[..., 3].astype(int) - changed(code, colors)[..., 0]).max() <= 1
        assert not np.array_equal(new[..., 3], given[..., 3])


@pytest.mark.parametrize("code", ["rot_10", "crop", "zoom_0.1_0.1_0.9_0.9", "blur", "elastic"])
def test_colors_under_clear_parts_stay_those_nearby_when_pixels_are_moved(code: str) -> None:
    red = np.full((32, 32, 4), (200, 60, 40, 0), np.uint8)
    red[8:24, 8:24, 3] = 255
    new = changed(code, red)
    assert (new[..., 3] < 255).any()
    assert (new[..., :3] == (200, 60, 40)).all(), "a generator would learn a dark fringe"
