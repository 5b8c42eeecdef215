"""Search services that allow automatic use and say who made a picture and under which terms.

Each is written from its public documentation, named in its class; addresses can be replaced, which
is how the tests stand in for them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

from lookalike.errors import SourceError
from lookalike.settings.collect import ALL_LICENSES, SearchSettings
from lookalike.sources.http.web import Web
from lookalike.sources.search.base import SearchService
from lookalike.sources.search.cleveland import Cleveland
from lookalike.sources.search.commons import Commons
from lookalike.sources.search.openverse import Openverse
from lookalike.sources.store.collection import Found

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
