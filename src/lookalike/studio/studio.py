"""What the pages share: the settings, the library, one worker, the jobs, the open streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from lookalike.settings.studio import StudioSettings
from lookalike.studio.events import Events
from lookalike.studio.explorers import Explorers
from lookalike.studio.gallery import Gallery
from lookalike.studio.jobs import Jobs
from lookalike.studio.library import Library
from lookalike.studio.photos import Photos
from lookalike.studio.worker import Worker


@dataclass(frozen=True)
class Studio:
    """Given to ``routes(studio)`` of each page."""

    settings: StudioSettings
    library: Library
    jobs: Jobs
    events: Events = field(default_factory=Events)
    worker: Worker = field(default_factory=Worker)

    @cached_property
    def explorers(self) -> Explorers:
        """Runs that are opened to draw from."""
        return Explorers(self.library, self.worker)

    @cached_property
    def gallery(self) -> Gallery:
        """What was made."""
        return Gallery(self.library.home / "gallery")

    @cached_property
    def photos(self) -> Photos:
        """Photos that are being edited."""
        return Photos(self.explorers)
