"""Sizes of pictures: a side in pixels, or width and height of pictures that are not square."""

from __future__ import annotations

import re


class Rectangle(int):
    """The size of pictures that are not square; as text ``64x96``, width before height.

    As a number it is the shorter side, so that it stands wherever the side of squares does. It
    equals no number: what knows nothing of rectangles takes it for a size that it does not have.
    """

    width: int
    height: int

    def __new__(cls, width: int, height: int) -> Rectangle:
        """A size; :func:`size_of` gives a plain number where the sides are equal."""
        made = super().__new__(cls, min(width, height))
        made.width, made.height = width, height
        return made

    def __reduce__(self) -> tuple[type[Rectangle], tuple[int, int]]:
        return Rectangle, (self.width, self.height)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Rectangle) and shape_of(self) == shape_of(other)

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash((self.width, self.height))

    def __repr__(self) -> str:
        return f"{self.width}x{self.height}"

    __str__ = __repr__

    def as_json(self) -> str:
        """How it is saved."""
        return str(self)

    @property
    def turned(self) -> Rectangle:
        """Width and height exchanged."""
        return Rectangle(self.height, self.width)

    @property
    def halvings(self) -> int:
        """How often both sides can be halved before the shorter one has fewer than 3 pixels."""
        count = 0
        while (self.width | self.height) % (2 << count) == 0 and self >> (count + 1) >= 3:
            count += 1
        return count


def shape_of(size: int) -> tuple[int, int]:
    """Height and width of pictures of this size."""
    return (size.height, size.width) if isinstance(size, Rectangle) else (size, size)


def size_of(height: int, width: int) -> int:
    """The size of pictures with these sides: a number where they are equal."""
    return int(height) if height == width else Rectangle(int(width), int(height))


def half_of(size: int) -> int:
    """The size of pictures with half these sides, rounded down."""
    height, width = shape_of(size)
    return size_of(height // 2, width // 2)


def read_size(written: object) -> int:
    """A size as it is written: ``64``, or ``64x96`` (WIDTHxHEIGHT).

    Raises:
        ValueError: it is something else.
    """
    if isinstance(written, int):
        return written
    sides = re.fullmatch(r"(\d{1,9})(?:\s*[xX\u00d7]\s*(\d{1,9}))?", str(written).strip())
    if sides is None:
        raise ValueError(f"{written!r} is no size such as 64, or 64x96 (width x height)")
    return size_of(int(sides[2] or sides[1]), int(sides[1]))


def square_of(size: int) -> int:
    """The side of the squares whose networks double as often as those for this size."""
    return 4 << size.halvings if isinstance(size, Rectangle) else size
