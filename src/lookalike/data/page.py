"""The doctor's page: one HTML file with everything inside, readable on a phone."""

from __future__ import annotations

import base64
import html
import io
from collections.abc import Sequence
from dataclasses import dataclass

from lookalike import images
from lookalike.data.findings import Finding
from lookalike.images import Pixels


@dataclass(frozen=True)
class Chart:
    """A histogram: bars with labels below."""

    title: str
    labels: Sequence[str]
    values: Sequence[int]


@dataclass(frozen=True)
class Shown:
    """A finding with the pictures that illustrate it: (pixels, name, detail)."""

    finding: Finding
    pictures: Sequence[tuple[Pixels, str, str]]


@dataclass(frozen=True)
class Page:
    """What the page says, in the order in which it says it."""

    title: str
    verdict: str
    tiles: Sequence[tuple[str, str]]
    advice: Sequence[str]
    findings: Sequence[Shown]
    charts: Sequence[Chart]
    sheet: Pixels | None
    footer: str = ""


LISTED = 200
"""How many file names a finding lists on the page; the JSON has all."""

_STYLE = """
:root{--ground:#fbfaf8;--card:#fff;--ink:#23211e;--soft:#6d675f;--line:#e6e1d9;--bar:#5b7fa6;
--serious:#b3362b;--care:#b57a12;--note:#4d7a58}
@media(prefers-color-scheme:dark){:root{--ground:#181716;--card:#22201e;--ink:#ece8e1;--soft:#a49d92;
--line:#38342f;--bar:#7fa3c9;--serious:#e5776d;--care:#dfab4d;--note:#86b892}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:62rem;margin:0 auto;padding:1.25rem 1rem 3rem}
h1{font-size:1.5rem;margin:.25rem 0;overflow-wrap:anywhere}
h2{font-size:1.1rem;margin:2rem 0 .6rem}
h3{font-size:1rem;margin:0}
p{margin:.35rem 0}
.soft,figcaption{color:var(--soft)}
.verdict{font-size:1.1rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;
margin:1rem 0}
.tile,.finding,.chart{background:var(--card);border:1px solid var(--line);border-radius:.6rem;
padding:.7rem .9rem}
.tile b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.finding{border-left:.35rem solid var(--tone);margin:.7rem 0}
.serious{--tone:var(--serious)}.care{--tone:var(--care)}.note{--tone:var(--note)}
.head{display:flex;gap:.6rem;align-items:baseline;justify-content:space-between}
.count{font-weight:700;color:var(--tone);font-variant-numeric:tabular-nums}
.strip{display:flex;flex-wrap:wrap;gap:.5rem;margin:.6rem 0 .2rem}
figure{margin:0;width:6rem}
figure img{width:6rem;height:6rem;display:block;border-radius:.3rem;border:1px solid var(--line);
object-fit:cover}
figcaption{font-size:.72rem;line-height:1.25;overflow-wrap:anywhere;margin-top:.15rem}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:.7rem}
.chart svg{width:100%;height:auto;display:block;margin-top:.4rem}
.chart text{fill:var(--soft);font-size:9px;font-family:system-ui,sans-serif}
.chart rect{fill:var(--bar)}
.sheet{width:100%;max-width:48rem;border-radius:.5rem;display:block}
details{margin-top:.4rem}summary{cursor:pointer;color:var(--soft)}
details ul{margin:.3rem 0;padding-left:1.1rem;font-size:.85rem;overflow-wrap:anywhere}
ul.advice{padding-left:1.1rem;margin:.3rem 0}
""".strip()


def render(page: Page) -> str:
    """The whole page as HTML, with no outside reference."""
    title = html.escape(page.title)
    tiles = "".join(
        f'<div class="tile"><b>{html.escape(value)}</b><span class="soft">{html.escape(label)}'
        "</span></div>"
        for label, value in page.tiles
    )
    advice = "".join(f"<li>{html.escape(line)}</li>" for line in page.advice)
    found = "".join(map(_finding, page.findings)) or "<p>Nothing was found to be wrong.</p>"
    charts = "".join(map(_chart, page.charts))
    sheet = (
        "<h2>A look at the set</h2>"
        f'<img class="sheet" alt="contact sheet" src="{_uri(page.sheet)}">'
        if page.sheet is not None
        else ""
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f'<p class="soft">Dataset doctor</p><h1>{title}</h1>'
        f'<p class="verdict">{html.escape(page.verdict)}</p><div class="tiles">{tiles}</div>'
        f'<h2>Advice</h2><ul class="advice">{advice}</ul>'
        f"<h2>Findings</h2>{found}{sheet}"
        f'<h2>In numbers</h2><div class="charts">{charts}</div>'
        f'<p class="soft">{html.escape(page.footer)}</p></main></body></html>\n'
    )


def _finding(shown: Shown) -> str:
    finding = shown.finding
    pictures = "".join(
        f'<figure><img alt="" loading="lazy" src="{_uri(pixels)}">'
        f"<figcaption>{html.escape(name)}<br>{html.escape(detail)}</figcaption></figure>"
        for pixels, name, detail in shown.pictures
    )
    names = "".join(
        f"<li>{html.escape(one.name)}{': ' if one.detail else ''}{html.escape(one.detail)}</li>"
        for one in finding.files[:LISTED]
    )
    if finding.count > LISTED:
        names += f"<li>and {finding.count - LISTED:,} more</li>"
    return (
        f'<section class="finding {finding.level}"><div class="head">'
        f'<h3>{html.escape(finding.title)}</h3><span class="count">{finding.count:,}</span></div>'
        f"<p>{html.escape(finding.meaning)}</p>"
        f'<p class="soft">Fix: {html.escape(finding.fix)}.</p>'
        + (f'<div class="strip">{pictures}</div>' if pictures else "")
        + f"<details{'' if pictures else ' open'}><summary>All names</summary>"
        f"<ul>{names}</ul></details></section>"
    )


def _chart(chart: Chart) -> str:
    width, height, top = 300, 90, max([*chart.values, 1])
    step = width / max(1, len(chart.values))
    parts = []
    for index, (label, value) in enumerate(zip(chart.labels, chart.values, strict=True)):
        tall = max(1.0 if value else 0.0, 64 * value / top)
        middle = (index + 0.5) * step
        parts.append(
            f'<rect x="{index * step + 1:.1f}" y="{76 - tall:.1f}" rx="1" '
            f'width="{max(1.0, step - 2):.1f}" height="{tall:.1f}">'
            f"<title>{html.escape(label)}: {value:,}</title></rect>"
            f'<text x="{middle:.1f}" y="87" text-anchor="middle">{html.escape(label)}</text>'
        )
        if value:
            parts.append(
                f'<text x="{middle:.1f}" y="{73 - tall:.1f}" text-anchor="middle">{value:,}</text>'
            )
    return (
        f'<div class="chart"><h3>{html.escape(chart.title)}</h3>'
        f'<svg viewBox="0 0 {width} {height}" role="img">{"".join(parts)}</svg></div>'
    )


def _uri(picture: Pixels) -> str:
    buffer = io.BytesIO()
    images.to_pillow(picture).convert("RGB").save(buffer, "WEBP", quality=85, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
