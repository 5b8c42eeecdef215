"""What a verb is beside its work: guarded, and spelled out for ``help`` and notebooks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import MISSING, fields
from inspect import Parameter, Signature, signature
from typing import Any, ParamSpec, TypeVar

from lookalike.errors import DataError, SourceError
from lookalike.progress import NOBODY
from lookalike.settings.options import SHARED, url_of
from lookalike.storage_errors import guarded, places_of

_READ = ("source", "pack", "data", "target", "against")
"""What verbs call the places that may be a pack or pictures."""

P = ParamSpec("P")
R = TypeVar("R")


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """A public function: disks refuse in words, and its signature names every setting."""
    inner = guarded(function, _near)
    taken = signature(function)
    own = [p for p in taken.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    settings = taken.parameters.get("settings")
    if settings is not None:
        kind = vars(sys.modules[function.__module__]).get(str(settings.annotation).split(" | ")[0])
        known = {p.name for p in own}
        own += [p for p in _fields(kind) if p.name not in known]
    inner.__signature__ = Signature(own)  # type: ignore[attr-defined]
    return inner


@contextmanager
def _near(given: dict[str, Any]) -> Iterator[None]:
    """URLs at hand: packs come into the cache before the work, and what is made goes there after.

    No wrapper of its own, so that no further file stands between a caller and the work.
    """
    names = (*_READ, "to")
    urls = {name: url for name in names if (url := url_of(given.get(name))) is not None}
    _refuse_urls({name: value for name, value in given.items() if name not in urls})
    if not urls:
        yield
        return
    from lookalike.data.readers.open import open_urls_with

    if "to" in urls:
        _refuse_parts(given, urls["to"])
    from lookalike.sources.remote.cache import cached_pack, place_for, store_pack
    from lookalike.sources.remote.pictures import open_url

    open_urls_with(open_url)
    for name, url in urls.items():
        given[name] = cached_pack(url) or (place_for(url) if name == "to" else url)
    yield
    if "to" not in urls:
        return
    try:
        store_pack(given["to"], urls["to"])
    except SourceError as problem:
        raise SourceError(f"{problem} What was made lies in {given['to']}.") from problem
    given.get("listener", NOBODY).say(
        f"Written to {urls['to']}. Its copy in the cache is {given['to']}."
    )


def local(function: Callable[P, R]) -> Callable[P, R]:
    """A public function whose places are all on disks: these refuse in words, and URLs are none."""
    return guarded(function, _on_disks)


@contextmanager
def _on_disks(given: dict[str, Any]) -> Iterator[None]:
    _refuse_urls(given)
    yield


def _refuse_urls(given: Mapping[str, Any]) -> None:
    """Refuse a URL where a folder is written that nobody carries there.

    Raises:
        DataError: it would become a folder called s3: on this disk.
    """
    for place in places_of(given):
        if (url := url_of(place)) is not None:
            raise DataError(
                f"{url} is no place on a disk, where this verb reads and writes it. Name a folder "
                "here, and copy it to or from there. URLs are taken for pictures and packs that "
                "are read, and for --to of prepare, generate, expand and export."
            )


def _refuse_parts(arguments: Mapping[str, Any], url: str) -> None:
    """Refuse parts of what is to be at a URL.

    Raises:
        DataError: only a part is to be made, or other machines are to make parts.
    """
    machines = getattr(arguments.get("settings"), "machines", None)
    words = arguments.get("fields", {})
    on = str(words.get("on") or getattr(machines, "on", ""))
    if words.get("part") or getattr(machines, "part", None) or on.startswith("dask://"):
        raise DataError(
            f"parts are kept beside what is made, on a disk that all machines see, not at {url}. "
            "Name such a place with --to, and let merge make the whole there."
        )


def _fields(kind: Any) -> Iterator[Parameter]:
    """The fields of settings as keyword arguments, those of shared settings as well."""
    for field in fields(kind) if kind is not None else ():
        if field.name in SHARED and kind is not SHARED[field.name]:
            yield from _fields(SHARED[field.name])
            continue
        default = field.default
        if default is MISSING:
            default = field.default_factory() if field.default_factory is not MISSING else ...
        yield Parameter(field.name, Parameter.KEYWORD_ONLY, default=default, annotation=field.type)
