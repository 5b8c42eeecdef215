"""The pictures inside the files of public sets: idx, CIFAR's binary, CelebA's zip, LFW's tar.

Nothing is unpacked to disk: a member is read in memory up to a bound, and its name is only matched
against the pattern that it must have. A damaged idx file or zip raises DataError, as in ``data``.
"""

from __future__ import annotations

import csv
import re
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from lookalike import images
from lookalike.data.readers.idx import read_idx
from lookalike.data.readers.zip import open_zip, read_member
from lookalike.errors import DataError, SourceError

CLOTHES = ["t-shirt", "trouser", "pullover", "dress", "coat"]
CLOTHES += ["sandal", "shirt", "sneaker", "bag", "ankle-boot"]
KUZUSHIJI = ["o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"]
CIFAR = ["airplane", "automobile", "bird", "cat", "deer"]
CIFAR += ["dog", "frog", "horse", "ship", "truck"]

MOST_MEMBER = 5_000_000


@dataclass(frozen=True)
class Member:
    """One picture: a file name of our making, its bytes, its class and attributes."""

    stem: str
    data: bytes
    part: str
    label: str | None = None
    title: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)


Files = Mapping[str, Path]
"""The verified files of a set, by published name."""


def idx(files: Files, names: Sequence[str]) -> Iterator[Member]:
    """MNIST's format (http://yann.lecun.com/exdb/mnist/): magic number, sizes, bytes."""
    for part, stem in (("train", "train"), ("test", "t10k")):
        pictures = read_idx(files[f"{stem}-images-idx3-ubyte.gz"], 3)
        labels = read_idx(files[f"{stem}-labels-idx1-ubyte.gz"], 1)
        if len(pictures) != len(labels):
            raise SourceError(f"{len(pictures)} pictures but {len(labels)} labels in {part}.")
        for number, (picture, label) in enumerate(zip(pictures, labels, strict=True)):
            if label >= len(names):
                raise SourceError(f"label {label} in {part}, but only {len(names)} classes.")
            png = images.encode_png(picture[..., None])
            yield Member(f"{part}-{number:05d}", png, part, names[int(label)])


def cifar10(files: Files) -> Iterator[Member]:
    """CIFAR-10's binary version: rows of one label byte and 3072 bytes, red, green, blue."""
    pattern = re.compile(r"(?:data_batch_(\d)|test_batch)\.bin")
    for name, data in _tar(files["cifar-10-binary.tar.gz"], pattern, 40_000_000):
        part = "test" if name.startswith("test") else "train"
        batch = "" if part == "test" else f"{name[11]}-"
        rows = np.frombuffer(data, np.uint8)
        if len(rows) % 3073:
            raise SourceError(f"{name} is not made of rows of 3073 bytes.")
        for number, row in enumerate(rows.reshape(-1, 3073)):
            if row[0] >= len(CIFAR):
                raise SourceError(f"label {row[0]} in {name}, but only ten classes.")
            picture = row[1:].reshape(3, 32, 32).transpose(1, 2, 0)
            stem = f"{part}-{batch}{number:05d}"
            yield Member(stem, images.encode_png(picture), part, CIFAR[int(row[0])])


def lfw(files: Files) -> Iterator[Member]:
    """LFW's tar: one folder a person; the person's name is kept as the title."""
    pattern = re.compile(r"([\w.'-]{1,80})_(\d{4})\.jpg")
    for name, data in _tar(files["lfw-deepfunneled.tgz"], pattern, MOST_MEMBER):
        person, number = name[:-9], name[-8:-4]
        stem = re.sub(r"[^a-z0-9]+", "-", person.lower()).strip("-")
        yield Member(f"{stem}-{number}", data, "all", title=person.replace("_", " "))


def _tar(path: Path, pattern: re.Pattern[str], most: int) -> Iterator[tuple[str, bytes]]:
    """Regular members whose last name matches; read as a stream."""
    try:
        with tarfile.open(path, "r|*") as stream:
            for member in stream:
                name = member.name.rpartition("/")[2]
                if not member.isreg() or not pattern.fullmatch(name):
                    continue
                if member.size > most:
                    raise SourceError(f"{name} in {path} has {member.size} bytes; not read.")
                file = stream.extractfile(member)
                if file is not None:
                    yield name, file.read()
    except (tarfile.TarError, EOFError, OSError) as problem:
        raise SourceError(f"{path} is damaged ({problem}).") from problem


def celeba(files: Files) -> Iterator[Member]:
    """CelebA's aligned faces with their 40 attributes (1 or -1) and their part, if given."""
    attributes = _attributes(files.get("list_attr_celeba.txt"))
    parts = _partition(files.get("list_eval_partition.txt"))
    for name, data in _zip(files["img_align_celeba.zip"], re.compile(r"(\d{6})\.jpg")):
        part = parts.get(name, "all")
        known = attributes.get(name, {})
        yield Member(name.partition(".")[0], data, part, attributes=known)


def _zip(path: Path, pattern: re.Pattern[str]) -> Iterator[tuple[str, bytes]]:
    with open_zip(path) as archive:
        for member in archive.infolist():
            name = member.filename.rpartition("/")[2]
            if pattern.fullmatch(name):
                try:
                    data = read_member(archive, member, MOST_MEMBER)
                except DataError as problem:
                    raise SourceError(f"{name} in {path} {problem}.") from problem
                yield name, data


def _attributes(path: Path | None) -> dict[str, dict[str, str]]:
    """File -> attribute -> "1" or "-1" (the text: a count, 40 names, then one row a picture)."""
    if path is None:
        return {}
    with path.open(encoding="utf-8") as file:
        file.readline()
        names = file.readline().split()
        rows = (line.split() for line in file)
        table = {row[0]: row[1:] for row in rows if row}
    broken = next((name for name, values in table.items() if len(values) != len(names)), None)
    if broken is not None:
        raise SourceError(f"{path}: the row of {broken} does not have {len(names)} values.")
    return {name: dict(zip(names, values, strict=True)) for name, values in table.items()}


def _partition(path: Path | None) -> dict[str, str]:
    """File -> train, valid or test (the numbers 0, 1, 2)."""
    if path is None:
        return {}
    parts = {"0": "train", "1": "valid", "2": "test"}
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file, delimiter=" ")
        return {row[0]: parts.get(row[1], "all") for row in rows if len(row) >= 2}
