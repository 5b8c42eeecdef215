"""The options about the machine, the same for every verb that computes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from lookalike.api.results import Where

_GROUP = Group("Machine", sort_key=90)

Changes = Annotated[list[str] | None, Parameter(name="--set", consume_multiple=True, negative="")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Machine:
    """Where it is computed; the defaults choose."""

    device: Annotated[str, Parameter(group=_GROUP)] = "auto"
    "cpu, cuda, mps, or auto: the best one there is."

    precision: Annotated[str, Parameter(group=_GROUP)] = "auto"
    "fp32, bf16, or auto: measured for each network."

    threads: Annotated[int, Parameter(group=_GROUP)] = 0
    "Processor threads; 0 takes all."

    def where(self, tensorboard: bool = False, keep_best: int = 3) -> Where:
        """What the program calls it."""
        from lookalike.api.results import Where

        return Where(
            device=self.device,
            precision=self.precision,
            threads=self.threads,
            tensorboard=tensorboard,
            keep_best=keep_best,
        )


MACHINE = Machine()


def settings(pairs: list[str] | None) -> dict[str, str]:
    """``["size=64", ...]`` as a dictionary.

    Raises:
        RecipeError: one of them has no "=".
    """
    from lookalike.errors import RecipeError

    wrong = [pair for pair in pairs or [] if "=" not in pair]
    if wrong:
        found = ", ".join(wrong)
        raise RecipeError(f"--set takes name=value, found {found}. Example: --set width=32")
    return dict(pair.split("=", 1) for pair in pairs or [])
