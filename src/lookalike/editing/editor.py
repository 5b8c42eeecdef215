"""An editor of one run: its generator, what can be changed, and who says whether it succeeded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from lookalike import images, seeds
from lookalike.data.pack.pack import Pack
from lookalike.editing.attributes import (
    FLAG,
    EditableAttribute,
    editable_attributes,
    from_rows,
    label_rows,
)
from lookalike.editing.directions import (
    CategoryCode,
    FoundAxis,
    LabelDirections,
    codes_of,
    find_axes,
)
from lookalike.editing.generator import EditableGenerator
from lookalike.editing.helpers import (
    SHIFTS,
    AttributeExamples,
    Helper,
    Panel,
    agreed,
    example_maps,
    fit_helper,
)
from lookalike.progress import Tell, silent

MOST = 3_000
"""Training pictures that are looked at, chosen by address where there are more."""
SAMPLES = 2_000
"""Latents that are drawn where no player reads pictures."""
BLOCK = 256


@dataclass(frozen=True, eq=False)
class Slider:
    """A change that a person taught with pictures: the direction ``[W]`` from no to yes.

    ``panel`` reads it; ``success`` is the cross-validated share of ``count`` pictures that the
    direction changed in the eyes of a reader which had not seen those it was made from, corrected
    for that reader's own errors; ``low`` to ``high`` is its 95 % interval. Where the generator
    takes labels, ``labels`` ``[3, L]`` are the columns that move, and theirs of no and of yes.
    """

    name: str
    direction: Tensor
    panel: Panel
    success: float
    count: int
    labels: Tensor | None = None
    low: float = 0.0
    high: float = 1.0

    @property
    def attribute(self) -> EditableAttribute:
        """The slider as an attribute without label columns."""
        return EditableAttribute(self.name, FLAG, ())

    def as_tree(self) -> dict[str, Any]:
        """As tensors and plain values, to be kept."""
        return {**vars(self), "panel": [helper.as_tree() for helper in self.panel]}

    @staticmethod
    def of_tree(tree: Mapping[str, Any]) -> Slider:
        """What :meth:`as_tree` gave; of what is kept without an interval nothing is certain."""
        return Slider(**{**tree, "panel": tuple(map(Helper.of_tree, tree["panel"]))})


@dataclass(frozen=True)
class MeasuredChange:
    """How often a change of this attribute succeeded on ``count`` held-out pictures.

    ``success`` and ``kept`` (the share of the other attributes that stayed) are by the judge, which
    names ``accuracy`` of real held-out pictures rightly.
    """

    success: float
    kept: float
    accuracy: float
    count: int


@dataclass(frozen=True, eq=False)
class Editor:
    """Everything that editing with one run needs.

    ``attributes`` are those of the pack's labels; ``panels`` read them (none for a pack without)
    and, behind them, every slider. The ``judge`` measures. ``names`` are those that a person gave
    to axes, by number.
    """

    generator: EditableGenerator
    attributes: tuple[EditableAttribute, ...]
    columns: int
    panel: Panel
    judge: Helper | None
    directions: LabelDirections | None
    axes: tuple[FoundAxis, ...]
    sliders: tuple[Slider, ...] = ()
    names: Mapping[int, str] = field(default_factory=dict)
    measured: Mapping[str, MeasuredChange] = field(default_factory=dict)

    @cached_property
    def changeable(self) -> tuple[EditableAttribute, ...]:
        """What :meth:`probabilities` tells of, in order."""
        return (*self.attributes, *(slider.attribute for slider in self.sliders))

    @cached_property
    def codes(self) -> dict[str, FoundAxis | CategoryCode]:
        """The recipe's own codes by name, with "z." before one that something else is called."""
        taken = {one.name for one in self.changeable} | set(self.names.values())
        found = codes_of(self.generator)
        return {f"z.{name}" if name in taken else name: code for name, code in found.items()}

    def probabilities(
        self, pictures: Tensor, shifts: tuple[tuple[int, int], ...] = SHIFTS
    ) -> list[Tensor]:
        """Of every attribute's values, ``[N, values]`` each, for pictures in [-1, 1]."""
        panels = [*([self.panel] if self.attributes else []), *(s.panel for s in self.sliders)]
        return agreed(panels, self.generator.features, pictures, shifts)

    @torch.no_grad()
    def read(self, picture: Tensor) -> dict[str, int]:
        """The values that a picture ``[1, C, S, S]`` shows, by name."""
        shares = self.probabilities(picture)
        return {
            one.name: int(share[0].argmax())
            for one, share in zip(self.changeable, shares, strict=True)
        }

    def row(self, values: Mapping[str, int]) -> Tensor:
        """The label row ``[1, L]`` that says these values."""
        return label_rows(self.attributes, values, self.columns)

    def condition(self, row: Tensor) -> Tensor | None:
        """What a conditional generator is told of a label row; None for others."""
        return row if self.generator.frame.labels else None

    def find(self, name: str) -> EditableAttribute | None:
        """The attribute of this name, if there is one."""
        return next((one for one in self.changeable if one.name == name), None)

    def axis(self, name: str) -> FoundAxis | None:
        """The axis of this number (from 1) or given name, or the code; None where there is none."""
        code = self.codes.get(name)
        if isinstance(code, FoundAxis):
            return code
        numbers = {given: number for number, given in self.names.items()}
        number = numbers.get(name, int(name) if name.isdigit() else 0)
        return self.axes[number - 1] if 1 <= number <= len(self.axes) else None

    def category(self, name: str) -> CategoryCode | None:
        """The category of this name among the codes, if there is one."""
        code = self.codes.get(name)
        return code if isinstance(code, CategoryCode) else None

    def as_tree(self) -> dict[str, Any]:
        """What was learned, as tensors and plain values; sliders and names are kept apart."""
        parts = self.directions
        return {
            "attributes": [vars(one) for one in self.attributes],
            "columns": self.columns,
            "panel": [helper.as_tree() for helper in self.panel],
            "judge": self.judge.as_tree() if self.judge else None,
            "directions": None if parts is None else parts.as_tree(),
            "axes": [vars(axis) for axis in self.axes],
            "measured": {name: vars(one) for name, one in self.measured.items()},
        }

    @staticmethod
    def of_tree(generator: EditableGenerator, tree: Mapping[str, Any]) -> Editor:
        """What :meth:`as_tree` gave, around the generator of the same run."""
        parts = tree["directions"]
        return Editor(
            generator=generator,
            attributes=from_rows(tree["attributes"]),
            columns=tree["columns"],
            panel=tuple(map(Helper.of_tree, tree["panel"])),
            judge=Helper.of_tree(tree["judge"]) if tree["judge"] else None,
            directions=None if parts is None else LabelDirections.of_tree(parts),
            axes=tuple(FoundAxis(**axis) for axis in tree["axes"]),
            measured={name: MeasuredChange(**one) for name, one in tree["measured"].items()},
        )


def learn_editor(generator: EditableGenerator, pack: Pack, tell: Tell = silent) -> Editor:
    """Learn directions and helpers from the training pictures of the run's pack.

    Helpers that choose learn from every other picture, the judge from the rest. Without a player
    that reads pictures, latents are drawn, and their labels are read off what they draw.
    """
    rows = np.arange(len(pack.train))
    if len(rows) > MOST:
        rows = np.sort(seeds.array_generator(0, "editing/rows").permutation(rows)[:MOST])
    labels = pack.train.labels(rows)
    attributes = editable_attributes(pack.info, labels)
    plain = Editor(generator, attributes, labels.shape[1], (), None, None, ())
    if attributes:
        plain = _with_helpers(plain, pack, rows, labels, tell)
    latents, told = _latents(plain, pack, rows, labels, tell)
    condition = told if generator.frame.labels else None
    return replace(
        plain,
        directions=LabelDirections.fit(latents, told) if attributes else None,
        axes=tuple(find_axes(generator, latents, condition)),
    )


def _with_helpers(
    plain: Editor,
    pack: Pack,
    rows: NDArray[np.int64],
    labels: NDArray[np.float32],
    tell: Tell,
) -> Editor:
    blocks, fine = [], 0
    for first in range(0, len(rows), BLOCK):
        pictures = pack.train.images(rows[first : first + BLOCK])
        block, fine = example_maps(plain.generator.features, pictures)
        blocks.append(block)
        tell("looking at pictures", min(first + BLOCK, len(rows)), len(rows))
    examples = AttributeExamples(
        torch.cat(blocks),
        np.stack([one.read(labels) for one in plain.attributes], 1),
        tuple(len(one.values) for one in plain.attributes),
    )
    width = examples.maps.shape[2]
    even, odd = np.arange(0, len(rows), 2), np.arange(1, len(rows), 2)
    choosing = examples.take(even)
    return replace(
        plain,
        panel=(
            fit_helper(choosing, (0, fine)),
            fit_helper(choosing, (fine, width)),
        ),
        judge=fit_helper(examples.take(odd), (0, width)),
    )


def _latents(
    plain: Editor,
    pack: Pack,
    rows: NDArray[np.int64],
    labels: NDArray[np.float32],
    tell: Tell,
) -> tuple[Tensor, Tensor]:
    """Latents ``[N, W]`` and the label rows ``[N, L]`` that go with them."""
    found = []
    for first in range(0, len(rows), BLOCK):
        told = torch.from_numpy(labels[first : first + BLOCK])
        pictures = images.to_network(pack.train.images(rows[first : first + BLOCK]))
        latents = plain.generator.read(pictures, plain.condition(told))
        if latents is None:
            break
        found.append(latents)
        tell("encoding pictures", min(first + BLOCK, len(rows)), len(rows))
    else:
        return torch.cat(found), torch.from_numpy(labels)
    return _drawn_latents(plain, tell)


def _drawn_latents(plain: Editor, tell: Tell) -> tuple[Tensor, Tensor]:
    """Latents as they are drawn, with the labels that the helpers read off their pictures."""
    latents, told = plain.generator.sample(0, "editing/latents", SAMPLES)
    read = []
    for first in range(0, len(latents), BLOCK):
        part = slice(first, first + BLOCK)
        pictures = plain.generator.drawn(latents[part], None if told is None else told[part])
        with torch.no_grad():
            shares = plain.probabilities(pictures, SHIFTS[:1]) if plain.attributes else []
        rows = torch.zeros(len(pictures), plain.columns)
        for one, share in zip(plain.attributes, shares, strict=True):
            for value in range(len(one.values)):
                chosen = share.argmax(1) == value
                rows[chosen] = one.write(rows[chosen], value)
        read.append(rows)
        tell("reading drawn pictures", min(first + BLOCK, len(latents)), len(latents))
    return latents, torch.cat(read)
