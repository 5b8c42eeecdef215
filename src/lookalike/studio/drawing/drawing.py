"""What the pages that draw share: opened runs, photos, the gallery."""

from __future__ import annotations

from dataclasses import dataclass

from lookalike.studio.drawing.explorers import Explorers
from lookalike.studio.drawing.gallery import Gallery
from lookalike.studio.drawing.photos import Photos
from lookalike.studio.studio import Studio


@dataclass(frozen=True)
class DrawingRoom:
    """Given to ``routes(drawing)`` of each page."""

    studio: Studio
    explorers: Explorers
    photos: Photos
    gallery: Gallery

    @staticmethod
    def of(studio: Studio) -> DrawingRoom:
        """For a studio that nothing was drawn in yet."""
        explorers = Explorers(studio.library, studio.worker)
        gallery = Gallery(studio.library.home / "gallery")
        return DrawingRoom(studio, explorers, Photos(explorers), gallery)
