"""The verbs as functions: what people and both faces call. Wires watchers to stages.

Settings are given field by field, as here, or as one frozen object of :mod:`lookalike.settings`.
Importing this is light; what a verb needs is imported when it is called.
"""

from __future__ import annotations

from lookalike.api.data import collect, demo_data, doctor, export, prepare, transform
from lookalike.api.editing import directions, edit, rebuild, teach
from lookalike.api.evaluation import compare, evaluate, utility
from lookalike.api.machines import merge
from lookalike.api.pictures import expand, generate
from lookalike.api.sharing import load, share
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
    "load",
    "merge",
    "open_data",
    "plan",
    "prepare",
    "rebuild",
    "recipes",
    "report",
    "share",
    "show",
    "start",
    "teach",
    "train",
    "transform",
    "utility",
]
