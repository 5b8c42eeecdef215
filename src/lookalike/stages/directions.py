"""Directions: what can be changed with a run, each with its measured success and a strip."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from lookalike import checkpoints, images
from lookalike.editing.directions import CategoryCode, FoundAxis
from lookalike.editing.editor import Editor
from lookalike.editing.exchange import Subject, WantedChange, exchange
from lookalike.editing.measure import subject_of
from lookalike.editing.open import FOLDER, OpenedEditor, axis_names, knowing, name_axes, open_editor
from lookalike.editing.photos import LEAST
from lookalike.errors import DataError
from lookalike.images import Pixels
from lookalike.metrics.distances.intervals import share_interval
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.recipe import trust
from lookalike.report.directions_page import Strip, render
from lookalike.report.page import refuse_foreign_page
from lookalike.results import Result, table
from lookalike.run import Run
from lookalike.settings.editing import DirectionsSettings

UNITS = (-2.0, -1.0, 0.0, 1.0, 2.0)
"""The units of an axis that its strip shows."""
MOST = 6
"""Values of an attribute that its strip shows."""
CATEGORIES = 12
"""Values of a category among the codes that its strip shows."""


@dataclass(frozen=True)
class AttributeSuccess:
    """An attribute: its values, and how often changing it succeeds, with its 95 % interval.

    ``kept`` is the share of the other attributes that stay, ``accuracy`` how often the judge is
    right on real pictures; None where nothing was measured.
    """

    name: str
    values: tuple[str, ...]
    success: float | None = None
    low: float | None = None
    high: float | None = None
    kept: float | None = None
    accuracy: float | None = None
    count: int = 0
    taught: bool = False


@dataclass(frozen=True)
class NumberedAxis:
    """An axis that was found without labels: its number, its name if it has one, and its kind."""

    number: int
    name: str
    kind: str


@dataclass(frozen=True)
class NamedCode:
    """A code that the recipe taught its generator: its name, and how many values a category has.

    A code of no ``values`` is a number, which moves from -1 to 1.
    """

    name: str
    values: int = 0

    @property
    def range(self) -> str:
        """What it can be, in words."""
        return f"1 to {self.values}" if self.values else "-1 to +1"


@dataclass(frozen=True)
class FoundDirections(Result):
    """What can be changed with a run."""

    run: Path
    attributes: tuple[AttributeSuccess, ...]
    axes: tuple[NumberedAxis, ...]
    page: Path
    notes: tuple[str, ...] = ()
    codes: tuple[NamedCode, ...] = ()

    def lines(self) -> list[str]:
        """A table of attributes, the axes, and where the page is."""
        rows = [
            [
                one.name + (" (taught)" if one.taught else ""),
                ", ".join(one.values[:4]) + (" …" if len(one.values) > 4 else ""),
                _share(one.success),
                f"{_share(one.low)} to {_share(one.high)}" if one.low is not None else "",
                _share(one.kept),
                _share(one.accuracy),
            ]
            for one in self.attributes
        ]
        header = ["attribute", "values", "succeeds", "95 %", "rest stays", "judge is right"]
        axes = [
            f"{one.number}{f' ({one.name})' if one.name else ''} {one.kind}" for one in self.axes
        ]
        codes = [f"{code.name} ({code.range})" for code in self.codes]
        return [
            *(table(rows, header) if rows else ["The run's pack has no labels."]),
            f"Axes found without labels: {', '.join(axes)}",
            *([f"Codes of the recipe: {', '.join(codes)}"] if codes else []),
            *self.notes,
            f"  page  {self.page}",
        ]

    @property
    def next_step(self) -> str:
        """To change what succeeds most often, or to name an axis where there are no attributes."""
        run = shlex.quote(str(self.run))
        if not self.attributes and self.codes:
            change = "2" if self.codes[0].values else "+1"
            return f"lookalike edit {run} PHOTO --set {self.codes[0].name}={change}"
        if not self.attributes:
            return f"lookalike directions {run} --name 3=age (the number and name of an axis)"
        one = max(self.attributes, key=lambda attribute: attribute.success or 0.0)
        change = shlex.quote(f"{one.name}={one.values[-1]}")
        anyway = " --anyway" if one.success is not None and one.success < LEAST else ""
        return f"lookalike edit {run} PHOTO --set {change}{anyway}"


def directions(
    run: Run, settings: DirectionsSettings, place: Place, tell: Tell = silent
) -> FoundDirections:
    """What can be changed, measured once and kept; names are given to axes first.

    Raises:
        DataError: a name is given to an axis that there is not, or the page would be written over
            another file.
    """
    page = settings.page or run.path / FOLDER / "directions.html"
    refuse_foreign_page(page, "--page")
    opened = open_editor(run, place, trust(settings.recipe), tell)
    if settings.names:
        name_axes(run, _named(opened.editor, axis_names(run), settings.names))
        opened = open_editor(run, place, trust(settings.recipe), tell)
    opened = knowing(run, opened, [one.name for one in opened.editor.attributes], tell)
    editor = opened.editor
    attributes = _attributes(editor)
    axes = tuple(
        NumberedAxis(number, editor.names.get(number, ""), axis.kind)
        for number, axis in enumerate(editor.axes, 1)
    )
    strips = _strips(opened, tell)
    page.parent.mkdir(parents=True, exist_ok=True)
    text = render(run.path.resolve().name, attributes_rows(attributes), strips)
    checkpoints.write_whole(page, text.encode())
    codes = tuple(
        NamedCode(name, len(code.values) if isinstance(code, CategoryCode) else 0)
        for name, code in editor.codes.items()
    )
    return FoundDirections(run.path, attributes, axes, page, opened.notes, codes)


def attributes_rows(attributes: tuple[AttributeSuccess, ...]) -> list[tuple[str, str, str, str]]:
    """Name, success with its interval, rest kept and the judge's accuracy, in words."""
    return [
        (
            one.name,
            f"{_share(one.success)} ({_share(one.low)} to {_share(one.high)})",
            _share(one.kept),
            _share(one.accuracy),
        )
        for one in attributes
    ]


def _named(editor: Editor, before: Mapping[int, str], names: Mapping[str, str]) -> dict[int, str]:
    found = dict(before)
    taken = {one.name for one in editor.changeable} | set(editor.codes)
    for number, name in names.items():
        if not number.isdigit() or not 1 <= int(number) <= len(editor.axes):
            raise DataError(
                f"There is no axis {number!r} to name. There are 1 to {len(editor.axes)}. Example: "
                "--name 3=age"
            )
        if name in taken or name.isdigit():
            raise DataError(f"{name!r} is taken already. Choose another name for axis {number}.")
        found[int(number)] = name
    return found


def _attributes(editor: Editor) -> tuple[AttributeSuccess, ...]:
    found = []
    for one in editor.attributes:
        told = editor.measured.get(one.name)
        if told is None:
            found.append(AttributeSuccess(one.name, one.values))
            continue
        span = share_interval(told.success, told.count)
        found.append(
            AttributeSuccess(
                one.name,
                one.values,
                success=told.success,
                low=span.low,
                high=span.high,
                kept=told.kept,
                accuracy=told.accuracy,
                count=told.count,
            )
        )
    for slider in editor.sliders:
        found.append(
            AttributeSuccess(
                slider.name,
                slider.attribute.values,
                success=slider.success,
                low=slider.low,
                high=slider.high,
                count=slider.count,
                taught=True,
            )
        )
    return tuple(found)


def _strips(opened: OpenedEditor, tell: Tell) -> list[Strip]:
    """One strip for each attribute, axis and code, on one held-out picture or a drawn one."""
    editor = opened.editor
    if opened.pack is not None and len(opened.pack.holdout):
        square = images.to_network(opened.pack.holdout.images([0]))
    else:
        latents, labels = editor.generator.sample(0, "directions/shown", 1)
        square = editor.generator.drawn(latents, labels)
    subject = subject_of(editor, square)
    strips = []
    for number, one in enumerate(editor.changeable):
        values = [v for v in range(len(one.values)) if v != subject.values[one.name]][:MOST]
        tiles = [("as it is", images.to_pixels(square)[0])]
        for value in values:
            change = exchange(editor, subject, WantedChange({one.name: value}))
            tiles.append((one.values[value], images.to_pixels(change.edit.shown)[0]))
        strips.append(Strip(one.name, "", tiles))
        tell("drawing strips", number + 1, len(editor.changeable) + len(editor.axes))
    for number, axis in enumerate(editor.axes, 1):
        name = editor.names.get(number, "")
        title = f"axis {number}{f': {name}' if name else ''}"
        strips.append(Strip(title, axis.kind, _tiles(editor, subject, axis)))
    return strips + [
        Strip(name, "code", _tiles(editor, subject, code)) for name, code in editor.codes.items()
    ]


def _tiles(
    editor: Editor, subject: Subject, code: FoundAxis | CategoryCode
) -> list[tuple[str, Pixels]]:
    """What the generator draws along an axis, or for the values of a category."""
    start, labels = subject.found.latent, subject.found.labels
    if isinstance(code, CategoryCode):
        moved = {str(value): code.put(start, value) for value in code.values[:CATEGORIES]}
    else:
        moved = {f"{units:+g}": start + units * code.direction for units in UNITS}
    latents = editor.generator.bounded(torch.cat(list(moved.values())))
    labels = None if labels is None else labels.expand(len(latents), -1)
    pixels = images.to_pixels(editor.generator.drawn(latents, labels))
    return list(zip(moved, pixels, strict=True))


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"
