"""The names that other people's programs may rely on. A change here is a change of version."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

import lookalike
import lookalike.api
from lookalike import errors
from lookalike.cli import main

VERBS = [
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
OTHERS = ["Listener", "Pack", "__version__", "errors", "settings"]

ERRORS = {
    "LookalikeError": "Exception",
    "DataError": "LookalikeError",
    "NoImagesError": "DataError",
    "TooFewImagesError": "DataError",
    "PackError": "DataError",
    "SourceError": "LookalikeError",
    "RecipeError": "LookalikeError",
    "RunError": "LookalikeError",
    "RunLockedError": "RunError",
    "CheckpointError": "RunError",
    "TrainingError": "LookalikeError",
    "NotFiniteError": "TrainingError",
    "RangeError": "TrainingError",
    "StorageError": "LookalikeError",
    "MissingExtraError": "LookalikeError",
}


def test_the_public_names_are_these() -> None:
    assert sorted(lookalike.__all__) == sorted([*VERBS, *OTHERS, *ERRORS])
    assert dir(lookalike) == sorted(lookalike.__all__)


def test_every_public_name_can_be_used() -> None:
    for name in lookalike.__all__:
        assert getattr(lookalike, name) is not None
    for name in VERBS:
        assert callable(getattr(lookalike, name))
        assert getattr(lookalike, name).__doc__
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        lookalike.trian  # noqa: B018


def test_every_verb_of_the_command_line_is_a_function() -> None:
    faces = {"studio"}  # it serves a page that calls the others
    words = {name.replace("-", "_") for name in main.VERBS}
    assert words - faces == set(VERBS) - {"load", "plan"}


def test_a_folder_of_the_same_name_does_not_take_the_place_of_a_verb() -> None:
    for name in ("recipes", "report", "share"):
        module = importlib.import_module(f"lookalike.{name}")
        assert isinstance(module, ModuleType)
        assert getattr(lookalike, name) is getattr(lookalike.api, name)


def test_every_error_is_at_the_top() -> None:
    for name in ERRORS:
        assert getattr(lookalike, name) is getattr(errors, name)


def test_the_error_tree_is_this_and_is_drawn_in_the_docstring() -> None:
    found = {
        name: kind.__base__.__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert found == ERRORS
    assert all(name in str(errors.__doc__) for name in ERRORS)
