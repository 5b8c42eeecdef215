"""How much of the wall time a watcher may cost, measured on itself."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

Clock = Callable[[], float]


@dataclass
class CostLimit:
    """Keeps what was ``spent`` below ``share`` of the seconds since ``begin``."""

    share: float
    clock: Clock = time.monotonic
    spent: float = field(default=0.0, init=False)
    _begun: float | None = field(default=None, init=False)

    def begin(self) -> None:
        """Start counting."""
        self._begun, self.spent = self.clock(), 0.0

    @property
    def elapsed(self) -> float:
        """Seconds since ``begin``."""
        return 0.0 if self._begun is None else self.clock() - self._begun

    def affords(self, cost: float) -> bool:
        """Whether ``cost`` more seconds now would still be within the share."""
        return self.spent + cost <= self.share * self.elapsed

    @contextmanager
    def spending(self) -> Iterator[None]:
        """Count the seconds of a block as spent."""
        before = self.clock()
        try:
            yield
        finally:
            self.spent += self.clock() - before
