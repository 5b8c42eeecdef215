"""The page of what can be changed with a run: a table of success, and a strip of each change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from lookalike import images
from lookalike.images import Pixels
from lookalike.report import pictures
from lookalike.report.page import header, page, row, section

TILE = 128


@dataclass(frozen=True)
class Strip:
    """One change: its title, a word about it, and pictures with what each shows."""

    title: str
    kind: str
    tiles: Sequence[tuple[str, Pixels]]


def render(run: str, rows: Sequence[tuple[str, str, str, str]], strips: Sequence[Strip]) -> str:
    """The whole page as HTML, with no outside reference."""
    head = row("", "succeeds", "rest stays", "judge is right")
    body = "".join(row(*map(escape, cells)) for cells in rows)
    table = f'<table class="scores">{head}{body}</table>' if rows else ""
    note = (
        "Share of held-out pictures on which the change succeeds, by a reader that did not choose "
        "it; the share of the other attributes that stay; how often that reader is right on real "
        "pictures."
    )
    every = "".join(
        f"<h3>{escape(strip.title)} <small>{escape(strip.kind)}</small></h3>{_tiles(strip)}"
        for strip in strips
    )
    parts = [
        header("what can be changed", run),
        section("Attributes", table, note),
        section("One strip each", every),
    ]
    return page(f"{run}: directions", parts)


def _tiles(strip: Strip) -> str:
    shown = "".join(
        f'<figure style="display:inline-block;margin:.2rem">'
        f"{pictures.img(images.enlarge(tile[None], TILE)[0], f'{strip.title} {words}')}"
        f"<figcaption>{escape(words)}</figcaption></figure>"
        for words, tile in strip.tiles
    )
    return f"<div>{shown}</div>"
