"""The Cleveland Museum of Art: works of art, all CC0."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from lookalike.sources.http.addresses import host_of
from lookalike.sources.http.web import Ask, Web
from lookalike.sources.search.base import rows_of, word
from lookalike.sources.store.collection import Found


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
