"""Where it is computed, as a person says it; :mod:`lookalike.place` is what was decided."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from cyclopts import Group, Parameter

from lookalike.errors import DataError

if TYPE_CHECKING:
    from lookalike.place import Place


MOST_THREADS = 1024


@Parameter(name="*", group=Group("Machine", sort_key=90))
@dataclass(frozen=True, kw_only=True)
class Device:
    """Where it is computed; the defaults choose."""

    device: str = "auto"
    "cpu, cuda, mps, or auto: the best one there is."

    precision: str = "auto"
    "fp32, bf16, or auto: measured for each network."

    threads: int = 0
    "Processor threads; 0 takes as many as are fastest at the moment."

    def __post_init__(self) -> None:
        if not 0 <= self.threads <= MOST_THREADS:
            raise DataError(
                f"--threads is {self.threads}: name 1 to {MOST_THREADS} threads, or 0 for as many "
                "as are fastest."
            )

    def place(self) -> Place:
        """The place that these words mean here."""
        from lookalike.place import choose

        return choose(self.device, self.precision, self.threads)
