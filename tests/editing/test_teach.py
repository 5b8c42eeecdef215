"""What twenty pictures of each kind teach of labels: only attributes in which they differ."""

from __future__ import annotations

import torch

from lookalike.editing.teach import Lesson, moved_labels


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
