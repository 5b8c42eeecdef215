"""Which reader opens a place: folder, zip, tar, list or idx files."""

from __future__ import annotations

import tarfile
import zipfile
from pathlib import Path

from lookalike.data.readers.base import PictureSource, is_litter
from lookalike.data.readers.folder import FolderSource
from lookalike.data.readers.idx import IdxSource, idx_files
from lookalike.data.readers.label_tables import CELEBA_TABLES, folder_table
from lookalike.data.readers.tables import SUFFIXES, open_parquet, open_table
from lookalike.data.readers.tar import TarSource
from lookalike.data.readers.zip import ZipSource
from lookalike.errors import NoImagesError

CELEBA_ZIPS = ("img_align_celeba.zip", "Img/img_align_celeba.zip")


def open_source(path: Path) -> PictureSource:
    """The files of a folder, a zip, a tar, a list (CSV, JSONL, Parquet) or idx files.

    Raises:
        NoImagesError: there is nothing there, or nothing of these kinds.
        DataError: an archive or a list that cannot be read.
    """
    if not path.exists():
        raise NoImagesError(
            f"{path} does not exist. Name a folder of pictures, a zip of them, or a pack."
        )
    if path.is_dir():
        return _open_folder(path)
    if zipfile.is_zipfile(path):
        return ZipSource(path)
    if path.suffix.lower() in SUFFIXES:
        return open_table(path)
    if tarfile.is_tarfile(path):
        return TarSource(path)
    if "idx3-ubyte" in path.name:
        return IdxSource(path, [path])
    raise NoImagesError(
        f"{path} is a single file and no archive or list. Name a folder of pictures, a zip or tar "
        "of them, a list (.csv, .jsonl, .parquet), or a pack."
    )


def _open_folder(path: Path) -> PictureSource:
    packed = next((path / name for name in CELEBA_ZIPS if (path / name).is_file()), None)
    if packed is not None and any((path / name).is_file() for name in CELEBA_TABLES):
        return ZipSource(packed, folder_table(path))
    idx = idx_files(path)
    if idx:
        return IdxSource(path, idx)
    shards = _only(path, ".tar")
    if shards:
        return TarSource(path, shards)
    parquet = _only(path, ".parquet") or _only(path / "data", ".parquet")
    if parquet:
        return open_parquet(path, parquet)
    return FolderSource(path)


def _only(path: Path, suffix: str) -> list[Path]:
    """The files of this kind, when the folder holds nothing else that could be meant."""
    meant = [file for file in path.iterdir() if not is_litter(file.name)] if path.is_dir() else []
    fitting = sorted(file for file in meant if file.suffix == suffix)
    return fitting if len(fitting) == len(meant) else []
