"""What a person may ask of ``collect``: one object for each way, and the limits that they share."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Group, Parameter

from lookalike.errors import DataError
from lookalike.settings.machines import Machines

FREE_LICENSES = ("cc0", "pdm", "by", "by-sa")
"""Licenses that allow changed copies and commercial use: the default."""

ALL_LICENSES = (*FREE_LICENSES, "by-nc", "by-nc-sa", "by-nd", "by-nc-nd", "other")
"""Every license that is told apart; ``other`` is anything else that a service lets through."""

_COUNT = Parameter(name=["-n", "--count"])
_SEVERAL = Parameter(consume_multiple=True, negative="", show_default=False)
_FLAG = Parameter(negative="")
_INSIDE = Parameter(parse=False)
"""For programs only: no option of the command line."""


@Parameter(name="*", group=Group("What may come in", sort_key=80))
@dataclass(frozen=True, kw_only=True)
class Limits:
    """How large one file, one picture and one run may be."""

    most_mb: float = 30.0
    "The largest file, in megabytes."

    most_megapixels: float = 50.0
    "The largest picture, in millions of pixels; checked before it is decoded."

    least_side: int | None = None
    "The smallest side in pixels. Default: 64, for public sets 1."

    total_mb: float | None = None
    "Stop when this run has added so many megabytes."

    @property
    def most_bytes(self) -> int:
        """The most bytes of one file."""
        return int(self.most_mb * 1e6)

    @property
    def most_pixels(self) -> int:
        """The most pixels of one picture."""
        return int(self.most_megapixels * 1e6)

    def or_least_side(self, pixels: int) -> Limits:
        """The same limits, with this least side where none was asked for."""
        return self if self.least_side is not None else replace(self, least_side=pixels)


@Parameter(name="*", group=Group("Manners on the web", sort_key=85))
@dataclass(frozen=True, kw_only=True)
class Manners:
    """How politely and how patiently hosts are asked.

    ``total`` bounds the seconds of a whole file, ``backoff`` is the first wait between ``tries``.
    """

    contact: str | None = None
    "Your mail address or page, told to every host (Wikimedia asks for it)."

    delay: float | None = None
    "Least seconds between two requests to one host. Default: 1, for lists 0.5."

    per_host: int = 2
    "Most requests at once to one host."

    together: int = 8
    "Most requests at once in all."

    timeout: float = 15.0
    "Seconds until a silent host is given up."

    patience: float = 60.0
    "The longest wait, in seconds, that a host may ask for (429, Retry-After)."

    allow_private: Annotated[bool, _FLAG] = False
    "Also fetch from private and loopback addresses: for a server of your own."

    total: Annotated[float, _INSIDE] = 120.0
    backoff: Annotated[float, _INSIDE] = 2.0
    tries: Annotated[int, _INSIDE] = 3
    redirects: Annotated[int, _INSIDE] = 5

    def or_delay(self, seconds: float) -> Manners:
        """The same manners, with this delay where none was asked for."""
        return self if self.delay is not None else replace(self, delay=seconds)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Columns:
    """Which columns of a table to read; None finds them by the usual names."""

    url_column: str | None = None
    "The column (or JSON key) with the addresses, if it has another name than url."

    label_column: str | None = None
    "The column (or JSON key) with the classes, if it has another name than label."


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """Ask search services in turn; only pictures under one of the licenses."""

    to: Path
    "The folder that is filled."

    count: Annotated[int, _COUNT] = 100
    "How many pictures of this query the folder should hold, all runs together."

    source: Annotated[tuple[str, ...], _SEVERAL] = ("openverse", "commons")
    "openverse, commons (the default: both in turn), cleveland (works of art, all CC0)."

    license: Annotated[tuple[str, ...], _SEVERAL] = FREE_LICENSES
    "Licenses to take: cc0 pdm by by-sa by-nc by-nc-sa by-nd by-nc-nd other, or any. \
Default: cc0 pdm by by-sa, which allow changed copies and commercial use."

    limits: Limits = field(default_factory=Limits)
    manners: Manners = field(default_factory=Manners)
    addresses: Annotated[tuple[tuple[str, str], ...], _INSIDE] = ()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class CrawlSettings:
    """Walk a site from its first page."""

    to: Path
    "The folder that is filled."

    count: Annotated[int, _COUNT] = 500
    "How many pictures of this site the folder should hold, all runs together."

    depth: int = 1
    "0: this page alone. 1: the pages it links to as well. And so on."

    pages: int = 1000
    "The most pages to read."

    also: Annotated[tuple[str, ...], _SEVERAL] = ()
    "Further hosts that belong to the site, such as its server for pictures."

    any_host: Annotated[bool, _FLAG] = False
    "Take pictures from whatever host the pages show them."

    render: Annotated[bool, _FLAG] = False
    "Draw each page in a headless Chromium: for pages that need JavaScript. Scrolls to the end \
and presses 'load more'."

    browser: Path | None = None
    "The Chromium or Chrome to use. Default: the one that is installed."

    limits: Limits = field(default_factory=Limits)
    manners: Manners = field(default_factory=Manners)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class UrlsSettings:
    """Fetch a list of addresses."""

    to: Path
    "The folder that is filled."

    count: Annotated[int | None, _COUNT] = None
    "How many pictures of this list the folder should hold. Default: all."

    skip: int = 0
    "Pass over so many rows at the beginning, to share a list between machines."

    columns: Columns = field(default_factory=Columns)

    robots: bool = True
    "Obey robots.txt."

    limits: Limits = field(default_factory=Limits)
    manners: Manners = field(default_factory=Manners)
    machines: Machines = field(default_factory=Machines)

    def __post_init__(self) -> None:
        divided = self.machines.part is not None or self.machines.elsewhere
        if divided and (self.count is not None or self.limits.total_mb is not None):
            raise DataError(
                "--count and --total-mb are about the whole list, which no part sees. Cut the list "
                "instead, and divide what is left."
            )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SetSettings:
    """Take a public set from a person's download or from a mirror."""

    to: Path
    "The folder that is filled."

    files: Path | None = None
    "The folder with your download of the set's files, as they are (not unpacked)."

    mirror: str | None = None
    "Or a server that has these files: --mirror https://example.org/mnist"

    count: Annotated[int | None, _COUNT] = None
    "How many pictures. Default: all."

    part: str = "all"
    "train, valid, test or all."

    trust: Annotated[bool, _FLAG] = False
    "Take files whose hash is not the published one."

    limits: Limits = field(default_factory=Limits)
    manners: Manners = field(default_factory=Manners)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ImportSettings:
    """Take over what img2dataset fetched."""

    to: Path
    "The folder that is filled."

    count: Annotated[int | None, _COUNT] = None
    "How many pictures. Default: all."

    columns: Columns = field(default_factory=Columns)

    limits: Limits = field(default_factory=Limits)


CollectSettings = SearchSettings | CrawlSettings | UrlsSettings | SetSettings | ImportSettings
"""The ways of collecting."""

WAYS: dict[str, type[CollectSettings]] = {
    "search": SearchSettings,
    "crawl": CrawlSettings,
    "urls": UrlsSettings,
    "set": SetSettings,
    "import": ImportSettings,
}
"""The ways to collect, as the command line calls them."""
