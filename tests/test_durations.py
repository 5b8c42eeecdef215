from __future__ import annotations

import pytest

from lookalike.durations import seconds, words
from lookalike.errors import LookalikeError


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("90s", 90),
        ("10m", 600),
        ("2h", 7200),
        ("1h30m", 5400),
        ("1d", 86400),
        ("45", 45),
        ("1.5h", 5400),
        (" 10 M ", 600),
        ("1h 30m 5s", 5405),
    ],
)
def test_times_as_people_write_them(text: str, wanted: float) -> None:
    assert seconds(text) == wanted


@pytest.mark.parametrize("text", ["", "ten", "0", "0s", "-5m", "5x", "1e3", "m", "5m!", "nan"])
def test_what_is_no_time_is_refused_with_examples(text: str) -> None:
    with pytest.raises(LookalikeError, match=r"is not a time\. Write it like 90s"):
        seconds(text)


@pytest.mark.parametrize(
    ("told", "wanted"),
    [
        (0.4, "0 s"),
        (42, "42 s"),
        (200, "3 min 20 s"),
        (600, "10 min"),
        (615, "10 min"),
        (3600, "1 h"),
        (6000, "1 h 40 min"),
    ],
)
def test_words_for_a_person(told: float, wanted: str) -> None:
    assert words(told) == wanted
