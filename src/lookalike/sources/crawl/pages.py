"""Which pictures and links a web page holds: pure functions of its HTML."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from lookalike.sources.http.web import AGENT

if TYPE_CHECKING:
    from parsel import Selector

ENDINGS = (".jpg", ".jpeg", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".avif")
LAZY = ("data-src", "data-original", "data-lazy-src", "data-full", "data-lazy", "data-url")
SETS = ("srcset", "data-srcset", "data-lazy-srcset")


@dataclass(frozen=True)
class PageContents:
    """A picture on a page: its address and the words that describe it."""

    url: str
    title: str | None = None


def pictures(page: Selector, base: str) -> list[PageContents]:
    """The pictures of a page, the largest form of each, without repeats and in order.

    A link to a picture file around a small picture stands for it (thumbnail galleries); otherwise
    the largest entry of ``srcset``, then the attributes of lazy loading, then ``src``.
    """
    seen: dict[str, PageContents] = {}
    base = _base(page, base)
    for picture in _each(page):
        url = join(base, picture.url)
        if url is not None:
            seen.setdefault(url, PageContents(url, picture.title))
    return list(seen.values())


def join(base: str, link: str) -> str | None:
    """An absolute http(s) address without its fragment; None for anything else, broken ones too."""
    try:
        url = urljoin(base, link.strip()).partition("#")[0]
        return url if urlsplit(url).scheme in ("http", "https") else None
    except ValueError:
        return None


def _base(page: Selector, base: str) -> str:
    return join(base, page.xpath("//base/@href").get() or "") or base


def _each(page: Selector) -> Iterator[PageContents]:
    for image in page.xpath("//img"):
        title = image.attrib.get("alt") or image.attrib.get("title")
        link = image.xpath("ancestor::a[1]/@href").get()
        best = link if link is not None and is_picture(link) else _largest(image)
        if best:
            yield PageContents(best, title)
    for link in page.xpath("//a[not(.//img)]/@href").getall():
        if is_picture(link):
            yield PageContents(link)
    for link in page.xpath("//meta[@property='og:image']/@content").getall():
        yield PageContents(link)


def _largest(image: Selector) -> str | None:
    sets = [image.attrib[name] for name in SETS if name in image.attrib]
    sets += image.xpath("ancestor::picture[1]/source/@srcset").getall()
    candidates = [candidate for text in sets for candidate in srcset(text)]
    if candidates:
        return max(candidates, key=lambda candidate: candidate[1])[0]
    lazy = (image.attrib.get(name) for name in (*LAZY, "src"))
    return next((value for value in lazy if value and not value.startswith("data:")), None)


def srcset(text: str) -> list[tuple[str, float]]:
    """The entries of a ``srcset`` with their width or density (1 if none is given).

    >>> srcset("a.jpg 1x, b.jpg 2x, c.jpg")
    [('a.jpg', 1.0), ('b.jpg', 2.0), ('c.jpg', 1.0)]
    """
    entries = []
    for part in re.split(r",\s+|,$", text.strip()):
        url, _, size = part.strip().partition(" ")
        number = re.fullmatch(r"\s*(\d+(?:\.\d+)?)[wx]\s*", size)
        if url and not url.startswith("data:"):
            entries.append((url, float(number.group(1)) if number else 1.0))
    return entries


def is_picture(link: str) -> bool:
    """Whether a link's path ends like a picture file."""
    path = link.partition("#")[0].partition("?")[0]
    return path.strip().lower().endswith(ENDINGS)


def links(page: Selector, base: str) -> list[str]:
    """The pages that this page links to; links marked ``nofollow`` are left out."""
    base = _base(page, base)
    pages: dict[str, None] = {}
    for anchor in page.xpath("//a[@href]"):
        if "nofollow" in anchor.attrib.get("rel", "").lower():
            continue
        url = join(base, anchor.attrib["href"])
        if url is not None and not is_picture(url):
            pages[url] = None
    return list(pages)


def robots_meta(page: Selector) -> str:
    """The directives of the page's robots meta tags that are for us, joined by commas."""
    lower = "translate(@name, 'ROBTSLKA', 'robtslka')"
    tags = page.xpath(f"//meta[{lower}='robots' or {lower}='{AGENT}']/@content").getall()
    return ", ".join(tags).lower()


def forbids_links(directives: str) -> bool:
    """Whether the page asks that its links be not followed."""
    return bool({"nofollow", "none"} & {part.strip() for part in directives.split(",")})


def same_site(url: str, hosts: tuple[str, ...]) -> bool:
    """Whether an address lies on one of the hosts or under it (``www.`` does not matter)."""
    name = (urlsplit(url).hostname or "").lower()
    bases = [host.lower().removeprefix("www.") for host in hosts]
    return any(name == base or name.endswith(f".{base}") for base in bases)
