"""Text and names whose encoding nobody wrote down: UTF-8 where it fits, else the likeliest one.

Tables come from spreadsheets and names of members from old zip programs. A guess is made for all
names of an archive together, and whoever asks says which encoding was taken.
"""

from __future__ import annotations

import codecs
import unicodedata
from collections.abc import Sequence

LIKELY = ("cp1252", "cp437", "cp850", "cp932", "gbk", "cp949", "big5", "cp866", "cp1251")
"""What is tried after UTF-8, the first of equals wins: Western, Japanese, Chinese, Korean …"""

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_RARE = 0.3
"""What a letter counts that a language with this encoding hardly uses."""


def decode_text(data: bytes) -> tuple[str, str]:
    """The text of a file and the encoding it was read with, "" for UTF-8 (also with its mark)."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            text = data.decode(encoding, "replace")
            return text, "" if encoding == "utf-8-sig" else encoding
    if b"\0" in data[:2000]:
        encoding = "utf-16-le" if data[1:2000:2].count(0) > data[:2000:2].count(0) else "utf-16-be"
        return data.decode(encoding, "replace"), encoding
    encoding = guess_encoding([data])
    return data.decode(encoding, "replace"), "" if encoding == "utf-8" else encoding


def guess_encoding(texts: Sequence[bytes]) -> str:
    """The encoding in which all of these are words: UTF-8 if it fits, else the likeliest.

    For each candidate the share of characters beyond ASCII that are usual letters is counted, and
    that stand beside letters of their own script.
    """
    foreign = [text for text in texts if not text.isascii()]
    if _decoded(foreign, "utf-8") is not None:
        return "utf-8"
    scores = {encoding: _score(foreign, encoding) for encoding in LIKELY}
    return max(LIKELY, key=lambda encoding: scores[encoding])


def _decoded(texts: Sequence[bytes], encoding: str) -> list[str] | None:
    try:
        return [text.decode(encoding) for text in texts]
    except UnicodeDecodeError:
        return None


def _score(texts: Sequence[bytes], encoding: str) -> float:
    """The mean worth of the characters beyond ASCII, from 0 to 1; -1 where it does not fit."""
    words = _decoded([text[:4000] for text in texts], encoding) or _decoded(texts, encoding)
    if words is None:
        return -1.0
    worths = [
        _worth(word, at, encoding)
        for word in words
        for at, letter in enumerate(word)
        if not letter.isascii()
    ]
    return sum(worths) / max(1, len(worths))


_LATIN = ("cp1252", "cp437", "cp850")
_CYRILLIC = ("cp866", "cp1251")
_USUAL_LATIN = frozenset(
    "äöüÄÖÜßàâçéèêëîïôùûœæÀÂÇÉÈÊËÎÏÔÙÛŒÆáíñóúÁÍÑÓÚãõÃÕìòÌÒåøÅØšžŠŽýÝðþÐÞ¡¿ªº«»–—‘’“”…€£§°©®ÿŸ"
)
_USUAL_HANGUL = frozenset(
    "가각간강개거건게견결경계고곡공과관교구국군권귀그글금기길김까꽃나남내너네노녀는늘다단달당대더도독동되두들등"
    "디때라란람랑래량러레려력로록료루류르를름리린림마만말매머먼메며면명모목무문물미민바박반발방배백버번변별병보복본"
    "부북분불비빛사산살상새색생서석선설성세소속손송수숙순스습시식신실심아악안않알암양어언얼업없었에여역연열영예오온"
    "와왕외요용우운울원월위유육은을음응의이인일임입있자작장재저적전정제조종좋주죽준중증지직진질집차책천철청체초추출"
    "치카타탁탄태터토통트특파판패평포표품프피하학한함합항해행향현형호홍화확환황회후히"
)


def _worth(word: str, at: int, encoding: str) -> float:
    """How much like a letter of a word the character at this place is."""
    letter, before, after = word[at], word[max(0, at - 1) : at], word[at + 1 : at + 2]
    script = _script(letter)
    if encoding in _LATIN + _CYRILLIC and letter.isupper() and before.islower():
        return _RARE
    if encoding in _LATIN:
        # Two accents in a row are rare in words, and what other encodings look like in these.
        alone = (before + after).isascii()
        return (1.0 if alone else _RARE) if letter in _USUAL_LATIN else 0.0
    near = {_script(one) for one in before + after} - {""}
    if encoding in _CYRILLIC:
        return float(script == "CYRILLIC" and near <= {"CYRILLIC"})
    if script in ("HIRAGANA", "KATAKANA"):
        return 1.1 if encoding == "cp932" else _RARE
    if script == "HANGUL":
        return 1.1 if letter in _USUAL_HANGUL else _RARE
    usual = script == "CJK" and "LATIN" not in near and encoding != "cp949"
    return 0.9 if usual and _usual(letter, encoding) else _RARE if script == "CJK" else 0.0


def _usual(letter: str, encoding: str) -> bool:
    """Whether a Chinese character is among the frequent ones of its standard (level 1)."""
    lead = letter.encode(encoding)[0]
    last = {"cp932": 0x98, "gbk": 0xD7, "big5": 0xC6}[encoding]
    return lead <= last and (encoding != "gbk" or (lead >= 0xB0 and letter.encode("gbk")[1] > 0xA0))


def _script(letter: str) -> str:
    """The first word of a letter's name, which is its script; "" for what is no letter."""
    return unicodedata.name(letter, "").partition(" ")[0] if letter.isalpha() else ""
