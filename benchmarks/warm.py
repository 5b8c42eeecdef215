"""Make the weights that swift begins with: draw the pictures, train on them, write the file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from benchmarks.common import CACHE
from benchmarks.drawings import drawings
from benchmarks.rescaled import rescaled
from lookalike import api
from lookalike.parts.networks.base import Frame
from lookalike.parts.training.warm_start import FOLDER, WarmStart
from lookalike.recipe import Recipe
from lookalike.run import Run
from lookalike.settings.training import TrainSettings


def write(state: Mapping[str, Any], recipe: Recipe, to: Path) -> None:
    """A trainer's weights as float16 safetensors, averaged ones where there are, written whole."""
    from safetensors.torch import save_file

    frame = Frame(recipe.size, recipe.channels, recipe.labels)
    held = {
        f"{player}.{name}": weight.half() if weight.is_floating_point() else weight
        for player in WarmStart().players
        for name, weight in rescaled(
            player, _weights(state, player), recipe.networks[player], frame
        ).items()
    }
    assert all(bool(torch.isfinite(weight).all()) for weight in held.values())
    part = to.with_suffix(".part")
    save_file({name: weight.contiguous() for name, weight in held.items()}, part)
    part.chmod(0o644)
    part.replace(to)


def _weights(state: Mapping[str, Any], player: str) -> dict[str, torch.Tensor]:
    """The player's averaged weights, or those it was trained with where no average is kept."""
    if player in state["averages"]:
        return {name: weight.cpu() for name, weight in state["averages"][player].items()}
    return {
        name.removeprefix(f"{player}."): weight.cpu()
        for name, weight in state["networks"].items()
        if name.startswith(f"{player}.")
    }


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench warm", description=__doc__)
    parser.add_argument("--size", type=int, default=64, help="side of the pictures: 64 or 32")
    parser.add_argument("--images", type=int, default=22_200, help="the budget of the training")
    parser.add_argument("--warm", default="none", help="weights that it begins with: drawings")
    wanted = parser.parse_args(arguments)
    pack = drawings(wanted.size)
    folder = CACHE / "runs" / f"warm-{wanted.size}-{wanted.warm}-{wanted.images}"
    begin = 0.2 if wanted.warm == "none" else 0.05
    settings = {"warm": wanted.warm, "images": wanted.images, "begin": begin, "adversarial": 0.5}
    api.train(pack.path, folder, TrainSettings(recipe="swift", changes=settings))
    FOLDER.mkdir(exist_ok=True)
    to = FOLDER / f"drawings-{wanted.size}.safetensors"
    run = Run.open(folder)
    state, refused = run.newest()
    if state is None:
        raise SystemExit(f"{run.path} holds no whole checkpoint. {' '.join(refused)}")
    write(state, run.recipe(), to)
    print(f"{to}, {to.stat().st_size / 1e6:.1f} MB, from {len(pack.train):,} pictures")
