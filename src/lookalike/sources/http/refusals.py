"""Why one address gave no picture."""

from __future__ import annotations

from lookalike.errors import SourceError


class RefusedError(SourceError):
    """One address gave no picture.

    ``reason`` is a few words that a table can count; ``final`` says whether trying again later is
    useless (a private address stays private, a slow server may recover); ``again`` whether it is
    worth trying again at once.
    """

    def __init__(
        self, reason: str, detail: str = "", *, final: bool = True, again: bool = False
    ) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.final = final
        self.again = again


class BusyError(RefusedError):
    """The host asked us to come back later than we are ready to wait."""

    def __init__(self, detail: str) -> None:
        super().__init__("host asked to wait", detail, final=False)
