"""cpython #84587: names in zips of macOS and of Windows came out as other characters."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from case_tools import png, prepared

from lookalike.errors import DataError


def old_zip(path: Path, names: tuple[str, ...], encoding: str) -> Path:
    """A zip whose names are in an encoding that it does not say."""

    class Old(zipfile.ZipInfo):
        def _encodeFilenameFlags(self) -> tuple[bytes, int]:  # noqa: N802
            return self.filename.encode(encoding), self.flag_bits

    with zipfile.ZipFile(path, "w") as archive:
        for number, name in enumerate(names):
            for i in range(10):
                archive.writestr(Old(f"{name}/{i}.png"), png(100 * number + i))
    return path


@pytest.mark.parametrize(
    ("encoding", "names"),
    [
        ("utf-8", ("犬", "猫")),
        ("cp1252", ("Bär", "Käfer")),
        ("cp437", ("Bär", "Käfer")),
        ("cp932", ("犬", "猫")),
        ("gbk", ("汽车", "飞机")),
        ("cp949", ("개", "고양이")),
        ("cp866", ("кошка", "собака")),
    ],
)
def test_names_are_read_as_they_were_meant(
    tmp_path: Path, encoding: str, names: tuple[str, ...]
) -> None:
    done = prepared(old_zip(tmp_path / "in.zip", names, encoding))
    assert done.class_counts == dict.fromkeys(names, 10)
    assert f"Names in the zip were read as {encoding}" in done.found[0]


def test_another_encoding_can_be_named(tmp_path: Path) -> None:
    path = old_zip(tmp_path / "in.zip", ("Bär", "Käfer"), "cp1252")
    assert prepared(path, zip_encoding="cp1251").class_counts == {"Bдr": 10, "Kдfer": 10}
    with pytest.raises(DataError, match="--zip-encoding"):
        prepared(path, zip_encoding="klingon")
