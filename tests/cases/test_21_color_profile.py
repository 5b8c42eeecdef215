"""sd-scripts #2179, chaiNNer #2599: embedded color profiles were ignored."""

from __future__ import annotations

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from case_tools import fill, picture, prepared
from PIL import Image, ImageCms, ImageFilter

from lookalike.data.pack import Pack

PROPHOTO = {
    b"rXYZ": (0.79767, 0.28804, 0.0),
    b"gXYZ": (0.13519, 0.71187, 0.0),
    b"bXYZ": (0.03134, 0.00009, 0.82491),
}


def wide_gamut() -> bytes:
    """sRGB's profile with the primaries of ProPhoto."""
    data = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    for i in range(struct.unpack(">I", data[128:132])[0]):
        name, at, _ = struct.unpack(">4sII", data[132 + 12 * i : 144 + 12 * i])
        if name in PROPHOTO:
            numbers = (struct.pack(">i", round(x * 65536)) for x in PROPHOTO[name])
            data[at + 8 : at + 20] = b"".join(numbers)
    return bytes(data)


def pixels(pack: Pack, name: str) -> np.ndarray:
    row = next(i for i, line in enumerate(pack.manifest()) if line["source"] == name)
    return pack.shards.take(np.array([row]))[0].astype(int)


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("suffix", ["png", "tiff"])
def test_the_same_visible_picture_comes_out_the_same(
    tmp_path: Path, mode: str, suffix: str
) -> None:
    folder, profile = fill(tmp_path / "in", 20), wide_gamut()
    plain = picture(777).filter(ImageFilter.GaussianBlur(1))  # no edge that resizing overshoots
    plain.save(folder / "plain.png")
    wide = ImageCms.profileToProfile(
        plain, ImageCms.createProfile("sRGB"), ImageCms.ImageCmsProfile(io.BytesIO(profile))
    )
    assert wide is not None
    assert np.abs(np.asarray(wide, int) - np.asarray(plain, int)).mean() > 10
    wide.convert(mode).save(folder / f"wide.{suffix}", icc_profile=profile)
    done = prepared(folder)
    pack = Pack.open(done.path)
    assert np.abs(pixels(pack, "plain.png") - pixels(pack, f"wide.{suffix}")).mean() < 2
    assert done.found == (
        f"1 picture converted to sRGB from an embedded color profile: wide.{suffix}.",
    )


def test_a_profile_that_is_srgb_changes_nothing_and_a_broken_one_is_named(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", 20)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    picture(777).save(folder / "plain.png")
    picture(777).save(folder / "same.png", icc_profile=srgb)
    picture(778).save(folder / "broken.png", icc_profile=b"no profile")
    done = prepared(folder)
    assert (done.count, done.copies) == (22, 1)
    assert done.found == ("1 picture with a broken color profile, which was ignored: broken.png.",)


def test_grey_and_ink_are_no_trouble(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", 20)
    picture(777).convert("CMYK").save(folder / "ink.jpg", icc_profile=wide_gamut())
    Image.fromarray(np.asarray(picture(778))[..., 0]).save(folder / "grey.png")
    done = prepared(folder, grey=True)
    assert (done.count, done.refused) == (22, 0)
