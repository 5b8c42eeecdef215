"""Pictures before a training: demo-data, collect, doctor, transform, prepare, export."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from lookalike.api.machines import Division, divided
from lookalike.api.signatures import verb
from lookalike.errors import DataError
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


@verb
def demo_data(
    folder: AnyPath,
    settings: DemoSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Demo:
    """Draw cartoon faces with labeled attributes: PNG files, attributes.csv, their licence.

    Args:
        folder: Where to put them.
        settings: What is drawn, or its fields one by one.
        listener: Who is told how far it is.
    """
    from lookalike.data.demo import draw_demo

    settings = filled(DemoSettings, settings, fields)
    return draw_demo(path_of(folder), settings, listener.tell)


@verb
def collect(
    what: AnyPath,
    settings: CollectSettings | None = None,
    *,
    way: str = "search",
    listener: Listener = NOBODY,
    **fields: Any,
) -> Collected:
    """Fill a folder with pictures: of a query, a site, a list, a public set, or img2dataset's.

    ``way`` is search, crawl, urls, set or import, and ``to`` the folder; where settings are given,
    their kind says which way (:mod:`lookalike.settings.collect`).

    Raises:
        LookalikeError: see :mod:`lookalike.stages.collect`; what was collected stays.
    """
    from lookalike.settings.collect import WAYS, ImportSettings, UrlsSettings
    from lookalike.stages.collect import collect

    if settings is None and way not in WAYS:
        raise DataError(f"there is no way {way!r} to collect. Choose from: {', '.join(WAYS)}.")
    kind = WAYS[way] if settings is None else type(settings)
    asked: CollectSettings = filled(kind, settings, fields)
    if isinstance(asked, UrlsSettings) and asked.machines.elsewhere:
        spread: Division[Collected] = divided("collect", (what,), asked, asked.to)
        return spread.elsewhere(listener)
    place = isinstance(asked, UrlsSettings | ImportSettings)
    return collect(path_of(what) if place else str(what), asked, listener.tell)


@verb
def doctor(
    source: AnyPath,
    page: AnyPath | None = None,
    settings: DoctorSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Diagnosis:
    """Find what is wrong with a set of pictures, and the fixes.

    Nothing is changed. 'lookalike prepare SOURCE --to PACK --fix' applies the fixes.

    Args:
        source: A folder (sub-folders are classes), a zip, or a pack.
        page: Where to write the page with pictures.
        settings: How to look, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        NoImagesError: there is nothing that can be read.
    """
    from lookalike.metrics.features.features import Lite
    from lookalike.stages.doctor import doctor, doctor_part

    settings = filled(DoctorSettings, settings, fields)
    division: Division[Diagnosis] = divided("doctor", (source, page), settings, page)
    if settings.machines.elsewhere:
        return division.elsewhere(listener)
    if division.one is not None:
        return division.told(doctor_part(path_of(source), settings, division.one, listener.tell))
    look = Lite(0) if Lite.installed(0) and not settings.quick else None
    to = None if page is None else path_of(page)
    return doctor(path_of(source), to, settings, look, listener.tell, division.parts)


@verb
def transform(
    folder: AnyPath,
    *codes: str,
    settings: TransformSettings | None = None,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Transformed:
    """Augment a folder by hand: changed copies of every picture, by short codes.

    Codes: fliph, flipv, noise_VARIANCE, rot_DEGREES, trans_X_Y, zoom_X1_Y1_X2_Y2, blur_SIGMA,
    crop_SHARE, bright_FACTOR, contrast_FACTOR, cutout_SHARE, jpeg_QUALITY, elastic_ALPHA_SIGMA; the
    numbers may be left away, and commas chain codes into one picture: noise_0.01,blur_1.5.

    Args:
        folder: The folder with the pictures; originals are never changed.
        codes: One new picture for each, named after it: cat__rot_90.png.
        settings: Where copies go, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        NoImagesError: there is no picture in the folder.
        DataError: a code that does not exist or does not fit.
    """
    from lookalike.stages.transform import joined, transform

    settings = filled(TransformSettings, settings, fields)
    if codes:
        settings = replace(settings, codes=tuple(" ".join(codes).split()))
    if settings.machines.elsewhere:
        spread: Division[Transformed] = divided("transform", (folder,), settings, folder)
        return spread.elsewhere(listener, joined)
    return transform(path_of(folder), settings, listener.tell)


@verb
def prepare(
    source: AnyPath,
    to: AnyPath,
    settings: PrepareSettings | None = None,
    *,
    listener: Listener = NOBODY,
    **fields: Any,
) -> Prepared:
    """Make a pack: every picture decoded once, checked, cropped and resized.

    Nothing in the source is changed. A second run does nothing; on a grown source only the new
    pictures are read.

    Args:
        source: A folder (sub-folders are classes), a zip, a tar, a list (CSV, JSONL, Parquet), or
            a pack.
        to: The pack's folder.
        settings: What the pictures become, or its fields one by one.
        listener: Who is told how far it is.

    Raises:
        DataError: see :mod:`lookalike.stages.prepare`.
    """
    from lookalike.images import GROUND
    from lookalike.stages.prepare import prepare, prepare_part
    from lookalike.stages.start import refuse_other_source

    settings = filled(PrepareSettings, settings, fields)
    refuse_other_source(path_of(to), path_of(source))
    division: Division[Prepared] = divided("prepare", (source, to), settings, to)
    if settings.fix and division.dividing:
        raise DataError(
            "--fix needs the doctor's look at the whole set first, so it cannot be divided. "
            "Prepare in parts without it, or do all of it here."
        )
    if settings.machines.elsewhere:
        return division.elsewhere(listener)
    if division.one is not None:
        places = path_of(source), path_of(to)
        return division.told(prepare_part(*places, settings, division.one, listener.tell))
    if settings.fix:
        ground = f"#{bytes(GROUND).hex()}" if settings.alpha else DoctorSettings.background
        size, workers = settings.size or 64, settings.workers
        look = DoctorSettings(size=size, faces=False, background=ground, workers=workers)
        diagnosis = doctor(source, None, look, listener=listener)
        settings = replace(settings, leave_out=diagnosis.leave_out)
        listener.say(f"The doctor leaves out {len(settings.leave_out)} files.")
    return prepare(path_of(source), path_of(to), settings, listener.tell, division.parts)


@verb
def export(
    pack: AnyPath,
    to: AnyPath,
    form: Annotated[str, Parameter(name="--as")] = "imagefolder",
    *,
    listener: Listener = NOBODY,
) -> ExportedPack:
    """Write a pack's pictures with their labels for other programs.

    Args:
        pack: A pack.
        to: A folder that is new or empty.
        form: imagefolder, webdataset or parquet.
        listener: Who is told how far it is.

    Raises:
        DataError: an unknown form, or the folder is not empty.
    """
    from lookalike.data.pack.pack import Pack
    from lookalike.stages.export import export_pack

    return export_pack(Pack.open(path_of(pack)).verified(), path_of(to), form, listener.tell)
