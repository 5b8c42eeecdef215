"""Do synthetic pictures help a small classifier? And is the verdict of utility right?"""

from __future__ import annotations

import argparse
import base64
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.common import CACHE, keep, kept, machine, machines, mean_interval, table
from benchmarks.sets import faces, fashion, shrunk
from lookalike.api.evaluation import TrainedGenerators
from lookalike.data.pack.pack import Pack
from lookalike.data.pack.writer import PackWriter
from lookalike.metrics.distances.intervals import Interval
from lookalike.metrics.utility.classifier import known
from lookalike.metrics.utility.instruments import Small
from lookalike.metrics.utility.teaching import kernel_teacher, pretrained_features
from lookalike.metrics.utility.trials import Protocol, TrialStore
from lookalike.metrics.utility.verdict import Arm, ArmOutcome, Verdict, adding, decide, rivals
from lookalike.settings.device import Device
from lookalike.settings.evaluation import UtilitySettings
from lookalike.settings.training import TrainSettings
from lookalike.stages.utility import Experiment, Labeled, changes_for, labeled, trials

RANDOM = {"warm": "none"}
"""The rows that are kept are of generators that began with random weights."""
FOLDER = CACHE / "utility"
TRUTH = 20
WEAKER = "real,classical + mirror,distilled + classical"
"""Rivals that lost to others on practice draws; ``--without ''`` trains them as well."""
TESTED, FEWER = 10_000, 2_000
"""Held-out pictures of Fashion-MNIST for the goal, and for the check of verdicts."""


@dataclass(frozen=True)
class Setting:
    """A set and how many training pictures of each class; faces by one of their attributes."""

    name: str
    each: int
    attribute: str | None = None

    def pack(self, tested: int) -> Pack:
        """Fashion-MNIST with this many held-out pictures; the faces have 1,000."""
        return fashion(held=tested) if self.attribute is None else small_faces(self.attribute)


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
            for picture, number in zip(shrunk(pictures, 2), numbers, strict=True):
                writer.append(picture, {"class": data.names[number]})
                held.append(split == 1)
        return writer.finish(holdout=np.array(held))


def arms(wanted: argparse.Namespace) -> tuple[Arm, ...]:
    """Every way with classical augmentation, and its rivals; the sets are balanced already."""
    ways = wanted.ways.split(",")
    without = (
        Arm(name="real"),
        Arm(name="classical", classical=True),
        Arm(name="classical + mirror", classical=True, mirror=True),
    )
    added = tuple(adding(way, wanted.ratio, f"{way} + classical") for way in ways)
    chosen = (*without, *rivals(ways, wanted.ratio), *added)
    left_out = wanted.without.split(",") if wanted.without else []
    return tuple(one for one in chosen if one.name not in left_out)


def outcomes(
    setting: Setting, data: Labeled, draw: int, wanted: argparse.Namespace, seeds: int
) -> list[ArmOutcome]:
    """All arms on one draw of training pictures, with a generator of its own."""
    protocol = Protocol(
        seeds=seeds,
        steps=wanted.steps,
        rates=tuple(float(one) for one in wanted.rates.split(",")),
        instrument=Small(width=wanted.width),
        seed=draw,
    )
    folder = FOLDER / f"{setting.name}-{draw}"
    chosen = arms(wanted)
    settings = UtilitySettings(
        ratios=(wanted.ratio,), ways=tuple(wanted.ways.split(",")), teacher=wanted.teacher
    )
    how = Experiment(settings, protocol, chosen)
    part = data.part(setting.each, draw)
    changes = {"images": str(wanted.images), **RANDOM, **changes_for(settings), **_changes(wanted)}
    asked = TrainSettings(labels=True, changes=changes, device=Device(threads=1))
    made = TrainedGenerators(setting.pack(TESTED), folder, asked)
    # The folder's own address is left out of the key, so that a moved cache still continues.
    named = replace(made(part, setting.each), name=f"{setting.name}/{draw}/{changes}")
    return list(trials(part, named, how, TrialStore(folder / "trials.jsonl")).outcomes)


def _changes(wanted: argparse.Namespace) -> dict[str, str]:
    pairs = (one.split("=") for one in wanted.generator.split(",") if one)
    return {name: value for name, value in pairs}


def measure(setting: Setting, wanted: argparse.Namespace) -> None:
    """Every seed is another draw of pictures, another generator and another classifier."""
    done = {(r["setting"], r["draw"], r["how"]) for r in kept("utility")}
    draws = range(wanted.first, wanted.first + wanted.seeds)
    missing = [one for one in draws if (setting.name, one, _how(wanted)) not in done]
    if not missing:
        return
    data = labeled(setting.pack(TESTED))
    for draw in missing:
        found = outcomes(setting, data, draw, wanted, wanted.each)
        row: dict[str, Any] = {"setting": setting.name, "draw": draw, "how": _how(wanted)}
        row["each"] = wanted.each
        keep("utility", {**row, "machine": machine(), **_packed(found)})
        right = {one.arm.name: one.correct(data.test[1]).mean() for one in found}
        told = ", ".join(f"{name} {value:.1%}" for name, value in right.items())
        print(f"{setting.name}, draw {draw}: {told}", flush=True)


def _packed(found: Sequence[ArmOutcome]) -> dict[str, Any]:
    """The answers of all arms' classifiers, picture by picture, in few bytes."""
    said = np.concatenate([one.said for one in found]).T.astype(np.uint8)
    packed = base64.b85encode(zlib.compress(said.tobytes(), 9)).decode()
    return {"arms": [one.arm.name for one in found], "said": packed}


def _unpacked(row: dict[str, Any]) -> dict[str, np.ndarray]:
    raw = np.frombuffer(zlib.decompress(base64.b85decode(row["said"])), np.uint8)
    each = row.get("each", 1)
    said = raw.reshape(-1, len(row["arms"]) * each).T.reshape(len(row["arms"]), each, -1)
    return dict(zip(row["arms"], said.astype(np.int64), strict=True))


def drawn(setting: Setting, wanted: argparse.Namespace) -> list[dict[str, Any]]:
    """The rows that are kept of the draws that are asked for."""
    draws = range(wanted.first, wanted.first + wanted.seeds)
    return [
        one
        for one in kept("utility")
        if (one["setting"], one["how"]) == (setting.name, _how(wanted)) and one["draw"] in draws
    ]


def answer(setting: Setting, wanted: argparse.Namespace, rows: Sequence[dict[str, Any]]) -> Verdict:
    """The verdict over these rows."""
    draws = [_unpacked(one) for one in rows]
    data = labeled(setting.pack(TESTED))
    every = [
        ArmOutcome(arm, np.concatenate([said[arm.name] for said in draws]), wanted.each)
        for arm in arms(wanted)
    ]
    return decide(every, data.test[1], len(data.names))


def _how(wanted: argparse.Namespace) -> str:
    """Everything that decides a result but the setting and the draw."""
    keys = ("steps", "width", "rates", "ratio", "ways", "without", "images", "generator", "teacher")
    told = " ".join(f"{key}={getattr(wanted, key)}" for key in keys)
    return told if wanted.each == 1 else f"{told} each={wanted.each}"


def check(setting: Setting, wanted: argparse.Namespace) -> None:
    """The verdict of five seeds beside what twenty other seeds of the same arms say."""
    asked = (setting.name, _how(wanted), wanted.first)
    if any((r["setting"], r["how"], r.get("draw", 0)) == asked for r in kept("verdicts")):
        return
    data = labeled(setting.pack(FEWER))
    found = outcomes(setting, data, wanted.first, wanted, 5 + TRUTH)
    first, later = (
        [ArmOutcome(one.arm, one.said[rows]) for one in found]
        for rows in (slice(5), slice(5, None))
    )
    said, true = (decide(some, data.test[1], len(data.names)) for some in (first, later))
    row = {"setting": setting.name, "how": _how(wanted), "draw": wanted.first, "machine": machine()}
    gain = [true.gain.value, true.gain.low, true.gain.high]
    keep("verdicts", {**row, "said": said.helps, "true": true.helps, "gain": gain})
    print(f"{setting.name}: said {said.helps}, {TRUTH} seeds say {true.helps}", flush=True)


def teach(setting: Setting, wanted: argparse.Namespace) -> None:
    """How often the teacher that labels pictures is right itself, on 2,000 held-out pictures."""
    data, eye = labeled(setting.pack(TESTED)), pretrained_features()
    if eye is None:
        raise SystemExit("the teacher needs the extra 'features'")
    pictures, truth = data.test[0][:FEWER], data.test[1][:FEWER]
    right = []
    for draw in range(wanted.first, wanted.first + wanted.seeds):
        part = data.part(setting.each, draw)
        teacher = kernel_teacher(known(*part.training, len(part.names)), eye, draw)
        right.append(100 * float((teacher(pictures).argmax(1) == truth).mean()))
    print(f"{setting.name}: {eye.name} is right for {mean_interval(right)} % ({len(right)} draws)")


def report(names: Sequence[str], wanted: argparse.Namespace) -> str:
    """A table a setting: every arm against the best one without synthetic pictures."""
    told = []
    for name in names:
        draws = drawn(SETTINGS[name], wanted)
        if not draws:
            continue
        verdict = answer(SETTINGS[name], wanted, draws)
        rows = [
            [row.arm, f"{row.accuracy:.2%}", f"{row.deviation:.2%}", _points(row.gain)]
            for row in verdict.table
        ]
        header = ("trained on", "accuracy", "deviation", f"to {verdict.best_without}, all tests")
        told += [f"{name}, {len(draws)} draws ({machines(draws)})", table(rows, header), ""]
        told += [verdict.sentence, ""]
    return "\n".join(told)


def _points(gain: Interval) -> str:
    return f"{100 * gain.value:+.2f} ({100 * gain.low:+.2f} to {100 * gain.high:+.2f})"


def report_verdicts(wanted: argparse.Namespace) -> str:
    kind = (_how(wanted), wanted.first)
    rows = [r for r in kept("verdicts") if (r["how"], r.get("draw", 0)) == kind]
    # A person asks "shall I add them?": True is yes; False and None are both no.
    right = sum((r["said"] is True) == (r["true"] is True) for r in rows)
    words = {True: "helps", False: "harms", None: "not shown"}
    lines = [
        [r["setting"], words[r["said"]], words[r["true"]], _points(Interval(*r["gain"]))]
        for r in rows
    ]
    header = ("setting", "verdict of 5 seeds", f"{TRUTH} other seeds", "their gain")
    return f"{table(lines, header)}\nRight: {right} of {len(rows)} ({machines(rows)})."


def main(arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="bench utility", description=__doc__)
    parser.add_argument("--settings", help=f"of {','.join(SETTINGS)}; the default is the goal's")
    parser.add_argument("--seeds", type=int, default=10, help="draws, each with a generator")
    parser.add_argument("--each", type=int, default=3, help="classifiers of a draw, averaged")
    parser.add_argument("--first", type=int, default=0, help="draws from 100 are for practice")
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--rates", default="5e-3", help="one for all arms, or a grid for each")
    parser.add_argument("--ratio", type=float, default=5.0)
    parser.add_argument("--ways", default="across+soft&")
    parser.add_argument("--without", default=WEAKER, help="names of arms to leave out")
    parser.add_argument("--images", type=int, default=3000, help="training of each generator")
    parser.add_argument(
        "--generator",
        default="",
        help="settings of swift, as warm=drawings,rate=1e-3",
    )
    parser.add_argument("--teacher", default="features")
    parser.add_argument("--verdicts", action="store_true", help="check verdicts on ten settings")
    parser.add_argument("--teachers", action="store_true", help="how good the teacher itself is")
    parser.add_argument("--report", action="store_true", help="only print what was measured")
    wanted = parser.parse_args(arguments)
    default = SETTINGS if wanted.verdicts else GOAL
    names = wanted.settings.split(",") if wanted.settings else list(default)
    work = teach if wanted.teachers else check if wanted.verdicts else measure
    for name in [] if wanted.report else names:
        work(SETTINGS[name], wanted)
    if wanted.teachers:
        return
    print(f"{_how(wanted)}.")
    print(report_verdicts(wanted) if wanted.verdicts else report(names, wanted))
