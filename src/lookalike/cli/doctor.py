"""lookalike doctor."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show

SHOWN = 3


def doctor(
    source: Path,
    /,
    *,
    page: Path = Path("doctor.html"),
    size: int = 64,
    quick: bool = False,
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
    size
        The side of the pictures that the pack is to have.
    quick
        Do without the network that finds crops and odd ones out, and without looking for faces.
    """
    from lookalike.data.doctor import census
    from lookalike.metrics.features.features import Lite
    from lookalike.stages.doctor import DoctorSettings
    from lookalike.stages.doctor import doctor as examine

    look = Lite(0) if Lite.installed(0) and not quick else None
    with show.screen() as screen:
        found = examine(source, page, DoctorSettings(size=size, faces=not quick), look, screen.tell)
    lines = [f"{found.files:,} files, {found.readable:,} readable. {found.advice[0]}"]
    for one in found.findings:
        names = ", ".join(file.name for file in one.files[:SHOWN])
        more = " …" if one.count > SHOWN else ""
        lines.append(f"  {one.count:>6,}  {one.title}: {names}{more}")
        lines.append(f"          fix: {one.fix}")
    lines += [f"  advice  {sentence}" for sentence in found.advice[1:]]
    if found.faces is not None and found.faces.looked:
        faces = found.faces
        counts = f"{faces.none} none, {faces.one} one, {faces.several} several"
        lines.append(f"  faces   {counts}, in {faces.looked:,} of {faces.of:,} pictures")
    elif found.faces is None and not quick:
        lines.append(f"  note    faces were not counted: {census.INSTALL} brings the detector")
    if look is None and not quick:
        lines.append(
            "  note    crops were not sought: pip install 'lookalike[features]' brings the network"
        )
    show.result(found.as_dict(), json, [*lines, f"  page    {page}"])
