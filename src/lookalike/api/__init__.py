"""The verbs as functions: what people and both faces call. Wires watchers to stages.

>>> import lookalike
>>> lookalike.prepare("photos", "packs/photos")                          # doctest: +SKIP
>>> lookalike.train("packs/photos", "runs/a", time="10m")                # doctest: +SKIP
>>> lookalike.generate("runs/a", "out", count=100)                       # doctest: +SKIP

Settings are given field by field, as here, or as one frozen object of :mod:`lookalike.settings`.
Importing this is light; what a verb needs is imported when it is called.
"""

from __future__ import annotations

from lookalike.api.data import collect, demo_data, doctor, export, prepare, transform
from lookalike.api.editing import directions, edit, rebuild, teach
from lookalike.api.evaluation import compare, evaluate, utility
from lookalike.api.pictures import expand, generate
from lookalike.api.training import choose, open_data, plan, recipes, report, show, start, train

__all__ = [
    "choose",
    "collect",
    "compare",
    "demo_data",
    "directions",
    "doctor",
    "edit",
    "evaluate",
    "expand",
    "export",
    "generate",
    "open_data",
    "plan",
    "prepare",
    "rebuild",
    "recipes",
    "report",
    "show",
    "start",
    "teach",
    "train",
    "transform",
    "utility",
]
