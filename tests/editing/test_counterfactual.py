"""Edits of demo faces beside the truth: the same face drawn again with one part changed."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from benchmarks.edit import changes_of, nearest, ours, overlap, psnr, true_edit, unchanged

from lookalike import api, images
from lookalike.data.demo import draw_demo
from lookalike.data.pack.pack import Pack
from lookalike.editing.compose import Edit
from lookalike.editing.editor import Editor
from lookalike.editing.exchange import Subject, WantedChange, exchange
from lookalike.editing.measure import subject_of
from lookalike.editing.open import open_editor
from lookalike.run import Run
from lookalike.settings.data import DemoSettings
from lookalike.settings.device import Device

for needed in ("dicebear", "dicebear_styles", "resvg_py"):
    pytest.importorskip(needed, reason="the extra 'demo' is not installed")

SIDE = 32


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Pack:
    """Demo faces with their attributes."""
    home = tmp_path_factory.mktemp("faces")
    draw_demo(home / "pictures", DemoSettings(style="toon-head", count=600, size=SIDE))
    api.prepare(home / "pictures", home / "pack", size=SIDE, holdout=0.1)
    return Pack.open(home / "pack")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["mouth", "hair", "rear_hair", "clothes_color"])
def test_a_face_drawn_again_is_itself_until_a_part_of_it_is_changed(pack: Pack, name: str) -> None:
    rows = pack.holdout.rows(range(4))
    for row, told in enumerate(rows):
        square = images.to_network(pack.holdout.images([row]))
        own = told["attributes"][name]
        assert np.array_equal(true_edit(pack, row, name, own), square)
        others = {str(line["attributes"][name]) for line in pack.manifest()} - {str(own)}
        changed = true_edit(pack, row, name, min(others))
        share = float(((changed - square).abs().amax(1) > 0).float().mean())
        assert 0 < share < 0.7


@pytest.mark.slow
def test_a_change_that_was_drawn_rightly_comes_out_as_the_truth(pack: Pack) -> None:
    found = []
    for row in range(12):
        square = images.to_network(pack.holdout.images([row]))
        truth = true_edit(pack, row, "hair_color", "#d6b370")
        shown = Edit(square, square, truth).shown
        found.append((overlap(square, shown, truth), psnr(shown, truth)))
        assert psnr(shown, truth) >= psnr(square, truth)
    share, near = np.mean(found, 0)
    assert share >= 0.9
    assert near >= 35


@pytest.fixture(scope="module")
def editor(pack: Pack, tmp_path_factory: pytest.TempPathFactory) -> Editor:
    """Of a short run with labels."""
    run = tmp_path_factory.mktemp("runs") / "run"
    changes = {"images": 3_000, "width": 32, "warm": "none"}
    api.train(pack.path, run, changes=changes, labels=True, threads=1)
    return open_editor(Run.open(run), Device().place()).editor


COARSE = ("hair", "rear_hair", "clothes_color", "hair_color", "skin_color")


def coarse_changes(
    editor: Editor, pack: Pack, count: int
) -> Iterator[tuple[int, Subject, str, int]]:
    """Held-out faces, as they were found again, and another value of a large part of each."""
    for row, name, value in changes_of(editor, pack, count):
        if name in COARSE:
            yield (
                row,
                subject_of(editor, images.to_network(pack.holdout.images([row]))),
                name,
                value,
            )


@pytest.mark.slow
def test_edits_of_a_short_run_are_nearer_to_the_truth_than_doing_nothing_or_another_face(
    editor: Editor, pack: Pack
) -> None:
    figures = []
    for row, subject, name, value in coarse_changes(editor, pack, 4):
        attribute = editor.find(name)
        assert attribute is not None
        truth = true_edit(pack, row, name, attribute.values[value])
        shown = [way(editor, pack, subject, name, value) for way in (ours, unchanged, nearest)]
        areas = overlap(subject.square, shown[0], truth)
        figures.append([areas, *(psnr(one, truth) for one in shown)])
    areas, mine, nothing, other = np.mean(figures, 0)
    assert areas >= 0.5
    assert mine > nothing
    assert mine > other


@pytest.mark.slow
def test_what_was_changed_and_changed_back_is_near_the_face_as_it_was(
    editor: Editor, pack: Pack
) -> None:
    away, left = [], []
    for _, subject, name, value in coarse_changes(editor, pack, 2):
        there = exchange(editor, subject, WantedChange({name: value})).edit.shown
        again = subject_of(editor, there)
        back = exchange(editor, again, WantedChange({name: subject.values[name]})).edit.shown
        away.append(psnr(there, subject.square))
        left.append(psnr(back, subject.square))
    assert np.mean(left) > np.mean(away) + 3
