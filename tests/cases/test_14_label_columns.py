"""ncbi/datasets #500: a class with a comma in its name."""

from __future__ import annotations

from pathlib import Path

from case_tools import fill, prepared

from lookalike.data.pack import Pack
from lookalike.data.pack.classes import attributes_of, classes_of


def test_commas_and_equals_signs_are_part_of_a_name(tmp_path: Path) -> None:
    folder = fill(tmp_path / "in", 24)
    rows = [
        f"{i:04d}.png;{('cat', 'tench, Tinca tinca')[i % 2]};{('1=a', 'b,c')[i % 2]}"
        for i in range(24)
    ]
    (folder / "labels.csv").write_text("file;label;a=b\n" + "\n".join(rows))
    done = prepared(folder)
    assert done.class_counts == {"cat": 12, "tench, Tinca tinca": 12}
    pack = Pack.open(done.path)
    assert attributes_of(pack) == ["a=b"]
    assert classes_of(pack, "a=b").names == ("1=a", "b,c")
