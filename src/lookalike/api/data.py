"""Pictures before a training: demo-data, collect, doctor, transform, prepare, export."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lookalike.progress import NOBODY, Listener
from lookalike.settings.data import (
    DemoSettings,
    DoctorSettings,
    PrepareSettings,
    TransformSettings,
)
from lookalike.settings.options import AnyPath, filled, path_of

if TYPE_CHECKING:
    from lookalike.data.demo import Demo
    from lookalike.settings.collect import CollectSettings
    from lookalike.sources.store.session import Collected
    from lookalike.stages.doctor import Diagnosis
    from lookalike.stages.export import ExportedPack
    from lookalike.stages.prepare import Prepared
    from lookalike.stages.transform import Transformed


def demo_data(
    folder: AnyPath,
    settings: DemoSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Demo:
    """Draw cartoon faces with labeled attributes into a folder."""
    from lookalike.data.demo import draw_demo

    settings = filled(DemoSettings, settings, fields)
    return draw_demo(path_of(folder), settings, listener.tell)


def collect(what: AnyPath, settings: CollectSettings, *, listener: Listener = NOBODY) -> Collected:
    """Fill a folder with pictures: of a query, a site, a list, a public set, or img2dataset's.

    The kind of ``settings`` says which: ``SearchSettings``, ``CrawlSettings``, ``UrlsSettings``,
    ``SetSettings`` or ``ImportSettings`` (:mod:`lookalike.settings.collect`).

    Raises:
        LookalikeError: see :mod:`lookalike.stages.collect`; what was collected stays.
    """
    from lookalike.stages.collect import collect

    named = what if isinstance(what, str) else path_of(what)
    return collect(named, settings, listener.tell)


def doctor(
    source: AnyPath,
    page: AnyPath | None = None,
    settings: DoctorSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Diagnosis:
    """Examine a folder, a zip or a pack: what is wrong with it, and the fixes. Changes nothing.

    ``page`` is where to write the HTML page with pictures.

    Raises:
        NoImagesError: there is nothing that can be read.
    """
    from lookalike.metrics.features.features import Lite
    from lookalike.stages.doctor import doctor

    settings = filled(DoctorSettings, settings, fields)
    look = Lite(0) if Lite.installed(0) and not settings.quick else None
    to = None if page is None else path_of(page)
    return doctor(path_of(source), to, settings, look, listener.tell)


def transform(
    folder: AnyPath,
    codes: str | Sequence[str] = (),
    settings: TransformSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Transformed:
    """Make changed copies of every picture under a folder, by short codes.

    Raises:
        NoImagesError: there is no picture in the folder.
        DataError: a code that does not exist or does not fit.
    """
    from lookalike.stages.transform import transform

    settings = filled(TransformSettings, settings, fields)
    if codes:
        given = codes.split() if isinstance(codes, str) else codes
        settings = replace(settings, codes=tuple(given))
    return transform(path_of(folder), settings, listener.tell)


def prepare(
    source: AnyPath,
    to: AnyPath,
    settings: PrepareSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Prepared:
    """Make a pack of a folder, a zip or another source; again: only what is new is read.

    With ``fix`` every file is left out that the doctor would leave out, with its reason.

    Raises:
        DataError: see :mod:`lookalike.stages.prepare`; nothing in the source is changed.
    """
    from lookalike.stages.prepare import prepare

    settings = filled(PrepareSettings, settings, fields)
    if settings.fix:
        look = DoctorSettings(size=settings.size or 64, faces=False)
        diagnosis = doctor(source, None, look, listener=listener)
        settings = replace(settings, leave_out=diagnosis.leave_out)
        listener.say(f"The doctor leaves out {len(settings.leave_out)} files.")
    return prepare(path_of(source), path_of(to), settings, listener.tell)


def export(
    pack: AnyPath, to: AnyPath, form: str = "imagefolder", *, listener: Listener = NOBODY
) -> ExportedPack:
    """Write a pack's pictures with their labels as an ImageFolder, webdataset or Parquet.

    Raises:
        DataError: an unknown form, or the folder is not empty.
    """
    from lookalike.data.pack.pack import Pack
    from lookalike.stages.export import export_pack

    return export_pack(Pack.open(path_of(pack)), path_of(to), form, listener.tell)
