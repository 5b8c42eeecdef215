"""Whether ``start`` uses a pack's labels: a new run where its recipe can, an old one as it was."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from case_tools import fill

from lookalike import api
from lookalike.cli.main import main
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import write_pack
from lookalike.errors import RunError
from lookalike.run import Run
from lookalike.stages.start import uses_labels


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3)).astype(np.uint8)
    rows = [{"attributes": {"hair": "xyz"[i % 3]}} for i in range(24)]
    return write_pack(tmp_path / "pack", pixels, rows=rows)


def test_a_new_run_uses_attributes_where_its_recipe_exchanges_them(
    pack: Pack, tmp_path: Path
) -> None:
    fresh = Run(tmp_path / "run")
    assert uses_labels(pack, fresh, "swift") is True
    assert uses_labels(pack, fresh, "dcgan") is None
    assert uses_labels(pack, fresh, "own.json") is None


def test_a_pack_of_classes_alone_or_of_nothing_is_left_to_train(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (24, 16, 16, 3)).astype(np.uint8)
    fresh = Run(tmp_path / "run")
    plain = write_pack(tmp_path / "plain", pixels)
    classes = write_pack(
        tmp_path / "classes", pixels, rows=[{"class": "ab"[i % 2]} for i in range(24)]
    )
    assert uses_labels(plain, fresh, "swift") is None
    assert uses_labels(classes, fresh, "swift") is None


@pytest.mark.slow
def test_a_run_that_was_begun_goes_on_as_it_was(pack: Pack, tmp_path: Path) -> None:
    folder = tmp_path / "run"
    changes = {"images": 16, "width": 2, "batch": 8}
    api.train(pack.path, folder, recipe="tiny", changes=changes, threads=1)
    assert uses_labels(pack, Run(folder), "swift") is False


@pytest.mark.slow
def test_start_goes_on_with_a_recipe_file_of_ones_own(pack: Pack, tmp_path: Path) -> None:
    own = tmp_path / "own.py"
    own.write_text(
        "from dataclasses import dataclass, replace\n"
        "from lookalike.parts.networks.base import NetworkPlan\n"
        "from lookalike.parts.classic import ClassicGenerator\n"
        "from lookalike.recipe import Recipe, find\n"
        "@dataclass(frozen=True)\n"
        "class Mine(NetworkPlan):\n"
        "    def build(self, frame):\n"
        "        return ClassicGenerator(dims=16, width=4).build(frame)\n"
        "def recipe(size: int = 16, channels: int = 3) -> Recipe:\n"
        "    made = find('tiny').function()(size, channels)\n"
        "    return replace(made, networks={**made.networks, 'G': Mine()}, images=32)\n"
    )
    words = {"recipe": str(own), "changes": {"images": 32}, "threads": 1}
    api.start(pack.path, tmp_path / "run", **words)
    again = api.start(pack.path, tmp_path / "run", **words)
    assert again.trained.images == 32


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["start", "train"])
def test_the_command_that_trains_a_changed_folder_further_is_taken_as_it_is_printed(
    tmp_path: Path, verb: str
) -> None:
    photos, run = fill(tmp_path / "photos", 30), tmp_path / "run"
    rows = [f"{file.name},{'xyz'[n % 3]}" for n, file in enumerate(sorted(photos.iterdir()))]
    (photos / "attributes.csv").write_text("\n".join(["file,hair", *rows]))
    words = {"recipe": "tiny", "changes": {"images": 32, "width": 8, "batch": 8}, "threads": 1}
    words |= {"labels": True} if verb == "train" else {}
    begin = getattr(api, verb)
    begin(photos, run, **words)
    budget = Run(run).recipe().images
    fill(photos, 1, 900)
    with pytest.raises(RunError, match="train further") as told:
        begin(photos, run, **words)
    command = shlex.split(str(told.value).rpartition("before: ")[2])
    assert command[-2:] == ["--more", "10m"]
    main([*command[1:-1], "1s"])
    assert Run(run).recipe().images > budget
