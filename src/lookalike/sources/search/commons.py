"""Wikimedia Commons: pictures with their license and restrictions."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

from lookalike.errors import SourceError
from lookalike.settings.collect import ALL_LICENSES
from lookalike.sources.http.addresses import host_of
from lookalike.sources.http.refusals import BusyError
from lookalike.sources.http.web import Ask, Web, retry_after
from lookalike.sources.search.base import word
from lookalike.sources.store.collection import Found


@dataclass(frozen=True, kw_only=True)
class Commons:
    """Wikimedia Commons through its MediaWiki API.

    Documentation: https://www.mediawiki.org/wiki/API:Imageinfo, API:Search, API:Categorymembers,
    API:Etiquette. A query ``Category:NAME`` lists that category. Pictures are taken as standard
    thumbnails (others are refused with 429 since 2026, mediawiki.org/wiki/Common_thumbnail_sizes),
    so drawings (SVG) come as PNG.
    """

    name: str = "commons"
    address: str = "https://commons.wikimedia.org/w/api.php"
    width: int = 960
    page_size: int = 50
    most_pages: int = 200

    def find(self, web: Web, query: str, licenses: tuple[str, ...]) -> Iterator[Found]:
        """Follow the ``continue`` tokens until there are none."""
        more: Mapping[str, Any] = {}
        for _ in range(self.most_pages):
            answer = self._ask(web, {**self._question(query), **more})
            pages = (answer.get("query") or {}).get("pages") or []
            rows = list(pages.values()) if isinstance(pages, Mapping) else list(pages)
            for row in sorted(rows, key=lambda row: int(row.get("index", 0))):
                found = self._found(row)
                if found is not None and license_code(found.license or "") in licenses:
                    yield found
            more = answer.get("continue") or {}
            if not more:
                return

    def _question(self, query: str) -> dict[str, Any]:
        asked: dict[str, Any] = {
            "action": "query",
            "format": "json",
            "formatversion": 2,
            "maxlag": 5,
            "prop": "imageinfo",
            "iiprop": "url|size|mime|extmetadata",
            "iiurlwidth": self.width,
            "iiextmetadatafilter": "License|LicenseShortName|LicenseUrl|Artist|Restrictions",
        }
        if query.lower().startswith("category:"):
            listing = {"generator": "categorymembers", "gcmtitle": query, "gcmtype": "file"}
            return {**asked, **listing, "gcmlimit": self.page_size}
        listing = {"generator": "search", "gsrnamespace": "6"}
        listing["gsrsearch"] = f"filetype:bitmap|drawing {query}"
        return {**asked, **listing, "gsrlimit": self.page_size}

    def _ask(self, web: Web, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One request; a lagging database answers 200 with an error and a Retry-After."""
        code: Any = None
        for _ in range(web.manners.tries):
            reply = web.get(Ask(url=f"{self.address}?{urlencode(asked, quote_via=quote)}"))
            answer = reply.json()
            code = (answer.get("error") or {}).get("code") if isinstance(answer, dict) else "shape"
            if code is None:
                return dict(answer)
            if code not in ("maxlag", "ratelimited"):
                break
            seconds = retry_after(reply.headers) or 5.0
            if seconds > web.manners.patience:
                raise BusyError(f"{self.name} asks to wait {seconds:.0f} s")
            web.pace.hold(host_of(self.address), seconds)
        raise SourceError(f"{self.name} answered with the error {code!r}. Try again later.")

    def _found(self, row: Mapping[str, Any]) -> Found | None:
        infos = row.get("imageinfo") or []
        info = infos[0] if infos else {}
        url = word(info.get("url"))
        if url is None or not str(info.get("mime", "image/")).startswith("image/"):
            return None
        vector = str(info.get("mime")) == "image/svg+xml"
        larger = int(info.get("width") or 0) > self.width
        if vector or larger:
            url = word(info.get("thumburl")) or url
        metadata = info.get("extmetadata") or {}
        say = {key: plain(str((metadata[key] or {}).get("value") or "")) for key in metadata}
        restrictions = say.get("Restrictions")
        return Found(
            url=url,
            source=self.name,
            page=word(info.get("descriptionurl")),
            title=word(row.get("title")),
            license=say.get("LicenseShortName") or say.get("License") or None,
            license_url=say.get("LicenseUrl") or None,
            creator=say.get("Artist") or None,
            notes={"restrictions": restrictions} if restrictions else {},
        )


def license_code(text: str) -> str:
    """``CC BY-SA 2.0 fr`` -> ``by-sa``, ``Public domain`` -> ``pdm``; what is unknown -> ``other``.

    >>> license_code("cc-by-nd-4.0"), license_code("CC0"), license_code("GFDL 1.2")
    ('by-nd', 'cc0', 'other')
    """
    words = re.sub(r"[\s_]+", "-", text.strip().lower())
    if words.startswith(("cc0", "cc-zero")):
        return "cc0"
    if words.startswith(("pdm", "pd", "public-domain", "cc-pd", "no-restrictions")):
        return "pdm"
    match = re.match(r"(?:cc-)?(by(?:-(?:nc|sa|nd))*)(?:-|$)", words)
    return match.group(1) if match and match.group(1) in ALL_LICENSES else "other"


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.words: list[str] = []

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def plain(html: str) -> str:
    """The words of a piece of HTML, on one line."""
    parser = _Words()
    parser.feed(html)
    parser.close()
    return " ".join("".join(parser.words).split())[:500]
