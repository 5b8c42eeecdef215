"""What version 0.1.0 wrote, this version opens and continues: recipes, checkpoints, packs, runs.

The files in ``version_0_1/`` were written by that version (see ``make.py`` there); nothing here
writes them. On the kind of processor and the torch of that day the comparison is bit for bit.
Elsewhere floats round differently, and Adam makes steps of rounding where a gradient is nothing
else; there weights are compared in sums, and pictures by what an eye could see.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from lookalike import checkpoints, recipe
from lookalike.cli.main import main
from lookalike.data.pack.pack import Pack
from lookalike.efficientnet import installed
from lookalike.engine.batches import BatchSource, SourceBatch
from lookalike.engine.state import restore, training_state
from lookalike.engine.trainer import Trainer
from lookalike.place import Place
from lookalike.recipe import Recipe, codec

HERE = Path(__file__).with_name("version_0_1")

RECIPES = sorted(path.stem for path in (HERE / "recipes").glob("*.json"))
CASES = sorted(path.stem for path in (HERE / "checkpoints").glob("*.safetensors"))
CONTINUED = pytest.mark.parametrize("name", ["tiny", "swift"])
PICTURES, CLASSES = 72, 3
ROUNDING = 0.02
"""How far sums over weights may be off elsewhere, as a share of the length of all weights."""


def held(name: str) -> dict[str, Any]:
    """A JSON file of the fixtures."""
    found: dict[str, Any] = json.loads((HERE / name).read_text("utf-8"))
    return found


LATER = {"swift": {"prior.early": "0", "networks.G.limit": "0"}}
"""Settings whose defaults came later, as recipes of that version have them."""
PARTS = sorted(held("parts.json")) if (HERE / "parts.json").exists() else []


# ---- how states are compared ----------------------------------------------------------------


@cache
def machine() -> dict[str, str]:
    """What decides how floats are rounded here."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().partition("\n\n")[0].splitlines() if told.exists() else []
    known = dict(re.split(r"\s*:\s*", line, maxsplit=1) for line in lines)
    asked = ("model name", "cpu family", "model", "cache size")
    return {
        "torch": torch.__version__,
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "processor": " ".join(known.get(name, "?") for name in asked),
    }


def exactly() -> bool:
    """Whether floats are rounded here as where the files were written."""
    return bool(machine() == held("expected.json")["machine"])


def leaves(tree: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every tensor and plain value of a state with its path."""
    if isinstance(tree, Mapping):
        for key, item in tree.items():
            yield from leaves(item, f"{path}/{key}")
    elif isinstance(tree, list | tuple):
        for index, item in enumerate(tree):
            yield from leaves(item, f"{path}/{index}")
    else:
        yield path.lstrip("/").replace(".", "/"), tree


def told(state: Mapping[str, Any]) -> dict[str, Any]:
    """A state in few words that depend neither on the names nor on the order of its tensors.

    ``digest`` changes with every bit. ``sums`` has for each player of each part of the state (its
    network, average, optimizer) the tensors, their numbers, their length as one vector and a
    weighted sum. ``plain`` are the clock, the losses and the values that answer to what happened.
    """
    found: list[str] = []
    sums: dict[str, list[float]] = {}
    plain: dict[str, Any] = {}
    for path, leaf in leaves({key: state[key] for key in sorted(state) if key != "watchers"}):
        if isinstance(leaf, Tensor):
            one = leaf.detach().cpu().contiguous()
            numbers = one.double().reshape(-1)
            found.append(hashlib.sha256(one.numpy().tobytes()).hexdigest())
            sign = torch.arange(1, len(numbers) + 1).double().cos()
            row = sums.setdefault("/".join(path.split("/")[:2]), [0, 0, 0.0, 0.0])
            for at, more in enumerate((1, len(numbers), numbers @ numbers, numbers @ sign)):
                row[at] += float(more)
        elif path.startswith(("clock", "values", "past")):
            plain[path] = leaf
    for row in sums.values():
        row[2] = row[2] ** 0.5
    words = json.dumps([sorted(found), plain], sort_keys=True)
    return {"digest": hashlib.sha256(words.encode()).hexdigest(), "sums": sums, "plain": plain}


def check(state: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """The state is the one that was told, as exactly as can be asked here."""
    found = told(state)
    assert found["plain"].keys() == wanted["plain"].keys()
    assert found["sums"].keys() == wanted["sums"].keys()
    for name, (tensors, numbers, length, weighted) in wanted["sums"].items():
        limit = ROUNDING * length + 1e-6
        assert found["sums"][name][:2] == [tensors, numbers], name
        if not name.startswith("prior"):  # the choice of neighbors and a flow magnify rounding
            assert found["sums"][name][2:] == pytest.approx([length, weighted], abs=limit), name
    assert found["plain"]["clock/0"] == wanted["plain"]["clock/0"]
    if exactly():
        assert found["digest"] == wanted["digest"]


def check_pictures(found: np.ndarray, wanted: np.ndarray) -> None:
    """The same pictures; elsewhere within 1 of 255, but for a pixel in a hundred."""
    assert found.shape == wanted.shape
    if exactly():
        assert np.array_equal(found, wanted)
    off = np.abs(found.astype(int) - wanted.astype(int))
    assert np.mean(off > 1) < 0.01


# ---- recipes --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", RECIPES)
def test_a_saved_recipe_is_the_one_that_its_function_makes_today(name: str) -> None:
    how = held("made.json")[name]
    settings = {**LATER.get(how["recipe"], {}), **how["settings"]}
    transforms = tuple(settings.pop("transforms", ()))
    made = recipe.make(recipe.find(how["recipe"]), settings, how["frame"])
    made = replace(made, transforms=transforms) if transforms else made
    loaded = recipe.load(HERE / "recipes" / f"{name}.json")
    assert loaded == made
    assert loaded.dumps() == made.dumps()
    assert recipe.loads(loaded.dumps()) == loaded


def test_every_recipe_of_that_version_is_still_there() -> None:
    now = {file.name for file in recipe.names()}
    assert {how["recipe"] for how in held("made.json").values()} <= now


@pytest.mark.parametrize("name", PARTS)
def test_a_part_that_no_recipe_uses_is_opened_as_well(name: str) -> None:
    tree = held("parts.json")[name]
    part = codec.decode(tree)
    assert type(part).__name__
    assert codec.decode(json.loads(json.dumps(codec.encode(part)))) == part
    plain = {key: value for key, value in tree.items() if not isinstance(value, dict | list)}
    assert {key: getattr(part, key) for key in plain if key != "part"} == {
        key: value for key, value in plain.items() if key != "part"
    }


# ---- checkpoints ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Speckles(BatchSource):
    """Pictures of plain noise, kinds in turn: the same on every machine, in every version."""

    size: int
    channels: int
    labeled: bool

    def take(self, at: int, count: int) -> SourceBatch:
        return self._read((torch.arange(at, at + count) * 7) % PICTURES)

    def some(self, count: int, first: int = 0) -> SourceBatch:
        return self._read(torch.arange(first, min(first + count, PICTURES)))

    def __len__(self) -> int:
        return PICTURES

    def _read(self, rows: Tensor) -> SourceBatch:
        pictures = speckles(self.size, self.channels)[rows]
        if not self.labeled:
            return SourceBatch(pictures)
        return SourceBatch(pictures, torch.eye(CLASSES)[rows % CLASSES], torch.ones(len(rows)) > 0)


@cache
def speckles(size: int, channels: int) -> Tensor:
    """``[72, channels, size, size]`` in [-1, 1], in quarters."""
    drawn = np.random.default_rng(0).integers(-4, 5, (PICTURES, channels, size, size))
    return torch.from_numpy(drawn.astype(np.float32) / 4)


def trainer_of(chosen: Recipe) -> Trainer:
    """A trainer of these speckles on one thread."""
    return Trainer(
        chosen, Speckles(chosen.size, chosen.channels, chosen.labels > 0), Place(threads=1)
    )


def played(trainer: Trainer, steps: int) -> Trainer:
    """The trainer some steps later."""
    for _ in range(steps):
        trainer.step()
    return trainer


def drawn(trainer: Trainer) -> np.ndarray:
    """Four pictures, uint8 ``[4, size, size, channels]``."""
    return np.asarray(trainer.sampler().pictures(0, 0, 4))


@pytest.fixture
def case(request: pytest.FixtureRequest) -> tuple[str, Trainer, dict[str, Any]]:
    """A checkpoint of that version, in a trainer of its recipe, and what is known about it."""
    name = request.param
    expected = held("expected.json")["checkpoints"][name]
    if expected["features"] and not installed():
        pytest.skip("needs the pretrained features")
    torch.manual_seed(1)  # nothing may depend on what was drawn before
    trainer = trainer_of(recipe.load(HERE / "checkpoints" / f"{name}.json"))
    restore(trainer, checkpoints.read(HERE / "checkpoints" / f"{name}.safetensors"))
    return name, trainer, expected


EVERY_CASE = pytest.mark.parametrize("case", CASES, indirect=True)


@pytest.mark.slow
@EVERY_CASE
def test_an_old_checkpoint_draws_its_pictures_and_continues_to_the_same_weights(
    case: tuple[str, Trainer, dict[str, Any]],
) -> None:
    name, trainer, expected = case
    check(training_state(trainer), expected["state"])
    pictures = np.load(HERE / "pictures.npz")
    check_pictures(drawn(trainer), pictures[name])
    check(training_state(played(trainer, expected["steps"][1])), expected["later"])
    if exactly():
        check_pictures(drawn(trainer), pictures[f"{name} later"])


@pytest.mark.slow
@EVERY_CASE
def test_the_same_steps_from_the_start_lead_to_the_old_checkpoint(
    case: tuple[str, Trainer, dict[str, Any]],
) -> None:
    _, old, expected = case
    anew = played(trainer_of(old.recipe), expected["steps"][0])
    check(training_state(anew), expected["state"])
    if exactly():
        states = [
            {path: leaf for path, leaf in leaves(training_state(one)) if isinstance(leaf, Tensor)}
            for one in (anew, old)
        ]
        assert states[0].keys() == states[1].keys()
        assert all(torch.equal(leaf, states[1][path]) for path, leaf in states[0].items())


# ---- packs and runs -------------------------------------------------------------------------


def test_the_old_pack_opens_with_its_pictures_labels_and_split() -> None:
    pack, expected = Pack.open(HERE / "pack"), held("expected.json")["pack"]
    assert len(list(pack.manifest())) == pack.count
    assert pack.fingerprint == expected["fingerprint"]
    assert list(pack.columns) == expected["columns"]
    assert list(pack.classes) == expected["classes"]
    for split in (pack.train, pack.holdout):
        known = expected[split.name]
        every = range(len(split))
        assert hashlib.sha256(split.all_images().tobytes()).hexdigest() == known["images"]
        assert split.labels(every).tolist() == known["labels"]
        assert [row["source"] for row in split.rows(every)] == known["sources"]


def train(pack: Path, into: Path, words: list[str]) -> dict[str, Any]:
    """The newest state after ``lookalike train``."""
    main(["train", str(pack), "--into", str(into), *words])
    return checkpoints.read(numbered(into)[-1])


def numbered(run: Path) -> list[Path]:
    """The checkpoints of a run that can be continued from, oldest first."""
    found = (run / "checkpoints").glob("*.safetensors")
    return sorted(path for path in found if path.stem.isdigit())


@pytest.fixture
def run(tmp_path: Path, name: str) -> tuple[Path, Path, dict[str, Any]]:
    """Copies of the old pack and of an unfinished old run, and what is known about the run."""
    if name == "swift" and not installed():
        pytest.skip("needs the pretrained features")
    pack, into = tmp_path / "pack", tmp_path / "run"
    shutil.copytree(HERE / "pack", pack)
    shutil.copytree(HERE / "runs" / name, into)
    return pack, into, held("expected.json")["runs"][name]


@CONTINUED
def test_an_old_run_generates_its_pictures(
    name: str, run: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    _, into, expected = run
    to = tmp_path / "out"
    main(["generate", str(into), "-n", "4", "--to", str(to), *expected["generate"]])
    found = [np.asarray(Image.open(path)) for path in sorted(to.glob("*.png"))]
    check_pictures(np.stack(found), np.load(HERE / "pictures.npz")[f"run {name}"])


@pytest.mark.slow
@CONTINUED
def test_an_old_run_is_continued_by_the_same_command_as_if_it_had_not_been_stopped(
    name: str, run: tuple[Path, Path, dict[str, Any]], tmp_path: Path
) -> None:
    pack, into, expected = run
    assert numbered(into)[-1].stem == f"{expected['stopped']:010d}"
    continued = train(pack, into, expected["command"])
    check(continued, expected["later"])
    later = [f"{setting}={value}" for setting, value in LATER.get(name, {}).items()]
    words = [*expected["command"], *(["--set", *later] if later else [])]
    anew = train(pack, tmp_path / "anew", words)
    check(anew, expected["later"])
    if exactly():
        assert told(continued) == told(anew)
    assert (into / "report.html").exists()
    assert recipe.load(into / "recipe.json") == recipe.load(tmp_path / "anew" / "recipe.json")


@pytest.mark.parametrize("name", ["swift"])
def test_an_old_run_has_no_setting_of_today_unless_it_is_asked_for_which_is_another_run(
    name: str, run: tuple[Path, Path, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    pack, into, expected = run
    command = ["train", str(pack), "--into", str(into), *expected["command"]]
    with pytest.raises(SystemExit):
        main([*command, "--set", "prior.early=5"])
    said = " ".join(capsys.readouterr().err.split())
    assert "holds a run with other settings (prior.early" in said
