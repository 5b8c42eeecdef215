"""The verbs of editing on a tiny run: what is written, said, refused and continued."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from edited_run import SIDE, faces
from PIL import Image

import lookalike
from lookalike import api
from lookalike.editing.editor import Editor
from lookalike.editing.inversion import LOSSES
from lookalike.editing.photos import sought_by
from lookalike.errors import DataError, RunError
from lookalike.metrics.utility.selection import Sieve
from lookalike.progress import Listener
from lookalike.settings.editing import LOSSES as ASKED
from lookalike.settings.editing import EditSettings, edits
from lookalike.stages import vary
from lookalike.stages.directions import AttributeSuccess, FoundDirections


@pytest.fixture(scope="module")
def home(edited_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pack and a short run of swift on it, edited with once."""
    return Path(shutil.copytree(edited_run, tmp_path_factory.mktemp("editing") / "home"))


@pytest.fixture
def run(home: Path) -> Path:
    return home / "run"


@pytest.fixture
def photo(home: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(home / "photo.png", tmp_path / "photo.png"))


def other(run: Path, photo: Path) -> str:
    """Another value of the disc than the photo's."""
    warm = np.asarray(Image.open(photo))[80, 100, 0] > 120
    return "cold" if warm else "warm"


@pytest.mark.slow
def test_an_edit_is_written_beside_the_photo_and_says_what_it_is(run: Path, photo: Path) -> None:
    before = photo.read_bytes()
    told = api.edit(run, photo, changes={"disc": other(run, photo)}, anyway=True)
    file = photo.with_name("photo-edit.png")
    assert told.edits[0].file == file
    assert photo.read_bytes() == before
    written = Image.open(file)
    assert written.size == (200, 160)
    assert written.info["lookalike:edited"].startswith("disc=")
    assert written.info["lookalike:photo-sha256"]
    row = json.loads(file.with_suffix(".json").read_text())
    assert row["edited"] is True
    assert row["changes"] == {"disc": other(run, photo)}
    assert row["run"] == "run"
    assert "disc=" in str(told)


@pytest.mark.slow
def test_the_same_command_gives_the_same_bytes(run: Path, photo: Path, tmp_path: Path) -> None:
    files = []
    for number in range(2):
        to = tmp_path / f"{number}.png"
        api.edit(run, photo, to=to, changes={"disc": other(run, photo)}, anyway=True)
        files.append(to.read_bytes())
    assert files[0] == files[1]


@pytest.mark.slow
def test_a_folder_gives_what_each_photo_gives_alone(run: Path, photo: Path) -> None:
    folder = photo.parent / "several"
    folder.mkdir()
    shutil.copy(photo, folder / "a.png")
    with Image.open(photo) as picture:
        picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM).save(folder / "b.png")
    changes = {"disc": other(run, photo)}
    told = api.edit(run, folder, changes=changes, anyway=True)
    assert len(told.edits) == 2
    pixels = [np.asarray(Image.open(one.file)) for one in told.edits]
    assert not np.array_equal(*pixels)
    for name, together in zip(("a.png", "b.png"), pixels, strict=True):
        alone = api.edit(run, folder / name, to=photo.parent / name, changes=changes, anyway=True)
        assert np.array_equal(together, np.asarray(Image.open(alone.edits[0].file)))


@pytest.mark.slow
@pytest.mark.parametrize("strength", [0.0])
def test_strength_zero_and_what_is_shown_already_give_the_photo(
    run: Path, photo: Path, strength: float
) -> None:
    shown = {"cold": "warm", "warm": "cold"}[other(run, photo)]
    whole = np.asarray(Image.open(photo))
    for changes, how in (({"disc": shown}, 1.0), ({"disc": other(run, photo)}, strength)):
        told = api.edit(run, photo, changes=changes, strength=how)
        assert np.array_equal(np.asarray(Image.open(told.edits[0].file)), whole)
        assert told.edits[0].changed == 0
        assert ": unchanged" in str(told)
        row = json.loads(told.edits[0].file.with_suffix(".json").read_text())
        assert (row["edited"], row["by"], row["success"]) == (False, "nothing", None)
        text = Image.open(told.edits[0].file).info
        assert text["lookalike:edited"] == "nothing"
        assert "lookalike:synthetic" not in text
        assert text["Comment"].startswith("unchanged")
        words = f"disc={shown} is what it shows already"
        assert (words in str(told)) == (how == 1.0)


@pytest.mark.slow
def test_a_generated_picture_and_an_axis_and_a_strip(run: Path, tmp_path: Path) -> None:
    to = tmp_path / "g.png"
    told = api.edit(run, to=to, seed=7, index=3, changes={"1": "+2"}, strip=True)
    assert Image.open(to).size == (SIDE, SIDE)
    assert told.edits[0].photo == "seed 7, index 3"
    assert Image.open(to).info["lookalike:synthetic"] == "yes"
    assert Image.open(tmp_path / "g-strip.png").size == (5 * SIDE, SIDE)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nose": "long"}, "nothing called 'nose'.*disc, ground.*Axes"),
        ({"disc": "purple"}, "no value 'purple'.*cold, warm"),
        ({"1": "far"}, "from -5 to 5"),
        ({"99": "+1"}, "nothing called '99'"),
    ],
)
def test_what_the_run_does_not_know_is_refused_with_what_it_knows(
    run: Path, photo: Path, changes: dict[str, str], words: str
) -> None:
    with pytest.raises(DataError, match=words):
        api.edit(run, photo, changes=changes)


def test_an_original_is_never_written_over(run: Path, photo: Path) -> None:
    photo.with_name("photo-edit.png").write_bytes(photo.read_bytes())
    with pytest.raises(DataError, match="no edit of ours"):
        api.edit(run, photo, changes={"1": "1"})
    with pytest.raises(DataError, match=r"suffix \.png"):
        api.edit(run, photo, to=photo.with_suffix(".jpg"), changes={"1": "1"})


@pytest.mark.parametrize("name", ["n.json", "n-strip.png", "n-strip.json"])
@pytest.mark.parametrize("of", ["photo", "seed"])
def test_no_file_of_an_edit_is_written_over_one_of_somebody_else(
    run: Path, photo: Path, name: str, of: str
) -> None:
    mine = photo.with_name("mine")
    shutil.copytree(run, mine, ignore=shutil.ignore_patterns("editing"))
    theirs, to = photo.with_name(name), photo.with_name("n.png")
    theirs.write_text('{"mine": true}')
    sources, how = ([photo], {}) if of == "photo" else ([], {"seed": 1})
    with pytest.raises(DataError, match=f"{name} exists and is no"):
        api.edit(mine, *sources, to=to, changes={"1": "+1"}, strip=True, **how)
    assert theirs.read_text() == '{"mine": true}'
    assert not to.exists()
    assert not (mine / "editing").exists()


@pytest.mark.slow
def test_an_edit_and_its_strip_are_written_over_their_own_files(run: Path, photo: Path) -> None:
    for _ in range(2):
        told = api.edit(run, photo, changes={"1": "+1"}, strip=True)
    assert told.edits[0].strip == photo.with_name("photo-edit-strip.png")
    (photo.parent / "several").mkdir()
    other_one = Path(shutil.copy(photo, photo.parent / "several"))
    (photo.parent / "several" / "photo-edit.json").write_text("[]")
    shutil.copy(photo, other_one.with_name("b.png"))
    told = api.edit(run, other_one.parent, to=other_one.parent, changes={"1": "+1"})
    assert [one.photo for one in told.edits] == ["b.png"]
    assert "Left out: photo.png" in str(told)
    assert (other_one.with_name("photo-edit.json")).read_text() == "[]"


@pytest.mark.slow
def test_photos_of_one_stem_are_edited_into_files_of_their_own(
    run: Path, photo: Path, tmp_path: Path
) -> None:
    for folder in ("f", "g"):
        (tmp_path / folder).mkdir()
        shutil.copy(photo, tmp_path / folder / "x.png")
    Image.open(photo).convert("RGB").save(tmp_path / "f" / "X.jpg")
    sources = [tmp_path / "f", tmp_path / "g" / "x.png", tmp_path / "f" / "x.png"]
    told = api.edit(run, *sources, to=tmp_path / "out", changes={"1": "+1"})
    files = [one.file.name for one in told.edits]
    assert files == ["X-edit.png", "x-edit-2.png", "x-edit-3.png"]
    assert [one.photo for one in told.edits] == ["X.jpg", "x.png", "x.png"]
    rows = [json.loads(one.file.with_suffix(".json").read_text()) for one in told.edits]
    assert [row["photo"] for row in rows] == [one.photo for one in told.edits]
    assert "x.png goes to x-edit-2.png" in str(told)
    assert "takes the place" not in str(told)


@pytest.mark.slow
def test_a_folder_of_photos_is_not_read_again_with_its_edits(
    run: Path, photo: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    shutil.copy(photo, folder / "a.png")
    for _ in range(2):
        told = api.edit(run, folder, to=folder, changes={"1": "+1"})
    assert [one.photo for one in told.edits] == ["a.png"]
    assert "1 of 2 pictures" in str(told)
    assert "passed over" in str(told)
    (folder / "a.png").unlink()
    with pytest.raises(DataError, match=r"edits of ours.*and no photo"):
        api.edit(run, folder, changes={"1": "+1"})
    assert len(api.edit(run, folder / "a-edit.png", changes={"1": "-1"}).edits) == 1


@pytest.mark.slow
def test_a_photo_that_lies_half_outside_of_the_cut_is_told(run: Path, photo: Path) -> None:
    assert "The generator sees" not in str(api.edit(run, photo, changes={"1": "+1"}))
    Image.open(photo).crop((0, 30, 200, 130)).save(photo)
    assert "sees 50% of the photo" in str(api.edit(run, photo, changes={"1": "+1"}))


@pytest.mark.slow
def test_another_edit_in_the_place_of_an_earlier_one_is_said(run: Path, photo: Path) -> None:
    told = [api.edit(run, photo, changes={"1": by}) for by in ("+1", "+1", "-1")]
    words = "takes the place of an earlier edit of photo.png (1=+1)"
    assert [words in str(one) for one in told] == [False, False, True]


@pytest.mark.parametrize("how", [{}, {"whole": True}, {"strip": True}])
@pytest.mark.parametrize("of", ["photo", "seed"])
def test_an_edit_that_asks_for_nothing_is_refused_with_what_there_is(
    run: Path, photo: Path, of: str, how: dict[str, bool]
) -> None:
    to = photo.with_name("n.png")
    sources, seed = ([photo], None) if of == "photo" else ([], 1)
    with pytest.raises(DataError, match=r"Nothing was asked to change.*--set.*disc"):
        api.edit(run, *sources, to=to, seed=seed, **how)
    assert not to.exists()


@pytest.mark.parametrize("how", [{"seed": 0}, {"index": 5}, {"seed": 1, "index": 5}])
def test_a_photo_and_a_generated_picture_at_once_are_refused(
    run: Path, photo: Path, how: dict[str, int]
) -> None:
    words = " ".join(f"--{name} {value}" for name, value in how.items())
    with pytest.raises(DataError, match=f"photo.png and {words} were both given.*Leave out"):
        api.edit(run, photo, changes={"1": "+1"}, **how)
    with pytest.raises(DataError, match=f"photo.png and {words} were both given"):
        api.edit(run, photo, between=photo, to=photo.with_name("way.gif"), **how)
    assert [file.name for file in photo.parent.iterdir()] == ["photo.png"]


@pytest.mark.slow
def test_a_change_that_seldom_succeeds_is_refused_unless_anyway(
    run: Path, photo: Path, tmp_path: Path
) -> None:
    from lookalike import checkpoints

    mine = tmp_path / "mine"
    shutil.copytree(run, mine)
    file = mine / "editing" / "editor.safetensors"
    tree = checkpoints.read(file)
    tree["measured"]["disc"]["success"] = 0.3
    checkpoints.write(file, tree)
    with pytest.raises(DataError, match=r"30% of held-out.*--anyway"):
        api.edit(mine, photo, changes={"disc": other(run, photo)})
    api.edit(mine, photo, changes={"disc": other(run, photo)}, anyway=True)


@pytest.mark.slow
def test_another_loss_finds_another_latent_and_is_written_down(run: Path, photo: Path) -> None:
    by = {}
    for loss in (None, "mse+features", "msssim"):
        told = api.edit(run, photo, changes={"1": "+2"}, loss=loss, whole=True)
        by[loss] = Image.open(told.edits[0].file).tobytes()
        assert json.loads(told.edits[0].file.with_suffix(".json").read_text()).get("loss") == loss
    assert by[None] == by["mse+features"] != by["msssim"]


def test_a_loss_is_refused_where_no_latent_is_sought() -> None:
    for reads, labels in ((True, 2), (True, 0), (False, 2)):
        generator = SimpleNamespace(reads=reads, frame=SimpleNamespace(labels=labels))
        editor = cast(Editor, SimpleNamespace(generator=generator))
        assert sought_by(editor, EditSettings()) is None
        if reads and labels:
            with pytest.raises(DataError, match="Leave --loss out"):
                sought_by(editor, EditSettings(loss="mse"))
        else:
            assert sought_by(editor, EditSettings(loss="mse")) is not None


def test_losses_to_ask_for_are_those_that_there_are() -> None:
    assert set(ASKED) == set(LOSSES)


@pytest.mark.slow
def test_a_way_between_two_photos_is_a_moving_picture(run: Path, photo: Path) -> None:
    second = photo.with_name("second.png")
    Image.fromarray(faces(1, seed=4)[0][0]).save(second)
    for suffix in (".gif", ".webp"):
        told = api.edit(run, photo, between=second, frames=5, to=photo.with_name(f"way{suffix}"))
        assert Image.open(told.file).n_frames >= 2
        moving = Image.open(told.file)
        marks = moving.info.get("comment", b"").decode() + str(moving.getexif().get(270))
        assert "generative network" in marks
        api.edit(run, photo, between=second, frames=4, to=told.file)  # it is ours
        shutil.copy(photo, told.file)
        with pytest.raises(DataError, match="no edit of ours"):
            api.edit(run, photo, between=second, to=told.file)
    with pytest.raises(DataError, match=r"\.gif or \.webp"):
        api.edit(run, photo, between=second, to=photo.with_name("way.png"))


@pytest.mark.slow
def test_rebuild_tells_errors_beside_held_out_pictures(run: Path, photo: Path) -> None:
    told = api.rebuild(run, photo, losses=("mse", "msssim", "mse+features"), beside=2, steps=3)
    assert [row.losses for row in told.rows] == ["mse", "msssim", "mse+features"]
    assert set(told.rows[0].photo) == {"mse", "msssim", "features", "psnr"}
    assert told.file.exists()
    assert "psnr" in str(told)
    shutil.copy(photo, told.file)
    with pytest.raises(DataError, match=r"rebuilt\.png exists and is no edit of ours"):
        api.rebuild(run, photo, beside=1, steps=1)
    told.file.unlink()
    with pytest.raises(lookalike.errors.RecipeError, match="no loss"):
        api.rebuild(run, photo, losses=("beauty",))
    with pytest.raises(DataError, match=r"is a PNG: .*found\.jpg needs the suffix \.png"):
        api.rebuild(run, photo, to=photo.with_name("found.jpg"))


@pytest.mark.slow
def test_directions_tells_measured_success_and_keeps_names(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(run, mine)
    told = api.directions(mine, names={"2": "light"})
    assert {one.name for one in told.attributes} == {"disc", "ground"}
    assert all(one.success is not None and one.low is not None for one in told.attributes)
    assert told.axes[1].name == "light"
    assert "<img" in told.page.read_text()
    assert api.directions(mine).axes[1].name == "light"
    with pytest.raises(DataError, match="no axis '77'"):
        api.directions(mine, names={"77": "x"})
    own = tmp_path / "own.html"
    own.write_text("<h1>My directions</h1>")
    with pytest.raises(DataError, match=r"own\.html exists and is no page of ours.*--page"):
        api.directions(mine, page=own)
    assert own.read_text() == "<h1>My directions</h1>"


def test_the_next_step_of_directions_is_a_change_that_edit_accepts() -> None:
    seldom = AttributeSuccess("beard", ("chin", "none"), success=0.3)
    often = AttributeSuccess("hair", ("bun", "spiky"), success=0.9)
    told = FoundDirections(Path("run"), (seldom, often), (), Path("page.html"))
    assert told.next_step == "lookalike edit run PHOTO --set hair=spiky"
    alone = FoundDirections(Path("run"), (seldom,), (), Path("page.html"))
    assert alone.next_step == "lookalike edit run PHOTO --set beard=none --anyway"


@pytest.mark.slow
def test_what_was_learned_is_kept_and_serves_without_the_pack(
    home: Path, photo: Path, tmp_path: Path
) -> None:
    shutil.copytree(home / "run", tmp_path / "run")
    env = json.loads((tmp_path / "run" / "env.json").read_text())
    env["data"]["path"] = str(tmp_path / "gone")
    (tmp_path / "run" / "env.json").write_text(json.dumps(env))
    api.edit(tmp_path / "run", photo, changes={"disc": other(home, photo)}, anyway=True)
    shutil.rmtree(tmp_path / "run" / "editing")
    with pytest.raises(RunError, match="put the pack back"):
        api.edit(tmp_path / "run", photo, changes={"disc": "cold"})


@pytest.mark.slow
def test_twelve_and_twelve_pictures_become_a_slider(run: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    shutil.copytree(run, mine)
    pixels, rows = faces(80, seed=3)
    for kind in ("light", "dark"):
        (tmp_path / kind).mkdir()
        chosen = [i for i, row in enumerate(rows) if row["attributes"]["ground"] == kind][:12]
        for number in chosen:
            Image.fromarray(pixels[number]).save(tmp_path / kind / f"{number}.png")
    told = api.teach(mine, name="bright", yes=tmp_path / "light", no=tmp_path / "dark")
    assert told.success >= 0.8
    assert told.count >= 4
    dark = sorted((tmp_path / "dark").iterdir())[0]
    edited = api.edit(mine, dark, changes={"bright": "yes"}, anyway=True).edits[0]
    before, after = (np.asarray(Image.open(p)).astype(int) for p in (dark, edited.file))
    assert after[1:4, 1:4].mean() > before[1:4, 1:4].mean() + 40
    assert any(one.taught for one in api.directions(mine).attributes)
    with pytest.raises(DataError, match="attribute of the pack"):
        api.teach(mine, name="disc", yes=tmp_path / "light", no=tmp_path / "dark")


def test_teach_says_what_is_missing(run: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--yes, --no is missing"):
        api.teach(run, name="x")


@pytest.fixture
def handful(tmp_path: Path) -> Path:
    folder = tmp_path / "handful"
    folder.mkdir()
    for number, pixels in enumerate(faces(3, seed=11)[0]):
        Image.fromarray(pixels).resize((64, 64)).save(folder / f"{number}.png")
    return folder


@pytest.fixture
def wide(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limits that the odd pictures of a run as short as this one pass, twins excepted."""
    learned = vary._checks

    def checks(*given: Any) -> Sieve:
        return replace(learned(*given), outlier=1e9, twin=1e-6, keep_copies=True)

    monkeypatch.setattr(vary, "_checks", checks)


@pytest.mark.slow
def test_a_handful_of_photos_becomes_a_checked_and_marked_set(
    run: Path, handful: Path, wide: None
) -> None:
    to = handful.with_name("more")
    how = {"vary": ("disc", "ground"), "count": 6, "anyway": True, "strength": 1.5}
    told = api.edit(run, handful, to=to, **how)
    lines = [json.loads(line) for line in (to / "manifest.jsonl").read_text().splitlines()]
    real = [line for line in lines if not line["synthetic"]]
    changed = [line for line in lines if line["synthetic"]]
    assert len(real) == 3
    assert len(changed) == told.taken
    assert 3 <= told.taken <= 6
    assert all((to / line["file"]).exists() for line in lines)
    for line in changed:
        text = Image.open(to / line["file"]).info
        assert text["lookalike:edited"] == f"{line['attribute']}={line['value']}"
        assert text["lookalike:synthetic"] == "edited"
        assert float(text["lookalike:strength"]) == line["strength"] == 1.5
        assert line["attribute"] in {"disc", "ground"}
        assert line["photo"] == real[line["of"]]["photo"]
    for line in real:
        assert (to / line["file"]).read_bytes() == (handful / line["photo"]).read_bytes()
    assert (to / "README.md").exists()
    assert json.loads((to / "card.json").read_text())["taken"] == told.taken
    assert told.tried == told.taken + sum(told.rejected.values())
    assert not to.with_name("more-unfinished").exists()
    with pytest.raises(DataError, match="not empty"):
        api.edit(run, handful, vary=("disc",), count=2, to=to)


@pytest.mark.slow
def test_vary_continues_where_it_was_cut_off(run: Path, handful: Path, wide: None) -> None:
    whole, cut = handful.with_name("whole"), handful.with_name("cut")
    how = {"vary": ("disc",), "count": 3, "anyway": True}
    assert api.edit(run, handful, to=whole, **how).taken == 3
    seen: list[str] = []

    def stop(what: str, done: int, total: int) -> None:
        seen.append(what)
        if seen.count("changed pictures that pass") == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        api.edit(run, handful, to=cut, listener=Listener(tell=stop), **how)
    assert not cut.exists()
    seen.clear()
    listener = Listener(tell=lambda what, done, total: seen.append(what))
    again = api.edit(run, handful, to=cut, listener=listener, **how)
    assert again.taken == 3
    assert seen.count("changed pictures that pass") == 1
    names = sorted(p.name for p in whole.iterdir())
    assert sorted(p.name for p in cut.iterdir()) == names
    same = [name for name in names if name.startswith("edited-")] + ["manifest.jsonl"]
    assert len(same) == 4
    assert all((cut / name).read_bytes() == (whole / name).read_bytes() for name in same)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        (["hair=bun eyes=wink"], {"hair": "bun", "eyes": "wink"}),
        (["hair=bun", "eyes=wink"], {"hair": "bun", "eyes": "wink"}),
        (["class=Siamese cat"], {"class": "Siamese cat"}),
        (["class='a=b, c' 3=+1"], {"class": "a=b, c", "3": "+1"}),
        (["hair_color=#2c1b18"], {"hair_color": "#2c1b18"}),
    ],
)
def test_changes_are_read_as_a_person_writes_them(words: list[str], found: dict[str, str]) -> None:
    assert edits(words) == found


@pytest.mark.parametrize(
    "settings",
    [
        {"strength": 3.0},
        {"frames": 1},
        {"vary": ("a",), "changes": {"a": "b"}},
        {"vary": ("a",), "strength": 0.0},
        {"count": 0},
        {"loss": "beauty"},
        {"loss": "mse+"},
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, object]) -> None:
    with pytest.raises(DataError):
        EditSettings(**settings)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_picture_that_is_none_is_refused_by_its_name(run: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"\xff\xd8\xff" + bytes(20))
    with pytest.raises(DataError, match=r"bad\.jpg"):
        api.edit(run, bad, changes={"1": "1"})
    with pytest.raises(DataError, match="nowhere"):
        api.edit(run, tmp_path / "nowhere.png", changes={"1": "1"})
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bad.jpg"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        {"changes": {"disc": "cold"}},
        {"vary": ("disc",), "to": "more"},
        {"between": "photo.png", "to": "way.gif"},
    ],
)
def test_a_photo_that_is_none_is_refused_before_anything_is_learned(
    run: Path, photo: Path, words: dict[str, object]
) -> None:
    mine = photo.with_name("mine")
    shutil.copytree(run, mine, ignore=shutil.ignore_patterns("editing"))
    bad = photo.with_name("bad.jpg")
    bad.write_bytes(b"no picture")
    paths = {name: photo.with_name(str(words[name])) for name in ("to", "between") if name in words}
    seen: list[str] = []
    listener = Listener(tell=lambda what, done, total: seen.append(what))
    with pytest.raises(DataError, match=r"bad\.jpg"):
        api.edit(mine, bad, listener=listener, **{**words, **paths})
    with pytest.raises(DataError, match=r"bad\.jpg"):
        api.rebuild(mine, bad, listener=listener)
    assert seen == []
    assert not (mine / "editing").exists()


def test_of_photos_none_of_which_can_be_read_the_reasons_are_told_at_once(
    run: Path, tmp_path: Path
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"None of 2 photos can be read.*a\.png.*b\.png"):
        api.edit(run, tmp_path, changes={"disc": "cold"})
