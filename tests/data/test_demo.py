from __future__ import annotations

import csv
import json
from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest

from lookalike import images
from lookalike.data import demo
from lookalike.data.demo import STYLES, check_options, draw_demo
from lookalike.errors import DataError
from lookalike.settings.data import DemoSettings


def table(folder: Path) -> list[dict[str, str]]:
    with (folder / "attributes.csv").open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_faces_come_with_their_attributes_and_the_name_of_the_artist(tmp_path: Path) -> None:
    done = draw_demo(tmp_path / "faces", DemoSettings(count=30, size=32))
    assert (done.made, done.count) == (True, 30)
    rows = table(done.folder)
    assert sorted(row["file"] for row in rows) == sorted(p.name for p in done.folder.glob("*.png"))
    picture = images.read(done.folder / rows[0]["file"])
    assert picture.shape == (32, 32, 3)
    assert picture.std() > 10
    assert (picture[0, 0] == 255).all()
    assert {"hair", "mouth", "hair_color", "skin_color"} <= set(rows[0])
    assert "body" not in rows[0]
    assert "none" in {row["beard"] for row in rows}
    assert "Johan Melin, CC BY 4.0" in (done.folder / "LICENCE.txt").read_text()


@pytest.mark.slow
def test_the_same_seed_draws_the_same_and_a_second_call_does_nothing(tmp_path: Path) -> None:
    one = draw_demo(tmp_path / "a", DemoSettings(count=4, size=16, seed=5))
    draw_demo(tmp_path / "b", DemoSettings(count=4, size=16, seed=5))
    draw_demo(tmp_path / "c", DemoSettings(count=4, size=16, seed=6))
    read = [[p.read_bytes() for p in sorted((tmp_path / f).glob("*.png"))] for f in "abc"]
    assert read[0] == read[1]
    assert not set(read[0]) & set(read[2])
    assert not draw_demo(one.folder, DemoSettings(count=4, size=16, seed=5)).made


@pytest.mark.slow
def test_a_folder_with_something_else_is_left_alone(tmp_path: Path) -> None:
    draw_demo(tmp_path / "a", DemoSettings(count=2, size=16))
    with pytest.raises(DataError, match="other demo pictures"):
        draw_demo(tmp_path / "a", DemoSettings(count=3, size=16))
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "mine.png").write_bytes(b"x")
    with pytest.raises(DataError, match="not empty"):
        draw_demo(tmp_path / "b", DemoSettings(count=2))
    assert [p.name for p in (tmp_path / "b").iterdir()] == ["mine.png"]


@pytest.mark.slow
def test_the_mix_has_a_class_folder_for_each_of_its_styles(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert len(set(demo.MIXED) & set(STYLES)) == 10
    few = ("micah", "toon-head")
    monkeypatch.setattr(demo, "MIXED", few)
    done = draw_demo(tmp_path / "mix", DemoSettings(style="mix", count=9, size=16))
    assert [len(list((done.folder / name).iterdir())) for name in few] == [5, 4]
    assert sorted(p.name for p in done.folder.iterdir() if p.is_dir()) == sorted(few)
    assert all(row["file"].startswith(row["class"] + "/") for row in table(done.folder))


@pytest.mark.slow
def test_an_option_that_is_fixed_is_drawn_and_written(tmp_path: Path) -> None:
    wanted = DemoSettings(
        count=6, size=16, options={"hairVariant": ["bun"], "hairProbability": 100}
    )
    rows = table(draw_demo(tmp_path / "buns", wanted).folder)
    assert "hair" not in rows[0]
    assert len(rows) == 6


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"hairVariant": ["nope"]}, "bun, sideComed"),
        ({"hairVariant": "nope"}, "has no value 'nope'"),
        ({"whiskersVariant": ["long"]}, "no option 'whiskersVariant'"),
    ],
)
def test_names_that_the_style_does_not_have_are_refused(
    options: dict[str, object], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        check_options("toon-head", options)


def test_an_unknown_style_is_refused_with_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="toon-head"):
        draw_demo(tmp_path / "x", DemoSettings(style="no-such-style"))


@pytest.mark.parametrize("name", STYLES)
def test_artist_and_licence_are_those_that_the_package_states(name: str) -> None:
    text = (files("dicebear_styles") / f"{name}.json").read_text(encoding="utf-8")
    meta = json.loads(text)["meta"]
    style = STYLES[name]
    assert (style.title, style.artist, style.licence, style.link) == (
        meta["source"]["name"],
        meta["creator"]["name"],
        meta["license"]["name"],
        meta["source"]["url"],
    )


@pytest.mark.slow
def test_different_faces_are_different_pictures(tmp_path: Path) -> None:
    done = draw_demo(tmp_path / "faces", DemoSettings(count=12, size=16))
    drawn = np.stack([images.read(p) for p in sorted(done.folder.glob("*.png"))])
    assert len(np.unique(drawn.reshape(12, -1), axis=0)) == 12
