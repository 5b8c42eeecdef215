"""The page around the sections: one file that asks nobody for anything."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files
from pathlib import Path

from lookalike.errors import DataError

BEGINNING = (
    '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
    '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:'
)
"""How every page of ours begins, also those of ``share``: by this they are known again."""
POLICY = "; style-src 'unsafe-inline'"


def refuse_foreign_page(target: Path, option: str) -> None:
    """Refuse to write a page over anything but a page of ours; ``option`` names another file.

    Raises:
        DataError: it is another file.
    """
    if target.exists() and not _is_ours(target):
        raise DataError(
            f"{target} exists and is no page of ours, so nothing was written. Name another file "
            f"with {option}."
        )


def _is_ours(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(BEGINNING)) == BEGINNING.encode()
    except OSError:
        return False


def page(title: str, parts: Sequence[str], footer: str = "", *, script: bool = False) -> str:
    """A whole HTML document; the policy in its head forbids every request.

    ``footer`` is HTML. ``script`` brings what moves pictures and copies commands; without it the
    policy forbids scripts as well.
    """
    style = (files("lookalike.report") / "page.css").read_text("utf-8")
    code = (files("lookalike.report") / "page.js").read_text("utf-8") if script else ""
    policy = POLICY + ("; script-src 'unsafe-inline'" if script else "")
    return (
        f'{BEGINNING}{policy}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style></head>\n<body><main>\n"
        + "\n".join(part for part in parts if part)
        + (f"\n<footer>{footer}</footer>" if footer else "")
        + "</main>\n"
        + (f"<script>{code}</script>" if script else "")
        + "</body></html>\n"
    )


def header(kind: str, title: str, *below: str) -> str:
    """The head of a page: what kind of page it is, of what, and what stands below as HTML."""
    brand = f'<p class="brand">lookalike <span>{kind}</span></p>'
    return f"<header>{brand}<h1>{escape(title)}</h1>{''.join(below)}</header>"


def row(name: str, *cells: str) -> str:
    """A line of a table, of HTML: what it is called, then its cells."""
    return f"<tr><th>{name}</th>{''.join(f'<td>{cell}</td>' for cell in cells)}</tr>"


def section(title: str, body: str, note: str = "") -> str:
    """A section with a heading and a sentence under it, both of HTML but the heading; else ""."""
    if not body:
        return ""
    below = f'<p class="note">{note}</p>' if note else ""
    return f"<section><h2>{escape(title)}</h2>{below}{body}</section>"


def figures(facts: Sequence[tuple[str, str]]) -> str:
    """Cards with a large value and what it is, from (value, words)."""
    cards = "".join(
        f"<li><b>{escape(value)}</b><span>{escape(words)}</span></li>" for value, words in facts
    )
    return f'<ul class="figures">{cards}</ul>' if facts else ""


def figure(title: str, drawn: str, reading: str = "") -> str:
    """A chart in its frame, with its title and a caption of HTML; nothing where none is drawn."""
    below = f"<figcaption>{reading}</figcaption>" if reading else ""
    heading = f"<h3>{escape(title)}</h3>"
    return f'<figure class="chart">{heading}{drawn}{below}</figure>' if drawn else ""
