from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.data.pack.pack import Pack
from lookalike.errors import DataError, NoImagesError, PackError, TooFewImagesError
from lookalike.settings.data import PrepareSettings
from lookalike.stages import prepare as stage
from lookalike.stages.prepare import prepare

HERE = PrepareSettings(size=16, workers=0)
Photos = Callable[..., Path]


def sources(pack: Pack) -> set[str]:
    return {row["source"] for row in pack.manifest()}


def everything(pack: Pack) -> list[tuple[dict[str, object], bytes]]:
    """All lines and pixels; the split aside, which depends on what was there before."""
    pixels = pack.shards.take(np.arange(pack.count))
    lines = [{**row, "split": ""} for row in pack.manifest()]
    return [(line, one.tobytes()) for line, one in zip(lines, pixels, strict=True)]


def test_a_folder_becomes_a_pack_with_a_tenth_held_out(photos: Photos, tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    folder = photos(40)
    done = prepare(folder, tmp_path / "pack", HERE, lambda *words: told.append(words))
    pack = Pack.open(done.path)
    assert (done.count, done.train, done.holdout, done.refused) == (40, 36, 4, 0)
    assert told[-1] == ("preparing pictures", 40, 40)
    for split in (pack.train, pack.holdout):
        for index, row in enumerate(split.rows(np.arange(len(split)))):
            with Image.open(folder / row["source"]) as picture:
                whole = picture.resize((16, 16), Image.Resampling.LANCZOS, (4, 0, 44, 40))
            assert np.abs(split.images([index])[0].astype(int) - np.asarray(whole, int)).max() <= 3
            assert row["split"] == split.name


@pytest.mark.slow
def test_worker_processes_give_the_same_pack_as_this_process(
    photos: Photos, tmp_path: Path
) -> None:
    folder = photos(40)
    here = prepare(folder, tmp_path / "a", HERE)
    there = prepare(folder, tmp_path / "b", PrepareSettings(size=16, workers=2))
    assert Pack.open(here.path).fingerprint == Pack.open(there.path).fingerprint


def test_the_same_again_does_nothing_and_a_grown_source_reads_new_files_only(
    photos: Photos, tmp_path: Path
) -> None:
    folder, to = photos(30), tmp_path / "pack"
    shutil.copy(folder / "003.png", folder / "zz_copy.png")
    (folder / "broken.png").write_bytes(b"no")
    first = prepare(folder, to, HERE)
    assert (first.decoded, first.copies, first.refused) == (32, 1, 1)
    before = (to / "pack.json").stat().st_mtime_ns
    again = prepare(folder, to, HERE)
    assert (again.unchanged, again.decoded) == (True, 0)
    assert (to / "pack.json").stat().st_mtime_ns == before
    photos(5, first=30)
    grown = prepare(folder, to, HERE)
    assert (grown.decoded, grown.count, grown.copies, grown.refused) == (5, 35, 1, 1)
    fresh = prepare(folder, tmp_path / "fresh", HERE)
    assert everything(Pack.open(fresh.path)) == everything(Pack.open(to))
    assert [r["source"] for r in Pack.open(to).refused()] == ["broken.png", "zz_copy.png"]


def test_a_grown_source_keeps_its_hold_out_and_no_copies_on_both_sides(
    photos: Photos, tmp_path: Path
) -> None:
    folder = photos(60)
    settings = PrepareSettings(size=16, workers=0)
    prepare(folder, tmp_path / "pack", settings)
    first = {row["source"]: row["split"] for row in Pack.open(tmp_path / "pack").manifest()}
    for index in range(0, 60, 3):
        with Image.open(folder / f"{index:03d}.png") as picture:
            picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / f"{index:03d}m.png")
    prepare(folder, tmp_path / "pack", settings)
    then = {row["source"]: row["split"] for row in Pack.open(tmp_path / "pack").manifest()}
    assert len(then) == 80
    assert {name: then[name] for name in first} == first
    assert all(then[name] == then[name.replace("m.", ".")] for name in then)
    assert 16 <= sum(side == "holdout" for side in then.values()) <= 20


def test_a_changed_or_removed_file_is_noticed(photos: Photos, tmp_path: Path) -> None:
    folder, to = photos(20), tmp_path / "pack"
    prepare(folder, to, HERE)
    (folder / "000.png").unlink()
    Image.new("RGB", (30, 30), "red").save(folder / "001.png")
    done = prepare(folder, to, HERE)
    assert (done.decoded, done.count) == (1, 19)
    assert "000.png" not in sources(Pack.open(to))


def test_other_settings_read_everything_again(photos: Photos, tmp_path: Path) -> None:
    folder, to = photos(20), tmp_path / "pack"
    prepare(folder, to, HERE)
    done = prepare(folder, to, PrepareSettings(size=8, workers=0))
    assert (done.size, done.decoded) == (8, 20)


def test_copies_are_kept_once_and_near_copies_stay_on_one_side(
    photos: Photos, tmp_path: Path
) -> None:
    folder = photos(60)
    for index in range(60):
        picture = Image.open(folder / f"{index:03d}.png")
        picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT).save(folder / f"{index:03d}_turn.png")
        shutil.copy(folder / f"{index:03d}.png", folder / f"{index:03d}_same.png")
    done = prepare(folder, tmp_path / "pack", HERE)
    assert (done.count, done.copies, done.near, done.holdout) == (120, 60, 60, 16)
    pack = Pack.open(done.path)
    held = {row["source"][:3] for row in pack.holdout.rows(np.arange(16))}
    kept = {row["source"][:3] for row in pack.train.rows(np.arange(104))}
    assert len(held) == 8
    assert not held & kept


def test_sub_folders_become_classes_with_their_share_of_the_hold_out(
    photos: Photos, tmp_path: Path
) -> None:
    photos(40, under="cat")
    folder = photos(20, under="dog", first=40)
    done = prepare(folder, tmp_path / "pack", HERE)
    pack = Pack.open(done.path)
    assert done.class_counts == {"cat": 40, "dog": 20}
    assert np.bincount(pack.holdout.classes(np.arange(16))).tolist() == [11, 5]
    assert pack.columns == ("class=cat", "class=dog")


def test_a_table_of_attributes_lands_in_manifest_and_columns(
    photos: Photos, tmp_path: Path
) -> None:
    folder = photos(20)
    lines = [f"{i:03d}.png,{'long' if i % 2 else 'short'},{i}" for i in range(20)]
    (folder / "attributes.csv").write_text("file,hair,age\n" + "\n".join(lines))
    (folder / "LICENCE.txt").write_text("mine")
    pack = Pack.open(prepare(folder, tmp_path / "pack", HERE).path)
    assert pack.columns == ("hair=long", "hair=short", "age")
    assert pack.info["licence"] == "mine"
    (row,) = pack.train.rows([0])
    number = int(row["source"][:3])
    assert row["attributes"] == {"hair": "long" if number % 2 else "short", "age": str(number)}
    labels = pack.train.labels([0])[0]
    assert labels[:2].tolist() == ([1, 0] if number % 2 else [0, 1])
    assert labels[2] == pytest.approx((number - 9.5) / np.std(np.arange(20)), rel=1e-5)


@pytest.mark.slow
def test_a_hostile_folder_among_good_pictures_ends_with_every_fault_named(
    hostile: Path, photos: Photos, tmp_path: Path
) -> None:
    folder = photos(20, name=hostile.name, first=100)
    done = prepare(folder, tmp_path / "pack", PrepareSettings(size=16, workers=1))
    pack = Pack.open(done.path)
    listed = {row["source"]: row["reason"] for row in pack.refused()}
    everything = {file.name for file in folder.iterdir()}
    assert sources(pack) | set(listed) == everything
    assert set(listed) == {
        "cut.jpg",
        "empty.png",
        "words.jpg",
        "page.png",
        "zeros.jpg",
        "bomb.png",
        "large.png",
        "dot.png",
        "thread.png",
        "noise.webp",
        "eps.jpg",
    }
    assert all(listed.values())
    assert (done.refused, len(done.refusals)) == (11, 11)
    assert any("could not be used" in words for words in done.warnings)


def test_a_zip_gives_the_same_pictures_as_its_folder(photos: Photos, tmp_path: Path) -> None:
    photos(20, under="cat")
    folder = photos(20, under="dog", first=20)
    archive = shutil.make_archive(str(tmp_path / "all"), "zip", folder)
    one, other = prepare(folder, tmp_path / "a", HERE), prepare(Path(archive), tmp_path / "b", HERE)
    assert Pack.open(one.path).fingerprint == Pack.open(other.path).fingerprint
    assert prepare(Path(archive), tmp_path / "b", HERE).unchanged


def test_a_pack_is_returned_as_it_is(photos: Photos, tmp_path: Path) -> None:
    first = prepare(photos(20), tmp_path / "pack", HERE)
    again = prepare(first.path, tmp_path / "other", HERE)
    assert again.path == first.path
    assert not (tmp_path / "other").exists()


def test_nothing_readable_and_too_few_say_what_was_found(photos: Photos, tmp_path: Path) -> None:
    (tmp_path / "bare").mkdir()
    with pytest.raises(NoImagesError, match="no file that could be a picture"):
        prepare(tmp_path / "bare", tmp_path / "pack", HERE)
    (tmp_path / "bare" / "a.jpg").write_text("words")
    with pytest.raises(NoImagesError, match=r"a\.jpg is text"):
        prepare(tmp_path / "bare", tmp_path / "pack", HERE)
    with pytest.raises(TooFewImagesError, match="holds 15 different pictures"):
        prepare(photos(15), tmp_path / "pack", HERE)
    assert not (tmp_path / "pack").exists()


def test_enlarged_pictures_give_a_warning_with_the_size_to_take(
    photos: Photos, tmp_path: Path
) -> None:
    done = prepare(photos(20), tmp_path / "pack", PrepareSettings(size=64, workers=0))
    assert "Prepare with --size 32" in done.warnings[0]
    fitting = prepare(photos(20), tmp_path / "pack", PrepareSettings(size=None, workers=0))
    assert (fitting.size, fitting.warnings) == (32, ())


def test_a_small_class_gives_a_warning(photos: Photos, tmp_path: Path) -> None:
    photos(3, under="cat")
    folder = photos(30, under="dog", first=3)
    assert "The class cat has only 3" in prepare(folder, tmp_path / "pack", HERE).warnings[0]


def test_a_place_that_holds_something_else_is_refused_before_reading(
    photos: Photos, tmp_path: Path
) -> None:
    folder = photos(20)
    with pytest.raises(PackError, match="not a pack"):
        prepare(folder, folder, HERE)
    with pytest.raises(DataError, match="from 0 to below 1"):
        PrepareSettings(holdout=1.0)


def test_a_damaged_pack_is_made_anew(photos: Photos, tmp_path: Path) -> None:
    folder, to = photos(20), tmp_path / "pack"
    prepare(folder, to, HERE)
    (to / "images-00000.npy").write_bytes(b"short")
    assert prepare(folder, to, HERE).decoded == 20
    assert json.loads((to / "pack.json").read_text())["count"] == 20


def test_what_the_doctor_leaves_out_is_listed_and_comes_back_when_it_is_no_longer_left_out(
    photos: Photos, tmp_path: Path
) -> None:
    folder, to = photos(20), tmp_path / "pack"
    without = PrepareSettings(size=16, workers=0, leave_out={"003.png": "is blank"})
    done = prepare(folder, to, without)
    assert (done.count, done.refusals) == (19, (("003.png", "is blank"),))
    assert prepare(folder, to, without).unchanged
    assert prepare(folder, to, HERE).count == 20


def test_the_same_again_opens_no_picture_to_choose_the_size(
    photos: Photos, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, wanted = photos(30), PrepareSettings(size=None, workers=0)
    first = prepare(folder, tmp_path / "pack", wanted)
    opened, true = [], stage.looked_at
    monkeypatch.setattr(stage, "looked_at", lambda *given: opened.append(1) or true(*given))
    again = prepare(folder, tmp_path / "pack", wanted)
    assert (again.unchanged, again.size, opened) == (True, first.size, [])
    photos(1, first=30)
    assert prepare(folder, tmp_path / "pack", wanted).decoded == 1
    assert opened
