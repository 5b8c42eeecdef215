"""What is checked before several machines train together, and who is missing when one is lost.

Most trainings over several machines that do not begin fail at a name that does not resolve or a
port that is closed, and then wait for half an hour; this asks first and says which.

``python -m lookalike.cluster.preflight HOST:PORT`` asks on one machine before torchrun begins,
which repeats warnings or ends in a traceback instead. It asks no other machine: whether they reach
one another, their versions and their clocks are asked by the ranks when torchrun has started them.
"""

from __future__ import annotations

import os
import platform
import socket
import sys
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
    _resolve(host, port, f"Rank {rank} on {socket.gethostname()}")
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


def check_machine(host: str, port: int) -> str:
    """Ask on this machine, before torchrun begins, whether it can meet the others at this address.

    Answers what was found, as a sentence.

    Raises:
        TrainingError: the name does not resolve here, or it is this machine and its port is taken.
    """
    here = socket.gethostname()
    addresses = _resolve(host, port, here)
    found = f"{here}: {host} is {', '.join(addresses)}"
    if not any(map(_is_here, addresses)):
        return f"{found}, another machine."
    _check_free(port)
    return f"{found}, this machine, and its port {port} is free."


def _resolve(host: str, port: int, who: str) -> list[str]:
    """The addresses of a name."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as problem:
        raise TrainingError(
            f"{who} cannot resolve {host!r}, the name of the first machine ({problem}). Give its "
            f"address instead (torchrun --rdzv-endpoint ADDRESS:{port}, or MASTER_ADDR), or add "
            "the name to /etc/hosts here."
        ) from problem
    return list(dict.fromkeys(str(place[0]) for *_, place in answers))


def _is_here(address: str) -> bool:
    """Whether an address is one of this machine: only those can be listened at."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    try:
        with socket.socket(family) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def _check_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("", port))
        except OSError as problem:
            raise TrainingError(
                f"Port {port} is taken on {socket.gethostname()} ({problem}), so the others cannot "
                "meet there. Name another one: torchrun --rdzv-endpoint HOST:PORT or "
                "--master-port, or MASTER_PORT."
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


def main(words: Sequence[str]) -> int:
    """The command: ask about HOST:PORT and say what was found; the exit status.

    0 is well, 1 a fault that was named, 2 words that are no HOST:PORT.
    """
    host, _, port = words[0].rpartition(":") if len(words) == 1 else ("", "", "")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        given = " ".join(words) or "nothing"
        print(f"Error: this takes HOST:PORT, like node7:29500, not {given}.", file=sys.stderr)
        return 2
    try:
        print(check_machine(host.removeprefix("[").removesuffix("]"), int(port)), file=sys.stderr)
    except TrainingError as problem:
        print(f"Error: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
