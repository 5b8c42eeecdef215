"""The kinds of options that settings have, and how their words are read."""

from __future__ import annotations

import logging
import math
import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass, replace
from difflib import get_close_matches
from itertools import product
from os import PathLike, fspath
from pathlib import Path
from types import SimpleNamespace
from typing import Annotated, Any, Protocol, TypeVar, get_type_hints

from cyclopts import Parameter

from lookalike.errors import DataError, LookalikeError, RecipeError
from lookalike.settings.device import Device
from lookalike.settings.machines import Machines
from lookalike.sizes import Rectangle, read_size, shape_of, size_of

log = logging.getLogger(__name__)

AnyPath = str | PathLike[str]

MOST_PIXELS = 2048
MOST_START = 7
"""The most pixels on the shorter side of the map that a rectangle is doubled from."""

COLORS: Mapping[int, str] = {1: "grey", 3: "color", 4: "color and alpha"}
"""What pictures of so many channels are called. Here, where no numpy is needed to say it."""

SHARED: Mapping[str, Any] = {"device": Device, "machines": Machines}
"""Fields that hold settings shared by several verbs, whose own fields stand beside theirs."""

S = TypeVar("S")
T = TypeVar("T")


class Word(Protocol):
    """A word of the command line."""

    value: str


def _each(split: Callable[[str], Iterable[T]]) -> Callable[[Any, Sequence[Word]], tuple[T, ...]]:
    """A reader of options whose words hold several things each."""
    return lambda _, words: tuple(item for word in words for item in split(word.value))


def _with_commas(items: Sequence[Any]) -> str:
    return ",".join(map(str, items))


def pairs(texts: Sequence[str]) -> dict[str, str]:
    """``["size=64", ...]`` as a dictionary.

    Raises:
        RecipeError: one of them has no "=".
    """
    wrong = [text for text in texts if "=" not in text]
    if wrong:
        raise RecipeError(
            f"--set takes name=value, found {', '.join(wrong)}. Example: --set width=32"
        )
    return dict(text.split("=", 1) for text in texts)


def _counts(text: str) -> list[int]:
    """Whole numbers above 1, in order.

    Raises:
        DataError: one of them is something else.
    """
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdigit() and int(word) > 1 for word in words):
        raise DataError(f"--per-class takes numbers above 1 like 10,20,50, not {text!r}.")
    return sorted({int(word) for word in words})


def named_values(
    name: str, metavar: str, read: Callable[[list[str]], Mapping[str, Any]]
) -> Parameter:
    """An option that takes any number of words such as ``name=value``, read all together."""
    return Parameter(
        name=name,
        converter=lambda _, words: read([word.value for word in words]),
        n_tokens=-1,
        consume_multiple=True,
        accepts_keys=False,
        negative="",
        metavar=metavar,
        show_default=False,
    )


def _time(_: Any, spoken: Sequence[Word]) -> str:
    """A time as it was written; how a number without a unit is read is said."""
    text = spoken[-1].value.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        log.warning(
            "The time %s has no unit and is read as %s seconds; %sm are minutes. A number of "
            "images is --set images=%s.",
            *(text, text, text, round(float(text))),
        )
    return text


def _size(_: Any, words: Sequence[Word]) -> int:
    """A side, or WIDTHxHEIGHT.

    Raises:
        DataError: it is something else.
    """
    text = words[-1].value
    try:
        return read_size(text)
    except ValueError:
        raise DataError(
            f"--size is {text}, and a whole number is wanted, the side in pixels (64), or width "
            "and height of pictures that are not square (64x96)."
        ) from None


Flag = Annotated[bool, Parameter(negative="")]
Count = Annotated[int, Parameter(name=["-n", "--count"])]
Size = Annotated[T, Parameter(converter=_size)]
"""A side in pixels; of pictures that are not square WIDTHxHEIGHT."""
For = Annotated[T, Parameter(name="--for", metavar="TIME", converter=_time)]
More = Annotated[str | float | None, Parameter(metavar="TIME", converter=_time)]
Changes = Annotated[Mapping[str, Any], named_values("--set", "NAME=VALUE", pairs)]
Codes = Annotated[
    tuple[str, ...],
    Parameter(converter=_each(str.split), negative="", metavar="CODES", show_default=False),
]
Names = Annotated[
    tuple[str, ...],
    Parameter(
        converter=_each(lambda text: text.split(",")),
        negative="",
        metavar="NAMES",
        show_default=_with_commas,
    ),
]
Counts = Annotated[
    tuple[int, ...],
    Parameter(converter=_each(_counts), negative="", metavar="NUMBERS", show_default=False),
]
Internal = Annotated[T, Parameter(parse=False)]
"""A field for programs, without an option."""


def option_for(channels: int, instead_of: int) -> str:
    """With which option pictures are prepared anew with so many channels ``instead_of`` others."""
    if channels == 3:
        return "without --alpha" if instead_of == 4 else "without --grey"
    return "with --grey" if channels == 1 else "with --alpha"


def sensible_size(size: int) -> None:
    """Refuse a side that no picture can have, and a rectangle that no network draws.

    Raises:
        DataError: a side is below 1 or above 2048 pixels, or a rectangle is none that comes from
            doubling a small one.
    """
    if not all(1 <= side <= MOST_PIXELS for side in shape_of(size)):
        raise DataError(
            f"--size is {size}: a side is at least 1 and at most {MOST_PIXELS} pixels, such as 64."
        )
    if isinstance(size, Rectangle) and size >> size.halvings > MOST_START:
        raise DataError(
            f"--size is {size}: pictures are drawn by doubling a small one whose shorter side has "
            f"at most {MOST_START} pixels, and halving both sides never gives one. Near it is "
            f"--size {near_rectangle(size.width, size.height)}."
        )


def near_rectangle(width: float, height: float) -> int:
    """The nearest size that networks can draw: small sides, doubled several times."""
    found = [
        size_of(max(1, round(height / step)) * step, max(1, round(width / step)) * step)
        for step in (2**k for k in range(3, 9))
    ]
    able = [s for s in found if isinstance(s, Rectangle) and s >> s.halvings <= MOST_START]
    return min(able, key=lambda size: math.dist(shape_of(size), (height, width)), default=64)


def nearest_shape(ratio: float, size: int) -> int:
    """The size whose width by height is nearest to this, as often doubled as this square."""
    step = size // 4
    able = [
        Rectangle(across * step, down * step)
        for across, down in product(range(3, 17), repeat=2)
        if across != down and min(across, down) <= MOST_START
    ]

    def away(one: Rectangle) -> float:
        return abs(math.log(one.width / one.height / ratio)) + 0.1 * abs(math.log(one / size))

    return min(able, key=away)


_URL = re.compile(r"(s3|gs|gcs|az|abfs|hf|https?|memory):/+(.+)")


def url_of(place: object) -> str | None:
    """The URL that a text or path stands for, or None; a path has lost one of its slashes."""
    found = _URL.fullmatch(str(place)) if isinstance(place, str | PathLike) else None
    return f"{found[1]}://{found[2]}" if found else None


def path_of(place: AnyPath) -> Path:
    """A path as a person writes it: text or path, ``~`` for their home.

    Raises:
        DataError: it is something else.
    """
    if not isinstance(place, str | PathLike):
        raise DataError(f"{place!r} is no path. Give text ('photos') or a pathlib.Path.")
    return Path(place).expanduser()


def filled(kind: type[S], settings: S | None, words: Mapping[str, Any]) -> S:
    """The settings with these fields changed; text is read as the command line reads it.

    Fields of the device (``threads=2``, ``device="cpu"``) and of the machines (``part="3/8"``) may
    stand among them.

    Raises:
        LookalikeError: there is no such field.
    """
    if settings is not None and not isinstance(settings, kind):
        raise LookalikeError(
            f"settings is {settings!r}, not {kind.__name__}. Give the settings one by one: size=64"
        )
    hints = get_type_hints(kind, include_extras=True)
    inside = {
        field.name: group
        for group, own in SHARED.items()
        if group in hints
        for field in fields(own)
    }
    _refuse_unknown(words, {*hints, *inside})
    placed = {
        n: v for n, v in words.items() if n in inside and not isinstance(v, tuple(SHARED.values()))
    }
    changes = {n: _read(n, hints[n], v) for n, v in words.items() if n not in placed}
    for group in dict.fromkeys(inside[name] for name in placed):
        before = changes.get(group) or getattr(settings, group, None) or SHARED[group]()
        own = {name: value for name, value in placed.items() if inside[name] == group}
        changes[group] = replace(before, **own)
    if settings is not None:
        changed: S = replace(settings, **changes)  # type: ignore[type-var]
        return changed
    try:
        return kind(**changes)
    except TypeError as problem:
        raise LookalikeError(f"A setting is missing: {problem}.") from problem


def _refuse_unknown(words: Iterable[str], known: Collection[str]) -> None:
    """Refuse a setting that there is not.

    Raises:
        LookalikeError: naming it, the one that is nearest, and all.
    """
    for name in words:
        if name not in known:
            near = get_close_matches(name, known, 1)
            raise LookalikeError(
                f"There is no setting {name!r}{f'; did you mean {near[0]!r}?' if near else '.'} "
                f"There are: {', '.join(sorted(known))}."
            )


def restored(kind: type[S], values: Mapping[str, Any]) -> S:
    """Settings from what :func:`lookalike.results.plain` made of them."""
    hints = get_type_hints(kind, include_extras=True)
    own = {
        name: restored(hints[name], value)
        if isinstance(value, dict) and is_dataclass(hints[name])
        else _read(name, hints[name], value)
        for name, value in values.items()
    }
    return kind(**own)


def _read(name: str, hint: Any, value: Any) -> Any:
    """A value as its field holds it: paths as paths, lists as tuples, text as an option's word.

    Raises:
        DataError: a number is asked for, and this is none.
    """
    kind = getattr(hint, "__origin__", hint)
    for extra in getattr(hint, "__metadata__", ()):
        if isinstance(extra, Parameter) and callable(extra.converter) and isinstance(value, str):
            return extra.converter(kind, [SimpleNamespace(value=value)])
    if kind in (int, int | None, float, float | None) and value is not None:
        return _number(name, kind, value)
    if kind is bool and isinstance(value, str):
        raise DataError(f"{name} is {value!r}, and True or False is wanted.")
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, str | PathLike):
        text = fspath(value)
        return path_of(text) if "Path" in str(kind) else text
    return value


def _number(name: str, kind: Any, value: Any) -> int | float:
    """A number as it is meant: also as text, of numpy, or 64.0 where it is whole."""
    whole = kind in (int, int | None)
    if isinstance(value, Rectangle):
        return value
    try:
        number = float(value)
        if not whole or number.is_integer():
            return int(number) if whole else number
    except (TypeError, ValueError):
        pass
    what = "a whole number" if whole else "a number"
    raise DataError(f"{name} is {value!r}, and {what} is wanted, such as {name}=1.")
