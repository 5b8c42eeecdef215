"""What every search service offers, and how answers in JSON are read with care."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Protocol

from lookalike.errors import SourceError
from lookalike.sources.http.web import Web
from lookalike.sources.store.collection import Found


class SearchService(Protocol):
    """A search service."""

    @property
    def name(self) -> str:
        """What a person calls it."""

    def find(self, web: Web, query: str, licenses: tuple[str, ...]) -> Iterator[Found]:
        """The pictures for a query, best first, with license, creator and link."""


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
