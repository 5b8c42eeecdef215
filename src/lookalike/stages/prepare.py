"""Prepare: a folder, a zip or a pack of pictures becomes a pack that is ready to train from."""

from __future__ import annotations

import hashlib
import json
import logging
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from itertools import islice
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from lookalike.data.faces import FaceSettings
from lookalike.data.groups import near_groups
from lookalike.data.hashes import THUMB
from lookalike.data.intake import Refused, Taken, take
from lookalike.data.items import Item, Source, open_source
from lookalike.data.known import Copy, Known, Old, remember
from lookalike.data.pack import Pack, Row
from lookalike.data.packing import PackWriter
from lookalike.data.reading import PIXEL_LIMIT, Fit, ReadSettings, open_picture
from lookalike.data.splitting import choose_holdout
from lookalike.data.workers import Lost, Workers
from lookalike.errors import DataError, NoImagesError, PackError, TooFewImagesError, need
from lookalike.telling import Tell, silent

log = logging.getLogger(__name__)

FEWEST = 16
"""Fewer pictures than this are no set."""

SHOWN = 100
"""How many refusals travel in the result; ``refused.jsonl`` has all."""

_READER = 1
"""Counted up when the same file would give other pixels than before."""

_SIZES = (32, 64, 128, 256)
_PROBED = 200
_SPOOLED = 1 << 26


@dataclass(frozen=True, kw_only=True)
class PrepareSettings:
    """How a source becomes a pack; see :class:`lookalike.data.reading.ReadSettings` for the look.

    ``size`` None takes the largest of 32, 64, 128 and 256 that the pictures fill. ``leave_out``
    maps files to the reason why they are refused unread (what the doctor found). ``faces`` takes
    the one face out of each picture instead of its middle. ``workers`` None is one for each core,
    0 reads in this process.
    """

    size: int | None = 64
    channels: int = 3
    fit: Fit = "crop"
    background: str = "white"
    crop: int | None = None
    holdout: float = 0.1
    seed: int = 0
    least: int = 8
    pixel_limit: int = PIXEL_LIMIT
    leave_out: Mapping[str, str] = field(default_factory=dict)
    faces: FaceSettings | None = None
    workers: int | None = None

    def __post_init__(self) -> None:
        if not 0 <= self.holdout < 1:
            raise DataError(
                f"a hold-out of {self.holdout:g} was asked for; it is a share from 0 to below 1."
            )


@dataclass(frozen=True)
class Prepared:
    """What came of it. ``refusals`` are the first 100 as (file, reason); the pack lists all."""

    path: Path
    count: int
    train: int
    holdout: int
    size: int
    channels: int
    class_counts: dict[str, int]
    columns: tuple[str, ...]
    refused: int
    copies: int
    near: int
    decoded: int
    unchanged: bool
    warnings: tuple[str, ...]
    refusals: tuple[tuple[str, str], ...] = field(default=(), repr=False)


def prepare(
    source: Path, to: Path, settings: PrepareSettings | None = None, tell: Tell = silent
) -> Prepared:
    """Make a pack at ``to`` from the pictures of ``source``; originals are only read.

    The same again does nothing; on a grown source only new pictures are decoded. A source that is
    a pack is returned as it is.

    Raises:
        NoImagesError: nothing can be read as a picture.
        TooFewImagesError: fewer than 16 different pictures.
        DataError: settings that do not fit.
        PackError: ``to`` is something else than a pack.
    """
    source, to = Path(source), Path(to)
    settings = settings or PrepareSettings()
    if Pack.is_pack(source):
        return _result(Pack.open(source), decoded=0, unchanged=True)
    found = open_source(source)
    if not found.items:
        raise NoImagesError(
            f"{source} holds no file that could be a picture"
            f"{_examples(found.refused)}. Name another folder, or run 'lookalike collect' first."
        )
    look = _look(found, settings)
    plan = {"reader": _READER, **asdict(look), "source": str(source.resolve())}
    if settings.faces is not None:
        need("cv2", "faces", "--faces")
        plan["faces"] = asdict(settings.faces)
    listing = _listing(found, plan, settings)
    old = _old_pack(to)
    if old is not None and old.info.get("listing") == listing:
        return _result(old, decoded=0, unchanged=True)
    known = old if old is not None and old.info.get("plan") == plan else None
    info = {"plan": plan, "listing": listing, "source": str(source)}
    return _Work(found, to, settings, look).run(known, info, tell)


def _look(found: Source, settings: PrepareSettings) -> ReadSettings:
    """The settings of the reader, with the size chosen when none was given."""
    wanted = ReadSettings(
        size=settings.size or _SIZES[0],
        channels=settings.channels,
        fit=settings.fit,
        background=settings.background,
        crop=settings.crop,
        least=settings.least,
        pixel_limit=settings.pixel_limit,
    )
    if settings.size is not None:
        return wanted
    sides = []
    step = max(1, len(found.items) // _PROBED)
    for item in found.loaded(found.items[::step]):
        try:
            with open_picture(item.read()) as picture:
                sides.append(min(*picture.size, settings.crop or min(picture.size)))
        except (DataError, OSError, ValueError, SyntaxError):
            continue
    median = float(np.median(sides)) if sides else 0.0
    size = max((one for one in _SIZES if one <= median), default=_SIZES[0])
    return ReadSettings(**{**asdict(wanted), "size": size})


def _listing(found: Source, plan: Row, settings: PrepareSettings) -> str:
    """A fingerprint of names, sizes, times, labels and settings: equal means nothing to do."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([plan, settings.holdout, settings.seed]).encode())
    digest.update(json.dumps(sorted(settings.leave_out.items())).encode())
    for item in found.items:
        words = [item.name, item.size, item.stamp, item.group, item.names, item.values]
        digest.update(json.dumps(words).encode())
    return digest.hexdigest()


def _old_pack(to: Path) -> Pack | None:
    """The pack that is there already, if it is whole."""
    if not to.exists():
        return None
    if not Pack.is_pack(to):
        if to.is_dir() and not any(to.iterdir()):
            return None
        raise PackError(
            f"{to} exists and is not a pack, so nothing was written there. "
            "Name another place with --to, or move it away."
        )
    try:
        return Pack.open(to)
    except PackError as problem:
        log.warning("the old pack is made anew: %s", problem)
        return None


@dataclass
class _Seen:
    """What a run has seen so far: a few dozen bytes a picture."""

    refused: list[Row] = field(default_factory=list)
    copies: int = 0
    enlarged: int = 0
    digests: dict[int, int] = field(default_factory=dict)
    hashes: list[tuple[int, int]] = field(default_factory=list)
    classes: list[str] = field(default_factory=list)
    names: list[str] = field(default_factory=list)


class _Work:
    """One run of prepare over one source."""

    def __init__(
        self, found: Source, to: Path, settings: PrepareSettings, look: ReadSettings
    ) -> None:
        self.found = found
        self.to = to
        self.settings = settings
        self.look = look
        self.seen = _Seen()

    def run(self, old: Pack | None, info: Row, tell: Tell) -> Prepared:
        """Read everything, find the same pictures, hold some out, and write the pack."""
        look, seen, items = self.look, self.seen, self.found.items
        known = remember(items, Known(old) if old is not None else None, self.settings.leave_out)
        with (
            tempfile.SpooledTemporaryFile(_SPOOLED) as thumbs,
            PackWriter(self.to, size=look.size, channels=look.channels) as writer,
        ):
            for done, (item, answer) in enumerate(self._all(known), 1):
                taken = self._judge(item, answer)
                if taken is not None:
                    thumbs.write(taken.marks.thumb.tobytes())
                    writer.append(taken.pixels, _row(item, taken))
                tell("preparing pictures", done, len(items))
            seen.refused += [{"source": name, "reason": why} for name, why in self.found.refused]
            self._check_enough()
            groups = self._groups(thumbs)
            share, seed = self.settings.holdout, self.settings.seed
            held = choose_holdout(groups, seen.classes, list(seen.digests), share, seed)
            info = {
                **info,
                "licence": _licence(self.found.path),
                "copies": seen.copies,
                "near": int((np.bincount(groups) > 1).sum()),
                "warnings": self._warnings(),
            }
            pack = writer.finish(holdout=held, info=info, refused=seen.refused)
        return _result(pack, decoded=known.count(None), unchanged=False)

    def _all(self, known: Sequence[_Known]) -> Iterator[tuple[Item, _Known | Taken]]:
        """Every item with what is known from last time or was read now, in order."""
        pairs = list(zip(self.found.items, known, strict=True))
        new = [item for item, old in pairs if old is None]
        count = self.settings.workers if new else 0
        task = partial(take, self.look, faces=self.settings.faces)
        with Workers(task, count=count) as workers:
            fresh = workers.map(self.found.loaded(new))
            waiting = next(fresh, None)
            for item, old in pairs:
                if old is not None:
                    yield item, old
                elif waiting is not None and waiting[0].name == item.name:
                    answer = waiting[1]
                    yield item, Refused(answer.reason) if isinstance(answer, Lost) else answer
                    waiting = next(fresh, None)

    def _judge(self, item: Item, answer: _Known | Taken) -> Taken | None:
        """The picture if it goes into the pack; otherwise it is noted among the refused."""
        seen = self.seen
        row: Row = {"source": item.name, "bytes": item.size, "stamp": item.stamp}
        if isinstance(answer, Refused):
            chosen = {"left_out": True} if answer.chosen else {}
            seen.refused.append({**row, "reason": answer.reason, **chosen})
            return None
        if isinstance(answer, Copy):
            seen.copies += 1
            seen.refused.append({**answer.row, "class": item.group or None})
            return None
        assert answer is not None
        taken = answer.take() if isinstance(answer, Old) else answer
        first = seen.digests.setdefault(taken.marks.digest, len(seen.names))
        if first < len(seen.names):
            seen.copies += 1
            same = seen.names[first]
            about = {"copy_of": same, "class": item.group or None}
            seen.refused.append({**row, "reason": f"is an exact copy of {same}", **about})
            return None
        seen.names.append(item.name)
        seen.hashes.append((taken.marks.hash, taken.marks.mirrored))
        seen.classes.append(item.group)
        seen.enlarged += any(note.startswith("enlarged") for note in taken.facts.notes)
        return taken

    def _check_enough(self) -> None:
        count = len(self.seen.names)
        why = _examples([(row["source"], row["reason"]) for row in self.seen.refused])
        if not count:
            raise NoImagesError(
                f"{self.found.path} holds no picture that can be read{why}. "
                "Name another folder, or run 'lookalike collect' first."
            )
        if count < FEWEST:
            raise TooFewImagesError(
                f"{self.found.path} holds {count} different pictures that can be read{why}; at "
                f"least {FEWEST} are needed, and some hundreds for good results. "
                "Add pictures and run the same command again."
            )

    def _groups(self, thumbs: IO[bytes]) -> NDArray[np.int64]:
        thumbs.seek(0)
        shape = (len(self.seen.names), THUMB, THUMB, self.look.channels)
        pixels = np.frombuffer(thumbs.read(), np.uint8).reshape(shape)
        hashes = np.array(self.seen.hashes, np.uint64)
        return near_groups(hashes[:, 0], hashes[:, 1], pixels)

    def _warnings(self) -> list[str]:
        found = []
        seen, size = self.seen, self.look.size
        count, unread = len(seen.names), len(seen.refused) - seen.copies
        if seen.enlarged > count / 5:
            smaller = [str(one) for one in (8, 16, *_SIZES) if one < size]
            advice = f" Prepare with --size {smaller[-1]} or less." if smaller else ""
            found.append(
                f"{seen.enlarged} of {count} pictures are smaller than {size} px and were "
                f"enlarged, which adds no detail.{advice}"
            )
        if unread > (count + unread) / 5:
            listed = self.to / "refused.jsonl"
            found.append(
                f"{unread} of {count + unread} files could not be used; {listed} says why."
            )
        for name, number in sorted(Counter(seen.classes).items()):
            if name and number < 10:
                found.append(f"The class {name} has only {number} pictures; aim for 50 or more.")
        return found


_Known = Old | Copy | Refused | None


def _row(item: Item, taken: Taken) -> Row:
    """The manifest line of a picture; the writer adds its split."""
    line: Row = {"source": item.name, "bytes": item.size, "stamp": item.stamp}
    line |= asdict(taken.facts)
    if item.group:
        line["class"] = item.group
    if item.attributes:
        line["attributes"] = item.attributes
    return line


def _examples(refused: Sequence[tuple[str, str]]) -> str:
    """ " (a.jpg is empty; b.jpg is text …)" for messages, or nothing."""
    words = "; ".join(f"{name} {reason}" for name, reason in refused[:3])
    more = f"; and {len(refused) - 3} more" if len(refused) > 3 else ""
    return f" ({words}{more})" if words else ""


def _licence(path: Path) -> str:
    """The licence note that lies in the source, if any."""
    for name in ("LICENCE.txt", "LICENSE.txt", "LICENSE", "LICENCE"):
        file = path / name
        if file.is_file():
            return file.read_text("utf-8", "replace")[:4000]
    return ""


def _result(pack: Pack, *, decoded: int, unchanged: bool) -> Prepared:
    info = pack.info
    shown = tuple((row["source"], row["reason"]) for row in islice(pack.refused(), SHOWN))
    return Prepared(
        path=pack.path,
        count=pack.count,
        train=len(pack.train),
        holdout=len(pack.holdout),
        size=pack.size,
        channels=pack.channels,
        class_counts=dict(info["class_counts"]),
        columns=pack.columns,
        refused=int(info.get("refused", 0)) - int(info.get("copies", 0)),
        copies=int(info.get("copies", 0)),
        near=int(info.get("near", 0)),
        decoded=decoded,
        unchanged=unchanged,
        warnings=tuple(info.get("warnings", ())),
        refusals=shown,
    )
