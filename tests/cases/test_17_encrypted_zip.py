"""arkfind #7: a zip with a password and a table inside was a traceback."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest
from case_tools import png, prepared, refusals

from lookalike.errors import DataError


def locked(path: Path, names: dict[str, bool]) -> Path:
    """A zip in which some members say that they are encrypted."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for number, name in enumerate(names):
            archive.writestr(name, png(number) if name.endswith("png") else b"file,label\n")
        for member in archive.infolist():
            member.flag_bits |= names[member.filename]
    path.write_bytes(buffer.getvalue())
    return path


def test_a_zip_with_a_password_is_refused_by_name_with_the_reason(tmp_path: Path) -> None:
    names = {**{f"{i}.png": True for i in range(20)}, "labels.csv": True}
    with pytest.raises(DataError, match=r"in\.zip is protected by a password \(all 21 files"):
        prepared(locked(tmp_path / "in.zip", names))


def test_single_members_with_a_password_are_refused(tmp_path: Path) -> None:
    done = prepared(locked(tmp_path / "in.zip", {f"{i}.png": i < 2 for i in range(20)}))
    assert done.count == 18
    assert set(refusals(done)) == {"0.png", "1.png"}
    assert "password" in refusals(done)["0.png"]
