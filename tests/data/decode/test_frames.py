from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lookalike.data.decode import frames
from lookalike.data.decode.decode import ReadSettings, read_opened
from lookalike.data.decode.frames import frames_of
from lookalike.data.pack.pack import Pack
from lookalike.errors import DataError
from lookalike.settings.data import PrepareSettings
from lookalike.stages.prepare import prepare

LOOK = ReadSettings(size=16)
ALL = PrepareSettings(size=16, workers=0, frames=True)
LOSSLESS: dict[str, dict[str, Any]] = {"WEBP": {"lossless": True}, "PNG": {}, "TIFF": {}, "GIF": {}}
Photos = Callable[..., Path]


def photo(seed: int, side: int = 40) -> Image.Image:
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((side, side), Image.Resampling.BICUBIC)


def moving(pictures: Sequence[Image.Image], kind: str = "GIF") -> bytes:
    buffer = io.BytesIO()
    more = {"append_images": pictures[1:], **LOSSLESS[kind]}
    pictures[0].save(buffer, kind, save_all=True, **more)
    return buffer.getvalue()


def repeated(times: int, canvas: tuple[int, int] | None = None) -> bytes:
    """A GIF of two frames of 10 px whose second one comes so many times; a canvas of any size."""
    pair = [photo(seed, 10).quantize(8) for seed in (1, 2)]
    data = moving(pair)
    start = data.rfind(b"\x21\xf9")
    if canvas is not None:
        sides = b"".join(side.to_bytes(2, "little") for side in canvas)
        return data[:6] + sides + data[10:-1] + data[start:-1] * times + b";"
    return data[:-1] + data[start:-1] * times + b";"


@pytest.mark.parametrize("kind", LOSSLESS)
def test_each_frame_is_the_picture_that_was_put_in(kind: str) -> None:
    shown = [photo(seed) for seed in range(5)]
    allowed = 60 if kind == "GIF" else 0  # a palette of 256 colours each
    for number, (index, frame) in enumerate(frames_of(moving(shown, kind), LOOK)):
        assert index == number
        assert isinstance(frame, Image.Image)
        found = read_opened(frame, LOOK)
        wanted = read_opened(shown[number], LOOK).pixels.astype(int)
        assert np.abs(found.pixels - wanted).max() <= allowed
        assert found.facts.format == kind
    assert number == 4


def test_a_file_that_stands_still_gives_itself() -> None:
    buffer = io.BytesIO()
    photo(1).save(buffer, "PNG")
    assert [number for number, _ in frames_of(buffer.getvalue(), LOOK)] == [None]
    [(number, reason)] = frames_of(b"words", LOOK)
    assert (number, str(reason)) == (None, "is text, not a picture")


@pytest.mark.parametrize("kind", ["GIF", "PNG", "TIFF"])
def test_a_truncated_animation_gives_what_came_before_the_damage(kind: str) -> None:
    data = moving([photo(seed) for seed in range(5)], kind)
    found = list(frames_of(data[: len(data) * 55 // 100], LOOK))
    assert [number for number, _ in found] == [0, 1, 2]
    assert isinstance(found[1][1], Image.Image)
    assert "frame 2: is truncated or damaged" in str(found[2][1])
    assert "the 2 before it were kept" in str(found[2][1])


def test_endless_and_huge_animations_are_cut_with_a_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = list(frames_of(repeated(1_500), LOOK))
    assert len(found) == frames.FRAMES + 1
    assert "has more than 1000 frames; the 1000 before it were kept" in str(found[-1][1])
    assert len(list(frames_of(repeated(40), ReadSettings(size=1024)))) == 22
    [(_, reason)] = frames_of(repeated(5, (9000, 8000)), LOOK)
    assert isinstance(reason, DataError)
    assert "frame 0 is 9000 x 8000, the limit for frames is 40 million" in str(reason)
    monkeypatch.setattr(frames, "DECODED", 1000)
    found = list(frames_of(repeated(50), LOOK))
    assert len(found) == 11
    assert "the 10 before it were kept" in str(found[-1][1])


@pytest.fixture
def films(photos: Photos) -> Path:
    """20 photographs, three films of 8 frames, and one of two frames that are the same."""
    folder = photos(20)
    for film in range(3):
        shown = [photo(1000 * film + at) for at in range(8)]
        (folder / f"film{film}.gif").write_bytes(moving(shown))
    twin = moving([photo(7), photo(8), photo(7)], "PNG")
    (folder / "twin.png").write_bytes(twin)
    return folder


@pytest.mark.slow
def test_every_frame_becomes_a_picture_and_one_file_stays_on_one_side(
    films: Path, tmp_path: Path
) -> None:
    for seed in range(6):
        done = prepare(films, tmp_path / f"{seed}", PrepareSettings(**{**vars(ALL), "seed": seed}))
        pack = Pack.open(done.path)
        assert (done.count, done.copies) == (20 + 24 + 2, 1)
        sides: dict[str, set[str]] = {}
        for row in pack.manifest():
            sides.setdefault(row["source"], set()).add(row["split"])
        assert all(len(side) == 1 for side in sides.values())
    rows = [row for row in pack.manifest() if row["source"] == "film1.gif"]
    assert [row["frame"] for row in rows] == list(range(8))
    assert len({row["sha256"] for row in rows}) == 1
    assert all("frame" not in row for row in pack.manifest() if row["source"] == "003.png")
    [same] = pack.refused()
    assert (same["source"], same["frame"], same["copy_of"]) == ("twin.png", 2, "twin.png")


def test_the_first_frame_is_what_is_taken_otherwise(films: Path, tmp_path: Path) -> None:
    done = prepare(films, tmp_path / "pack", PrepareSettings(size=16, workers=0))
    assert done.count == 24
    everything = prepare(films, tmp_path / "pack", ALL)
    assert (everything.count, everything.decoded) == (46, 24)


@pytest.mark.slow
def test_a_grown_source_reads_new_films_only_and_gives_the_pack_of_a_fresh_run(
    films: Path, tmp_path: Path
) -> None:
    cut = moving([photo(5000 + at) for at in range(6)])
    (films / "cut.gif").write_bytes(cut[: len(cut) * 55 // 100])
    to = tmp_path / "pack"
    first = prepare(films, to, ALL)
    assert first.refused == 1
    assert prepare(films, to, ALL).unchanged
    (films / "new.gif").write_bytes(moving([photo(6000), photo(6001), photo(1003)]))
    grown = prepare(films, to, ALL)
    assert (grown.decoded, grown.refused, grown.copies) == (1, 1, first.copies + 1)
    fresh = prepare(films, tmp_path / "fresh", PrepareSettings(**{**vars(ALL), "workers": 1}))
    one, other = Pack.open(to), Pack.open(fresh.path)
    rows = np.arange(one.count)
    assert np.array_equal(one.shards.take(rows), other.shards.take(rows))
    assert one.refused() == other.refused()
    lines, fresh_lines = ([{**row, "split": ""} for row in p.manifest()] for p in (one, other))
    assert lines == fresh_lines  # the split aside, which depends on what was held out before
    (films / "film1.gif").unlink()  # frame 3 of it was the original of new.gif's last one
    again = prepare(films, to, ALL)
    assert (again.decoded, again.copies) == (1, first.copies)


def test_one_film_alone_says_that_nothing_can_be_held_out(tmp_path: Path) -> None:
    folder = tmp_path / "film"
    folder.mkdir()
    (folder / "film.gif").write_bytes(moving([photo(at) for at in range(30)]))
    done = prepare(folder, tmp_path / "pack", ALL)
    assert (done.count, done.holdout) == (30, 0)
    assert "Only 0 pictures are held out, not 3" in done.warnings[0]
