"""The doctor's page: one HTML file with everything inside, readable on a phone."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from lookalike.data.doctor.findings import Finding
from lookalike.images import Pixels
from lookalike.report import pictures
from lookalike.report.charts import histogram
from lookalike.report.page import figure, figures, header, page, section

Picture = tuple[Pixels, str, str]
"""Pixels, the name of the file, and a word about it."""

LISTED = 200
"""How many file names a finding lists on the page; the JSON has all."""


@dataclass(frozen=True)
class Shown:
    """A finding with the pictures that illustrate it; a copy stands beside what it is a copy of."""

    finding: Finding
    pictures: Sequence[Sequence[Picture]]


@dataclass(frozen=True, kw_only=True)
class DoctorPage:
    """What the page says, in the order in which it says it.

    ``shares`` say what becomes of the files: a tone (good, care, serious), words and a count.
    ``figures`` are (value, words); ``histograms`` have bars by title.
    """

    title: str
    verdict: str
    shares: Sequence[tuple[str, str, int]]
    figures: Sequence[tuple[str, str]]
    advice: Sequence[str]
    findings: Sequence[Shown]
    histograms: Mapping[str, Mapping[str, int]]
    sheet: Pixels | None
    footer: str = ""


def render(content: DoctorPage) -> str:
    """The whole page as HTML, with no outside reference."""
    advice = "".join(f"<li>{_words(line)}</li>" for line in content.advice)
    sheet = "" if content.sheet is None else _img(content.sheet, "some pictures of the set", 1200)
    findings = "".join(map(_finding, content.findings)) or "<p>Nothing was found to be wrong.</p>"
    charts = "".join(
        figure(name, histogram(name, bars)) for name, bars in content.histograms.items()
    )
    lead = f'<p class="lead">{escape(content.verdict)}</p>'
    below = (lead, _shares(content), sheet, figures(content.figures))
    parts = (
        header("dataset doctor", content.title, *below),
        section("What to do", f'<ul class="advice">{advice}</ul>'),
        section("What was found", _jump(content.findings) + findings),
        section("In numbers", f'<div class="charts">{charts}</div>'),
    )
    return page(content.title, parts, escape(content.footer))


def _words(line: str) -> str:
    """A sentence, its commands (in quotes, beginning with our name) set as code."""
    return re.sub(r"&#x27;((?:lookalike|prepare) .+?)&#x27;", r"<code>\1</code>", escape(line))


def _shares(content: DoctorPage) -> str:
    some = [share for share in content.shares if share[2]]
    bars = "".join(f'<i class="{tone}" style="flex:{count}"></i>' for tone, _, count in some)
    legend = "".join(
        f'<span class="{tone}">{count:,} {escape(words)}</span>' for tone, words, count in some
    )
    return f'<div class="shares">{bars}</div><div class="legend">{legend}</div>'


def _jump(findings: Sequence[Shown]) -> str:
    links = "".join(
        f'<a class="{finding.level}" href="#{finding.kind}">{escape(finding.title)} '
        f"<b>{finding.count:,}</b></a>"
        for finding in (shown.finding for shown in findings)
    )
    return f'<nav class="jump">{links}</nav>'


def _finding(shown: Shown) -> str:
    finding = shown.finding
    pairs = any(len(group) > 1 for group in shown.pictures)
    thumbs = "".join(
        f'<div class="pair">{"".join(map(_thumb, group))}</div>' if pairs else _thumb(group[0])
        for group in shown.pictures
    )
    names = "".join(
        f"<li>{escape(file.name)} <span>{escape(file.detail)}</span></li>"
        for file in finding.files[:LISTED]
    )
    if finding.count > LISTED:
        names += f"<li>and {finding.count - LISTED:,} more</li>"
    wider = " wider" if pairs else ""
    return (
        f'<section class="finding {finding.level}" id="{finding.kind}"><h3>'
        f'{escape(finding.title)}<span class="count">{finding.count:,}</span></h3>'
        f'<p>{escape(finding.meaning)}</p><p class="note">Fix: {_words(finding.fix)}.</p>'
        + (f'<div class="thumbs{wider}">{thumbs}</div>' if thumbs else "")
        + f"<details{'' if thumbs else ' open'}><summary>All names</summary>"
        f'<ul class="names">{names}</ul></details></section>'
    )


def _thumb(picture: Picture) -> str:
    pixels, name, detail = picture
    return (
        f'<figure title="{escape(name)}">{_img(pixels)}<figcaption>'
        f"<b>{escape(name.rpartition('/')[2])}</b>{escape(detail)}</figcaption></figure>"
    )


def _img(pixels: Pixels, alt: str = "", most: int = 256) -> str:
    return f'<img alt="{escape(alt)}" loading="lazy" src="{pictures.uri(pixels, most)}">'
