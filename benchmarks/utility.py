"""Do synthetic pictures help a small classifier? And is the verdict of utility right?"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.common import CACHE, keep, kept, machine, table
from benchmarks.sets import faces, fashion, halved
from lookalike.api.helping import Trained
from lookalike.data.pack import Pack
from lookalike.data.packing import PackWriter
from lookalike.data.workers import cores
from lookalike.metrics.trials import Kept, Protocol
from lookalike.metrics.utility import Outcome, Verdict, arms, decide
from lookalike.results import Where
from lookalike.stages.utility import UtilitySettings, labeled, trials

FOLDER = CACHE / "utility"
TRUTH = 20


@dataclass(frozen=True)
class Setting:
    """A set and how many training pictures of each class; faces by one of their attributes."""

    name: str
    each: int
    attribute: str | None = None

    def pack(self) -> Pack:
        return fashion() if self.attribute is None else small_faces(self.attribute)


def _settings() -> dict[str, Setting]:
    made = [Setting(f"fashion-{n}", n) for n in (10, 20, 50, 100, 200)]
    for attribute, sizes in (("mouth", (20, 50)), ("clothes", (20, 50)), ("eyes", (20,))):
        made += [Setting(f"{attribute}-{n}", n, attribute) for n in sizes]
    return {one.name: one for one in made}


SETTINGS = _settings()
GOAL = ("fashion-20", "fashion-50", "mouth-20", "mouth-50")


def small_faces(attribute: str) -> Pack:
    """The demo faces at 32 px, the values of one attribute as classes."""
    to = CACHE / f"pack-faces32-{attribute}"
    if Pack.is_pack(to):
        return Pack.open(to)
    held = []
    with PackWriter(to, size=32, channels=3) as writer:
        whole = faces()
        data = labeled(whole, attribute)
        for split, (pictures, numbers) in enumerate((data.training, data.test)):
            for picture, number in zip(halved(pictures), numbers, strict=True):
                writer.append(picture, {"class": data.names[number]})
                held.append(split == 1)
        return writer.finish(holdout=np.array(held))


def outcomes(setting: Setting, draw: int, wanted: argparse.Namespace, seeds: int) -> list[Outcome]:
    """All arms on one draw of training pictures, with a generator of its own."""
    protocol = Protocol(seeds=seeds, steps=wanted.steps, seed=draw)
    folder = FOLDER / f"{setting.name}-{draw}"
    how = UtilitySettings(
        protocol=protocol,
        ratios=tuple(float(one) for one in wanted.ratios.split(",")),
        ways=tuple(wanted.ways.split(",")),
        workers=wanted.workers,
    )
    pack = setting.pack()
    part = labeled(pack).part(setting.each, draw)
    where = Where(threads=wanted.workers)
    opened = Trained(pack, folder, "swift", wanted.seconds, where, _quiet)(part, setting.each)
    # The folder's own address is left out of the key, so that a moved cache still continues.
    named = replace(opened, name=f"{setting.name}/{draw}/{wanted.seconds:g}")
    return list(trials(part, named, how, Kept(folder / "trials.jsonl")).outcomes)


def _quiet(what: str, done: int, total: int) -> None:
    """Progress of one draw is of no interest here."""


def measure(setting: Setting, wanted: argparse.Namespace) -> None:
    """Every seed is another draw of pictures, another generator and another classifier."""
    done = {(r["setting"], r["draw"], r["how"]) for r in kept("utility")}
    for draw in range(wanted.seeds):
        if (setting.name, draw, _how(wanted)) in done:
            continue
        found = outcomes(setting, draw, wanted, 1)
        said = {one.arm.name: one.said[0].tolist() for one in found}
        row: dict[str, Any] = {"setting": setting.name, "draw": draw, "how": _how(wanted)}
        keep("utility", {**row, "machine": machine(), "said": said})
        print(f"{setting.name}: draw {draw + 1} of {wanted.seeds}", flush=True)


def answer(setting: Setting, wanted: argparse.Namespace) -> tuple[Verdict, int] | None:
    """The verdict over all draws that are kept; None where there are none."""
    rows = [r for r in kept("utility") if (r["setting"], r["how"]) == (setting.name, _how(wanted))]
    if not rows:
        return None
    data = labeled(setting.pack())
    chosen = arms([float(one) for one in wanted.ratios.split(",")], wanted.ways.split(","))
    every = [Outcome(arm, np.array([row["said"][arm.name] for row in rows])) for arm in chosen]
    return decide(every, data.test[1], len(data.names)), len(rows)


def _how(wanted: argparse.Namespace) -> str:
    return f"{wanted.steps}/{wanted.seconds:g}/{wanted.ratios}/{wanted.ways}"


def check(setting: Setting, wanted: argparse.Namespace) -> None:
    """The verdict of five seeds beside what twenty other seeds of the same arms say."""
    if any((r["setting"], r["how"]) == (setting.name, _how(wanted)) for r in kept("verdicts")):
        return
    found = outcomes(setting, 0, wanted, 5 + TRUTH)
    data = labeled(setting.pack())
    first, later = (
        [Outcome(one.arm, one.said[rows]) for one in found] for rows in (slice(5), slice(5, None))
    )
    said, true = (decide(some, data.test[1], len(data.names)) for some in (first, later))
    row = {"setting": setting.name, "how": _how(wanted), "machine": machine()}
    keep("verdicts", {**row, "said": said.helps, "true": true.helps, "gain": true.gain.value})
    print(f"{setting.name}: said {said.helps}, {TRUTH} seeds say {true.helps}", flush=True)


def report(names: Sequence[str], wanted: argparse.Namespace) -> str:
    rows = []
    for name in names:
        found = answer(SETTINGS[name], wanted)
        if found is None:
            continue
        verdict, draws = found
        accuracy = {row.arm: f"{row.accuracy:.1%}" for row in verdict.table}
        gain = verdict.gain
        rows.append(
            [
                name,
                str(draws),
                f"{verdict.best_without}: {accuracy[verdict.best_without]}",
                f"{verdict.best_with}: {accuracy[verdict.best_with]}",
                f"{100 * gain.value:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})",
                accuracy["synthetic only"],
            ]
        )
    header = ("setting", "draws", "best without", "best with", "gain (95 %)", "synthetic only")
    return table(rows, header)


def report_verdicts(wanted: argparse.Namespace) -> str:
    rows = [r for r in kept("verdicts") if r["how"] == _how(wanted)]
    # A person asks "shall I add them?": True is yes; False and None are both no.
    right = sum((r["said"] is True) == (r["true"] is True) for r in rows)
    words = {True: "helps", False: "harms", None: "not shown"}
    lines = [
        [r["setting"], words[r["said"]], words[r["true"]], f"{100 * r['gain']:+.2f}"] for r in rows
    ]
    header = ("setting", "verdict of 5 seeds", f"{TRUTH} other seeds", "their gain")
    return f"{table(lines, header)}\nRight: {right} of {len(rows)}."


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench utility", description=__doc__)
    parser.add_argument("--settings", help=f"of {','.join(SETTINGS)}; the default is the goal's")
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--seconds", type=float, default=60, help="training of each generator")
    parser.add_argument("--ratios", default="1,3")
    parser.add_argument("--ways", default="plain,between,across+soft")
    parser.add_argument("--workers", type=int, default=cores())
    parser.add_argument("--verdicts", action="store_true", help="check verdicts on ten settings")
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    wanted = parser.parse_args(arguments)
    default = SETTINGS if wanted.verdicts else GOAL
    names = wanted.settings.split(",") if wanted.settings else list(default)
    for name in [] if wanted.report else names:
        (check if wanted.verdicts else measure)(SETTINGS[name], wanted)
    print(f"Machine: {machine()}. {wanted.steps} steps each.")
    print(report_verdicts(wanted) if wanted.verdicts else report(names, wanted))
