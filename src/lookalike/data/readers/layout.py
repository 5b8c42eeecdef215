"""What folders mean: which ones are classes, which are parts of a set, what nobody means.

One rule for folders on a disk and in archives. What it decided is said in sentences.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

PICTURE_SUFFIXES = frozenset(
    ".jpg .jpeg .jpe .jfif .png .apng .gif .webp .bmp .dib .tif .tiff .ppm .pgm .pbm .pnm .pcx "
    ".tga .ico .icns .jp2 .j2k .jpx .avif .avifs .heic .heif .jxl .psd .dds .sgi .rgb .bw "
    ".xbm .xpm .msp .im .qoi .pfm .fli .flc .dcx".split()
)
_TEXT_SUFFIXES = frozenset(
    ".csv .tsv .json .jsonl .ndjson .txt .md .rst .html .htm .yaml .yml .ini .xml .toml .cfg .log "
    ".cls .names .url .nfo .xlsx .xls .ods .numbers".split()
)
_NOTES = ("LICENCE", "LICENSE", "README", "COPYING", "NOTICE", "CHANGELOG")
_SYSTEM = frozenset(
    "__macosx thumbs.db ehthumbs.db desktop.ini @eadir #recycle $recycle.bin lost+found "
    "__pycache__".split()
) | {"system volume information", "icon\r"}

_KINDS: Mapping[str, str] = {
    **dict.fromkeys(("train", "training", "trn"), "train"),
    **dict.fromkeys(
        ("val", "valid", "validation", "validate", "dev", "development", "eval", "evaluation"),
        "valid",
    ),
    **dict.fromkeys(("test", "testing", "tst"), "test"),
    **dict.fromkeys(("holdout", "heldout"), "holdout"),
    **dict.fromkeys(("unlabeled", "unlabelled"), "unlabeled"),
}
"""Words that name a part of a set, and which part."""

_FILLERS = frozenset(
    "set sets data dataset image images img imgs pic pics picture pictures photo photos split part "
    "fold folder dir jpg jpeg png raw original of".split()
)
_COMPANIONS = frozenset(
    "mask masks label labels annotation annotations segmentation segmentations gt groundtruth "
    "depth edges trimaps".split()
)
"""Folders of what belongs to the pictures in ``images`` beside them."""

_WORDS = re.compile(r"[^\W\d_]+")
_FEW, _SHARE = 3, 0.1
"""So many pictures (or this share of them) may lie beside class folders without undoing them."""


def is_system(name: str) -> bool:
    """Whether a file or folder of this name is hidden or belongs to an operating system."""
    return (name.startswith(".") and name.strip(".") != "") or name.lower() in _SYSTEM


def suffix_of(name: str) -> str:
    """``.jpg`` for ``a/b.JPG``; made for millions of names."""
    dot = name.rfind(".")
    return name[dot:].lower() if dot > name.rfind("/") + 1 else ""


def is_text(name: str) -> bool:
    """Whether a file of this name is a table or a note; a picture may have any other name."""
    suffix = suffix_of(name)
    return suffix in _TEXT_SUFFIXES or (suffix == "" and name.upper().startswith(_NOTES))


def is_picture_name(name: str) -> bool:
    """Whether the suffix is one of pictures."""
    return suffix_of(name) in PICTURE_SUFFIXES


def split_kind(name: str) -> tuple[str, tuple[str, ...]] | None:
    """Which part of a set a folder's name says, and the other words of the name; else None.

    ``Train``, ``testing_set`` and ``val2017`` have no other words; ``seg_train`` has one.
    """
    words = [word.casefold() for word in _words_in_order(name)]
    parts = {_KINDS[word] for word in words if word in _KINDS}
    if len(parts) != 1:
        return None
    return parts.pop(), tuple(w for w in words if w not in _KINDS and w not in _FILLERS)


def _words_in_order(name: str) -> list[str]:
    """The words of a name as they are written; ``trainA`` has two."""
    name = re.sub(r"(?i)(hold|held)[-_ ]out", "holdout", name)
    return _WORDS.findall(re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name))


def _classes_of_splits(splits: Iterable[str]) -> dict[str, str]:
    """The class that each folder's name says beside its part: ``train_cats``, ``testA``.

    Nothing where all say the same beside it, or one says nothing.
    """
    beside = {
        name: " ".join(
            word for word in _words_in_order(name) if word.casefold() not in {*_KINDS, *_FILLERS}
        )
        for name in splits
    }
    return beside if all(beside.values()) and len(set(beside.values())) > 1 else {}


def split_folders(folders: Mapping[str, bool]) -> dict[str, str]:
    """Which of the folders of one level are parts of a set: name -> part.

    ``folders`` says of each whether all its pictures lie in sub-folders. ``seg_train`` counts only
    beside ``seg_test`` or the like, and ``train`` alone beside other folders is a vehicle, unless
    it alone holds folders.
    """
    kinds = {name: said for name in folders if (said := split_kind(name)) is not None}
    variety: dict[tuple[str, ...], set[str]] = defaultdict(set)
    for kind, rest in kinds.values():
        variety[rest].add(kind)
    found = {
        name: kind for name, (kind, rest) in kinds.items() if not rest or len(variety[rest]) > 1
    }
    others = [name for name in folders if name not in found]
    if others and set(found.values()) == {"train"}:
        deeper = all(folders[name] for name in found) and not any(folders[o] for o in others)
        return found if deeper else {}
    return found


Paths = dict[int, tuple[str, ...]]
"""The folders below the present level of each file, by its number."""


@dataclass
class Layout:
    """What the folders say of each file, by its number: class, part of the set, and sentences.

    ``beside`` are the numbers of files that lie beside the class folders.
    """

    classes: list[str]
    parts: list[str]
    sentences: list[str] = field(default_factory=list)
    beside: list[int] = field(default_factory=list)


def arrange(names: Sequence[str]) -> Layout:
    """Find the classes and parts in the paths of some files.

    Folders that hold everything are passed over. Parts (train, test …) are never classes, and what
    lies in them without a class stays without one. Of two or more folders at one level each is a
    class, unless more than a few pictures lie beside them.
    """
    pictures = [is_picture_name(name) for name in names]
    arranging = _Arranging(names, pictures if any(pictures) else [True] * len(names))
    arranging.descend()
    arranging.take_parts()
    arranging.descend()
    arranging.take_classes()
    return arranging.layout


class _Arranging:
    """One way from the top folder down to the classes; the pictures by suffix are ``deciding``."""

    def __init__(self, names: Sequence[str], deciding: Sequence[bool]) -> None:
        self.layout = Layout([""] * len(names), [""] * len(names))
        self.paths: Paths = {n: _folders_of(name) for n, name in enumerate(names)}
        self.deciding = deciding

    def _folders(self) -> dict[str, list[int]]:
        """The folders of this level that hold pictures, and which."""
        found: dict[str, list[int]] = defaultdict(list)
        for number, path in self.paths.items():
            if path and self.deciding[number]:
                found[path[0]].append(number)
        return dict(sorted(found.items()))

    def _beside(self) -> list[int]:
        """The pictures of this level that lie in no folder."""
        return [n for n, path in self.paths.items() if not path and self.deciding[n]]

    def _few_beside(self) -> bool:
        count = len(self._beside())
        total = sum(self.deciding[number] for number in self.paths)
        return count <= max(_FEW, _SHARE * total) and 2 * count <= total

    def _mark(self, folder: str, numbers: Iterable[int]) -> None:
        """Note the part that a folder is, where none is known yet."""
        for number in numbers:
            self.layout.parts[number] = self.layout.parts[number] or folder

    def descend(self) -> None:
        """Pass over folders that hold everything but a few strays."""
        while len(folders := self._folders()) == 1 and self._few_beside():
            (name,) = folders
            self.paths = {n: p[1:] for n, p in self.paths.items() if p[:1] == (name,)}
            if _is_part(name):
                self._mark(name, self.paths)

    def take_parts(self) -> None:
        """Go below the folders that are parts of the set; say which they are."""
        folders = self._folders()
        splits = split_folders(
            {name: all(len(self.paths[n]) > 1 for n in own) for name, own in folders.items()}
        )
        if not splits:
            return
        others = [name for name in folders if name not in splits]
        self._say_parts(splits, folders, others)
        inside: Paths = {}
        classes = _classes_of_splits(splits)
        for folder in splits:
            own = {n: p[1:] for n, p in self.paths.items() if p[:1] == (folder,)}
            self._mark(folder, own)
            if folder in classes:
                inside |= {number: (classes[folder], *path) for number, path in own.items()}
            else:
                inside |= _unwrapped(own, folder)
        if "train" not in splits.values():
            # The others are then what is trained on: its classes, or simply its pictures.
            rest = {n: p for n, p in self.paths.items() if n not in inside}
            inside |= rest if len(others) > 1 else _unwrapped(rest, *others)
        self.paths = self._in_folders(inside)

    def _say_parts(
        self, splits: Mapping[str, str], folders: Mapping[str, list[int]], others: Sequence[str]
    ) -> None:
        named = ", ".join(f"{name} ({counted(len(folders[name]), 'picture')})" for name in splits)
        are = "are parts of the set" if len(splits) > 1 else "is a part of the set"
        doubt = len(splits) == 1 and len(others) > 1
        cure = "; if it is a class, give it another name" if doubt else ""
        self.layout.sentences.append(f"{named} {are} and no class{cure}.")

    def _in_folders(self, paths: Paths) -> Paths:
        """The files of those parts in which most lie in folders; the others have no class."""
        by_part: dict[str, list[int]] = defaultdict(list)
        for number in paths:
            by_part[self.layout.parts[number]].append(number)
        found: Paths = {}
        for numbers in by_part.values():
            flat = sum(not paths[n] and self.deciding[n] for n in numbers)
            if flat <= max(_FEW, _SHARE * len(numbers)) and flat < len(numbers):
                found |= {n: paths[n] for n in numbers}
        return found

    def take_classes(self) -> None:
        """Two or more folders at this level are classes."""
        folders, beside = self._folders(), self._beside()
        if len(folders) < 2:
            return
        if not self._few_beside():
            self.layout.sentences.append(
                f"The {len(folders)} folders {listed(list(folders))} were not taken as classes, "
                f"because {counted(len(beside), 'picture')} beside them have none."
            )
            return
        if self._take_folds(folders):
            self.take_classes()
            return
        if all(_words(name) and _words(name) <= _FILLERS | _COMPANIONS for name in folders):
            self.layout.sentences.append(
                f"{listed(list(folders))} are no classes; to leave one of them out, name the other."
            )
            return
        for number, path in self.paths.items():
            if path:
                self.layout.classes[number] = class_name(path[0])
            if len(path) > 1 and _is_part(path[1]):
                self._mark(path[1], [number])
        names = sorted({class_name(folder) for folder in folders})
        self.layout.sentences.append(f"{len(names)} classes from folders: {listed(names)}.")
        self.layout.sentences += same_classes(folders)
        self.layout.sentences += self._deeper()
        self.layout.sentences += self._without()
        self.layout.beside = [n for n, path in self.paths.items() if not path]

    def _take_folds(self, folders: Mapping[str, list[int]]) -> bool:
        """Go below folders such as ``fold1 … fold5`` that all hold folders of the same names."""
        inside = [
            {self.paths[n][1] for n in numbers if len(self.paths[n]) > 1}
            for numbers in folders.values()
        ]
        fillers = all(_words(name) and _words(name) <= _FILLERS for name in folders)
        if not fillers or any(len(names) < 2 or names != inside[0] for names in inside):
            return False
        self.layout.sentences.append(f"{listed(list(folders))} are parts of the set and no class.")
        for folder in folders:
            self._mark(folder, [n for n, path in self.paths.items() if path[:1] == (folder,)])
        self.paths = {number: path[1:] for number, path in self.paths.items()}
        return True

    def _deeper(self) -> Iterator[str]:
        """A sentence about folders inside of the class folders, which could be finer classes."""
        inside = {path[1] for n, path in self.paths.items() if len(path) > 1 and self.deciding[n]}
        deeper = sorted(name for name in inside if not _is_part(name))
        if len(deeper) > 1:
            yield (
                f"{counted(len(deeper), 'folder')} inside the class folders are no classes: "
                f"{listed(deeper)}."
            )

    def _without(self) -> Iterator[str]:
        """Sentences about the parts and other folders whose pictures have no class."""
        counts = Counter(
            part or "other folders"
            for number, part in enumerate(self.layout.parts)
            if self.deciding[number] and number not in self.paths
        )
        for part, count in sorted(counts.items()):
            yield f"{counted(count, 'picture')} in {part} without a class."


def _folders_of(name: str) -> tuple[str, ...]:
    """The folders in a name; files of one folder share one tuple."""
    return _split(name[: name.rfind("/") + 1])


@lru_cache(maxsize=4096)
def _split(folder: str) -> tuple[str, ...]:
    return tuple(folder.split("/")[:-1])


def _words(folder: str) -> set[str]:
    return set(_WORDS.findall(folder.casefold()))


def _is_part(folder: str) -> bool:
    """Whether a folder of this name is a part of a set, whatever lies beside it."""
    kind = split_kind(folder)
    return kind is not None and not kind[1]


def _unwrapped(paths: Paths, *above: str) -> Paths:
    """Paths without folders that hold all of them and only say again what they are."""
    while paths:
        firsts = {path[:1] for path in paths.values()}
        name = next(iter(next(iter(firsts))), "")
        known = name in above or _words(name) <= _FILLERS | set(_KINDS)
        if len(firsts) > 1 or not name or not known:
            break
        paths = {number: path[1:] for number, path in paths.items()}
    return paths


@lru_cache(maxsize=4096)
def class_name(written: str) -> str:
    """A class as it is called everywhere: in one normal form, without blanks around it."""
    return " ".join(unicodedata.normalize("NFC", written).split())


def same_classes(written: Iterable[str]) -> Iterator[str]:
    """Sentences about names that are written differently and mean one class, or look as if."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for one in written:
        spellings[class_name(one)].add(one)
    for name, ways in sorted(spellings.items()):
        if len(ways) > 1:
            yield f"{' and '.join(map(repr, sorted(ways)))} are one class, {name}."
    alike: dict[str, set[str]] = defaultdict(set)
    for name in spellings:
        alike[name.casefold()].add(name)
    for ways in alike.values():
        if len(ways) > 1:
            shown = " and ".join(sorted(ways))
            yield f"{shown} differ in capitals only and are {len(ways)} classes."


def passed_over(names: Sequence[str]) -> Iterator[str]:
    """A sentence about hidden and system files, if there are any."""
    if names:
        count = counted(len(names), "hidden or system file")
        yield f"{count} passed over, such as {names[0]}."


def counted(count: int, thing: str, things: str = "") -> str:
    """``1 picture``, ``2 pictures``."""
    return f"{count:,} {thing if count == 1 else things or f'{thing}s'}"


def listed(names: Sequence[str], most: int = 5, mark: str = ", ") -> str:
    """``a, b, c and 7 more``."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return mark.join(names[:most]) + more


def short(text: str, most: int = 60) -> str:
    """A name or a cell of a table, as far as a message has room for it."""
    shown = "".join(letter if letter.isprintable() else " " for letter in text[:most])
    return shown if len(text) <= most else f"{shown} …"
