"""What the doctor says in the end: histograms of a set, and plain sentences, the verdict first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lookalike.data.doctor.census import Census
from lookalike.data.doctor.findings import GREY_PACK, Finding, Sheet
from lookalike.data.readers.layout import counted


def histograms(sheet: Sheet, faces: Census | None = None) -> dict[str, dict[str, int]]:
    """Bars by title, each a count by label."""
    short = np.minimum(sheet.numbers["width"], sheet.numbers["height"])
    wide, high = sheet.numbers["width"], sheet.numbers["height"]
    found = {
        "Short side in pixels": _bars(short, (0, 32, 64, 128, 256, 512, 1024, 2048)),
        "Brightness": _bars(sheet.numbers["brightness"], tuple(range(0, 256, 32))),
        "Width / height": _bars(wide / np.maximum(high, 1), (0, 0.4, 0.67, 0.9, 1.11, 1.5, 2.5)),
        "Blur": _bars(sheet.numbers["blur"], (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)),
    }
    counts = Counter(name for name in sheet.classes if name)
    if counts:
        found["Pictures in each class"] = dict(counts.most_common(12))
    if faces is not None and faces.one + faces.several:
        title = f"Faces in {faces.looked:,} pictures looked at"
        found[title] = {"none": faces.none, "one": faces.one, "several": faces.several}
    return found


def _bars(values: NDArray[Any], edges: Sequence[float]) -> dict[str, int]:
    """Counts in [edge, next edge), the last one open; labeled by the lower edge."""
    place = np.searchsorted(np.asarray(edges[1:], np.float64), values, side="right")
    counts = np.bincount(place, minlength=len(edges))
    return {f"{edge:g}+": int(count) for edge, count in zip(edges, counts, strict=True)}


def advise(
    sheet: Sheet,
    findings: Sequence[Finding],
    left_out: int,
    size: int,
    faces: Census | None = None,
) -> Iterator[str]:
    """Plain sentences, the verdict first."""
    kept = len(sheet) - left_out
    yield _verdict(kept, size)
    by: Mapping[str, Finding] = {one.kind: one for one in findings}
    fixable = [one.title.lower() for one in findings if one.leaves_out]
    if fixable:
        many = counted(left_out, "picture")
        yield (
            f"'lookalike prepare SOURCE --to PACK --fix' leaves {many} out: {', '.join(fixable)}."
        )
    short = np.minimum(sheet.numbers["width"], sheet.numbers["height"])
    middle = float(np.median(short))
    if middle < size:
        yield f"The typical picture has {middle:.0f} px, less than {size}: use a smaller --size."
    elif middle >= 2 * size:
        yield f"The typical picture has {middle:.0f} px, so a size above {size} is possible, too."
    if "balance" in by:
        named = ", ".join(f"{one.name} ({one.detail})" for one in by["balance"].files[:3])
        yield f"Small classes: {named}."
    if "conflict" in by:
        yield f"{by['conflict'].count} files show the same picture under two classes: look at them."
    if "leak" in by:
        yield "The hold-out was seen in training: prepare the pack again before trusting scores."
    grey = len(sheet) > 0 and float((sheet.numbers["colorful"] < 2).mean()) > 0.95
    if grey and GREY_PACK not in sheet.modes:
        yield "Nearly all pictures are grey: prepare with --grey, which trains faster."
    if faces is not None and faces.advice():
        yield faces.advice()
    unlike = by["outlier"].files if "outlier" in by else ()
    strange = sum(one.detail == "stands out" for one in unlike)
    if strange:
        yield f"{strange} of the ten pictures most unlike the rest stand out: do they belong here?"


def _verdict(kept: int, size: int) -> str:
    if kept < 16:
        return f"{kept} usable pictures: too few to train on; at least 16, better some hundreds."
    if kept < 100:
        return f"{kept} usable pictures: few. Expect near copies of them; some hundreds do better."
    if kept < 1000:
        return f"{kept} usable pictures: enough for {min(size, 64)} px with the default recipe."
    return f"{kept:,} usable pictures: enough for {size} px with the default recipe."
