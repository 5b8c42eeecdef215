"""The verbs as functions: what people and both faces call. Wires watchers to stages.

>>> import lookalike
>>> lookalike.prepare(Path("photos"), Path("packs/photos"))       # doctest: +SKIP
>>> lookalike.train(Path("packs/photos"), Path("runs/a"))         # doctest: +SKIP
>>> lookalike.generate(Path("runs/a"), Path("out"))               # doctest: +SKIP

Importing this is light; what a verb needs is imported when it is called.
"""

from __future__ import annotations

from lookalike.api.expanding import expand
from lookalike.api.judging import compare, evaluate, utility
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
    "utility",
]
