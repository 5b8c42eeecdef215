"""What the studio refuses, each with the status that its answer has."""

from __future__ import annotations

from lookalike.errors import LookalikeError


class RequestError(LookalikeError):
    """A request that is refused. ``status`` is that of HTTP."""

    status = 400


class TokenError(RequestError):
    """Nobody who was let in asks."""

    status = 401


class ForbiddenError(RequestError):
    """A request that comes from somewhere else, or that would change what may only be seen."""

    status = 403


class UnknownError(RequestError):
    """Nothing has this id or address."""

    status = 404


class MethodError(RequestError):
    """A way to ask that no page of ours uses."""

    status = 405


class SlowError(RequestError):
    """A request that did not come in time."""

    status = 408


class SupersededError(RequestError):
    """A newer request of the same page took the place of this one."""

    status = 409


class TooLargeError(RequestError):
    """More bytes than are taken."""

    status = 413


class KindError(RequestError):
    """Bytes of a kind that is not taken."""

    status = 415


class OverloadedError(RequestError):
    """Too much is asked at once."""

    status = 503
