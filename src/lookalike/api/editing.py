"""Editing pictures with a run: edit, rebuild, directions, teach."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lookalike.api.signatures import local
from lookalike.errors import DataError
from lookalike.progress import NOBODY, Listener
from lookalike.settings.editing import (
    DirectionsSettings,
    EditSettings,
    RebuildSettings,
    TeachSettings,
)
from lookalike.settings.options import AnyPath, filled, path_of

if TYPE_CHECKING:
    from lookalike.stages.directions import FoundDirections
    from lookalike.stages.edit import Edited, Morphed
    from lookalike.stages.rebuild import Rebuilt
    from lookalike.stages.teach import Taught
    from lookalike.stages.vary import Varied


@local
def edit(
    run: AnyPath,
    *photos: AnyPath,
    to: AnyPath | None = None,
    settings: EditSettings | None = None,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Edited | Morphed | Varied:
    """Change one thing of a photo; the rest of it stays bit for bit.

    The first edit with a run learns what can be changed from the run's pack, in about a minute, and
    keeps it in the run folder.

    Args:
        run: A run folder.
        photos: A photo, several, or a folder of photos. None with --seed: a generated picture.
        to: Where the result goes. Default: photo-edit.png beside the photo. With --vary a folder
            that does not exist yet, or is empty; with --between a .gif or .webp.
        settings: What is changed and how strongly, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: the run does not know what is to be changed, or the change did not succeed.
    """
    from lookalike.run import Run
    from lookalike.stages import edit as stage
    from lookalike.stages import vary as varying

    settings = filled(EditSettings, settings, fields)
    opened, place = Run.open(path_of(run)), settings.device.place()
    sources = [path_of(photo) for photo in photos]
    target = None if to is None else path_of(to)
    if settings.vary:
        if target is None:
            raise DataError("--vary makes a folder of pictures: name one with --to.")
        return varying.vary(opened, sources, target, settings, place, listener)
    if settings.between is None:
        return stage.edit(opened, sources, target, settings, place, listener.tell)
    if target is None or len(sources) != 1:
        raise DataError(
            "--between goes from one photo to another, into a file: lookalike edit RUN a.jpg "
            "--between b.jpg --to morph.gif"
        )
    ends = (sources[0], path_of(settings.between))
    return stage.morph(opened, ends, target, settings, place, listener.tell)


@local
def rebuild(
    run: AnyPath,
    *photos: AnyPath,
    to: AnyPath | None = None,
    settings: RebuildSettings | None = None,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Rebuilt:
    """How well a run's generator can draw a photo, beside held-out pictures of its pack.

    Args:
        run: A run folder.
        photos: One photo.
        to: The picture with the photo and what each loss found. Default: photo-rebuilt.png beside
            the photo.
        settings: How the photo is sought, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: the photo cannot be read, or there is no such loss.
    """
    from lookalike.run import Run
    from lookalike.stages import rebuild as stage

    settings = filled(RebuildSettings, settings, fields)
    if len(photos) != 1:
        raise DataError("Name one photo: lookalike rebuild RUN PHOTO")
    target = None if to is None else path_of(to)
    opened, place = Run.open(path_of(run)), settings.device.place()
    return stage.rebuild(opened, path_of(photos[0]), target, settings, place, listener.tell)


@local
def directions(
    run: AnyPath,
    settings: DirectionsSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> FoundDirections:
    """What can be changed with a run: labels with measured success, and axes found without labels.

    Args:
        run: A run folder.
        settings: Names for axes and where the page goes, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: the run's pack is gone before anything was learned from it.
    """
    from lookalike.run import Run
    from lookalike.stages import directions as stage

    settings = filled(DirectionsSettings, settings, fields)
    opened = Run.open(path_of(run))
    return stage.directions(opened, settings, settings.device.place(), listener.tell)


@local
def teach(
    run: AnyPath,
    settings: TeachSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Taught:
    """Pictures that show something and pictures that do not become a slider of one's own.

    Twenty of each kind are enough for what is large. Its success is measured on pictures that it
    has not seen, and kept with it in the run folder.

    Args:
        run: A run folder.
        settings: Its name and the two folders, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        LookalikeError: a folder or the name is missing, or too few pictures can be read.
    """
    from lookalike.run import Run
    from lookalike.stages import teach as stage

    settings = filled(TeachSettings, settings, fields)
    return stage.teach(Run.open(path_of(run)), settings, settings.device.place(), listener.tell)
