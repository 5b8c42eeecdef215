"""Share: a run as a page in one file, or as a model folder, to be given to somebody else."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lookalike import checkpoints, images
from lookalike.data.pack.atomic_folder import refuse_full, whole_folder
from lookalike.engine.load import OpenedPlayers, open_players
from lookalike.engine.sampler import Sampler, block_of
from lookalike.errors import LookalikeError, MissingExtraError
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.report.page import refuse_foreign_page
from lookalike.results import Result, plain
from lookalike.run import MODEL, Run
from lookalike.settings.sharing import ShareSettings
from lookalike.share import folder as model_folder
from lookalike.share.model import (
    EncoderMean,
    NoiseToPicture,
    PriorNetwork,
    SharedModel,
    draw_bank,
    main_axes,
    page_graphs,
)
from lookalike.share.one_file import one_file
from lookalike.share.onnx import write_onnx
from lookalike.sizes import shape_of


@dataclass(frozen=True)
class Shared(Result):
    """What was written, how large it is, and remarks."""

    path: Path
    form: str
    bytes: int
    files: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Where it is and how it is opened."""
        size = f"{self.bytes / 1e6:.1f} MB"
        if self.form == "page":
            first = f"{self.path} ({size}): opens by a double click, without a network."
        else:
            first = f"{self.path} ({size}): {', '.join(self.files)}."
        return [first, *self.notes]

    @property
    def next_step(self) -> str:
        """To look at the page, or to draw from the model."""
        if self.form == "page":
            return f"open {self.path} in a browser"
        return f"lookalike generate {shlex.quote(str(self.path))} -n 100 --to out/"


def share(run: Run, to: Path, settings: ShareSettings, place: Place, tell: Tell = silent) -> Shared:
    """Write ``to``: a page if its name ends in .html, else a model folder, which must be new.

    Raises:
        LookalikeError: the run cannot be drawn from, or does what a page cannot do, or there is
            another file.
    """
    page = to.suffix.lower() in {".html", ".htm"}
    if not page and to.suffix:
        raise LookalikeError(
            f"{to.name} is neither a page (faces.html) nor a folder (faces-model/). Name one of "
            "these with --to."
        )
    if page:
        refuse_foreign_page(to, "--to")
    tell("opening the run", 0, 3)
    opened = open_players(run, place, which=settings.checkpoint, names=True)
    facts = _facts(run, opened, settings)
    why = [opened.why] if opened.why else []
    if page:
        shared = _page(opened, facts, to, settings, tell)
        return replace(shared, notes=(*shared.notes, *why))
    refuse_full(to)
    with whole_folder(to) as part:
        written = _folder(run, opened, facts, part, settings, tell)
    size = sum(path.stat().st_size for path in to.iterdir())
    shared = Shared(to, "folder", size, *written)
    return replace(shared, notes=(*shared.notes, *why))


def _sampler(opened: OpenedPlayers) -> Sampler:
    latent = (opened.recipe.prior, opened.learned, opened.labels)
    return Sampler(opened.networks["G"], *latent, "cpu", block_of(opened.recipe.size))


def _facts(run: Run, opened: OpenedPlayers, settings: ShareSettings) -> dict[str, Any]:
    """What is said about the model, in plain values."""
    data, recipe = run.env().get("data", {}), opened.recipe
    score: dict[str, Any] = next(
        (line for line in reversed(run.stats()) if "score/kid" in line), {}
    )
    names = {"kid": "score/kid", "kid_low": "score/kid_low", "kid_high": "score/kid_high"}
    _, encodings = model_folder.given_away(recipe.prior, opened.learned)
    return {
        "title": settings.title or str(data.get("name") or run.path.resolve().name),
        "recipe": recipe.name,
        "size": plain(recipe.size),
        "channels": recipe.channels,
        "labels": list(data.get("columns") or []) if recipe.labels else [],
        "images": opened.images_seen,
        "train": int(data.get("train") or 0),
        "holdout": int(data.get("holdout") or 0),
        "begun_with": str(run.begun_with.get("sentence", "")),
        "license": settings.license,
        "data_license": settings.data_license,
        "score": {key: score[name] for key, name in names.items()}
        | {"floor": score.get("score/floor")}
        if score
        else {},
        "encodings": encodings,
    }


def _shared_model(
    opened: OpenedPlayers, facts: Mapping[str, Any], settings: ShareSettings
) -> SharedModel:
    recipe, sampler = opened.recipe, _sampler(opened)
    frame = (recipe.size, recipe.channels)
    graphs = page_graphs(dict(opened.networks), sampler, frame, settings.encoder)
    bank = draw_bank(sampler, opened.networks["G"])
    return SharedModel(
        name=facts["title"],
        size=recipe.size,
        channels=recipe.channels,
        labels=tuple(facts["labels"]),
        noise=recipe.prior.noise_kind(opened.learned),
        width=recipe.prior.width,
        graphs=graphs,
        bank=bank,
        directions=main_axes(bank.codes),
        facts=facts,
    )


def _page(
    opened: OpenedPlayers,
    facts: Mapping[str, Any],
    to: Path,
    settings: ShareSettings,
    tell: Tell,
) -> Shared:
    tell("drawing the map", 1, 3)
    model = _shared_model(opened, facts, settings)
    tell("writing the page", 2, 3)
    text = one_file(model, _footer(facts))
    to.parent.mkdir(parents=True, exist_ok=True)
    checkpoints.write_whole(to, text.encode())
    tell("writing the page", 3, 3)
    return Shared(to, "page", len(text.encode()), notes=_notes(facts))


def _footer(facts: Mapping[str, Any]) -> list[str]:
    return [
        f"Synthetic pictures by the recipe {facts['recipe']} of lookalike after "
        f"{facts['images']:,} pictures shown. Axes are the directions in which pictures vary most.",
        f"Learned from {facts['train']:,} pictures. Their license: "
        f"{facts['data_license'] or 'not stated'}."
        + (f" License of the model: {facts['license']}." if facts["license"] else ""),
    ]


def _notes(facts: Mapping[str, Any]) -> tuple[str, ...]:
    notes = []
    if not facts["data_license"]:
        notes.append("The license of the pictures is not stated: --data-license says it.")
    if facts["encodings"]:
        notes.append(
            f"It holds the encodings of {facts['encodings']:,} training pictures; a finished "
            "training of swift does without them."
        )
    return tuple(notes)


def _folder(
    run: Run,
    opened: OpenedPlayers,
    facts: Mapping[str, Any],
    part: Path,
    settings: ShareSettings,
    tell: Tell,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Fill the folder; the names of its files, and remarks."""
    recipe, notes = opened.recipe, list(_notes(facts))
    learned, _ = model_folder.given_away(recipe.prior, opened.learned)
    chosen = recipe.choice.players if recipe.choice else ()
    wanted = ("G", *(("E",) if settings.encoder else ()), *chosen)
    players = tuple(name for name in dict.fromkeys(wanted) if name in opened.networks)
    clock = [opened.images_seen, 0]
    rest = {"prior": dict(learned), "labels": opened.labels, "clock": clock}
    model_folder.write_state(part, opened.networks, players, rest)
    model_folder.copy_settings(run, part)
    tell("drawing samples", 1, 3)
    bank = draw_bank(_sampler(opened), opened.networks["G"], 64)
    images.write_png(part / "samples.png", images.grid(images.enlarge(bank.pictures, 64), 8))
    files = {
        MODEL: "the weights (safetensors): state only",
        "recipe.json": "every setting, opened without running code",
        "config.json": "what it is, in plain values",
        "samples.png": "the first 64 pictures of seed 0, not picked by hand",
    }
    files |= _onnx_files(opened, part, settings, notes)
    try:
        page = one_file(_shared_model(opened, facts, settings), _footer(facts))
        (part / "index.html").write_text(page, "utf-8")
        files["index.html"] = "a page to try it, in one file"
    except LookalikeError as problem:
        notes.append(f"No page in one file: {problem}")
    (part / "config.json").write_text(model_folder.config(facts), "utf-8")
    (part / "README.md").write_text(model_folder.card(facts, files), "utf-8")
    return ("README.md", *files), tuple(notes)


def _onnx_files(
    opened: OpenedPlayers, part: Path, settings: ShareSettings, notes: list[str]
) -> dict[str, str]:
    """generator.onnx and encoder.onnx, where the extra is installed."""
    recipe, sampler = opened.recipe, _sampler(opened)
    z, labels = sampler.draw(0, 0, 1)
    rest = {} if labels is None else {"labels": labels.float()}
    prior = PriorNetwork(recipe.prior, opened.learned)
    network: nn.Module = NoiseToPicture(prior, opened.networks["G"])
    wanted = {"generator": (network, {"z": z, **rest})}
    if settings.encoder and "E" in opened.networks:
        picture = torch.zeros(1, recipe.channels, *shape_of(recipe.size))
        wanted["encoder"] = (EncoderMean(opened.networks["E"]), {"picture": picture, **rest})
    files = {}
    for name, (network, inputs) in wanted.items():
        output = "picture" if name == "generator" else "code"
        try:
            apart = write_onnx(network, inputs, output, part / f"{name}.onnx")
        except MissingExtraError as problem:
            notes.append(str(problem))
            break
        files[f"{name}.onnx"] = (
            f"{', '.join(inputs)} -> {output}, any batch size; within {apart:.1g} of torch"
        )
    return files
