"""The verbs as functions: what people and both faces call. Wires watchers to stages.

>>> import lookalike
>>> lookalike.prepare(Path("photos"), Path("packs/photos"))       # doctest: +SKIP
>>> lookalike.train(Path("packs/photos"), Path("runs/a"))         # doctest: +SKIP
>>> lookalike.generate(Path("runs/a"), Path("out"))               # doctest: +SKIP

Importing this is light; what a verb needs is imported when it is called.
"""

from __future__ import annotations

from lookalike.api.expanding import expand
from lookalike.api.gathering import collect, transform
from lookalike.api.helping import utility
from lookalike.api.judging import compare, evaluate
from lookalike.api.making import (
    choose,
    demo_data,
    export,
    fixed,
    generate,
    open_data,
    plan,
    prepare,
    recipes,
    report,
    show,
    start,
    train,
)

__all__ = [
    "choose",
    "collect",
    "compare",
    "demo_data",
    "evaluate",
    "expand",
    "export",
    "fixed",
    "generate",
    "open_data",
    "plan",
    "prepare",
    "recipes",
    "report",
    "show",
    "start",
    "train",
    "transform",
    "utility",
]
