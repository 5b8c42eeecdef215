"""Before the pack: pictures from elsewhere, and changed copies of pictures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from lookalike.progress import Tell, silent

if TYPE_CHECKING:
    from lookalike.sources.store.work import Collected
    from lookalike.stages.collect import Request
    from lookalike.stages.transform import Transformed, TransformSettings


def collect(request: Request, tell: Tell = silent) -> Collected:
    """Fill a folder with pictures: a ``Search``, ``Crawl``, ``Urls``, ``NamedSet`` or ``Shards``.

    Raises:
        LookalikeError: see :mod:`lookalike.stages.collect`; what was collected stays.
    """
    from lookalike.stages.collect import collect

    return collect(request, tell)


def transform(folder: Path, settings: TransformSettings, tell: Tell = silent) -> Transformed:
    """Make changed copies of every picture under a folder, by short codes."""
    from lookalike.stages.transform import transform

    return transform(folder, settings, tell)
