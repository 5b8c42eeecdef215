"""Pictures that look like yours.

>>> import lookalike
>>> lookalike.prepare("photos", "packs/photos")                          # doctest: +SKIP
>>> lookalike.train("packs/photos", "runs/a", time="10m")                # doctest: +SKIP
>>> lookalike.generate("runs/a", count=8).images()                       # doctest: +SKIP

Every verb of the command line is a function here, every error a class; docs/api.md has them all.
``import lookalike`` is light: it imports neither torch nor numpy until something is used.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lookalike import errors, settings
    from lookalike.api import *
    from lookalike.data.pack.pack import Pack
    from lookalike.errors import *
    from lookalike.progress import Listener

__all__ = [
    "CheckpointError",
    "DataError",
    "Listener",
    "LookalikeError",
    "MissingExtraError",
    "NoImagesError",
    "NotFiniteError",
    "Pack",
    "PackError",
    "RangeError",
    "RecipeError",
    "RunError",
    "RunLockedError",
    "SourceError",
    "StorageError",
    "TooFewImagesError",
    "TrainingError",
    "__version__",
    "collect",
    "compare",
    "demo_data",
    "directions",
    "doctor",
    "edit",
    "errors",
    "evaluate",
    "expand",
    "export",
    "generate",
    "load",
    "merge",
    "plan",
    "prepare",
    "rebuild",
    "recipes",
    "report",
    "settings",
    "share",
    "show",
    "start",
    "teach",
    "train",
    "transform",
    "utility",
]

_MODULES = ("errors", "settings")
_PLACES = {"Listener": "progress", "Pack": "data.pack.pack"}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"lookalike.{name}")
    if name not in __all__:
        raise AttributeError(f"module 'lookalike' has no attribute {name!r}")
    place = "errors" if name.endswith("Error") else _PLACES.get(name, "api")
    return getattr(import_module(f"lookalike.{place}"), name)


def __dir__() -> list[str]:
    return __all__


def lazy(package: str, places: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """A ``__getattr__`` for a package: each module is imported when a name of it is asked for."""
    modules = {name: module for module, names in places.items() for name in names}

    def find(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return find


class _Package(ModuleType):
    """Keeps the verbs ``recipes``, ``report`` and ``share`` from the folders of those names.

    Python binds a folder to its package when it is imported first; the verb would be gone then.
    """

    def __setattr__(self, name: str, value: Any) -> None:
        if not (isinstance(value, ModuleType) and name in {"recipes", "report", "share"}):
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
