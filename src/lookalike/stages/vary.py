"""Vary: a handful of photos becomes a larger set, one attribute changed at a time, each checked.

The checks are those of ``expand``: the helpers have to be sure of the new value and of the old
class, and a change may be no copy of another training picture, no odd one out (compared with its
own photo where that is one) and no twin of one taken before.
"""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike import images, seeds
from lookalike.data.decode.photos import Photo, encode_photo
from lookalike.data.expanded.partial_results import Unfinished
from lookalike.data.pack.atomic_folder import refuse_full, whole_folder
from lookalike.data.pack.pack import Pack
from lookalike.editing.compose import compose
from lookalike.editing.exchange import Exchanged, Subject, WantedChange, exchange
from lookalike.editing.measure import subject_of
from lookalike.editing.open import OpenedEditor, knowing, open_editor
from lookalike.editing.photos import (
    edit_text,
    known,
    open_photo,
    originals_of,
    refuse_seldom,
    refuse_unreadable,
    sought_by,
)
from lookalike.errors import DataError, RunError
from lookalike.metrics.features.features import Features
from lookalike.metrics.features.judges import named
from lookalike.metrics.features.real_features import shuffled
from lookalike.metrics.utility.selection import MOST, SelectedPictures, Sieve, seen_by, sieve
from lookalike.place import Place
from lookalike.progress import Listener, Tell
from lookalike.recipe import trust
from lookalike.results import Result
from lookalike.run import Run
from lookalike.settings.editing import EditSettings

WORDS = {
    "class": "the change did not succeed, or the class did not stay",
    "copy": "a copy of another training picture",
    "outlier": "unlike every real picture",
    "twin": "nearly the same as one taken before",
}


@dataclass(frozen=True)
class Varied(Result):
    """What was written: real photos, changed ones, candidates, and why others were rejected."""

    folder: Path
    photos: int
    wanted: int
    taken: int
    tried: int
    rejected: dict[str, int]
    by_attribute: dict[str, int]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """What is there, what was rejected, and what is short."""
        lines = [
            f"{self.taken:,} changed pictures beside {self.photos:,} photos in {self.folder} "
            f"({self.tried:,} candidates)."
        ]
        lines += [f"  {count:>6,}  {name} changed" for name, count in self.by_attribute.items()]
        lines += [f"  {count:>6,}  left out: {WORDS[why]}" for why, count in self.rejected.items()]
        if self.taken < self.wanted:
            lines.append(
                f"Careful: {self.wanted:,} were wanted, and too few candidates passed. The set was "
                "not filled up."
            )
        return [*lines, *self.notes]

    @property
    def next_step(self) -> str:
        """To read what is real and what is not."""
        return f"read {self.folder / 'README.md'}: what is real and what is not"


@dataclass(frozen=True, eq=False)
class _Work:
    """Everything that stays the same from photo to photo."""

    run: Run
    opened: OpenedEditor
    settings: EditSettings
    sieve: Sieve
    selected: SelectedPictures
    unfinished: Unfinished

    @property
    def wanted(self) -> int:
        return self.settings.count


def vary(
    run: Run,
    sources: Sequence[Path],
    to: Path,
    settings: EditSettings,
    place: Place,
    listener: Listener,
) -> Varied:
    """Write the photos and checked changes of them to a folder that is new or empty.

    What was found is kept in ``TO-unfinished`` photo by photo, so that the same call again
    continues work that was cut off.

    Raises:
        DataError: the folder is not empty, an attribute is unknown or seldom succeeds, or no photo
            can be read.
        RunError: the run's pack is gone: what is odd is learned from it.
    """
    refuse_full(to)
    paths, passed = _paths(sources)
    check = partial(refuse_unreadable, paths)
    opened = open_editor(run, place, trust(settings.recipe), listener.tell, check)
    opened = knowing(run, opened, settings.vary, listener.tell)
    _refuse_names(opened, settings)
    sought_by(opened.editor, settings)
    if opened.pack is None:
        raise RunError(
            f"The pack of {run.path} is gone, and the checks compare with its pictures. Put it "
            "back where it was."
        )
    photos, notes = _readable(paths, opened)
    eye = named(settings.judge, opened.pack.channels, opened.pack.size)
    own = {photo.digest for _, photo in photos}
    checks = _checks(opened.pack, eye, own, settings, listener.tell)
    key = {
        "run": opened.key,
        "photos": [photo.digest for _, photo in photos],
        "settings": _kept(settings),
        "eye": eye.hash,
    }
    kept = Unfinished(to.with_name(f"{to.name}-unfinished"), key)
    work = _Work(run, opened, settings, checks, SelectedPictures(checks, 0), kept)
    result = _written(work, photos, to, (*opened.notes, *passed, *notes), listener.tell)
    kept.clear()
    return result


def _kept(settings: EditSettings) -> dict[str, Any]:
    """What continues work of the same settings, of versions without ``loss`` too."""
    left_out = {"device"} if settings.loss else {"device", "loss"}
    return {name: value for name, value in asdict(settings).items() if name not in left_out}


def _refuse_names(opened: OpenedEditor, settings: EditSettings) -> None:
    for name in settings.vary:
        if opened.editor.find(name) is None:
            raise DataError(f"There is no attribute {name!r} to vary. {known(opened.editor)}")
        refuse_seldom(opened.editor, WantedChange({name: 0}), settings)


def _paths(sources: Sequence[Path]) -> tuple[list[Path], list[str]]:
    """The photos of folders and files, in order, and words about what was passed over."""
    if not sources:
        raise DataError("--vary changes photos: name a folder of them.")
    each = [originals_of(source) if source.is_dir() else ([source], []) for source in sources]
    return [path for found, _ in each for path in found], [n for _, words in each for n in words]


def _readable(
    paths: Sequence[Path], opened: OpenedEditor
) -> tuple[list[tuple[Path, Photo]], list[str]]:
    """The photos that can be read, small (their own pixels are read again when needed)."""
    found, notes = [], []
    for path in paths:
        try:
            photo = open_photo(path, opened.squares)
        except DataError as problem:
            notes.append(f"Left out: {problem}")
            continue
        found.append((path, replace(photo, pixels=photo.pixels[:0], alpha=None)))
    return found, notes


def _checks(pack: Pack, eye: Features, own: set[str], settings: EditSettings, tell: Tell) -> Sieve:
    """The limits of ``expand``; training pictures that are among the photos are no originals."""
    training, holdout = seen_by(pack, eye, tell)
    whole = sieve(training, holdout, eye, keep_copies=settings.keep_copies)
    rows = shuffled(pack.train)[:MOST]
    digests = [pack.manifest_line(int(row)).get("sha256") for row in rows]
    others = np.flatnonzero([digest not in own for digest in digests])
    return replace(whole, training=training.part(others)) if len(others) < len(rows) else whole


def _written(
    work: _Work,
    photos: Sequence[tuple[Path, Photo]],
    to: Path,
    notes: tuple[str, ...],
    tell: Tell,
) -> Varied:
    counts: Counter[str] = Counter()
    taken = 0
    with whole_folder(to) as part, (part / "manifest.jsonl").open("w", encoding="utf-8") as lines:
        for number, (path, _) in enumerate(photos):
            name = f"real-{number:06d}{path.suffix.lower()}"
            shutil.copyfile(path, part / name)
            lines.write(json.dumps({"file": name, "synthetic": False, "photo": path.name}) + "\n")
        for number, (path, _) in enumerate(photos):
            left = work.wanted - taken
            share = -(-left // (len(photos) - number))
            for row, data in _of_photo(work, number, path, share, tell):
                name = f"edited-{taken:06d}.png"
                (part / name).write_bytes(data)
                line = {"file": name, "synthetic": True, "of": number, **row}
                lines.write(json.dumps(line, ensure_ascii=False) + "\n")
                counts[row["attribute"]] += 1
                taken += 1
        result = Varied(
            folder=to,
            photos=len(photos),
            wanted=work.wanted,
            taken=taken,
            tried=work.selected.tried,
            rejected={
                why: work.selected.rejected[why] for why in WORDS if work.selected.rejected[why]
            },
            by_attribute=dict(counts),
            notes=notes,
        )
        _card(part, work, result)
    return result


def _card(part: Path, work: _Work, result: Varied) -> None:
    """What is real and what is not, for people and for programs."""
    text = json.dumps({**result.as_dict(), "run": work.run.path.resolve().name}, indent=1)
    (part / "card.json").write_text(text + "\n", encoding="utf-8")
    lines = [
        "# Photos and changes of them",
        "",
        f"**{result.taken:,} of the pictures here are changed**: part of each was made by a "
        "generative network. They are named `edited-…`, say so in their PNG text, and are marked "
        f'`"synthetic": true` in `manifest.jsonl`. The {result.photos:,} photos beside them, '
        "`real-…`, are as they were.",
        "",
        f"The run `{work.run.path.resolve().name}` (recipe {work.opened.recipe}, "
        f"{work.opened.images_seen:,} images seen) changed one of "
        f"{', '.join(work.settings.vary)} in each. Of {result.tried:,} candidates were left out:",
        "",
        *(f"- {count:,}: {WORDS[why]}" for why, count in result.rejected.items()),
        "",
        "A changed picture is not a new person or thing: keep it on the side of its photo (`of` in "
        "the manifest) when you split the set, and test on photos only.",
    ]
    (part / "README.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


Taken = tuple[dict[str, Any], bytes]


def _of_photo(work: _Work, number: int, path: Path, share: int, tell: Tell) -> Iterator[Taken]:
    """The changes of one photo that pass, from what was kept or made now."""
    name = f"photo-{number}-{share}"
    held = work.unfinished.load(name)
    if held is not None:
        told, arrays = held
        work.selected.recall(arrays["vectors"], told["tried"], told["rejected"])
        for index, row in enumerate(told["rows"]):
            yield row, arrays[f"png{index}"].tobytes()
        return
    tried, rejected = work.selected.tried, work.selected.rejected.copy()
    rows, pngs, vectors = _made(work, number, path, share, tell)
    told = {**work.selected.since(tried, rejected), "rows": rows}
    width = work.sieve.training.vectors.shape[1]
    arrays = {f"png{i}": np.frombuffer(png, np.uint8) for i, png in enumerate(pngs)}
    stacked = np.stack(vectors) if vectors else np.zeros((0, width), np.float32)
    work.unfinished.save(name, told, {**arrays, "vectors": stacked})
    yield from zip(rows, pngs, strict=True)


def _made(
    work: _Work, number: int, path: Path, share: int, tell: Tell
) -> tuple[list[dict[str, Any]], list[bytes], list[NDArray[np.float32]]]:
    editor, settings = work.opened.editor, work.settings
    photo = open_photo(path, work.opened.squares)
    square = images.to_network(photo.square[None])
    subject = subject_of(editor, square, sought_by(editor, settings))
    own = work.sieve.look(photo.square[None])
    rows: list[dict[str, Any]] = []
    pngs: list[bytes] = []
    vectors: list[NDArray[np.float32]] = []
    for name, value in _plan(work, subject, number, share):
        if len(rows) == share:
            break
        tell("changed pictures that pass", work.selected.taken, work.wanted)
        wanted = WantedChange({name: value}, strength=settings.strength)
        change = exchange(editor, subject, wanted)
        look = work.sieve.look(images.to_pixels(change.edit.shown))
        look = replace(look, far=look.far / max(1.0, float(own.far[0])))
        if not _stays(work, subject, name, change):
            work.selected.tried += 1
            work.selected.rejected["class"] += 1
            continue
        reason, scores = work.selected.ask(look, 0)
        if reason is not None:
            continue
        row = {
            "attribute": name,
            "value": editor.find(name).values[value],  # type: ignore[union-attr]
            "photo": path.name,
            "photo_sha256": photo.digest,
            "run": work.run.path.resolve().name,
            "strength": settings.strength,
            "success": round(change.success, 4),
            "kept": round(change.kept, 4),
            "scores": {key: round(score, 4) for key, score in scores.items()},
        }
        pixels = compose(photo, change.edit, whole=settings.whole)
        pngs.append(encode_photo(photo, pixels, edit_text(f"{name}={row['value']}", row)))
        rows.append(row)
        vectors.append(look.vectors[0])
    return rows, pngs, vectors


def _plan(work: _Work, subject: Subject, number: int, share: int) -> Iterator[tuple[str, int]]:
    """Attributes in turn, each with another value than the photo's, by the photo's address."""
    editor, names = work.opened.editor, work.settings.vary
    for index in range(max(8, share * work.settings.tries)):
        name = names[index % len(names)]
        attribute = editor.find(name)
        assert attribute is not None
        others = [v for v in range(len(attribute.values)) if v != subject.values[name]]
        drawn = seeds.number(work.settings.seed or 0, "vary", number, index)
        yield name, others[drawn % len(others)]


def _stays(work: _Work, subject: Subject, name: str, change: Exchanged) -> bool:
    """Whether the helpers are sure of the change, and still see the class of the photo."""
    if not change.sure and not work.settings.anyway:
        return False
    if name == "class" or work.opened.editor.find("class") is None:
        return True
    return work.opened.editor.read(change.edit.shown)["class"] == subject.values["class"]
