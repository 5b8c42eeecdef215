"""What a verb is beside its work: guarded, and spelled out for ``help`` and notebooks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from dataclasses import MISSING, fields
from inspect import Parameter, Signature, signature
from typing import Any, ParamSpec, TypeVar

from lookalike.settings.options import SHARED
from lookalike.storage_errors import guarded

P = ParamSpec("P")
R = TypeVar("R")


def verb(function: Callable[P, R]) -> Callable[P, R]:
    """A public function: disks refuse in words, and its signature names every setting."""
    inner = guarded(function)
    taken = signature(function)
    own = [p for p in taken.parameters.values() if p.kind is not Parameter.VAR_KEYWORD]
    settings = taken.parameters.get("settings")
    if settings is not None:
        kind = vars(sys.modules[function.__module__]).get(str(settings.annotation).split(" | ")[0])
        known = {p.name for p in own}
        own += [p for p in _fields(kind) if p.name not in known]
    inner.__signature__ = Signature(own)  # type: ignore[attr-defined]
    return inner


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
