"""Posters, covers and cards: pictures that are not square, and new ones of the same shape."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from case_tools import QUICK, lookalike
from PIL import Image

import lookalike as package
from lookalike.data.decode.decode import ORIENTATION
from lookalike.data.pack import Pack
from lookalike.run import Run
from lookalike.sizes import Rectangle, shape_of
from lookalike.stages.choose import choose

SIZE = "16x24"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own."""
    monkeypatch.chdir(tmp_path)


def poster(number: int) -> Image.Image:
    """A bar and a disc of one color on a pale card of 40 x 60 px; each number has its own."""
    draw = np.random.default_rng(number)
    pixels = np.full((60, 40, 3), draw.integers(200, 256, 3), np.uint8)
    color = draw.integers(0, 160, 3)
    away = np.hypot(*(np.mgrid[:60, :40] - draw.integers((20, 12), (45, 28)).reshape(2, 1, 1)))
    pixels[away < 9] = color
    pixels[3 : 3 + int(draw.integers(3, 9)), 3:37] = 255 - color
    return Image.fromarray(pixels)


@pytest.fixture
def posters(tmp_path: Path) -> Path:
    folder = tmp_path / "posters"
    for number in range(60):
        place = folder / ("odd" if number % 2 else "even")
        place.mkdir(parents=True, exist_ok=True)
        poster(number).save(place / f"{number:03d}.png")
    return folder


@pytest.fixture
def run(posters: Path) -> Path:
    ended = lookalike("start", posters, "--into", "run", "--size", SIZE, *QUICK)
    assert ended.status == 0, ended.err
    assert f"{SIZE} px, as you asked" in ended.err
    return Path("run")


def sides(folder: Path) -> set[tuple[int, int]]:
    return {Image.open(file).size for file in folder.rglob("*.png")}


@pytest.mark.slow
def test_a_folder_of_posters_becomes_posters(run: Path) -> None:
    assert Run(run).recipe().size == Rectangle(16, 24)
    assert Pack.open(run / "pack").verified().shape == (24, 16, 3)
    ended = lookalike("generate", run, "-n", 5, "--to", "out", "--keep-copies", "--grid", "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["count"] == 5
    assert sides(Path("out")) == {(16, 24)}
    grid = Image.open("out-grid.png")
    assert grid.height == 96  # one row, four times as large
    shown = lookalike("show", run, "--json")
    assert json.loads(shown.out)["size"] == SIZE
    page = (run / "report.html").read_text("utf-8")
    assert "New pictures at 16 × 24 px" in page


@pytest.mark.slow
def test_a_run_of_posters_is_continued_begun_with_judged_and_given_away(run: Path) -> None:
    more = lookalike("train", run / "pack", "--into", run, *QUICK[:3], "images=64", *QUICK[4:])
    assert more.status == 0, more.err
    assert Run(run).recipe().size == Rectangle(16, 24)
    next_one = lookalike("start", "posters", "--begin-with", run, "--into", "next", *QUICK)
    assert next_one.status == 0, next_one.err
    assert Pack.open(Path("next/pack")).size == Rectangle(16, 24)
    held = lookalike("prepare", "posters", "--size", SIZE, "--to", "pack", "--holdout", 0.3)
    assert held.status == 0, held.err
    judged = lookalike("evaluate", run, "--against", "pack", "-n", 16, "--judge", "random")
    assert judged.status == 0, judged.err
    page = lookalike("share", run, "--to", "page.html")
    assert page.status == 0, page.err
    assert '"sides":[16,24]' in Path("page.html").read_text("utf-8")
    model = lookalike("share", run, "--to", "model")
    assert model.status == 0, model.err
    assert json.loads(Path("model/config.json").read_text("utf-8"))["size"] == SIZE
    assert "16 x 24 pixels" in Path("model/README.md").read_text("utf-8")
    assert package.load("model").generate(2)[0].size == (16, 24)
    kept = lookalike("export", run / "pack", "--to", "exported")
    assert kept.status == 0, kept.err
    assert sides(Path("exported")) == {(16, 24)}


@pytest.mark.slow
def test_posters_are_found_again_changed_and_added_to_their_set(run: Path) -> None:
    rebuilt = lookalike(
        "rebuild", run, "posters/odd/001.png", "--steps", 2, "--losses", "mse", "--beside", 1
    )
    assert rebuilt.status == 0, rebuilt.err
    again = lookalike("prepare", "posters", "--size", SIZE, "--to", "copies", "--augment", "rot_90")
    assert again.status == 0, again.err
    assert Pack.open(Path("copies")).shape == (24, 16, 3)
    for number in range(200, 204):
        place = Path("chosen", "odd" if number % 2 else "even")
        place.mkdir(parents=True, exist_ok=True)
        poster(number).save(place / f"{number}.png")
    words = ("--pictures", "chosen", "--to", "more", "--judge", "pixels", "--steps", 5)
    more = lookalike("expand", run / "pack", *words, "--real", "link")
    assert more.status == 0, more.err
    assert "16 × 24 px" in Path("more/README.md").read_text("utf-8")
    card = json.loads(Path("more/card.json").read_text("utf-8"))
    assert card["pack"]["size"] == SIZE


@pytest.mark.slow
def test_the_doctor_looks_at_posters_and_at_packs_of_them(run: Path) -> None:
    following = {"posters": f"prepare posters --to packs/a --size {SIZE}", "run/pack": "train "}
    for source, command in following.items():
        ended = lookalike("doctor", source, "--quick", "--size", SIZE)
        assert ended.status == 0, ended.err
        assert "60 readable" in ended.out
        assert f"Next: lookalike {command}" in ended.out


@pytest.mark.slow
def test_the_same_again_reads_nothing_and_a_smaller_pack_keeps_the_shape(posters: Path) -> None:
    first = lookalike("prepare", posters, "--size", SIZE, "--to", "pack")
    assert f"60 pictures of {SIZE} px in pack" in first.out
    assert "nothing new" in lookalike("prepare", posters, "--size", SIZE, "--to", "pack").out
    Image.open(posters / "odd" / "001.png").rotate(180).save(posters / "odd" / "101.png")
    assert "1 decoded" in lookalike("prepare", posters, "--size", SIZE, "--to", "pack").out
    smaller = lookalike("prepare", "pack", "--size", "8x12", "--to", "smaller", "--json")
    assert json.loads(smaller.out)["size"] == "8x12"
    square = lookalike("prepare", "pack", "--size", 16, "--to", "square", "--json")
    assert json.loads(square.out)["size"] == 16
    refused = lookalike("prepare", "pack", "--size", "24x16", "--to", "lying")
    assert refused.status != 0
    assert f"Name --size {SIZE} or less" in refused.err


@pytest.mark.slow
def test_an_older_program_refuses_a_pack_of_rectangles_by_its_version(posters: Path) -> None:
    lookalike("prepare", posters, "--size", SIZE, "--to", "pack")
    lookalike("prepare", posters, "--size", 16, "--to", "square")
    known = {
        name: json.loads(Path(name, "pack.json").read_text("utf-8")) for name in ("pack", "square")
    }
    assert (known["pack"]["version"], known["pack"]["size"]) == (2, SIZE)
    assert (known["square"]["version"], known["square"]["size"]) == (1, 16)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--size", "100x150"), "Near it is --size 96x144"),
        (("--size", "16by24"), "the side in pixels (64), or width and height"),
        (
            ("--size", SIZE, "--recipe", "began"),
            "These make 16x24 px: mlp-gan, mlp-gan-improved, tiny.",
        ),
        (("--size", "64x96", "--recipe", "cascade"), "These make 64x96 px: dcgan"),
    ],
)
def test_what_cannot_be_had_is_refused_before_anything_is_read(
    posters: Path, words: tuple[str, ...], reason: str
) -> None:
    ended = lookalike("start", posters, "--into", "run", *words)
    assert ended.status != 0
    assert reason in ended.err
    assert not Path("run").exists()


def test_a_recipe_that_makes_squares_refuses_a_pack_of_posters(posters: Path) -> None:
    lookalike("prepare", posters, "--size", "32x48", "--to", "pack")
    ended = lookalike("train", "pack", "--recipe", "stylegan2", "--into", "run")
    assert ended.status != 0
    assert "holds 32x48 px" in ended.err
    assert "Recipes that make 32x48 px: dcgan" in ended.err


def test_from_python_a_size_is_text_too(posters: Path) -> None:
    pack = package.prepare(posters, "pack", size="16x24")
    assert str(pack.size) == SIZE
    assert shape_of(pack.size) == (24, 16)
    assert pack.as_dict()["size"] == SIZE


@pytest.mark.slow
def test_what_a_square_would_leave_out_is_said_with_the_size_that_keeps_it(posters: Path) -> None:
    said = "a square leaves 33% of each picture out (--size 32x48 keeps their shape)"
    assert said in choose(posters).reasons
    assert said not in choose(posters, Rectangle(32, 48)).reasons
    for file in posters.rglob("*.png"):
        lying, exif = Image.open(file).transpose(Image.Transpose.ROTATE_90), Image.Exif()
        exif[ORIENTATION] = 6
        lying.save(file, exif=exif)
    assert said in choose(posters).reasons
    for file in posters.rglob("*.png"):
        Image.open(file).crop((0, 0, 40, 40)).save(file)
    assert not any("leaves" in reason for reason in choose(posters).reasons)
