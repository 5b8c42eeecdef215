"""Small sets and small ones of case 25 that belong to prepare."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from case_tools import fill, picture, prepared

from lookalike import api
from lookalike.data.pack import Pack
from lookalike.errors import DataError


def test_a_pack_with_other_settings_is_made_or_refused(tmp_path: Path) -> None:
    first = prepared(fill(tmp_path / "in", 48))
    pack = Pack.open(first.path)
    small = api.prepare(pack.path, tmp_path / "new", size=8, grey=True)
    other = Pack.open(small.path)
    assert (small.size, small.channels, small.count, small.holdout) == (8, 1, 48, 16)
    sides = [[row["split"] for row in one.manifest()] for one in (pack, other)]
    assert sides[0] == sides[1]
    assert api.prepare(pack.path, tmp_path / "new", size=8, grey=True).unchanged
    for wrong in ({"size": 32}, {"size": 16, "fit": "pad"}):
        with pytest.raises(DataError, match="is a pack of 16 px in color"):
            api.prepare(pack.path, tmp_path / "other", **wrong)  # type: ignore[arg-type]
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("size", [0, -1, 100_000])
def test_sizes_that_are_none_are_refused(tmp_path: Path, size: int) -> None:
    with pytest.raises(DataError, match="at least 1 and at most 2048"):
        prepared(fill(tmp_path / "in", 20), size=size)


def test_backslashes_in_a_list_are_slashes(tmp_path: Path) -> None:
    fill(tmp_path / "in", 20)
    lines = (json.dumps({"file": f"in\\{i:04d}.png"}) for i in range(20))
    (tmp_path / "list.jsonl").write_text("\n".join(lines))
    assert prepared(tmp_path / "list.jsonl").count == 20


def test_a_link_to_the_parent_folder_is_no_class(tmp_path: Path) -> None:
    fill(tmp_path / "home" / "in" / "cats", 10)
    folder = fill(tmp_path / "home" / "in" / "dogs", 10, 50).parent
    fill(tmp_path / "home" / "others", 10, 100)
    (folder / "up").symlink_to(folder.parent, target_is_directory=True)
    (folder / "again").symlink_to(folder / "cats", target_is_directory=True)
    done = prepared(folder)
    assert done.class_counts == {"cats": 10, "dogs": 10}
    links = {f"{name} is a link to a folder that is read already." for name in ("again", "up")}
    assert set(done.found) == {"2 classes from folders: cats, dogs.", *links}


def test_a_jpeg_without_its_last_bytes_is_read_and_named_and_half_of_one_is_not(
    tmp_path: Path,
) -> None:
    folder = fill(tmp_path / "in", 20)
    picture(900, 64).save(tmp_path / "whole.jpg", quality=90)
    data = (tmp_path / "whole.jpg").read_bytes()
    for cut in (1, 2):
        picture(900 + cut, 64).save(tmp_path / "whole.jpg", quality=90)
        data = (tmp_path / "whole.jpg").read_bytes()
        (folder / f"end{cut}.jpg").write_bytes(data[:-cut])
    (folder / "half.jpg").write_bytes(data[: len(data) // 2])
    done = prepared(folder)
    assert (done.count, [name for name, _ in done.refusals]) == (22, ["half.jpg"])
    assert done.found == (
        "2 pictures without their last bytes, read nevertheless: end1.jpg, end2.jpg.",
    )


def test_48_pictures_hold_out_16(tmp_path: Path) -> None:
    assert prepared(fill(tmp_path / "a", 47)).holdout == 5
    assert prepared(fill(tmp_path / "b", 48)).holdout == 16


def test_runs_packs_and_generated_pictures_are_not_taken_for_pictures(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", 20)
    fill(folder / "runs" / "a" / "samples", 3, 100)
    (folder / "runs" / "a" / "recipe.json").write_text("{}")
    made = prepared(folder)
    assert (made.count, made.refused) == (20, 0)
    assert made.found == ("runs/a is a run and was passed over.",)
    with pytest.raises(DataError, match="is a run, not pictures"):
        prepared(folder / "runs" / "a")
    assert np.array_equal(Pack.open(made.path).class_numbers, np.full(20, -1, np.int32))
