"""How a long piece of work says how far it is, without knowing who listens."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Tell = Callable[[str, int, int], None]
"""Called as ``tell(what, done, total)``; total 0 means that it is not known."""


def silent(what: str, done: int, total: int) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class Listener:
    """Who is told: ``tell`` of work that counts things, ``step`` of training, ``say`` in words.

    ``step`` gets a :class:`lookalike.watch.progress.ProgressStep`.
    """

    tell: Tell = silent
    step: Callable[[Any], None] = field(default=lambda step: None)
    say: Callable[[str], None] = field(default=lambda words: None)


NOBODY = Listener()
