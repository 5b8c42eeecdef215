"""The verbs as functions: what people and both faces call. Wires watchers to stages.

Settings are given field by field, as here, or as one frozen object of :mod:`lookalike.settings`.
Importing this is light: a verb's module is imported with its name, what it needs when it is called.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from lookalike import lazy

if TYPE_CHECKING:
    from lookalike.api.data import collect, demo_data, doctor, export, prepare, transform
    from lookalike.api.editing import directions, edit, rebuild, teach
    from lookalike.api.evaluation import compare, evaluate, utility
    from lookalike.api.machines import merge
    from lookalike.api.pictures import expand, generate
    from lookalike.api.runs import recipes, report, show
    from lookalike.api.sharing import load, share
    from lookalike.api.training import choose, open_data, plan, start, train

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

__getattr__ = lazy(
    __name__,
    {
        "data": ("collect", "demo_data", "doctor", "export", "prepare", "transform"),
        "editing": ("directions", "edit", "rebuild", "teach"),
        "evaluation": ("compare", "evaluate", "utility"),
        "machines": ("merge",),
        "pictures": ("expand", "generate"),
        "runs": ("recipes", "report", "show"),
        "sharing": ("load", "share"),
        "training": ("choose", "open_data", "plan", "start", "train"),
    },
)
