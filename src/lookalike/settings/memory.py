"""Amounts of memory as people write them: 4G, 4GB, 500M."""

from __future__ import annotations

import re
from typing import Annotated

from cyclopts import Parameter

from lookalike.errors import LookalikeError

_UNITS = {"M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

Memory = Annotated[str | None, Parameter(metavar="SIZE")]


def byte_count(amount: str) -> int:
    """The bytes in "4G", "4GB", "1.5 GiB" or "500M"; a kilobyte is 1,024 bytes.

    Raises:
        LookalikeError: it cannot be read, has no unit, or is not above 0.
    """
    found = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([MGT])(?:i?B)?\s*", str(amount), re.IGNORECASE)
    count = int(float(found[1]) * _UNITS[found[2].upper()]) if found else 0
    if count <= 0:
        raise LookalikeError(
            f"--memory is {amount!r}, which is no amount of memory. Write it like 4G, 1.5GB or "
            "500M."
        )
    return count


def memory_words(count: int) -> str:
    """Bytes for a person: "620 MB", "3.4 GB"."""
    return f"{count >> 20} MB" if count < 1 << 30 else f"{count / (1 << 30):.1f} GB"
