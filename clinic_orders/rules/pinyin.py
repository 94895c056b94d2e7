"""Search by Chinese, initials and full pinyin, with every reading of every character.

People type what they say: 参麦注射液 is asked for as ``smzsy``, ``cmzsy``, ``shenmai`` or ``参麦``. The keys of an
item are made once, when it is written, and stored as text; only that needs the ``pypinyin`` library with its
260,000 objects. A search looks at the stored keys alone.

>>> keys = search_keys("参麦注射液", "0.25g", "华北制药股份有限公司")
>>> [matches(query, keys) for query in ("smzsy", "cmzsy", "shenmai", "canmai zsy", "参麦 0.25", "hbzy", "abc")]
[True, True, True, True, True, True, False]
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Final

_HAN: Final = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]")
_HAN_RUNS: Final = re.compile(r"[\u3400-\u9fff\U00020000-\U0003ffff]+|[^\u3400-\u9fff\U00020000-\U0003ffff]+")
_LATIN_WORD: Final = re.compile(r"(?=.*[a-z])[a-z0-9.]+")
# A strength is a number: 0.25g is not part of 10.25g. Plain digits may be any part of a code.
_STRENGTH: Final = re.compile(r"[0-9]+(?:\.[0-9]*[a-z%μ]*|[a-z%μ]+)")
# What one word may be made of when it is found nowhere as a whole: 阿莫xl, amxl0.25g.
_RUNS: Final = re.compile(r"[0-9][0-9.]*[a-z%]*|[a-z]+|[^a-z0-9]+")
_SEPARATORS: Final = re.compile(r"[\s,;、;]+")
# Longer than any name in pinyin; what is beyond it can only be a slip, and would cost time.
_MAX_QUERY: Final = 60
_MAX_WORDS: Final = 6


@dataclass(frozen=True, slots=True)
class SearchKeys:
    """What is stored beside a thing so that it can be found; three text columns.

    Attributes:
        text: the fields in one writing (NFKC, lower case, without blanks), one a line.
        initials: the first letters of the usual readings, one field a line; for ranking and for plain LIKE.
        pinyin: every reading of every character: ``|can,cen,shen|mai|zhu,zhou|…``, one field a line.
    """

    text: str
    initials: str
    pinyin: str


def normalise(text: str) -> str:
    """One writing for what means the same: full-width forms narrowed (NFKC), lower case, no apostrophes.

    >>> normalise("ＶＣ　０．２５Ｇ")
    'vc 0.25g'
    """
    return unicodedata.normalize("NFKC", text).replace("。", ".").replace("'", "").casefold()


# Making keys ------------------------------------------------------------------------------------------


@lru_cache(maxsize=8192)
def readings(character: str) -> tuple[str, ...]:
    """All readings of one Chinese character without tones, the usual one first; empty for other characters.

    ``ü`` is written ``v`` and, as people also type it, ``u``.

    >>> readings("参"), readings("氯"), readings("a")
    (('can', 'cen', 'shen'), ('lv', 'lu'), ())
    """
    if _HAN.fullmatch(character) is None:
        return ()
    # Loaded only where keys are made: it would make every process larger and its garbage collection slow.
    import pypinyin  # noqa: PLC0415

    found = pypinyin.pinyin(character, style=pypinyin.Style.NORMAL, heteronym=True, errors="ignore")
    spelled: list[str] = []
    for reading in found[0] if found else ():
        spelled += [reading, reading.replace("v", "u")]
    return tuple(dict.fromkeys(reading for reading in spelled if reading.isascii() and reading.isalpha()))


def _usual_initials(field: str) -> str:
    import pypinyin  # noqa: PLC0415 - see readings().

    letters: list[str] = []
    for run in _HAN_RUNS.findall(field):
        if _HAN.match(run):
            letters += [reading[0] for reading in pypinyin.lazy_pinyin(run, errors="ignore")]
        else:
            letters += [character for character in run if character.isalnum() or character == "."]
    return "".join(letters)


def _spell(field: str) -> str:
    tokens = []
    for character in field:
        spelled = readings(character)
        if spelled:
            tokens.append(",".join(spelled))
        elif character.isalnum() or character == ".":
            tokens.append(character)
    return "".join(f"|{token}" for token in tokens)


def search_keys(*fields: str | None) -> SearchKeys:
    """The keys of a thing from its fields, most telling first; empty fields are left out.

    Words are found within a field, never across two.

    >>> search_keys("维生素B12").pinyin
    '|wei|sheng|su|b|1|2'
    """
    kept = ["".join(normalise(field).split()) for field in fields if field and field.strip()]
    return SearchKeys(
        text="\n".join(kept),
        initials="\n".join(_usual_initials(field) for field in kept),
        pinyin="\n".join(_spell(field) for field in kept),
    )


def item_keys(
    *, generic_name: str, form: str, strength: str, manufacturer: str, approval_no: str = "", others: str = ""
) -> SearchKeys:
    """The keys of a catalogue item: 阿莫西林胶囊0.25g is one field, so that it may be typed in one go.

    >>> keys = item_keys(generic_name="阿莫西林", form="胶囊", strength="0.25g", manufacturer="华北制药")
    >>> [matches(query, keys) for query in ("阿莫西林胶囊", "amxljn", "amxl 0.25", "阿莫xl", "amxl0.5")]
    [True, True, True, True, False]
    """
    return search_keys(f"{generic_name}{form}{strength}", manufacturer, approval_no, others)


# Searching --------------------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _pinyin_pattern(letters: str) -> re.Pattern[str]:
    """Any beginning of each character's reading, one character after the other: smzsy, shenmai, shenmzsy.

    Between two letters of the query the reading either goes on or the next character begins, with any of its
    readings.
    """
    begin = r"(?<![0-9.])[|,]" if letters[0].isdigit() else r"[|,]"
    parts = [begin, re.escape(letters[0])]
    for _before, letter in pairwise(letters):
        parts += [r"(?:[^|\n]*\|(?:[^|\n]*,)?)?", re.escape(letter)]
    return re.compile("".join(parts))


@lru_cache(maxsize=1024)
def _number_pattern(word: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![0-9.]){re.escape(word)}")


class _Word:
    """A word, or a run of one, made ready to be looked for in the keys of many things."""

    def __init__(self, word: str) -> None:
        self._word = word
        self._number = _number_pattern(word) if _STRENGTH.fullmatch(word) else None
        self._pinyin = _pinyin_pattern(word) if _LATIN_WORD.fullmatch(word) else None

    def finds(self, keys: SearchKeys) -> bool:
        if self._word in keys.text and (self._number is None or self._number.search(keys.text) is not None):
            return True
        return self._pinyin is not None and self._pinyin.search(keys.pinyin) is not None


_made_ready = lru_cache(maxsize=4096)(_Word)


@lru_cache(maxsize=1024)
def _words(query: str) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """The words of a query, each with the runs it may be taken apart into."""
    words = [word for word in _SEPARATORS.split(normalise(query)[:_MAX_QUERY]) if word]
    return tuple((word, tuple(_RUNS.findall(word))) for word in words[:_MAX_WORDS])


@lru_cache(maxsize=1024)
def _prepared(query: str) -> tuple[tuple[_Word, tuple[_Word, ...]], ...]:
    return tuple((_made_ready(word), tuple(map(_made_ready, runs))) for word, runs in _words(query))


def matches(query: str, keys: SearchKeys) -> bool:
    """Whether every word of a query is found: as text, or as pinyin of any reading. An empty query finds all.

    >>> matches("", search_keys("阿莫西林"))
    True
    """
    for word, runs in _prepared(query):
        if word.finds(keys):
            continue
        if len(runs) < 2 or not all(run.finds(keys) for run in runs):
            return False
    return True


def rank(query: str, keys: SearchKeys) -> int:
    """How near a match is, 0 the nearest, for things that match: to sort by, before the name.

    0 the name begins with it as text, 1 by its usual initials, 2 the text contains it, 3 the usual initials do,
    4 by another reading or by parts.

    >>> keys = search_keys("参麦注射液")
    >>> [rank(query, keys) for query in ("参麦", "cmzsy", "注射", "zsy", "smzsy")]
    [0, 1, 2, 3, 4]
    """
    words = _words(query)
    if not words:
        return 0
    first = words[0][0]
    if keys.text.startswith(first):
        return 0
    if keys.initials.startswith(first):
        return 1
    if first in keys.text:
        return 2
    return 3 if first in keys.initials else 4


def nearly_matches(query: str, keys: SearchKeys) -> bool:
    """Whether every word is found when one of its characters is taken for a slip: 阿末西林, amxlm.

    Words of one character are left as they are, so that a slip never finds everything.

    >>> keys = search_keys("阿莫西林胶囊")
    >>> [nearly_matches(query, keys) for query in ("阿末西林", "amxlm", "青霉素", "阿")]
    [True, True, False, False]
    """
    words = [word for word, _runs in _words(query)]
    return bool(words) and all(_nearly_finds(word, keys) for word in words)


def _nearly_finds(word: str, keys: SearchKeys) -> bool:
    if _made_ready(word).finds(keys):
        return len(word) > 1
    for place in range(len(word)):
        parts = [part for part in (word[:place], word[place + 1 :]) if part]
        enough = 2 if _HAN.search(word) else 4
        if sum(map(len, parts)) >= enough and all(_made_ready(part).finds(keys) for part in parts):
            return True
    return False
