"""
How alike two texts are, in billionths, so that every comparison is one of whole numbers.

Three measures: `words` is the Dice overlap of word multisets (exact), `characters` is chrF (Popović 2015; both
directions averaged and rounded to a billionth), `ratio` is the Indel edit similarity (exact). Texts of more than
`LONGEST` characters are compared whole: equal or not at all alike, which bounds the work and never merges too much.
"""

import re
import unicodedata
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal

UNIT = 10**9  # full similarity
LONGEST = 16_384  # characters

Measure = Literal["words", "characters", "ratio"]
Matrix = list[list[int]]

# A character of a script that writes without spaces is a word of its own; else Dice would compare whole sentences.
_SINGLE = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
WORD = re.compile(rf"[{_SINGLE}]|[^\W{_SINGLE}]+(?:'[^\W{_SINGLE}]+)*")
_SURROGATE = re.compile(r"[\ud800-\udfff]")


def canonical_text(text: str) -> str:
    """Return the text in NFC with each run of whitespace as one space and none at the ends."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def folded(text: str) -> str:
    """Return the text for comparing words: NFKC, without case, one kind of apostrophe."""
    return unicodedata.normalize("NFKC", text).casefold().replace("’", "'")


def words(text: str) -> list[str]:
    """Return the words of a text, folded, apostrophes kept inside words only."""
    return WORD.findall(folded(text))


def fraction(parts: int) -> Fraction:
    """Return billionths as a Fraction."""
    return Fraction(parts, UNIT)


def billionths(share: Fraction) -> int:
    """Return a share in billionths, rounded down."""
    return share.numerator * UNIT // share.denominator


def multiset(items: Sequence[str]) -> frozenset[tuple[str, int]]:
    """Return (item, how often it came before): the overlap of two multisets is then the size of an intersection."""
    seen: dict[str, int] = {}
    out = []
    for item in items:
        seen[item] = seen.get(item, -1) + 1
        out.append((item, seen[item]))
    return frozenset(out)


def dice(one: frozenset[tuple[str, int]], other: frozenset[tuple[str, int]]) -> int:
    """Return the Dice overlap of two multisets in billionths, rounded down; 0 if both are empty."""
    total = len(one) + len(other)
    return 2 * len(one & other) * UNIT // total if total else 0


def matrix(texts: Sequence[str], measure: Measure) -> Matrix:
    """
    Return how alike each pair of texts is, in billionths; symmetric, `UNIT` for equal texts.

    Args:
        texts: Canonical texts; lone surrogates are allowed.
        measure: `words`, `characters` or `ratio`.
    """
    rows = [[UNIT if one == other else 0 for other in texts] for one in texts]
    short = [index for index, text in enumerate(texts) if len(text) <= LONGEST]
    score = {"words": _words, "characters": _characters, "ratio": _ratio}[measure]([texts[index] for index in short])
    for a, row in zip(short, score, strict=True):
        for b, value in zip(short, row, strict=True):
            if texts[a] != texts[b]:
                rows[a][b] = value
    return rows


def _words(texts: Sequence[str]) -> Matrix:
    # Words become numbers, since sets of small integers intersect several times as fast as sets of pairs.
    numbers: dict[tuple[str, int], int] = {}
    bags = [frozenset(numbers.setdefault(word, len(numbers)) for word in multiset(words(text))) for text in texts]
    rows = [[0] * len(bags) for _ in bags]
    for a, one in enumerate(bags):
        for b in range(a):
            total = len(one) + len(bags[b])
            rows[a][b] = rows[b][a] = 2 * len(one & bags[b]) * UNIT // total if total else 0
    return rows


def _characters(texts: Sequence[str]) -> Matrix:
    from fastchrf import pairwise_chrf

    if not texts:
        return []
    clean = [_SURROGATE.sub("\ufffd", text) for text in texts]
    percent: list[list[float]] = pairwise_chrf([clean], [clean])[0]
    # chrF has a direction (recall weighs more): the mean of both is symmetric, and IEEE addition commutes.
    return [
        [min(UNIT, round((percent[a][b] + percent[b][a]) * (UNIT // 200))) for b in range(len(texts))]
        for a in range(len(texts))
    ]


def _ratio(texts: Sequence[str]) -> Matrix:
    from rapidfuzz.distance import Indel

    rows = [[0] * len(texts) for _ in texts]
    for a, one in enumerate(texts):
        for b in range(a):
            total = len(one) + len(texts[b])
            parts = (total - Indel.distance(one, texts[b])) * UNIT // total if total else 0
            rows[a][b] = rows[b][a] = parts
    return rows
