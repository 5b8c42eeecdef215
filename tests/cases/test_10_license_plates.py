"""Generate-LicensePlate-with-GAN #4: pictures called license_* were dropped without a word."""

from __future__ import annotations

from pathlib import Path

import pytest
from case_tools import fill, prepared


@pytest.mark.parametrize("name", ["license_plate_{:04d}.png", "License_{:03d}.png", "README{}.png"])
def test_a_picture_is_a_picture_whatever_its_name(tmp_path: Path, name: str) -> None:
    folder = fill(tmp_path / "in", 20, name=name)
    (folder / "LICENSE").write_text("the text of a licence")
    done = prepared(folder)
    assert (done.count, done.refused) == (20, 0)
    assert done.found == ("1 text file not used: LICENSE.",)
