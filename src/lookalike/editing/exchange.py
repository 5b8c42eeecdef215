"""Exchange: one thing of a picture changed, as weakly as the helpers need to be sure.

Candidates are labels exchanged where the generator takes labels, then steps along directions, with
and without these, at several strengths, in one batch. Where none succeeds, and no labels were
exchanged, the latent descends the helpers' own loss for some steps. A strength below 1 is a share
of the way in the helpers' probability, so that half-way means the same on every picture.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor
from torch.nn import functional

from lookalike.editing.compose import Edit, blended, masks
from lookalike.editing.editor import Editor
from lookalike.editing.helpers import SHIFTS
from lookalike.editing.inversion import Inversion

SURE = 0.9
"""The probability at which helpers count as sure."""
LIKELY = 0.5
"""The probability below which a change did not succeed."""
STEPS = (0.5, 0.75, 1.0, 1.3, 1.7, 2.2)
"""Lengths that every direction is tried at."""
LABELS = (1.0, 1.3)
"""Shares of the way from the labels of now to the wanted ones, for generators that take labels."""
FURTHER = (1.7, 2.2)
"""Shares beyond these, where the change would not count as one: they draw what is small at all, and
elsewhere they draw too much."""
CLEARLY = 0.1
"""By how much surer the helpers have to be of what a later round tries."""
CHECKED = 8
"""Candidates that are looked at again, moved by small shifts."""
DESCENT = 20
RATE = 0.1
HOLD = 2.0
"""How much the other attributes count in the descent."""
AWAY = 50.0
"""How much the mean change of a pixel counts there, far from where the descent begins to change."""
WAY = 16
"""Places between the photo and the whole change at which the probability is asked, and again
between two of these: it may rise from nothing to all from one to the next."""


@dataclass(frozen=True)
class WantedChange:
    """What is to become different: value numbers by attribute, and units by axis or code.

    ``amounts`` are those of number attributes, as written. ``strength`` is the share of the whole
    change, 0 to 1; more goes beyond it. ``categories`` are values of the recipe's own categories.
    """

    values: Mapping[str, int] = field(default_factory=dict)
    amounts: Mapping[str, float] = field(default_factory=dict)
    axes: Mapping[str, float] = field(default_factory=dict)
    strength: float = 1.0
    categories: Mapping[str, int] = field(default_factory=dict)

    @property
    def asks(self) -> bool:
        """Whether anything is to become different."""
        return bool(self.values or self.axes or self.categories)


@dataclass(frozen=True, eq=False)
class Exchanged:
    """A change at the pack's size, and what the helpers say of it.

    ``success`` is the probability of the least sure wanted value (1 where none was asked by name),
    ``kept`` the share of the other attributes whose value stays, ``by`` the way that was taken.
    """

    edit: Edit
    latent: Tensor
    labels: Tensor | None
    success: float
    kept: float
    by: str

    @property
    def sure(self) -> bool:
        """Whether the helpers are sure."""
        return self.success >= SURE


@dataclass(frozen=True, eq=False)
class Subject:
    """A picture ``[1, C, S, S]`` that is to be changed, found again, with the values it shows."""

    square: Tensor
    found: Inversion
    values: Mapping[str, int]


@dataclass(frozen=True, eq=False)
class _Candidates:
    latents: Tensor
    labels: Tensor | None
    names: tuple[str, ...]
    resort: bool = False

    def row(self, index: int) -> tuple[Tensor, Tensor | None]:
        """The latent ``[1, W]`` and labels ``[1, L]`` of one of them."""
        labels = None if self.labels is None else self.labels[index : index + 1]
        return self.latents[index : index + 1], labels


@dataclass(frozen=True, eq=False)
class _Looks:
    """Of some candidates: success, share of others kept, and amount of change, ``[N]`` each."""

    success: Tensor
    kept: Tensor
    amount: Tensor


def exchange(editor: Editor, subject: Subject, wanted: WantedChange) -> Exchanged:
    """The weakest change that the helpers are sure of, or the likeliest where there is none."""
    change = ChangeSearch(editor, subject, wanted)
    whole = change.whole()
    return whole if wanted.strength == 1 else change.partly(whole)


def strengths(
    editor: Editor, subject: Subject, wanted: WantedChange, shares: Sequence[float]
) -> list[Exchanged]:
    """One change at several strengths, from the same way."""
    each = [ChangeSearch(editor, subject, replace(wanted, strength=share)) for share in shares]
    whole = ChangeSearch(editor, subject, wanted).whole()
    return [whole if one.wanted.strength == 1 else one.partly(whole) for one in each]


@dataclass(frozen=True, eq=False)
class ChangeSearch:
    """A change that is wanted of a picture, and the ways to it."""

    editor: Editor
    subject: Subject
    wanted: WantedChange

    def whole(self) -> Exchanged:
        """The change at its full strength."""
        best: tuple[_Candidates, int, _Looks] | None = None
        for candidates in self._rounds():
            if candidates.resort and best is not None and float(best[2].success) >= LIKELY:
                continue
            index, found = self._best(candidates)
            if best is None or float(found.success) > float(best[2].success) + CLEARLY:
                best = candidates, index, found
            if float(found.success) >= SURE:
                break
        assert best is not None
        candidates, index, looks = best
        latent, labels = candidates.row(index)
        name = candidates.names[index]
        told = self.subject.found.labels
        obeyed = labels is not None and told is not None and not torch.equal(labels, told)
        if self.wanted.values and float(looks.success) < SURE and not obeyed:
            further = self.descended(latent, labels)
            again = self._look(further, labels)
            if float(again.success) > float(looks.success):
                latent, looks, name = further, again, f"{name}, then descent"
        return self._drawn(latent, labels, looks, name)

    def partly(self, whole: Exchanged) -> Exchanged:
        """The share of the whole change that raises the probability by this share of its rise."""
        strength = self.wanted.strength
        if strength <= 0:
            looks = _Looks(torch.tensor(0.0), torch.tensor(1.0), torch.tensor(0.0))
            start = self.subject.found
            return self._drawn(start.latent, start.labels, looks, "nothing")
        share = strength if strength > 1 else self._place(whole)
        latent, labels = self._between(whole, torch.tensor([[share]]))
        looks = self._look(latent, labels)
        return self._drawn(latent, labels, looks, whole.by)

    def _drawn(self, latent: Tensor, labels: Tensor | None, looks: _Looks, by: str) -> Exchanged:
        after = self.editor.generator.drawn(latent, labels)
        edit = Edit(self.subject.square, self.subject.found.drawn, after)
        return Exchanged(edit, latent, labels, float(looks.success), float(looks.kept), by)

    # ---- what is tried ----------------------------------------------------------------------

    def _rows(self) -> tuple[Tensor, Tensor]:
        """The label rows ``[1, L]`` of the picture as it is and as it is to be."""
        values = self.wanted.values
        before = self.editor.row(self.subject.values)
        after = before
        for one in self.editor.attributes:
            if one.name in values:
                after = one.write(after, values[one.name], self.wanted.amounts.get(one.name))
        for slider in self.editor.sliders:
            if slider.labels is not None and slider.name in values:
                moves, goal = slider.labels[:1] > 0, slider.labels[1 + values[slider.name]]
                after = torch.where(moves, goal, after)
        return before, after

    def _rounds(self) -> Iterator[_Candidates]:
        """What is tried, each round where the one before did not succeed.

        First labels alone are exchanged, where the generator takes labels; then latents move as
        well.
        """
        editor, values = self.editor, self.wanted.values
        before, after = self._rows()
        start, told = self._moved(self.subject.found.latent), self.subject.found.labels
        if not values:
            yield _Candidates(editor.generator.bounded(start), told, ("axis",))
            return
        sliding = torch.zeros_like(start)
        for slider in editor.sliders:
            if slider.name in values:
                turn = values[slider.name] - self.subject.values[slider.name]
                sliding = sliding + turn * slider.direction
        named = not torch.equal(before, after)
        if told is not None and named:
            latents = editor.generator.bounded(start + sliding)
            for step in (*LABELS, *FURTHER):
                labels = told + step * (after - told)
                yield _Candidates(latents, labels, (f"labels x {step:g}",), step in FURTHER)
        ways = self._ways(before, after, sliding).items()
        moved = [(f"{name} x {step:g}", step * way) for name, way in ways for step in STEPS]
        latents = editor.generator.bounded(torch.cat([start + way for _, way in moved]))
        names = tuple(name for name, _ in moved)
        if told is None:
            yield _Candidates(latents, None, names)
            return
        both = tuple(f"labels, {name}" for name in names[::2]) if named else ()
        rows = torch.cat([told.expand(len(names), -1), after.expand(len(both), -1)])
        yield _Candidates(torch.cat([latents, latents[::2][: len(both)]]), rows, names + both)

    def _moved(self, latent: Tensor) -> Tensor:
        """The latent ``[1, W]`` along the wanted axes, and last of all in the wanted categories."""
        axes = self.wanted.axes.items()
        latent = latent + sum(units * _axis(self.editor, name) for name, units in axes)
        for name, value in self.wanted.categories.items():
            category = self.editor.category(name)
            assert category is not None, "asked for by the stage before"
            latent = category.put(latent, value)
        return latent

    def _ways(self, before: Tensor, after: Tensor, sliding: Tensor) -> dict[str, Tensor]:
        """Where latents may go, by name: as the directions of labels say, or by sliders alone."""
        directions = self.editor.directions
        if directions is None or torch.equal(before, after):
            return {"slider": sliding}
        return {
            "regression": directions.straight(before, after) + sliding,
            "neighbors": directions.matched(before, after) + sliding,
        }

    def descended(self, start: Tensor, labels: Tensor | None) -> Tensor:
        """The latent ``[1, W]`` after steps of Adam towards the wanted values, the others held."""
        editor, square, drawn = self.editor, self.subject.square, self.subject.found.drawn
        values, spread = self.wanted.values, editor.generator.spread[1]
        others = max(1, len(editor.changeable) - len(values))
        offsets = torch.zeros_like(start, requires_grad=True)
        optimizer = torch.optim.Adam([offsets], RATE)
        with torch.no_grad():
            held = editor.probabilities(square, SHIFTS[:1])
            first = editor.generator.drawn(start, labels)
            outside = 1 - _around(masks(square, drawn, first))
            first = blended(square, drawn, first)
        for step in range(DESCENT):
            latent = editor.generator.bounded(start + offsets * spread)
            picture = blended(square, drawn, editor.generator.draw(latent, labels))
            shares = editor.probabilities(picture, SHIFTS[step % len(SHIFTS) :][:1])
            loss = 0.05 * offsets.square().mean()
            loss = loss + AWAY * (outside * (picture - first).abs()).mean()
            for one, share, was in zip(editor.changeable, shares, held, strict=True):
                logs = share[0].clamp(min=1e-6).log()
                if one.name in values:
                    loss = loss - logs[values[one.name]]
                else:
                    loss = loss - HOLD / others * (was[0] * logs).sum()
            optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
        return editor.generator.bounded(start + offsets.detach() * spread)

    # ---- what the helpers say ---------------------------------------------------------------

    def _best(self, candidates: _Candidates) -> tuple[int, _Looks]:
        """The number of the weakest sure candidate with the most kept, else of the likeliest."""
        latents, labels = candidates.latents, candidates.labels
        rows = torch.arange(len(latents))
        if len(rows) > CHECKED:
            first = self._look(latents, labels, SHIFTS[:1])
            likely = torch.where(first.success >= SURE - 0.1, 2 - first.amount, first.success)
            rows = likely.topk(CHECKED).indices
        looks = self._look(latents[rows], None if labels is None else labels[rows])
        sure = looks.success >= SURE
        score = torch.where(sure, 3 + looks.kept - 0.1 * looks.amount, looks.success)
        best = int(score.argmax())
        return int(rows[best]), _Looks(looks.success[best], looks.kept[best], looks.amount[best])

    @torch.no_grad()
    def _look(
        self,
        latents: Tensor,
        labels: Tensor | None,
        shifts: tuple[tuple[int, int], ...] = SHIFTS,
    ) -> _Looks:
        editor, square = self.editor, self.subject.square
        after = editor.generator.drawn(latents, labels)
        pictures = blended(square, self.subject.found.drawn, after)
        amount = (pictures - square).abs().flatten(1).mean(1)
        success, kept = torch.ones(len(amount)), []
        shares = editor.probabilities(pictures, shifts) if editor.changeable else []
        for one, share in zip(editor.changeable, shares, strict=True):
            if one.name in self.wanted.values:
                success = torch.minimum(success, share[:, self.wanted.values[one.name]])
            else:
                kept.append((share.argmax(1) == self.subject.values[one.name]).float())
        whole = torch.stack(kept).mean(0) if kept else torch.ones(len(amount))
        return _Looks(success, whole, amount)

    # ---- a part of the way ------------------------------------------------------------------

    def _place(self, whole: Exchanged) -> float:
        """Where on the way to the whole change the probability has risen by the wanted share."""
        strength = self.wanted.strength
        if not self.wanted.values:
            return strength
        places = torch.linspace(0, 1, WAY + 1)
        risen = self._risen(whole, places)
        goal = float(risen[0] + strength * (risen[-1] - risen[0]))
        index = int((risen < goal).sum())
        if index == 0:
            return strength
        places = torch.linspace(float(places[index - 1]), float(places[index]), WAY + 1)
        risen = self._risen(whole, places)
        return float(places[min(int((risen < goal).sum()), WAY)])

    def _risen(self, whole: Exchanged, places: Tensor) -> Tensor:
        """The most that the probability has been up to each of these places of the way, ``[N]``."""
        looks = self._look(*self._between(whole, places[:, None]))
        return looks.success.cummax(0).values

    def _between(self, whole: Exchanged, shares: Tensor) -> tuple[Tensor, Tensor | None]:
        """Latents and labels at these shares ``[N, 1]`` of the way."""
        start = self.subject.found
        latents = start.latent + shares * (whole.latent - start.latent)
        if start.labels is None or whole.labels is None:
            return latents, None
        return latents, start.labels + shares * (whole.labels - start.labels)


def _axis(editor: Editor, name: str) -> Tensor:
    axis = editor.axis(name)
    assert axis is not None, "asked for by the stage before"
    return axis.direction


def _around(mask: Tensor) -> Tensor:
    """A mask wider by two places; all of the picture where it is empty."""
    wider = functional.max_pool2d(mask, 5, 1, 2)
    return wider if bool((wider > 0).any()) else torch.ones_like(wider)
