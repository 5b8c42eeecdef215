"""img2dataset #211: one JSON in a tar took away its class folders."""

from __future__ import annotations

import tarfile
from pathlib import Path

from case_tools import fill, prepared


def test_class_folders_in_a_tar_stay_classes_beside_a_json(tmp_path: Path) -> None:
    fill(tmp_path / "ds" / "cats", 12)
    fill(tmp_path / "ds" / "dogs", 12, 100)
    (tmp_path / "ds" / "dataset_info.json").write_text("{}")
    with tarfile.open(tmp_path / "in.tar", "w") as archive:
        archive.add(tmp_path / "ds", "ds")
    done = prepared(tmp_path / "in.tar")
    assert done.class_counts == {"cats": 12, "dogs": 12}
    assert "1 text file not used: ds/dataset_info.json." in done.found
