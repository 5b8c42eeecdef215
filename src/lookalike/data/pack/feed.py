"""The endless order in which pictures are shown, as a pure function of the position.

Each epoch is one permutation with the address (seed, "order", epoch), so picture number 1,000,017
of a training is known without the million before it: resuming needs no state.
"""

from __future__ import annotations

from collections.abc import Sized
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from lookalike import seeds

_KEPT = 2


@dataclass(frozen=True)
class Feed:
    """The order of one split: pictures number 0, 1, 2 … without an end."""

    split: Sized
    seed: int
    _orders: dict[int, NDArray[np.int64]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def indices(self, at: int, count: int) -> NDArray[np.int64]:
        """Indices into the split of pictures ``at .. at + count``, int64 ``[count]``."""
        length = len(self.split)
        if not length:
            raise ValueError("a feed needs at least one picture; the split is empty")
        if at < 0 or count < 0:
            raise ValueError(f"a feed starts at 0 and goes forward; asked for {count} from {at}")
        parts = [np.empty(0, np.int64)]
        while count:
            epoch, start = divmod(at, length)
            part = self._order(epoch)[start : start + count]
            parts.append(part)
            at += len(part)
            count -= len(part)
        return np.concatenate(parts)

    def _order(self, epoch: int) -> NDArray[np.int64]:
        order = self._orders.get(epoch)
        if order is None:
            draw = seeds.array_generator(self.seed, "order", epoch)
            order = draw.permutation(len(self.split)).astype(np.int64, copy=False)
            while len(self._orders) >= _KEPT:
                self._orders.pop(next(iter(self._orders)))
            self._orders[epoch] = order
        return order
