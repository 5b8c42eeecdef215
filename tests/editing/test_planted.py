"""A direction that was planted in a toy is the one that pictures teach, and moves nothing else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from lookalike import images
from lookalike.editing.directions import STRENGTH, find_axes
from lookalike.editing.editor import Editor, Slider
from lookalike.editing.exchange import WantedChange, exchange, strengths
from lookalike.editing.generator import EditableGenerator
from lookalike.editing.measure import subject_of
from lookalike.editing.teach import Lesson, lesson_of, taught
from lookalike.images import Pixels
from lookalike.parts.latents.priors import Normal
from lookalike.parts.networks.base import Frame, Invertible, NetworkPlan, Networks

SIDE, STEP = 16, 0.25
PLANTED = functional.normalize(torch.tensor([1.0, -1.0, 0.0, 0.0]), dim=0)
"""The upper left quarter becomes brighter, and the upper right one darker."""


class Quarters(nn.Module):
    """Each entry of the latent ``[N, 4]`` is the brightness of a quarter of the picture."""

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        corners = (STEP * z).clamp(-1, 1).reshape(-1, 1, 2, 2)
        return functional.interpolate(corners, (SIDE, SIDE)).expand(-1, 3, -1, -1)


@dataclass(frozen=True)
class QuartersPlan(NetworkPlan, Invertible):
    """Quarters, read back exactly where no brightness is at its end."""

    def build(self, frame: Frame) -> nn.Module:
        return Quarters()

    def read(self, network: nn.Module, pictures: Tensor, labels: Tensor | None) -> Tensor:
        return functional.adaptive_avg_pool2d(pictures.mean(1), 2).flatten(1) / STEP


class Averages(nn.Module):
    """Maps that are the picture itself, made smaller."""

    def forward(self, x: Tensor) -> list[Tensor]:
        return [functional.avg_pool2d(x, 2), functional.avg_pool2d(x, 4)]


@cache
def editor() -> Editor:
    plan, frame = QuartersPlan(), Frame(SIDE)
    networks = Networks({"G": plan.build(frame)})
    generator = EditableGenerator(
        frame, networks, {"G": plan}, Normal(4), {}, None, "cpu", Averages()
    )
    return Editor(generator, (), 0, (), None, None, ())


def drawn(count: int, seed: int, units: float) -> Pixels:
    """Pictures that lie by so much along what is planted, and at random in all ways beside."""
    noise = torch.randn(count, 4, generator=torch.Generator().manual_seed(seed))
    return images.to_pixels(editor().generator.drawn(0.5 * noise + units * PLANTED))


@cache
def lesson() -> Lesson:
    return lesson_of(editor(), drawn(20, 1, 1.5), drawn(20, 2, -1.5))


@cache
def slider() -> Slider:
    return taught(editor(), "tilt", lesson(), drawn(60, 3, -1.5))


@pytest.mark.slow
def test_twenty_and_twenty_pictures_teach_the_planted_direction() -> None:
    direction = slider().direction
    assert float(functional.cosine_similarity(direction, PLANTED, dim=0)) > 0.97
    assert float(direction @ PLANTED) == pytest.approx(3.0, abs=0.5)


def test_its_success_is_cross_validated_and_high() -> None:
    assert slider().success >= 0.85
    assert slider().low <= slider().success <= slider().high
    assert slider().count >= 10


@pytest.mark.slow
def test_labels_that_say_nothing_teach_a_slider_that_seldom_succeeds() -> None:
    mixed = replace(lesson(), yes=lesson().yes[torch.randperm(40, generator=torch.Generator())])
    assert float(mixed.yes.sum()) == 20
    found = taught(editor(), "nothing", mixed, drawn(60, 3, 0.0))
    assert found.low < 0.6, "so little is certain of it that nobody may trust it"


def test_the_slider_moves_what_was_taught_and_nothing_else() -> None:
    able = replace(editor(), sliders=(slider(),))
    square = images.to_network(drawn(1, 4, -1.5))
    subject = subject_of(able, square)
    assert subject.values == {"tilt": 0}
    change = exchange(able, subject, WantedChange({"tilt": 1}))
    assert change.sure
    before, after = (able.generator.read(x) for x in (square, change.edit.shown))
    assert before is not None
    assert after is not None
    moved = (after - before)[0]
    assert float(moved[0]) > 0.5
    assert float(moved[1]) < -0.5
    assert float(functional.cosine_similarity(moved, PLANTED, dim=0)) > 0.95


def test_a_strength_is_that_share_of_the_rise_in_what_the_readers_see() -> None:
    able = replace(editor(), sliders=(slider(),))
    subject = subject_of(able, images.to_network(drawn(1, 4, -1.5)))
    shares = (0.25, 0.5, 0.75, 1.0)
    found = strengths(able, subject, WantedChange({"tilt": 1}), shares)
    with torch.no_grad():
        start = float(able.probabilities(subject.square)[0][0, 1])
    whole = found[-1].success
    for share, change in zip(shares, found, strict=True):
        assert (change.success - start) / (whole - start) == pytest.approx(share, abs=0.1)
    amounts = [float((one.edit.shown - subject.square).abs().mean()) for one in found]
    assert amounts == sorted(amounts)


def test_axes_that_are_found_move_pictures_as_much_as_each_other_and_as_much_either_way() -> None:
    spread = torch.tensor([1.0, 0.9, 0.8, 0.7])
    latents = spread * torch.randn(200, 4, generator=torch.Generator().manual_seed(5))
    generator, start = editor().generator, torch.zeros(1, 4)
    axes = find_axes(generator, latents)
    assert len(axes) == 4
    for axis in axes:
        middle, *ends = (generator.drawn(start + u * axis.direction) for u in (0.0, 1.0, -1.0))
        for end in ends:
            assert float((end - middle).abs().mean()) == pytest.approx(STRENGTH, rel=0.1)
