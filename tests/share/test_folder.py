"""A model folder draws what its run drew, can be opened by anybody, and tells nothing private."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from smallest import FILES, small, trainer_of

import lookalike
from lookalike import checkpoints
from lookalike.engine.session import training_state
from lookalike.errors import CheckpointError, LookalikeError, RunError
from lookalike.run import MODEL, Run
from lookalike.settings.device import Device
from lookalike.settings.pictures import GenerateSettings
from lookalike.settings.sharing import ShareSettings
from lookalike.share import onnx
from lookalike.stages.generate import generate
from lookalike.stages.share import Shared, share

pytestmark = pytest.mark.slow  # what all of them look at takes seconds to make

CPU = Device(device="cpu", precision="fp32", threads=1).place()
QUICK = {"tiny", "swift", "dcgan"}


@pytest.fixture(scope="module")
def made(swift_run: Run, tmp_path_factory: pytest.TempPathFactory) -> Shared:
    asked = ShareSettings(title="Blots", license="mit", data_license="CC0, drawn by me")
    return share(swift_run, tmp_path_factory.mktemp("folder") / "model", asked, CPU)


def drawn(run: Path, to: Path) -> dict[str, bytes]:
    generate(Run.open(run), to, GenerateSettings(count=5, seed=3, keep_copies=True), CPU)
    return {path.name: Image.open(path).tobytes() for path in to.glob("*.png")}


def test_it_holds_weights_settings_a_card_samples_and_a_page(made: Shared) -> None:
    names = {path.name for path in made.path.iterdir()}
    wanted = {MODEL, "recipe.json", "env.json", "config.json", "README.md", "samples.png"}
    assert names >= wanted | {"index.html"}
    assert made.bytes == sum(path.stat().st_size for path in made.path.iterdir())
    assert min(Image.open(made.path / "samples.png").size) >= 8 * 32


def test_it_generates_the_same_pictures_as_its_run(
    made: Shared, swift_run: Run, tmp_path: Path
) -> None:
    pictures = drawn(made.path, tmp_path / "shared")
    assert len(pictures) == 5
    assert pictures == drawn(swift_run.path, tmp_path / "run")


def test_load_draws_reads_and_draws_again(made: Shared) -> None:
    model = lookalike.load(made.path)
    pictures = model.generate(3, seed=1)
    assert [picture.size for picture in pictures] == [(32, 32)] * 3
    assert pictures[2].tobytes() == model.generate(1, seed=1, first=2)[0].tobytes()
    codes = model.encode(pictures)
    assert codes.shape == (3, 8)
    assert [picture.size for picture in model.decode(codes)] == [(32, 32)] * 3


def test_training_it_is_refused_and_nothing_of_it_changes(made: Shared) -> None:
    before = sorted(path.name for path in made.path.rglob("*"))
    with pytest.raises(RunError, match=r"is a shared model.*Name another folder with --into"):
        with Run(made.path).writing():
            pass
    assert sorted(path.name for path in made.path.rglob("*")) == before


def test_no_file_says_where_the_data_or_the_run_lie(made: Shared, swift_run: Run) -> None:
    private = str(swift_run.path.parent).encode()
    assert [path.name for path in made.path.iterdir() if private in path.read_bytes()] == []


def test_encodings_of_training_pictures_stay_at_home_once_the_flow_is_learned(
    made: Shared, swift_run: Run
) -> None:
    assert {"codes", "neighbors"} <= set(swift_run.state("last")["prior"])
    state = checkpoints.read(made.path / MODEL)
    assert not {"codes", "neighbors"} & set(state["prior"])
    choice = swift_run.recipe().choice
    assert set(state["averages"]) == {"G", "E", *(choice.players if choice else ())}
    assert state["networks"] == {}
    assert "holds no encodings" in (made.path / "README.md").read_text("utf-8")


def test_before_the_flow_is_learned_encodings_are_shared_and_it_is_said(
    swift_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    shutil.copytree(swift_run.path, tmp_path / "run")
    young = Run(tmp_path / "run")
    for path in young.checkpoints.iterdir():
        state = checkpoints.read(path)
        prior = {name: value for name, value in state["prior"].items() if "flow" not in name}
        checkpoints.write(path, {**state, "prior": prior})
    count = len(young.state("last")["prior"]["codes"])
    outcome = share(young, tmp_path / "model", ShareSettings(), CPU)
    said = f"the encodings of {count} training pictures"
    assert said in (tmp_path / "model" / "README.md").read_text("utf-8")
    assert any(said in note for note in outcome.notes)


def test_the_card_and_the_settings_say_what_was_asked_for(made: Shared) -> None:
    card = (made.path / "README.md").read_text("utf-8")
    assert card.startswith("---\npipeline_tag: unconditional-image-generation\n")
    for words in ("license: mit", "# Blots", "CC0, drawn by me", "Not measured", "Limits"):
        assert words in card
    config = json.loads((made.path / "config.json").read_text("utf-8"))
    assert (config["recipe"], config["size"], config["train"]) == ("swift", 32, 72)


def test_a_folder_that_holds_something_and_a_name_that_is_neither_are_refused(
    made: Shared, swift_run: Run, tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(LookalikeError, match="mine"):
        share(swift_run, tmp_path / "mine", ShareSettings(), CPU)
    assert [path.name for path in tmp_path.rglob("*")] == ["mine", "letter.txt"]
    with pytest.raises(LookalikeError, match=r"neither a page .* nor a folder"):
        share(swift_run, tmp_path / "faces.zip", ShareSettings(), CPU)


@pytest.mark.parametrize("name", [MODEL, "recipe.json", "env.json"])
@pytest.mark.parametrize("damage", ["cut", "noise", "empty", "gone"])
def test_a_damaged_folder_is_refused_in_words_or_draws_as_before(
    made: Shared, tmp_path: Path, name: str, damage: str
) -> None:
    """Never another kind of error, never code that runs; env.json alone may be missed."""
    model = tmp_path / "model"
    shutil.copytree(made.path, model)
    data = (model / name).read_bytes()
    noise = np.random.default_rng(0).bytes(len(data))
    parts = {"cut": data[: len(data) // 2], "noise": noise, "empty": b""}
    if damage == "gone":
        (model / name).unlink()
    else:
        (model / name).write_bytes(parts[damage])
    if name == "env.json":
        picture = lookalike.load(model).generate(1)[0]
        assert picture.tobytes() == lookalike.load(made.path).generate(1)[0].tobytes()
        return
    with pytest.raises(LookalikeError, match=re.escape(str(model))):
        lookalike.load(model).generate(1)


def test_weights_of_another_recipe_are_refused(made: Shared, tmp_path: Path) -> None:
    shutil.copytree(made.path, tmp_path / "model")
    state = checkpoints.read(made.path / MODEL)
    checkpoints.write(tmp_path / "model" / MODEL, {**state, "averages": {}})
    with pytest.raises(CheckpointError):
        lookalike.load(tmp_path / "model").generate(1)


# ---- ONNX -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", [n if n in QUICK else pytest.param(n, marks=pytest.mark.slow) for n in sorted(FILES)]
)
def test_every_recipe_becomes_an_onnx_file_that_draws_what_torch_draws(
    name: str, tmp_path: Path
) -> None:
    pytest.importorskip("onnxscript", reason="pip install lookalike[onnx]")
    pytest.importorskip("onnxruntime", reason="pip install lookalike[onnx]")
    run = Run(tmp_path / "run")
    trainer = trainer_of(small(name))
    with run.writing():
        run.write_recipe(trainer.recipe)
        for _ in range(2):
            trainer.step()
        run.save(8, training_state(trainer))
    outcome = share(run, tmp_path / "model", ShareSettings(), CPU)
    assert "generator.onnx" in outcome.files, outcome.notes
    session = __import__("onnxruntime").InferenceSession(str(tmp_path / "model/generator.onnx"))
    inputs = [value.name for value in session.get_inputs()]
    assert inputs == (["z", "labels"] if trainer.recipe.labels else ["z"])


def test_numbers_that_differ_are_not_given_away(
    swift_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("onnxscript", reason="pip install lookalike[onnx]")
    monkeypatch.setattr(onnx, "_difference", lambda *_: 0.01)
    with pytest.raises(LookalikeError, match=r"differs from the network by 0\.01"):
        share(swift_run, tmp_path / "model", ShareSettings(), CPU)
    assert not (tmp_path / "model").exists()


def test_without_the_extra_the_folder_lacks_onnx_files_and_says_how_to_get_them(
    swift_run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    outcome = share(swift_run, tmp_path / "model", ShareSettings(), CPU)
    assert not list((tmp_path / "model").glob("*.onnx"))
    assert any("lookalike[onnx]" in note for note in outcome.notes)
    assert "generator.onnx" not in (tmp_path / "model" / "README.md").read_text("utf-8")
