"""What ``--on dask`` starts on this machine: a worker that no Ctrl-C reaches. Needs dask."""

from __future__ import annotations

import signal

from distributed import Nanny


class LocalWorker(Nanny):  # type: ignore[misc, unused-ignore]
    """A worker in a process of its own and the process that watches it; both ignore SIGINT.

    A terminal sends it to all processes of a command. Where workers end by themselves their parent
    cannot cancel the work in order; it alone decides.
    """

    async def start_unsafe(self) -> LocalWorker:
        """Ignore it before anything is started, which inherits that; dask's own handler is set."""
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        await super().start_unsafe()  # type: ignore[no-untyped-call, unused-ignore]
        return self
