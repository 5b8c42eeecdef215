"""datachain #375: Parquet in a folder of its configuration, with names in its own metadata."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from case_tools import png, prepared

arrow = pytest.importorskip("pyarrow")
parquet = pytest.importorskip("pyarrow.parquet")


@pytest.mark.parametrize("column", ["label", "fine_label"])
def test_configurations_class_names_and_the_picture_column_are_found(
    tmp_path: Path, column: str
) -> None:
    names = {"names": ["cat", "dog"], "_type": "ClassLabel"}
    features = {"image": {"_type": "Image"}, column: names}
    table = arrow.table(
        {
            "md5": arrow.array([bytes([i]) * 16 for i in range(30)]),
            "image": arrow.array([{"bytes": png(i), "path": ""} for i in range(30)]),
            column: arrow.array([i % 2 for i in range(30)]),
        }
    ).replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    (tmp_path / "in" / "mnist").mkdir(parents=True)
    parquet.write_table(table, tmp_path / "in" / "mnist" / "train-00000-of-00001.parquet")
    parquet.write_table(table, tmp_path / "flat.parquet")
    for source in (tmp_path / "in", tmp_path / "flat.parquet"):
        done = prepared(source)
        assert done.class_counts == {"cat": 15, "dog": 15}
        assert done.found == ("30 pictures in the column image of 1 Parquet file.",)


def test_a_plain_column_of_bytes_is_a_picture_when_its_bytes_are(tmp_path: Path) -> None:
    table = arrow.table(
        {"md5": [bytes([i]) * 16 for i in range(20)], "payload": [png(i) for i in range(20)]}
    )
    parquet.write_table(table, tmp_path / "in.parquet")
    assert prepared(tmp_path / "in.parquet").count == 20
