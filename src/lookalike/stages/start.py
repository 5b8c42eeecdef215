"""Start: where a run lies and whether it may go on, asked before anything is written.

A run keeps to the pictures it was begun with: its pack is never replaced by that of another folder,
nor by that of the same folder when pictures came or went.
"""

from __future__ import annotations

import shlex
from itertools import count
from pathlib import Path

from lookalike import recipe
from lookalike.data.pack.pack import Pack
from lookalike.data.readers.open import open_source
from lookalike.errors import DataError, PackError, RunError
from lookalike.run import Run
from lookalike.settings.options import url_of

RUNS = Path("runs")


def pack_in(folder: Path) -> Path:
    """Where a run keeps the pack that was made for it."""
    return folder / "pack"


def run_folder(source: Path, into: Path | None = None) -> tuple[Path, str | None]:
    """The run folder of these pictures, and a remark where another name had to be taken.

    ``runs/NAME`` unless ``into`` names one, up to a dot in the name; the whole name, then
    ``runs/NAME-2`` where other pictures have that.

    Raises:
        RunError: ``into`` holds the run of other pictures.
    """
    if into is not None:
        other = other_source(pack_in(into), source)
        if other:
            raise RunError(
                f"{into} holds a run of other pictures ({other}), and it keeps to them. Nothing "
                "was changed. Name another folder with --into, or leave --into out."
            )
        return into, None
    names = _names(source)
    ours = [name for name in names if not _taken(name, source)]
    chosen = next(filter(_begun, ours), ours[0])
    if chosen == names[0] or names[0] in ours:
        return chosen, None
    return chosen, f"{names[0]} holds a run of other pictures, so this one goes to {chosen}."


def _names(source: Path) -> list[Path]:
    """What a run of these pictures may be called, the likeliest first; the last one is not taken.

    As in version 0.1, ``pics`` for a folder ``pics.v1``; its whole name where others have that. The
    pack in a run belongs to that run.
    """
    whole = source.resolve()
    if Pack.is_pack(source) and Run(whole.parent).exists and pack_in(whole.parent) == whole:
        return [source.parent if source.name else whole.parent]
    short = whole.stem or "pictures"
    name = whole.name if whole.is_dir() and whole.name else short
    names = list(dict.fromkeys((RUNS / short, RUNS / name)))
    numbers = count(2)
    while _taken(names[-1], source):
        names.append(RUNS / f"{name}-{next(numbers)}")
    return names


def _begun(folder: Path) -> bool:
    return Run(folder).exists or Pack.is_pack(pack_in(folder))


def _taken(folder: Path, source: Path) -> bool:
    """Whether this folder has a run of other pictures."""
    run, pack = Run(folder), pack_in(folder)
    if Pack.is_pack(source) and run.exists:
        return bool(run.env().get("data", {}).get("fingerprint") != Pack.open(source).fingerprint)
    return bool(other_source(pack, source)) if Pack.is_pack(pack) else run.exists


def other_source(pack: Path, source: Path) -> str | None:
    """What a pack was made of, where that is something else; None where there is no pack.

    A source that is gone from its place and has the same name was moved, and is the same.
    """
    if not Pack.is_pack(pack) or pack.resolve() == source.resolve():
        return None
    try:
        info = Pack.open(pack).info
    except PackError:  # damaged: it is made anew
        return None
    known, here = str(info.get("plan", {}).get("source", "")), source.resolve()
    if url_of(source) is not None:
        return None if known in ("", url_of(source)) else known
    moved = not Path(known).exists() and Path(known).name == here.name
    return None if not known or known == str(here) or moved else known


def refuse_other_source(pack: Path, source: Path) -> None:
    """Refuse to replace a pack by one of other pictures.

    Raises:
        PackError: the pack was made of something else.
    """
    other = other_source(pack, source)
    if other:
        raise PackError(
            f"{pack} is a pack of {other}, not of {source}, and no pack is replaced by that of "
            "other pictures. Name another place with --to, or move it away."
        )


def own_pack(run: Run, source: Path, anew: str, further: str) -> Pack | None:
    """The pack that a run was begun with, when its source is as it was; None where there is none.

    ``anew`` and ``further`` are the commands that begin another run, into a folder that is named
    behind it, and that train this one further.

    Raises:
        RunError: pictures came or went since.
        DataError: the source cannot be read.
    """
    path = pack_in(run.path)
    if not run.exists or not Pack.is_pack(path):
        return None
    pack = Pack.open(path)
    if not source.exists():
        return pack
    came, went = _changes(pack, source)
    if not came and not went:
        return pack
    anew = f"{anew} --into {shlex.quote(str(_free(run.path)))}"
    ways = [
        f"A new run on all of them: {anew}",
        f"To train further on those of before: {further}",
    ]
    if run.saved and not run.shared:
        begun = f"{anew} --begin-with {shlex.quote(str(run.path))}"
        ways.insert(0, f"A new run that begins with the weights of the old one: {begun}")
    raise RunError(
        f"{source} has changed since the run in {run.path} was begun ({came:,} new files, {went:,} "
        "gone), and a run keeps to its pictures. Nothing was changed. There are these ways to go "
        "on:\n" + "\n".join(f"  {way}" for way in ways)
    )


def _changes(pack: Pack, source: Path) -> tuple[int, int]:
    """How many files of a source are new since its pack was made, and how many are gone."""
    pictures = open_source(source)
    read = {str(row.get("source", "")) for row in pack.manifest()}
    refused = {str(row.get("source", "")) for row in pack.refused()}
    files = {file.name for file in pictures.files}
    there = files | {name for name, _ in pictures.refused}
    return len(files - read - refused), len(read - there)


def _free(folder: Path) -> Path:
    """A name beside this one that nothing has yet."""
    names = (folder.with_name(f"{folder.name}-{number}") for number in count(2))
    return next(name for name in names if not name.exists())


def uses_labels(pack: Pack, run: Run, name: str) -> bool | None:
    """Whether training uses the pack's labels; None leaves it to ``train``, as it always was.

    A run that was begun goes on as it was, and one that begins with its weights, too. A new one
    uses attributes where its recipe exchanges them (it takes ``groups``), which makes pictures that
    can be edited by them: on 3,000 faces, 10,000 pictures seen, KID was 0.63 (0.55 to 0.70) with
    and 0.65 (0.59 to 0.72) without.
    """
    attributes = len(pack.columns) > len(pack.classes)
    if run.exists:
        used = bool(run.recipe_values().get("labels"))
        return used if attributes or not used else None
    if not attributes or Path(name).suffix:
        return None
    return recipe.find(name).takes("groups") or None


def refuse_run(source: Path) -> None:
    """Refuse a run where pictures are asked for.

    Raises:
        DataError: it is one.
    """
    if Run(source).exists and not Pack.is_pack(source):
        raise DataError(
            f"{source} is a run, not pictures. Name the folder or the pack that it was trained on; "
            "new pictures of it: lookalike generate " + shlex.quote(str(source))
        )
