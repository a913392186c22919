"""`length`: how long a text may be, in characters, words, sentences, paragraphs, lines or tokens."""

import itertools
import re
from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal

from msgspec import Meta, Struct

from steady.rules.prose import lines, paragraphs, runs, sentences, words
from steady.rules.rule import Constraint, Context, Prefix, Range, Rule, Streams, Whole
from steady.rules.tokens import counter
from steady.types import Edit, Finding, Piece, Span

UNITS = ("characters", "words", "sentences", "paragraphs", "lines", "tokens")
_RULED = re.compile(r"^[^\S\n]*([-*_=~#•])(?:[^\S\n]*\1){2,}[^\S\n]*$", re.MULTILINE)  # a line that only divides


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
    def __init__(self, limits: list[_Limit], streams: Streams, divide: "_Divide | None" = None) -> None:
        self._limits, self.streams, self._divide = limits, streams, divide

    def judge(self, piece: Piece, context: Context) -> Finding:
        wrong = [reason for limit in self._limits if (reason := limit.wrong(piece.text))]
        if self._divide is not None and self._divide.empty(piece.text):
            wrong.append(f"nothing between two {self._divide.mark!r}")
        return Finding(passed=not wrong, reason=f"The text has {'; '.join(wrong)}." if wrong else "")

    def fix(self, piece: Piece, context: Context) -> tuple[Edit, ...] | None:
        text = piece.text
        if self._meets(text):
            return ()
        if self._divide is not None and (edits := self._divide.edits(text, self._meets)) is not None:
            return edits
        ends = [span.end for span in sentences(text)]
        fitting = bisect_right(ends, False, key=lambda end: self._too_long(text[:end]))
        for end in reversed(ends[:fitting]):
            if not self._too_long(text[:end]):
                return (Edit(end, len(text), ""),) if self._meets(text[:end]) else None
        return None

    def _meets(self, text: str) -> bool:
        if self._divide is not None and self._divide.empty(text):
            return False
        return not any(limit.wrong(text) for limit in self._limits)

    def _too_long(self, text: str) -> bool:
        return any(limit.high is not None and limit.count(text) > limit.high for limit in self._limits)


class _Divide:
    """What stands between paragraphs, and how other dividers are respelled."""

    def __init__(self, separator: str, bounds: Bounds) -> None:
        self.mark, self._most = separator, bounds.max
        self._between = separator if not separator.strip() else f"\n\n{separator.strip()}\n\n"
        if not separator:
            self._between = "\n\n"

    def empty(self, text: str) -> bool:
        return any(span.start == span.end for span in paragraphs(text, self.mark))

    def edits(self, text: str, meets: Callable[[str], bool]) -> tuple[Edit, ...] | None:
        """Other dividers made this one: divider lines, then blank lines, then line breaks; the first that suffices."""
        for parts in self._cuts(text):
            edits = tuple(
                Edit(before.end, after.start, self._between)
                for before, after in itertools.pairwise(parts)
                if text[before.end : after.start] != self._between
            )
            out, at = [], 0
            for edit in edits:
                out += [text[at : edit.start], edit.text]
                at = edit.end
            if edits and meets("".join([*out, text[at:]])):
                return edits
        return None

    def _cuts(self, text: str) -> Iterator[list[Span]]:
        """The ways in which the text may have been divided; the last ones joined where there are too many."""
        ruled = [Span(*hit.span()) for hit in _RULED.finditer(text)]
        yield _between(text, ruled)
        if not self.mark.strip():
            broken = [Span(at, at + 1) for at, char in enumerate(text) if char == "\n"]
            yield _between(text, broken)
            return
        blank = paragraphs(_RULED.sub(lambda hit: " " * len(hit[0]), text))
        yield blank
        if self._most and len(blank) > self._most and len(paragraphs(text, self.mark)) == 1:
            yield [*blank[: self._most - 1], Span(blank[self._most - 1].start, blank[-1].end)]


def _between(text: str, cuts: list[Span]) -> list[Span]:
    out, start = [], 0
    for first, end in [*cuts, Span(len(text), len(text))]:
        bare = text[start:first].strip()
        if bare:
            low = start + text[start:first].index(bare[0])
            out.append(Span(low, low + len(bare)))
        start = end
    return out


def _count(number: int, unit: str) -> str:
    return f"{number} {unit.removesuffix('s') if number == 1 else unit}"


class Length(Rule, frozen=True, kw_only=True, tag="length"):
    """
    How long the text may be.

    Characters are Unicode code points. Words: runs of letters, marks and digits, joined by apostrophes and hyphens;
    each Han, Hiragana or Katakana character is one. Sentences end at their marks and at line breaks; common
    abbreviations, initials and decimals end none. Paragraphs stand between blank lines, or between `separator`. Lines
    are those that are not blank. Tokens are those of `tokenizer`.

    A fix cuts a text that is too long after the last sentence that fits; where not one fits, or the text is too short,
    there is none. Where paragraphs are counted, it first tries white space and dividers alone: a line of dashes, or a
    blank line, becomes the separator, and paragraphs that are too many become one by it.
    """

    example: ClassVar[Mapping[str, Any]] = {"words": {"max": 120}, "on_fail": "reask"}
    can_fix: ClassVar[bool] = True

    characters: Bounds | None = None
    """Unicode code points, white space included."""
    words: Bounds | None = None
    """Words, in any script."""
    words_by: Literal["joined", "runs"] = "joined"
    """`joined`: apostrophes and hyphens join, `don't` is one word. `runs`: each run of letters, digits and underscores
    is one, `don't` is two, and East Asian text counts by its spaces."""
    sentences: Bounds | None = None
    """Sentences."""
    sentences_by: Literal["lines", "marks"] = "lines"
    """`lines`: a line break ends a sentence, so that each item of a list is one. `marks`: only . ! ? and the like do,
    as the Punkt algorithm has it."""
    paragraphs: Bounds | None = None
    """Paragraphs: what stands between separators. An empty one between two separators is a failure of its own."""
    separator: str = ""
    """What stands between paragraphs, such as `***`; blank lines if not given."""
    lines: Bounds | None = None
    """Lines that are not blank."""
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
            named = ", ".join(f"`{unit}`" for unit in UNITS)
            raise ValueError(f"{named} set no limit: give one of them a `min` or a `max`.")
        if self.separator and self.paragraphs is None:
            raise ValueError("`separator` stands between paragraphs, and `paragraphs` sets no limit: give it one.")
        divide = None if self.paragraphs is None else _Divide(self.separator, self.paragraphs)
        return _Length(limits, self._streams(limits), divide)

    def _bounds(self) -> list[tuple[str, Bounds]]:
        named = ((unit, getattr(self, unit)) for unit in UNITS)
        return [(unit, bounds) for unit, bounds in named if bounds is not None]

    def _count(self, unit: str) -> Callable[[str], int]:
        if unit == "tokens":
            return counter(self.tokenizer)
        counts: dict[str, Callable[[str], int]] = {
            "characters": len,
            "words": words if self.words_by == "joined" else runs,
            "sentences": lambda text: len(sentences(text, self.sentences_by)),
            "paragraphs": lambda text: len(paragraphs(text, self.separator)),
            "lines": lines,
        }
        return counts[unit]

    def _streams(self, limits: list[_Limit]) -> Streams:
        if any(limit.low for limit in limits):
            return Whole("a minimum length is met at the end")
        late = [limit.unit for limit in limits if limit.unit not in ("characters", "words", "lines")]
        if late:
            return Whole(f"{' and '.join(late)} can be counted only in the whole text")
        if self.on_fail in ("fix", "fix_reask"):
            return Whole("its fix takes back text that would have been released")
        return Prefix(0)

    def constraint(self) -> Constraint | None:
        """See Rule. Words and sentences are asked for only as a model counts them, not as `words_by` may."""
        asked: dict[str, Range] = {
            unit: (bounds.min or 0, bounds.max)
            for unit, bounds in self._bounds()
            if unit not in ("lines", "tokens") and (bounds.min or bounds.max is not None)
        }
        tokens = None if self.tokens is None else self.tokens.max
        if not asked and tokens is None:
            return None
        separator = (self.separator or "\n\n") if "paragraphs" in asked else ""
        return Constraint(separator=separator, max_tokens=tokens, **asked)  # type: ignore[arg-type]

    def statement(self) -> str:
        """See Rule."""
        parts = []
        for unit, bounds in self._bounds():
            if bounds.min is not None and bounds.min == bounds.max:
                parts.append(f"exactly {_count(bounds.min, unit)}")
                continue
            parts += [f"at least {_count(bounds.min, unit)}"] if bounds.min else []
            parts += [f"at most {_count(bounds.max, unit)}"] if bounds.max is not None else []
        between = f", with {self.separator!r} between paragraphs" if self.separator.strip() else ""
        return f"The answer must have {' and '.join(parts)}{between}."
