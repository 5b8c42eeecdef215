"""Before the pack: pictures from elsewhere, and changed copies of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import Tell, silent

if TYPE_CHECKING:
    from lookalike.settings.collect import CollectSettings
    from lookalike.sources.store.session import Collected
    from lookalike.stages.transform import Transformed, TransformSettings


def collect(what: str | Path, settings: CollectSettings, tell: Tell = silent) -> Collected:
    """Fill a folder with pictures: of a query, a site, a list, a public set, or img2dataset's.

    The kind of ``settings`` says which: ``SearchSettings``, ``CrawlSettings``, ``UrlsSettings``,
    ``SetSettings`` or ``ImportSettings``.

    Raises:
        LookalikeError: see :mod:`lookalike.stages.collect`; what was collected stays.
    """
    from lookalike.stages.collect import collect

    return collect(what, settings, tell)


def transform(folder: Path, settings: TransformSettings, tell: Tell = silent) -> Transformed:
    """Make changed copies of every picture under a folder, by short codes."""
    from lookalike.stages.transform import transform

    return transform(folder, settings, tell)
