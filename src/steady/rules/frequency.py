"""`letter_frequency` and `keyword_frequency`: how often one letter, or one word or phrase, may occur."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar

import re2
from msgspec import Meta

from steady.rules.length import Bounds
from steady.rules.normal import word_char
from steady.rules.patterns import compile_pattern, encode
from steady.rules.rule import Constraint, Context, Growing, Prefix, Rule, Streams, Whole
from steady.types import Edit, Finding, Piece, Span

_SHOWN = 100  # occurrences that a verdict points at


def _checked(count: Bounds) -> tuple[int, int | None]:
    low, high = count.min or 0, count.max
    if not low and high is None:
        raise ValueError("`count` sets no limit: give it a `min` or a `max`.")
    if high is not None and low > high:
        raise ValueError(f"`count.min` {low} is over `count.max` {high}: no text can satisfy both.")
    return low, high


def _times(low: int, high: int | None) -> str:
    if low and low == high:
        return f"exactly {low} times"
    if high == 0:
        return "not at all"
    said = [f"at least {low}"] if low else []
    said += [f"at most {high}"] if high is not None else []
    return f"{' and '.join(said)} times"


class _Letter:
    def __init__(self, letter: str, low: int, high: int | None, case: bool) -> None:
        self._letter, self._low, self._high, self._case = letter, low, high, case
        self._folded = letter if case else letter.lower().replace("ς", "σ")
        self.streams: Streams = Whole("a minimum is met at the end") if low else Prefix(0)

    def judge(self, piece: Piece, context: Context) -> Finding:
        text = piece.text if self._case else piece.text.lower().replace("ς", "σ")
        count = text.count(self._folded)
        if self._low <= count and (self._high is None or count <= self._high):
            return Finding(passed=True)
        wanted = _times(self._low, self._high)
        return Finding(passed=False, reason=f"{self._letter!r} occurs {count} times; {wanted} is wanted.")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


class LetterFrequency(Rule, frozen=True, kw_only=True, tag="letter_frequency"):
    """How often one letter, or any other character, may occur."""

    example: ClassVar[Mapping[str, Any]] = {"letter": "!", "count": {"max": 1}}

    letter: Annotated[str, Meta(min_length=1, max_length=1)]
    """One character."""
    count: Bounds
    """How often it may occur."""
    case: bool = False
    """Whether case counts."""

    def build(self) -> _Letter:
        """See Rule."""
        return _Letter(self.letter, *_checked(self.count), self.case)

    def constraint(self) -> Constraint | None:
        """See Rule. Where it may stand once, none is asked for: a model can't count it, and can leave it out."""
        low, high = self.count.min or 0, self.count.max
        if high is not None and high <= 1 and not low:
            both = (self.letter.lower(), self.letter.upper())
            alike = self.letter if self.case else "".join(sorted({one for one in both if len(one) == 1}))
            return Constraint(without=alike)
        return Constraint(contains=((self.letter, low),)) if low else None

    def statement(self) -> str:
        """See Rule."""
        low, high = self.count.min or 0, self.count.max
        what = "letter" if self.letter.isalpha() else "character"
        verb = "must not occur" if high == 0 else f"must occur {_times(low, high)}"
        return f"The {what} {self.letter!r} {verb}."


class _Keyword:
    def __init__(self, rule: "KeywordFrequency", low: int, high: int | None) -> None:
        self._keyword, self._low, self._high = rule.keyword, low, high
        self._pattern = compile_pattern(("" if rule.case else "(?i)") + re2.escape(rule.keyword))
        self._whole = rule.whole_words
        self.streams = self._streams()

    def _streams(self) -> Streams:
        if self._high is None:
            return Whole("a minimum is met at the end")
        if self._whole:
            return Growing(late="the least number" if self._low else "a word at the very end")
        return Whole("a minimum is met at the end") if self._low else Prefix(0)

    def places(self, text: str) -> Iterator[Span]:
        """The occurrences in characters, leftmost first, not overlapping."""
        data = encode(text)
        plain = len(data) == len(text)
        at = seen = characters = 0
        while hit := self._pattern.search(data, at):
            first, end = hit.span()
            low = first if plain else characters + len(data[seen:first].decode())
            high = end if plain else low + len(data[first:end].decode())
            seen, characters = first, low
            if self._whole and not (_edge(text, low) and _edge(text, high)):
                at = first + _width(data, first)
                continue
            yield Span(low, high)
            at = end

    def _finding(self, spans: list[Span]) -> Finding:
        count = len(spans)
        if self._low <= count and (self._high is None or count <= self._high):
            return Finding(passed=True)
        wanted = _times(self._low, self._high)
        shown = tuple(spans[:_SHOWN]) if self._high is not None and count > self._high else ()
        return Finding(passed=False, reason=f"{self._keyword!r} occurs {count} times; {wanted} is wanted.", spans=shown)

    def judge(self, piece: Piece, context: Context) -> Finding:
        return self._finding(list(self.places(piece.text)))

    def doomed(self, text: str, context: Context) -> Finding | None:
        """Too many already, but for one that may still become another word."""
        spans = [span for span in self.places(text) if span.end < len(text)]
        return self._finding(spans) if self._high is not None and len(spans) > self._high else None

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        return () if self.judge(piece, context).passed else None


def _width(data: bytes, at: int) -> int:
    """Bytes of the UTF-8 character that begins here."""
    lead = data[at]
    return 1 if lead < 0x80 else 2 if lead < 0xE0 else 3 if lead < 0xF0 else 4


def _edge(text: str, at: int) -> bool:
    """Whether no word goes on across this place."""
    return not (0 < at < len(text) and word_char(text[at - 1]) and word_char(text[at]))


class KeywordFrequency(Rule, frozen=True, kw_only=True, tag="keyword_frequency"):
    """
    How often a word or phrase may occur, counted literally from left to right, without overlap.

    Look-alike letters are other letters here: to keep terms out whatever their spelling there is `excludes`.
    """

    example: ClassVar[Mapping[str, Any]] = {"keyword": "refund", "count": {"min": 1, "max": 3}}

    keyword: Annotated[str, Meta(min_length=1, max_length=1000)]
    """The word or phrase."""
    count: Bounds
    """How often it may occur."""
    whole_words: bool = False
    """Whether only whole words count; if not, `cat` is found in `category`."""
    case: bool = False
    """Whether case counts."""

    def build(self) -> _Keyword:
        """See Rule."""
        if not self.keyword.strip():
            raise ValueError("`keyword` is white space: name a word.")
        return _Keyword(self, *_checked(self.count))

    def constraint(self) -> Constraint | None:
        """See Rule."""
        low, high = self.count.min or 0, self.count.max
        if high == 0 and not self.case:
            return Constraint(avoids=(self.keyword,)) if self.whole_words else Constraint(excludes=(self.keyword,))
        return Constraint(contains=((self.keyword, low),)) if low else None

    def statement(self) -> str:
        """See Rule."""
        low, high = self.count.min or 0, self.count.max
        if high == 0:
            return f"Do not use {self.keyword!r}."
        return f"The answer must use {self.keyword!r} {_times(low, high)}."
