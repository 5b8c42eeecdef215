"""Expand, end to end on stripes: what is added is marked, counted, checked and repeatable."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from lookalike.data.pack.classes import classes_of
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.engine.sampler import Sampler
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.parts.latents.priors import Normal
from lookalike.settings.data import PrepareSettings
from lookalike.settings.pictures import ExpandSettings
from lookalike.stages.expand import Expanded, Origin, class_seed, expand, maker, read_chosen
from lookalike.stages.prepare import prepare

pytestmark = pytest.mark.slow

SIZE = 16
ORIGIN = Origin("some-run", "stripes", 640)
QUICK = ExpandSettings(judge="pixels", steps=60)


def stripes(number: int, count: int, seed: int) -> Pixels:
    """Class 0 ("across") has dark rows, class 1 ("down") dark columns, over blots that differ."""
    random = np.random.default_rng([seed, number])
    blots = random.integers(70, 256, (count, 4, 4, 1)).repeat(4, 1).repeat(4, 2)
    blots = blots + random.integers(-8, 8, blots.shape)
    rows = slice(None, None, 2)
    if number:
        blots[:, :, rows] -= 60
    else:
        blots[:, rows] -= 60
    return blots.clip(0, 255).astype(np.uint8)


def make(number: int, first: int, count: int) -> Pixels:
    return np.concatenate([stripes(number, 1, 5000 + i) for i in range(first, first + count)])


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """60 across and 20 down to train on, 40 held out."""
    kinds = [0] * 60 + [1] * 20 + [0, 1] * 20
    with PackWriter(tmp_path_factory.mktemp("expand") / "pack", size=SIZE, channels=1) as writer:
        for i, kind in enumerate(kinds):
            row = {"source": f"{i}.png", "class": ["across", "down"][kind]}
            attributes = {"mood": ["sad", "glad"][i % 2]}
            writer.append(stripes(kind, 1, i)[0], {**row, "attributes": attributes})
        return writer.finish(holdout=np.arange(120) >= 80)


@pytest.fixture(scope="module")
def balanced(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Expanded:
    to = tmp_path_factory.mktemp("balanced") / "out"
    return expand(pack, make, ORIGIN, to, ExpandSettings(balance=True, judge="pixels", steps=60))


def lines(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "manifest.jsonl").read_text().splitlines()]


def test_a_balanced_set_has_as_many_of_every_class(balanced: Expanded):
    by_name = {one.name: one for one in balanced.classes}
    assert (by_name["across"].wanted, by_name["across"].taken) == (0, 0)
    assert (by_name["down"].wanted, by_name["down"].taken) == (40, 40)
    assert len(list((balanced.folder / "train" / "down").iterdir())) == 60
    assert len(list((balanced.folder / "train" / "across").iterdir())) == 60
    assert balanced.warnings == ()


def test_nothing_synthetic_is_held_out_and_everything_is_marked(balanced: Expanded):
    told = lines(balanced.folder)
    assert len(told) == 60 + 20 + 40 + 40
    assert not any(line["synthetic"] for line in told if line["split"] == "holdout")
    for line in told:
        assert line["synthetic"] == ("/synthetic-" in line["file"])
        with Image.open(balanced.folder / line["file"]) as picture:
            assert ("lookalike:synthetic" in picture.info) == line["synthetic"]
            if line["synthetic"]:
                assert picture.info["lookalike:seed"] == str(line["seed"])
                assert picture.info["lookalike:index"] == str(line["index"])
                assert {"copy", "outlier", "agreement"} <= set(line["scores"])


def test_a_synthetic_picture_is_the_candidate_of_its_index(balanced: Expanded):
    line = next(line for line in lines(balanced.folder) if line["synthetic"])
    with Image.open(balanced.folder / line["file"]) as picture:
        np.testing.assert_array_equal(np.asarray(picture), make(1, line["index"], 1)[0, ..., 0])


def test_the_card_says_what_is_real_and_what_is_not(balanced: Expanded):
    text = (balanced.folder / "README.md").read_text()
    assert "**40 of the pictures here are synthetic**" in text
    assert "some-run" in text
    card = json.loads((balanced.folder / "card.json").read_text())
    assert card["synthetic"] == 40
    assert card["run"]["images_seen"] == 640
    assert (balanced.folder / "synthetic.png").exists()


def test_the_same_seed_gives_the_same_bytes(pack: Pack, balanced: Expanded, tmp_path: Path):
    settings = ExpandSettings(balance=True, judge="pixels", steps=60)
    expand(pack, make, ORIGIN, tmp_path / "out", settings)
    for file in balanced.folder.rglob("*"):
        if file.is_file():
            other = tmp_path / "out" / file.relative_to(balanced.folder)
            assert other.read_bytes() == file.read_bytes(), file.name


def test_a_factor_multiplies_every_class_and_a_pack_can_be_written(pack: Pack, tmp_path: Path):
    settings = ExpandSettings(factor=1.5, form="pack", judge="pixels", steps=60)
    found = expand(pack, make, ORIGIN, tmp_path / "p", settings)
    assert [(one.name, one.wanted) for one in found.classes] == [("across", 30), ("down", 10)]
    made = Pack.open(tmp_path / "p")
    assert (len(made.train), len(made.holdout)) == (80 + found.synthetic, 40)
    assert made.info["class_counts"]["down"] == 20 + 20 + found.classes[1].taken
    marks = [row["synthetic"] for row in made.manifest()]
    assert sum(marks) == found.synthetic
    assert (tmp_path / "p" / "README.md").exists()


def test_a_class_that_the_generator_cannot_make_stays_short_and_is_reported(
    pack: Pack, tmp_path: Path
):
    def only_rows(number: int, first: int, count: int) -> Pixels:
        return make(0, first, count)

    found = expand(pack, only_rows, ORIGIN, tmp_path / "out", QUICK)
    short = [one for one in found.classes if one.short]
    assert [one.name for one in short] == ["down"]
    assert short[0].tried <= 256
    assert short[0].rejected["class"] >= 0.9 * short[0].tried
    assert any("'down' got" in text for text in found.warnings)
    assert "It was not filled up" in (tmp_path / "out" / "README.md").read_text()


def test_replayed_training_pictures_are_not_added(pack: Pack, tmp_path: Path):
    numbers = classes_of(pack).numbers(pack.train)

    def replay(number: int, first: int, count: int) -> Pixels:
        own = pack.train.images(np.flatnonzero(numbers == number))[:, :, ::-1]
        return own[np.arange(first, first + count) % len(own)]

    found = expand(pack, replay, ORIGIN, tmp_path / "out", QUICK)
    assert found.synthetic <= 4
    assert all(one.rejected["copy"] > 0.8 * one.tried for one in found.classes)


def test_a_folder_with_something_in_it_is_refused_and_untouched(pack: Pack, tmp_path: Path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(DataError, match="not empty"):
        expand(pack, make, ORIGIN, tmp_path, QUICK)
    assert [file.name for file in tmp_path.iterdir()] == ["mine.txt"]


def test_a_failure_leaves_nothing_behind(pack: Pack, tmp_path: Path):
    def broken(number: int, first: int, count: int) -> Pixels:
        raise RuntimeError("out of memory")

    with pytest.raises(RuntimeError):
        expand(pack, broken, ORIGIN, tmp_path / "out", QUICK)
    assert list(tmp_path.iterdir()) == []


def test_settings_that_add_nothing_are_refused(pack: Pack, tmp_path: Path):
    with pytest.raises(DataError, match="adds nothing"):
        ExpandSettings(factor=1)
    with pytest.raises(DataError, match="folder, pack"):
        ExpandSettings(form="zip")
    with pytest.raises(DataError, match="no attribute 'hat'"):
        expand(pack, make, ORIGIN, tmp_path / "out", ExpandSettings(attribute="hat"))


def test_the_values_of_an_attribute_can_stand_for_classes(pack: Pack):
    sorts = classes_of(pack, "mood")
    assert sorts.names == ("glad", "sad")
    np.testing.assert_array_equal(sorts.numbers(pack.train)[:4], [1, 0, 1, 0])


def test_a_run_makes_a_class_with_the_seed_of_that_class(pack: Pack):
    def generate(z: torch.Tensor, labels: torch.Tensor | None) -> torch.Tensor:
        assert labels is not None
        return (labels[:, 1] * 2 - 1).view(-1, 1, 1, 1).expand(-1, 1, 4, 4)

    prior, sorts = Normal(4), classes_of(pack)
    labels = torch.zeros(4, len(pack.columns))
    labels[:2, 0] = labels[2:, 1] = 1
    made = maker(Sampler(generate, prior, {}, labels), sorts, 0)
    assert (made(0, 0, 5).max(), made(1, 0, 5).min()) == (0, 255)
    assert class_seed(0, 0) != class_seed(0, 1)
    with pytest.raises(DataError, match="without labels"):
        maker(Sampler(generate, prior, {}), sorts, 0)
    with pytest.raises(DataError, match="never saw"):
        maker(Sampler(generate, prior, {}, labels[:2]), sorts, 0)(1, 0, 1)


class CutError(Exception):
    """Stands for Ctrl-C or a kill."""


def test_work_that_was_cut_off_continues_with_the_same_bytes(
    pack: Pack, balanced: Expanded, tmp_path: Path
):
    settings = ExpandSettings(balance=True, judge="pixels", steps=60)
    asked: list[int] = []

    def refused_half(number: int, first: int, count: int) -> Pixels:
        """Half of each batch is of the other class, so that one batch is not enough."""
        pictures = make(number, first, count)
        pictures[::2] = make(1 - number, first, count)[::2]
        return pictures

    def cut(number: int, first: int, count: int) -> Pixels:
        asked.append(first)
        if first:
            raise CutError
        return refused_half(number, first, count)

    whole = expand(pack, refused_half, ORIGIN, tmp_path / "whole", settings)
    with pytest.raises(CutError):
        expand(pack, cut, ORIGIN, tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()
    assert asked == [0, 64]
    again: list[int] = []

    def rest(number: int, first: int, count: int) -> Pixels:
        again.append(first)
        return refused_half(number, first, count)

    continued = expand(pack, rest, ORIGIN, tmp_path / "out", settings)
    assert again == [64]
    assert continued.classes == whole.classes
    for file in (tmp_path / "whole").rglob("*"):
        if file.is_file():
            other = tmp_path / "out" / file.relative_to(tmp_path / "whole")
            assert other.read_bytes() == file.read_bytes(), file.name
    assert not (tmp_path / "out-unfinished").exists()


def test_other_settings_do_not_take_up_what_was_found(pack: Pack, tmp_path: Path):
    def cut(number: int, first: int, count: int) -> Pixels:
        if first:
            raise CutError
        return stripes(1 - number, count, 7)

    settings = ExpandSettings(balance=True, judge="pixels", steps=60)
    with pytest.raises(CutError):
        expand(pack, cut, ORIGIN, tmp_path / "out", settings)
    found = expand(pack, make, ORIGIN, tmp_path / "out", replace(settings, seed=1))
    assert found.classes[1].taken == 40
    assert found.classes[1].rejected.get("class", 0) < 5


@pytest.fixture
def files(tmp_path: Path) -> Pack:
    """A pack that was prepared from files, twice as large as the pack's pictures."""
    for kind, name in enumerate(("across", "down")):
        (tmp_path / "files" / name).mkdir(parents=True)
        for i, picture in enumerate(stripes(kind, 40, 3)):
            twice = Image.fromarray(picture[..., 0]).resize((2 * SIZE, 2 * SIZE))
            twice.save(tmp_path / "files" / name / f"{i}.png")
    settings = PrepareSettings(size=SIZE, grey=True, holdout=0.3)
    prepare(tmp_path / "files", tmp_path / "pack", settings)
    return Pack.open(tmp_path / "pack")


@pytest.mark.parametrize("real", ["link", "copy"])
def test_real_pictures_can_be_the_original_files(files: Pack, tmp_path: Path, real: str):
    settings = ExpandSettings(factor=1.2, judge="pixels", steps=60, real=real)
    found = expand(files, make, ORIGIN, tmp_path / "out", settings)
    told = [line for line in lines(found.folder) if not line["synthetic"]]
    assert len(told) == 80
    for line in told:
        file = found.folder / line["file"]
        assert file.is_symlink() == (real == "link")
        assert file.read_bytes() == (tmp_path / "files" / line["source"]).read_bytes()
    text = (found.folder / "README.md").read_text()
    assert "original files, at their own sizes" in text


def test_originals_that_have_changed_are_refused_before_any_work(files: Pack, tmp_path: Path):
    (tmp_path / "files" / "down" / "7.png").write_bytes(b"another")
    settings = ExpandSettings(judge="pixels", steps=60, real="link")
    with pytest.raises(DataError, match=r"7\.png has changed since"):
        expand(files, make, ORIGIN, tmp_path / "out", settings)
    assert not (tmp_path / "out").exists()


def test_a_pack_cannot_hold_original_files():
    with pytest.raises(DataError, match="Leave --real out, or --as pack"):
        ExpandSettings(form="pack", real="copy")


def chosen(folder: Path, kinds: dict[str, Pixels]) -> Path:
    for name, pictures in kinds.items():
        (folder / name).mkdir(parents=True)
        for number, picture in enumerate(pictures):
            Image.fromarray(picture[..., 0]).save(folder / name / f"{number}.png")
    return folder


def test_chosen_pictures_pass_the_same_checks(pack: Pack, tmp_path: Path):
    good = {name: make(number, 0, 5) for number, name in enumerate(("across", "down"))}
    copy = pack.train.images([0])
    wrong = stripes(1, 1, 77)
    folder = chosen(tmp_path / "kept", {**good, "across": np.concatenate([good["across"], copy])})
    Image.fromarray(wrong[0, ..., 0]).save(folder / "across" / "wrong.png")
    pictures = read_chosen(pack, folder, classes_of(pack))
    made = expand(pack, pictures, ORIGIN, tmp_path / "out", replace(QUICK, pictures=folder))
    across, down = made.classes
    assert (across.wanted, down.wanted) == (7, 5)
    assert (across.tried, down.tried) == (7, 5)
    assert across.rejected == {"copy": 1, "class": 1}
    assert across.taken == 5
    assert down.taken + sum(down.rejected.values()) == 5
    assert made.synthetic == across.taken + down.taken


def test_chosen_pictures_of_no_class_are_refused(pack: Pack, tmp_path: Path):
    folder = chosen(tmp_path / "kept", {"dots": make(0, 0, 2)})
    with pytest.raises(DataError, match="sub-folders named as its classes: across, down"):
        read_chosen(pack, folder, classes_of(pack))


def test_chosen_pictures_are_all_that_is_added(tmp_path: Path):
    with pytest.raises(DataError, match="--pictures adds all"):
        ExpandSettings(pictures=tmp_path, balance=True)
