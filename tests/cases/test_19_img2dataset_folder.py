"""img2dataset #31: its output folder (tars beside a Parquet and a JSON each) was not read."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from case_tools import png, prepared


@pytest.mark.parametrize("suffix", [".tar", ".tar.gz"])
def test_shards_beside_their_tables_are_read(tmp_path: Path, suffix: str) -> None:
    folder = tmp_path / "in"
    folder.mkdir()
    for shard in range(2):
        with tarfile.open(folder / f"{shard:05d}{suffix}", f"w:{suffix[5:]}") as archive:
            for i in range(10):
                about = {"key": str(i), "status": "success", "url": "u", "width": i, "color": "red"}
                files = {"jpg": png(10 * shard + i), "json": json.dumps(about).encode()}
                for kind, data in files.items():
                    info = tarfile.TarInfo(f"{shard}{i:08d}.{kind}")
                    info.size = len(data)
                    archive.addfile(info, io.BytesIO(data))
        (folder / f"{shard:05d}.parquet").write_bytes(b"PAR1xxxxPAR1")
        (folder / f"{shard:05d}_stats.json").write_text("{}")
    done = prepared(folder)
    assert (done.count, done.class_counts, done.columns) == (20, {}, ())
    assert done.found == (
        "20 of 20 pictures with a .json file of the same name beside it.",
        "2 text files not used: 00000_stats.json, 00001_stats.json.",
        "00000.parquet, 00001.parquet beside the archives not used.",
        "In the manifest only, since values differ too much or not at all: color.",
    )
