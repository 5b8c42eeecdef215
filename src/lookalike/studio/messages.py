"""Sentences that were written for a terminal, as the page says them: no options, no commands."""

from __future__ import annotations

import re
from collections.abc import Iterable

_SAID = (
    (
        r": the samples are [\d.]+ times as far from .+? by chance"
        r"(?:, and reach (\S+) of their variety \(real ones: (\S+)\))?(?:; healthy is [^.]+)?\.",
        r". New pictures reach \1 of the variety of yours; real ones reach \2.",
    ),
    (r" New pictures reach  of the variety of yours; real ones reach \.", ""),
    (r"--size (\d+) or (\d+) takes", r"\1 or \2 px take"),
    (r"\(--size (\S+) keeps their shape\)", r"(\1 px keep their shape)"),
    (r"\(--recipe (\S+) trains", r"(the recipe \1 trains"),
    (r"as the pack .+ has them", "as they were prepared"),
    (r"; 'lookalike train' leaves them out", ""),
    (r"'lookalike evaluate' does", "“How good is it?” does"),
    (r"^'evaluate' found", "A measurement found"),
    (r"'lookalike prepare [^']*--fix' leaves (.+?) out:", r"The page Start can leave \1 out:"),
    (r"'prepare --faces' aligns them, which is easier", "aligned ones are easier"),
    (r"'prepare --faces' is not needed", "they need not be aligned"),
    (r"; 'prepare --faces' leaves them out", ""),
    (r"without --fix they stay", "where they are not left out, they stay"),
    (r"so prepare with a smaller --size", "so take a smaller size"),
    (r"prepare with --grey, which trains faster", "as grey pictures they would train faster"),
    (r" The other one: --checkpoint \w+\.", ""),
    (r"; --set warm=none begins with random ones", ""),
    (r" Ctrl-C saves and stops\.", ""),
    (r"'generate' and everything else use it", "everything here draws from it"),
    (r"Ctrl-C now loses nothing", "stopping now loses nothing"),
)
"""What the terminal says, as a pattern, and what the page says instead.

How far the pictures are stands beside the light; so it goes from the light's own sentence.
"""

_OPTION = re.compile(r" ?\((?:[^()]*(?:(?<!\w)--\w|Ctrl-C)|lookalike \w)[^()]*\)")
"""A parenthesis with an option, a key or a command of the terminal."""


def for_page(sentence: str) -> str:
    """The sentence for somebody who never sees a terminal.

    What is known is said in other words; elsewhere a parenthesis with an option or a command goes.
    """
    for pattern, words in _SAID:
        sentence = re.sub(pattern, words, sentence)
    sentence = _OPTION.sub("", sentence)
    return re.sub(r"(?<!\S)--(?=[a-z])", "", sentence)


def all_for_page(sentences: Iterable[str]) -> list[str]:
    """Each of them."""
    return [for_page(sentence) for sentence in sentences]
