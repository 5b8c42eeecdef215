"""lookalike doctor."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.data import DoctorSettings


def doctor(
    source: Path,
    /,
    *,
    page: Path = Path("doctor.html"),
    settings: DoctorSettings | None = None,
    json: show.Json = False,
) -> None:
    """Examine a folder, a zip or a pack: everything that is wrong with it, and the fixes.

    Nothing is changed. 'lookalike prepare SOURCE --to PACK --fix' applies the fixes.

    Parameters
    ----------
    source
        A folder (sub-folders are classes), a zip, or a pack.
    page
        Where to write the page with pictures.
    """
    from lookalike import api

    with show.screen() as listener:
        diagnosis = api.doctor(source, page, settings, listener=listener)
    show.result(diagnosis, json)
