"""What parts in people's own files of version 0.1 define is found under the names of today."""

from __future__ import annotations

from operator import attrgetter


def answer_to(kind: type, /, **names: str) -> None:
    """Let a class that defines a former name (the keyword) answer to that of today (its value)."""
    for former, today in names.items():
        if former in vars(kind) and today not in vars(kind):
            setattr(kind, today, property(attrgetter(former)))
