"""webdataset #237: every picture got the last label of the part of its name before a dot."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

from case_tools import classes, png, prepared


def pack_tar(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def test_every_picture_keeps_its_own_label_where_names_have_dots(tmp_path: Path) -> None:
    truth = {
        f"cam{1 + i // 12}.{i:03d}": "cat" if i % 2 == 0 or i == 23 else "dog" for i in range(24)
    }
    members: dict[str, bytes] = {}
    for number, (key, label) in enumerate(truth.items()):
        members |= {f"{key}.png": png(number), f"{key}.cls": label.encode()}
    done = prepared(pack_tar(tmp_path / "in.tar", members))
    assert classes(done) == {f"{key}.png": label for key, label in truth.items()}
    assert done.found == ("24 of 24 pictures with a .cls file of the same name beside it.",)


def test_a_key_with_two_pictures_gives_both_its_label_and_is_named(tmp_path: Path) -> None:
    members: dict[str, bytes] = {}
    for key in range(10):
        members |= {f"{key}.input.png": png(2 * key), f"{key}.target.png": png(2 * key + 1)}
        members[f"{key}.cls"] = b"ab"[key % 2 :][:1]
    done = prepared(pack_tar(tmp_path / "in.tar", members))
    assert classes(done) == {
        f"{key}.{side}.png": "ab"[key % 2] for key in range(10) for side in ("input", "target")
    }
    assert any(words.startswith("10 keys with several pictures") for words in done.found)
