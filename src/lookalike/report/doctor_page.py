"""The doctor's page: one HTML file with everything inside, readable on a phone."""

from __future__ import annotations

import base64
import html
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

from lookalike import images
from lookalike.data.doctor.findings import Finding
from lookalike.images import Pixels


@dataclass(frozen=True)
class Chart:
    """A histogram: bars with labels below."""

    title: str
    labels: Sequence[str]
    values: Sequence[int]


Picture = tuple[Pixels, str, str]
"""Pixels, the name of the file, and a word about it."""


@dataclass(frozen=True)
class Shown:
    """A finding with the pictures that illustrate it; a copy stands beside what it is a copy of."""

    finding: Finding
    pictures: Sequence[Sequence[Picture]]


@dataclass(frozen=True)
class Page:
    """What the page says, in the order in which it says it."""

    title: str
    verdict: str
    shares: Sequence[tuple[str, str, int]]
    """What becomes of the files: a tone (good, care, serious), words and a count."""

    tiles: Sequence[tuple[str, str]]
    advice: Sequence[str]
    findings: Sequence[Shown]
    charts: Sequence[Chart]
    sheet: Pixels | None
    footer: str = ""


LISTED = 200
"""How many file names a finding lists on the page; the JSON has all."""

_STYLE = """
:root{--ground:#f7f5f1;--card:#fff;--ink:#23211e;--soft:#6d675f;--line:#e4dfd6;--bar:#5b7fa6;
--serious:#b3362b;--care:#c08a1e;--note:#4d7a58;--good:#4d8a63;--wash:#efebe4}
@media(prefers-color-scheme:dark){:root{--ground:#171614;--card:#211f1d;--ink:#ece8e1;--soft:#a49d92;
--line:#38342f;--bar:#7fa3c9;--serious:#e5776d;--care:#dfab4d;--note:#86b892;--good:#7fbf95;
--wash:#2a2724}}
*{box-sizing:border-box}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{max-width:66rem;margin:0 auto;padding:1.5rem 1rem 3rem}
h1{font-size:1.9rem;line-height:1.2;margin:.1rem 0 .4rem;overflow-wrap:anywhere}
h2{font-size:1.2rem;margin:2.2rem 0 .7rem}
h3{font-size:1.02rem;margin:0}
p{margin:.3rem 0}
a{color:inherit;text-decoration:none}
code{font:.9em ui-monospace,monospace;background:var(--wash);border-radius:.3rem;padding:.1em .35em;
overflow-wrap:anywhere}
.soft,figcaption{color:var(--soft)}
.verdict{font-size:1.2rem}
.shares{display:flex;gap:2px;height:.9rem;margin:1.1rem 0 .5rem;border-radius:.45rem;
overflow:hidden}
.shares i{background:var(--tone);min-width:3px}
.legend{display:flex;flex-wrap:wrap;gap:.2rem 1.2rem;font-size:.9rem}
.legend span::before{content:"";display:inline-block;width:.7em;height:.7em;border-radius:50%;
background:var(--tone);margin-right:.4em}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(8.5rem,1fr));gap:.6rem;
margin:1rem 0}
.tile,.finding,.chart,.panel{background:var(--card);border:1px solid var(--line);
border-radius:.7rem;padding:.8rem 1rem}
.tile b{display:block;font-size:1.35rem;font-variant-numeric:tabular-nums}
.sheet{width:100%;display:block;border-radius:.7rem;margin-top:1.2rem}
.advice{margin:0;padding-left:1.2rem}.advice li{margin:.25rem 0}
.jump{display:flex;flex-wrap:wrap;gap:.4rem}
.jump a{background:var(--card);border:1px solid var(--line);border-radius:2rem;
padding:.15rem .75rem;font-size:.9rem}
.jump b,.count{color:var(--tone);font-variant-numeric:tabular-nums}
.finding{border-left:.35rem solid var(--tone);margin:.8rem 0;scroll-margin-top:1rem}
.serious{--tone:var(--serious)}.care{--tone:var(--care)}.note{--tone:var(--note)}
.good{--tone:var(--good)}
.head{display:flex;gap:.6rem;align-items:baseline;justify-content:space-between}
.count{font-weight:700;font-size:1.15rem}
.strip{display:grid;grid-template-columns:repeat(auto-fill,minmax(6rem,1fr));gap:.6rem;
margin:.7rem 0 .2rem}
.pairs{grid-template-columns:repeat(auto-fill,minmax(12.6rem,1fr))}
.pair{display:grid;grid-template-columns:1fr 1fr;gap:.3rem;background:var(--wash);
border-radius:.5rem;padding:.3rem}
figure{margin:0;min-width:0}
figure img{width:100%;aspect-ratio:1;display:block;border-radius:.35rem;object-fit:cover;
background:var(--wash);box-shadow:0 0 0 1px var(--line)}
figcaption{font-size:.74rem;line-height:1.3;margin-top:.2rem;overflow-wrap:anywhere}
figcaption b{display:block;font-weight:400;color:var(--ink);white-space:nowrap;overflow:hidden;
text-overflow:ellipsis}
.charts{display:grid;grid-template-columns:repeat(auto-fit,minmax(17rem,1fr));gap:.7rem}
.chart svg{width:100%;height:auto;display:block;margin-top:.4rem}
.chart text{fill:var(--soft);font-size:9px;font-family:system-ui,sans-serif}
.chart rect{fill:var(--bar)}
details{margin-top:.5rem}summary{cursor:pointer;color:var(--soft);font-size:.9rem}
.names{margin:.4rem 0 0;padding:0;list-style:none;font-size:.85rem;max-height:20rem;overflow:auto}
.names li{display:flex;flex-wrap:wrap;gap:0 .8rem;padding:.2rem 0;border-top:1px solid var(--line);
overflow-wrap:anywhere}
.names span{color:var(--soft)}
footer{margin-top:2rem;font-size:.85rem}
""".strip()


def render(page: Page) -> str:
    """The whole page as HTML, with no outside reference."""
    title = html.escape(page.title)
    tiles = "".join(
        f'<div class="tile"><b>{html.escape(value)}</b><span class="soft">{html.escape(label)}'
        "</span></div>"
        for label, value in page.tiles
    )
    advice = "".join(f"<li>{_words(line)}</li>" for line in page.advice)
    found = "".join(map(_finding, page.findings)) or "<p>Nothing was found to be wrong.</p>"
    charts = "".join(map(_chart, page.charts))
    sheet = (
        f'<img class="sheet" alt="some pictures of the set" src="{_uri(page.sheet)}">'
        if page.sheet is not None
        else ""
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{title}</title><style>{_STYLE}</style></head><body><main>"
        f'<p class="soft">Dataset doctor</p><h1>{title}</h1>'
        f'<p class="verdict">{html.escape(page.verdict)}</p>{_shares(page)}{sheet}'
        f'<div class="tiles">{tiles}</div>'
        f'<h2>What to do</h2><div class="panel"><ul class="advice">{advice}</ul></div>'
        f"<h2>What was found</h2>{_jump(page.findings)}{found}"
        f'<h2>In numbers</h2><div class="charts">{charts}</div>'
        f'<footer class="soft">{html.escape(page.footer)}</footer></main></body></html>\n'
    )


def _words(line: str) -> str:
    """A sentence, its commands (in quotes, beginning with our name) set as code."""
    return re.sub(r"&#x27;((?:lookalike|prepare) .+?)&#x27;", r"<code>\1</code>", html.escape(line))


def _shares(page: Page) -> str:
    bars = "".join(
        f'<i class="{tone}" style="flex:{count}"></i>' for tone, _, count in page.shares if count
    )
    legend = "".join(
        f'<span class="{tone}">{count:,} {html.escape(words)}</span>'
        for tone, words, count in page.shares
        if count
    )
    return f'<div class="shares">{bars}</div><div class="legend soft">{legend}</div>'


def _jump(findings: Sequence[Shown]) -> str:
    links = "".join(
        f'<a class="{one.level}" href="#{one.kind}">{html.escape(one.title)} '
        f"<b>{one.count:,}</b></a>"
        for one in (shown.finding for shown in findings)
    )
    return f'<nav class="jump">{links}</nav>'


def _finding(shown: Shown) -> str:
    finding = shown.finding
    pairs = any(len(group) > 1 for group in shown.pictures)
    strip = "".join(
        f'<div class="pair">{"".join(map(_figure, group))}</div>' if pairs else _figure(group[0])
        for group in shown.pictures
    )
    names = "".join(
        f"<li>{html.escape(one.name)} <span>{html.escape(one.detail)}</span></li>"
        for one in finding.files[:LISTED]
    )
    if finding.count > LISTED:
        names += f"<li>and {finding.count - LISTED:,} more</li>"
    return (
        f'<section class="finding {finding.level}" id="{finding.kind}"><div class="head">'
        f'<h3>{html.escape(finding.title)}</h3><span class="count">{finding.count:,}</span></div>'
        f"<p>{html.escape(finding.meaning)}</p>"
        f'<p class="soft">Fix: {_words(finding.fix)}.</p>'
        + (f'<div class="strip{" pairs" if pairs else ""}">{strip}</div>' if strip else "")
        + f"<details{'' if strip else ' open'}><summary>All names</summary>"
        f'<ul class="names">{names}</ul></details></section>'
    )


def _figure(picture: Picture) -> str:
    pixels, name, detail = picture
    return (
        f'<figure title="{html.escape(name)}"><img alt="" loading="lazy" src="{_uri(pixels)}">'
        f"<figcaption><b>{html.escape(name.rpartition('/')[2])}</b>{html.escape(detail)}"
        "</figcaption></figure>"
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
