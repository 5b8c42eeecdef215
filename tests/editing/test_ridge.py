"""Ridge regression in its dual form: left-out predictions are those of fits without the row."""

from __future__ import annotations

import pytest
import torch

from lookalike.editing.ridge import RIDGES, fit_ridge, sharpened


def rows_of(count: int, width: int) -> torch.Tensor:
    rows = torch.randn(count, width, generator=torch.Generator().manual_seed(0))
    return rows - rows.mean(0)


@pytest.mark.parametrize("copies", [1, 2])
def test_a_row_left_out_is_said_what_a_regression_without_it_says(
    copies: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lookalike.editing.ridge.RIDGES", RIDGES[2:3])
    rows = rows_of(12, 30)
    goals = rows[:, :2] + 0.5 * rows_of(12, 2)
    fit = fit_ridge(rows, goals, copies)
    ridge = RIDGES[2] * float((rows @ rows.T).diagonal().mean())
    count = 12 // copies
    for left in range(count):
        out = [left + count * copy for copy in range(copies)]
        kept = [row for row in range(12) if row not in out]
        gram = rows[kept] @ rows[kept].T + ridge * torch.eye(len(kept))
        dual = torch.linalg.solve(gram, (goals - goals.mean(0))[kept])
        said = rows[out] @ rows[kept].T @ dual + goals.mean(0)
        assert torch.allclose(fit.left_out[out], said, atol=1e-4)


def test_the_weight_says_of_the_rows_what_they_are() -> None:
    rows = rows_of(200, 5)
    goals = rows[:, :1] * 2 + 3
    fit = fit_ridge(rows, goals)
    assert torch.allclose(rows @ fit.weight.T + fit.mean, goals, atol=0.05)


def test_predictions_that_are_right_become_sharp_and_others_stay_blunt() -> None:
    values = torch.arange(60) % 3
    right = torch.nn.functional.one_hot(values, 3).float()
    assert sharpened(right, values) > 15
    assert sharpened(right.roll(1, 1), values) < 1
    assert sharpened(right, torch.full((60,), -1)) == 1.0
