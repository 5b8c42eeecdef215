"""A run opened to edit with it; what is learned once is kept in the run folder.

::

    RUN/editing/
      editor.safetensors      helpers, directions, axes, measured success
      taught-NAME.safetensors a slider that somebody taught
      names.json              names that somebody gave to axes

This is the one door of the room to the disk.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lookalike import checkpoints
from lookalike.data.decode.photos import SquareSettings
from lookalike.data.pack.atomic_folder import folder_name
from lookalike.data.pack.pack import Pack
from lookalike.editing.editor import Editor, Slider, learn_editor
from lookalike.editing.generator import EditableGenerator
from lookalike.editing.measure import measured
from lookalike.engine.load import OpenedPlayers, open_players, pack_if_there
from lookalike.errors import CheckpointError, RunError
from lookalike.place import Place
from lookalike.progress import Tell, silent
from lookalike.run import Run, read_json

VERSION = 1
LEARNED = 3
"""Another number where an editor is learned otherwise; sliders that were taught stay."""
FOLDER = "editing"

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class OpenedEditor:
    """An editor with what else is known of its run.

    ``squares`` says how photos are cut as the pack's pictures were, ``pack`` is the run's pack
    where it is still there, and ``key`` names the state that everything was learned from.
    """

    editor: Editor
    squares: SquareSettings
    pack: Pack | None
    images_seen: int
    recipe: str
    key: Mapping[str, Any]
    notes: tuple[str, ...] = ()


def open_editor(
    run: Run,
    place: Place,
    trusted: tuple[str, ...] = (),
    tell: Tell = silent,
    check: Callable[[SquareSettings], object] | None = None,
) -> OpenedEditor:
    """The editor of a run: as it was kept, or learned now from the run's pack.

    ``check`` is told how photos are cut before anything is learned, which takes a minute: what it
    refuses is refused at once.

    Raises:
        RunError: nothing is kept for this state of the run, and its pack is gone.
    """
    players = open_players(run, place, trusted)
    generator = EditableGenerator.of(players, place.device)
    key = _key(run, players.images_seen)
    pack, why = pack_if_there(run)
    learned = {**key, "learned": LEARNED}
    tree = _kept(_file(run), learned)
    plan = _plan_of(run, tree, pack, why)
    squares = SquareSettings.of(plan, generator.frame.size, generator.frame.channels)
    if check is not None:
        check(squares)
    if tree is None:
        assert pack is not None, "or there would be no plan"
        tree = {"key": learned, "plan": plan, **learn_editor(generator, pack, tell).as_tree()}
        _keep(_file(run), tree)
    editor, notes = _as_kept(run, generator, tree, key)
    return OpenedEditor(
        editor=editor,
        squares=squares,
        pack=pack,
        images_seen=players.images_seen,
        recipe=players.recipe.name,
        key=key,
        notes=(*notes, players.why) if run.takes_best and players.why else notes,
    )


def kept_editor(run: Run, players: OpenedPlayers, generator: EditableGenerator) -> Editor | None:
    """The editor of a run as it was kept, or None where it has to be learned first."""
    key = _key(run, players.images_seen)
    tree = _kept(_file(run), {**key, "learned": LEARNED})
    return None if tree is None else _as_kept(run, generator, tree, key)[0]


def _key(run: Run, images_seen: int) -> dict[str, Any]:
    fingerprint = run.env().get("data", {}).get("fingerprint")
    return {"version": VERSION, "images": images_seen, "pack": fingerprint}


def _as_kept(
    run: Run, generator: EditableGenerator, tree: Mapping[str, Any], key: Mapping[str, Any]
) -> tuple[Editor, tuple[str, ...]]:
    """The editor of a tree that was kept, with sliders and names, and words about old sliders."""
    editor = Editor.of_tree(generator, tree)  # what is kept in half precision is used so at once
    sliders, notes = _sliders(run, key)
    return replace(editor, sliders=sliders, names=axis_names(run)), notes


def knowing(
    run: Run, opened: OpenedEditor, names: Collection[str], tell: Tell = silent
) -> OpenedEditor:
    """The same editor, knowing how often changes of these attributes succeed; figures are kept."""
    before = opened.editor
    own = {one.name for one in before.attributes}
    missing = [name for name in names if name in own and name not in before.measured]
    if not missing:
        return opened
    if opened.pack is None:
        note = (
            f"How often changes of {', '.join(missing)} succeed is not known: it is measured on "
            "pictures of the run's pack, which is gone."
        )
        return replace(opened, notes=(*opened.notes, note))
    editor = measured(before, opened.pack.holdout, missing, tell)
    learned = {**opened.key, "learned": LEARNED}
    _keep(_file(run), {"key": learned, "plan": _plan(opened.pack), **editor.as_tree()})
    return replace(opened, editor=editor)


def axis_names(run: Run) -> dict[int, str]:
    """The names that a person gave to axes, by number."""
    told = read_json(run.path / FOLDER / "names.json")
    return {int(number): str(name) for number, name in told.items() if number.isdigit()}


def name_axes(run: Run, names: Mapping[int, str]) -> None:
    """Keep these names."""
    folder = run.path / FOLDER
    folder.mkdir(exist_ok=True)
    text = json.dumps({str(number): name for number, name in sorted(names.items())}, indent=1)
    checkpoints.write_whole(folder / "names.json", text.encode())


def keep_slider(run: Run, slider: Slider, key: Mapping[str, Any]) -> Path:
    """Keep what was taught; a slider of that name is replaced.

    Raises:
        CheckpointError: the disk refused.
    """
    path = run.path / FOLDER / f"taught-{folder_name(slider.name)}.safetensors"
    path.parent.mkdir(exist_ok=True)
    checkpoints.write(path, {"key": dict(key), **slider.as_tree()})
    return path


def _file(run: Run) -> Path:
    return run.path / FOLDER / "editor.safetensors"


def _plan_of(run: Run, tree: Mapping[str, Any] | None, pack: Pack | None, why: str) -> Any:
    """How the pack's pictures were cut, as it was kept or as the pack says.

    Raises:
        RunError: nothing is kept, and the pack is gone.
    """
    if tree is not None:
        return tree["plan"]
    if pack is None:
        raise RunError(
            f"{why} Editing with {run.path} needs it once, to learn what can be changed: put the "
            "pack back where it was."
        )
    return _plan(pack)


def _plan(pack: Pack) -> dict[str, Any]:
    """How the pack's pictures were cut, without where they came from."""
    plan: Mapping[str, Any] = pack.info.get("plan") or {}
    return {name: value for name, value in plan.items() if name != "source"}


def _kept(path: Path, key: Mapping[str, Any]) -> dict[str, Any] | None:
    """What is kept for this state of the run, or None."""
    try:
        tree = checkpoints.read(path)
    except CheckpointError:
        return None
    return tree if tree.get("key") == key else None


def _keep(path: Path, tree: Mapping[str, Any]) -> None:
    """Keep it; in a folder that cannot be written it is simply learned again next time."""
    try:
        path.parent.mkdir(exist_ok=True)
        checkpoints.write(path, tree)
    except (CheckpointError, OSError) as problem:
        log.warning("What was learned for editing is not kept: %s", problem)


def _sliders(run: Run, key: Mapping[str, Any]) -> tuple[tuple[Slider, ...], tuple[str, ...]]:
    """The sliders that fit the run as it is, and words about others."""
    found, notes = [], []
    for path in sorted((run.path / FOLDER).glob("taught-*.safetensors")):
        tree = _kept(path, key)
        if tree is None:
            notes.append(
                f"{path.name} was taught before the run was trained further, or is damaged; teach "
                "it again."
            )
        else:
            tree.pop("key")
            found.append(Slider.of_tree(tree))
    return tuple(found), tuple(notes)
