"""Randomness with an address: the only file that seeds.

Every draw comes from a generator made from (seed, purpose, position), so nothing depends on what
was drawn before: resuming needs no random state, and sample 17 is the same in a batch of 1 and of
64 (the idea of reseeding by position is in Karras et al. 2024, "EDM2").
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import torch


def number(seed: int, purpose: str, *position: int) -> int:
    """A 63-bit number that depends on the whole address and on nothing else."""
    address = "/".join([str(seed), purpose, *map(str, position)])
    digest = hashlib.blake2b(address.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def array_generator(seed: int, purpose: str, *position: int) -> np.random.Generator:
    """A numpy generator for this address."""
    import numpy as np

    return np.random.default_rng(number(seed, purpose, *position))


def generator(seed: int, purpose: str, *position: int) -> torch.Generator:
    """A torch generator (on the CPU, so that every device sees the same draws) for this address."""
    import torch

    return torch.Generator().manual_seed(number(seed, purpose, *position))


def reseed(seed: int, purpose: str, *position: int) -> None:
    """Put torch's global generator at this address, for modules that draw from it (dropout)."""
    import torch

    torch.manual_seed(number(seed, purpose, *position))
