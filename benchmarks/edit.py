"""Edits by labels beside baselines; of demo faces also the same faces with one part redrawn."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.common import CACHE, keep, kept, machine, machines, table
from benchmarks.processes import lookalike
from benchmarks.sets import SETS
from lookalike import api, efficientnet, images, seeds
from lookalike.data.pack.pack import Pack
from lookalike.editing.compose import blended
from lookalike.editing.editor import Editor
from lookalike.editing.exchange import ChangeSearch, Subject, WantedChange, exchange
from lookalike.editing.helpers import (
    AttributeExamples,
    Helper,
    example_maps,
    fit_helper,
    pooled_maps,
)
from lookalike.editing.measure import subject_of
from lookalike.editing.open import open_editor
from lookalike.metrics.distances.intervals import share_interval
from lookalike.run import Run
from lookalike.settings.device import Device
from lookalike.settings.training import TrainSettings

UNITS = (-4.0, -2.0, -1.0, 1.0, 2.0, 4.0)
VISIBLE = 12 / 127.5
"""A pixel counts as changed where a channel moves by more than 12 of 255."""


class LiteMaps(nn.Module):
    """Maps of EfficientNet-Lite1 at 96 px: neither recipes nor helpers look through it."""

    def __init__(self, taps: tuple[int, ...] = (1, 3, 6, 12)) -> None:
        super().__init__()
        self.network = efficientnet.network(1, 96, "The judge of the benchmark")
        self.taps = taps

    def forward(self, x: Tensor) -> list[Tensor]:
        x = x.expand(-1, 3, -1, -1) if x.shape[1] == 1 else x
        x = functional.interpolate(x, (96, 96), mode="bicubic", antialias=True).clamp(-1, 1)
        x = functional.relu6(self.network._bn0(self.network._conv_stem(x)))
        maps = [x]
        for index, block in enumerate(self.network._blocks[: max(self.taps) + 1]):
            x = block(x)
            maps += [x] if index in self.taps else []
        return maps


@dataclass(frozen=True, eq=False)
class Judge:
    """A reader of all attributes that shares nothing with the editor, and its accuracy on real."""

    maps: nn.Module
    helper: Helper
    accuracy: tuple[float, ...]

    @torch.no_grad()
    def says(self, pictures: Tensor) -> np.ndarray:
        maps, _ = pooled_maps(self.maps, pictures)
        return torch.stack([part.argmax(1) for part in self.helper.logits(maps)], 1).numpy()


@cache
def judge_of(name: str) -> Judge:
    pack, maps = SETS[name](), LiteMaps().eval()
    editor_attributes = attributes_of(pack)
    rows = np.arange(min(len(pack.train), 3_000))
    labels = pack.train.labels(rows)
    values = np.stack([one.read(labels) for one in editor_attributes], 1)
    sizes = tuple(len(one.values) for one in editor_attributes)
    seen, _ = example_maps(maps, pack.train.images(rows))
    helper = fit_helper(AttributeExamples(seen, values, sizes), (0, seen.shape[2]))
    held = pack.holdout.labels(np.arange(len(pack.holdout)))
    looked, _ = example_maps(maps, pack.holdout.all_images())
    told = torch.stack([part.argmax(1) for part in helper.logits(looked[:, 0])], 1).numpy()
    truth = np.stack([one.read(held) for one in editor_attributes], 1)
    return Judge(maps, helper, tuple((told == truth).mean(0).tolist()))


def attributes_of(pack: Pack) -> Any:
    from lookalike.editing.attributes import editable_attributes

    return editable_attributes(pack.info, pack.train.labels(np.arange(len(pack.train))))


# ---- true counterfactuals -------------------------------------------------------------------


def counterfactual(index: int, name: str, value: str, size: int) -> Tensor:
    """The same demo face drawn again with one part changed, ``[1, 3, S, S]``."""
    import dicebear
    import resvg_py

    part = "".join(w.title() if i else w for i, w in enumerate(name.split("_")))
    options: dict[str, Any] = {"seed": f"0-{index}"}
    if name.endswith("_color"):
        options[part] = [value]
    else:
        options[f"{part}Probability"] = 0 if value == "none" else 100
        if value != "none":
            options[f"{part}Variant"] = [value]
    text = (files("dicebear_styles") / "toon-head.json").read_text(encoding="utf-8")
    drawn = str(dicebear.Avatar(dicebear.Style(json.loads(text)), options))
    png = resvg_py.svg_to_bytes(
        svg_string=drawn, width=size, height=size, background="#ffffff", skip_system_fonts=True
    )
    picture = np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))
    return images.to_network(picture[None])


def overlap(before: Tensor, after: Tensor, truth: Tensor) -> float:
    """Intersection over union of the pixels that an edit changed and that were to change."""
    changed, wanted = (((x - before).abs().amax(1) > VISIBLE) for x in (after, truth))
    union = int((changed | wanted).sum())
    return float((changed & wanted).sum()) / union if union else 1.0


def psnr(first: Tensor, second: Tensor) -> float:
    return float(10 * torch.log10(4 / (first - second).square().mean().clamp(min=1e-8)))


# ---- methods --------------------------------------------------------------------------------

Method = Callable[[Editor, Pack, Subject, str, int], Tensor]


def _rows(editor: Editor, subject: Subject, name: str, value: int) -> tuple[Tensor, Tensor]:
    attribute = editor.find(name)
    assert attribute is not None
    before = editor.row(subject.values)
    return before, attribute.write(before, value)


def ours(editor: Editor, pack: Pack, subject: Subject, name: str, value: int) -> Tensor:
    return exchange(editor, subject, WantedChange({name: value})).edit.shown


def ridge(editor: Editor, pack: Pack, subject: Subject, name: str, value: int) -> Tensor:
    assert editor.directions is not None
    way = editor.directions.straight(*_rows(editor, subject, name, value))
    return editor.generator.drawn(subject.found.latent + way, subject.found.labels)


def ridge_residual(editor: Editor, pack: Pack, subject: Subject, name: str, value: int) -> Tensor:
    after = ridge(editor, pack, subject, name, value)
    return blended(subject.square, subject.found.drawn, after)


def sefa(editor: Editor, pack: Pack, subject: Subject, name: str, value: int) -> Tensor:
    """The found axis and length that the helpers like best: kinder than a person could be."""
    axes = [axis.direction for axis in editor.axes if axis.kind == "sefa"]
    latents = torch.cat([subject.found.latent + u * way for way in axes for u in UNITS])
    told = subject.found.labels
    labels = None if told is None else told.expand(len(latents), -1)
    after = blended(subject.square, subject.found.drawn, editor.generator.drawn(latents, labels))
    number = [one.name for one in editor.changeable].index(name)
    with torch.no_grad():
        best = int(editor.probabilities(after, ((0, 0),))[number][:, value].argmax())
    return after[best : best + 1]


def z_alone(editor: Editor, pack: Pack, subject: Subject, name: str, value: int) -> Tensor:
    start, told = subject.found.latent, subject.found.labels
    latent = ChangeSearch(editor, subject, WantedChange({name: value})).descended(start, told)
    return editor.generator.drawn(latent, told)


@cache
def _training(path: Path) -> tuple[np.ndarray, np.ndarray]:
    pack = Pack.open(path)
    labels = pack.train.labels(np.arange(len(pack.train)))
    return labels, np.stack([one.read(labels) for one in attributes_of(pack)], 1)


def nearest(editor: Editor, pack: Pack, subject: Subject, name: str, value: int) -> Tensor:
    """The training picture with that value and most of the others."""
    _, values = _training(pack.path)
    wanted = np.array(
        [value if one.name == name else subject.values[one.name] for one in editor.attributes]
    )
    number = [one.name for one in editor.attributes].index(name)
    agree = (values == wanted).sum(1) + 100 * (values[:, number] == value)
    return images.to_network(pack.train.images([int(agree.argmax())]))


def unchanged(editor: Editor, pack: Pack, subject: Subject, name: str, value: int) -> Tensor:
    return subject.square


METHODS: dict[str, Method] = {
    "edit": ours,
    "ridge on z, decoded": ridge,
    "ridge on z, residual": ridge_residual,
    "SeFa": sefa,
    "optimizing z alone": z_alone,
    "nearest training picture": nearest,
    "unchanged": unchanged,
}


# ---- measuring ------------------------------------------------------------------------------


def trained(
    data: str, budget: dict[str, float], labels: bool, run: int, changes: dict[str, Any]
) -> Path:
    """A run of swift on a set, trained or continued in the cache.

    ``budget`` has one entry, minutes or images.
    """
    pack = SETS[data]()
    name = "".join(f"-{key}{value}" for key, value in changes.items())
    length = f"{next(iter(budget.values())):g}"
    folder = CACHE / "runs" / f"edit-{data}-{length}-{'labels' if labels else 'plain'}{name}-{run}"
    time = 60 * budget["minutes"] if "minutes" in budget else None
    counted = {"images": int(budget["images"])} if "images" in budget else {}
    wanted = TrainSettings(time=time, labels=labels, changes={"seed": run, **counted, **changes})
    api.train(pack.path, folder, wanted)
    return folder


def changes_of(editor: Editor, pack: Pack, count: int) -> list[tuple[int, str, int]]:
    """Held-out picture, attribute and another value than the true one, by address."""
    labels = pack.holdout.labels(np.arange(len(pack.holdout)))
    found = []
    for one in editor.attributes:
        random = seeds.array_generator(0, f"bench/edit/{one.name}")
        values = one.read(labels)
        for row in random.permutation(len(labels))[:count]:
            others = [v for v in range(len(one.values)) if v != values[row]]
            found.append((int(row), one.name, int(random.choice(others))))
    return found


def true_edit(pack: Pack, row: int, name: str, value: str) -> Tensor:
    """The held-out demo face of this row, drawn again with one part changed."""
    source = int(Path(pack.holdout.rows([row])[0]["source"]).stem)
    return counterfactual(source, name, value, pack.size)


def measure(data: str, folder: Path, count: int, methods: list[str]) -> None:
    """One row a method and attribute, appended as soon as it is there.

    Where there is one attribute, what is kept are the pixels that change by no more than
    :data:`VISIBLE`; only demo faces can be drawn again.
    """
    pack, judge = SETS[data](), judge_of(data)
    opened = open_editor(Run.open(folder), Device().place())
    editor = opened.editor
    keys = ("run", "method", "attribute", "count")
    done = {tuple(row.get(key) for key in keys) for row in kept("edit")}
    for number, one in enumerate(editor.attributes):
        todo = [m for m in methods if (folder.name, m, one.name, count) not in done]
        if not todo:
            continue
        told: dict[str, list[dict[str, float]]] = defaultdict(list)
        for row, name, value in changes_of(editor, pack, count):
            if name != one.name:
                continue
            square = images.to_network(pack.holdout.images([row]))
            subject = subject_of(editor, square)
            truth = true_edit(pack, row, name, one.values[value]) if data == "faces" else None
            before = judge.says(square)[0]
            for method in todo:
                begun = time.perf_counter()
                after = METHODS[method](editor, pack, subject, name, value).clamp(-1, 1)
                spent = time.perf_counter() - begun
                says = judge.says(after)[0]
                same = np.delete(says == before, number)
                if not len(same):
                    same = ((after - square).abs().amax(1) <= VISIBLE).numpy()
                figures = {
                    "success": float(says[number] == value),
                    "kept": float(same.mean()),
                    "seconds": spent,
                }
                if truth is not None:
                    figures["iou"] = overlap(square, after, truth)
                    figures["psnr"] = psnr(after, truth)
                told[method].append(figures)
        for method, rows in told.items():
            mean = {key: float(np.mean([r[key] for r in rows])) for key in rows[0]}
            facts = {"run": folder.name, "method": method, "attribute": one.name, "count": count}
            keep("edit", {**facts, **mean, "judge": judge.accuracy[number], "machine": machine()})


def known(folder: Path, method: str) -> list[dict[str, Any]]:
    """What was measured of a run by this method; it is not measured again."""
    return [row for row in kept("edit") if (row["run"], row["method"]) == (folder.name, method)]


def taught(folder: Path, count: int = 20) -> None:
    """Twenty and twenty pictures of a value, never told the label, as a slider."""
    attributes = attributes_of(SETS["faces"]())
    if {one.name for one in attributes} <= {row["attribute"] for row in known(folder, "teach")}:
        return
    pack, judge = SETS["faces"](), judge_of("faces")
    _, values = _training(pack.path)
    copy = CACHE / "runs" / f"{folder.name}-taught"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy)
    for number, one in enumerate(attributes):
        if one.name in {row["attribute"] for row in known(folder, "teach")}:
            continue
        value = int(np.bincount(values[:, number]).argmax())
        groups = [np.flatnonzero((values[:, number] == value) == yes)[:count] for yes in (1, 0)]
        places = []
        for kind_, rows in zip(("yes", "no"), groups, strict=True):
            place = CACHE / "taught" / f"{one.name}-{kind_}"
            place.mkdir(parents=True, exist_ok=True)
            for row in rows:
                images.write_png(place / f"{row}.png", pack.train.images([row])[0])
            places.append(place)
        name = f"slider_{one.name}"
        told = api.teach(copy, name=name, yes=places[0], no=places[1])
        editor = open_editor(Run.open(copy), Device().place()).editor
        hits = []
        for row in range(len(pack.holdout)):
            square = images.to_network(pack.holdout.images([row]))
            if len(hits) == 40 or judge.says(square)[0, number] == value:
                continue
            subject = subject_of(editor, square)
            if subject.values[name]:
                continue
            after = exchange(editor, subject, WantedChange({name: 1})).edit.shown
            hits.append(float(judge.says(after)[0, number] == value))
        facts = {"run": folder.name, "method": "teach", "attribute": one.name, "count": len(hits)}
        rates = {"success": float(np.mean(hits)), "cross": told.success}
        rates |= {"low": told.low, "high": told.high}
        keep("edit", {**facts, **rates, "judge": judge.accuracy[number], "machine": machine()})


def photos(folder: Path, count: int) -> Path:
    """The first held-out faces as files."""
    folder.mkdir(parents=True, exist_ok=True)
    for row, pixels in enumerate(SETS["faces"]().holdout.images(np.arange(count))):
        images.write_png(folder / f"{row:03d}.png", pixels)
    return folder


def memory(folder: Path) -> None:
    """MB of ``edit`` on a folder of 4 photos and of 40: what it needs must not grow with them."""
    for count in (4, 40):
        if count in {row["photos"] for row in known(folder, "memory")}:
            continue
        place = photos(CACHE / f"photos-{count}", count)
        target = CACHE / f"photos-{count}-edited"
        shutil.rmtree(target, ignore_errors=True)
        asked = ["--set", "hair=bun", "--anyway", "--to", str(target)]
        ran = lookalike(["edit", str(folder), str(place), *asked])
        if ran.code:
            raise SystemExit(ran.said)
        facts = {"run": folder.name, "method": "memory", "photos": count}
        keep("edit", {**facts, "own_mb": ran.own_mb, "seconds": ran.seconds, "machine": machine()})


def strips(folder: Path, target: Path, each: int = 1) -> None:
    """A picture for the docs: held-out faces, their edits, and the same faces drawn again."""
    pack, editor = SETS["faces"](), open_editor(Run.open(folder), Device().place()).editor
    rows: list[list[Tensor]] = [[], [], []]
    for row, name, value in changes_of(editor, pack, each):
        square = images.to_network(pack.holdout.images([row]))
        attribute = editor.find(name)
        assert attribute is not None
        change = exchange(editor, subject_of(editor, square), WantedChange({name: value}))
        truth = true_edit(pack, row, name, attribute.values[value])
        for line, tile in zip(rows, (square, change.edit.shown, truth), strict=True):
            line.append(tile)
    tiles = images.to_pixels(torch.cat([tile for line in rows for tile in line]))
    images.write_png(target, images.grid(images.enlarge(tiles, 128), len(rows[0])))


def timed(data: str, folder: Path) -> None:
    """Seconds of the first edit of a photo and of each further one, in one process."""
    if known(folder, "time"):
        return
    pack = SETS[data]()
    editor = open_editor(Run.open(folder), Device().place()).editor
    square = images.to_network(pack.holdout.images([0]))
    begun = time.perf_counter()
    subject = subject_of(editor, square)
    one = editor.attributes[0]
    value = (subject.values[one.name] + 1) % len(one.values)
    exchange(editor, subject, WantedChange({one.name: value}))
    first = time.perf_counter() - begun
    further = []
    for attribute in editor.attributes:
        value = (subject.values[attribute.name] + 1) % len(attribute.values)
        begun = time.perf_counter()
        exchange(editor, subject, WantedChange({attribute.name: value}))
        further.append(time.perf_counter() - begun)
    facts = {"run": folder.name, "method": "time", "first": first}
    keep("edit", {**facts, "further": float(np.median(further)), "machine": machine()})


def report() -> None:
    rows = kept("edit")
    for run in dict.fromkeys(r["run"] for r in rows):
        mine = [r for r in rows if r["run"] == run and "kept" in r]
        lines = []
        for method in dict.fromkeys(r["method"] for r in mine):
            own = {r["attribute"]: r for r in mine if r["method"] == method}
            read = [r for r in own.values() if r["judge"] >= 0.97]
            lines.append(
                [
                    method,
                    *(
                        f"{np.mean([r[key] for r in read]):.2f}" if read else "-"
                        for key in ("success", "kept")
                    ),
                    *(f"{np.mean([r[k] for r in own.values()]):.2f}" for k in ("success", "kept")),
                    *drawn_again(list(own.values())),
                    f"{np.mean([r['seconds'] for r in own.values()]):.2f}",
                ]
            )
        header = ["method", "success, readable", "kept", "success, all", "kept", "IoU", "PSNR", "s"]
        print(f"\n{run} ({machines(mine)})\n{table(lines, header)}")
        print(table(*by_attribute([r for r in rows if r["run"] == run])))
        for r in rows:
            if r["run"] == run and r["method"] in {"time", "memory"}:
                print({k: v for k, v in r.items() if k not in {"machine", "run"}})


def drawn_again(rows: list[dict[str, Any]]) -> list[str]:
    """Mean IoU and PSNR beside the true edits, where they can be drawn."""
    if any("iou" not in r for r in rows):
        return ["-", "-"]
    return [f"{np.mean([r['iou'] for r in rows]):.2f}", f"{np.mean([r['psnr'] for r in rows]):.1f}"]


def by_attribute(rows: list[dict[str, Any]]) -> tuple[list[list[str]], list[str]]:
    """Each attribute of a run beside what doing nothing and the nearest picture give; a header."""
    found = {(row["method"], row.get("attribute")): row for row in rows}
    lines = []
    for (method, name), row in found.items():
        if method != "edit":
            continue
        low = share_interval(row["success"], row["count"])
        beside = [found.get((other, name)) for other in ("unchanged", "nearest training picture")]
        slider = found.get(("teach", name))
        lines.append(
            [
                str(name),
                f"{row['judge']:.2f}",
                f"{row['success']:.2f} ({low.low:.2f} to {low.high:.2f})",
                f"{row['kept']:.2f}",
                *drawn_again([row]),
                *(f"{other['psnr']:.1f}" if other and "psnr" in other else "-" for other in beside),
                f"{slider['success']:.2f} of {slider['count']}" if slider else "-",
                as_told(slider) if slider else "-",
            ]
        )
    header = ["attribute", "judge on real", "success (95 %)", "rest kept", "IoU", "PSNR, dB"]
    header += ["PSNR, unchanged", "PSNR, nearest training picture", "`teach` 20 + 20", "as told"]
    return lines, header


def as_told(slider: dict[str, Any]) -> str:
    """What ``teach`` told of a slider; rows of before it told an interval have none."""
    span = f" ({slider['low']:.2f} to {slider['high']:.2f})" if "low" in slider else ""
    return f"{slider['cross']:.2f}{span}"


PARTS = ["edit", "teach", "time", "report"]


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench edit", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--images", type=int, help="train on so many images instead")
    parser.add_argument("--count", type=int, default=60, help="pictures an attribute")
    parser.add_argument("--plain", action="store_true", help="train without labels")
    parser.add_argument("--set", choices=["faces", "fashion-tops"], default="faces")
    parser.add_argument("--change", nargs="*", default=[], help="settings of the recipe")
    parser.add_argument("--run", type=int, default=0)
    parser.add_argument("--methods", nargs="*", default=list(METHODS))
    parser.add_argument("--folder", type=Path, help="measure this run instead of training one")
    parser.add_argument("--only", choices=[*PARTS, "strips"], action="append")
    chosen = parser.parse_args(arguments)
    parts = chosen.only or PARTS
    if parts != ["report"]:
        changes = dict(pair.split("=", 1) for pair in chosen.change)
        budget = {"images": chosen.images} if chosen.images else {"minutes": chosen.minutes}
        folder = chosen.folder or trained(chosen.set, budget, not chosen.plain, chosen.run, changes)
        if "edit" in parts:
            measure(chosen.set, folder, chosen.count, chosen.methods)
        if "teach" in parts and chosen.set == "faces":
            taught(folder)
        if "time" in parts:
            timed(chosen.set, folder)
        if "time" in parts and chosen.set == "faces":
            memory(folder)
        if "strips" in parts:
            strips(folder, Path("docs/images/edit.png"))
    report()
