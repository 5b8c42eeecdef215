"""The options that the ways of collecting share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Group, Parameter

if TYPE_CHECKING:
    from lookalike.sources.http.web import Manners
    from lookalike.sources.search.lists import Columns
    from lookalike.sources.store.inspect import Limits

_BOUNDS = Group("What may come in", sort_key=80)
_WEB = Group("Manners on the web", sort_key=85)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class BoundsOptions:
    """Limits on bytes and pixels."""

    most_mb: Annotated[float, Parameter(group=_BOUNDS)] = 30.0
    "The largest file, in megabytes."

    most_megapixels: Annotated[float, Parameter(group=_BOUNDS)] = 50.0
    "The largest picture, in millions of pixels; checked before it is decoded."

    least_side: Annotated[int | None, Parameter(group=_BOUNDS)] = None
    "The smallest side in pixels. Default: 64, for public sets 1."

    total_mb: Annotated[float | None, Parameter(group=_BOUNDS)] = None
    "Stop when this run has added so many megabytes."

    def limits(self, count: int | None, least: int = 64) -> Limits:
        """What the program calls them."""
        from lookalike.sources.store.inspect import Limits

        return Limits(
            count=count,
            most_bytes=int(self.most_mb * 1e6),
            most_pixels=int(self.most_megapixels * 1e6),
            least_side=least if self.least_side is None else self.least_side,
            most_total=None if self.total_mb is None else int(self.total_mb * 1e6),
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class PolitenessOptions:
    """How hosts are asked."""

    contact: Annotated[str | None, Parameter(group=_WEB)] = None
    "Your mail address or page, told to every host (Wikimedia asks for it)."

    delay: Annotated[float | None, Parameter(group=_WEB)] = None
    "Least seconds between two requests to one host. Default: 1, for lists 0.5."

    per_host: Annotated[int, Parameter(group=_WEB)] = 2
    "Most requests at once to one host."

    together: Annotated[int, Parameter(group=_WEB)] = 8
    "Most requests at once in all."

    timeout: Annotated[float, Parameter(group=_WEB)] = 15.0
    "Seconds until a silent host is given up."

    patience: Annotated[float, Parameter(group=_WEB)] = 60.0
    "The longest wait, in seconds, that a host may ask for (429, Retry-After)."

    allow_private: Annotated[bool, Parameter(group=_WEB, negative="")] = False
    "Also fetch from private and loopback addresses: for a server of your own."

    def manners(self, delay: float, robots: bool = True) -> Manners:
        """What the program calls them."""
        from lookalike.sources.http.web import Manners

        return Manners(
            contact=self.contact,
            delay=delay if self.delay is None else self.delay,
            per_host=self.per_host,
            together=self.together,
            timeout=self.timeout,
            patience=self.patience,
            robots=robots,
            allow_private=self.allow_private,
        )


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class NamingOptions:
    """Which columns of a table to read."""

    url_column: str | None = None
    "The column (or JSON key) with the addresses, if it has another name than url."

    label_column: str | None = None
    "The column (or JSON key) with the classes, if it has another name than label."

    def columns(self) -> Columns:
        """What the program calls them."""
        from lookalike.sources.search.lists import Columns

        return Columns(url=self.url_column, label=self.label_column)


BOUNDS, POLITE, NAMING = BoundsOptions(), PolitenessOptions(), NamingOptions()
