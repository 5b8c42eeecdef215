"""Generate leaves copies out: a generator that replays its training set is caught."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from lookalike import images
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.place import Place
from lookalike.run import Run
from lookalike.settings.pictures import GenerateSettings
from lookalike.stages import generate as stage
from lookalike.stages.generate import generate


def blots(count: int, seed: int) -> Pixels:
    corners = np.random.default_rng(seed).integers(0, 250, (count, 4, 4, 3))
    return corners.repeat(4, 1).repeat(4, 2).astype(np.uint8)


class Replaying:
    """Every picture whose index is divisible by ``every`` is a training picture, mirrored."""

    def __init__(self, pack: Pack, every: int) -> None:
        self.new, self.every = blots(400, 7), every
        self.old = pack.train.all_images()[:, :, ::-1]

    def blocks(
        self, seed: int, first: int, count: int, wanted: object = None
    ) -> Iterator[tuple[int, Pixels]]:
        for at in range(first, first + count, 16):
            rows = range(at, min(at + 16, first + count))
            yield (
                at,
                np.stack([(self.old if i % self.every == 0 else self.new)[i % 60] for i in rows]),
            )


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return write_pack(tmp_path / "pack", blots(120, 0), holdout=0.25)


@pytest.fixture
def run(pack: Pack, tmp_path: Path) -> Run:
    held = {"path": str(pack.path), "fingerprint": pack.fingerprint}
    (tmp_path / "env.json").write_text(json.dumps({"data": held}))
    return Run(tmp_path)


def replay(monkeypatch: pytest.MonkeyPatch, pack: Pack, every: int) -> None:
    opened = (Replaying(pack, every), SimpleNamespace(name="replaying"), 64)
    monkeypatch.setattr(stage, "open_sampler", lambda *_: opened)


@pytest.mark.slow
def test_replayed_training_pictures_are_left_out_and_counted(
    run: Run, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(monkeypatch, pack, 5)
    made = generate(run, tmp_path / "out", GenerateSettings(count=20, first=3), Place())
    names = sorted(int(file.stem) for file in (tmp_path / "out").iterdir())
    assert names == [i for i in range(3, 28) if i % 5][:20]
    assert (made.count, made.copies, made.notes) == (20, 5, ())


def test_the_same_command_goes_on_and_another_one_writes_over_nothing(
    run: Run, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(monkeypatch, pack, 400)
    out, made = tmp_path / "out", GenerateSettings(count=8, keep_copies=True, grid=True)
    generate(run, out, made, Place())
    first = {file.name: file.read_bytes() for file in out.iterdir()}
    (out / "000003.png").unlink()
    generate(run, out, made, Place())
    assert {file.name: file.read_bytes() for file in out.iterdir()} == first
    with pytest.raises(DataError, match=r"000002\.png .*: seed 0 there, 5 now\. .*--to .*out-2\)"):
        generate(run, out, replace(made, seed=5, first=2), Place())
    generate(run, out, replace(made, seed=5, first=8, grid=False), Place())  # beside them
    with pytest.raises(DataError, match="000008"):
        generate(run, out, replace(made, count=9), Place())
    assert {name: (out / name).read_bytes() for name in first} == first


def test_pictures_and_grids_of_somebody_else_are_not_written_over(
    run: Run, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(monkeypatch, pack, 400)
    out, made = tmp_path / "out", GenerateSettings(count=2, keep_copies=True, grid=True)
    out.mkdir()
    (tmp_path / "out-2").mkdir()
    for file in (out / "000001.png", tmp_path / "out-grid.png"):
        images.write_png(file, blots(1, 0)[0])
        with pytest.raises(DataError, match=rf"{file.name} .*does not say .*--to .*out-3\)"):
            generate(run, out, made, Place())
        file.unlink()
    assert not list(out.iterdir())
    images.write_png(out / "1.png", blots(1, 0)[0])
    assert generate(run, out, made, Place()).count == 2
    assert generate(run, out, made, Place()).count == 2  # its own grid is written anew


def test_copies_are_written_when_they_are_asked_for(
    run: Run, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(monkeypatch, pack, 5)
    settings = GenerateSettings(count=20, keep_copies=True)
    made = generate(run, tmp_path / "out", settings, Place())
    assert sorted(int(file.stem) for file in (tmp_path / "out").iterdir()) == list(range(20))
    assert made.copies == 0


@pytest.mark.slow
def test_a_picture_is_the_same_whatever_was_left_out_before_it(
    run: Run, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(monkeypatch, pack, 5)
    generate(run, tmp_path / "a", GenerateSettings(count=20), Place())
    generate(run, tmp_path / "b", GenerateSettings(count=2, first=10), Place())
    assert sorted(file.name for file in (tmp_path / "b").iterdir()) == ["000011.png", "000012.png"]
    for file in (tmp_path / "b").iterdir():
        assert file.read_bytes() == (tmp_path / "a" / file.name).read_bytes()


@pytest.mark.slow
def test_a_run_that_only_copies_is_given_up_with_a_sentence(
    run: Run, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(monkeypatch, pack, 1)
    settings = GenerateSettings(count=20, grid=True)
    made = generate(run, tmp_path / "out", settings, Place())
    assert (made.count, made.copies, made.grid) == (0, 80, None)
    assert "Only 0 of 20" in made.notes[0]
    assert "--keep-copies" in made.notes[0]


def test_a_grid_lies_beside_the_folder_that_holds_samples_alone(
    run: Run, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(monkeypatch, pack, 5)
    settings = GenerateSettings(count=3, grid=True, keep_copies=True)
    made = generate(run, tmp_path / "out", settings, Place())
    assert made.grid == tmp_path / "out-grid.png"
    assert made.grid.is_file()
    names = sorted(file.name for file in (tmp_path / "out").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"]


def test_without_the_pack_all_are_kept_and_one_line_says_so(
    run: Run, pack: Pack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replay(monkeypatch, pack, 5)
    pack.path.rename(tmp_path / "moved")
    made = generate(run, tmp_path / "out", GenerateSettings(count=20), Place())
    assert made.count == len(list((tmp_path / "out").iterdir())) == 20
    assert len(made.notes) == 1
    assert "no longer" in made.notes[0]
    assert images.read(tmp_path / "out" / "000000.png").shape == (16, 16, 3)
