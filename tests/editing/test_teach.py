"""What twenty pictures of each kind teach, and how its success is judged and told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from lookalike.editing.editor import Editor, Slider
from lookalike.editing.exchange import WantedChange
from lookalike.editing.helpers import Helper
from lookalike.editing.photos import refuse_seldom
from lookalike.editing.teach import Lesson, _judges, moved_labels
from lookalike.errors import DataError
from lookalike.settings.editing import EditSettings
from lookalike.stages.teach import Taught


def lesson(labels: torch.Tensor | None) -> Lesson:
    yes = torch.tensor([1.0] * 4 + [0.0] * 4)
    return Lesson(torch.zeros(8, 2), torch.zeros(8, 2, 4), 2, yes, labels)


def test_an_attribute_in_which_the_pictures_differ_is_moved_whole_and_others_stay() -> None:
    hair = torch.tensor([[1.0, 0, 0]] * 4 + [[0, 1, 0], [0, 0, 1]] * 2)
    eyes = torch.tensor([[1.0, 0], [0, 1]] * 4)
    moved = moved_labels(lesson(torch.cat([hair, eyes], 1)), [(0, 1, 2), (3, 4)])
    assert moved is not None
    assert moved[0].tolist() == [1, 1, 1, 0, 0]
    assert moved[1, :3].tolist() == [0, 0.5, 0.5], "of no"
    assert moved[2, :3].tolist() == [1, 0, 0], "of yes"


def test_without_labels_or_without_a_difference_nothing_is_moved() -> None:
    assert moved_labels(lesson(None), [(0, 1)]) is None
    assert moved_labels(lesson(torch.ones(8, 2)), [(0, 1)]) is None


def slider(**changed: float) -> Slider:
    return Slider("smile", torch.zeros(2), (), 0.5, 40, None, **changed)


def kept_editor(sliders: tuple[Slider, ...]) -> Editor:
    return Editor(None, (), 0, (), None, None, (), sliders)  # type: ignore[arg-type]


def test_a_slider_is_refused_only_where_all_of_its_interval_lies_below_the_limit() -> None:
    wanted = WantedChange({"smile": 1})
    refuse_seldom(kept_editor((slider(low=0.3, high=0.7),)), wanted, EditSettings())
    seldom = kept_editor((slider(low=0.3, high=0.55),))
    with pytest.raises(DataError, match="smile succeeds on 50% of held-out"):
        refuse_seldom(seldom, wanted, EditSettings())
    refuse_seldom(seldom, wanted, EditSettings(anyway=True))


def test_a_slider_that_was_kept_before_it_had_an_interval_is_read_and_not_refused() -> None:
    tree = slider(low=0.3, high=0.55).as_tree()
    assert Slider.of_tree(tree).high == 0.55
    old = {name: value for name, value in tree.items() if name not in {"low", "high"}}
    assert (Slider.of_tree(old).low, Slider.of_tree(old).high) == (0.0, 1.0)


@pytest.mark.parametrize(("high", "refused"), [(0.55, True), (0.7, False)])
def test_what_edit_will_refuse_is_said_when_it_is_taught(high: float, refused: bool) -> None:
    told = Taught(Path("run"), "smile", 20, 20, 0.5, 40, Path("file"), low=0.3, high=high)
    assert ("edit refuses it without --anyway" in str(told)) == refused
    assert told.next_step.endswith("--set smile=yes --anyway") == refused


WIDE = 200
"""Columns of maps, of which the first two say something."""


def known_helper() -> Helper:
    """Reads one attribute of two values off the first two columns, and nothing off the rest."""
    weight = torch.zeros(2, WIDE)
    weight[0, 0] = weight[1, 1] = 20.0
    return Helper(0, WIDE, torch.zeros(WIDE), torch.ones(WIDE), weight, torch.zeros(2), (2,))


def test_the_judge_reads_in_the_words_of_the_run_where_these_say_more_than_maps() -> None:
    yes = torch.tensor([1.0, 0.0] * 10)
    maps = torch.randn(20, 2, WIDE, generator=torch.Generator().manual_seed(0))
    maps[:, :, :2] = torch.stack([yes, 1 - yes], 1)[:, None]
    lesson = Lesson(torch.zeros(20, 2), maps, 3, yes)
    halves = [lesson.take(torch.arange(20)[start : start + 10]) for start in (0, 10)]
    judges, rates = _judges(replace(kept_editor(()), judge=known_helper()), halves)
    assert (rates.sensitivity, rates.specificity, rates.yes, rates.no) == (1.0, 1.0, 10, 10)
    assert judges[0](maps[:, 0]).tolist() == yes.bool().tolist()
    _, alone = _judges(kept_editor(()), halves)
    assert alone.accuracy < 1, "maps alone are mostly noise"
