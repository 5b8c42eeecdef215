"""Public sets by name, out of a person's download or from a mirror, checked by their hashes.

The MD5 sums below are the published ones (torchvision's table of the same files, and for the idx
files also of their uncompressed contents, because distributions pack them anew). They say that the
bytes are the known ones; they are no protection against an attacker, and archives are read member
by member in any case. A set without a published sum has none here.
"""

from __future__ import annotations

import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

from lookalike.errors import SourceError
from lookalike.progress import Tell, silent
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.http.web import Ask, Web
from lookalike.sources.sets import members
from lookalike.sources.sets.members import Files, Member
from lookalike.sources.store.collection import Delivery, Found

MOST_UNPACKED = 2_000_000_000
LONGEST_DOWNLOAD = 6 * 3600.0


@dataclass(frozen=True)
class Piece:
    """One file of a set: its published name, the most bytes it may have, and its MD5 sums."""

    file: str
    most: int
    md5: tuple[str, ...]
    needed: bool = True


@dataclass(frozen=True, kw_only=True)
class PublicSet:
    """A set: where it comes from, under which terms, of which files, and how they are read."""

    name: str
    title: str
    page: str
    terms: str
    pieces: tuple[Piece, ...]
    read: Callable[[Files], Iterator[Member]]


def _idx(*sums: tuple[str, ...]) -> tuple[Piece, ...]:
    names = ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1")
    return tuple(
        Piece(f"{name}-ubyte.gz", 100_000_000, md5) for name, md5 in zip(names, sums, strict=True)
    )


MNIST = PublicSet(
    name="mnist",
    title="MNIST, 70,000 handwritten digits, 28x28 grey",
    page="http://yann.lecun.com/exdb/mnist/",
    terms="not stated by the authors",
    pieces=_idx(
        ("f68b3c2dcbeaaa9fbdd348bbdeb94873", "6bbc9ace898e44ae57da46a324031adb"),
        ("d53e105ee54ea40749a09fcbcd1e9432", "a25bea736e30d166cdddb491f175f624"),
        ("9fb629c4189551a2d022fa330f9573f3", "2646ac647ad5339dbf082846283269ea"),
        ("ec29112dd5afa0611ce80d1b7f02629c", "27ae3e4e09519cfbb04c329615203637"),
    ),
    read=lambda files: members.idx(files, [str(digit) for digit in range(10)]),
)

FASHION = PublicSet(
    name="fashion-mnist",
    title="Fashion-MNIST, 70,000 pieces of clothing, 28x28 grey",
    page="https://github.com/zalandoresearch/fashion-mnist",
    terms="MIT (Zalando SE)",
    pieces=_idx(
        ("8d4fb7e6c68d591d4c3dfef9ec88bf0d", "f4a8712d7a061bf5bd6d2ca38dc4d50a"),
        ("25c81989df183df01b3e8a0aad5dffbe", "9018921c3c673c538a1fc5bad174d6f9"),
        ("bef4ecab320f06d8554ea6380940ec79", "8181f5470baa50b63fa0f6fddb340f0a"),
        ("bb300cfdad3c16e7a12a480ee83cd310", "15d484375f8d13e6eb1aabb0c3f46965"),
    ),
    read=lambda files: members.idx(files, members.CLOTHES),
)

KMNIST = PublicSet(
    name="kmnist",
    title="Kuzushiji-MNIST, 70,000 cursive Japanese characters, 28x28 grey",
    page="http://codh.rois.ac.jp/kmnist/",
    terms="CC BY-SA 4.0 (CODH)",
    pieces=_idx(
        ("bdb82020997e1d708af4cf47b453dcf7",),
        ("e144d726b3acfaa3e44228e80efcd344",),
        ("5c965bf0a639b31b8f53240b1b52f4d7",),
        ("7320c461ea6c1c855c0b718fb2a4b134",),
    ),
    read=lambda files: members.idx(files, members.KUZUSHIJI),
)

CIFAR10 = PublicSet(
    name="cifar10",
    title="CIFAR-10, 60,000 small photographs in ten classes, 32x32",
    page="https://www.cs.toronto.edu/~kriz/cifar.html",
    terms="not stated by the authors",
    pieces=(Piece("cifar-10-binary.tar.gz", 200_000_000, ("c32a1d4ab5d03f1284b67883e8d87530",)),),
    read=members.cifar10,
)

CELEBA = PublicSet(
    name="celeba",
    title="CelebA, 202,599 aligned faces, 178x218, with 40 attributes",
    page="https://mmlab.ie.cuhk.edu.hk/projects/CelebA.html",
    terms="non-commercial research only (MMLAB); people's faces: mind your country's law",
    pieces=(
        Piece("img_align_celeba.zip", 1_600_000_000, ("00d2c5bc6d35e252742224ab0c1e8fcb",)),
        Piece(
            "list_attr_celeba.txt", 50_000_000, ("75e246fa4810816ffd6ee81facbd244c",), needed=False
        ),
        Piece(
            "list_eval_partition.txt",
            10_000_000,
            ("d32c9cbf5e040fd4025c592c306e6668",),
            needed=False,
        ),
    ),
    read=members.celeba,
)

LFW = PublicSet(
    name="lfw",
    title="Labeled Faces in the Wild (deep funneled), 13,233 faces, 250x250",
    page="http://vis-www.cs.umass.edu/lfw/",
    terms="for research (University of Massachusetts); people's faces: mind your country's law",
    pieces=(Piece("lfw-deepfunneled.tgz", 200_000_000, ("68331da3eb755a505a502b5aacb3c201",)),),
    read=members.lfw,
)

SETS: Mapping[str, PublicSet] = {
    public.name: public for public in (CELEBA, CIFAR10, FASHION, KMNIST, LFW, MNIST)
}
"""The sets by name."""


def public_set(name: str) -> PublicSet:
    """A set by its name.

    Raises:
        SourceError: no set of this name.
    """
    known = SETS.get(name.lower().replace("_", "-"))
    if known is None:
        raise SourceError(f"There is no set {name!r}; there are {', '.join(SETS)}.")
    return known


def deliveries(public: PublicSet, files: Files, part: str) -> Iterator[Delivery]:
    """The pictures of one part of a set (train, valid, test or all).

    Raises:
        SourceError: the files have no such part, or are damaged.
    """
    empty = True
    for member in public.read(files):
        if part in ("all", member.part):
            empty = False
            found = Found(
                url=f"set:{public.name}/{member.stem}",
                source=f"set:{public.name}",
                page=public.page,
                title=member.title,
                license=public.terms,
                label=member.label,
                notes={"part": member.part} if member.part != "all" else {},
            )
            yield Delivery(
                found=found, data=member.data, stem=member.stem, attributes=member.attributes
            )
    if empty:
        raise SourceError(
            f"{public.name} has no part {part!r} in these files (parts: train, valid, test; "
            "CelebA's need list_eval_partition.txt)."
        )


def locate(public: PublicSet, place: Path) -> dict[str, Path]:
    """The set's files in a person's folder (or below it), by their published names.

    A file may also lie there uncompressed, or with dots for dashes as some mirrors have it.
    """
    if place.is_file():
        only = public.pieces[0]
        return {only.file: place}
    if not place.is_dir():
        raise SourceError(f"{place} is not there. Name the folder with {_wanted(public)}.")
    lying = {path.name.lower(): path for path in sorted(place.rglob("*")) if path.is_file()}
    files: dict[str, Path] = {}
    for piece in public.pieces:
        plain = piece.file.removesuffix(".gz")
        names = (piece.file, plain, plain.replace("-idx", ".idx"))
        match = next((lying[name.lower()] for name in names if name.lower() in lying), None)
        if match is not None:
            files[piece.file] = match
        elif piece.needed:
            raise SourceError(
                f"{place} lacks {piece.file}. {public.title} needs {_wanted(public)}; "
                f"they are at {public.page}."
            )
    return files


def download(
    public: PublicSet, mirror: str | None, place: Path, web: Web, tell: Tell = silent
) -> None:
    """Fetch a set's files from a server that has them; what is there is kept or continued.

    Raises:
        SourceError: no mirror was named, or it lacks a file.
    """
    if mirror is None:
        names = ", ".join(piece.file for piece in public.pieces)
        raise SourceError(
            f"Download {public.title} from {public.page} ({names}) and name the folder with "
            "--files FOLDER, or name a server that has these files with --mirror URL."
        )
    place.mkdir(parents=True, exist_ok=True)
    for number, piece in enumerate(public.pieces):
        tell(f"downloading {piece.file}", number, len(public.pieces))
        try:
            _fetch(web, f"{mirror.rstrip('/')}/{piece.file}", place, piece)
        except RefusedError:
            if piece.needed:
                raise


def _fetch(web: Web, url: str, place: Path, piece: Piece) -> None:
    whole, part = place / piece.file, place / f"{piece.file}.part"
    if whole.exists():
        return
    with part.open("ab+") as file:
        have = file.seek(0, 2)
        headers = {"range": f"bytes={have}-"} if have else {}
        web.get(Ask(url=url, most=piece.most, headers=headers, into=file, total=LONGEST_DOWNLOAD))
    part.rename(whole)


def _wanted(public: PublicSet) -> str:
    return ", ".join(piece.file for piece in public.pieces if piece.needed)


def verify(public: PublicSet, files: Mapping[str, Path], *, trust: bool) -> list[str]:
    """The names of the files whose sums are not the published ones.

    Raises:
        SourceError: there are such files, and ``trust`` is off.
    """
    strange: list[str] = []
    for piece in public.pieces:
        path = files.get(piece.file)
        if path is None:
            continue
        if path.stat().st_size > piece.most:
            raise SourceError(f"{path} has {path.stat().st_size} bytes; {piece.most} at most fit.")
        sums = _sums(path)
        if not set(piece.md5) & set(sums):
            strange.append(piece.file)
            if not trust:
                raise SourceError(
                    f"{path} is not the published {piece.file} (MD5 {sums[0]}, published "
                    f"{' or '.join(piece.md5)}): a broken or another download. Get it again from "
                    f"{public.page}, or pass --trust if you know that it is right."
                )
    return strange


def _sums(path: Path) -> list[str]:
    """The MD5 of a file and, if it is gzip, of its contents."""
    with path.open("rb") as file:
        sums = [_md5(file)]
    if path.suffix in (".gz",) and not path.name.endswith(".tar.gz"):
        try:
            with gzip.open(path) as unpacked:
                sums.append(_md5(unpacked))
        except (OSError, EOFError, zlib.error):
            return sums
    return sums


def _md5(file: BufferedIOBase) -> str:
    digest, read = hashlib.md5(usedforsecurity=False), 0
    while chunk := file.read(1 << 20):
        digest.update(chunk)
        read += len(chunk)
        if read > MOST_UNPACKED:
            raise SourceError(f"A file unfolds to more than {MOST_UNPACKED} bytes; not read.")
    return digest.hexdigest()
