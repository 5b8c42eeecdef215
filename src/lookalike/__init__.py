"""Pictures that look like yours.

``import lookalike`` is light: it imports neither torch nor numpy. The verbs live in
:mod:`lookalike.api` and are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from lookalike.api import generate, load, prepare, share, show, start, train

__all__ = ["__version__", "generate", "load", "prepare", "share", "show", "start", "train"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("lookalike.api"), name)
    raise AttributeError(f"module 'lookalike' has no attribute {name!r}")
