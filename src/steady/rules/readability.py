"""`reading_level` and `reading_time`: how hard an English text is to read, and how long that takes."""

import re
from collections.abc import Mapping
from fractions import Fraction
from typing import Annotated, Any, ClassVar

from msgspec import Meta, Struct

from steady.rules.length import Bounds
from steady.rules.prose import sentences, words
from steady.rules.rule import Constraint, Context, Cost, Prefix, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece

_WORD = re.compile(r"[A-Za-zÀ-ÖØ-öø-ÿ]+(?:['’][A-Za-z]+)?")
_VOWELS = re.compile(r"[aeiouyàáâäãåæèéêëìíîïòóôöõøùúûüýÿ]+")
_SILENT = re.compile(r"(?:[^laeiouy]|[aeiouy]l)e(?:s|d)?$")  # "made", "rules"; not "table", "added", "boxes"
_SOUNDED = re.compile(r"(?:[td]ed|(?:[sxz]|ch|sh|ce|ge)es)$")
_APART = re.compile(r"i[ao]|[iu]o(?!u)|ua|yi")  # two vowels that are spoken apart: "media", "radio"
_TOGETHER = re.compile(r"[cgstx]i[ao]|io?us|quo|qua|gua")


class Grade(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """From `min` to `max`, both included, in grades of school in the United States; either may be left out."""

    min: Annotated[float, Meta(ge=-5, le=100)] | None = None
    max: Annotated[float, Meta(ge=-5, le=100)] | None = None


def syllables(word: str) -> int:
    """
    Return how many syllables an English word has, by its spelling, at least 1.

    Groups of vowels, less a silent e at the end, and more where two vowels are spoken apart. By rule, not by
    dictionary: right for most words, and the same everywhere.
    """
    bare = word.lower().split("'")[0].split("’")[0]
    count = sum(1 for _ in _VOWELS.finditer(bare))
    if _SILENT.search(bare) and not _SOUNDED.search(bare):
        count -= 1
    count += sum(1 for _ in _APART.finditer(bare)) - sum(1 for _ in _TOGETHER.finditer(bare))
    return max(1, count)


def grade(text: str) -> Fraction | None:
    """
    Return the Flesch-Kincaid grade of an English text, or None if it has no word.

    0.39 words a sentence + 11.8 syllables a word - 15.59 (Kincaid, Fishburne, Rogers, Chissom 1975, "Derivation of new
    readability formulas for Navy enlisted personnel", Research Branch Report 8-75).
    """
    found = _WORD.findall(text)
    if not found:
        return None
    spoken = sum(syllables(word) for word in found)
    told = max(1, len(sentences(text)))
    return Fraction(39 * len(found), 100 * told) + Fraction(118 * spoken, 10 * len(found)) - Fraction(1559, 100)


class _Level:
    streams: Streams = Whole("how hard a text is to read is an average over all of it")

    def __init__(self, bounds: Grade) -> None:
        self._low = None if bounds.min is None else Fraction(str(bounds.min))
        self._high = None if bounds.max is None else Fraction(str(bounds.max))
        self._bounds = bounds

    def judge(self, piece: Piece, context: Context) -> Finding:
        level = grade(piece.text)
        if level is None:
            return Finding(passed=False, reason="The text has no word, so no reading level.")
        shown = f"{round(level * 10) / 10:.1f}"
        if self._high is not None and level > self._high:
            return Finding(
                passed=False, reason=f"The reading level is grade {shown}, at most {self._bounds.max:g} allowed."
            )
        if self._low is not None and level < self._low:
            return Finding(
                passed=False, reason=f"The reading level is grade {shown}, at least {self._bounds.min:g} needed."
            )
        return Finding(passed=True)

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


class ReadingLevel(Rule, frozen=True, kw_only=True, tag="reading_level"):
    """
    How hard an English text may be to read, by the Flesch-Kincaid grade.

    0.39 words a sentence + 11.8 syllables a word - 15.59 (Kincaid and others 1975): 8 is plain English, 12 and more is
    hard. Syllables are counted by spelling. Meant for English; for other languages the figure means nothing.
    """

    example: ClassVar[Mapping[str, Any]] = {"grade": {"max": 8}, "on_fail": "reask"}
    cost: ClassVar[Cost] = "medium"

    grade: Grade
    """Grades of school in the United States, from `min` to `max`."""

    def build(self) -> _Level:
        """See Rule."""
        low, high = self.grade.min, self.grade.max
        if low is None and high is None:
            raise ValueError("`grade` sets no limit: give it a `min` or a `max`.")
        if low is not None and high is not None and low > high:
            raise ValueError(f"`grade.min` {low:g} is over `grade.max` {high:g}: no text can satisfy both.")
        return _Level(self.grade)

    def statement(self) -> str:
        """See Rule."""
        said = [f"at least {self.grade.min:g}"] if self.grade.min is not None else []
        said += [f"at most {self.grade.max:g}"] if self.grade.max is not None else []
        return f"Write English of a reading level of {' and '.join(said)} (Flesch-Kincaid grade)."


class _Time:
    def __init__(self, rule: "ReadingTime", streams: Streams) -> None:
        self._pace, self._low, self._high, self.streams = (
            rule.words_per_minute,
            rule.seconds.min,
            rule.seconds.max,
            streams,
        )

    def _wrong(self, text: str) -> str:
        count = words(text)
        if self._high is not None and count * 60 > self._high * self._pace:
            return f"at most {self._high} seconds allowed"
        return f"at least {self._low} seconds needed" if self._low and count * 60 < self._low * self._pace else ""

    def judge(self, piece: Piece, context: Context) -> Finding:
        wrong = self._wrong(piece.text)
        if not wrong:
            return Finding(passed=True)
        taken = -(-words(piece.text) * 60 // self._pace)
        return Finding(passed=False, reason=f"The text takes {taken} seconds to read, {wrong}.")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        """Cut after the last sentence that fits."""
        text = piece.text
        if not self._wrong(text):
            return ()
        ends = [span.end for span in sentences(text)]
        low, high = 0, len(ends)
        while low < high:  # ends[:low] fit
            middle = (low + high) // 2
            if self._high is not None and words(text[: ends[middle]]) * 60 > self._high * self._pace:
                high = middle
            else:
                low = middle + 1
        fits = low > 0 and not self._wrong(text[: ends[low - 1]])
        return (Edit(ends[low - 1], len(text), ""),) if fits else None


class ReadingTime(Rule, frozen=True, kw_only=True, tag="reading_time"):
    """
    How long the text may take to read: its words, as `length` counts them, at a pace.

    A fix cuts a text that takes too long after the last sentence that fits; where not one fits there is none.
    """

    example: ClassVar[Mapping[str, Any]] = {"seconds": {"max": 60}}
    can_fix: ClassVar[bool] = True

    seconds: Bounds
    """Seconds, from `min` to `max`."""
    words_per_minute: Annotated[int, Meta(ge=1, le=2000)] = 238
    """The pace; 238 is silent reading of English non-fiction (Brysbaert 2019, Journal of Memory and Language 109)."""

    def build(self) -> _Time:
        """See Rule."""
        low, high = self.seconds.min, self.seconds.max
        if not low and high is None:
            raise ValueError("`seconds` sets no limit: give it a `min` or a `max`.")
        if low is not None and high is not None and low > high:
            raise ValueError(f"`seconds.min` {low} is over `seconds.max` {high}: no text can satisfy both.")
        if low:
            return _Time(self, Whole("a minimum is met at the end"))
        cuts = self.on_fail in ("fix", "fix_reask")
        return _Time(self, Whole("its fix takes back text that would have been released") if cuts else Prefix(0))

    def constraint(self) -> Constraint | None:
        """See Rule."""
        low = -(-(self.seconds.min or 0) * self.words_per_minute // 60)
        high = None if self.seconds.max is None else self.seconds.max * self.words_per_minute // 60
        return Constraint(words=(low, high))

    def statement(self) -> str:
        """See Rule."""
        said = [f"at least {self.seconds.min}"] if self.seconds.min else []
        said += [f"at most {self.seconds.max}"] if self.seconds.max is not None else []
        most = (
            "" if self.seconds.max is None else f": no more than {self.seconds.max * self.words_per_minute // 60} words"
        )
        return f"The answer must take {' and '.join(said)} seconds to read{most}."
