"""lookalike transform."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show


def transform(
    folder: Path,
    /,
    *codes: str,
    to: Path | None = None,
    preview: Path | None = None,
    seed: int = 0,
    json: show.Json = False,
) -> None:
    """Make changed copies of every picture in a folder, by short codes.

    Codes: fliph, flipv, noise_VARIANCE, rot_DEGREES, trans_X_Y, zoom_X1_Y1_X2_Y2, blur_SIGMA,
    crop_SHARE, bright_FACTOR, contrast_FACTOR, cutout_SHARE, jpeg_QUALITY, elastic_ALPHA_SIGMA; the
    numbers may be left away, and commas chain codes into one picture: noise_0.01,blur_1.5.

    Parameters
    ----------
    folder
        The folder with the pictures; originals are never changed.
    codes
        One new picture for each, named after it: cat__rot_90.png.
    to
        Another folder for the new pictures.
    preview
        Write only a contact sheet to this PNG file.
    seed
        Decides the noise and the random places.
    """
    from lookalike import api
    from lookalike.stages.transform import TransformSettings

    wanted = TransformSettings(codes=codes, to=to, preview=preview, seed=seed)
    with show.screen() as screen:
        done = api.transform(folder, wanted, screen.tell)
    if done.preview is not None:
        lines = [f"A preview is in {done.preview}."]
    else:
        lines = [
            f"{done.processed:,} pictures made, {done.existing:,} were there already.",
            f"  skipped  {done.skipped_augmented} transformed before, "
            f"{done.skipped_no_match} no pictures",
        ]
        lines += [f"  error    {name}: {why}" for name, why in done.errors]
    show.result(done, json, lines)
