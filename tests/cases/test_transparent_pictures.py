"""Icons and stickers: pictures with transparent backgrounds, and new ones with such, too."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from case_tools import QUICK, lookalike
from PIL import Image

from lookalike.data.pack import Pack
from lookalike.run import Run


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run in a folder of their own."""
    monkeypatch.chdir(tmp_path)


def icon(number: int) -> Image.Image:
    """A disc of one color on nothing, 32 px; every number has another place and color."""
    draw = np.random.default_rng(number)
    pixels = np.zeros((32, 32, 4), np.uint8)
    away = np.hypot(*(np.mgrid[:32, :32] - draw.integers(10, 22, (2, 1, 1))))
    pixels[away < 8 + number % 3] = (*draw.integers(0, 256, 3), 255)
    return Image.fromarray(pixels)


@pytest.fixture
def icons(tmp_path: Path) -> Path:
    folder = tmp_path / "icons"
    folder.mkdir()
    for number in range(60):
        icon(number).save(folder / f"{number:03d}.png")
    return folder


@pytest.fixture
def run(icons: Path) -> Path:
    ended = lookalike("start", icons, "--alpha", "--into", "run", "--size", 32, *QUICK)
    assert ended.status == 0, ended.err
    assert "with transparency, as you asked" in ended.err
    assert "Transparency is kept: 60 of 60 pictures" in ended.err
    return Path("run")


def modes(folder: Path) -> set[str]:
    return {Image.open(file).mode for file in folder.glob("*.png")}


@pytest.mark.slow
def test_a_folder_of_icons_becomes_transparent_pngs_that_say_where_they_come_from(
    run: Path,
) -> None:
    assert Run(run).recipe().channels == 4
    ended = lookalike("generate", run, "-n", 5, "--to", "out", "--keep-copies", "--grid", "--json")
    assert ended.status == 0, ended.err
    assert json.loads(ended.out)["count"] == 5
    assert modes(Path("out")) == {"RGBA"}
    with Image.open(next(Path("out").glob("*.png"))) as picture:
        assert "lookalike:index" in picture.info
    assert Image.open("out-grid.png").mode == "RGB"


@pytest.mark.slow
def test_a_run_with_alpha_is_continued_judged_and_shared(run: Path) -> None:
    more = lookalike("train", run / "pack", "--into", run, *QUICK[:3], "images=64", *QUICK[4:])
    assert more.status == 0, more.err
    assert Run(run).recipe().channels == 4
    pack = run / "pack2"
    held = lookalike("prepare", "icons", "--alpha", "--size", 32, "--to", pack, "--holdout", 0.3)
    assert held.status == 0, held.err
    judged = lookalike("evaluate", run, "--against", pack, "-n", 16, "--judge", "random")
    assert judged.status == 0, judged.err
    page = lookalike("share", run, "--to", "page.html")
    assert page.status == 0, page.err
    assert '"channels":4' in Path("page.html").read_text("utf-8")
    kept = lookalike("export", run / "pack", "--to", "exported")
    assert kept.status == 0, kept.err
    assert modes(Path("exported/train")) == {"RGBA"}


@pytest.mark.slow
def test_samples_with_alpha_are_not_judged_against_pictures_on_a_background(run: Path) -> None:
    prepared = lookalike("prepare", "icons", "--to", "plain", "--size", 32, "--holdout", 0.3)
    assert prepared.status == 0, prepared.err
    judged = lookalike("evaluate", run, "--against", "plain", "-n", 16, "--judge", "random")
    assert judged.status != 0
    assert "different backgrounds" in judged.err
    assert "with --alpha" in judged.err


@pytest.mark.slow
def test_prepare_and_the_doctor_say_that_alpha_would_keep_transparency(icons: Path) -> None:
    plain = lookalike("prepare", icons, "--to", "plain", "--size", 32)
    assert "20 of 20 pictures looked at are transparent" in plain.out
    assert "--alpha keeps that" in plain.out
    assert Pack.open(Path("plain")).channels == 3
    assert "--alpha keeps that" in lookalike("doctor", icons, "--quick").out
    kept = lookalike("prepare", icons, "--to", "kept", "--size", 32, "--alpha")
    assert "--alpha keeps that" not in kept.out
    assert Pack.open(Path("kept")).channels == 4


@pytest.mark.slow
def test_a_pack_that_loses_its_transparency_says_so_and_alpha_keeps_it(icons: Path) -> None:
    lookalike("prepare", icons, "--to", "packed", "--size", 32, "--alpha")
    said = "Transparency is gone: 60 of 60 pictures looked at have some, and they lie on white now."
    for words in (("--size", 16), ("--size", 32, "--grey")):
        plain = lookalike("prepare", "packed", "--to", "plain", *words)
        assert said in plain.out, plain.err
        assert "nothing new" in (
            again := lookalike("prepare", "packed", "--to", "plain", *words).out
        )
        assert said in again
    kept = lookalike("prepare", "packed", "--to", "kept", "--size", 16, "--alpha")
    assert "Transparency" not in kept.out
    assert Pack.open(Path("kept")).channels == 4


@pytest.mark.slow
def test_a_pack_is_refused_what_it_cannot_give_with_what_it_can(icons: Path) -> None:
    lookalike("prepare", icons, "--to", "grey", "--size", 32, "--grey")
    for words, cure in (
        (("--size", 16), "Prepare it with --grey, or"),
        ((), "Name --size 32 or less, and prepare it with --grey, or"),
        (("--size", 16, "--grey", "--fix"), "Leave --fix out, or"),
    ):
        refused = lookalike("prepare", "grey", "--to", "other", *words)
        assert refused.status == 1
        assert cure in refused.err
    assert lookalike("prepare", "grey", "--to", "other", "--size", 16, "--grey").status == 0


@pytest.mark.slow
def test_opaque_pictures_with_alpha_are_said_to_be_opaque(icons: Path) -> None:
    for file in icons.glob("*.png"):
        Image.open(file).convert("RGB").save(file)
    assert "--alpha" not in lookalike("prepare", icons, "--to", "plain", "--size", 32).out
    ended = lookalike("prepare", icons, "--to", "packed", "--size", 32, "--alpha")
    assert ended.status == 0, ended.err
    assert "none of 60 pictures looked at is transparent" in ended.out
    pack = Pack.open(Path("packed"))
    assert (pack.shards.take(np.arange(pack.count))[..., 3] == 255).all()


@pytest.mark.slow
def test_white_pictures_that_differ_in_alpha_alone_are_neither_blank_nor_copies(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "white"
    folder.mkdir()
    for number in range(20):
        alpha = np.random.default_rng(number).integers(0, 2, (4, 4)) * 255
        pixels = np.full((32, 32, 4), 255, np.uint8)
        pixels[..., 3] = alpha.repeat(8, 0).repeat(8, 1)
        Image.fromarray(pixels).save(folder / f"{number:03d}.png")
    ended = lookalike("prepare", folder, "--to", "packed", "--size", 32, "--alpha", "--fix")
    assert ended.status == 0, ended.err
    assert Pack.open(Path("packed")).count == 20


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("--grey",), "--grey asks for something else"),
        (("--background", "black"), "--background black asks for something else"),
        (("--faces",), "--faces asks for something else"),
    ],
)
def test_what_cannot_go_with_alpha_is_refused_before_anything_is_read(
    icons: Path, words: tuple[str, ...], reason: str
) -> None:
    ended = lookalike("prepare", icons, "--to", "packed", "--alpha", *words)
    assert ended.status != 0
    assert reason in ended.err
    assert not Path("packed").exists()


@pytest.mark.slow
def test_a_pack_without_alpha_gives_none_and_one_with_alpha_gives_opaque_pictures(
    icons: Path,
) -> None:
    lookalike("prepare", icons, "--to", "plain", "--size", 32)
    for refused in (
        lookalike("prepare", "plain", "--to", "more", "--alpha"),
        lookalike("start", "plain", "--alpha", *QUICK),
    ):
        assert refused.status != 0
        assert "color" in refused.err
    lookalike("prepare", icons, "--to", "kept", "--size", 32, "--alpha")
    opaque = lookalike("prepare", "kept", "--to", "opaque", "--size", 32)
    assert opaque.status == 0, opaque.err
    corner = Pack.open(Path("opaque")).shards.take(np.arange(1))[0, 0, 0]
    assert corner.tolist() == [255, 255, 255]


OWN = '''"""Own networks of three channels (Somebody 2020)."""
from lookalike.recipes.tiny import recipe as tiny
SIZES = (32,)
CHANNELS = (3,)


def recipe(size: int = 32, channels: int = 3, labels: int = 0):
    return tiny(size=size, channels=channels, labels=labels)
'''


@pytest.mark.slow
def test_a_recipe_of_three_channels_refuses_alpha_and_names_those_that_make_it(
    icons: Path,
) -> None:
    Path("own.py").write_text(OWN, "utf-8")
    began = lookalike("start", icons, "--alpha", "--recipe", "own.py", "--into", "run")
    assert began.status != 0
    assert "makes no transparent pictures. These do: " in began.err
    assert "swift" in began.err
    lookalike("prepare", icons, "--to", "kept", "--size", 32, "--alpha")
    trained = lookalike("train", "kept", "--recipe", "own.py", "--into", "run")
    assert trained.status != 0
    assert "without --alpha, or use one of: " in trained.err


@pytest.mark.slow
def test_transform_keeps_transparency_where_it_is_asked_for(icons: Path) -> None:
    assert lookalike("transform", icons, "rot_30", "--alpha", "--to", "clear").status == 0
    assert lookalike("transform", icons, "rot_30", "--to", "white").status == 0
    assert modes(Path("clear")) == {"RGBA"}
    assert modes(Path("white")) == {"RGB"}
    with Image.open(next(Path("white").glob("*.png"))) as picture:
        assert picture.getpixel((0, 0)) == (255, 255, 255)
