"""bench gpu: on a CPU it runs whole with tiny settings, and what hangs or breaks is said."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import Any

import pytest
import torch
from benchmarks import gpu
from benchmarks.__main__ import known
from benchmarks.gpu import laws, speed, weights
from benchmarks.gpu.bench import Bench, Deadline, OutOfTimeError, Results, at_most
from smallest import small, trainer_of

from lookalike.data.pack.pack import Pack
from lookalike.parts.training.warm_start import put

ROOT = Path(__file__).parents[2]


def rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "gpu.jsonl").read_text("utf-8").splitlines()]


def bench_of(folder: Path, seconds: float = 60.0) -> Bench:
    return Bench("cpu", True, Results(folder), Deadline(time.monotonic() + seconds), folder)


@pytest.mark.slow
def test_on_a_cpu_every_part_runs_and_keeps_its_rows(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "benchmarks", "gpu", "--device", "cpu", "--to", str(tmp_path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.rstrip().endswith("0 wrong.")
    found = rows(tmp_path)
    assert {row["part"] for row in found} == {"machine", *gpu.PARTS}
    assert not [row for row in found if {"wrong", "error", "skipped"} & set(row)]
    assert {row["recipe"] for row in found if row["part"] == "laws"} == set(laws.TINY)
    assert {row["mode"] for row in found if "mode" in row} == set(speed.MODES)
    assert any("kid" in row.get("pixels", {}) for row in found)
    assert (tmp_path / "minute.png").exists()
    imported = next(row["imported"] for row in found if "imported" in row)
    assert set(imported) - carried() - needed(*gpu.PRESENT) - {"lookalike", "setuptools"} == set()
    for side in (32, 64):
        begin_with_all_of(tmp_path / f"drawings-{side}.safetensors", side)
        assert (tmp_path / f"rebuilt-{side}.png").exists()


def carried() -> set[str]:
    return {wheel.partition("==")[0] for wheel in gpu.WHEELS}


def needed(*names: str) -> set[str]:
    """These distributions and all that they need without extras."""
    every: set[str] = set()
    waiting = [name for name in names if installed(name)]
    while waiting:
        name = waiting.pop()
        every.add(gpu.canonical(name))
        lines = [line for line in requires(name) or () if "extra ==" not in line]
        children = [re.split(r"[^\w.-]", line)[0] for line in lines]
        waiting += [c for c in children if gpu.canonical(c) not in every and installed(c)]
    return every


def installed(name: str) -> bool:
    try:
        return bool(version(name))
    except PackageNotFoundError:
        return False


def begin_with_all_of(path: Path, side: int) -> None:
    """The file fits the package and every network that begins with it takes all of it."""
    from safetensors.torch import load_file

    from lookalike import recipe
    from lookalike.parts.networks.base import Frame, Networks

    assert path.stat().st_size <= weights.MOST
    made = recipe.make(recipe.find("swift"), {"warm": "none"}, {"size": side, "channels": 3})
    networks = Networks.build(made.networks, Frame(side, 3))
    held = load_file(path)
    assert {player: put(held, networks[player], f"{player}.") for player in "GED"} == {
        player: 1.0 for player in "GED"
    }


def test_the_command_is_listed() -> None:
    assert "gpu" in known()
    assert "bench" not in known()


# ---- what hangs, breaks or does not fit -----------------------------------------------------


@pytest.mark.slow
def test_what_hangs_is_stopped_and_the_stop_around_it_still_works() -> None:
    with pytest.raises(OutOfTimeError), at_most(0.05):
        time.sleep(5)
    begun = time.monotonic()
    with pytest.raises(OutOfTimeError), at_most(0.3):
        within_another()
    assert time.monotonic() - begun < 4


def within_another() -> None:
    with at_most(60):
        pass
    time.sleep(5)


@pytest.mark.slow
def test_a_part_that_breaks_is_said_and_makes_the_command_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(bench: Bench) -> list[str]:
        raise ValueError("no such kernel")

    monkeypatch.setattr(laws, "run", broken)
    monkeypatch.setattr(speed, "run", lambda bench: ["the speed"])
    with pytest.raises(SystemExit) as ended:
        gpu.main(["--device", "cpu", "--parts", "laws,speed", "--to", str(tmp_path)])
    assert ended.value.code == 1
    why = [row["why"] for row in rows(tmp_path) if "wrong" in row]
    assert [text.partition(" (")[0] for text in why] == ["ValueError: no such kernel"]
    printed = capsys.readouterr().out
    assert "the speed" in printed
    assert printed.rstrip().endswith("1 wrong.")


def test_parts_share_the_time_in_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    seconds: dict[str, float] = {}

    def play(part: str, left: float, bench: Bench) -> list[str]:
        seconds[part] = left
        return []

    monkeypatch.setattr(gpu, "play", play)
    gpu.measure(["laws", "speed"], 230.0, "cpu", Results(None))
    assert list(seconds) == ["laws", "speed"]
    assert seconds["laws"] == pytest.approx(80, abs=1)
    assert seconds["speed"] == pytest.approx(230, abs=1)  # what the laws did not use is its own


def test_a_part_of_another_name_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        gpu.main(["--device", "cpu", "--parts", "lawz"])
    assert "laws,speed,quality,weights" in capsys.readouterr().err


def test_what_does_not_fit_into_the_time_is_left_out_and_said(tmp_path: Path) -> None:
    late = bench_of(tmp_path, -1)
    laws.run(late)
    speed.run(late)
    weights.run(late)
    left_out = [row["skipped"] for row in rows(tmp_path)]
    assert set(laws.TINY) <= set(left_out)
    assert {"dcgan 16 px fp32", "dcgan 16 px compiled", "32 px", "64 px"} <= set(left_out)


# ---- the laws notice ------------------------------------------------------------------------


def test_laws_notice_pictures_that_are_not_those_of_the_cpu(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def elsewhere(chosen: Any, device: str = "cpu", **settings: Any) -> Any:
        trainer = trainer_of(chosen, **settings)
        if device == "planted":
            with torch.no_grad():
                next(trainer.networks["G"].parameters()).mul_(1.5)
                next(trainer.averages["G"].network.parameters()).mul_(1.5)
        return trainer

    monkeypatch.setattr(laws, "trainer_of", elsewhere)
    checked = laws.Checked(small("dcgan"), "planted")
    checked.pictures()
    assert any("differ from the CPU's" in sentence for sentence in checked.wrong)


Played = tuple[dict[str, torch.Tensor], set[str], bool]


@pytest.mark.parametrize(
    ("plant", "sentence"),
    [
        (lambda terms, moved: ({n: t * torch.nan for n, t in terms.items()}, moved), "not finite"),
        (lambda terms, moved: ({n: t * 1.01 for n, t in terms.items()}, moved), "the CPU's by"),
        (lambda terms, moved: ({n: t[:1] for n, t in terms.items()}, moved), " is (1,)"),
        (lambda terms, moved: (terms, {*moved, "X"}), "moves"),
    ],
)
def test_laws_notice_terms_and_weights_that_are_wrong(
    plant: Callable[[Any, Any], Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    played = laws.played

    def planted(chosen: Any, index: int, device: str) -> Played:
        terms, moved, draws = played(chosen, index, "cpu")
        return (terms, moved, draws) if device == "cpu" else (*plant(terms, moved), draws)

    monkeypatch.setattr(laws, "played", planted)
    checked = laws.Checked(small("dcgan"), "planted")
    checked.phase(0)
    assert any(sentence in told for told in checked.wrong), checked.wrong


def test_laws_notice_a_resume_that_goes_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    restore = laws.restore

    def forgetful(trainer: Any, state: dict[str, Any]) -> None:
        restore(trainer, state)
        trainer.clock = replace(trainer.clock, step=0)

    monkeypatch.setattr(laws, "restore", forgetful)
    checked = laws.Checked(small("dcgan"), "cpu")
    checked.resume()
    assert "not" in checked.facts["resume"]
    assert any("resumed weights differ" in sentence for sentence in checked.wrong)


# ---- cells and files ------------------------------------------------------------------------


def test_every_cell_is_asked_for_and_one_compiled_cell_before_the_largest_side() -> None:
    cells = list(dict.fromkeys(speed.ordered(speed.FULL)))
    extent = speed.FULL
    assert len(cells) == len(extent.recipes) * len(extent.sizes) * len(speed.MODES)
    compiled = cells.index(speed.Cell("swift", 64, "compiled"))
    assert all(cell.size < 256 for cell in cells[:compiled])


def test_compiling_pays_when_the_time_it_took_is_caught_up_with(tmp_path: Path) -> None:
    cells = speed.Cells(bench_of(tmp_path))
    cell = speed.Cell("swift", 64, "compiled")
    eager = {"rate": 100.0, "first_step": 1.0}
    cells.found = {replace(cell, mode="bf16"): eager, cell: {"rate": 200.0, "first_step": 31.0}}
    # 30 s late; a second of compiled steps saves half of one in wall time of eager ones
    assert speed.paid(cells, cell) == "1.0 min"
    cells.found[cell] = {"rate": 90.0, "first_step": 31.0}
    assert speed.paid(cells, cell) == "never"


def test_default_settings_are_compared_with_the_best_batch(tmp_path: Path) -> None:
    cells = speed.Cells(bench_of(tmp_path))
    side = cells.extent.sizes[0]
    for batch, told in ((0, 60.0), (64, 100.0), (256, 90.0)):
        cells.found[speed.Cell("dcgan", side, "default", batch)] = {
            "batch": batch or 16,
            "rate": told,
        }
    share = speed._share(cells, "dcgan")
    assert share is not None
    assert (share["best_batch"], share["share"]) == (64, 0.6)
    assert "goal 70%: not reached" in speed._sentence(share)


def test_pictures_on_the_device_are_those_of_the_pack_at_every_position(pack: Pack) -> None:
    from lookalike.engine.batches import SplitBatches

    resident, plain = weights.Resident(pack, 3, "cpu"), SplitBatches(pack.train, 3)
    assert len(resident) == len(pack.train)
    for at in (0, 5, 170):
        torch.testing.assert_close(resident.take(at, 8).images, plain.take(at, 8).images)
    assert resident.some(4, 2).images.shape == (4, 3, 8, 8)
