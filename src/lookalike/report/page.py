"""The page around the sections: one file that asks nobody for anything."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from importlib.resources import files

POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'"


def page(title: str, parts: Sequence[str], footer: str) -> str:
    """A whole HTML document; the policy in its head forbids every request."""
    style = (files("lookalike.report") / "page.css").read_text("utf-8")
    script = (files("lookalike.report") / "page.js").read_text("utf-8")
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta name="color-scheme" content="light dark">\n'
        f"<title>{escape(title)}</title>\n<style>{style}</style></head>\n<body><main>\n"
        + "\n".join(part for part in parts if part)
        + f"\n<footer>{footer}</footer></main>\n<script>{script}</script></body></html>\n"
    )
