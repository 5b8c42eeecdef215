"""Search services that allow automatic use and say who made a picture and under which terms.

Each is written from its public documentation, named in its class; addresses can be replaced, which
is how the tests stand in for them. Answers are read with care: what is missing is left out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser
from typing import Any
from urllib.parse import quote, urlencode

from lookalike.errors import SourceError
from lookalike.settings.collect import ALL_LICENSES, SearchSettings
from lookalike.sources.http.addresses import host_of
from lookalike.sources.http.refusals import BusyError, RefusedError
from lookalike.sources.http.web import Ask, Web, retry_after
from lookalike.sources.store.collection import Found


def rows_of(answer: Any, key: str) -> list[Mapping[str, Any]]:
    """The rows of an answer.

    Raises:
        SourceError: it has none, so the service is no longer what it was.
    """
    rows = answer.get(key) if isinstance(answer, dict) else None
    if not isinstance(rows, list):
        raise SourceError(f"The service's answer has no {key!r}: its API has changed.")
    return [row for row in rows if isinstance(row, dict)]


def word(value: Any) -> str | None:
    """A value as text of at most 500 letters; None for nothing."""
    return str(value)[:500] if value not in (None, "") else None


@dataclass(frozen=True, kw_only=True)
class Openverse:
    """Openverse, the search over openly licensed media (WordPress Foundation).

    Documentation: https://api.openverse.org/v1/ and docs.openverse.org. Without a key: at most one
    request a second (20 a minute, 200 a day by other accounts), pages of 20, and a limited number
    of pages for one query (about 240 pictures); its terms forbid copying the whole catalogue.
    ``pause`` seconds between requests keep to the stricter account.
    """

    name: str = "openverse"
    address: str = "https://api.openverse.org/v1/images/"
    page_size: int = 20
    most_pages: int = 20
    pause: float = 3.0

    def find(self, web: Web, query: str, licenses: tuple[str, ...]) -> Iterator[Found]:
        """Page after page until the service has no more."""
        web.pace.slow(host_of(self.address), self.pause)
        wanted = ",".join(license for license in licenses if license != "other")
        for page in range(1, self.most_pages + 1):
            asked = {"q": query, "license": wanted, "page": page, "page_size": self.page_size}
            try:
                answer = web.get(Ask(url=f"{self.address}?{urlencode(asked)}")).json()
            except RefusedError as refusal:
                if page > 1 and refusal.reason.startswith("status 4"):
                    return  # the service ends its pages with an error
                raise
            rows = rows_of(answer, "results")
            yield from filter(None, map(self._found, rows))
            if not rows or page >= int(answer.get("page_count") or 0):
                return

    def _found(self, row: Mapping[str, Any]) -> Found | None:
        url = row.get("url")
        if not isinstance(url, str) or row.get("mature") is True:
            return None
        name, version = word(row.get("license")), word(row.get("license_version"))
        notes = {"openverse": word(row.get("id")), "from": word(row.get("source"))}
        notes["attribution"] = word(row.get("attribution"))
        return Found(
            url=url,
            source=self.name,
            page=word(row.get("foreign_landing_url")),
            title=word(row.get("title")),
            license=" ".join(filter(None, (name, version))) or None,
            license_url=word(row.get("license_url")),
            creator=word(row.get("creator")),
            creator_url=word(row.get("creator_url")),
            notes={key: value for key, value in notes.items() if value},
        )


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


@dataclass(frozen=True, kw_only=True)
class Cleveland:
    """The Cleveland Museum of Art's open access collection: works of art, all CC0.

    Documentation: https://openaccess-api.clevelandart.org/. No key; no limit is named, so a request
    a second. ``web`` pictures (about 900 px) are taken. Works without the CC0 mark are left.
    """

    name: str = "cleveland"
    address: str = "https://openaccess-api.clevelandart.org/api/artworks/"
    page_size: int = 100
    most_pages: int = 50
    pause: float = 1.0

    def find(self, web: Web, query: str, licenses: tuple[str, ...]) -> Iterator[Found]:
        """Page after page until all that the museum has were seen."""
        web.pace.slow(host_of(self.address), self.pause)
        for page in range(self.most_pages if "cc0" in licenses else 0):
            skip = page * self.page_size
            asked = {"q": query, "cc0": 1, "has_image": 1, "limit": self.page_size, "skip": skip}
            answer = web.get(Ask(url=f"{self.address}?{urlencode(asked)}")).json()
            rows = rows_of(answer, "data")
            yield from filter(None, map(self._found, rows))
            total = int((answer.get("info") or {}).get("total") or 0)
            if not rows or skip + len(rows) >= total:
                return

    def _found(self, row: Mapping[str, Any]) -> Found | None:
        url = ((row.get("images") or {}).get("web") or {}).get("url")
        if not isinstance(url, str) or row.get("share_license_status") != "CC0":
            return None
        makers = [word(one.get("description")) for one in row.get("creators") or ()]
        notes = {"accession": word(row.get("accession_number")), "type": word(row.get("type"))}
        return Found(
            url=url,
            source=self.name,
            page=word(row.get("url")),
            title=word(row.get("title")),
            license="CC0 1.0",
            license_url="https://creativecommons.org/publicdomain/zero/1.0/",
            creator="; ".join(filter(None, makers)) or None,
            notes={key: value for key, value in notes.items() if value},
        )


SearchService = Openverse | Commons | Cleveland
"""A service finds pictures for a query, best first, with license, creator and link."""

SOURCES: Mapping[str, Callable[..., SearchService]] = {
    "openverse": Openverse,
    "commons": Commons,
    "cleveland": Cleveland,
}
"""The services by name; each takes ``address=`` to be asked elsewhere."""


def check(settings: SearchSettings) -> None:
    """Make sure that the services and licenses exist.

    Raises:
        SourceError: no service, one of another name, or a license that nobody gives.
    """
    if not settings.source:
        raise SourceError(f"Name a source: {', '.join(SOURCES)}.")
    unknown = [name for name in settings.source if name not in SOURCES]
    if unknown:
        raise SourceError(f"There is no source {unknown[0]!r}; there are {', '.join(SOURCES)}.")
    strange = sorted(set(licenses(settings)) - set(ALL_LICENSES))
    if strange:
        raise SourceError(
            f"There is no license {', '.join(strange)!r}; there are {', '.join(ALL_LICENSES)}."
        )


def licenses(settings: SearchSettings) -> tuple[str, ...]:
    """The licenses that were asked for; ``any`` stands for all."""
    return ALL_LICENSES if settings.license == ("any",) else settings.license


def _service(name: str, address: str | None) -> SearchService:
    """A service at its own address, or at another, which needs no pauses."""
    if address is None:
        return SOURCES[name]()
    made = SOURCES[name](address=address)
    return replace(made, pause=0.0) if isinstance(made, Openverse | Cleveland) else made


def in_turn(web: Web, query: str, settings: SearchSettings, notes: list[str]) -> Iterator[Found]:
    """One picture from each service in turn; one that fails leaves the turn, with a note.

    Raises:
        SourceError: every service failed before it gave anything.
    """
    accepted, addresses = licenses(settings), dict(settings.addresses)
    chosen = (_service(name, addresses.get(name)) for name in settings.source)
    turn = {each.name: each.find(web, query, accepted) for each in chosen}
    failures: list[str] = []
    gave = False
    while turn:
        for name, pictures in list(turn.items()):
            try:
                yield next(pictures)
                gave = True
            except StopIteration:
                del turn[name]
            except SourceError as problem:
                del turn[name]
                failures.append(f"{name}: {problem}")
    if failures and not gave:
        raise SourceError("; ".join(failures))
    notes.extend(failures)
