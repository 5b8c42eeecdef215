"""How a long piece of work says how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable

Tell = Callable[[str, int, int], None]
"""Called as ``tell(what, done, total)``; total 0 means that it is not known."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""
