"""Embedded data: cartoon faces with labeled attributes, drawn here by DiceBear styles and resvg.

The drawings belong to their artists; :data:`STYLES` names them and their licences, and every folder
that is made gets a ``LICENCE.txt``.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from lookalike import errors
from lookalike.data.decode.worker_pool import Lost, Workers
from lookalike.data.pack.atomic_folder import refuse_full, whole_folder
from lookalike.errors import DataError
from lookalike.progress import Tell, silent
from lookalike.results import Result
from lookalike.settings.data import DemoSettings


@dataclass(frozen=True)
class Style:
    """Who drew a style, under which licence, and where it comes from."""

    title: str
    artist: str
    licence: str
    link: str


_CC0, _CC_BY = "CC0 1.0", "CC BY 4.0"
_FIGMA = "https://www.figma.com/community/file/"

STYLES: Mapping[str, Style] = {
    "toon-head": Style("ToonHead", "Johan Melin", _CC_BY, _FIGMA + "1589627891082866389"),
    "avataaars": Style(
        "Avataaars",
        "Pablo Stanley",
        "Free for personal and commercial use",
        "https://avataaars.com/",
    ),
    "adventurer": Style("Adventurer", "Lisa Wischofsky", _CC_BY, _FIGMA + "1184595184137881796"),
    "big-ears": Style("Face Generator", "The Visual Team", _CC_BY, _FIGMA + "986078800058673824"),
    "croodles": Style(
        "Croodles - Doodle your face", "vijay verma", _CC_BY, _FIGMA + "966199982810283152"
    ),
    "dylan": Style(
        "Dylan! The Avatar Generator", "Natalia Spivak", _CC_BY, _FIGMA + "1356575240759683500"
    ),
    "lorelei": Style("Lorelei", "Lisa Wischofsky", _CC0, _FIGMA + "1198749693280469639"),
    "micah": Style(
        "Avatar Illustration System", "Micah Lanier", _CC_BY, _FIGMA + "829741575478342595"
    ),
    "moods": Style("Moods", "DiceBear", _CC0, "https://www.dicebear.com"),
    "notionists": Style("Notionists", "Zoish", _CC0, "https://heyzoish.gumroad.com/l/notionists"),
    "open-peeps": Style("Open Peeps", "Pablo Stanley", _CC0, "https://www.openpeeps.com/"),
    "personas": Style(
        "Personas by Draftbit", "Draftbit - draftbit.com", _CC_BY, "https://personas.draftbit.com/"
    ),
    "pixel-art": Style("Pixel Art", "DiceBear", _CC0, _FIGMA + "1198754108850888330"),
    "thumbs": Style("Thumbs", "DiceBear", _CC0, "https://www.dicebear.com"),
    "voxel-art": Style("Voxel Art", "DiceBear", _CC0, "https://www.dicebear.com"),
}
"""The styles that may be drawn, with the facts that their package states."""

MIX = "mix"
MIXED = (
    "adventurer",
    "avataaars",
    "big-ears",
    "lorelei",
    "micah",
    "notionists",
    "open-peeps",
    "personas",
    "pixel-art",
    "toon-head",
)
"""The ten styles of the hard mix; the style is then the class."""

_NONE = "none"
_MARK = "demo.json"


@dataclass(frozen=True)
class Demo(Result):
    """A folder of demo pictures; ``made`` is False when it was there already."""

    folder: Path
    count: int
    styles: tuple[str, ...]
    made: bool

    def lines(self) -> list[str]:
        """How many faces are where, and what comes next."""
        done = "drawn" if self.made else "were there already"
        return [
            f"{self.count:,} faces {done} in {self.folder} ({', '.join(self.styles)}).",
            f"  artists and licences  {self.folder / 'LICENCE.txt'}",
        ]

    @property
    def next_step(self) -> str:
        """To train on them."""
        return f"lookalike start {shlex.quote(str(self.folder))}"


def draw_demo(folder: Path, settings: DemoSettings, tell: Tell = silent) -> Demo:
    """Draw faces as PNG files, with ``attributes.csv`` and ``LICENCE.txt``.

    The style is a name of :data:`STYLES`, or "mix" for ten of them in class folders. The same
    settings give the same files; a folder that holds them already is left as it is.

    Raises:
        DataError: an unknown style or option, or the folder holds something else.
        MissingExtraError: the packages of the extra ``demo`` are not installed.
    """
    styles = _styles(settings)
    if _there(folder, settings):
        return Demo(folder, settings.count, styles, made=False)
    if settings.count < 1 or not 8 <= settings.size <= 2048:
        raise DataError(
            f"{settings.count} faces of {settings.size} px cannot be drawn: "
            "ask for at least 1, with a size from 8 to 2048."
        )
    for name in styles if settings.options else ():
        check_options(name, settings.options)
    for package in ("dicebear", "dicebear_styles", "resvg_py"):
        errors.need(package, "demo", "drawing demo pictures")
    with whole_folder(folder) as part:
        rows = _draw_all(part, settings, styles, tell)
        _write_table(part / "attributes.csv", rows)
        (part / "LICENCE.txt").write_text(licence_text(styles), encoding="utf-8")
        (part / _MARK).write_text(json.dumps(asdict(settings)) + "\n", encoding="utf-8")
    return Demo(folder, settings.count, styles, made=True)


def _styles(settings: DemoSettings) -> tuple[str, ...]:
    if settings.style == MIX:
        return MIXED
    if settings.style not in STYLES:
        raise DataError(
            f"there is no style {settings.style!r}. Choose one of: {', '.join(STYLES)}, "
            f"or {MIX} for ten of them."
        )
    return (settings.style,)


def _there(folder: Path, settings: DemoSettings) -> bool:
    """Whether exactly these pictures are there; an error when something else is."""
    if not folder.exists():
        return False
    mark = folder / _MARK
    if mark.is_file():
        try:
            same = json.loads(mark.read_text(encoding="utf-8")) == asdict(settings)
        except (ValueError, RecursionError):
            same = False
        if same and sum(1 for _ in folder.rglob("*.png")) == settings.count:
            return True
        raise DataError(
            f"{folder} holds other demo pictures (or not all of them). "
            "Name another folder, or delete that one."
        )
    refuse_full(folder)
    return False


def licence_text(styles: Sequence[str]) -> str:
    """The words of ``LICENCE.txt``: who drew the styles and what one may do with them."""
    lines = ["These pictures were drawn by lookalike with DiceBear (https://www.dicebear.com)."]
    for name in styles:
        one = STYLES[name]
        lines.append(f"{name}: remix of {one.title} by {one.artist}, {one.licence} ({one.link})")
    return "\n".join(lines) + "\n"


def _draw_all(
    folder: Path, settings: DemoSettings, styles: tuple[str, ...], tell: Tell
) -> list[dict[str, str]]:
    several = len(styles) > 1
    for name in styles if several else ():
        (folder / name).mkdir()
    digits = max(6, len(str(settings.count)))
    # One style after the other: a worker needs half a second to load one.
    jobs = [
        (name, index, f"{name + '/' if several else ''}{index:0{digits}d}.png")
        for first, name in enumerate(styles)
        for index in range(first, settings.count, len(styles))
    ]
    chunk = min(100, -(-settings.count // (2 * len(styles))))
    rows = []
    with Workers(partial(_draw, settings), chunk=chunk, seconds=60) as workers:
        for done, (job, answer) in enumerate(workers.map(jobs), 1):
            if isinstance(answer, Lost):
                raise DataError(f"drawing {job[2]} in the style {job[0]} failed: {answer.reason}")
            png, attributes = answer
            (folder / job[2]).write_bytes(png)
            rows.append({"file": job[2], **({"class": job[0]} if several else attributes)})
            tell("drawing faces", done, settings.count)
    return rows


def _draw(
    settings: DemoSettings, jobs: Sequence[tuple[str, int, str]]
) -> list[tuple[bytes, dict[str, str]]]:
    """Some faces as PNG, and which parts each one has. Runs in a worker."""
    resvg = errors.need("resvg_py", "demo", "drawing demo pictures")
    dicebear = errors.need("dicebear", "demo", "drawing demo pictures")
    found = []
    for name, index, _ in jobs:
        options = {**settings.options, "seed": f"{settings.seed}-{index}"}
        avatar = dicebear.Avatar(_style(name), options)
        png = resvg.svg_to_bytes(
            svg_string=str(avatar),
            width=settings.size,
            height=settings.size,
            background="#ffffff",
            skip_system_fonts=True,
        )
        found.append((bytes(png), _attributes(name, avatar.to_json()["options"])))
    return found


@lru_cache(maxsize=16)
def _style(name: str) -> Any:
    dicebear = errors.need("dicebear", "demo", "drawing demo pictures")
    errors.need("dicebear_styles", "demo", "drawing demo pictures")
    text = (files("dicebear_styles") / f"{name}.json").read_text(encoding="utf-8")
    return dicebear.Style(json.loads(text))


@lru_cache(maxsize=16)
def _descriptor(name: str) -> dict[str, Any]:
    dicebear = errors.need("dicebear", "demo", "drawing demo pictures")
    described: dict[str, Any] = dicebear.OptionsDescriptor(_style(name)).to_json()
    return described


def check_options(style: str, options: Mapping[str, Any]) -> None:
    """Refuse options and variant names that the style does not have (DiceBear accepts some).

    Raises:
        DataError: with the names that would be right.
    """
    described = _descriptor(style)
    for name, value in options.items():
        if name not in described or name == "seed":
            known = ", ".join(sorted(one for one in described if one.endswith("Variant")))
            raise DataError(f"the style {style} has no option {name!r}. It has: {known}, …")
        allowed = described[name].get("values")
        if described[name]["type"] != "enum" or allowed is None:
            continue
        for one in [value] if isinstance(value, str) else list(value):
            if one not in allowed:
                raise DataError(
                    f"{name} of the style {style} has no value {one!r}. Choose from: "
                    f"{', '.join(map(str, allowed))}."
                )


def _attributes(style: str, options: Mapping[str, Any]) -> dict[str, str]:
    """What a face shows, in words: ``hair``, ``hair_color`` …; absent parts are "none"."""
    found = {}
    for key, about in _descriptor(style).items():
        if key.endswith("Variant") and len(about.get("values", ())) > 1:
            found[_snake(key.removesuffix("Variant"))] = str(options.get(key) or _NONE)
        elif key.endswith("Color") and key != "backgroundColor":
            colors = options.get(key) or [_NONE]
            found[_snake(key)] = "+".join(colors if isinstance(colors, list) else [str(colors)])
        elif key.endswith("Variant"):
            found[_snake(key.removesuffix("Variant"))] = "yes" if options.get(key) else _NONE
    return found


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _write_table(file: Path, rows: Sequence[Mapping[str, str]]) -> None:
    """Write the columns in which the faces differ."""
    names = [name for name in rows[0] if name == "file" or len({row[name] for row in rows}) > 1]
    with file.open("w", newline="", encoding="utf-8") as out:
        table = csv.DictWriter(out, names, extrasaction="ignore", lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
