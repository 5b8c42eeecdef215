"""The prior of generators that are steered by codes: noise, categories and continuous codes."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from lookalike.errors import RecipeError
from lookalike.parts.latents.priors import Learned, Prior


@dataclass(frozen=True, kw_only=True)
class Codes(Prior):
    """z = noise, then one one-hot block per category, then continuous codes in [-1, 1].

    ``dims`` counts the noise columns, standard normal or (``uniform``) uniform in [-1, 1];
    ``categories`` holds the size of every categorical code; ``continuous`` their number.
    Chen et al. 2016, section 4; the codes are uniform, as in their experiments.
    """

    dims: int = 62
    categories: tuple[int, ...] = ()
    continuous: int = 0
    uniform: bool = False

    def __post_init__(self) -> None:
        if any(size < 2 for size in self.categories):
            raise RecipeError(
                f"Every categorical code needs at least 2 values; found {self.categories}. "
                "Leave a code out instead of giving it one value."
            )

    @property
    def width(self) -> int:
        """The number of columns of z."""
        return self.dims + self.codes

    @property
    def codes(self) -> int:
        """The number of columns that are codes, not noise."""
        return sum(self.categories) + self.continuous

    @property
    def named_columns(self) -> dict[str, range]:
        """``category`` (``category1`` and so on, where there are more), then ``code1`` and on."""
        found, first = {}, self.dims
        for number, size in enumerate(self.categories, 1):
            name = "category" if len(self.categories) == 1 else f"category{number}"
            found[name] = range(first, first + size)
            first += size
        for number in range(1, self.continuous + 1):
            column = first + number - 1
            found[f"code{number}"] = range(column, column + 1)
        return found

    def draw(self, generator: torch.Generator, count: int, learned: Learned) -> Tensor:
        """``[count, width]``; the columns of each row in the order of the class docstring."""
        if self.uniform:
            noise = torch.rand(count, self.dims, generator=generator) * 2 - 1
        else:
            noise = torch.randn(count, self.dims, generator=generator)
        columns = [noise]
        for size in self.categories:
            chosen = torch.randint(size, (count,), generator=generator)
            columns.append(functional.one_hot(chosen, size).float())
        columns.append(torch.rand(count, self.continuous, generator=generator) * 2 - 1)
        return torch.cat(columns, 1)

    def bounded(self, z: Tensor) -> Tensor:
        """Each category at its largest column, codes and uniform noise within [-1, 1]."""
        blocks, values = self.split(self.coded(z))
        chosen = [functional.one_hot(block.argmax(1), block.shape[1]).to(z) for block in blocks]
        noise = self.noise(z).clamp(-1, 1) if self.uniform else self.noise(z)
        return torch.cat([noise, *chosen, values.clamp(-1, 1)], 1)

    def noise(self, z: Tensor) -> Tensor:
        """The noise columns of z, ``[N, dims]``."""
        return z[:, : self.dims]

    def coded(self, z: Tensor) -> Tensor:
        """The code columns of z, ``[N, codes]``: categories, then continuous codes."""
        return z[:, self.dims :]

    def split(self, codes: Tensor) -> tuple[list[Tensor], Tensor]:
        """Code columns ``[N, codes]`` as one block per category and the continuous codes."""
        blocks = list(torch.split(codes, [*self.categories, self.continuous], dim=1))
        return blocks[:-1], blocks[-1]
