"""How the files beside this one were written: by lookalike 0.1.0 itself.

The version was commit 7d2e5ef9890661c9f10a5f74fbdce1d3c71ad91d, checked out into BASE; the state of
``tests/contract/test_version_0_1.py`` was that of the commit that added this file (its imports fit
the old modules, and this script takes the pictures and the comparison of states from it)::

    OMP_NUM_THREADS=1 PYTHONPATH=BASE/src python tests/contract/version_0_1/make.py

It runs with that code alone and is kept as a record; files of later versions do not belong here.

``recipes/`` holds what a run folder's recipe.json would be: every recipe as it is by default and
with three label columns, in a second form (``-other``: its switches the other way), and with as
many tricks of ``--set`` as it takes (``-tricks``). ``made.json`` says from which settings.
``parts.json`` holds the parts that none of these uses. ``checkpoints/`` holds small trainings,
stopped after a few steps, beside their recipes; ``expected.json`` and ``pictures.npz`` what these
draw, and where two more steps lead. ``pack/`` was written by ``lookalike prepare``, ``runs/`` by
``lookalike train``, stopped half-way by Ctrl-C.
"""

# The modules named here are those of version 0.1.0: no script should rename them.
# ruff: noqa: E402, I001, RUF100

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import importlib
import inspect
import json
import os
import pkgutil
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np
from PIL import Image

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

import test_version_0_1 as law

from lookalike import checkpoints, codec, parts, recipe, recipes
from lookalike.cli.main import main
from lookalike.data.pack import Pack
from lookalike.engine.trainer import Trainer
from lookalike.errors import LookalikeError
from lookalike.parts.classifying import NamedOnly
from lookalike.parts.neighbors import Neighbors
from lookalike.parts.optimizers import SGD
from lookalike.parts.penalties import BetweenSlope, ZeroSlope
from lookalike.parts.priors import Fitted
from lookalike.parts.schedules import Constant, Cosine
from lookalike.parts.turns import After, Always, Before, Between, Both, Every
from lookalike.recipe import Recipe, RecipeFile

LABELS = 3
TRICKS = {
    "smoothing": ("0.7..1.2", "one-sided", "0.9"),
    "fake_smoothing": ("0.0..0.1",),
    "flips": ("0.05",),
    "noisy": ("0.1",),
    "instance_noise": ("answering", "0.1"),
    "minibatch": ("2",),
    "deviation": ("true",),
    "dropout": ("0.1",),
    "matching": ("0.5",),
    "augment": ("adaptive", "0.5"),
    "lecam": ("0.3",),
    "ema": ("5000",),
    "critic_steps": ("2",),
    "maker_steps": ("2",),
    "critic_rate": ("1e-4",),
    "generator_rate": ("3e-4",),
    "mirror": ("true",),
    "optimizers.G.eps": ("1e-6",),
}
"""Values for each trick, tried in this order; the first that a recipe takes is used."""

OTHER: dict[str, dict[str, Any]] = {
    "began": {"structure": "0.5", "repel": "0.1"},
    "info-began": {"structure": "0.5"},
    "infogan": {"categories": "[4,3]", "alike": "true", "size": "28"},
    "swift": {"warm": "drawings"},
    "relativistic": {"gamma": "0.5", "augment": "0.5"},
    "stylegan2": {"r1": "1.0", "path": "2.0"},
    "dcgan-boosted": {"minibatch": "3"},
    "wgan": {"minibatch": "3"},
    "sngan": {"lecam": "0.3"},
    "stackgan": {"times": "4"},
}
"""Settings of the second form beside the switches of each recipe."""

PARTS: dict[str, Any] = {
    "Fitted": Fitted(dims=8, components=3),
    "Neighbors": Neighbors(dims=8, nearest=5),
    "SGD": SGD(rate=Cosine(peak=0.1, warmup=0.1), momentum=0.9),
    "Before": Before(1_000),
    "After": After(1_000),
    "Between": Between(0.25, 0.5),
    "Always": Always(),
    "Both": Both(Every(2), After(100)),
    "ZeroSlope": ZeroSlope(real=2.0, fake=1.0),
    "BetweenSlope": BetweenSlope(weight=5.0, one_sided=True),
    "NamedOnly": NamedOnly(labelled=4),
    "Constant": Constant(0.5),
}

LEAST: dict[str, dict[str, Any]] = {
    "swift": {"networks": {"G": {"fine": 4}}, "prior": {"breadth": 8, "blocks": 1}},
    "dcgan-boosted": {"size": 16},
    "dcgan-monitored": {"size": 16},
    "wgan": {"size": 16},
    "infogan": {"size": 8},
    "fastgan": {"size": 16},
    "relativistic": {"size": 8},
    "sngan": {"size": 8},
    "stylegan2": {"size": 8},
    "degan": {"size": 8},
    "dcgan": {"size": 16},
    "wgan-gp": {"size": 16},
    "stackgan": {"size": 16, "networks": {"G": {"blocks": 1}}},
}
"""What makes the checkpoints of some recipes small, beside narrow networks."""

ASKED = {"infogan": {"alike": "false"}}
"""Settings of the checkpoints of some recipes."""

CASES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "dcgan-tricks": ("dcgan", {}, {"size": 16}),
    "mlp-gan-tricks": ("mlp-gan", {}, {"size": 8}),
    "lsgan-tricks": ("lsgan", {}, {"size": 16}),
    "infogan-alike": (
        "infogan",
        {"labels": 3, "size": "28", "alike": "true", "apart": "true"},
        {"size": 8},
    ),
    "hr-dcgan-explicit": ("hr-dcgan", {"explicit": "true", "size": "28"}, {}),
    "swift-finished": ("swift", {"labels": 3}, {}),
}
"""Further checkpoints: the recipe, its settings (``-tricks``: all that it takes), and changes."""

ALIKE = {
    "dcgan-boosted",
    "dcgan-monitored",
    "info-began",
    "infogan",
    "lsgan",
    "mlp-gan-improved",
    "wgan",
    "wgan-gp",
}
"""Recipes whose checkpoints are without labels: others, or their own further ones, have some."""

BUDGET, STEPS, LATER = 8, 5, 2
"""Steps of a small training in all, until it was stopped, and after that."""

COMMANDS = {
    "tiny": [
        "--recipe",
        "tiny",
        "--labels",
        "--set",
        "width=4",
        "images=640",
        "networks.G.most=8",
        "networks.D.most=8",
    ],
    "swift": [
        "--recipe",
        "swift",
        "--set",
        "latent=4",
        "width=2",
        "widest=4",
        "images=160",
        "warm=none",
        "networks.G.fine=4",
        "networks.E.width=4",
        "networks.D.width=4",
        "networks.D.head_width=4",
        "prior.breadth=8",
        "prior.blocks=1",
        "prior.fewest=16",
    ],
}
SHOWN = {
    "tiny": ["--checkpoint", "last", "--label", "cold"],
    "swift": ["--checkpoint", "last", "--candidates", "2"],
}
LEFT_OUT = shutil.ignore_patterns(".lock", "report.html")
"""Of a run folder: the page is made anew at the end of each training, and large."""

PLACE = ["--device", "cpu", "--precision", "fp32", "--threads", "1"]


def write(name: str, tree: Any) -> None:
    """A JSON file of the fixtures."""
    (HERE / name).write_text(json.dumps(tree, indent=1) + "\n", "utf-8")


# ---- recipes --------------------------------------------------------------------------------


def made(name: str, settings: dict[str, Any], frame: dict[str, int]) -> Recipe:
    """A recipe as ``lookalike train`` makes it."""
    return recipe.make(recipe.find(name), settings, frame)


def frame_of(file: RecipeFile, labels: int) -> dict[str, int]:
    """The frame at the recipe's own default size, as train would give it."""
    defaults = inspect.signature(file.function()).parameters
    size = defaults["size"].default
    channels = defaults["channels"].default
    return {"size": size, "channels": channels, "labels": labels, "classes": labels}


def switched(file: RecipeFile) -> dict[str, Any]:
    """Every switch and choice of a recipe's function the other way."""
    found: dict[str, Any] = {}
    hints = get_type_hints(file.function())
    for name, one in inspect.signature(file.function()).parameters.items():
        hint = hints[name]
        if get_origin(hint) is Literal:
            found[name] = next(word for word in get_args(hint) if word != one.default)
        elif hint is bool or bool in get_args(hint):
            found[name] = json.dumps(not one.default)
    return {**found, **OTHER.get(file.name, {})}


def with_tricks(file: RecipeFile, frame: dict[str, int]) -> dict[str, Any]:
    """All tricks that the recipe takes, one after the other."""
    taken: dict[str, Any] = {}
    for name, values in TRICKS.items():
        for value in values:
            try:
                made(file.name, {**taken, name: value}, frame)
            except LookalikeError:
                continue
            taken[name] = value
            break
    return taken


def write_recipes() -> None:
    """``recipes/`` and ``made.json``."""
    told: dict[str, Any] = {}
    folder = HERE / "recipes"
    folder.mkdir()
    for file in recipe.names():
        counts = {"none": [0], "optional": [0, LABELS], "required": [LABELS]}[file.labels]
        forms: dict[str, tuple[dict[str, Any], int]] = {file.name: ({}, counts[0])}
        if len(counts) > 1:
            forms[f"{file.name}-labels"] = ({}, counts[1])
        other = switched(file)
        if other:
            forms[f"{file.name}-other"] = (other, counts[0])
        forms[f"{file.name}-tricks"] = (
            with_tricks(file, frame_of(file, counts[0])),
            counts[0],
        )
        for name, (settings, labels) in forms.items():
            frame = frame_of(file, labels)
            if "size" in settings:
                frame["size"] = int(settings.pop("size"))
            chosen = made(file.name, settings, frame)
            if name == "tiny-tricks":
                settings = {**settings, "transforms": ["fliph", "rot_10,blur_1"]}
                chosen = dataclasses.replace(chosen, transforms=tuple(settings["transforms"]))
            (folder / f"{name}.json").write_text(chosen.dumps(), "utf-8")
            told[name] = {"recipe": file.name, "settings": settings, "frame": frame}
    write("made.json", told)  # the order of settings counts
    write("parts.json", {name: codec.encode(part) for name, part in PARTS.items()})


def kinds(tree: Any) -> Iterator[str]:
    """The addresses of all parts in a written tree."""
    if isinstance(tree, dict):
        if "part" in tree:
            yield tree["part"]
        for item in tree.values():
            yield from kinds(item)
    elif isinstance(tree, list):
        for item in tree:
            yield from kinds(item)


def uncovered() -> list[str]:
    """Frozen dataclasses of parts and recipes that no file here holds."""
    there = {
        kind
        for path in HERE.rglob("*.json")
        if path.name not in ("made.json", "expected.json")
        for kind in kinds(json.loads(path.read_text("utf-8")))
    }
    every = set()
    for package in (parts, recipes):
        for found in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            module = importlib.import_module(found.name)
            for name, kind in vars(module).items():
                own = isinstance(kind, type) and kind.__module__ == module.__name__
                if own and dataclasses.is_dataclass(kind):
                    every.add(f"{module.__name__}:{name}")
    return sorted(every - there)


# ---- checkpoints ----------------------------------------------------------------------------


def narrow(tree: Any, width: int) -> Any:
    """The written networks with every width at most so large."""
    if isinstance(tree, list):
        return [narrow(item, width) for item in tree]
    if not isinstance(tree, dict):
        return tree
    limits = {
        **dict.fromkeys(("width", "first_width", "head_width"), width),
        **dict.fromkeys(("most", "widest", "code"), 2 * width),
    }
    found = {}
    for key, item in tree.items():
        if key in limits and isinstance(item, int):
            found[key] = min(item, limits[key])
        elif key == "widths":
            found[key] = [min(one, width) for one in item]
        else:
            found[key] = narrow(item, width)
    return found


def merged(tree: Any, changes: Any) -> Any:
    """A tree with some of its leaves replaced."""
    if not isinstance(changes, dict):
        return changes
    return {**tree, **{key: merged(tree.get(key), item) for key, item in changes.items()}}


def small(name: str, settings: dict[str, Any], changes: dict[str, Any]) -> Recipe:
    """A recipe narrow enough for a checkpoint of some tens of kB, and its small training."""
    file = recipe.find(name)
    parameters = inspect.signature(file.function()).parameters
    least = {"dims": 4, "latent": 4, "depth": 2}
    given = {key: value for key, value in least.items() if key in parameters}
    frame = {"size": min(file.sizes), "channels": 3}
    frame["labels"] = int(settings.pop("labels", LABELS if file.labels == "required" else 0))
    frame["size"] = int(settings.pop("size", frame["size"]))
    tree = json.loads(made(name, {**given, **settings}, frame).dumps())
    held = tree["recipe"]
    held["networks"] = narrow(held["networks"], 2)
    held.update(batch=4, micro_batches=1, images=4 * BUDGET)
    return recipe.loads(json.dumps(merged(tree, {"recipe": changes})))


def write_checkpoint(name: str, chosen: Recipe, steps: int, later: int) -> dict[str, Any]:
    """One small training, stopped, and continued to see where it leads; what the law asks."""
    folder = HERE / "checkpoints"
    folder.mkdir(exist_ok=True)
    trainer = law.played(law.trainer_of(chosen), steps)
    (folder / f"{name}.json").write_text(chosen.dumps(), "utf-8")
    checkpoints.write(folder / f"{name}.safetensors", trainer.state())
    told = {"steps": [steps, later], "state": law.told(trainer.state())}
    PICTURES[name] = law.drawn(trainer)
    told["later"] = law.told(law.played(trainer, later).state())
    PICTURES[f"{name} later"] = law.drawn(trainer)
    told["features"] = "Pretrained" in chosen.dumps()
    return told


PICTURES: dict[str, np.ndarray] = {}


def write_checkpoints() -> dict[str, Any]:
    """``checkpoints/``."""
    told: dict[str, Any] = {}
    for file in recipe.names():
        if file.name == "swift":  # large even so: a finished one below, a stopped one in runs/
            continue
        counts = {"none": [0], "optional": [0, LABELS], "required": [LABELS]}[file.labels]
        for labels in counts[:1] if file.name in ALIKE else counts:
            name = file.name if labels == counts[0] else f"{file.name}-labels"
            asked = {"labels": labels, **ASKED.get(file.name, {})}
            chosen = small(file.name, asked, LEAST.get(file.name, {}))
            told[name] = write_checkpoint(name, chosen, STEPS, LATER)
    for name, (source, settings, changes) in CASES.items():
        file = recipe.find(source)
        if name.endswith("-tricks"):
            settings = with_tricks(file, {"size": min(file.sizes), "channels": 3, "labels": 0})
        chosen = small(source, dict(settings), merged(LEAST.get(source, {}), changes))
        steps = BUDGET if name.endswith("-finished") else STEPS
        told[name] = write_checkpoint(name, chosen, steps, LATER)
    return told


# ---- a pack and runs ------------------------------------------------------------------------


def write_pictures(folder: Path) -> None:
    """48 drawn pictures of 40 px in two class folders, with a table of attributes."""
    draw = np.random.default_rng(0)
    ticks = np.linspace(-1, 1, 40)
    lines = ["file,round,brightness"]
    for index in range(48):
        kind = ("warm", "cold")[index % 2]
        (folder / kind).mkdir(parents=True, exist_ok=True)
        x, y = draw.uniform(-0.4, 0.4, 2)
        power = 2 if index % 3 else 8
        away = np.abs(ticks[:, None] - y) ** power + np.abs(ticks[None] - x) ** power
        ground, color = draw.integers(0, 60, 3), draw.integers(120, 256, 3)
        color[2 if kind == "warm" else 0] //= 4
        pixels = np.where(away[..., None] < draw.uniform(0.1, 0.4), color, ground)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / kind / f"{index:02d}.png")
        lines.append(f"{kind}/{index:02d}.png,{int(power == 2)},{color.mean():.1f}")
    (folder / "attributes.csv").write_text("\n".join(lines) + "\n", "utf-8")


def write_pack(folder: Path) -> dict[str, Any]:
    """``pack/``."""
    write_pictures(folder / "pictures")
    main(["prepare", str(folder / "pictures"), "--to", str(folder / "pack"), "--size", "32"])
    shutil.copytree(folder / "pack", HERE / "pack")
    pack = Pack.open(HERE / "pack")
    told: dict[str, Any] = {
        "fingerprint": pack.fingerprint,
        "columns": list(pack.columns),
        "classes": list(pack.classes),
    }
    for split in (pack.train, pack.holdout):
        every = range(len(split))
        told[split.name] = {
            "images": hashlib.sha256(split.all_images().tobytes()).hexdigest(),
            "labels": split.labels(every).tolist(),
            "sources": [row["source"] for row in split.rows(every)],
        }
    return told


@contextlib.contextmanager
def stopping(images: int) -> Iterator[None]:
    """A training presses Ctrl-C itself when it has seen so many images."""
    step = Trainer.step

    def stopped(self: Trainer) -> Any:
        tally = step(self)
        if self.clock.images == images:
            os.kill(os.getpid(), signal.SIGINT)
        return tally

    Trainer.step = stopped
    try:
        yield
    finally:
        Trainer.step = step


def write_run(name: str, folder: Path) -> dict[str, Any]:
    """``runs/NAME``: stopped by Ctrl-C half-way; and where the same command led to its end."""
    words = COMMANDS[name]
    command = [*words, *PLACE]
    pack, into, whole = folder / "pack", folder / name, folder / f"{name}-whole"
    at = words.index("--set")
    settings = dict(pair.split("=", 1) for pair in words[at + 1 :])
    with stopping(int(settings["images"]) // 2):
        law.train(pack, into, command)
    stopped = int(law.numbered(into)[-1].stem)
    assert stopped == int(settings["images"]) // 2
    shutil.copytree(into, HERE / "runs" / name, ignore=LEFT_OUT)
    for grid in sorted((HERE / "runs" / name / "samples").glob("*.png"))[:-1]:
        grid.unlink()  # large; the last one is enough
    generate = [*SHOWN[name], "--keep-copies", *PLACE]
    main(["generate", str(into), "-n", "4", "--to", str(folder / f"{name}-out"), *generate])
    shown = [Image.open(path) for path in sorted((folder / f"{name}-out").glob("*.png"))]
    PICTURES[f"run {name}"] = np.stack([np.asarray(one) for one in shown])
    later = law.told(law.train(pack, into, command))
    assert later == law.told(law.train(pack, whole, command))
    return {"command": command, "generate": generate, "stopped": stopped, "later": later}


def make() -> None:
    """Everything anew."""
    for name in ("recipes", "checkpoints", "pack", "runs"):
        shutil.rmtree(HERE / name, ignore_errors=True)
    write_recipes()
    expected = {"machine": law.machine(), "checkpoints": write_checkpoints()}
    with tempfile.TemporaryDirectory(prefix="version_0_1-") as folder:
        expected["pack"] = write_pack(Path(folder))
        expected["runs"] = {name: write_run(name, Path(folder)) for name in COMMANDS}
    write("expected.json", expected)
    np.savez_compressed(HERE / "pictures.npz", **PICTURES)
    print("in no file here:", *uncovered(), sep="\n  ")


if __name__ == "__main__":
    make()
