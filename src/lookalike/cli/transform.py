"""lookalike transform."""

from __future__ import annotations

from pathlib import Path

from lookalike.cli import output as show
from lookalike.settings.data import TransformSettings


def transform(
    folder: Path,
    /,
    *codes: str,
    settings: TransformSettings | None = None,
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
    """
    from lookalike import api

    with show.screen() as listener:
        transformed = api.transform(folder, codes, settings, listener=listener)
    show.result(transformed, json)
