"""What the pages share: the settings, the library, one worker, the jobs, the open
streams, what was read of runs."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from importlib import import_module

from lookalike.recipe import names
from lookalike.settings.studio import StudioSettings
from lookalike.studio.events import Events
from lookalike.studio.jobs import Jobs
from lookalike.studio.library import Library
from lookalike.studio.run_facts import RunLooks
from lookalike.studio.worker import Worker


@dataclass(frozen=True)
class Studio:
    """Given to ``routes(studio)`` of each page."""

    settings: StudioSettings
    library: Library
    jobs: Jobs
    events: Events = field(default_factory=Events)
    worker: Worker = field(default_factory=Worker)
    looks: RunLooks = field(default_factory=RunLooks)
    _warm: threading.Event = field(default_factory=threading.Event)

    def warm_up(self) -> None:
        """Load what draws, once and behind the first page, which does without."""
        if not self._warm.is_set():
            self._warm.set()
            self.worker.submit(_load)


def _load() -> None:
    time.sleep(0.5)  # the files of the first page go first
    names()  # parsed before torch is imported, which parses, too
    import_module("lookalike.report.facts")
