"""What is checked before several machines train together, and who is missing when one is lost.

Most trainings over several machines that do not begin fail at a name that does not resolve or a
port that is closed, and then wait for half an hour; this asks first and says which.
"""

from __future__ import annotations

import os
import platform
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from lookalike import __version__
from lookalike.errors import TrainingError

PATIENCE = 60.0
"""Seconds for which the first machine may be late."""

_CLOCKS = 60.0
_VERSIONS = ("torch", "numpy")


@dataclass(frozen=True)
class RankFacts:
    """One process of a training: where it runs, its clock, and the versions that it has."""

    rank: int
    host: str
    process: int
    clock: float
    versions: tuple[tuple[str, str], ...]

    @staticmethod
    def here(rank: int) -> RankFacts:
        """Those of this process."""
        own = (("lookalike", __version__), ("python", platform.python_version()))
        versions = (*own, *((name, version(name)) for name in _VERSIONS))
        return RankFacts(rank, socket.gethostname(), os.getpid(), time.time(), versions)

    def __str__(self) -> str:
        return f"rank {self.rank} (host {self.host}, process {self.process})"


def check_address(host: str, port: int, rank: int, patience: float = PATIENCE) -> None:
    """Ask whether the first machine can be found and answers, before torch waits for it.

    Raises:
        TrainingError: the name does not resolve here, or nothing listens there.
    """
    try:
        socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as problem:
        raise TrainingError(
            f"Rank {rank} on {socket.gethostname()} cannot resolve {host!r}, the name of the first "
            f"machine ({problem}). Give its address instead (torchrun --rdzv-endpoint ADDRESS:"
            f"{port}, or MASTER_ADDR), or add the name to /etc/hosts here."
        ) from problem
    serves = rank == 0 and os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True"
    if serves:
        _check_free(port)
        return
    until = time.monotonic() + patience
    while True:
        try:
            socket.create_connection((host, port), timeout=5).close()
            return
        except OSError as problem:
            if time.monotonic() > until:
                raise TrainingError(
                    f"Rank {rank} on {socket.gethostname()} reaches nobody at {host}:{port} "
                    f"({problem}). Start the first machine, and open that port to the others."
                ) from problem
            time.sleep(0.5)


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as problem:
            raise TrainingError(
                f"Port {port} is taken on {socket.gethostname()} ({problem}), so the others cannot "
                "meet there. Name another one: torchrun --master-port, or MASTER_PORT."
            ) from problem


def check_ranks(ranks: Sequence[RankFacts]) -> None:
    """Compare what all ranks say of themselves.

    Raises:
        TrainingError: their versions differ, or their clocks by more than a minute.
    """
    first = ranks[0]
    for other in ranks[1:]:
        for (name, one), (_, two) in zip(first.versions, other.versions, strict=True):
            if one != two:
                raise TrainingError(
                    f"{first} has {name} {one}, {other} has {two}. Install the same on all "
                    "machines: other versions compute other numbers."
                )
        if abs(first.clock - other.clock) > _CLOCKS:
            raise TrainingError(
                f"The clocks of {first} and {other} differ by {abs(first.clock - other.clock):.0f} "
                "s. Set them by the network (NTP): times of files and of logs would mislead."
            )


def who_is_gone(
    ranks: Sequence[RankFacts], rank: int, set_: Callable[[str], None], has: Callable[[str], bool]
) -> str:
    """Which ranks do not answer: each that lives notes so in the store that all share.

    ``set_`` notes a name there, ``has`` asks for one.
    """
    try:
        set_(f"lookalike/alive/{rank}")
        until = time.monotonic() + 3
        missing = list(ranks)
        while missing and time.monotonic() < until:
            missing = [one for one in missing if not has(f"lookalike/alive/{one.rank}")]
            time.sleep(0.1)
        named = ", ".join(map(str, missing))
        return f"{named[:1].upper()}{named[1:]}" if missing else "The connection between ranks"
    except Exception:  # the store lived where the first rank did
        return "The first machine"
