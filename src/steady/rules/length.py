"""`length`: how long a text may be, in characters, words, sentences or tokens; and what these are."""

import re
from bisect import bisect_right
from collections.abc import Callable, Mapping
from typing import Annotated, Any, ClassVar

import re2
from msgspec import Meta, Struct

from steady.rules.patterns import encode
from steady.rules.rule import Context, Prefix, Rule, Streams, Whole
from steady.rules.tokens import counter
from steady.types import Edit, Finding, Piece, Span

_UNIT = r"(?:\p{Nd}+(?:[.,]\p{Nd}+)+[\p{L}\p{M}\p{N}_]*|[\p{L}\p{M}\p{N}_]+)"
_WORD = re2.compile(rf"{_UNIT}(?:['’\-‐‑]{_UNIT})*")
_EAST_ASIAN = re.compile("([\u3041-\u3096\u30a1-\u30fa\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff])")

_END = re.compile(
    "(?<![.!?…‽؟۔।॥።])[.!?…‽؟۔।॥።]++[\"'”’»)\\]*_]*+(?=\\s|$)"  # before white space, closing marks between
    "|[。！？｡]++[\"'”’」』）]*+"  # needs no white space
    "|[\\r\\n]+"
)
_WORD_BEFORE = re.compile(r"[^\s(\[\"'“‘«]{1,20}$")
_ABBREVIATIONS = (
    "dr mr mrs ms prof sr jr st mt ft gen col lt sgt capt rev hon messrs mme mlle hr fr vs cf al approx dept est inc "
    "ltd e.g i.e z.b d.h u.a bzw ca vgl p.ex"
)
_TITLES = frozenset(_ABBREVIATIONS.split())
_BEFORE_NUMBER = ("no", "nr", "nos", "fig", "figs", "p", "pp", "vol", "art", "sec", "ch", "eq", "tab", "op", "num")


def words(text: str) -> int:
    """
    Return how many words a text has.

    A word is a run of letters, marks, digits and underscores of any script; an apostrophe or hyphen between two runs
    joins them, as do a point or comma between digits (`don't`, `well-known`, `1,000.5` are one each). Each Han,
    Hiragana or Katakana character is a word. Scripts written without spaces otherwise (Thai, Lao, Khmer) count by their
    spaces.
    """
    return len(_WORD.findall(encode(_EAST_ASIAN.sub(r" \1 ", text))))


def sentences(text: str) -> list[Span]:
    """
    Return the sentences of a text, without the white space around them.

    A sentence ends at . ! ? … or another script's mark, with the closing quotes and brackets after it, before white
    space (East Asian marks need none), and at every line break. A point ends none after a title or abbreviation (`Dr.`,
    `e.g.`), after a single capital letter, after a number that begins a line (a list), nor after `No.`, `Fig.` and the
    like before a digit; dotted abbreviations (`U.S.`, `a.m.`) end one only before a line break. What holds no letter
    or digit is no sentence.
    """
    out: list[Span] = []
    start = 0
    for end in [*(found.end() for found in _END.finditer(text) if _ends(text, found.start(), found.end())), len(text)]:
        part = text[start:end]
        bare = part.strip()
        if any(char.isalnum() for char in bare):
            first = start + part.index(bare[0])
            out.append(Span(first, first + len(bare)))
            start = end
        elif "\n" in part or "\r" in part:
            start = end
    return out


def _ends(text: str, at: int, end: int) -> bool:
    if text[at] != "." or text[at + 1 : at + 2] in (".", "!", "?"):
        return True
    before = _WORD_BEFORE.search(text, max(0, at - 20), at)
    word = before[0] if before else ""
    after = text[end : end + 2].strip(" ")[:1]
    if after in ("", "\n", "\r"):
        return True
    if word.casefold() in _TITLES or (word.casefold() in _BEFORE_NUMBER and after.isdigit()):
        return False
    if before and word.isdigit() and len(word) < 4 and text[: before.start()].rstrip(" \t")[-1:] in ("", "\n", "\r"):
        return False
    return not ((len(word) == 1 and word.isupper()) or re.fullmatch(r"(?:\w\.)+\w", word))


class Bounds(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """From `min` to `max`, both included; either may be left out."""

    min: Annotated[int, Meta(ge=0)] | None = None
    max: Annotated[int, Meta(ge=0)] | None = None


class _Limit:
    def __init__(self, unit: str, bounds: Bounds, count: Callable[[str], int]) -> None:
        self.unit, self.low, self.high, self.count = unit, bounds.min or 0, bounds.max, count

    def wrong(self, text: str) -> str:
        """What is wrong with the text's length in this unit, or nothing."""
        if self.high is None and self.low == 0:
            return ""
        n = self.count(text)
        if self.high is not None and n > self.high:
            return f"{n} {self.unit}, at most {self.high} allowed"
        return f"{n} {self.unit}, at least {self.low} needed" if n < self.low else ""


class _Length:
    def __init__(self, limits: list[_Limit], streams: Streams) -> None:
        self._limits, self.streams = limits, streams

    def judge(self, piece: Piece, context: Context) -> Finding:
        wrong = [reason for limit in self._limits if (reason := limit.wrong(piece.text))]
        return Finding(passed=not wrong, reason=f"The text has {'; '.join(wrong)}." if wrong else "")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        text = piece.text
        if self._meets(text):
            return ()
        ends = [span.end for span in sentences(text)]
        fitting = bisect_right(ends, False, key=lambda end: self._too_long(text[:end]))
        for end in reversed(ends[:fitting]):
            if not self._too_long(text[:end]):
                return (Edit(end, len(text), ""),) if self._meets(text[:end]) else None
        return None

    def _meets(self, text: str) -> bool:
        return not any(limit.wrong(text) for limit in self._limits)

    def _too_long(self, text: str) -> bool:
        return any(limit.high is not None and limit.count(text) > limit.high for limit in self._limits)


class Length(Rule, frozen=True, kw_only=True, tag="length"):
    """
    How long the text may be.

    Characters are Unicode code points. Words: runs of letters, marks and digits, joined by apostrophes and hyphens;
    each Han, Hiragana or Katakana character is one. Sentences end at their marks and at line breaks; common
    abbreviations, initials and decimals end none. Tokens are those of `tokenizer`.

    A fix cuts a text that is too long after the last sentence that fits; where not one fits, or the text is too short,
    there is none.
    """

    example: ClassVar[Mapping[str, Any]] = {"words": {"max": 120}, "on_fail": "reask"}
    can_fix: ClassVar[bool] = True

    characters: Bounds | None = None
    """Unicode code points, white space included."""
    words: Bounds | None = None
    """Words, in any script."""
    sentences: Bounds | None = None
    """Sentences; a line is at least one."""
    tokens: Bounds | None = None
    """Tokens of `tokenizer`."""
    tokenizer: str = "cl100k_base"
    """Whose tokens: `cl100k_base` (GPT-4) or `o200k_base` (GPT-4o)."""

    def build(self) -> _Length:
        """See Rule."""
        limits = []
        for unit, bounds in self._bounds():
            if bounds.min is not None and bounds.max is not None and bounds.min > bounds.max:
                raise ValueError(
                    f"`{unit}.min` {bounds.min} is over `{unit}.max` {bounds.max}: no text can satisfy both."
                )
            limits.append(_Limit(unit, bounds, self._count(unit)))
        if not any(limit.low or limit.high is not None for limit in limits):
            raise ValueError("`characters`, `words`, `sentences` and `tokens` set no limit: give a `min` or a `max`.")
        return _Length(limits, self._streams(limits))

    def _bounds(self) -> list[tuple[str, Bounds]]:
        named = (
            ("characters", self.characters),
            ("words", self.words),
            ("sentences", self.sentences),
            ("tokens", self.tokens),
        )
        return [(unit, bounds) for unit, bounds in named if bounds is not None]

    def _count(self, unit: str) -> Callable[[str], int]:
        if unit == "tokens":
            return counter(self.tokenizer)
        return {"characters": len, "words": words, "sentences": lambda text: len(sentences(text))}[unit]

    def _streams(self, limits: list[_Limit]) -> Streams:
        if any(limit.low for limit in limits):
            return Whole("a minimum length is met at the end")
        if not {limit.unit for limit in limits} <= {"characters", "words"}:
            return Whole("sentences and tokens can be counted only in the whole text")
        if self.on_fail in ("fix", "fix_reask"):
            return Whole("its fix takes back text that would have been released")
        return Prefix(0)

    def statement(self) -> str:
        """See Rule."""
        parts = []
        for unit, bounds in self._bounds():
            parts += [f"at least {bounds.min} {unit}"] if bounds.min else []
            parts += [f"at most {bounds.max} {unit}"] if bounds.max is not None else []
        return f"The answer must have {' and '.join(parts)}."
