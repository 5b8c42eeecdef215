"""Pictures of cameras and scanners: in strips the same as whole, and with little memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.data.decode import color_modes as plain
from lookalike.data.decode.decode import ReadSettings
from lookalike.data.decode.worker import Accepted, Preprocessor
from lookalike.data.decode.worker_pool import Workers
from lookalike.data.readers.base import PictureFile

WIDE, HIGH = 6000, 4000
LIMIT = 340
"""MB of data that reading 24 million pixels in any mode may take, the interpreter's 57 included."""

READ = """
import sys
from pathlib import Path
from lookalike.data.decode import memory_limits as alone
from lookalike.data.decode.decode import ReadSettings, read_picture
alone.bound_memory(int(sys.argv[1]) << 20)
print(read_picture(Path(sys.argv[2]).read_bytes(), ReadSettings(size=64)).facts.mode)
"""


def photograph(mode: str, width: int, height: int) -> Image.Image:
    """A soft picture with grain in one of Pillow's modes."""
    draw = np.random.default_rng(3)
    small = Image.fromarray(draw.integers(0, 256, (9, 12, 4), np.uint8))
    soft = small.resize((width, height), Image.Resampling.BICUBIC)
    if mode in ("I;16", "I", "F"):
        grey = np.asarray(soft.convert("L"), np.float32) / 255
        deep = {"I;16": (65535, np.uint16), "I": (90000, np.int32), "F": (1, np.float32)}[mode]
        return Image.fromarray((grey * deep[0]).astype(deep[1]))
    if mode == "P":
        picture = soft.convert("RGB").quantize(200)
        picture.info["transparency"] = 3
        return picture
    return soft.convert(mode)


@pytest.mark.slow
@pytest.mark.parametrize("mode", ["RGBA", "LA", "I;16", "I", "F", "P", "CMYK", "YCbCr", "1"])
@pytest.mark.parametrize("box", [(0, 0, 701, 503), (99.5, 0, 602.5, 503)])
def test_in_strips_a_picture_becomes_the_same_as_whole(
    mode: str, box: plain.Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plain, "_STRIP", 20_000)
    picture = photograph(mode, 701, 503)
    convert = plain.conversion(picture, [])
    whole = convert(picture).resize((64, 48), Image.Resampling.LANCZOS, box=box, reducing_gap=3.0)
    found = plain.resized(picture, (64, 48), box, convert)
    assert found.mode == whole.mode
    assert np.array_equal(np.asarray(found), np.asarray(whole))


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 million pixels: RGBA, deep grey and floats."""
    root = tmp_path_factory.mktemp("large")
    for name, mode, more in (
        ("rgba.png", "RGBA", {"compress_level": 1}),
        ("grey.png", "I;16", {"compress_level": 1}),
        ("float.tif", "F", {}),
    ):
        small = photograph(mode, WIDE // 10, HIGH // 10)
        small.resize((WIDE, HIGH), Image.Resampling.NEAREST).save(root / name, **more)
    return root


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="memory is bounded on Linux only")
@pytest.mark.parametrize("name", ["rgba.png", "grey.png", "float.tif"])
def test_a_picture_of_24_megapixels_needs_a_third_of_the_memory_there_is(
    large: Path, name: str
) -> None:
    words = [sys.executable, "-c", READ, str(LIMIT), str(large / name)]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 20)}
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr


@pytest.mark.slow
def test_workers_accept_large_pictures(large: Path) -> None:
    item = PictureFile("grey.png", (large / "grey.png").stat().st_size, 0, large)
    with Workers(Preprocessor(ReadSettings(size=64)), count=1, seconds=60) as workers:
        ((_, answer),) = workers.map([item])
    assert isinstance(answer, tuple)
    assert isinstance(answer[0], Accepted)
