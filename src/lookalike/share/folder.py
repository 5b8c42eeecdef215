"""A model folder as model hubs have them: weights, settings, a card; no code is run to open it.

It is a run that was reduced to what draws pictures, so every verb that takes a run takes it, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lookalike import __version__, checkpoints
from lookalike.parts.latents.priors import Learned, Prior
from lookalike.parts.networks.base import Networks
from lookalike.results import listed
from lookalike.run import CANDIDATES, MODEL, Run, read_json
from lookalike.sizes import read_size, shape_of

KEPT_DATA = ("name", "fingerprint", "train", "holdout", "classes", "columns")
"""What is said of the pack; never where it lies."""

_METADATA = """---
pipeline_tag: unconditional-image-generation
library_name: lookalike
license: {license}
tags: [gan, image-generation, synthetic]
---"""
_EXAMPLE = """```python
import lookalike
model = lookalike.load("path/to/this/folder")
pictures = model.generate(16, seed=0)
```"""


def write_state(
    folder: Path, networks: Networks, players: tuple[str, ...], rest: Mapping[str, Any]
) -> None:
    """The weights of these players, and prior, labels and clock, as one safetensors file."""
    averages = {name: dict(networks[name].state_dict()) for name in players}
    checkpoints.write(folder / MODEL, {"averages": averages, "networks": {}, **rest})


def copy_settings(run: Run, folder: Path) -> None:
    """The recipe, what decides how pictures are drawn, and what may be said of the data."""
    (folder / "recipe.json").write_bytes((run.path / "recipe.json").read_bytes())
    env = run.env()
    data = {key: env.get("data", {}).get(key) for key in KEPT_DATA}
    precision = env.get("place", {}).get("precision", {})
    kept = {"lookalike": env.get("lookalike"), "data": data, "place": {"precision": precision}}
    kept |= {"begun_with": begun} if (begun := env.get("begun_with")) else {}
    (folder / "env.json").write_text(json.dumps(kept, indent=1), "utf-8")
    if candidates := read_json(run.path / CANDIDATES):
        (folder / CANDIDATES).write_text(json.dumps(candidates, indent=1), "utf-8")


def given_away(prior: Prior, learned: Learned) -> tuple[Learned, int]:
    """What the prior needs to draw, and how many encodings of training pictures are among it."""
    needed = prior.to_draw(learned)
    return needed, len(needed["codes"]) if "codes" in needed else 0


def config(facts: Mapping[str, Any]) -> str:
    """``config.json``: what the model is, in plain values."""
    return json.dumps({"library_name": "lookalike", "version": __version__, **facts}, indent=1)


def card(facts: Mapping[str, Any], files: Mapping[str, str]) -> str:
    """The model card: metadata as model hubs read it, then plain sentences."""
    height, width = shape_of(read_size(facts["size"]))
    license_of_data = facts["data_license"] or "not stated"
    blocks = [
        _METADATA.format(license=facts["license"] or "unknown"),
        f"# {facts['title']}",
        f"Draws synthetic pictures of {width} x {height} pixels that look like the "
        f"{facts['train']:,} it learned from. Recipe `{facts['recipe']}` of lookalike, "
        f"{facts['images']:,} pictures shown.",
        _EXAMPLE,
        "## How good",
        _score(facts),
        "## Data",
        listed(
            f"License of the pictures it learned from: {license_of_data}.",
            f"Held out and never trained on: {facts['holdout']:,} pictures.",
            facts["begun_with"],
            _encodings(facts["encodings"]),
        ),
        "## Limits",
        listed(
            "Every picture is synthetic. Do not pass them off as photographs of anybody.",
            "It knows only what was in its pictures, with their gaps and prejudices.",
            f"Pictures are {width} pixels wide; larger ones are only enlarged.",
        ),
        "## Files",
        listed(*(f"`{name}`: {what}" for name, what in files.items())),
    ]
    return "\n\n".join(blocks) + "\n"


def _score(facts: Mapping[str, Any]) -> str:
    score = facts["score"]
    if not score:
        return "Not measured against held-out pictures."
    low, high = 1000 * score["kid_low"], 1000 * score["kid_high"]
    text = (
        f"KID x 1000 against held-out pictures: {1000 * score['kid']:.1f} ({low:.1f} to {high:.1f})"
    )
    floor = score.get("floor")
    between = "" if floor is None else f"; real pictures against real ones: {1000 * floor:.1f}"
    return f"{text}{between}. 0 is as near as real pictures are to one another."


def _encodings(count: int) -> str:
    if not count:
        return "It holds no encodings of training pictures."
    return (
        f"It holds the encodings of {count:,} training pictures, which it draws between: whoever "
        "has the folder can draw approximations of them. Train longer, so that it learns to do "
        "without."
    )
