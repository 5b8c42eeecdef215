"""Openverse: openly licensed pictures, without a key."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from lookalike.sources.http.addresses import host_of
from lookalike.sources.http.refusals import RefusedError
from lookalike.sources.http.web import Ask, Web
from lookalike.sources.search.base import rows_of, word
from lookalike.sources.store.collection import Found


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
