"""Export a pack for other programs: ImageFolder, webdataset tars, or Parquet."""

from __future__ import annotations

import csv
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from lookalike import images
from lookalike.data.pack.atomic_folder import folder_names, refuse_full, whole_folder
from lookalike.data.pack.pack import Pack, Row, Split, damaged
from lookalike.errors import DataError, need
from lookalike.progress import Tell, silent
from lookalike.results import Result

_BLOCK = 256
_SHARD = 10_000


@dataclass(frozen=True)
class ExportedPack(Result):
    """Where the pictures went."""

    path: Path
    form: str
    count: int
    files: int

    def lines(self) -> list[str]:
        """How many went where."""
        return [f"{self.count:,} pictures as {self.form} in {self.path}."]

    @property
    def next_step(self) -> str:
        """Where it says how others read it."""
        return "docs/export.md says how torchvision, datasets and webdataset read it"


def export_pack(
    pack: Pack, to: Path, form: str = "imagefolder", tell: Tell = silent
) -> ExportedPack:
    """Write every picture of a pack, as PNG and with its labels, to a folder that is new or empty.

    Changed copies (``prepare --augment``) are left out: apart from their originals they could come
    to lie in another hold-out.

    ``form`` is "imagefolder" (``split/class/name.png`` and ``split/metadata.csv``, as Hugging Face
    and torchvision read it), "webdataset" (``split-00000.tar`` with png, cls and json) or "parquet"
    (``split.parquet`` with an image column as Hugging Face writes it).

    Raises:
        DataError: an unknown form, or the folder is not empty.
    """
    if form not in FORMS:
        raise DataError(f"there is no form {form!r}. Choose from: {', '.join(FORMS)}.")
    refuse_full(to)
    done = 0
    with whole_folder(to) as part:
        for split in (pack.train, pack.holdout):
            if len(split):
                for _ in FORMS[form](split, part):
                    done += 1
                    tell("exporting pictures", done, pack.count)
        if pack.info.get("licence"):
            (part / "LICENCE.txt").write_text(pack.info["licence"], encoding="utf-8")
    files = sum(1 for one in to.rglob("*") if one.is_file())
    return ExportedPack(to, form, done, files)


def _pictures(split: Split) -> Iterator[tuple[str, bytes, Row]]:
    """Name, PNG bytes and manifest line of every picture of a split, changed copies aside."""
    for place, (picture, row) in zip(split.pack_rows(), split.each(), strict=True):
        if "augment" not in row:
            yield f"{place:08d}", images.encode_png(picture), row


def _class_of(split: Split, row: Row) -> str:
    group = str(row.get("class") or "") if split.pack.classes else ""
    if group and group not in split.pack.classes:
        raise damaged(
            split.pack.path,
            f"its manifest.jsonl knows a class {group!r} that its pack.json does not",
        )
    return group


def _image_folder(split: Split, to: Path) -> Iterator[None]:
    home = to / split.name
    home.mkdir()
    names = [one["name"] for one in split.pack.info["attributes"]]
    folders = folder_names(split.pack.classes)
    with (home / "metadata.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, ["file_name", *names], extrasaction="ignore")
        table.writeheader()
        for name, data, row in _pictures(split):
            group = _class_of(split, row)
            place = f"{folders[group]}/{name}.png" if group else f"{name}.png"
            (home / place).parent.mkdir(exist_ok=True)
            (home / place).write_bytes(data)
            table.writerow({**row.get("attributes", {}), "file_name": place})
            yield
    if not names:
        (home / "metadata.csv").unlink()


def _web_dataset(split: Split, to: Path) -> Iterator[None]:
    archive: tarfile.TarFile | None = None
    try:
        for index, (name, data, row) in enumerate(_pictures(split)):
            if index % _SHARD == 0:
                if archive is not None:
                    archive.close()
                archive = tarfile.open(to / f"{split.name}-{index // _SHARD:05d}.tar", "w")
            assert archive is not None
            _member(archive, f"{name}.png", data)
            group = _class_of(split, row)
            if group:
                _member(archive, f"{name}.cls", group.encode())
            words = json.dumps(row.get("attributes", {}), ensure_ascii=False)
            _member(archive, f"{name}.json", words.encode())
            yield
    finally:
        if archive is not None:
            archive.close()


def _member(archive: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    archive.addfile(info, io.BytesIO(data))


def _parquet(split: Split, to: Path) -> Iterator[None]:
    arrow: Any = need("pyarrow", "tables", "writing Parquet")
    parquet: Any = need("pyarrow.parquet", "tables", "writing Parquet")
    names = [one["name"] for one in split.pack.info["attributes"]]
    image = arrow.struct([("bytes", arrow.binary()), ("path", arrow.string())])
    words = ["label", *names] if split.pack.classes else names
    columns = [("image", image), *((name, arrow.string()) for name in words)]
    features = {"image": {"_type": "Image"}} | {
        name: {"dtype": "string", "_type": "Value"} for name in words
    }
    told = {"huggingface": json.dumps({"info": {"features": features}})}
    schema = arrow.schema(columns, metadata=told)
    with parquet.ParquetWriter(to / f"{split.name}.parquet", schema) as writer:
        pictures = _pictures(split)
        while some := list(islice(pictures, _BLOCK)):
            rows = [
                {"image": {"bytes": data, "path": f"{name}.png"}, **row.get("attributes", {})}
                | ({"label": row.get("class")} if split.pack.classes else {})
                for name, data, row in some
            ]
            writer.write_table(arrow.Table.from_pylist(rows, schema))
            yield from [None] * len(some)


FORMS: dict[str, Callable[[Split, Path], Iterator[None]]] = {
    "imagefolder": _image_folder,
    "webdataset": _web_dataset,
    "parquet": _parquet,
}
"""The ways to write a pack out."""
