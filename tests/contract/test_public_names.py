"""The names that other people's programs may rely on. A change here is a change of version."""

from __future__ import annotations

import lookalike
from lookalike import errors

NAMES = ["__version__", "generate", "load", "prepare", "share", "show", "start", "train"]

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
    assert sorted(lookalike.__all__) == sorted(NAMES)


def test_every_public_name_can_be_used() -> None:
    for name in NAMES:
        assert getattr(lookalike, name) is not None
    assert all(callable(getattr(lookalike, name)) for name in NAMES if name != "__version__")


def test_the_error_tree_is_this_and_is_drawn_in_the_docstring() -> None:
    found = {
        name: kind.__base__.__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, Exception)
    }
    assert found == ERRORS
    assert all(name in str(errors.__doc__) for name in ERRORS)
