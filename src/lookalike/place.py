"""Where a run happens: device, precision, threads, rank. Decided once, at the edge.

Nothing here decides a result's meaning, only its speed; the decision is written into the run
folder, since another precision is another sequence of bits.
"""

from __future__ import annotations

import ctypes
import os
import platform
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn

from lookalike import __version__
from lookalike.errors import LookalikeError

M = TypeVar("M", bound=nn.Module)


@dataclass(frozen=True, kw_only=True)
class Place:
    """The machine's part in a run.

    ``precision`` maps a player to "bf16" or "fp32"; players that it does not name run in fp32.
    ``wish`` is what the person asked for: "auto" measures each player for a moment and decides.
    """

    device: str = "cpu"
    wish: str = "fp32"
    precision: Mapping[str, str] = field(default_factory=dict)
    threads: int = 0
    rank: int = 0
    world: int = 1

    @property
    def main(self) -> bool:
        """Whether this process writes the run folder."""
        return self.rank == 0

    @property
    def adapts(self) -> bool:
        """Whether the number of threads may be chosen, and changed while a run trains."""
        return self.threads == 0 and self.world == 1 and self.device == "cpu"

    def autocast(self, player: str) -> AbstractContextManager[Any]:
        """The precision in which this player computes."""
        if self.precision.get(player) != "bf16":
            return nullcontext()
        return torch.autocast(torch.device(self.device).type, dtype=torch.bfloat16)

    def settle(self, network: M) -> M:
        """The network on this device, its convolutions channels-last."""
        moved: Any = network
        return moved.to(device=self.device, memory_format=torch.channels_last)  # type: ignore[no-any-return]

    def decided(self, precision: Mapping[str, str]) -> Place:
        """The same place with a precision for every player."""
        return replace(self, precision=dict(precision))


def choose(device: str = "auto", precision: str = "auto", threads: int = 0) -> Place:
    """A place from a person's words; "auto" takes CUDA, then MPS, then the CPU.

    Rank and world size come from the environment that torchrun sets.

    Raises:
        LookalikeError: the device does not exist here, or the precision has no such name.
        RuntimeError: the system does not start the threads that torch will ask for.
    """
    if precision not in {"auto", "fp32", "bf16"}:
        raise LookalikeError(f"There is no precision {precision!r}. Use one of: auto, fp32, bf16.")
    rank, world = int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1"))
    keep_memory()
    _start_threads((threads or torch.get_num_threads()) - 1)
    return Place(
        device=_device(device),
        wish=precision,
        threads=threads,
        rank=rank,
        world=world,
    )


def _start_threads(count: int) -> None:
    """Start so many threads at once, and let them end.

    OpenMP ends the process where it gets none, with no word of what to do; Python raises.
    """
    over = threading.Event()
    threads = [threading.Thread(target=over.wait, daemon=True) for _ in range(count)]
    try:
        for thread in threads:
            thread.start()
    finally:
        over.set()
        for thread in threads:
            if thread.ident is not None:
                thread.join()


def describe(place: Place) -> dict[str, Any]:
    """What a run remembers of the machine, as JSON-able values: no names, no paths."""
    return {
        "lookalike": __version__,
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": version("numpy"),
        "pillow": version("pillow"),
        "system": platform.system(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "place": {
            "device": place.device,
            "precision": dict(place.precision),
            "threads": torch.get_num_threads(),
            "processes": place.world,
            "shared_batches": True,  # ranks compute and draw over the whole batch
        },
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8", "replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def keep_memory() -> bool:
    """Let this process keep what it frees, where its C library can; whether it can.

    Every step takes and frees the same maps. Memory that goes back to the system comes again as
    empty pages, one fault each: a twentieth to a seventh of a step (docs/log.md).
    """
    trim, top, threshold = -1, -2, -3  # M_TRIM_THRESHOLD, M_TOP_PAD, M_MMAP_THRESHOLD of glibc
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):  # another C library, or Windows
        return False
    settings = ((threshold, 1 << 30), (trim, 2**31 - 1), (top, 64 << 20))
    return all(mallopt(name, value) for name, value in settings)


def give_memory_back() -> None:
    """Give what was freed and kept back to the system, where the C library can."""
    with suppress(AttributeError, OSError, TypeError):  # another C library, or Windows
        ctypes.CDLL(None).malloc_trim(0)


def _device(wish: str) -> str:
    local = os.environ.get("LOCAL_RANK", "0")
    if wish == "auto":
        if torch.cuda.is_available():
            return f"cuda:{local}"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=wish)
    except (RuntimeError, AssertionError, NotImplementedError) as problem:
        raise LookalikeError(
            f"The device {wish!r} cannot be used here ({problem}). "
            "Leave --device out to let the program choose, or use --device cpu."
        ) from problem
    return wish
