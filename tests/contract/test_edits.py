"""The laws of editing about every recipe: nothing is changed but what was asked for."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from smallest import EVERY, small, trainer_of
from torch import Tensor

from lookalike import images
from lookalike.data.decode.photos import Photo
from lookalike.editing.compose import compose
from lookalike.editing.directions import find_axes
from lookalike.editing.editor import Editor
from lookalike.editing.exchange import Exchanged, Subject, WantedChange, exchange
from lookalike.editing.generator import EditableGenerator
from lookalike.editing.inversion import Inversion, InversionSettings, invert
from lookalike.engine.load import OpenedPlayers
from lookalike.errors import DataError
from lookalike.settings.editing import EditSettings
from lookalike.stages.edit import code_words, wanted_change

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


@pytest.mark.slow
@EVERY
def test_no_change_asked_gives_the_photo_back_bit_for_bit(name: str) -> None:
    editor, subject = editor_of(name), subject_of(name)
    photo = photo_around(subject.square, editor.generator.frame.size)
    for wanted in (WantedChange(), WantedChange(axes={"1": 0.0})):
        edit = exchange(editor, subject, wanted).edit
        assert np.array_equal(compose(photo, edit), photo.pixels)


@pytest.mark.slow
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
    there, subject = edited(name, 0.25), subject_of(name)  # a bounded z would end farther steps
    found = replace(subject.found, latent=there.latent, drawn=there.edit.after)
    reverse = WantedChange(axes={"1": -0.25})
    back = exchange(editor_of(name), Subject(there.edit.shown, found, {}), reverse)
    moved = float((there.edit.shown - subject.square).abs().mean())
    left = float((back.edit.shown - subject.square).abs().mean())
    assert left <= 0.5 * moved + 0.001


@pytest.mark.slow
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


@pytest.mark.slow
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


CODED = pytest.mark.parametrize("name", ["infogan", "info-began"])
"""The recipes that teach their generators codes."""


def without(latent: Tensor, columns: range) -> Tensor:
    """All columns of a latent ``[1, W]`` but these."""
    return torch.cat([latent[:, : columns.start], latent[:, columns.stop :]], 1)


@CODED
def test_a_code_is_what_was_asked_for_and_all_else_of_z_as_it_was(name: str) -> None:
    editor, subject = editor_of(name), subject_of(name)
    start = subject.found.latent
    numbers = [code for code in editor.codes if editor.axis(code) is not None]
    assert "code1" in numbers
    for code in numbers:
        columns = editor.generator.named_columns[code]
        before = float(start[0, columns[0]])
        for units in (-3.0, -0.25, 0.25, 3.0):
            change = exchange(editor, subject, WantedChange(axes={code: units}))
            wanted = min(1.0, max(-1.0, before + units))
            assert float(change.latent[0, columns[0]]) == pytest.approx(wanted, abs=1e-6)
            assert torch.equal(without(change.latent, columns), without(start, columns))


def test_a_category_is_the_one_that_was_asked_for_and_all_else_of_z_as_it_was() -> None:
    editor, subject = editor_of("infogan"), subject_of("infogan")
    category, columns = editor.category("category"), editor.generator.named_columns["category"]
    assert category is not None
    for value in category.values:
        change = exchange(editor, subject, WantedChange(categories={"category": value}))
        assert category.read(change.latent) == value
        block = change.latent[0, columns.start : columns.stop]
        assert block.tolist() == [float(number == value) for number in category.values]
        assert torch.equal(without(change.latent, columns), without(subject.found.latent, columns))


def test_no_strength_of_a_code_or_a_category_is_the_photo() -> None:
    editor, subject = editor_of("infogan"), subject_of("infogan")
    photo = photo_around(subject.square, editor.generator.frame.size)
    wanted = WantedChange(axes={"code1": 1.0}, categories={"category": 2}, strength=0.0)
    assert np.array_equal(compose(photo, exchange(editor, subject, wanted).edit), photo.pixels)


@EVERY
def test_only_recipes_with_codes_offer_some(name: str) -> None:
    assert bool(editor_of(name).codes) == (name in {"infogan", "info-began"})


def test_a_code_gives_its_name_to_what_a_person_called_so() -> None:
    editor = editor_of("infogan")
    named = replace(editor, names={1: "code1"})
    assert named.axis("code1") is editor.axes[0]
    assert named.axis("z.code1") is not None
    assert "code1" not in named.codes


def test_codes_are_asked_for_as_axes_are_and_categories_by_their_number() -> None:
    editor, subject = editor_of("infogan"), subject_of("infogan")
    wanted = wanted_change(editor, EditSettings(changes={"code1": "+0.5", "category": "2"}))
    assert (wanted.axes, wanted.categories) == ({"code1": 0.5}, {"category": 2})
    change = exchange(editor, subject, wanted)
    words = code_words(editor, subject, wanted, change)
    assert words[0].startswith("code1 was ")
    assert words[1].endswith("and 2 was asked for.")
    for text in ("0", "99", "two", "+1"):
        with pytest.raises(DataError, match="category has the values 1 to"):
            wanted_change(editor, EditSettings(changes={"category": text}))
    with pytest.raises(DataError, match="codes: category, code1"):
        wanted_change(editor, EditSettings(changes={"nose": "long"}))
