"""Archives that lie about themselves are refused before they fill the memory."""

from __future__ import annotations

import struct
import zipfile
from pathlib import Path

import pytest

from lookalike.data.readers import zip as zips
from lookalike.data.readers.idx import read_idx
from lookalike.errors import DataError


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\0\0\x08\x03",
        b"\0\0\x08\x01" + struct.pack(">I", 3) + b"ab",
        b"\0\0\x0d\x01" + struct.pack(">I", 1) + b"abcd",
        bytes([0, 0, 8, 3]) + struct.pack(">3I", 0xFFFFFFFF, 0xFFFFFFFF, 2) + b"ab",
        b"\x1f\x8bnonsense",
    ],
)
def test_a_lying_idx_file_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(data)
    with pytest.raises(DataError):
        read_idx(path, 1 if data[3:4] == b"\x01" else 3)


def test_a_directory_of_millions_is_refused_before_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "many.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for number in range(300):
            archive.writestr(f"{number:06d}.jpg", b"")
    zips.open_zip(path).close()
    monkeypatch.setattr(zips, "DIRECTORY_LIMIT", 1000)
    with pytest.raises(DataError, match="directory of"):
        zips.open_zip(path)
    (tmp_path / "no.zip").write_bytes(b"PK nonsense")
    with pytest.raises(DataError, match="cannot be read as a zip"):
        zips.open_zip(tmp_path / "no.zip")
