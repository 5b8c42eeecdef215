"""What a request says, read with suspicion, and how a problem is answered."""

from __future__ import annotations

import json
import math
import re
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from lookalike.errors import LookalikeError
from lookalike.results import plain
from lookalike.studio.errors import OverloadedError, RequestError, TooLargeError
from lookalike.studio.messages import for_page

T = TypeVar("T", str, int, float, bool, list[Any], dict[str, Any])

LONGEST_TEXT = 400
_ID = re.compile(r"[0-9a-f]{16}")


def to_json(value: Any) -> str:
    """Any result as JSON that a browser reads: what is no number (NaN, infinity) is null."""
    return json.dumps(_finite(plain(value)), allow_nan=False)


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def answer(value: Any, status: int = 200) -> Response:
    """Any result as an answer of JSON."""
    return Response(to_json(value), status, media_type="application/json")


def problem_answer(problem: LookalikeError) -> JSONResponse:
    """An error as ``{"error", "message"}``, in its own words but for options and commands."""
    told = {"error": type(problem).__name__, "message": for_page(str(problem))}
    late = {"Retry-After": "1"} if isinstance(problem, OverloadedError) else None
    return JSONResponse(told, getattr(problem, "status", 400), headers=late)


async def fields(request: Request) -> dict[str, Any]:
    """The fields of a body of JSON; the guard has limited its bytes.

    Raises:
        RequestError: it is no object of JSON.
    """
    try:
        read = json.loads(await request.body() or b"{}")
    except (ValueError, RecursionError) as problem:
        raise RequestError(f"The body is no JSON ({problem}).") from problem
    if not isinstance(read, dict):
        raise RequestError("The body is not an object of JSON.")
    return read


def field(given: dict[str, Any], name: str, kind: type[T], default: T | None = None) -> T:
    """One field of this kind; whole numbers serve as numbers.

    Raises:
        RequestError: it is missing without a default, of another kind, or a text of a book.
    """
    value = given.get(name, default)
    if kind is float and type(value) is int:
        value = float(value)
    if type(value) is not kind or (isinstance(value, str) and len(value) > LONGEST_TEXT):
        raise RequestError(f"The field {name!r} is not a {kind.__name__}: {str(value)[:80]!r}.")
    return value


def listed(given: dict[str, Any], name: str, most: int) -> list[Any]:
    """A list of a body.

    Raises:
        RequestError: it is none, or holds more than ``most``.
    """
    found = field(given, name, list)
    if len(found) > most:
        raise RequestError(f"At most {most:,} can be asked for at once, not {len(found):,}.")
    return found


def checked_id(text: Any) -> str:
    """An id as we gave it: 16 hexadecimal digits.

    Raises:
        RequestError: it is anything else, such as a path.
    """
    if not isinstance(text, str) or not _ID.fullmatch(text):
        raise RequestError("That is no id of this studio.")
    return text


async def octets(request: Request, most: int) -> bytes:
    """The bytes of a body.

    Raises:
        TooLargeError: there are more than ``most``.
    """
    return b"".join([part async for part in streamed(request, most)])


async def streamed(request: Request, most: int) -> AsyncIterator[bytes]:
    """The parts of a body as they come.

    Raises:
        TooLargeError: there are more than ``most`` bytes.
    """
    size = 0
    async for part in request.stream():
        size += len(part)
        if size > most:
            raise TooLargeError(f"At most {most >> 20} MB are taken here.")
        yield part
