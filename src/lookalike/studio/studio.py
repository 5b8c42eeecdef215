"""What the pages share: the settings, the library, one worker, the jobs, the open streams."""

from __future__ import annotations

from dataclasses import dataclass, field

from lookalike.settings.studio import StudioSettings
from lookalike.studio.events import Events
from lookalike.studio.jobs import Jobs
from lookalike.studio.library import Library
from lookalike.studio.worker import Worker


@dataclass(frozen=True)
class Studio:
    """Given to ``routes(studio)`` of each page."""

    settings: StudioSettings
    library: Library
    jobs: Jobs
    events: Events = field(default_factory=Events)
    worker: Worker = field(default_factory=Worker)
