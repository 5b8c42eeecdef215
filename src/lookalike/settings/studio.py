"""What a person asks of the studio."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter

from lookalike.errors import LookalikeError
from lookalike.settings.options import Flag

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class StudioSettings:
    """Where the page is served, and what it may do."""

    port: int | None = None
    "The port of the page; left out, 8420 or the next one that is free. 0 takes any."

    host: str = "127.0.0.1"
    "The address that it listens on. Another than this machine's own is open to your network."

    open: Annotated[bool, Parameter(negative="--no-open")] = True
    "Open the page in the browser."

    read_only: Flag = False
    "Show everything and change nothing: no training, nothing written."

    def __post_init__(self) -> None:
        if self.port is not None and not 0 <= self.port < 1 << 16:
            raise LookalikeError(f"--port is {self.port}: a port lies between 0 and 65535.")
