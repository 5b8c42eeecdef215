"""The laws of editing about every recipe: nothing is changed but what was asked for."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from smallest import EVERY, small, trainer_of
from torch import Tensor

from lookalike import images
from lookalike.data.decode.photos import Photo
from lookalike.editing.compose import Edit, compose
from lookalike.editing.directions import find_axes
from lookalike.editing.editor import Editor
from lookalike.editing.exchange import Exchanged, Subject, WantedChange, exchange
from lookalike.editing.generator import EditableGenerator
from lookalike.editing.inversion import Inversion, InversionSettings, invert
from lookalike.engine.load import OpenedPlayers

QUICK = InversionSettings(steps=2)


@cache
def editor_of(name: str) -> Editor:
    """An editor around a recipe that was trained for two steps, with the axes that it has."""
    trainer = trainer_of(small(name))
    for _ in range(2):
        trainer.step()
    networks = trainer.networks.eval().requires_grad_(False)
    players = OpenedPlayers(trainer.recipe, networks, trainer.learned, trainer.labels_seen, 0)
    generator = EditableGenerator.of(players)
    latents, labels = generator.sample(0, "test", 32)
    axes = tuple(find_axes(generator, latents, labels))
    return Editor(generator, (), 0, (), None, None, axes)


@cache
def pictures_of(name: str) -> Tensor:
    chosen = small(name)
    return trainer_of(chosen).source.some(2).images


def condition(editor: Editor) -> Tensor | None:
    if not editor.generator.frame.labels:
        return None
    return torch.eye(editor.generator.frame.labels)[:1]


@cache
def subject_of(name: str, row: int = 0) -> Subject:
    editor, square = editor_of(name), pictures_of(name)[row : row + 1]
    return Subject(square, invert(editor.generator, square, condition(editor), QUICK), {})


@cache
def edited(name: str, units: float = 2.0) -> Exchanged:
    return exchange(editor_of(name), subject_of(name), WantedChange(axes={"1": units}))


def photo_around(square: Tensor, side: int) -> Photo:
    """A photo of three times the square's side, the square in its middle."""
    small_one = images.to_pixels(square)[0]
    large = np.random.default_rng(0).integers(0, 256, (3 * side, 3 * side, small_one.shape[2]))
    large = large.astype(np.uint8)
    large[side : 2 * side, side : 2 * side] = small_one
    matrix = np.array([[1.0, 0, -side], [0, 1.0, -side], [0, 0, 1]])
    return Photo(pixels=large, square=small_one, to_square=matrix, digest="")


@EVERY
def test_no_change_asked_gives_the_photo_back_bit_for_bit(name: str) -> None:
    editor, subject = editor_of(name), subject_of(name)
    photo = photo_around(subject.square, editor.generator.frame.size)
    for wanted in (WantedChange(), WantedChange(axes={"1": 0.0})):
        edit = exchange(editor, subject, wanted).edit
        assert np.array_equal(compose(photo, edit), photo.pixels)


@EVERY
def test_strength_zero_is_the_photo(name: str) -> None:
    editor, subject = editor_of(name), subject_of(name)
    photo = photo_around(subject.square, editor.generator.frame.size)
    edit = exchange(editor, subject, WantedChange(axes={"1": 3.0}, strength=0.0)).edit
    assert np.array_equal(compose(photo, edit), photo.pixels)


@EVERY
def test_pixels_outside_the_mask_are_those_of_the_photo(name: str) -> None:
    side = editor_of(name).generator.frame.size
    photo, edit = photo_around(subject_of(name).square, side), edited(name).edit
    result = compose(photo, edit)
    inside = np.zeros(photo.pixels.shape[:2], bool)
    inside[side : 2 * side, side : 2 * side] = (edit.mask[0, 0] > 0).numpy()
    assert np.array_equal(result[~inside], photo.pixels[~inside])


@EVERY
def test_an_edit_and_its_reverse_return_near_the_start(name: str) -> None:
    there = edited(name).edit
    back = Edit(there.shown, there.after, there.before)
    moved = float((there.shown - there.square).abs().mean())
    left = float((back.shown - there.square).abs().mean())
    assert left <= 0.5 * moved + 0.02


@EVERY
def test_the_same_again_gives_the_same_bytes(name: str) -> None:
    editor, square = editor_of(name), pictures_of(name)[:1]
    torch.manual_seed(1)  # nothing may depend on what was drawn before
    found = invert(editor.generator, square, condition(editor), QUICK)
    again = exchange(editor, Subject(square, found, {}), WantedChange(axes={"1": 2.0}))
    assert torch.equal(found.latent, subject_of(name).found.latent)
    assert torch.equal(again.edit.shown, edited(name).edit.shown)


@EVERY
def test_a_batch_equals_its_pictures_one_by_one(name: str) -> None:
    generator = editor_of(name).generator
    latents, labels = generator.sample(3, "test/batch", 5)
    whole = generator.drawn(latents, labels)
    for row in range(5):
        told = None if labels is None else labels[row : row + 1]
        assert torch.equal(generator.drawn(latents[row : row + 1], told), whole[row : row + 1])


@EVERY
def test_descent_finds_a_picture_that_the_generator_drew_better_than_it_began(name: str) -> None:
    editor = editor_of(name)
    latents, labels = editor.generator.sample(5, "test/own", 1)
    picture = editor.generator.drawn(latents, labels)
    first: Inversion = invert(editor.generator, picture, labels, InversionSettings(steps=0))
    later = invert(editor.generator, picture, labels, InversionSettings(steps=12))
    weights = InversionSettings().losses
    told = [sum(weights[key] * one.losses[key] for key in weights) for one in (first, later)]
    assert told[1] <= told[0] * 1.01 + 1e-6


def test_there_are_recipes_that_read_whole_latents_codes_and_nothing() -> None:
    reads = {name: editor_of(name).generator for name in ("swift", "infogan", "degan", "dcgan")}
    assert reads["swift"].reads
    assert reads["degan"].reads
    assert not reads["infogan"].reads
    assert reads["infogan"].codes(pictures_of("infogan")) is not None
    assert reads["dcgan"].readers == {}


@pytest.mark.parametrize("name", ["info-began"])
def test_a_noise_predictor_reads_whole_latents(name: str) -> None:
    assert editor_of(name).generator.reads
